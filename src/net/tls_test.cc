#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "net/http_client.h"
#include "net/net_testing.h"
#include "net/websocket_client.h"
#include "net/websocket_testing.h"

namespace moestress::net {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

/// A key with a certificate that it signed itself, for the given subject alternative name.
struct Identity {
  explicit Identity(const char* name) : key(EVP_EC_gen("P-256")), certificate(X509_new()) {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* const subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name);
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key, EVP_sha256());
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  EVP_PKEY* key;
  X509* certificate;
};

/// Makes clients trust `identity`, or nobody else than the system's authorities.
class Trust {
 public:
  explicit Trust(const Identity* identity) : path_(testing::TempDir() + "moestress-tls-test.pem") {
    if (!identity) {
      unsetenv("SSL_CERT_FILE");
      return;
    }
    std::FILE* const file = std::fopen(path_.c_str(), "w");
    PEM_write_X509(file, identity->certificate);
    std::fclose(file);
    setenv("SSL_CERT_FILE", path_.c_str(), 1);
  }
  ~Trust() {
    unsetenv("SSL_CERT_FILE");
    std::remove(path_.c_str());
  }

 private:
  std::string path_;
};

/// Answers one request over TLS with what `respond` makes of it; ends with or without the closing alert.
RawServer tls_server(const Identity& identity, std::function<std::string(const std::string&)> respond,
                     bool closing_alert = true) {
  return RawServer([&identity, respond = std::move(respond), closing_alert](RawPeer peer, int) {
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, identity.certificate);
    SSL_CTX_use_PrivateKey(context, identity.key);
    SSL* const session = SSL_new(context);
    SSL_set_fd(session, peer.fd());
    if (SSL_accept(session) == 1) {
      char request[4096];
      const int size = SSL_read(session, request, sizeof request);
      const std::string response = respond(std::string(request, static_cast<std::size_t>(std::max(size, 0))));
      SSL_write(session, response.data(), static_cast<int>(response.size()));
      if (closing_alert) SSL_shutdown(session);
    }
    SSL_free(session);
    SSL_CTX_free(context);
  });
}

RawServer tls_server(const Identity& identity, const std::string& response, bool closing_alert = true) {
  return tls_server(
      identity, [response](const std::string&) { return response; }, closing_alert);
}

base::Result<HttpResponse> get(std::uint16_t port) { return fetch(loopback(port, "https"), {}); }

TEST(Tls, AVerifiedServerIsTalkedTo) {
  const Identity identity("IP:127.0.0.1");
  const Trust trust(&identity);
  const std::string body(200'000, 'x');
  const RawServer server = tls_server(identity, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + body);
  const auto got = get(server.port());
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(got->body == body);
}

TEST(Tls, AnUnknownAuthorityIsRefusedWithTheRemedy) {
  const Identity identity("IP:127.0.0.1");
  const Trust trust(nullptr);
  const RawServer server = tls_server(identity, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto got = get(server.port());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::Unreachable);
  EXPECT_THAT(got.error().message, HasSubstr("certificate is not trusted"));
  EXPECT_THAT(got.error().message, HasSubstr("SSL_CERT_FILE"));
}

TEST(Tls, ACertificateForAnotherHostIsRefused) {
  const Identity identity("DNS:elsewhere.example");
  const Trust trust(&identity);
  const RawServer server = tls_server(identity, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto got = get(server.port());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::Unreachable);
  EXPECT_THAT(got.error().message, HasSubstr("certificate"));
}

TEST(Tls, AServerWithoutTlsIsMalformed) {
  const RawServer server([](RawPeer peer, int) {
    peer.receive();
    peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  const auto got = get(server.port());
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::Format) << got.error().message;
}

TEST(Tls, ABodyThatEndsByCloseNeedsTheClosingAlert) {
  const Identity identity("IP:127.0.0.1");
  const Trust trust(&identity);
  const std::string response = "HTTP/1.1 200 OK\r\n\r\nuntil the end";
  const RawServer whole = tls_server(identity, response);
  EXPECT_EQ(get(whole.port())->body, "until the end");
  const RawServer cut = tls_server(identity, response, false);
  const auto got = get(cut.port());
  ASSERT_FALSE(got) << "an attacker could have cut it";
  EXPECT_EQ(got.error().code, ErrorCode::Format);
}

TEST(Tls, AWebSocketRunsOverItToo) {
  struct Talk final : WebSocketObserver {
    void on_open() override {}
    void on_message(std::string_view payload, bool, base::TimePoint) override { message = payload; }
    void on_end(record::Ending e, const std::string& text, base::TimePoint) override {
      detail = text;
      ending.set(e);
    }
    std::string message;
    std::string detail;
    Awaited<record::Ending> ending;
  };
  const Identity identity("IP:127.0.0.1");
  const Trust trust(&identity);
  const RawServer server = tls_server(identity, [](const std::string& request) {
    return upgrade_response(request) + frame(kText, "hello", false) +
           frame(kClose, close_payload(1000), false);
  });
  const auto talk = std::make_shared<Talk>();
  LoopThread thread;
  auto client = thread.call([&] {
    return std::make_unique<WebSocketClient>(thread.loop, loopback(server.port(), "wss"), "/", Headers{},
                                             talk);
  });
  EXPECT_EQ(talk->ending.get(), record::Ending::Complete) << talk->detail;
  EXPECT_EQ(talk->message, "hello");
  thread.call([&] { client.reset(); });
}

}  // namespace
}  // namespace moestress::net
