#include "file_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace {

// Ends on a whole piece of the disk, so that no page is cut.
uint64_t piece_length(uint64_t offset, uint64_t left) {
  return std::min(left, kPieceBytes - offset % kPieceBytes);
}

uint64_t down(uint64_t offset) { return offset / kDirectBytes * kDirectBytes; }
uint64_t up(uint64_t offset) { return down(offset + kDirectBytes - 1); }

Descriptor open_source(const std::string& path, ReadFrom from) {
  if (from == ReadFrom::kMedium) {
    Descriptor direct(path, O_RDONLY | O_DIRECT);
    if (direct.error() != EINVAL) return direct;
  }
  return {path, O_RDONLY};
}

bool is_direct(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags != -1 && (flags & O_DIRECT) != 0;
}

}  // namespace

FileReader::FileReader(const FileCopyOptions& options, ReadFrom from, FileCopyShared& shared)
    : options_(options),
      shared_(shared),
      source_(open_source(options.source, from)),
      is_direct_(is_direct(source_.get())),
      is_forgetful_(from == ReadFrom::kMedium && !is_direct_) {}

bool FileReader::fill(PieceQueue& queue) {
  bool ok = source_.get() != -1;
  if (!ok) failure_ = Failure::at("open", source_.error(), "source", 0, 0);
  if (ok && !is_direct_) posix_fadvise(source_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  for (size_t i = 0; ok && i < options_.parts.size(); ++i) ok = fill_part(queue, options_.parts[i]);
  queue.end();
  return ok;
}

bool FileReader::fill_part(PieceQueue& queue, const FilePart& part) {
  const bool is_zero = part.file_offset == FilePart::kZeroes;
  if (!is_zero && is_forgetful_) forget(part);
  for (uint64_t done = 0; done < part.length;) {
    Piece* piece = queue.free_piece();
    if (piece == nullptr) return false;
    piece->offset = part.offset + done;
    piece->length = is_zero ? part.length : piece_length(piece->offset, part.length - done);
    piece->bytes = nullptr;
    if (!is_zero && !read_piece(*piece, part.file_offset + done)) return false;
    done += piece->length;
    queue.hand_over();
  }
  return true;
}

// Whole blocks are read where the page cache is passed by, so the piece may begin inside the
// memory.
bool FileReader::read_piece(Piece& piece, uint64_t from) {
  const uint64_t start = is_direct_ ? down(from) : from;
  const uint64_t wanted = (is_direct_ ? up(from + piece.length) : from + piece.length) - start;
  const uint64_t needed = from + piece.length - start;
  for (uint64_t got = 0; got < needed;) {
    if (shared_.cancelled.load()) {
      failure_ = Failure::at("copy", ECANCELED, "", 0, 0);
      return false;
    }
    const ssize_t count = pread(source_.get(), piece.memory.get() + got, wanted - got,
                                static_cast<off_t>(start + got));
    if (count == -1 && errno == EINTR) continue;
    const bool is_cut = is_direct_ && count > 0 && count % kDirectBytes != 0 &&
                        got + static_cast<uint64_t>(count) < needed;
    if (count <= 0 || is_cut) {
      // A file that ends inside a part lost something.
      failure_ =
          Failure::at("pread", count == -1 ? errno : EIO, "source", piece.offset, piece.length);
      return false;
    }
    got += static_cast<uint64_t>(count);
  }
  piece.bytes = piece.memory.get() + (from - start);
  shared_.read.fetch_add(piece.length, std::memory_order_relaxed);
  return true;
}

// The kernel forgets no page that is named in part.
void FileReader::forget(const FilePart& part) {
  const uint64_t first = down(part.file_offset);
  posix_fadvise(source_.get(), static_cast<off_t>(first),
                static_cast<off_t>(up(part.file_offset + part.length) - first),
                POSIX_FADV_DONTNEED);
}
