// RunWriter and RunReader against each other: running, finished, cut off, full disk, read-only.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <thread>

#include "store/run_reader.h"
#include "store/run_testing.h"
#include "store/run_writer.h"

namespace moestress::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::unique_ptr<RunWriter> create(const std::string& directory, const WriterOptions& options = {}) {
  auto writer = RunWriter::create(directory, example_info(), options);
  if (!writer) ADD_FAILURE() << writer.error().message;
  return std::move(*writer);
}

RunReader open(const std::string& directory) {
  auto reader = RunReader::open(directory);
  if (!reader) ADD_FAILURE() << reader.error().message;
  return std::move(*reader);
}

record::ModelResult example_model(const std::string& id = "m1") {
  record::ModelResult model;
  model.id = id;
  model.path = "/models/" + id + ".gguf";
  model.architecture = "phimoe";
  model.layers = 4;
  model.experts = 16;
  model.experts_used = 2;
  model.experts_shared = 1;
  model.placement = "cpu";
  return model;
}

record::TestResult example_test(const std::string& id) {
  record::TestResult test;
  test.id = id;
  test.name = "concurrency";
  test.verdict = record::Verdict::Inconclusive;
  test.reason = "too few";
  test.metrics["ttft_ms_p50"] = {12.5, "ms", 9, std::pair(11.0, 14.0)};
  test.findings = {{"info", "so it is"}};
  test.tables = {{"t", {"x"}, {{1}, {2}}, {}, "bars"}};
  test.seconds = 3.5;
  return test;
}

record::ProcessSample process_sample(std::int64_t at_ns, std::int64_t bytes) {
  record::ProcessSample sample;
  sample.at = base::Duration(at_ns);
  sample.series.value = 2;
  sample.processes = 1;
  sample.rss_anon_bytes = bytes;
  return sample;
}

void expect_same(const record::Outcome& a, const record::Outcome& b) {
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.session, b.session);
  EXPECT_EQ(a.endpoint, b.endpoint);
  EXPECT_EQ(a.label, b.label);
  EXPECT_EQ(a.ending, b.ending);
  EXPECT_EQ(a.detail, b.detail);
  EXPECT_EQ(a.http_status, b.http_status);
  EXPECT_EQ(a.finish_reason, b.finish_reason);
  for (const auto time : {&record::Outcome::planned, &record::Outcome::sent, &record::Outcome::first_byte,
                          &record::Outcome::first_text, &record::Outcome::last_text, &record::Outcome::done})
    EXPECT_EQ(a.*time, b.*time);
  EXPECT_EQ(a.text, b.text);
  EXPECT_EQ(a.reasoning_bytes, b.reasoning_bytes);
  EXPECT_EQ(a.prompt_tokens, b.prompt_tokens);
  EXPECT_EQ(a.completion_tokens, b.completion_tokens);
  EXPECT_EQ(a.claims.prompt_tokens, b.claims.prompt_tokens);
  EXPECT_EQ(a.claims.completion_tokens, b.claims.completion_tokens);
  EXPECT_EQ(a.claims.prompt_ms, b.claims.prompt_ms);
  EXPECT_EQ(a.claims.decode_ms, b.claims.decode_ms);
  ASSERT_EQ(a.chunks.size(), b.chunks.size());
  for (std::size_t i = 0; i < a.chunks.size(); ++i) {
    EXPECT_EQ(a.chunks[i].at, b.chunks[i].at);
    EXPECT_EQ(a.chunks[i].text, b.chunks[i].text);
  }
}

TEST(Run, OneOfAnOlderMoestressHasNoChecksAndNoEstimates) {
  TestFolder folder;
  const auto writer = create(folder.path());
  writer->add_model(example_model());
  writer->add_test("m1", example_test("2.2"));
  ASSERT_TRUE(writer->finish("PASS", "", "2026-03-01T13:00:00Z"));
  SQLite::Database(folder.path() + "/run.db", SQLite::OPEN_READWRITE)
      .exec("DROP TABLE checks; DROP TABLE estimates");
  const RunReader reader = open(folder.path());
  EXPECT_FALSE(reader.info()->estimate_seconds);
  const auto models = reader.models();
  ASSERT_TRUE(models) << models.error().message;
  EXPECT_TRUE(models->at(0).checks.empty());
  EXPECT_FALSE(models->at(0).tests.at(0).estimate_seconds);
}

