/* SPDX-License-Identifier: MIT */
/*
 * The lines of a connection: kept in order until they may run, and the options that decide when.
 *
 * What a line is, is decided when its turn comes: `disable-oob' may have changed meanwhile. While a task reads, the first line is its, unless it is out of
 * band; with hold-input and no reader only out-of-band lines run.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum {
    MAX_BYTES = 65536,
    MAX_FORCED_BYTES = 1 << 22 /* no socket can be paused for lines that programs add */
};

static const char *const intrinsic_names[INTRINSIC_COUNT] = {".program", "PREFIX", "SUFFIX", "OUTPUTPREFIX", "OUTPUTSUFFIX"};

struct input *input_get(struct scheduler *s, objid conn) {
    return idmap_get(&s->inputs, conn);
}

static struct input *input_new(struct scheduler *s, objid conn, struct queue *q) {
    struct input *in = xcalloc(1, sizeof *in);
    in->conn = conn;
    in->intrinsics = INTRINSICS_ALL;
    in->queue = q;
    q->inputs++;
    idmap_put(&s->inputs, conn, in);
    return in;
}

struct input *input_make(struct scheduler *s, objid conn) {
    struct input *in = input_get(s, conn);
    return in ? in : input_new(s, conn, queue_get(s, conn));
}

static void set_text(struct str **place, struct str *text) {
    if (*place) str_unref(*place);
    *place = text;
}

void input_free(struct scheduler *s, struct input *in) {
    must(!in->reader && !in->busy);
    if (in->runnable) queue_take_input(s, in);
    input_drop_lines(s, in);
    in->queue->inputs--;
    queue_release(s, in->queue);
    set_text(&in->flush, NULL);
    set_text(&in->prefix, NULL);
    set_text(&in->suffix, NULL);
    set_text(&in->program_verb, NULL);
    if (in->program) {
        buf_fini(in->program);
        free(in->program);
    }
    if (input_get(s, in->conn) == in) idmap_remove(&s->inputs, in->conn);
    idmap_remove(&s->recycled, in->conn);
    input_drop_row(s, in->conn);
    free(in);
}

/* There may be none: who has typed a line and seen it run within one interval of saves left no row. */
void input_drop_row(struct scheduler *s, objid conn) {
    if (conn >= 0) idmap_put(&s->dirty_inputs, conn, &s->dirty_inputs);
}

void input_changed(struct scheduler *s, struct input *in) {
    if (in->conn < 0 || in->dirty) return;
    in->dirty = true;
    idmap_put(&s->dirty_inputs, in->conn, in);
}

void input_move_queue(struct scheduler *s, struct input *in, struct queue *q) {
    bool was = in->runnable;
    if (was) queue_take_input(s, in);
    struct queue *old = in->queue;
    in->queue = q;
    q->inputs++;
    old->inputs--;
    queue_release(s, old);
    if (was) queue_put_input(s, in);
}

/* ---- lines ---- */

bool input_can_run(const struct input *in) {
    if (!in->first) return false;
    if (!in->hold || in->reader) return true;
    return !in->disable_oob && in->out_of_band_lines > 0;
}

/* A closed connection has nothing more to read. */
void input_disappoint_reader(struct scheduler *s, struct input *in) {
    struct task *t = in->reader;
    in->reader = NULL;
    task_will_change(s, t);
    value_unref(t->wake);
    t->wake = value_err(E_INVARG);
    t->start_wall_us = 0;
    task_make_ready(s, t);
    task_count(s, t, 1);
    task_changed(s, t);
}

static void hurry_or_pause(struct scheduler *s, struct input *in) {
    if (!in->connected || !s->host.pause_input) return;
    if (!in->paused && in->bytes > MAX_BYTES) {
        in->paused = true;
        s->host.pause_input(s->host.ctx, in->conn, true);
    } else if (in->paused && in->bytes < MAX_BYTES / 2) {
        in->paused = false;
        s->host.pause_input(s->host.ctx, in->conn, false);
    }
}

void input_update(struct scheduler *s, struct input *in) {
    if (!in->connected && in->reader && !in->first) input_disappoint_reader(s, in);
    bool can = input_can_run(in) && !in->busy;
    if (can && !in->runnable) queue_put_input(s, in);
    else if (!can && in->runnable) queue_take_input(s, in);
    if (!in->connected && !in->first && !in->reader && !in->busy) input_free(s, in);
}

static void classify(struct line *l) {
    l->quoted = l->text->len >= 3 && memcmp(l->text->data, "#$\"", 3) == 0;
    l->out_of_band = l->text->len >= 3 && memcmp(l->text->data, "#$#", 3) == 0;
}

void input_add_line(struct scheduler *s, struct input *in, struct str *text, bool at_front) {
    struct line *l = xcalloc(1, sizeof *l);
    l->text = text;
    l->read_us = clock_monotonic_us();
    classify(l);
    if (at_front) {
        l->next = in->first;
        in->first = l;
        if (!in->last) in->last = l;
    } else {
        if (in->last) in->last->next = l;
        else in->first = l;
        in->last = l;
    }
    in->bytes += text->len + 1;
    in->out_of_band_lines += l->out_of_band;
    input_changed(s, in);
    hurry_or_pause(s, in);
    input_update(s, in);
}

