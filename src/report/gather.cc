#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "report/report_input.h"
#include "report/request_statistics.h"
#include "report/routing_tally.h"
#include "report/timeline.h"
#include "store/run_reader.h"

namespace moestress::report {
namespace {

constexpr std::size_t kPlanBytesMax = 1'000'000;
constexpr std::size_t kMarksMax = 200;
constexpr std::size_t kRoutingCellsMax = 200'000;  // shares in all; each is some seven bytes in report.html

/// The plan as resolved, or empty.
std::string read_plan(const std::string& directory) {
  std::ifstream in(directory + "/plan.toml", std::ios::binary);
  std::string text(kPlanBytesMax, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// How far a run came that has no end, or ended for a reason of its own.
std::string how_far(const ReportInput& input, const std::vector<store::Event>& events) {
  if (!input.run.ended.empty() && input.run.reason.empty()) return "";
  std::string text = "before any test was finished";
  for (const record::ModelResult& model : input.models)
    if (!model.tests.empty()) {
      const record::TestResult& last = model.tests.back();
      text = fmt::format("after test {} ({}) of {}", last.id, last.name, model.id);
    }
  if (!input.run.ended.empty()) return text + ": " + input.run.reason;
  text += ": the run has no end, so it is still going or its process was killed";
  if (!events.empty())
    text += fmt::format("; the last it wrote, {} in: {} {}",
                        base::human_seconds(base::to_seconds(events.back().at)), events.back().kind,
                        events.back().text);
  return text;
}

/// Gathers the parts that a report can do without: what can't be read becomes a note.
class Gatherer {
 public:
  Gatherer(const store::RunReader& reader, ReportInput& input) : reader_(reader), input_(input) {}

  void memory() {
    for (const record::ModelResult& model : input_.models) {
      append(input_.memory.process, reader_.process_samples(model.id, kSeriesPoints - kGapsMax),
             "process samples", [&](const auto& samples) { return process_curves(model.id, samples); });
      append(input_.memory.device, reader_.device_samples(model.id, kSeriesPoints - kGapsMax),
             "device samples", [&](const auto& samples) { return device_curves(model.id, samples); });
    }
    append(input_.memory.host, reader_.host_samples(kSeriesPoints - kGapsMax), "host samples", host_curves);
    for (auto* curves : {&input_.memory.process, &input_.memory.device, &input_.memory.host})
      break_at(input_.gaps, *curves);
  }

  void gaps() {
    const auto parts = reader_.parts();
    if (!parts) return note("when moestress ran", parts.error());
    for (const store::Part& part : *parts)
      if (part.gap_from >= base::Duration{0})
        input_.gaps.push_back({base::to_seconds(part.gap_from), base::to_seconds(part.at)});
  }

  void marks(const std::vector<store::Event>& events) {
    for (const store::Event& event : events) {
      if (input_.memory.marks.size() == kMarksMax) {
        input_.notes.push_back(
            fmt::format("{} events: the time axis shows the first {}", events.size(), kMarksMax));
        break;
      }
      input_.memory.marks.push_back({base::to_seconds(event.at), event.kind, event.text});
    }
  }

  void requests() {
    RequestStatistics statistics;
    for (const record::ModelResult& model : input_.models) {
      const base::Status read = reader_.for_each_outcome(
          model.id, "", [&](const std::string& test, const record::Outcome& outcome) {
            statistics.add(model.id, test, outcome);
          });
      if (!read) note("requests of " + model.id, read.error());
    }
    input_.latencies = statistics.latencies();
    input_.endings = statistics.endings();
    input_.speeds = statistics.speeds();
  }

  void routing() {
    const auto entries = reader_.routing();
    if (!entries) return note("the index of routing traces", entries.error());
    RoutingTally tally;
    for (const store::RoutingEntry& entry : *entries) {
      const auto trace = reader_.read_routing(entry);
      if (!trace) {
        note(fmt::format("routing trace {} of {}", entry.prompt_id, entry.model_id), trace.error());
        continue;
      }
      tally.add(entry.model_id, entry.set_label, *trace);
    }
    std::size_t cells = 0;
    for (RoutingShares& shares : tally.shares()) {
      cells += shares.share.size() * shares.share.front().size();
      if (cells > kRoutingCellsMax) {
        input_.notes.push_back("more routing than a report holds: prompt sets from \"" + shares.set +
                               "\" of " + shares.model +
                               " on have no heatmap here; the traces are in routing.bin");
        break;
      }
      input_.routing.push_back(std::move(shares));
    }
  }

  void note(const std::string& what, const base::Error& error) {
    input_.notes.push_back(what + " could not be read: " + error.message);
  }

 private:
  template <class Samples, class ToCurves>
  void append(std::vector<Curve>& curves, const base::Result<Samples>& samples, const char* what,
              ToCurves to_curves) {
    if (!samples) return note(what, samples.error());
    for (Curve& curve : to_curves(*samples)) curves.push_back(std::move(curve));
  }

  const store::RunReader& reader_;
  ReportInput& input_;
};

}  // namespace

base::Result<ReportInput> gather(const store::RunReader& reader) {
  ReportInput input;
  input.directory = reader.directory();
  input.report_path = input.directory + "/report.html";
  MOESTRESS_TRY(input.run, reader.info());
  MOESTRESS_TRY(input.models, reader.models());
  input.plan_toml = read_plan(input.directory);

  Gatherer gatherer(reader, input);
  const auto events = reader.events();
  if (!events) gatherer.note("events", events.error());
  input.cut_off = how_far(input, events ? *events : std::vector<store::Event>{});
  if (events) gatherer.marks(*events);
  gatherer.gaps();
  gatherer.memory();
  gatherer.requests();
  gatherer.routing();
  return input;
}

std::string gap_sentence(const std::vector<Gap>& gaps) {
  constexpr std::size_t kGapsNamed = 5;
  if (gaps.empty()) return "";
  std::vector<std::string> times;
  for (std::size_t i = 0; i < std::min(gaps.size(), kGapsNamed); ++i)
    times.push_back(
        fmt::format("from {} to {}", base::human_seconds(gaps[i].from_s), base::human_seconds(gaps[i].to_s)));
  return fmt::format("Gone on with after {} interruption{}: nothing was recorded {}{}", gaps.size(),
                     gaps.size() == 1 ? "" : "s", fmt::join(times, " and "),
                     gaps.size() > kGapsNamed ? " and later" : "");
}

std::string ReportInput::name_of(record::Verdict verdict) const {
  const std::string name = to_string(verdict);
  return scaled() && verdict == record::Verdict::Pass ? name + " (scaled)" : name;
}

std::optional<double> seconds_of(const store::RunInfo& run) {
  const auto instant = [](const std::string& text) -> std::optional<std::time_t> {
    std::tm utc{};
    if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc) == nullptr) return std::nullopt;
    return ::timegm(&utc);
  };
  const auto started = instant(run.started), ended = instant(run.ended);
  if (!started || !ended || *ended < *started) return std::nullopt;
  return static_cast<double>(*ended - *started);
}

record::Verdict overall_verdict(const ReportInput& input) {
  std::vector<record::Verdict> verdicts{record::verdict_of(input.models)};
  // A run that broke off is INVALID by its own word, whatever its tests said before.
  if (record::verdict_from(input.run.verdict) == record::Verdict::Invalid)
    verdicts.push_back(record::Verdict::Invalid);
  return record::combine(verdicts);
}

}  // namespace moestress::report
