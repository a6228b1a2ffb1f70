#include "site.h"

#include "sha256.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

static FILE *open_text(const char *directory, const char *name) {
  char *path = NULL;
  FILE *file;

  if (asprintf(&path, "%s/%s", directory, name) < 0) return NULL;
  file = fopen(path, "re");
  free(path);
  return file;
}

static void chomp(char *line) { line[strcspn(line, "\n")] = '\0'; }

/* The value of a line that begins with the keyword and a space, or NULL. */
static const char *value_of(const char *line, const char *keyword) {
  size_t length = strlen(keyword);

  return strncmp(line, keyword, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

char *site_find(const char *library_dir, uint32_t port) {
  char *name = NULL, *line = NULL;
  size_t room = 0;
  FILE *file;

  if (asprintf(&name, "sites/%" PRIu32, port == 0 ? 443 : port) < 0) return NULL;
  file = open_text(library_dir, name);
  free(name);
  if (file == NULL) return NULL;
  if (getline(&line, &room, file) > 0)
    chomp(line);
  else {
    free(line);
    line = NULL;
  }
  fclose(file);
  return line;
}

static size_t from_hex(const char *text, unsigned char *bytes, size_t room) {
  size_t count = 0;

  while (count < room && isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1])) {
    char pair[3] = {text[0], text[1], '\0'};
    bytes[count++] = (unsigned char)strtoul(pair, NULL, 16);
    text += 2;
  }
  return count;
}

/* In a time that does not depend on where the first difference is. */
static bool is_digest_of(const char *hex, const unsigned char *salt, size_t salt_length,
                         const char *secret) {
  unsigned char expected[SHA256_BYTES], actual[SHA256_BYTES];
  struct sha256_part parts[2] = {{salt, salt_length}, {secret, strlen(secret)}};
  unsigned char difference = 0;

  if (from_hex(hex, expected, sizeof expected) != sizeof expected) return false;
  sha256(parts, 2, actual);
  for (size_t i = 0; i < sizeof actual; i++) difference |= (unsigned char)(expected[i] ^ actual[i]);
  return difference == 0;
}

/* The value of the session cookie in whatever form it is handed over: bare, quoted, or with its
 * name. */
static char *cookie_value(const char *cookie) {
  const char *start = strstr(cookie, "vmware_soap_session=");

  start = start == NULL ? cookie : start + strlen("vmware_soap_session=");
  if (*start == '"') start++;
  return strndup(start, strcspn(start, "\"; "));
}

struct access {
  bool server, thumbprint, user, secret;
};

VixError site_check_access(const char *site, const ConnectParams *params) {
  struct access ok = {false, false, false, false};
  bool by_session = params->credType == CRED_SESSIONID;
  const char *user = by_session ? params->creds.sessionId.userName : params->creds.uid.userName;
  const char *given = by_session ? params->creds.sessionId.cookie : params->creds.uid.password;
  unsigned char salt[64];
  size_t salt_length = 0, room = 0;
  char *line = NULL, *secret;
  FILE *file;

  if (params->serverName == NULL || given == NULL || (params->credType != CRED_UID && !by_session))
    return VIX_E_INVALID_ARG;
  secret = by_session ? cookie_value(given) : strdup(given);
  file = open_text(site, "access");
  if (file == NULL || secret == NULL) {
    free(secret);
    if (file != NULL) fclose(file);
    return VIX_E_CANNOT_CONNECT_TO_HOST;
  }
  while (getline(&line, &room, file) > 0) {
    const char *value;
    chomp(line);
    if ((value = value_of(line, "server")) != NULL)
      ok.server |= strcasecmp(value, params->serverName) == 0;
    else if ((value = value_of(line, "thumbprint")) != NULL)
      ok.thumbprint = params->thumbPrint != NULL && strcasecmp(value, params->thumbPrint) == 0;
    else if ((value = value_of(line, "user")) != NULL)
      ok.user = by_session || (user != NULL && strcasecmp(value, user) == 0);
    else if ((value = value_of(line, "salt")) != NULL)
      salt_length = from_hex(value, salt, sizeof salt);
    else if ((value = value_of(line, by_session ? "session" : "password")) != NULL)
      ok.secret |= is_digest_of(value, salt, salt_length, secret);
  }
  free(line);
  fclose(file);
  explicit_bzero(secret, strlen(secret));
  free(secret);
  if (!ok.server) return VIX_E_CANNOT_CONNECT_TO_HOST;
  if (!ok.thumbprint) return VIX_E_SSL_THUMBPRINT;
  return ok.user && ok.secret ? VIX_OK : VIX_E_HOST_USER_PERMISSIONS;
}

