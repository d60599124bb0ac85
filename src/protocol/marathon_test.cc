// Eight hours on a simulated clock: the code of the real run on a simulated server.
#include "protocol/marathon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"
#include "protocol/marathon_verdict.h"

namespace moestress::protocol {
namespace {

using record::Verdict;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// Words are this server's tokens.
std::int64_t count_words(std::string_view text) {
  std::int64_t count = 0;
  bool inside = false;
  for (const char c : text) {
    count += c != ' ' && !inside ? 1 : 0;
    inside = c != ' ';
  }
  return count;
}

/// What the simulated server is like. It holds 400 MB privately, of which 1 % is 4 MB: a leak of 1 MB/h is
/// growth that its interval shows and that C3 allows; one of 8 MB/h is over the limit.
struct Conduct {
  double private_bytes = 400e6;
  double leak_bytes_per_h = 0;
  double noise_bytes = 1e6;        ///< of an allocator: wanders around its level within minutes
  double tok_s = 20;               ///< of an empty context
  double slower_per_token = 2e-5;  ///< a longer context decodes more slowly
  double slower_per_h = 0;
  double loops_after_h = 1e9;
  std::map<std::int64_t, record::Ending> failures;  ///< by request, counted from 0
  std::vector<double> deaths_h;                     ///< when it dies
  double killed_at_h = 1e5;                         ///< when moestress is killed
  double suspended_at_h = 1e9;                      ///< for an hour
  double others_from_h = 1e9;                       ///< other programs have a core and a half
  double freezes_at_h = 1e9;                        ///< then answers nothing …
  double frozen_h = 0;                              ///< … for so long
};

/// Requests end in the order of their times, and the clock jumps from end to end.
class SimulatedCourse final : public MarathonCourse {
 public:
  SimulatedCourse(Conduct conduct, std::uint64_t seed, base::Duration start = 0ns)
      : conduct_(std::move(conduct)), random_(seed) {
    clock_.advance(start);
  }

  base::Duration now() const override { return clock_.now().time_since_epoch(); }
  base::WallTime wall_now() const override {
    return clock_.wall_now() + (hours() > conduct_.suspended_at_h ? 1h : 0h);
  }
  bool cancelled() const override { return now() >= base::from_seconds(3600 * conduct_.killed_at_h); }

  base::Status start(std::size_t threads, load::EndlessLoop::Next next) override {
    clock_.advance(20s);  // it loads
    born_ = hours();
    wander_ = 0;
    next_ = std::move(next);
    in_flight_.clear();
    ending_ = false;
    for (std::size_t thread = 0; thread < threads; ++thread) send(thread, nullptr);
    return {};
  }

  MarathonSlice advance(base::Duration until) override {
    MarathonSlice slice;
    const base::Duration began = now();
    const double others_cores = hours() < conduct_.others_from_h ? 0.02 : 1.5;
    until = std::min(until, base::from_seconds(3600 * conduct_.killed_at_h));
    const bool dies =
        !conduct_.deaths_h.empty() && conduct_.deaths_h.front() * 3600 < base::to_seconds(until);
    if (dies) until = std::max(now(), base::from_seconds(conduct_.deaths_h.front() * 3600));
    while (now() < until) {
      auto first = in_flight_.end();
      for (auto it = in_flight_.begin(); it != in_flight_.end(); ++it)
        if (first == in_flight_.end() || it->second.done < first->second.done) first = it;
      const base::Duration event = first == in_flight_.end() ? until : std::min(until, first->second.done);
      pass(event, slice);
      if (first != in_flight_.end() && first->second.done <= now()) end(first, slice);
    }
    if (dies) {
      conduct_.deaths_h.erase(conduct_.deaths_h.begin());
      in_flight_.clear();
      slice.death = "killed by signal 9 (SIGKILL)";
    }
    slice.own_private_bytes = 30'000'000 + static_cast<std::int64_t>(1e4 * random_.normal());
    slice.own_rss_bytes = *slice.own_private_bytes + 20'000'000;
    slice.others_cpu = base::from_seconds(others_cores * base::to_seconds(now() - began));
    return slice;
  }

  MarathonSlice finish(bool at_once) override {
    MarathonSlice slice;
    ending_ = true;
    if (at_once || cancelled()) in_flight_.clear();
    while (!in_flight_.empty()) {
      const auto first =
          std::min_element(in_flight_.begin(), in_flight_.end(),
                           [](const auto& a, const auto& b) { return a.second.done < b.second.done; });
      pass(std::max(now(), first->second.done), slice);
      end(first, slice);
    }
    return slice;
  }

  void keep(const record::Checkpoint& checkpoint) override { checkpoints.push_back(checkpoint); }
  void note_event(const std::string& kind, const std::string& text) override {
    events.push_back(kind + ": " + text);
  }

