#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "plan/plan.h"
#include "record/checkpoint.h"
#include "record/result.h"
#include "store/run_info.h"
#include "store/run_reader.h"

namespace moestress::protocol {

/// What an interrupted run has of one model.
struct ResumedModel {
  std::vector<record::TestResult> tests;  ///< that came to their end
  std::string state_json;                 ///< the rig's; empty: none was kept
  std::vector<record::Checkpoint> marathon;

  /// nullptr: to be run.
  const record::TestResult* test(std::string_view id) const;
};

/// What an interrupted run goes on from.
struct Resumption {
  store::NextIds next;
  std::unordered_map<std::string, ResumedModel> models;  ///< by id
  /// Until when what is recorded of S1 counts, of the model that was under test; 0: nothing does.
  base::Duration marathon_kept{0};

  const ResumedModel* model(const std::string& id) const;
};

/// Errors: those of the reader.
base::Result<Resumption> read_resumption(const store::RunReader& reader);

/// Size and time of the last change of a model's file. Errors: Usage (there is none).
base::Result<store::ModelFile> model_file(const std::string& path);
/// Whether the plan's models are the files that the run began with. Errors: Usage, saying what differs.
base::Status check_model_files(const plan::Plan& plan, const std::vector<store::ModelFile>& recorded);

/// The reason of a test that was broken off by the user, and is run again when the run is gone on with.
inline constexpr const char* kInterruptedReason = "interrupted before its end";

}  // namespace moestress::protocol
