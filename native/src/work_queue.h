#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <vector>

#include "page_sum.h"

using Clock = std::chrono::steady_clock;

struct Range {
  uint64_t offset = 0;
  uint64_t length = 0;
  // The source's allocation map says that the range reads as zeroes.
  bool zero = false;
};

// Bytes, by what became of them, and what was read of them where the copy sums pages.
struct Tally {
  uint64_t read = 0;
  uint64_t written = 0;
  uint64_t zeroed = 0;
  uint64_t skipped = 0;
  PageSum pages = 0;

  void add(const Tally& other) {
    read += other.read;
    written += other.written;
    zeroed += other.zeroed;
    skipped += other.skipped;
    pages += other.pages;
  }
};

struct Piece {
  Range range;
  uint64_t number = 0;
};

// Everything below `offset` was acknowledged; `tally` counts exactly that, `pieces` those of it
// that this round handed out.
struct Mark {
  uint64_t offset = 0;
  Tally tally;
  uint64_t pieces = 0;
};

struct PieceSizes {
  // Data pieces end on multiples of `data`, zero pieces on multiples of `zero`; both are multiples
  // of `grain`.
  uint64_t grain = 4096;
  uint64_t data = 0;
  uint64_t zero = 0;
};

enum class Next { kPiece, kWait, kEnd };

// The work of one round in disk order: filled by the map reader, emptied by the lanes. Knows the
// rate limit, the pause, and below which offset everything is done. Any thread may call it.
class WorkQueue {
 public:
  WorkQueue(const PieceSizes& sizes, const Mark& start) : sizes_(sizes), low_(start) {}

  void push(const std::vector<Range>& ranges);
  // Nothing will be pushed any more.
  void close();
  // True while the lanes have work ahead for some seconds, so that the map can wait.
  bool is_full() const;

  // kWait: nothing to do now; look again after `wait_ms` (-1: when the lane is woken).
  Next next(Piece& piece, int& wait_ms);
  void done(const Piece& piece, const Tally& tally);

  // Bytes of data a second; 0 means no limit.
  void set_rate(uint64_t bytes_per_second);
  void set_paused(bool paused);

  // Nothing is left to hand out and nothing more will come.
  bool is_used_up() const;

  Mark low() const;
  // Pieces handed out so far.
  uint64_t handed_out() const;

 private:
  struct Open {
    uint64_t end = 0;
    bool done = false;
    Tally tally;
  };

  uint64_t data_length(uint64_t at, uint64_t left) const;
  int throttle_ms(Clock::time_point now) const;

  const PieceSizes sizes_;
  mutable std::mutex mutex_;
  std::deque<Range> ranges_;
  bool closed_ = false;
  bool paused_ = false;
  uint64_t rate_ = 0;
  // When the bytes handed out so far may have passed at the rate limit.
  Clock::time_point paid_until_;
  std::deque<Open> open_;
  uint64_t first_open_ = 0;
  Mark low_;
};
