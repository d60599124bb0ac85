#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace moestress::server {

/// One thread that does, in order, what would hold up the event loop: loading the model, tokenising prompts,
/// writing traces. Any thread may push. Its length is bounded by the server's own bound on requests.
class WorkQueue {
 public:
  WorkQueue();
  /// Finishes all that was pushed, so that no trace is lost, and joins the thread.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void push(std::function<void()> task);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace moestress::server
