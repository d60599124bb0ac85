#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "gguf/file.h"
#include "gguf/prediction.h"
#include "gguf/topology.h"

namespace {

moestress::gguf::ReadAt reader_of(std::string_view bytes) {
  return [bytes](std::uint64_t offset, std::span<char> into) -> std::size_t {
    if (offset >= bytes.size()) return 0;
    const std::size_t count = std::min<std::size_t>(into.size(), bytes.size() - offset);
    std::memcpy(into.data(), bytes.data() + offset, count);
    return count;
  };
}

}  // namespace

// A model file's metadata, its topology and the bytes predicted for it. What is accepted must keep the
// promises of the headers: tensors inside the file, the groups' bytes no more than the file's.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace moestress;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto file = gguf::parse(reader_of(bytes), size, "fuzz.gguf");
  if (!file) return 0;
  for (const gguf::Tensor& tensor : file->tensors) {
    if (tensor.offset > size || tensor.bytes > size - tensor.offset) __builtin_trap();
  }
  const auto topology = gguf::topology(*file);
  if (!topology) return 0;
  if (topology->routed_expert_bytes + topology->shared_expert_bytes + topology->router_bytes +
          topology->other_bytes >
      size)
    __builtin_trap();
  record::ExpertPlacement placement;
  placement.kind = record::ExpertPlacement::Kind::FirstLayersCpu;
  placement.first_layers = 1;
  const auto prediction = gguf::predict(*file, *topology, placement, 2, 4096, false);
  if (prediction.host.routed_bytes > prediction.host.weights_bytes) __builtin_trap();
  return 0;
}
