/* A disk that fails: while the file that FAILING names is there, calls of the C library for files of a spool
 * fail with the error number in it. If the number is negative, only those that read do. Loaded with
 * LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

/* The number in the file; 0 if there is none. */
static int number(void) {
    const char *name = getenv("FAILING");
    char text[16] = {0};
    if (name == NULL)
        return 0;
    int fd = REAL(int, "open", const char *, int, ...)(name, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t length = REAL(ssize_t, "read", int, void *, size_t)(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 ? atoi(text) : 0;
}

static int is_spool(const char *path) {
    return strstr(path, ".sqlite3") != NULL;
}

static int is_spool_fd(int fd) {
    char link[64], path[512] = {0};
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    return length > 0 && is_spool(path);
}

/* Sets errno and returns 1 if the call is to fail. */
static int writes_fail(int fd) {
    int error = is_spool_fd(fd) ? number() : 0;
    if (error > 0)
        errno = error;
    return error > 0;
}

static int reads_fail(int fd) {
    int error = is_spool_fd(fd) ? number() : 0;
    if (error < 0)
        errno = -error;
    return error < 0;
}

ssize_t write(int fd, const void *data, size_t size) {
    return writes_fail(fd) ? -1 : REAL(ssize_t, "write", int, const void *, size_t)(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    return writes_fail(fd) ? -1 : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return pwrite64(fd, data, size, at);
}

int fsync(int fd) {
    return writes_fail(fd) ? -1 : REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd) {
    return writes_fail(fd) ? -1 : REAL(int, "fdatasync", int)(fd);
}

int ftruncate64(int fd, off64_t size) {
    return writes_fail(fd) ? -1 : REAL(int, "ftruncate64", int, off64_t)(fd, size);
}

int ftruncate(int fd, off_t size) {
    return ftruncate64(fd, size);
}

ssize_t read(int fd, void *data, size_t size) {
    return reads_fail(fd) ? -1 : REAL(ssize_t, "read", int, void *, size_t)(fd, data, size);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t at) {
    return reads_fail(fd) ? -1 : REAL(ssize_t, "pread64", int, void *, size_t, off64_t)(fd, data, size, at);
}

ssize_t pread(int fd, void *data, size_t size, off_t at) {
    return pread64(fd, data, size, at);
}

/* A read-only file system refuses to open for writing. */
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (is_spool(path) && (flags & (O_WRONLY | O_RDWR)) && number() == EROFS) {
        errno = EROFS;
        return -1;
    }
    return REAL(int, "open64", const char *, int, ...)(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open64(path, flags, mode);
}
