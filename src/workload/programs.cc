#include "workload/programs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "workload/embedded_programs.h"
#include "workload/prompts.h"

namespace moestress::workload {
namespace {

struct Rule {
  std::string_view from;
  std::string_view to;
  bool boundary = false;  ///< moves a boundary by one
};
constexpr std::array kRules{Rule{" < ", " <= ", true}, Rule{" <= ", " < ", true}, Rule{" > ", " >= ", true},
                            Rule{" >= ", " > ", true}, Rule{" < ", " > "},        Rule{" > ", " < "},
                            Rule{" == ", " != "},      Rule{" != ", " == "},      Rule{" + ", " - "},
                            Rule{" - ", " + "},        Rule{" * ", " + "},        Rule{" += ", " -= "},
                            Rule{" and ", " or "},     Rule{" && ", " || "},      Rule{" = 0", " = 1"},
                            Rule{"max(", "min("},      Rule{"min(", "max("}};
constexpr std::string_view kKeep = "keep";
constexpr std::string_view kKeepBoundary = "keep boundary";

struct Line {
  std::string code;
  std::string_view mark;  ///< kKeep, kKeepBoundary or empty
};

std::string_view comment_start(Language language) { return language == Language::Python ? "  # " : "  // "; }

std::vector<Line> lines_of(std::string_view text, Language language) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto comment = line.find(comment_start(language));
    if (comment == std::string_view::npos) {
      lines.push_back({std::string(line), {}});
      continue;
    }
    const std::string_view mark = line.substr(comment + comment_start(language).size());
    CHECK(mark == kKeep || mark == kKeepBoundary);  // the files are part of the program
    lines.push_back({std::string(line.substr(0, comment)), mark == kKeep ? kKeep : kKeepBoundary});
  }
  return lines;
}

std::string joined(const std::vector<Line>& lines) {
  std::string text;
  for (const Line& line : lines) text += line.code + "\n";
  return text;
}

/// The function as the file has it, with its marks.
std::vector<Line> marked_lines(const FunctionSpec& spec, Language language) {
  const std::string stem = language == Language::Python ? "python" : "cpp";
  // The files have the form of prompt files; the domain says nothing here.
  const auto sections = parse_prompts(embedded_programs(stem), Domain::Code, "programs/" + stem + ".txt");
  CHECK(sections);
  const auto found = std::find_if(sections->begin(), sections->end(),
                                  [&](const Prompt& one) { return one.id == spec.name; });
  CHECK(found != sections->end());
  return lines_of(found->text, language);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

std::string python_tests(const std::string& function, const std::vector<std::string>& cases,
                         const std::string& line) {
  std::string text = fmt::format(
      "import sys\nfrom solution import {}\n\n\ndef check(got, wanted):\n    if got != wanted:\n"
      "        sys.exit(1)\n\n\n",
      function);
  for (const auto& one : cases) text += one + "\n";
  return text + fmt::format("print(\"{}\")\n", line);
}

/// The code is included, so that it may leave out headers of its own; a main of its own is put aside.
std::string cpp_tests(const std::vector<std::string>& cases, const std::string& line) {
  std::string text =
      "#include <algorithm>\n#include <cstdio>\n#include <map>\n#include <string>\n#include <vector>\n"
      "#define main solution_main\n#include \"solution.cpp\"\n#undef main\n\nint main() {\n";
  for (const auto& one : cases) text += "  " + one + "\n";
  return text + fmt::format("  std::puts(\"{}\");\n}}\n", line);
}

}  // namespace

std::string function_name(const FunctionSpec& spec) {
  std::string name(spec.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string with_k(std::string_view text, std::int64_t k) {
  std::string filled(text);
  replace_all(filled, "{K}", std::to_string(k));
  replace_all(filled, "{J}", std::to_string(k + 2));
  replace_all(filled, "{L}", std::string(1, static_cast<char>('a' + k % 26)));
  return filled;
}

std::string function_text(const FunctionSpec& spec, Language language, std::int64_t k) {
  return with_k(joined(marked_lines(spec, language)), k);
}

std::vector<std::string> mutants(const FunctionSpec& spec, Language language, std::int64_t k) {
  std::vector<Line> lines = marked_lines(spec, language);
  std::vector<std::string> found;
  for (Line& line : lines) {
    if (line.mark == kKeep) continue;
    const std::string sound = line.code;
    for (const Rule& rule : kRules) {
      if (rule.boundary && line.mark == kKeepBoundary) continue;
      for (std::size_t at = 0; (at = sound.find(rule.from, at)) != std::string::npos; ++at) {
        line.code.replace(at, rule.from.size(), rule.to);
        found.push_back(with_k(joined(lines), k));
        line.code = sound;
      }
    }
  }
  return found;
}

CodeCheck make_check(const FunctionSpec& spec, Language language, std::int64_t k, base::Random& random) {
  CodeCheck check;
  check.language = language;
  check.function = function_name(spec);
  check.expected_line = fmt::format("passed {:016x}", random.next());
  std::vector<std::string> cases;
  for (const auto& arguments : spec.arguments(k, random)) {
    std::vector<std::string> texts;
    for (const Value& value : arguments) texts.push_back(literal(value, language));
    const std::string call = fmt::format("{}({})", check.function, fmt::join(texts, ", "));
    const std::string wanted = literal(spec.result(k, arguments), language);
    cases.push_back(language == Language::Python ? fmt::format("check({}, {})", call, wanted)
                                                 : fmt::format("if (!({} == {})) return 1;", call, wanted));
  }
  check.tests = language == Language::Python ? python_tests(check.function, cases, check.expected_line)
                                             : cpp_tests(cases, check.expected_line);
  return check;
}

std::string literal(const Value& value, Language language) {
  const bool python = language == Language::Python;
  switch (value.kind) {
    case Value::Kind::Number:
      return std::to_string(value.number);
    case Value::Kind::Text:
      return python ? fmt::format("\"{}\"", value.text) : fmt::format("std::string(\"{}\")", value.text);
    case Value::Kind::List:
      return python ? fmt::format("[{}]", fmt::join(value.list, ", "))
                    : fmt::format("std::vector<int>{{{}}}", fmt::join(value.list, ", "));
  }
  return "";
}

}  // namespace moestress::workload
