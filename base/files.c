/* SPDX-License-Identifier: MIT */
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/must.h"

enum { COPY_BYTES = 1 << 20, OPEN_DIRECTORIES = 8 };

int files_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int rc = fsync(fd), e = errno;
    close(fd);
    errno = e;
    return rc;
}

int files_sync_parent(const char *path) {
    char *copy = xstrdup(path), *slash;
    while ((slash = strrchr(copy, '/')) && slash != copy && !slash[1]) *slash = 0;
    if (slash) slash[slash == copy] = 0;
    int rc = files_sync(slash ? copy : ".");
    free(copy);
    return rc;
}

bool files_is_directory(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t files_free_bytes(const char *path) {
    struct statvfs v;
    return statvfs(path, &v) ? -1 : (int64_t)v.f_bavail * (int64_t)v.f_frsize;
}

static int write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return -1;
        p += k, n -= (size_t)k;
    }
    return 0;
}

static int copy_open(int in, int out) {
    char *bytes = xmalloc(COPY_BYTES);
    ssize_t n;
    int rc = 0;
    while (!rc && (n = read(in, bytes, COPY_BYTES)) != 0) {
        if (n > 0) rc = write_all(out, bytes, (size_t)n);
        else if (errno != EINTR) rc = -1;
    }
    free(bytes);
    return rc ? rc : fsync(out);
}

int files_copy(const char *from, const char *to) {
    int in = open(from, O_RDONLY | O_CLOEXEC), out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = out < 0 ? -1 : copy_open(in, out), e = errno;
    if (out >= 0 && close(out) && !rc) rc = -1, e = errno;
    if (out >= 0 && rc) unlink(to);
    if (in >= 0) close(in);
    errno = e;
    return rc;
}

int files_make_directory(const char *path) {
    if (mkdir(path, 0700)) return errno == EEXIST && files_is_directory(path) ? 0 : -1;
    return files_sync_parent(path);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    (void)remove(path);
    return 0;
}

void files_remove_tree(const char *path) { (void)nftw(path, remove_one, OPEN_DIRECTORIES, FTW_DEPTH | FTW_PHYS); }
