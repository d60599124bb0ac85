#include "store/run_writer.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/text.h"
#include "store/chunk_times.h"
#include "store/open_database.h"
#include "store/routing_file.h"
#include "store/routing_frame.h"
#include "store/row_writer.h"

namespace moestress::store {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

constexpr std::size_t kEntryOverheadBytes = 256;

// FULL: a commit is on the disk, not only in the kernel, when flush() returns. It is paid once a second.
// A small cache: rows are only ever added, and what we hold ourselves is not to grow with a run.
constexpr const char* kPragmas =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -256;";

void bound_size(SQLite::Database& database, const WriterOptions& options) {
  if (options.database_bytes_max <= 0) return;
  const auto page_bytes = database.execAndGet("PRAGMA page_size").getInt64();
  database.exec(fmt::format("PRAGMA max_page_count = {}", options.database_bytes_max / page_bytes));
}

std::string free_space(const std::string& directory) {
  std::error_code error;
  const fs::space_info space = fs::space(directory, error);
  return error ? "an unknown number of bytes" : base::human_bytes(static_cast<double>(space.available));
}

base::Error write_error(const std::string& directory, const std::string& file, const std::string& reason) {
  return {ErrorCode::Io,
          fmt::format("{}/{}: {}; {} free on that file system. Free some space, or run again with --out on "
                      "another one. Nothing more is written; what was committed before can be read with "
                      "`moestress report {}`",
                      directory, file, reason, free_space(directory), directory)};
}

std::string cut(std::string_view text, std::size_t bytes_max) {
  text = text.substr(0, bytes_max);
  return std::string(text.substr(0, base::complete_utf8_prefix(text)));
}

/// The outcome in the form and size that it is kept in.
StoredOutcome store_form(const record::Outcome& outcome, const WriterOptions& options) {
  StoredOutcome stored;
  stored.chunk_times = encode_chunks(outcome.chunks, options.chunks_max);
  stored.chunks = outcome.chunks.size();
  stored.text_bytes = outcome.text.size();
  stored.outcome.request = outcome.request;
  stored.outcome.session = outcome.session;
  stored.outcome.endpoint = outcome.endpoint;
  stored.outcome.label = outcome.label;
  stored.outcome.ending = outcome.ending;
  stored.outcome.detail = cut(outcome.detail, options.text_bytes_max);
  stored.outcome.http_status = outcome.http_status;
  stored.outcome.finish_reason = outcome.finish_reason;
  stored.outcome.planned = outcome.planned;
  stored.outcome.sent = outcome.sent;
  stored.outcome.first_byte = outcome.first_byte;
  stored.outcome.first_text = outcome.first_text;
  stored.outcome.last_text = outcome.last_text;
  stored.outcome.done = outcome.done;
  stored.outcome.reasoning_bytes = outcome.reasoning_bytes;
  stored.outcome.claims = outcome.claims;
  stored.outcome.prompt_tokens = outcome.prompt_tokens;
  stored.outcome.completion_tokens = outcome.completion_tokens;
  stored.outcome.text = cut(outcome.text, options.text_bytes_max);
  return stored;
}

}  // namespace

class RunWriter::Worker {
 public:
  using Apply = std::function<void(RowWriter&)>;

  Worker(std::string directory, DirectoryLock lock, const WriterOptions& options,
         std::unique_ptr<SQLite::Database> database, bool existing)
      : directory_(std::move(directory)),
        lock_(std::move(lock)),
        options_(options),
        epoch_(options.epoch ? *options.epoch : clock_.now()),
        database_(std::move(database)),
        routing_(directory_ + "/routing.bin", existing),
        thread_([this] { run(); }) {}

  ~Worker() { close(); }

  /// Queues `apply`; waits while the queue is full.
  void add(std::size_t bytes, Apply apply) {
    bytes += kEntryOverheadBytes;
    std::unique_lock lock(mutex_);
    space_.wait(lock, [&] {
      return error_ || closing_ || queue_.empty() ||
             (queue_.size() < options_.queue_entries_max && queue_bytes_ + bytes <= options_.queue_bytes_max);
    });
    if (error_ || closing_) return;
    queue_.push_back(std::move(apply));
    queue_bytes_ += bytes;
    ++added_;
    if (queue_.size() == 1 || half_full()) work_.notify_one();
  }

