#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::plan {

/// What is under test. Either a model is served by `moestress serve`, or `spawn` starts another server, or
/// `url` names one that runs already.
struct TargetPlan {
  std::string spawn;             ///< command line; empty: not spawned by a command
  std::string url;               ///< http:// or https://; empty: no running server
  std::string dialect = "auto";  ///< one of known_dialects()
  std::string device = "auto";   ///< as `moestress serve --device` takes it
  std::string experts = "cpu";   ///< as `moestress serve --experts` takes it
  /// What a GPU made of software (lavapipe) is used for: "placement", by the tests that look at where weights
  /// are, while the others run on the CPU, which is much faster; or "all".
  std::string stand_in = "placement";
  /// What plays GPU-only in 6.1: "device", "cpu" (in another rounding), or "auto": the device if it is a real
  /// one.
  std::string baseline = "auto";
  std::string baseline_model;  ///< GGUF that plays it, e.g. as it was before a conversion; empty: the same
  /// A running server that plays it in 6.1 and 6.2 where the target is a server of another kind; empty: none.
  std::string baseline_url;
  int slots = 4;
  int context_tokens = 2048;  ///< per slot
  int threads = 0;            ///< 0: one per physical core
  std::string api_key_env;    ///< the environment variable that holds the key; never the key itself
  double ready_timeout_s = 300;
  bool operator==(const TargetPlan&) const = default;
};

/// The least bound on prompts: every domain has some that are no longer.
inline constexpr int kPromptCharactersMin = 80;

/// The sizes of the protocol's tests. `scaled` multiplies those marked "scales"; the others are the
/// definition of the test and stay.
struct TestParameters {
  /// Of the prompts that 2.2, 3.1, 3.2, 5.2 and S2 draw: longer ones are left out. 0: none is; else at least
  /// kPromptCharactersMin.
  int prompt_characters_max = 0;
  // 1.2 generation
  std::vector<int> generation_lengths;  ///< tokens asked for
  int generation_prompts = 0;           ///< per length; scales, at least 1
  // 2.1 long-form
  std::vector<int> long_form_tokens;  ///< one reply of each length; scales, at least 64 each
  double long_form_seconds = 0;       ///< of continuous generation after them; 0: none; scales
  // 2.2 concurrency
  std::vector<int> concurrency_levels;  ///< parallel sessions
  int concurrency_tokens = 0;           ///< of each reply; scales, at least 16
  int concurrency_rounds = 0;           ///< replies of each session; scales, at least 1
  // 2.3 context
  std::vector<double> context_fractions;      ///< of the slot's context, ascending in (0, 1]
  std::vector<double> context_needle_depths;  ///< where needles lie, 0 (front) to 1 (end), ascending
  int context_reply_tokens = 0;               ///< decoded after each fill; scales, at least 8
  /// 2.3 and S4: the context per slot that a server of ours is started with, to be filled; 0:
  /// target.context_tokens. Scales, at least 128.
  int context_fill_tokens = 0;
  // 3.1 routing
  int routing_prompts_per_set = 0;  ///< scales, at least 4
  int routing_reply_tokens = 0;     ///< traced beside the prompt; 0: prompts only; scales
  int routing_permutations = 0;     ///< of the significance test; scales, at least 199
  // 3.2 specialisation
  int specialisation_prompts = 0;    ///< traced of each domain; scales, at least 4
  int specialisation_questions = 0;  ///< of each subject, in 3.2 and S2; scales, at least 2
  int specialisation_tokens = 0;     ///< bound of an answer, in 3.2 and S2; scales, at least 8
  // 4.1 conversation
  int conversation_count = 0;   ///< scales, at least 1
  int conversation_turns = 0;   ///< exchanges of each
  int conversation_tokens = 0;  ///< bound of a reply; scales, at least 16
  // 4.2 API stress
  int api_requests = 0;  ///< of each endpoint and way of asking; scales, at least 2
  int api_misuses = 0;   ///< of each kind of misuse; scales, at least 1
  // 5.1 memory
  int memory_requests = 0;                ///< of the leak slope; scales, at least 6
  double memory_idle_seconds = 0;         ///< for the recovery after load; scales, at least 1
  std::vector<int> memory_contexts;       ///< context tokens per slot that C6 fits a line through
  std::vector<int> memory_sessions;       ///< sessions at once whose memory is looked at
  std::vector<int> memory_prompt_tokens;  ///< of each prompt of theirs; scales, at least 16
  // 5.2 profile
  int profile_requests = 0;                  ///< scales, at least 1
  int profile_tokens = 0;                    ///< of each reply; scales, at least 16
  std::vector<int> profile_context_lengths;  ///< prompt tokens
  // 6.1 consistency
  int consistency_prompts = 0;  ///< C4 can be decided from 73 on; scales, at least 2
  int consistency_tokens = 0;   ///< compared of each; scales, at least 8
  int consistency_facts = 0;    ///< questions with a known answer, asked of both sides; scales, at least 2
  int consistency_long_tokens = 0;  ///< of a long reply on each side, for coherence; scales, at least 32
  // 6.2 reasoning
  std::vector<std::string> reasoning_families;  ///< some of known_task_families(); empty: all
  int reasoning_tasks = 0;                      ///< of each family; scales, at least 1
  int reasoning_tokens = 0;                     ///< bound of an answer
  int reasoning_difficulty = 1;                 ///< 1 (a step or two) to 5
  // S1 marathon
  double marathon_seconds = 0;             ///< scales, at least 2
  int marathon_threads = 0;                ///< conversations that go on side by side
  int marathon_tokens = 0;                 ///< bound of a reply
  double marathon_checkpoint_seconds = 0;  ///< between checkpoints
  // S2 expert specialization
  int challenge_prompts = 0;  ///< of each expert subset; scales, at least 4
  // S3 production load
  double production_seconds = 0;      ///< of each arrival pattern; scales, at least 2
  int production_tokens = 0;          ///< of a long reply; a short one has a quarter
  double production_ttft_ms_max = 0;  ///< the objective: from the planned start
  double production_tpot_ms_max = 0;  ///< the objective: between tokens
  int production_search_steps = 0;    ///< rates tried; scales, at least 2
  std::string production_trace;       ///< CSV of recorded instants to replay; empty: none
  // S4 context saturation
  int saturation_steps = 0;         ///< from empty to full; at least 4, so that a bend can be told
  int saturation_reply_tokens = 0;  ///< decoded at each
  // 5.2 open loop
  double open_loop_rate_per_s = 0;  ///< planned arrivals
  int open_loop_requests = 0;       ///< scales, at least 4
  bool operator==(const TestParameters&) const = default;
};

