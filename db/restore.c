/* SPDX-License-Identifier: MIT */
/*
 * The way back: a sound backup is copied to a directory of its own, deltas are replayed there, all of it is verified, and then it is put in place. Whatever stops it before that
 * leaves the world as it was. In place, the order of the steps makes each moment of a crash harmless: the old data.mdb has a second name before the new one takes the first;
 * deltas that are not moved yet belong to another history by their marks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/must.h"
#include "db/backup.h"
#include "db/backup_ring.h"
#include "db/delta.h"
#include "db/restore_parts.h"
#include "db/world.h"

enum { BATCH = 256, ATTEMPTS = 24 };

static void note(struct restore *r, const char *text) {
    buf_printf(&r->report->text, "%s\n", text);
    if (r->options->note) r->options->note(r->options->ctx, text);
}

static void note_unreadable(void *ctx, const char *text) {
    struct restore *r = ctx;
    struct buf line = BUF_INIT;
    buf_printf(&line, "A backup is passed over: %s", text);
    note(r, buf_c(&line));
    buf_fini(&line);
}

/* ---- where to begin ---- */

static bool not_after(const struct restore *r, uint64_t generation, int64_t time) {
    return r->options->generation ? generation <= r->options->generation : time <= r->options->at;
}

/* Verifying takes nearly all the time: the backup is one half of it, the result the other. */
static void in_first_half(void *ctx, double part) {
    const struct restore *r = ctx;
    if (r->options->progress) r->options->progress(r->options->ctx, part / 2);
}

static void in_second_half(void *ctx, double part) { in_first_half(ctx, 1 + part); }

/* As backup_verify(). One that is not sound is told of; one that could not be looked at now is no reason to go further back. */
static int look_at_backup(struct restore *r, const struct ring_backup *b) {
    struct buf why = BUF_INIT;
    int rc = backup_verify(b->path, in_first_half, r, &why);
    if (rc == -1) note_unreadable(r, buf_c(&why));
    if (rc == DB_CHECK_REFUSED) buf_add_c(r->why, buf_c(&why));
    buf_fini(&why);
    return rc;
}

static int choose_backup(struct restore *r) {
    const struct ring_backup *oldest = NULL;
    for (size_t i = 0; i < r->backups.n; i++) {
        struct ring_backup *b = &r->backups.v[i];
        if (r->current.mark && memcmp(b->instant.uuid, r->current.uuid, sizeof b->instant.uuid)) continue; /* of another world */
        oldest = b;
        if (!not_after(r, b->instant.generation, b->instant.time)) continue;
        int rc = look_at_backup(r, b);
        if (rc == -1) continue;
        if (rc) return -1;
        r->from = b;
        return 0;
    }
    if (!oldest) {
        buf_printf(r->why, "%s/backups: there is no backup that could be restored", r->dir);
        return -1;
    }
    buf_printf(r->why, "%s/backups: no sound backup is that old: the oldest is save %llu of ", r->dir, (unsigned long long)oldest->instant.generation);
    instant_print_time(r->why, oldest->instant.time);
    return -1;
}

/* The deltas from there to the instant that is wanted. What a store that can be read does not have was never committed; who names a save by its number gets it all the same. */
static void choose_deltas(struct restore *r) {
    struct instant at = r->from->instant;
    const struct delta *d;
    r->path = xmalloc((r->deltas.n + 1) * sizeof *r->path);
    while ((at.mark != r->current.mark || r->options->generation) && (d = delta_next(&r->deltas, at.mark, at.generation)) && not_after(r, d->generation, d->time)) {
        r->path[r->npath++] = d;
        at.mark = d->after;
        at.generation = d->generation;
    }
}

static int check_generation(struct restore *r) {
    uint64_t reached = r->npath ? r->path[r->npath - 1]->generation : r->from->instant.generation;
    if (!r->options->generation || reached == r->options->generation) return 0;
    buf_printf(r->why, "%s: save %llu cannot be had: from the backup of save %llu the deltas lead to save %llu", r->dir, (unsigned long long)r->options->generation,
               (unsigned long long)r->from->instant.generation, (unsigned long long)reached);
    return -1;
}

