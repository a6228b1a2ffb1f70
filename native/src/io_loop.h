#pragma once

#include <libnbd.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "connection.h"
#include "issue.h"

struct BlockExtent {
  uint64_t length = 0;
  uint32_t flags = 0;
};

// One request on a handle, from JavaScript to the thread and back. Owned by the loop until `done`
// is called.
struct Operation {
  enum class Kind { kRead, kWrite, kZero, kTrim, kFlush, kBlockStatus };
  Kind kind = Kind::kFlush;
  uint32_t id = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
  uint32_t flags = 0;
  std::vector<uint8_t> bytes;
  std::vector<BlockExtent> extents;
  Issue sent;
  bool failed = false;
  bool finished = false;
  Failure failure;
};

// One thread that owns one nbd_handle: every libnbd call on the handle happens here. Operations may
// be submitted from any thread; `on_done` runs on the loop's thread, once for every operation
// submitted, also when the connection dies.
class IoLoop {
 public:
  using Connected = std::function<void(bool, const Failure&)>;
  using Done = std::function<void(std::unique_ptr<Operation>)>;

  IoLoop(Target target, Connected on_connected, Done on_done);
  ~IoLoop();
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  void submit(std::unique_ptr<Operation> operation);
  // Ends the session; operations still open fail with ESHUTDOWN. Returns at once.
  void request_stop();
  // Valid between on_connected(true) and request_stop(); reads of immutable export facts only.
  nbd_handle* handle() const { return handle_.get(); }

 private:
  void run();
  void serve();
  void take_submitted();
  void issue(Operation* operation);
  void retire_finished();
  void fail_rest(const Failure& failure);

  const Target target_;
  const Connected on_connected_;
  const Done on_done_;
  StopSignal stop_;
  int wake_fd_;
  NbdPtr handle_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<Operation>> submitted_;
  std::list<std::unique_ptr<Operation>> in_flight_;
  bool ended_ = false;
  Failure end_;
  std::thread thread_;
};
