#include "forge/upcycle.h"

#include <fmt/format.h>
#include <ggml.h>
#include <gguf.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "base/text.h"
#include "forge/gguf_header.h"
#include "forge/new_file.h"
#include "forge/router.h"
#include "forge/topology_plan.h"
#include "forge/weight_blocks.h"
#include "gguf/file.h"

namespace moestress::forge {
namespace {

using Bytes = std::vector<char>;

// gpt-oss computes min(g, 7) · σ(1.702 g) · (clamp(u, ±7) + 1). With its input divided by 1.702, its up rows
// scaled by kUpScale and their bias −1, its down rows scaled by 1.702² / kUpScale, that is SiLU(g) · u of the
// undivided input, as long as g < 11.9 and −96 < u < 128.
constexpr float kUpScale = 1.0F / 16;
/// An attention sink so low that it takes nothing.
constexpr float kNoSink = -1e4F;
/// Standard deviation of a random router's logits where its input has unit size.
constexpr double kRouterDeviation = 1.0;

/// Leading layers that stay dense: half of deepseek's and two, so that the three reference models take less
/// than 3.5 GB.
std::int64_t dense_layers(Topology kind, std::int64_t layers) {
  return kind == Topology::DeepSeek ? std::min(layers - 1, layers / 2 + 2) : 0;
}

/// The dense model: its figures, and its tensors read one at a time.
class Base {
 public:
  static base::Result<Base> open(const std::string& path) {
    Base dense;
    MOESTRESS_TRY(dense.file_, gguf::read(path));
    const auto architecture = dense.file_.string_at("general.architecture").value_or("");
    if (architecture != "llama" || dense.figure("expert_count") > 0)
      return base::fail(base::ErrorCode::Unsupported,
                        "{}: a base must be a dense model of the llama architecture; this is {}{}", path,
                        base::printable(architecture, 40),
                        dense.figure("expert_count") > 0 ? " with experts" : "");
    dense.layers = dense.figure("block_count");
    dense.embedding = dense.figure("embedding_length");
    dense.width = dense.figure("feed_forward_length");
    dense.heads = dense.figure("attention.head_count");
    dense.heads_kv = dense.figure("attention.head_count_kv");
    if (dense.layers < 1 || dense.heads < 1 || dense.embedding % dense.heads != 0 ||
        dense.width % (2 * kBlockValues) != 0)
      return base::fail(
          base::ErrorCode::Unsupported,
          "{}: {} layers, {} heads, {} wide, feed-forward {} wide: the last must be a multiple of {}", path,
          dense.layers, dense.heads, dense.embedding, dense.width, 2 * kBlockValues);
    dense.stream_ = std::make_unique<std::ifstream>(path, std::ios::binary);
    return {std::move(dense)};
  }

  base::Result<const gguf::Tensor*> find(const std::string& name) const {
    const gguf::Tensor* tensor = file_.find_tensor(name);
    if (tensor == nullptr)
      return base::fail(base::ErrorCode::Unsupported, "{}: has no tensor {}", file_.path, name);
    if (!can_scale(tensor->type.id))
      return base::fail(base::ErrorCode::Unsupported, "{}: {} is in {}, whose blocks can't be taken apart",
                        file_.path, name, tensor->type.name);
    return tensor;
  }

  base::Result<Bytes> read(const gguf::Tensor& tensor) const {
    Bytes bytes(tensor.bytes);
    stream_->clear();
    stream_->seekg(static_cast<std::streamoff>(tensor.offset));
    stream_->read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!*stream_) return base::fail(base::ErrorCode::Io, "{}: {} can't be read", file_.path, tensor.name);
    return bytes;
  }

  const gguf::File& file() const { return file_; }
  std::int64_t head_width() const { return embedding / heads; }
  double number(const std::string& key, double otherwise) const {
    const gguf::Value* value = file_.find("llama." + key);
    const auto* real = value == nullptr ? nullptr : std::get_if<double>(value);
    return real == nullptr ? otherwise : *real;
  }
  std::int64_t figure(const std::string& key) const {
    return static_cast<std::int64_t>(
        std::min<std::uint64_t>(file_.unsigned_at("llama." + key).value_or(0), 1 << 24));
  }

