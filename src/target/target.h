#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"
#include "record/outcome.h"
#include "record/request.h"
#include "target/connection_times.h"
#include "target/dialect.h"
#include "target/misuse.h"
#include "target/process.h"
#include "target/slow_reader.h"

namespace moestress::target {

/// What is under test: a URL, a program to start, or both. {host} and {port} in the program's arguments
/// become 127.0.0.1 and a free port, unless `url` is given, which then is where the program listens.
struct TargetSpec {
  std::optional<SpawnSpec> spawn;
  std::optional<net::Url> url;
  Dialect dialect = Dialect::Auto;
  std::string model;    ///< empty: the first one the server names
  std::string api_key;  ///< sent as a bearer token; never logged
  base::Duration ready_timeout = std::chrono::minutes(5);
  /// Prompts, of some 4 bytes a token, are read at 10 tokens/s at least, or the server is taken for one that
  /// hangs.
  net::Timeouts timeouts{.per_request_byte = std::chrono::milliseconds(25)};
  net::ClientLimits limits;
};

/// The server under test, ready for requests. Made and stopped from any thread but the loop's; send and
/// cancel on the loop's thread. Destroying it cancels what is in flight and stops what was started; the loop
/// must outlive it.
class Target {
 public:
  using Done = std::function<void(record::Outcome)>;

  /// Starts or attaches, waits until the server answers, finds its dialect and model. Times in outcomes are
  /// offsets from `epoch`. Errors: Usage (neither program nor URL, no {port} and no URL), Io (program can't
  /// be started), TargetDied (with its last log lines), Unreachable (not ready in time, with what was tried),
  /// Cancelled (`cancelled` became true meanwhile).
  static base::Result<std::unique_ptr<Target>> start(net::EventLoop& loop, const base::Clock& clock,
                                                     base::TimePoint epoch, TargetSpec spec,
                                                     base::Logger logger,
                                                     const std::atomic<bool>* cancelled = nullptr);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Sends now; `done` is called once, on the loop's thread, after send has returned. Whatever happens is an
  /// Outcome. An endpoint that the dialect lacks ends as Cancelled.
  std::uint64_t send(const record::Request& request, Done done);
  /// Hangs up; the outcome is Cancelled with the text so far. Does nothing for one that has ended.
  void cancel(std::uint64_t id);

  /// Whether connections are kept and reused (the default), or each request gets one of its own; any thread.
  void reuse_connections(bool reuse);

  base::Duration ready_after() const;  ///< from start() to the first answer that said ready
  std::optional<int> pid() const;      ///< of a started program
  /// How a started program ended; absent while it runs, and for a URL.
  std::optional<std::string> death() const;
  std::string endpoint_url() const;
  Dialect dialect() const;  ///< never Auto
  const std::string& model_name() const;
  bool supports(record::Endpoint endpoint) const;
  std::string log_path() const;     ///< empty for a URL
  std::uint64_t log_begin() const;  ///< bytes that were in that log before this start

  /// The body of a GET, for /props, /metrics, /slots, /health. Waits; not for the loop's thread. Errors:
  /// those of net::fetch, and Unsupported for a status other than 2xx.
  base::Result<std::string> get(const std::string& path) const;
  /// Token ids of `text` without special tokens, by the server's own tokenizer (llama-server, vLLM,
  /// moestress). Waits. Errors: Unsupported where the dialect has none.
  base::Result<std::vector<int>> tokenize(std::string_view text) const;

  /// How many sequences the server says it decodes now (llama-server, vLLM, moestress). Waits. Errors:
  /// Unsupported where the dialect or the server doesn't tell.
  base::Result<int> busy_slots() const;
  /// As the functions of these names, towards this server. Each waits; not for the loop's thread.
  MisuseResult misuse(Misuse kind, record::Endpoint endpoint, base::Duration patience) const;
  SlowReply read_slowly(const record::Request& request, const SlowReading& how) const;
  ConnectionTimes connection_times(std::int64_t count) const;

  /// Cancels what is in flight and ends a started program, waiting for it.
  base::Status stop();

 private:
  struct State;
  explicit Target(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moestress::target
