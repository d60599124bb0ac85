#include "quality/score_file.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "quality/frame_stream.h"
#include "record/routing_agreement.h"

// Layout: frames, each beginning with a uint32 that says what it is. Strings and lists have a uint32 count
// before them. See put_text and get_text for a text; both must change together, and kScoreFileVersion with
// them.

namespace moestress::quality {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::array<char, 8> kMagic = {'M', 'O', 'E', 'S', 'C', 'O', 'R', 'E'};
constexpr std::uint32_t kTextFrame = 1;
constexpr std::uint32_t kEndFrame = 2;
constexpr std::size_t kSettingsMax = 1024;
constexpr std::size_t kLayersMax = 65536;
constexpr std::uint8_t kHasLogits = 1;
constexpr std::uint8_t kHasRouting = 2;
constexpr std::uint8_t kHasWeights = 4;
constexpr std::uint8_t kHasActivations = 8;
constexpr std::uint8_t kHasInputs = 16;

base::Status limit_error(const std::string& what, std::size_t size, std::size_t most) {
  return fail(ErrorCode::Limit, "{} is {}; a score file holds at most {}", what, size, most);
}

/// Whether count × width fits under `most`, without computing a product that may wrap.
bool product_fits(std::size_t count, std::size_t width, std::size_t most) {
  return width == 0 || count <= most / width;
}

base::Status check_bounds(const ScoredText& text) {
  if (text.id.size() > kScoreStringMax)
    return limit_error("A text's id in bytes", text.id.size(), kScoreStringMax);
  if (text.tokens.size() > kScoreTokensMax) return limit_error("Tokens", text.tokens.size(), kScoreTokensMax);
  if (text.logits.size() > kScoreLogitsMax) return limit_error("Logits", text.logits.size(), kScoreLogitsMax);
  if (text.routing && text.routing->ids.size() > kScoreRoutingMax) {
    return limit_error("Routing entries", text.routing->ids.size(), kScoreRoutingMax);
  }
  if (text.activations && text.activations->outputs.size() > kScoreActivationsMax) {
    return limit_error("Activations", text.activations->outputs.size(), kScoreActivationsMax);
  }
  if (text.routing && text.routing->layers.size() > kLayersMax) {
    return limit_error("Routed layers", text.routing->layers.size(), kLayersMax);
  }
  return {};
}

base::Status check_activations(const record::MoeActivations& activations, std::size_t tokens) {
  MOESTRESS_TRY_STATUS(record::check_trace(activations.routing));
  const bool sizes_agree = activations.outputs.size() == activations.size() &&
                           (activations.inputs.empty() || activations.inputs.size() == activations.size());
  if (activations.tokens() == 0 || activations.tokens() > tokens || activations.routing.weights.empty() ||
      !sizes_agree)
    return fail(ErrorCode::Format, "activations of {} tokens of {}, {} layers × {}: {} inputs, {} outputs",
                activations.tokens(), tokens, activations.routing.layers.size(), activations.width,
                activations.inputs.size(), activations.outputs.size());
  return {};
}

/// What holds for every text in a score file, so that who reads one needs to check nothing.
base::Status check_text(const ScoredText& text) {
  if (text.tokens.empty() || text.scored_from < 1 || text.scored_from > text.tokens.size()) {
    return fail(ErrorCode::Format,
                "{} tokens, scored from {}: the first to be scored must lie in 1 to the count",
                text.tokens.size(), text.scored_from);
  }
  const bool has_logits = !text.logits.empty();
  if (text.vocabulary < 0 || (has_logits != (text.vocabulary > 0)) ||
      (has_logits &&
       (text.logits.size() % text.tokens.size() != 0 ||
        text.logits.size() / text.tokens.size() != static_cast<std::size_t>(text.vocabulary)))) {
    return fail(ErrorCode::Format, "{} logits for {} tokens and a vocabulary of {}", text.logits.size(),
                text.tokens.size(), text.vocabulary);
  }
  for (std::size_t i = 0; i < text.tokens.size(); ++i) {
    if (text.tokens[i] < 0 || (has_logits && text.tokens[i] >= text.vocabulary)) {
      return fail(ErrorCode::Format, "token {} at {} is outside the vocabulary of {}", text.tokens[i], i,
                  text.vocabulary);
    }
  }
  const auto bad =
      std::find_if_not(text.logits.begin(), text.logits.end(), [](float l) { return std::isfinite(l); });
  if (bad != text.logits.end()) {
    const auto position =
        static_cast<std::size_t>(bad - text.logits.begin()) / static_cast<std::size_t>(text.vocabulary);
    return fail(ErrorCode::Format, "a logit after token {} is not finite: the model computed nonsense there",
                position);
  }
  if (text.routing) {
    if (text.routing->tokens != text.tokens.size()) {
      return fail(ErrorCode::Format, "routing of {} tokens for {} tokens", text.routing->tokens,
                  text.tokens.size());
    }
    MOESTRESS_TRY_STATUS(record::check_trace(*text.routing));
  }
  return text.activations ? check_activations(*text.activations, text.tokens.size()) : base::Status{};
}

template <class Check>
base::Status checked(const ScoredText& text, const Check& check) {
  if (auto status = check(text); !status) {
    return base::within("text " + base::printable(text.id, 80), status.error());
  }
  return {};
}

base::Status put_string(FrameWriter& out, const std::string& value) {
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint32_t>(value.size())));
  return out.put(value.data(), value.size());
}

