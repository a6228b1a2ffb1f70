#include "file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace {

// Ends on a whole piece of the disk, so that no page is cut.
uint64_t piece_length(uint64_t offset, uint64_t left) {
  return std::min(left, kPieceBytes - offset % kPieceBytes);
}

}  // namespace

FileReader::FileReader(const FileCopyOptions& options, FileCopyShared& shared)
    : options_(options), shared_(shared), source_(options.source, O_RDONLY) {}

bool FileReader::is_open() {
  if (source_.get() == -1) {
    failure_ = Failure::at("open", source_.error(), "source", 0, 0);
    return false;
  }
  posix_fadvise(source_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return true;
}

bool FileReader::sum_all() {
  if (!is_open()) return false;
  std::vector<uint8_t> buffer(kPieceBytes);
  for (const FilePart& part : options_.parts) {
    if (part.file_offset == FilePart::kZeroes) continue;
    forget(part);
    for (uint64_t done = 0; done < part.length;) {
      const uint64_t offset = part.offset + done;
      const uint64_t length = piece_length(offset, part.length - done);
      if (!read_and_sum(buffer.data(), part.file_offset + done, offset, length)) return false;
      done += length;
    }
  }
  return true;
}

// Only these parts, as whoever reads next wants the others from memory. The kernel forgets no page
// that is named in part.
void FileReader::forget(const FilePart& part) {
  const uint64_t first = part.file_offset / kPageBytes * kPageBytes;
  const uint64_t end = (part.file_offset + part.length + kPageBytes - 1) / kPageBytes * kPageBytes;
  posix_fadvise(source_.get(), static_cast<off_t>(first), static_cast<off_t>(end - first),
                POSIX_FADV_DONTNEED);
}

bool FileReader::fill(PieceQueue& queue) {
  bool ok = is_open();
  for (size_t i = 0; ok && i < options_.parts.size(); ++i) ok = fill_part(queue, options_.parts[i]);
  queue.end();
  return ok;
}

bool FileReader::fill_part(PieceQueue& queue, const FilePart& part) {
  const bool is_zero = part.file_offset == FilePart::kZeroes;
  for (uint64_t done = 0; done < part.length;) {
    Piece* piece = queue.free_piece();
    if (piece == nullptr) return false;
    piece->offset = part.offset + done;
    piece->is_zero = is_zero;
    piece->length = is_zero ? part.length : piece_length(piece->offset, part.length - done);
    if (!is_zero &&
        !read_and_sum(piece->bytes.data(), part.file_offset + done, piece->offset, piece->length))
      return false;
    done += piece->length;
    queue.hand_over();
  }
  return true;
}

bool FileReader::read_and_sum(uint8_t* into, uint64_t from, uint64_t offset, uint64_t length) {
  for (uint64_t got = 0; got < length;) {
    if (shared_.cancelled.load()) {
      failure_ = Failure::at("copy", ECANCELED, "", 0, 0);
      return false;
    }
    const ssize_t count =
        pread(source_.get(), into + got, length - got, static_cast<off_t>(from + got));
    if (count == -1 && errno == EINTR) continue;
    if (count <= 0) {
      // A file that ends inside a part lost something.
      failure_ = Failure::at("pread", count == 0 ? EIO : errno, "source", offset, length);
      return false;
    }
    got += static_cast<uint64_t>(count);
  }
  page_sum_ += ::page_sum(into, offset, length);
  shared_.read.fetch_add(length, std::memory_order_relaxed);
  return true;
}
