#pragma once

#include <string>
#include <vector>

namespace moestress::app {

/// One thing that a run may rest on, as it is on this machine.
struct DoctorCheck {
  enum class State {
    Ok,
    Limited,  ///< measured, but with a restriction that a reader of the results should know
    Missing,  ///< can't be measured here
  };
  std::string id;    ///< for programs: "cpu"
  std::string name;  ///< for people: "CPU"
  State state = State::Ok;
  std::string found;   ///< what there is
  std::string remedy;  ///< what to do about it; empty where nothing need be done
};

const char* to_string(DoctorCheck::State state);  ///< "ok", "limited", "missing"

struct DoctorOptions {
  std::vector<std::string> models;  ///< model files, for the page cache
  std::string directory = ".";      ///< where runs would be kept, for the disk
};

/// Everything in turn; takes about two seconds, most of them for the memory bandwidth.
std::vector<DoctorCheck> run_doctor_checks(const DoctorOptions& options);

}  // namespace moestress::app
