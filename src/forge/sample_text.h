#pragma once

#include <string_view>

namespace moestress::forge {

/// ASCII prose, code and figures of several subjects, from which the random models' tokenizer learns its
/// merges. Part of the format: another text gives other vocabularies and so other model files.
std::string_view sample_text();

}  // namespace moestress::forge
