#include "protocol/subject.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "plan/placement.h"

namespace moestress::protocol {

base::Result<std::vector<Subject>> subjects_of(const plan::Plan& plan, const base::Logger& logger) {
  std::vector<std::string> placements = plan.placements;
  const bool several = placements.size() > 1;
  if (placements.empty()) placements = {plan.target.experts};
  std::vector<Subject> subjects;
  for (const auto& path : plan.models) {
    MOESTRESS_TRY(ModelFacts facts, read_model_facts(path, logger));
    const bool taken = std::any_of(subjects.begin(), subjects.end(),
                                   [&](const Subject& subject) { return subject.facts.name == facts.name; });
    if (taken) facts.name += fmt::format("-{}", subjects.size() + 1);
    for (const auto& experts : placements) {
      Subject subject{facts, plan, {}};
      MOESTRESS_TRY(subject.placement, plan::parse_placement(experts));
      subject.plan.target.experts = experts;
      subject.facts.id = facts.name;
      if (several) subject.facts.id += "@" + std::filesystem::path(experts).stem().string();
      subjects.push_back(std::move(subject));
    }
  }
  return subjects;
}

}  // namespace moestress::protocol