  std::vector<record::Checkpoint> checkpoints;
  std::vector<std::string> events;
  std::vector<record::Request> sent;

 private:
  using InFlight = std::map<std::size_t, record::Outcome>;

  double hours() const { return base::to_seconds(now()) / 3600; }

  void send(std::size_t thread, const record::Outcome* previous) {
    const auto step = next_(thread, previous);
    sent.push_back(step.request);
    record::Outcome outcome;
    outcome.request = step.request.id;
    outcome.session = step.request.session;
    outcome.planned = outcome.sent = now() + step.wait;
    outcome.prompt_tokens = 0;
    for (const auto& message : step.request.messages)
      outcome.prompt_tokens += count_words(message.content) + 4;
    const auto failure = conduct_.failures.find(step.request.id.value);
    if (failure != conduct_.failures.end()) {
      outcome.ending = failure->second;
      outcome.detail = "out of order";
      outcome.done = outcome.planned + 10ms;
    } else {
      answer(step.request, outcome);
    }
    in_flight_[thread] = std::move(outcome);
  }

  void answer(const record::Request& request, record::Outcome& outcome) {
    base::Random words(request.sampling.seed);
    const bool looping = hours() > conduct_.loops_after_h;
    for (int i = 0; i < request.max_tokens; ++i)
      outcome.text += looping ? "again and " : "word" + std::to_string(words.below(4000)) + " ";
    outcome.completion_tokens = looping ? 2 * request.max_tokens : request.max_tokens;
    const double context = static_cast<double>(outcome.prompt_tokens) + request.max_tokens / 2.0;
    const double seconds_per_token = (1 / conduct_.tok_s + conduct_.slower_per_token * context) *
                                     (1 + conduct_.slower_per_h * hours()) * (1 + 0.03 * random_.normal());
    const double until_freeze = conduct_.freezes_at_h - base::to_seconds(outcome.planned) / 3600;
    const bool freezes = until_freeze <= 0 && -until_freeze < conduct_.frozen_h;
    outcome.first_text = outcome.planned + 400ms +
                         (freezes ? base::from_seconds(3600 * (conduct_.frozen_h + until_freeze)) : 0ns);
    outcome.last_text = outcome.done =
        outcome.first_text +
        base::from_seconds(seconds_per_token * static_cast<double>(outcome.completion_tokens - 1));
    outcome.finish_reason = "length";
  }

  void end(InFlight::iterator which, MarathonSlice& slice) {
    const std::size_t thread = which->first;
    const record::Outcome outcome = std::move(which->second);
    in_flight_.erase(which);
    slice.outcomes.push_back(outcome);
    if (!ending_) send(thread, &outcome);
  }

  /// Time passes until `until`; memory is looked at once a second.
  void pass(base::Duration until, MarathonSlice& slice) {
    for (; next_sample_ <= until; next_sample_ += 1s) {
      if (next_sample_ < now()) continue;
      wander_ = 0.995 * wander_ + 0.1 * random_.normal();  // deviation 1, forgotten within some minutes
      const double up = base::to_seconds(next_sample_) / 3600 - born_;
      const double first_use = 20e6 * (1 - std::exp(-up * 60));
      record::ProcessSample sample;
      sample.at = next_sample_;
      sample.rss_anon_bytes =
          static_cast<std::int64_t>(conduct_.private_bytes + first_use + conduct_.leak_bytes_per_h * up +
                                    conduct_.noise_bytes * wander_);
      slice.memory.push_back(sample);
    }
    clock_.advance(std::max(base::Duration{0}, until - now()));
  }

  Conduct conduct_;
  base::Random random_;
  base::FakeClock clock_;
  load::EndlessLoop::Next next_;
  InFlight in_flight_;
  bool ending_ = false;
  double born_ = 0;
  double wander_ = 0;
  base::Duration next_sample_{0};
};

class Marathon : public testing::Test {
 protected:
  Marathon() {
    plan_.seconds = 8 * 3600;
    plan_.checkpoint_seconds = 60;
    plan_.threads = 4;
    plan_.shape.context_tokens = 2048;
    plan_.shape.seed = 1;
    plan_.shape.request.max_tokens = 128;
    plan_.shape.count_tokens = count_words;
  }

  /// Runs the plan, and gives the result; `before`: checkpoints of an interrupted run.
  record::TestResult run(SimulatedCourse& course, const std::vector<record::Checkpoint>& before = {}) {
    MarathonLedger ledger(plan_.threads, plan_.first_session, judge_text_);
    ledger.restore(before);
    EXPECT_TRUE(run_marathon(plan_, course, ledger, ids_));
    EXPECT_LE(ledger.points().size(), MarathonLedger::kPointsMax);
    ResultBuilder result;
    conclude_marathon(ledger, {thresholds_, plan_.seconds}, result);
    return result.take();
  }
  record::TestResult run(const Conduct& conduct, std::uint64_t seed = 1) {
    SimulatedCourse course(conduct, seed);
    return run(course);
  }