TEST(Run, EverythingComesBackFromAFinishedRun) {
  TestFolder folder;
  const auto writer = create(folder.path());
  writer->add_model(example_model());
  writer->add_test("m1", example_test("2.2"));
  record::CriterionResult criterion{"C1",    "speed", "> 10 tok/s",          12.5,
                                    "tok/s", "n 9",   record::Verdict::Pass, "so"};
  writer->add_criterion("m1", criterion);
  criterion.id = "C2";
  criterion.measured.reset();
  writer->add_criterion("m1", criterion);
  writer->add_recommendation("m1", {"experts", "gpu", "more", "5.2"});
  record::CheckResult check{"2.2/ttft_ms p(95) < 500", "2.2", 612.5, "ms", 90, record::Verdict::Fail, "so"};
  writer->add_check("m1", check);
  check.reason = "otherwise";
  writer->add_check("m1", check);
  check.expression = "requests_failed rate == 0";
  check.measured.reset();
  check.test.clear();
  writer->add_check("m1", check);
  writer->add_estimate("m1", "2.2", 40);
  writer->add_estimate("m2", "2.2", 50);
  writer->add_estimate("", "", 1.5);
  writer->add_outcome("m1", "2.2", example_outcome(7));
  writer->add_outcome("m1", "2.3", example_outcome(8));
  record::ProcessSample process = process_sample(5, 100);
  process.fds = 12;
  process.swap_bytes = 9;
  process.written_bytes = 77;
  writer->add_process_sample("m1", process);
  record::HostSample host;
  host.at = base::Duration(6);
  host.memory_total_bytes = 1000;
  host.cpu_pressure_some = 1.5;
  writer->add_host_sample(host);
  record::DeviceSample device;
  device.at = base::Duration(7);
  device.device = "GPU0";
  device.source = "nvml v2";
  device.used_bytes = 0;
  device.power_watts = 120.5;
  writer->add_device_sample("m1", device);
  writer->add_event("phase", "warm-up");
  writer->set_environment("{\"cores\":2}");
  writer->set_target("{\"pid\":1}");
  ASSERT_TRUE(writer->add_routing("m1", "code", "code-01", example_trace(5)));
  ASSERT_TRUE(writer->add_routing("m1", "math", "math-01", example_trace(9)));
  ASSERT_TRUE(writer->finish("PASS", "", "2026-03-01T13:00:00Z"));

  EXPECT_FALSE(fs::exists(folder.path() + "/run.db-wal")) << "a finished run is one file";
  const RunReader reader = open(folder.path());
  const RunInfo info = reader.info().value();
  EXPECT_EQ(info.id, "r1");
  EXPECT_EQ(info.suite, "smoke");
  EXPECT_EQ(info.scale, 0.25);
  EXPECT_EQ(info.seed, 0xFEDCBA9876543210);
  EXPECT_EQ(info.ended, "2026-03-01T13:00:00Z");
  EXPECT_EQ(info.verdict, "PASS");
  EXPECT_EQ(info.environment_json, "{\"cores\":2}");
  EXPECT_EQ(info.target_json, "{\"pid\":1}");

  const auto models = reader.models().value();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].architecture, "phimoe");
  EXPECT_EQ(models[0].experts_shared, 1);
  ASSERT_EQ(models[0].tests.size(), 1u);
  EXPECT_EQ(models[0].tests[0].verdict, record::Verdict::Inconclusive);
  EXPECT_EQ(models[0].tests[0].metrics.at("ttft_ms_p50").ci, std::pair(11.0, 14.0));
  EXPECT_EQ(models[0].tests[0].findings[0].text, "so it is");
  EXPECT_EQ(models[0].tests[0].tables[0].kind, "bars");
  EXPECT_EQ(models[0].tests[0].seconds, 3.5);
  ASSERT_EQ(models[0].criteria.size(), 2u);
  EXPECT_EQ(models[0].criteria[0].measured, 12.5);
  EXPECT_FALSE(models[0].criteria[1].measured);
  EXPECT_EQ(models[0].recommendations[0].change, "gpu");
  ASSERT_EQ(models[0].checks.size(), 2u);
  EXPECT_EQ(models[0].checks[0].expression, "2.2/ttft_ms p(95) < 500");
  EXPECT_EQ(models[0].checks[0].measured, 612.5);
  EXPECT_EQ(models[0].checks[0].n, 90);
  EXPECT_EQ(models[0].checks[0].verdict, record::Verdict::Fail);
  EXPECT_EQ(models[0].checks[0].reason, "otherwise") << "an expression is judged once";
  EXPECT_FALSE(models[0].checks[1].measured);
  EXPECT_EQ(models[0].tests[0].estimate_seconds, 40);
  EXPECT_EQ(info.estimate_seconds, 91.5) << "of all models, and of what had passed";

  ASSERT_EQ(reader.outcomes("m1", "2.2")->size(), 1u);
  expect_same(reader.outcomes("m1", "2.2")->at(0), example_outcome(7));
  EXPECT_EQ(reader.outcomes("m1", "")->size(), 2u);
  EXPECT_TRUE(reader.outcomes("m2", "2.2")->empty());

  const auto processes = reader.process_samples("m1").value();
  EXPECT_EQ(processes[0].private_bytes(), 109);
  EXPECT_EQ(processes[0].fds, 12);
  EXPECT_FALSE(processes[0].read_bytes) << "absent stays absent";
  EXPECT_EQ(processes[0].written_bytes, 77);
  const auto hosts = reader.host_samples().value();
  EXPECT_EQ(hosts[0].cpu_pressure_some, 1.5);
  EXPECT_FALSE(hosts[0].memory_pressure_some);
  const auto devices = reader.device_samples("m1").value();
  EXPECT_EQ(devices[0].used_bytes, 0) << "nought stays nought";
  EXPECT_FALSE(devices[0].process_bytes);
  EXPECT_EQ(devices[0].power_watts, 120.5);
  const auto events = reader.events().value();
  EXPECT_EQ(events[0].kind, "phase");
  EXPECT_GE(events[0].at.count(), 0);

  const auto routing = reader.routing("m1").value();
  ASSERT_EQ(routing.size(), 2u);
  EXPECT_EQ(routing[1].prompt_id, "math-01");
  EXPECT_EQ(routing[1].tokens, 9u);
  EXPECT_EQ(reader.read_routing(routing[1])->ids, example_trace(9).ids);
  EXPECT_EQ(reader.read_routing(routing[0])->weights, example_trace(5).weights);
}

