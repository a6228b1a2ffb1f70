/*
 * The part of VMware's VixDiskLib interface that readers of disks use, declared from its published
 * programming guide. Sectors have 512 bytes; sizes and offsets count sectors.
 */
#ifndef VIXDISKLIB_H
#define VIXDISKLIB_H

#include <stdarg.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

#define SECTOR_BYTES 512
#define CHUNK_MIN_SECTORS 128
#define CHUNK_MAX_NUMBER (512 * 1024)

typedef uint64_t VixError;

enum {
  VIX_OK = 0,
  VIX_E_OUT_OF_MEMORY = 2,
  VIX_E_INVALID_ARG = 3,
  VIX_E_FILE_NOT_FOUND = 4,
  VIX_E_NOT_SUPPORTED = 6,
  VIX_E_FILE_READ_ONLY = 12,
  VIX_E_FILE_ERROR = 7,
  VIX_E_HOST_USER_PERMISSIONS = 3014,
  VIX_E_VM_NOT_FOUND = 4000,
  VIX_E_SNAPSHOT_NOTFOUND = 13003,
  VIX_E_HOST_NETWORK_CONN_LOST = 14010,
  VIX_E_HOST_SERVER_NOT_RESPONDING = 14009,
  VIX_E_DISK_OUTOFRANGE = 16009,
  VIX_E_CANNOT_CONNECT_TO_HOST = 18000,
  VIX_E_SSL_THUMBPRINT = 18001,
  VIX_ASYNC = 25000,
};

#define OPEN_READ_ONLY 4

enum { CRED_UID = 1, CRED_SESSIONID = 2 };

typedef void LogFunction(const char *format, va_list arguments);
typedef void CompletionCallback(void *data, VixError result);

typedef struct {
  char *vmxSpec;
  char *serverName;
  char *thumbPrint;
  long privateUse;
  int credType;
  union {
    struct {
      char *userName;
      char *password;
    } uid;
    struct {
      char *cookie;
      char *userName;
      char *key;
    } sessionId;
    void *ticketId;
  } creds;
  uint32_t port;
  uint32_t nfcHostPort;
  char *vimApiVer;
  char reserved[8];
  void *state;
  struct {
    char *id;
    char *datastoreMoRef;
    char *ssId;
  } vStorageObjSpec;
  int specType;
} ConnectParams;

typedef struct {
  uint32_t cylinders;
  uint32_t heads;
  uint32_t sectors;
} Geometry;

typedef struct {
  Geometry biosGeo;
  Geometry physGeo;
  uint64_t capacity;
  int adapterType;
  int numLinks;
  char *parentFileNameHint;
  char *uuid;
  uint32_t logicalSectorSize;
  uint32_t physicalSectorSize;
} DiskInfo;

typedef struct {
  uint64_t offset;
  uint64_t length;
} Block;

typedef struct {
  uint32_t numBlocks;
  Block blocks[];
} BlockList;

#endif
