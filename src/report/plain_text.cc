#include "report/plain_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "base/text.h"

namespace moestress::report {
namespace {

struct CodePoint {
  char32_t value;
  std::size_t bytes;
};

/// The first character of valid, non-empty UTF-8.
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  const char32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

struct Range {
  char32_t first, last;
};

template <std::size_t N>
bool in_ranges(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](Range r) { return c >= r.first && c <= r.last; });
}

// Characters that reorder or hide what stands around them.
constexpr std::array<Range, 8> kTreacherous{{{0x00AD, 0x00AD},
                                             {0x061C, 0x061C},
                                             {0x180E, 0x180E},
                                             {0x200B, 0x200F},
                                             {0x2028, 0x202E},
                                             {0x2060, 0x206F},
                                             {0xFEFF, 0xFEFF},
                                             {0xE0000, 0xE007F}}};

// The combining marks of the scripts that model output is likely to hold; all of them would need Unicode's
// tables.
constexpr std::array<Range, 19> kZeroWidth{{{0x0300, 0x036F},
                                            {0x0483, 0x0489},
                                            {0x0591, 0x05BD},
                                            {0x0610, 0x061A},
                                            {0x064B, 0x065F},
                                            {0x06D6, 0x06DC},
                                            {0x0900, 0x0902},
                                            {0x093C, 0x093C},
                                            {0x0941, 0x0948},
                                            {0x094D, 0x094D},
                                            {0x0E31, 0x0E31},
                                            {0x0E34, 0x0E3A},
                                            {0x0E47, 0x0E4E},
                                            {0x1AB0, 0x1AFF},
                                            {0x1DC0, 0x1DFF},
                                            {0x200B, 0x200F},
                                            {0x20D0, 0x20FF},
                                            {0xFE00, 0xFE0F},
                                            {0xFE20, 0xFE2F}}};

// East Asian Width W and F (Unicode Standard Annex 11), in whole blocks, with the emoji blocks.
constexpr std::array<Range, 13> kWide{{{0x1100, 0x115F},
                                       {0x231A, 0x231B},
                                       {0x23E9, 0x23EC},
                                       {0x2705, 0x2705},
                                       {0x2753, 0x2757},
                                       {0x2E80, 0x303E},
                                       {0x3041, 0xA4CF},
                                       {0xAC00, 0xD7A3},
                                       {0xF900, 0xFAFF},
                                       {0xFE30, 0xFE6F},
                                       {0xFF00, 0xFF60},
                                       {0x1F300, 0x1FAFF},
                                       {0x20000, 0x3FFFD}}};

int code_point_width(char32_t c) {
  if (c == 0 || in_ranges(kZeroWidth, c)) return 0;
  return in_ranges(kWide, c) ? 2 : 1;
}

/// The longest prefix of `text` that takes at most `columns`.
std::string_view prefix_of_width(std::string_view text, int columns) {
  std::size_t bytes = 0;
  int width = 0;
  while (bytes < text.size()) {
    const CodePoint c = first_code_point(text.substr(bytes));
    width += code_point_width(c.value);
    if (width > columns) break;
    bytes += c.bytes;
  }
  return text.substr(0, bytes);
}

}  // namespace

std::string visible_text(std::string_view text, std::size_t max_bytes) {
  const std::string safe = base::printable(text, max_bytes);
  std::string out;
  std::string_view rest = safe;
  while (!rest.empty()) {
    const CodePoint c = first_code_point(rest);
    if (in_ranges(kTreacherous, c.value)) {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(c.value));
    } else {
      out += rest.substr(0, c.bytes);
    }
    rest.remove_prefix(c.bytes);
  }
  return out;
}

std::string plain_line(std::string_view text, std::size_t max_bytes) {
  std::string out = visible_text(text, max_bytes);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return out;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const CodePoint c = first_code_point(text);
    width += code_point_width(c.value);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string fit(std::string_view text, int columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns <= 0) return "";
  return std::string(prefix_of_width(text, columns - 1)) + "…";
}

std::string padded(std::string_view text, int columns) {
  std::string out = fit(text, columns);
  const int missing = columns - display_width(out);
  if (missing > 0) out.append(static_cast<std::size_t>(missing), ' ');
  return out;
}

std::vector<std::string> wrapped(std::string_view text, int columns) {
  columns = std::max(columns, 2);  // a wide character must fit, or no line would ever take it
  std::vector<std::string> lines;
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) lines.push_back(line);
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    std::string_view word = text.substr(0, space);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (word.empty()) continue;
    if (!line.empty() && display_width(line) + 1 + display_width(word) > columns) flush();
    while (display_width(word) > columns) {
      const std::string_view part = prefix_of_width(word, columns);
      lines.emplace_back(part);
      word.remove_prefix(part.size());
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  flush();
  return lines;
}

std::string human_figure(double value, std::string_view unit) {
  if (!std::isfinite(value)) return "not finite";
  // "bytes/h", "bytes/token²": the rate keeps its denominator.
  if (unit.starts_with("bytes")) return base::human_bytes(value) + std::string(unit.substr(5));
  if (unit == "s") return base::human_seconds(value);
  const double magnitude = std::abs(value);
  std::string number;
  if (value == std::floor(value) && magnitude < 1e6) {
    number = fmt::format("{:.0f}", value);
  } else if (magnitude >= 1e6 || magnitude < 1e-3) {
    number = fmt::format("{:.3g}", value);
  } else {
    number = fmt::format("{:.4g}", value);
  }
  if (unit.empty()) return number;
  return fmt::format("{} {}", number, unit);
}

std::string human_figure(std::optional<double> value, std::string_view unit) {
  return value ? human_figure(*value, unit) : "–";
}

const char* verdict_symbol(record::Verdict verdict) {
  switch (verdict) {
    case record::Verdict::Pass:
      return "✓";
    case record::Verdict::Fail:
      return "✗";
    case record::Verdict::Inconclusive:
      return "?";
    case record::Verdict::Invalid:
      return "!";
    case record::Verdict::Skipped:
      return "–";
  }
  return "?";
}

}  // namespace moestress::report
