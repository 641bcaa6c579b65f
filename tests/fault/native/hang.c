/* A file system that does not answer: opening what lies below $PICKLEWATCH_HANG hangs while the file
   $PICKLEWATCH_HANG.hangs is there. Looking at names does not (their attributes are cached, as on NFS). */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *place;
static char flag[4096];

__attribute__((constructor)) static void begin(void) {
    place = getenv("PICKLEWATCH_HANG");
    if (place != NULL)
        snprintf(flag, sizeof flag, "%s.hangs", place);
}

static void wait_for_answer(const char *path) {
    if (place != NULL && strncmp(path, place, strlen(place)) == 0 && path[strlen(place)] == '/')
        while (access(flag, F_OK) == 0)
            usleep(20000);
}

#define OPENS(name)                                                              \
    int name(const char *path, int flags, ...) {                                 \
        static int (*real)(const char *, int, ...);                              \
        va_list rest;                                                            \
        va_start(rest, flags);                                                   \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                            \
        if (real == NULL)                                                        \
            real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);     \
        wait_for_answer(path);                                                   \
        return real(path, flags, mode);                                          \
    }

OPENS(open)
OPENS(open64)