/* References are used as file names, so they must not be able to be anything else. */
static bool is_reference(const char *text) {
  if (*text == '\0' || strlen(text) > 80) return false;
  for (const char *c = text; *c != '\0'; c++)
    if (!isalnum((unsigned char)*c) && *c != '-') return false;
  return true;
}

static char *snapshot_path(const char *site, const char *vm, const char *snapshot) {
  char *path = NULL;

  return asprintf(&path, "%s/vms/%s/%s", site, vm, snapshot == NULL ? "current" : snapshot) < 0
             ? NULL
             : path;
}

VixError site_check_snapshot(const char *site, const char *vm, const char *snapshot) {
  char *path, *directory = NULL;
  VixError result = VIX_OK;

  if (!is_reference(vm)) return VIX_E_VM_NOT_FOUND;
  if (snapshot != NULL && !is_reference(snapshot)) return VIX_E_SNAPSHOT_NOTFOUND;
  path = snapshot_path(site, vm, snapshot);
  if (path == NULL || asprintf(&directory, "%s/vms/%s", site, vm) < 0) {
    free(path);
    return VIX_E_OUT_OF_MEMORY;
  }
  if (access(path, R_OK) != 0) {
    if (snapshot == NULL)
      result = access(directory, R_OK) == 0 ? VIX_E_FILE_ERROR : VIX_E_VM_NOT_FOUND;
    else
      result = access(directory, R_OK) == 0 ? VIX_E_SNAPSHOT_NOTFOUND : VIX_E_VM_NOT_FOUND;
  }
  free(directory);
  free(path);
  return result;
}

VixError site_open_disk(const char *site, const char *vm, const char *snapshot, const char *path,
                        struct chain **chain) {
  char *descriptor = snapshot_path(site, vm, snapshot), *line = NULL;
  size_t room = 0;
  FILE *file = descriptor == NULL ? NULL : fopen(descriptor, "re");
  bool mine = false;
  VixError result = VIX_E_FILE_NOT_FOUND;

  free(descriptor);
  if (file == NULL) return VIX_E_SNAPSHOT_NOTFOUND;
  while (getline(&line, &room, file) > 0) {
    const char *value;
    chomp(line);
    if ((value = value_of(line, "disk")) != NULL) {
      char *name = NULL;
      uint64_t capacity = strtoull(value, &name, 10);
      if (mine) break;
      mine = *name == ' ' && strcmp(name + 1, path) == 0;
      if (mine) {
        *chain = chain_new(capacity);
        result = *chain == NULL ? VIX_E_OUT_OF_MEMORY : VIX_OK;
      }
    } else if (mine && result == VIX_OK && (value = value_of(line, "layer")) != NULL) {
      if (chain_add_layer(*chain, value) != 0) {
        chain_free(*chain);
        *chain = NULL;
        result = VIX_E_FILE_ERROR;
      }
    }
  }
  free(line);
  fclose(file);
  return result;
}

void site_read_faults(const char *site, struct site_faults *faults) {
  char *line = NULL;
  size_t room = 0;
  FILE *file = open_text(site, "faults");

  *faults = (struct site_faults){0, -1, -1, false};
  if (file == NULL) return;
  while (getline(&line, &room, file) > 0) {
    const char *value;
    if ((value = value_of(line, "slow-ms")) != NULL)
      faults->slow_ms = strtol(value, NULL, 10);
    else if ((value = value_of(line, "disconnect-after-reads")) != NULL)
      faults->disconnect_after_reads = strtol(value, NULL, 10);
    else if ((value = value_of(line, "fail-from-offset")) != NULL)
      faults->fail_from_offset = strtoll(value, NULL, 10);
    else if ((value = value_of(line, "refuse-connect")) != NULL)
      faults->refuse_connect = strtol(value, NULL, 10) != 0;
  }
  free(line);
  fclose(file);
}

/* Readers are processes of their own that share the page of the file. */
void site_count_read(const char *site, uint64_t bytes) {
  char *path = NULL;
  uint64_t *total;
  int file;

  if (asprintf(&path, "%s/read-bytes", site) < 0) return;
  file = open(path, O_RDWR | O_CLOEXEC);
  free(path);
  if (file == -1) return;
  total = mmap(NULL, sizeof *total, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (total == MAP_FAILED) return;
  __atomic_fetch_add(total, bytes, __ATOMIC_RELAXED);
  munmap(total, sizeof *total);
}
