/*
 * A stand-in for VMware's libvixDiskLib: connects to a simulated vCenter's site directory instead
 * of a host, and reads the files of its snapshots. Read-only. Refuses what the real one refuses:
 * unknown server, wrong thumbprint, wrong credentials, unknown VM, snapshot or file.
 */
#include "vixdisklib.h"

#include "site.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct connection {
  char *site;
  char *vm;
  char *snapshot; /* NULL: the current disks */
  long reads;
  pthread_mutex_t lock;
};

struct handle {
  struct connection *connection;
  struct chain *chain;
};

static char *library_dir;

EXPORT VixError VixDiskLib_InitEx(uint32_t major, uint32_t minor, LogFunction *log,
                                  LogFunction *warn, LogFunction *panic, const char *directory,
                                  const char *config);
EXPORT void VixDiskLib_Exit(void);
EXPORT char *VixDiskLib_GetErrorText(VixError error, const char *locale);
EXPORT void VixDiskLib_FreeErrorText(char *text);
EXPORT ConnectParams *VixDiskLib_AllocateConnectParams(void);
EXPORT void VixDiskLib_FreeConnectParams(ConnectParams *params);
EXPORT VixError VixDiskLib_ConnectEx(const ConnectParams *params, char read_only,
                                     const char *snapshot, const char *transports,
                                     void **connection);
EXPORT VixError VixDiskLib_Disconnect(void *connection);
EXPORT VixError VixDiskLib_PrepareForAccess(const ConnectParams *params, const char *identity);
EXPORT VixError VixDiskLib_EndAccess(const ConnectParams *params, const char *identity);
EXPORT VixError VixDiskLib_Create(void *connection, const char *path, const void *params,
                                  void *progress, void *data);
EXPORT VixError VixDiskLib_Open(void *connection, const char *path, uint32_t flags, void **handle);
EXPORT VixError VixDiskLib_Close(void *handle);
EXPORT const char *VixDiskLib_GetTransportMode(void *handle);
EXPORT const char *VixDiskLib_ListTransportModes(void);
EXPORT VixError VixDiskLib_GetInfo(void *handle, DiskInfo **info);
EXPORT void VixDiskLib_FreeInfo(DiskInfo *info);
EXPORT VixError VixDiskLib_Read(void *handle, uint64_t start, uint64_t count,
                                unsigned char *buffer);
EXPORT VixError VixDiskLib_ReadAsync(void *handle, uint64_t start, uint64_t count,
                                     unsigned char *buffer, CompletionCallback *callback,
                                     void *data);
EXPORT VixError VixDiskLib_Write(void *handle, uint64_t start, uint64_t count,
                                 const unsigned char *buffer);
EXPORT VixError VixDiskLib_WriteAsync(void *handle, uint64_t start, uint64_t count,
                                      const unsigned char *buffer, CompletionCallback *callback,
                                      void *data);
EXPORT VixError VixDiskLib_Flush(void *handle);
EXPORT VixError VixDiskLib_Wait(void *handle);
EXPORT VixError VixDiskLib_QueryAllocatedBlocks(void *handle, uint64_t start, uint64_t count,
                                                uint64_t chunk, BlockList **list);
EXPORT VixError VixDiskLib_FreeBlockList(BlockList *list);

VixError VixDiskLib_InitEx(uint32_t major, uint32_t minor, LogFunction *log, LogFunction *warn,
                           LogFunction *panic, const char *directory, const char *config) {
  (void)minor;
  (void)log;
  (void)warn;
  (void)panic;
  (void)config;
  if (major < 5 || directory == NULL || library_dir != NULL) return VIX_E_INVALID_ARG;
  library_dir = strdup(directory);
  return library_dir == NULL ? VIX_E_OUT_OF_MEMORY : VIX_OK;
}

void VixDiskLib_Exit(void) {
  free(library_dir);
  library_dir = NULL;
}

