#include "protocol/scoring.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"
#include "gguf/file.h"
#include "quality/score_file.h"
#include "target/process.h"

namespace moestress::protocol {
namespace {

base::Status write_texts(const std::string& path, const std::vector<ScoringText>& texts) {
  std::ofstream file(path);
  for (const auto& text : texts) {
    nlohmann::json line{{"id", text.id}, {"text", text.text}, {"chat", text.chat}};
    if (text.generate > 0) line["generate"] = text.generate;
    file << line.dump() << '\n';
  }
  file.flush();
  if (!file) return base::fail(base::ErrorCode::Io, "{}: can't be written; is the disk full?", path);
  return {};
}

/// A text takes seconds on a real device and a minute or two on a software one that compiles its shaders
/// first.
constexpr base::Duration kStandstill = std::chrono::minutes(15);

/// Notices a process whose log has stopped growing.
class StandstillWatch {
 public:
  StandstillWatch(std::string log, base::Duration now) : log_(std::move(log)), grew_(now) {}

  bool stands_still(base::Duration now) {
    std::error_code none_yet;
    const auto size = std::filesystem::file_size(log_, none_yet);
    if (!none_yet && size != size_) {
      size_ = size;
      grew_ = now;
    }
    return now - grew_ > kStandstill;
  }

 private:
  std::string log_;
  std::uintmax_t size_ = 0;
  base::Duration grew_;
};

std::vector<std::string> arguments(const Rig& rig, const RunContext& run, const ScoringJob& job,
                                   const std::string& texts_path, const std::string& out) {
  std::vector<std::string> argv{run.program, "score",
                                "-m",        job.model.empty() ? rig.facts().path : job.model,
                                "--device",  job.device,
                                "--experts", job.experts,
                                "--ctx",     std::to_string(job.context_tokens),
                                "--slots",   std::to_string(job.slots),
                                "--threads", std::to_string(run.plan.target.threads),
                                "-o",        out};
  if (job.from.empty()) {
    argv.insert(argv.end(), {"--text", texts_path});
    if (job.generate > 0) argv.insert(argv.end(), {"--generate", std::to_string(job.generate)});
  } else {
    argv.insert(argv.end(), {"--from", job.from});
  }
  if (job.until_end) argv.emplace_back("--until-end");
  if (job.trace) argv.emplace_back("--trace");
  if (!job.logits) argv.emplace_back("--no-logits");
  if (job.layers) argv.emplace_back("--layers");
  if (job.other_rounding) argv.emplace_back("--other-rounding");
  return argv;
}

}  // namespace

base::Result<std::string> run_scoring(Rig& rig, const ScoringJob& job) {
  const std::string out = rig.scratch_path(job.name + ".score");
  const std::string texts = rig.scratch_path(job.name + ".jsonl");
  if (job.from.empty()) MOESTRESS_TRY_STATUS(write_texts(texts, job.texts));
  target::SpawnSpec spec;
  spec.argv = arguments(rig, rig.run(), job, texts, out);
  spec.log_path = rig.scratch_path(job.name + ".log");
  MOESTRESS_TRY(auto process, target::Process::spawn(spec));
  StandstillWatch progress(spec.log_path, rig.now());
  while (process->alive()) {
    if (rig.cancelled()) return base::fail(base::ErrorCode::Cancelled, "interrupted");
    if (progress.stands_still(rig.now()))
      return base::fail(base::ErrorCode::Timeout,
                        "moestress score ({}, experts {}) made no progress for {} and was ended:\n{}",
                        job.name, job.experts, base::human_seconds(base::to_seconds(kStandstill)),
                        target::log_tail(spec.log_path, 5));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  const std::string end = process->death().value_or("ended in an unknown way");
  if (end != "exited with code 0")
    return base::fail(base::ErrorCode::TargetDied, "moestress score ({}, experts {}) {}:\n{}", job.name,
                      job.experts, end, target::log_tail(spec.log_path, 5));
  return out;
}

base::Result<Replies> replies_in(const Rig& rig, const std::string& path) {
  MOESTRESS_TRY(auto reader, quality::ScoreReader::open(path));
  Replies replies;
  while (true) {
    MOESTRESS_TRY(const auto text, reader.next());
    if (!text) return replies;
    const std::vector<engine::Token> reply(
        text->tokens.begin() + static_cast<std::ptrdiff_t>(text->scored_from), text->tokens.end());
    replies.ids.push_back(text->id);
    replies.texts.push_back(rig.facts().tokenizer->detokenize(reply));
  }
}

bool cpu_plays_gpu(const Rig& rig) {
  const std::string& baseline = rig.plan().target.baseline;
  const bool real_device = rig.has_device() && !rig.software_device();
  return baseline == "cpu" || (baseline == "auto" && !real_device);
}

bool nothing_is_offloaded(const Rig& rig) {
  return rig.embedded() && cpu_plays_gpu(rig) && rig.plan().target.baseline_model.empty();
}

base::Result<bool> baseline_has_same_types(const Rig& rig) {
  const std::string& path = rig.plan().target.baseline_model;
  if (path.empty()) return true;
  MOESTRESS_TRY(const gguf::File baseline, gguf::read(path));
  const auto& ours = rig.facts().file.tensors;
  return std::equal(ours.begin(), ours.end(), baseline.tensors.begin(), baseline.tensors.end(),
                    [](const gguf::Tensor& a, const gguf::Tensor& b) {
                      return a.name == b.name && a.type.id == b.type.id && a.dims == b.dims;
                    });
}

ScoringJob placement_job(const Rig& rig, const std::string& name) {
  ScoringJob job;
  job.name = name;
  job.device = cpu_plays_gpu(rig) ? "cpu" : rig.plan().target.device;
  job.experts = rig.plan().target.experts;
  return job;
}

ScoringJob baseline_job(const Rig& rig, const std::string& name) {
  ScoringJob job = placement_job(rig, name);
  job.experts = "gpu";
  job.model = rig.plan().target.baseline_model;
  job.other_rounding = cpu_plays_gpu(rig);
  return job;
}

}  // namespace moestress::protocol
