/* SPDX-License-Identifier: MIT */
/*
 * Tasks and queued lines in the store.
 *
 * A task that sleeps does not change, so its row is written once, when it has gone to sleep, and dropped when it is gone: a save costs what happened since the last
 * one. After one that failed, and at the first of a new world, all rows are written anew. Tasks that read are not in
 * the store (the connection would be gone) but are in the hand-off, with everything else.
 *
 * At the cut only the list of tasks is taken, as there may be a million; their rows are made in portions, before the tasks change (task_will_change). Programs that rows need, those
 * that are in the store and those that are being made, are kept by the save: all that are held at the cut, and what is held newly until the last row is made.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "db/code.h"
#include "scheduler/rows.h"

/* ---- saving ---- */

bool row_is_storable(const struct task *t) {
    return t->state != TASK_READING;
}

/* Programs that stored frames need, by address: how many tasks need each. A save names them all. */
static void hold_code(void *ctx, struct code *code) {
    struct scheduler *s = ctx;
    intptr_t n = (intptr_t)idmap_get(&s->codes, (int64_t)(intptr_t)code);
    idmap_put(&s->codes, (int64_t)(intptr_t)code, (void *)(n + 1));
    if (n == 0 && s->cut.saver) db_saver_keep_code(s->cut.saver, code);
}

static void release_code(void *ctx, struct code *code) {
    struct scheduler *s = ctx;
    intptr_t n = (intptr_t)idmap_get(&s->codes, (int64_t)(intptr_t)code);
    if (n > 1) idmap_put(&s->codes, (int64_t)(intptr_t)code, (void *)(n - 1));
    else idmap_remove(&s->codes, (int64_t)(intptr_t)code);
}

static void hold_codes(struct scheduler *s, struct task *t) {
    if (!t->holds_codes) vm_each_code(t->vm, hold_code, s);
    t->holds_codes = true;
}

void saving_release_codes(struct scheduler *s, struct task *t) {
    if (t->holds_codes) vm_each_code(t->vm, release_code, s);
    t->holds_codes = false;
}

static void keep_codes(struct scheduler *s, struct db_saver *saver) {
    for (size_t i = 0; i < s->codes.cap; i++)
        if (s->codes.slots[i].item) db_saver_keep_code(saver, (struct code *)(intptr_t)s->codes.slots[i].key);
    for (size_t i = 0; i < s->nkept_codes; i++) db_saver_keep_code(saver, s->kept_codes[i]);
}

static void store_task(struct scheduler *s, struct db_saver *saver, struct task *t) {
    struct buf row = BUF_INIT;
    if (!row_is_storable(t)) return;
    row_put_task(&row, t, NULL);
    hold_codes(s, t);
    db_saver_put(saver, DB_TASK, (uint64_t)t->id, &row);
    t->stored = true;
    buf_fini(&row);
}

static void store_input(struct db_saver *saver, struct input *in) {
    struct buf row = BUF_INIT;
    uint64_t n = 0;
    in->dirty = false;
    for (struct line *l = in->first; l; l = l->next) n++;
    if (in->conn < 0) return;
    if (n == 0) {
        db_saver_drop(saver, DB_QUEUE, (uint64_t)in->conn);
        return;
    }
    enc_u64(&row, ROW_VERSION);
    enc_u64(&row, n);
    for (struct line *l = in->first; l; l = l->next) enc_str(&row, l->text);
    db_saver_put(saver, DB_QUEUE, (uint64_t)in->conn, &row);
    buf_fini(&row);
}

static void store_input_change(struct db_saver *saver, const struct idmap_slot *slot, const struct idmap *dirty) {
    if (slot->item == dirty) db_saver_drop(saver, DB_QUEUE, (uint64_t)slot->key);
    else if (slot->item) store_input(saver, slot->item);
}