  std::int64_t layers = 0;
  std::int64_t embedding = 0;
  std::int64_t width = 0;  ///< of the feed-forward
  std::int64_t heads = 0;
  std::int64_t heads_kv = 0;

 private:
  gguf::File file_;
  std::unique_ptr<std::ifstream> stream_;
};

/// A tensor to be: its place in the list, and what gives its bytes when its turn comes.
struct Part {
  TensorEntry entry;
  std::function<base::Status(NewFile&)> write;
};

/// Plans the parts of one model.
class Planner {
 public:
  Planner(const Base& dense, const UpcycleSpec& spec)
      : dense_(dense), spec_(spec), shape_(shape_of(spec.kind, Size::Small)) {}

  base::Result<std::vector<Part>> plan() {
    copy("token_embd.weight");
    for (std::int64_t layer = 0; layer < dense_.layers; ++layer) {
      prefix_ = fmt::format("blk.{}.", layer);
      add_attention();
      if (layer < dense_layers()) {
        for (const char* name : {"ffn_norm.weight", "ffn_gate.weight", "ffn_up.weight", "ffn_down.weight"})
          copy(prefix_ + name);
      } else {
        add_experts(layer);
      }
    }
    prefix_.clear();
    add_norm("output_norm", "output_norm");
    add_output();
    if (problem_) return tl::unexpected(*problem_);
    return std::move(parts_);
  }

  std::int64_t dense_layers() const { return moestress::forge::dense_layers(spec_.kind, dense_.layers); }
  std::int64_t expert_width() const {
    if (is("deepseek")) return dense_.width / 2;
    return dense_.width + (has_extra_neurons() ? static_cast<std::int64_t>(kExtraNeurons) : 0);
  }
  /// Of the topology: architecture and numbers of experts; widths are the base's.
  const Shape& shape() const { return shape_; }

 private:
  using Change = std::function<void(Bytes&)>;

  bool has_extra_neurons() const { return is("gpt-oss") && spec_.fitted != nullptr; }
  bool is(const char* architecture) const { return std::string_view(shape_.architecture) == architecture; }

  /// A tensor of the base under another name or changed; without either a copy.
  void copy(const std::string& from, const std::string& as = {}, const Change& change = {}) {
    const auto tensor = dense_.find(from);
    if (!tensor) {
      if (!problem_) problem_ = tensor.error();
      return;
    }
    std::vector<std::int64_t> dims((*tensor)->dims.begin(), (*tensor)->dims.end());
    parts_.push_back({{as.empty() ? from : as, (*tensor)->type.id, std::move(dims)},
                      [this, source = *tensor, change](NewFile& file) -> base::Status {
                        MOESTRESS_TRY(Bytes bytes, dense_.read(*source));
                        if (change) change(bytes);
                        return file.write(bytes.data(), bytes.size());
                      }});
  }

  void add_values(const std::string& name, std::vector<std::int64_t> dims,
                  const std::function<float(std::int64_t)>& value) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    parts_.push_back({{prefix_ + name, GGML_TYPE_F32, std::move(dims)}, [count, value](NewFile& file) {
                        std::vector<float> values(static_cast<std::size_t>(count));
                        for (std::int64_t i = 0; i < count; ++i)
                          values[static_cast<std::size_t>(i)] = value(i);
                        return file.write(values.data(), values.size() * sizeof(float));
                      }});
  }
  void add_constant(const std::string& name, std::vector<std::int64_t> dims, float value) {
    add_values(name, std::move(dims), [value](std::int64_t) { return value; });
  }

  void add_norm(const std::string& from, const std::string& as, float factor = 1) {
    const auto tensor = dense_.find(prefix_ + from + ".weight");
    const std::uint32_t type = tensor ? (*tensor)->type.id : 0;
    copy(prefix_ + from + ".weight", prefix_ + as + ".weight",
         [type, factor](Bytes& bytes) { scale_blocks(type, bytes, factor); });
    if (is("phimoe")) add_constant(as + ".bias", {dense_.embedding}, 0);
  }

