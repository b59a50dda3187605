/* SPDX-License-Identifier: MIT */
/* scheduler/watchdog.c in simulated time: no thread; who moves the clock asks it to look. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "sim.h"

enum { NESTED = 64 };

struct watchdog {
    volatile int flags[NESTED];
    unsigned slice;
    bool runs;
    int64_t began_us, limit_us;
};

struct watchdog *watchdog_new(void) {
    return xcalloc(1, sizeof(struct watchdog));
}
void watchdog_free(struct watchdog *w) { free(w); }

volatile int *watchdog_begin(struct watchdog *w, int64_t cpu_limit_us, int64_t now_us) {
    (void)now_us;
    volatile int *flag = &w->flags[++w->slice % NESTED];
    *flag = 0;
    w->runs = true;
    w->began_us = clock_cpu_us();
    w->limit_us = cpu_limit_us;
    return flag;
}

void watchdog_shorten(struct watchdog *w, int64_t cpu_limit_us) { w->limit_us = cpu_limit_us; }

void watchdog_end(struct watchdog *w) { w->runs = false; }

void watchdog_look_every(struct watchdog *w, int64_t us) { (void)w, (void)us; }

void sim_watchdog_look(struct watchdog *w) {
    if (w->runs && clock_cpu_us() - w->began_us >= w->limit_us) w->flags[w->slice % NESTED] |= SLICE_OVER;
}
