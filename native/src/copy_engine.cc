#include "copy_engine.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <utility>

#include "affinity.h"
#include "copy_setup.h"
#include "lane.h"

namespace {

// Of the lost connections and failed flushes that one copy gets over.
constexpr uint32_t kMaxRecoveries = 8;
constexpr int kReconnectPauseMs = 100;

// Copies that run at once begin on different CPUs.
std::atomic<uint32_t> next_cpu{0};

std::vector<Range> above(const std::vector<Range>& extents, uint64_t mark) {
  std::vector<Range> rest;
  for (const Range& extent : extents) {
    const uint64_t end = extent.offset + extent.length;
    if (end <= mark) continue;
    const uint64_t from = std::max(extent.offset, mark);
    rest.push_back({from, end - from, false});
  }
  return rest;
}

class Copy {
 public:
  Copy(const CopyOptions& options, CopyShared& shared, const std::function<void()>& on_progress)
      : options_(options), shared_(shared), on_progress_(on_progress) {}

  CopyOutcome run() {
    const Clock::time_point started = Clock::now();
    outcome_.ok = prepare() && run_rounds() && add_up();
    outcome_.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    outcome_.failure.durable_below = shared_.durable_below;
    return outcome_;
  }

 private:
  bool prepare() {
    wanted_ = above(options_.extents, options_.resume_from);
    shared_.sums_pages = options_.sums_pages;
    Mark start;
    start.offset = options_.resume_from;
    start.tally.pages = options_.resume_sum;
    shared_.set_durable(start);
    ends_.resize(1);
    if (!connect_first(ends_[0], outcome_.failure)) return false;
    if (!check_request(options_, ends_[0], outcome_.failure)) return false;
    sizes_ = choose(options_, ends_[0], shared_, outcome_);
    return true;
  }

  // A round goes from the durable mark to the end; a lost connection or a failed flush ends it, and
  // the next one sends everything above the mark again.
  bool run_rounds() {
    uint32_t failed_flushes = 0;
    for (uint32_t recoveries = 0;; ++recoveries) {
      const Severity severity = run_round();
      if (shared_.is_cancelled()) {
        outcome_.failure = Failure::of("copy", ECANCELED);
        return false;
      }
      if (severity == Severity::kNone) return true;
      if (severity == Severity::kUnflushed) ++failed_flushes;
      if (severity == Severity::kFatal || recoveries == kMaxRecoveries || failed_flushes > 1)
        return false;
      if (!reconnect()) return false;
    }
  }

  Severity run_round() {
    Mark from = shared_.durable();
    from.pieces = 0;
    shared_.set_durable(from);
    shared_.counters.reset(from.tally);
    const std::vector<Range> rest = above(wanted_, from.offset);
    WorkQueue queue(sizes_, from);
    shared_.begin_round(queue, outcome_.connections);
    if (options_.hash != HashKind::kNone && shared_.hashes == nullptr) {
      shared_.hashes = std::make_unique<HashSink>(options_.hash, sizes_.grain, wanted_);
    }
    run_lanes(queue, rest);
    Failure failure;
    const Severity severity = shared_.severity(failure);
    if (severity == Severity::kNone && !shared_.is_cancelled()) {
      end_ = queue.low();
      if (shared_.target_can_flush) shared_.set_durable(end_);
    } else {
      outcome_.failure = failure;
      shared_.sent_again.fetch_add(queue.handed_out() - shared_.durable().pieces);
    }
    shared_.end_round();
    return severity;
  }

  void run_lanes(WorkQueue& queue, const std::vector<Range>& rest) {
    nbd_handle* const first = ends_[0].source.get();
    MapReader map(shared_.reads_map ? first : nullptr, rest, sizes_.grain, queue);
    const bool zero = shared_.target_can_zero;
    const bool fast_zero = shared_.target_can_fast_zero;
    std::atomic<uint32_t> running{outcome_.connections};
    first_cpu_ = next_cpu.fetch_add(outcome_.connections);
    shared_.pinned_lanes = 0;
    shared_.lanes_worked = 0;
    StopSignal ended;
    std::vector<Ends> ends(outcome_.connections);
    ends[0] = std::move(ends_[0]);
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < outcome_.connections; ++i) {
      threads.emplace_back([&, i] {
        run_lane(i, ends[i], i == 0 ? &map : nullptr);
        if (running.fetch_sub(1) == 1) ended.raise();
      });
    }
    report_until(ended);
    for (std::thread& thread : threads) thread.join();
    outcome_.pinned_lanes = shared_.pinned_lanes;
    if (map.was_refused()) note("source-map-refused");
    if (fast_zero && !shared_.target_can_fast_zero) note("target-refused-fast-zero");
    if (zero && !shared_.target_can_zero) note("target-refused-zero");
  }