static int look(struct restore *r) {
    struct buf ignored = BUF_INIT, deltas = BUF_INIT;
    buf_printf(&deltas, "%s/deltas", r->dir);
    (void)instant_peek(r->dir, &r->current, &ignored); /* it may be damaged */
    ring_list(r->dir, &r->backups, note_unreadable, r);
    int rc = choose_backup(r);
    if (!rc) rc = delta_set_read(&r->deltas, buf_c(&deltas), r->from->instant.uuid, r->why);
    if (!rc) choose_deltas(r);
    if (!rc) rc = check_generation(r);
    buf_fini(&ignored);
    buf_fini(&deltas);
    return rc;
}

/* ---- the copy, and the deltas over it ---- */

static int make_copy(struct restore *r) {
    struct buf from = BUF_INIT, to = BUF_INIT;
    struct stat st;
    const char *dir = buf_c(&r->making);
    buf_printf(&from, "%s/data.mdb", r->from->path);
    buf_printf(&to, "%s/data.mdb", dir);
    files_remove_tree(dir);
    int rc = mkdir(dir, 0700);
    if (rc) buf_printf(r->why, "%s: cannot be made: %s", dir, strerror(errno));
    int64_t room = rc ? -1 : files_free_bytes(dir);
    if (!rc && room >= 0 && stat(buf_c(&from), &st) == 0 && room < st.st_size + st.st_size / 4) {
        buf_printf(r->why, "%s: there is not enough room: about %.1f MB are needed, and only %.1f MB are free", dir, (double)st.st_size * 1.25e-6, (double)room / 1e6);
        rc = -1;
    } else if (!rc && files_copy(buf_c(&from), buf_c(&to))) {
        buf_printf(r->why, "%s: cannot be copied: %s", buf_c(&from), strerror(errno));
        rc = -1;
    }
    buf_fini(&from);
    buf_fini(&to);
    return rc;
}

/* One delta into the open transaction. Then the tables must be what its meta record says. */
static int replay_one(struct restore *r, struct store *w, const struct delta *d, struct buf *why) {
    struct instant now;
    int rc = delta_apply(&r->deltas, d, w, why);
    if (rc) return rc;
    if (instant_read(w, &now) || now.mark != d->after) return buf_add_c(why, "it does not lead to the save that it names"), -1;
    return instant_matches_tables(w, why) ? 0 : -1;
}

/* Those from `from' in one transaction; *done: how many it has. What cannot be replayed ends the path before it. */
static int replay_batch(struct restore *r, struct store *w, size_t from, size_t *done) {
    struct buf why = BUF_INIT;
    size_t n = r->npath - from < BATCH ? r->npath - from : BATCH, i = 0;
    int rc = store_begin(w);
    *done = 0;
    if (rc) return rc;
    while (i < n && !(rc = replay_one(r, w, r->path[from + i], &why))) i++;
    if (rc == 0) rc = store_commit(w);
    else store_abort(w);
    if (rc == 0) *done = n;
    if (rc == -1 && i < n) {
        struct buf line = BUF_INIT;
        buf_printf(&line, "The delta to save %llu cannot be used, nor what follows it: %s", (unsigned long long)r->path[from + i]->generation, buf_c(&why));
        note(r, buf_c(&line));
        buf_fini(&line);
        r->npath = from + i; /* and once more without it */
        rc = STORE_FULL;
    }
    buf_fini(&why);
    return rc;
}

static int replay_all(struct restore *r, struct store *w) {
    int rc = 0;
    size_t done;
    for (size_t from = 0, attempts = 0; from < r->npath && attempts < ATTEMPTS;) {
        rc = replay_batch(r, w, from, &done);
        if (rc && rc != STORE_FULL && rc != STORE_BROKEN) break;
        from += done;
        attempts = done ? 0 : attempts + 1;
    }
    return rc == STORE_FULL && !r->npath ? 0 : rc;
}

static int replay(struct restore *r) {
    struct store *s;
    if (!r->npath) return 0;
    if (store_open(&s, buf_c(&r->making), &(struct store_options){.read_only = false}, r->why)) return -1;
    int rc = store_read_begin(s);
    if (!rc) rc = instant_adopt_digests(s);
    store_read_end(s);
    if (!rc) rc = replay_all(r, store_writer(s));
    if (rc) buf_printf(r->why, "the deltas cannot be replayed: %s", store_error(store_writer(s)));
    store_close(s);
    return rc ? -1 : check_generation(r);
}

/* ---- what is left to say ---- */

