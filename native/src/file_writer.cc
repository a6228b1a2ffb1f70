#include "file_writer.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "file_reader.h"

namespace {

// The kernel begins to write out what lies this far behind, so that the last sync is short.
constexpr uint64_t kBehind = uint64_t{16} << 20;

}  // namespace

FileWriter::FileWriter(const FileCopyOptions& options, FileCopyShared& shared)
    : shared_(shared), target_(options.target, O_WRONLY) {}

bool FileWriter::put(const Piece& piece) {
  if (target_.get() == -1) return fail("open", target_.error(), 0, 0);
  if (piece.bytes == nullptr) return zero(piece.offset, piece.length);
  if (!write_all(piece.bytes, piece.offset, piece.length)) return false;
  write_behind(piece.offset, piece.length);
  return true;
}

bool FileWriter::zero(uint64_t offset, uint64_t length) {
  const int mode = FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE;
  std::vector<uint8_t> zeroes;
  for (uint64_t done = 0; done < length;) {
    if (shared_.cancelled.load()) return fail("copy", ECANCELED, 0, 0);
    const uint64_t at = offset + done;
    const uint64_t some = std::min(length - done, uint64_t{1} << 30);
    if (can_zero_) {
      if (fallocate(target_.get(), mode, static_cast<off_t>(at), static_cast<off_t>(some)) == 0) {
        done += some;
        continue;
      }
      if (errno == EINTR) continue;
      // EINVAL: a device whose blocks are larger than the range.
      if (errno != EOPNOTSUPP && errno != EINVAL) return fail("fallocate", errno, at, some);
      can_zero_ = false;
    }
    zeroes.resize(kPieceBytes);
    const uint64_t piece = std::min(some, kPieceBytes);
    if (!write_all(zeroes.data(), at, piece)) return false;
    write_behind(at, piece);
    done += piece;
  }
  return true;
}

bool FileWriter::write_all(const uint8_t* bytes, uint64_t offset, uint64_t length) {
  for (uint64_t put = 0; put < length;) {
    const ssize_t count =
        pwrite(target_.get(), bytes + put, length - put, static_cast<off_t>(offset + put));
    if (count == -1 && errno == EINTR) continue;
    if (count <= 0) return fail("pwrite", count == 0 ? EIO : errno, offset, length);
    put += static_cast<uint64_t>(count);
  }
  return true;
}

// Only a hint; what it could not write the last sync reports.
void FileWriter::write_behind(uint64_t offset, uint64_t length) {
  if (offset != behind_until_) behind_from_ = offset;
  behind_until_ = offset + length;
  if (behind_until_ - behind_from_ < kBehind) return;
  (void)sync_file_range(target_.get(), static_cast<off_t>(behind_from_),
                        static_cast<off_t>(behind_until_ - behind_from_), SYNC_FILE_RANGE_WRITE);
  behind_from_ = behind_until_;
}

bool FileWriter::fail(const char* op, int code, uint64_t offset, uint64_t length) {
  failure_ = Failure::at(op, code, code == ECANCELED ? "" : "target", offset, length);
  return false;
}
