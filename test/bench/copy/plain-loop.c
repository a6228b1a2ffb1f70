/* The loop the original engine had: 32 MiB synchronous requests, one connection a side, no map, no zeroes. */
#include <libnbd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int failed) {
  if (!failed) return;
  fprintf(stderr, "%s\n", nbd_get_error());
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct nbd_handle *source = nbd_create(), *target = nbd_create();
  check(source == NULL || target == NULL);
  check(nbd_set_uri_allow_local_file(source, 1) == -1 || nbd_set_uri_allow_local_file(target, 1) == -1);
  check(nbd_connect_uri(source, argv[1]) == -1);
  check(nbd_connect_uri(target, argv[2]) == -1);
  const int64_t size = nbd_get_size(source);
  const int64_t most = 32 << 20;
  char *bytes = malloc(most);
  if (size < 0 || bytes == NULL) return 1;
  for (int64_t at = 0; at < size; at += most) {
    const size_t length = size - at < most ? size - at : most;
    check(nbd_pread(source, bytes, length, at, 0) == -1);
    check(nbd_pwrite(target, bytes, length, at, 0) == -1);
  }
  check(nbd_flush(target, 0) == -1);
  nbd_close(source);
  nbd_close(target);
  free(bytes);
  return 0;
}
