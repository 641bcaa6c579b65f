/* Stands between a program and the C library's calls that change files below DISK_UNDER (directories, joined by ":").
 *
 * Each such call is a step. It is written down in the file DISK_LOG, from which disk.py rebuilds what a power cut
 * leaves, and it may be refused, or be the process's last, as the file DISK_CONTROL says:
 *
 *     LETTERS ERRNO FIRST LAST
 *
 * The steps whose letter is among LETTERS are counted from the moment at which the file was put there (by a rename);
 * those from FIRST to LAST fail with ERRNO. If it is 0, the process is killed before them; if -1, it stops (SIGSTOP)
 * before each. The file DISK_COUNT gets the steps counted, and those refused, since then (two 64-bit numbers).
 *
 * Letters: w write, t truncate or allocate, s sync, c create, o open to write, r rename, l link, u remove, m make a directory.
 * Only the program itself is looked at, not what it starts: the sandbox would not let its children tell.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int active, log_fd = -1;
static char under[8192], control[4096];
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static struct stat armed;
static char letters[32];
static int refusal;
static uint64_t first, last, *counted;

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

static void in_child(void) { active = 0; }

__attribute__((constructor)) static void begin(void)
{
    const char *value = getenv("DISK_UNDER");
    if (!value) return;
    snprintf(under, sizeof under, "%s", value);
    snprintf(control, sizeof control, "%s", getenv("DISK_CONTROL") ? getenv("DISK_CONTROL") : "");
    if ((value = getenv("DISK_LOG"))) log_fd = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if ((value = getenv("DISK_COUNT"))) {
        int fd = open(value, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0 && !ftruncate(fd, 16)) counted = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (counted == MAP_FAILED) counted = NULL;
        if (fd >= 0) close(fd);
    }
    unsetenv("LD_PRELOAD");
    pthread_atfork(NULL, NULL, in_child);
    active = 1;
}

static int is_ours(const char *path)
{
    for (const char *at = under; *at;) {
        size_t length = strcspn(at, ":");
        if (!strncmp(path, at, length) && (path[length] == '/' || !path[length] || path[length] == ' ')) return 1;
        at += length + (at[length] == ':');
    }
    return 0;
}

static int path_of(int fd, char *path, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, size - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return 1;
}

/* The directory of dirfd and name, as text. */
static int place(int dirfd, const char *name, char *path, size_t size)
{
    char base[4096] = "";
    if (*name != '/') {
        if (dirfd == AT_FDCWD ? !getcwd(base, sizeof base) : !path_of(dirfd, base, sizeof base)) return 0;
    }
    return snprintf(path, size, "%s%s%s", base, *base ? "/" : "", name) < (int)size;
}

static int fd_is_ours(int fd)
{
    char path[4096];
    return active && path_of(fd, path, sizeof path) && is_ours(path);
}

static int name_is_ours(int dirfd, const char *name)
{
    char path[8192];
    return active && place(dirfd, name, path, sizeof path) && is_ours(path);
}