static const char *error_text(VixError error) {
  switch (error) {
    case VIX_OK:
      return "The operation was successful";
    case VIX_E_OUT_OF_MEMORY:
      return "Memory allocation failed. Out of memory";
    case VIX_E_INVALID_ARG:
      return "One of the parameters was invalid";
    case VIX_E_FILE_NOT_FOUND:
      return "A file was not found";
    case VIX_E_NOT_SUPPORTED:
      return "The operation is not supported";
    case VIX_E_FILE_ERROR:
      return "A file access error occurred on the host or guest operating system";
    case VIX_E_FILE_READ_ONLY:
      return "The file is write-protected";
    case VIX_E_HOST_USER_PERMISSIONS:
      return "Insufficient permissions in the host operating system";
    case VIX_E_VM_NOT_FOUND:
      return "The virtual machine cannot be found";
    case VIX_E_SNAPSHOT_NOTFOUND:
      return "The snapshot was not found";
    case VIX_E_HOST_NETWORK_CONN_LOST:
      return "The host was disconnected";
    case VIX_E_HOST_SERVER_NOT_RESPONDING:
      return "The server refused connection";
    case VIX_E_DISK_OUTOFRANGE:
      return "The range is outside the disk";
    case VIX_E_CANNOT_CONNECT_TO_HOST:
      return "Cannot connect to host";
    case VIX_E_SSL_THUMBPRINT:
      return "The host certificate chain is not complete, or the thumbprint does not match";
    default:
      return "Unknown error";
  }
}

char *VixDiskLib_GetErrorText(VixError error, const char *locale) {
  (void)locale;
  return strdup(error_text(error));
}

void VixDiskLib_FreeErrorText(char *text) { free(text); }

/* The strings inside belong to the caller. */
ConnectParams *VixDiskLib_AllocateConnectParams(void) { return calloc(1, sizeof(ConnectParams)); }

void VixDiskLib_FreeConnectParams(ConnectParams *params) { free(params); }

static void free_connection(struct connection *connection) {
  pthread_mutex_destroy(&connection->lock);
  free(connection->site);
  free(connection->vm);
  free(connection->snapshot);
  free(connection);
}

static VixError check_connection(struct connection *connection, const ConnectParams *params) {
  struct site_faults faults;
  VixError error = site_check_access(connection->site, params);

  if (error != VIX_OK) return error;
  site_read_faults(connection->site, &faults);
  if (faults.refuse_connect) return VIX_E_HOST_SERVER_NOT_RESPONDING;
  return site_check_snapshot(connection->site, connection->vm, connection->snapshot);
}

VixError VixDiskLib_ConnectEx(const ConnectParams *params, char read_only, const char *snapshot,
                              const char *transports, void **result) {
  struct connection *connection;
  VixError error;

  (void)transports;
  *result = NULL;
  if (params == NULL || params->vmxSpec == NULL || library_dir == NULL) return VIX_E_INVALID_ARG;
  /* A snapshot can be opened for reading only. */
  if (snapshot != NULL && !read_only) return VIX_E_INVALID_ARG;
  if (strncmp(params->vmxSpec, "moref=", 6) != 0) return VIX_E_VM_NOT_FOUND;
  connection = calloc(1, sizeof *connection);
  if (connection == NULL) return VIX_E_OUT_OF_MEMORY;
  pthread_mutex_init(&connection->lock, NULL);
  connection->site = site_find(library_dir, params->port);
  connection->vm = strdup(params->vmxSpec + 6);
  connection->snapshot = snapshot == NULL ? NULL : strdup(snapshot);
  if (connection->site == NULL)
    error = VIX_E_CANNOT_CONNECT_TO_HOST;
  else if (connection->vm == NULL || (snapshot != NULL && connection->snapshot == NULL))
    error = VIX_E_OUT_OF_MEMORY;
  else
    error = check_connection(connection, params);
  if (error != VIX_OK) {
    free_connection(connection);
    return error;
  }
  *result = connection;
  return VIX_OK;
}

