#include "connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

StopSignal::StopSignal() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

StopSignal::~StopSignal() {
  if (fd_ >= 0) close(fd_);
}

void StopSignal::raise() {
  raised_.store(true, std::memory_order_release);
  const uint64_t one = 1;
  // The counter is never read, so the descriptor stays readable; a full counter is already
  // readable.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void StopSignal::lower() {
  raised_.store(false, std::memory_order_release);
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(fd_, &count, sizeof count);
}

Bell::Bell() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Bell::~Bell() {
  if (fd_ >= 0) close(fd_);
}

void Bell::ring() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);
}

void Bell::clear() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(fd_, &count, sizeof count);
}

namespace {

short events_of(unsigned direction) {
  short events = 0;
  if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) events |= POLLIN;
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) events |= POLLOUT;
  return events;
}

int notify(nbd_handle* handle, short revents, Failure& failure) {
  const unsigned direction = nbd_aio_get_direction(handle);
  int result = 0;
  if ((revents & (POLLIN | POLLHUP)) != 0 && (direction & LIBNBD_AIO_DIRECTION_READ) != 0) {
    result = nbd_aio_notify_read(handle);
  } else if ((revents & POLLOUT) != 0 && (direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) {
    result = nbd_aio_notify_write(handle);
  } else if ((revents & (POLLERR | POLLHUP | POLLNVAL)) != 0) {
    failure = Failure::of("poll", ECONNRESET);
    return -1;
  }
  if (result == -1) failure = Failure::last("nbd_aio_notify");
  return result;
}

}  // namespace

int poll_handles(nbd_handle* source, nbd_handle* target, const int (&wake)[2], int timeout_ms,
                 Failure& failure) {
  pollfd fds[4] = {{-1, 0, 0}, {-1, 0, 0}, {wake[0], POLLIN, 0}, {wake[1], POLLIN, 0}};
  nbd_handle* const handles[2] = {source, target};
  for (int i = 0; i < 2; ++i) {
    if (handles[i] == nullptr) continue;
    fds[i].fd = nbd_aio_get_fd(handles[i]);
    fds[i].events = events_of(nbd_aio_get_direction(handles[i]));
  }
  if (poll(fds, 4, timeout_ms) == -1) {
    if (errno == EINTR) return 0;
    failure = Failure::of("poll", errno);
    return -1;
  }
  for (int i = 0; i < 2; ++i) {
    if (fds[i].revents == 0) continue;
    if (notify(handles[i], fds[i].revents, failure) == -1) {
      failure.side = i == 0 ? "source" : "target";
      return -1;
    }
  }
  return 0;
}

int poll_once(nbd_handle* first, nbd_handle* second, int stop_fd, int timeout_ms,
              Failure& failure) {
  return poll_handles(first, second, {stop_fd, -1}, timeout_ms, failure);
}

