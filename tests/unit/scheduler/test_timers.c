/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/must.h"
#include "scheduler/timers.h"

Test(timers, come_by_time_then_in_order) {
    enum { N = 2000 };
    struct timers h = {0};
    struct timer *t = xcalloc(N, sizeof *t);
    unsigned x = 7;
    for (int i = 0; i < N; i++) {
        x = x * 1103515245u + 12345u;
        t[i].due_us = (x >> 16) % 100;
        t[i].order = (uint64_t)i;
        timers_add(&h, &t[i]);
    }
    for (int i = 0; i < N; i += 3) timers_remove(&h, &t[i]);
    const struct timer *last = NULL;
    size_t n = 0;
    for (int64_t now = -1; now < 100; now++) {
        for (struct timer *first; (first = timers_due(&h, now)); n++) {
            cr_assert_neq((first - t) % 3, 0);
            cr_assert_eq(timers_next_us(&h), now);
            cr_assert_eq(first->due_us, now);
            if (last) cr_assert(last->due_us < first->due_us || (last->due_us == first->due_us && last->order < first->order));
            last = first;
            timers_remove(&h, first);
        }
    }
    cr_expect_eq(n, N - (N + 2) / 3);
    cr_expect_eq(timers_next_us(&h), INT64_MAX);
    timers_fini(&h);
    free(t);
}
