/* What statfs(2) says of a file system, with the type that TYPE names: there is no server of NFS or SMB in a test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/vfs.h>

static long type(void)
{
    return strtoul(getenv("TYPE"), NULL, 16);
}

int statfs(const char *path, struct statfs *found)
{
    int (*next)(const char *, struct statfs *) = dlsym(RTLD_NEXT, "statfs");
    int result = next(path, found);
    found->f_type = type();
    return result;
}

int statfs64(const char *path, struct statfs64 *found)
{
    int (*next)(const char *, struct statfs64 *) = dlsym(RTLD_NEXT, "statfs64");
    int result = next(path, found);
    found->f_type = type();
    return result;
}