VixError VixDiskLib_Disconnect(void *connection) {
  if (connection == NULL) return VIX_E_INVALID_ARG;
  free_connection(connection);
  return VIX_OK;
}

VixError VixDiskLib_PrepareForAccess(const ConnectParams *params, const char *identity) {
  (void)identity;
  return params == NULL ? VIX_E_INVALID_ARG : VIX_OK;
}

VixError VixDiskLib_EndAccess(const ConnectParams *params, const char *identity) {
  (void)identity;
  return params == NULL ? VIX_E_INVALID_ARG : VIX_OK;
}

VixError VixDiskLib_Create(void *connection, const char *path, const void *params, void *progress,
                           void *data) {
  (void)connection;
  (void)path;
  (void)params;
  (void)progress;
  (void)data;
  return VIX_E_NOT_SUPPORTED;
}

VixError VixDiskLib_Open(void *opaque, const char *path, uint32_t flags, void **result) {
  struct connection *connection = opaque;
  struct handle *handle;
  VixError error;

  *result = NULL;
  if (connection == NULL || path == NULL) return VIX_E_INVALID_ARG;
  if ((flags & OPEN_READ_ONLY) == 0) return VIX_E_FILE_READ_ONLY;
  handle = calloc(1, sizeof *handle);
  if (handle == NULL) return VIX_E_OUT_OF_MEMORY;
  handle->connection = connection;
  error =
      site_open_disk(connection->site, connection->vm, connection->snapshot, path, &handle->chain);
  if (error != VIX_OK) {
    free(handle);
    return error;
  }
  *result = handle;
  return VIX_OK;
}

VixError VixDiskLib_Close(void *opaque) {
  struct handle *handle = opaque;

  if (handle == NULL) return VIX_E_INVALID_ARG;
  chain_free(handle->chain);
  free(handle);
  return VIX_OK;
}

const char *VixDiskLib_GetTransportMode(void *handle) { return handle == NULL ? NULL : "nbdssl"; }

const char *VixDiskLib_ListTransportModes(void) { return "file:nbdssl:nbd"; }

VixError VixDiskLib_GetInfo(void *opaque, DiskInfo **result) {
  struct handle *handle = opaque;
  DiskInfo *info = handle == NULL ? NULL : calloc(1, sizeof *info);

  if (info == NULL) return handle == NULL ? VIX_E_INVALID_ARG : VIX_E_OUT_OF_MEMORY;
  info->capacity = chain_capacity(handle->chain) / SECTOR_BYTES;
  info->adapterType = 3;
  info->numLinks = chain_layers(handle->chain) > 0 ? chain_layers(handle->chain) : 1;
  info->logicalSectorSize = SECTOR_BYTES;
  info->physicalSectorSize = SECTOR_BYTES;
  info->biosGeo = (Geometry){(uint32_t)(info->capacity / (255 * 63)), 255, 63};
  info->physGeo = info->biosGeo;
  *result = info;
  return VIX_OK;
}

void VixDiskLib_FreeInfo(DiskInfo *info) { free(info); }

/* The number of this read on its connection, from 0. */
static long count_read(struct connection *connection) {
  long number;

  pthread_mutex_lock(&connection->lock);
  number = connection->reads++;
  pthread_mutex_unlock(&connection->lock);
  return number;
}

static bool is_outside(const struct handle *handle, uint64_t start, uint64_t count) {
  uint64_t sectors = chain_capacity(handle->chain) / SECTOR_BYTES;

  return start > sectors || count > sectors - start;
}

