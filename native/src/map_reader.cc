#include "map_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

// A length is a 32-bit field on the wire; 2 GiB keeps clear of its edge (NBD spec,
// NBD_CMD_BLOCK_STATUS).
constexpr uint64_t kSpan = uint64_t{2} << 30;
// Extents further apart are not worth one request.
constexpr uint64_t kWorthCrossing = uint64_t{256} << 20;

uint64_t end_of(const Range& range) { return range.offset + range.length; }

}  // namespace

MapReader::MapReader(nbd_handle* source, const std::vector<Range>& extents, uint64_t grain,
                     WorkQueue& queue)
    : source_(source), extents_(extents), grain_(grain), queue_(queue) {
  if (!extents_.empty()) known_ = given_ = extents_.front().offset;
}

int MapReader::on_extents(void* self, const char* context, uint64_t, uint32_t* entries,
                          size_t count, int*) {
  if (strcmp(context, LIBNBD_CONTEXT_BASE_ALLOCATION) != 0) return 0;
  auto* reader = static_cast<MapReader*>(self);
  for (size_t i = 0; i + 1 < count; i += 2) {
    // NBD spec, base:allocation: only NBD_STATE_ZERO promises zeroes; a hole alone does not.
    reader->entries_.emplace_back(entries[i], (entries[i + 1] & LIBNBD_STATE_ZERO) != 0);
  }
  return 0;
}

int MapReader::on_done(void* self, int* error) {
  auto* reader = static_cast<MapReader*>(self);
  reader->answered_ = true;
  reader->error_ = *error;
  return reader->sent_.completed();
}

bool MapReader::pump() {
  bool found = false;
  if (asking_) {
    if (!answered_) return false;
    asking_ = false;
    found = take_answer();
  }
  if (ended_ || asking_) return found;
  if (index_ == extents_.size()) {
    ended_ = true;
    queue_.close();
    return true;
  }
  if (source_ == nullptr) {
    give_rest_as_data();
    return true;
  }
  if (!queue_.is_full()) ask();
  return found || ended_;
}

void MapReader::ask() {
  asked_at_ = known_;
  asked_ = Clock::now();
  uint64_t end = end_of(extents_[index_]);
  for (size_t i = index_ + 1; i < extents_.size(); ++i) {
    if (extents_[i].offset - end > kWorthCrossing) break;
    end = end_of(extents_[i]);
    if (end - asked_at_ >= kSpan) break;
  }
  entries_.clear();
  answered_ = false;
  sent_.begin();
  const int64_t cookie =
      nbd_aio_block_status(source_, std::min(kSpan, end - asked_at_), asked_at_,
                           {on_extents, this, nullptr}, {on_done, this, nullptr}, 0);
  sent_.end(source_, cookie);
  if (cookie == -1) {
    refused_ = true;
    give_rest_as_data();
    return;
  }
  asking_ = true;
}

// An error or an answer about nothing costs the map, never a byte: reading everything is always
// right, and what is wrong with the source shows in the reads.
bool MapReader::take_answer() {
  uint64_t at = asked_at_;
  const uint64_t before = known_;
  const size_t extent_before = index_;
  if (error_ == 0) {
    for (const auto& [length, zero] : entries_) {
      describe(at, length, zero);
      at += length;
    }
  }
  if (known_ == before && index_ == extent_before) {
    refused_ = true;
    give_rest_as_data();
    return true;
  }
  queue_.push(found_);
  found_.clear();
  return true;
}

// Moves the edges of zero ranges inwards to the grain; the ends of the extent itself stay. So a
// zero range is never larger than what the map said.
void MapReader::describe(uint64_t from, uint64_t length, bool zero) {
  const uint64_t described_end = from + length;
  while (index_ < extents_.size() && known_ < described_end) {
    const Range& extent = extents_[index_];
    const uint64_t end = end_of(extent);
    const uint64_t start = std::max(known_, from);
    const uint64_t until = std::min(end, described_end);
    if (start > known_ || until <= start) return;
    const bool whole = until == end;
    const uint64_t until_grain = whole ? until : until / grain_ * grain_;
    if (zero) {
      const uint64_t first =
          start == extent.offset ? start : (start + grain_ - 1) / grain_ * grain_;
      if (until_grain > first) {
        found_.push_back({given_, first - given_, false});
        found_.push_back({first, until_grain - first, true});
        given_ = until_grain;
      }
    } else if (until_grain > given_) {
      found_.push_back({given_, until_grain - given_, false});
      given_ = until_grain;
    }
    known_ = until;
    if (!whole) return;
    found_.push_back({given_, end - given_, false});
    if (++index_ < extents_.size()) known_ = given_ = extents_[index_].offset;
  }
}

void MapReader::give_rest_as_data() {
  for (; index_ < extents_.size(); ++index_) {
    const uint64_t end = end_of(extents_[index_]);
    found_.push_back({given_, end - given_, false});
    if (index_ + 1 < extents_.size()) given_ = extents_[index_ + 1].offset;
  }
  queue_.push(found_);
  found_.clear();
  ended_ = true;
  queue_.close();
}
