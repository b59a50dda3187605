/* SPDX-License-Identifier: MIT */
#include "scheduler/rows.h"

#include <stdlib.h>

#include "base/must.h"
#include "db/code.h"

enum task_flag { FLAG_FORKED = 1, FLAG_FROM_SUSPEND = 2, FLAG_FOR_SAVE = 4 };

void row_put_task(struct buf *out, const struct task *t, struct shares_out *shares) {
    struct buf frames = BUF_INIT;
    bool has_ends = t->deadline || vm_parker(t->vm) != NOTHING;
    enc_u64(out, has_ends ? ENDS_VERSION : work_is_wanted(t) ? WISH_VERSION : ROW_VERSION);
    enc_u64(out, (uint64_t)t->id);
    enc_u64(out, t->state);
    enc_u64(out, (t->forked ? FLAG_FORKED : 0) | (t->from_suspend ? FLAG_FROM_SUSPEND : 0) | (t->for_save ? FLAG_FOR_SAVE : 0));
    enc_i64(out, t->start_wall_us);
    enc_u64(out, t->timer.order);
    enc_i64(out, t->conn);
    enc_value_shared(out, t->wake, shares);
    vm_save(t->vm, &frames, shares);
    enc_bytes(out, frames.data, frames.len);
    if (has_ends) {
        enc_i64(out, t->deadline ? t->deadline->wall_us : 0);
        enc_i64(out, vm_parker(t->vm));
    }
    buf_fini(&frames);
}

void finder_add(struct code_finder *f, struct code *code) {
    f->codes = xrealloc(f->codes, (f->n + 1) * sizeof(struct code *));
    f->codes[f->n++] = code;
}

void finder_fini(struct code_finder *f) {
    for (size_t i = 0; i < f->n; i++) code_unref(f->codes[i]);
    free(f->codes);
    *f = (struct code_finder){0};
}

static struct code *find_code(void *ctx, const uint8_t *hash) {
    struct code_finder *f = ctx;
    struct code *code = db_load_code(f->db, hash); /* it looks among those in memory first, where what came along is */
    if (code) finder_add(f, code_ref(code));
    return code;
}

struct task_row {
    int64_t id, start_wall_us, deadline_us;
    enum task_state state;
    unsigned flags;
    uint64_t order;
    objid conn, parker;
    value wake;
    const void *frames;
    size_t frames_len;
};

static bool get_task_row(struct dec *d, struct task_row *r, struct buf *why) {
    uint64_t version = dec_u64(d);
    if (!d->bad && (version < ROW_VERSION || version > ENDS_VERSION)) {
        buf_printf(why, "it is of version %llu, this server knows up to %d", (unsigned long long)version, ENDS_VERSION);
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
    r->deadline_us = version == ENDS_VERSION ? dec_i64(d) : 0;
    r->parker = version == ENDS_VERSION ? dec_i64(d) : NOTHING;
    r->state = (enum task_state)state;
    if (d->bad || state > TASK_WORKING || r->id <= 0 || r->wake.type == V_NONE) {
        value_unref(r->wake);
        buf_add_c(why, "its record is damaged");
        return false;
    }
    return true;
}

struct task *row_get_task(struct scheduler *s, struct dec *d, struct code_finder *finder, struct buf *why) {
    struct task_row r;
    if (!get_task_row(d, &r, why)) return NULL;
    struct dec frames = dec_over(r.frames, r.frames_len);
    frames.shares = d->shares;
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
    vm_set_parker(vm, r.parker);
    t->start_wall_us = r.start_wall_us;
    t->conn = r.conn;
    t->timer.order = r.order;
    if (s->order < r.order) s->order = r.order;
    if (r.deadline_us) deadline_restore(s, r.id, r.deadline_us);
    value_unref(t->wake);
    t->wake = r.wake;
    return t;
}
