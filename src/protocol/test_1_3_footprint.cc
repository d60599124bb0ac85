// 1.3 footprint: bytes predicted from the file and the placement beside bytes measured, for each device.
#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "gguf/prediction.h"
#include "protocol/load_log.h"
#include "protocol/result_builder.h"
#include "protocol/tests.h"

namespace moestress::protocol {
namespace {

using record::Verdict;

constexpr double kWeightsTolerance = 0.02;
constexpr double kKvTolerance = 0.10;
constexpr double kSlackBytes = 1e6;  // alignment of many small tensors
constexpr double kPrivateTolerance = 0.10;
constexpr double kRuntimeBytes = 512e6;  // heap of libraries and of a GPU's runtime, vocabulary, connections

struct Measured {
  double weights_bytes = 0;
  double kv_bytes = 0;
};

struct Books {
  Measured host;
  Measured device;
  double compute_bytes = 0;
  double host_compute_bytes = 0;
  std::string source;
};

std::optional<Books> books_of(Rig& rig, bool& has_device) {
  Books books;
  if (rig.embedded()) {
    const auto properties = rig.server_properties();
    if (!properties) return std::nullopt;
    books.source = "engine";
    has_device = properties->has_device();
    for (const auto& device : properties->devices) {
      Measured& side = device.host ? books.host : books.device;
      side.weights_bytes += static_cast<double>(device.model_bytes);
      side.kv_bytes += static_cast<double>(device.context_bytes);
      books.compute_bytes += static_cast<double>(device.compute_bytes);
      if (device.host) books.host_compute_bytes += static_cast<double>(device.compute_bytes);
    }
    return books;
  }
  if (!rig.has_target() || rig.target().log_path().empty()) return std::nullopt;
  const LoadLog log = read_load_log(rig.target().log_path(), rig.target().log_begin());
  if (!log.has_model_buffers()) return std::nullopt;
  books.source = "load log";
  const auto add = [&](const auto& buffers, double Measured::*field) {
    for (const auto& [buffer, bytes] : buffers) {
      if (!is_host_buffer(buffer)) has_device = true;
      Measured& side = is_host_buffer(buffer) ? books.host : books.device;
      side.*field += static_cast<double>(bytes);
    }
  };
  add(log.model_bytes, &Measured::weights_bytes);
  add(log.kv_bytes, &Measured::kv_bytes);
  for (const auto& [buffer, bytes] : log.compute_bytes) {
    books.compute_bytes += static_cast<double>(bytes);
    if (is_host_buffer(buffer)) books.host_compute_bytes += static_cast<double>(bytes);
  }
  return books;
}

/// One line of the comparison; judges it too.
void compare(ResultBuilder& result, record::Table& table, const std::string& what, double predicted,
             double measured, double tolerance) {
  table.row_labels.push_back(what);
  table.rows.push_back({predicted, measured, predicted > 0 ? measured / predicted : std::nan("")});
  if (std::abs(measured - predicted) > tolerance * predicted + kSlackBytes)
    result.judge(Verdict::Fail, fmt::format("{}: predicted {}, measured {}", what,
                                            base::human_bytes(predicted), base::human_bytes(measured)));
}

/// Books may leave something out; the kernel's figure does not. Pages of the mapped model file are not
/// private, so a server that maps its weights stays far below what is allowed.
void judge_private_memory(const record::ProcessSample& memory, const gguf::Prediction& predicted,
                          const Books& books, ResultBuilder& result) {
  const double held = static_cast<double>(memory.private_bytes());
  const double known =
      static_cast<double>(predicted.host.weights_bytes + predicted.host.kv_bytes) + books.host_compute_bytes;
  result.metric("private_bytes", held, "bytes", 1);
  if (held > (1 + kPrivateTolerance) * known + kRuntimeBytes)
    result.judge(
        Verdict::Fail,
        fmt::format("the process holds {} of private memory; weights, KV cache and work buffers on the host "
                    "come to {}, and {} are allowed beside them",
                    base::human_bytes(held), base::human_bytes(known),
                    base::human_bytes(kPrivateTolerance * known + kRuntimeBytes)));
}

}  // namespace

record::TestResult test_1_3_footprint(Rig& rig) {
  ResultBuilder result;
  bool has_device = false;
  const auto books = books_of(rig, has_device);
  if (!books) {
    result.judge(
        Verdict::Skipped,
        "the server shows no bytes per device: neither /props of `moestress serve` nor llama.cpp's load log");
    return result.take();
  }
  const auto predicted =
      gguf::predict(rig.facts().file, rig.facts().topology, rig.placement(), rig.plan().target.slots,
                    rig.plan().target.context_tokens, !has_device);
  record::Table table{
      "Predicted and measured bytes", {"predicted bytes", "measured bytes", "ratio"}, {}, {}, "table"};
  compare(result, table, "weights on the host", static_cast<double>(predicted.host.weights_bytes),
          books->host.weights_bytes, kWeightsTolerance);
  compare(result, table, "weights on the device", static_cast<double>(predicted.device.weights_bytes),
          books->device.weights_bytes, kWeightsTolerance);
  compare(result, table, "KV cache", static_cast<double>(predicted.host.kv_bytes + predicted.device.kv_bytes),
          books->host.kv_bytes + books->device.kv_bytes, kKvTolerance);
  result.metric("weights_host_bytes", books->host.weights_bytes, "bytes", 1);
  result.metric("weights_device_bytes", books->device.weights_bytes, "bytes", 1);
  result.metric("kv_bytes", books->host.kv_bytes + books->device.kv_bytes, "bytes", 1);
  result.metric("compute_bytes", books->compute_bytes, "bytes", 1);
  if (const auto memory = rig.fresh_memory()) {
    const double resident =
        static_cast<double>(memory->rss_anon_bytes + memory->rss_file_bytes + memory->rss_shmem_bytes);
    table.row_labels.push_back("process, resident (with libraries and work buffers)");
    const double sum = static_cast<double>(predicted.host.weights_bytes + predicted.host.kv_bytes);
    table.rows.push_back({sum, resident, resident / sum});
    result.metric("resident_bytes", resident, "bytes", 1);
    judge_private_memory(*memory, predicted, *books, result);
  }
  result.table(std::move(table));
  result.judge(Verdict::Pass,
               fmt::format("by the {}: {} on the host and {} on the device, as the file and the placement "
                           "predict (within {:.0f} %)",
                           books->source, base::human_bytes(books->host.weights_bytes + books->host.kv_bytes),
                           base::human_bytes(books->device.weights_bytes + books->device.kv_bytes),
                           kWeightsTolerance * 100));
  return result.take();
}

Work work_1_3(const WorkInput& input) {
  Work work;
  work.seconds = kProbeWaitSeconds;
  if (!input.plan.target.url.empty())
    work.skipped = "a server at a URL shows no bytes per device: it has no load log here";
  return work;
}

}  // namespace moestress::protocol
