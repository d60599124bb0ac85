#include "protocol/baseline_server.h"

#include <utility>

#include "load/closed_loop.h"
#include "net/url.h"

namespace moestress::protocol {

base::Result<std::unique_ptr<BaselineServer>> BaselineServer::attach(Rig& rig) {
  const plan::TargetPlan& plan = rig.plan().target;
  MOESTRESS_TRY(const net::Url url, net::parse_url(plan.baseline_url));
  std::unique_ptr<BaselineServer> baseline(new BaselineServer(rig));
  target::TargetSpec spec;
  spec.url = url;
  spec.api_key = rig.run().api_key;
  spec.ready_timeout = base::from_seconds(plan.ready_timeout_s);
  RunContext& run = rig.run();
  auto attached = target::Target::start(baseline->loop_, run.clock, run.epoch, std::move(spec), run.logger,
                                        &run.cancelled);
  if (!attached) return base::within("the baseline's server", attached.error());
  baseline->server_ = std::move(*attached);
  return baseline;
}

BaselineServer::BaselineServer(Rig& rig) : rig_(rig), loop_thread_([this] { loop_.run(); }) {}

BaselineServer::~BaselineServer() {
  server_.reset();
  loop_.stop();
  loop_thread_.join();
}

load::LoadResult BaselineServer::closed_loop(std::vector<std::vector<record::Request>> sessions) {
  load::ClosedLoop plan;
  plan.sessions = std::move(sessions);
  const load::Sender sender{
      [this](const record::Request& request, std::function<void(record::Outcome)> done) {
        return server_->send(request, std::move(done));
      },
      [this](std::uint64_t id) { server_->cancel(id); }};
  RunContext& run = rig_.run();
  return load::run_closed_loop(loop_, run.clock, run.epoch, sender, std::move(plan), run.cancelled);
}

}  // namespace moestress::protocol
