/* SPDX-License-Identifier: MIT */
/* The main thread's side of a save: the cut, capturing, and what follows when the writing thread is done. db/save.h has the whole. */
#include "db/save.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/dialect.h"
#include "base/log.h"
#include "db/delta.h"
#include "db/rowset.h"
#include "db/upgrade.h"

/* How many objects, rows or references are dealt with between two looks at the clock. */
enum { STRIDE = 16 };

static struct object *resident(struct db *db, objid id) {
    struct object *o = (uint64_t)id < db->cap ? db->objects[id] : NULL;
    return (uintptr_t)o > 1 ? o : NULL;
}

static bool time_is_up(int64_t deadline) { return deadline != INT64_MAX && clock_monotonic_us() >= deadline; }

/* ---- the cut ---- */

struct rec_meta save_meta(const struct db *db) {
    return (struct rec_meta){.format = db->format,
                             .oldest_reader = upgrade_oldest_reader(db->format),
                             .uuid = {db->uuid, sizeof db->uuid},
                             .encoding = db->encoding,
                             .dialect = {db->own_dialect->name, strlen(db->own_dialect->name)},
                             .generation = db->generation + 1,
                             .time = clock_wall_us(),
                             .max_object = db->max,
                             .next_prop = db->next_prop_id,
                             .next_verb = db->next_verb_id,
                             .next_key = db->next_key};
}

/* Costs the same whatever changed. */
static void cut(struct db *db, struct save_run *run) {
    run->meta = save_meta(db);
    run->changed = db->changed || db->meta_changed;
    run->objects = db->dirty;
    run->nobjects = db->ndirty;
    run->objects_cap = db->dirty_cap;
    db->dirty = NULL;
    db->ndirty = db->dirty_cap = 0;
    db->cut_parity ^= OS_PARITY;
    db->rows_saving = run->rows = db->rows;
    if (db->rows) db->rows = rowset_new();
    run->usage = usage_cut(db);
    db->usage_saving = &run->usage;
    run->history = history_cut(db);
    db->history_saving = &run->history;
    db->cut_key = db->next_key;
    db->cut_max = db->max > db->cut_max ? db->max : db->cut_max;
    db->changed = db->meta_changed = false;
}

/* ---- capturing ---- */

static void hand_batch(struct db *db, struct save_run *run, bool complete) {
    if (db->save_thread) save_thread_hand(db->save_thread, run, run->filling, complete);
    else run->first = run->filling; /* in memory: only to be released */
    run->filling = NULL;
}

void object_capture(struct db *db, struct object *o) {
    struct save_run *run = db->save_run;
    must(run && run->phase == SAVE_CAPTURES);
    if (!run->filling) run->filling = save_thread_batch(db->save_thread);
    capture_object(&run->filling->captures, o);
    if (!db->store) captures_release(&run->filling->captures);
    if (run->filling->captures.n >= BATCH) hand_batch(db, run, false);
}

/* false: there is more. */
static bool capture_some(struct db *db, struct save_run *run, int64_t deadline, size_t stride) {
    while (run->next < run->nobjects) {
        struct object *o = resident(db, run->objects[run->next++]);
        if (o) object_touch(db, o);
        if (run->next % stride == 0 && time_is_up(deadline)) break;
    }
    return run->next == run->nobjects;
}

/* What others have kept of the cut, and then everything is captured. */
static bool capture_others(struct save_run *run, int64_t deadline, size_t stride) {
    for (; run->parts_done < run->nparts; run->parts_done++) {
        const struct db_save_part *p = &run->parts[run->parts_done];
        while (p->write_more && p->write_more(p->ctx, &run->saver, stride))
            if (time_is_up(deadline)) return false;
    }
    return true;
}

static bool capture_all(struct db *db, struct save_run *run, int64_t deadline, size_t stride) {
    if (!capture_some(db, run, deadline, stride) || !capture_others(run, deadline, stride)) return false;
    run->phase = SAVE_WRITES;
    hand_batch(db, run, true);
    return true;
}

/* ---- when the outcome is known ---- */

