#pragma once

#include <libnbd.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "connection.h"

struct Range {
  uint64_t offset = 0;
  uint64_t length = 0;
  // The source's allocation map says that the range reads as zeroes.
  bool zero = false;
};

// Reads base:allocation over the extents. Data is rounded outwards to `grain` inside each extent,
// so a zero range is never larger than what the map said. False with `failure` set on error or when
// the server makes no progress.
bool read_allocation(nbd_handle* source, const std::vector<Range>& extents, uint64_t grain,
                     const StopSignal& stop, std::vector<Range>& out, Failure& failure);

// Hands out the work of one copy to its connection pairs, in order, in pieces.
class WorkQueue {
 public:
  WorkQueue(std::vector<Range> ranges, uint64_t data_piece, uint64_t zero_piece)
      : ranges_(std::move(ranges)), data_piece_(data_piece), zero_piece_(zero_piece) {}

  // False when nothing is left.
  bool next(Range& piece);

 private:
  const std::vector<Range> ranges_;
  const uint64_t data_piece_;
  const uint64_t zero_piece_;
  std::mutex mutex_;
  size_t index_ = 0;
  uint64_t done_in_range_ = 0;
};
