#pragma once

#include <cstdint>
#include <vector>

#include "descriptor.h"
#include "file_copy.h"
#include "piece_queue.h"

// Writes pieces to their places in a file or device that is there.
class FileWriter {
 public:
  FileWriter(const FileCopyOptions& options, FileCopyShared& shared);

  bool put(const Piece& piece);

  const Failure& failure() const { return failure_; }

 private:
  bool zero(uint64_t offset, uint64_t length);
  bool write_all(const uint8_t* bytes, uint64_t offset, uint64_t length);
  void write_behind(uint64_t offset, uint64_t length);
  bool fail(const char* op, int code, uint64_t offset, uint64_t length);

  FileCopyShared& shared_;
  const Descriptor target_;
  Failure failure_;
  bool can_zero_ = true;
  uint64_t behind_from_ = 0;
  uint64_t behind_until_ = 0;
};
