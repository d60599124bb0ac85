#pragma once

#include <string_view>

namespace moestress::report {

// The page's script and style, bundled from web/ at build time (web/build.mjs writes the definitions).
std::string_view report_script();
std::string_view report_style();
// Their SHA-256 in base64, for the content security policy: the page runs this script and no other.
std::string_view report_script_sha256();
std::string_view report_style_sha256();

}  // namespace moestress::report
