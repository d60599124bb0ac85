#include "plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>

#include "plan/fields.h"

namespace moestress::plan {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string error_of(std::string_view text) {
  const auto plan = parse_plan(text, "p.toml");
  return plan ? "" : plan.error().message;
}

TEST(BuiltInSuites, AreCompleteAndValid) {
  for (const std::string_view name : built_in_suites()) {
    const auto plan = built_in_suite(name);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->suite, name);
    EXPECT_EQ(plan->scale, 1);
    EXPECT_TRUE(validate(*plan));
    EXPECT_EQ(plan->tests.generation_lengths, (std::vector<int>{50, 100, 150}));
    EXPECT_EQ(plan->thresholds, Thresholds{}) << "thresholds are the same in every suite";
  }
}

TEST(BuiltInSuites, StandardAndFullCanDecideWhatSmokeCannot) {
  const auto smoke = built_in_suite("smoke");
  const auto standard = built_in_suite("standard");
  const auto full = built_in_suite("full");
  EXPECT_LT(smoke->tests.consistency_prompts, 73);
  EXPECT_GE(standard->tests.consistency_prompts, 73);
  EXPECT_GE(8 * standard->tests.reasoning_tasks, 73) << "of eight families";
  EXPECT_GE(full->tests.open_loop_requests, 662);
  EXPECT_EQ(full->tests.long_form_seconds, 1800);
  EXPECT_EQ(full->tests.long_form_tokens, (std::vector<int>{2000, 5000}));
  for (const auto* plan : {&*smoke, &*standard, &*full})
    EXPECT_THAT(plan->tests.concurrency_levels, ::testing::Contains(plan->thresholds.c5_sessions_min));
}

TEST(BuiltInSuites, AnUnknownNameGetsTheNearest) {
  const auto plan = built_in_suite("standart");
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, base::ErrorCode::Usage);
  EXPECT_THAT(plan.error().message, HasSubstr("did you mean \"standard\"?"));
}

TEST(BuiltInSuites, CopiesOfTheirTextAreTheSamePlans) {
  for (const std::string_view name : built_in_suites()) {
    const auto copy = parse_plan(suite_text(name), "copy.toml");
    ASSERT_TRUE(copy) << copy.error().message;
    EXPECT_EQ(*copy, *built_in_suite(name));
  }
}

TEST(ToToml, RoundTripsExactly) {
  Plan plan = *built_in_suite("full");
  plan.suite = "nightly \"x\" \\ ü";
  plan.seed = std::numeric_limits<std::int64_t>::max();
  plan.scale = 1.0 / 3;
  plan.models = {"/models/a \"b\" c\\d.gguf"};
  plan.only = {"2.2", "S1"};
  plan.target.spawn = "server --flag 'x y' \"z\"";
  plan.target.ready_timeout_s = 0.1 + 0.2 + 1;
  plan.tests.long_form_seconds = 1e-7;
  plan.thresholds.c2_gpu_bytes_max = 123456789012345.0;
  plan.placements = {"first:8"};
  plan.checks = {{"2.2/ttft_ms p(95) < 500", true}, {"decode_tok_s_min >= 10", false}};
  ASSERT_TRUE(validate(plan)) << validate(plan).error().message;
  const auto again = parse_plan(to_toml(plan), "again");
  ASSERT_TRUE(again) << again.error().message << to_toml(plan);
  EXPECT_EQ(*again, plan);
  EXPECT_EQ(to_toml(*again), to_toml(plan));
}

TEST(ParsePlan, MissingKeysComeFromTheNamedSuite) {
  const auto plan = parse_plan("extends = \"smoke\"\n[tests]\nmemory_requests = 7\n", "p.toml");
  ASSERT_TRUE(plan) << plan.error().message;
  Plan expected = *built_in_suite("smoke");
  expected.suite = "custom";
  expected.tests.memory_requests = 7;
  EXPECT_EQ(*plan, expected);
  EXPECT_EQ(parse_plan("", "p.toml")->tests, built_in_suite("standard")->tests);
}

