#include "engine/decode_context.h"

#include <ggml-backend.h>
#include <ggml-cpu.h>
#include <llama.h>

#include <algorithm>
#include <exception>
#include <set>

#include "base/check.h"
#include "engine/backends.h"
#include "engine/engine_books.h"
#include "engine/engine_log.h"
#include "engine/physical_cores.h"

namespace moestress::engine {
namespace {

constexpr int kSlotsMax = 64;
constexpr int kContextTokensMax = 1 << 22;
constexpr int kBatchTokensMax = 8192;
constexpr int kThreadsMax = 512;

base::Status check_options(const ContextOptions& options) {
  const auto within = [](const char* what, int value, int low, int high) -> base::Status {
    if (value >= low && value <= high) return {};
    return base::fail(base::ErrorCode::Usage, "{} is {}; it must be {} to {}.", what, value, low, high);
  };
  MOESTRESS_TRY_STATUS(within("The number of slots", options.slots, 1, kSlotsMax));
  MOESTRESS_TRY_STATUS(
      within("The context of a slot", options.context_tokens, 2, kContextTokensMax / options.slots));
  MOESTRESS_TRY_STATUS(
      within("The number of tokens in a batch", options.batch_tokens, options.slots + 1, kBatchTokensMax));
  return within("The number of threads", options.threads, 0, kThreadsMax);
}

/// The functions of the CPU backend, which is loaded at run time, by name.
template <class Function>
Function cpu_function(const char* name) {
  ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(cpu_device());
  return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

std::vector<int> moe_layers_of(const Model& model) {
  std::set<int> layers;
  for (const TensorPlacement& tensor : model.tensors()) {
    if (tensor.role == TensorRole::RoutedExpert && tensor.layer < model.info().layers)
      layers.insert(tensor.layer);
  }
  return {layers.begin(), layers.end()};
}

}  // namespace

DecodeContext::DecodeContext(std::shared_ptr<const Model> model, const ContextOptions& options,
                             int outputs_max, const base::Logger& logger)
    : model_(std::move(model)), options_(options), outputs_max_(outputs_max), logger_(logger) {
  // A software device computes on the same cores: threads that wait for their next operator would spin there.
  if (options_.threads == 0) options_.threads = model_->device().software ? 1 : physical_cores();
  options_.batch_tokens = std::min(options_.batch_tokens, options_.slots * options_.context_tokens);
}

base::Result<std::unique_ptr<DecodeContext>> DecodeContext::create(std::shared_ptr<const Model> model,
                                                                   const ContextOptions& options,
                                                                   int outputs_max,
                                                                   const base::Logger& logger,
                                                                   NodeObserver observer) {
  MOESTRESS_TRY_STATUS(check_options(options));
  std::unique_ptr<DecodeContext> context(new DecodeContext(std::move(model), options, outputs_max, logger));
  if (options.trace_routing) {
    const ModelInfo& info = context->model().info();
    std::vector<int> layers = moe_layers_of(context->model());
    if (layers.empty() || info.experts <= 0 || info.experts >= record::RoutingTrace::kAbsent ||
        info.experts_used <= 0 || info.experts_used > info.experts) {
      return base::fail(base::ErrorCode::Unsupported,
                        "{} has {} experts, {} of them used, in {} layers: there is no routing to trace.",
                        info.path, info.experts, info.experts_used, layers.size());
    }
    context->tap_ = std::make_unique<RoutingTap>(std::move(layers), info.experts, info.experts_used,
                                                 static_cast<std::size_t>(context->options().batch_tokens));
  }
  context->observer_ = observer;
  MOESTRESS_TRY_STATUS(context->open());
  return context;
}

base::Status DecodeContext::open() {
  llama_context_params params = llama_context_default_params();
  // The engine rounds a sequence's cache up to this, and warns if that is not what it was given.
  constexpr int kCacheStep = 256;
  const int cache_tokens = (options_.context_tokens + kCacheStep - 1) / kCacheStep * kCacheStep;
  params.n_ctx = static_cast<std::uint32_t>(options_.slots) * static_cast<std::uint32_t>(cache_tokens);
  params.n_batch = static_cast<std::uint32_t>(options_.batch_tokens);
  params.n_ubatch = params.n_batch;
  params.n_seq_max = static_cast<std::uint32_t>(options_.slots);
  params.n_outputs_max = static_cast<std::uint32_t>(std::max(outputs_max_, options_.slots));
  params.n_threads = options_.threads;
  params.n_threads_batch = options_.threads;
  // Flash attention on lavapipe crashes in the driver.
  params.flash_attn_type = model_->device().software || options_.other_rounding
                               ? LLAMA_FLASH_ATTN_TYPE_DISABLED
                               : LLAMA_FLASH_ATTN_TYPE_AUTO;
  if (options_.other_rounding) params.type_k = params.type_v = GGML_TYPE_F32;
  // With op_offload, large batches would copy the CPU's experts to the device and compute there.
  params.op_offload = false;
  params.swa_full = true;
  // Each sequence has a cache of its own: what is in the others changes neither its numerics nor the choice
  // of rope factors by context length (phimoe), and attention does not run over their tokens.
  params.kv_unified = false;
  params.no_perf = true;
  if (tap_ || observer_.observe != nullptr) {
    params.cb_eval = [](ggml_tensor* node, bool ask, void* user) {
      return static_cast<DecodeContext*>(user)->observe(node, ask);
    };
    params.cb_eval_user_data = this;
  }
  const LogScope log(logger_);
  std::string problem;
  try {
    context_ = llama_init_from_model(model_->handle(), params);
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (!context_) {
    return base::fail(
        base::ErrorCode::Unsupported,
        "The engine could not make a context of {} slots × {} tokens for {} ({}). Is there memory for "
        "it? Take fewer slots or a shorter context.",
        options_.slots, options_.context_tokens, model_->info().path,
        problem.empty() ? log.quoted() : problem);
  }
  CHECK(llama_n_ubatch(context_) == params.n_ubatch);
  MOESTRESS_TRY_STATUS(attach_threads());
  remember_memory();
  return {};
}

/// The engine evaluates the node right after a "yes", and calls again.
bool DecodeContext::observe(ggml_tensor* node, bool ask) {
  if (ask) {
    tap_asked_ = tap_ && RoutingTap::observe(node, true, tap_.get());
    observer_asked_ = observer_.observe != nullptr && observer_.observe(node, true, observer_.user);
    return tap_asked_ || observer_asked_;
  }
  const bool tap_goes_on = !tap_asked_ || RoutingTap::observe(node, false, tap_.get());
  const bool observer_goes_on = !observer_asked_ || observer_.observe(node, false, observer_.user);
  return tap_goes_on && observer_goes_on;
}

/// Threads that stay, since the engine starts new ones for every piece of a graph otherwise, and a tap makes
/// many pieces.
base::Status DecodeContext::attach_threads() {
  auto* make = cpu_function<decltype(ggml_threadpool_new)*>("ggml_threadpool_new");
  if (!make) return {};  // a build whose CPU backend has none: slower, no less right
  ggml_threadpool_params params = ggml_threadpool_params_default(options_.threads);
  threads_ = make(&params);
  if (!threads_) {
    return base::fail(base::ErrorCode::Unsupported, "The engine could not start {} threads.",
                      options_.threads);
  }
  llama_attach_threadpool(context_, threads_, threads_);
  return {};
}

DecodeContext::~DecodeContext() {
  if (context_) {
    llama_detach_threadpool(context_);
    llama_free(context_);
  }
  if (threads_) cpu_function<decltype(ggml_threadpool_free)*>("ggml_threadpool_free")(threads_);
}

base::Status DecodeContext::decode(std::span<const BatchEntry> entries, bool trace) {
  CHECK(!entries.empty() && entries.size() <= static_cast<std::size_t>(options_.batch_tokens));
  CHECK(!trace || tap_);
  const std::size_t count = entries.size();
  tokens_.resize(count);
  positions_.resize(count);
  sequence_counts_.assign(count, 1);
  sequences_.resize(count);
  sequence_lists_.resize(count);
  outputs_.resize(count);
  int outputs = 0;
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(entries[i].sequence >= 0 && entries[i].sequence < options_.slots);
    tokens_[i] = entries[i].token;
    positions_[i] = entries[i].position;
    sequences_[i] = entries[i].sequence;
    sequence_lists_[i] = &sequences_[i];
    outputs_[i] = entries[i].output ? 1 : 0;
    outputs += outputs_[i];
  }
  CHECK(outputs <= outputs_max_);
  llama_batch batch{};
  batch.n_tokens = static_cast<std::int32_t>(count);
  batch.token = tokens_.data();
  batch.pos = positions_.data();
  batch.n_seq_id = sequence_counts_.data();
  batch.seq_id = sequence_lists_.data();
  batch.logits = outputs_.data();

  const LogScope log(logger_);
  if (trace) tap_->begin(entries);
  int code = 0;
  std::string problem;
  try {
    code = llama_decode(context_, batch);
    llama_synchronize(context_);
  } catch (const std::exception& error) {
    code = -1;
    problem = error.what();
  }
  const std::string trace_problem = trace ? tap_->finish() : "";
  remember_memory();
  if (code != 0) {
    return base::fail(base::ErrorCode::Internal,
                      "The engine failed to evaluate a batch of {} tokens: code {} ({}).", count, code,
                      problem.empty() ? log.quoted() : problem);
  }
  if (!trace_problem.empty()) {
    return base::fail(base::ErrorCode::Internal, "The routing of a batch of {} tokens could not be read: {}.",
                      count, trace_problem);
  }
  return {};
}

base::Status DecodeContext::decode_text(std::span<const Token> text, bool trace) {
  std::vector<BatchEntry> batch;
  batch.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) batch.push_back({text[i], static_cast<int>(i), 0, true});
  clear(0);
  return decode(batch, trace);
}

std::span<const float> DecodeContext::logits(std::size_t index) const {
  CHECK(index < outputs_.size() && outputs_[index]);
  const float* row = llama_get_logits_ith(context_, static_cast<std::int32_t>(index));
  CHECK(row != nullptr);
  return {row, static_cast<std::size_t>(model_->info().vocabulary)};
}

record::RoutingTrace DecodeContext::empty_trace() const {
  CHECK(tap_);
  return tap_->empty_trace();
}

void DecodeContext::append_routing(std::size_t index, record::RoutingTrace& trace) const {
  CHECK(tap_);
  tap_->append(index, trace);
}

void DecodeContext::clear(int sequence) { llama_memory_seq_rm(llama_get_memory(context_), sequence, -1, -1); }

std::vector<MemoryUse> DecodeContext::memory() const {
  const std::lock_guard lock(memory_mutex_);
  return memory_;
}

void DecodeContext::remember_memory() {
  std::vector<MemoryUse> uses = read_memory(context_);
  const std::lock_guard lock(memory_mutex_);
  memory_ = std::move(uses);
}

}  // namespace moestress::engine