  base::Status flush() {
    std::unique_lock lock(mutex_);
    const std::uint64_t target = added_;
    if (committed_ < target) {
      urgent_ = true;
      work_.notify_one();
      done_.wait(lock, [&] { return committed_ >= target; });
    }
    return status_locked();
  }

  base::Status status() {
    std::lock_guard lock(mutex_);
    return status_locked();
  }

  base::Status add_routing(const RoutingEntry& described, const record::RoutingTrace& trace) {
    MOESTRESS_TRY_STATUS(status());
    MOESTRESS_TRY(const std::string frame, encode_frame(trace));
    RoutingEntry entry = described;
    entry.frame_bytes = frame.size();
    const auto offset = routing_.append(frame);
    if (!offset) {
      fail("routing.bin", offset.error().message);
      return status();
    }
    // The index entry is queued after its frame is written, so no commit can name a frame that is not there.
    entry.offset = *offset;
    add(entry.set_label.size() + entry.prompt_id.size(), [entry](RowWriter& rows) { rows.add(entry); });
    return {};
  }

  /// Commits what is queued and ends the thread; what is added later is left out.
  void close() {
    {
      std::lock_guard lock(mutex_);
      closing_ = true;
    }
    work_.notify_one();
    space_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  /// After close(): folds the log into run.db and leaves it as a file that can be read from anywhere.
  void settle() {
    if (!database_) return;
    try {
      database_->exec("PRAGMA journal_mode = DELETE");
    } catch (const SQLite::Exception&) {
      // Somebody reads it just now. The log stays beside run.db, and readers know what to do with it.
    }
    database_.reset();
  }

  base::TimePoint now() const { return clock_.now(); }
  base::TimePoint epoch() const { return epoch_; }
  const std::string& directory() const { return directory_; }
  const WriterOptions& options() const { return options_; }

 private:
  bool half_full() const {
    return queue_.size() * 2 >= options_.queue_entries_max || queue_bytes_ * 2 >= options_.queue_bytes_max;
  }

  base::Status status_locked() const {
    if (error_) return tl::unexpected<base::Error>(*error_);
    return {};
  }

  void fail(const std::string& file, const std::string& reason) {
    const base::Error error = write_error(directory_, file, reason);
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = !error_;
      if (first) error_ = error;
    }
    if (first && options_.on_failure) options_.on_failure();
    space_.notify_all();
    work_.notify_one();
  }

  void run() {
    RowWriter rows(*database_);
    std::unique_lock lock(mutex_);
    for (;;) {
      work_.wait(lock, [&] { return closing_ || !queue_.empty(); });
      work_.wait_for(lock, options_.commit_interval,
                     [&] { return closing_ || urgent_ || error_ || half_full(); });
      if (queue_.empty() && closing_) return;
      std::deque<Apply> batch;
      batch.swap(queue_);
      queue_bytes_ = 0;
      urgent_ = false;
      const std::uint64_t target = added_;
      const bool write = !error_;
      lock.unlock();
      space_.notify_all();
      if (write) commit(rows, batch);
      lock.lock();
      committed_ = target;
      done_.notify_all();
    }
  }

  void commit(RowWriter& rows, const std::deque<Apply>& batch) {
    if (const auto synced = routing_.sync(); !synced) {
      fail("routing.bin", synced.error().message);
      return;
    }
    try {
      SQLite::Transaction transaction(*database_);
      for (const Apply& apply : batch) apply(rows);
      transaction.commit();
    } catch (const std::exception& error) {
      fail("run.db", error.what());
    }
  }

  const std::string directory_;
  const DirectoryLock lock_;
  const WriterOptions options_;
  const base::SystemClock clock_;
  const base::TimePoint epoch_;
  std::unique_ptr<SQLite::Database> database_;
  RoutingFile routing_;

  std::mutex mutex_;
  std::condition_variable work_;   ///< for the thread: there is something to do
  std::condition_variable space_;  ///< for those who add: the queue has room
  std::condition_variable done_;   ///< for those who flush: a batch was committed
  std::deque<Apply> queue_;
  std::size_t queue_bytes_ = 0;
  std::uint64_t added_ = 0;
  std::uint64_t committed_ = 0;
  bool urgent_ = false;
  bool closing_ = false;
  std::optional<base::Error> error_;
  std::thread thread_;  ///< last: it uses all of the above
};

