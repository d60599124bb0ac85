#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moestress::base {

/// Untrusted text made safe for a terminal, a log or a report: control characters (but \n and \t) escaped as
/// \xNN, invalid UTF-8 replaced by U+FFFD, cut to `max_bytes` at a character boundary with "…" where cut.
std::string printable(std::string_view text, std::size_t max_bytes = 400);

/// Whether `text` is well-formed UTF-8 (no overlong forms, no surrogates, nothing past U+10FFFF).
bool is_valid_utf8(std::string_view text);

/// The length of the longest prefix of `text` that does not end inside a character. An incomplete tail may be
/// completed by what follows; an invalid byte can't and counts as whole.
std::size_t complete_utf8_prefix(std::string_view text);

/// `text` with each maximal ill-formed part replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view text);

/// The nearest of `names` to `name` (edit distance, at most a third of its length), or empty: "did you mean".
std::string nearest_name(std::string_view name, const std::vector<std::string>& names);

/// "1.5 GB", powers of ten, three significant digits.
std::string human_bytes(double bytes);
/// "850 ms", "12.4 s", "3 min 20 s", "8 h 05 min".
std::string human_seconds(double seconds);

}  // namespace moestress::base
