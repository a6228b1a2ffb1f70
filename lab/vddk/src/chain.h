/* A disk as a chain of sparse files, each with a map of the 64 KiB blocks it holds. Base first. */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAIN_BLOCK_BYTES 65536

struct chain;

struct chain *chain_new(uint64_t capacity_bytes);
void chain_free(struct chain *chain);

/* Adds a layer on top: `path` is its data, `path.map` its map. -1 with errno set. */
int chain_add_layer(struct chain *chain, const char *path);

uint64_t chain_capacity(const struct chain *chain);
int chain_layers(const struct chain *chain);

/* Whether any layer holds the block. */
bool chain_has_block(const struct chain *chain, uint64_t block);

/* Reads a range inside the disk; what no layer holds is zero. -1 with errno set. */
int chain_read(const struct chain *chain, uint64_t offset, size_t length, unsigned char *buffer);

#endif
