#include "workload/entries.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace moestress::workload {
namespace {

using base::ErrorCode;

constexpr std::size_t kFileBytesMax = 1u << 20;
constexpr std::size_t kPromptBytesMax = 32u << 10;
constexpr std::string_view kMark = "== ";

bool is_id(std::string_view id) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), fits);
}

/// Splits a file into entries, line by line.
class Splitter {
 public:
  explicit Splitter(const std::string& source) : source_(source) {}

  base::Status add_line(std::string_view line) {
    ++line_number_;
    if (line.substr(0, kMark.size()) == kMark) {
      MOESTRESS_TRY_STATUS(close());
      return open(trimmed(line.substr(kMark.size())));
    }
    if (id_.empty()) {
      if (!trimmed(line).empty() && line.front() != '#')
        return wrong(line_number_, "text before the first \"== id\" line; comments begin with #");
      return {};
    }
    text_ += line;
    text_ += '\n';
    return {};
  }

  base::Result<std::vector<Entry>> finish() {
    MOESTRESS_TRY_STATUS(close());
    return std::move(entries_);
  }

 private:
  tl::unexpected<base::Error> wrong(int line, const std::string& what) const {
    return base::fail(ErrorCode::Format, "{}:{}: {}", source_, line, what);
  }

  base::Status open(std::string_view id) {
    if (!is_id(id))
      return wrong(line_number_,
                   fmt::format("\"{}\" is no id: up to 64 lower-case letters, digits and hyphens",
                               base::printable(id, 80)));
    if (!ids_.emplace(id).second) return wrong(line_number_, fmt::format("the id \"{}\" is there twice", id));
    id_ = id;
    id_line_ = line_number_;
    return {};
  }

  base::Status close() {
    if (id_.empty()) return {};
    const std::string_view text = trimmed(text_);
    if (text.empty()) return wrong(id_line_, fmt::format("prompt \"{}\" has no text", id_));
    if (text.size() > kPromptBytesMax)
      return base::fail(ErrorCode::Limit, "{}:{}: prompt \"{}\" has {} bytes, over {}", source_, id_line_,
                        id_, text.size(), kPromptBytesMax);
    entries_.push_back({id_, id_line_, std::string(text)});
    text_.clear();
    return {};
  }

  const std::string& source_;
  int line_number_ = 0;
  int id_line_ = 0;
  std::string id_;
  std::string text_;
  std::set<std::string, std::less<>> ids_;
  std::vector<Entry> entries_;
};

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

base::Result<std::vector<Entry>> split_entries(std::string_view text, const std::string& source) {
  if (text.size() > kFileBytesMax)
    return base::fail(ErrorCode::Limit, "{}: has {} bytes, over {}", source, text.size(), kFileBytesMax);
  if (!base::is_valid_utf8(text)) return base::fail(ErrorCode::Format, "{}: is not UTF-8", source);
  Splitter splitter(source);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    MOESTRESS_TRY_STATUS(splitter.add_line(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return splitter.finish();
}

}  // namespace moestress::workload