  void run_lane(uint32_t index, Ends& ends, MapReader* map) {
    Failure failure;
    const auto wanted = [this, index] {
      shared_.clear_bell(index);
      return !shared_.stop.raised() && !shared_.queue->is_used_up();
    };
    const int wake[2] = {shared_.stop.fd(), shared_.bell(index)};
    if (ends.source == nullptr && !connect_ends(options_, wake, wanted, ends, failure)) {
      if (wanted()) shared_.fail(failure, Severity::kLost);
      // It wrote nothing, so it has nothing to flush.
      shared_.lane_ended(shared_.first_mark());
      return;
    }
    shared_.lanes_worked.fetch_add(1);
    {
      // After connecting: a server started as a command must not inherit it. One lane alone is
      // better off where the kernel puts it, and more lanes than CPUs would only stand in a line.
      const bool alone = outcome_.connections == 1 || outcome_.connections > usable_cpus();
      if (!alone && stay_on_one_cpu(first_cpu_, index)) shared_.pinned_lanes.fetch_add(1);
      Lane lane(index, ends.source.get(), ends.target.get(), map, shared_);
      lane.run();
      if (!shared_.stop.raised()) {
        disconnect(ends.source.get());
        if (ends.target != nullptr) disconnect(ends.target.get());
      }
      // Closing completes what is still in flight into the lane's slots, so the handles go before
      // the lane does.
      ends.source.reset();
      ends.target.reset();
    }
  }

  void report_until(const StopSignal& ended) {
    Clock::time_point reported = Clock::now();
    Clock::time_point marked = reported;
    const std::chrono::milliseconds report_every(options_.progress_interval_ms);
    const std::chrono::milliseconds mark_every(options_.mark_interval_ms);
    const auto step = std::min(options_.progress_interval_ms, options_.mark_interval_ms);
    while (!ended.raised()) {
      pollfd fd = {ended.fd(), POLLIN, 0};
      if (poll(&fd, 1, static_cast<int>(step)) != 0) continue;
      const Clock::time_point now = Clock::now();
      if (now - reported >= report_every) {
        reported = now;
        on_progress_();
      }
      if (now - marked >= mark_every) {
        marked = now;
        shared_.ask_for_mark();
      }
    }
  }

  bool connect_first(Ends& ends, Failure& failure) {
    const auto wanted = [this] { return !shared_.stop.raised(); };
    return connect_ends(options_, {shared_.stop.fd(), -1}, wanted, ends, failure);
  }

  void note(const char* fallback) {
    std::vector<std::string>& all = outcome_.fallbacks;
    if (std::find(all.begin(), all.end(), fallback) == all.end()) all.emplace_back(fallback);
  }

  // Tries until the window closes. The stop is lowered so that only a cancel ends it early.
  bool reconnect() {
    if (options_.source.kind == Target::Kind::kCommand ||
        options_.target.kind == Target::Kind::kCommand)
      return false;
    const Failure lost = outcome_.failure;
    const Clock::time_point until =
        Clock::now() + std::chrono::milliseconds(options_.reconnect_window_ms);
    while (!shared_.is_cancelled()) {
      shared_.stop.lower();
      if (shared_.is_cancelled()) break;
      Ends ends;
      Failure failure;
      if (connect_first(ends, failure)) {
        if (!check_request(options_, ends, failure)) {
          outcome_.failure = failure;
          return false;
        }
        CopyShared before_and_after;
        CopyOutcome chosen;
        const PieceSizes sizes = choose(options_, ends, before_and_after, chosen);
        const bool same = sizes.data == sizes_.data && sizes.grain == sizes_.grain &&
                          chosen.connections == outcome_.connections &&
                          before_and_after.target_can_flush == shared_.target_can_flush;
        if (!same) {
          outcome_.failure = Failure::of("nbd_connect", ESTALE);
          outcome_.failure.side = lost.side;
          return false;
        }
        ends_.clear();
        ends_.push_back(std::move(ends));
        shared_.reconnects.fetch_add(1);
        return true;
      }
      if (Clock::now() >= until) break;
      pollfd fd = {shared_.stop.fd(), POLLIN, 0};
      (void)poll(&fd, 1, kReconnectPauseMs);
    }
    outcome_.failure = shared_.is_cancelled() ? Failure::of("copy", ECANCELED) : lost;
    return false;
  }

  // The books have to balance before the copy calls itself done.
  bool add_up() {
    uint64_t total = 0;
    for (const Range& extent : wanted_) total += extent.length;
    const Tally& tally = end_.tally;
    outcome_.page_sum = tally.pages;
    outcome_.connections = shared_.lanes_worked;
    outcome_.flushed_connections = shared_.target_can_flush ? outcome_.connections : 0;
    if (tally.written + tally.zeroed + tally.skipped == total) return true;
    outcome_.failure = Failure::of("copy", EPROTO);
    return false;
  }

  const CopyOptions& options_;
  CopyShared& shared_;
  const std::function<void()>& on_progress_;
  CopyOutcome outcome_;
  std::vector<Range> wanted_;
  std::vector<Ends> ends_;
  PieceSizes sizes_;
  uint32_t first_cpu_ = 0;
  Mark end_;
};

}  // namespace

CopyOutcome run_copy(const CopyOptions& options, CopyShared& shared,
                     const std::function<void()>& on_progress) {
  return Copy(options, shared, on_progress).run();
}
