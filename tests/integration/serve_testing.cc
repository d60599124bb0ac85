#include "serve_testing.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "forge/random_model.h"
#include "net/event_loop.h"
#include "net/sse.h"
#include "net/websocket_client.h"

namespace moestress::integration {

namespace {

constexpr auto kPatience = std::chrono::seconds(20);

net::Url url_of(std::uint16_t port) {
  return {.scheme = "http", .host = "127.0.0.1", .port = port, .path = ""};
}

/// Sends one frame and keeps what comes.
class FrameKeeper final : public net::WebSocketObserver {
 public:
  FrameKeeper(net::EventLoop& loop, std::string frame) : loop_(loop), frame_(std::move(frame)) {}
  void attach(net::WebSocketClient& client) { client_ = &client; }

  void on_open() override { client_->send_text(frame_); }
  void on_message(std::string_view payload, bool text, base::TimePoint) override {
    EXPECT_TRUE(text);
    frames.emplace_back(payload);
  }
  void on_end(record::Ending ending, const std::string& detail, base::TimePoint) override {
    EXPECT_EQ(ending, record::Ending::Complete) << detail;
    loop_.stop();
  }

  std::vector<std::string> frames;

 private:
  net::EventLoop& loop_;
  std::string frame_;
  net::WebSocketClient* client_ = nullptr;
};

}  // namespace

const std::string& tiny_model() {
  static const ScratchFolder folder("serve-model");
  static const std::string path = [] {
    std::string file = folder.file("tiny.gguf");
    const auto written = forge::write_random_model({}, file);
    EXPECT_TRUE(written.has_value()) << written.error().message;
    return file;
  }();
  return path;
}

server::ServeOptions tiny_options() {
  server::ServeOptions options;
  options.load.path = tiny_model();
  options.load.device = "cpu";
  options.context.slots = 2;
  options.context.context_tokens = 8192;
  options.context.threads = 1;
  options.queue_max = 2;
  options.version = "0.0-test";
  return options;
}

std::unique_ptr<server::Server> start_ready(server::ServeOptions options) {
  auto server = server::Server::start(std::move(options), base::Logger(base::LogLevel::Error));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  if (!server) return nullptr;
  const auto ready = (*server)->wait_ready();
  EXPECT_TRUE(ready.has_value()) << ready.error().message;
  return std::move(*server);
}

net::HttpResponse Talk::request(const std::string& method, const std::string& path,
                                const std::string& body) const {
  auto response = net::fetch(url_of(port_), {.method = method, .target = path, .headers = {}, .body = body});
  EXPECT_TRUE(response.has_value()) << method << " " << path << ": " << response.error().message;
  return response ? std::move(*response) : net::HttpResponse{};
}

json Talk::get_json(const std::string& path) const {
  const auto response = request("GET", path);
  EXPECT_EQ(response.status, 200) << path << ": " << response.body;
  return json::parse(response.body, nullptr, false);
}

json Talk::post_json(const std::string& path, const json& body) const {
  const auto response = post(path, body);
  EXPECT_EQ(response.status, 200) << path << ": " << response.body;
  return json::parse(response.body, nullptr, false);
}

std::vector<std::string> Talk::post_events(const std::string& path, const json& body) const {
  const auto response = post(path, body);
  EXPECT_EQ(response.status, 200) << path << ": " << response.body;
  std::vector<std::string> events;
  net::SseParser parser;
  EXPECT_TRUE(parser.feed(response.body, [&](const net::SseEvent& event) { events.push_back(event.data); }));
  EXPECT_TRUE(parser.at_boundary());
  return events;
}

double Talk::metric(const std::string& name) const {
  std::istringstream lines(request("GET", "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
  }
  ADD_FAILURE() << "no metric " << name;
  return -1;
}

bool Talk::metric_becomes(const std::string& name, double value, base::Duration limit) const {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (metric(name) != value) {
    if (std::chrono::steady_clock::now() > until) return false;
  }
  return true;
}

std::vector<std::string> Talk::socket_frames(const std::string& frame) const {
  net::EventLoop loop;
  const auto keeper = std::make_shared<FrameKeeper>(loop, frame);
  net::WebSocketClient client(loop, url_of(port_), "/ws/generate", {}, keeper);
  keeper->attach(client);
  loop.at(loop.now() + kPatience, [&] {
    ADD_FAILURE() << "the WebSocket did not end";
    loop.stop();
  });
  loop.run();
  return keeper->frames;
}

OpenStream::OpenStream(std::uint16_t port, const std::string& path, const json& body, bool wait_for_event) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = std::chrono::seconds(kPatience).count(), .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string text = body.dump();
  const std::string head =
      "POST " + path +
      " HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: " + std::to_string(text.size()) +
      "\r\n\r\n" + text;
  EXPECT_EQ(::send(fd_, head.data(), head.size(), MSG_NOSIGNAL), static_cast<ssize_t>(head.size()));
  while (wait_for_event && received_.find("data: ") == std::string::npos) {
    if (!receive()) {
      ADD_FAILURE() << "the stream did not begin: " << received_;
      break;
    }
  }
}

void OpenStream::leave() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

bool OpenStream::receive() {
  char buffer[4096];
  const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
  if (got > 0) received_.append(buffer, static_cast<std::size_t>(got));
  return got > 0;
}

std::string OpenStream::rest() {
  while (receive()) {
  }
  return received_;
}

StreamedText join_events(const std::vector<std::string>& events) {
  StreamedText joined;
  EXPECT_FALSE(events.empty());
  if (events.empty()) return joined;
  EXPECT_EQ(events.back(), "[DONE]");
  for (std::size_t i = 0; i + 1 < events.size(); ++i) {
    joined.last = json::parse(events[i], nullptr, false);
    EXPECT_TRUE(joined.last.is_object()) << events[i];
    for (const json& choice : joined.last["choices"]) {
      if (choice.contains("delta")) joined.text += choice["delta"].value("content", "");
      if (choice.contains("text")) joined.text += choice["text"].get<std::string>();
      if (!choice["finish_reason"].is_null()) joined.finish_reasons.push_back(choice["finish_reason"]);
    }
  }
  return joined;
}

}  // namespace moestress::integration
