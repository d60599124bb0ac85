// S3 production load: a burst of everything at once and the recovery from it, realistic arrivals of a
// realistic mixture one pattern after the other, and the highest rate that still meets the latency objective.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <thread>

#include "base/text.h"
#include "load/goodput.h"
#include "load/latency.h"
#include "load/rate_search.h"
#include "protocol/failure.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"
#include "stats/quantile.h"
#include "workload/arrivals.h"
#include "workload/production_mix.h"

namespace moestress::protocol {
namespace {

using base::Duration;
using record::Ending;
using record::Outcome;
using record::Verdict;
using workload::ArrivalKind;

constexpr double kShareMin = 0.9;  ///< of requests, that have to meet the objective
/// Requests alone before the burst and after it; an interval of the median takes six.
constexpr std::size_t kProbes = 6;
constexpr int kProbeTokens = 2;
constexpr double kBurstPerSlot = 1.5;
/// A request alone that takes this many times as long as before the burst is not back to normal.
constexpr double kSlowdownMax = 2;
/// Looks at the recovery, one a second, before a server is said not to recover.
constexpr int kRecoveryLooks = 5;
constexpr double kBaseShare = 0.5;   ///< of the capacity: the mean rate of the patterns
constexpr double kStartShare = 0.7;  ///< of the capacity: the search's first guess
/// A trial of the search has no more requests: at a rate too high they all wait for each other.
constexpr double kTrialRequestsMin = 3, kTrialRequestsMax = 120;
/// TTFT rising by more than this many seconds a second: requests come over 5 % faster than they are served.
constexpr double kQueueGrowthMax = 0.05;
/// How often a phase is taken again because our own client lagged.
constexpr int kRepeatsMax = 3;

std::size_t burst_requests(int slots) { return static_cast<std::size_t>(std::ceil(kBurstPerSlot * slots)); }

enum class Pressure {
  Light,   ///< every answer but a reply is a failure
  Heavy,   ///< 429 and 503 are answers
  Beyond,  ///< more than can be served is asked on purpose: not to be served in time is an answer too
};

bool overload_answer(const Outcome& outcome) {
  return !outcome.ok() && (outcome.http_status == 429 || outcome.http_status == 503);
}

bool timed_out(const Outcome& outcome) {
  return outcome.ending == Ending::FirstByteTimeout || outcome.ending == Ending::IdleTimeout ||
         outcome.ending == Ending::TotalTimeout;
}

struct Traffic {
  std::vector<Outcome> outcomes;
  load::Goodput goodput;
  std::int64_t overloaded = 0;
  std::int64_t failed = 0;  ///< otherwise
};

class ProductionLoad {
 public:
  explicit ProductionLoad(Rig& rig)
      : rig_(rig),
        objective_{rig.sizes().production_ttft_ms_max, rig.sizes().production_tpot_ms_max},
        duration_(base::from_seconds(rig.sizes().production_seconds)) {
    mix_.reply_tokens_max = rig.sizes().production_tokens;
    mix_.prompt_characters_max = rig.sizes().prompt_characters_max;
    mix_.library = &rig.prompts();
    mix_.ignore_eos = true;
    for (const workload::Way& way :
         {workload::Way{record::Endpoint::Chat, true, 5}, workload::Way{record::Endpoint::Chat, false, 2},
          workload::Way{record::Endpoint::Completion, true, 2},
          workload::Way{record::Endpoint::ShimmyGenerate, true, 1},
          workload::Way{record::Endpoint::ShimmyWebSocket, true, 1}})
      if (rig.target().supports(way.endpoint)) mix_.ways.push_back(way);
  }

  record::TestResult run() {
    burst_and_recovery();
    if (go_on()) patterns();
    if (go_on() && !light_misses_) search();
    report_failures();
    if (patterns_table_.rows.size() > 0) result_.table(std::move(patterns_table_));
    if (go_on()) conclude();
    return result_.take();
  }

 private:
  /// Whether there is a server to talk to and nothing has happened that all else would only repeat.
  bool go_on() { return !broken_ && !rig_.cancelled() && rig_.has_target() && !rig_.target().death(); }

