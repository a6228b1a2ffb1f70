#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "copy_engine.h"

namespace {

// Below this a zero request costs more than sending the zeroes inside their neighbours' write.
constexpr uint64_t kMinimumZeroRun = 64 * 1024;

// Every byte is looked at; 256 at a time so that data is recognised early and zeroes at memory
// speed.
bool is_zero(const uint8_t* bytes, size_t length) {
  while (length >= 256) {
    uint64_t any = 0;
    for (size_t i = 0; i < 256; i += 8) {
      uint64_t word = 0;
      memcpy(&word, bytes + i, 8);
      any |= word;
    }
    if (any != 0) return false;
    bytes += 256;
    length -= 256;
  }
  return std::all_of(bytes, bytes + length, [](uint8_t byte) { return byte == 0; });
}

struct Slot;

struct Request {
  Slot* slot = nullptr;
  const char* op = "";
  const char* side = "";
  uint64_t offset = 0;
  uint64_t length = 0;
  std::atomic<uint64_t>* counter = nullptr;
};

struct AlignedFree {
  void operator()(uint8_t* bytes) const { free(bytes); }
};

struct Slot {
  std::unique_ptr<uint8_t, AlignedFree> buffer;
  Range piece;
  bool read_done = false;
  uint32_t open = 0;
  int error = 0;
  Request failed;
  std::vector<std::unique_ptr<Request>> requests;
};

// Called by libnbd inside poll_once; it must not call the handle, so it only marks.
int on_complete(void* user_data, int* error) {
  auto* request = static_cast<Request*>(user_data);
  Slot* slot = request->slot;
  --slot->open;
  if (*error != 0) {
    if (slot->error == 0) {
      slot->error = *error;
      slot->failed = *request;
    }
  } else {
    request->counter->fetch_add(request->length, std::memory_order_relaxed);
  }
  return 1;
}

class Pair {
 public:
  Pair(nbd_handle* source, nbd_handle* target, CopyShared& shared)
      : source_(source), target_(target), shared_(shared), slots_(shared.depth) {}

  void run() {
    bool more = true;
    while (!shared_.stop.raised()) {
      uint32_t busy = 0;
      for (Slot& slot : slots_) {
        if (!advance(slot)) return;
        while (more && idle(slot)) {
          more = shared_.queue->next(slot.piece);
          if (more && !begin(slot)) return;
        }
        if (!idle(slot)) ++busy;
      }
      if (busy == 0) break;
      Failure failure;
      if (!anything_finished() &&
          poll_once(source_, target_, shared_.stop.fd(), -1, failure) == -1) {
        shared_.fail(failure);
        return;
      }
    }
    if (!shared_.stop.raised()) flush();
  }

 private:
  static bool idle(const Slot& slot) { return slot.open == 0 && slot.piece.length == 0; }

  bool anything_finished() const {
    return std::any_of(slots_.begin(), slots_.end(),
                       [](const Slot& slot) { return slot.open == 0 && slot.piece.length != 0; });
  }

  // Gives a slot its piece. A zero piece needs no read; one that the target already holds needs
  // nothing at all.
  bool begin(Slot& slot) {
    slot.read_done = slot.piece.zero;
    if (!slot.piece.zero) return read(slot);
    if (!shared_.target_is_zero) return zero(slot, slot.piece.offset, slot.piece.length);
    shared_.counters.skipped.fetch_add(slot.piece.length, std::memory_order_relaxed);
    slot.piece.length = 0;
    return true;
  }

  bool advance(Slot& slot) {
    if (slot.error != 0) return report(slot);
    if (slot.open != 0 || slot.piece.length == 0) return true;
    slot.requests.clear();
    if (!slot.read_done) {
      slot.read_done = true;
      return write_out(slot);
    }
    slot.piece.length = 0;
    return true;
  }

  // Splits what was read into runs of zeroes worth a request of their own and runs of data.
  bool write_out(Slot& slot) {
    const uint8_t* bytes = slot.buffer.get();
    const uint64_t length = slot.piece.length;
    uint64_t data_from = 0;
    for (uint64_t at = 0; at < length;) {
      const uint64_t run = zero_run(bytes, at, length);
      if (run >= kMinimumZeroRun || run == length) {
        if (!write(slot, data_from, at) || !zero_in(slot, at, run)) return false;
        data_from = at + run;
      }
      at += std::max(run, grain_at(at, length));
    }
    return write(slot, data_from, length);
  }

  uint64_t grain_at(uint64_t at, uint64_t length) const {
    return std::min(shared_.grain, length - at);
  }

  uint64_t zero_run(const uint8_t* bytes, uint64_t from, uint64_t length) const {
    uint64_t at = from;
    while (at < length && is_zero(bytes + at, grain_at(at, length))) at += grain_at(at, length);
    return at - from;
  }

