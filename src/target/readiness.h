#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "net/http_client.h"
#include "target/dialect.h"

namespace moestress::target {

/// Asks the server one question: the response to a GET of `path`, whatever its status.
using Ask = std::function<base::Result<net::HttpResponse>(const std::string& path)>;

/// What one look at a server said.
struct Readiness {
  enum class State { Ready, NotYet, Refuses };
  State state = State::NotYet;
  std::string what;  ///< for people: "GET /health: HTTP 503, Loading model"
};

/// One look: /health, and where there is none /v1/models, then Ollama's /api/version. 5xx means not yet; 401
/// and 403 mean that waiting won't help.
Readiness look(const Ask& ask);

struct WaitPlan {
  base::Duration timeout{0};
  std::function<void(base::Duration)> sleep;          ///< between looks
  std::function<std::optional<std::string>()> death;  ///< of a started program
  std::function<std::string()> last_words;            ///< its last log lines, indented
  std::function<bool()> cancelled;                    ///< whether to give up
  std::string target;                                 ///< for people
};

/// Looks until the server is ready; gives how long that took. Looks every 20 ms during the first two seconds,
/// since the time to ready is a figure of its own, then ten times a second. Errors: TargetDied, Unreachable,
/// Cancelled.
base::Result<base::Duration> wait_until_ready(const Ask& ask, const base::Clock& clock, const WaitPlan& plan);

/// The dialect that the server's own answers show: moestress and llama-server by /props, shimmy by its
/// /health or by /api/models with /diag, Ollama by /api/version with /api/tags, vLLM by the owner of its
/// models or /version; OpenAi where nothing special is seen.
Dialect detect_dialect(const Ask& ask);

/// The first model that the server names. Error Usage where it names none: then it must be given.
base::Result<std::string> first_model(const Ask& ask, Dialect dialect);

}  // namespace moestress::target
