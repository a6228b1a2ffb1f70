#pragma once

#include <cstdint>
#include <vector>

#include "work_queue.h"

// kXxh3 (128 bits) finds damage; kSha256 also stands against a peer that wants to deceive.
enum class HashKind { kNone, kXxh3, kSha256 };

size_t digest_bytes(HashKind kind);
void digest(HashKind kind, const uint8_t* bytes, uint64_t length, uint8_t* out);

// One digest for each block of the extents: a block is what an extent holds of one `block_bytes`
// unit of the disk, so the blocks follow from the extents. Lanes write to different blocks and need
// no lock.
class HashSink {
 public:
  HashSink(HashKind kind, uint64_t block_bytes, const std::vector<Range>& extents);

  // `bytes` null: the range is all zeroes. The range is made of whole blocks.
  void add(const Range& range, const uint8_t* bytes);
  uint64_t block_bytes() const { return block_bytes_; }
  std::vector<uint8_t>& digests() { return digests_; }

 private:
  const HashKind kind_;
  const uint64_t block_bytes_;
  const std::vector<Range> extents_;
  std::vector<uint64_t> first_block_;
  std::vector<uint8_t> digests_;
  std::vector<uint8_t> zeroes_;
  std::vector<uint8_t> zero_block_digest_;
};
