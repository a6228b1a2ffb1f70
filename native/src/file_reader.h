#pragma once

#include <cstdint>

#include "descriptor.h"
#include "file_copy.h"
#include "piece_queue.h"

constexpr uint64_t kPieceBytes = uint64_t{1} << 20;

// Reads the parts of a file in their order, and sums what it reads.
class FileReader {
 public:
  FileReader(const FileCopyOptions& options, FileCopyShared& shared);

  // Reads to prove: from where it lies, not from memory. Pages that are still to be written stay,
  // so whoever wrote them syncs them before.
  bool sum_all();
  // Hands all to the queue and ends it, also when it fails. False without a failure: the other side
  // closed the queue.
  bool fill(PieceQueue& queue);

  const Failure& failure() const { return failure_; }
  PageSum page_sum() const { return page_sum_; }

 private:
  bool is_open();
  void forget(const FilePart& part);
  bool fill_part(PieceQueue& queue, const FilePart& part);
  bool read_and_sum(uint8_t* into, uint64_t from, uint64_t offset, uint64_t length);

  const FileCopyOptions& options_;
  FileCopyShared& shared_;
  const Descriptor source_;
  Failure failure_;
  PageSum page_sum_ = 0;
};
