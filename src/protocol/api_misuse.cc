// The misuse of 4.2: malformed and oversized requests, each kind followed by a normal one.
#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "protocol/api_stress.h"
#include "protocol/failure.h"
#include "target/misuse.h"

namespace moestress::protocol {
namespace {

using record::Endpoint;
using record::Verdict;
using target::Misuse;
using target::MisuseEnding;

constexpr auto kPatience = std::chrono::seconds(20);  // a server may tokenise 12 MiB before it refuses them
constexpr int kHealthTokens = 2;
constexpr double kHealthMarginMs = 10'000;
constexpr int kRestartsMax = 3;
constexpr auto kDeathSeenWithin = std::chrono::seconds(1);

/// One row of the table.
struct Row {
  std::int64_t tries = 0, refused = 0, server_errors = 0, accepted = 0, closed = 0, hung = 0, crashed = 0,
               healthy = 0;

  void count(MisuseEnding ending) {
    ++tries;
    switch (ending) {
      case MisuseEnding::Refused:
        ++refused;
        break;
      case MisuseEnding::ServerError:
        ++server_errors;
        break;
      case MisuseEnding::Accepted:
        ++accepted;
        break;
      case MisuseEnding::Closed:
        ++closed;
        break;
      case MisuseEnding::Hung:
        ++hung;
        break;
      case MisuseEnding::NotConnected:
        break;
    }
  }
  std::vector<double> cells() const {
    std::vector<double> out;
    for (const std::int64_t count : {tries, refused, server_errors, accepted, closed, hung, crashed, healthy})
      out.push_back(static_cast<double>(count));
    return out;
  }
};

/// All of it, over the target's endpoints.
class MisuseRun {
 public:
  MisuseRun(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result)
      : rig_(rig), baseline_(baseline), result_(result) {
    for (const ApiWay& way : api_ways(rig))
      if (way.endpoint != Endpoint::ShimmyWebSocket &&
          std::find(endpoints_.begin(), endpoints_.end(), way.endpoint) == endpoints_.end())
        endpoints_.push_back(way.endpoint);
  }

  MisuseSummary run() {
    for (const Misuse kind : target::kMisuses) {
      if (rig_.cancelled() || given_up_) break;
      if (target::is_for_web_socket(kind) && !rig_.target().supports(Endpoint::ShimmyWebSocket)) continue;
      one_kind(kind);
    }
    conclude();
    return summary_;
  }

 private:
  /// Bodies go to each endpoint at least once.
  void one_kind(Misuse kind) {
    Row row;
    const auto tries = std::max<std::size_t>(static_cast<std::size_t>(rig_.sizes().api_misuses),
                                             target::is_body(kind) ? endpoints_.size() : 1);
    for (std::size_t i = 0; i < tries && !rig_.cancelled(); ++i) {
      const Endpoint endpoint = endpoints_[i % endpoints_.size()];
      const auto taken = rig_.target().misuse(kind, endpoint, kPatience);
      row.count(taken.ending);
      if (taken.ending == MisuseEnding::Accepted && !target::objection(kind, taken)) tolerated(kind);
      const auto wrong = target::objection(kind, taken);
      if (!wrong) continue;
      object(kind,
             target::is_body(kind) ? fmt::format(" to the {} endpoint", record::to_string(endpoint)) : "",
             *wrong);
      break;  // once more would tell nothing new
    }
    if (!rig_.cancelled()) look_after(kind, row);
    summary_.tries += row.tries;
    ++summary_.kinds;
    table_.row_labels.emplace_back(target::to_string(kind));
    table_.rows.push_back(row.cells());
  }

  void object(Misuse kind, const std::string& where, const std::string& wrong) {
    ++faults_;
    const std::string text = fmt::format("misuse \"{}\"{} {}", target::to_string(kind), where, wrong);
    result_.finding("error", text);
    result_.judge(Verdict::Fail, text);
  }

  void tolerated(Misuse kind) {
    const std::string name = target::to_string(kind);
    if (tolerated_.find(name) == std::string::npos) tolerated_ += (tolerated_.empty() ? "" : ", ") + name;
  }

  /// A normal request; absent where it was answered.
  std::optional<std::string> ill_health() {
    load::ClosedLoop plan;
    plan.sessions = {{api_request(rig_, lightest_way(rig_), 0, kHealthTokens)}};
    const double bound_ms = 3 * baseline_.e2e_ms + kHealthMarginMs;
    plan.hang_up_after = base::from_seconds(bound_ms / 1000);
    const auto load = rig_.closed_loop("4.2", std::move(plan));
    if (load.outcomes.empty() || load.outcomes.front().ok()) return std::nullopt;
    if (const auto failure = failure_of(load.outcomes.front())) return "a normal request " + *failure;
    return fmt::format("a normal request was not answered in {:.0f} ms", bound_ms);
  }

  std::optional<std::string> death() {
    const base::Duration asked = rig_.now();
    while (rig_.now() - asked < kDeathSeenWithin) {
      if (auto how = rig_.take_death()) return how;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return std::nullopt;
  }

  void look_after(Misuse kind, Row& row) {
    const auto ill = ill_health();
    ++health_checks_;
    if (!ill || rig_.cancelled()) {
      ++row.healthy;
      ++summary_.health_checks;
      return;
    }
    ++faults_;
    const auto died = death();
    if (died) ++row.crashed;
    const std::string text =
        died ? fmt::format("misuse \"{}\" ended the server: {}", target::to_string(kind), *died)
             : fmt::format("after misuse \"{}\" {}", target::to_string(kind), *ill);
    result_.finding("error", text);
    result_.judge(Verdict::Fail, text);
    revive();
  }

  /// A started server is started anew, so that the other kinds are seen as well.
  void revive() {
    if (rig_.has_target() && !rig_.target().pid()) {
      give_up("the server is not ours to start anew");
    } else if (++restarts_ > kRestartsMax) {
      give_up(fmt::format("the server was started anew {} times already", kRestartsMax));
    } else {
      rig_.stop_target();
      if (const auto status = rig_.ensure_target(); !status) give_up(status.error().message);
    }
  }

  void give_up(const std::string& why) {
    given_up_ = true;
    result_.finding("warning", "the other kinds of misuse were not tried: " + why);
  }

  void conclude() {
    result_.table(std::move(table_));
    result_.metric("misuse_faults", static_cast<double>(faults_), "", summary_.tries);
    result_.metric("health_checks_ok", static_cast<double>(summary_.health_checks), "", health_checks_);
    if (!tolerated_.empty()) result_.finding("info", "accepted, which is no fault: " + tolerated_);
  }

  Rig& rig_;
  const ApiBaseline& baseline_;
  ResultBuilder& result_;
  std::vector<Endpoint> endpoints_;
  MisuseSummary summary_;
  std::int64_t faults_ = 0;
  std::int64_t health_checks_ = 0;
  int restarts_ = 0;
  bool given_up_ = false;
  std::string tolerated_;
  record::Table table_{"Misuse",
                       {"tries", "4xx", "5xx", "accepted", "closed", "hung", "crashed", "healthy after"},
                       {},
                       {},
                       "table"};
};

}  // namespace

MisuseSummary misuse_server(Rig& rig, const ApiBaseline& baseline, ResultBuilder& result) {
  return MisuseRun(rig, baseline, result).run();
}

}  // namespace moestress::protocol
