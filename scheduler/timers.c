/* SPDX-License-Identifier: MIT */
#include "scheduler/timers.h"

#include <stdlib.h>

#include "base/must.h"

static bool before(const struct timer *a, const struct timer *b) {
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void set(struct timers *h, size_t i, struct timer *t) {
    h->heap[i] = t;
    t->at = i;
}

static void move_up(struct timers *h, size_t i, struct timer *t) {
    while (i > 0 && before(t, h->heap[(i - 1) / 2])) {
        set(h, i, h->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    set(h, i, t);
}

static void move_down(struct timers *h, size_t i, struct timer *t) {
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->len) break;
        if (child + 1 < h->len && before(h->heap[child + 1], h->heap[child])) child++;
        if (!before(h->heap[child], t)) break;
        set(h, i, h->heap[child]);
        i = child;
    }
    set(h, i, t);
}

void timers_add(struct timers *h, struct timer *t) {
    if (h->len == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 64;
        h->heap = xrealloc(h->heap, h->cap * sizeof *h->heap);
    }
    move_up(h, h->len++, t);
}

void timers_remove(struct timers *h, struct timer *t) {
    size_t i = t->at;
    must(i < h->len && h->heap[i] == t);
    struct timer *last = h->heap[--h->len];
    if (last == t) return;
    if (i > 0 && before(last, h->heap[(i - 1) / 2])) move_up(h, i, last);
    else move_down(h, i, last);
}

struct timer *timers_due(const struct timers *h, int64_t now_us) { return h->len > 0 && h->heap[0]->due_us <= now_us ? h->heap[0] : NULL; }

int64_t timers_next_us(const struct timers *h) { return h->len > 0 ? h->heap[0]->due_us : INT64_MAX; }

void timers_fini(struct timers *h) {
    free(h->heap);
    *h = (struct timers){0};
}