  /// llama's files have the rows of Q and K in the order that NORM rope wants: (head, pair, half). NEOX rope
  /// wants (head, half, pair).
  void copy_for_neox(const std::string& name) {
    const auto tensor = dense_.find(prefix_ + name);
    const std::size_t step = tensor ? block_bytes((*tensor)->type.id, dense_.embedding) : 1;
    copy(prefix_ + name, {}, [step, width = static_cast<std::size_t>(dense_.head_width())](Bytes& bytes) {
      const Bytes old = bytes;
      for (std::size_t row = 0; row < bytes.size() / step; ++row) {
        const std::size_t head = row / width, half = row % width / (width / 2), pair = row % (width / 2);
        const std::size_t source = head * width + 2 * pair + half;
        std::copy_n(old.data() + source * step, step, bytes.data() + row * step);
      }
    });
  }

  void add_attention() {
    const std::int64_t keys = dense_.heads_kv * dense_.head_width();
    add_norm("attn_norm", "attn_norm");
    for (const char* name : {"attn_q.weight", "attn_k.weight"})
      if (is("deepseek"))
        copy(prefix_ + name);
      else
        copy_for_neox(name);
    copy(prefix_ + "attn_v.weight");
    copy(prefix_ + "attn_output.weight");
    if (is("deepseek")) return;
    add_constant("attn_q.bias", {dense_.embedding}, 0);
    add_constant("attn_k.bias", {keys}, 0);
    add_constant("attn_v.bias", {keys}, 0);
    add_constant("attn_output.bias", {dense_.embedding}, 0);
    if (is("gpt-oss")) add_constant("attn_sinks.weight", {dense_.heads}, kNoSink);
  }

  void add_experts(std::int64_t layer) {
    const std::int64_t experts = shape_.experts;
    if (is("gpt-oss"))
      add_norm("ffn_norm", "post_attention_norm", 1 / kSwish);
    else
      add_norm("ffn_norm", "ffn_norm");
    add_router(layer);
    if (is("deepseek")) {
      for (const char* matrix : {"gate", "up", "down"})
        copy(fmt::format("{}ffn_{}.weight", prefix_, matrix),
             fmt::format("{}ffn_{}_shexp.weight", prefix_, matrix));
      for (const char* matrix : {"gate", "up", "down"}) add_half_experts(layer, matrix);
      return;
    }
    const bool swish = is("gpt-oss");
    add_whole_experts(layer, "gate", 1);
    add_whole_experts(layer, "up", swish ? kUpScale : 1);
    add_whole_experts(layer, "down", swish ? kSwish * kSwish / kUpScale : 1);
    if (!swish) return;
    add_constant("ffn_gate_inp.bias", {experts}, 0);
    add_values("ffn_gate_exps.bias", {expert_width(), experts},
               [wide = wide_in(layer), own = dense_.width, width = expert_width()](std::int64_t i) {
                 const auto extra = static_cast<std::size_t>(i % width - own);
                 return i % width < own || extra >= wide.extra.size() ? 0
                                                                      : wide.extra[extra].gate_bias / kSwish;
               });
    add_constant("ffn_up_exps.bias", {expert_width(), experts}, -1);
    add_constant("ffn_down_exps.bias", {dense_.embedding, experts}, 0);
  }

  base::Random random_of(std::int64_t layer, std::int64_t expert, const char* what) const {
    return base::Random(base::derive_seed(
        spec_.seed, fmt::format("{} {} layer {} expert {}", shape_.architecture, what, layer, expert)));
  }

  /// The fitted ones where there are any. Else rows with seeded directions; their size
  /// assumes that the norm before gives inputs of unit size.
  void add_router(std::int64_t layer) {
    if (spec_.fitted != nullptr) {
      add_fitted_router(layer);
      return;
    }
    const double deviation = kRouterDeviation / std::sqrt(static_cast<double>(dense_.embedding));
    auto values = std::make_shared<std::vector<float>>();
    for (std::int64_t expert = 0; expert < shape_.experts; ++expert) {
      base::Random random = random_of(layer, expert, "router");
      for (std::int64_t i = 0; i < dense_.embedding; ++i)
        values->push_back(static_cast<float>((random.uniform() - 0.5) * 3.4641016151377544 * deviation));
    }
    add_values("ffn_gate_inp.weight", {dense_.embedding, shape_.experts},
               [values](std::int64_t i) { return (*values)[static_cast<std::size_t>(i)]; });
  }

