#include "plan/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "base/check.h"
#include "base/text.h"
#include "plan/placement.h"

namespace moestress::plan {
namespace {

constexpr std::size_t kListElementsMax = 64;
constexpr std::size_t kTextBytesMax = 4096;
constexpr double kTokensMax = 1 << 20;
constexpr double kSecondsMax = 7 * 24 * 3600;
constexpr double kCountMax = 1e6;

#define FIELD(member) [](Plan& p) -> FieldPointer { return &p.member; }

const std::array kFields{
    Field{"", "suite", FIELD(suite)},
    Field{"", "scale", FIELD(scale), 1e-9, 1e9},
    Field{"", "seed", FIELD(seed), 0, 9223372036854775807.0},
    Field{"", "models", FIELD(models)},
    Field{"", "only", FIELD(only)},
    Field{"", "placements", FIELD(placements)},

    Field{"target", "spawn", FIELD(target.spawn)},
    Field{"target", "url", FIELD(target.url)},
    Field{"target", "dialect", FIELD(target.dialect)},
    Field{"target", "device", FIELD(target.device)},
    Field{"target", "experts", FIELD(target.experts)},
    Field{"target", "stand_in", FIELD(target.stand_in)},
    Field{"target", "baseline", FIELD(target.baseline)},
    Field{"target", "baseline_model", FIELD(target.baseline_model)},
    Field{"target", "baseline_url", FIELD(target.baseline_url)},
    Field{"target", "slots", FIELD(target.slots), 1, 64},
    Field{"target", "context_tokens", FIELD(target.context_tokens), 64, kTokensMax},
    Field{"target", "threads", FIELD(target.threads), 0, 1024},
    Field{"target", "api_key_env", FIELD(target.api_key_env)},
    Field{"target", "ready_timeout_s", FIELD(target.ready_timeout_s), 1, 3600},

    Field{"tests", "prompt_characters_max", FIELD(tests.prompt_characters_max), 0, kCountMax},
    Field{"tests", "generation_lengths", FIELD(tests.generation_lengths), 1, kTokensMax, {}, 1},
    Field{"tests", "generation_prompts", FIELD(tests.generation_prompts), 1, kCountMax, 1},
    Field{"tests", "long_form_tokens", FIELD(tests.long_form_tokens), 1, kTokensMax, 64, 1},
    Field{"tests", "long_form_seconds", FIELD(tests.long_form_seconds), 0, kSecondsMax, 0},
    Field{"tests", "concurrency_levels", FIELD(tests.concurrency_levels), 1, 64, {}, 1},
    Field{"tests", "concurrency_tokens", FIELD(tests.concurrency_tokens), 1, kTokensMax, 16},
    Field{"tests", "concurrency_rounds", FIELD(tests.concurrency_rounds), 1, kCountMax, 1},
    Field{"tests", "context_fractions", FIELD(tests.context_fractions), 0.001, 1, {}, 1},
    Field{"tests", "context_needle_depths", FIELD(tests.context_needle_depths), 0, 1, {}, 1},
    Field{"tests", "context_reply_tokens", FIELD(tests.context_reply_tokens), 1, kTokensMax, 8},
    Field{"tests", "context_fill_tokens", FIELD(tests.context_fill_tokens), 0, kTokensMax, 128},
    Field{"tests", "routing_prompts_per_set", FIELD(tests.routing_prompts_per_set), 4, 10000, 4},
    Field{"tests", "routing_reply_tokens", FIELD(tests.routing_reply_tokens), 0, kTokensMax, 0},
    Field{"tests", "routing_permutations", FIELD(tests.routing_permutations), 99, kCountMax, 199},
    Field{"tests", "specialisation_prompts", FIELD(tests.specialisation_prompts), 1, 10000, 4},
    Field{"tests", "specialisation_questions", FIELD(tests.specialisation_questions), 1, 10000, 2},
    Field{"tests", "specialisation_tokens", FIELD(tests.specialisation_tokens), 1, kTokensMax, 8},
    Field{"tests", "conversation_count", FIELD(tests.conversation_count), 1, kCountMax, 1},
    Field{"tests", "conversation_turns", FIELD(tests.conversation_turns), 2, 1000},
    Field{"tests", "conversation_tokens", FIELD(tests.conversation_tokens), 1, kTokensMax, 16},
    Field{"tests", "api_requests", FIELD(tests.api_requests), 1, kCountMax, 2},
    Field{"tests", "api_misuses", FIELD(tests.api_misuses), 1, kCountMax, 1},
    Field{"tests", "memory_requests", FIELD(tests.memory_requests), 1, kCountMax, 6},
    Field{"tests", "memory_idle_seconds", FIELD(tests.memory_idle_seconds), 0, kSecondsMax, 1},
    // a line, a quadratic term and something left over to judge the term by
    Field{"tests", "memory_contexts", FIELD(tests.memory_contexts), 64, kTokensMax, {}, 4},
    Field{"tests", "memory_sessions", FIELD(tests.memory_sessions), 1, 64, {}, 1},
    Field{"tests", "memory_prompt_tokens", FIELD(tests.memory_prompt_tokens), 1, kTokensMax, 16, 1},
    Field{"tests", "profile_requests", FIELD(tests.profile_requests), 1, kCountMax, 1},
    Field{"tests", "profile_tokens", FIELD(tests.profile_tokens), 2, kTokensMax, 16},
    Field{"tests", "profile_context_lengths", FIELD(tests.profile_context_lengths), 1, kTokensMax, {}, 1},
    Field{"tests", "consistency_prompts", FIELD(tests.consistency_prompts), 1, kCountMax, 2},
    Field{"tests", "consistency_tokens", FIELD(tests.consistency_tokens), 1, kTokensMax, 8},
    Field{"tests", "consistency_facts", FIELD(tests.consistency_facts), 1, kCountMax, 2},
    Field{"tests", "consistency_long_tokens", FIELD(tests.consistency_long_tokens), 1, kTokensMax, 32},
    Field{"tests", "reasoning_families", FIELD(tests.reasoning_families)},
    Field{"tests", "reasoning_tasks", FIELD(tests.reasoning_tasks), 1, 10000, 1},
    Field{"tests", "reasoning_tokens", FIELD(tests.reasoning_tokens), 1, kTokensMax},
    Field{"tests", "reasoning_difficulty", FIELD(tests.reasoning_difficulty), 1, 5},
    Field{"tests", "marathon_seconds", FIELD(tests.marathon_seconds), 0.1, kSecondsMax, 2},
    Field{"tests", "marathon_threads", FIELD(tests.marathon_threads), 1, 64},
    Field{"tests", "marathon_tokens", FIELD(tests.marathon_tokens), 1, kTokensMax},
    Field{"tests", "marathon_checkpoint_seconds", FIELD(tests.marathon_checkpoint_seconds), 0.1, 3600},
    Field{"tests", "challenge_prompts", FIELD(tests.challenge_prompts), 1, 10000, 4},
    Field{"tests", "production_seconds", FIELD(tests.production_seconds), 0.1, kSecondsMax, 2},
    Field{"tests", "production_tokens", FIELD(tests.production_tokens), 1, kTokensMax},
    Field{"tests", "production_ttft_ms_max", FIELD(tests.production_ttft_ms_max), 1, 1e7},
    Field{"tests", "production_tpot_ms_max", FIELD(tests.production_tpot_ms_max), 0.1, 1e6},
    Field{"tests", "production_search_steps", FIELD(tests.production_search_steps), 1, 64, 2},
    Field{"tests", "production_trace", FIELD(tests.production_trace)},
    Field{"tests", "saturation_steps", FIELD(tests.saturation_steps), 4, 64},
    Field{"tests", "saturation_reply_tokens", FIELD(tests.saturation_reply_tokens), 1, kTokensMax},
    Field{"tests", "open_loop_rate_per_s", FIELD(tests.open_loop_rate_per_s), 1e-4, 1e4},
    Field{"tests", "open_loop_requests", FIELD(tests.open_loop_requests), 1, kCountMax, 4},

    Field{"thresholds", "c1_tokens_per_s_min", FIELD(thresholds.c1_tokens_per_s_min), 0, 1e6},
    Field{"thresholds", "c2_gpu_bytes_max", FIELD(thresholds.c2_gpu_bytes_max), 0, 1e15},
    Field{"thresholds", "c3_hours_min", FIELD(thresholds.c3_hours_min), 0, 1000},
    Field{"thresholds", "c3_slope_percent_per_h_max", FIELD(thresholds.c3_slope_percent_per_h_max), 0, 1000},
    Field{"thresholds", "c3_slope_bytes_per_h_max", FIELD(thresholds.c3_slope_bytes_per_h_max), 0, 1e15},
    Field{"thresholds", "c3_speed_trend_percent_max", FIELD(thresholds.c3_speed_trend_percent_max), 0, 100},
    Field{"thresholds", "c4_agreement_min", FIELD(thresholds.c4_agreement_min), 0, 1},
    Field{"thresholds", "c5_sessions_min", FIELD(thresholds.c5_sessions_min), 1, 64},
    Field{"thresholds", "c6_slope_error_percent_max", FIELD(thresholds.c6_slope_error_percent_max), 0, 1000},
    Field{"thresholds", "c7_coverage_min", FIELD(thresholds.c7_coverage_min), 0, 1},

    Field{"prompts", "code", FIELD(prompts.code)},
    Field{"prompts", "creative", FIELD(prompts.creative)},
    Field{"prompts", "math", FIELD(prompts.math)},
    Field{"prompts", "translation", FIELD(prompts.translation)},
    Field{"prompts", "documentation", FIELD(prompts.documentation)},
    Field{"prompts", "conversation", FIELD(prompts.conversation)},
    Field{"prompts", "science", FIELD(prompts.science)},
    Field{"prompts", "literature", FIELD(prompts.literature)},
};

#undef FIELD

std::string out_of_range(const Field& field, double value) {
  if (value >= field.low && value <= field.high) return {};  // NaN is in no range
  return fmt::format("must lie in {}..{}, is {}", field.low, field.high, value);
}

template <class T>
std::string list_complaint(const Field& field, const std::vector<T>& list) {
  if (list.size() < field.elements_min)
    return fmt::format("needs at least {} values, has {}", field.elements_min, list.size());
  if (list.size() > kListElementsMax)
    return fmt::format("may have at most {} values, has {}", kListElementsMax, list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (auto text = out_of_range(field, static_cast<double>(list[i])); !text.empty()) return text;
    if (i > 0 && !(list[i] > list[i - 1]))
      return fmt::format("must ascend, but {} follows {}", list[i], list[i - 1]);
  }
  return {};
}

std::string text_complaint(const std::string& text) {
  if (text.size() > kTextBytesMax)
    return fmt::format("may have at most {} bytes, has {}", kTextBytesMax, text.size());
  if (!base::is_valid_utf8(text)) return "is not UTF-8";
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (std::any_of(text.begin(), text.end(), control)) return "holds a control character";
  return {};
}

/// "did you mean" for a value that must be one of a list.
std::string unknown_name(std::string_view what, std::string_view name,
                         const std::vector<std::string>& known) {
  const std::string nearest = base::nearest_name(name, known);
  return fmt::format("names the unknown {} \"{}\"{}; known: {}", what, base::printable(name, 60),
                     nearest.empty() ? "" : fmt::format(", did you mean \"{}\"?", nearest),
                     fmt::join(known, ", "));
}

bool is_variable_name(const std::string& text) {
  const auto fits = [](unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !(text[0] >= '0' && text[0] <= '9') && std::all_of(text.begin(), text.end(), fits);
}

std::string target_complaint(std::string_view key, const std::string& value) {
  if (key == "baseline" && value != "auto" && value != "device" && value != "cpu")
    return unknown_name("baseline", value, {"auto", "device", "cpu"});
  if (key == "stand_in" && value != "placement" && value != "all")
    return unknown_name("stand_in", value, {"placement", "all"});
  if (key == "dialect") {
    const auto known = known_dialects();
    if (std::find(known.begin(), known.end(), value) == known.end())
      return unknown_name("dialect", value, {known.begin(), known.end()});
  } else if (key == "url" || key == "baseline_url") {
    if (!value.empty() && !value.starts_with("http://") && !value.starts_with("https://"))
      return "must begin with http:// or https://";
  } else if (key == "api_key_env") {
    // A key put here by mistake would end up in plan.toml: not quoted, and refused if it can't be a name.
    if (!value.empty() && (!is_variable_name(value) || value.size() > 64))
      return "must be the name of an environment variable that holds the key, not the key itself";
  } else if (key == "device" || key == "experts") {
    if (value.empty()) return "must not be empty";
  }
  return {};
}

/// For a list of names that must be known, each once.
std::string names_complaint(std::string_view what, const std::vector<std::string>& names,
                            const std::vector<std::string>& known) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (std::find(known.begin(), known.end(), names[i]) == known.end())
      return unknown_name(what, names[i], known);
    const auto before = names.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(names.begin(), before, names[i]) != before)
      return fmt::format("names {} \"{}\" twice", what, names[i]);
  }
  return {};
}

