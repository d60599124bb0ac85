#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "load/load_result.h"
#include "net/event_loop.h"
#include "protocol/rig.h"
#include "record/request.h"
#include "target/target.h"

namespace moestress::protocol {

/// The running server that plays GPU-only where the target is a server of another kind (plan:
/// target.baseline_url). What it says is compared, not recorded. One thread.
class BaselineServer {
 public:
  /// Errors: Usage (no URL), Unreachable (it is not ready within the plan's time).
  static base::Result<std::unique_ptr<BaselineServer>> attach(Rig& rig);
  ~BaselineServer();
  BaselineServer(const BaselineServer&) = delete;
  BaselineServer& operator=(const BaselineServer&) = delete;

  /// Runs the sessions and gives every outcome; tokens are not counted.
  load::LoadResult closed_loop(std::vector<std::vector<record::Request>> sessions);

 private:
  explicit BaselineServer(Rig& rig);

  Rig& rig_;
  net::EventLoop loop_;
  std::jthread loop_thread_;
  std::unique_ptr<target::Target> server_;
};

}  // namespace moestress::protocol
