/* A kernel that tells of nothing: what inotify says is thrown away while the file $PICKLEWATCH_DEAF is there. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char inotify[] = "anon_inode:inotify";

static int is_deaf(int fd) {
    const char *flag = getenv("PICKLEWATCH_DEAF");
    char path[64], target[64];
    if (flag == NULL || access(flag, F_OK) != 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, target, sizeof target);
    return length == (ssize_t)strlen(inotify) && memcmp(target, inotify, strlen(inotify)) == 0;
}

ssize_t read(int fd, void *buffer, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (real == NULL)
        real = (ssize_t (*)(int, void *, size_t))dlsym(RTLD_NEXT, "read");
    ssize_t got = real(fd, buffer, size);
    return got > 0 && is_deaf(fd) ? 0 : got;
}
