#include "net/asio_stream.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>

#include "base/result.h"

namespace moestress::net {
namespace {

using record::Ending;

std::string place(const Url& url) {
  return url.host.find(':') == std::string::npos ? fmt::format("{}:{}", url.host, url.port)
                                                 : fmt::format("[{}]:{}", url.host, url.port);
}

Failure connect_failure(const Url& url, const error_code& error) {
  if (error == asio::error::timed_out) {
    return {Ending::ConnectTimeout, fmt::format("{}: the system gave up connecting", place(url))};
  }
  if (error == asio::error::connection_reset) {
    return {Ending::Reset, fmt::format("{}: reset while connecting", place(url))};
  }
  return {Ending::Refused, fmt::format("{}: {}", place(url), error.message())};
}

}  // namespace

ClientStream::ClientStream(EventLoop& loop, std::shared_ptr<Origin> origin)
    : origin_(std::move(origin)), wire_(loop.sockets().context), resolver_(loop.sockets().context) {}

void ClientStream::open(Done done) {
  if (origin_->url.secure()) {
    if (auto status = prepare_tls(); !status) {
      asio::post(get_executor(), [done = std::move(done), message = status.error().message] {
        done(Failure{Ending::Refused, message});
      });
      return;
    }
  }
  if (!origin_->endpoints.empty()) {
    connect(std::move(done));
    return;
  }
  error_code not_literal;
  const auto address = asio::ip::make_address(origin_->url.host, not_literal);
  if (!not_literal) {
    origin_->endpoints = {asio::ip::tcp::endpoint(address, origin_->url.port)};
    connect(std::move(done));
    return;
  }
  resolve(std::move(done));
}

void ClientStream::resolve(Done done) {
  const Url& url = origin_->url;
  resolver_.async_resolve(url.host, std::to_string(url.port), asio::ip::resolver_base::numeric_service,
                          [this, done = std::move(done)](const error_code& error, const auto& found) mutable {
                            if (closed_) return;
                            if (error) {
                              done(Failure{Ending::Refused, fmt::format("cannot look up host '{}': {}",
                                                                        origin_->url.host, error.message())});
                              return;
                            }
                            origin_->endpoints.clear();
                            for (const auto& entry : found) origin_->endpoints.push_back(entry.endpoint());
                            connect(std::move(done));
                          });
}

void ClientStream::connect(Done done) {
  // The range is copied: another connection may look the host up anew meanwhile.
  auto endpoints = std::make_shared<const std::vector<asio::ip::tcp::endpoint>>(origin_->endpoints);
  Socket& socket = wire_.lowest_layer();
  if (origin_->receive_buffer_bytes > 0) {
    // The window that the peer is told at the start comes from it, so the socket is opened by hand.
    error_code error;
    socket.open(endpoints->front().protocol(), error);
    if (!error)
      socket.set_option(asio::socket_base::receive_buffer_size(origin_->receive_buffer_bytes), error);
    if (!error) {
      socket.async_connect(endpoints->front(), [this, done = std::move(done)](error_code failure) mutable {
        on_connected(failure, std::move(done));
      });
      return;
    }
  }
  asio::async_connect(socket, *endpoints,
                      [this, endpoints, done = std::move(done)](error_code error, const auto&) mutable {
                        on_connected(error, std::move(done));
                      });
}

void ClientStream::on_connected(error_code error, Done done) {
  if (closed_) return;
  // Nagle would hold a request back; writes must say "would block" instead of waiting.
  if (!error) wire_.lowest_layer().set_option(asio::ip::tcp::no_delay(true), error);
  if (!error) wire_.lowest_layer().non_blocking(true, error);
  if (error) {
    origin_->endpoints.clear();  // the address may have moved
    done(connect_failure(origin_->url, error));
  } else if (tls_) {
    shake_hands(std::move(done));
  } else {
    done(std::nullopt);
  }
}

base::Status ClientStream::prepare_tls() {
  error_code error;
  if (!origin_->tls) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.set_default_verify_paths(error);
    if (!error) context.set_verify_mode(asio::ssl::verify_peer, error);
    if (error) return base::fail(base::ErrorCode::Io, "cannot set TLS up: {}", error.message());
    origin_->tls.emplace(std::move(context));
  }
  tls_.emplace(wire_, *origin_->tls);
  tls_->set_verify_callback(asio::ssl::host_name_verification(origin_->url.host), error);
  error_code not_literal;
  asio::ip::make_address(origin_->url.host, not_literal);
  // Server Name Indication carries names only (RFC 6066).
  if (!error && not_literal &&
      SSL_set_tlsext_host_name(tls_->native_handle(), origin_->url.host.c_str()) != 1) {
    return base::fail(base::ErrorCode::Usage, "TLS refuses the host name '{}'", origin_->url.host);
  }
  if (error) return base::fail(base::ErrorCode::Io, "cannot set TLS up: {}", error.message());
  return {};
}

void ClientStream::shake_hands(Done done) {
  tls_->async_handshake(
      asio::ssl::stream_base::client, [this, done = std::move(done)](const error_code& error) {
        if (closed_) return;
        if (!error) {
          done(std::nullopt);
          return;
        }
        if (error.category() == asio::error::get_ssl_category() &&
            ERR_GET_REASON(static_cast<unsigned long>(error.value())) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
          const long verdict = SSL_get_verify_result(tls_->native_handle());
          done(Failure{
              Ending::Refused,
              fmt::format("{}: its certificate is not trusted ({}); point SSL_CERT_FILE at the file of the "
                          "authority that signed it",
                          place(origin_->url), X509_verify_cert_error_string(verdict))});
          return;
        }
        Failure failure = describe(error);
        failure.detail = fmt::format("{}: TLS handshake: {}", place(origin_->url), failure.detail);
        done(std::move(failure));
      });
}

void ClientStream::half_close() {
  error_code ignored;
  wire_.lowest_layer().shutdown(asio::socket_base::shutdown_send, ignored);
}

void ClientStream::close() {
  if (closed_) return;
  closed_ = true;
  resolver_.cancel();
  error_code ignored;
  wire_.lowest_layer().close(ignored);
}

Failure describe(const error_code& error) {
  if (is_end_of_stream(error)) return {Ending::Reset, "closed by the server"};
  if (error.category() == asio::error::get_ssl_category() ||
      error.category() == asio::ssl::error::get_stream_category()) {
    return {Ending::MalformedResponse, error.message()};
  }
  return {Ending::Reset, error.message()};
}

bool is_end_of_stream(const error_code& error) { return error == asio::error::eof || is_tls_cut(error); }

bool is_tls_cut(const error_code& error) { return error == asio::ssl::error::stream_truncated; }

void beast_close_socket(ClientStream& stream) { stream.close(); }

void teardown(boost::beast::role_type, ClientStream& stream, error_code& error) {
  error = {};
  stream.close();
}

}  // namespace moestress::net
