/* A loss of power: at each EVERY-th call that changes a file of a spool, its files as they are at that moment go into a
 * new folder in the one that SNAPSHOTS names, with half of what the call writes. How much of the log was synced
 * before is in the file `synced' there. Loaded with LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(type, name, ...) ((type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define ENDING ".sqlite3"

static long synced = 0;

/* The name of the spool's file that has this descriptor, with what is behind `.sqlite3'. Returns 0 if it has none. */
static int spool_of(int fd, char path[512]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    memset(path, 0, 512);
    return readlink(link, path, 511) > 0 && strstr(path, ENDING) != NULL;
}

static void copy(const char *from, const char *to) {
    static char bytes[1 << 16];
    ssize_t length;
    int in = REAL(int, "open", const char *, int, ...)(from, O_RDONLY);
    int out = REAL(int, "open", const char *, int, ...)(to, O_WRONLY | O_CREAT, 0600);
    if (in < 0 || out < 0)
        abort();
    while ((length = REAL(ssize_t, "read", int, void *, size_t)(in, bytes, sizeof bytes)) > 0)
        if (REAL(ssize_t, "write", int, const void *, size_t)(out, bytes, length) != length)
            abort();
    close(in);
    close(out);
}

static void snapshot(int fd, const void *data, size_t size, off64_t at) {
    static long calls = 0;
    const char *folders = getenv("SNAPSHOTS"), *every = getenv("EVERY");
    char path[512], base[512], to[1024], name[600];
    if (folders == NULL || every == NULL || !spool_of(fd, path))
        return;
    /* Not of the copies, when they are looked at. */
    if (strncmp(path, folders, strlen(folders)) == 0 || ++calls % atol(every) != 0)
        return;
    snprintf(base, sizeof base, "%.*s", (int)(strstr(path, ENDING) - path + strlen(ENDING)), path);
    snprintf(to, sizeof to, "%s/%ld", folders, calls);
    mkdir(to, 0700);
    for (int log = 0; log < 2; log++) {
        snprintf(name, sizeof name, "%s%s", base, log ? "-wal" : "");
        snprintf(to, sizeof to, "%s/%ld/%s", folders, calls, strrchr(name, '/') + 1);
        if (access(name, F_OK) == 0)
            copy(name, to);
    }
    snprintf(to, sizeof to, "%s/%ld/%s", folders, calls, strrchr(path, '/') + 1);
    int torn = data == NULL ? -1 : REAL(int, "open", const char *, int, ...)(to, O_WRONLY);
    if (torn >= 0) {
        if (REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(torn, data, size / 2, at) < 0)
            abort();
        close(torn);
    }
    snprintf(to, sizeof to, "%s/%ld/synced", folders, calls);
    FILE *file = fopen(to, "w");
    if (file == NULL || fprintf(file, "%ld", synced) < 0 || fclose(file) != 0)
        abort();
}

static void note_sync(int fd) {
    char path[512];
    struct stat found;
    if (spool_of(fd, path) && strstr(path, "-wal") != NULL && fstat(fd, &found) == 0)
        synced = found.st_size;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    snapshot(fd, data, size, at);
    return REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return pwrite64(fd, data, size, at);
}

int fdatasync(int fd) {
    snapshot(fd, NULL, 0, 0);
    int failed = REAL(int, "fdatasync", int)(fd);
    note_sync(fd);
    return failed;
}

int fsync(int fd) {
    snapshot(fd, NULL, 0, 0);
    int failed = REAL(int, "fsync", int)(fd);
    note_sync(fd);
    return failed;
}
