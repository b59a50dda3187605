/* SPDX-License-Identifier: MIT */
#include "server/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "server/server.h"

enum { LONGEST_LINE = 1 << 20 };

static void answer(struct server *s, value v) {
    struct terminal *t = &s->terminal;
    int64_t task = t->tasks[0];
    memmove(t->tasks, t->tasks + 1, --t->ntasks * sizeof *t->tasks);
    if (!t->ntasks) ev_io_stop(s->loop, &t->readable);
    sched_wake_with(s->sched, task, v);
}

/* Whole lines that are there already; the rest waits for who asks next. */
static void answer_lines(struct server *s) {
    struct terminal *t = &s->terminal;
    while (t->ntasks && t->partial.len) {
        char *end = memchr(t->partial.data, '\n', t->partial.len);
        if (!end && t->partial.len < LONGEST_LINE) return;
        size_t n = end ? (size_t)(end - t->partial.data) : t->partial.len;
        struct str *line = str_from_bytes(t->partial.data, n);
        buf_drop_front(&t->partial, end ? n + 1 : n);
        answer(s, value_str(line));
    }
}

static void on_input(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop;
    struct server *s = w->data;
    char bytes[4096];
    if (!(events & EV_READ)) {
        answer_lines(s);
        return;
    }
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0) {
        buf_add(&s->terminal.partial, bytes, (size_t)n);
        answer_lines(s);
        return;
    }
    while (s->terminal.ntasks) answer(s, value_int(0));
}

void terminal_ask(struct server *s, int64_t task_id) {
    struct terminal *t = &s->terminal;
    t->tasks = xrealloc(t->tasks, (t->ntasks + 1) * sizeof *t->tasks);
    t->tasks[t->ntasks++] = task_id;
    if (t->ntasks > 1) return;
    ev_io_init(&t->readable, on_input, STDIN_FILENO, EV_READ);
    t->readable.data = s;
    ev_io_start(s->loop, &t->readable);
    if (t->partial.len) ev_feed_event(s->loop, &t->readable, EV_CUSTOM);
}

void terminal_fini(struct server *s) {
    struct terminal *t = &s->terminal;
    if (t->ntasks) ev_io_stop(s->loop, &t->readable);
    free(t->tasks);
    buf_fini(&t->partial);
    *t = (struct terminal){.ntasks = 0};
}

void terminal_encode(struct server *s, struct buf *out) {
    struct terminal *t = &s->terminal;
    enc_bytes(out, buf_c(&t->partial), t->partial.len);
    enc_u64(out, t->ntasks);
    for (size_t i = 0; i < t->ntasks; i++) enc_i64(out, t->tasks[i]);
}

void terminal_decode(struct server *s, struct dec *d) {
    size_t n;
    const void *partial = dec_bytes(d, &n);
    if (n) buf_add(&s->terminal.partial, partial, n);
    for (uint64_t left = dec_u64(d); left && !d->bad; left--) terminal_ask(s, dec_i64(d));
}
