/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "db/place.h"
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
    if (place_data(r->dir, buf_c(&r->making), &r->report->aside, r->why)) return -1;
    if (move_deltas(r) || move_backups(r)) { /* the world itself is in place: this is no failure of the restore */
        buf_printf(&r->report->text, "The world is restored, but not all of what came after it could be set aside: %s\n", buf_c(r->why));
        buf_clear(r->why);
    }
    (void)files_sync(path_in(&path, r->dir, "deltas"));
    (void)files_sync(path_in(&path, r->dir, "backups"));
    buf_fini(&path);
    return 0;
}
