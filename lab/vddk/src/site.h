/* What the simulated vCenter wrote for its readers: who may connect, which files are a disk, how to
 * misbehave. */
#ifndef SITE_H
#define SITE_H

#include "chain.h"
#include "vixdisklib.h"

#include <stdbool.h>

struct site_faults {
  long slow_ms;                /* before each read */
  long disconnect_after_reads; /* -1: never */
  int64_t fail_from_offset;    /* bytes; -1: never */
  bool refuse_connect;
};

/* Finds the site that listens on the port. The caller frees the path. NULL: there is none. */
char *site_find(const char *library_dir, uint32_t port);

/* VIX_OK when server name, thumbprint and credentials are right. */
VixError site_check_access(const char *site, const ConnectParams *params);

/* VIX_OK when the VM, and the snapshot of the VM, exist. snapshot NULL: the current disks of a
 * powered-off VM. */
VixError site_check_snapshot(const char *site, const char *vm, const char *snapshot);

/* Opens the files of one disk of a snapshot. */
VixError site_open_disk(const char *site, const char *vm, const char *snapshot, const char *path,
                        struct chain **chain);

void site_read_faults(const char *site, struct site_faults *faults);

/* Adds to what all readers of the site have read, also those that were killed. What cannot be counted
 * is not. */
void site_count_read(const char *site, uint64_t bytes);

#endif
