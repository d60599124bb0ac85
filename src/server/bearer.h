#pragma once

#include <string_view>

namespace moestress::server {

/// Whether an Authorization header carries the key: "Bearer <key>", the scheme in any case. Takes as long for
/// a wrong key as for the right one of the same length, whichever byte is wrong.
bool bearer_matches(std::string_view authorization, std::string_view key);

}  // namespace moestress::server
