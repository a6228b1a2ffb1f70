#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connection.h"
#include "digest.h"
#include "work_queue.h"

// kCopy sends what the source holds; kCompare reads both sides and sends the differences; kHash
// reads the source alone.
enum class Mode { kCopy, kCompare, kHash };

// Whether the source is asked for its allocation map.
enum class MapUse { kWhereWorthIt, kAlways, kNever };

struct CopyOptions {
  Mode mode = Mode::kCopy;
  Target source;
  Target target;
  std::vector<Range> extents;
  bool target_is_zero = false;
  MapUse map_use = MapUse::kWhereWorthIt;
  HashKind hash = HashKind::kNone;
  uint32_t hash_block_bytes = 1 << 20;
  bool sums_pages = false;
  // Everything in the extents below it is left out.
  uint64_t resume_from = 0;
  // What was summed there.
  PageSum resume_sum = 0;
  uint64_t bytes_per_second = 0;
  // 0 asks for the default of each.
  uint32_t connections = 0;
  uint32_t request_bytes = 0;
  uint32_t depth = 0;
  uint32_t progress_interval_ms = 500;
  uint32_t request_timeout_ms = 60 * 1000;
  uint32_t reconnect_window_ms = 3000;
  uint32_t mark_interval_ms = 10 * 1000;
};

struct CopyCounters {
  std::atomic<uint64_t> read{0};
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> zeroed{0};
  std::atomic<uint64_t> skipped{0};

  void reset(const Tally& tally);
};

struct CopyOutcome {
  bool ok = false;
  PageSum page_sum = 0;
  Failure failure;
  double seconds = 0;
  uint32_t connections = 0;
  uint32_t flushed_connections = 0;
  uint64_t request_bytes = 0;
  uint32_t depth = 0;
  // Lanes that stay on a CPU of their own.
  uint32_t pinned_lanes = 0;
  bool reads_map = false;
  std::vector<std::string> fallbacks;
};

// What a failure means for the copy: kLost (a connection ended) and kUnflushed (a flush failed)
// send it back to the last durable mark while it has recoveries left.
enum class Severity { kNone, kLost, kUnflushed, kFatal };

// What one copy shares between its lanes, the thread that runs it and JavaScript.
class CopyShared {
 public:
  StopSignal stop;
  CopyCounters counters;
  std::atomic<uint64_t> durable_below{0};
  std::atomic<uint64_t> sent_again{0};
  std::atomic<uint32_t> reconnects{0};
  std::atomic<uint32_t> pinned_lanes{0};
  // Lanes of the round that had both connections before the work was used up.
  std::atomic<uint32_t> lanes_worked{0};

  // Fixed while lanes run.
  Mode mode = Mode::kCopy;
  WorkQueue* queue = nullptr;
  std::unique_ptr<HashSink> hashes;
  bool sums_pages = false;
  uint64_t request_bytes = 0;
  uint64_t grain = 0;
  uint32_t depth = 0;
  uint32_t request_timeout_ms = 0;
  bool target_is_zero = false;
  bool reads_map = false;
  bool target_can_flush = false;
  // Turned off for good when the server refuses one although it advertised it.
  std::atomic<bool> target_can_zero{false};
  std::atomic<bool> target_can_fast_zero{false};

  // The first failure of a round wins and stops every lane, but a fatal one always stays.
  void fail(const Failure& failure, Severity severity);
  Severity severity(Failure& out);

  // From any thread, any time.
  void cancel();
  bool is_cancelled() const { return cancelled_.load(); }
  void set_paused(bool paused);
  void set_rate(uint64_t bytes_per_second);

  void begin_round(WorkQueue& next, uint32_t lanes);
  void end_round();
  void wake_lanes();
  int bell(uint32_t lane) const { return bells_[lane]->fd(); }
  void clear_bell(uint32_t lane) { bells_[lane]->clear(); }

  // Durable marks: what was acknowledged when the mark was asked for is durable once every lane
  // has flushed after that.
  void ask_for_mark();
  uint64_t wanted_mark() const { return wanted_mark_.load(); }
  // What wanted_mark() was when the round began: a lane that starts late owes all marks since.
  uint64_t first_mark() const { return first_mark_; }
  void lane_flushed(uint64_t mark_number);
  void lane_ended(uint64_t mark_number);
  Mark durable();
  void set_durable(const Mark& mark);

 private:
  void count_down();

  std::mutex mutex_;
  std::atomic<bool> cancelled_{false};
  Severity severity_ = Severity::kNone;
  Failure first_;
  uint64_t rate_ = 0;
  bool paused_ = false;
  std::vector<std::unique_ptr<Bell>> bells_;
  uint32_t lanes_ = 0;
  std::atomic<uint64_t> wanted_mark_{0};
  uint64_t first_mark_ = 0;
  uint32_t unflushed_lanes_ = 0;
  Mark candidate_;
  Mark durable_;
};

// Copies until done, failed or stopped; blocking, on the caller's thread plus one thread per lane,
// all of which have ended when it returns. `on_progress` runs on the caller's thread. A stop from
// outside fails with ECANCELED.
CopyOutcome run_copy(const CopyOptions& options, CopyShared& shared,
                     const std::function<void()>& on_progress);
