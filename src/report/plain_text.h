#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/result.h"

namespace moestress::report {

/// Untrusted text with everything visible: base::printable, and the characters that turn or hide text
/// (bidirectional controls, zero-width ones, U+2028/9, byte order mark) spelled out as \u202e. Line breaks
/// and tabs stay.
std::string visible_text(std::string_view text, std::size_t max_bytes);
/// The same as one line: line breaks and tabs become spaces.
std::string plain_line(std::string_view text, std::size_t max_bytes = 400);

/// The columns that valid UTF-8 takes in a terminal: 0 for combining marks, 2 for East Asian wide and emoji.
int display_width(std::string_view text);

/// `text` cut to `columns`, its last one "…" where something was cut off.
std::string fit(std::string_view text, int columns);
/// `text` followed by spaces up to `columns`; cut where it is wider.
std::string padded(std::string_view text, int columns);
/// `text` broken at spaces into lines of at most `columns`; a longer word is broken where it must be.
std::vector<std::string> wrapped(std::string_view text, int columns);

/// A figure as people read it: "4.31 GB" for bytes, "3 min 20 s" for seconds, else up to four significant
/// digits with its unit ("12.4 tok/s"); "not finite" for NaN and infinities.
std::string human_figure(double value, std::string_view unit);
/// The same of something that may not have been measured: "–".
std::string human_figure(std::optional<double> value, std::string_view unit);

/// "✓", "✗", "?", "!" or "–": verdicts are told apart without colour.
const char* verdict_symbol(record::Verdict verdict);

}  // namespace moestress::report
