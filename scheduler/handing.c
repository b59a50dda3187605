/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's part of a reboot's hand-off: tasks of every kind, queued lines, connections' options and programs being typed, what the limits have counted, rows
 * that could not be read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "db/code.h"
#include "scheduler/rows.h"

enum { HAND_OFF_VERSION = 1 };
static const int64_t MOST_BETWEEN_US = INT64_C(3600000000);

/* ---- giving ---- */

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

static void hand_off_task(struct buf *out, const struct task *t, int64_t now_us, struct shares_out *shares) {
    enc_i64(out, t->state == TASK_SLEEPING ? t->timer.due_us - now_us : 0);
    row_put_task(out, t, shares);
}

/* Ready ones in the order in which they stand, then the others. */
static void hand_off_tasks(struct scheduler *s, struct buf *out) {
    int64_t now = clock_monotonic_us();
    struct shares_out shares = {IDMAP_INIT};
    size_t at = 0;
    struct queue *q;
    struct task *t;
    enc_u64(out, s->tasks.len);
    while ((q = idmap_next(&s->queues, &at)))
        for (t = q->first; t; t = t->next) hand_off_task(out, t, now, &shares);
    at = 0;
    while ((t = idmap_next(&s->tasks, &at)))
        if (t->state != TASK_READY) hand_off_task(out, t, now, &shares);
    shares_out_fini(&shares);
}

static void hand_off_balances(struct scheduler *s, struct buf *out) {
    size_t at = 0;
    struct share *h;
    enc_u64(out, s->shares.len);
    while ((h = idmap_next(&s->shares, &at))) {
        enc_i64(out, h->owner);
        enc_i64(out, -share_debt(h));
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
    enc_i64(out, option_flag(s, OPT_tick_quota));
    hand_off_codes(s, out);
    hand_off_inputs(s, out);
    hand_off_tasks(s, out);
    hand_off_balances(s, out);
    hand_off_kept_rows(s, out);
}

/* ---- taking ---- */

static bool take_codes(struct scheduler *s, struct dec *d, struct code_finder *finder) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        int version = (int)dec_i64(d);
        bool imported = dec_u64(d) != 0;
        int first_line = (int)dec_i64(d);
        struct str *text = dec_str(d);
        if (!text) return false;
        finder_add(finder, code_new(db_code_table(s->db), text, version, imported, first_line));
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

static void place_task(struct scheduler *s, struct task *t, int64_t due_us) {
    struct input *in;
    switch (t->state) {
    case TASK_READY: task_make_ready(s, t); break;
    case TASK_SLEEPING:
        t->timer.due_us = due_us;
        timers_add(&s->sleepers, &t->timer);
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
}

/* A clock that is not ours (a hand-off that was kept) tells nothing. */
static int64_t time_of_making(int64_t made_us) {
    int64_t now = clock_monotonic_us();
    return made_us > 0 && made_us <= now && now - made_us < MOST_BETWEEN_US ? made_us : now;
}

static bool take_tasks(struct scheduler *s, struct dec *d, struct code_finder *finder, int64_t made_us, struct buf *why) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        int64_t remaining = dec_i64(d);
        struct task *t = row_get_task(s, d, finder, why);
        if (!t) return false;
        bool stored = row_is_storable(t); /* as it was handed over */
        place_task(s, t, made_us + remaining);
        rows_take_task(s, t, stored);
    }
    return !d->bad;
}

static bool take_sharing_tasks(struct scheduler *s, struct dec *d, struct code_finder *finder, int64_t made_us, struct buf *why) {
    struct shares_in shares = {0};
    d->shares = &shares;
    bool fine = take_tasks(s, d, finder, made_us, why);
    d->shares = NULL;
    shares_in_fini(&shares);
    return fine;
}

static void take_balances(struct scheduler *s, struct dec *d) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        objid owner = dec_i64(d);
        int64_t balance = dec_i64(d);
        if (!d->bad && balance < 0) share_get(s, owner, false)->parts[PART_BACKGROUND].balance = balance; /* also of who has nothing to run now */
    }
}

static void take_kept_rows(struct scheduler *s, struct dec *d) {
    uint64_t n = dec_u64(d);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        uint64_t table = dec_u64(d), key = dec_u64(d);
        size_t len;
        const void *payload = dec_bytes(d, &len);
        if (d->bad) return; /* this server may be able to do what the one before could not */
        if (table == DB_QUEUE) load_input_row(s, key, payload, len);
        else load_task_row(s, key, payload, len);
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

int sched_take_over(struct scheduler *s, struct dec *d, int64_t made_us, struct buf *why) {
    s->foreign_live = true;
    struct code_finder finder = {.db = s->db};
    bool fine = dec_u64(d) == HAND_OFF_VERSION;
    if (!fine && !d->bad) buf_add_c(why, "the scheduler's part of the hand-off is of another version");
    s->order = dec_u64(d);
    int64_t quota = dec_i64(d);
    if (quota > 0) sched_set_flag(s, OPT_tick_quota, quota);
    fine = fine && take_codes(s, d, &finder);
    uint64_t n = fine ? dec_u64(d) : 0;
    for (uint64_t i = 0; fine && i < n; i++) fine = take_input(s, d);
    rows_take_inputs(s);
    fine = fine && take_sharing_tasks(s, d, &finder, time_of_making(made_us), why);
    if (fine) take_balances(s, d);
    if (fine) take_kept_rows(s, d);
    if (fine) work_begin_again(s);
    update_inputs(s);
    finder_fini(&finder);
    if (fine && !d->bad) return 0;
    if (why->len == 0) buf_add_c(why, "the scheduler's part of the hand-off is damaged");
    return -1;
}
