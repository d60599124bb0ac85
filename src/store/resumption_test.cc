// A run that is gone on with: what is kept, what is set aside, who may write.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "store/run_reader.h"
#include "store/run_testing.h"
#include "store/run_writer.h"
#include "store/schema.h"

namespace moestress::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

record::TestResult finished_test(const std::string& id) {
  record::TestResult test;
  test.id = id;
  test.verdict = record::Verdict::Pass;
  test.reason = "so it is";
  return test;
}

record::Checkpoint example_checkpoint(std::int64_t segment, double active_seconds) {
  record::Checkpoint checkpoint;
  checkpoint.at = base::from_seconds(100 + active_seconds);
  checkpoint.segment = segment;
  checkpoint.active_seconds = active_seconds;
  checkpoint.requests_ok = 7;
  checkpoint.requests_failed = 1;
  checkpoint.completion_tokens = 900;
  checkpoint.deaths = 2;
  checkpoint.threads = {{4, 2}, {3, 1}};
  checkpoint.interval_seconds = 60;
  checkpoint.decode_tok_s = 12.5;
  checkpoint.private_bytes = 123;
  checkpoint.others_cpu_cores = 0.5;
  return checkpoint;
}

/// Runs `body` in a process that is killed at its end.
template <class Body>
void in_a_killed_process(const Body& body) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    body();
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

std::unique_ptr<RunWriter> open_again(const std::string& directory) {
  auto lock = DirectoryLock::acquire(directory);
  EXPECT_TRUE(lock) << lock.error().message;
  auto writer = RunWriter::open(directory, std::move(*lock), {});
  EXPECT_TRUE(writer) << writer.error().message;
  return std::move(*writer);
}

TEST(Resumption, GoesOnAfterKillNine) {
  TestFolder folder;
  in_a_killed_process([&] {
    auto writer = std::move(*RunWriter::create(folder.path(), example_info()));
    writer->add_part({0ns, base::WallTime(5s), base::Duration{-1}});
    writer->add_model_file({"/m.gguf", 12, 34});
    writer->add_outcome("m1", "2.1", example_outcome(1));
    static_cast<void>(writer->add_routing("m1", "code", "code-01", example_trace(4)));
    writer->add_test("m1", finished_test("2.1"));
    static_cast<void>(writer->add_routing("m1", "code", "code-02", example_trace(5)));
    auto early = example_outcome(2);
    early.done = 99s;
    writer->add_outcome("m1", "S1", early);
    auto late = example_outcome(3);
    late.done = 200s;
    writer->add_outcome("m1", "S1", late);
    writer->set_model_state("m1", "{\"deaths\":1}");
    writer->add_checkpoint("m1", "S1", example_checkpoint(0, 60));
  });
  {
    const auto reader = RunReader::open(folder.path()).value();
    EXPECT_EQ(reader.last_instant().value(), 200s);
    const NextIds next = reader.next_ids().value();
    EXPECT_EQ(next.request, 4);
    EXPECT_EQ(next.session, 4);
    EXPECT_EQ(next.series, 0);
    EXPECT_THAT(reader.model_files().value(), ElementsAre(ModelFile{"/m.gguf", 12, 34}));
    EXPECT_EQ(reader.model_state("m1").value(), "{\"deaths\":1}");
  }
  {
    auto writer = open_again(folder.path());
    writer->set_aside_cut_off("S1", example_checkpoint(0, 60).at);
    writer->add_part({500s, base::WallTime(505s), 200s});
    writer->add_event(200s, "gap", "nothing was recorded");
    ASSERT_TRUE(writer->add_routing("m1", "code", "code-02", example_trace(5)));
    writer->add_checkpoint("m1", "S1", example_checkpoint(1, 120));
    ASSERT_TRUE(writer->finish("PASS", "", "2026-03-01T13:00:00Z"));
  }
  const auto reader = RunReader::open(folder.path()).value();
  const auto models = reader.models().value();
  ASSERT_EQ(models.size(), 1u) << "the model of before is the model of after";
  EXPECT_EQ(models[0].tests.size(), 1u);
  EXPECT_EQ(reader.outcomes("m1", "2.1")->size(), 1u);
  ASSERT_EQ(reader.outcomes("m1", "S1")->size(), 1u);
  EXPECT_EQ(reader.outcomes("m1", "S1")->at(0).request.value, 2);
  EXPECT_EQ(reader.outcomes("m1", "S1 (cut off)")->size(), 1u);
  const auto routing = reader.routing().value();
  ASSERT_EQ(routing.size(), 2u);
  EXPECT_EQ(reader.read_routing(routing[1])->ids, example_trace(5).ids);
  const auto parts = reader.parts().value();
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].gap_from, base::Duration(200s));
  EXPECT_LT(parts[0].gap_from, base::Duration{0});
  const auto checkpoints = reader.checkpoints("m1", "S1").value();
  ASSERT_EQ(checkpoints.size(), 2u);
  EXPECT_EQ(checkpoints[1].segment, 1);
  EXPECT_EQ(checkpoints[1].others_cpu_cores, 0.5);
  EXPECT_EQ(checkpoints[0].threads, (std::vector<record::ThreadPosition>{{4, 2}, {3, 1}}));
  EXPECT_EQ(checkpoints[0].decode_tok_s, 12.5);
  EXPECT_EQ(checkpoints[0].text_diversity, std::nullopt);
  EXPECT_EQ(checkpoints[0].private_bytes, 123);
  EXPECT_EQ(checkpoints[0].deaths, 2);
}

