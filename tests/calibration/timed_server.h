#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"

namespace moestress::calibration {

/// A request as it came: for a WebSocket the path of the upgrade and the first message.
struct Received {
  std::string path;
  std::string body;
  base::TimePoint at{};
};

/// Bytes to write at an offset from the request's arrival; over a WebSocket the payload of one text frame.
struct Step {
  base::Duration at{0};
  std::string bytes;
};

/// What to do on the connection after the last step.
enum class Finally {
  KeepAlive,  ///< wait for the next request
  Close,
  Reset,  ///< RST
  Hang,   ///< say nothing more until the client goes
};

struct Script {
  std::vector<Step> steps;
  Finally finally = Finally::KeepAlive;
};

/// What really happened: when each step's bytes were handed to the kernel, taken just before, so that no
/// client can have them earlier.
struct Served {
  Received request;
  std::vector<base::TimePoint> written;
};

/// The measure that moestress is held against: an HTTP and WebSocket server of bare blocking sockets and a
/// thread for each connection, sharing no code with what it calibrates, that plays a script for each POST and
/// keeps its own times. GET /health and /v1/models are answered as a ready server would. Made and destroyed
/// on one thread.
class TimedServer {
 public:
  using Answer = std::function<Script(const Received&)>;

  /// `answer` is called on connections' threads.
  explicit TimedServer(Answer answer);
  ~TimedServer();
  TimedServer(const TimedServer&) = delete;
  TimedServer& operator=(const TimedServer&) = delete;

  std::uint16_t port() const { return port_; }
  std::vector<Served> served() const;

 private:
  void accept_all();
  void serve(int fd);
  bool serve_http(int fd, std::string& buffer);
  void serve_web_socket(int fd, const std::string& head, const std::string& path);
  /// False where the connection is over.
  bool play(int fd, const Received& request, bool framed);

  const Answer answer_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  ///< guards what follows
  std::vector<Served> served_;
  std::vector<int> open_;  ///< sockets, to be shut down at the end
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

/// Response heads and pieces of HTTP/1.1, to write scripts with.
std::string stream_head(const std::string& content_type);
std::string whole(int status, const std::string& content_type, const std::string& body);
std::string http_chunk(const std::string& bytes);
inline const std::string kLastHttpChunk = "0\r\n\r\n";

}  // namespace moestress::calibration
