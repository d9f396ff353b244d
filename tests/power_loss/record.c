// Records, in order, all changes of a process to the files of one folder. It is loaded before the C
// library.
//
// RECORD_FOLDER is the folder, RECORD_FILE the file for the record. A lock is held during each change
// and its recording, so the record has the true order. A flush is recorded but not done: the record
// decides what was durable, not the disk of this machine. `tests/power_loss/record.rs` reads the record.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX 1024

struct head {
    uint8_t kind[8]; // the first byte is the action
    int64_t fd, offset, length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *folder;
static int record = -1;
static char recorded[FILES_MAX]; // descriptors of files in the folder

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void begin(void) {
    folder = getenv("RECORD_FOLDER");
    const char *log = getenv("RECORD_FILE");
    if (folder && log) record = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// Returns a name in the folder, "" for the folder itself, NULL for other and for memory-mapped files.
static const char *inside(const char *path) {
    size_t length = folder ? strlen(folder) : 0;
    if (record < 0 || strncmp(path, folder, length) != 0) return NULL;
    if (path[length] == 0) return "";
    if (path[length] != '/') return NULL;
    size_t whole = strlen(path);
    if (whole > 4 && strcmp(path + whole - 4, "-shm") == 0) return NULL;
    return path + length + 1;
}

static int is_recorded(int fd) { return record >= 0 && fd >= 0 && fd < FILES_MAX && recorded[fd]; }

static void note(char kind, int64_t fd, int64_t offset, const void *data, size_t length) {
    struct head head = {{kind}, fd, offset, (int64_t)length};
    struct iovec parts[2] = {{&head, sizeof head}, {(void *)data, length}};
    if (REAL(writev)(record, parts, 2) != (ssize_t)(sizeof head + length)) abort();
}

static int opened(int at, const char *path, int flags, mode_t mode) {
    const char *name = inside(path);
    if (!name) return REAL(openat)(at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int fd = REAL(openat)(at, path, flags, mode);
    if (fd >= FILES_MAX) abort();
    if (fd >= 0) {
        recorded[fd] = 1;
        note(flags & O_TRUNC ? 'T' : 'O', fd, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name, ...)                                  \
    {                                                    \
        va_list rest;                                    \
        va_start(rest, flags);                           \
        mode_t mode = mode_of(flags, rest);              \
        va_end(rest);                                    \
        return opened(__VA_ARGS__, path, flags, mode);   \
    }

int open(const char *path, int flags, ...) OPEN(open, AT_FDCWD)
int open64(const char *path, int flags, ...) OPEN(open64, AT_FDCWD)
int openat(int at, const char *path, int flags, ...) OPEN(openat, at)
int openat64(int at, const char *path, int flags, ...) OPEN(openat64, at)

int close(int fd) {
    if (!is_recorded(fd)) return REAL(close)(fd);
    pthread_mutex_lock(&lock);
    recorded[fd] = 0;
    note('C', fd, 0, "", 0);
    int done = REAL(close)(fd);
    pthread_mutex_unlock(&lock);
    return done;
}

// Writes with the lock held. With the offset -1, writes at the descriptor's own offset.
static ssize_t written(int fd, const void *data, size_t length, off_t offset) {
    pthread_mutex_lock(&lock);
    off_t at = offset;
    if (offset < 0) {
        int flags = fcntl(fd, F_GETFL);
        at = lseek(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
    }
    ssize_t done = offset < 0 ? REAL(write)(fd, data, length) : REAL(pwrite)(fd, data, length, offset);
    if (done > 0) note('W', fd, at, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t write(int fd, const void *data, size_t length) {
    return is_recorded(fd) ? written(fd, data, length, -1) : REAL(write)(fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return is_recorded(fd) ? written(fd, data, length, offset) : REAL(pwrite)(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off_t offset) { return pwrite(fd, data, length, offset); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_recorded(fd)) return REAL(writev)(fd, parts, count);
    return count == 0 ? 0 : written(fd, parts[0].iov_base, parts[0].iov_len, -1); // a short write is allowed
}

static int resized(int fd, off_t length) {
    if (!is_recorded(fd)) return REAL(ftruncate)(fd, length);
    pthread_mutex_lock(&lock);
    int done = REAL(ftruncate)(fd, length);
    if (done == 0) note('S', fd, length, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate(int fd, off_t length) { return resized(fd, length); }
int ftruncate64(int fd, off_t length) { return resized(fd, length); }

static int flushed(int fd) {
    pthread_mutex_lock(&lock);
    note('F', fd, 0, "", 0);
    pthread_mutex_unlock(&lock);
    usleep(100); // as a disk does, so that other operations can share the next flush
    return 0;
}

int fsync(int fd) { return is_recorded(fd) ? flushed(fd) : REAL(fsync)(fd); }
int fdatasync(int fd) { return is_recorded(fd) ? flushed(fd) : REAL(fdatasync)(fd); }

// Records a change of names, as `from` and `to` with a zero between.
static void renamed(char kind, const char *from, const char *to) {
    char names[1024];
    int length = snprintf(names, sizeof names, "%s%c%s", from, 0, to);
    note(kind, -1, 0, names, (size_t)length);
}

#define RENAME(kind, call)                               \
    {                                                    \
        const char *here = inside(from), *there = inside(to); \
        if (!here || !there) return call;                \
        pthread_mutex_lock(&lock);                       \
        int done = call;                                 \
        if (done == 0) renamed(kind, here, there);       \
        pthread_mutex_unlock(&lock);                     \
        return done;                                     \
    }

int rename(const char *from, const char *to) RENAME('R', REAL(rename)(from, to))
int link(const char *from, const char *to) RENAME('L', REAL(link)(from, to))
int linkat(int a, const char *from, int b, const char *to, int flags) RENAME('L', REAL(linkat)(a, from, b, to, flags))

int unlink(const char *path) {
    const char *name = inside(path);
    if (!name) return REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    int done = REAL(unlink)(path);
    if (done == 0) note('U', -1, 0, name, strlen(name));
    pthread_mutex_unlock(&lock);
    return done;
}
