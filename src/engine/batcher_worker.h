#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/batcher.h"
#include "engine/decode_context.h"
#include "engine/stop_filter.h"
#include "engine/token_sampler.h"

namespace moestress::engine {

/// What stands behind a Batcher: its queue, its slots and its thread. Everything but the members under
/// `mutex_` belongs to the thread.
class Batcher::Worker {
 public:
  explicit Worker(std::unique_ptr<DecodeContext> context);
  ~Worker();

  base::Result<std::uint64_t> submit(Generation generation, OnToken on_token, OnEnd on_end);
  void cancel(std::uint64_t id);
  BatcherStats stats() const;
  const DecodeContext& context() const { return *context_; }

 private:
  /// A generation with whom to tell of it.
  struct Job {
    std::uint64_t id = 0;
    Generation generation;
    OnToken on_token;
    OnEnd on_end;
  };

  /// A job in a slot.
  struct Running {
    Running(Job job_in_slot, TokenSampler its_sampler, StopFilter its_stop)
        : job(std::move(job_in_slot)), sampler(std::move(its_sampler)), stop(std::move(its_stop)) {}

    Job job;
    TokenSampler sampler;
    StopFilter stop;
    std::uint64_t admission = 0;  ///< counts up: the order in which prompts are fed
    int prompt_fed = 0;           ///< tokens of the prompt that are in batches
    int position = 0;             ///< of the next token
    Token last = 0;               ///< sampled, to be evaluated next; once the prompt is done
    base::TimePoint admitted;
    base::TimePoint first_token;
    GenerationEnd end;

    bool decoding() const { return prompt_fed == static_cast<int>(job.generation.prompt.size()); }
  };

  base::Status check(const Generation& generation) const;
  void run();
  bool wait_for_work();
  void admit(Job job);
  void cancel_marked();
  std::vector<BatchEntry> plan_batch();
  void plan_prompts(std::vector<BatchEntry>& batch);
  void after_batch(const std::vector<BatchEntry>& batch);
  void take_token(int slot, std::span<const float> logits);
  void deliver(const Running& running, const std::vector<GeneratedToken>& tokens);
  void finish(int slot, Finish finish, std::string error = "");
  void end_all(Finish finish, const std::string& error);

  const std::unique_ptr<DecodeContext> context_;
  const base::SystemClock clock_;
  std::vector<Token> end_tokens_;
  std::vector<std::optional<Running>> slots_;
  std::uint64_t admissions_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable work_;
  bool stopping_ = false;
  std::uint64_t last_id_ = 0;
  std::deque<Job> queue_;
  std::unordered_set<std::uint64_t> running_ids_;
  std::unordered_set<std::uint64_t> cancelled_ids_;  ///< of running_ids_
  std::vector<Job> cancelled_jobs_;                  ///< taken from the queue, their end not told yet
  BatcherStats stats_;

  std::thread thread_;
};

}  // namespace moestress::engine