TEST(Run, IsReadWhileItIsWritten) {
  TestFolder folder;
  const auto writer = create(folder.path());
  writer->add_model(example_model());
  writer->add_test("m1", example_test("1.1"));  // on disk when it returns
  const RunReader reader = open(folder.path());
  EXPECT_EQ(reader.models()->at(0).tests.size(), 1u);
  EXPECT_EQ(reader.info()->ended, "");
  writer->add_test("m1", example_test("1.2"));
  EXPECT_EQ(reader.models()->at(0).tests.size(), 2u);
  ASSERT_TRUE(writer->finish("FAIL", "a", "2026-03-01T13:00:00Z"));
  EXPECT_EQ(reader.info()->verdict, "FAIL");
}

TEST(Run, CommitsByItselfWithinTheInterval) {
  TestFolder folder;
  WriterOptions options;
  options.commit_interval = std::chrono::milliseconds(20);
  const auto writer = create(folder.path(), options);
  const RunReader reader = open(folder.path());
  writer->add_event("phase", "x");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (reader.events()->empty() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(reader.events()->size(), 1u);
}

TEST(Run, AddingAgainReplacesAndKeepsTheOrder) {
  TestFolder folder;
  const auto writer = create(folder.path());
  writer->add_test("m1", example_test("1.1"));  // before its model
  writer->add_test("m1", example_test("1.2"));
  record::TestResult again = example_test("1.1");
  again.verdict = record::Verdict::Pass;
  writer->add_test("m1", again);
  writer->add_model(example_model("m2"));
  writer->add_model(example_model("m1"));
  ASSERT_TRUE(writer->flush());
  const auto models = open(folder.path()).models().value();
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0].id, "m1");
  EXPECT_EQ(models[0].path, "/models/m1.gguf");
  ASSERT_EQ(models[0].tests.size(), 2u);
  EXPECT_EQ(models[0].tests[0].verdict, record::Verdict::Pass);
  EXPECT_EQ(models[0].tests[1].id, "1.2");
}

