#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "record/outcome.h"

namespace moestress::store {

/// When the chunks of an outcome came and how many bytes each had, as one blob: for each chunk the time since
/// the one before (ns, zigzag) and the length of its text, both as variable-length integers (LEB128). About
/// five bytes a chunk. Chunks past `chunks_max` are left out.
std::string encode_chunks(const std::vector<record::Chunk>& chunks, std::size_t chunks_max);

/// The chunks again, their texts cut from `text` in order; where `text` ends before, they are shorter or
/// empty. Errors: Format (the blob ends inside a number, or holds one that is too large).
base::Result<std::vector<record::Chunk>> decode_chunks(std::string_view blob, std::string_view text);

}  // namespace moestress::store