  std::vector<Outcome> probes(const std::string& name);
  Traffic play(const std::string& name, const std::vector<Duration>& starts, Duration duration,
               Pressure pressure);
  void note(const std::string& name, Traffic& traffic, Pressure pressure);
  void burst_and_recovery();
  void recovery(const std::vector<Outcome>& before, std::size_t burst);
  void patterns();
  void add_row(const std::string& name, double rate, const Traffic& traffic);
  load::RateTrial trial(double rate, int number);
  void search();
  void search_table(const load::RateSearch& search);
  void report_failures();
  void conclude();
  std::string objective_text() const {
    return fmt::format("TTFT ≤ {:g} ms and TPOT ≤ {:g} ms for {:.0f} % of requests", objective_.ttft_ms_max,
                       objective_.tpot_ms_max, 100 * kShareMin);
  }

  Rig& rig_;
  const load::Objective objective_;
  const Duration duration_;
  ResultBuilder result_;
  workload::ProductionMix mix_;
  load::Whole whole_;
  std::map<std::string, std::int64_t> failures_;  ///< by class and phase
  record::Table patterns_table_{"Patterns of arrival, one after the other",
                                {"planned rate /s", "requests", "ok", "429 and 503", "failed", "goodput /s",
                                 "share in time", "TTFT p50 ms", "TTFT p90 ms", "TPOT p90 ms"},
                                {},
                                {},
                                "table"};
  double capacity_per_s_ = 0;
  double light_per_s_ = 0;
  load::Goodput below_capacity_;  ///< of all patterns together
  bool light_misses_ = false;
  std::optional<load::RateTrial> held_;
  bool confirmed_ = false;
  std::string recovered_;
  std::int64_t asked_ = 0;
  bool broken_ = false;
};

/// The same few short requests one at a time: their TTFT is the measure of "normal".
std::vector<Outcome> ProductionLoad::probes(const std::string& name) {
  workload::RequestShape shape = rig_.request_shape(kProbeTokens);
  if (rig_.target().supports(record::Endpoint::Completion)) shape.endpoint = record::Endpoint::Completion;
  std::vector<record::Request> requests;
  const auto session = rig_.next_session();
  for (const auto& prompt : rig_.prompts().shortest(kProbes + 1))  // the first one warms up
    requests.push_back(workload::make_request(prompt, rig_.request_ids().next(), session, shape));
  Traffic traffic;
  traffic.outcomes = rig_.closed_loop("S3", {std::move(requests)}).outcomes;
  note(name, traffic, Pressure::Light);
  if (!traffic.outcomes.empty()) traffic.outcomes.erase(traffic.outcomes.begin());
  return std::move(traffic.outcomes);
}

/// Requests of the mixture at the given instants. Taken again, a few times in a run, if our own client
/// lagged.
Traffic ProductionLoad::play(const std::string& name, const std::vector<Duration>& starts, Duration duration,
                             Pressure pressure) {
  Traffic traffic;
  if (starts.empty()) return traffic;
  auto requests = workload::production_requests(starts.size(), rig_.request_ids(), rig_.next_session(), mix_,
                                                rig_.seed("S3/" + name));
  for (std::size_t i = 0; i < starts.size(); ++i) requests[i].planned_start = starts[i];
  for (int repeats = 0;; ++repeats) {
    for (auto& request : requests) {
      request.id = rig_.request_ids().next();
      if (!request.stream) whole_.insert(request.id);
    }
    auto load = rig_.open_loop("S3", requests);
    traffic = {};
    traffic.outcomes = std::move(load.outcomes);
    traffic.goodput = load::goodput(traffic.outcomes, objective_, whole_, duration);
    note(name, traffic, pressure);  // of each time: a request that failed has, whether we lagged or not
    if (load.held_back > 0)
      result_.finding("warning", fmt::format("{}: {} requests waited for a socket of ours, and their latency "
                                             "holds that wait",
                                             name, load.held_back));
    if (load.lag_valid || !go_on()) return traffic;
    if (repeats == kRepeatsMax) {
      broken_ = true;  // what follows would rest on it
      result_.judge(Verdict::Invalid, fmt::format("{}: {}", name, load.lag_reason));
      return traffic;
    }
    result_.finding("info", fmt::format("{} was taken again: {}", name, load.lag_reason));
  }
}

/// Counts what failed; what is no answer to overload fails the test.
void ProductionLoad::note(const std::string& name, Traffic& traffic, Pressure pressure) {
  asked_ += static_cast<std::int64_t>(traffic.outcomes.size());
  for (const Outcome& outcome : traffic.outcomes) {
    const auto failure = failure_of(outcome);
    if (!failure) continue;
    ++failures_[fmt::format("{}: {}{}", name, record::to_string(outcome.ending),
                            outcome.http_status >= 400 ? fmt::format(" ({})", outcome.http_status) : "")];
    const bool overload = overload_answer(outcome) || (pressure == Pressure::Beyond && timed_out(outcome));
    (overload ? traffic.overloaded : traffic.failed) += 1;
    if (overload && pressure != Pressure::Light) continue;
    broken_ = true;
    result_.judge(Verdict::Fail, fmt::format("{}: {}a request {}", name,
                                             pressure == Pressure::Light ? "well below capacity " : "",
                                             base::printable(*failure)));
  }
}

void ProductionLoad::burst_and_recovery() {
  const auto before = probes("one at a time");
  if (!go_on()) return;
  const auto count = burst_requests(rig_.plan().target.slots);
  const Traffic burst = play("burst", std::vector<Duration>(count), Duration(0), Pressure::Heavy);
  add_row("burst", std::nan(""), burst);
  if (burst.goodput.seconds > 0)
    capacity_per_s_ = static_cast<double>(burst.goodput.ok) / burst.goodput.seconds;
  result_.metric("burst_requests", static_cast<double>(count), "", burst.goodput.n);
  result_.metric("burst_requests_ok", static_cast<double>(burst.goodput.ok), "", burst.goodput.n);
  result_.metric("capacity_per_s", capacity_per_s_, "requests/s", burst.goodput.ok);
  if (!go_on()) return;
  recovery(before, count);
  if (go_on() && burst.goodput.ok == 0) {
    broken_ = true;
    result_.judge(Verdict::Fail, fmt::format("of {} requests at once none was served", count));
  }
}

/// TTFT of the same requests before and after, in pairs; looked at again until it is back or patience ends.
void ProductionLoad::recovery(const std::vector<Outcome>& before, std::size_t burst) {
  const Duration began = rig_.now();
  std::string text;
  for (int look = 0; look < kRecoveryLooks && go_on(); ++look) {
    if (look > 0) std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto after = probes("after the burst");
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
      const double was = base::to_ms(before[i].first_text - before[i].planned);
      const double is = base::to_ms(after[i].first_text - after[i].planned);
      if (before[i].first_text >= Duration(0) && after[i].first_text >= Duration(0) && was > 0)
        ratios.push_back(is / was);
    }
    if (!go_on()) return;
    std::sort(ratios.begin(), ratios.end());
    const auto n = static_cast<std::int64_t>(ratios.size());
    const auto interval = stats::quantile_interval(ratios, 0.5);
    const double ratio = stats::quantile_of_sorted(ratios, 0.5);
    const double seconds = base::to_seconds(rig_.now() - began);
    result_.metric("recovery_ttft_ratio_p50", ratio, "", n, interval);
    result_.metric("recovery_s", seconds, "s", look + 1);
    if (!interval.bounded()) {
      result_.judge(Verdict::Inconclusive,
                    "replies without text leave nothing to compare the TTFT after the burst with");
      return;
    }
    if (interval.lo <= kSlowdownMax) {
      recovered_ = fmt::format("back to {:.2g} × the TTFT from before within {:.1f} s of a burst of {}",
                               ratio, seconds, burst);
      return;
    }
    text = fmt::format(
        "{:.1f} s after a burst of {} requests a request alone still takes {:.1f} times as "
        "long to its first token (95 % interval {:.1f} to {:.1f}, {} pairs): the server does "
        "not recover",
        seconds, burst, ratio, interval.lo, interval.hi, n);
  }
  if (!go_on()) return;
  broken_ = true;
  result_.judge(Verdict::Fail, text);
}

void ProductionLoad::add_row(const std::string& name, double rate, const Traffic& traffic) {
  std::vector<Outcome> streams;
  for (const Outcome& outcome : traffic.outcomes)
    if (!whole_.contains(outcome.request)) streams.push_back(outcome);
  const auto figures = load::latency_figures(streams);
  patterns_table_.row_labels.push_back(name);
  patterns_table_.rows.push_back(
      {rate, static_cast<double>(traffic.goodput.n), static_cast<double>(traffic.goodput.ok),
       static_cast<double>(traffic.overloaded), static_cast<double>(traffic.failed), traffic.goodput.per_s(),
       traffic.goodput.n > 0 ? traffic.goodput.share() : std::nan(""), stats::quantile(figures.ttft_ms, 0.5),
       stats::quantile(figures.ttft_ms, 0.9), stats::quantile(figures.tpot_ms, 0.9)});
}

void ProductionLoad::patterns() {
  // At a rate of capacity / slots there is, by Little's law, on average at most one request in the server.
  light_per_s_ = capacity_per_s_ / std::max(2, rig_.plan().target.slots);
  const auto play_pattern = [&](const std::string& name, double rate, const std::vector<Duration>& starts,
                                Pressure pressure) {
    const Traffic traffic = play(name, starts, duration_, pressure);
    add_row(name, rate, traffic);
    below_capacity_.n += traffic.goodput.n;
    below_capacity_.met += traffic.goodput.met;
    return traffic.goodput;
  };
  const auto light = play_pattern(
      "one at a time, open loop", light_per_s_,
      workload::arrivals_within(ArrivalKind::Constant, light_per_s_, duration_, 0), Pressure::Light);
  result_.metric("light_share_in_time", light.share(), "", light.n, light.share_interval());
  if (light.n > 0 && light.share_interval().hi < kShareMin) {
    light_misses_ = true;
    result_.judge(
        Verdict::Fail,
        fmt::format("even at {:.2g} requests/s, one at a time, {:.0f} % of {} requests are in time (95 "
                    "% interval {:.0f} to {:.0f} %); the objective is {}",
                    light_per_s_, 100 * light.share(), light.n, 100 * light.share_interval().lo,
                    100 * light.share_interval().hi, objective_text()));
  }
  if (light_misses_) return;  // nor would it be met where more is asked
  const double base_rate = kBaseShare * capacity_per_s_;
  for (const ArrivalKind kind :
       {ArrivalKind::Poisson, ArrivalKind::Gamma, ArrivalKind::Ramp, ArrivalKind::Diurnal}) {
    if (!go_on()) return;
    const std::string name = workload::to_string(kind);
    play_pattern(name, base_rate,
                 workload::arrivals_within(kind, base_rate, duration_, rig_.seed("S3/arrivals " + name)),
                 Pressure::Heavy);
  }
  const std::string& trace = rig_.sizes().production_trace;
  if (trace.empty() || !go_on()) return;
  auto starts = workload::read_arrival_trace(trace);
  if (!starts) {
    result_.judge(Verdict::Invalid, "the trace to replay: " + starts.error().message);
    return;
  }
  starts->erase(std::lower_bound(starts->begin(), starts->end(), duration_), starts->end());
  const double rate = static_cast<double>(starts->size()) / base::to_seconds(duration_);
  // How hard a recorded trace presses this server is not known.
  const Traffic traffic = play("trace", *starts, duration_, Pressure::Beyond);
  add_row("trace", rate, traffic);
}

load::RateTrial ProductionLoad::trial(double rate, int number) {
  const double count =
      std::clamp(rate * rig_.sizes().production_seconds, kTrialRequestsMin, kTrialRequestsMax);
  const std::string name = fmt::format("search {}", number);
  const auto starts = workload::arrivals(ArrivalKind::Poisson, rate, static_cast<std::size_t>(count),
                                         rig_.seed("S3/arrivals " + name));
  const Traffic traffic = play(name, starts, starts.back(), Pressure::Beyond);
  return {rate, traffic.goodput.n, traffic.goodput.met,
          load::ttft_growth(traffic.outcomes).interval.lo > kQueueGrowthMax};
}

void ProductionLoad::search() {
  load::RateSearch search({.start_per_s = kStartShare * capacity_per_s_,
                           .share_min = kShareMin,
                           .trials_max = rig_.sizes().production_search_steps,
                           .lowest_per_s = std::min(light_per_s_, kStartShare * capacity_per_s_),
                           .highest_per_s = 4 * capacity_per_s_});
  int number = 0;
  while (const auto rate = search.next()) {
    const auto done = trial(*rate, ++number);
    if (!go_on()) return;
    search.add(done);
  }
  search_table(search);
  held_ = search.held();
  confirmed_ = search.confirmed();
  const auto missed = search.missed();
  if (!held_) return;
  std::optional<stats::Interval> between;
  if (missed && load::holding(*held_, kShareMin) == load::Holding::Holds &&
      load::holding(*missed, kShareMin) == load::Holding::Misses)
    between = stats::Interval{held_->rate_per_s, missed->rate_per_s};
  result_.metric("rate_max_per_s", held_->rate_per_s, "requests/s", held_->n, between);
  const auto share = stats::wilson(static_cast<double>(held_->met), static_cast<double>(held_->n));
  result_.metric("goodput_per_s", held_->rate_per_s * held_->share(), "requests/s", held_->n,
                 stats::Interval{held_->rate_per_s * share.lo, held_->rate_per_s * share.hi});
  if (missed)
    result_.metric("rate_missed_per_s", missed->rate_per_s, "requests/s", missed->n);
  else
    result_.finding("info",
                    "no rate that was tried misses the objective: rate_max_per_s is a lower bound; raise "
                    "production_search_steps");
  if (!confirmed_)
    result_.finding("warning", fmt::format("{:.2g} requests/s held the objective once, and no rate held it "
                                           "twice",
                                           held_->rate_per_s));
}

void ProductionLoad::search_table(const load::RateSearch& search) {
  record::Table table{"Share of requests in time against their rate (search)",
                      {"requests /s", "share in time", "lower limit", "upper limit", "requests"},
                      {},
                      {},
                      "line"};
  for (const auto& trial : search.trials()) {
    const auto interval = stats::wilson(static_cast<double>(trial.met), static_cast<double>(trial.n));
    table.rows.push_back(
        {trial.rate_per_s, trial.share(), interval.lo, interval.hi, static_cast<double>(trial.n)});
    if (trial.queue_grows)
      result_.finding("info", fmt::format("at {:.2g} requests/s the TTFT rises for as long as requests come: "
                                          "more than the server can serve",
                                          trial.rate_per_s));
  }
  result_.table(std::move(table));
}

void ProductionLoad::report_failures() {
  std::int64_t all = 0;
  for (const auto& [name, count] : failures_) {
    all += count;
    result_.finding("warning", fmt::format("{}: {} requests", name, count));
  }
  result_.metric("requests_failed", static_cast<double>(all), "", asked_);
}

void ProductionLoad::conclude() {
  const bool by_search = held_ && load::holding(*held_, kShareMin) == load::Holding::Holds;
  const bool by_patterns = below_capacity_.share_interval().lo >= kShareMin;
  const std::string patterns =
      fmt::format("{} of {} requests at up to half of the capacity meet the objective ({})",
                  below_capacity_.met, below_capacity_.n, objective_text());
  const std::string text =
      held_ ? fmt::format("{:.2g} requests/s meet the objective ({}: {:.0f} % of {}{})", held_->rate_per_s,
                          objective_text(), 100 * held_->share(), held_->n, confirmed_ ? ", held twice" : "")
            : patterns + ", and no rate that was searched for does";
  if (by_search || by_patterns) {
    result_.judge(Verdict::Pass, fmt::format("{}; {}", text, recovered_));
    return;
  }
  const auto wanted = stats::wilson_trials(held_ ? held_->share() : below_capacity_.share(), kShareMin);
  result_.judge(Verdict::Inconclusive,
                fmt::format("{}; {}; {}", text,
                            wanted ? fmt::format("too few to be sure of {:.0f} %: it takes {} (raise "
                                                 "production_seconds)",
                                                 100 * kShareMin, *wanted)
                                   : fmt::format("whether {:.0f} % ever do is open: raise production_seconds",
                                                 100 * kShareMin),
                            recovered_));
}

}  // namespace

record::TestResult scenario_s3_production_load(Rig& rig) { return ProductionLoad(rig).run(); }

Work work_s3(const WorkInput& input) {
  const auto& sizes = input.plan.tests;
  const auto burst = static_cast<std::int64_t>(burst_requests(input.plan.target.slots));
  constexpr int kPatterns = 5;
  Work work;
  work.requests = static_cast<std::int64_t>(2 * (kProbes + 1)) + burst;
  work.prompt_tokens = work.requests * 40;
  work.reply_tokens = static_cast<std::int64_t>(2 * (kProbes + 1)) * kProbeTokens +
                      burst * std::max(4, sizes.production_tokens / 3);
  // How many requests come in that time depends on the server's own speed.
  work.seconds =
      sizes.production_seconds * (kPatterns + (sizes.production_trace.empty() ? 0 : 1) +
                                  sizes.production_search_steps + load::RateSearch::kConfirmationsMax - 1);
  return work;
}

}  // namespace moestress::protocol
