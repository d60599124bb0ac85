#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/layer_pass.h"
#include "base/log.h"
#include "engine/batcher.h"
#include "engine/scorer.h"
#include "plan/placement.h"
#include "quality/score_file.h"

namespace moestress::app {
namespace {

constexpr int kGenerateMax = 100000;

struct ScoreOptions {
  std::string model;
  std::string device = "auto";
  std::string experts = "cpu";
  std::string text;  ///< JSON lines: {"id", "text", "chat", "generate"}
  std::string from;  ///< a score file whose tokens are scored instead
  std::string out;
  int generate = 0;
  bool until_end = false;
  int slots = 8;
  int context_tokens = 1024;
  int threads = 0;
  bool trace = false;
  bool logits = true;
  bool layers = false;
  bool other_rounding = false;
};

bool is_positive(const nlohmann::json& value) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() > 0;
}

struct Texts {
  std::vector<std::string> ids;
  std::vector<std::vector<engine::Token>> tokens;
  std::vector<std::size_t> scored_from;
  std::vector<int> generate;  ///< tokens of a reply
};

base::Result<Texts> read_prompts(const ScoreOptions& options, const engine::Model& model) {
  std::ifstream file(options.text);
  if (!file) return base::fail(base::ErrorCode::Io, "{}: can't be read", options.text);
  Texts texts;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("id") || !json["id"].is_string() || !json.contains("text") ||
        !json["text"].is_string() || (json.contains("chat") && !json["chat"].is_boolean()) ||
        (json.contains("generate") && !is_positive(json["generate"])))
      return base::fail(
          base::ErrorCode::Format,
          "{}:{}: expected a JSON object with the strings \"id\" and \"text\", true or false as "
          "\"chat\", and a number of tokens over 0 as \"generate\"",
          options.text, number);
    std::string text = json["text"];
    if (json.contains("chat") && json["chat"].get<bool>()) {
      const record::Message message{"user", text};
      MOESTRESS_TRY(text, model.apply_chat_template({&message, 1}));
    }
    texts.ids.push_back(json["id"]);
    texts.tokens.push_back(model.tokenize(text, true, true));
    if (texts.tokens.back().size() < 2)
      return base::fail(base::ErrorCode::Format, "{}:{}: a text needs at least two tokens", options.text,
                        number);
    texts.scored_from.push_back(1);
    const auto generate = json.value("generate", static_cast<std::uint64_t>(options.generate));
    texts.generate.push_back(static_cast<int>(std::min<std::uint64_t>(generate, kGenerateMax)));
  }
  if (texts.ids.empty()) return base::fail(base::ErrorCode::Format, "{}: holds no text", options.text);
  return texts;
}

base::Result<Texts> read_score_tokens(const std::string& path) {
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  Texts texts;
  while (true) {
    MOESTRESS_TRY(auto text, reader.next());
    if (!text) return texts;
    texts.ids.push_back(text->id);
    texts.tokens.emplace_back(text->tokens.begin(), text->tokens.end());
    texts.scored_from.push_back(text->scored_from);
  }
}

/// Extends each text by a greedy reply of exactly its number of tokens, or `until_end` of as many at most;
/// only the reply is scored.
base::Status generate_replies(const std::shared_ptr<const engine::Model>& model,
                              const engine::ContextOptions& context, bool until_end, Texts& texts,
                              const base::Logger& engine_log, const base::Logger& progress) {
  engine::ContextOptions untraced = context;
  untraced.trace_routing = false;
  MOESTRESS_TRY(auto batcher, engine::Batcher::start(model, untraced, engine_log));
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t open = texts.tokens.size();
  std::string error;
  std::vector<std::vector<engine::Token>> replies(texts.tokens.size());
  for (std::size_t i = 0; i < texts.tokens.size(); ++i) {
    engine::Generation generation;
    generation.prompt = texts.tokens[i];
    generation.max_tokens = texts.generate[i];
    generation.ignore_eos = !until_end;
    const auto submitted = batcher->submit(
        std::move(generation),
        [&replies, i](const engine::GeneratedToken& token) { replies[i].push_back(token.token); },
        [&](const engine::GenerationEnd& end) {
          const std::lock_guard lock(mutex);
          if (end.finish == engine::Finish::Error) error = end.error;
          --open;
          progress.info("generated {} of {} replies", replies.size() - open, replies.size());
          if (open == 0) ended.notify_one();
        });
    if (!submitted) return base::within(texts.ids[i], submitted.error());
  }
  {
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return open == 0; });
  }
  if (!error.empty()) return base::fail(base::ErrorCode::Internal, "generating replies: {}", error);
  for (std::size_t i = 0; i < replies.size(); ++i) {
    texts.scored_from[i] = texts.tokens[i].size();
    texts.tokens[i].insert(texts.tokens[i].end(), replies[i].begin(), replies[i].end());
  }
  return {};
}

quality::ScoredText without_score(const Texts& texts, std::size_t i) {
  quality::ScoredText text;
  text.id = texts.ids[i];
  text.tokens.assign(texts.tokens[i].begin(), texts.tokens[i].end());
  text.scored_from = texts.scored_from[i];
  return text;
}

quality::ScoreHeader header_of(const ScoreOptions& options, const engine::Model& model) {
  quality::ScoreHeader header;
  header.model = options.model;
  header.placement = options.experts;
  header.device = model.device().name;
  header.software_device = model.device().software;
  header.settings = {{"threads", std::to_string(options.threads)},
                     {"slots", std::to_string(options.slots)},
                     {"rounding", options.other_rounding ? "other" : "plain"}};
  return header;
}

