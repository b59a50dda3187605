/* SPDX-License-Identifier: MIT */
#include "server/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void descriptor_name(int fd, char out[40]) { snprintf(out, 40, "/proc/self/fd/%d", fd); }

/* Where an opened file lies, without links. */
static bool real_path(int fd, char out[PATH_MAX]) {
    char name[40];
    descriptor_name(fd, name);
    ssize_t n = readlink(name, out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = 0;
    return n > 0;
}

/* Nobody but root and the server's user can change it, or what is in it. */
static bool is_ours(const struct stat *st, const char *path, struct buf *why) {
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        buf_printf(why, "%s belongs to user %ld, and must belong to root or to the server's user, %ld; chown it", path, (long)st->st_uid, (long)geteuid());
        return false;
    }
    if (st->st_mode & (S_IWGRP | S_IWOTH)) {
        buf_printf(why, "%s may be written by %s; chmod go-w it, or put the program elsewhere", path, st->st_mode & S_IWOTH ? "everybody" : "its group");
        return false;
    }
    return true;
}

/* `held': what is to be in it under the name `base'. */
static bool is_safe_folder(const char *dir, const struct stat *held, const char *base, struct buf *why) {
    struct stat st, inside;
    int fd = open(*dir ? dir : "/", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool known = fd >= 0 && fstat(fd, &st) == 0 && fstatat(fd, base, &inside, AT_SYMLINK_NOFOLLOW) == 0 && inside.st_dev == held->st_dev && inside.st_ino == held->st_ino;
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) buf_printf(why, "%s: %s", dir, strerror(errno));
    else if (!known) buf_printf(why, "%s/%s has been moved or removed meanwhile; try again", dir, base);
    if (fd >= 0) close(fd);
    return known && is_ours(&st, *dir ? dir : "/", why);
}

/* All from the file's own up to `top', which is one of them. */
static bool are_safe_folders(const char *path, const struct stat *file, const char *top, struct buf *why) {
    char dir[PATH_MAX];
    struct stat held = *file;
    snprintf(dir, sizeof dir, "%s", path);
    for (;;) {
        char *slash = strrchr(dir, '/');
        if (!slash) return true;
        *slash = 0;
        if (!is_safe_folder(dir, &held, slash + 1, why)) return false;
        if (strlen(dir) <= strlen(top)) return true;
        if (lstat(dir, &held) < 0) held = (struct stat){.st_ino = 0};
    }
}

/* The folder whose safety matters for the file at the real path `path': a configured one above it, or its own if it is the configured file. false: it may not be executed. */
static bool find_top(const struct image_rules *rules, const char *path, char top[PATH_MAX]) {
    if (realpath(rules->binary, top) && !strcmp(top, path)) {
        *strrchr(top, '/') = 0;
        return true;
    }
    for (size_t i = 0; i < rules->nfolders; i++) {
        if (!realpath(rules->folders[i], top)) continue;
        size_t n = strcmp(top, "/") ? strlen(top) : 0;
        top[n] = 0;
        if (!strncmp(path, top, n) && path[n] == '/') return true;
    }
    return false;
}

static bool lies_well(const struct image_rules *rules, int fd, const struct stat *st, struct buf *why) {
    char path[PATH_MAX], top[PATH_MAX];
    if (!real_path(fd, path)) {
        buf_printf(why, "where the program lies cannot be told: %s; /proc must be there", strerror(errno));
        return false;
    }
    if (find_top(rules, path, top)) return is_ours(st, path, why) && are_safe_folders(path, st, top, why);
    buf_printf(why, "%s is not the configured program (%s), and lies in no folder that is configured; start the server with --reboot-binary or --reboot-folder to allow it", path, rules->binary);
    return false;
}

static bool may_be_executed(const struct image_rules *rules, int fd, const char *path, struct buf *why) {
    char name[40];
    struct stat st;
    descriptor_name(fd, name);
    if (fstat(fd, &st) < 0) {
        buf_printf(why, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        buf_printf(why, "%s is no regular file; name a program", path);
    } else if (!lies_well(rules, fd, &st, why)) {
        return false;
    } else if (access(name, X_OK) < 0) {
        buf_printf(why, "%s cannot be executed: %s; chmod +x it", path, strerror(errno));
    } else {
        return true;
    }
    return false;
}

/* Opening a device or a pipe can have effects, so only what was found to be a file is opened for reading; by its descriptor, so that it is the same one. */
int image_open(const struct image_rules *rules, const char *path, struct buf *why) {
    char name[40];
    int fd = -1, place = open(path ? path : rules->binary, O_PATH | O_CLOEXEC);
    if (!path) path = rules->binary;
    if (place < 0) {
        buf_printf(why, "%s: %s", path, strerror(errno));
        return -1;
    }
    descriptor_name(place, name);
    if (may_be_executed(rules, place, path, why)) {
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0) buf_printf(why, "%s cannot be read: %s", path, strerror(errno));
    }
    close(place);
    return fd;
}

bool image_is_script(int fd) {
    char start[2];
    return pread(fd, start, 2, 0) == 2 && start[0] == '#' && start[1] == '!';
}
