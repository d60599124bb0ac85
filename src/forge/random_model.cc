#include "forge/random_model.h"

#include <ggml.h>
#include <gguf.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "base/text.h"
#include "forge/gguf_header.h"
#include "forge/new_file.h"
#include "forge/sample_text.h"
#include "forge/topology_plan.h"
#include "forge/vocabulary.h"

namespace moestress::forge {
namespace {

constexpr std::size_t kMergesMax = 1024;
constexpr std::int64_t kChunkValues = 1 << 18;  // values drawn and quantised at once: 1 MB of floats

/// Draws one tensor row after row, always the same for the same seed, model and name.
class RowSource {
 public:
  RowSource(const TensorPlan& plan, const RandomModelSpec& spec)
      : plan_(plan),
        random_(base::derive_seed(
            spec.seed, fmt::format("{} {} {}", to_string(spec.kind), to_string(spec.size), plan.name))) {}

  void next(float* row) {
    const std::int64_t columns = plan_.dims[0];
    const bool silent = plan_.silent_first_row && row_ % plan_.dims[1] == 0;
    for (std::int64_t i = 0; i < columns; ++i) {
      // Uniform with unit variance; products are rounded to float before the sum, so that no compiler may
      // fuse them and change a bit.
      const double unit = (random_.uniform() - 0.5) * 3.4641016151377544;
      const float part = static_cast<float>(unit * static_cast<double>(plan_.deviation));
      row[i] = silent ? 0.0F : plan_.mean + part;
    }
    if (plan_.first_column) row[0] = *plan_.first_column;
    if (!plan_.first_column_by_row.empty())
      row[0] = plan_.first_column_by_row[static_cast<std::size_t>(row_)];
    ++row_;
  }

 private:
  const TensorPlan& plan_;
  base::Random random_;
  std::int64_t row_ = 0;
};

ggml_type ggml_type_of(Encoding encoding) {
  switch (encoding) {
    case Encoding::F32:
      return GGML_TYPE_F32;
    case Encoding::F16:
      return GGML_TYPE_F16;
    case Encoding::Q8_0:
      return GGML_TYPE_Q8_0;
    case Encoding::Mxfp4:
      return GGML_TYPE_MXFP4;
  }
  return GGML_TYPE_F32;
}

std::int64_t rows_of(const TensorPlan& tensor) {
  std::int64_t rows = 1;
  for (std::size_t i = 1; i < tensor.dims.size(); ++i) rows *= tensor.dims[i];
  return rows;
}

std::size_t bytes_of(const TensorPlan& tensor) {
  return ggml_row_size(ggml_type_of(tensor.encoding), tensor.dims[0]) *
         static_cast<std::size_t>(rows_of(tensor));
}

base::Status write_tensor(const TensorPlan& tensor, const RandomModelSpec& spec, NewFile& file) {
  const ggml_type type = ggml_type_of(tensor.encoding);
  const std::int64_t columns = tensor.dims[0];
  const std::int64_t rows_max = std::max<std::int64_t>(1, kChunkValues / columns);
  std::vector<float> values(static_cast<std::size_t>(rows_max * columns));
  std::vector<char> encoded(ggml_row_size(type, columns) * static_cast<std::size_t>(rows_max));
  RowSource source(tensor, spec);
  for (std::int64_t left = rows_of(tensor); left > 0;) {
    const std::int64_t rows = std::min(left, rows_max);
    for (std::int64_t row = 0; row < rows; ++row) source.next(values.data() + row * columns);
    const std::size_t bytes =
        ggml_quantize_chunk(type, values.data(), encoded.data(), 0, rows, columns, nullptr);
    CHECK(bytes <= encoded.size());
    MOESTRESS_TRY_STATUS(file.write(encoded.data(), bytes));
    left -= rows;
  }
  return file.pad(GGUF_DEFAULT_ALIGNMENT);
}

std::vector<char> header_of(const RandomModelSpec& spec, const Shape& shape, const Vocabulary& vocabulary,
                            const std::vector<TensorPlan>& tensors) {
  const Gguf gguf(gguf_init_empty());
  CHECK(gguf);
  set_metadata(gguf.get(), spec, shape, vocabulary);
  std::vector<TensorEntry> entries;
  entries.reserve(tensors.size());
  for (const TensorPlan& plan : tensors)
    entries.push_back({plan.name, static_cast<std::uint32_t>(ggml_type_of(plan.encoding)), plan.dims});
  return header_bytes(*gguf, entries);
}

constexpr std::array<Topology, 3> kTopologies{Topology::GptOss, Topology::PhiMoe, Topology::DeepSeek};
constexpr std::array<Size, 2> kSizes{Size::Tiny, Size::Small};

}  // namespace

const char* to_string(Topology topology) {
  switch (topology) {
    case Topology::GptOss:
      return "gpt-oss";
    case Topology::PhiMoe:
      return "phimoe";
    case Topology::DeepSeek:
      return "deepseek";
  }
  return "?";
}

const char* to_string(Size size) {
  switch (size) {
    case Size::Tiny:
      return "tiny";
    case Size::Small:
      return "small";
  }
  return "?";
}

base::Result<Topology> topology_from(const std::string& name) {
  for (Topology topology : kTopologies) {
    if (name == to_string(topology)) return topology;
  }
  return base::fail(base::ErrorCode::Usage, "no topology \"{}\": there are gpt-oss, phimoe and deepseek",
                    base::printable(name));
}

base::Result<Size> size_from(const std::string& name) {
  for (Size size : kSizes) {
    if (name == to_string(size)) return size;
  }
  return base::fail(base::ErrorCode::Usage, "no size \"{}\": there are tiny and small",
                    base::printable(name));
}

base::Status write_random_model(const RandomModelSpec& spec, const std::string& path,
                                const std::function<void(double)>& progress) {
  const Shape shape = shape_of(spec.kind, spec.size);
  const Vocabulary vocabulary = learn_vocabulary(sample_text(), kMergesMax);
  const std::vector<TensorPlan> tensors = plan_tensors(shape, vocabulary);
  double total = 0;
  for (const TensorPlan& tensor : tensors) total += static_cast<double>(bytes_of(tensor));

  MOESTRESS_TRY(NewFile file, NewFile::create(path));
  const std::vector<char> header = header_of(spec, shape, vocabulary, tensors);
  MOESTRESS_TRY_STATUS(file.write(header.data(), header.size()));
  double done = 0;
  for (const TensorPlan& tensor : tensors) {
    MOESTRESS_TRY_STATUS(write_tensor(tensor, spec, file));
    done += static_cast<double>(bytes_of(tensor));
    if (progress) progress(done / total);
  }
  return file.commit();
}

}  // namespace moestress::forge