base::Status write_scores(const ScoreOptions& options, const std::shared_ptr<const engine::Model>& model,
                          const engine::ContextOptions& context, const Texts& texts,
                          const base::Logger& engine_log, const base::Logger& progress) {
  std::unique_ptr<engine::Scorer> scorer;
  if (options.logits || options.trace) {
    MOESTRESS_TRY(scorer, engine::Scorer::create(model, context, engine_log));
  }
  quality::ScoreHeader header = header_of(options, *model);
  std::optional<LayerPass> layers;
  if (options.layers) {
    auto opened = LayerPass::open(model, context, options.from, texts.ids.size(), engine_log);
    if (opened)
      layers = std::move(*opened);
    else if (opened.error().code == base::ErrorCode::Unsupported)
      header.settings[quality::kLayersLeftOut] = opened.error().message;
    else
      return tl::unexpected(opened.error());
  }
  MOESTRESS_TRY(auto writer, quality::ScoreWriter::create(options.out, header));
  const auto write = [&](std::size_t i, engine::Score score) -> base::Status {
    quality::ScoredText text = without_score(texts, i);
    if (options.logits) {
      text.vocabulary = score.vocabulary;
      text.logits = std::move(score.logits);
    }
    text.routing = std::move(score.routing);
    progress.info("scored {} of {} texts", i + 1, texts.ids.size());
    return layers ? layers->add(std::move(text), writer) : writer.add(text);
  };
  if (scorer) {
    base::Status written;
    MOESTRESS_TRY_STATUS(scorer->score(texts.tokens, [&](std::size_t i, engine::Score score) {
      if (written) written = write(i, std::move(score));
    }));
    MOESTRESS_TRY_STATUS(written);
  } else {
    for (std::size_t i = 0; i < texts.ids.size(); ++i) MOESTRESS_TRY_STATUS(write(i, {}));
  }
  if (layers) MOESTRESS_TRY_STATUS(layers->flush(writer));
  return writer.finish();
}

base::Status score(const ScoreOptions& options) {
  const base::Logger engine_log(base::LogLevel::Warning);
  const base::Logger progress;  // `run` takes a log that stands still for a process that hangs
  engine::LoadOptions load;
  load.path = options.model;
  load.device = options.device;
  load.repack = options.other_rounding;
  MOESTRESS_TRY(load.experts, plan::parse_placement(options.experts));
  MOESTRESS_TRY(const std::shared_ptr<const engine::Model> model, engine::Model::load(load, engine_log));

  engine::ContextOptions context;
  context.slots = options.slots;
  context.context_tokens = options.context_tokens;
  context.threads = options.threads;
  context.trace_routing = options.trace;
  context.other_rounding = options.other_rounding;

  MOESTRESS_TRY(Texts texts,
                options.from.empty() ? read_prompts(options, *model) : read_score_tokens(options.from));
  if (options.generate > 0)
    MOESTRESS_TRY_STATUS(generate_replies(model, context, options.until_end, texts, engine_log, progress));

  return write_scores(options, model, context, texts, engine_log, progress);
}

}  // namespace

void add_score_command(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* command = program.add_subcommand("score",
                                             "Teacher-forced logits and routing of given texts on one "
                                             "placement; `run` spawns it for tests 3.1, 3.2, 6.1 and S2");
  command->add_option("-m,--model", options->model, "GGUF file")->required()->check(CLI::ExistingFile);
  command->add_option("--device", options->device, "auto, cpu, or a device as `moestress doctor` lists it");
  command->add_option("--experts", options->experts, "cpu, gpu, first:N or a placement file");
  auto* text = command
                   ->add_option("--text", options->text,
                                "JSON lines: {\"id\":…, \"text\":…, \"chat\":true|false, \"generate\":N}")
                   ->check(CLI::ExistingFile);
  auto* from = command->add_option("--from", options->from, "a score file whose tokens are scored again")
                   ->check(CLI::ExistingFile);
  text->excludes(from);
  command
      ->add_option("--generate", options->generate,
                   "extend each text by a greedy reply of N tokens, and score that")
      ->check(CLI::Range(0, kGenerateMax))
      ->excludes(from);
  command->add_flag("--until-end", options->until_end,
                    "a reply ends where the model ends it, N tokens at most");
  command->add_option("--slots", options->slots, "texts evaluated together")->check(CLI::Range(1, 64));
  command->add_option("--ctx", options->context_tokens, "context tokens for each of them")
      ->check(CLI::Range(16, 1 << 24));
  command
      ->add_option("--threads", options->threads,
                   "0: one for each physical core; one beside a software device")
      ->check(CLI::Range(0, 1024));
  command->add_flag("--trace", options->trace, "keep the routing too");
  command->add_flag("!--no-logits", options->logits, "leave the logits out");
  command->add_flag(
      "--layers", options->layers,
      "keep what each layer with experts takes in and gives out, of up to 256 tokens a text and "
      "512 MiB in all, texts strung together in batches; with --from a file that holds it, what "
      "they give out for the inputs of that");
  command->add_flag(
      "--other-rounding", options->other_rounding,
      "the same function rounded otherwise: no flash attention, an F32 KV cache, repacked CPU weights");
  command->add_option("-o,--out", options->out, "score file to write")->required();
  command->footer(
      "Example: the routing of some prompts, experts on the CPU\n"
      "  moestress score -m model.gguf --experts cpu --text prompts.jsonl --trace --no-logits -o "
      "routing.score");
  command->callback([options, &exit_code] {
    if (options->text.empty() && options->from.empty()) {
      exit_code = report_error({base::ErrorCode::Usage, "score: give --text FILE or --from SCORE"});
      return;
    }
    if (const auto status = score(*options); !status) exit_code = report_error(status.error());
  });
}

}  // namespace moestress::app
