#include "lane.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace {

// Small pieces go further ahead than large ones, within the same number of bytes.
constexpr size_t kMaxSlots = 16;
// A flush may have to write out minutes of dirty pages.
constexpr uint32_t kFlushPatience = 5;

const char* name_of(Command command) {
  switch (command) {
    case Command::kRead:
    case Command::kReadTarget:
      return "nbd_pread";
    case Command::kWrite:
    case Command::kWriteZeroes:
      return "nbd_pwrite";
    case Command::kZero:
    case Command::kFastZero:
      return "nbd_zero";
    case Command::kFlush:
      return "nbd_flush";
  }
  return "nbd";
}

const char* side_of(Command command) { return command == Command::kRead ? "source" : "target"; }

bool is_lost(nbd_handle* handle) {
  return handle != nullptr && (nbd_aio_is_dead(handle) == 1 || nbd_aio_is_closed(handle) == 1);
}

}  // namespace

Lane::Lane(uint32_t index, nbd_handle* source, nbd_handle* target, MapReader* map,
           CopyShared& shared)
    : index_(index),
      source_(source),
      target_(target),
      map_(map),
      shared_(shared),
      queue_(*shared.queue),
      slots_(kMaxSlots),
      flushed_mark_(shared.first_mark()),
      now_(Clock::now()),
      checked_(now_) {
  const size_t most = shared.request_bytes / shared.grain * 2 + 4;
  for (auto slot = slots_.rbegin(); slot != slots_.rend(); ++slot) {
    slot->lane = this;
    slot->requests.reserve(most);
    idle_.push_back(&*slot);
  }
  flush_slot_.lane = this;
  flush_slot_.requests.reserve(1);
  ready_.reserve(kMaxSlots + 1);
}

void Lane::run() {
  while (!shared_.stop.raised()) {
    now_ = Clock::now();
    if (map_ != nullptr && map_->pump()) shared_.wake_lanes();
    advance_ready();
    fill();
    if (!flush_for_mark() || shared_.stop.raised()) break;
    if (out_of_work_ && idle_.size() == slots_.size() && !flushing_) {
      finish();
      return;
    }
    if (ready_.empty() && !wait()) break;
  }
}

void Lane::advance_ready() {
  while (!ready_.empty() && !shared_.stop.raised()) {
    Slot* const slot = ready_.back();
    ready_.pop_back();
    if (!advance(*slot)) return;
  }
}

void Lane::fill() {
  const uint64_t most = shared_.request_bytes * shared_.depth;
  wait_ms_ = -1;
  while (!idle_.empty() && busy_bytes_ < most && !shared_.stop.raised()) {
    Slot& slot = *idle_.back();
    const Next next = queue_.next(slot.piece, wait_ms_);
    out_of_work_ = next == Next::kEnd;
    if (next != Next::kPiece) return;
    idle_.pop_back();
    slot.in_use = true;
    slot.written_out = false;
    slot.tally = {};
    busy_bytes_ += std::min(slot.piece.range.length, shared_.request_bytes);
    if (!begin(slot)) return;
  }
}

void Lane::release(Slot& slot) {
  shared_.counters.skipped.fetch_add(slot.tally.skipped, std::memory_order_relaxed);
  queue_.done(slot.piece, slot.tally);
  busy_bytes_ -= std::min(slot.piece.range.length, shared_.request_bytes);
  slot.in_use = false;
  idle_.push_back(&slot);
}

bool Lane::wait() {
  const int patience = static_cast<int>(std::clamp(shared_.request_timeout_ms / 8, 10U, 1000U));
  const int timeout = wait_ms_ < 0 ? patience : std::min(wait_ms_, patience);
  Failure failure;
  const int extra[2] = {shared_.stop.fd(), shared_.bell(index_)};
  if (poll_handles(source_, target_, extra, timeout, failure) == -1) return fail_if_lost(failure);
  shared_.clear_bell(index_);
  now_ = Clock::now();
  return check_deadlines();
}

// libnbd refuses to go on with a connection: the connection is lost, whatever the words are.
bool Lane::fail_if_lost(Failure failure) {
  if (failure.op.empty()) failure.op = "nbd_connect";
  // TLS and the protocol end a connection without an errno, which came out as EINVAL.
  if (failure.code == EINVAL) failure.code = ENOTCONN;
  for (const Slot& slot : slots_) {
    for (const Request& request : slot.requests) {
      if (!request.open || failure.side != side_of(request.command)) continue;
      failure.op = name_of(request.command);
      failure.offset = request.offset;
      failure.length = request.length;
    }
  }
  if (flushing_ && failure.side == "target") failure.op = "nbd_flush";
  shared_.fail(failure, Severity::kLost);
  return false;
}

bool Lane::fail(const Request& request, int code, Severity severity) {
  Failure failure = Failure::of(name_of(request.command), code);
  failure.side = side_of(request.command);
  failure.offset = request.offset;
  failure.length = request.length;
  nbd_handle* const handle = handle_of(request.command);
  // A connection that ends completes every command with an error of its own.
  if (is_lost(handle) || code == ESHUTDOWN || code == ENOTCONN) severity = Severity::kLost;
  shared_.fail(failure, severity);
  return false;
}