VixError VixDiskLib_Read(void *opaque, uint64_t start, uint64_t count, unsigned char *buffer) {
  struct handle *handle = opaque;
  struct site_faults faults;

  if (handle == NULL || buffer == NULL) return VIX_E_INVALID_ARG;
  if (is_outside(handle, start, count)) return VIX_E_DISK_OUTOFRANGE;
  site_read_faults(handle->connection->site, &faults);
  if (faults.slow_ms > 0) {
    struct timespec pause = {faults.slow_ms / 1000, faults.slow_ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
  }
  if (faults.disconnect_after_reads >= 0 &&
      count_read(handle->connection) >= faults.disconnect_after_reads)
    return VIX_E_HOST_NETWORK_CONN_LOST;
  if (faults.fail_from_offset >= 0 &&
      (start + count) * SECTOR_BYTES > (uint64_t)faults.fail_from_offset)
    return VIX_E_FILE_ERROR;
  site_count_read(handle->connection->site, count * SECTOR_BYTES);
  return chain_read(handle->chain, start * SECTOR_BYTES, count * SECTOR_BYTES, buffer) == 0
             ? VIX_OK
             : VIX_E_FILE_ERROR;
}

/* Complete before it returns, which the interface allows. */
VixError VixDiskLib_ReadAsync(void *handle, uint64_t start, uint64_t count, unsigned char *buffer,
                              CompletionCallback *callback, void *data) {
  VixError error = VixDiskLib_Read(handle, start, count, buffer);

  if (error != VIX_OK) return error;
  callback(data, VIX_OK);
  return VIX_ASYNC;
}

VixError VixDiskLib_Write(void *handle, uint64_t start, uint64_t count,
                          const unsigned char *buffer) {
  (void)handle;
  (void)start;
  (void)count;
  (void)buffer;
  return VIX_E_FILE_READ_ONLY;
}

VixError VixDiskLib_WriteAsync(void *handle, uint64_t start, uint64_t count,
                               const unsigned char *buffer, CompletionCallback *callback,
                               void *data) {
  (void)callback;
  (void)data;
  return VixDiskLib_Write(handle, start, count, buffer);
}

VixError VixDiskLib_Flush(void *handle) { return handle == NULL ? VIX_E_INVALID_ARG : VIX_OK; }

VixError VixDiskLib_Wait(void *handle) { return handle == NULL ? VIX_E_INVALID_ARG : VIX_OK; }

/* Whether any block inside a chunk of the answer is held by a layer. */
static bool is_allocated(const struct chain *chain, uint64_t start, uint64_t sectors) {
  uint64_t first = start * SECTOR_BYTES / CHAIN_BLOCK_BYTES;
  uint64_t last = ((start + sectors) * SECTOR_BYTES - 1) / CHAIN_BLOCK_BYTES;

  for (uint64_t block = first; block <= last; block++)
    if (chain_has_block(chain, block)) return true;
  return false;
}

VixError VixDiskLib_QueryAllocatedBlocks(void *opaque, uint64_t start, uint64_t count,
                                         uint64_t chunk, BlockList **result) {
  struct handle *handle = opaque;
  uint64_t chunks = chunk == 0 ? 0 : count / chunk;
  BlockList *list;

  if (handle == NULL || chunk < CHUNK_MIN_SECTORS || chunk % CHUNK_MIN_SECTORS != 0 ||
      count % chunk != 0 || start % chunk != 0 || chunks == 0 || chunks > CHUNK_MAX_NUMBER)
    return VIX_E_INVALID_ARG;
  list = calloc(1, sizeof *list + (chunks + 1) / 2 * sizeof list->blocks[0]);
  if (list == NULL) return VIX_E_OUT_OF_MEMORY;
  for (uint64_t i = 0; i < chunks; i++) {
    uint64_t at = start + i * chunk;
    Block *last = list->numBlocks == 0 ? NULL : &list->blocks[list->numBlocks - 1];
    if (!is_allocated(handle->chain, at, chunk)) continue;
    if (last != NULL && last->offset + last->length == at)
      last->length += chunk;
    else
      list->blocks[list->numBlocks++] = (Block){at, chunk};
  }
  *result = list;
  return VIX_OK;
}

VixError VixDiskLib_FreeBlockList(BlockList *list) {
  free(list);
  return VIX_OK;
}
