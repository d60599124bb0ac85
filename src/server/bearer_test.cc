#include "server/bearer.h"

#include <gtest/gtest.h>

namespace moestress::server {
namespace {

TEST(Bearer, TakesTheKeyAndNothingElse) {
  EXPECT_TRUE(bearer_matches("Bearer secret", "secret"));
  EXPECT_TRUE(bearer_matches("bearer secret", "secret"));
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer secret ",
                            "Basic secret", "secret", "Bearer Secret", "Bearer secretsecret"}) {
    EXPECT_FALSE(bearer_matches(wrong, "secret")) << wrong;
  }
}

}  // namespace
}  // namespace moestress::server