TEST(ParsePlan, ErrorsNameTheLineAndTheNearestName) {
  EXPECT_EQ(error_of("seed = 1\n\n[tests]\nmemory_request = 3\n"),
            "p.toml:4: unknown key \"memory_request\" in [tests], did you mean \"memory_requests\"?");
  EXPECT_EQ(error_of("seeed = 1"), "p.toml:1: unknown key \"seeed\", did you mean \"seed\"?");
  EXPECT_EQ(error_of("\n[treshold]\n"), "p.toml:2: unknown key \"treshold\", did you mean \"thresholds\"?");
  EXPECT_THAT(error_of("only = [\"2.4\"]"),
              AllOf(StartsWith("p.toml:1: only names the unknown test \"2.4\", did you mean \""),
                    HasSubstr("known: 1.1, ")));
  EXPECT_THAT(error_of("extends = \"smoky\""),
              AllOf(StartsWith("p.toml:1: unknown suite"), HasSubstr("\"smoke\"?")));
  EXPECT_THAT(error_of("[target]\ndialect = \"olama\""),
              AllOf(StartsWith("p.toml:2: "), HasSubstr("did you mean \"ollama\"?")));
  EXPECT_THAT(error_of("seed = 1\nseed = 2"), StartsWith("p.toml:2: "));
  EXPECT_THAT(error_of("seed = \n"), StartsWith("p.toml:1: "));
}

TEST(ParsePlan, ChecksAreReadInTheirOrder) {
  const auto plan = parse_plan(
      "[[checks]]\nexpect = \"ttft_ms p(95) < 500\"\nabort_on_fail = true\n[[checks]]\nexpect = "
      "'requests_failed "
      "rate == 0'\n",
      "p.toml");
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->checks,
            (std::vector<Check>{{"ttft_ms p(95) < 500", true}, {"requests_failed rate == 0", false}}));
}

TEST(ParsePlan, WrongChecksAreRefusedAtTheirLineAndColumn) {
  EXPECT_EQ(error_of("\n[[checks]]\nexpect = \"tfft_ms p(95) < 500\""),
            "p.toml:3:11: unknown metric \"tfft_ms\", did you mean \"ttft_ms\"?");
  EXPECT_THAT(error_of("[[checks]]\nexpect = \"ttft_ms p(95) 500\""), StartsWith("p.toml:2:25: one of < <="));
  EXPECT_EQ(error_of("[[checks]]\nexpct = \"ttft_ms p(95) < 500\""),
            "p.toml:2: unknown key \"expct\" in [[checks]], did you mean \"expect\"?");
  EXPECT_EQ(error_of("[[checks]]\nexpect = 3"), "p.toml:2: checks.expect must be a string");
  EXPECT_EQ(error_of("[[checks]]\nexpect = \"ttft_ms avg < 5\"\nabort_on_fail = 1"),
            "p.toml:3: checks.abort_on_fail must be true or false");
  EXPECT_THAT(error_of("[[checks]]\nabort_on_fail = true"), StartsWith("p.toml:1: a check without expect"));
  EXPECT_THAT(error_of("[checks]\nexpect = \"x\""), HasSubstr("written as [[checks]]"));
  EXPECT_THAT(error_of("checks = [1]"), HasSubstr("written as [[checks]]"));
  EXPECT_THAT(error_of("[[check]]\nexpect = \"x\""), HasSubstr("did you mean \"checks\"?"));
}

TEST(ParsePlan, PlacementsAreCheckedWhereTheyStand) {
  EXPECT_EQ(parse_plan("placements = [\"cpu\", \"first:8\"]", "p.toml")->placements,
            (std::vector<std::string>{"cpu", "first:8"}));
  EXPECT_THAT(error_of("seed = 1\nplacements = [\"cpu\", \"frist:8\"]"),
              StartsWith("p.toml:2: placements holds "));
  EXPECT_THAT(error_of("placements = [\"cpu\", \"cpu\"]"), HasSubstr("\"cpu\" twice"));
  EXPECT_THAT(error_of("placements = [\"cpu\", \"gpu\"]\n[target]\nurl = \"http://h\""),
              HasSubstr("placed by its own command"));
}

