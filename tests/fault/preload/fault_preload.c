/* LD_PRELOAD: makes the Nth system call on files below a folder fail or fall short, in a real process. See
 * fault_control.h. Without GANTRY_FAULT_ROOT and GANTRY_FAULT_CONTROL every call just passes. */
#define _GNU_SOURCE
#include "tests/fault/preload/fault_control.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct gantry_fault_control* control;
static char root[PATH_MAX];
static size_t root_size;

__attribute__((constructor)) static void begin(void) {
  const char* wanted = getenv("GANTRY_FAULT_ROOT");
  const char* file = getenv("GANTRY_FAULT_CONTROL");
  if (wanted == NULL || file == NULL || strlen(wanted) >= sizeof root) return;
  strcpy(root, wanted);
  root_size = strlen(root);
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) _exit(120);
  void* map = (void*)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (map == MAP_FAILED) _exit(121);
  control = map;
}

static int is_ours(const char* path) {
  return path != NULL && strncmp(path, root, root_size) == 0 && (path[root_size] == '/' || path[root_size] == '\0');
}

/* The path behind a descriptor; its first byte is 0 when it has none below the root. */
static const char* path_of(int fd, char* buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, buffer, PATH_MAX - 1);
  buffer[size > 0 ? size : 0] = '\0';
  if (!is_ours(buffer)) buffer[0] = '\0';
  return buffer;
}

enum verdict { PASS, FAIL, SHORTEN };

static enum verdict judge(int kind, const char* name, const char* path) {
  if (control == NULL || path == NULL || path[0] == '\0') return PASS;
  if ((__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) & kind) == 0) return PASS;
  const int64_t call = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
  const int64_t from = __atomic_load_n(&control->fail_from, __ATOMIC_SEQ_CST);
  if (from == 0 || call < from || call >= __atomic_load_n(&control->fail_until, __ATOMIC_SEQ_CST)) return PASS;
  const int64_t number = __atomic_load_n(&control->error_number, __ATOMIC_SEQ_CST);
  if (number == 0 && (kind & (GANTRY_FAULT_READ | GANTRY_FAULT_WRITE)) == 0) return PASS;
  __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
  snprintf(control->last, sizeof control->last, "%s %.200s", name, path);
  if (number == 0) return SHORTEN;
  errno = (int)number;
  return FAIL;
}

static enum verdict judge_path(int kind, const char* name, const char* path) {
  return control != NULL && is_ours(path) ? judge(kind, name, path) : PASS;
}

static enum verdict judge_fd(int kind, const char* name, int fd) {
  char buffer[PATH_MAX];
  return control == NULL ? PASS : judge(kind, name, path_of(fd, buffer));
}

static size_t half(size_t size) { return size > 1 ? size / 2 : size; }

