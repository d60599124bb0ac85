#include "protocol/prompt_files.h"

#include <array>
#include <fstream>
#include <utility>

namespace moestress::protocol {
namespace {

using workload::Domain;

constexpr std::size_t kFileBytesMax = 4u << 20;  // more than parse_prompts takes, so that it can say so

constexpr std::array<std::pair<Domain, std::string plan::PromptFiles::*>, workload::kDomains.size()> kFiles{
    {{Domain::Code, &plan::PromptFiles::code},
     {Domain::Creative, &plan::PromptFiles::creative},
     {Domain::Math, &plan::PromptFiles::math},
     {Domain::Translation, &plan::PromptFiles::translation},
     {Domain::Documentation, &plan::PromptFiles::documentation},
     {Domain::Conversation, &plan::PromptFiles::conversation},
     {Domain::Science, &plan::PromptFiles::science},
     {Domain::Literature, &plan::PromptFiles::literature}}};

base::Result<std::string> text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kFileBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return base::fail(base::ErrorCode::Usage, "{}: can't be read; it is named in the plan's [prompts]", path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

base::Result<workload::PromptLibrary> load_prompts(const plan::Plan& plan) {
  workload::PromptLibrary library;
  for (const auto& [domain, name] : kFiles) {
    const std::string& path = plan.prompts.*name;
    if (path.empty()) continue;
    MOESTRESS_TRY(const std::string text, text_of(path));
    MOESTRESS_TRY_STATUS(library.replace(domain, text, path, plan.tests.prompt_characters_max));
  }
  return library;
}

}  // namespace moestress::protocol