static void tell(struct db *db, struct save_run *run) {
    struct db_save_report report = {.generation = db->generation, .microseconds = clock_monotonic_us() - run->started};
    if (!run->rc) report.records = run->records, report.bytes = run->bytes;
    for (size_t i = 0; i < run->nparts; i++)
        if (run->parts[i].done) run->parts[i].done(run->parts[i].ctx, run->rc == 0);
    if (run->end.ended) run->end.ended(run->end.ctx, &report, run->rc ? buf_c(&run->why) : NULL);
}

static void conclude(struct db *db, struct save_run *run) {
    run->phase = SAVE_SETTLES;
    db->usage_saving = NULL;
    usage_settle(db, &run->usage, run->rc == 0);
    history_settle(db, &run->history, run->rc == 0);
    db->history_saving = NULL;
    run->next = 0;
    if (run->reopened) log_error("%s: an error that the store could not go on from; it was opened again and the save repeated, %u times", db->dir, run->reopened);
    if (run->rc) {
        db->changed = db->meta_changed = true;
    } else {
        db->rows_saving = NULL;
        save_thread_sure(db->save_thread);
        if (!run->unchanged) db->generation = run->meta.generation;
        delta_log_tell(db->deltas);
    }
    tell(db, run); /* last: who is told may save at once, and wait for it */
}

/* ---- settling ---- */

/* A save that failed may be on disk all the same, if only its end was not reported: so what it put counts as stored, and is deleted when it goes. */
static void settle_slots(struct object *o, bool saved) {
    for (uint32_t i = 0; i < o->shape->n; i++) {
        unsigned bits = slot_bits(o, i);
        if (!(bits & (SLOT_PUTTING | SLOT_DELETING))) continue;
        if (!saved) slot_add_bits(o, i, SLOT_DIRTY);
        if (bits & SLOT_PUTTING) slot_add_bits(o, i, SLOT_STORED);
        else if (saved) slot_drop_bits(o, i, SLOT_STORED);
        slot_drop_bits(o, i, SLOT_PUTTING | SLOT_DELETING);
    }
}

static void settle_verbs(struct object *o, bool saved) {
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) {
        struct verb *v = &o->defs->verbs[i];
        if (!(v->state & VERB_PUTTING)) continue;
        v->state &= ~(unsigned)VERB_PUTTING;
        v->state |= saved ? VERB_STORED : VERB_STORED | VERB_DIRTY;
    }
}

static void settle_object(struct db *db, struct object *o, bool saved) {
    unsigned what = o->saving;
    if (!what) return;
    o->saving = 0;
    o->state &= (uint16_t)~OS_SAVING;
    if (what & OS_SLOTS) settle_slots(o, saved);
    if (what & OS_VERBS) settle_verbs(o, saved);
    if (!saved) object_mark(db, o, what);
}

static bool settle_objects(struct db *db, struct save_run *run, int64_t deadline) {
    while (run->next < run->nobjects) {
        struct object *o = resident(db, run->objects[run->next++]);
        if (o) settle_object(db, o, run->rc == 0);
        if (run->next % STRIDE == 0 && time_is_up(deadline)) break;
    }
    return run->next == run->nobjects;
}

static bool merge_rows(struct db *db, struct save_run *run, int64_t deadline) {
    if (!db->rows_saving) return true;
    while (!rowset_merge_under(db->rows, run->rows, &run->rows_merged, STRIDE))
        if (time_is_up(deadline)) return false;
    db->rows_saving = NULL;
    return true;
}

/* Values and programs have their holders counted by this thread alone: what holds any must not be left to the other one. */
static bool release_batches(struct db *db, struct save_run *run, int64_t deadline) {
    while (run->saver.programs.n) {
        captures_release_some(&run->saver.programs, STRIDE);
        if (time_is_up(deadline)) return false;
    }
    for (struct batch *b; (b = run->first);) {
        captures_release_some(&b->captures, STRIDE);
        if (!b->captures.n) {
            run->first = b->next;
            save_thread_spare(db->save_thread, b);
        }
        if (time_is_up(deadline)) return !run->first;
    }
    return true;
}

/* false: there is more. */
static bool settle_some(struct db *db, struct save_run *run, int64_t deadline) {
    if (!settle_objects(db, run, deadline) || !merge_rows(db, run, deadline) || !release_batches(db, run, deadline)) return false;
    db->save_run = NULL;
    if (db->save_thread) save_thread_discard(db->save_thread, run);
    else save_run_free(run);
    return true;
}

/* ---- in steps ---- */

