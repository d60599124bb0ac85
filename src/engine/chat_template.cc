#include "engine/chat_template.h"

#include <chat-auto-parser.h>
#include <chat.h>
#include <fmt/format.h>
#include <llama.h>
#include <log.h>

#include <exception>
#include <mutex>
#include <vector>

#include "base/text.h"

namespace moestress::engine {
namespace {

std::vector<common_chat_msg> convert(std::span<const record::Message> messages) {
  std::vector<common_chat_msg> converted;
  for (const record::Message& message : messages) {
    common_chat_msg& last = converted.emplace_back();
    last.role = message.role;
    last.content = message.content;
  }
  return converted;
}

std::string token_text(const llama_vocab* vocabulary, llama_token token) {
  if (token == LLAMA_TOKEN_NULL) return "";
  std::string text(256, '\0');
  const int bytes =
      llama_token_to_piece(vocabulary, token, text.data(), static_cast<std::int32_t>(text.size()), 0, true);
  text.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return text;
}

}  // namespace

std::unique_ptr<Model::Templates> Model::Templates::parse(const llama_model* model, const std::string& path) {
  // The library prints its doubts about templates to stderr itself; what matters of them comes as an
  // exception.
  static std::once_flag silenced;
  std::call_once(silenced, [] { common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT); });

  auto templates = std::make_unique<Templates>();
  if (!llama_model_chat_template(model, nullptr)) {
    templates->problem_ = fmt::format(
        "{} has no chat template. Send the text itself, to /v1/completions, or name a model made for chat.",
        path);
    return templates;
  }
  try {
    templates->parsed_ = common_chat_templates_init(model, "");
    const llama_vocab* vocabulary = llama_model_get_vocab(model);
    templates->adds_begin_ = llama_vocab_get_add_bos(vocabulary);
    templates->adds_end_ = llama_vocab_get_add_eos(vocabulary);
    templates->direct_ =
        std::make_shared<common_chat_template>(common_chat_templates_source(templates->parsed_.get()),
                                               token_text(vocabulary, llama_vocab_bos(vocabulary)),
                                               token_text(vocabulary, llama_vocab_eos(vocabulary)));
    if (!templates->direct_is_same()) templates->direct_.reset();
  } catch (const std::exception& error) {
    templates->parsed_.reset();
    templates->problem_ =
        fmt::format("{}: its chat template does not parse: {}", path, base::printable(error.what()));
  }
  return templates;
}

base::Result<std::string> Model::Templates::render(std::span<const record::Message> messages) {
  if (!parsed_) return base::fail(base::ErrorCode::Unsupported, "{}", problem_);
  if (messages.empty()) return base::fail(base::ErrorCode::Usage, "The conversation is empty.");
  const std::lock_guard lock(rendering_);
  try {
    return direct_ ? render_directly(messages) : render_fully(messages);
  } catch (const std::exception& error) {
    // Templates refuse what they don't know, e.g. two user messages in a row: the caller's input, not our
    // defect.
    return base::fail(base::ErrorCode::Usage, "The model's chat template refuses this conversation: {}",
                      base::printable(error.what()));
  }
}

/// All that llama.cpp's own server does, among it, each time, finding out how replies are to be parsed (2 to
/// 10 ms).
std::string Model::Templates::render_fully(std::span<const record::Message> messages) const {
  common_chat_templates_inputs inputs;
  inputs.messages = convert(messages);
  inputs.add_generation_prompt = true;
  return common_chat_templates_apply(parsed_.get(), inputs).prompt;
}

/// The template alone.
std::string Model::Templates::render_directly(std::span<const record::Message> messages) const {
  autoparser::generation_params params;
  params.messages = common_chat_msgs_to_json_oaicompat(convert(messages));
  params.add_generation_prompt = true;
  params.reasoning_format = COMMON_REASONING_FORMAT_NONE;
  params.add_bos = adds_begin_;
  params.add_eos = adds_end_;
  return common_chat_template_direct_apply(*direct_, params);
}

/// Models whose template llama.cpp handles in a special way need the full rendering. A few conversations
/// tell.
bool Model::Templates::direct_is_same() const {
  const std::vector<std::vector<record::Message>> conversations = {
      {{"user", "a"}},
      {{"system", "s"}, {"user", "a"}},
      {{"user", " a\n"}, {"assistant", "b "}, {"user", "c"}},
      {{"system", "s"}, {"user", "a"}, {"assistant", "b"}, {"user", "c"}},
  };
  for (const auto& conversation : conversations) {
    const auto attempt = [&](auto render) -> std::string {
      try {
        return (this->*render)(conversation);
      } catch (const std::exception&) {
        return "refused";
      }
    };
    if (attempt(&Templates::render_directly) != attempt(&Templates::render_fully)) return false;
  }
  return true;
}

}  // namespace moestress::engine
