#include "record/metric_catalogue.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace moestress::record {
namespace {

constexpr std::array kQuantities{
    Quantity{"ttft_ms", "ms", "time to the first text, from the planned start"},
    Quantity{"ttft_send_ms", "ms", "time to the first text, from the sending"},
    Quantity{"itl_ms", "ms", "gap between two pieces of text"},
    Quantity{"tpot_ms", "ms", "time for each token after the first"},
    Quantity{"e2e_ms", "ms", "time to the end of the reply, from the planned start"},
    Quantity{"decode_tok_s", "tok/s", "speed of a reply after its first token"},
    Quantity{"requests_failed", "", "requests that failed", true},
    Quantity{"requests_ok", "", "requests that were answered", true},
};

constexpr MetricEntry kMetrics[] = {
    // Any test that looks at the latencies of its requests.
    {"", "ttft_ms_p50", "ms", "median time to the first text, from the planned start"},
    {"", "ttft_ms_p90", "ms", "its 90th percentile"},
    {"", "ttft_ms_p99", "ms", "its 99th percentile"},
    {"", "ttft_send_ms_p50", "ms", "median time to the first text, from the sending"},
    {"", "itl_ms_p50", "ms", "median gap between two pieces of text"},
    {"", "itl_ms_p90", "ms", "its 90th percentile"},
    {"", "itl_ms_p99", "ms", "its 99th percentile"},
    {"", "e2e_ms_p50", "ms", "median time to the end of a reply, from the planned start"},
    {"", "e2e_ms_p99", "ms", "its 99th percentile"},
    {"", "tpot_ms_mean", "ms", "mean time for each token after the first"},
    {"", "decode_tok_s_mean", "tok/s", "mean speed of replies after their first token"},
    {"", "requests_ok", "", "requests that were answered"},
    {"", "requests_failed", "", "requests that failed"},
    {"", "completion_tokens", "", "tokens of all replies, by the model's own tokenizer"},

    {"1.1", "ready_ms", "ms", "from the start of the server until it was ready"},
    {"1.1", "private_bytes", "bytes", "anonymous memory of the server after loading"},
    {"1.1", "file_mapped_bytes", "bytes", "file-mapped memory of the server after loading"},
    {"1.1", "storage_read_bytes", "bytes", "read from storage until then"},
    {"1.1", "gpu_bytes", "bytes", "on devices after loading, by the engine"},
    {"1.1", "load_errors", "", "error lines in the load log"},

    {"1.2", "replies_faulty", "", "replies with something wrong about them"},

    {"1.3", "weights_host_bytes", "bytes", "weights in host memory"},
    {"1.3", "weights_device_bytes", "bytes", "weights on devices"},
    {"1.3", "kv_bytes", "bytes", "KV cache of all slots"},
    {"1.3", "compute_bytes", "bytes", "work buffers"},
    {"1.3", "resident_bytes", "bytes", "memory that the server's process holds"},

    {"1.4", "routed_host_bytes", "bytes", "routed experts in host memory"},
    {"1.4", "routed_device_bytes", "bytes", "routed experts on devices"},
    {"1.4", "routed_host_tensors", "", "tensors of routed experts in host memory"},
    {"1.4", "routed_device_tensors", "", "tensors of routed experts on devices"},
    {"1.4", "shared_host_bytes", "bytes", "shared experts in host memory"},
    {"1.4", "shared_device_bytes", "bytes", "shared experts on devices"},
    {"1.4", "resident_bytes", "bytes", "memory that the server's process holds"},

    {"2.1", "decode_tok_s_min", "tok/s", "slowest window of 60 s of decoding"},
    {"2.1", "decode_tok_s_p5", "tok/s", "5th percentile of the windows of 60 s"},
    {"2.1", "decode_tok_s_median", "tok/s", "median of the windows of 60 s"},
    {"2.1", "decode_tok_s_trend_percent", "%", "change of the speed over the whole test"},
    {"2.1", "private_bytes_per_hour", "bytes/h", "growth of anonymous memory"},
    {"2.1", "text_diversity", "", "share of n-grams that are no repeats, n from 2 to 4"},
    {"2.1", "text_rep4", "", "share of 4-grams that repeat others"},
    {"2.1", "text_distinct2", "", "share of 2-grams that are distinct"},
    {"2.1", "text_compression_ratio", "", "size of the text over its compressed size"},
    {"2.1", "generating_seconds", "s", "time of the whole generation"},

    {"2.2", "aggregate_tok_s_s{N}", "tok/s", "tokens per second of N sessions together"},
    {"2.2", "session_tok_s_min_s{N}", "tok/s", "decode speed of the slowest of N sessions"},
    {"2.2", "fairness_jain_s{N}", "", "Jain's index over the speeds of N sessions; 1 is fair"},
    {"2.2", "requests_failed_s{N}", "", "requests that failed at N sessions"},
    {"2.2", "cross_talk_texts", "", "replies beside others that are not the reply alone"},
    {"2.2", "near_tie_texts", "", "replies that part from the reply alone at a near-tie"},

    {"3.1", "control_p_{set}", "", "p of two halves of one set of prompts; small: nothing can be told apart"},
    {"3.1", "routing_jsd_bits_{set}_{set}", "bits", "divergence of the routing of two sets of prompts"},
    {"3.1", "routing_p_{set}_{set}", "", "p of that divergence, by permutation"},
    {"3.1", "routing_layers_different_{set}_{set}", "", "layers in which the two sets differ"},
    {"3.1", "routing_entropy_min", "", "normalised entropy of the least evenly used layer"},
    {"3.1", "routing_entropy_max", "", "normalised entropy of the most evenly used layer"},
    {"3.1", "expert_coverage", "", "share of experts used, in the layer that uses fewest"},
    {"3.1", "expert_coverage_mean", "", "share of experts used, mean over layers"},
    {"3.1", "expert_coverage_by_chance", "", "what uniform routing would use"},
    {"3.1", "expert_effective_share", "", "effective experts over all experts, mean over layers"},
    {"3.1", "expert_effective_share_min", "", "the same of the lowest layer"},
    {"3.1", "expert_least_used_of_uniform", "", "load of the least used expert over an even share"},
    {"3.1", "expert_chance_tokens_to_threshold", "", "tokens after which uniform routing passes C7"},

    {"5.1", "private_bytes_per_request", "bytes", "growth of anonymous memory with each request"},
    {"5.1", "private_bytes_before_pressure", "bytes", "anonymous memory before every slot was loaded"},
    {"5.1", "private_bytes_after_idle", "bytes", "anonymous memory after the load and idling"},
    {"5.1", "file_mapped_bytes_after_idle", "bytes", "file-mapped memory after the load and idling"},
    {"5.1", "private_bytes_peak", "bytes", "highest anonymous memory"},
    {"5.1", "gpu_bytes_peak_engine", "bytes", "highest device memory, by the engine"},
    {"5.1", "gpu_bytes_peak_process", "bytes", "highest device memory of the process"},
    {"5.1", "gpu_bytes_peak_device", "bytes", "highest device memory less that of the idle device"},
    {"5.1", "kv_bytes_per_token", "bytes", "KV cache for each token of context, fitted"},
    {"5.1", "kv_bytes_per_token_predicted", "bytes", "the same by the model's file"},
    {"5.1", "kv_bytes_quadratic", "bytes/token²", "quadratic term of that fit"},

    {"5.2", "client_lag_ms_p99", "ms", "how late the load generator itself was"},
    {"5.2", "open_loop_ttft_ms_p50", "ms",
     "median time to the first text of requests that come when they come"},
    {"5.2", "open_loop_ttft_ms_p90", "ms", "its 90th percentile"},
    {"5.2", "open_loop_e2e_ms_p50", "ms", "median time to the end of such a reply"},
    {"5.2", "host_bandwidth_bytes_per_s", "bytes/s", "read bandwidth of host memory, measured"},
    {"5.2", "roofline_tok_s", "tok/s", "decode speed that memory bandwidth allows"},
    {"5.2", "roofline_share", "", "share of it that was reached"},
    {"5.2", "decode_bytes_per_token", "bytes", "weights read for each token"},
    {"5.2", "routed_bytes_per_token", "bytes", "of them, those of routed experts"},
    {"5.2", "probe_core_share", "", "share of a core that watching took"},

    {"6.1", "top1_agreement", "", "share of tokens that both placements rank first, by prompt"},
    {"6.1", "top1_agreement_by_prompt", "", "the same with its interval by bootstrap over prompts"},
    {"6.1", "kl_nats_mean", "nats", "mean divergence of the next token between the placements"},
    {"6.1", "kl_nats_median", "nats", "its median"},
    {"6.1", "kl_nats_p99", "nats", "its 99th percentile"},
    {"6.1", "kl_nats_max", "nats", "its maximum"},
    {"6.1", "perplexity_ratio", "", "perplexity offloaded over GPU-only"},
    {"6.1", "texts_diverged", "", "texts whose tokens part"},
    {"6.1", "texts_near_ties", "", "of them, those that part at a near-tie"},
    {"6.1", "routing_agreement", "", "share of expert choices that are the same"},
    {"6.1", "aa_top1_agreement", "", "top1_agreement of the same placement twice: the floor"},
    {"6.1", "aa_top1_agreement_by_prompt", "", "the same with its interval by bootstrap over prompts"},
    {"6.1", "aa_kl_nats_mean", "nats", "kl_nats_mean of the same placement twice"},
    {"6.1", "aa_kl_nats_median", "nats", "its median"},
    {"6.1", "aa_kl_nats_p99", "nats", "its 99th percentile"},
    {"6.1", "aa_kl_nats_max", "nats", "its maximum"},
    {"6.1", "aa_perplexity_ratio", "", "perplexity_ratio of the same placement twice"},
    {"6.1", "aa_texts_diverged", "", "texts whose tokens part between the same placement twice"},
    {"6.1", "aa_texts_near_ties", "", "of them, those that part at a near-tie"},
    {"6.1", "aa_routing_agreement", "", "routing_agreement of the same placement twice"},
    {"6.1", "ab_text_identical", "", "share of freely generated texts that are the same"},
    {"6.1", "ab_text_rouge_l", "", "ROUGE-L between them"},
    {"6.1", "ab_text_chrf", "", "chrF between them"},
    {"6.1", "ab_text_edit_similarity", "", "1 less edit distance over length, between them"},
    {"6.1", "aa_text_identical", "", "share of texts that are the same when asked for twice"},
    {"6.1", "aa_text_rouge_l", "", "ROUGE-L between them"},
    {"6.1", "aa_text_chrf", "", "chrF between them"},
    {"6.1", "aa_text_edit_similarity", "", "1 less edit distance over length, between them"},
    {"6.1", "agreement_loss", "", "by how much less the placements agree than rounding alone leaves"},
    {"6.1", "kl_over_rounding", "", "mean divergence over that of rounding alone"},
    {"6.1", "experts_damaged", "", "experts whose tokens part further than others'"},
    {"6.1", "routing_layers_parted", "", "layers whose routing parts more than rounding explains"},
    {"6.1", "baseline_on_cpu", "", "1 where the CPU in another rounding plays GPU-only"},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

/// Whether `name` is of the form of `pattern`.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.front() != '{') {
    return !name.empty() && name.front() == pattern.front() && matches(pattern.substr(1), name.substr(1));
  }
  const std::size_t end = pattern.find('}');
  const bool number = pattern.substr(0, end) == "{N";
  for (std::size_t length = 1; length <= name.size(); ++length) {
    const char c = name[length - 1];
    if (!(number ? is_digit(c) : is_letter(c))) return false;
    if (matches(pattern.substr(end + 1), name.substr(length))) return true;
  }
  return false;
}

}  // namespace

std::span<const MetricEntry> metric_catalogue() { return kMetrics; }

bool stands_for(const MetricEntry& entry, std::string_view name) { return matches(entry.name, name); }

std::vector<std::string_view> tests_that_give(std::string_view name) {
  std::vector<std::string_view> tests;
  for (const MetricEntry& entry : kMetrics)
    if (stands_for(entry, name)) tests.push_back(entry.test);
  return tests;
}

std::span<const Quantity> quantities() { return kQuantities; }

const Quantity* find_quantity(std::string_view name) {
  const auto found = std::find_if(kQuantities.begin(), kQuantities.end(),
                                  [&](const Quantity& quantity) { return quantity.name == name; });
  return found == kQuantities.end() ? nullptr : &*found;
}

}  // namespace moestress::record