std::string only_complaint(const std::vector<std::string>& only) {
  std::vector<std::string> ids;
  for (const std::string_view test : known_tests()) ids.emplace_back(test);
  return names_complaint("test", only, ids);
}

std::string models_complaint(const std::vector<std::string>& models) {
  std::vector<std::string> names;
  for (const std::string& path : models) {
    if (path.empty()) return "holds an empty path";
    const std::string name = path.substr(path.find_last_of('/') + 1);
    if (std::find(names.begin(), names.end(), name) != names.end())
      return fmt::format("has two models named \"{}\": results are kept by file name, rename one",
                         base::printable(name, 100));
    names.push_back(name);
  }
  return {};
}

std::string placements_complaint(const std::vector<std::string>& placements) {
  for (std::size_t i = 0; i < placements.size(); ++i) {
    const auto parsed = parse_placement(placements[i]);
    if (!parsed) return "holds " + parsed.error().message;
    for (std::size_t j = 0; j < i; ++j)
      if (parse_placement(placements[j])->name == parsed->name)
        return fmt::format("names \"{}\" twice", base::printable(parsed->name, 100));
  }
  return {};
}

std::string list_complaint(const Field& field, const std::vector<std::string>& list) {
  if (list.size() > kListElementsMax)
    return fmt::format("may have at most {} values, has {}", kListElementsMax, list.size());
  for (const std::string& text : list)
    if (auto wrong = text_complaint(text); !wrong.empty()) return wrong;
  if (field.key == "only") return only_complaint(list);
  if (field.key == "models") return models_complaint(list);
  if (field.key == "placements") return placements_complaint(list);
  CHECK(field.key == "reasoning_families");
  const auto known = known_task_families();
  return names_complaint("family", list, {known.begin(), known.end()});
}

}  // namespace

