#include "forge/model_copy.h"

#include <fstream>

#include "forge/gguf_header.h"
#include "forge/new_file.h"

namespace moestress::forge {

base::Status write_copy(const gguf::File& from, const std::string& path, const CopyChanges& changes,
                        const std::function<void(double)>& progress) {
  MOESTRESS_TRY(const Gguf keys, read_keys(from.path));
  changes.metadata(*keys);
  std::vector<TensorEntry> entries;
  entries.reserve(from.tensors.size());
  for (const auto& tensor : from.tensors)
    entries.push_back({tensor.name,
                       changes.type ? changes.type(tensor) : tensor.type.id,
                       {tensor.dims.begin(), tensor.dims.end()}});
  const std::vector<char> header = header_bytes(*keys, entries);
  MOESTRESS_TRY(NewFile out, NewFile::create(path));
  MOESTRESS_TRY_STATUS(out.write(header.data(), header.size()));
  std::ifstream stream(from.path, std::ios::binary);
  double done = 0;
  for (const auto& tensor : from.tensors) {
    std::vector<char> bytes(tensor.bytes);
    stream.seekg(static_cast<std::streamoff>(tensor.offset));
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!stream) return base::fail(base::ErrorCode::Io, "{}: {} can't be read", from.path, tensor.name);
    changes.data(tensor, bytes);
    MOESTRESS_TRY_STATUS(out.write(bytes.data(), bytes.size()));
    MOESTRESS_TRY_STATUS(out.pad(from.alignment));
    if (progress) progress(++done / static_cast<double>(from.tensors.size()));
  }
  return out.commit();
}

}  // namespace moestress::forge
