#include "target/target.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <future>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "base/text.h"
#include "target/busy_slots.h"
#include "target/readiness.h"
#include "target/wire.h"

namespace moestress::target {
namespace {

using base::ErrorCode;
using base::fail;

constexpr const char* kLoopback = "127.0.0.1";
constexpr base::Duration kStopGrace = std::chrono::seconds(10);

// Questions are short ones: a server that is busy loading may take a while to say so.
constexpr net::Timeouts kAskTimeouts{.connect = std::chrono::seconds(2),
                                     .first_byte = std::chrono::seconds(10),
                                     .idle = std::chrono::seconds(10),
                                     .total = std::chrono::seconds(20)};

base::Result<std::uint16_t> free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const bool ok = fd >= 0 && bind(fd, generic, length) == 0 && getsockname(fd, generic, &length) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!ok) return fail(ErrorCode::Io, "no free port on {}: {}", kLoopback, std::strerror(error));
  return ntohs(address.sin_port);
}

/// Replaces `mark` everywhere; says whether it was there.
bool replace_all(std::string& text, std::string_view mark, std::string_view value) {
  bool found = false;
  for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size()) {
    text.replace(at, mark.size(), value);
    found = true;
  }
  return found;
}

/// Fills in {host} and {port}, and says where the program will listen.
base::Result<net::Url> resolve_address(SpawnSpec& spawn, const std::optional<net::Url>& given) {
  net::Url url;
  if (given) {
    url = *given;
  } else {
    url.host = kLoopback;
    MOESTRESS_TRY(url.port, free_port());
  }
  bool has_port = false;
  for (std::string& argument : spawn.argv) {
    replace_all(argument, "{host}", url.host);
    has_port |= replace_all(argument, "{port}", std::to_string(url.port));
  }
  if (!given && !has_port)
    return fail(ErrorCode::Usage,
                "the command to start has no {{port}}: put {{port}} where the program takes its port (--port "
                "{{port}}), "
                "or give the URL it listens on with --target");
  return url;
}

net::HttpRequest get_request(const std::string& path, const std::string& api_key) {
  net::HttpRequest request;
  request.target = path;
  if (!api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + api_key);
  return request;
}

}  // namespace

struct Target::State {
  base::Logger logger;
  std::unique_ptr<Process> process;  ///< null for a URL
  std::shared_ptr<Wire> wire;
  net::EventLoop& loop;
  base::Duration ready_after{0};
  bool stopped = false;

  base::Result<net::HttpResponse> ask(const std::string& path) const {
    return net::fetch(wire->address().url, get_request(path, wire->address().api_key), kAskTimeouts);
  }
};

Target::Target(std::unique_ptr<State> state) : state_(std::move(state)) {}

base::Result<std::unique_ptr<Target>> Target::start(net::EventLoop& loop, const base::Clock& clock,
                                                    base::TimePoint epoch, TargetSpec spec,
                                                    base::Logger logger, const std::atomic<bool>* cancelled) {
  if (!spec.spawn && !spec.url) return fail(ErrorCode::Usage, "no target: give a URL or a program to start");
  Address address;
  address.model = spec.model;
  address.api_key = spec.api_key;
  address.timeouts = spec.timeouts;
  address.limits = spec.limits;
  if (spec.spawn) {
    MOESTRESS_TRY(address.url, resolve_address(*spec.spawn, spec.url));
  } else {
    address.url = *spec.url;
  }
  // Clients' base URLs end in /v1; the paths of all dialects bring it themselves.
  if (address.url.path.ends_with("/v1")) address.url.path.resize(address.url.path.size() - 3);
  const Ask ask = [&address](const std::string& path) {
    return net::fetch(address.url, get_request(path, address.api_key), kAskTimeouts);
  };

  std::unique_ptr<Process> process;
  if (spec.spawn) {
    // Only with a URL of the user's can someone be there; then we would measure a stranger.
    if (spec.url && ask("/health").has_value())
      return fail(ErrorCode::Usage,
                  "something listens on {} already: stop it, or leave out the program to start",
                  address.url.text());
    MOESTRESS_TRY(process, Process::spawn(*spec.spawn));
    logger.info("started process {}, waiting for {}; its output goes to {}", process->pid(),
                address.url.text(), process->log_path());
  }
  const WaitPlan plan{
      .timeout = spec.ready_timeout,
      .sleep = [](base::Duration time) { std::this_thread::sleep_for(time); },
      .death = [&process] { return process ? process->death() : std::nullopt; },
      .last_words = [&process] { return process ? log_tail(process->log_path()) : std::string(); },
      .cancelled = [cancelled] { return cancelled != nullptr && *cancelled; },
      .target = address.url.text(),
  };
  MOESTRESS_TRY(const base::Duration ready_after, wait_until_ready(ask, clock, plan));

  address.dialect = spec.dialect == Dialect::Auto ? detect_dialect(ask) : spec.dialect;
  if (address.model.empty()) {
    MOESTRESS_TRY(address.model, first_model(ask, address.dialect));
  }
  logger.info("{} is ready after {}: dialect {}, model {}", address.url.text(),
              base::human_seconds(base::to_seconds(ready_after)), to_string(address.dialect),
              base::printable(address.model));
  auto wire = std::make_shared<Wire>(loop, epoch, std::move(address));
  return std::unique_ptr<Target>(new Target(std::unique_ptr<State>(
      new State{std::move(logger), std::move(process), std::move(wire), loop, ready_after})));
}

