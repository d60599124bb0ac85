#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "record/checkpoint.h"
#include "record/result.h"

namespace moestress::store {

// The columns of run.db that hold JSON. Text that is not UTF-8 gets U+FFFD; a number that is not finite
// becomes null and reads back as NaN. Reading gives Format for anything but what the writers write.

std::string metrics_to_json(const record::Metrics& metrics);
std::string findings_to_json(const std::vector<record::Finding>& findings);
std::string tables_to_json(const std::vector<record::Table>& tables);
std::string threads_to_json(const std::vector<record::ThreadPosition>& threads);

base::Result<record::Metrics> metrics_from_json(const std::string& json);
base::Result<std::vector<record::Finding>> findings_from_json(const std::string& json);
base::Result<std::vector<record::Table>> tables_from_json(const std::string& json);
base::Result<std::vector<record::ThreadPosition>> threads_from_json(const std::string& json);

}  // namespace moestress::store
