#include "protocol/load_log.h"

#include <charconv>
#include <fstream>
#include <optional>

#include "base/text.h"

namespace moestress::protocol {
namespace {

constexpr std::size_t kLogBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kErrorLinesMax = 20;

struct BufferLine {
  std::string buffer;
  std::uint64_t bytes;
};

/// "load_tensors:      Vulkan0 model buffer size =    12.34 MiB" with `what` = " model buffer size".
std::optional<BufferLine> parse_buffer_line(std::string_view line, std::string_view what) {
  const auto at = line.find(what);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const auto space = line.find_last_of(' ', at - 1);
  const auto begin = space == std::string_view::npos ? 0 : space + 1;
  const std::string_view name = line.substr(begin, at - begin);
  std::string_view rest = line.substr(at + what.size());
  const auto equals = rest.find('=');
  if (equals == std::string_view::npos || name.empty()) return std::nullopt;
  rest.remove_prefix(equals + 1);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  double mebibytes = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), mebibytes);
  if (error != std::errc{} || mebibytes < 0 || mebibytes > 1e9) return std::nullopt;
  if (!std::string_view(end, static_cast<std::size_t>(rest.data() + rest.size() - end)).starts_with(" MiB"))
    return std::nullopt;
  return BufferLine{std::string(name), static_cast<std::uint64_t>(mebibytes * 1024 * 1024)};
}

bool is_error_line(std::string_view line) {
  return line.find(" error ") != std::string_view::npos || line.starts_with("error") ||
         line.find("failed to ") != std::string_view::npos ||
         line.find("panicked at") != std::string_view::npos;
}

}  // namespace

LoadLog parse_load_log(std::string_view text) {
  LoadLog log;
  bool in_model_lines = false;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (const auto model = parse_buffer_line(line, " model buffer size")) {
      if (!in_model_lines)
        log.model_bytes.clear();  // a server may load anew; the last load is the one that serves
      in_model_lines = true;
      log.model_bytes[model->buffer] += model->bytes;
      continue;
    }
    if (const auto kv = parse_buffer_line(line, " KV buffer size")) {
      if (in_model_lines) log.kv_bytes.clear();
      in_model_lines = false;
      log.kv_bytes[kv->buffer] += kv->bytes;
    } else if (const auto compute = parse_buffer_line(line, " compute buffer size")) {
      in_model_lines = false;
      log.compute_bytes[compute->buffer] = compute->bytes;
    } else if (is_error_line(line) && log.error_lines.size() < kErrorLinesMax) {
      log.error_lines.push_back(base::printable(line, 200));
    }
  }
  return log;
}

LoadLog read_load_log(const std::string& path, std::uint64_t begin) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(begin));
  std::string text(kLogBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return parse_load_log(text);
}

bool is_host_buffer(std::string_view name) { return name.starts_with("CPU") || name.ends_with("_Host"); }

}  // namespace moestress::protocol
