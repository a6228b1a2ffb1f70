#include "file_copy.h"

#include <thread>

#include "file_reader.h"
#include "file_writer.h"
#include "piece_queue.h"

namespace {

// Takes each piece to where it goes. False ends the copy.
template <typename Take>
bool take_all(PieceQueue& queue, Take take) {
  while (const Piece* piece = queue.oldest()) {
    const bool ok = take(*piece);
    queue.give_back();
    if (ok) continue;
    queue.close();
    return false;
  }
  return true;
}

}  // namespace

FileCopyOutcome copy_file(const FileCopyOptions& options, FileCopyShared& shared) {
  const bool is_copy = !options.target.empty();
  PieceQueue queue(kDirectBytes, kPieceMemoryBytes);
  FileReader reader(options, is_copy ? ReadFrom::kMemory : ReadFrom::kMedium, shared);
  FileCopyOutcome outcome;
  bool is_read = false;
  bool is_taken = false;
  std::thread reading([&] { is_read = reader.fill(queue); });
  const auto sum = [&](const Piece& piece) {
    if (piece.bytes != nullptr)
      outcome.page_sum += page_sum(piece.bytes, piece.offset, piece.length);
    return true;
  };
  if (is_copy) {
    FileWriter writer(options, shared);
    is_taken = take_all(queue, [&](const Piece& piece) { return sum(piece) && writer.put(piece); });
    if (!is_taken) outcome.failure = writer.failure();
  } else {
    is_taken = take_all(queue, sum);
  }
  reading.join();
  if (is_taken) outcome.failure = reader.failure();
  outcome.ok = is_read && is_taken;
  return outcome;
}
