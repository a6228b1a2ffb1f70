#include <cerrno>

#include "copy_engine.h"

void CopyCounters::reset(const Tally& tally) {
  read = tally.read;
  written = tally.written;
  zeroed = tally.zeroed;
  skipped = tally.skipped;
}

void CopyShared::fail(const Failure& failure, Severity severity) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (severity_ == Severity::kNone ||
        (severity == Severity::kFatal && severity_ != Severity::kFatal)) {
      severity_ = severity;
      first_ = failure;
    }
  }
  stop.raise();
}

Severity CopyShared::severity(Failure& out) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (severity_ != Severity::kNone) out = first_;
  return severity_;
}

void CopyShared::cancel() {
  cancelled_ = true;
  stop.raise();
}

void CopyShared::set_paused(bool paused) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    paused_ = paused;
    if (queue != nullptr) queue->set_paused(paused);
  }
  wake_lanes();
}

void CopyShared::set_rate(uint64_t bytes_per_second) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    rate_ = bytes_per_second;
    if (queue != nullptr) queue->set_rate(bytes_per_second);
  }
  wake_lanes();
}

void CopyShared::begin_round(WorkQueue& next, uint32_t lanes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  severity_ = Severity::kNone;
  stop.lower();
  // A cancel that came just before was wiped out by the line above; one that comes later is not.
  if (cancelled_) stop.raise();
  lanes_ = lanes;
  first_mark_ = wanted_mark_;
  unflushed_lanes_ = 0;
  while (bells_.size() < lanes) bells_.push_back(std::make_unique<Bell>());
  next.set_rate(rate_);
  next.set_paused(paused_);
  queue = &next;
}

void CopyShared::end_round() {
  const std::lock_guard<std::mutex> lock(mutex_);
  queue = nullptr;
  bells_.clear();
}

void CopyShared::wake_lanes() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& bell : bells_) bell->ring();
}

void CopyShared::ask_for_mark() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!target_can_flush || queue == nullptr || unflushed_lanes_ != 0 || lanes_ == 0) return;
    candidate_ = queue->low();
    if (candidate_.offset <= durable_.offset) return;
    unflushed_lanes_ = lanes_;
    ++wanted_mark_;
  }
  wake_lanes();
}

void CopyShared::count_down() {
  if (unflushed_lanes_ == 0 || --unflushed_lanes_ != 0) return;
  durable_ = candidate_;
  durable_below = durable_.offset;
}

void CopyShared::lane_flushed(uint64_t mark_number) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (mark_number == wanted_mark_) count_down();
}

void CopyShared::lane_ended(uint64_t mark_number) {
  const std::lock_guard<std::mutex> lock(mutex_);
  --lanes_;
  if (mark_number != wanted_mark_) count_down();
}

Mark CopyShared::durable() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return durable_;
}

void CopyShared::set_durable(const Mark& mark) {
  const std::lock_guard<std::mutex> lock(mutex_);
  durable_ = mark;
  durable_below = mark.offset;
}
