#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/model.h"

struct common_chat_template;
struct common_chat_templates;

namespace moestress::engine {

/// A model's chat template, parsed once. Owned by the Model; any thread may render.
struct Model::Templates {
  /// `path` is for the text of errors.
  static std::unique_ptr<Templates> parse(const llama_model* model, const std::string& path);
  /// Errors: Unsupported (no template, or one that does not parse), Usage (it refuses the conversation).
  base::Result<std::string> render(std::span<const record::Message> messages);
  bool usable() const { return parsed_ != nullptr; }

 private:
  std::string render_fully(std::span<const record::Message> messages) const;
  std::string render_directly(std::span<const record::Message> messages) const;
  bool direct_is_same() const;

  std::shared_ptr<common_chat_templates> parsed_;
  std::shared_ptr<common_chat_template> direct_;  ///< set if rendering it alone gives what the full way gives
  bool adds_begin_ = false;  ///< the tokenizer adds the begin token, so a prompt must not
  bool adds_end_ = false;
  std::string problem_;   ///< why there is none to use
  std::mutex rendering_;  ///< the template interpreter does not say that it may be shared
};

}  // namespace moestress::engine
