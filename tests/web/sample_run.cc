// sample_run KIND DIR: writes a run directory with made-up but realistic contents and its reports, for the
// tests of the page and of the schema. KIND: three (models, a whole run), one, cut-off, hostile or empty.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>

#include "base/random.h"
#include "report/write.h"
#include "sample_models.h"
#include "store/run_reader.h"
#include "store/run_writer.h"

namespace moestress::sample {
namespace {

using base::from_seconds;

constexpr double kModelSeconds = 2400;

void add_memory(store::RunWriter& writer, const record::ModelResult& model, int index, base::Random& random) {
  const double begin = index * kModelSeconds;
  for (double t = 0; t < kModelSeconds; t += 2) {
    const bool restarted = index == 1 && t > 1500;  // a second process, a second series
    const double since = restarted ? t - 1500 : t;
    const double loaded = std::min(1.0, since / 12);
    record::ProcessSample process;
    process.at = from_seconds(begin + t);
    process.series = base::SeriesId{index * 10 + (restarted ? 1 : 0)};
    process.processes = 1;
    process.threads = 9;
    process.rss_anon_bytes =
        static_cast<std::int64_t>(loaded * (1.9e9 + 2.5e8 * std::sin(t / 170) * std::sin(t / 170)) +
                                  since * 900 + random.uniform() * 4e6);
    process.rss_file_bytes = static_cast<std::int64_t>(loaded * (1.1e10 + index * 2.5e9));
    process.cpu_time_ns = static_cast<std::int64_t>(since * 1.7e9);
    writer.add_process_sample(model.id, process);
    record::HostSample host;
    host.at = process.at;
    host.memory_total_bytes = 64'000'000'000;
    host.memory_available_bytes = 60'000'000'000 - process.rss_anon_bytes;
    host.page_cache_bytes = process.rss_file_bytes + 2'000'000'000;
    writer.add_host_sample(host);
    record::DeviceSample device;
    device.at = process.at;
    device.device = "CUDA0";
    device.source = "nvml v2";
    if (std::fmod(t, 800) > 30) {  // now and then the driver gives no answer
      device.used_bytes = static_cast<std::int64_t>(loaded * 3.0e9 + 4.1e8 + index * 7e8);
      device.process_bytes = static_cast<std::int64_t>(loaded * 3.0e9 + index * 7e8);
    }
    writer.add_device_sample(model.id, device);
  }
}

void add_requests(store::RunWriter& writer, const record::ModelResult& model, int index,
                  base::Random& random) {
  std::int64_t id = index * 10'000;
  const struct {
    const char* test;
    int requests, tokens;
  } kinds[] = {{"1.2", 45, 100}, {"2.2", 75, 60}, {"2.3", 40, 48}, {"4.2", 700, 24}, {"5.2", 30, 80}};
  for (const auto& kind : kinds)
    for (int i = 0; i < kind.requests; ++i) {
      record::Outcome o;
      o.request = base::RequestId{++id};
      o.session = base::SessionId{i % 5};
      o.label = "code";
      o.planned = from_seconds(index * kModelSeconds + i);
      o.sent = o.planned + from_seconds(0.0004);
      o.prompt_tokens = 40 + static_cast<std::int64_t>(random.below(3800));
      o.http_status = 200;
      const double slow = 1 + static_cast<double>(o.prompt_tokens) / 9000;
      const double ttft = 0.09 + static_cast<double>(o.prompt_tokens) / 900 + random.exponential(0.05);
      o.first_byte = o.first_text = o.planned + from_seconds(ttft);
      base::Duration at = o.first_text;
      for (int token = 0; token < kind.tokens; ++token) {
        o.chunks.push_back({at, " word"});
        o.text += " word";
        at += from_seconds((0.052 + index * 0.02) * slow * (0.9 + random.exponential(0.1)) +
                           (random.uniform() < 0.004 ? 0.4 : 0));
      }
      o.last_text = o.chunks.back().at;
      o.done = o.last_text;
      o.completion_tokens = kind.tokens;
      o.finish_reason = "length";
      if (kind.requests == 700 && i % 97 == 0) {
        o.ending = i % 2 ? record::Ending::Http5xx : record::Ending::Reset;
        o.detail = "overlapping request";
      }
      writer.add_outcome(model.id, kind.test, o);
    }
}

void add_model(store::RunWriter& writer, const record::ModelResult& model, int index) {
  base::Random random(base::derive_seed(3, model.id));
  writer.add_model(model);
  writer.add_event("target", fmt::format("starting for {} with a context of 4096 tokens", model.id));
  add_memory(writer, model, index, random);
  add_requests(writer, model, index, random);
  for (const char* set : {"code", "creative writing", "math", "translation"})
    if (const auto status = writer.add_routing(model.id, set, "p1", routing(model, set)); !status)
      std::fprintf(stderr, "%s\n", status.error().message.c_str());
  for (const auto& test : model.tests) writer.add_test(model.id, test);
  for (const auto& criterion : model.criteria) writer.add_criterion(model.id, criterion);
  for (const auto& check : model.checks) writer.add_check(model.id, check);
  for (const auto& test : model.tests) writer.add_estimate(model.id, test.id, test.seconds * 1.1);
  for (const auto& advice : model.recommendations) writer.add_recommendation(model.id, advice);
}

store::RunInfo info_of(const std::string& kind) {
  store::RunInfo info;
  info.id = "2026-03-01T12-00-00-" + kind;
  info.suite = "standard";
  info.scale = 0.05;
  info.seed = 18'446'744'073'709'551'557ULL;  // past what JavaScript's numbers hold
  info.started = "2026-03-01T12:00:00Z";
  info.version = "0.1.0";
  info.environment_json =
      R"({"cpu":{"name":"two sockets, 64 cores each","cores":128,"numa_nodes":2},"memory_total_bytes":64000000000,
    "kernel":"6.1.0","devices":[{"name":"CUDA0","memory_bytes":97871003648,"driver":"550.54"}],"swap":null})";
  info.target_json =
      R"({"dialect":"llama-server","endpoint":"http://127.0.0.1:40123","pid":4711,"command":["moestress","serve","--experts","cpu"]})";
  return info;
}

