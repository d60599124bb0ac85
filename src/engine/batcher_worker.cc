#include "engine/batcher_worker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"

namespace moestress::engine {
namespace {

constexpr std::size_t kQueueMax = 4096;
constexpr std::size_t kStopStringsMax = 16;
constexpr std::size_t kStopBytesMax = 1024;
constexpr int kTopLogprobsMax = 100;

/// While others decode, a batch takes at most this share of its tokens from prompts: they wait for it at
/// every token.
constexpr int kPromptShareDivisor = 4;
constexpr int kPromptShareMin = 32;

}  // namespace

Batcher::Worker::Worker(std::unique_ptr<DecodeContext> context)
    : context_(std::move(context)), slots_(static_cast<std::size_t>(context_->options().slots)) {
  const Model& model = context_->model();
  for (Token token = 0; token < model.info().vocabulary; ++token) {
    if (model.is_end_of_generation(token)) end_tokens_.push_back(token);
  }
  stats_.slots = context_->options().slots;
  thread_ = std::thread([this] { run(); });
}

Batcher::Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

base::Status Batcher::Worker::check(const Generation& generation) const {
  using base::ErrorCode;
  if (generation.prompt.empty()) {
    return base::fail(ErrorCode::Usage, "The prompt is empty: there is nothing to continue.");
  }
  for (Token token : generation.prompt) {
    if (token < 0 || token >= context_->model().info().vocabulary) {
      return base::fail(ErrorCode::Usage, "The prompt has token {}; the vocabulary has 0 to {}.", token,
                        context_->model().info().vocabulary - 1);
    }
  }
  if (generation.max_tokens < 1) {
    return base::fail(ErrorCode::Usage, "max_tokens is {}; it must be at least 1.", generation.max_tokens);
  }
  const int context = context_->options().context_tokens;
  const auto wanted = static_cast<std::int64_t>(generation.prompt.size()) + generation.max_tokens;
  if (wanted > context) {
    return base::fail(
        ErrorCode::Limit,
        "The prompt's {} tokens and {} to generate are {}, but a slot's context has {} tokens. Shorten "
        "the prompt, ask for fewer, or serve with a longer context.",
        generation.prompt.size(), generation.max_tokens, wanted, context);
  }
  if (generation.top_logprobs < -1 || generation.top_logprobs > kTopLogprobsMax) {
    return base::fail(ErrorCode::Usage, "top_logprobs is {}; it must be -1 (none) to {}.",
                      generation.top_logprobs, kTopLogprobsMax);
  }
  const record::Sampling& sampling = generation.sampling;
  if (!std::isfinite(sampling.temperature) || sampling.temperature < 0 || !(sampling.top_p > 0) ||
      sampling.top_p > 1 || sampling.top_k < 0) {
    return base::fail(
        ErrorCode::Usage,
        "Sampling has temperature {}, top_p {}, top_k {}; they must be at least 0, in (0, 1], and at "
        "least 0.",
        sampling.temperature, sampling.top_p, sampling.top_k);
  }
  if (generation.stop.size() > kStopStringsMax) {
    return base::fail(ErrorCode::Usage, "{} stop strings; at most {} are taken.", generation.stop.size(),
                      kStopStringsMax);
  }
  for (const std::string& stop : generation.stop) {
    if (stop.empty() || stop.size() > kStopBytesMax) {
      return base::fail(ErrorCode::Usage, "A stop string has {} bytes; it must have 1 to {}.", stop.size(),
                        kStopBytesMax);
    }
  }
  if (generation.trace && !context_->options().trace_routing) {
    return base::fail(ErrorCode::Usage, "The routing is wanted, but this context does not trace.");
  }
  return {};
}

base::Result<std::uint64_t> Batcher::Worker::submit(Generation generation, OnToken on_token, OnEnd on_end) {
  MOESTRESS_TRY_STATUS(check(generation));
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kQueueMax) {
      return base::fail(base::ErrorCode::Limit, "{} requests wait already; no more are taken.",
                        queue_.size());
    }
    id = ++last_id_;
    queue_.push_back({id, std::move(generation), std::move(on_token), std::move(on_end)});
    ++stats_.requests_total;
  }
  work_.notify_one();
  return id;
}

void Batcher::Worker::cancel(std::uint64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const auto queued =
        std::find_if(queue_.begin(), queue_.end(), [&](const Job& job) { return job.id == id; });
    if (queued != queue_.end()) {
      cancelled_jobs_.push_back(std::move(*queued));
      queue_.erase(queued);
    } else if (running_ids_.contains(id)) {
      cancelled_ids_.insert(id);
    } else {
      return;
    }
  }
  work_.notify_one();
}