Target::~Target() {
  if (const auto status = stop(); !status) state_->logger.warning("{}", status.error().message);
}

std::uint64_t Target::send(const record::Request& request, Done done) {
  return state_->wire->send(request, std::move(done));
}

void Target::cancel(std::uint64_t id) { state_->wire->cancel(id); }

void Target::reuse_connections(bool reuse) { state_->wire->reuse_connections(reuse); }

base::Duration Target::ready_after() const { return state_->ready_after; }

std::optional<int> Target::pid() const {
  return state_->process ? std::optional(state_->process->pid()) : std::nullopt;
}

std::optional<std::string> Target::death() const {
  return state_->process ? state_->process->death() : std::nullopt;
}

std::string Target::endpoint_url() const { return state_->wire->address().url.text(); }

Dialect Target::dialect() const { return state_->wire->address().dialect; }

const std::string& Target::model_name() const { return state_->wire->address().model; }

bool Target::supports(record::Endpoint endpoint) const { return has_endpoint(dialect(), endpoint); }

std::string Target::log_path() const { return state_->process ? state_->process->log_path() : ""; }

std::uint64_t Target::log_begin() const { return state_->process ? state_->process->log_begin() : 0; }

base::Result<std::string> Target::get(const std::string& path) const {
  MOESTRESS_TRY(net::HttpResponse response, state_->ask(path));
  if (response.status < 200 || response.status >= 300)
    return fail(ErrorCode::Unsupported, "GET {}{}: HTTP {} {}", endpoint_url(), path, response.status,
                base::printable(response.body, 120));
  return std::move(response.body);
}

base::Result<std::vector<int>> Target::tokenize(std::string_view text) const {
  using nlohmann::json;
  json body;
  switch (dialect()) {
    case Dialect::LlamaServer:
    case Dialect::Moestress:
      body = {{"content", text}, {"add_special", false}, {"parse_special", false}};
      break;
    case Dialect::Vllm:
      body = {{"model", model_name()}, {"prompt", text}, {"add_special_tokens", false}};
      break;
    default:
      return fail(ErrorCode::Unsupported, "{} has no tokenizer to ask", to_string(dialect()));
  }
  const Address& address = state_->wire->address();
  net::HttpRequest request = get_request("/tokenize", address.api_key);
  request.method = "POST";
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  MOESTRESS_TRY(const net::HttpResponse response, net::fetch(address.url, request, kAskTimeouts));

  const json answer = json::parse(response.body, nullptr, false);
  const json* tokens = answer.is_object() && answer.contains("tokens") ? &answer["tokens"] : nullptr;
  std::vector<int> ids;
  bool good = response.status == 200 && tokens != nullptr && tokens->is_array();
  for (std::size_t i = 0; good && i < tokens->size(); ++i) {
    const json& id = (*tokens)[i];
    good = id.is_number_unsigned() && id.get<std::uint64_t>() <= 0x7FFFFFFF;
    if (good) ids.push_back(id.get<int>());
  }
  if (!good)
    return fail(ErrorCode::Unsupported, "POST {}/tokenize: HTTP {} {}, expected a list of token ids",
                address.url.text(), response.status, base::printable(response.body, 120));
  return ids;
}

base::Result<int> Target::busy_slots() const {
  if (dialect() == Dialect::LlamaServer) {
    MOESTRESS_TRY(const std::string body, get("/slots"));
    if (const auto busy = busy_in_slots(body)) return *busy;
  } else if (dialect() == Dialect::Moestress || dialect() == Dialect::Vllm) {
    MOESTRESS_TRY(const std::string body, get("/metrics"));
    const char* name = dialect() == Dialect::Vllm ? "vllm:num_requests_running" : "moestress_slots_busy";
    if (const auto busy = gauge_in_metrics(body, name)) return static_cast<int>(*busy);
  }
  return fail(ErrorCode::Unsupported, "{} doesn't tell which of its slots are busy", to_string(dialect()));
}

MisuseResult Target::misuse(Misuse kind, record::Endpoint endpoint, base::Duration patience) const {
  return target::misuse(state_->wire->address(), kind, endpoint, patience);
}

SlowReply Target::read_slowly(const record::Request& request, const SlowReading& how) const {
  return target::read_slowly(state_->wire->address(), request, how);
}

ConnectionTimes Target::connection_times(std::int64_t count) const {
  return target::connection_times(state_->wire->address(), count);
}

base::Status Target::stop() {
  if (std::exchange(state_->stopped, true)) return {};
  // Cancelled, rather than cut off by the program's end: wait until the loop has done it. With nothing in
  // flight nobody runs the loop, perhaps.
  const auto gone = std::make_shared<std::promise<void>>();
  const bool busy = state_->wire->in_flight() > 0;
  state_->loop.post([wire = state_->wire, gone] {
    wire->shut_down();
    gone->set_value();
  });
  if (busy) gone->get_future().wait_for(std::chrono::seconds(2));
  if (!state_->process) return {};
  return state_->process->stop(kStopGrace);
}

}  // namespace moestress::target
