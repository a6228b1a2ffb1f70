#include "io_loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace {

// libnbd calls these inside nbd_aio_notify_*; they may not call the handle again (libnbd
// generator/API.ml).
int completed(void* user_data, int* error) {
  auto* operation = static_cast<Operation*>(user_data);
  operation->finished = true;
  if (*error != 0) {
    operation->failed = true;
    operation->failure = Failure::of("", *error);
  }
  return operation->sent.completed();
}

int extent_reply(void* user_data, const char* context, uint64_t, uint32_t* entries, size_t count,
                 int*) {
  if (std::string(context) != LIBNBD_CONTEXT_BASE_ALLOCATION) return 0;
  auto* operation = static_cast<Operation*>(user_data);
  for (size_t i = 0; i + 1 < count; i += 2)
    operation->extents.push_back({entries[i], entries[i + 1]});
  return 0;
}

const char* name_of(Operation::Kind kind) {
  switch (kind) {
    case Operation::Kind::kRead:
      return "nbd_pread";
    case Operation::Kind::kWrite:
      return "nbd_pwrite";
    case Operation::Kind::kZero:
      return "nbd_zero";
    case Operation::Kind::kTrim:
      return "nbd_trim";
    case Operation::Kind::kFlush:
      return "nbd_flush";
    case Operation::Kind::kBlockStatus:
      return "nbd_block_status";
  }
  return "nbd";
}

}  // namespace

IoLoop::IoLoop(Target target, Connected on_connected, Done on_done)
    : target_(std::move(target)),
      on_connected_(std::move(on_connected)),
      on_done_(std::move(on_done)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { run(); }) {}

IoLoop::~IoLoop() {
  request_stop();
  thread_.join();
  close(wake_fd_);
}

void IoLoop::submit(std::unique_ptr<Operation> operation) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ended_) {
      submitted_.push_back(std::move(operation));
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
      return;
    }
    operation->failure = end_;
  }
  operation->failed = true;
  operation->failure.op = name_of(operation->kind);
  on_done_(std::move(operation));
}

void IoLoop::request_stop() { stop_.raise(); }

void IoLoop::run() {
  Failure failure;
  NbdPtr connected = connect_target(target_, stop_, -1, failure);
  if (connected == nullptr) {
    fail_rest(failure);
    on_connected_(false, failure);
    return;
  }
  handle_ = std::move(connected);
  on_connected_(true, failure);
  serve();
}

void IoLoop::serve() {
  Failure failure = Failure::of("nbd", ENOTCONN);
  while (!stop_.raised()) {
    take_submitted();
    retire_finished();
    pollfd fds[3] = {
        {stop_.fd(), POLLIN, 0}, {wake_fd_, POLLIN, 0}, {nbd_aio_get_fd(handle_.get()), 0, 0}};
    const unsigned direction = nbd_aio_get_direction(handle_.get());
    if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0) fds[2].events |= POLLIN;
    if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0) fds[2].events |= POLLOUT;
    if (poll(fds, 3, -1) == -1 && errno != EINTR) {
      failure = Failure::of("poll", errno);
      break;
    }
    if ((fds[1].revents & POLLIN) != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t drained = read(wake_fd_, &count, sizeof count);
    }
    if (fds[2].revents != 0 && poll_once(handle_.get(), nullptr, -1, 0, failure) == -1) break;
    retire_finished();
    if (nbd_aio_is_dead(handle_.get()) == 1 || nbd_aio_is_closed(handle_.get()) == 1) break;
  }
  if (stop_.raised()) failure = Failure::of("nbd", ESHUTDOWN);
  if (in_flight_.empty()) disconnect(handle_.get());
  // Closing calls the completion of every command still in flight, so the operations live until
  // after it.
  handle_.reset();
  fail_rest(failure);
}

void IoLoop::take_submitted() {
  std::deque<std::unique_ptr<Operation>> taken;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    taken.swap(submitted_);
  }
  for (std::unique_ptr<Operation>& operation : taken) {
    Operation* const raw = operation.get();
    in_flight_.push_back(std::move(operation));
    issue(raw);
  }
}

void IoLoop::issue(Operation* operation) {
  nbd_handle* const h = handle_.get();
  const nbd_completion_callback completion = {completed, operation, nullptr};
  int64_t cookie = -1;
  operation->sent.begin();
  switch (operation->kind) {
    case Operation::Kind::kRead:
      operation->bytes.resize(operation->length);
      cookie = nbd_aio_pread(h, operation->bytes.data(), operation->length, operation->offset,
                             completion, 0);
      break;
    case Operation::Kind::kWrite:
      cookie = nbd_aio_pwrite(h, operation->bytes.data(), operation->bytes.size(),
                              operation->offset, completion, operation->flags);
      break;
    case Operation::Kind::kZero:
      cookie = nbd_aio_zero(h, operation->length, operation->offset, completion, operation->flags);
      break;
    case Operation::Kind::kTrim:
      cookie = nbd_aio_trim(h, operation->length, operation->offset, completion, operation->flags);
      break;
    case Operation::Kind::kFlush:
      cookie = nbd_aio_flush(h, completion, 0);
      break;
    case Operation::Kind::kBlockStatus: {
      const nbd_extent_callback extent = {extent_reply, operation, nullptr};
      cookie = nbd_aio_block_status(h, operation->length, operation->offset, extent, completion, 0);
      break;
    }
  }
  operation->sent.end(h, cookie);
  if (cookie == -1) {
    operation->failure = Failure::last(name_of(operation->kind));
    operation->failed = true;
    operation->finished = true;
  }
}

void IoLoop::retire_finished() {
  for (auto it = in_flight_.begin(); it != in_flight_.end();) {
    if (!(*it)->finished) {
      ++it;
      continue;
    }
    std::unique_ptr<Operation> operation = std::move(*it);
    it = in_flight_.erase(it);
    if (operation->failed) operation->failure.op = name_of(operation->kind);
    on_done_(std::move(operation));
  }
}

void IoLoop::fail_rest(const Failure& failure) {
  std::list<std::unique_ptr<Operation>> rest;
  rest.swap(in_flight_);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_ = true;
    end_ = failure;
    for (std::unique_ptr<Operation>& operation : submitted_) rest.push_back(std::move(operation));
    submitted_.clear();
  }
  for (std::unique_ptr<Operation>& operation : rest) {
    // What the server answered before the end stays its answer.
    if (!operation->finished) {
      operation->failed = true;
      operation->failure = failure;
    }
    operation->failure.op = name_of(operation->kind);
    on_done_(std::move(operation));
  }
}
