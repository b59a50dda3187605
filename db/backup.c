/* SPDX-License-Identifier: MIT */
/*
 * Making a backup: a directory beside its final name gets the copy, is synced, read back by `check', and renamed. WORLD/backups/lock is held meanwhile, so what an interrupted run
 * left there (names that end in .new) can be removed by the next.
 */
#include "db/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/backup_ring.h"
#include "db/instant.h"
#include "db/world.h"

#define LEAVE_FREE ((int64_t)16 << 20) /* of the file system, for the world's own next saves */

struct work {
    const char *dir;
    struct store *store;
    struct instant instant;
    struct buf parent, target, making; /* directories */
    bool by_save; /* its name is that of the save in it */
    int lock; /* of WORLD/backups; -1: the backup goes elsewhere */
    struct buf *why;
};

static int say(struct work *w, const char *what, const char *path) {
    buf_printf(w->why, "%s: %s: %s", path, what, strerror(errno));
    return -1;
}

int db_backup_prepare(const char *dir, struct buf *why) {
    struct buf path = BUF_INIT;
    if (!files_is_directory(dir)) return buf_printf(why, "%s: no such world", dir), -1;
    buf_printf(&path, "%s/deltas", dir);
    int rc = files_make_directory(buf_c(&path));
    if (rc) buf_printf(why, "%s: cannot be made: %s", buf_c(&path), strerror(errno));
    buf_fini(&path);
    return rc;
}

/* ---- where it goes ---- */

bool db_backup_name_is_good(const char *name) {
    size_t n = strlen(name);
    if (n == 0 || n > 100 || name[0] == '.' || name[0] == '-' || !strcmp(name, "lock")) return false;
    for (const char *p = name; *p; p++)
        if (*p == '/' || (unsigned char)*p < ' ' || *p == 127) return false;
    return n < 4 || strcmp(name + n - 4, ".new");
}

static void remove_leftovers(const char *parent) {
    DIR *d = opendir(parent);
    struct buf path = BUF_INIT;
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        size_t n = strlen(e->d_name);
        if (n < 4 || strcmp(e->d_name + n - 4, ".new")) continue;
        buf_clear(&path);
        buf_printf(&path, "%s/%s", parent, e->d_name);
        files_remove_tree(buf_c(&path));
    }
    if (d) closedir(d);
    buf_fini(&path);
}

