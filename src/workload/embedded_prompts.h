#pragma once

#include <string_view>

namespace moestress::workload {

/// The text of prompts/<stem>.txt as it was when the program was built; empty if there is none.
std::string_view embedded_prompts(std::string_view stem);

}  // namespace moestress::workload