static void look_at_control(void)
{
    struct stat now;
    if (stat(control, &now)) {
        armed.st_ino = 0;
        *letters = 0;
        return;
    }
    if (now.st_ino == armed.st_ino && now.st_ctim.tv_nsec == armed.st_ctim.tv_nsec) return;
    char text[128] = "";
    int fd = open(control, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    *letters = 0;
    if (length > 0 && sscanf(text, "%31s %d %lu %lu", letters, &refusal, &first, &last) != 4) *letters = 0;
    if (counted) counted[0] = counted[1] = 0;
    armed = now;
}

/* Enter a step; whether it is refused (errno is set then). Leave with `leave`. */
static int enter(char letter)
{
    static uint64_t own[2];
    pthread_mutex_lock(&mutex);
    look_at_control();
    if (!strchr(letters, letter) || !*letters) return 0;
    uint64_t *numbers = counted ? counted : own;
    uint64_t number = numbers[0]++;
    if (number < first || number > last) return 0;
    numbers[1]++;
    if (refusal < 0) {
        raise(SIGSTOP);
        return 0;
    }
    if (!refusal) kill(getpid(), SIGKILL);
    errno = refusal;
    return 1;
}

static void leave(void) { pthread_mutex_unlock(&mutex); }

struct head {
    char step;
    char rest[7];
    uint64_t inode, directory, other, offset, size;
    uint32_t name, other_name;
};

static void note(struct head head, const char *name, const char *other, const void *data, size_t size)
{
    if (log_fd < 0) return;
    int saved = errno;
    head.name = name ? strlen(name) : 0;
    head.other_name = other ? strlen(other) : 0;
    char *all = malloc(sizeof head + head.name + head.other_name + size);
    memcpy(all, &head, sizeof head);
    if (name) memcpy(all + sizeof head, name, head.name);
    if (other) memcpy(all + sizeof head + head.name, other, head.other_name);
    if (size) memcpy(all + sizeof head + head.name + head.other_name, data, size);
    size_t length = sizeof head + head.name + head.other_name + size;
    REAL(ssize_t, "write", int, const void *, size_t);
    if (real(log_fd, all, length) != (ssize_t)length) abort();
    free(all);
    errno = saved;
}

static uint64_t inode(int fd)
{
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

static const char *base(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static uint64_t parent(int dirfd, const char *name)
{
    char path[8192];
    struct stat status;
    if (!place(dirfd, name, path, sizeof path)) return 0;
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
    return stat(*path ? path : "/", &status) ? 0 : status.st_ino;
}

static uint64_t entry(int dirfd, const char *name)
{
    struct stat status;
    return fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW) ? 0 : status.st_ino;
}

static int opening(int dirfd, const char *name, int flags, mode_t mode)
{
    REAL(int, "openat", int, const char *, int, ...);
    int writing = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
    if (!writing || (flags & O_PATH) == O_PATH || !name_is_ours(dirfd, name)) return real(dirfd, name, flags, mode);
    int creates = (flags & O_CREAT) && !entry(dirfd, name);
    int fd = -1;
    if (!enter(creates ? 'c' : 'o') && (fd = real(dirfd, name, flags, mode)) >= 0) {
        struct head head = {.step = 'c', .inode = inode(fd), .directory = parent(dirfd, name)};
        if (creates) note(head, base(name), NULL, NULL, 0);
        head.step = 't';
        if (!creates && (flags & O_TRUNC)) note(head, NULL, NULL, NULL, 0);
    }
    leave();
    return fd;
}

#define OPEN(function, ...) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); } \
    return opening(__VA_ARGS__, flags, mode)

int open(const char *name, int flags, ...) { OPEN(open, AT_FDCWD, name); }
int open64(const char *name, int flags, ...) { OPEN(open64, AT_FDCWD, name); }
int openat(int dirfd, const char *name, int flags, ...) { OPEN(openat, dirfd, name); }
int openat64(int dirfd, const char *name, int flags, ...) { OPEN(openat64, dirfd, name); }

static ssize_t writing(int fd, const void *data, size_t size, off_t offset)
{
    REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
    if (!fd_is_ours(fd)) return real(fd, data, size, offset);
    ssize_t done = -1;
    if (!enter('w') && (done = real(fd, data, size, offset)) > 0)
        note((struct head){.step = 'w', .inode = inode(fd), .offset = offset, .size = done}, NULL, NULL, data, done);
    leave();
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) { return writing(fd, data, size, offset); }
ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset) { return writing(fd, data, size, offset); }

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(ssize_t, "write", int, const void *, size_t);
    if (fd == log_fd || !fd_is_ours(fd)) return real(fd, data, size);
    ssize_t done = -1;
    off_t offset = lseek(fd, 0, SEEK_CUR);
    if (!enter('w') && (done = real(fd, data, size)) > 0)
        note((struct head){.step = 'w', .inode = inode(fd), .offset = offset, .size = done}, NULL, NULL, data, done);
    leave();
    return done;
}