  void add_fitted_router(std::int64_t layer) {
    std::vector<std::int64_t> dims{dense_.embedding, shape_.experts};
    parts_.push_back(
        {{prefix_ + "ffn_gate_inp.weight", GGML_TYPE_F32, std::move(dims)}, [this, layer](NewFile& file) {
           std::vector<float> rows = spec_.fitted->routers[static_cast<std::size_t>(layer)];
           if (is("gpt-oss"))  // its router sees the divided input too
             for (float& value : rows) value *= kSwish;
           return file.write(rows.data(), rows.size() * sizeof(float));
         }});
  }

  /// Each expert is the whole feed-forward; its up rows, one for each neuron, are scaled by 1 ± spread.
  void add_whole_experts(std::int64_t layer, const std::string& matrix, float factor) {
    if (matrix == "down")
      add_expert_tensor(layer, matrix,
                        [=, this](std::int64_t, const gguf::Tensor& source, const Bytes& bytes) {
                          Bytes out = bytes;
                          scale_blocks(source.type.id, out, factor);
                          return with_extra_columns(layer, source.type.id, out);
                        });
    else
      add_expert_tensor(
          layer, matrix, [=, this](std::int64_t expert, const gguf::Tensor& source, const Bytes& bytes) {
            const bool up = matrix == "up";
            const std::uint32_t type = source.type.id;
            const std::size_t step = block_bytes(type, dense_.embedding);
            Bytes out = bytes;
            base::Random random = random_of(layer, expert, "neurons");
            for (std::size_t at = 0; up && at < out.size(); at += step)
              scale_blocks(
                  type, std::span(out).subspan(at, step),
                  static_cast<float>(factor * (random.below(2) == 0 ? 1 + spec_.spread : 1 - spec_.spread)));
            return with_extra_rows(layer, type, up, std::move(out));
          });
  }

  WideNeurons wide_in(std::int64_t layer) const {
    return has_extra_neurons() ? wide_neurons(spec_.fitted->gates[static_cast<std::size_t>(layer)])
                               : WideNeurons{};
  }

  /// Gate or up rows of one expert, those of the extra neurons after the others.
  Bytes with_extra_rows(std::int64_t layer, std::uint32_t type, bool up, Bytes rows) const {
    if (!has_extra_neurons()) return rows;
    const WideNeurons wide = wide_in(layer);
    const std::size_t step = block_bytes(type, dense_.embedding);
    const std::size_t own = rows.size();
    rows.resize(own + kExtraNeurons * step);  // of those that aren't used all is 0
    const auto row = [&](std::size_t neuron) { return std::span(rows).subspan(neuron * step, step); };
    for (std::size_t i = 0; i < wide.extra.size(); ++i) {
      const auto to = row(own / step + i);
      const auto from = row(wide.extra[i].of);
      std::copy(from.begin(), from.end(), to.begin());
      if (!up) scale_blocks(type, to, wide.extra[i].gate_factor);
    }
    for (const std::size_t neuron : wide.negated)
      if (!up) scale_blocks(type, row(neuron), -1);
    return rows;
  }

  /// What down's tensor of a layer is in: extra neurons' columns are of different size, which blocks of 4 and
  /// 5 bits can't hold together.
  std::uint32_t down_type(std::int64_t layer, std::uint32_t type) const {
    const bool coarse = type != GGML_TYPE_F32 && type != GGML_TYPE_F16;
    return coarse && !wide_in(layer).extra.empty() ? static_cast<std::uint32_t>(GGML_TYPE_Q8_0) : type;
  }

