#include "zero_test.h"

#include <algorithm>
#include <cstring>

// The first word tells data in nearly every case; zeroes are then read 256 bytes at a time.
bool is_zero(const uint8_t* bytes, size_t length) {
  uint64_t word = 0;
  if (length >= 8) {
    memcpy(&word, bytes, 8);
    if (word != 0) return false;
  }
  while (length >= 256) {
    uint64_t any = 0;
    for (size_t i = 0; i < 256; i += 8) {
      memcpy(&word, bytes + i, 8);
      any |= word;
    }
    if (any != 0) return false;
    bytes += 256;
    length -= 256;
  }
  return std::all_of(bytes, bytes + length, [](uint8_t byte) { return byte == 0; });
}
