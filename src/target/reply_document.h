#pragma once

#include <string_view>

#include "target/decoder.h"

namespace moestress::target {

/// Whose JSON it is.
enum class DocumentKind {
  OpenAi,  ///< chat and text completions, whole or as stream chunks, with llama-server's and vLLM's additions
  Ollama,  ///< /api/chat and /api/generate, whole or one line of a stream
  Shimmy,  ///< {"response":"…"}
};

/// Takes one JSON document into `reply` and gives its text. False, with the fault set, for what is not JSON,
/// has a wrong type where a text should be, or is an error. Unknown fields are ignored; figures that are no
/// sensible numbers are left out of the claims. Ill-formed UTF-8 inside strings is passed on as it came, so
/// that a character that a server cut in two is whole again once joined.
bool read_document(DocumentKind kind, std::string_view document, Reply& reply,
                   const Decoder::OnText& on_text);

/// For frames that are either raw text or {"done":true} or {"error":"…"}: takes the latter two into `reply`,
/// and says whether it was one of them.
bool read_control_frame(std::string_view frame, Reply& reply);

}  // namespace moestress::target