TEST(Resumption, TwoMayNotWrite) {
  TestFolder folder;
  auto writer = RunWriter::create(folder.path(), example_info()).value();
  const auto lock = DirectoryLock::acquire(folder.path());
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, base::ErrorCode::Usage);
  EXPECT_THAT(lock.error().message, HasSubstr("still going"));
  writer.reset();
  EXPECT_TRUE(DirectoryLock::acquire(folder.path()));
  EXPECT_FALSE(DirectoryLock::acquire(folder.path() + "/nowhere"));
}

TEST(Resumption, ARunOfTheVersionBeforeIsReadAndGoneOnWith) {
  TestFolder folder;
  {
    auto writer = RunWriter::create(folder.path(), example_info()).value();
    writer->add_outcome("m1", "2.1", example_outcome(1));
    writer->add_test("m1", finished_test("2.1"));
    writer->add_outcome("m1", "2.2", example_outcome(2));
  }
  {
    SQLite::Database database(folder.path() + "/run.db", SQLite::OPEN_READWRITE);
    for (const char* table : {"parts", "marks", "model_files", "model_states", "checkpoints"})
      database.exec(std::string("DROP TABLE ") + table);
    database.exec("PRAGMA user_version = 1");
  }
  {
    const auto reader = RunReader::open(folder.path()).value();
    EXPECT_TRUE(reader.parts()->empty());
    EXPECT_TRUE(reader.checkpoints("m1", "S1")->empty());
    EXPECT_EQ(reader.model_state("m1").value(), "");
  }
  open_again(folder.path())->set_aside_cut_off("", 0ns);
  const auto reader = RunReader::open(folder.path()).value();
  EXPECT_EQ(reader.outcomes("m1", "2.1")->size(), 1u);
  EXPECT_EQ(reader.outcomes("m1", "2.2 (cut off)")->size(), 1u);
}

TEST(Resumption, ARunOfVersionTwoIsReadAndGoneOnWith) {
  TestFolder folder;
  RunWriter::create(folder.path(), example_info())
      .value()
      ->add_checkpoint("m1", "S1", example_checkpoint(0, 60));
  {
    SQLite::Database database(folder.path() + "/run.db", SQLite::OPEN_READWRITE);
    database.exec("ALTER TABLE checkpoints DROP COLUMN others_cpu_cores");
    database.exec("PRAGMA user_version = 2");
  }
  const auto others_cpu = [&] {
    return RunReader::open(folder.path()).value().checkpoints("m1", "S1").value().back().others_cpu_cores;
  };
  EXPECT_EQ(others_cpu(), std::nullopt);
  open_again(folder.path())->add_checkpoint("m1", "S1", example_checkpoint(1, 120));
  EXPECT_EQ(others_cpu(), 0.5);
}

}  // namespace
}  // namespace moestress::store
