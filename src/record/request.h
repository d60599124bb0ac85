#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace moestress::record {

/// What a request goes to. `target` knows how each dialect spells it.
enum class Endpoint : std::uint8_t {
  Chat,             ///< OpenAI /v1/chat/completions; Ollama /api/chat
  Completion,       ///< OpenAI /v1/completions: raw text, no template
  ShimmyGenerate,   ///< shimmy POST /api/generate
  ShimmyWebSocket,  ///< shimmy WebSocket /ws/generate
};

const char* to_string(Endpoint endpoint);

struct Message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

struct Sampling {
  double temperature = 0;  ///< 0 is greedy
  double top_p = 1;
  int top_k = 0;  ///< 0 is off
  std::uint64_t seed = 0;
};

/// One request as the workload made it; nothing in it depends on the run's timing.
struct Request {
  base::RequestId id;
  base::SessionId session;
  Endpoint endpoint = Endpoint::Chat;
  std::string label;              ///< prompt class, e.g. "code"
  std::vector<Message> messages;  ///< Chat; other endpoints send `prompt`
  std::string prompt;
  int max_tokens = 64;
  bool ignore_eos = false;  ///< generate to max_tokens, where the server knows how
  bool stream = true;
  bool reuse_prefix = false;  ///< let the server reuse a cached prompt prefix; otherwise asked to start cold
  Sampling sampling;
  std::vector<std::string> stop;
  int top_logprobs = -1;  ///< -1: none; else each token's log probability and those of the n best beside it
  base::Duration planned_start{0};  ///< offset from the run's first instant
};

}  // namespace moestress::record
