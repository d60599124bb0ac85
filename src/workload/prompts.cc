#include "workload/prompts.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "workload/embedded_prompts.h"

namespace moestress::workload {
namespace {

using base::ErrorCode;

constexpr std::size_t kFileBytesMax = 1u << 20;
constexpr std::size_t kPromptBytesMax = 32u << 10;
constexpr std::string_view kMark = "== ";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool is_id(std::string_view id) {
  const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), fits);
}

/// Splits a file into prompts, line by line.
class Splitter {
 public:
  Splitter(Domain domain, const std::string& source) : domain_(domain), source_(source) {}

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

  base::Result<std::vector<Prompt>> finish() {
    MOESTRESS_TRY_STATUS(close());
    return std::move(prompts_);
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
    prompts_.push_back({id_, domain_, std::string(text)});
    text_.clear();
    return {};
  }

  Domain domain_;
  const std::string& source_;
  int line_number_ = 0;
  int id_line_ = 0;
  std::string id_;
  std::string text_;
  std::set<std::string, std::less<>> ids_;
  std::vector<Prompt> prompts_;
};

std::array<std::vector<Prompt>, kDomains.size()> built_in_prompts() {
  std::array<std::vector<Prompt>, kDomains.size()> sets;
  for (const Domain domain : kDomains) {
    const std::string source = fmt::format("prompts/{}.txt", to_string(domain));
    auto parsed = parse_prompts(embedded_prompts(to_string(domain)), domain, source);
    CHECK(parsed && !parsed->empty());  // the files are part of the program, and a test reads them
    sets[static_cast<std::size_t>(domain)] = std::move(*parsed);
  }
  return sets;
}

}  // namespace

const char* to_string(Domain domain) {
  switch (domain) {
    case Domain::Code:
      return "code";
    case Domain::Creative:
      return "creative";
    case Domain::Math:
      return "math";
    case Domain::Translation:
      return "translation";
    case Domain::Documentation:
      return "documentation";
    case Domain::Conversation:
      return "conversation";
    case Domain::Science:
      return "science";
    case Domain::Literature:
      return "literature";
  }
  return "unknown";
}

std::optional<Domain> domain_from(std::string_view name) {
  for (const Domain domain : kDomains)
    if (name == to_string(domain)) return domain;
  return std::nullopt;
}

std::span<const Prompt> prompts(Domain domain) {
  static const auto kSets = built_in_prompts();
  return kSets[static_cast<std::size_t>(domain)];
}

std::vector<Prompt> shortest_prompts(std::size_t count) {
  std::vector<std::vector<Prompt>> sets;
  for (const Domain domain : kDomains) {
    const auto set = prompts(domain);
    sets.emplace_back(set.begin(), set.end());
    std::stable_sort(sets.back().begin(), sets.back().end(),
                     [](const Prompt& a, const Prompt& b) { return a.text.size() < b.text.size(); });
  }
  std::vector<Prompt> shortest;
  for (std::size_t rank = 0; shortest.size() < count; ++rank) {
    const std::size_t before = shortest.size();
    for (const auto& set : sets)
      if (rank < set.size() && shortest.size() < count) shortest.push_back(set[rank]);
    if (shortest.size() == before) break;  // all of them are in it
  }
  return shortest;
}

base::Result<std::vector<Prompt>> parse_prompts(std::string_view text, Domain domain,
                                                const std::string& source) {
  if (text.size() > kFileBytesMax)
    return base::fail(ErrorCode::Limit, "{}: has {} bytes, over {}", source, text.size(), kFileBytesMax);
  if (!base::is_valid_utf8(text)) return base::fail(ErrorCode::Format, "{}: is not UTF-8", source);
  Splitter splitter(domain, source);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    MOESTRESS_TRY_STATUS(splitter.add_line(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return splitter.finish();
}

}  // namespace moestress::workload
