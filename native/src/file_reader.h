#pragma once

#include <cstddef>
#include <cstdint>

#include "descriptor.h"
#include "file_copy.h"
#include "piece_queue.h"

constexpr uint64_t kPieceBytes = uint64_t{1} << 20;
// Of offset, length and memory where the page cache is passed by: no device asks for more.
constexpr uint64_t kDirectBytes = 4096;
// A piece that begins and ends inside such a block.
constexpr uint64_t kPieceMemoryBytes = kPieceBytes + 2 * kDirectBytes;

enum class ReadFrom {
  // Through the page cache.
  kMemory,
  // Past it, to prove what lies there. A file system that cannot (open(2), O_DIRECT) is made to
  // forget what it has in memory; pages that are still to be written stay, so whoever wrote them
  // syncs them before.
  kMedium,
};

// Reads the parts of a file in their order.
class FileReader {
 public:
  FileReader(const FileCopyOptions& options, ReadFrom from, FileCopyShared& shared);

  // Hands all to the queue and ends it, also when it fails. False without a failure: the other side
  // closed the queue.
  bool fill(PieceQueue& queue);

  const Failure& failure() const { return failure_; }

 private:
  bool fill_part(PieceQueue& queue, const FilePart& part);
  bool read_piece(Piece& piece, uint64_t from);
  void forget(const FilePart& part);

  const FileCopyOptions& options_;
  FileCopyShared& shared_;
  const Descriptor source_;
  const bool is_direct_;
  const bool is_forgetful_;
  Failure failure_;
};