RunWriter::RunWriter() = default;
RunWriter::~RunWriter() = default;

base::Result<std::unique_ptr<RunWriter>> RunWriter::create(const std::string& directory, const RunInfo& info,
                                                           const WriterOptions& options) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return base::fail(ErrorCode::Io, "{}: cannot make the run's directory: {}", directory, error.message());
  const bool empty = fs::is_empty(directory, error);
  if (error) return base::fail(ErrorCode::Io, "{}: cannot be read: {}", directory, error.message());
  if (!empty)
    return base::fail(
        ErrorCode::Usage,
        "{}: exists and is not empty; a run is never written over: name another directory with --out",
        directory);
  MOESTRESS_TRY(DirectoryLock lock, DirectoryLock::acquire(directory));
  try {
    auto database = std::make_unique<SQLite::Database>(directory + "/run.db",
                                                       SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 5000);
    database->exec(kPragmas);
    write_schema(*database, info);
    bound_size(*database, options);
    std::unique_ptr<RunWriter> writer(new RunWriter);
    writer->worker_ =
        std::make_unique<Worker>(directory, std::move(lock), options, std::move(database), false);
    return writer;
  } catch (const SQLite::Exception& failure) {
    return tl::unexpected(write_error(directory, "run.db", failure.what()));
  } catch (const std::system_error& failure) {
    return base::fail(ErrorCode::Io, "{}: cannot start the writer's thread: {}", directory, failure.what());
  }
}

base::Result<std::unique_ptr<RunWriter>> RunWriter::open(const std::string& directory, DirectoryLock lock,
                                                         const WriterOptions& options) {
  // The reader's checks are those that a writer wants: a run's database, of a version that is known.
  MOESTRESS_TRY_STATUS(OpenedDatabase::open(directory).map([](const auto&) {}));
  try {
    auto database = std::make_unique<SQLite::Database>(directory + "/run.db", SQLite::OPEN_READWRITE, 5000);
    database->exec(kPragmas);
    upgrade_schema(*database);
    bound_size(*database, options);
    std::unique_ptr<RunWriter> writer(new RunWriter);
    writer->worker_ =
        std::make_unique<Worker>(directory, std::move(lock), options, std::move(database), true);
    return writer;
  } catch (const SQLite::Exception& failure) {
    return tl::unexpected(write_error(directory, "run.db", failure.what()));
  } catch (const std::system_error& failure) {
    return base::fail(ErrorCode::Io, "{}: cannot start the writer's thread: {}", directory, failure.what());
  }
}

void RunWriter::add_model(const record::ModelResult& model) {
  record::ModelResult row = model;
  row.tests.clear();
  row.criteria.clear();
  row.recommendations.clear();
  row.checks.clear();
  const std::size_t bytes = row.path.size();
  worker_->add(bytes, [row = std::move(row)](RowWriter& rows) { rows.add(row); });
}

void RunWriter::add_test(const std::string& model_id, const record::TestResult& test, bool interrupted) {
  std::size_t bytes = test.metrics.size() * sizeof(record::Metric);
  for (const record::Table& table : test.tables)
    for (const auto& row : table.rows) bytes += row.size() * sizeof(double);
  worker_->add(bytes, [=](RowWriter& rows) {
    rows.add(model_id, test);
    if (!interrupted) rows.mark_finished();
  });
  static_cast<void>(worker_->flush());  // an error stays in status()
}

void RunWriter::add_criterion(const std::string& model_id, const record::CriterionResult& criterion) {
  worker_->add(criterion.evidence.size(),
               [model_id, criterion](RowWriter& rows) { rows.add(model_id, criterion); });
}

void RunWriter::add_check(const std::string& model_id, const record::CheckResult& check) {
  worker_->add(check.reason.size(), [model_id, check](RowWriter& rows) { rows.add(model_id, check); });
}

void RunWriter::add_estimate(const std::string& model_id, const std::string& test_id, double seconds) {
  worker_->add(sizeof seconds, [model_id, test_id, seconds](RowWriter& rows) {
    rows.add_estimate(model_id, test_id, seconds);
  });
}

void RunWriter::add_recommendation(const std::string& model_id,
                                   const record::Recommendation& recommendation) {
  worker_->add(recommendation.evidence.size(),
               [model_id, recommendation](RowWriter& rows) { rows.add(model_id, recommendation); });
}

