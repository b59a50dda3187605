/* SPDX-License-Identifier: MIT */
/*
 * Moments in a binary heap: by time and, at the same time, by order. Any number of them cost nothing until they are due; adding and removing one takes time in
 * proportion to the logarithm of their number. A timer belongs to whoever embeds it, and stands in one heap at most.
 */
#ifndef SCHEDULER_TIMERS_H
#define SCHEDULER_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
    int64_t due_us; /* monotonic */
    uint64_t order; /* first come, first served */
    size_t at;
};

struct timers {
    struct timer **heap;
    size_t len, cap;
};

#define TIMER_OWNER(t, type) ((type *)((char *)(t) - offsetof(type, timer)))

void timers_add(struct timers *h, struct timer *t); /* due_us and order are set and stay */
void timers_remove(struct timers *h, struct timer *t);
struct timer *timers_due(const struct timers *h, int64_t now_us); /* the first that is due by then; NULL */
int64_t timers_next_us(const struct timers *h); /* INT64_MAX: none */
void timers_fini(struct timers *h);

#endif
