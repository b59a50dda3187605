/* SPDX-License-Identifier: MIT */
/*
 * What is measured of turns and slices: their CPU time, which is charged, and what stats.h counts.
 *
 * CPU time is taken in laps from mark to mark: the beginning and the end of each slice and turn. Each lap is charged to the slice in which it fell, if to any, and to the turn. It is read from the
 * monotonic clock, and corrected by the thread's clock when it was long enough for that to pay.
 */
#include "base/clock.h"
#include "scheduler/state.h"

enum { SHORT_LAP_US = 1000 }; /* reading the thread clock costs more than it could correct */

static void lap(struct scheduler *s, int64_t now_us) {
    int64_t used = now_us - s->lap_us;
    s->lap_us = now_us;
    if (used >= SHORT_LAP_US) {
        int64_t cpu = clock_cpu_us(), since_mark = cpu - s->cpu_mark_us;
        s->cpu_mark_us = cpu;
        if (since_mark < used) used = since_mark;
    }
    s->turn_used.cpu_us += used;
    if (s->run) s->run->cpu_us += used;
}

void measure_begin_turn(struct scheduler *s, int64_t now_us, int64_t ready_us) {
    s->lap_us = now_us;
    s->turn_used = (struct usage){0};
    s->line_us = 0;
    s->wait_us = ready_us && ready_us < now_us ? now_us - ready_us : 0;
}

void measure_line(struct scheduler *s, int64_t read_us) {
    stats_count(s->stats)->commands++;
    s->line_us = read_us;
    s->wait_us = read_us && read_us < s->lap_us ? s->lap_us - read_us : 0;
}

void measure_begin_slice(struct scheduler *s, struct run *run) {
    objid definer;
    struct str *names = vm_first_verb(run->vm, &definer);
    lap(s, run->started_us);
    run->wait_us = s->wait_us;
    s->wait_us = 0;
    run->verb = stats_begin_slice(s->stats, definer, names, run->started_us);
}

static void count_end(struct stats_counts *n, enum vm_status status) {
    switch (status) {
    case VM_DONE: break;
    case VM_UNCAUGHT: n->uncaught++; break;
    case VM_SUSPENDED: n->suspends++; break;
    case VM_OUT_OF_TICKS: n->out_of_ticks++; break;
    case VM_OUT_OF_SECONDS: n->out_of_seconds++; break;
    case VM_KILLED: n->killed++; break;
    }
}

void measure_end_slice(struct scheduler *s, struct run *run, enum vm_status status, int64_t ticks, const struct vm_outcome *out) {
    (void)out;
    int64_t now = clock_monotonic_us();
    lap(s, now);
    count_end(stats_count(s->stats), status);
    struct usage used = {.slices = 1, .ticks = ticks, .cpu_us = run->cpu_us, .wait_us = run->wait_us, .worst_slice_us = now - run->started_us, .worst_wait_us = run->wait_us};
    stats_end_slice(s->stats, run->verb, &used);
    used.cpu_us = 0; /* it is in the lap */
    usage_add(&s->turn_used, &used);
}

void measure_end_turn(struct scheduler *s, const struct queue *q) {
    int64_t now = clock_monotonic_us();
    lap(s, now);
    if (s->line_us) stats_time(s->stats, STATS_latency, now - s->line_us);
    stats_end_turn(s->stats, q->owner, q->logins, &s->turn_used);
}
