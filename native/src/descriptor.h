#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

// An open file, closed at the end; get() is -1 and error() the errno where it could not be opened.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC)), error_(fd_ == -1 ? errno : 0) {}
  ~Descriptor() {
    if (fd_ != -1) close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_), error_(other.error_) { other.fd_ = -1; }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int error() const { return error_; }

 private:
  int fd_;
  const int error_;
};
