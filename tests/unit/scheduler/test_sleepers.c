/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/must.h"
#include "scheduler/state.h"

/* A heap alone: what wakes is looked at before it is woken, so no queue is needed. */
Test(sleepers, wake_by_time_then_in_order) {
    enum { N = 2000 };
    struct scheduler s = {0};
    struct task *t = xcalloc(N, sizeof *t);
    unsigned x = 7;
    for (int i = 0; i < N; i++) {
        x = x * 1103515245u + 12345u;
        t[i].due_us = (x >> 16) % 100;
        t[i].order = (uint64_t)i;
        sleepers_add(&s, &t[i]);
    }
    for (int i = 0; i < N; i += 3) sleepers_remove(&s, &t[i]);
    const struct task *last = NULL;
    size_t n = 0;
    while (s.heap_len > 0) {
        struct task *first = s.heap[0];
        cr_assert_neq((first - t) % 3, 0);
        cr_assert_eq(sleepers_next_due(&s), first->due_us);
        if (last) cr_assert(last->due_us < first->due_us || (last->due_us == first->due_us && last->order < first->order));
        last = first;
        sleepers_remove(&s, first);
        n++;
    }
    cr_expect_eq(n, N - (N + 2) / 3);
    cr_expect_eq(sleepers_next_due(&s), INT64_MAX);
    free(s.heap);
    free(t);
}
