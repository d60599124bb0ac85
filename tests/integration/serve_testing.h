#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "net/http_client.h"
#include "server/server.h"

namespace moestress::integration {

using nlohmann::json;

/// A folder that goes with the test program.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& name)
      : path_(std::filesystem::path(::testing::TempDir()) / (name + "-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Forges the tiny model that all serve tests share, once, and gives its path.
const std::string& tiny_model();

/// For a server of the tiny model on a free port: on the CPU, one thread, two slots, two requests may wait.
server::ServeOptions tiny_options();
/// Starts one and waits until its model is loaded; null, and a failed test, where that fails.
std::unique_ptr<server::Server> start_ready(server::ServeOptions options);

/// What a test says to a server, and what it hears.
class Talk {
 public:
  explicit Talk(const server::Server& server) : port_(server.port()) {}

  net::HttpResponse request(const std::string& method, const std::string& path,
                            const std::string& body = {}) const;
  net::HttpResponse post(const std::string& path, const json& body) const {
    return request("POST", path, body.dump());
  }
  json get_json(const std::string& path) const;
  /// Expects 200.
  json post_json(const std::string& path, const json& body) const;
  /// The data of each event of a streamed reply. Expects 200 and a stream that ends where an event does.
  std::vector<std::string> post_events(const std::string& path, const json& body) const;
  /// A figure of /metrics.
  double metric(const std::string& name) const;
  /// Whether the figure gets to `value` within `limit`.
  bool metric_becomes(const std::string& name, double value, base::Duration limit) const;
  /// The text frames of one WebSocket, sent `frame` at its opening.
  std::vector<std::string> socket_frames(const std::string& frame) const;

  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_;
};

/// A request whose client can walk away: a plain socket.
class OpenStream {
 public:
  /// Sends the request and waits for the first event, if told to.
  OpenStream(std::uint16_t port, const std::string& path, const json& body, bool wait_for_event = true);
  ~OpenStream() { leave(); }
  OpenStream(const OpenStream&) = delete;
  OpenStream& operator=(const OpenStream&) = delete;

  void leave();
  /// Everything until the server closes or 20 s have passed.
  std::string rest();

 private:
  bool receive();
  int fd_ = -1;
  std::string received_;
};

/// The text of an OpenAI stream, and its last finish reason.
struct StreamedText {
  std::string text;
  std::vector<std::string> finish_reasons;
  json last;  ///< the last event before [DONE]
};
StreamedText join_events(const std::vector<std::string>& events);

}  // namespace moestress::integration
