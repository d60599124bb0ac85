#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace moestress::base {

/// One thread that does, in order, what would hold up an event loop: loading a model, tokenising, writing.
/// Any thread may push. Its length is the owner's to bound.
class WorkQueue {
 public:
  WorkQueue();
  /// Finishes all that was pushed, so that nothing is lost, and joins the thread.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  void push(std::function<void()> task);
  /// Waits until everything pushed before it is done. Not from a task.
  void drain();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool ending_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace moestress::base