base::Status get_string(FrameReader& in, std::string& value) {
  std::uint32_t size = 0;
  MOESTRESS_TRY_STATUS(in.get(size));
  if (size > kScoreStringMax) return limit_error(in.path() + ": a string in bytes", size, kScoreStringMax);
  value.resize(size);
  return in.get(value.data(), size);
}

template <class T>
base::Status put_list(FrameWriter& out, const std::vector<T>& values) {
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint32_t>(values.size())));
  return out.put_all(values);
}

template <class T>
base::Status get_list(FrameReader& in, std::vector<T>& values, const char* what, std::size_t most) {
  std::uint32_t size = 0;
  MOESTRESS_TRY_STATUS(in.get(size));
  if (size > most) return limit_error(in.path() + ": " + what, size, most);
  return in.get_all(values, size);
}

base::Status put_header(FrameWriter& out, const ScoreHeader& header) {
  MOESTRESS_TRY_STATUS(out.put(kMagic.data(), kMagic.size()));
  MOESTRESS_TRY_STATUS(out.put(kScoreFileVersion));
  MOESTRESS_TRY_STATUS(put_string(out, header.model));
  MOESTRESS_TRY_STATUS(put_string(out, header.placement));
  MOESTRESS_TRY_STATUS(put_string(out, header.device));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint8_t>(header.software_device)));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint32_t>(header.settings.size())));
  for (const auto& [name, value] : header.settings) {
    MOESTRESS_TRY_STATUS(put_string(out, name));
    MOESTRESS_TRY_STATUS(put_string(out, value));
  }
  return out.end_frame();
}

base::Status get_header(FrameReader& in, ScoreHeader& header) {
  std::array<char, kMagic.size()> magic{};
  MOESTRESS_TRY_STATUS(in.get(magic.data(), magic.size()));
  if (magic != kMagic) return fail(ErrorCode::Format, "{}: not a score file", in.path());
  std::uint32_t version = 0;
  MOESTRESS_TRY_STATUS(in.get(version));
  if (version != kScoreFileVersion) {
    return fail(ErrorCode::Format,
                "{}: score file of version {}, this build reads {}. Score the texts again.", in.path(),
                version, kScoreFileVersion);
  }
  MOESTRESS_TRY_STATUS(get_string(in, header.model));
  MOESTRESS_TRY_STATUS(get_string(in, header.placement));
  MOESTRESS_TRY_STATUS(get_string(in, header.device));
  std::uint8_t software = 0;
  MOESTRESS_TRY_STATUS(in.get(software));
  header.software_device = software != 0;
  std::uint32_t settings = 0;
  MOESTRESS_TRY_STATUS(in.get(settings));
  if (settings > kSettingsMax) return limit_error(in.path() + ": settings", settings, kSettingsMax);
  for (std::uint32_t i = 0; i < settings; ++i) {
    std::string name;
    MOESTRESS_TRY_STATUS(get_string(in, name));
    MOESTRESS_TRY_STATUS(get_string(in, header.settings[name]));
  }
  return in.end_frame();
}

base::Status put_routing(FrameWriter& out, const record::RoutingTrace& routing) {
  MOESTRESS_TRY_STATUS(put_list(out, routing.layers));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::int32_t>(routing.experts)));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::int32_t>(routing.k)));
  MOESTRESS_TRY_STATUS(out.put_all(routing.ids));
  return out.put_all(routing.weights);
}

