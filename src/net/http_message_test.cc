#include "net/http_message.h"

#include <gtest/gtest.h>

namespace moestress::net {
namespace {

TEST(RequestHead, AddsOnlyWhatIsMissing) {
  const Url origin{"https", "example.com", 443, "/base"};
  EXPECT_EQ(request_head(origin, {"GET", "/x", {}, ""}),
            "GET /base/x HTTP/1.1\r\nHost: example.com\r\nUser-Agent: moestress\r\n\r\n");
  EXPECT_EQ(
      request_head(origin,
                   {"POST", "x", {{"host", "other"}, {"User-agent", "me"}, {"content-LENGTH", "7"}}, "abc"}),
      "POST /base/x HTTP/1.1\r\nhost: other\r\nUser-agent: me\r\ncontent-LENGTH: 7\r\n\r\n");
  EXPECT_EQ(request_head({"http", "::1", 8080, ""}, {"POST", "/", {}, ""}),
            "POST / HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: moestress\r\nContent-Length: 0\r\n\r\n");
}

TEST(RequestHead, CantBeBrokenOutOf) {
  const std::string head = request_head(
      {"http", "h", 80, ""}, {"GET / HTTP/1.1\r\nX: y\r\n",
                              "/a b\r\nEvil: 1",
                              {{"X", "a\r\n\r\nGET /"}, {"Bad Name", "x"}, {"", "x"}, {"N\n", "x"}},
                              ""});
  EXPECT_EQ(head,
            "GET /a%20b%0D%0AEvil:%201 HTTP/1.1\r\nHost: h\r\nUser-Agent: moestress\r\nContent-Length: "
            "0\r\nX: a    GET /\r\n\r\n");
}

TEST(ResponseHead, SaysHowTheBodyEnds) {
  EXPECT_EQ(response_head(200, "text/plain", {}, "D", Framing::Length, 12, true),
            "HTTP/1.1 200 OK\r\nDate: D\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: "
            "keep-alive\r\n\r\n");
  EXPECT_EQ(response_head(200, "", {{"A", "b"}}, "D", Framing::Chunked, 0, false),
            "HTTP/1.1 200 OK\r\nDate: D\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nA: b\r\n\r\n");
  EXPECT_EQ(response_head(204, "", {}, "D", Framing::None, 0, true),
            "HTTP/1.1 204 No Content\r\nDate: D\r\nConnection: keep-alive\r\n\r\n");
}

TEST(SplitTarget, TakesThePathAndQueryOfEachForm) {
  struct Form {
    std::string target;
    bool taken;
    std::string path;
    std::string query;
  };
  for (const Form& form :
       {Form{"/", true, "/", ""}, Form{"/a/b?c=d?e", true, "/a/b", "c=d?e"}, Form{"/a?", true, "/a", ""},
        Form{"*", true, "*", ""}, Form{"http://h:80/a?b", true, "/a", "b"}, Form{"HTTPS://h", true, "/", ""},
        Form{"http://h?q", true, "/", "q"}, Form{"", false, "", ""}, Form{"a", false, "", ""},
        Form{"?a", false, "", ""}, Form{"ftp://h/a", false, "", ""}, Form{"h:80", false, "", ""}}) {
    ServerRequest request;
    EXPECT_EQ(split_target(form.target, request), form.taken) << form.target;
    EXPECT_EQ(request.path, form.path) << form.target;
    EXPECT_EQ(request.query, form.query) << form.target;
  }
}

TEST(FindHeader, IgnoresCaseAndTakesTheFirst) {
  const Headers headers{{"Aa", "1"}, {"aA", "2"}, {"B", ""}};
  EXPECT_EQ(*find_header(headers, "AA"), "1");
  EXPECT_EQ(*find_header(headers, "b"), "");
  EXPECT_EQ(find_header(headers, "A"), nullptr);
  EXPECT_FALSE(equal_ignoring_case("[", "{")) << "only letters have a case";
}

}  // namespace
}  // namespace moestress::net
