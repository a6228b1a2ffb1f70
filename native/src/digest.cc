#include "digest.h"

#include <nettle/sha2.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>

size_t digest_bytes(HashKind kind) {
  switch (kind) {
    case HashKind::kNone:
      return 0;
    case HashKind::kXxh3:
      return 16;
    case HashKind::kSha256:
      return SHA256_DIGEST_SIZE;
  }
  return 0;
}

void digest(HashKind kind, const uint8_t* bytes, uint64_t length, uint8_t* out) {
  if (kind == HashKind::kXxh3) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, length));
    memcpy(out, canonical.digest, sizeof canonical.digest);
  } else if (kind == HashKind::kSha256) {
    sha256_ctx context;
    sha256_init(&context);
    sha256_update(&context, length, bytes);
    sha256_digest(&context, SHA256_DIGEST_SIZE, out);
  }
}

HashSink::HashSink(HashKind kind, uint64_t block_bytes, const std::vector<Range>& extents)
    : kind_(kind), block_bytes_(block_bytes), extents_(extents) {
  uint64_t blocks = 0;
  for (const Range& extent : extents_) {
    first_block_.push_back(blocks);
    const uint64_t last = (extent.offset + extent.length - 1) / block_bytes_;
    blocks += last - extent.offset / block_bytes_ + 1;
  }
  digests_.resize(blocks * digest_bytes(kind_));
  zeroes_.resize(block_bytes_);
  zero_block_digest_.resize(digest_bytes(kind_));
  digest(kind_, zeroes_.data(), block_bytes_, zero_block_digest_.data());
}

void HashSink::add(const Range& range, const uint8_t* bytes) {
  const auto after =
      std::upper_bound(extents_.begin(), extents_.end(), range.offset,
                       [](uint64_t offset, const Range& extent) { return offset < extent.offset; });
  const auto index = static_cast<size_t>(after - extents_.begin()) - 1;
  const uint64_t first_unit = extents_[index].offset / block_bytes_;
  const size_t width = digest_bytes(kind_);
  const uint64_t end = range.offset + range.length;
  for (uint64_t at = range.offset; at < end;) {
    const uint64_t length = std::min(end - at, block_bytes_ - at % block_bytes_);
    uint8_t* out = &digests_[(first_block_[index] + at / block_bytes_ - first_unit) * width];
    if (bytes != nullptr) {
      digest(kind_, bytes + (at - range.offset), length, out);
    } else if (length == block_bytes_) {
      memcpy(out, zero_block_digest_.data(), width);
    } else {
      digest(kind_, zeroes_.data(), length, out);
    }
    at += length;
  }
}
