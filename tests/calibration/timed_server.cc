#include "timed_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstring>
#include <optional>

#include "base/check.h"

namespace moestress::calibration {
namespace {

base::TimePoint now() { return std::chrono::steady_clock::now(); }

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Appends what comes; false at the end of the connection.
bool read_more(int fd, std::string& buffer) {
  char bytes[16384];
  const ssize_t length = recv(fd, bytes, sizeof bytes, 0);
  if (length <= 0) return false;
  buffer.append(bytes, static_cast<std::size_t>(length));
  return true;
}

/// The value of a header in a request's head, or empty.
std::string header(const std::string& head, std::string_view name) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  const std::string key = "\r\n" + std::string(name) + ": ";
  const auto found = std::search(head.begin(), head.end(), key.begin(), key.end(), same);
  if (found == head.end()) return "";
  const auto begin = found + static_cast<std::ptrdiff_t>(key.size());
  return std::string(begin, std::find(begin, head.end(), '\r'));
}

/// RFC 6455, 4.2.2: the handshake's answer to the client's key.
std::string accept_key(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[64];
  const int length = EVP_EncodeBlock(encoded, digest, sizeof digest);
  return std::string(reinterpret_cast<char*>(encoded), static_cast<std::size_t>(length));
}

std::string text_frame(const std::string& payload) {
  CHECK(payload.size() < 65536);
  std::string frame = "\x81";
  if (payload.size() < 126) {
    frame += static_cast<char>(payload.size());
  } else {
    frame += static_cast<char>(126);
    frame += static_cast<char>(payload.size() >> 8);
    frame += static_cast<char>(payload.size() & 0xFF);
  }
  return frame + payload;
}

/// The payload of the masked frame at the front of `buffer`, once it is whole.
std::optional<std::string> unmask_frame(const std::string& buffer) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer[i]); };
  if (buffer.size() < 2) return std::nullopt;
  std::size_t length = byte(1) & 0x7F, at = 2;
  if (length == 126) {
    if (buffer.size() < 4) return std::nullopt;
    length = static_cast<std::size_t>(byte(2)) << 8 | byte(3);
    at = 4;
  }
  if (buffer.size() < at + 4 + length) return std::nullopt;
  std::string payload = buffer.substr(at + 4, length);
  for (std::size_t i = 0; i < length; ++i)
    payload[i] = static_cast<char>(byte(at + 4 + i) ^ byte(at + i % 4));
  return payload;
}

void reset(int fd) {
  const linger hard{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

}  // namespace

std::string stream_head(const std::string& content_type) {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + content_type + "\r\nTransfer-Encoding: chunked\r\n\r\n";
}

std::string whole(int status, const std::string& content_type, const std::string& body) {
  return fmt::format("HTTP/1.1 {} Status\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", status,
                     content_type, body.size(), body);
}

std::string http_chunk(const std::string& bytes) {
  return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

TimedServer::TimedServer(Answer answer) : answer_(std::move(answer)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(listener_ >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), length) == 0);
  CHECK(listen(listener_, 512) == 0);
  CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

TimedServer::~TimedServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

std::vector<Served> TimedServer::served() const {
  const std::lock_guard lock(mutex_);
  return served_;
}

void TimedServer::accept_all() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void TimedServer::serve(int fd) {
  std::string buffer;
  while (!stopping_ && serve_http(fd, buffer)) {
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  close(fd);
}

bool TimedServer::serve_http(int fd, std::string& buffer) {
  std::size_t head_end;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos)
    if (!read_more(fd, buffer)) return false;
  const std::string head = buffer.substr(0, head_end + 2);
  const std::size_t path_begin = head.find(' ') + 1;
  const std::string path = head.substr(path_begin, head.find(' ', path_begin) - path_begin);
  if (!header(head, "Sec-WebSocket-Key").empty()) {
    serve_web_socket(fd, head, path);
    return false;
  }
  const std::string length_text = header(head, "Content-Length");
  const std::size_t length = length_text.empty() ? 0 : std::stoul(length_text);
  while (buffer.size() < head_end + 4 + length)
    if (!read_more(fd, buffer)) return false;
  const Received request{path, buffer.substr(head_end + 4, length), now()};
  buffer.erase(0, head_end + 4 + length);
  if (!head.starts_with("GET ")) return play(fd, request, false);
  if (path == "/health") return write_all(fd, whole(200, "application/json", "{}"));
  if (path == "/v1/models") return write_all(fd, whole(200, "application/json", R"({"data":[{"id":"m"}]})"));
  return write_all(fd, whole(404, "text/plain", ""));
}

void TimedServer::serve_web_socket(int fd, const std::string& head, const std::string& path) {
  write_all(fd,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: " +
                accept_key(header(head, "Sec-WebSocket-Key")) + "\r\n\r\n");
  std::string buffer;
  std::optional<std::string> message;
  while (!(message = unmask_frame(buffer)))
    if (!read_more(fd, buffer)) return;
  if (!play(fd, {path, *message, now()}, true)) return;
  while (read_more(fd, buffer)) {  // the client closes
  }
}

bool TimedServer::play(int fd, const Received& request, bool framed) {
  const Script script = answer_(request);
  std::size_t index;
  {
    const std::lock_guard lock(mutex_);
    index = served_.size();
    served_.push_back({request, {}});
  }
  bool open = true;
  for (const Step& step : script.steps) {
    std::this_thread::sleep_until(request.at + step.at);
    const std::string bytes = framed ? text_frame(step.bytes) : step.bytes;
    {
      // Before the write: who has seen its bytes finds its time.
      const std::lock_guard lock(mutex_);
      served_[index].written.push_back(now());
    }
    open = write_all(fd, bytes);
    if (!open) break;
  }
  if (!open) return false;
  switch (script.finally) {
    case Finally::KeepAlive:
      return true;
    case Finally::Close:
      return false;
    case Finally::Reset:
      reset(fd);
      return false;
    case Finally::Hang: {
      std::string ignored;
      while (read_more(fd, ignored)) {
      }
      return false;
    }
  }
  return false;
}

}  // namespace moestress::calibration
