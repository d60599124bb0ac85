#pragma once

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <string>
#include <string_view>

#include "net/http_client.h"
#include "net/http_message.h"
#include "net/http_server.h"

// Internal to net: Beast's incremental parser with our limits, giving its findings to us piece by piece.
namespace moestress::net {

namespace http = boost::beast::http;
using boost::system::error_code;

inline std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

/// Who is told of a response as it is parsed.
class ResponseSink {
 public:
  virtual void on_head(int status, const Headers& headers) = 0;
  /// Return false to stop parsing.
  virtual bool on_piece(std::string_view piece) = 0;

 protected:
  ~ResponseSink() = default;
};

/// One response. Interim responses (1xx but 101) are not told of; `interim()` says that another one must
/// follow.
class ResponseParser final : public http::basic_parser<false> {
 public:
  ResponseParser(ResponseSink& sink, const ClientLimits& limits, bool head_only) : sink_(sink) {
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.header_bytes, UINT32_MAX)));
    body_limit(limits.body_bytes);
    skip(head_only);
  }
  int status() const { return status_; }
  bool interim() const { return status_ / 100 == 1 && status_ != 101; }

 private:
  void on_request_impl(http::verb, boost::beast::string_view, boost::beast::string_view, int,
                       error_code&) override {}
  void on_response_impl(int status, boost::beast::string_view, int, error_code&) override {
    status_ = status;
  }
  void on_field_impl(http::field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code&) override {
    if (!head_done_) headers_.emplace_back(view(name), view(value));  // trailers come after and are left out
  }
  void on_header_impl(error_code&) override {
    head_done_ = true;
    if (!interim()) sink_.on_head(status_, headers_);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view piece, error_code& error) override {
    if (!sink_.on_piece(view(piece))) error = boost::asio::error::operation_aborted;
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view piece, error_code& error) override {
    return on_body_impl(piece, error);
  }
  void on_finish_impl(error_code&) override {}

  ResponseSink& sink_;
  int status_ = 0;
  Headers headers_;
  bool head_done_ = false;
};

/// One request, collected whole.
class RequestParser final : public http::basic_parser<true> {
 public:
  RequestParser(std::size_t header_bytes, std::size_t body_bytes) {
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(header_bytes, UINT32_MAX)));
    body_limit(body_bytes);
  }
  ServerRequest& request() { return request_; }
  bool http_1_1() const { return version_ == 11; }
  /// What the head asks for that the parser leaves to us: "" or why the request is malformed.
  const std::string& objection() const { return objection_; }

 private:
  void on_request_impl(http::verb, boost::beast::string_view method, boost::beast::string_view target,
                       int version, error_code&) override {
    version_ = version;
    request_.method = view(method);
    if (!split_target(view(target), request_)) objection_ = "the request target is neither a path nor a URL";
  }
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_field_impl(http::field field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code&) override {
    if (head_done_) return;  // a trailer
    if (field == http::field::host) ++hosts_;
    if (field == http::field::transfer_encoding && !equal_ignoring_case(view(value), "chunked")) {
      objection_ = "the only transfer coding taken is chunked";
    }
    request_.headers.emplace_back(lower_case(view(name)), view(value));
  }
  void on_header_impl(error_code&) override {
    head_done_ = true;
    if (hosts_ > 1 || (hosts_ == 0 && http_1_1())) objection_ = "HTTP/1.1 asks for exactly one Host";
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& bytes, error_code&) override {
    // What is announced is reserved up to a size that costs a liar nothing to claim and us nothing to give.
    request_.body.reserve(std::min<std::uint64_t>(bytes.value_or(0), 64 * 1024));
  }
  std::size_t on_body_impl(boost::beast::string_view piece, error_code&) override {
    request_.body.append(piece.data(), piece.size());
    return piece.size();
  }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view piece, error_code& error) override {
    return on_body_impl(piece, error);
  }
  void on_finish_impl(error_code&) override {}

  ServerRequest request_;
  std::string objection_;
  int version_ = 11;
  int hosts_ = 0;
  bool head_done_ = false;
};

}  // namespace moestress::net
