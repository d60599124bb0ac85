#include "protocol/rig.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/text.h"
#include "protocol/work.h"
#include "target/process.h"

namespace moestress::protocol {
namespace {

constexpr double kProbeHz = 10;
constexpr std::size_t kSamplesMax = 36'000;  // an hour at 10 Hz

}  // namespace

base::Result<std::unique_ptr<Rig>> Rig::create(RunContext& run, ModelFacts facts) {
  std::unique_ptr<Rig> rig(new Rig(run, std::move(facts)));
  std::error_code error;
  std::filesystem::create_directories(rig->scratch_path(""), error);
  if (error)
    return base::fail(base::ErrorCode::Io, "{}: can't be made: {}", rig->scratch_path(""), error.message());
  MOESTRESS_TRY_STATUS(rig->start_probe());
  return rig;
}

Rig::Rig(RunContext& run, ModelFacts facts)
    : run_(run), facts_(std::move(facts)), loop_thread_([this] { loop_.run(); }) {
  if (run_.resumption != nullptr) restore(*run_.resumption);
}

Rig::~Rig() {
  stop_target();
  sampler_.reset();
  loop_.stop();
  loop_thread_.join();
  std::error_code ignored;
  std::filesystem::remove_all(scratch_path(""), ignored);
}

std::uint64_t Rig::seed(std::string_view purpose) const {
  return seed_for({run_.plan, facts_, run_.prompts}, purpose);
}

std::string Rig::scratch_path(const std::string& name) const {
  return run_.run_directory + "/scratch/" + facts_.id + "/" + name;
}

std::vector<std::string> Rig::serve_arguments(int context_tokens) const {
  const plan::TargetPlan& target = run_.plan.target;
  return {run_.program, "serve",
          "-m",         facts_.path,
          "--port",     "{port}",
          "--device",   device(),
          "--experts",  target.experts,
          "--slots",    std::to_string(target.slots),
          "--ctx",      std::to_string(context_tokens),
          "--threads",  std::to_string(target.threads)};
}

target::TargetSpec Rig::target_spec(int context_tokens) const {
  const plan::TargetPlan& plan = run_.plan.target;
  target::TargetSpec spec;
  if (embedded()) {
    spec.spawn = target::SpawnSpec{serve_arguments(context_tokens), {}, {}, {}};
    spec.dialect = target::Dialect::Moestress;
  } else {
    if (!plan.spawn.empty()) spec.spawn = target::shell_command(plan.spawn);
    spec.dialect = target::dialect_from(plan.dialect).value_or(target::Dialect::Auto);
  }
  if (spec.spawn) spec.spawn->log_path = run_.run_directory + "/target.log";
  spec.url = run_.url;
  spec.api_key = run_.api_key;
  spec.ready_timeout = base::from_seconds(plan.ready_timeout_s);
  return spec;
}

base::Status Rig::ensure_target(std::optional<int> context_tokens) {
  const int context = context_tokens.value_or(run_.plan.target.context_tokens);
  if (target_ && !target_->death() &&
      ((context == context_tokens_ && device() == target_device_) || !embedded()))
    return {};
  stop_target();
  {
    const std::lock_guard lock(samples_mutex_);
    samples_.clear();
  }
  run_.writer.add_event("target", fmt::format("starting for {} with a context of {} tokens, device {}",
                                              facts_.id, context, device()));
  auto started = target::Target::start(loop_, run_.clock, run_.epoch, target_spec(context), run_.logger,
                                       &run_.cancelled);
  if (!started) return base::within("the target did not become ready", started.error());
  target_ = std::move(*started);
  context_tokens_ = context;
  target_device_ = device();
  ready_at_ = now();
  const base::SeriesId series{next_series_++};
  if (const auto pid = target_->pid()) sampler_->set_target(*pid, series);
  const nlohmann::json description{
      {"dialect", target::to_string(target_->dialect())},
      {"endpoint", target_->endpoint_url()},
      {"pid", target_->pid() ? nlohmann::json(*target_->pid()) : nlohmann::json(nullptr)},
      {"model", base::printable(target_->model_name())},
      {"placement", run_.plan.target.experts},
      {"slots", run_.plan.target.slots},
      {"context_tokens", context}};
  run_.writer.set_target(description.dump());
  run_.writer.add_event(
      "target", fmt::format("ready after {}", base::human_seconds(base::to_seconds(target_->ready_after()))));
  return {};
}

void Rig::stop_target() {
  if (!target_ || take_death()) return;
  note_uptime();
  sampler_->set_target(-1, base::SeriesId{});
  if (const auto status = target_->stop(); !status) run_.logger.warning("{}", status.error().message);
  target_.reset();
}

void Rig::note_uptime() { longest_uptime_ = std::max(longest_uptime_, now() - ready_at_); }

std::optional<std::string> Rig::take_death() {
  if (!target_) return std::nullopt;
  const auto death = target_->death();
  if (!death) return std::nullopt;
  ++deaths_;
  note_uptime();
  run_.writer.add_event("target-death", *death);
  sampler_->set_target(-1, base::SeriesId{});
  target_.reset();
  return death;
}

base::Result<ServerProperties> Rig::server_properties() {
  if (!embedded())
    return base::fail(base::ErrorCode::Unsupported,
                      "only `moestress serve` can be asked for its engine's books");
  MOESTRESS_TRY_STATUS(ensure_target(context_tokens_ == 0 ? std::optional<int>{} : context_tokens_));
  MOESTRESS_TRY(const std::string body, target_->get("/props"));
  MOESTRESS_TRY(ServerProperties properties, parse_server_properties(body));
  for (const auto& device : properties.devices) {
    if (device.host) continue;
    record::DeviceSample sample;
    sample.at = now();
    sample.device = device.name;
    sample.source = "engine";
    sample.used_bytes = static_cast<std::int64_t>(device.total());
    sample.process_bytes = sample.used_bytes;
    on_device_sample(sample);
  }
  return properties;
}

workload::RequestShape Rig::request_shape(int max_tokens) const {
  static_assert(plan::kPromptCharactersMin == workload::kShortPromptCharacters);
  workload::RequestShape shape;
  shape.max_tokens = max_tokens;
  shape.ignore_eos = true;
  shape.prompt_characters_max = sizes().prompt_characters_max;
  shape.library = &prompts();
  return shape;
}

void Rig::settle_tokens(record::Outcome& outcome, const record::Request& request) const {
  outcome.prompt_tokens = facts_.count_prompt_tokens(request);
  outcome.completion_tokens = facts_.count_tokens(outcome.text);
  // Random weights emit token sequences that no tokenizer would choose, so retokenizing their text counts
  // wrong. A reply that ran to its bound has exactly as many tokens as the bound.
  if (facts_.random_weights && outcome.finish_reason == "length")
    outcome.completion_tokens = request.max_tokens;
}

load::Sender Rig::sender(const std::string& test_id) {
  load::Sender sender;
  sender.send = [this, test_id](const record::Request& request, std::function<void(record::Outcome)> done) {
    return target_->send(request, [this, test_id, request, done = std::move(done)](record::Outcome outcome) {
      // Tokenising here would hold up the loop, and other sessions' chunks would be stamped late.
      recording_.push([this, test_id, request, copy = outcome]() mutable {
        settle_tokens(copy, request);
        tokens_[copy.request] = {copy.prompt_tokens, copy.completion_tokens};
        run_.writer.add_outcome(facts_.id, test_id, copy);
      });
      done(std::move(outcome));
    });
  };
  sender.cancel = [this](std::uint64_t id) { target_->cancel(id); };
  return sender;
}

load::Sender Rig::counting_sender(const std::string& test_id) {
  load::Sender sender;
  sender.send = [this, test_id](const record::Request& request, std::function<void(record::Outcome)> done) {
    return target_->send(request, [this, test_id, request, done = std::move(done)](record::Outcome outcome) {
      recording_.push([this, test_id, request, done, outcome = std::move(outcome)]() mutable {
        settle_tokens(outcome, request);
        run_.writer.add_outcome(facts_.id, test_id, outcome);
        loop_.post([done, outcome = std::move(outcome)]() mutable { done(std::move(outcome)); });
      });
    });
  };
  sender.cancel = [this](std::uint64_t id) { target_->cancel(id); };
  return sender;
}

std::unique_ptr<load::EndlessLoop> Rig::endless_loop(const std::string& test_id, std::size_t sessions,
                                                     load::EndlessLoop::Next next) {
  return std::make_unique<load::EndlessLoop>(loop_, run_.clock, run_.epoch, counting_sender(test_id),
                                             sessions, std::move(next), run_.cancelled);
}

load::LoadResult Rig::with_tokens(load::LoadResult result) {
  recording_.drain();
  for (record::Outcome& outcome : result.outcomes) {
    const auto counted = tokens_.find(outcome.request);
    if (counted == tokens_.end()) continue;
    outcome.prompt_tokens = counted->second.prompt;
    outcome.completion_tokens = counted->second.completion;
  }
  tokens_.clear();
  return result;
}

load::LoadResult Rig::closed_loop(const std::string& test_id,
                                  std::vector<std::vector<record::Request>> sessions,
                                  std::optional<base::Duration> stop_after) {
  load::ClosedLoop plan;
  plan.sessions = std::move(sessions);
  plan.stop_after = stop_after;
  return closed_loop(test_id, std::move(plan));
}

load::LoadResult Rig::closed_loop(const std::string& test_id, load::ClosedLoop plan) {
  return with_tokens(
      load::run_closed_loop(loop_, run_.clock, run_.epoch, sender(test_id), std::move(plan), run_.cancelled));
}

load::LoadResult Rig::open_loop(const std::string& test_id, std::vector<record::Request> requests) {
  load::OpenLoop plan;
  plan.requests = std::move(requests);
  return with_tokens(
      load::run_open_loop(loop_, run_.clock, run_.epoch, sender(test_id), std::move(plan), run_.cancelled));
}

base::Status Rig::start_probe() {
  probe::Sampler::Options options;
  options.hz = kProbeHz;
  options.epoch = run_.epoch;
  probe::Sampler::Sink sink;
  sink.on_process = [this](const record::ProcessSample& sample) { on_process_sample(sample); };
  sink.on_host = [this](const record::HostSample& sample) { run_.writer.add_host_sample(sample); };
  sink.on_device = [this](const record::DeviceSample& sample) { on_device_sample(sample); };
  MOESTRESS_TRY(sampler_, probe::Sampler::start(options, std::move(sink)));
  return {};
}

void Rig::on_process_sample(const record::ProcessSample& sample) {
  run_.writer.add_process_sample(facts_.id, sample);
  const std::lock_guard lock(samples_mutex_);
  samples_.push_back(sample);
  if (samples_.size() > kSamplesMax) samples_.pop_front();
}

void Rig::on_device_sample(const record::DeviceSample& sample) {
  run_.writer.add_device_sample(facts_.id, sample);
  const std::lock_guard lock(samples_mutex_);
  if (!run_.plan.target.url.empty()) return;  // what this machine's devices hold is not that server's
  device_samples_.push_back(sample);
  if (device_samples_.size() > kSamplesMax) device_samples_.pop_front();
  if (sample.source == "engine") {
    if (sample.used_bytes) note_peak("engine", static_cast<double>(*sample.used_bytes));
    return;
  }
  if (sample.process_bytes) note_peak("process", static_cast<double>(*sample.process_bytes));
  if (!sample.used_bytes) return;
  const double used = static_cast<double>(*sample.used_bytes);
  // The lowest figure seen stands for the idle device; the first samples are taken before the target starts.
  const auto [idle, first] = device_idle_.try_emplace(sample.device, used);
  if (!first) idle->second = std::min(idle->second, used);
  note_peak("device minus idle", used - idle->second);
}

void Rig::note_peak(const std::string& source, double bytes) {
  auto& peak = device_peaks_[source];
  peak = std::max(peak, bytes);
}

std::vector<record::ProcessSample> Rig::memory_since(base::Duration since) const {
  const std::lock_guard lock(samples_mutex_);
  std::vector<record::ProcessSample> out;
  std::copy_if(samples_.begin(), samples_.end(), std::back_inserter(out),
               [since](const record::ProcessSample& sample) { return sample.at >= since; });
  return out;
}

void Rig::forget_memory_before(base::Duration time) {
  const std::lock_guard lock(samples_mutex_);
  while (!samples_.empty() && samples_.front().at < time) samples_.pop_front();
}

std::vector<record::DeviceSample> Rig::devices_since(base::Duration since) const {
  const std::lock_guard lock(samples_mutex_);
  std::vector<record::DeviceSample> out;
  std::copy_if(device_samples_.begin(), device_samples_.end(), std::back_inserter(out),
               [since](const record::DeviceSample& sample) { return sample.at >= since; });
  return out;
}

std::optional<record::ProcessSample> Rig::fresh_memory() {
  const base::Duration asked = now();
  const base::Duration patience = std::chrono::seconds(3);
  while (now() - asked < patience && !cancelled()) {
    if (!target_ || !target_->pid() || target_->death()) return std::nullopt;
    const auto samples = memory_since(asked);
    if (!samples.empty()) return samples.back();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return std::nullopt;
}

std::unordered_map<std::string, double> Rig::device_peaks() const {
  const std::lock_guard lock(samples_mutex_);
  return device_peaks_;
}

void Rig::save_state() {
  const base::Duration uptime = target_ ? std::max(longest_uptime_, now() - ready_at_) : longest_uptime_;
  const std::lock_guard lock(samples_mutex_);
  const nlohmann::json state{{"deaths", deaths_},
                             {"longest_uptime_ns", uptime.count()},
                             {"device_peaks", device_peaks_},
                             {"device_idle", device_idle_}};
  run_.writer.set_model_state(facts_.id, state.dump());
}

void Rig::restore(const Resumption& resumption) {
  request_ids_ = workload::RequestIds(resumption.next.request);
  next_session_ = resumption.next.session;
  next_series_ = resumption.next.series;
  const ResumedModel* model = resumption.model(facts_.id);
  if (model == nullptr || model->state_json.empty()) return;
  const auto state = nlohmann::json::parse(model->state_json, nullptr, false);
  if (!state.is_object()) return;
  deaths_ = state.value("deaths", 0);
  longest_uptime_ = base::Duration(state.value("longest_uptime_ns", std::int64_t{0}));
  device_peaks_ = state.value("device_peaks", device_peaks_);
  device_idle_ = state.value("device_idle", device_idle_);
}

probe::SamplerCost Rig::probe_cost() const { return sampler_->cost(); }

}  // namespace moestress::protocol
