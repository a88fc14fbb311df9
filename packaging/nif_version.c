/* Prints the NIF interface that a library was built for, from the entry that it gives the VM. */
#include <dlfcn.h>
#include <stdio.h>

struct entry {
    int major;
    int minor;
};

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: nif-version LIBRARY\n");
        return 2;
    }
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const struct entry *(*init)(void) =
        (const struct entry *(*)(void))dlsym(library, "nif_init");
    if (init == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    const struct entry *entry = init();
    printf("%d.%d\n", entry->major, entry->minor);
    return 0;
}
