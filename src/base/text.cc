#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace moestress::base {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

struct Decoded {
  std::size_t length;  ///< bytes consumed; at least 1
  bool valid;
  bool incomplete;  ///< the text ended inside a character that may still become valid
};

/// One character at the front of `text`, after table 3-7 of the Unicode standard.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, true, false};
  std::size_t length;
  unsigned char low = 0x80, high = 0xBF;  // the range of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false, false};
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {i, false, true};
    const bool ok = i == 1 ? (byte(i) >= low && byte(i) <= high) : (byte(i) >= 0x80 && byte(i) <= 0xBF);
    if (!ok) return {i, false, false};
  }
  return {length, true, false};
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (!d.valid) return false;
    text.remove_prefix(d.length);
  }
  return true;
}

std::size_t complete_utf8_prefix(std::string_view text) {
  std::size_t offset = 0;
  // A character is at most four bytes: only the tail can be incomplete.
  if (text.size() > 3) offset = text.size() - 3;
  while (offset < text.size() && offset > 0 && (static_cast<unsigned char>(text[offset]) & 0xC0) == 0x80)
    ++offset;
  while (offset < text.size()) {
    const Decoded d = decode(text.substr(offset));
    if (d.incomplete) return offset;
    offset += d.length;
  }
  return text.size();
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded d = decode(text);
    out += d.valid ? text.substr(0, d.length) : kReplacement;
    text.remove_prefix(d.length);
  }
  return out;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  bool cut = false;
  while (!text.empty()) {
    const Decoded d = decode(text);
    const auto c = static_cast<unsigned char>(text[0]);
    std::string piece;
    if (!d.valid) {
      piece = kReplacement;
    } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) {
      piece = fmt::format("\\x{:02x}", c);
    } else if (d.length == 2 && c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0) {
      piece = fmt::format("\\x{:02x}", static_cast<unsigned char>(text[1]));  // C1 controls
    } else {
      piece = text.substr(0, d.length);
    }
    if (out.size() + piece.size() > max_bytes) {
      cut = true;
      break;
    }
    out += piece;
    text.remove_prefix(d.length);
  }
  if (cut) out += "…";
  return out;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const auto& candidate : names) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), 0);
    for (std::size_t i = 1; i <= name.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= candidate.size(); ++j) {
        const std::size_t substituted = diagonal + (name[i - 1] == candidate[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best;
}

std::string human_bytes(double bytes) {
  static constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};
  double value = std::abs(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return fmt::format("{}{:.{}f} {}", bytes < 0 ? "-" : "", value, decimals, units[unit]);
}

std::string human_seconds(double seconds) {
  if (seconds < 0) return "-" + human_seconds(-seconds);
  if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 99.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace moestress::base
