#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"

// What net's tests share: a loop on a thread, bare sockets that misbehave on demand, an observer that
// remembers.
namespace moestress::net {

constexpr std::chrono::seconds kPatience{10};  ///< how long a test waits for what must happen

/// An EventLoop on a thread of its own. What is made on it is destroyed on it too, with call().
class LoopThread {
 public:
  LoopThread() : thread_([this] { loop.run(); }) {}
  ~LoopThread() {
    loop.stop();
    thread_.join();
  }

  /// Runs `task` on the loop and returns what it returned.
  template <class Task>
  auto call(Task task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    loop.post([&packaged] { packaged(); });
    return result.get();
  }

  EventLoop loop;

 private:
  std::thread thread_;
};

/// A value that one thread sets and another waits for.
template <class T>
class Awaited {
 public:
  void set(T value) {
    const std::lock_guard lock(mutex_);
    value_ = std::move(value);
    set_.notify_all();
  }
  /// Whether it was set in time.
  bool wait(std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    return set_.wait_for(lock, patience, [this] { return value_.has_value(); });
  }
  T get() {
    CHECK(wait());
    const std::lock_guard lock(mutex_);
    return *value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable set_;
  std::optional<T> value_;
};

/// A bare TCP connection. Reads give up after kPatience.
class RawPeer {
 public:
  explicit RawPeer(int fd) : fd_(fd) {
    CHECK(fd >= 0);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  RawPeer(RawPeer&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~RawPeer() { close(); }

  static RawPeer connect(std::uint16_t port, int receive_buffer = 0) {
    RawPeer peer(::socket(AF_INET, SOCK_STREAM, 0));
    if (receive_buffer > 0)
      setsockopt(peer.fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::connect(peer.fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    return peer;
  }

  /// Whether everything was taken; false once the other side is gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// One read's bytes; "" at the end of the stream, after a reset, or when nothing comes.
  std::string receive(std::chrono::milliseconds patience = kPatience) {
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return "";
    char buffer[65536];
    const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
    ended_ = got <= 0;
    was_reset_ = got < 0 && errno == ECONNRESET;
    return got > 0 ? std::string(buffer, static_cast<std::size_t>(got)) : "";
  }

  /// Reads until `mark` has come; returns everything up to and with it, and keeps the rest. "" if it never
  /// comes.
  std::string receive_until(std::string_view mark) {
    for (;;) {
      if (const auto at = pending_.find(mark); at != std::string::npos) {
        std::string out = pending_.substr(0, at + mark.size());
        pending_.erase(0, at + mark.size());
        return out;
      }
      const std::string more = receive();
      if (more.empty()) return "";
      pending_ += more;
    }
  }

  /// Reads until the other side closes.
  std::string receive_all() {
    std::string out = std::exchange(pending_, "");
    for (;;) {
      const std::string more = receive();
      if (more.empty()) return out;
      out += more;
    }
  }

  /// Whether the last receive found the end of the stream, and whether that was a reset.
  bool ended() const { return ended_; }
  bool was_reset() const { return was_reset_; }

  int fd() const { return fd_; }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// Closes with a RST.
  void reset() {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }

 private:
  int fd_;
  std::string pending_;
  bool ended_ = false;
  bool was_reset_ = false;
};

/// A server that runs `script` with each connection, one after another, and its number from 0.
class RawServer {
 public:
  explicit RawServer(std::function<void(RawPeer, int)> script)
      : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0 && listen(listener_, 16) == 0);
    CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this, script = std::move(script)] {
      for (int number = 0;; ++number) {
        const int fd = accept(listener_, nullptr, nullptr);
        if (fd < 0) return;
        ++connections_;
        script(RawPeer(fd), number);
      }
    });
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);  // wakes the accept
    thread_.join();
    ::close(listener_);
  }

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::thread thread_;
};

inline Url loopback(std::uint16_t port, const std::string& scheme = "http") {
  return Url{scheme, "127.0.0.1", port, ""};
}

/// Remembers what it is told; read it after wait().
class Recorder final : public ResponseObserver {
 public:
  void on_sent(base::TimePoint at) override { sent.push_back(at); }
  void on_first_byte(base::TimePoint at) override { first_byte.push_back(at); }
  void on_headers(int s, const Headers& h) override {
    status = s;
    headers = h;
  }
  bool on_body(std::string_view piece, base::TimePoint at) override {
    body += piece;
    pieces.emplace_back(piece);
    piece_times.push_back(at);
    if (on_piece) on_piece(*this);
    return !hang_up;
  }
  void on_end(record::Ending e, const std::string& d, base::TimePoint at) override {
    ++ends;
    detail = d;
    ended_at = at;
    ending.set(e);
  }

  std::vector<base::TimePoint> sent;
  std::vector<base::TimePoint> first_byte;
  int status = 0;
  Headers headers;
  std::string body;
  std::vector<std::string> pieces;
  std::vector<base::TimePoint> piece_times;
  int ends = 0;
  std::string detail;
  base::TimePoint ended_at{};
  Awaited<record::Ending> ending;
  bool hang_up = false;
  std::function<void(Recorder&)> on_piece;
};

}  // namespace moestress::net