void RunWriter::add_outcome(const std::string& model_id, const std::string& test_id,
                            const record::Outcome& outcome) {
  StoredOutcome stored = store_form(outcome, worker_->options());
  const std::size_t bytes =
      stored.outcome.text.size() + stored.outcome.detail.size() + stored.chunk_times.size();
  worker_->add(bytes, [model_id, test_id, stored = std::move(stored)](RowWriter& rows) {
    rows.add(model_id, test_id, stored);
  });
}

void RunWriter::add_process_sample(const std::string& model_id, const record::ProcessSample& sample) {
  worker_->add(sizeof sample, [model_id, sample](RowWriter& rows) { rows.add(model_id, sample); });
}

void RunWriter::add_host_sample(const record::HostSample& sample) {
  worker_->add(sizeof sample, [sample](RowWriter& rows) { rows.add(sample); });
}

void RunWriter::add_device_sample(const std::string& model_id, const record::DeviceSample& sample) {
  worker_->add(sizeof sample, [model_id, sample](RowWriter& rows) { rows.add(model_id, sample); });
}

void RunWriter::add_event(const std::string& kind, const std::string& text) {
  add_event(worker_->now() - worker_->epoch(), kind, text);
}

void RunWriter::add_event(base::Duration at, const std::string& kind, const std::string& text) {
  Event event{at, kind, cut(text, worker_->options().text_bytes_max)};
  const std::size_t bytes = event.text.size();
  worker_->add(bytes, [event = std::move(event)](RowWriter& rows) { rows.add(event); });
}

void RunWriter::add_checkpoint(const std::string& model_id, const std::string& test_id,
                               const record::Checkpoint& checkpoint) {
  worker_->add(sizeof checkpoint, [=](RowWriter& rows) { rows.add(model_id, test_id, checkpoint); });
  static_cast<void>(worker_->flush());  // an error stays in status()
}

void RunWriter::add_part(const Part& part) {
  worker_->add(sizeof part, [part](RowWriter& rows) { rows.add(part); });
}

void RunWriter::add_model_file(const ModelFile& file) {
  worker_->add(sizeof file, [file](RowWriter& rows) { rows.add(file); });
}

void RunWriter::set_model_state(const std::string& model_id, const std::string& json) {
  worker_->add(json.size(), [model_id, json](RowWriter& rows) { rows.set_model_state(model_id, json); });
}

void RunWriter::set_aside_cut_off(const std::string& kept_test, base::Duration kept_until) {
  worker_->add(kept_test.size(), [=](RowWriter& rows) {
    rows.set_aside(kept_test, kept_until);
    rows.reopen();
  });
}

void RunWriter::clear_conclusions(const std::string& model_id) {
  worker_->add(model_id.size(), [model_id](RowWriter& rows) { rows.clear_conclusions(model_id); });
}

void RunWriter::set_environment(const std::string& json) {
  worker_->add(json.size(), [json](RowWriter& rows) { rows.set_environment(json); });
}

void RunWriter::set_target(const std::string& json) {
  worker_->add(json.size(), [json](RowWriter& rows) { rows.set_target(json); });
}

base::Status RunWriter::add_routing(const std::string& model_id, const std::string& set_label,
                                    const std::string& prompt_id, const record::RoutingTrace& trace) {
  RoutingEntry entry;
  entry.model_id = model_id;
  entry.set_label = set_label;
  entry.prompt_id = prompt_id;
  entry.tokens = trace.tokens;
  entry.layers = static_cast<int>(trace.layers.size());
  entry.experts = trace.experts;
  entry.k = trace.k;
  return worker_->add_routing(entry, trace);
}

base::Status RunWriter::flush() { return worker_->flush(); }

base::Status RunWriter::status() const { return worker_->status(); }

base::Status RunWriter::finish(const std::string& verdict, const std::string& reason,
                               const std::string& ended) {
  worker_->add(reason.size(), [=](RowWriter& rows) { rows.end(verdict, reason, ended); });
  MOESTRESS_TRY_STATUS(worker_->flush());
  worker_->close();
  worker_->settle();
  return {};
}

const std::string& RunWriter::directory() const { return worker_->directory(); }

}  // namespace moestress::store