/* `next` is the C library's function of that name. */
#define NEXT(name)               \
  static __typeof__(name)* next; \
  if (next == NULL) *(void**)&next = dlsym(RTLD_NEXT, #name)

/* ---- opening ---- */

static mode_t mode_argument(int flags, va_list arguments) {
  return (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                               \
  EXPORT int name(const char* path, int flags, ...) {                   \
    NEXT(name);                                                         \
    va_list arguments;                                                  \
    va_start(arguments, flags);                                         \
    const mode_t mode = mode_argument(flags, arguments);                \
    va_end(arguments);                                                  \
    if (judge_path(GANTRY_FAULT_OPEN, "open", path) == FAIL) return -1; \
    return next(path, flags, mode);                                     \
  }
#define DEFINE_OPENAT(name)                                               \
  EXPORT int name(int folder, const char* path, int flags, ...) {         \
    NEXT(name);                                                           \
    va_list arguments;                                                    \
    va_start(arguments, flags);                                           \
    const mode_t mode = mode_argument(flags, arguments);                  \
    va_end(arguments);                                                    \
    if (judge_path(GANTRY_FAULT_OPEN, "openat", path) == FAIL) return -1; \
    return next(folder, path, flags, mode);                               \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

EXPORT int __open_2(const char* path, int flags) { return open(path, flags); }
EXPORT int __open64_2(const char* path, int flags) { return open64(path, flags); }

/* ---- moving bytes ---- */

EXPORT ssize_t write(int fd, const void* data, size_t size) {
  NEXT(write);
  const enum verdict verdict = judge_fd(GANTRY_FAULT_WRITE, "write", fd);
  return verdict == FAIL ? -1 : next(fd, data, verdict == SHORTEN ? half(size) : size);
}

#define DEFINE_PWRITE(name)                                                                   \
  EXPORT ssize_t name(int fd, const void* data, size_t size, off64_t at) {                    \
    NEXT(name);                                                                               \
    const enum verdict verdict = judge_fd(GANTRY_FAULT_WRITE, "pwrite", fd);                  \
    return verdict == FAIL ? -1 : next(fd, data, verdict == SHORTEN ? half(size) : size, at); \
  }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

#define DEFINE_PWRITEV(name)                                                                                \
  EXPORT ssize_t name(int fd, const struct iovec* parts, int count, off64_t at) {                           \
    NEXT(name);                                                                                             \
    const enum verdict verdict = judge_fd(GANTRY_FAULT_WRITE, "pwritev", fd);                               \
    return verdict == FAIL ? -1 : next(fd, parts, verdict == SHORTEN && count > 1 ? count / 2 : count, at); \
  }
DEFINE_PWRITEV(pwritev)
DEFINE_PWRITEV(pwritev64)

#define DEFINE_PREAD(name)                                                                    \
  EXPORT ssize_t name(int fd, void* data, size_t size, off64_t at) {                          \
    NEXT(name);                                                                               \
    const enum verdict verdict = judge_fd(GANTRY_FAULT_READ, "pread", fd);                    \
    return verdict == FAIL ? -1 : next(fd, data, verdict == SHORTEN ? half(size) : size, at); \
  }
DEFINE_PREAD(pread)
DEFINE_PREAD(pread64)

#define DEFINE_PREADV2(name)                                                                 \
  EXPORT ssize_t name(int fd, const struct iovec* parts, int count, off64_t at, int flags) { \
    NEXT(name);                                                                              \
    const enum verdict verdict = judge_fd(GANTRY_FAULT_READ, "preadv2", fd);                 \
    if (verdict == FAIL) return -1;                                                          \
    if (verdict != SHORTEN || count != 1) return next(fd, parts, count, at, flags);          \
    const struct iovec part = {parts[0].iov_base, half(parts[0].iov_len)};                   \
    return next(fd, &part, 1, at, flags);                                                    \
  }
DEFINE_PREADV2(preadv2)
DEFINE_PREADV2(preadv64v2)

/* ---- syncing ---- */

#define DEFINE_SYNC(name)                                                  \
  EXPORT int name(int fd) {                                                \
    NEXT(name);                                                            \
    return judge_fd(GANTRY_FAULT_SYNC, #name, fd) == FAIL ? -1 : next(fd); \
  }
DEFINE_SYNC(fsync)
DEFINE_SYNC(fdatasync)
DEFINE_SYNC(syncfs)

/* Which mappings are of files below the root: msync names an address only. */
enum { MAPS_MAX = 4096 };
static struct {
  char* at;
  size_t size;
} maps[MAPS_MAX];

static void note_map(void* at, size_t size) {
  for (int i = 0; i < MAPS_MAX; ++i) {
    char* expected = NULL;
    if (!__atomic_compare_exchange_n(&maps[i].at, &expected, at, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) continue;
    __atomic_store_n(&maps[i].size, size, __ATOMIC_SEQ_CST);
    return;
  }
}

static int is_our_map(const char* at) {
  for (int i = 0; i < MAPS_MAX; ++i) {
    const char* from = __atomic_load_n(&maps[i].at, __ATOMIC_SEQ_CST);
    if (from != NULL && at >= from && at < from + __atomic_load_n(&maps[i].size, __ATOMIC_SEQ_CST)) return 1;
  }
  return 0;
}

EXPORT int msync(void* at, size_t size, int flags) {
  NEXT(msync);
  if (control != NULL && is_our_map(at) && judge(GANTRY_FAULT_SYNC, "msync", root) == FAIL) return -1;
  return next(at, size, flags);
}

#define DEFINE_MMAP(name)                                                                     \
  EXPORT void* name(void* hint, size_t size, int protection, int flags, int fd, off64_t at) { \
    NEXT(name);                                                                               \
    char buffer[PATH_MAX];                                                                    \
    const int ours = control != NULL && fd >= 0 && path_of(fd, buffer)[0] != '\0';            \
    if (ours && judge(GANTRY_FAULT_MAP, "mmap", buffer) == FAIL) return MAP_FAILED;           \
    void* map = next(hint, size, protection, flags, fd, at);                                  \
    if (ours && map != MAP_FAILED) note_map(map, size);                                       \
    return map;                                                                               \
  }
DEFINE_MMAP(mmap)
DEFINE_MMAP(mmap64)

EXPORT int munmap(void* at, size_t size) {
  NEXT(munmap);
  for (int i = 0; control != NULL && i < MAPS_MAX; ++i) {
    char* expected = at;
    (void)__atomic_compare_exchange_n(&maps[i].at, &expected, NULL, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  }
  return next(at, size);
}

/* ---- sizes, space, names ---- */

#define DEFINE_TRUNCATE(name)                                                              \
  EXPORT int name(int fd, off64_t size) {                                                  \
    NEXT(name);                                                                            \
    return judge_fd(GANTRY_FAULT_TRUNCATE, "ftruncate", fd) == FAIL ? -1 : next(fd, size); \
  }
DEFINE_TRUNCATE(ftruncate)
DEFINE_TRUNCATE(ftruncate64)

#define DEFINE_ALLOCATE(name)                                                                        \
  EXPORT int name(int fd, int mode, off64_t at, off64_t size) {                                      \
    NEXT(name);                                                                                      \
    return judge_fd(GANTRY_FAULT_ALLOCATE, "fallocate", fd) == FAIL ? -1 : next(fd, mode, at, size); \
  }
DEFINE_ALLOCATE(fallocate)
DEFINE_ALLOCATE(fallocate64)

EXPORT int rename(const char* from, const char* to) {
  NEXT(rename);
  return judge_path(GANTRY_FAULT_RENAME, "rename", from) == FAIL ? -1 : next(from, to);
}
EXPORT int unlink(const char* path) {
  NEXT(unlink);
  return judge_path(GANTRY_FAULT_UNLINK, "unlink", path) == FAIL ? -1 : next(path);
}
EXPORT int unlinkat(int folder, const char* path, int flags) {
  NEXT(unlinkat);
  char buffer[PATH_MAX];
  const char* named = path[0] == '/'                          ? (is_ours(path) ? path : "")
                      : control != NULL && folder != AT_FDCWD ? path_of(folder, buffer)
                                                              : "";
  return judge(GANTRY_FAULT_UNLINK, "unlinkat", named) == FAIL ? -1 : next(folder, path, flags);
}
EXPORT int mkdir(const char* path, mode_t mode) {
  NEXT(mkdir);
  return judge_path(GANTRY_FAULT_MKDIR, "mkdir", path) == FAIL ? -1 : next(path, mode);
}
