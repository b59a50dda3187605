/* SPDX-License-Identifier: MIT */
#include "preload.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct control *control;
static char dir[PATH_MAX];
static size_t dir_len;
static int journal = -1;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

/* The system's own calls: nothing in here may come back to itself. */
static void *map_shared(const char *path, size_t len) {
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *p = fd < 0 ? MAP_FAILED : (void *)syscall(SYS_mmap, NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    return p;
}

__attribute__((constructor)) static void begin(void) {
    const char *d = getenv("FAULT_DIR"), *c = getenv("FAULT_CONTROL"), *j = getenv("FAULT_JOURNAL");
    if (!d || strlen(d) >= sizeof dir) return;
    dir_len = strlen(d);
    memcpy(dir, d, dir_len + 1);
    if (j) journal = (int)syscall(SYS_openat, AT_FDCWD, j, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
    void *p = c ? map_shared(c, sizeof *control) : MAP_FAILED;
    if (p != MAP_FAILED) control = p;
}

/* ---- which files ---- */

static bool is_inside(const char *path) {
    size_t n = strlen(path);
    if (!dir_len || strncmp(path, dir, dir_len) || (path[dir_len] && path[dir_len] != '/')) return false;
    return n < 8 || strcmp(path + n - 8, "lock.mdb"); /* no part of a world: the first to open it makes it anew */
}

/* The name of an open file, in `out'; false when it is not in the directory. */
static bool name_of(int fd, char out[PATH_MAX]) {
    char link[40];
    if (!dir_len) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    return is_inside(out);
}

static bool is_ours(int fd) {
    char name[PATH_MAX];
    int e = errno;
    bool ours = name_of(fd, name);
    errno = e;
    return ours;
}

/* The absolute name of a path, as far as text tells. */
static bool path_name(int at, const char *path, char out[PATH_MAX]) {
    char base[PATH_MAX] = "";
    if (!dir_len || !path) return false;
    if (*path != '/') {
        char link[40];
        snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, base, sizeof base - 2);
        if (n <= 0) return false;
        base[n] = '/';
        base[n + 1] = 0;
    }
    if (strlen(base) + strlen(path) >= PATH_MAX) return false;
    strcpy(out, base);
    strcat(out, path);
    return is_inside(out);
}

static uint64_t inode_of(int fd) {
    struct stat st;
    return fstat(fd, &st) ? 0 : st.st_ino;
}

static uint64_t inode_at(const char *path) {
    struct stat st;
    return lstat(path, &st) ? 0 : st.st_ino;
}

/* ---- the journal ---- */

static uint64_t next_id(void) {
    static atomic_uint_fast64_t last;
    return (uint64_t)getpid() << 32 | ++last;
}

static void note(struct entry e, const struct iovec *bytes, int n) {
    struct iovec all[IOV_MAX];
    int k = 1;
    if (journal < 0) return;
    all[0] = (struct iovec){&e, sizeof e};
    for (int i = 0; i < n && k < IOV_MAX; i++) {
        all[k++] = bytes[i];
        e.len += (uint32_t)bytes[i].iov_len;
    }
    if (syscall(SYS_writev, journal, all, k) < 0) abort(); /* appended as one */
}

static void note_names(enum entry_kind kind, uint64_t inode, uint64_t at, const char *name, const char *other) {
    struct iovec bytes[2] = {{(void *)name, strlen(name) + (other ? 1 : 0)}, {(void *)other, other ? strlen(other) : 0}};
    note((struct entry){.kind = kind, .inode = inode, .at = at}, bytes, other ? 2 : 1);
}

/* ---- faults ---- */

static atomic_uint_fast64_t *atom(uint64_t *word) { return (atomic_uint_fast64_t *)word; }

/* Counts this call. 0, or the errno with which it is to fail. */
static int fault(unsigned calls) {
    if (!control || !(control->calls & calls)) return 0;
    uint64_t n = atomic_fetch_add(atom(&control->counted), 1) + 1;
    if (n < control->from || n > control->to) return 0;
    atomic_fetch_add(atom(&control->failed), 1);
    note((struct entry){.kind = ENTRY_FAILED}, NULL, 0);
    return (int)control->error;
}

static ssize_t refuse(int error) {
    errno = error;
    return -1;
}

/* How many of these bytes there is room for. */
static size_t room_for(int fd, size_t len, off_t at) {
    struct stat st;
    if (!control || control->room == NO_ACCOUNT || fstat(fd, &st)) return len;
    off_t growth = at + (off_t)len - st.st_size;
    if (growth <= 0) return len;
    if ((uint64_t)growth <= control->room) {
        control->room -= (uint64_t)growth;
        return len;
    }
    size_t fits = len > (size_t)growth - control->room ? len - ((size_t)growth - (size_t)control->room) : 0;
    control->room = 0;
    return fits;
}

static void give_back(uint64_t bytes) {
    if (control && control->room != NO_ACCOUNT) control->room += bytes;
}

/* ---- writing ---- */

/* Whether each write syncs itself. The system is not asked to do so: see fsync(). */
static bool syncs_itself[1 << 16];
static bool is_synced(int fd) { return fd >= 0 && fd < 1 << 16 && syncs_itself[fd]; }

static size_t total(const struct iovec *v, int n) {
    size_t len = 0;
    for (int i = 0; i < n; i++) len += v[i].iov_len;
    return len;
}

static ssize_t write_and_note(int fd, const struct iovec *v, int n, off_t at, uint64_t id) {
    note((struct entry){.kind = ENTRY_WRITE, .inode = inode_of(fd), .at = (uint64_t)at, .id = id}, v, n);
    ssize_t done = syscall(SYS_pwritev, fd, v, n, (long)at, (long)(at >> 32));
    if (id && done >= 0) note((struct entry){.kind = ENTRY_DONE, .id = id}, NULL, 0);
    return done;
}

static ssize_t write_part(int fd, const struct iovec *v, size_t len, off_t at) {
    return write_and_note(fd, &(struct iovec){v->iov_base, v->iov_len < len ? v->iov_len : len}, 1, at, 0);
}

/* All writes come here; the file is ours. */
static ssize_t write_at(int fd, const struct iovec *v, int n, off_t at) {
    bool syncs = is_synced(fd);
    size_t len = total(v, n);
    int error = fault(CALL_WRITE | (syncs ? CALL_META : 0));
    if (error == EIO && syncs) write_and_note(fd, v, n, at, 0); /* it went into the system's memory, and perhaps to the disk: who knows */
    if (error && error != ERROR_SHORT) return refuse(error);
    size_t fits = error ? len / 2 : room_for(fd, len, at);
    if (!fits && len) return refuse(ENOSPC);
    if (fits < len) return write_part(fd, v, fits, at);
    uint64_t id = syncs && !(control && control->lies & LIE_META) ? next_id() : 0;
    return write_and_note(fd, v, n, at, id);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at) {
    if (!is_ours(fd)) return syscall(SYS_pwrite64, fd, p, n, at);
    return write_at(fd, &(struct iovec){(void *)p, n}, 1, at);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) {
    if (!is_ours(fd)) return syscall(SYS_pwritev, fd, v, n, (long)at, (long)(at >> 32));
    return write_at(fd, v, n, at);
}
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) __attribute__((alias("pwritev")));