  bool zero_in(Slot& slot, uint64_t from, uint64_t length) {
    if (shared_.target_is_zero) {
      shared_.counters.skipped.fetch_add(length, std::memory_order_relaxed);
      return true;
    }
    return zero(slot, slot.piece.offset + from, length);
  }

  bool read(Slot& slot) {
    if (!ensure_buffer(slot)) return false;
    Request* request = add(slot, "nbd_pread", "source", slot.piece.offset, slot.piece.length,
                           shared_.counters.read);
    return issued(slot, nbd_aio_pread(source_, slot.buffer.get(), request->length, request->offset,
                                      {on_complete, request, nullptr}, 0));
  }

  bool write(Slot& slot, uint64_t from, uint64_t to) {
    if (from == to) return true;
    Request* request = add(slot, "nbd_pwrite", "target", slot.piece.offset + from, to - from,
                           shared_.counters.written);
    return issued(slot, nbd_aio_pwrite(target_, slot.buffer.get() + from, request->length,
                                       request->offset, {on_complete, request, nullptr}, 0));
  }

  bool zero(Slot& slot, uint64_t offset, uint64_t length) {
    if (shared_.target_can_zero) {
      Request* request = add(slot, "nbd_zero", "target", offset, length, shared_.counters.zeroed);
      return issued(slot, nbd_aio_zero(target_, request->length, request->offset,
                                       {on_complete, request, nullptr}, 0));
    }
    if (!ensure_buffer(slot)) return false;
    if (slot.piece.zero) memset(slot.buffer.get(), 0, length);
    Request* request = add(slot, "nbd_pwrite", "target", offset, length, shared_.counters.zeroed);
    const uint8_t* zeroes = slot.buffer.get() + (offset - slot.piece.offset);
    return issued(slot, nbd_aio_pwrite(target_, zeroes, request->length, request->offset,
                                       {on_complete, request, nullptr}, 0));
  }

  bool ensure_buffer(Slot& slot) {
    if (slot.buffer != nullptr) return true;
    void* bytes = nullptr;
    if (posix_memalign(&bytes, 4096, shared_.request_bytes) != 0) {
      shared_.fail(Failure::of("posix_memalign", ENOMEM));
      return false;
    }
    slot.buffer.reset(static_cast<uint8_t*>(bytes));
    return true;
  }

  Request* add(Slot& slot, const char* op, const char* side, uint64_t offset, uint64_t length,
               std::atomic<uint64_t>& counter) {
    auto request = std::make_unique<Request>(Request{&slot, op, side, offset, length, &counter});
    ++slot.open;
    slot.requests.push_back(std::move(request));
    return slot.requests.back().get();
  }

  // A command libnbd refused was never sent, so its completion will not come.
  bool issued(Slot& slot, int64_t cookie) {
    if (cookie != -1) return true;
    const Request& request = *slot.requests.back();
    Failure failure = Failure::last(request.op);
    failure.side = request.side;
    failure.offset = request.offset;
    failure.length = request.length;
    --slot.open;
    shared_.fail(failure);
    return false;
  }

  bool report(const Slot& slot) {
    Failure failure = Failure::of(slot.failed.op, slot.error);
    failure.side = slot.failed.side;
    failure.offset = slot.failed.offset;
    failure.length = slot.failed.length;
    shared_.fail(failure);
    return false;
  }

  // Once, and never again when it fails: what the server could not make durable it may have
  // forgotten.
  void flush() {
    if (!shared_.target_can_flush) return;
    Slot& slot = flush_slot_;
    Request* request = add(slot, "nbd_flush", "target", 0, 0, flush_counter_);
    if (!issued(slot, nbd_aio_flush(target_, {on_complete, request, nullptr}, 0))) return;
    Failure failure;
    while (slot.open != 0 && !shared_.stop.raised()) {
      if (poll_once(nullptr, target_, shared_.stop.fd(), -1, failure) == -1) {
        failure.op = "nbd_flush";
        shared_.fail(failure);
        break;
      }
    }
    if (slot.error != 0) {
      report(slot);
    } else if (slot.open == 0) {
      shared_.flushed.fetch_add(1);
    }
  }

  nbd_handle* const source_;
  nbd_handle* const target_;
  CopyShared& shared_;
  std::vector<Slot> slots_;
  Slot flush_slot_;
  std::atomic<uint64_t> flush_counter_{0};
};

}  // namespace

void run_pair(NbdPtr source, NbdPtr target, CopyShared& shared) {
  Pair pair(source.get(), target.get(), shared);
  pair.run();
  if (!shared.stop.raised()) {
    disconnect(source.get());
    disconnect(target.get());
  }
  // Closing completes what is still in flight into the pair's slots, so the handles go before the
  // pair does.
  source.reset();
  target.reset();
}
