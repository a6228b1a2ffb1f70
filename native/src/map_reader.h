#pragma once

#include <libnbd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "issue.h"
#include "work_queue.h"

// Reads base:allocation over the extents ahead of the copy and fills the queue, on the thread and
// the connection of one lane. One request covers many extents. Where the server gives no map the
// rest counts as data.
class MapReader {
 public:
  // `source` null or without base:allocation: everything is data.
  MapReader(nbd_handle* source, const std::vector<Range>& extents, uint64_t grain,
            WorkQueue& queue);
  MapReader(const MapReader&) = delete;
  MapReader& operator=(const MapReader&) = delete;

  // Takes in an answer and asks for more. True when the queue got something new.
  bool pump();
  // The server has owed an answer since before `then`.
  bool is_owed_since(Clock::time_point then) const {
    return asking_ && !answered_ && asked_ < then;
  }
  uint64_t asked_at() const { return asked_at_; }
  // The server refused a map it had advertised.
  bool was_refused() const { return refused_; }

 private:
  static int on_extents(void* self, const char* context, uint64_t offset, uint32_t* entries,
                        size_t count, int* error);
  static int on_done(void* self, int* error);
  bool take_answer();
  void describe(uint64_t from, uint64_t length, bool zero);
  void give_rest_as_data();
  void ask();

  nbd_handle* const source_;
  const std::vector<Range>& extents_;
  const uint64_t grain_;
  WorkQueue& queue_;
  size_t index_ = 0;
  // Of the current extent: where knowledge ends, and up to where it was given to the queue.
  uint64_t known_ = 0;
  uint64_t given_ = 0;
  uint64_t asked_at_ = 0;
  Clock::time_point asked_;
  Issue sent_;
  bool asking_ = false;
  bool answered_ = false;
  bool refused_ = false;
  bool ended_ = false;
  int error_ = 0;
  std::vector<std::pair<uint64_t, bool>> entries_;
  std::vector<Range> found_;
};
