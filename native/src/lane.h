#pragma once

#include <libnbd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "copy_engine.h"
#include "issue.h"
#include "map_reader.h"

struct AlignedFree {
  void operator()(uint8_t* bytes) const { free(bytes); }
};
using Buffer = std::unique_ptr<uint8_t, AlignedFree>;

class Lane;
struct Slot;

enum class Command { kRead, kReadTarget, kWrite, kWriteZeroes, kZero, kFastZero, kFlush };

// One command on the wire. libnbd holds a pointer to it until its completion.
struct Request {
  Slot* slot = nullptr;
  Command command = Command::kFlush;
  uint64_t offset = 0;
  uint64_t length = 0;
  Clock::time_point since;
  Issue sent;
  int error = 0;
  bool open = false;
  // Of a read: the ranges that chunks filled, when the first did not fill all.
  uint64_t filled = 0;
  std::vector<std::pair<uint64_t, uint64_t>> chunks;
};

// One piece on its way: read, looked at, written. Its buffers are kept for the next piece.
struct Slot {
  Lane* lane = nullptr;
  Buffer buffer;
  uint64_t buffer_bytes = 0;
  Buffer other;
  uint64_t other_bytes = 0;
  Piece piece;
  Tally tally;
  bool in_use = false;
  bool written_out = false;
  uint32_t open = 0;
  // Zeroes still to be written as data, because the target has no other way.
  uint64_t zeroes_from = 0;
  uint64_t zeroes_until = 0;
  std::vector<Request> requests;
};

// One source and one target connection and the thread that drives them: takes pieces from the queue
// until it is empty, then flushes its target. Failures go to `shared`.
class Lane {
 public:
  // `target` is null when only hashes are wanted; `map` is null for all lanes but one.
  Lane(uint32_t index, nbd_handle* source, nbd_handle* target, MapReader* map, CopyShared& shared);
  void run();

 private:
  static int on_complete(void* request, int* error);
  static int on_chunk(void* request, const void* bytes, size_t count, uint64_t offset,
                      unsigned status, int* error);

  void fill();
  void advance_ready();
  bool wait();
  bool check_deadlines();
  bool flush_for_mark();
  void finish();

  bool begin(Slot& slot);
  bool advance(Slot& slot);
  bool settle_requests(Slot& slot);
  bool refused_zero(Slot& slot, const Request& request);
  bool look_at(Slot& slot);
  bool write_out(Slot& slot, uint64_t from, uint64_t until);
  bool write_differences(Slot& slot);
  bool zero_differences(Slot& slot);
  uint64_t zero_run(const uint8_t* bytes, uint64_t from, uint64_t until) const;
  bool write(Slot& slot, uint64_t from, uint64_t until);
  bool zero(Slot& slot, uint64_t from, uint64_t until);
  bool write_zeroes(Slot& slot);
  bool read(Slot& slot, Command command);
  nbd_handle* handle_of(Command command) const {
    return command == Command::kRead ? source_ : target_;
  }
  bool issue(Slot& slot, Command command, uint64_t offset, uint64_t length, uint8_t* bytes);
  bool ensure(Buffer& buffer, uint64_t& have, uint64_t length);
  void release(Slot& slot);
  bool fail(const Request& request, int code, Severity severity);
  bool fail_if_lost(Failure failure);

  const uint32_t index_;
  nbd_handle* const source_;
  nbd_handle* const target_;
  MapReader* const map_;
  CopyShared& shared_;
  WorkQueue& queue_;
  std::vector<Slot> slots_;
  std::vector<Slot*> idle_;
  std::vector<Slot*> ready_;
  Slot flush_slot_;
  bool flushing_ = false;
  uint64_t flushed_mark_ = 0;
  uint64_t busy_bytes_ = 0;
  int wait_ms_ = -1;
  bool out_of_work_ = false;
  Clock::time_point now_;
  Clock::time_point checked_;
};
