#include "copy_engine.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

void CopyShared::fail(const Failure& failure) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!failed_) {
      failed_ = true;
      first_ = failure;
    }
  }
  stop.raise();
}

bool CopyShared::failed(Failure& out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (failed_) out = first_;
  return failed_;
}

namespace {

using Clock = std::chrono::steady_clock;

struct Ends {
  NbdPtr source;
  NbdPtr target;
};

bool connect_pair(const CopyOptions& options, const StopSignal& stop, Ends& ends,
                  Failure& failure) {
  ends.source = connect_target(options.source, stop, failure);
  if (ends.source == nullptr) {
    failure.side = "source";
    return false;
  }
  ends.target = connect_target(options.target, stop, failure);
  if (ends.target == nullptr) failure.side = "target";
  return ends.target != nullptr;
}

uint64_t advertised(nbd_handle* handle, int which, uint64_t otherwise) {
  const int64_t bytes = nbd_get_block_size(handle, which);
  return bytes > 0 ? static_cast<uint64_t>(bytes) : otherwise;
}

bool refuse(Failure& failure, const char* op, int code, const char* side, const Range& range) {
  failure = Failure::of(op, code);
  failure.side = side;
  failure.offset = range.offset;
  failure.length = range.length;
  return false;
}

// Everything that must hold before the first byte is written.
bool check_request(const CopyOptions& options, const Ends& ends, Failure& failure) {
  const int64_t source_size = nbd_get_size(ends.source.get());
  const int64_t target_size = nbd_get_size(ends.target.get());
  const uint64_t block = std::max(advertised(ends.source.get(), LIBNBD_SIZE_MINIMUM, 1),
                                  advertised(ends.target.get(), LIBNBD_SIZE_MINIMUM, 1));
  if (nbd_is_read_only(ends.target.get()) != 0)
    return refuse(failure, "nbd_pwrite", EROFS, "target", {});
  uint64_t end = 0;
  for (const Range& extent : options.extents) {
    if (extent.length == 0 || extent.offset < end)
      return refuse(failure, "copy", EINVAL, "", extent);
    end = extent.offset + extent.length;
    if (source_size < 0 || end > static_cast<uint64_t>(source_size)) {
      return refuse(failure, "copy", ERANGE, "source", extent);
    }
    if (target_size < 0 || end > static_cast<uint64_t>(target_size)) {
      return refuse(failure, "copy", ENOSPC, "target", extent);
    }
    const bool whole_blocks = extent.offset % block == 0 && end % block == 0;
    if (!whole_blocks) return refuse(failure, "copy", EINVAL, "", extent);
  }
  return true;
}

void choose_sizes(const CopyOptions& options, const Ends& ends, uint32_t pairs,
                  CopyShared& shared) {
  nbd_handle* const source = ends.source.get();
  nbd_handle* const target = ends.target.get();
  shared.grain = std::max({uint64_t{4096}, advertised(source, LIBNBD_SIZE_MINIMUM, 1),
                           advertised(target, LIBNBD_SIZE_MINIMUM, 1)});
  const uint64_t wanted =
      options.request_bytes != 0 ? options.request_bytes : (pairs > 1 ? 512 : 256) * 1024;
  // 32 MiB is what a server takes that advertises nothing (NBD spec, block size constraints).
  const uint64_t most =
      std::min({uint64_t{32} << 20, advertised(source, LIBNBD_SIZE_MAXIMUM, 32 << 20),
                advertised(target, LIBNBD_SIZE_MAXIMUM, 32 << 20)});
  shared.request_bytes =
      std::max(shared.grain, std::min(wanted, most) / shared.grain * shared.grain);
  shared.depth = options.depth != 0 ? options.depth : (pairs > 1 ? 4 : 8);
}

}  // namespace

CopyOutcome run_copy(const CopyOptions& options, CopyShared& shared,
                     const std::function<void()>& on_progress) {
  CopyOutcome outcome;
  const Clock::time_point started = Clock::now();
  std::vector<Ends> ends(1);
  if (!connect_pair(options, shared.stop, ends[0], outcome.failure)) return outcome;
  if (!check_request(options, ends[0], outcome.failure)) return outcome;
  nbd_handle* const source = ends[0].source.get();
  nbd_handle* const target = ends[0].target.get();

  const bool source_multi = nbd_can_multi_conn(source) == 1;
  const bool target_multi = nbd_can_multi_conn(target) == 1;
  if (!source_multi) outcome.fallbacks.push_back("source-single-connection");
  if (!target_multi) outcome.fallbacks.push_back("target-single-connection");
  const uint32_t cores = std::max(1U, std::min(4U, std::thread::hardware_concurrency()));
  const uint32_t wanted = options.connections != 0 ? options.connections : cores;
  outcome.connections = source_multi && target_multi ? wanted : 1;

  choose_sizes(options, ends[0], outcome.connections, shared);
  shared.target_is_zero = options.target_is_zero;
  shared.target_can_zero = nbd_can_zero(target) == 1;
  shared.target_can_flush = nbd_can_flush(target) == 1;
  if (!shared.target_can_zero) outcome.fallbacks.push_back("target-has-no-zero");
  if (!shared.target_can_flush) outcome.fallbacks.push_back("target-has-no-flush");

  std::vector<Range> ranges;
  if (nbd_can_meta_context(source, LIBNBD_CONTEXT_BASE_ALLOCATION) == 1) {
    if (!read_allocation(source, options.extents, shared.grain, shared.stop, ranges,
                         outcome.failure))
      return outcome;
  } else {
    outcome.fallbacks.push_back("source-has-no-allocation-map");
    ranges = options.extents;
  }
  while (ends.size() < outcome.connections) {
    ends.emplace_back();
    if (!connect_pair(options, shared.stop, ends.back(), outcome.failure)) return outcome;
  }

  const uint64_t zero_piece =
      shared.target_can_zero
          ? std::max(shared.grain, (uint64_t{1} << 30) / shared.grain * shared.grain)
          : shared.request_bytes;
  WorkQueue queue(std::move(ranges), shared.request_bytes, zero_piece);
  shared.queue = &queue;
  std::atomic<uint32_t> running{outcome.connections};
  StopSignal ended;
  std::vector<std::thread> threads;
  for (Ends& pair : ends) {
    threads.emplace_back([&shared, &running, &ended, one = std::move(pair)]() mutable {
      run_pair(std::move(one.source), std::move(one.target), shared);
      if (running.fetch_sub(1) == 1) ended.raise();
    });
  }
  while (!ended.raised()) {
    pollfd fd = {ended.fd(), POLLIN, 0};
    if (poll(&fd, 1, static_cast<int>(options.progress_interval_ms)) == 0) on_progress();
  }
  for (std::thread& thread : threads) thread.join();

  outcome.seconds = std::chrono::duration<double>(Clock::now() - started).count();
  outcome.flushed_connections = shared.flushed.load();
  if (shared.failed(outcome.failure)) return outcome;
  if (shared.stop.raised()) {
    outcome.failure = Failure::of("copy", ECANCELED);
    return outcome;
  }
  uint64_t total = 0;
  for (const Range& extent : options.extents) total += extent.length;
  const CopyCounters& counters = shared.counters;
  if (counters.written + counters.zeroed + counters.skipped != total ||
      (shared.target_can_flush && outcome.flushed_connections != outcome.connections)) {
    outcome.failure = Failure::of("copy", EPROTO);
    return outcome;
  }
  outcome.ok = true;
  return outcome;
}