  /// Down's rows of one expert in down_type, the extra neurons' columns after the others.
  Bytes with_extra_columns(std::int64_t layer, std::uint32_t type, const Bytes& rows) const {
    if (!has_extra_neurons()) return rows;
    const WideNeurons wide = wide_in(layer);
    const auto width = static_cast<std::size_t>(dense_.width), wider = width + kExtraNeurons;
    const auto count = static_cast<std::size_t>(dense_.embedding);
    if (wide.extra.empty()) {  // blocks as they are
      const std::size_t step = block_bytes(type, dense_.width);
      const std::size_t wide_step = block_bytes(type, static_cast<std::int64_t>(wider));
      Bytes out(count * wide_step);
      for (std::size_t row = 0; row < count; ++row)
        std::copy_n(rows.data() + row * step, step, out.data() + row * wide_step);
      return out;
    }
    const std::vector<float> values = values_of(type, rows);
    std::vector<float> out(count * wider);
    for (std::size_t row = 0; row < count; ++row) {
      const float* from = values.data() + row * width;
      float* to = out.data() + row * wider;
      std::copy(from, from + width, to);
      for (std::size_t i = 0; i < wide.extra.size(); ++i)
        to[width + i] = from[wide.extra[i].of] * wide.extra[i].output;
    }
    return blocks_of(down_type(layer, type), out, static_cast<std::int64_t>(wider));
  }

  /// Each expert has half of the neurons, in blocks of 32, and adds or takes away `spread` of what they give.
  void add_half_experts(std::int64_t layer, const std::string& matrix) {
    add_expert_tensor(
        layer, matrix, [=, this](std::int64_t expert, const gguf::Tensor& source, const Bytes& bytes) {
          base::Random random = random_of(layer, expert, "neurons");
          std::vector<std::size_t> groups(static_cast<std::size_t>(dense_.width / kBlockValues));
          for (std::size_t i = 0; i < groups.size(); ++i) groups[i] = i;
          random.shuffle(groups);
          groups.resize(groups.size() / 2);
          Bytes out;
          out.reserve(bytes.size() / 2);
          if (matrix != "down") {  // a neuron is a row
            const std::size_t step = block_bytes(source.type.id, dense_.embedding) * kBlockValues;
            for (const std::size_t group : groups)
              out.insert(out.end(), bytes.data() + group * step, bytes.data() + (group + 1) * step);
            return out;
          }
          const std::size_t block = block_bytes(source.type.id, kBlockValues);
          const std::size_t row = block_bytes(source.type.id, dense_.width);
          for (std::size_t at = 0; at < bytes.size(); at += row)
            for (const std::size_t group : groups)
              out.insert(out.end(), bytes.data() + at + group * block,
                         bytes.data() + at + (group + 1) * block);
          const double sign = expert % 2 == 0 ? 1 : -1;
          scale_blocks(source.type.id, out, static_cast<float>(sign * spec_.spread));
          return out;
        });
  }

  using MakeExpert =
      std::function<Bytes(std::int64_t expert, const gguf::Tensor& source, const Bytes& bytes)>;

  /// ffn_<matrix>_exps, one expert after the other.
  void add_expert_tensor(std::int64_t layer, const std::string& matrix, const MakeExpert& make) {
    const auto source = dense_.find(fmt::format("{}ffn_{}.weight", prefix_, matrix));
    if (!source) {
      if (!problem_) problem_ = source.error();
      return;
    }
    std::vector<std::int64_t> dims = matrix == "down" ? std::vector{expert_width(), dense_.embedding}
                                                      : std::vector{dense_.embedding, expert_width()};
    const std::int64_t row = dims[0];
    dims.push_back(shape_.experts);
    const std::uint32_t made_type =
        matrix == "down" ? down_type(layer, (*source)->type.id) : (*source)->type.id;
    const std::uint32_t type = spec_.experts_type.value_or(made_type);
    parts_.push_back({{fmt::format("{}ffn_{}_exps.weight", prefix_, matrix), type, std::move(dims)},
                      [this, tensor = *source, made_type, type, row, make](NewFile& file) -> base::Status {
                        MOESTRESS_TRY(const Bytes bytes, dense_.read(*tensor));
                        for (std::int64_t expert = 0; expert < shape_.experts; ++expert) {
                          Bytes made = make(expert, *tensor, bytes);
                          if (type != made_type) made = blocks_of(type, values_of(made_type, made), row);
                          MOESTRESS_TRY_STATUS(file.write(made.data(), made.size()));
                        }
                        return {};
                      }});
  }