int write(const std::string& kind, const std::string& directory) {
  auto writer = store::RunWriter::create(directory, info_of(kind));
  if (!writer) {
    std::fprintf(stderr, "sample_run: %s\n", writer.error().message.c_str());
    return 1;
  }
  std::ofstream(directory + "/plan.toml")
      << "suite = \"standard\"\nseed = 18446744073709551557\nscale = 0.05\n\n[tests]\nonly = []\n";
  int index = 0;
  if (kind == "three" || kind == "one" || kind == "cut-off")
    for (record::ModelResult model : models()) {
      if (kind == "one" && index == 1) break;
      if (kind == "cut-off" && index == 1) {
        model.tests.resize(4);
        model.criteria.clear();
        model.recommendations.clear();
      }
      add_model(**writer, model, index++);
      if (kind == "cut-off" && index == 2) break;
    }
  if (kind == "hostile") add_model(**writer, hostile_model(), 0);
  if (kind == "cut-off") (*writer)->add_event("target-death", "process 4711 was killed by signal 9");
  base::Status status =
      kind == "cut-off" ? (*writer)->flush() : (*writer)->finish("FAIL", "", "2026-03-01T14:03:20Z");
  if (!status) {
    std::fprintf(stderr, "sample_run: %s\n", status.error().message.c_str());
    return 1;
  }
  auto reader = store::RunReader::open(directory);
  status = !reader ? base::Status(tl::unexpected(reader.error()))
                   : report::gather(*reader).and_then(
                         [&](const auto& input) { return report::write_reports(input, directory); });
  if (status) return 0;
  std::fprintf(stderr, "sample_run: %s\n", status.error().message.c_str());
  return 1;
}

}  // namespace
}  // namespace moestress::sample

int main(int argc, char** argv) {
  if (argc == 3) return moestress::sample::write(argv[1], argv[2]);
  std::fprintf(stderr, "usage: sample_run three|one|cut-off|hostile|empty DIR\n");
  return 2;
}
