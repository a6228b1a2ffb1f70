/* SHA-256 (FIPS 180-4), for comparing secrets without having them in a file. */
#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>

#define SHA256_BYTES 32

struct sha256_part {
  const void *bytes;
  size_t length;
};

/* Hashes the parts one after another. */
void sha256(const struct sha256_part *parts, size_t count, unsigned char digest[SHA256_BYTES]);

#endif
