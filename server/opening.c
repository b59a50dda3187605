/* SPDX-License-Identifier: MIT */
#include "server/opening.h"

#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "db/backup.h"

/* ---- is it damaged? ---- */

static void keep_first(void *ctx, const char *text) {
    struct buf *first = ctx;
    log_error("DAMAGE: %s", text);
    if (!first->len) buf_add_c(first, text);
}

/* 1: the damage is in *what. -1: *why. */
static int look(const char *dir, bool whole, struct buf *what, struct buf *why) {
    struct buf text = BUF_INIT;
    int rc = db_world_probe(dir, &text);
    if (rc == 0 && whole) {
        rc = db_world_check(dir, keep_first, NULL, &text, &text);
        if (rc == -1) rc = 1;
    }
    buf_add_c(rc < 0 ? why : what, buf_c(&text));
    buf_fini(&text);
    return rc;
}

/* ---- back to a backup ---- */

static void log_lines(const char *text) {
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n) log_error("DAMAGE: %.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static int go_back(const char *dir, const struct buf *what, struct buf *why) {
    struct db_restore_report report = {.backup = BUF_INIT};
    struct buf reason = BUF_INIT;
    log_error("DAMAGE: %s", buf_c(what));
    int rc = db_restore_newest(dir, &report, &reason);
    if (rc) buf_printf(why, "%s; and there is no backup to go back to (%s); `evermoo check --repair %s' keeps what is sound", buf_c(what), buf_c(&reason), dir);
    else log_lines(buf_c(&report.text));
    db_restore_report_fini(&report);
    buf_fini(&reason);
    return rc;
}

static int deal_with(const char *dir, enum on_damage on_damage, const struct buf *what, struct buf *why) {
    if (on_damage == DAMAGE_RESTORE) return go_back(dir, what, why);
    if (on_damage == DAMAGE_ACCEPT) {
        log_error("DAMAGE: %s; the world is opened all the same, as was asked for", buf_c(what));
        return 0;
    }
    buf_printf(why, "%s; `evermoo serve' and `evermoo restore' go back to a backup, `evermoo check --repair' keeps what is sound", buf_c(what));
    return -1;
}

/* ---- */

int opening_open(struct db **out, const char *dir, const struct db_options *options, enum on_damage on_damage, bool whole, struct buf *why) {
    struct db_options locked = *options;
    struct buf what = BUF_INIT;
    *out = NULL;
    if (options->read_only || options->lock || !files_is_directory(dir)) return db_world_open(out, dir, options, why);
    locked.lock = db_world_lock(dir, why);
    if (locked.lock < 0) return -1;
    int rc = look(dir, whole, &what, why);
    if (rc > 0) rc = deal_with(dir, on_damage, &what, why);
    if (!rc) rc = db_world_open(out, dir, &locked, why);
    if (rc) close(locked.lock);
    buf_fini(&what);
    return rc ? -1 : 0;
}
