#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "record/moe_activations.h"
#include "record/routing.h"

namespace moestress::quality {

/// What the model said of one text, teacher-forced.
struct ScoredText {
  std::string id;
  std::vector<std::int32_t> tokens;
  std::size_t scored_from =
      1;               ///< first position whose prediction counts, ≥ 1: row scored_from − 1 predicts it
  int vocabulary = 0;  ///< 0 where there are no logits
  std::vector<float> logits;  ///< [tokens × vocabulary], row i: after token i; or empty (routing only)
  std::optional<record::RoutingTrace> routing;
  /// Of the text, or of as much of its beginning as there was room for.
  std::optional<record::MoeActivations> activations;

  std::span<const float> row(std::size_t token) const {
    return {logits.data() + token * static_cast<std::size_t>(vocabulary),
            static_cast<std::size_t>(vocabulary)};
  }
};

/// What a score file says of how it was made.
struct ScoreHeader {
  std::string model;      ///< path
  std::string placement;  ///< as it was asked for: "cpu", "gpu", "first:4"
  std::string device;     ///< where the other weights were: "Vulkan0"
  bool software_device = false;
  std::map<std::string, std::string> settings;  ///< of the engine, e.g. "threads" → "1"
};

/// The version of the files written, and the only one that is read.
inline constexpr std::uint32_t kScoreFileVersion = 2;
/// The header's setting that says why activations were asked for and are not there.
inline constexpr const char* kLayersLeftOut = "layers left out";

/// Bounds of a score file; passing one is an error, when writing and when reading.
inline constexpr std::size_t kScoreTokensMax = std::size_t{1} << 20;       ///< of a text
inline constexpr std::size_t kScoreLogitsMax = std::size_t{1} << 30;       ///< floats of a text: 4 GiB
inline constexpr std::size_t kScoreRoutingMax = std::size_t{1} << 28;      ///< entries of a text's routing
inline constexpr std::size_t kScoreActivationsMax = std::size_t{1} << 28;  ///< floats of a text, each of two
inline constexpr std::size_t kScoreStringMax = std::size_t{1} << 16;       ///< bytes

/// Writes a score file: a sequence of checksummed zstd frames (`zstd -d` opens it), one for the header, one
/// for each text, one for the end. Owns the file. One thread.
class ScoreWriter {
 public:
  /// Errors: Io (can't create), Limit (header).
  static base::Result<ScoreWriter> create(const std::string& path, const ScoreHeader& header);
  ~ScoreWriter();
  ScoreWriter(ScoreWriter&&) noexcept;
  ScoreWriter& operator=(ScoreWriter&&) noexcept;

  /// Errors: Io (full disk), Limit, Format (sizes that don't agree, a token outside the vocabulary, logits
  /// that are not finite).
  base::Status add(const ScoredText& text);
  /// Writes the end and closes. Without it a reader calls the file cut off.
  base::Status finish();

 private:
  struct State;
  explicit ScoreWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Reads one, a text at a time; holds one text's memory at most. Owns the file. One thread.
class ScoreReader {
 public:
  /// Errors: Io, Format (not a score file, another version), Limit.
  static base::Result<ScoreReader> open(const std::string& path);
  ~ScoreReader();
  ScoreReader(ScoreReader&&) noexcept;
  ScoreReader& operator=(ScoreReader&&) noexcept;

  const ScoreHeader& header() const;
  /// The next text, or none after the last. Errors: Io, Format (cut off, corrupt, bytes after the end),
  /// Limit.
  base::Result<std::optional<ScoredText>> next();

 private:
  struct State;
  explicit ScoreReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moestress::quality