  bool judge_text_ = false;
  MarathonPlan plan_;
  plan::Thresholds thresholds_;
  workload::RequestIds ids_;
};

std::string findings_of(const record::TestResult& result) {
  std::string all;
  for (const auto& finding : result.findings) all += finding.severity + ": " + finding.text + "\n";
  return all;
}

TEST_F(Marathon, ASoundServerPassesEightHours) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    SimulatedCourse course({}, seed);
    judge_text_ = seed == 1;
    const auto result = run(course);
    EXPECT_EQ(result.verdict, Verdict::Pass) << result.reason;
    const auto& slope = result.metrics.at("private_bytes_per_hour");
    EXPECT_LT(slope.ci->first, 0) << slope.value;
    EXPECT_GT(slope.ci->second, 0) << slope.value;
    EXPECT_THAT(findings_of(result), testing::Not(HasSubstr("private memory grows")));
    EXPECT_NEAR(result.metrics.at("active_hours").value, 8, 0.01);
    EXPECT_NEAR(static_cast<double>(course.checkpoints.size()), 480, 1);
    EXPECT_GT(result.metrics.at("conversations").value, 100);
    EXPECT_TRUE(course.events.empty());
  }
}

TEST_F(Marathon, ALeakOfOneMegabytePerHourIsFound) {
  Conduct conduct;
  conduct.leak_bytes_per_h = 1e6;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto result = run(conduct, seed);
    EXPECT_EQ(result.verdict, Verdict::Pass) << "within 1 % of 400 MB: " << result.reason;
    const auto& slope = result.metrics.at("private_bytes_per_hour");
    EXPECT_GT(slope.ci->first, 0.3e6);
    EXPECT_LT(slope.ci->second, 1.7e6);
    EXPECT_THAT(findings_of(result), HasSubstr("warning: private memory grows by"));
  }
}

TEST_F(Marathon, ALeakOverTheLimitFails) {
  Conduct conduct;
  conduct.leak_bytes_per_h = 8e6;
  const auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("private memory grows by"));
  EXPECT_NEAR(result.metrics.at("private_bytes_per_hour").value, 8e6, 0.5e6);
}

TEST_F(Marathon, SpeedThatDecaysFailsAndALongerContextIsNotTakenForIt) {
  Conduct conduct;
  conduct.slower_per_h = 0.02;
  const auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("decode speed changes by -1"));
}

TEST_F(Marathon, SpeedThatOtherProgramsTookIsNotTheServersFault) {
  Conduct conduct;
  conduct.slower_per_h = 0.02;
  conduct.others_from_h = 4;
  auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Invalid);
  EXPECT_THAT(result.reason, HasSubstr("cores busy in the slower half of the checkpoints"));
  EXPECT_GT(result.metrics.at("others_cpu_cores_while_slow").value, 1);
  ids_ = workload::RequestIds();
  conduct.others_from_h = 0;
  result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail) << "they were there all the time: " << result.reason;
}

TEST_F(Marathon, TextThatGoesOffTheRailsFails) {
  Conduct conduct;
  conduct.loops_after_h = 4;
  judge_text_ = true;
  const auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("what is said degenerates"));
  EXPECT_NEAR(result.metrics.at("replies_looping_share").value, 0.5, 0.2);
}

TEST_F(Marathon, SingleFailuresAreToldAndABurstFails) {
  Conduct conduct;
  for (const std::int64_t request : {200, 1200, 2200}) conduct.failures[request] = record::Ending::Http5xx;
  auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Pass) << result.reason;
  EXPECT_EQ(result.metrics.at("requests_failed").value, 3);
  EXPECT_THAT(findings_of(result), HasSubstr("3 of "));
  ids_ = workload::RequestIds();
  for (std::int64_t request = 500; request < 506; ++request)
    conduct.failures[request] = record::Ending::Reset;
  result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("1 error burst"));
}

TEST_F(Marathon, AServerThatDiesIsStartedAgainAndFails) {
  Conduct conduct;
  conduct.deaths_h = {2, 5};
  SimulatedCourse course(conduct, 1);
  const auto result = run(course);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("the server died 2 times: killed by signal 9"));
  EXPECT_EQ(result.metrics.at("segments").value, 3);
  EXPECT_NEAR(result.metrics.at("active_hours").value, 8, 0.05);
  const auto& slope = result.metrics.at("private_bytes_per_hour");
  EXPECT_LT(slope.ci->second, 4e6) << "first use after each start is not growth";
}

