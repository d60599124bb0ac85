#pragma once

#include <string_view>

namespace moestress::workload {

/// The text of programs/<stem>.txt as it was when the program was built; empty if there is none.
std::string_view embedded_programs(std::string_view stem);

}  // namespace moestress::workload
