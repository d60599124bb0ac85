#pragma once

#include <optional>
#include <string>

#include "gguf/file.h"
#include "gguf/prediction.h"
#include "gguf/roofline.h"
#include "gguf/topology.h"
#include "record/placement.h"

namespace moestress::app {

/// What `moestress inspect` found out; a plain value.
struct Inspection {
  gguf::File file;
  gguf::Topology topology;
  record::ExpertPlacement placement;
  int slots = 0;
  int context_tokens = 0;  ///< per slot
  bool cpu_only = false;
  gguf::Prediction prediction;
  std::optional<gguf::Bandwidths> bandwidths;  ///< as given on the command line
};

/// For people: aligned columns; headings in bold where `color`.
std::string inspection_text(const Inspection& inspection, bool color);
/// For programs: one JSON object, names as in result.json.
std::string inspection_json(const Inspection& inspection);

}  // namespace moestress::app
