#include "plan/placement.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/text.h"

namespace moestress::plan {
namespace {

using record::ExpertPlacement;

constexpr int kLayersMax = 10000;
constexpr std::size_t kFileBytesMax = 1 << 20;
constexpr const char* kForms =
    "\"cpu\", \"gpu\", \"first:N\" or the path of a JSON file {\"cpu_layers\":[0,1]}";

/// Reads at most one byte more than is allowed: a longer file is seen to be too long, and not read whole.
base::Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return base::fail(errno == ENOENT ? base::ErrorCode::Usage : base::ErrorCode::Io,
                      "expert placement \"{}\": can't open a file of that name ({}); it may be {}",
                      base::printable(path, 200), std::strerror(errno), kForms);
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad())
    return base::fail(base::ErrorCode::Io, "expert placement {}: can't read it: {}", path,
                      std::strerror(errno));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kFileBytesMax)
    return base::fail(base::ErrorCode::Format, "expert placement {}: longer than {} bytes", path,
                      kFileBytesMax);
  return text;
}

/// For an error text; a nested value is only named, since printing it would recurse as deep as it is.
std::string what(const nlohmann::json& value) {
  return value.is_structured() ? std::string("an ") + value.type_name()
                               : base::printable(value.dump(-1, ' ', true), 80);
}

base::Result<ExpertPlacement> read_listed(const std::string& path) {
  MOESTRESS_TRY(const std::string text, read_file(path));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return base::fail(base::ErrorCode::Format,
                      "expert placement {}: not a JSON object {{\"cpu_layers\":[0,1]}}", path);
  for (const auto& [key, value] : json.items()) {
    if (key != "cpu_layers")
      return base::fail(base::ErrorCode::Format,
                        "expert placement {}: unknown key \"{}\"; there is only \"cpu_layers\"", path,
                        base::printable(key, 80));
  }
  const auto layers = json.find("cpu_layers");
  if (layers == json.end() || !layers->is_array())
    return base::fail(base::ErrorCode::Format,
                      "expert placement {}: \"cpu_layers\" must be an array of layer numbers", path);
  ExpertPlacement placement;
  placement.kind = ExpertPlacement::Kind::Listed;
  placement.name = path;
  for (const auto& layer : *layers) {
    if (!layer.is_number_unsigned() || layer.get<std::uint64_t>() >= kLayersMax)
      return base::fail(base::ErrorCode::Format, "expert placement {}: {} is no layer number from 0 to {}",
                        path, what(layer), kLayersMax - 1);
    placement.cpu_layers.push_back(layer.get<int>());
  }
  std::sort(placement.cpu_layers.begin(), placement.cpu_layers.end());
  const auto twice = std::adjacent_find(placement.cpu_layers.begin(), placement.cpu_layers.end());
  if (twice != placement.cpu_layers.end())
    return base::fail(base::ErrorCode::Format, "expert placement {}: layer {} is listed twice", path, *twice);
  return placement;
}

}  // namespace

base::Result<ExpertPlacement> parse_placement(const std::string& text) {
  ExpertPlacement placement;
  placement.name = text;
  if (text == "cpu" || text == "gpu") {
    placement.kind = text == "cpu" ? ExpertPlacement::Kind::Cpu : ExpertPlacement::Kind::Gpu;
    return placement;
  }
  constexpr std::string_view kFirst = "first:";
  if (text.rfind(kFirst, 0) == 0) {
    placement.kind = ExpertPlacement::Kind::FirstLayersCpu;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + kFirst.size(), end, placement.first_layers);
    if (error != std::errc() || rest != end || placement.first_layers < 0 ||
        placement.first_layers > kLayersMax)
      return base::fail(
          base::ErrorCode::Usage,
          "expert placement \"{}\": \"first:\" takes a number of layers from 0 to {}, as in first:4",
          base::printable(text, 80), kLayersMax);
    return placement;
  }
  if (text.empty())
    return base::fail(base::ErrorCode::Usage, "an empty expert placement; it may be {}", kForms);
  return read_listed(text);
}

}  // namespace moestress::plan