  /// phimoe and gpt-oss need an output layer of their own where the base shares its embedding's.
  void add_output() {
    const bool own = dense_.file().find_tensor("output.weight") != nullptr;
    if (own)
      copy("output.weight");
    else if (!is("deepseek"))
      copy("token_embd.weight", "output.weight");
    if (!is("phimoe")) return;
    const gguf::Tensor* embedding = dense_.file().find_tensor("token_embd.weight");
    if (embedding != nullptr) add_constant("output.bias", {static_cast<std::int64_t>(embedding->dims[1])}, 0);
  }

  const Base& dense_;
  const UpcycleSpec& spec_;
  const Shape shape_;
  std::string prefix_;
  std::vector<Part> parts_;
  std::optional<base::Error> problem_;
};

void set_figures(gguf_context* gguf, const Base& dense, const Planner& planner) {
  const Shape& figures = planner.shape();
  const std::string prefix = std::string(figures.architecture) + ".";
  const auto whole = [&](const char* key, std::int64_t value) {
    gguf_set_val_u32(gguf, (prefix + key).c_str(), static_cast<std::uint32_t>(value));
  };
  const auto real = [&](const char* key, double value) {
    gguf_set_val_f32(gguf, (prefix + key).c_str(), static_cast<float>(value));
  };
  const std::int64_t context = dense.figure("context_length");
  whole("block_count", dense.layers);
  whole("context_length", context);
  whole("embedding_length", dense.embedding);
  whole("feed_forward_length", dense.width);
  whole("attention.head_count", dense.heads);
  whole("attention.head_count_kv", dense.heads_kv);
  real("attention.layer_norm_rms_epsilon", dense.number("attention.layer_norm_rms_epsilon", 1e-5));
  whole("rope.dimension_count", dense.head_width());
  real("rope.freq_base", dense.number("rope.freq_base", 10000));
  whole("expert_count", figures.experts);
  whole("expert_used_count", figures.experts_used);
  const std::string_view architecture = figures.architecture;
  if (architecture == "gpt-oss") {
    whole("expert_feed_forward_length", planner.expert_width());
    whole("attention.key_length", dense.head_width());
    whole("attention.value_length", dense.head_width());
    whole("attention.sliding_window", context);  // never slides
  } else if (architecture == "deepseek") {
    whole("expert_feed_forward_length", planner.expert_width());
    whole("expert_shared_count", figures.experts_shared);
    whole("leading_dense_block_count", planner.dense_layers());
    real("expert_weights_scale", 1);
  }
}

/// What the base says of itself, and that this is another model made from it.
void set_description(gguf_context* gguf, const Base& dense, const UpcycleSpec& spec, const Shape& figures) {
  const std::string base_name = dense.file().string_at("general.name").value_or("an unnamed model");
  const std::string base_licence = dense.file().string_at("general.license").value_or("unknown");
  const auto set = [gguf](const char* key, const std::string& value) {
    gguf_set_val_str(gguf, key, value.c_str());
  };
  set("general.architecture", figures.architecture);
  set("general.name",
      fmt::format("moestress upcycled {} {}x{} of {} (seed {}, spread {:g})", to_string(spec.kind),
                  figures.experts, figures.experts_used, base_name, spec.seed, spec.spread));
  set("general.description",
      fmt::format("A test model with the {} topology ({} experts, {} active, {} shared), made by sparse "
                  "upcycling from "
                  "{} (licence: {}). It is not the model that this topology is known from.",
                  to_string(spec.kind), figures.experts, figures.experts_used, figures.experts_shared,
                  base_name, base_licence));
  set("general.base_model.0.name", base_name);
  gguf_set_val_u32(gguf, "general.base_model.count", 1);
  set("moestress.weights", "upcycled");
}