/* The line after `before' (NULL: the first), out of the queue; its text is the caller's. */
static struct str *unlink_line(struct scheduler *s, struct input *in, struct line *before) {
    struct line *l = before ? before->next : in->first;
    if (before) before->next = l->next;
    else in->first = l->next;
    if (in->last == l) in->last = before;
    in->bytes -= l->text->len + 1;
    in->out_of_band_lines -= l->out_of_band;
    struct str *text = l->text;
    if (l->quoted && !in->disable_oob) {
        struct str *rest = str_new(text->data + 3, text->len - 3);
        str_unref(text);
        text = rest;
    }
    free(l);
    input_changed(s, in);
    hurry_or_pause(s, in);
    return text;
}

struct str *input_next_line(struct scheduler *s, struct input *in, bool *out_of_band, int64_t *read_us) {
    struct line *before = NULL, *l = in->first;
    *out_of_band = false;
    if (in->hold && !in->reader) {
        if (in->disable_oob) return NULL;
        while (l && !l->out_of_band) {
            before = l;
            l = l->next;
        }
    }
    if (!l) return NULL;
    *out_of_band = l->out_of_band && !in->disable_oob;
    *read_us = in->hold ? 0 : l->read_us;
    return unlink_line(s, in, before);
}

void input_drop_lines(struct scheduler *s, struct input *in) {
    while (in->first) str_unref(unlink_line(s, in, NULL));
}

value sched_read_now(struct scheduler *s, objid conn) {
    struct input *in = input_get(s, conn);
    struct line *before = NULL, *l = in ? in->first : NULL;
    while (l && l->out_of_band && !in->disable_oob) {
        before = l;
        l = l->next;
    }
    if (!l) return value_int(0);
    struct str *text = unlink_line(s, in, before);
    input_update(s, in);
    return value_str(text);
}

/* ---- flushing ---- */

void sched_flush_input(struct scheduler *s, objid conn, bool show) {
    struct input *in = input_get(s, conn);
    bool any = in && in->first;
    if (show && any) {
        tell(s, conn, ">> Flushing the following pending input:");
        for (struct line *l = in->first; l; l = l->next) tell(s, conn, ">>     %s", l->text->data);
        tell(s, conn, ">> (Done flushing)");
    } else if (show) {
        tell(s, conn, ">> No pending input to flush...");
    }
    if (!any) return;
    input_drop_lines(s, in);
    input_update(s, in);
}

void sched_input(struct scheduler *s, objid conn, struct str *line) {
    struct input *in = input_get(s, conn);
    if (!in) str_unref(line);
    else if (in->flush && str_equal(in->flush, line)) {
        str_unref(line);
        sched_flush_input(s, conn, true);
    } else {
        input_add_line(s, in, line, false);
    }
}

bool sched_lines_can_run(const struct scheduler *s, objid conn) {
    const struct input *in = idmap_get(&s->inputs, conn);
    return in && (in->runnable || in->busy);
}

enum error sched_force_input(struct scheduler *s, objid conn, struct str *line, bool at_front) {
    struct input *in = input_get(s, conn);
    bool fits = (in ? in->bytes : 0) + line->len < MAX_FORCED_BYTES;
    if (!fits || (!in && conn < 0)) { /* a connection that is gone never comes back */
        str_unref(line);
        return fits ? E_NONE : E_QUOTA;
    }
    in = input_make(s, conn);
    if (in->flush && str_equal(in->flush, line)) {
        str_unref(line);
        sched_flush_input(s, conn, true);
    } else {
        input_add_line(s, in, line, at_front);
    }
    return E_NONE;
}

/* ---- opening and closing: the rest of a connection's life is in login.c ---- */

static struct str *default_flush(struct scheduler *s) {
    value v = sched_option(s, 0, option_name(OPT_default_flush_command));
    if (v.type == V_NONE) return str_from(".flush");
    if (v.type == V_STR && v.u.s->len > 0) return v.u.s;
    value_unref(v);
    return NULL;
}

void sched_connection_opened(struct scheduler *s, objid conn, objid listener, bool print_messages, bool outbound, bool login_prompt) {
    must(!input_get(s, conn));
    struct input *in = input_new(s, conn, queue_get_logins(s, listener));
    in->connected = true;
    in->listener = listener;
    in->print_messages = print_messages;
    in->outbound = outbound;
    in->flush = default_flush(s);
    if (login_prompt) input_add_line(s, in, str_empty(), false);
}

void sched_connection_kept(struct scheduler *s, objid conn, objid listener, bool print_messages, bool outbound) {
    struct input *in = input_get(s, conn);
    if (!in) sched_connection_opened(s, conn, listener, print_messages, outbound, false);
    in = input_get(s, conn);
    if (conn >= 0) input_move_queue(s, in, queue_get(s, conn));
    in->connected = true;
    in->listener = listener;
    in->print_messages = print_messages;
    in->outbound = outbound;
}

