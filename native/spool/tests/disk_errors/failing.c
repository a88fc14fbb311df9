/* A disk that fails: while the file that FAILING names is there, calls of the C library for files of a spool
 * fail with the error number in it. If the number is negative, only those that read do. While there is one with
 * .directories behind that name, only as many directories as it says can be synced. If there is one with .trace,
 * what is renamed and written, and which directories are synced and files flushed, is added to it, a line each. Loaded
 * with LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))

/* Opens the file that FAILING names, with this behind its name; -1 if there is none. */
static int open_request(const char *ending, int flags) {
    const char *name = getenv("FAILING");
    char path[512];
    if (name == NULL)
        return -1;
    snprintf(path, sizeof path, "%s%s", name, ending);
    return REAL(int, "open", const char *, int, ...)(path, flags);
}

/* The number in the file, or this one if there is none. */
static int number_in(const char *ending, int otherwise) {
    char text[16] = {0};
    int fd = open_request(ending, O_RDONLY);
    if (fd < 0)
        return otherwise;
    ssize_t length = REAL(ssize_t, "read", int, void *, size_t)(fd, text, sizeof text - 1);
    close(fd);
    return length > 0 ? atoi(text) : otherwise;
}

static int number(void) {
    return number_in("", 0);
}

static void trace(const char *what, const char *path) {
    char line[1024];
    const char *name = strrchr(path, '/');
    int before = errno, fd = open_request(".trace", O_WRONLY | O_APPEND);
    if (fd >= 0) {
        int length = snprintf(line, sizeof line, "%s %s\n", what, name == NULL ? path : name + 1);
        if (REAL(ssize_t, "write", int, const void *, size_t)(fd, line, length) != length)
            abort();
        close(fd);
    }
    errno = before;
}

static int is_spool(const char *path) {
    return strstr(path, ".sqlite3") != NULL;
}

static int path_of_fd(int fd, char path[512]) {
    char link[64];
    int before = errno;
    memset(path, 0, 512);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, 511);
    errno = before;
    return length > 0;
}

static int is_spool_fd(int fd) {
    char path[512];
    return path_of_fd(fd, path) && is_spool(path);
}

static int is_directory(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
}

/* Sets errno and returns 1 if the directory is not to be synced. */
static int directory_fails(int fd) {
    static int synced = 0;
    char path[512];
    int most = number_in(".directories", -1);
    if (most < 0) {
        synced = 0;
    } else if (synced++ >= most) {
        errno = EIO;
        return 1;
    }
    if (path_of_fd(fd, path))
        trace("sync", path);
    return 0;
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
    char path[512];
    if (path_of_fd(fd, path) && is_spool(path))
        trace("write", path);
    return writes_fail(fd) ? -1 : REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return pwrite64(fd, data, size, at);
}

/* Whether the file cannot be synced. */
static int sync_fails(int fd) {
    char path[512];
    if (path_of_fd(fd, path) && is_spool(path))
        trace("flush", path);
    return writes_fail(fd);
}

int fsync(int fd) {
    if (is_directory(fd) ? directory_fails(fd) : 0)
        return -1;
    return sync_fails(fd) ? -1 : REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd) {
    return sync_fails(fd) ? -1 : REAL(int, "fdatasync", int)(fd);
}

int rename(const char *from, const char *to) {
    int failed = REAL(int, "rename", const char *, const char *)(from, to);
    if (!failed)
        trace("rename", from);
    return failed;
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