/// Files of prompts that take the place of a domain's built-in set, by domain (format:
/// src/workload/README.md); empty: the built-in one. load_plan takes relative names from the plan's folder.
struct PromptFiles {
  std::string code;
  std::string creative;
  std::string math;
  std::string translation;
  std::string documentation;
  std::string conversation;
  std::string science;
  std::string literature;
  bool operator==(const PromptFiles&) const = default;
};

/// What the success criteria are held against. Never scaled.
struct Thresholds {
  double c1_tokens_per_s_min = 10;
  double c2_gpu_bytes_max = 5e9;
  double c3_hours_min = 8;
  double c3_slope_percent_per_h_max = 1;
  double c3_slope_bytes_per_h_max = 50e6;
  double c3_speed_trend_percent_max = 5;  ///< either way
  double c4_agreement_min = 0.95;
  int c5_sessions_min = 3;
  double c6_slope_error_percent_max = 10;  ///< against the slope predicted from the KV layout
  double c7_coverage_min = 0.70;
  bool operator==(const Thresholds&) const = default;
};

/// A figure that the run is to reach, as the plan words it (plan/check.h has the grammar).
struct Check {
  std::string expect;          ///< "2.2/ttft_ms p(95) < 500"
  bool abort_on_fail = false;  ///< the run ends after the test that shows it failed
  bool operator==(const Check&) const = default;
};

/// Everything a run needs to know, validated. A plain value.
struct Plan {
  std::string suite;
  /// The factor that the sizes below have been multiplied by already: a record, not something to apply.
  double scale = 1;
  std::uint64_t seed = 1;           ///< at most 2^63 − 1, which is what TOML can hold
  std::vector<std::string> models;  ///< GGUF files
  std::vector<std::string> only;    ///< test ids; empty: every test
  /// Where experts are to live, one run of each model for each; empty: target.experts alone.
  std::vector<std::string> placements;
  TargetPlan target;
  TestParameters tests;
  Thresholds thresholds;
  PromptFiles prompts;
  std::vector<Check> checks;
  bool operator==(const Plan&) const = default;

  bool wants(std::string_view test_id) const;
};

/// The ID of every test and scenario of the protocol, in its order.
std::span<const std::string_view> known_tests();
/// "auto", "openai", "shimmy", "llama-server", "ollama", "vllm".
std::span<const std::string_view> known_dialects();
/// "arithmetic", "knights", …: what workload makes tasks of.
std::span<const std::string_view> known_task_families();
/// "smoke", "standard", "full".
std::span<const std::string_view> built_in_suites();

/// A plan from a file. Keys it leaves out come from the suite named by its key `extends` ("standard" if it
/// names none). Errors: Io (unreadable, or over 1 MiB), Format (not TOML), Usage (unknown key or test, wrong
/// type, out of range); each with the file's name and the line, and the nearest known name where one is near.
base::Result<Plan> load_plan(const std::string& path);
/// The same from text; `source` stands for the file's name in error texts.
base::Result<Plan> parse_plan(std::string_view text, const std::string& source);
/// Errors: Usage (unknown suite, with the nearest).
base::Result<Plan> built_in_suite(std::string_view name);
/// The TOML text of a built-in suite, with its comments, to copy and change; empty if there is none of the
/// name.
std::string_view suite_text(std::string_view name);

/// `plan` with the sizes that scale multiplied by `factor`, rounded to whole numbers, and not below their
/// floors; thresholds, levels, fractions and rates stay. Errors: Usage (factor not in (0, 1000]).
base::Result<Plan> scaled(Plan plan, double factor);

/// Errors: Usage (something is out of range, contradicts something else, or is unknown), as load_plan but
/// without a line. For plans changed by command-line options.
base::Status validate(const Plan& plan);

/// Every field, as TOML; parse_plan gives the same plan again.
std::string to_toml(const Plan& plan);

}  // namespace moestress::plan
