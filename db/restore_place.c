/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/restore_parts.h"

static int say(struct restore *r, const char *what, const char *path) {
    buf_printf(r->why, "%s: %s: %s", path, what, strerror(errno));
    return -1;
}

static const char *path_in(struct buf *b, const char *dir, const char *name) {
    buf_clear(b);
    buf_printf(b, "%s/%s", dir, name);
    return buf_c(b);
}

/* WORLD/aside-YYYYMMDDTHHMMSSZ, or with a number behind it. */
static int make_aside(struct restore *r) {
    time_t now = (time_t)clock_wall_seconds();
    struct tm tm;
    char stamp[32] = "";
    struct buf *name = &r->report->aside;
    if (gmtime_r(&now, &tm)) strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    int rc = -1;
    errno = EEXIST;
    for (int i = 1; rc && errno == EEXIST && i < 10000; i++) {
        buf_clear(name);
        buf_printf(name, "%s/aside-%s", r->dir, stamp);
        if (i > 1) buf_printf(name, "-%d", i);
        rc = mkdir(buf_c(name), 0700);
    }
    return rc ? say(r, "cannot be made", buf_c(name)) : 0;
}

/* The lock file goes too: it tells of transactions of the old data.mdb. *swapped: the old one has no name any more but the one that lies aside. */
static int swap_data(struct restore *r, bool *swapped) {
    struct buf from = BUF_INIT, to = BUF_INIT;
    const char *aside = buf_c(&r->report->aside);
    int rc = link(path_in(&from, r->dir, "data.mdb"), path_in(&to, aside, "data.mdb"));
    if (rc && errno == ENOENT) rc = 0;
    if (rc) say(r, "cannot be set aside", buf_c(&from));
    if (!rc && (files_sync(aside) || files_sync(r->dir))) rc = say(r, "cannot be synced", aside);
    if (!rc && rename(path_in(&from, buf_c(&r->making), "data.mdb"), path_in(&to, r->dir, "data.mdb"))) rc = say(r, "cannot be put in place", buf_c(&from));
    *swapped = rc == 0;
    if (!rc) (void)rename(path_in(&from, r->dir, "lock.mdb"), path_in(&to, aside, "lock.mdb"));
    if (!rc && files_sync(r->dir)) rc = say(r, "cannot be synced", r->dir);
    buf_fini(&from);
    buf_fini(&to);
    return rc;
}

/* ---- what belongs to the future that is given up ---- */

static const char *last_part(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int move_into(struct restore *r, const char *path, const char *under) {
    struct buf dir = BUF_INIT, to = BUF_INIT;
    path_in(&dir, buf_c(&r->report->aside), under);
    int rc = files_make_directory(buf_c(&dir)) || rename(path, path_in(&to, buf_c(&dir), last_part(path))) || files_sync(buf_c(&dir)) ? say(r, "cannot be set aside", path) : 0;
    buf_fini(&dir);
    buf_fini(&to);
    return rc;
}

/* Up to the delta that leads to the result a file stays, as a copy; whole it lies aside. */
static int cut_file(struct restore *r, const struct delta_file *f, int64_t end) {
    struct buf half = BUF_INIT, whole = BUF_INIT;
    buf_printf(&half, "%s.new", f->path);
    buf_printf(&whole, "%s/deltas", buf_c(&r->report->aside));
    unlink(buf_c(&half));
    int rc = files_make_directory(buf_c(&whole));
    buf_printf(&whole, "/%s", last_part(f->path));
    if (!rc) rc = files_copy(f->path, buf_c(&half));
    if (!rc) rc = truncate(buf_c(&half), end) || files_sync(buf_c(&half)) || link(f->path, buf_c(&whole)) || rename(buf_c(&half), f->path) ? -1 : 0;
    if (rc) say(r, "cannot be set aside", f->path);
    buf_fini(&half);
    buf_fini(&whole);
    return rc;
}

static int move_deltas(struct restore *r) {
    const struct delta *last = NULL;
    int rc = 0;
    for (size_t i = 0; i < r->deltas.n; i++)
        if (r->deltas.v[i].after == r->result.mark) last = &r->deltas.v[i];
    for (size_t i = 0; i < r->deltas.nfiles && !rc; i++) {
        const struct delta_file *f = &r->deltas.files[i];
        if (!last || i > last->file) rc = move_into(r, f->path, "deltas");
        else if (i == last->file && (f->good > last->end || f->torn)) rc = cut_file(r, f, last->end);
    }
    return rc;
}

static int move_backups(struct restore *r) {
    int rc = 0;
    for (size_t i = 0; i < r->backups.n && !rc; i++)
        if (r->backups.v[i].instant.generation > r->result.generation) rc = move_into(r, r->backups.v[i].path, "backups");
    return rc;
}

int restore_in_place(struct restore *r) {
    struct buf path = BUF_INIT;
    bool swapped = false;
    if (make_aside(r)) return -1;
    int rc = swap_data(r, &swapped);
    if (rc && !swapped) {
        unlink(path_in(&path, buf_c(&r->report->aside), "data.mdb"));
        rmdir(buf_c(&r->report->aside));
    }
    if (!rc && (move_deltas(r) || move_backups(r))) { /* the world itself is in place: this is no failure of the restore */
        buf_printf(&r->report->text, "The world is restored, but not all of what came after it could be set aside: %s\n", buf_c(r->why));
        buf_clear(r->why);
    }
    if (!rc) (void)files_sync(path_in(&path, r->dir, "deltas"));
    if (!rc) (void)files_sync(path_in(&path, r->dir, "backups"));
    buf_fini(&path);
    return rc;
}
