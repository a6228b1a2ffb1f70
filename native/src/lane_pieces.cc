#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lane.h"
#include "zero_test.h"

namespace {

// Below this a zero request costs more than sending the zeroes inside their neighbours' write.
constexpr uint64_t kMinimumZeroRun = 64 * 1024;

bool filled_all(Request& request) {
  if (request.filled != request.length) return false;
  std::sort(request.chunks.begin(), request.chunks.end());
  uint64_t at = request.offset;
  for (const auto& [offset, length] : request.chunks) {
    if (offset != at) return false;
    at += length;
  }
  return true;
}

}  // namespace

bool Lane::ensure(Buffer& buffer, uint64_t& have, uint64_t length) {
  if (have >= length) return true;
  void* bytes = nullptr;
  if (posix_memalign(&bytes, 4096, length) != 0) {
    shared_.fail(Failure::of("posix_memalign", ENOMEM), Severity::kFatal);
    return false;
  }
  buffer.reset(static_cast<uint8_t*>(bytes));
  have = length;
  return true;
}

bool Lane::read(Slot& slot, Command command) {
  const bool from_source = command == Command::kRead;
  Buffer& buffer = from_source ? slot.buffer : slot.other;
  uint64_t& have = from_source ? slot.buffer_bytes : slot.other_bytes;
  const Range& range = slot.piece.range;
  if (!ensure(buffer, have, range.length)) return false;
  return issue(slot, command, range.offset, range.length, buffer.get());
}

// Gives a slot its piece. A zero piece needs no read of the source; one that the target already
// holds needs nothing at all.
bool Lane::begin(Slot& slot) {
  slot.requests.clear();
  const Range& range = slot.piece.range;
  if (shared_.mode == Mode::kCompare && !read(slot, Command::kReadTarget)) return false;
  if (!range.zero) return read(slot, Command::kRead);
  if (shared_.hashes != nullptr) shared_.hashes->add(range, nullptr);
  if (shared_.mode == Mode::kCompare) return true;
  slot.written_out = true;
  if (shared_.mode == Mode::kHash || shared_.target_is_zero) {
    slot.tally.skipped = range.length;
    release(slot);
    return true;
  }
  if (!zero(slot, 0, range.length)) return false;
  return slot.open != 0 || advance(slot);
}

bool Lane::advance(Slot& slot) {
  if (!slot.in_use) return true;
  if (!settle_requests(slot)) return false;
  if (slot.open == 0 && slot.zeroes_from < slot.zeroes_until && !write_zeroes(slot)) return false;
  if (slot.open != 0) return true;
  if (slot.written_out) {
    release(slot);
    return true;
  }
  slot.requests.clear();
  slot.written_out = true;
  if (!look_at(slot)) return false;
  // All of it was zero and is zero already: nothing was sent, so no completion will come.
  if (slot.open == 0 && slot.zeroes_from == slot.zeroes_until) release(slot);
  return slot.open != 0 || slot.zeroes_from == slot.zeroes_until || write_zeroes(slot);
}

// Takes every completion in, and counts it. What the target refused to zero is written instead.
bool Lane::settle_requests(Slot& slot) {
  const size_t count = slot.requests.size();
  for (size_t i = 0; i < count; ++i) {
    Request& request = slot.requests[i];
    if (request.open || request.slot == nullptr) continue;
    request.slot = nullptr;
    const bool zeroing = request.command == Command::kZero || request.command == Command::kFastZero;
    if (zeroing && request.error != 0 && refused_zero(slot, request)) {
      if (shared_.stop.raised()) return false;
      continue;
    }
    if (request.error != 0) return fail(request, request.error, Severity::kFatal);
    switch (request.command) {
      case Command::kRead:
      case Command::kReadTarget:
        if (!filled_all(request)) return fail(request, EPROTO, Severity::kFatal);
        if (request.command == Command::kReadTarget) break;
        slot.tally.read += request.length;
        shared_.counters.read.fetch_add(request.length, std::memory_order_relaxed);
        break;
      case Command::kWrite:
        slot.tally.written += request.length;
        shared_.counters.written.fetch_add(request.length, std::memory_order_relaxed);
        break;
      case Command::kWriteZeroes:
      case Command::kZero:
      case Command::kFastZero:
        slot.tally.zeroed += request.length;
        shared_.counters.zeroed.fetch_add(request.length, std::memory_order_relaxed);
        break;
      case Command::kFlush:
        break;
    }
  }
  return true;
}

// NBD spec: NBD_ENOTSUP says that a fast zero would not be fast, or that zeroing is not supported
// at all. Any other error is an error.
bool Lane::refused_zero(Slot& slot, const Request& request) {
  if (request.error != EOPNOTSUPP) return false;
  if (request.command == Command::kFastZero) {
    shared_.target_can_fast_zero = false;
  } else {
    shared_.target_can_zero = false;
  }
  const uint64_t from = request.offset - slot.piece.range.offset;
  return zero(slot, from, from + request.length) || shared_.stop.raised();
}

