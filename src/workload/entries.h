#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace moestress::workload {

/// One "== id" entry of a prompt or question file.
struct Entry {
  std::string id;
  int line = 0;  ///< of its "== id"
  std::string text;
};

/// Splits a file into its entries (format: README.md). Errors: as parse_prompts.
base::Result<std::vector<Entry>> split_entries(std::string_view text, const std::string& source);

/// Without blanks at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace moestress::workload
