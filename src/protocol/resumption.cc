#include "protocol/resumption.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace moestress::protocol {

const record::TestResult* ResumedModel::test(std::string_view id) const {
  const auto found =
      std::find_if(tests.begin(), tests.end(), [&](const auto& test) { return test.id == id; });
  return found == tests.end() ? nullptr : &*found;
}

const ResumedModel* Resumption::model(const std::string& id) const {
  const auto found = models.find(id);
  return found == models.end() ? nullptr : &found->second;
}

base::Result<Resumption> read_resumption(const store::RunReader& reader) {
  Resumption resumption;
  MOESTRESS_TRY(resumption.next, reader.next_ids());
  MOESTRESS_TRY(const auto models, reader.models());
  for (const record::ModelResult& model : models) {
    ResumedModel& resumed = resumption.models[model.id];
    for (const record::TestResult& test : model.tests)
      if (test.reason != kInterruptedReason) resumed.tests.push_back(test);
    MOESTRESS_TRY(resumed.state_json, reader.model_state(model.id));
    MOESTRESS_TRY(resumed.marathon, reader.checkpoints(model.id, "S1"));
    if (resumed.test("S1") == nullptr && !resumed.marathon.empty())
      resumption.marathon_kept = resumed.marathon.back().at;
  }
  return resumption;
}

base::Result<store::ModelFile> model_file(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0)
    return base::fail(base::ErrorCode::Usage, "{}: {}", base::printable(path, 200), std::strerror(errno));
  return store::ModelFile{path, static_cast<std::int64_t>(status.st_size),
                          static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
                              static_cast<std::int64_t>(status.st_mtim.tv_nsec)};
}

base::Status check_model_files(const plan::Plan& plan, const std::vector<store::ModelFile>& recorded) {
  for (const std::string& path : plan.models) {
    MOESTRESS_TRY(const store::ModelFile now, model_file(path));
    const auto then = std::find_if(recorded.begin(), recorded.end(),
                                   [&](const store::ModelFile& file) { return file.path == path; });
    if (then == recorded.end() || *then == now) continue;
    const std::string what = then->bytes != now.bytes
                                 ? fmt::format("it had {} bytes, now it has {}", then->bytes, now.bytes)
                                 : "its size is the same, but it was written to";
    return base::fail(
        base::ErrorCode::Usage,
        "{}: this model file has changed since the run began ({}): what is measured now would not "
        "be of the same model. Put the file of then back with its time (cp -p), or begin another run",
        base::printable(path, 200), what);
  }
  return {};
}

}  // namespace moestress::protocol
