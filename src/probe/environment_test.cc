#include "probe/environment.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "probe/probe_testing.h"

namespace moestress::probe {
namespace {

using nlohmann::json;

json environment_of(const std::string& machine, const std::string& nvml) {
  EnvironmentOptions options;
  options.proc_root = recorded(machine, "proc");
  options.sys_root = recorded(machine, "sys");
  options.os_release = recorded(machine, "os-release");
  options.nvml_library = nvml;
  options.versions = {{"moestress", "0.1.0"}, {"llama.cpp", "v0.5.0"}};
  return json::parse(environment_json(options));
}

TEST(Environment, DescribesARecordedMachine) {
  const json out = environment_of("gh200", fake_nvml());
  EXPECT_EQ(out["cpu"]["model"], "implementer 0x41, part 0xd4f");
  EXPECT_EQ(out["cpu"]["cores"], 2);
  EXPECT_EQ(out["memory"]["total_bytes"], 602189824LL * 1024);
  EXPECT_EQ(out["cgroup"]["memory_limit_bytes"], 68719476736);
  EXPECT_EQ(out["numa"].size(), 2u);
  EXPECT_EQ(out["gpus"][1]["name"], "Imaginary GH200");
  EXPECT_EQ(out["gpu_driver"], "550.54.15");
  EXPECT_EQ(out["kernel"], "6.5.0-1019-nvidia-64k");
  EXPECT_EQ(out["os"], "Ubuntu 22.04.4 LTS");
  EXPECT_EQ(out["governor"], json({"performance"}));
  EXPECT_EQ(out["versions"]["llama.cpp"], "v0.5.0");
}

TEST(Environment, WhatIsUnknownIsNull) {
  const json out = environment_of("old_server", "libnone-such.so.1");
  EXPECT_TRUE(out["gpus"].empty());
  EXPECT_TRUE(out["gpu_driver"].is_null());
  EXPECT_TRUE(out["os"].is_null());
  EXPECT_TRUE(out["kernel"].is_null());
  EXPECT_EQ(out["virtualisation"]["hypervisor"], true);
  EXPECT_EQ(out["virtualisation"]["product"], "KVM");
  EXPECT_EQ(out["boost"], true);
  EnvironmentOptions nowhere;
  nowhere.proc_root = nowhere.sys_root = nowhere.os_release = "/nowhere";
  nowhere.nvml_library = "libnone-such.so.1";
  const json nothing = json::parse(environment_json(nowhere));
  EXPECT_TRUE(nothing["memory"].is_null());
  EXPECT_TRUE(nothing["cgroup"].is_null());
  EXPECT_TRUE(nothing["cpu"]["model"].is_null());
}

TEST(Environment, NamesNeitherTheHostNorItsUsers) {
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  const std::string text = environment_json();
  if (std::string(host).size() > 3) {
    EXPECT_EQ(text.find(host), std::string::npos);
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && std::string(home).size() > 1) {
    EXPECT_EQ(text.find(home), std::string::npos);
  }
}

}  // namespace
}  // namespace moestress::probe
