#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "failure.h"
#include "page_sum.h"

// A part of a disk, and where a file holds it.
struct FilePart {
  static constexpr uint64_t kZeroes = UINT64_MAX;
  // kZeroes: the part is all zeroes and lies nowhere.
  uint64_t file_offset = 0;
  uint64_t offset = 0;
  uint64_t length = 0;
};

struct FileCopyOptions {
  std::string source;
  // Empty: nothing is written, the parts are only read and summed.
  std::string target;
  std::vector<FilePart> parts;
};

struct FileCopyOutcome {
  Failure failure;
  bool ok = false;
  PageSum page_sum = 0;
};

struct FileCopyShared {
  std::atomic<uint64_t> read{0};
  std::atomic<bool> cancelled{false};
};

// Reads the parts in their order, on a thread of its own where there is a target, and writes each
// to its place on the target, on the caller's thread. The target must be there and is not made
// longer. Nothing is synced: who holds the target open from before the copy sees every write error
// at its own sync. A cancelled copy fails with ECANCELED.
FileCopyOutcome copy_file(const FileCopyOptions& options, FileCopyShared& shared);
