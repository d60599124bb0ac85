// No bytes make the reader of score files misbehave: neither as the file itself nor, since checksums would
// stop nearly all of those, as the contents of a well-formed frame. What it reads can be written and read
// again.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "quality/frame_stream.h"
#include "quality/score_file.h"

namespace {

using moestress::quality::FrameWriter;
using moestress::quality::kScoreFileVersion;
using moestress::quality::ScoredText;
using moestress::quality::ScoreReader;
using moestress::quality::ScoreWriter;

/// A file in memory, as a path.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(memfd_create("score", 0)) { CHECK(descriptor_ >= 0); }
  ~MemoryFile() { close(descriptor_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void put(const std::uint8_t* bytes, std::size_t size) {
    CHECK(ftruncate(descriptor_, 0) == 0 &&
          pwrite(descriptor_, bytes, size, 0) == static_cast<ssize_t>(size));
  }

 private:
  int descriptor_;
};

std::vector<ScoredText> read(const std::string& path) {
  std::vector<ScoredText> texts;
  auto reader = ScoreReader::open(path);
  while (reader) {
    auto text = reader->next();
    if (!text || !*text) break;
    texts.push_back(std::move(**text));
  }
  return texts;
}

/// The first byte says at which record of a good file the others begin.
void put_frames(const std::string& path, const std::uint8_t* bytes, std::size_t size) {
  auto out = FrameWriter::create(path);
  CHECK(out);
  if (bytes[0] % 2 == 0) {
    CHECK((*out)->put("MOESCORE", 8) && (*out)->put(kScoreFileVersion));
    for (int i = 0; i < 3; ++i) CHECK((*out)->put(std::uint32_t{0}));
    CHECK((*out)->put(std::uint8_t{0}) && (*out)->put(std::uint32_t{0}) && (*out)->end_frame());
    CHECK((*out)->put(std::uint32_t{1}));
  } else {
    CHECK((*out)->put("MOESCORE", 8) && (*out)->put(kScoreFileVersion));
  }
  CHECK((*out)->put(bytes + 1, size - 1) && (*out)->end_frame() && (*out)->close());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  MemoryFile file;
  file.put(bytes, size);
  read(file.path());
  if (size == 0) return 0;
  put_frames(file.path(), bytes, size);
  const std::vector<ScoredText> texts = read(file.path());
  auto writer = ScoreWriter::create(file.path(), {});
  CHECK(writer);
  for (const ScoredText& text : texts) CHECK(writer->add(text));
  CHECK(writer->finish());
  const std::vector<ScoredText> again = read(file.path());
  CHECK(again.size() == texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(again[i].id == texts[i].id && again[i].tokens == texts[i].tokens &&
          again[i].logits == texts[i].logits);
    CHECK(again[i].routing.has_value() == texts[i].routing.has_value());
    if (texts[i].routing) CHECK(again[i].routing->ids == texts[i].routing->ids);
    CHECK(again[i].activations.has_value() == texts[i].activations.has_value());
    if (texts[i].activations) CHECK(again[i].activations->size() == texts[i].activations->size());
  }
  return 0;
}