BatcherStats Batcher::Worker::stats() const {
  const std::lock_guard lock(mutex_);
  BatcherStats stats = stats_;
  stats.slots_busy = static_cast<int>(running_ids_.size());
  stats.queued = static_cast<int>(queue_.size());
  return stats;
}

void Batcher::Worker::run() {
  while (wait_for_work()) {
    const std::vector<BatchEntry> batch = plan_batch();
    if (batch.empty()) continue;  // all were cancelled
    const bool trace = std::any_of(slots_.begin(), slots_.end(), [](const auto& running) {
      return running && running->job.generation.trace;
    });
    const base::Status decoded = context_->decode(batch, trace);
    {
      const std::lock_guard lock(mutex_);
      ++stats_.decode_calls_total;
    }
    if (decoded) {
      after_batch(batch);
    } else {
      end_all(Finish::Error, decoded.error().message);
    }
  }
  end_all(Finish::Cancelled, "");
}

/// Waits until there is something to do, tells the ends of cancelled jobs, and fills free slots from the
/// queue. False once the batcher is going away.
bool Batcher::Worker::wait_for_work() {
  std::vector<Job> cancelled;
  std::vector<Job> admitted;
  bool stopping = false;
  {
    std::unique_lock lock(mutex_);
    work_.wait(lock, [this] {
      return stopping_ || !queue_.empty() || !cancelled_jobs_.empty() || !running_ids_.empty();
    });
    cancelled.swap(cancelled_jobs_);
    stopping = stopping_;
    if (stopping) {
      std::move(queue_.begin(), queue_.end(), std::back_inserter(cancelled));
      queue_.clear();
    }
    stats_.cancelled_total += cancelled.size();
  }
  for (Job& job : cancelled) {
    GenerationEnd end;
    end.finish = Finish::Cancelled;
    end.prompt_tokens = static_cast<int>(job.generation.prompt.size());
    job.on_end(std::move(end));
  }
  if (stopping) return false;
  cancel_marked();
  {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty() && running_ids_.size() < slots_.size()) {
      running_ids_.insert(queue_.front().id);
      admitted.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  for (Job& job : admitted) admit(std::move(job));
  return true;
}

void Batcher::Worker::admit(Job job) {
  const auto free = std::find_if(slots_.begin(), slots_.end(), [](const auto& running) { return !running; });
  CHECK(free != slots_.end());
  const record::Sampling& sampling = job.generation.sampling;
  TokenSampler sampler(sampling, job.generation.ignore_eos ? end_tokens_ : std::vector<Token>{});
  StopFilter stop(job.generation.stop);
  Running running(std::move(job), std::move(sampler), std::move(stop));
  running.admission = ++admissions_;
  running.admitted = clock_.now();
  running.end.prompt_tokens = static_cast<int>(running.job.generation.prompt.size());
  if (running.job.generation.trace) running.end.routing = context_->empty_trace();
  *free = std::move(running);
}

void Batcher::Worker::cancel_marked() {
  std::unordered_set<std::uint64_t> marked;
  {
    const std::lock_guard lock(mutex_);
    marked.swap(cancelled_ids_);
  }
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] && marked.contains(slots_[slot]->job.id))
      finish(static_cast<int>(slot), Finish::Cancelled);
  }
}

std::vector<BatchEntry> Batcher::Worker::plan_batch() {
  std::vector<BatchEntry> batch;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    const auto& running = slots_[slot];
    if (!running || !running->decoding()) continue;
    batch.push_back({running->last, running->position, static_cast<int>(slot), true});
  }
  plan_prompts(batch);
  return batch;
}