std::span<const Field> fields() { return kFields; }

std::string full_name(const Field& field) {
  return field.table.empty() ? std::string(field.key) : fmt::format("{}.{}", field.table, field.key);
}

std::string complaint(const Field& field, Plan& plan) {
  return std::visit(
      [&](auto* value) -> std::string {
        using T = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          if (auto wrong = text_complaint(*value); !wrong.empty()) return wrong;
          if (field.key == "suite") return value->empty() ? "must not be empty" : "";
          return target_complaint(field.key, *value);
        } else if constexpr (std::is_same_v<T, std::uint64_t>) {
          return *value <= INT64_MAX ? "" : fmt::format("must lie in 0..{}, is {}", INT64_MAX, *value);
        } else if constexpr (std::is_arithmetic_v<T>) {
          return out_of_range(field, static_cast<double>(*value));
        } else {
          return list_complaint(field, *value);
        }
      },
      field.in(plan));
}

std::optional<Contradiction> contradiction(const Plan& plan) {
  const auto field = [](std::string_view key) {
    const auto found =
        std::find_if(kFields.begin(), kFields.end(), [&](const Field& f) { return f.key == key; });
    CHECK(found != kFields.end());
    return &*found;
  };
  if (!plan.target.spawn.empty() && !plan.target.url.empty())
    return Contradiction{field("url"), "spawn and url exclude each other: name one of them"};
  if (!plan.target.url.empty() && plan.models.size() > 1)
    return Contradiction{field("url"), fmt::format("a server at a URL serves one model, but {} are named",
                                                   plan.models.size())};
  if (!plan.target.spawn.empty() && plan.models.size() > 1)
    return Contradiction{field("spawn"),
                         fmt::format("one command serves one model, but {} are named", plan.models.size())};
  if (plan.placements.size() > 1 && !(plan.target.url.empty() && plan.target.spawn.empty()))
    return Contradiction{
        field("placements"),
        fmt::format("{} placements are named, but a server of another kind is placed by its own "
                    "command; name one, and run each by itself",
                    plan.placements.size())};
  if (const int bound = plan.tests.prompt_characters_max; bound > 0 && bound < kPromptCharactersMin)
    return Contradiction{
        field("prompt_characters_max"),
        fmt::format(
            "prompt_characters_max is {}: 0 (no bound) or at least {}, so that every domain has prompts",
            bound, kPromptCharactersMin)};
  return std::nullopt;
}

}  // namespace moestress::plan