ssize_t writev(int fd, const struct iovec *v, int n) {
    if (!is_ours(fd)) return REAL(writev)(fd, v, n);
    off_t at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    if (at < 0) return REAL(writev)(fd, v, n); /* no file */
    ssize_t done = write_at(fd, v, n, at);
    if (done > 0) lseek(fd, at + done, SEEK_SET);
    return done;
}

ssize_t write(int fd, const void *p, size_t n) {
    if (!is_ours(fd)) return REAL(write)(fd, p, n);
    return writev(fd, &(struct iovec){(void *)p, n}, 1);
}

int ftruncate(int fd, off_t len) {
    struct stat st;
    if (!is_ours(fd)) return (int)syscall(SYS_ftruncate, fd, len);
    int error = fault(CALL_TRUNCATE);
    if (error) return (int)refuse(error == ERROR_SHORT ? EIO : error);
    if (!fstat(fd, &st) && st.st_size > len) give_back((uint64_t)(st.st_size - len));
    note((struct entry){.kind = ENTRY_TRUNCATE, .inode = inode_of(fd), .at = (uint64_t)len}, NULL, 0);
    return (int)syscall(SYS_ftruncate, fd, len);
}
int ftruncate64(int fd, off64_t len) __attribute__((alias("ftruncate")));

int fallocate(int fd, int mode, off_t at, off_t len) {
    if (is_ours(fd)) return (int)refuse(EOPNOTSUPP); /* whoever asks must do without */
    return (int)syscall(SYS_fallocate, fd, mode, at, len);
}
int fallocate64(int fd, int mode, off64_t at, off64_t len) __attribute__((alias("fallocate")));

/* ---- syncing ---- */

static int sync_with(int fd, long call) {
    if (!is_ours(fd)) return (int)syscall(call, fd);
    int error = fault(CALL_SYNC);
    if (error) return (int)refuse(error == ERROR_SHORT ? EIO : error);
    if (control && control->lies & LIE_SYNC) return 0;
    struct entry e = {.kind = ENTRY_SYNC, .inode = inode_of(fd), .id = next_id()};
    note(e, NULL, 0);
    e.kind = ENTRY_DONE;
    note(e, NULL, 0);
    return 0;
}

