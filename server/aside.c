/* SPDX-License-Identifier: MIT */
#include "server/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/must.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { SIGNALS = sizeof signals / sizeof *signals };

/* A signal handler takes no parameter and may call little: the names are made beforehand. */
static const char *const world_files[] = {"data.mdb", "lock.mdb", "pid"};
static char *doomed[sizeof world_files / sizeof *world_files + 1];

static void remove_and_die(int number) {
    for (size_t i = 0; i < sizeof world_files / sizeof *world_files; i++) unlink(doomed[i]);
    rmdir(doomed[sizeof world_files / sizeof *world_files]);
    raise(number); /* SA_RESETHAND: now it ends the process */
}

static void watch_signals(const char *dir) {
    for (size_t i = 0; i < sizeof doomed / sizeof *doomed; i++) {
        struct buf path = BUF_INIT;
        buf_printf(&path, "%s", dir);
        if (i < sizeof world_files / sizeof *world_files) buf_printf(&path, "/%s", world_files[i]);
        doomed[i] = path.data;
    }
    struct sigaction sa = {.sa_handler = remove_and_die, .sa_flags = (int)SA_RESETHAND};
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler != SIG_IGN) sigaction(signals[i], &sa, NULL);
    }
}

static void unwatch_signals(void) {
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction old;
        sigaction(signals[i], NULL, &old);
        if (old.sa_handler == remove_and_die) signal(signals[i], SIG_DFL);
    }
    for (size_t i = 0; i < sizeof doomed / sizeof *doomed; i++) {
        free(doomed[i]);
        doomed[i] = NULL;
    }
}

int aside_begin(struct aside *a, const char *target, struct buf *why) {
    struct stat st;
    *a = (struct aside){.target = target};
    if (lstat(target, &st) == 0) {
        buf_printf(why, "%s exists already: name another place for the new world, or remove it first", target);
        return -1;
    }
    size_t len = strlen(target);
    while (len > 1 && target[len - 1] == '/') len--;
    buf_printf(&a->dir, "%.*s.new.%ld", (int)len, target, (long)getpid());
    watch_signals(buf_c(&a->dir));
    return 0;
}

void aside_abort(struct aside *a) {
    files_remove_tree(buf_c(&a->dir));
    unwatch_signals();
    buf_fini(&a->dir);
}

int aside_commit(struct aside *a, struct buf *why) {
    if (renameat2(AT_FDCWD, buf_c(&a->dir), AT_FDCWD, a->target, RENAME_NOREPLACE) == 0 ||
        (errno == EINVAL && rename(buf_c(&a->dir), a->target) == 0)) { /* EINVAL: a file system that cannot promise it */
        buf_clear(&a->dir);
        buf_add_c(&a->dir, a->target);
        while (a->dir.len > 1 && a->dir.data[a->dir.len - 1] == '/') a->dir.data[--a->dir.len] = 0;
        int rc = files_sync_parent(buf_c(&a->dir)); /* the rename is durable when the directory that holds the name is */
        if (rc) buf_printf(why, "%s is complete, but its name cannot be synced: %s", a->target, strerror(errno));
        unwatch_signals();
        buf_fini(&a->dir);
        return rc;
    }
    buf_printf(why, "%s cannot be made: %s", a->target, strerror(errno));
    aside_abort(a);
    return -1;
}