bool Lane::look_at(Slot& slot) {
  const Range& range = slot.piece.range;
  if (shared_.hashes != nullptr && !range.zero) shared_.hashes->add(range, slot.buffer.get());
  if (shared_.sums_pages && !range.zero)
    slot.tally.pages = page_sum(slot.buffer.get(), range.offset, range.length);
  switch (shared_.mode) {
    case Mode::kCopy:
      return write_out(slot, 0, range.length);
    case Mode::kCompare:
      return range.zero ? zero_differences(slot) : write_differences(slot);
    case Mode::kHash:
      slot.tally.skipped += range.length;
      return true;
  }
  return false;
}

// Splits what was read into runs of zeroes worth a request of their own and runs of data.
bool Lane::write_out(Slot& slot, uint64_t from, uint64_t until) {
  const uint8_t* bytes = slot.buffer.get();
  uint64_t data_from = from;
  for (uint64_t at = from; at < until;) {
    const uint64_t run = zero_run(bytes, at, until);
    if (run >= kMinimumZeroRun || run == until - from) {
      if (!write(slot, data_from, at)) return false;
      if (shared_.target_is_zero && shared_.mode == Mode::kCopy) {
        slot.tally.skipped += run;
      } else if (!zero(slot, at, at + run)) {
        return false;
      }
      data_from = at + run;
    }
    at += std::max(run, std::min(shared_.grain, until - at));
  }
  return write(slot, data_from, until);
}

bool Lane::write_differences(Slot& slot) {
  const uint64_t length = slot.piece.range.length;
  const uint8_t* const ours = slot.buffer.get();
  const uint8_t* const theirs = slot.other.get();
  uint64_t different_from = 0;
  bool inside = false;
  for (uint64_t at = 0; at <= length; at += shared_.grain) {
    const uint64_t part = std::min(shared_.grain, length - std::min(at, length));
    const bool differs = part != 0 && memcmp(ours + at, theirs + at, part) != 0;
    if (inside && !differs && !write_out(slot, different_from, std::min(at, length))) return false;
    if (differs && !inside) different_from = at;
    if (!differs) slot.tally.skipped += part;
    inside = differs;
  }
  return !inside || write_out(slot, different_from, length);
}

bool Lane::zero_differences(Slot& slot) {
  const uint64_t length = slot.piece.range.length;
  const uint8_t* const theirs = slot.other.get();
  for (uint64_t at = 0; at < length;) {
    const uint64_t clean = zero_run(theirs, at, length);
    slot.tally.skipped += clean;
    at += clean;
    const uint64_t from = at;
    while (at < length && zero_run(theirs, at, std::min(at + shared_.grain, length)) == 0)
      at += std::min(shared_.grain, length - at);
    if (at > from && !zero(slot, from, at)) return false;
  }
  return true;
}

uint64_t Lane::zero_run(const uint8_t* bytes, uint64_t from, uint64_t until) const {
  uint64_t at = from;
  while (at < until) {
    const uint64_t part = std::min(shared_.grain, until - at);
    if (!is_zero(bytes + at, part)) break;
    at += part;
  }
  return at - from;
}

bool Lane::write(Slot& slot, uint64_t from, uint64_t until) {
  if (from == until) return true;
  return issue(slot, Command::kWrite, slot.piece.range.offset + from, until - from,
               slot.buffer.get() + from);
}

bool Lane::zero(Slot& slot, uint64_t from, uint64_t until) {
  const uint64_t offset = slot.piece.range.offset + from;
  if (shared_.target_can_fast_zero)
    return issue(slot, Command::kFastZero, offset, until - from, nullptr);
  if (shared_.target_can_zero) return issue(slot, Command::kZero, offset, until - from, nullptr);
  const Range& range = slot.piece.range;
  if (range.zero && shared_.mode == Mode::kCopy) {
    slot.zeroes_from = from;
    slot.zeroes_until = until;
    return true;
  }
  if (range.zero) {
    if (!ensure(slot.buffer, slot.buffer_bytes, range.length)) return false;
    memset(slot.buffer.get(), 0, range.length);
  }
  return issue(slot, Command::kWriteZeroes, offset, until - from, slot.buffer.get() + from);
}

// The next part of a long range of zeroes that the target has no other way to make.
bool Lane::write_zeroes(Slot& slot) {
  const uint64_t part = std::min(slot.zeroes_until - slot.zeroes_from, shared_.request_bytes);
  if (!ensure(slot.buffer, slot.buffer_bytes, part)) return false;
  memset(slot.buffer.get(), 0, part);
  const uint64_t offset = slot.piece.range.offset + slot.zeroes_from;
  slot.zeroes_from += part;
  slot.requests.clear();
  return issue(slot, Command::kWriteZeroes, offset, part, slot.buffer.get());
}
