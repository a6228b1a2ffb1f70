#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "connection.h"
#include "copy_plan.h"

struct CopyOptions {
  Target source;
  Target target;
  std::vector<Range> extents;
  bool target_is_zero = false;
  // 0 asks for the default of each.
  uint32_t connections = 0;
  uint32_t request_bytes = 0;
  uint32_t depth = 0;
  uint32_t progress_interval_ms = 500;
};

struct CopyCounters {
  std::atomic<uint64_t> read{0};
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> zeroed{0};
  std::atomic<uint64_t> skipped{0};
};

struct CopyOutcome {
  bool ok = false;
  Failure failure;
  double seconds = 0;
  uint32_t connections = 0;
  uint32_t flushed_connections = 0;
  std::vector<std::string> fallbacks;
};

// What the pairs of one copy share. The first failure wins and stops every pair.
struct CopyShared {
  StopSignal stop;
  CopyCounters counters;
  WorkQueue* queue = nullptr;
  uint64_t request_bytes = 0;
  uint64_t grain = 0;
  uint32_t depth = 0;
  bool target_is_zero = false;
  bool target_can_zero = false;
  bool target_can_flush = false;
  std::atomic<uint32_t> flushed{0};

  void fail(const Failure& failure);
  bool failed(Failure& out);

 private:
  std::mutex mutex_;
  bool failed_ = false;
  Failure first_;
};

// Copies until done, failed or stopped; blocking, on the caller's thread plus one thread per
// connection pair, all of which have ended when it returns. `on_progress` runs on the caller's
// thread. A stop from outside fails with ECANCELED.
CopyOutcome run_copy(const CopyOptions& options, CopyShared& shared,
                     const std::function<void()>& on_progress);

// One connection pair: moves pieces from the queue until it is empty, then flushes its target.
// Failures go to `shared`.
void run_pair(NbdPtr source, NbdPtr target, CopyShared& shared);