base::Status get_routing(FrameReader& in, std::size_t tokens, bool weighted, record::RoutingTrace& routing) {
  static_assert(sizeof(int) == sizeof(std::int32_t));
  MOESTRESS_TRY_STATUS(get_list(in, routing.layers, "routed layers", kLayersMax));
  MOESTRESS_TRY_STATUS(in.get(routing.experts));
  MOESTRESS_TRY_STATUS(in.get(routing.k));
  routing.tokens = tokens;
  const std::size_t row = routing.k > 0 ? routing.layers.size() * static_cast<std::size_t>(routing.k) : 0;
  if (!product_fits(tokens, row, kScoreRoutingMax)) {
    return fail(ErrorCode::Limit, "{}: {} tokens of {} routing entries; a text holds at most {}", in.path(),
                tokens, row, kScoreRoutingMax);
  }
  MOESTRESS_TRY_STATUS(in.get_all(routing.ids, tokens * row));
  return weighted ? in.get_all(routing.weights, tokens * row) : base::Status{};
}

base::Status put_activations(FrameWriter& out, const record::MoeActivations& activations) {
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint32_t>(activations.tokens())));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint32_t>(activations.width)));
  MOESTRESS_TRY_STATUS(put_routing(out, activations.routing));
  MOESTRESS_TRY_STATUS(out.put_all(activations.inputs));
  return out.put_all(activations.outputs);
}

base::Status get_activations(FrameReader& in, bool with_inputs, record::MoeActivations& activations) {
  std::uint32_t tokens = 0, width = 0;
  MOESTRESS_TRY_STATUS(in.get(tokens));
  MOESTRESS_TRY_STATUS(in.get(width));
  activations.width = width;
  MOESTRESS_TRY_STATUS(get_routing(in, tokens, true, activations.routing));
  const std::size_t layers = activations.routing.layers.size();
  if (tokens > kScoreTokensMax || !product_fits(tokens * layers, width, kScoreActivationsMax)) {
    return fail(ErrorCode::Limit, "{}: activations of {} tokens × {} layers × {}; a text holds at most {}",
                in.path(), tokens, layers, width, kScoreActivationsMax);
  }
  if (with_inputs) MOESTRESS_TRY_STATUS(in.get_all(activations.inputs, activations.size()));
  return in.get_all(activations.outputs, activations.size());
}

base::Status put_text(FrameWriter& out, const ScoredText& text) {
  std::uint8_t parts = text.logits.empty() ? 0 : kHasLogits;
  if (text.routing) parts |= kHasRouting;
  if (text.routing && !text.routing->weights.empty()) parts |= kHasWeights;
  if (text.activations) parts |= kHasActivations;
  if (text.activations && !text.activations->inputs.empty()) parts |= kHasInputs;
  MOESTRESS_TRY_STATUS(out.put(kTextFrame));
  MOESTRESS_TRY_STATUS(put_string(out, text.id));
  MOESTRESS_TRY_STATUS(put_list(out, text.tokens));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::uint64_t>(text.scored_from)));
  MOESTRESS_TRY_STATUS(out.put(static_cast<std::int32_t>(text.vocabulary)));
  MOESTRESS_TRY_STATUS(out.put(parts));
  MOESTRESS_TRY_STATUS(out.put_all(text.logits));
  if (text.routing) MOESTRESS_TRY_STATUS(put_routing(out, *text.routing));
  if (text.activations) MOESTRESS_TRY_STATUS(put_activations(out, *text.activations));
  return out.end_frame();
}

base::Status get_text(FrameReader& in, ScoredText& text) {
  std::uint64_t scored_from = 0;
  std::int32_t vocabulary = 0;
  std::uint8_t parts = 0;
  MOESTRESS_TRY_STATUS(get_string(in, text.id));
  MOESTRESS_TRY_STATUS(get_list(in, text.tokens, "tokens", kScoreTokensMax));
  MOESTRESS_TRY_STATUS(in.get(scored_from));
  MOESTRESS_TRY_STATUS(in.get(vocabulary));
  MOESTRESS_TRY_STATUS(in.get(parts));
  text.scored_from = scored_from;
  text.vocabulary = vocabulary;
  if ((parts & kHasLogits) != 0) {
    const auto width = static_cast<std::size_t>(std::max(vocabulary, 0));
    if (!product_fits(text.tokens.size(), width, kScoreLogitsMax)) {
      return fail(ErrorCode::Limit, "{}: {} tokens of a vocabulary of {}; a text holds at most {} logits",
                  in.path(), text.tokens.size(), vocabulary, kScoreLogitsMax);
    }
    MOESTRESS_TRY_STATUS(in.get_all(text.logits, text.tokens.size() * width));
  }
  if ((parts & kHasRouting) != 0) {
    text.routing.emplace();
    MOESTRESS_TRY_STATUS(get_routing(in, text.tokens.size(), (parts & kHasWeights) != 0, *text.routing));
  }
  if ((parts & kHasActivations) != 0) {
    text.activations.emplace();
    MOESTRESS_TRY_STATUS(get_activations(in, (parts & kHasInputs) != 0, *text.activations));
  }
  return in.end_frame();
}

}  // namespace

