#pragma once

#include <libnbd.h>

#include <cstdint>

// Where one command stands with libnbd. nbd_aio_* run the state machine and read the command again
// afterwards for its cookie (libnbd lib/rw.c, nbd_internal_command_common), so a completion that is
// called meanwhile may not retire the command, which frees it.
class Issue {
 public:
  // Around nbd_aio_*: begin, and end with the cookie it gave. After that the command is libnbd's to
  // retire, or has been retired here.
  void begin() {
    inside_ = true;
    completed_ = false;
  }
  void end(nbd_handle* handle, int64_t cookie) {
    inside_ = false;
    if (completed_ && cookie != -1)
      nbd_aio_command_completed(handle, static_cast<uint64_t>(cookie));
  }
  // What the completion callback returns.
  int completed() {
    completed_ = true;
    return inside_ ? 0 : 1;
  }

 private:
  bool inside_ = false;
  bool completed_ = false;
};
