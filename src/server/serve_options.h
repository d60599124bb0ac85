#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/batcher.h"
#include "engine/model.h"
#include "net/http_server.h"
#include "server/props.h"

namespace moestress::server {

/// shimmy's port: a client of the one finds the other.
inline constexpr std::uint16_t kDefaultPort = 11435;

/// Everything that `serve` can be told.
struct ServeOptions {
  net::ServerOptions http{};
  engine::LoadOptions load{};
  engine::ContextOptions context{};
  int queue_max = 64;                                     ///< requests that may wait for a slot; more get 429
  std::string api_key{};                                  ///< empty: none is asked for
  std::string trace_path{};                               ///< empty: routing is not traced
  std::string version{};                                  ///< of the program
  base::Duration drain_grace = std::chrono::seconds(30);  ///< for those that run when a drain begins
};

/// What was loaded, for the line that says so.
struct ReadyReport {
  ServedModel served{};
  std::vector<engine::MemoryUse> memory{};
};

/// The id that a model is served under: its file's name without ".gguf".
std::string served_id(const std::string& model_path);

}  // namespace moestress::server