TEST(Run, NeverWritesOverAnother) {
  TestFolder folder;
  fs::create_directories(folder.path());
  EXPECT_NE(create(folder.path()), nullptr) << "an empty directory will do";
  const auto second = RunWriter::create(folder.path(), example_info());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::Usage);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr(folder.path()), HasSubstr("--out")));
  std::ofstream(folder.path("file")) << "x";
  EXPECT_EQ(RunWriter::create(folder.path("file"), example_info()).error().code, base::ErrorCode::Io);
}

TEST(Run, SurvivesKillNine) {
  TestFolder folder;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = RunWriter::create(folder.path(), example_info());
    if (!writer) ::_exit(1);
    (*writer)->add_model(example_model());
    (*writer)->add_outcome("m1", "2.2", example_outcome(1));
    static_cast<void>((*writer)->add_routing("m1", "code", "code-01", example_trace(4)));
    (*writer)->add_test("m1", example_test("2.2"));
    (*writer)->add_event("lost", "not committed yet");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_TRUE(fs::exists(folder.path() + "/run.db-wal")) << "the case that is meant here";

  const RunReader reader = open(folder.path());
  EXPECT_EQ(reader.info()->ended, "");
  EXPECT_EQ(reader.models()->at(0).tests.size(), 1u);
  EXPECT_EQ(reader.outcomes("m1", "2.2")->size(), 1u);
  const auto routing = reader.routing().value();
  ASSERT_EQ(routing.size(), 1u);
  EXPECT_EQ(reader.read_routing(routing[0])->ids, example_trace(4).ids);
}

/// Runs `body` as a user who may not write to what root owns; the tests may run as root.
template <class Body>
void as_ordinary_user(const Body& body) {
  const bool root = ::geteuid() == 0;
  if (root) {
    ASSERT_EQ(::seteuid(65534), 0);
  }
  body();
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
}

void make_read_only(const std::string& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) fs::permissions(entry, fs::perms(0444));
  fs::permissions(directory, fs::perms(0555));
  fs::permissions(fs::path(directory).parent_path(), fs::perms(0755));
}

TEST(Run, AReadOnlyDirectoryIsReadFinishedOrCutOff) {
  TestFolder folder;
  {
    const auto finished = create(folder.path("finished"));
    finished->add_test("m1", example_test("2.2"));
    ASSERT_TRUE(finished->finish("PASS", "", "2026-03-01T13:00:00Z"));
    const auto running = create(folder.path("running"));
    running->add_test("m1", example_test("2.2"));
    fs::create_directories(folder.path("cut"));
    for (const char* name : {"/run.db", "/run.db-wal"})
      fs::copy_file(folder.path("running") + name, folder.path("cut") + name);
    fs::create_directories(folder.path("bare"));
    const auto log_mode = create(folder.path("log_mode"));
    log_mode->add_test("m1", example_test("2.2"));
  }
  // Closed without finish: no log is left, but the file says that there may be one.
  fs::copy_file(folder.path("log_mode") + "/run.db", folder.path("bare") + "/run.db");
  for (const char* name : {"finished", "cut", "bare"}) {
    make_read_only(folder.path(name));
    as_ordinary_user([&] {
      const auto reader = RunReader::open(folder.path(name));
      ASSERT_TRUE(reader) << name << ": " << reader.error().message;
      const auto models = reader->models();
      ASSERT_TRUE(models) << models.error().message;
      EXPECT_EQ(models->at(0).tests.size(), 1u) << name;
    });
    fs::permissions(folder.path(name), fs::perms(0755));
  }
}