TEST(ParsePlan, WrongTypesAreRefused) {
  EXPECT_EQ(error_of("seed = \"1\""), "p.toml:1: seed must be a whole number");
  EXPECT_EQ(error_of("[tests]\nmemory_requests = 3.0"),
            "p.toml:2: tests.memory_requests must be a whole number");
  EXPECT_EQ(error_of("only = \"2.2\""), "p.toml:1: only must be a list of strings");
  EXPECT_EQ(error_of("[tests]\ngeneration_lengths = [1, \"2\"]"),
            "p.toml:2: tests.generation_lengths must be a list of whole numbers");
  EXPECT_EQ(error_of("tests = 3"), "p.toml:1: tests must be a table, written as [tests]");
  EXPECT_EQ(error_of("extends = 3"), "p.toml:1: extends must be a string");
  EXPECT_EQ(error_of("[target]\nready_timeout_s = 60"), "") << "a whole number is a number";
}

TEST(ParsePlan, RangesAreChecked) {
  EXPECT_EQ(error_of("[target]\nslots = 0"), "p.toml:2: target.slots must lie in 1..64, is 0");
  EXPECT_THAT(error_of("[target]\nslots = 4294967297"), StartsWith("p.toml:2: target.slots must lie in"));
  EXPECT_THAT(error_of("seed = -1"), StartsWith("p.toml:1: seed must lie in 0..9223372036854775807"));
  EXPECT_THAT(error_of("[thresholds]\nc4_agreement_min = nan"), StartsWith("p.toml:2: "));
  EXPECT_THAT(error_of("[tests]\nlong_form_seconds = inf"), StartsWith("p.toml:2: "));
  EXPECT_THAT(error_of("[tests]\nconcurrency_levels = [1, 3, 3]"), HasSubstr("must ascend, but 3 follows 3"));
  EXPECT_THAT(error_of("[tests]\nconcurrency_levels = []"), HasSubstr("needs at least 1 values, has 0"));
  EXPECT_THAT(error_of("[tests]\nmemory_contexts = [512, 1024, 2048]"), HasSubstr("needs at least 4"));
  EXPECT_THAT(error_of("[tests]\ncontext_fractions = [0.5, 1.1]"), HasSubstr("is 1.1"));
  EXPECT_THAT(error_of("suite = \"a\\u0000b\""), HasSubstr("control character"));
  EXPECT_THAT(error_of("suite = \"\""), HasSubstr("must not be empty"));
  EXPECT_THAT(error_of("only = [\"2.2\", \"2.2\"]"), HasSubstr("twice"));
  EXPECT_THAT(error_of("[tests]\nreasoning_families = [\"zebras\"]"), HasSubstr("did you mean \"zebra\"?"));
  EXPECT_THAT(error_of("[tests]\nreasoning_families = [\"code\", \"code\"]"), HasSubstr("twice"));
  EXPECT_THAT(error_of("models = [\"a/x.gguf\", \"b/x.gguf\"]"), HasSubstr("\"x.gguf\""));
}

TEST(ParsePlan, TargetsThatExcludeEachOtherAreRefusedAtTheirLine) {
  EXPECT_EQ(error_of("[target]\nspawn = \"server\"\nurl = \"http://127.0.0.1:8080\""),
            "p.toml:3: spawn and url exclude each other: name one of them");
  EXPECT_THAT(error_of("[target]\nbaseline_url = \"127.0.0.1:8080\""), HasSubstr("must begin with http://"));
  EXPECT_THAT(error_of("models = [\"a.gguf\", \"b.gguf\"]\n[target]\nspawn = \"x {port}\""),
              HasSubstr("one command serves one model, but 2 are named"));
  EXPECT_THAT(error_of("[target]\nurl = \"127.0.0.1:8080\""), HasSubstr("must begin with http://"));
  EXPECT_THAT(error_of("models = [\"a.gguf\", \"b.gguf\"]\n[target]\nurl = \"http://h\""),
              HasSubstr("one model"));
}

TEST(ParsePlan, AKeyInPlaceOfItsVariableIsRefusedAndNotRepeated) {
  const std::string error = error_of("[target]\napi_key_env = \"sk-very-secret\"");
  EXPECT_THAT(error, HasSubstr("name of an environment variable"));
  EXPECT_THAT(error, Not(HasSubstr("very-secret")));
}

TEST(LoadPlan, ReadsAFileAndNamesItInErrors) {
  const auto path = std::filesystem::temp_directory_path() / "moestress_plan_test.toml";
  std::ofstream(path) << "suite = \"mine\"\n[tests]\nx = 1\n";
  const auto plan = load_plan(path);
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, StartsWith(path.string() + ":3: unknown key \"x\" in [tests]"));
  std::ofstream(path) << std::string((1u << 20) + 1, '#');
  EXPECT_THAT(load_plan(path).error().message, HasSubstr("no plan needs"));
  std::filesystem::remove(path);
  EXPECT_EQ(load_plan(path).error().code, base::ErrorCode::Io);
  EXPECT_FALSE(load_plan("/"));
}