/// Fills the batch with pieces of prompts, first come first served.
void Batcher::Worker::plan_prompts(std::vector<BatchEntry>& batch) {
  const ContextOptions& options = context_->options();
  std::vector<std::size_t> waiting;
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot] && !slots_[slot]->decoding()) waiting.push_back(slot);
  }
  std::sort(waiting.begin(), waiting.end(),
            [&](std::size_t a, std::size_t b) { return slots_[a]->admission < slots_[b]->admission; });

  const int decoding = static_cast<int>(batch.size());
  int room = options.batch_tokens - decoding;
  if (decoding > 0)
    room = std::min(room, std::max(kPromptShareMin, options.batch_tokens / kPromptShareDivisor));
  // Every prompt's last token has output; those of traced prompts all have, so that the last layer routes
  // them too.
  int traced_room = context_->outputs_max() - options.slots;
  for (std::size_t slot : waiting) {
    Running& running = *slots_[slot];
    const std::vector<Token>& prompt = running.job.generation.prompt;
    const bool traced = running.job.generation.trace;
    int count = std::min(static_cast<int>(prompt.size()) - running.prompt_fed, room);
    if (traced) count = std::min(count, traced_room);
    for (int i = 0; i < count; ++i) {
      const bool last = running.prompt_fed + 1 == static_cast<int>(prompt.size());
      batch.push_back({prompt[static_cast<std::size_t>(running.prompt_fed)], running.position + i,
                       static_cast<int>(slot), traced || last});
      ++running.prompt_fed;
    }
    room -= count;
    if (traced) traced_room -= count;
  }
}

void Batcher::Worker::after_batch(const std::vector<BatchEntry>& batch) {
  std::uint64_t prompt_tokens = 0;
  std::vector<std::size_t> last_entry(slots_.size(), batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto slot = static_cast<std::size_t>(batch[i].sequence);
    Running& running = *slots_[slot];
    if (running.end.routing) context_->append_routing(i, *running.end.routing);
    if (running.end.completion_tokens == 0) ++prompt_tokens;
    ++running.position;
    last_entry[slot] = i;
  }
  {
    const std::lock_guard lock(mutex_);
    stats_.prompt_tokens_total += prompt_tokens;
  }
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (last_entry[slot] == batch.size() || !slots_[slot]->decoding()) continue;
    take_token(static_cast<int>(slot), context_->logits(last_entry[slot]));
  }
}

/// Samples the slot's next token and tells of it, or ends the generation.
void Batcher::Worker::take_token(int slot, std::span<const float> logits) {
  Running& running = *slots_[static_cast<std::size_t>(slot)];
  const Generation& wanted = running.job.generation;
  const std::optional<Token> sampled = running.sampler.sample(logits);
  const base::TimePoint now = clock_.now();
  if (running.end.completion_tokens == 0) {
    running.first_token = now;
    running.end.prompt_time = now - running.admitted;
  }
  running.end.decode_time = now - running.first_token;
  if (!sampled) {
    finish(slot, Finish::Error,
           "The engine gave logits none of which is a number; the model or the device is at fault.");
    return;
  }
  if (!wanted.ignore_eos && context_->model().is_end_of_generation(*sampled)) {
    finish(slot, Finish::Stop);
    return;
  }
  GeneratedToken token;
  token.token = *sampled;
  token.piece = context_->model().piece(*sampled);
  if (wanted.top_logprobs >= 0) {
    TokenLogprobs logprobs = logprobs_of(logits, *sampled, wanted.top_logprobs);
    token.logprob = logprobs.chosen;
    token.top = std::move(logprobs.top);
  }
  ++running.end.completion_tokens;
  running.last = *sampled;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.completion_tokens_total;
  }
  const StopFilter::Decided decided = running.stop.push(std::move(token));
  deliver(running, decided.tokens);
  if (decided.stopped) {
    finish(slot, Finish::Stop);
  } else if (running.end.completion_tokens >= wanted.max_tokens) {
    finish(slot, Finish::Length);
  }
}

void Batcher::Worker::deliver(const Running& running, const std::vector<GeneratedToken>& tokens) {
  for (const GeneratedToken& token : tokens) running.job.on_token(token);
}

/// Frees the slot, then tells the end.
void Batcher::Worker::finish(int slot, Finish finish, std::string error) {
  auto& place = slots_[static_cast<std::size_t>(slot)];
  Running running = std::move(*place);
  place.reset();
  context_->clear(slot);
  {
    const std::lock_guard lock(mutex_);
    running_ids_.erase(running.job.id);
    cancelled_ids_.erase(running.job.id);
    if (finish == Finish::Cancelled) ++stats_.cancelled_total;
  }
  if (finish == Finish::Stop || finish == Finish::Length) deliver(running, running.stop.flush());
  running.end.finish = finish;
  running.end.error = std::move(error);
  running.job.on_end(std::move(running.end));
}

void Batcher::Worker::end_all(Finish finish, const std::string& error) {
  for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
    if (slots_[slot]) this->finish(static_cast<int>(slot), finish, error);
  }
}

}  // namespace moestress::engine