/* All rows anew, whatever the store has. */
static void cut_all(struct scheduler *s, struct db_saver *saver) {
    size_t at = 0;
    struct input *in;
    db_saver_drop_all(saver, DB_TASK);
    db_saver_drop_all(saver, DB_QUEUE);
    idmap_fini(&s->dirty_tasks);
    s->cut.tasks = idmap_dup(&s->tasks);
    while ((in = idmap_next(&s->inputs, &at))) store_input(saver, in);
    for (struct kept_row *k = s->kept_rows; k; k = k->next) {
        struct buf payload = BUF_INIT;
        buf_add(&payload, k->payload, k->len);
        db_saver_put(saver, k->table, k->key, &payload);
        buf_fini(&payload);
    }
}

static void cut_changes(struct scheduler *s, struct db_saver *saver) {
    s->cut.tasks = s->dirty_tasks;
    s->dirty_tasks = (struct idmap)IDMAP_INIT;
    for (size_t i = 0; i < s->dirty_inputs.cap; i++) store_input_change(saver, &s->dirty_inputs.slots[i], &s->dirty_inputs);
}

static void write_rows(void *ctx, struct db_saver *saver) {
    struct scheduler *s = ctx;
    for (size_t i = 0; i < s->nforeign_taken; i++) db_saver_drop(saver, DB_FOREIGN_TASK, s->foreign_taken[i]);
    if (s->rows_are_known) cut_changes(s, saver);
    else cut_all(s, saver);
    idmap_fini(&s->dirty_inputs);
    keep_codes(s, saver);
    s->cut.saver = saver;
    s->cut.next = 0;
}

void saving_end_cut(struct scheduler *s) {
    idmap_fini(&s->cut.tasks);
    s->cut.saver = NULL;
}

static bool write_more_rows(void *ctx, struct db_saver *saver, size_t most) {
    struct scheduler *s = ctx;
    for (; most > 0 && s->cut.next < s->cut.tasks.cap; most--) {
        const struct idmap_slot *slot = &s->cut.tasks.slots[s->cut.next++];
        if (slot->item == &s->dirty_tasks) db_saver_drop(saver, DB_TASK, (uint64_t)slot->key);
        else if (slot->item && slot->item != &s->cut) store_task(s, saver, slot->item);
    }
    if (s->cut.next < s->cut.tasks.cap) return true;
    saving_end_cut(s);
    return false;
}

void task_will_change(struct scheduler *s, struct task *t) {
    if (!s->cut.saver || idmap_get(&s->cut.tasks, t->id) != t) return;
    store_task(s, s->cut.saver, t);
    idmap_replace(&s->cut.tasks, t->id, &s->cut);
}

static void rows_written(void *ctx, bool saved) {
    struct scheduler *s = ctx;
    s->rows_are_known = saved;
    if (saved) s->nforeign_taken = 0;
}

void rows_take_task(struct scheduler *s, struct task *t, bool stored) {
    t->stored = stored;
    if (stored) hold_codes(s, t);
    else task_changed(s, t);
}

void rows_take_inputs(struct scheduler *s) {
    size_t at = 0;
    struct input *in;
    while ((in = idmap_next(&s->inputs, &at))) in->dirty = false;
    idmap_fini(&s->dirty_inputs);
    s->rows_are_known = true;
}

bool sched_has_changes(const struct scheduler *s) {
    return s->dirty_tasks.len > 0 || s->dirty_inputs.len > 0 || s->nforeign_taken > 0;
}

void sched_save_part(struct scheduler *s, struct db_save_part *part) {
    *part = (struct db_save_part){.write = write_rows, .write_more = write_more_rows, .done = rows_written, .ctx = s};
}

/* ---- loading ---- */

static void keep_row(struct scheduler *s, enum db_table table, uint64_t key, const void *payload, size_t len) {
    struct kept_row *k = xmalloc(sizeof *k + len);
    *k = (struct kept_row){s->kept_rows, table, key, len};
    memcpy(k->payload, payload, len);
    s->kept_rows = k;
}

