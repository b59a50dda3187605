/* SPDX-License-Identifier: MIT */
/*
 * Tasks and queued lines in the store, and in the hand-off of a reboot.
 *
 * A task that sleeps does not change, so its row is written once, when it has gone to sleep, and dropped when it is gone: a save costs what happened since the last
 * one. After one that failed, and at the first, all rows are written anew. Tasks that read are not in
 * the store (the connection would be gone) but are in the hand-off, with everything else.
 *
 * Row of a task: version, number, state, flags, time on the wall, order, the object read from, wake value, frames (vm_save). Row of an input: version, lines.
 * A row that cannot be read or placed is kept as it is and logged.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "db/code.h"
#include "scheduler/state.h"

enum { ROW_VERSION = 1, WISH_VERSION = 2, HAND_OFF_VERSION = 1 }; /* WISH: of a task that waits for a threaded built-in; else as the one before */
enum task_flag { FLAG_FORKED = 1, FLAG_FROM_SUSPEND = 2, FLAG_FOR_SAVE = 4 };

struct kept_row {
    struct kept_row *next;
    enum db_table table;
    uint64_t key;
    size_t len;
    unsigned char payload[];
};

/* ---- tasks as bytes ---- */

static void put_task(struct buf *out, const struct task *t) {
    struct buf frames = BUF_INIT;
    vm_save(t->vm, &frames);
    enc_u64(out, work_is_wanted(t) ? WISH_VERSION : ROW_VERSION);
    enc_u64(out, (uint64_t)t->id);
    enc_u64(out, t->state);
    enc_u64(out, (t->forked ? FLAG_FORKED : 0) | (t->from_suspend ? FLAG_FROM_SUSPEND : 0) | (t->for_save ? FLAG_FOR_SAVE : 0));
    enc_i64(out, t->start_wall_us);
    enc_u64(out, t->order);
    enc_i64(out, t->conn);
    enc_value(out, t->wake);
    enc_bytes(out, frames.data, frames.len);
    buf_fini(&frames);
}

struct code_finder {
    struct db *db;
    struct code **codes; /* that came along, or were asked for */
    size_t n;
};

static void add_code(struct code_finder *f, struct code *code) { /* takes */
    f->codes = xrealloc(f->codes, (f->n + 1) * sizeof(struct code *));
    f->codes[f->n++] = code;
}

static void finder_fini(struct code_finder *f) {
    for (size_t i = 0; i < f->n; i++) code_unref(f->codes[i]);
    free(f->codes);
    *f = (struct code_finder){0};
}

static struct code *find_code(void *ctx, const uint8_t *hash) {
    struct code_finder *f = ctx;
    struct code *code = db_load_code(f->db, hash); /* it looks among those in memory first, where what came along is */
    if (code) add_code(f, code_ref(code));
    return code;
}

struct task_row {
    int64_t id, start_wall_us;
    enum task_state state;
    unsigned flags;
    uint64_t order;
    objid conn;
    value wake;
    const void *frames;
    size_t frames_len;
};

static bool get_task_row(struct dec *d, struct task_row *r, struct buf *why) {
    uint64_t version = dec_u64(d);
    if (!d->bad && version != ROW_VERSION && version != WISH_VERSION) {
        buf_printf(why, "it is of version %llu, this server knows up to %d", (unsigned long long)version, WISH_VERSION);
        return false;
    }
    r->id = (int64_t)dec_u64(d);
    uint64_t state = dec_u64(d);
    r->flags = (unsigned)dec_u64(d);
    r->start_wall_us = dec_i64(d);
    r->order = dec_u64(d);
    r->conn = dec_i64(d);
    r->wake = dec_value(d);
    r->frames = dec_bytes(d, &r->frames_len);
    r->state = (enum task_state)state;
    if (d->bad || state > TASK_WORKING || r->id <= 0 || r->wake.type == V_NONE) {
        value_unref(r->wake);
        buf_add_c(why, "its record is damaged");
        return false;
    }
    return true;
}

