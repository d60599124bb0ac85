#include "engine/batcher.h"

#include <algorithm>

#include "engine/batcher_worker.h"

namespace moestress::engine {
namespace {

/// Prompt tokens of traced generations in one batch, all of which have output: each costs a row of logits
/// (0.8 MB with a vocabulary of 200,000) on the device and on the host.
constexpr int kTracedPromptTokens = 128;

}  // namespace

Batcher::Batcher() = default;
Batcher::~Batcher() = default;

base::Result<std::unique_ptr<Batcher>> Batcher::start(std::shared_ptr<const Model> model,
                                                      const ContextOptions& options,
                                                      const base::Logger& logger) {
  const int traced = options.trace_routing ? std::min(options.batch_tokens, kTracedPromptTokens) : 0;
  MOESTRESS_TRY(auto context,
                DecodeContext::create(std::move(model), options, options.slots + traced, logger));
  std::unique_ptr<Batcher> batcher(new Batcher);
  batcher->worker_ = std::make_unique<Worker>(std::move(context));
  return batcher;
}

base::Result<std::uint64_t> Batcher::submit(Generation generation, OnToken on_token, OnEnd on_end) {
  return worker_->submit(std::move(generation), std::move(on_token), std::move(on_end));
}

void Batcher::cancel(std::uint64_t id) { worker_->cancel(id); }

BatcherStats Batcher::stats() const { return worker_->stats(); }

std::vector<MemoryUse> Batcher::memory() const { return worker_->context().memory(); }

const ContextOptions& Batcher::options() const { return worker_->context().options(); }

}  // namespace moestress::engine
