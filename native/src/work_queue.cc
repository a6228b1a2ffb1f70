#include "work_queue.h"

#include <algorithm>

namespace {

constexpr size_t kMaxRanges = 64 * 1024;
// One stalled piece must not let the list of finished ones behind it grow without end.
constexpr size_t kMaxOpen = 64 * 1024;
// How far a limited copy may run ahead of its rate, and how long one piece may take at it.
constexpr std::chrono::milliseconds kBurst(20);

}  // namespace

void WorkQueue::push(const std::vector<Range>& ranges) {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const Range& range : ranges) {
    if (range.length == 0) continue;
    if (!ranges_.empty() && ranges_.back().zero == range.zero &&
        ranges_.back().offset + ranges_.back().length == range.offset) {
      ranges_.back().length += range.length;
    } else {
      ranges_.push_back(range);
    }
  }
}

void WorkQueue::close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
}

bool WorkQueue::is_full() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (ranges_.empty()) return false;
  const uint64_t ahead = ranges_.back().offset + ranges_.back().length - ranges_.front().offset;
  return ranges_.size() >= kMaxRanges || ahead >= (uint64_t{8} << 30);
}

uint64_t WorkQueue::data_length(uint64_t at, uint64_t left) const {
  uint64_t most = sizes_.data;
  if (rate_ != 0) {
    const uint64_t share = rate_ * static_cast<uint64_t>(kBurst.count()) / 1000;
    most = std::clamp(share / sizes_.grain * sizes_.grain, sizes_.grain, sizes_.data);
  }
  return std::min(left, most - at % most);
}

int WorkQueue::throttle_ms(Clock::time_point now) const {
  if (rate_ == 0 || paid_until_ <= now) return 0;
  const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(paid_until_ - now);
  return static_cast<int>(std::min<int64_t>(wait.count() + 1, 1000));
}

Next WorkQueue::next(Piece& piece, int& wait_ms) {
  const std::lock_guard<std::mutex> lock(mutex_);
  wait_ms = -1;
  if (ranges_.empty()) return closed_ ? Next::kEnd : Next::kWait;
  if (paused_ || open_.size() >= kMaxOpen) return Next::kWait;
  Range& range = ranges_.front();
  if (rate_ != 0 && !range.zero) {
    const Clock::time_point now = Clock::now();
    wait_ms = throttle_ms(now);
    if (wait_ms > 0) return Next::kWait;
    paid_until_ = std::max(paid_until_, now - kBurst);
  }
  piece.range.offset = range.offset;
  piece.range.zero = range.zero;
  piece.range.length = range.zero ? std::min(range.length, sizes_.zero - range.offset % sizes_.zero)
                                  : data_length(range.offset, range.length);
  piece.number = first_open_ + open_.size();
  if (rate_ != 0 && !range.zero) {
    paid_until_ += std::chrono::nanoseconds(static_cast<int64_t>(
        static_cast<double>(piece.range.length) * 1e9 / static_cast<double>(rate_)));
  }
  range.offset += piece.range.length;
  range.length -= piece.range.length;
  open_.push_back({range.offset, false, {}});
  if (range.length == 0) ranges_.pop_front();
  return Next::kPiece;
}

void WorkQueue::done(const Piece& piece, const Tally& tally) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Open& open = open_[piece.number - first_open_];
  open.done = true;
  open.tally = tally;
  while (!open_.empty() && open_.front().done) {
    low_.offset = open_.front().end;
    low_.tally.add(open_.front().tally);
    open_.pop_front();
    low_.pieces = ++first_open_;
  }
}

void WorkQueue::set_rate(uint64_t bytes_per_second) {
  const std::lock_guard<std::mutex> lock(mutex_);
  rate_ = bytes_per_second;
  // What was owed at the old rate is forgotten; the new one counts from now.
  paid_until_ = Clock::now();
}

void WorkQueue::set_paused(bool paused) {
  const std::lock_guard<std::mutex> lock(mutex_);
  paused_ = paused;
  paid_until_ = Clock::now();
}

bool WorkQueue::is_used_up() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return closed_ && ranges_.empty();
}

Mark WorkQueue::low() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return low_;
}

uint64_t WorkQueue::handed_out() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return first_open_ + open_.size();
}
