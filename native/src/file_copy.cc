#include "file_copy.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace {

constexpr uint64_t kChunk = uint64_t{1} << 20;
// The kernel begins to write out what lies this far behind, so that the last sync is short.
constexpr uint64_t kBehind = uint64_t{16} << 20;

class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd_ != -1) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

class FileCopy {
 public:
  FileCopy(const FileCopyOptions& options, FileCopyShared& shared)
      : options_(options), shared_(shared), buffer_(kChunk) {}

  FileCopyOutcome run() {
    outcome_.ok = copy();
    return outcome_;
  }

 private:
  bool copy() {
    const Descriptor source(options_.source, O_RDONLY);
    if (source.get() == -1) return fail("open", errno, "source", 0, 0);
    posix_fadvise(source.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    if (options_.target.empty()) {
      // What is only read is read to be proved: from where it lies, not from memory. Pages that
      // are still to be written stay, so whoever wrote them syncs them before.
      posix_fadvise(source.get(), 0, 0, POSIX_FADV_DONTNEED);
      return each_part(source.get(), -1);
    }
    const Descriptor target(options_.target, O_WRONLY);
    if (target.get() == -1) return fail("open", errno, "target", 0, 0);
    return each_part(source.get(), target.get());
  }

  bool each_part(int source, int target) {
    for (const FilePart& part : options_.parts) {
      const bool done = part.file_offset == FilePart::kZeroes ? zero(target, part)
                                                              : copy_part(source, target, part);
      if (!done) return false;
    }
    return true;
  }

  bool copy_part(int source, int target, const FilePart& part) {
    for (uint64_t done = 0; done < part.length;) {
      if (is_cancelled()) return false;
      const uint64_t offset = part.offset + done;
      // Ends on a chunk, so that no page is cut.
      const uint64_t length = std::min(part.length - done, kChunk - offset % kChunk);
      if (!read_all(source, part.file_offset + done, offset, length)) return false;
      outcome_.page_sum += page_sum(buffer_.data(), offset, length);
      if (target != -1 && !write_all(target, offset, length)) return false;
      done += length;
      shared_.read.fetch_add(length, std::memory_order_relaxed);
    }
    return true;
  }

  bool zero(int target, const FilePart& part) {
    if (target == -1) return true;
    const int mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
    for (uint64_t done = 0; done < part.length;) {
      if (is_cancelled()) return false;
      const uint64_t offset = part.offset + done;
      const uint64_t length = std::min(part.length - done, uint64_t{1} << 30);
      if (can_zero_) {
        int result = 0;
        do {
          result = fallocate(target, mode, static_cast<off_t>(offset), static_cast<off_t>(length));
        } while (result == -1 && errno == EINTR);
        if (result == 0) {
          done += length;
          continue;
        }
        // EINVAL: a device whose blocks are larger than the range.
        if (errno != EOPNOTSUPP && errno != EINVAL)
          return fail("fallocate", errno, "target", offset, length);
        can_zero_ = false;
      }
      const uint64_t some = std::min(length, kChunk);
      memset(buffer_.data(), 0, some);
      if (!write_all(target, offset, some)) return false;
      done += some;
    }
    return true;
  }

  bool read_all(int source, uint64_t from, uint64_t offset, uint64_t length) {
    for (uint64_t got = 0; got < length;) {
      const ssize_t count =
          pread(source, buffer_.data() + got, length - got, static_cast<off_t>(from + got));
      if (count == -1 && errno == EINTR) continue;
      // A file that ends inside a part lost something.
      if (count <= 0) return fail("pread", count == 0 ? EIO : errno, "source", offset, length);
      got += static_cast<uint64_t>(count);
    }
    return true;
  }

  bool write_all(int target, uint64_t offset, uint64_t length) {
    for (uint64_t put = 0; put < length;) {
      const ssize_t count =
          pwrite(target, buffer_.data() + put, length - put, static_cast<off_t>(offset + put));
      if (count == -1 && errno == EINTR) continue;
      if (count <= 0) return fail("pwrite", count == 0 ? EIO : errno, "target", offset, length);
      put += static_cast<uint64_t>(count);
    }
    write_behind(target, offset, length);
    return true;
  }

  // Only a hint; what it could not write the last sync reports.
  void write_behind(int target, uint64_t offset, uint64_t length) {
    if (offset != behind_until_) behind_from_ = offset;
    behind_until_ = offset + length;
    if (behind_until_ - behind_from_ < kBehind) return;
    (void)sync_file_range(target, static_cast<off_t>(behind_from_),
                          static_cast<off_t>(behind_until_ - behind_from_), SYNC_FILE_RANGE_WRITE);
    behind_from_ = behind_until_;
  }

  bool is_cancelled() {
    if (!shared_.cancelled.load()) return false;
    fail("copy", ECANCELED, "", 0, 0);
    return true;
  }

  bool fail(const char* op, int code, const char* side, uint64_t offset, uint64_t length) {
    outcome_.failure = Failure::of(op, code);
    outcome_.failure.side = side;
    outcome_.failure.offset = offset;
    outcome_.failure.length = length;
    return false;
  }

  const FileCopyOptions& options_;
  FileCopyShared& shared_;
  std::vector<uint8_t> buffer_;
  FileCopyOutcome outcome_;
  bool can_zero_ = true;
  uint64_t behind_from_ = 0;
  uint64_t behind_until_ = 0;
};

}  // namespace

FileCopyOutcome copy_file(const FileCopyOptions& options, FileCopyShared& shared) {
  return FileCopy(options, shared).run();
}