/* One backup at a time makes its files in WORLD/backups. */
static int lock_parent(struct work *w) {
    struct buf path = BUF_INIT;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    buf_printf(&path, "%s/lock", buf_c(&w->parent));
    w->lock = open(buf_c(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = w->lock < 0 ? -1 : fcntl(w->lock, F_SETLK, &lock);
    if (rc && w->lock >= 0 && (errno == EACCES || errno == EAGAIN)) buf_printf(w->why, "%s: another backup is being made; wait for its end", w->dir);
    else if (rc) say(w, "cannot be locked", buf_c(&path));
    else remove_leftovers(buf_c(&w->parent));
    buf_fini(&path);
    return rc;
}

static bool has_world(const char *dir) {
    struct buf path = BUF_INIT;
    struct stat st;
    buf_printf(&path, "%s/data.mdb", dir);
    int rc = lstat(buf_c(&path), &st);
    buf_fini(&path);
    return rc == 0;
}

static int choose_place(struct work *w, const char *to) {
    bool in_ring = !to || !strchr(to, '/');
    if (to && in_ring && !db_backup_name_is_good(to)) {
        buf_printf(w->why, "'%.100s' is no name for a backup: no slash, no control character, not beginning with . or -, not ending in .new", to);
        return -1;
    }
    if (in_ring) buf_printf(&w->parent, "%s/backups", w->dir);
    else if (has_world(to)) return buf_printf(w->why, "%s exists already, and is a world: name another place", to), -1;
    else if (files_is_directory(to)) buf_add_c(&w->parent, to);
    else buf_add_c(&w->target, to);
    while (w->target.len > 1 && w->target.data[w->target.len - 1] == '/') w->target.data[--w->target.len] = 0;
    if (in_ring && files_make_directory(buf_c(&w->parent))) return say(w, "cannot be made", buf_c(&w->parent));
    if (in_ring && lock_parent(w)) return -1;
    if (w->parent.len && to && in_ring) buf_printf(&w->target, "%s/%s", buf_c(&w->parent), to);
    return 0;
}

static void name_by_save(struct work *w) {
    buf_clear(&w->target);
    buf_printf(&w->target, "%s/", buf_c(&w->parent));
    ring_name(&w->target, w->instant.time, w->instant.generation);
}

/* The rest of the names, once it is known what will be in it. */
static void name_place(struct work *w) {
    w->by_save = !w->target.len;
    if (w->by_save) name_by_save(w);
    if (w->lock >= 0) buf_printf(&w->making, "%s.new", buf_c(&w->target));
    else buf_printf(&w->making, "%s.%ld.new", buf_c(&w->target), (long)getpid()); /* what another run left does not stop this one */
}

/* ---- the copy ---- */

static int check_room(struct work *w) {
    struct buf holder = BUF_INIT;
    buf_add_c(&holder, buf_c(&w->target));
    char *slash = strrchr(holder.data, '/');
    if (slash) slash[slash == holder.data] = 0;
    int64_t needed = store_copy_size(w->store), room = files_free_bytes(slash ? holder.data : ".");
    buf_fini(&holder);
    if (room < 0 || needed < 0 || room >= needed + LEAVE_FREE) return 0;
    buf_printf(w->why, "%s: there is not enough room: the copy takes %.1f MB, and only %.1f MB are free", buf_c(&w->target), (double)needed / 1e6, (double)room / 1e6);
    return -1;
}

/* What is there under the name already: 1: this very save; 0: nothing; -1 with *why. */
static int look_at_target(struct work *w) {
    struct stat st;
    struct instant there;
    struct buf ignored = BUF_INIT;
    if (lstat(buf_c(&w->target), &st)) return 0;
    int rc = instant_peek(buf_c(&w->target), &there, &ignored);
    buf_fini(&ignored);
    if (!rc && there.mark == w->instant.mark) return 1;
    buf_printf(w->why, "%s exists already: name another place", buf_c(&w->target));
    return -1;
}

static int copy_to(struct work *w) {
    if (mkdir(buf_c(&w->making), 0700)) return say(w, "cannot be made", buf_c(&w->making));
    if (store_copy(w->store, buf_c(&w->making))) return buf_add_c(w->why, store_error(w->store)), -1;
    struct buf data = BUF_INIT;
    buf_printf(&data, "%s/data.mdb", buf_c(&w->making));
    int rc = chmod(buf_c(&data), 0600) || files_sync(buf_c(&data)) ? -1 : 0;
    if (rc) say(w, "cannot be synced", buf_c(&data));
    buf_fini(&data);
    return rc;
}

struct reading_back {
    struct buf first; /* fault */
    void (*progress)(void *ctx, double part);
    void *ctx;
};

static void note_fault(void *ctx, const char *text) {
    struct reading_back *r = ctx;
    if (!r->first.len) buf_add_c(&r->first, text);
}

static void note_progress(void *ctx, double part) {
    const struct reading_back *r = ctx;
    if (r->progress) r->progress(r->ctx, part);
}

int backup_verify(const char *dir, void (*progress)(void *ctx, double part), void *ctx, struct buf *why) {
    struct reading_back r = {.progress = progress, .ctx = ctx};
    int rc = db_world_check(dir, note_fault, progress ? note_progress : NULL, &r, why);
    if (rc > 0) buf_printf(why, "%s is not sound: %s", dir, buf_c(&r.first));
    buf_fini(&r.first);
    return rc > 0 ? -1 : rc;
}

/* A backup is one file; what reading it back left beside it goes. */
static void remove_lock_file(const char *dir) {
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/lock.mdb", dir);
    unlink(buf_c(&path));
    buf_fini(&path);
}

static int put_in_place(struct work *w) {
    const char *making = buf_c(&w->making), *target = buf_c(&w->target);
    remove_lock_file(making);
    if (files_sync(making)) return say(w, "cannot be synced", making);
    int rc = renameat2(AT_FDCWD, making, AT_FDCWD, target, RENAME_NOREPLACE);
    if (rc && errno == EINVAL) rc = rename(making, target); /* a file system that cannot promise it */
    if (rc) return say(w, "cannot be made", target);
    if (files_sync_parent(target)) return say(w, "cannot be synced", target);
    return 0;
}

/* ---- all of it ---- */

static int begin(struct work *w, const char *to) {
    if (!files_is_directory(w->dir)) return buf_printf(w->why, "%s: no such world", w->dir), -1;
    if (choose_place(w, to)) return -1;
    if (store_open(&w->store, w->dir, &(struct store_options){.read_only = true}, w->why)) return -1;
    if (store_read_begin(w->store)) return buf_add_c(w->why, store_error(w->store)), -1;
    int rc = instant_read(w->store, &w->instant);
    if (rc) buf_printf(w->why, "%s: its meta record is damaged, or there is none; `evermoo check' tells more", w->dir);
    if (!rc) name_place(w);
    if (!rc) rc = look_at_target(w);
    if (!rc) rc = check_room(w);
    store_read_end(w->store);
    return rc;
}

static int make(struct work *w, void (*progress)(void *ctx, double part), void *ctx) {
    struct instant copied;
    int rc = copy_to(w);
    store_close(w->store);
    w->store = NULL;
    if (!rc) rc = backup_verify(buf_c(&w->making), progress, ctx, w->why);
    if (!rc) rc = instant_peek(buf_c(&w->making), &copied, w->why);
    if (!rc && copied.mark != w->instant.mark) { /* a save has come in between */
        w->instant = copied;
        if (w->by_save) name_by_save(w);
    }
    if (!rc) rc = put_in_place(w);
    if (rc) files_remove_tree(buf_c(&w->making));
    return rc;
}

static int64_t data_size(const char *dir) {
    struct buf path = BUF_INIT;
    struct stat st;
    buf_printf(&path, "%s/data.mdb", dir);
    int rc = stat(buf_c(&path), &st);
    buf_fini(&path);
    return rc ? -1 : (int64_t)st.st_size;
}

int db_backup(const char *dir, const char *to, struct db_backup_report *report, void (*progress)(void *ctx, double part), void *ctx, struct buf *why) {
    struct work w = {.dir = dir, .lock = -1, .why = why};
    int64_t started = clock_monotonic_us();
    *report = (struct db_backup_report){.path = BUF_INIT};
    int rc = begin(&w, to);
    if (rc == 0) rc = make(&w, progress, ctx);
    else if (rc > 0) report->was_there = true, rc = 0;
    if (rc == 0) {
        report->path = w.target;
        w.target = (struct buf)BUF_INIT;
        report->generation = w.instant.generation;
        report->time = w.instant.time;
        report->records = w.instant.records;
        report->bytes = data_size(buf_c(&report->path));
        report->microseconds = clock_monotonic_us() - started;
    }
    store_close(w.store);
    if (w.lock >= 0) close(w.lock);
    buf_fini(&w.parent);
    buf_fini(&w.target);
    buf_fini(&w.making);
    return rc;
}