TEST(Prompts, FilesAreNamedByDomainAndTakenFromThePlansFolder) {
  const auto path = std::filesystem::temp_directory_path() / "moestress_plan_prompts_test.toml";
  std::ofstream(path) << "[prompts]\ncode = \"sets/mine.txt\"\nmath = \"/abs/math.txt\"\n";
  const auto plan = load_plan(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->prompts.code, (path.parent_path() / "sets/mine.txt").string());
  EXPECT_EQ(plan->prompts.math, "/abs/math.txt");
  EXPECT_EQ(plan->prompts.science, "");
  EXPECT_EQ(parse_plan(to_toml(*plan), "plan.toml")->prompts, plan->prompts);

  EXPECT_THAT(parse_plan("[prompts]\n\nsciense = \"x\"\n", "p").error().message,
              StartsWith("p:3: unknown key \"sciense\" in [prompts], did you mean \"science\"?"));
  EXPECT_THAT(parse_plan("[prompts]\ncode = 3\n", "p").error().message,
              StartsWith("p:2: prompts.code must be"));
}

TEST(Scaled, MultipliesCountsAndDurationsDownToTheirFloors) {
  const Plan standard = *built_in_suite("standard");
  const auto tenth = scaled(standard, 0.1);
  ASSERT_TRUE(tenth) << tenth.error().message;
  EXPECT_EQ(tenth->scale, 0.1);
  EXPECT_EQ(tenth->tests.memory_requests, 6);
  EXPECT_EQ(tenth->tests.long_form_seconds, 15);
  EXPECT_EQ(tenth->tests.long_form_tokens, std::vector<int>{200});
  EXPECT_EQ(tenth->tests.consistency_prompts, 11);
  EXPECT_EQ(tenth->tests.concurrency_tokens, 16) << "the floor";
  EXPECT_EQ(tenth->tests.generation_prompts, 1);

  EXPECT_EQ(tenth->tests.generation_lengths, standard.tests.generation_lengths);
  EXPECT_EQ(tenth->tests.context_fractions, standard.tests.context_fractions);
  EXPECT_EQ(tenth->tests.open_loop_rate_per_s, standard.tests.open_loop_rate_per_s);
  EXPECT_EQ(tenth->target, standard.target);
  EXPECT_EQ(tenth->thresholds, standard.thresholds);
}

TEST(Scaled, NeverRaisesWhatIsBelowItsFloorAlready) {
  Plan plan = *built_in_suite("smoke");
  plan.tests.profile_tokens = 4;
  EXPECT_EQ(scaled(plan, 0.5)->tests.profile_tokens, 4);
  EXPECT_EQ(scaled(plan, 10)->tests.profile_tokens, 40);
}

TEST(Scaled, LengthsThatMeetAtTheFloorBecomeOne) {
  Plan plan = *built_in_suite("full");
  EXPECT_EQ(scaled(plan, 0.001)->tests.long_form_tokens, std::vector<int>{64});
}

TEST(Scaled, ByOneChangesNothingAndNonsenseIsRefused) {
  const Plan plan = *built_in_suite("smoke");
  EXPECT_EQ(*scaled(plan, 1), plan);
  for (const double factor : {0.0, -1.0, std::nan(""), 1e4, std::numeric_limits<double>::infinity()})
    EXPECT_FALSE(scaled(plan, factor)) << factor;
}

TEST(Validate, CatchesWhatCommandLineOptionsBreak) {
  Plan plan = *built_in_suite("smoke");
  plan.only = {"9.9"};
  EXPECT_THAT(validate(plan).error().message, StartsWith("only names the unknown test"));
  plan.only = {"2.2"};
  EXPECT_TRUE(plan.wants("2.2"));
  EXPECT_FALSE(plan.wants("2.1"));
  plan.seed = ~0ull;
  EXPECT_THAT(validate(plan).error().message, HasSubstr("seed"));
}

}  // namespace
}  // namespace moestress::plan
