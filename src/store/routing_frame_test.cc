#include "store/routing_frame.h"

#include <gtest/gtest.h>

#include "store/run_testing.h"

namespace moestress::store {
namespace {

base::Result<record::RoutingTrace> decode(std::string_view frame) {
  auto header = decode_frame_header(frame);
  if (!header) return tl::unexpected(header.error());
  return decode_frame_payload(*header, frame.substr(kFrameHeaderBytes));
}

TEST(RoutingFrame, RoundTrips) {
  for (const std::size_t tokens : {0u, 1u, 37u}) {
    const record::RoutingTrace trace = example_trace(tokens);
    const auto again = decode(encode_frame(trace).value());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->layers, trace.layers);
    EXPECT_EQ(again->experts, trace.experts);
    EXPECT_EQ(again->k, trace.k);
    EXPECT_EQ(again->tokens, trace.tokens);
    EXPECT_EQ(again->ids, trace.ids);
    EXPECT_EQ(again->weights, trace.weights);
  }
}

TEST(RoutingFrame, EveryFlippedBitIsFound) {
  const std::string frame = encode_frame(example_trace(3)).value();
  for (std::size_t i = 0; i < frame.size() * 8; ++i) {
    std::string damaged = frame;
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(decode(damaged)) << "bit " << i;
  }
}

TEST(RoutingFrame, EveryTruncationIsFound) {
  const std::string frame = encode_frame(example_trace(3)).value();
  for (std::size_t size = 0; size < frame.size(); ++size) EXPECT_FALSE(decode(frame.substr(0, size))) << size;
}

TEST(RoutingFrame, TracesThatContradictThemselvesAreRefused) {
  record::RoutingTrace trace = example_trace(2);
  trace.ids.pop_back();
  EXPECT_EQ(encode_frame(trace).error().code, base::ErrorCode::Usage);
  trace.weights.pop_back();
  EXPECT_EQ(encode_frame(trace).error().code, base::ErrorCode::Usage);
  trace = example_trace(2);
  trace.k = -2;
  EXPECT_FALSE(encode_frame(trace));
  trace.k = 2;
  trace.tokens = std::size_t{1} << 62;
  EXPECT_EQ(encode_frame(trace).error().code, base::ErrorCode::Limit);
}

TEST(RoutingFrame, SkewedRoutingCompresses) {
  record::RoutingTrace trace = example_trace(1000);
  for (auto& id : trace.ids) id = 1;
  EXPECT_LT(encode_frame(trace)->size(), 1000u * 6);
}

}  // namespace
}  // namespace moestress::store
