#pragma once

#include <libnbd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "failure.h"

struct TlsSettings {
  std::string certificates_dir;
  bool verify_peer = true;
};

// Where a server is found, as plain C++ so that it can be used on any thread.
struct Target {
  enum class Kind { kUri, kUnix, kCommand };
  Kind kind = Kind::kUnix;
  std::string uri;
  std::string path;
  std::string export_name;
  std::vector<std::string> argv;
  std::optional<TlsSettings> tls;
};

struct NbdCloser {
  void operator()(nbd_handle* handle) const { nbd_close(handle); }
};
using NbdPtr = std::unique_ptr<nbd_handle, NbdCloser>;

// A level-triggered stop: once raised it wakes every poll that watches its descriptor, for good.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  void raise();
  void lower();
  bool raised() const { return raised_.load(std::memory_order_acquire); }
  int fd() const { return fd_; }

 private:
  std::atomic<bool> raised_{false};
  int fd_;
};

// Wakes the one thread that polls its descriptor, until that thread clears it.
class Bell {
 public:
  Bell();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  void ring();
  void clear();
  int fd() const { return fd_; }

 private:
  int fd_;
};

// As poll_once, with two descriptors besides that only wake.
int poll_handles(nbd_handle* source, nbd_handle* target, const int (&wake)[2], int timeout_ms,
                 Failure& failure);

// Waits until one of the handles can make progress and lets it; at most `timeout_ms`. Returns -1
// with `failure` set when libnbd refused, otherwise 0. Either handle may be null.
int poll_once(nbd_handle* first, nbd_handle* second, int stop_fd, int timeout_ms, Failure& failure);

// Connects with base:allocation asked for, within `timeout_ms` (-1: no limit). Null with `failure`
// set on error; ECANCELED when `stop` was raised.
NbdPtr connect_target(const Target& target, const StopSignal& stop, int timeout_ms,
                      Failure& failure);

// The same in two steps, for who connects to two servers at once. begin_connecting gives null with
// `failure` set when it cannot even be tried. finish_connecting waits for both handles (`second`
// may be null) while `wanted` says so; `wake` are descriptors that only make it ask `wanted` again.
// False with `failure` set on error, with `failure.side` "source" or "target" for the first or
// second.
NbdPtr begin_connecting(const Target& target, Failure& failure);
bool finish_connecting(nbd_handle* first, nbd_handle* second, const int (&wake)[2],
                       const std::function<bool()>& wanted, int timeout_ms, Failure& failure);

// Ends the session politely, waiting at most two seconds for the server; the handle is still to be
// closed.
void disconnect(nbd_handle* handle);
