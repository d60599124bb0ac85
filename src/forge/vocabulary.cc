#include "forge/vocabulary.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace moestress::forge {
namespace {

using Word = std::vector<std::int32_t>;  // token numbers
using Pair = std::pair<std::int32_t, std::int32_t>;

constexpr std::int32_t kTypeNormal = 1;
constexpr std::int32_t kTypeControl = 3;

enum class CharacterClass { Letter, Digit, Space, Other };

CharacterClass class_of(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return CharacterClass::Letter;
  if (c >= '0' && c <= '9') return CharacterClass::Digit;
  if (c == ' ' || (c >= '\t' && c <= '\r')) return CharacterClass::Space;
  return CharacterClass::Other;
}

/// The next word of `text` from `begin`: a run of one class, with one leading space; or a run of white space
/// that leaves its last space to the word that follows. The contractions of the pre-tokenizer ('s, 't) are
/// left out: a merge inside them can't be wrong, only unused.
std::size_t word_end(std::string_view text, std::size_t begin) {
  std::size_t at = begin;
  if (text[at] == ' ' && at + 1 < text.size() && class_of(text[at + 1]) != CharacterClass::Space) ++at;
  const CharacterClass run = class_of(text[at]);
  std::size_t end = at + 1;
  while (end < text.size() && class_of(text[end]) == run) ++end;
  if (run == CharacterClass::Space && end < text.size() && end - begin > 1) --end;
  return end;
}

struct CountedWord {
  Word tokens;
  std::int64_t count = 0;
};

/// The distinct words of `text` as byte tokens, each with how often it occurs.
std::vector<CountedWord> count_words(std::string_view text) {
  std::map<std::string_view, std::int64_t> counts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = word_end(text, begin);
    ++counts[text.substr(begin, end - begin)];
    begin = end;
  }
  std::vector<CountedWord> words;
  for (const auto& [word, count] : counts) {
    CountedWord& counted = words.emplace_back();
    for (const char c : word) counted.tokens.push_back(static_cast<unsigned char>(c));
    counted.count = count;
  }
  return words;
}

/// The words of a text as they are joined, and how often each pair of neighbours occurs in them.
class Pairs {
 public:
  explicit Pairs(std::vector<CountedWord> words) : words_(std::move(words)) {
    for (const CountedWord& word : words_) count(word, word.count);
  }

  /// The most frequent pair, the smallest of several, and its count; 0 where there is no pair.
  std::pair<Pair, std::int64_t> most_frequent() const {
    std::uint64_t best = 0;
    std::int64_t best_count = 0;
    for (const auto& [pair, count] : counts_) {
      if (count < best_count || (count == best_count && pair > best)) continue;
      best = pair;
      best_count = count;
    }
    return {{static_cast<std::int32_t>(best >> 32), static_cast<std::int32_t>(best & 0xFFFFFFFF)},
            best_count};
  }

  void join(Pair pair, std::int32_t joined) {
    for (CountedWord& word : words_) {
      const auto at = [&](std::size_t i) {
        return i + 1 < word.tokens.size() && word.tokens[i] == pair.first &&
               word.tokens[i + 1] == pair.second;
      };
      std::size_t first = 0;
      while (first < word.tokens.size() && !at(first)) ++first;
      if (first == word.tokens.size()) continue;
      count(word, -word.count);
      std::size_t kept = first;
      for (std::size_t i = first; i < word.tokens.size(); ++kept) {
        const bool found = at(i);
        word.tokens[kept] = found ? joined : word.tokens[i];
        i += found ? 2 : 1;
      }
      word.tokens.resize(kept);
      count(word, word.count);
    }
  }

 private:
  void count(const CountedWord& word, std::int64_t times) {
    for (std::size_t i = 1; i < word.tokens.size(); ++i) {
      const auto left = static_cast<std::uint64_t>(word.tokens[i - 1]);
      const auto found =
          counts_.try_emplace(left << 32 | static_cast<std::uint64_t>(word.tokens[i]), 0).first;
      found->second += times;
      if (found->second == 0) counts_.erase(found);
    }
  }

  std::vector<CountedWord> words_;
  std::unordered_map<std::uint64_t, std::int64_t> counts_;
};

void add(Vocabulary& vocabulary, std::string token, std::int32_t type, Emission emission) {
  vocabulary.tokens.push_back(std::move(token));
  vocabulary.types.push_back(type);
  vocabulary.emissions.push_back(emission);
}

std::int32_t add_special(Vocabulary& vocabulary, const char* token, Emission emission) {
  add(vocabulary, token, kTypeControl, emission);
  return static_cast<std::int32_t>(vocabulary.tokens.size()) - 1;
}

}  // namespace

std::string byte_as_character(unsigned char byte) {
  const auto printable = [](unsigned c) {
    return (c >= '!' && c <= '~') || (c >= 0xA1 && c <= 0xAC) || c >= 0xAE;
  };
  unsigned code = byte;
  if (!printable(byte)) {
    code = 256;
    for (unsigned c = 0; c < byte; ++c) code += printable(c) ? 0 : 1;
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

Vocabulary learn_vocabulary(std::string_view text, std::size_t merges_max) {
  Vocabulary vocabulary;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool sayable = byte == '\n' || (byte >= ' ' && byte <= '~');
    add(vocabulary, byte_as_character(static_cast<unsigned char>(byte)), kTypeNormal,
        sayable ? Emission::Free : Emission::Never);
  }
  for (char c : text) CHECK(static_cast<unsigned char>(c) < 0x80);

  Pairs pairs(count_words(text));
  std::unordered_map<std::string, std::int32_t> numbers;
  while (vocabulary.merges.size() < merges_max) {
    const auto [pair, count] = pairs.most_frequent();
    if (count < 2) break;
    const std::string& left = vocabulary.tokens[static_cast<std::size_t>(pair.first)];
    const std::string& right = vocabulary.tokens[static_cast<std::size_t>(pair.second)];
    vocabulary.merges.push_back(left + " " + right);
    // "ab" + "c" and "a" + "bc" are the same token.
    const auto [known, is_new] =
        numbers.try_emplace(left + right, static_cast<std::int32_t>(vocabulary.tokens.size()));
    pairs.join(pair, known->second);
    if (is_new) add(vocabulary, known->first, kTypeNormal, Emission::Free);
  }
  vocabulary.end_of_text = add_special(vocabulary, "<|endoftext|>", Emission::Never);
  vocabulary.turn_start = add_special(vocabulary, "<|im_start|>", Emission::Never);
  vocabulary.turn_end = add_special(vocabulary, "<|im_end|>", Emission::Seldom);
  return vocabulary;
}

std::string_view chat_template() {
  return "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + "
         "'<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' "
         "}}{% endif %}";
}

}  // namespace moestress::forge