/* The task with its frames, in no list yet (state as saved). NULL with *why. */
static struct task *get_task(struct scheduler *s, struct dec *d, struct code_finder *finder, struct buf *why) {
    struct task_row r;
    if (!get_task_row(d, &r, why)) return NULL;
    struct dec frames = dec_over(r.frames, r.frames_len);
    struct vm *vm = idmap_get(&s->tasks, r.id) ? NULL : vm_load(s->m, &frames, find_code, finder, why);
    if (!vm) {
        if (why->len == 0) buf_add_c(why, "there is a task of that number already");
        value_unref(r.wake);
        return NULL;
    }
    struct task *t = task_new(s, r.id, vm);
    t->state = r.state;
    t->forked = r.flags & FLAG_FORKED;
    t->from_suspend = r.flags & FLAG_FROM_SUSPEND;
    t->for_save = r.flags & FLAG_FOR_SAVE;
    t->start_wall_us = r.start_wall_us;
    t->conn = r.conn;
    t->order = r.order;
    if (s->order < r.order) s->order = r.order;
    value_unref(t->wake);
    t->wake = r.wake;
    return t;
}

/* ---- the store ---- */

static bool is_storable(const struct task *t) {
    return t->state != TASK_READING;
}

/* Programs that stored frames need, by address: how many tasks need each. A save names them all. */
static void hold_code(void *ctx, struct code *code) {
    struct scheduler *s = ctx;
    intptr_t n = (intptr_t)idmap_get(&s->codes, (int64_t)(intptr_t)code);
    idmap_put(&s->codes, (int64_t)(intptr_t)code, (void *)(n + 1));
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
    t->dirty = false;
    if (!is_storable(t)) return;
    put_task(&row, t);
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

static void store_all(struct scheduler *s, struct db_saver *saver) {
    size_t at = 0;
    struct task *t;
    struct input *in;
    db_saver_drop_all(saver, DB_TASK);
    db_saver_drop_all(saver, DB_QUEUE);
    while ((t = idmap_next(&s->tasks, &at))) store_task(s, saver, t);
    at = 0;
    while ((in = idmap_next(&s->inputs, &at))) store_input(saver, in);
    for (struct kept_row *k = s->kept_rows; k; k = k->next) {
        struct buf payload = BUF_INIT;
        buf_add(&payload, k->payload, k->len);
        db_saver_put(saver, k->table, k->key, &payload);
        buf_fini(&payload);
    }
}

static void store_changes(struct scheduler *s, struct db_saver *saver) {
    for (size_t i = 0; i < s->dirty_tasks.cap; i++) {
        struct idmap_slot *slot = &s->dirty_tasks.slots[i];
        if (!slot->item) continue;
        if (slot->item == &s->dirty_tasks) db_saver_drop(saver, DB_TASK, (uint64_t)slot->key);
        else store_task(s, saver, slot->item);
    }
    for (size_t i = 0; i < s->dirty_inputs.cap; i++) {
        struct idmap_slot *slot = &s->dirty_inputs.slots[i];
        if (!slot->item) continue;
        if (slot->item == &s->dirty_inputs) db_saver_drop(saver, DB_QUEUE, (uint64_t)slot->key);
        else store_input(saver, slot->item);
    }
}

static void write_rows(void *ctx, struct db_saver *saver) {
    struct scheduler *s = ctx;
    for (size_t i = 0; i < s->nforeign_taken; i++) db_saver_drop(saver, DB_FOREIGN_TASK, s->foreign_taken[i]);
    if (s->rows_are_known) store_changes(s, saver);
    else store_all(s, saver);
    idmap_fini(&s->dirty_tasks);
    idmap_fini(&s->dirty_inputs);
    keep_codes(s, saver);
}

static void rows_written(void *ctx, bool saved) {
    struct scheduler *s = ctx;
    s->rows_are_known = saved;
    if (saved) s->nforeign_taken = 0;
}

bool sched_has_changes(const struct scheduler *s) {
    return s->dirty_tasks.len > 0 || s->dirty_inputs.len > 0 || s->nforeign_taken > 0;
}

void sched_save_part(struct scheduler *s, struct db_save_part *part) {
    *part = (struct db_save_part){.write = write_rows, .done = rows_written, .ctx = s};
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
    t->due_us = clock_monotonic_us() + (t->start_wall_us - clock_wall_us());
    sleepers_add(s, t);
    task_count(s, t, 1);
}

static bool load_task(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct scheduler *s = ctx;
    struct code_finder finder = {.db = s->db};
    struct buf why = BUF_INIT;
    struct dec d = dec_over(payload, len);
    struct task *t = get_task(s, &d, &finder, &why);
    if (t && is_storable(t)) {
        t->stored = true;
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

static bool load_input(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct scheduler *s = ctx;
    struct dec d = dec_over(payload, len);
    bool fits = dec_u64(&d) == ROW_VERSION;
    uint64_t n = dec_u64(&d);
    for (uint64_t i = 0; fits && i < n && !d.bad; i++) {
        struct str *text = dec_str(&d);
        if (text) input_add_line(s, input_make(s, (objid)key), text, false);
    }
    if (!fits || d.bad) {
        log_error("The lines that #%llu had typed cannot be read: their record is damaged. It is kept in the world as it is.", (unsigned long long)key);
        keep_row(s, DB_QUEUE, key, payload, len);
    }
    return true;
}

int sched_load_for_export(struct scheduler *s, struct buf *why) {
    return db_scan(s->db, DB_TASK, load_task, s, why);
}

int sched_load(struct scheduler *s, struct buf *why) {
    s->foreign_live = true;
    if (db_scan(s->db, DB_TASK, load_task, s, why) != 0 || db_scan(s->db, DB_QUEUE, load_input, s, why) != 0) return -1;
    work_begin_again(s);
    return foreign_take_over(s, why);
}

/* ---- hand-off ---- */

struct code_set {
    struct idmap seen; /* by address */
    struct buf bytes;
    uint64_t n;
};

static void hand_off_code(void *ctx, struct code *code) {
    struct code_set *set = ctx;
    if (idmap_get(&set->seen, (int64_t)(intptr_t)code)) return;
    idmap_put(&set->seen, (int64_t)(intptr_t)code, code);
    set->n++;
    enc_i64(&set->bytes, code->version);
    enc_u64(&set->bytes, code->imported);
    enc_i64(&set->bytes, code->first_line);
    enc_str(&set->bytes, code->text);
}

static void hand_off_codes(struct scheduler *s, struct buf *out) {
    struct code_set set = {IDMAP_INIT, BUF_INIT, 0};
    size_t at = 0;
    struct task *t;
    while ((t = idmap_next(&s->tasks, &at))) vm_each_code(t->vm, hand_off_code, &set);
    enc_u64(out, set.n);
    buf_add(out, set.bytes.data, set.bytes.len);
    buf_fini(&set.bytes);
    idmap_fini(&set.seen);
}

static void hand_off_input(struct buf *out, const struct input *in) {
    uint64_t n = 0;
    for (struct line *l = in->first; l; l = l->next) n++;
    enc_i64(out, in->conn);
    enc_u64(out, (in->connected ? 1 : 0) | (in->print_messages ? 2 : 0) | (in->outbound ? 4 : 0) | (in->hold ? 8 : 0) | (in->disable_oob ? 16 : 0) | (in->paused ? 32 : 0));
    enc_i64(out, in->listener);
    enc_u64(out, in->intrinsics);
    enc_i64(out, in->last_task_id);
    enc_str(out, in->flush);
    enc_str(out, in->prefix);
    enc_str(out, in->suffix);
    enc_u64(out, in->program != NULL);
    if (in->program) {
        enc_bytes(out, buf_c(in->program), in->program->len);
        enc_i64(out, in->program_object);
        enc_str(out, in->program_verb);
    }
    enc_u64(out, n);
    for (struct line *l = in->first; l; l = l->next) enc_str(out, l->text);
}

static void hand_off_inputs(struct scheduler *s, struct buf *out) {
    size_t at = 0;
    struct input *in;
    enc_u64(out, s->inputs.len);
    while ((in = idmap_next(&s->inputs, &at))) hand_off_input(out, in);
}

static void hand_off_task(struct buf *out, const struct task *t, int64_t now_us) {
    enc_i64(out, t->state == TASK_SLEEPING ? t->due_us - now_us : 0);
    put_task(out, t);
}

/* Ready ones in the order in which they stand, then the others. */
static void hand_off_tasks(struct scheduler *s, struct buf *out) {
    int64_t now = clock_monotonic_us();
    size_t at = 0;
    struct queue *q;
    struct task *t;
    enc_u64(out, s->tasks.len);
    while ((q = idmap_next(&s->queues, &at)))
        for (t = q->first; t; t = t->next) hand_off_task(out, t, now);
    at = 0;
    while ((t = idmap_next(&s->tasks, &at)))
        if (t->state != TASK_READY) hand_off_task(out, t, now);
}

static void hand_off_balances(struct scheduler *s, struct buf *out) {
    size_t at = 0;
    struct queue *q;
    enc_u64(out, s->queues.len);
    while ((q = idmap_next(&s->queues, &at))) {
        enc_i64(out, q->owner);
        enc_i64(out, q->balance);
    }
}

static void hand_off_kept_rows(struct scheduler *s, struct buf *out) {
    uint64_t n = 0;
    for (struct kept_row *k = s->kept_rows; k; k = k->next) n++;
    enc_u64(out, n);
    for (struct kept_row *k = s->kept_rows; k; k = k->next) {
        enc_u64(out, k->table);
        enc_u64(out, k->key);
        enc_bytes(out, k->payload, k->len);
    }
}

void sched_hand_off(struct scheduler *s, struct buf *out) {
    must(!s->run);
    enc_u64(out, HAND_OFF_VERSION);
    enc_u64(out, s->order);
    enc_i64(out, s->quota_flag);
    hand_off_codes(s, out);
    hand_off_inputs(s, out);
    hand_off_tasks(s, out);
    hand_off_balances(s, out);
    hand_off_kept_rows(s, out);
}

static bool take_codes(struct scheduler *s, struct dec *d, struct code_finder *finder) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        int version = (int)dec_i64(d);
        bool imported = dec_u64(d) != 0;
        int first_line = (int)dec_i64(d);
        struct str *text = dec_str(d);
        if (!text) return false;
        add_code(finder, code_new(db_code_table(s->db), text, version, imported, first_line));
        str_unref(text);
    }
    return !d->bad;
}

static void take_program(struct dec *d, struct input *in) {
    size_t len;
    const void *text = dec_bytes(d, &len);
    in->program_object = dec_i64(d);
    in->program_verb = dec_str(d);
    if (!in->program_verb) {
        d->bad = true;
        return;
    }
    in->program = xcalloc(1, sizeof *in->program);
    buf_add(in->program, text, len);
}

static bool take_input(struct scheduler *s, struct dec *d) {
    objid conn = dec_i64(d);
    uint64_t flags = dec_u64(d);
    objid listener = dec_i64(d);
    if (d->bad || conn == NOTHING) return false;
    struct input *in = input_get(s, conn);
    if (!in) {
        sched_connection_opened(s, conn, listener, flags & 2, flags & 4, false);
        in = input_get(s, conn);
    }
    if (conn >= 0) input_move_queue(s, in, queue_get(s, conn));
    in->busy++;
    in->listener = listener;
    in->print_messages = flags & 2;
    in->outbound = flags & 4;
    in->hold = flags & 8;
    in->disable_oob = flags & 16;
    in->intrinsics = (unsigned)dec_u64(d) & INTRINSICS_ALL;
    in->last_task_id = dec_i64(d);
    if (in->flush) str_unref(in->flush);
    in->flush = dec_str(d);
    in->prefix = dec_str(d);
    in->suffix = dec_str(d);
    if (dec_u64(d)) take_program(d, in);
    input_drop_lines(s, in);
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        struct str *text = dec_str(d);
        if (!text) d->bad = true;
        else input_add_line(s, in, text, false);
    }
    in->connected = flags & 1;
    in->paused = flags & 32;
    in->busy--;
    return !d->bad;
}