/* ---- reading ---- */

enum error sched_check_read(struct scheduler *s, objid conn) {
    struct input *in = input_get(s, conn);
    if (!in || in->reader || (!in->connected && !in->first)) return E_INVARG;
    return in->connected && !s->host.is_connected(s->host.ctx, conn) ? E_INVARG : E_NONE;
}

int64_t sched_last_input_task(struct scheduler *s, objid conn) {
    struct input *in = input_get(s, conn);
    return in ? in->last_task_id : 0;
}

/* ---- options ---- */

static value intrinsics_value(unsigned bits) {
    struct list *l = list_new(INTRINSIC_COUNT);
    for (int i = 0; i < INTRINSIC_COUNT; i++)
        if (bits & (1u << i)) l = list_append_take(l, value_str(str_from(intrinsic_names[i])));
    return value_list(l);
}

static bool intrinsics_from(value v, unsigned *bits) {
    if (v.type == V_INT) {
        *bits = v.u.i ? INTRINSICS_ALL : 0;
        return true;
    }
    if (v.type != V_LIST) return false;
    *bits = 0;
    for (int64_t i = 1; i <= v.u.l->len; i++) {
        value name = list_get(v.u.l, i);
        int which = 0;
        while (which < INTRINSIC_COUNT && !(name.type == V_STR && str_equal_c(name.u.s, intrinsic_names[which]))) which++;
        if (which == INTRINSIC_COUNT) return false;
        *bits |= 1u << which;
    }
    return true;
}

enum kept_option { KEPT_FLUSH, KEPT_HOLD, KEPT_OOB, KEPT_INTRINSICS, KEPT_COUNT };

static enum kept_option kept_option(const struct str *name) {
    static const char *const names[KEPT_COUNT] = {"flush-command", "hold-input", "disable-oob", "intrinsic-commands"};
    int i = 0;
    while (i < KEPT_COUNT && !str_equal_c(name, names[i])) i++;
    return (enum kept_option)i;
}

value sched_connection_option(struct scheduler *s, objid conn, const struct str *name) {
    struct input *in = input_get(s, conn);
    if (!in) return value_none();
    switch (kept_option(name)) {
    case KEPT_FLUSH: return value_str(in->flush ? str_ref(in->flush) : str_empty());
    case KEPT_HOLD: return value_int(in->hold);
    case KEPT_OOB: return value_int(in->disable_oob);
    case KEPT_INTRINSICS: return intrinsics_value(in->intrinsics);
    case KEPT_COUNT: break;
    }
    return s->host.get_option(s->host.ctx, conn, name);
}

bool sched_set_connection_option(struct scheduler *s, objid conn, const struct str *name, value v) {
    struct input *in = input_get(s, conn);
    if (!in) return false;
    switch (kept_option(name)) {
    case KEPT_FLUSH:
        set_text(&in->flush, v.type == V_STR && v.u.s->len > 0 ? str_ref(v.u.s) : NULL);
        break;
    case KEPT_HOLD: in->hold = value_is_true(v); break;
    case KEPT_OOB: in->disable_oob = value_is_true(v); break;
    case KEPT_INTRINSICS: return intrinsics_from(v, &in->intrinsics);
    case KEPT_COUNT: return s->host.set_option(s->host.ctx, conn, name, v);
    }
    input_update(s, in);
    return true;
}

value sched_connection_options(struct scheduler *s, objid conn) {
    static const char *const order[] = {"binary", "flush-command", "hold-input", "disable-oob", "intrinsic-commands", "client-echo"};
    enum { ORDERED = sizeof order / sizeof *order };
    struct list *l = list_new(ORDERED);
    for (size_t i = 0; i < ORDERED; i++) {
        struct str *name = str_from(order[i]);
        value v = sched_connection_option(s, conn, name);
        if (v.type == V_NONE) str_unref(name);
        else l = list_append_take(l, value_list(list_of(2, value_str(name), v)));
    }
    value others = s->host.option_names(s->host.ctx, conn); /* what only this server has */
    for (int64_t i = 1; others.type == V_LIST && i <= others.u.l->len; i++) {
        struct str *name = list_get(others.u.l, i).u.s;
        bool known = false;
        for (size_t k = 0; k < ORDERED; k++) known = known || str_equal_c(name, order[k]);
        if (!known) l = list_append_take(l, value_list(list_of(2, value_str(str_ref(name)), s->host.get_option(s->host.ctx, conn, name))));
    }
    value_unref(others);
    return value_list(l);
}

void sched_output_delimiters(struct scheduler *s, objid conn, value *prefix, value *suffix) {
    struct input *in = input_get(s, conn);
    *prefix = value_str(in && in->prefix ? str_ref(in->prefix) : str_empty());
    *suffix = value_str(in && in->suffix ? str_ref(in->suffix) : str_empty());
}
