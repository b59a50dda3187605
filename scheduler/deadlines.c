/* SPDX-License-Identifier: MIT */
/*
 * Moments at which a task ends wherever it is. A deadline belongs to a task's number: it stays while the task runs and sleeps in turn, and goes with it. One that
 * passes while the task is set aside ends it as out of seconds (run_expired()); the time of a slice is no longer than until then.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

static void put(struct scheduler *s, int64_t id, int64_t left_us, int64_t wall_us) {
    struct deadline *d = xcalloc(1, sizeof *d);
    *d = (struct deadline){.task_id = id, .wall_us = wall_us, .timer = {.due_us = clock_monotonic_us() + left_us, .order = ++s->order}};
    idmap_put(&s->deadlines, id, d);
    timers_add(&s->deadline_timers, &d->timer);
    struct task *t = idmap_get(&s->tasks, id);
    if (!t) return;
    task_will_change(s, t);
    t->deadline = d;
}

struct deadline *deadline_of(const struct scheduler *s, int64_t id) { return s->deadlines.len ? idmap_get(&s->deadlines, id) : NULL; }

void deadline_restore(struct scheduler *s, int64_t id, int64_t wall_us) { put(s, id, wall_us - clock_wall_us(), wall_us); }

void deadline_drop(struct scheduler *s, int64_t id) {
    struct deadline *d = deadline_of(s, id);
    if (!d) return;
    struct task *t = idmap_get(&s->tasks, id);
    if (t) {
        task_will_change(s, t);
        t->deadline = NULL;
    }
    timers_remove(&s->deadline_timers, &d->timer);
    idmap_remove(&s->deadlines, id);
    free(d);
}

int64_t deadline_left_us(const struct scheduler *s, int64_t id, int64_t now_us) {
    const struct deadline *d = deadline_of(s, id);
    if (!d) return INT64_MAX;
    return d->timer.due_us > now_us ? d->timer.due_us - now_us : 1;
}

bool deadline_end_one(struct scheduler *s, int64_t now_us) {
    struct timer *first = timers_due(&s->deadline_timers, now_us);
    if (!first) return false;
    int64_t id = TIMER_OWNER(first, struct deadline)->task_id;
    struct task *t = idmap_get(&s->tasks, id);
    deadline_drop(s, id);
    if (t) run_expired(s, t, now_us);
    return true;
}

enum error sched_set_deadline(struct scheduler *s, int64_t id, double seconds, objid progr) {
    struct task *t = NULL;
    bool is_current = s->run && s->run->task_id == id;
    enum error e = is_current ? E_NONE : task_may_end(s, id, progr, &t);
    if (e != E_NONE) return e;
    deadline_drop(s, id);
    int64_t us = microseconds(seconds);
    if (us > 0) put(s, id, us, clock_wall_us() + us);
    if (t) task_changed(s, t);
    else if (us > 0) run_shorten(s, us);
    return E_NONE;
}

void deadlines_fini(struct scheduler *s) {
    size_t at = 0;
    struct deadline *d;
    while ((d = idmap_next(&s->deadlines, &at))) free(d);
    idmap_fini(&s->deadlines);
    timers_fini(&s->deadline_timers);
}
