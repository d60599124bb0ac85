#include "net/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::net {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ParseUrl, TakesOriginsWithAndWithoutPath) {
  struct Good {
    std::string text;
    std::string scheme;
    std::string host;
    std::uint16_t port;
    std::string path;
    std::string canonical;
  };
  for (const Good& good : {
           Good{"http://127.0.0.1:11435", "http", "127.0.0.1", 11435, "", "http://127.0.0.1:11435"},
           Good{"HTTPS://API.Example.com/v1/", "https", "api.example.com", 443, "/v1",
                "https://api.example.com/v1"},
           Good{"ws://localhost/", "ws", "localhost", 80, "", "ws://localhost"},
           Good{"wss://h:443", "wss", "h", 443, "", "wss://h"},
           Good{"http://[::1]:8080/a/b", "http", "::1", 8080, "/a/b", "http://[::1]:8080/a/b"},
           Good{"http://[FE80::1]", "http", "fe80::1", 80, "", "http://[fe80::1]"},
           Good{"http://h:65535//", "http", "h", 65535, "", "http://h:65535"},
           Good{"http://my_host.internal:1", "http", "my_host.internal", 1, "", "http://my_host.internal:1"},
       }) {
    const auto url = parse_url(good.text);
    ASSERT_TRUE(url) << good.text << ": " << url.error().message;
    EXPECT_EQ(url->scheme, good.scheme) << good.text;
    EXPECT_EQ(url->host, good.host) << good.text;
    EXPECT_EQ(url->port, good.port) << good.text;
    EXPECT_EQ(url->path, good.path) << good.text;
    EXPECT_EQ(url->text(), good.canonical);
    EXPECT_EQ(parse_url(url->text())->text(), good.canonical);
  }
  EXPECT_TRUE(parse_url("wss://h")->secure());
  EXPECT_FALSE(parse_url("ws://h")->secure());
}

TEST(ParseUrl, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "no scheme"},
      {"localhost:8080", "no scheme; write http://localhost:8080"},
      {"ftp://h", "scheme must be"},
      {"http://", "no host"},
      {"http://:80", "no host"},
      {"http:///path", "no host"},
      {"http://h:", "not a number"},
      {"http://h:80x", "not a number"},
      {"http://h:-1", "not a number"},
      {"http://h:0", "port out of range"},
      {"http://h:65536", "port out of range"},
      {"http://h:99999999999999999999", "port out of range"},
      {"http://::1", "in brackets"},
      {"http://::1:8080", "in brackets"},
      {"http://[::1", "not closed"},
      {"http://[::1]8080", "only a port"},
      {"http://[host]", "not an IPv6"},
      {"http://h ost", "no host name has"},
      {"http://h\xC3\xB6st", "no host name has"},
      {"http://h\r\nx", "no host name has"},
      {"http://h/a?b=c", "no query"},
      {"http://h/#x", "no query"},
      {"http://h/a b", "percent-encode"},
      {"http://h/a\r\nb", "percent-encode"},
  };
  for (const auto& [text, reason] : wrong) {
    const auto url = parse_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, base::ErrorCode::Usage);
    EXPECT_THAT(url.error().message, HasSubstr(reason)) << text;
  }
}

TEST(ParseUrl, RefusesCredentialsWithoutShowingThem) {
  const auto url = parse_url("http://alice:secret@h:80/");
  ASSERT_FALSE(url);
  EXPECT_THAT(url.error().message, HasSubstr("credentials"));
  EXPECT_THAT(url.error().message, Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace moestress::net
