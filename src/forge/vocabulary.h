#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moestress::forge {

/// How readily a random model may say a token.
enum class Emission : std::uint8_t {
  Free,    ///< printable ASCII, line breaks
  Seldom,  ///< ends the reply: rare, so that replies reach their max_tokens
  Never,   ///< control tokens, parts of non-ASCII characters, control characters
};

/// A byte-level BPE vocabulary as tokenizer.ggml.model = "gpt2" stores it: 256 bytes, merges, special tokens.
/// A plain value.
struct Vocabulary {
  std::vector<std::string> tokens;  ///< bytes written as GPT-2's printable characters
  std::vector<std::int32_t> types;  ///< llama.cpp's token types: 1 normal, 3 control
  std::vector<std::string> merges;  ///< "left right", most urgent first
  std::vector<Emission> emissions;
  std::int32_t end_of_text = 0;
  std::int32_t turn_start = 0;
  std::int32_t turn_end = 0;
};

/// UTF-8 of the character that stands for `byte` in GPT-2's vocabularies (Radford et al. 2019, encoder.py).
std::string byte_as_character(unsigned char byte);

/// Byte pair encoding (Sennrich et al. 2016) learnt from `text`: joins the most frequent adjacent pair, ties
/// going to the smaller pair of token numbers, until `merges_max` or until no pair occurs twice. Pairs never
/// reach over the word boundaries that llama.cpp's "gpt-2" pre-tokenizer draws. `text` must be ASCII.
Vocabulary learn_vocabulary(std::string_view text, std::size_t merges_max);

/// ChatML, as Jinja.
std::string_view chat_template();

}  // namespace moestress::forge
