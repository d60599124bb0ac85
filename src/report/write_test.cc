#include "report/write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "report/report_testing.h"
#include "store/run_reader.h"
#include "store/run_writer.h"

namespace moestress::report {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WriteReports : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) / ("moestress-report-" + std::to_string(::getpid()));
    fs::remove_all(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string run() const { return (directory_ / "run").string(); }

  /// A run whose first test is done.
  std::unique_ptr<store::RunWriter> begun() const {
    ReportInput input = small_input();
    input.run.ended.clear();
    auto writer = store::RunWriter::create(run(), input.run);
    EXPECT_TRUE(writer) << writer.error().message;
    (*writer)->add_model(input.models[0]);
    (*writer)->add_test(input.models[0].id, input.models[0].tests[0]);
    (*writer)->add_event("target", "process 4711 was killed by signal 9");
    EXPECT_TRUE((*writer)->flush());
    return std::move(*writer);
  }

  nlohmann::json result(const std::string& where) const {
    std::ifstream file(where + "/result.json");
    return nlohmann::json::parse(file);
  }

  fs::path directory_;
};

constexpr const char* kFiles[] = {"result.json", "report.html", "summary.md", "junit.xml", "metrics.prom"};

TEST_F(WriteReports, OfARunThatGoesOn) {
  const auto writer = begun();
  const auto reader = store::RunReader::open(run());
  ASSERT_TRUE(reader);
  const auto input = gather(*reader);
  ASSERT_TRUE(input);
  ASSERT_TRUE(write_reports(*input, run()));
  for (const char* file : kFiles) EXPECT_GT(fs::file_size(fs::path(run()) / file), 100u) << file;
  const auto json = result(run());
  EXPECT_TRUE(json["run"]["ended"].is_null());
  EXPECT_THAT(json["run"]["cut_off"].get<std::string>(),
              testing::AllOf(StartsWith("after test 1.1 (load) of alpha-20b: the run has no end"),
                             HasSubstr("target process 4711 was killed by signal 9")));
}

TEST_F(WriteReports, OfARunThatEnded) {
  auto writer = begun();
  ASSERT_TRUE(writer->finish("PASS", "", "2026-03-01T14:03:20Z"));
  writer.reset();
  std::ofstream(run() + "/plan.toml") << "seed = 1\n";
  const auto reader = store::RunReader::open(run());
  ASSERT_TRUE(reader);
  const auto input = gather(*reader);
  ASSERT_TRUE(input);
  EXPECT_EQ(input->cut_off, "");
  EXPECT_EQ(input->plan_toml, "seed = 1\n");
  EXPECT_EQ(input->report_path, run() + "/report.html");
  EXPECT_EQ(input->memory.marks.at(0).text, "process 4711 was killed by signal 9");
  EXPECT_EQ(overall_verdict(*input), record::Verdict::Pass);
}

TEST_F(WriteReports, ARunThatWasInterruptedSaysWhy) {
  auto writer = begun();
  ASSERT_TRUE(writer->finish("PASS", "interrupted by a signal", "2026-03-01T12:10:00Z"));
  writer.reset();
  const auto reader = store::RunReader::open(run());
  ASSERT_TRUE(reader);
  EXPECT_EQ(gather(*reader)->cut_off, "after test 1.1 (load) of alpha-20b: interrupted by a signal");
}

TEST_F(WriteReports, OneThatFailsDoesNotStopTheOthers) {
  const std::string out = (directory_ / "out").string();
  fs::create_directories(out + "/result.json");  // a directory in its place: the rename fails
  fs::create_directories(out + "/junit.xml");
  const base::Status status = write_reports(small_input(), out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::ErrorCode::Io);
  EXPECT_THAT(status.error().message, HasSubstr("out/result.json: "));
  EXPECT_THAT(status.error().message, HasSubstr("out/junit.xml: "));
  EXPECT_THAT(status.error().message, Not(HasSubstr("summary.md")));
  for (const char* file : {"report.html", "summary.md", "metrics.prom"})
    EXPECT_TRUE(fs::is_regular_file(out + "/" + file));
  for (const auto& entry : fs::directory_iterator(out)) EXPECT_NE(entry.path().extension(), ".tmp");
}

TEST_F(WriteReports, ReplacesWhatIsThere) {
  const std::string out = (directory_ / "out").string();
  ASSERT_TRUE(write_reports(small_input(), out));
  ReportInput later = small_input();
  later.run.id = "later";
  ASSERT_TRUE(write_reports(later, out));
  EXPECT_EQ(result(out)["run"]["id"], "later");
}

TEST_F(WriteReports, ADirectoryThatCanNotBeMade) {
  fs::create_directories(directory_);
  std::ofstream(directory_ / "file") << "x";
  const base::Status status = write_reports(small_input(), (directory_ / "file" / "out").string());
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("with -o"));
}

TEST_F(WriteReports, ADamagedTraceIsANoteAndNotTheEnd) {
  record::RoutingTrace trace;
  trace.layers = {0};
  trace.experts = 4;
  trace.k = 1;
  trace.tokens = 64;
  for (int i = 0; i < 64; ++i) trace.ids.push_back(static_cast<std::uint16_t>(i % 4));
  trace.weights.resize(64);
  auto writer = begun();
  ASSERT_TRUE(writer->add_routing("alpha-20b", "code", "p1", trace));
  ASSERT_TRUE(writer->add_routing("alpha-20b", "math", "p2", trace));
  ASSERT_TRUE(writer->flush());
  const auto reader = store::RunReader::open(run());
  ASSERT_TRUE(reader);
  const auto index = reader->routing();
  ASSERT_TRUE(index);
  {
    std::fstream file(run() + "/routing.bin", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(index->at(1).offset + index->at(1).frame_bytes - 1));
    file.put('\x55');
  }
  const auto input = gather(*reader);
  ASSERT_TRUE(input);
  ASSERT_EQ(input->routing.size(), 1u);
  EXPECT_EQ(input->routing[0].set, "code");
  ASSERT_EQ(input->notes.size(), 1u);
  EXPECT_THAT(input->notes[0], StartsWith("routing trace p2 of alpha-20b could not be read: "));
}

}  // namespace
}  // namespace moestress::report