TEST_F(Marathon, AServerThatOnlyDiesIsGivenUp) {
  Conduct conduct;
  conduct.deaths_h = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
  const auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_EQ(result.metrics.at("server_deaths").value, kMarathonDeathsMax + 1);
  EXPECT_LT(result.metrics.at("active_hours").value, 0.5);
}

TEST_F(Marathon, AServerThatAnswersNothingIsGivenUp) {
  Conduct conduct;
  for (std::int64_t request = 100; request < 100'000; ++request)
    conduct.failures[request] = record::Ending::Refused;
  const auto result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_LT(result.metrics.at("active_hours").value, 0.5);
}

TEST_F(Marathon, AServerThatFreezesFails) {
  Conduct conduct;
  conduct.freezes_at_h = 2;
  conduct.frozen_h = 0.2;
  auto result = run(conduct);  // it goes on by itself, and no request fails
  EXPECT_EQ(result.verdict, Verdict::Fail);
  EXPECT_THAT(result.reason, HasSubstr("answered nothing for 1"));  // 12 minutes, less what was under way
  EXPECT_EQ(result.metrics.at("requests_failed").value, 0);
  ids_ = workload::RequestIds();
  conduct.frozen_h = 10;
  result = run(conduct);
  EXPECT_EQ(result.verdict, Verdict::Fail) << "it never goes on";
  EXPECT_THAT(result.reason, HasSubstr("answered nothing for "));
}

TEST_F(Marathon, GoesOnFromTheLastCheckpointWithTheSameTurns) {
  SimulatedCourse whole({}, 1);
  run(whole);
  std::map<std::int64_t, std::vector<std::string>> all, seen;
  for (const auto& request : whole.sent)
    all[request.session.value].push_back(request.messages.back().content);

  Conduct conduct;
  std::vector<record::Checkpoint> kept;
  record::TestResult result;
  for (const double killed_at_h : {1.507, 4.013, 1e5}) {
    conduct.killed_at_h = killed_at_h;
    SimulatedCourse course(conduct, 2, kept.empty() ? 0s : kept.back().at + 600s);
    result = run(course, kept);
    // Killed within an interval: what came after the last checkpoint is not known.
    if (killed_at_h < 10) course.checkpoints.pop_back();
    std::map<std::int64_t, std::size_t> turn;
    for (std::size_t thread = 0; thread < plan_.threads; ++thread)
      turn[static_cast<std::int64_t>(thread)] =
          kept.empty() ? 0 : static_cast<std::size_t>(kept.back().threads[thread].turns);
    for (const auto& request : course.sent) {
      const auto& expected = all[request.session.value];
      const std::size_t n = turn[request.session.value]++;
      if (n < expected.size()) {
        ASSERT_EQ(request.messages.back().content, expected[n]) << n;
      }
    }
    kept.insert(kept.end(), course.checkpoints.begin(), course.checkpoints.end());
  }
  EXPECT_EQ(result.verdict, Verdict::Pass) << result.reason;
  EXPECT_EQ(result.metrics.at("segments").value, 3);
  EXPECT_NEAR(result.metrics.at("active_hours").value, 8, 0.01);
  EXPECT_EQ(result.metrics.at("checkpoints").value, static_cast<double>(kept.size()));
  EXPECT_THAT(findings_of(result), HasSubstr("3 unbroken segments"));
}

TEST_F(Marathon, AMachineThatSleptIsNoticed) {
  Conduct conduct;
  conduct.suspended_at_h = 3;
  SimulatedCourse course(conduct, 1);
  const auto result = run(course);
  ASSERT_EQ(course.events.size(), 1u);
  EXPECT_THAT(course.events[0], HasSubstr("clock-jump: the wall clock went 1 h 00 min further"));
  EXPECT_THAT(findings_of(result), HasSubstr("+3600 s"));
}

TEST_F(Marathon, TooShortARunSaysHowLongItTakes) {
  plan_.seconds = 600;
  plan_.checkpoint_seconds = 10;
  const auto result = run(Conduct{});
  EXPECT_EQ(result.verdict, Verdict::Inconclusive);
  EXPECT_THAT(result.reason, HasSubstr("it takes about"));
}

TEST_F(Marathon, MemoryDoesNotGrowWithTheNumberOfCheckpoints) {
  plan_.checkpoint_seconds = 4;
  SimulatedCourse course({}, 1);
  const auto result = run(course);
  EXPECT_GT(course.checkpoints.size(), MarathonLedger::kPointsMax);
  EXPECT_NE(result.verdict, Verdict::Fail) << result.reason;
}

}  // namespace
}  // namespace moestress::protocol