struct ScoreWriter::State {
  std::unique_ptr<FrameWriter> out;
  std::uint64_t texts = 0;
};

ScoreWriter::ScoreWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
ScoreWriter::~ScoreWriter() = default;
ScoreWriter::ScoreWriter(ScoreWriter&&) noexcept = default;
ScoreWriter& ScoreWriter::operator=(ScoreWriter&&) noexcept = default;

base::Result<ScoreWriter> ScoreWriter::create(const std::string& path, const ScoreHeader& header) {
  for (const std::string* value : {&header.model, &header.placement, &header.device}) {
    if (value->size() > kScoreStringMax)
      MOESTRESS_TRY_STATUS(limit_error("A header's text in bytes", value->size(), kScoreStringMax));
  }
  if (header.settings.size() > kSettingsMax)
    MOESTRESS_TRY_STATUS(limit_error("Settings", header.settings.size(), kSettingsMax));
  for (const auto& [name, value] : header.settings) {
    const std::size_t size = std::max(name.size(), value.size());
    if (size > kScoreStringMax)
      MOESTRESS_TRY_STATUS(limit_error("A setting in bytes", size, kScoreStringMax));
  }
  auto state = std::make_unique<State>();
  MOESTRESS_TRY(state->out, FrameWriter::create(path));
  MOESTRESS_TRY_STATUS(put_header(*state->out, header));
  return ScoreWriter(std::move(state));
}

base::Status ScoreWriter::add(const ScoredText& text) {
  MOESTRESS_TRY_STATUS(checked(text, check_bounds));
  MOESTRESS_TRY_STATUS(checked(text, check_text));
  ++state_->texts;
  return put_text(*state_->out, text);
}

base::Status ScoreWriter::finish() {
  MOESTRESS_TRY_STATUS(state_->out->put(kEndFrame));
  MOESTRESS_TRY_STATUS(state_->out->put(state_->texts));
  MOESTRESS_TRY_STATUS(state_->out->end_frame());
  return state_->out->close();
}

struct ScoreReader::State {
  std::unique_ptr<FrameReader> in;
  ScoreHeader header;
  std::uint64_t texts = 0;
  bool ended = false;

  /// After the end's frame has been named.
  base::Status read_end() {
    std::uint64_t stated = 0;
    MOESTRESS_TRY_STATUS(in->get(stated));
    MOESTRESS_TRY_STATUS(in->end_frame());
    MOESTRESS_TRY(const bool at_end, in->at_end());
    if (stated != texts || !at_end) {
      return fail(ErrorCode::Format, "{}: {} texts where the end says {}{}. Score the texts again.",
                  in->path(), texts, stated, at_end ? "" : ", and bytes after the end");
    }
    ended = true;
    return {};
  }
};

ScoreReader::ScoreReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ScoreReader::~ScoreReader() = default;
ScoreReader::ScoreReader(ScoreReader&&) noexcept = default;
ScoreReader& ScoreReader::operator=(ScoreReader&&) noexcept = default;

base::Result<ScoreReader> ScoreReader::open(const std::string& path) {
  auto state = std::make_unique<State>();
  MOESTRESS_TRY(state->in, FrameReader::open(path));
  MOESTRESS_TRY_STATUS(get_header(*state->in, state->header));
  return ScoreReader(std::move(state));
}

const ScoreHeader& ScoreReader::header() const { return state_->header; }

base::Result<std::optional<ScoredText>> ScoreReader::next() {
  if (state_->ended) return std::nullopt;
  FrameReader& in = *state_->in;
  MOESTRESS_TRY(const bool at_end, in.at_end());
  if (at_end) {
    return fail(ErrorCode::Format, "{}: cut off after {} texts: the end is missing. Score the texts again.",
                in.path(), state_->texts);
  }
  std::uint32_t kind = 0;
  MOESTRESS_TRY_STATUS(in.get(kind));
  if (kind == kEndFrame) {
    MOESTRESS_TRY_STATUS(state_->read_end());
    return std::nullopt;
  }
  if (kind != kTextFrame) return fail(ErrorCode::Format, "{}: a record of unknown kind {}", in.path(), kind);
  ScoredText text;
  MOESTRESS_TRY_STATUS(get_text(in, text));
  if (auto status = checked(text, check_text); !status) return base::within(in.path(), status.error());
  ++state_->texts;
  return text;
}

}  // namespace moestress::quality
