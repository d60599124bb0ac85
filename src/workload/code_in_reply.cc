// Where the code is in a reply.
#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "workload/answers.h"

namespace moestress::workload {
namespace {

constexpr std::string_view kFence = "```";

std::string_view take_line(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view without_indent(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
}

/// The insides of all fenced blocks; one that is not closed runs to the end.
std::vector<std::string> blocks_in(std::string_view reply) {
  std::vector<std::string> blocks;
  bool open = false;
  while (!reply.empty()) {
    const std::string_view line = take_line(reply);
    if (without_indent(line).starts_with(kFence)) {
      if (!open) blocks.emplace_back();
      open = !open;
    } else if (open) {
      blocks.back().append(line).append("\n");
    }
  }
  return blocks;
}

bool begins_with_any(std::string_view line, const auto& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return line.starts_with(word); });
}

/// From the first line that begins a definition or an import to the last that belongs to one.
std::string bare_python(std::string_view reply) {
  constexpr std::array<std::string_view, 6> kBegin{"def ", "import ", "from ", "class ", "@", "async def "};
  std::string code;
  bool begun = false;
  while (!reply.empty()) {
    const std::string_view line = take_line(reply);
    const bool begins = begins_with_any(line, kBegin);
    begun = begun || begins;
    const bool inside =
        begins || without_indent(line).empty() || line[0] == ' ' || line[0] == '\t' || line[0] == '#';
    if (begun && !inside) break;
    if (begun) code.append(line).append("\n");
  }
  return code;
}

/// From the first line that includes something or names the function to the last closing brace.
std::string bare_cpp(std::string_view reply, std::string_view function) {
  std::string code;
  bool begun = false;
  while (!reply.empty()) {
    const std::string_view line = take_line(reply);
    begun = begun || line.starts_with("#include") || line.starts_with("using ") ||
            (names(line, function) && line.find('(') != std::string_view::npos);
    if (begun) code.append(line).append("\n");
  }
  const auto end = code.rfind('}');
  return end == std::string::npos ? code : code.substr(0, end + 1) + "\n";
}

}  // namespace

std::string code_in(std::string_view reply, std::string_view function, Language language) {
  const auto blocks = blocks_in(reply);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block)
    if (block->find(function) != std::string::npos) return *block;
  std::string code = language == Language::Python ? bare_python(reply) : bare_cpp(reply, function);
  return code.find(function) == std::string::npos ? std::string() : code;
}

std::optional<Program> program_for(const Task& task, std::string_view reply) {
  CHECK(task.form == AnswerForm::Code && task.check);
  std::string code = answer_in(task, reply);
  if (code.empty()) return std::nullopt;
  const std::string ending = task.check->language == Language::Python ? ".py" : ".cpp";
  return Program{task.check->language,
                 {{"tests" + ending, task.check->tests}, {"solution" + ending, std::move(code)}},
                 task.check->expected_line};
}

}  // namespace moestress::workload
