#include "copy_plan.h"

#include <algorithm>
#include <cerrno>
#include <string>

namespace {

struct MapReply {
  std::vector<std::pair<uint64_t, bool>> entries;
  bool finished = false;
  int error = 0;
};

int on_extents(void* user_data, const char* context, uint64_t, uint32_t* entries, size_t count,
               int*) {
  if (std::string(context) != LIBNBD_CONTEXT_BASE_ALLOCATION) return 0;
  auto* reply = static_cast<MapReply*>(user_data);
  for (size_t i = 0; i + 1 < count; i += 2) {
    // NBD spec, base:allocation: only NBD_STATE_ZERO promises zeroes; a hole alone does not.
    reply->entries.emplace_back(entries[i], (entries[i + 1] & LIBNBD_STATE_ZERO) != 0);
  }
  return 0;
}

int on_done(void* user_data, int* error) {
  auto* reply = static_cast<MapReply*>(user_data);
  reply->finished = true;
  reply->error = *error;
  return 1;
}

bool ask(nbd_handle* source, uint64_t offset, uint64_t length, const StopSignal& stop,
         MapReply& reply, Failure& failure) {
  if (nbd_aio_block_status(source, length, offset, {on_extents, &reply, nullptr},
                           {on_done, &reply, nullptr}, 0) == -1) {
    failure = Failure::last("nbd_block_status");
    return false;
  }
  while (!reply.finished) {
    if (stop.raised()) {
      failure = Failure::of("nbd_block_status", ECANCELED);
      return false;
    }
    if (poll_once(source, nullptr, stop.fd(), -1, failure) == -1) return false;
  }
  if (reply.error != 0) failure = Failure::of("nbd_block_status", reply.error);
  return reply.error == 0;
}

void append(std::vector<Range>& out, const Range& range) {
  if (range.length == 0) return;
  if (!out.empty() && out.back().zero == range.zero &&
      out.back().offset + out.back().length == range.offset) {
    out.back().length += range.length;
  } else {
    out.push_back(range);
  }
}

// Moves the edges of zero ranges inwards to the grain; the ends of the extent itself stay.
void align(const Range& extent, const std::vector<Range>& map, uint64_t grain,
           std::vector<Range>& out) {
  const uint64_t end = extent.offset + extent.length;
  uint64_t covered = extent.offset;
  for (const Range& range : map) {
    if (!range.zero) continue;
    const uint64_t range_end = range.offset + range.length;
    const uint64_t from =
        range.offset == extent.offset ? range.offset : (range.offset + grain - 1) / grain * grain;
    const uint64_t to = range_end == end ? range_end : range_end / grain * grain;
    if (to <= from) continue;
    append(out, {covered, from - covered, false});
    append(out, {from, to - from, true});
    covered = to;
  }
  append(out, {covered, end - covered, false});
}

}  // namespace

bool read_allocation(nbd_handle* source, const std::vector<Range>& extents, uint64_t grain,
                     const StopSignal& stop, std::vector<Range>& out, Failure& failure) {
  // A length is a 32-bit field on the wire; 2 GiB keeps clear of its edge (NBD spec,
  // NBD_CMD_BLOCK_STATUS).
  constexpr uint64_t kSpan = 2ULL << 30;
  for (const Range& extent : extents) {
    std::vector<Range> map;
    uint64_t at = extent.offset;
    const uint64_t end = extent.offset + extent.length;
    while (at < end) {
      MapReply reply;
      failure.side = "source";
      if (!ask(source, at, std::min(kSpan, end - at), stop, reply, failure)) return false;
      const uint64_t before = at;
      for (const auto& [length, zero] : reply.entries) {
        // The last entry may reach past what was asked for.
        const uint64_t usable = std::min<uint64_t>(length, end - at);
        append(map, {at, usable, zero});
        at += usable;
      }
      if (at == before) {
        failure = Failure::of("nbd_block_status", EPROTO);
        failure.side = "source";
        return false;
      }
    }
    align(extent, map, grain, out);
  }
  return true;
}

bool WorkQueue::next(Range& piece) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (index_ == ranges_.size()) return false;
  const Range& range = ranges_[index_];
  piece.offset = range.offset + done_in_range_;
  piece.length = std::min(range.length - done_in_range_, range.zero ? zero_piece_ : data_piece_);
  piece.zero = range.zero;
  done_in_range_ += piece.length;
  if (done_in_range_ == range.length) {
    ++index_;
    done_in_range_ = 0;
  }
  return true;
}
