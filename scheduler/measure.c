/* SPDX-License-Identifier: MIT */
/*
 * What is measured of turns and slices: their CPU time, which is charged, and what stats.h counts.
 *
 * CPU time is taken in laps from mark to mark: the beginning and the end of each slice and turn. Each lap is charged to the slice in which it fell, if to any, and to the turn. It is read from the
 * monotonic clock, and corrected by the thread's clock when it was long enough for that to pay: by as much as the thread was not running since both clocks were read together last. A thousand
 * players who type without pause have microseconds each in a second; who was charged for a moment in which the processor was another's would wait until all of them had used as much.
 */
#include "base/clock.h"
#include "base/pool.h"
#include "scheduler/state.h"

enum { SHORT_LAP_US = 50 }; /* reading the thread clock costs more than it could correct */

static void lap(struct scheduler *s, struct run *run, int64_t now_us) {
    int64_t used = now_us - s->lap_us;
    s->lap_us = now_us;
    if (used >= SHORT_LAP_US) {
        int64_t cpu = clock_cpu_us(), away = now_us - s->mark_us - (cpu - s->cpu_mark_us);
        s->cpu_mark_us = cpu;
        s->mark_us = now_us;
        if (away > 0) used = used > away ? used - away : 0;
    }
    s->turn_cpu_us += used;
    if (!run) return;
    run->cpu_us += used;
    s->slices_cpu_us += used;
}

void measure_begin_turn(struct scheduler *s, int64_t now_us, int64_t ready_us) {
    s->lap_us = now_us;
    s->turn_cpu_us = s->slices_cpu_us = 0;
    s->line_us = s->look_us = 0;
    s->wait_us = ready_us && ready_us < now_us ? now_us - ready_us : 0;
    s->turn_is_fresh = true;
}

void measure_line(struct scheduler *s, int64_t read_us) {
    s->counted.commands++;
    s->line_us = read_us;
    s->wait_us = read_us && read_us < s->lap_us ? s->lap_us - read_us : 0;
    s->turn_is_fresh = false;
}

void measure_begin_slice(struct scheduler *s, struct run *run) {
    if (s->turn_is_fresh) run->started_us = s->lap_us; /* a moment ago */
    else lap(s, s->run, run->started_us = clock_monotonic_us());
    s->turn_is_fresh = false;
    run->wait_us = s->wait_us;
    s->wait_us = 0;
    stats_begin_slice(s->stats, run);
}

void measure_sample(void *sched, const struct vm *vm, int us) {
    struct scheduler *s = sched;
    int64_t taken = pool_account.taken;
    stats_sample(s->stats, vm, us, s->run);
    profile_sample(s, vm, us);
    if (s->run && s->run->vm == vm) slow_keep_stack(s->run, clock_monotonic_us());
    pool_account.taken = taken; /* none of it is the task's */
}

static enum slice_end end_of(enum vm_status status) {
    switch (status) {
    case VM_DONE: break;
    case VM_UNCAUGHT: return SLICE_UNCAUGHT;
    case VM_SUSPENDED: return SLICE_SET_ASIDE;
    case VM_OUT_OF_TICKS: return SLICE_OUT_OF_TICKS;
    case VM_OUT_OF_SECONDS: return SLICE_OUT_OF_SECONDS;
    case VM_KILLED: return SLICE_KILLED;
    }
    return SLICE_DONE;
}

void measure_end_slice(struct scheduler *s, struct run *run, enum vm_status status, int64_t ticks, const struct vm_outcome *out) {
    int64_t now = clock_monotonic_us(), us = now - run->started_us;
    lap(s, run, now);
    stats_end_slice(s->stats, run, s->turn, ticks, us);
    if (us >= SLOW_SLICE_US) slow_end_slice(s, run, (struct slow_slice){.us = us, .cpu_us = run->cpu_us, .ticks = ticks, .end = end_of(status), .at_us = now}, out);
    value_unref(run->stack);
}

void measure_bad_end(struct scheduler *s, enum vm_status status) {
    struct stats_counts *n = &s->counted;
    switch (status) {
    case VM_DONE:
    case VM_SUSPENDED: break;
    case VM_UNCAUGHT: n->uncaught++; break;
    case VM_OUT_OF_TICKS: n->out_of_ticks++; break;
    case VM_OUT_OF_SECONDS: n->out_of_seconds++; break;
    case VM_KILLED: n->killed++; break;
    }
}

int64_t measure_end_turn(struct scheduler *s) {
    int64_t now = clock_monotonic_us();
    lap(s, NULL, now);
    if (s->line_us) stats_time(s->stats, STATS_latency, now - s->line_us);
    if (s->turn_cpu_us != s->slices_cpu_us) stats_end_turn(s->stats, s->turn, s->turn_cpu_us - s->slices_cpu_us);
    s->turn_is_fresh = false;
    return now;
}