static void place_task(struct scheduler *s, struct task *t, int64_t remaining_us) {
    struct input *in;
    switch (t->state) {
    case TASK_READY: task_make_ready(s, t); break;
    case TASK_SLEEPING:
        t->due_us = clock_monotonic_us() + remaining_us;
        sleepers_add(s, t);
        break;
    case TASK_READING:
        in = input_get(s, t->conn);
        if (in && !in->reader) in->reader = t;
        else {
            t->wake = value_err(E_INVARG);
            task_make_ready(s, t);
        }
        break;
    case TASK_FOREVER:
    case TASK_WORKING: break;
    }
    task_count(s, t, 1);
    task_changed(s, t);
}

static bool take_tasks(struct scheduler *s, struct dec *d, struct code_finder *finder, struct buf *why) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        int64_t remaining = dec_i64(d);
        struct task *t = get_task(s, d, finder, why);
        if (!t) return false;
        place_task(s, t, remaining);
    }
    return !d->bad;
}

static void take_balances(struct scheduler *s, struct dec *d) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        objid owner = dec_i64(d);
        int64_t balance = dec_i64(d);
        struct queue *q = idmap_get(&s->queues, owner);
        if (!d->bad && q && balance < 0) q->balance = balance;
    }
}

static void take_kept_rows(struct scheduler *s, struct dec *d) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        uint64_t table = dec_u64(d), key = dec_u64(d);
        size_t len;
        const void *payload = dec_bytes(d, &len);
        if (d->bad) return; /* this server may be able to do what the one before could not */
        if (table == DB_QUEUE) load_input(s, key, payload, len);
        else load_task(s, key, payload, len);
    }
}

