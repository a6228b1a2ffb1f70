#include "file_copy.h"

#include <thread>

#include "file_reader.h"
#include "file_writer.h"
#include "piece_queue.h"

namespace {

FileCopyOutcome sum(const FileCopyOptions& options, FileCopyShared& shared) {
  FileReader reader(options, shared);
  const bool ok = reader.sum_all();
  return {reader.failure(), ok, reader.page_sum()};
}

FileCopyOutcome copy(const FileCopyOptions& options, FileCopyShared& shared) {
  PieceQueue queue(kPieceBytes);
  FileReader reader(options, shared);
  FileWriter writer(options, shared);
  bool is_read = false;
  std::thread reading([&] { is_read = reader.fill(queue); });
  const bool is_written = writer.drain(queue);
  reading.join();
  return {is_written ? reader.failure() : writer.failure(), is_read && is_written,
          reader.page_sum()};
}

}  // namespace

FileCopyOutcome copy_file(const FileCopyOptions& options, FileCopyShared& shared) {
  return options.target.empty() ? sum(options, shared) : copy(options, shared);
}