/* The disk is never asked: no test cuts real power, and what is synced a replay knows from the journal. */
int fsync(int fd) { return sync_with(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_with(fd, SYS_fdatasync); }

/* ---- names ---- */

static int open_file(int at, const char *path, int flags, mode_t mode) {
    char name[PATH_MAX];
    bool ours = path_name(at, path, name);
    int error = ours ? fault(CALL_OPEN) : 0;
    if (error) return (int)refuse(error == ERROR_SHORT ? EIO : error);
    bool makes = ours && (flags & O_CREAT) && access(name, F_OK);
    int fd = (int)syscall(SYS_openat, at, path, ours ? flags & ~(O_SYNC | O_DSYNC) : flags, mode);
    if (fd < 0 || !ours) return fd;
    if (fd < 1 << 16) syncs_itself[fd] = (flags & O_DSYNC) != 0;
    if (makes) note_names(ENTRY_CREATE, inode_of(fd), 0, name, NULL);
    else if (flags & O_TRUNC) note((struct entry){.kind = ENTRY_TRUNCATE, .inode = inode_of(fd)}, NULL, 0);
    return fd;
}

static mode_t mode_of(int flags, va_list rest) { return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0; }

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_file(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int openat(int at, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_file(at, path, flags, mode);
}
int openat64(int at, const char *path, int flags, ...) __attribute__((alias("openat")));
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags) { return open_file(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));

static int rename_names(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX];
    bool from_ours = path_name(from_at, from, old), ours = path_name(to_at, to, new) && from_ours;
    int error = ours ? fault(CALL_RENAME) : 0;
    if (error) return (int)refuse(error == ERROR_SHORT ? EIO : error);
    uint64_t inode = ours ? inode_at(old) : 0;
    int rc = (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    if (!rc && ours) note_names(ENTRY_RENAME, inode, flags, old, new);
    return rc;
}

int rename(const char *from, const char *to) { return rename_names(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return rename_names(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return rename_names(a, from, b, to, flags); }

static int unlink_name(int at, const char *path, int flags) {
    char name[PATH_MAX];
    struct stat st;
    bool ours = path_name(at, path, name);
    uint64_t inode = ours ? inode_at(name) : 0;
    if (ours && !lstat(name, &st) && S_ISREG(st.st_mode)) give_back((uint64_t)st.st_size);
    int rc = (int)syscall(SYS_unlinkat, at, path, flags);
    if (!rc && ours) note_names(ENTRY_UNLINK, inode, 0, name, NULL);
    return rc;
}

int unlink(const char *path) { return unlink_name(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return unlink_name(at, path, flags); }
int rmdir(const char *path) { return unlink_name(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    struct stat st;
    return unlink_name(AT_FDCWD, path, !lstat(path, &st) && S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char *path, mode_t mode) {
    char name[PATH_MAX];
    int rc = (int)syscall(SYS_mkdirat, at, path, mode);
    if (!rc && path_name(at, path, name)) note_names(ENTRY_CREATE, inode_at(name), 1, name, NULL);
    return rc;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* ---- streams: the C library writes past us, unless the writing function is ours ---- */

static ssize_t stream_write(void *cookie, const char *p, size_t n) {
    ssize_t done = write((int)(intptr_t)cookie, p, n);
    return done < 0 ? 0 : done;
}
static ssize_t stream_read(void *cookie, char *p, size_t n) { return read((int)(intptr_t)cookie, p, n); }
static int stream_seek(void *cookie, off64_t *at, int whence) {
    off_t to = lseek((int)(intptr_t)cookie, *at, whence);
    *at = to;
    return to < 0 ? -1 : 0;
}
static int stream_close(void *cookie) { return close((int)(intptr_t)cookie); }

FILE *fdopen(int fd, const char *mode) {
    if (!is_ours(fd)) return REAL(fdopen)(fd, mode);
    FILE *f = fopencookie((void *)(intptr_t)fd, mode, (cookie_io_functions_t){stream_read, stream_write, stream_seek, stream_close});
    if (f) f->_fileno = fd;
    return f;
}

FILE *fopen(const char *path, const char *mode) {
    char name[PATH_MAX];
    if (!path_name(AT_FDCWD, path, name)) return REAL(fopen)(path, mode);
    int way = strchr(mode, '+') ? O_RDWR : *mode == 'r' ? O_RDONLY : O_WRONLY;
    int how = *mode == 'w' ? O_CREAT | O_TRUNC : *mode == 'a' ? O_CREAT | O_APPEND : 0;
    int fd = open(path, way | how | (strchr(mode, 'e') ? O_CLOEXEC : 0), 0666);
    return fd < 0 ? NULL : fdopen(fd, mode);
}
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

/* ---- memory ---- */

void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset) {
    int error = fd >= 0 && is_ours(fd) ? fault(CALL_MMAP) : 0;
    if (error) return refuse(error == ERROR_SHORT ? ENOMEM : error), MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, len, prot, flags, fd, offset);
}
void *mmap64(void *at, size_t len, int prot, int flags, int fd, off64_t offset) __attribute__((alias("mmap")));

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static bool memory_fails(void) {
    if (!fault(CALL_MALLOC)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n) { return memory_fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return memory_fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return memory_fails() ? NULL : __libc_realloc(p, n); }