/* The programs of a task that cannot be placed: a later server may be able to. */
static void keep_found_codes(struct scheduler *s, const struct code_finder *finder) {
    s->kept_codes = xrealloc(s->kept_codes, (s->nkept_codes + finder->n + 1) * sizeof(struct code *));
    for (size_t i = 0; i < finder->n; i++) s->kept_codes[s->nkept_codes++] = code_ref(finder->codes[i]);
}

void saving_fini(struct scheduler *s) {
    for (size_t i = 0; i < s->nkept_codes; i++) code_unref(s->kept_codes[i]);
    free(s->kept_codes);
    free(s->foreign_taken);
    idmap_fini(&s->codes);
    while (s->kept_rows) {
        struct kept_row *next = s->kept_rows->next;
        free(s->kept_rows);
        s->kept_rows = next;
    }
}

/* As if it had slept through the time when nobody was there. */
void saving_go_to_sleep(struct scheduler *s, struct task *t) {
    if (t->state == TASK_FOREVER) {
        task_count(s, t, 1);
        return;
    }
    if (work_is_wanted(t)) return; /* work_begin_again() */
    if (t->state == TASK_WORKING) { /* whoever did the work is gone */
        value_unref(t->wake);
        t->wake = t->for_save ? value_list(list_empty()) : value_err(E_INVARG); /* save_database(): it has been saved */
        t->start_wall_us = 0;
    }
    t->state = TASK_SLEEPING;
    if (t->start_wall_us < 0) t->start_wall_us = 0;
    t->timer.due_us = clock_monotonic_us() + (t->start_wall_us - clock_wall_us());
    timers_add(&s->sleepers, &t->timer);
    task_count(s, t, 1);
}

bool load_task_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct scheduler *s = ctx;
    struct code_finder finder = {.db = s->db};
    struct buf why = BUF_INIT;
    struct dec d = dec_over(payload, len);
    struct task *t = row_get_task(s, &d, &finder, &why);
    if (t && row_is_storable(t)) {
        rows_take_task(s, t, true);
        saving_go_to_sleep(s, t);
    } else if (t) {
        t->state = TASK_FOREVER; /* not one that a save writes: let it go */
        task_count(s, t, 1);
        task_free(s, t);
    } else {
        log_error("The saved task %llu cannot be taken up: %s. It is kept in the world as it is.", (unsigned long long)key, buf_c(&why));
        keep_row(s, DB_TASK, key, payload, len);
        keep_found_codes(s, &finder);
    }
    finder_fini(&finder);
    buf_fini(&why);
    return true;
}

bool load_input_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct scheduler *s = ctx;
    struct dec d = dec_over(payload, len);
    uint64_t version = dec_u64(&d), n = dec_u64(&d);
    bool fits = version == ROW_VERSION;
    for (uint64_t i = 0; fits && i < n && !d.bad; i++) {
        struct str *text = dec_str(&d);
        if (text) input_add_line(s, input_make(s, (objid)key), text, false);
    }
    if (!fits || d.bad) {
        log_error("The lines that #%llu had typed cannot be read: their record is %s. It is kept in the world as it is.", (unsigned long long)key,
                  version > ROW_VERSION ? "of a version that this server does not know" : "damaged");
        keep_row(s, DB_QUEUE, key, payload, len);
    }
    return true;
}

int sched_load_for_export(struct scheduler *s, struct buf *why) {
    return db_scan(s->db, DB_TASK, load_task_row, s, why);
}

int sched_load(struct scheduler *s, struct buf *why) {
    s->foreign_live = true;
    if (db_scan(s->db, DB_TASK, load_task_row, s, why) != 0 || db_scan(s->db, DB_QUEUE, load_input_row, s, why) != 0) return -1;
    s->rows_are_known = true; /* as they were read; those that could not be taken up are there too */
    work_begin_again(s);
    return foreign_take_over(s, why);
}
