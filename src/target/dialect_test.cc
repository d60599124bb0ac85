#include "target/dialect.h"

#include <gtest/gtest.h>

namespace moestress::target {
namespace {

using record::Endpoint;

TEST(Dialect, NamesGoBothWays) {
  for (const Dialect dialect : kDialects) EXPECT_EQ(dialect_from(to_string(dialect)), dialect);
  EXPECT_EQ(dialect_from("llama-server"), Dialect::LlamaServer);
  EXPECT_FALSE(dialect_from("OpenAI"));
  EXPECT_FALSE(dialect_from(""));
}

TEST(Dialect, KnowsWhereItsEndpointsAre) {
  EXPECT_EQ(endpoint_path(Dialect::OpenAi, Endpoint::Chat), "/v1/chat/completions");
  EXPECT_EQ(endpoint_path(Dialect::Vllm, Endpoint::Completion), "/v1/completions");
  EXPECT_EQ(endpoint_path(Dialect::Ollama, Endpoint::Chat), "/api/chat");
  EXPECT_EQ(endpoint_path(Dialect::Ollama, Endpoint::Completion), "/api/generate");
  EXPECT_EQ(endpoint_path(Dialect::Shimmy, Endpoint::ShimmyWebSocket), "/ws/generate");
}

TEST(Dialect, OnlyShimmyAndMoestressSpeakShimmy) {
  for (const Dialect dialect : kDialects) {
    const bool speaks = dialect == Dialect::Shimmy || dialect == Dialect::Moestress;
    EXPECT_EQ(has_endpoint(dialect, Endpoint::ShimmyGenerate), speaks) << to_string(dialect);
    EXPECT_EQ(has_endpoint(dialect, Endpoint::ShimmyWebSocket), speaks) << to_string(dialect);
  }
  EXPECT_FALSE(has_endpoint(Dialect::Shimmy, Endpoint::Completion));
}

}  // namespace
}  // namespace moestress::target