static void update_inputs(struct scheduler *s) {
    objid *conns = xmalloc((s->inputs.len + 1) * sizeof *conns);
    size_t n = 0, at = 0;
    struct input *in;
    while ((in = idmap_next(&s->inputs, &at))) conns[n++] = in->conn;
    while (n > 0)
        if ((in = input_get(s, conns[--n]))) input_update(s, in);
    free(conns);
}

int sched_take_over(struct scheduler *s, struct dec *d, struct buf *why) {
    s->foreign_live = true;
    struct code_finder finder = {.db = s->db};
    bool fine = dec_u64(d) == HAND_OFF_VERSION;
    if (!fine && !d->bad) buf_add_c(why, "the scheduler's part of the hand-off is of another version");
    s->order = dec_u64(d);
    s->quota_flag = dec_i64(d);
    fine = fine && take_codes(s, d, &finder);
    uint64_t n = fine ? dec_u64(d) : 0;
    for (uint64_t i = 0; fine && i < n; i++) fine = take_input(s, d);
    fine = fine && take_tasks(s, d, &finder, why);
    if (fine) take_balances(s, d);
    if (fine) take_kept_rows(s, d);
    if (fine) work_begin_again(s);
    update_inputs(s);
    finder_fini(&finder);
    if (fine && !d->bad) return 0;
    if (why->len == 0) buf_add_c(why, "the scheduler's part of the hand-off is damaged");
    return -1;
}