int db_save_begin(struct db *db, const struct db_save_part *parts, size_t nparts, const struct db_save_end *end, struct buf *why) {
    if (db->save_run || db->read_only) {
        buf_printf(why, "%s: %s", db->dir, db->read_only ? "opened for reading only" : "a save is under way");
        return -1;
    }
    struct save_run *run = xcalloc(1, sizeof *run);
    run->started = clock_monotonic_us();
    run->parts = xmalloc((nparts + 1) * sizeof *parts);
    if (nparts) memcpy(run->parts, parts, nparts * sizeof *parts);
    run->nparts = nparts;
    run->with_parts = nparts > 0;
    if (end) run->end = *end;
    for (size_t i = 0; i < nparts; i++) parts[i].write(parts[i].ctx, &run->saver);
    cut(db, run);
    db->save_run = run;
    if (!db->store) return 0;
    if (!db->save_thread) {
        db->save_thread = save_thread_new(db->store, db->next_blob);
        save_thread_set_wake(db->save_thread, db->save_wake, db->save_wake_ctx);
    }
    save_thread_start(db->save_thread, run);
    return 0;
}

void save_wait_for_writer(struct db *db, uint64_t *generation) {
    struct save_run *run = db->save_run;
    if (!run || !db->save_thread) return;
    while (run->phase == SAVE_CAPTURES && !capture_all(db, run, INT64_MAX, STRIDE)) continue;
    if (run->phase != SAVE_WRITES) return; /* its end was told: db->generation knows */
    save_thread_wait(db->save_thread, run);
    if (!run->rc && !run->unchanged) *generation = run->meta.generation;
}

enum db_save_state db_save_step(struct db *db, int64_t budget_us) {
    struct save_run *run = db->save_run;
    if (!run) return DB_SAVE_NONE;
    int64_t now = clock_monotonic_us(), deadline = budget_us > INT64_MAX - now ? INT64_MAX : now + budget_us;
    if (run->phase == SAVE_CAPTURES && !capture_all(db, run, deadline, budget_us > 0 ? STRIDE : 1)) return DB_SAVE_MORE;
    if (run->phase == SAVE_WRITES) {
        if (db->save_thread && !atomic_load(&run->over)) return DB_SAVE_WAITS;
        conclude(db, run);
        return db_save_under_way(db) ? DB_SAVE_MORE : DB_SAVE_NONE;
    }
    return settle_some(db, run, deadline) ? DB_SAVE_NONE : DB_SAVE_MORE;
}

bool db_save_under_way(const struct db *db) { return db->save_run != NULL; }

void db_save_finish(struct db *db) {
    while (db->save_run) {
        if (db->save_thread && db->save_run->phase == SAVE_WRITES) save_thread_wait(db->save_thread, db->save_run);
        db_save_step(db, INT64_MAX);
    }
}

void db_save_set_wake(struct db *db, void (*wake)(void *ctx), void *ctx) {
    db->save_wake = wake;
    db->save_wake_ctx = ctx;
    if (db->save_thread) save_thread_set_wake(db->save_thread, wake, ctx);
}

void save_close(struct db *db) {
    save_thread_free(db->save_thread);
    db->save_thread = NULL;
    struct save_run *run = db->save_run;
    db->save_run = NULL;
    if (!run) return;
    usage_free(&run->usage);
    history_free(&run->history);
    if (run->filling) batch_free(run->filling);
    save_run_free(run);
}

/* ---- at once ---- */

struct outcome {
    int rc;
    struct db_save_report *report;
    struct buf *why;
};

static void note_outcome(void *ctx, const struct db_save_report *report, const char *why) {
    struct outcome *out = ctx;
    out->rc = why ? -1 : 0;
    if (why) buf_add_c(out->why, why);
    else if (out->report) *out->report = *report;
}

int db_save(struct db *db, const struct db_save_part *parts, size_t nparts, struct db_save_report *report, struct buf *why) {
    struct outcome out = {-1, report, why};
    struct db_save_end end = {note_outcome, &out};
    db_save_finish(db);
    if (db_save_begin(db, parts, nparts, &end, why)) return -1;
    db_save_finish(db);
    return out.rc;
}

int64_t db_disk_size(struct db *db) { return db->store ? store_disk_size(db->store) : -1; }