TEST(Run, AFullDiskStopsTheWritingAndNothingElse) {
  TestFolder folder;
  WriterOptions options;
  options.database_bytes_max = 400'000;
  std::atomic<int> failures = 0;
  options.on_failure = [&failures] { ++failures; };
  const auto writer = create(folder.path(), options);
  writer->add_test("m1", example_test("1.1"));
  ASSERT_TRUE(writer->status());
  EXPECT_EQ(failures, 0);
  record::Outcome outcome = example_outcome(1);
  outcome.text = std::string(60'000, 'x');
  for (int i = 0; i < 20; ++i) writer->add_outcome("m1", "2.2", outcome);
  const auto status = writer->flush();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::ErrorCode::Io);
  EXPECT_THAT(status.error().message,
              AllOf(HasSubstr("run.db"), HasSubstr("full"), HasSubstr(" free on that"), HasSubstr("--out"),
                    HasSubstr("moestress report")));
  for (int i = 0; i < 1000; ++i) writer->add_outcome("m1", "2.2", outcome);  // must not fill a queue
  writer->add_test("m1", example_test("1.2"));
  EXPECT_FALSE(writer->add_routing("m1", "code", "code-01", example_trace(1)));
  EXPECT_FALSE(writer->finish("PASS", "", "2026-03-01T13:00:00Z"));
  EXPECT_EQ(failures, 1);
  const RunReader reader = open(folder.path());
  EXPECT_EQ(reader.models()->at(0).tests.size(), 1u) << "what was committed stays";
  EXPECT_EQ(reader.outcomes("m1", "")->size(), 0u) << "half a batch is none";
}

TEST(Run, AnErrorOfTheSystemWhileRoutingIsWrittenIsReported) {
  TestFolder folder;
  const auto writer = create(folder.path());
  fs::create_directories(folder.path() + "/routing.bin");  // in the way
  const auto status = writer->add_routing("m1", "code", "code-01", example_trace(1));
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("routing.bin: "));
  EXPECT_FALSE(writer->status());
}

TEST(Run, AWrongTraceIsTheCallersErrorAndNotTheRuns) {
  TestFolder folder;
  const auto writer = create(folder.path());
  record::RoutingTrace trace = example_trace(2);
  trace.ids.pop_back();
  EXPECT_FALSE(writer->add_routing("m1", "code", "code-01", trace));
  EXPECT_TRUE(writer->status());
}

TEST(Run, LongTextsAreCutAtACharacter) {
  TestFolder folder;
  WriterOptions options;
  options.text_bytes_max = 4;
  const auto writer = create(folder.path(), options);
  writer->add_outcome("m1", "2.2", example_outcome(1));  // "Grüße": ü is bytes 2 and 3, ß 4 and 5
  ASSERT_TRUE(writer->flush());
  const auto outcome = open(folder.path()).outcomes("m1", "2.2")->at(0);
  EXPECT_EQ(outcome.text, "Grü");
  EXPECT_EQ(outcome.chunks.size(), 2u);
  EXPECT_EQ(outcome.chunks[0].text, "Grü");
  EXPECT_EQ(outcome.chunks[1].text, "");
  EXPECT_EQ(outcome.chunks[1].at, example_outcome(1).chunks[1].at);
}

TEST(Run, TextOfAnyBytesComesBackAsItWas) {
  TestFolder folder;
  const auto writer = create(folder.path());
  record::Outcome outcome = example_outcome(1);
  outcome.text = std::string("a\0b\xFF\xFE c", 7);
  outcome.chunks = {{base::Duration(1), outcome.text}};
  writer->add_outcome("m1", "2.2", outcome);
  ASSERT_TRUE(writer->flush());
  EXPECT_EQ(open(folder.path()).outcomes("m1", "2.2")->at(0).text, outcome.text);
}

