#include "workload/answers.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/check.h"

namespace moestress::workload {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

/// What follows the last "answer" that something follows; absent where there is none.
std::optional<std::string_view> after_answer(std::string_view reply) {
  const std::string small = lowered(reply);
  constexpr std::string_view kWord = "answer";
  for (auto at = small.rfind(kWord); at != std::string::npos; at = small.rfind(kWord, at - 1)) {
    const std::string_view rest = reply.substr(at + kWord.size());
    if (std::any_of(rest.begin(), rest.end(), is_alnum)) return rest;
    if (at == 0) break;
  }
  return std::nullopt;
}

std::optional<std::string_view> in_box(std::string_view reply) {
  constexpr std::string_view kBox = "\\boxed{";
  const auto begin = reply.rfind(kBox);
  if (begin == std::string_view::npos) return std::nullopt;
  const std::string_view inside = reply.substr(begin + kBox.size());
  return inside.substr(0, inside.find('}'));
}

/// A number as it stands in a text: digits, with commas between groups of three; a fraction only of zeros
/// leaves it whole.
struct Number {
  std::string digits;  ///< with the sign, without leading zeros; empty where it is no whole number
  std::size_t begin = 0;
  std::size_t end = 0;
};

bool is_sign(std::string_view text, std::size_t at) {
  return text[at] == '-' &&
         (at == 0 || (!is_alnum(text[at - 1]) && text[at - 1] != ')' && text[at - 1] != '-'));
}

/// The number that begins at `begin`, a digit.
Number number_at(std::string_view text, std::size_t begin) {
  Number number;
  number.begin = begin > 0 && is_sign(text, begin - 1) ? begin - 1 : begin;
  std::size_t at = begin;
  const auto digits_from = [&](std::size_t from) {
    std::size_t count = 0;
    while (from + count < text.size() && is_digit(text[from + count])) ++count;
    return count;
  };
  std::string digits;
  while (at < text.size() && is_digit(text[at])) digits += text[at++];
  while (at < text.size() && text[at] == ',' && digits_from(at + 1) == 3) {
    digits += text.substr(at + 1, 3);
    at += 4;
  }
  bool whole = true;
  if (at + 1 < text.size() && text[at] == '.' && is_digit(text[at + 1])) {
    for (++at; at < text.size() && is_digit(text[at]); ++at) whole = whole && text[at] == '0';
  }
  number.end = at;
  constexpr std::size_t kDigitsMax = 18;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (whole && digits.size() <= kDigitsMax)
    number.digits = (number.begin < begin && digits != "0" ? "-" : "") + digits;
  return number;
}

std::vector<Number> numbers_in(std::string_view text) {
  std::vector<Number> found;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_digit(text[at])) {
      ++at;
      continue;
    }
    found.push_back(number_at(text, at));
    at = found.back().end;
  }
  return found;
}

/// The first number, or the last of a calculation that begins there: "5 + 7 = 12".
std::string first_number(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n', text.find_first_not_of(" \t\r\n:*")));
  const auto equals = line.rfind('=');
  auto found = numbers_in(equals == std::string_view::npos ? line : line.substr(equals));
  if (found.empty()) found = numbers_in(text);
  return found.empty() ? "" : found.front().digits;
}

std::string integer_in(std::string_view reply) {
  if (const auto rest = after_answer(reply)) {
    const std::string number = first_number(*rest);
    if (!number.empty()) return number;
  }
  if (const auto box = in_box(reply)) {
    const std::string number = first_number(*box);
    if (!number.empty()) return number;
  }
  const auto all = numbers_in(reply);
  return all.empty() ? "" : all.back().digits;
}

/// Where `word` stands alone in `small` at or after `from`; both are in lower case.
std::size_t find_word(std::string_view small, std::string_view word, std::size_t from) {
  for (auto at = small.find(word, from); at != std::string_view::npos; at = small.find(word, at + 1)) {
    const bool open = at == 0 || !is_alnum(small[at - 1]);
    const auto end = at + word.size();
    if (open && (end == small.size() || !is_alnum(small[end]))) return at;
  }
  return std::string_view::npos;
}

std::string first_choice(const std::vector<std::string>& choices, std::string_view text) {
  const std::string small = lowered(text);
  std::string first;
  std::size_t where = std::string::npos;
  for (const std::string& choice : choices)
    if (const auto at = find_word(small, lowered(choice), 0); at < where) {
      where = at;
      first = choice;
    }
  return first;
}

std::string last_choice(const std::vector<std::string>& choices, std::string_view text) {
  const std::string small = lowered(text);
  std::string last;
  std::size_t where = 0;
  for (const std::string& choice : choices) {
    const std::string word = lowered(choice);
    for (auto at = find_word(small, word, 0); at != std::string::npos; at = find_word(small, word, at + 1))
      if (last.empty() || at > where) {
        where = at;
        last = choice;
      }
  }
  return last;
}

/// `text` without places that only repeat the question's "one or the other".
std::string without_offers(const std::vector<std::string>& choices, std::string_view text) {
  std::string small = lowered(text);
  for (const std::string& a : choices)
    for (const std::string& b : choices) {
      const std::string offer = lowered(a) + " or " + lowered(b);
      for (auto at = find_word(small, offer, 0); at != std::string::npos; at = find_word(small, offer, at))
        small.erase(at, offer.size());
    }
  return small;
}

std::string choice_in(const std::vector<std::string>& choices, std::string_view said) {
  const std::string reply = without_offers(choices, said);
  if (const auto rest = after_answer(reply)) {
    std::string choice = first_choice(choices, *rest);
    if (!choice.empty()) return choice;
  }
  return last_choice(choices, reply);
}

}  // namespace

const char* to_string(Grade grade) {
  switch (grade) {
    case Grade::Right:
      return "right";
    case Grade::Wrong:
      return "wrong";
    case Grade::Unanswered:
      return "unanswered";
  }
  return "unknown";
}

std::string answer_in(const Task& task, std::string_view reply) {
  if (reply.size() > kReplyLimit) reply = reply.substr(reply.size() - kReplyLimit);
  switch (task.form) {
    case AnswerForm::Integer:
      return integer_in(reply);
    case AnswerForm::Choice:
      return choice_in(task.choices, reply);
    case AnswerForm::Code:
      return task.check ? code_in(reply, task.check->function, task.check->language) : "";
  }
  return "";
}

Grade grade(const Task& task, std::string_view reply) {
  CHECK(task.form != AnswerForm::Code);
  const std::string answer = answer_in(task, reply);
  if (answer.empty()) return Grade::Unanswered;
  return answer == task.answer ? Grade::Right : Grade::Wrong;
}

bool names(std::string_view text, std::string_view word) {
  return find_word(lowered(text), lowered(word), 0) != std::string::npos;
}

}  // namespace moestress::workload
