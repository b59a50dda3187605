/* SPDX-License-Identifier: MIT */
/* Sleeping tasks in a binary heap, by due time and, at the same time, by order: a million cost nothing until they are due. */
#include "base/must.h"
#include "scheduler/state.h"

static bool before(const struct task *a, const struct task *b) {
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void set(struct scheduler *s, size_t i, struct task *t) {
    s->heap[i] = t;
    t->heap_at = i;
}

static void move_up(struct scheduler *s, size_t i, struct task *t) {
    while (i > 0 && before(t, s->heap[(i - 1) / 2])) {
        set(s, i, s->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set(s, i, t);
}

static void move_down(struct scheduler *s, size_t i, struct task *t) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->heap_len) break;
        if (child + 1 < s->heap_len && before(s->heap[child + 1], s->heap[child])) child++;
        if (!before(s->heap[child], t)) break;
        set(s, i, s->heap[child]);
        i = child;
    }
    set(s, i, t);
}

void sleepers_add(struct scheduler *s, struct task *t) {
    if (s->heap_len == s->heap_cap) {
        s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 64;
        s->heap = xrealloc(s->heap, s->heap_cap * sizeof *s->heap);
    }
    move_up(s, s->heap_len++, t);
}

void sleepers_remove(struct scheduler *s, struct task *t) {
    size_t i = t->heap_at;
    must(i < s->heap_len && s->heap[i] == t);
    struct task *last = s->heap[--s->heap_len];
    if (last == t) return;
    if (i > 0 && before(last, s->heap[(i - 1) / 2])) move_up(s, i, last);
    else move_down(s, i, last);
}

void sleepers_wake(struct scheduler *s, int64_t now_us) {
    while (s->heap_len > 0 && s->heap[0]->due_us <= now_us) {
        struct task *t = s->heap[0];
        sleepers_remove(s, t);
        task_make_ready_since(s, t, t->due_us);
    }
}

int64_t sleepers_next_due(const struct scheduler *s) {
    return s->heap_len > 0 ? s->heap[0]->due_us : INT64_MAX;
}
