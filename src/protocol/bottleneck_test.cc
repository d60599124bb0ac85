#include "protocol/bottleneck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moestress::protocol {
namespace {

using testing::HasSubstr;

BottleneckEvidence idle() {
  BottleneckEvidence evidence;
  evidence.roofline_share = 0.1;
  evidence.target_cores = 1;
  evidence.client_cores = 0.05;
  evidence.other_cores = 0.1;
  evidence.cores = 8;
  evidence.threads = 8;
  return evidence;
}

TEST(Bottleneck, EachIsNamedByWhatIsUsedUp) {
  EXPECT_EQ(bottleneck(idle()).name, "");
  auto evidence = idle();
  evidence.roofline_share = 0.6;
  EXPECT_EQ(bottleneck(evidence).name, "host memory bandwidth");
  EXPECT_THAT(bottleneck(evidence).why, HasSubstr("60 %"));
  evidence = idle();
  evidence.target_cores = 7;
  EXPECT_EQ(bottleneck(evidence).name, "compute");
  evidence = idle();
  evidence.threads = 1;
  EXPECT_EQ(bottleneck(evidence).name, "compute") << "one core of the one thread that it has";
  evidence = idle();
  evidence.device_utilisation = 0.9;
  EXPECT_EQ(bottleneck(evidence).name, "compute");
  evidence = idle();
  evidence.experts_cross = true;
  EXPECT_EQ(bottleneck(evidence).name, "device transfers");
  evidence = idle();
  evidence.threads = 16;
  EXPECT_EQ(bottleneck(evidence).name, "thread oversubscription");
  evidence = idle();
  evidence.target_cores = 4;
  evidence.other_cores = 3.9;
  EXPECT_EQ(bottleneck(evidence).name, "thread oversubscription");
  evidence = idle();
  evidence.client_cores = 1;
  EXPECT_EQ(bottleneck(evidence).name, "client overhead");
  evidence = idle();
  evidence.client_lagged = true;
  EXPECT_EQ(bottleneck(evidence).name, "client overhead");
  evidence = idle();
  evidence.server_decode_share = 0.3;
  EXPECT_EQ(bottleneck(evidence).name, "server overhead");
}

TEST(Bottleneck, WhatIsUnknownNamesNothing) {
  BottleneckEvidence evidence;
  evidence.experts_cross = true;
  evidence.cores = 8;
  EXPECT_EQ(bottleneck(evidence).name, "");
  EXPECT_THAT(bottleneck(evidence).why, HasSubstr("could not be seen"));
}

}  // namespace
}  // namespace moestress::protocol