namespace {

bool configure(nbd_handle* handle, const Target& target) {
  if (nbd_add_meta_context(handle, LIBNBD_CONTEXT_BASE_ALLOCATION) == -1) return false;
  // Buffers are overwritten by the read itself; zeroing them first costs a tenth of the rate.
  if (nbd_set_pread_initialize(handle, false) == -1) return false;
  if (target.tls.has_value()) {
    if (nbd_set_tls(handle, LIBNBD_TLS_REQUIRE) == -1) return false;
    if (nbd_set_tls_certificates(handle, target.tls->certificates_dir.c_str()) == -1) return false;
    if (nbd_set_tls_verify_peer(handle, target.tls->verify_peer) == -1) return false;
  }
  return target.kind != Target::Kind::kUnix ||
         nbd_set_export_name(handle, target.export_name.c_str()) == 0;
}

// Node marks its standard streams close-on-exec. A server started with its standard error closed
// would open its first file there; libnbd replaces only the other two streams.
bool keep_stderr_for_children() {
  const int flags = fcntl(STDERR_FILENO, F_GETFD);
  return flags != -1 && fcntl(STDERR_FILENO, F_SETFD, flags & ~FD_CLOEXEC) != -1;
}

int begin_connect(nbd_handle* handle, const Target& target) {
  switch (target.kind) {
    case Target::Kind::kUri:
      return nbd_aio_connect_uri(handle, target.uri.c_str());
    case Target::Kind::kUnix:
      return nbd_aio_connect_unix(handle, target.path.c_str());
    case Target::Kind::kCommand: {
      std::vector<char*> argv;
      for (const std::string& word : target.argv) argv.push_back(const_cast<char*>(word.c_str()));
      argv.push_back(nullptr);
      if (!keep_stderr_for_children()) return -1;
      return nbd_aio_connect_command(handle, argv.data());
    }
  }
  return -1;
}

void widen_socket_buffers(int fd) {
  const int bytes = 4 * 1024 * 1024;
  // Best effort by design: a smaller buffer is slower, never wrong, and a pipe has none.
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

}  // namespace

NbdPtr begin_connecting(const Target& target, Failure& failure) {
  NbdPtr handle(nbd_create());
  if (handle == nullptr) {
    failure = Failure::last("nbd_create");
    return nullptr;
  }
  if (!configure(handle.get(), target)) {
    failure = Failure::last("nbd_set");
    return nullptr;
  }
  if (begin_connect(handle.get(), target) == -1) {
    failure = Failure::last("nbd_connect");
    return nullptr;
  }
  return handle;
}

bool finish_connecting(nbd_handle* first, nbd_handle* second, const int (&wake)[2],
                       const std::function<bool()>& wanted, int timeout_ms, Failure& failure) {
  const auto started = std::chrono::steady_clock::now();
  nbd_handle* const handles[2] = {first, second};
  const auto pending = [](nbd_handle* handle) {
    return handle != nullptr && nbd_aio_is_connecting(handle) == 1 ? handle : nullptr;
  };
  const auto fail = [&](int code, const char* side) {
    failure = Failure::of("nbd_connect", code);
    failure.side = side;
    return false;
  };
  while (pending(first) != nullptr || pending(second) != nullptr) {
    const char* const slow = pending(first) != nullptr ? "source" : "target";
    if (!wanted()) return fail(ECANCELED, "");
    if (timeout_ms >= 0 &&
        std::chrono::steady_clock::now() - started >= std::chrono::milliseconds(timeout_ms))
      return fail(ETIMEDOUT, slow);
    if (poll_handles(pending(first), pending(second), wake, timeout_ms, failure) == -1) {
      failure.op = "nbd_connect";
      return false;
    }
  }
  for (int i = 0; i < 2; ++i) {
    if (handles[i] == nullptr) continue;
    if (nbd_aio_is_ready(handles[i]) != 1) return fail(ENOTCONN, i == 0 ? "source" : "target");
    widen_socket_buffers(nbd_aio_get_fd(handles[i]));
  }
  return true;
}

NbdPtr connect_target(const Target& target, const StopSignal& stop, int timeout_ms,
                      Failure& failure) {
  NbdPtr handle = begin_connecting(target, failure);
  if (handle == nullptr) return nullptr;
  const auto wanted = [&stop] { return !stop.raised(); };
  const bool connected =
      finish_connecting(handle.get(), nullptr, {stop.fd(), -1}, wanted, timeout_ms, failure);
  // There is one end only.
  failure.side.clear();
  return connected ? std::move(handle) : nullptr;
}

void disconnect(nbd_handle* handle) {
  if (nbd_aio_is_ready(handle) != 1 || nbd_aio_disconnect(handle, 0) == -1) return;
  Failure ignored_at_the_end_of_a_session;
  for (int tries = 0; tries < 20; ++tries) {
    if (nbd_aio_is_closed(handle) == 1 || nbd_aio_is_dead(handle) == 1) return;
    if (poll_once(handle, nullptr, -1, 100, ignored_at_the_end_of_a_session) == -1) return;
  }
}