// A source that is late may be asked again elsewhere. A late write may still take effect, so
// nothing may be sent after it: that ends the copy.
bool Lane::check_deadlines() {
  if (now_ - checked_ < std::chrono::milliseconds(10)) return true;
  checked_ = now_;
  const auto limit = std::chrono::milliseconds(shared_.request_timeout_ms);
  if (map_ != nullptr && map_->is_owed_since(now_ - limit)) {
    Failure failure = Failure::of("nbd_block_status", ETIMEDOUT);
    failure.side = "source";
    failure.offset = map_->asked_at();
    shared_.fail(failure, Severity::kLost);
    return false;
  }
  const auto late = [&](const Slot& slot, uint32_t times) {
    for (const Request& request : slot.requests) {
      if (!request.open || now_ - request.since < limit * times) continue;
      fail(request, ETIMEDOUT,
           request.command == Command::kRead ? Severity::kLost : Severity::kFatal);
      return true;
    }
    return false;
  };
  const bool any =
      std::any_of(slots_.begin(), slots_.end(), [&](const Slot& slot) { return late(slot, 1); });
  return !any && !late(flush_slot_, kFlushPatience);
}

bool Lane::issue(Slot& slot, Command command, uint64_t offset, uint64_t length, uint8_t* bytes) {
  if (slot.requests.size() == slot.requests.capacity()) {
    // libnbd holds pointers into the list, so it must not move.
    shared_.fail(Failure::of(name_of(command), EOVERFLOW), Severity::kFatal);
    return false;
  }
  slot.requests.emplace_back();
  Request& request = slot.requests.back();
  request.slot = &slot;
  request.command = command;
  request.offset = offset;
  request.length = length;
  request.since = now_;
  request.open = true;
  ++slot.open;
  const nbd_completion_callback done = {on_complete, &request, nullptr};
  const nbd_chunk_callback chunk = {on_chunk, &request, nullptr};
  nbd_handle* const handle = handle_of(command);
  int64_t cookie = -1;
  request.sent.begin();
  switch (command) {
    case Command::kRead:
      cookie = nbd_aio_pread_structured(source_, bytes, length, offset, chunk, done, 0);
      break;
    case Command::kReadTarget:
      cookie = nbd_aio_pread_structured(target_, bytes, length, offset, chunk, done, 0);
      break;
    case Command::kWrite:
    case Command::kWriteZeroes:
      cookie = nbd_aio_pwrite(target_, bytes, length, offset, done, 0);
      break;
    case Command::kZero:
      cookie = nbd_aio_zero(target_, length, offset, done, 0);
      break;
    case Command::kFastZero:
      cookie = nbd_aio_zero(target_, length, offset, done, LIBNBD_CMD_FLAG_FAST_ZERO);
      break;
    case Command::kFlush:
      cookie = nbd_aio_flush(target_, done, 0);
      break;
  }
  const int code = cookie == -1 ? nbd_get_errno() : 0;
  request.sent.end(handle, cookie);
  // A command libnbd refused was never sent, so its completion will not come.
  if (cookie != -1) return true;
  request.open = false;
  --slot.open;
  // A connection that has ended refuses with EINVAL, like a wrong call (libnbd 1.14).
  if (is_lost(handle)) return fail(request, ENOTCONN, Severity::kLost);
  return fail(request, code == 0 ? EINVAL : code, Severity::kFatal);
}

// Called by libnbd inside poll_handles and while it issues a command; it must not call the handle,
// so it only marks.
int Lane::on_complete(void* user_data, int* error) {
  auto* request = static_cast<Request*>(user_data);
  Slot* const slot = request->slot;
  request->open = false;
  request->error = *error;
  if (--slot->open == 0) slot->lane->ready_.push_back(slot);
  return request->sent.completed();
}

// libnbd takes a structured reply that leaves out a part of the range for a success.
int Lane::on_chunk(void* user_data, const void*, size_t count, uint64_t offset, unsigned status,
                   int*) {
  auto* request = static_cast<Request*>(user_data);
  if (status == LIBNBD_READ_ERROR) return 0;
  request->filled += count;
  if (count != request->length) request->chunks.emplace_back(offset, count);
  return 0;
}

// Flushes beside the running copy: the mark's writes were acknowledged before it was asked for.
bool Lane::flush_for_mark() {
  if (flushing_) {
    if (flush_slot_.open != 0) return true;
    flushing_ = false;
    const Request& request = flush_slot_.requests.front();
    if (request.error != 0) return fail(request, request.error, Severity::kUnflushed);
    shared_.lane_flushed(flushed_mark_);
  }
  const uint64_t wanted = shared_.wanted_mark();
  if (wanted == flushed_mark_ || target_ == nullptr) return true;
  flushed_mark_ = wanted;
  flushing_ = true;
  flush_slot_.requests.clear();
  return issue(flush_slot_, Command::kFlush, 0, 0, nullptr);
}

// The last flush, and never again when it fails: what the server could not make durable it may have
// forgotten.
void Lane::finish() {
  // A lane that is still connecting need not.
  shared_.wake_lanes();
  if (target_ != nullptr && shared_.target_can_flush) {
    flush_slot_.requests.clear();
    flushing_ = true;
    if (!issue(flush_slot_, Command::kFlush, 0, 0, nullptr)) return;
    while (flush_slot_.open != 0) {
      if (shared_.stop.raised() || !wait()) return;
    }
    const Request& request = flush_slot_.requests.front();
    if (request.error != 0) {
      fail(request, request.error, Severity::kUnflushed);
      return;
    }
  }
  shared_.lane_ended(flushed_mark_);
}