static int truncating(int fd, off_t size)
{
    REAL(int, "ftruncate", int, off_t);
    if (!fd_is_ours(fd)) return real(fd, size);
    int result = -1;
    if (!enter('t') && !(result = real(fd, size)))
        note((struct head){.step = 't', .inode = inode(fd), .size = size}, NULL, NULL, NULL, 0);
    leave();
    return result;
}

int ftruncate(int fd, off_t size) { return truncating(fd, size); }
int ftruncate64(int fd, off_t size) { return truncating(fd, size); }

static int allocating(int fd, off_t offset, off_t size)
{
    REAL(int, "posix_fallocate", int, off_t, off_t);
    if (!fd_is_ours(fd)) return real(fd, offset, size);
    int result = enter('t') ? errno : real(fd, offset, size);
    if (!result) {
        struct stat status = {0};
        fstat(fd, &status);
        note((struct head){.step = 't', .inode = status.st_ino, .size = status.st_size}, NULL, NULL, NULL, 0);
    }
    leave();
    return result;
}

int posix_fallocate(int fd, off_t offset, off_t size) { return allocating(fd, offset, size); }
int posix_fallocate64(int fd, off_t offset, off_t size) { return allocating(fd, offset, size); }

static int syncing(int fd, int (*real)(int))
{
    if (!fd_is_ours(fd)) return real(fd);
    int result = -1;
    if (!enter('s') && !(result = real(fd))) note((struct head){.step = 's', .inode = inode(fd)}, NULL, NULL, NULL, 0);
    leave();
    return result;
}

int fsync(int fd) { REAL(int, "fsync", int); return syncing(fd, real); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); return syncing(fd, real); }

int renameat2(int one, const char *from, int two, const char *to, unsigned flags)
{
    REAL(int, "renameat2", int, const char *, int, const char *, unsigned);
    if (!name_is_ours(one, from) && !name_is_ours(two, to)) return real(one, from, two, to, flags);
    int result = -1;
    if (!enter('r')) {
        struct head head = {.step = 'r', .directory = parent(one, from), .other = parent(two, to), .offset = flags};
        if (!(result = real(one, from, two, to, flags))) note(head, base(from), base(to), NULL, 0);
    }
    leave();
    return result;
}

int renameat(int one, const char *from, int two, const char *to) { return renameat2(one, from, two, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dirfd, const char *name, int flags)
{
    REAL(int, "unlinkat", int, const char *, int);
    if (!name_is_ours(dirfd, name)) return real(dirfd, name, flags);
    int result = -1;
    if (!enter('u')) {
        struct head head = {.step = 'u', .directory = parent(dirfd, name)};
        if (!(result = real(dirfd, name, flags))) note(head, base(name), NULL, NULL, 0);
    }
    leave();
    return result;
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

int mkdirat(int dirfd, const char *name, mode_t mode)
{
    REAL(int, "mkdirat", int, const char *, mode_t);
    if (!name_is_ours(dirfd, name)) return real(dirfd, name, mode);
    int result = -1;
    if (!enter('m') && !(result = real(dirfd, name, mode)))
        note((struct head){.step = 'm', .inode = entry(dirfd, name), .directory = parent(dirfd, name)}, base(name), NULL,
             NULL, 0);
    leave();
    return result;
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int linkat(int one, const char *from, int two, const char *to, int flags)
{
    REAL(int, "linkat", int, const char *, int, const char *, int);
    if (!name_is_ours(two, to)) return real(one, from, two, to, flags);
    int result = -1;
    if (!enter('l') && !(result = real(one, from, two, to, flags)))
        note((struct head){.step = 'l', .inode = entry(two, to), .directory = parent(two, to)}, base(to), NULL, NULL, 0);
    leave();
    return result;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
