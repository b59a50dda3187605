/* SPDX-License-Identifier: MIT */
#include "scheduler/scheduler.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

static enum error fork_hook(void *ctx, struct vm *parent, struct vm *child, double seconds, int64_t id) {
    (void)parent;
    return task_fork(ctx, child, seconds, id);
}

static int64_t id_hook(void *ctx) {
    return task_new_id(ctx);
}

struct scheduler *sched_new(struct machine *m, const struct host *host) {
    struct scheduler *s = xcalloc(1, sizeof *s);
    s->m = m;
    s->db = m->db;
    s->host = *host;
    s->round = 1;
    s->options = options_new(s);
    s->watchdog = watchdog_new();
    s->stats = stats_new(clock_monotonic_us());
    m->scheduler = s;
    m->host = &s->host;
    m->has_workers = host->work != NULL;
    m->hooks = (struct machine_hooks){fork_hook, id_hook, measure_sample, s};
    options_load(s);
    value_free_later(true);
    return s;
}

static void free_tasks(struct scheduler *s) {
    struct task **all = xmalloc((s->tasks.len + 1) * sizeof(struct task *));
    size_t n = 0, at = 0;
    while ((all[n] = idmap_next(&s->tasks, &at))) n++;
    while (n > 0) task_free(s, all[--n]);
    free(all);
}

static void free_inputs(struct scheduler *s) {
    struct input **all = xmalloc((s->inputs.len + 1) * sizeof(struct input *));
    size_t n = 0, at = 0;
    while ((all[n] = idmap_next(&s->inputs, &at))) n++;
    while (n > 0) {
        input_drop_lines(s, all[--n]);
        input_free(s, all[n]);
    }
    free(all);
}

void sched_free(struct scheduler *s) {
    if (!s) return;
    must(!s->run);
    saving_end_cut(s);
    free_tasks(s);
    free_inputs(s);
    queues_fini(s);
    watchdog_free(s->watchdog);
    stats_free(s->stats);
    slow_fini(s);
    profiles_free(s->profiles);
    options_free(s->options);
    saving_fini(s);
    idmap_fini(&s->tasks);
    idmap_fini(&s->inputs);
    idmap_fini(&s->counts);
    idmap_fini(&s->recycled);
    idmap_fini(&s->dirty_tasks);
    idmap_fini(&s->dirty_inputs);
    timers_fini(&s->sleepers);
    deadlines_fini(s);
    free(s->hooks);
    s->m->scheduler = s->m->host = NULL;
    s->m->hooks = (struct machine_hooks){0};
    s->m->has_workers = false;
    value_free_later(false);
    free(s);
}