TEST(Run, ManyThreadsMayAddThroughASmallQueue) {
  TestFolder folder;
  WriterOptions options;
  options.queue_entries_max = 8;
  options.queue_bytes_max = 4096;
  options.commit_interval = std::chrono::milliseconds(1);
  const auto writer = create(folder.path(), options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 250; ++i) writer->add_process_sample("m" + std::to_string(t), process_sample(i, t));
      static_cast<void>(writer->add_routing("m" + std::to_string(t), "s", "p", example_trace(3)));
    });
  for (auto& thread : threads) thread.join();
  ASSERT_TRUE(writer->flush());
  const RunReader reader = open(folder.path());
  for (int t = 0; t < 4; ++t) EXPECT_EQ(reader.process_samples("m" + std::to_string(t))->size(), 250u);
  const auto entries = reader.routing().value();
  EXPECT_EQ(entries.size(), 4u);
  for (const RoutingEntry& entry : entries) EXPECT_TRUE(reader.read_routing(entry));
}

TEST(Run, SamplesAreThinnedWithoutLosingThePeak) {
  TestFolder folder;
  const auto writer = create(folder.path());
  for (int i = 0; i < 1000; ++i) writer->add_process_sample("m1", process_sample(i, i == 321 ? 9999 : 10));
  for (int i = 0; i < 100; ++i)
    for (const char* name : {"GPU0", "GPU1"}) {
      record::DeviceSample sample;
      sample.at = base::Duration(i);
      sample.device = name;
      sample.source = "nvml v2";
      sample.used_bytes = i == 50 ? 77 : 5;
      writer->add_device_sample("m1", sample);
    }
  ASSERT_TRUE(writer->flush());
  const RunReader reader = open(folder.path());
  const auto thin = reader.process_samples("m1", 20).value();
  EXPECT_LE(thin.size(), 20u);
  EXPECT_TRUE(std::any_of(thin.begin(), thin.end(), [](const auto& s) { return s.rss_anon_bytes == 9999; }));
  EXPECT_TRUE(
      std::is_sorted(thin.begin(), thin.end(), [](const auto& a, const auto& b) { return a.at < b.at; }));
  EXPECT_EQ(reader.process_samples("m1")->size(), 1000u);
  const auto devices = reader.device_samples("m1", 10).value();
  EXPECT_LE(devices.size(), 20u) << "ten of each device";
  EXPECT_EQ(std::count_if(devices.begin(), devices.end(), [](const auto& s) { return s.used_bytes == 77; }),
            2);
}

TEST(RunReader, SaysWhatIsWrongWithWhatIsNoRun) {
  TestFolder folder;
  EXPECT_THAT(RunReader::open(folder.path("none")).error().message, HasSubstr("holds no run"));
  fs::create_directories(folder.path());
  std::ofstream(folder.path() + "/run.db") << std::string(5000, 'x');
  EXPECT_EQ(RunReader::open(folder.path()).error().code, base::ErrorCode::Format);
  fs::remove(folder.path() + "/run.db");
  {
    SQLite::Database other(folder.path() + "/run.db", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    other.exec("CREATE TABLE t (x)");
  }
  EXPECT_THAT(RunReader::open(folder.path()).error().message, HasSubstr("not one of a run"));
}

TEST(RunReader, RefusesASchemaOfAnotherVersion) {
  TestFolder folder;
  ASSERT_TRUE(create(folder.path())->finish("PASS", "", "x"));
  SQLite::Database(folder.path() + "/run.db", SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 99");
  EXPECT_THAT(RunReader::open(folder.path()).error().message, HasSubstr("schema version 99"));
}

TEST(RunReader, DamagedContentIsAnErrorWithItsPlace) {
  TestFolder folder;
  const auto writer = create(folder.path());
  writer->add_test("m1", example_test("2.2"));
  ASSERT_TRUE(writer->add_routing("m1", "s", "p", example_trace(3)));
  ASSERT_TRUE(writer->finish("PASS", "", "x"));
  SQLite::Database(folder.path() + "/run.db", SQLite::OPEN_READWRITE)
      .exec("UPDATE tests SET metrics_json = '[7]'");
  fs::resize_file(folder.path() + "/routing.bin", 60);
  const RunReader reader = open(folder.path());
  EXPECT_THAT(reader.models().error().message, AllOf(HasSubstr("run.db"), HasSubstr("metrics column")));
  EXPECT_THAT(reader.read_routing(reader.routing()->at(0)).error().message,
              AllOf(HasSubstr("routing.bin at offset 0"), HasSubstr("ends inside a frame")));
}

}  // namespace
}  // namespace moestress::store
