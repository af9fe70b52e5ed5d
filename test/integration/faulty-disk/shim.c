/*
 * A disk that fails, for one process: preloaded, it makes writes and syncs below a folder fail from the n-th on, and reports
 * how much room there is. Set up by the environment:
 *   FAULT_DIR    folder whose files fail (absolute)
 *   FAULT_CALL   write | sync | short (one write takes half of its bytes, the next fail)
 *   FAULT_ERRNO  number of the error
 *   FAULT_AFTER  calls of that kind that go well before
 *   FAULT_LENGTH calls that fail, 0 for all that follow
 *   FAULT_FREE   bytes that the file system reports as free; empty for the truth
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *dir, *call, *free_bytes;
static int error_number;
static long after, length;
static atomic_long seen;

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}

__attribute__((constructor)) static void set_up(void) {
  dir = setting("FAULT_DIR");
  call = setting("FAULT_CALL");
  free_bytes = setting("FAULT_FREE");
  error_number = atoi(setting("FAULT_ERRNO"));
  after = atol(setting("FAULT_AFTER"));
  length = atol(setting("FAULT_LENGTH"));
}

static int is_below(const char *path) {
  size_t n = strlen(dir);
  return n > 0 && strncmp(path, dir, n) == 0;
}

static int is_ours(int fd) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return is_below(path);
}

/* 0: goes well. 1: fails. 2: the first that fails. */
static int fails(int fd, const char *kind) {
  if (strcmp(call, kind) != 0 || !is_ours(fd)) return 0;
  long nth = atomic_fetch_add(&seen, 1);
  if (nth < after || (length > 0 && nth >= after + length)) return 0;
  return nth == after ? 2 : 1;
}

static ssize_t failed(void) {
  errno = error_number;
  return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define WRITE(name, params, full, half)                                \
  ssize_t name params {                                                \
    if (fails(fd, "write")) return failed();                           \
    int shortened = fails(fd, "short");                                \
    if (shortened == 1) return failed();                               \
    return shortened == 2 ? REAL(name) half : REAL(name) full;         \
  }

WRITE(write, (int fd, const void *bytes, size_t n), (fd, bytes, n), (fd, bytes, n / 2))
WRITE(pwrite, (int fd, const void *bytes, size_t n, off_t at), (fd, bytes, n, at), (fd, bytes, n / 2, at))
WRITE(pwrite64, (int fd, const void *bytes, size_t n, off64_t at), (fd, bytes, n, at), (fd, bytes, n / 2, at))

static struct iovec half_of(const struct iovec *parts) {
  struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
  return half;
}

#define WRITEV(name, params, full, at)                                 \
  ssize_t name params {                                                \
    if (fails(fd, "write")) return failed();                           \
    int shortened = fails(fd, "short");                                \
    if (shortened == 1) return failed();                               \
    if (shortened == 0) return REAL(name) full;                        \
    struct iovec half = half_of(parts);                                \
    return REAL(name) at;                                              \
  }

WRITEV(writev, (int fd, const struct iovec *parts, int n), (fd, parts, n), (fd, &half, 1))
WRITEV(pwritev, (int fd, const struct iovec *parts, int n, off_t at), (fd, parts, n, at), (fd, &half, 1, at))
WRITEV(pwritev64, (int fd, const struct iovec *parts, int n, off64_t at), (fd, parts, n, at), (fd, &half, 1, at))

int fsync(int fd) { return fails(fd, "sync") ? (int)failed() : REAL(fsync)(fd); }
int fdatasync(int fd) { return fails(fd, "sync") ? (int)failed() : REAL(fdatasync)(fd); }

#define STATFS(name, type)                                             \
  int name(const char *path, struct type *found) {                     \
    int result = REAL(name)(path, found);                              \
    if (result == 0 && *free_bytes != 0 && is_below(path)) {           \
      found->f_bavail = (unsigned long)(atoll(free_bytes) / found->f_bsize); \
    }                                                                  \
    return result;                                                     \
  }

STATFS(statfs, statfs)
STATFS(statfs64, statfs64)
