#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moestress::probe {

/// A small text file of /proc or /sys, at most 1 MiB of it; absent if it can't be read.
std::optional<std::string> read_text_file(const std::string& path);

/// The first whole number in `text`, after blanks; absent if there is none or it does not fit.
std::optional<std::int64_t> parse_int(std::string_view text);

/// What follows `key` at the beginning of a line: "MemTotal:" gives "  24683656 kB". Absent if no line begins
/// so.
std::optional<std::string_view> value_after(std::string_view text, std::string_view key);

/// A value of the form "MemTotal:  24683656 kB", in bytes.
std::optional<std::int64_t> kilobytes_after(std::string_view text, std::string_view key);

/// `text` without blanks and line ends around it.
std::string_view trimmed(std::string_view text);

std::vector<std::string_view> split_lines(std::string_view text);

/// The numbers that directories named `prefix` and a number have in `folder`, ascending: "cpu" gives 0, 1, …
std::vector<int> numbered_entries(const std::string& folder, std::string_view prefix);

}  // namespace moestress::probe