base::Result<Bytes> header_of(const Base& dense, const UpcycleSpec& spec, const Planner& planner,
                              const std::vector<Part>& parts) {
  MOESTRESS_TRY(const Gguf gguf, read_keys(spec.base));
  std::vector<std::string> foreign{"general.file_type", "general.size_label"};
  for (const auto& [key, value] : dense.file().metadata)
    if (key.starts_with("llama.")) foreign.push_back(key);
  for (const auto& key : foreign) gguf_remove_key(gguf.get(), key.c_str());
  set_description(gguf.get(), dense, spec, planner.shape());
  set_figures(gguf.get(), dense, planner);
  std::vector<TensorEntry> entries;
  entries.reserve(parts.size());
  for (const Part& part : parts) entries.push_back(part.entry);
  return header_bytes(*gguf, entries);
}

}  // namespace

base::Result<std::uint32_t> experts_type_from(std::string_view name) {
  constexpr std::pair<std::string_view, ggml_type> kTypes[] = {{"Q4_1", GGML_TYPE_Q4_1},
                                                               {"Q8_0", GGML_TYPE_Q8_0},
                                                               {"Q5_0", GGML_TYPE_Q5_0},
                                                               {"MXFP4", GGML_TYPE_MXFP4},
                                                               {"F16", GGML_TYPE_F16}};
  for (const auto& [known, type] : kTypes)
    if (known == name) return type;
  return base::fail(base::ErrorCode::Usage, "unknown type {}; there are Q4_1, Q8_0, Q5_0, MXFP4 and F16",
                    base::printable(name, 20));
}

base::Result<std::vector<std::vector<float>>> fit_routers(Topology kind,
                                                          const std::vector<std::vector<float>>& inputs,
                                                          std::size_t embedding, std::uint64_t seed) {
  const Shape shape = shape_of(kind, Size::Small);
  for (const std::vector<float>& layer : inputs)
    if (layer.size() / embedding < static_cast<std::size_t>(shape.experts))
      return base::fail(
          base::ErrorCode::Unsupported,
          "the prompts came to {} tokens of this base; routing to {} experts can't be fitted to "
          "so few",
          layer.size() / embedding, shape.experts);
  std::vector<std::vector<float>> routers(inputs.size());
  std::atomic<std::size_t> next =
      static_cast<std::size_t>(dense_layers(kind, static_cast<std::int64_t>(inputs.size())));
  const auto work = [&] {
    for (std::size_t layer = next++; layer < inputs.size(); layer = next++)
      routers[layer] = cluster_router(
          inputs[layer], embedding, static_cast<std::size_t>(shape.experts),
          static_cast<std::size_t>(shape.experts_used),
          base::derive_seed(seed, fmt::format("{} router layer {}", shape.architecture, layer)));
  };
  std::thread other(work);
  work();
  other.join();
  return routers;
}

base::Status write_upcycled_model(const UpcycleSpec& spec, const std::string& path,
                                  const std::function<void(double)>& progress) {
  MOESTRESS_TRY(const Base dense, Base::open(spec.base));
  CHECK(spec.fitted == nullptr || (spec.fitted->routers.size() == static_cast<std::size_t>(dense.layers) &&
                                   spec.fitted->gates.size() == static_cast<std::size_t>(dense.layers)));
  Planner planner(dense, spec);
  MOESTRESS_TRY(const std::vector<Part> parts, planner.plan());
  MOESTRESS_TRY(const Bytes header, header_of(dense, spec, planner, parts));
  MOESTRESS_TRY(NewFile file, NewFile::create(path));
  MOESTRESS_TRY_STATUS(file.write(header.data(), header.size()));
  double done = 0;
  for (const Part& part : parts) {
    MOESTRESS_TRY_STATUS(part.write(file));
    MOESTRESS_TRY_STATUS(file.pad(GGUF_DEFAULT_ALIGNMENT));
    if (progress) progress(++done / static_cast<double>(parts.size()));
  }
  return file.commit();
}

}  // namespace moestress::forge
