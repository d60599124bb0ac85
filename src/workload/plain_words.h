#pragma once

#include <string>
#include <string_view>

namespace moestress::workload {

/// Text for comparing: words with one blank between them, ASCII letters in lower case, punctuation and
/// symbols gone. A comma or point between digits leaves its word whole ("299,792" is "299792", "3.14" stays),
/// so does an apostrophe ("don't" is "dont"), but a possessive 's goes with it ("Marta's" is "marta").
/// Letters beyond ASCII stay as they are.
std::string plain_words(std::string_view text);

/// Whether `sought` stands in `words` as whole words, one after the other; both as plain_words leaves them.
/// False where nothing is sought.
bool has_words(std::string_view words, std::string_view sought);

}  // namespace moestress::workload