static void fill_report(struct restore *r) {
    struct db_restore_report *p = r->report;
    struct instant at = r->result;
    const struct delta *d;
    buf_add_c(&p->backup, r->from->path);
    p->from_generation = r->from->instant.generation;
    p->from_time = r->from->instant.time;
    p->generation = r->result.generation;
    p->time = r->result.time;
    p->deltas = r->npath;
    while (at.mark != r->current.mark && (d = delta_next(&r->deltas, at.mark, at.generation))) {
        p->lost++;
        p->lost_until = d->time;
        at.mark = d->after;
        at.generation = d->generation;
    }
    if (r->current.generation > p->generation + p->lost) p->lost = r->current.generation - p->generation, p->lost_until = r->current.time;
}

static void add_when(struct buf *out, uint64_t generation, int64_t time) {
    buf_printf(out, "save %llu of ", (unsigned long long)generation);
    instant_print_time(out, time);
}

static void put_in_words(struct restore *r) {
    struct db_restore_report *p = r->report;
    struct buf *t = &p->text;
    buf_printf(t, "From the backup %s (", buf_c(&p->backup));
    add_when(t, p->from_generation, p->from_time);
    buf_printf(t, ") and %llu delta%s: ", (unsigned long long)p->deltas, p->deltas == 1 ? "" : "s");
    add_when(t, p->generation, p->time);
    buf_add_c(t, ". Every record, digest and link has been verified.\n");
    if (p->lost) {
        buf_printf(t, "Not in it: %llu later save%s, the last of ", (unsigned long long)p->lost, p->lost == 1 ? "" : "s");
        instant_print_time(t, p->lost_until);
        buf_add_c(t, ".\n");
    } else {
        buf_add_c(t, "No later save is known.\n");
    }
    if (p->aside.len) buf_printf(t, "What was there before lies in %s, nothing of it was deleted.\n", buf_c(&p->aside));
}

void db_restore_report_fini(struct db_restore_report *report) {
    buf_fini(&report->backup);
    buf_fini(&report->aside);
    buf_fini(&report->text);
}

/* ---- all of it ---- */

static int put_elsewhere(struct restore *r) {
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/lock.mdb", buf_c(&r->making));
    unlink(buf_c(&path));
    buf_fini(&path);
    int rc = files_sync(buf_c(&r->making)) || rename(buf_c(&r->making), r->options->to) || files_sync_parent(r->options->to) ? -1 : 0;
    if (rc) buf_printf(r->why, "%s: cannot be made: %s", r->options->to, strerror(errno));
    return rc;
}

static int restore_locked(struct restore *r) {
    int rc = look(r);
    if (!rc) rc = make_copy(r);
    if (!rc) rc = replay(r);
    if (!rc) rc = backup_verify(buf_c(&r->making), in_second_half, r, r->why);
    if (!rc) rc = instant_peek(buf_c(&r->making), &r->result, r->why);
    if (!rc) fill_report(r);
    if (!rc) rc = r->options->to ? put_elsewhere(r) : restore_in_place(r);
    if (!rc) put_in_words(r);
    if (r->making.len) files_remove_tree(buf_c(&r->making));
    return rc;
}

static int name_making(struct restore *r) {
    struct stat st;
    const char *to = r->options->to;
    if (!to) {
        buf_printf(&r->making, "%s/restore.new", r->dir);
        return 0;
    }
    if (lstat(to, &st) == 0) return buf_printf(r->why, "%s exists already: name another place for the new world", to), -1;
    buf_add_c(&r->making, to);
    while (r->making.len > 1 && r->making.data[r->making.len - 1] == '/') r->making.data[--r->making.len] = 0;
    buf_printf(&r->making, ".new.%ld", (long)getpid());
    return 0;
}

int db_restore(const char *dir, const struct db_restore_options *options, struct db_restore_report *report, struct buf *why) {
    struct restore r = {.dir = dir, .options = options, .report = report, .why = why};
    int lock = -1, rc = 0;
    *report = (struct db_restore_report){.backup = BUF_INIT};
    if (!files_is_directory(dir)) return buf_printf(why, "%s: no such world", dir), -1;
    if (!options->to && !options->locked) rc = (lock = db_world_lock(dir, why)) < 0 ? -1 : 0;
    if (!rc) rc = name_making(&r);
    if (!rc) rc = restore_locked(&r);
    if (lock >= 0) close(lock);
    ring_backups_fini(&r.backups);
    delta_set_fini(&r.deltas);
    free(r.path);
    buf_fini(&r.making);
    return rc;
}

int db_restore_newest(const char *dir, struct db_restore_report *report, struct buf *why) {
    return db_restore(dir, &(struct db_restore_options){.at = INT64_MAX, .locked = true}, report, why);
}
