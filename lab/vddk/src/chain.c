#include "chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A snapshot chain of vSphere has at most 32 members. */
#define MAX_LAYERS 64

struct layer {
  int fd;
  unsigned char *map;
  size_t map_bytes;
};

struct chain {
  uint64_t capacity;
  int count;
  struct layer layers[MAX_LAYERS];
};

struct chain *chain_new(uint64_t capacity_bytes) {
  struct chain *chain = calloc(1, sizeof *chain);

  if (chain != NULL) chain->capacity = capacity_bytes;
  return chain;
}

void chain_free(struct chain *chain) {
  if (chain == NULL) return;
  for (int i = 0; i < chain->count; i++) {
    close(chain->layers[i].fd);
    free(chain->layers[i].map);
  }
  free(chain);
}

static int read_fully(int fd, unsigned char *buffer, size_t length, off_t offset) {
  size_t done = 0;

  while (done < length) {
    ssize_t got = pread(fd, buffer + done, length - done, offset + (off_t)done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += (size_t)got;
  }
  memset(buffer + done, 0, length - done);
  return 0;
}

static unsigned char *read_map(const char *path, size_t *bytes) {
  char *map_path = NULL;
  unsigned char *map = NULL;
  struct stat status;
  int fd;

  if (asprintf(&map_path, "%s.map", path) < 0) return NULL;
  fd = open(map_path, O_RDONLY | O_CLOEXEC);
  free(map_path);
  if (fd < 0) return NULL;
  if (fstat(fd, &status) == 0) {
    *bytes = (size_t)status.st_size;
    map = malloc(*bytes == 0 ? 1 : *bytes);
    if (map != NULL && read_fully(fd, map, *bytes, 0) != 0) {
      free(map);
      map = NULL;
    }
  }
  close(fd);
  return map;
}

int chain_add_layer(struct chain *chain, const char *path) {
  struct layer *layer = &chain->layers[chain->count];

  if (chain->count == MAX_LAYERS) {
    errno = EMFILE;
    return -1;
  }
  layer->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (layer->fd < 0) return -1;
  layer->map = read_map(path, &layer->map_bytes);
  if (layer->map == NULL) {
    close(layer->fd);
    errno = EIO;
    return -1;
  }
  chain->count++;
  return 0;
}

uint64_t chain_capacity(const struct chain *chain) { return chain->capacity; }

int chain_layers(const struct chain *chain) { return chain->count; }

/* The topmost layer that holds the block; -1: none. */
static int holder(const struct chain *chain, uint64_t block) {
  for (int i = chain->count - 1; i >= 0; i--) {
    const struct layer *layer = &chain->layers[i];
    if (block / 8 < layer->map_bytes && (layer->map[block / 8] >> (block % 8) & 1) != 0) return i;
  }
  return -1;
}

bool chain_has_block(const struct chain *chain, uint64_t block) {
  return holder(chain, block) >= 0;
}

int chain_read(const struct chain *chain, uint64_t offset, size_t length, unsigned char *buffer) {
  while (length > 0) {
    int from = holder(chain, offset / CHAIN_BLOCK_BYTES);
    uint64_t end = offset - offset % CHAIN_BLOCK_BYTES + CHAIN_BLOCK_BYTES;
    size_t part;

    /* Neighbouring blocks of one layer are read with one call. */
    while (end < offset + length && holder(chain, end / CHAIN_BLOCK_BYTES) == from)
      end += CHAIN_BLOCK_BYTES;
    part = end - offset < length ? (size_t)(end - offset) : length;
    if (from < 0)
      memset(buffer, 0, part);
    else if (read_fully(chain->layers[from].fd, buffer, part, (off_t)offset) != 0)
      return -1;
    offset += part;
    buffer += part;
    length -= part;
  }
  return 0;
}
