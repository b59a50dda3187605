/* SPDX-License-Identifier: MIT */
/* The scheduler's lists, heap, rings and counts agree with each other, and its statistics with what the simulation saw. */
#include "sim.h"

static void count_up(struct idmap *m, int64_t key) { idmap_put(m, key, (void *)((intptr_t)idmap_get(m, key) + 1)); }

static void audit_heap(struct sim *sim, size_t sleeping) {
    const struct scheduler *s = sim->f.s;
    sim_check(sim, sleeping == s->sleepers.len, "%zu tasks sleep, and the heap has %zu", sleeping, s->sleepers.len);
    for (size_t i = 0; i < s->sleepers.len; i++) {
        const struct task *t = TIMER_OWNER(s->sleepers.heap[i], struct task), *up = TIMER_OWNER(s->sleepers.heap[i > 0 ? (i - 1) / 2 : 0], struct task);
        sim_check(sim, t->timer.at == i && t->state == TASK_SLEEPING, "task %lld is not where it says, or does not sleep", (long long)t->id);
        sim_check(sim, i == 0 || up->timer.due_us < t->timer.due_us || (up->timer.due_us == t->timer.due_us && up->timer.order < t->timer.order),
                  "the heap is out of order at %zu of %zu", i, s->sleepers.len);
    }
}

static void audit_queue(struct sim *sim, const struct queue *q, size_t tasks) {
    size_t ready = 0;
    for (const struct task *t = q->first; t; t = t->next, ready++)
        sim_check(sim, t->state == TASK_READY && t->queue == q, "a task in #%lld's list is not ready, or another's", (long long)q->owner);
    for (int p = 0; p < PARTS && !q->has_turn; p++) {
        bool has_work = p == PART_TYPED ? q->first_input != NULL : ready > 0 && !q->paused, listed = q->places[p].listed;
        sim_check(sim, listed == has_work && (!listed || q->share->active), "#%lld %s the ring", (long long)q->owner,
                  listed ? "has nothing to do and is in" : "has something to do and is not in");
    }
    sim_check(sim, q->tasks == tasks + (q->has_turn ? 1 : 0), "#%lld's queue counts %zu tasks, and has %zu", (long long)q->owner, q->tasks, tasks);
}

static void audit_usage(struct sim *sim) {
    size_t at = 0;
    const struct sim_payer *p;
    while ((p = idmap_next(&sim->payers, &at))) {
        struct usage u = {0};
        if (!stats_player(sched_stats(sim->f.s), p->owner, SPAN_ALL, &u))
            sim_check(sim, p->ticks == 0 && p->cpu_us == 0, "nothing is counted of #%lld", (long long)p->owner);
        sim_check(sim, u.ticks == p->ticks && u.cpu_us == p->cpu_us, "#%lld has used %lld ticks and %lld us, and %lld and %lld are counted",
                  (long long)p->owner, (long long)p->ticks, (long long)p->cpu_us, (long long)u.ticks, (long long)u.cpu_us);
    }
}

void model_audit(struct sim *sim) {
    struct scheduler *s = sim->f.s;
    struct idmap by_programmer = IDMAP_INIT, by_queue = IDMAP_INIT;
    size_t at = 0, sleeping = 0, counted = 0;
    struct task *t;
    struct queue *q;
    while ((t = idmap_next(&s->tasks, &at))) {
        count_up(&by_queue, (int64_t)(intptr_t)t->queue);
        sleeping += t->state == TASK_SLEEPING;
        if (t->state != TASK_READING && t->state != TASK_WORKING) count_up(&by_programmer, t->progr);
    }
    audit_heap(sim, sleeping);
    audit_usage(sim);
    for (at = 0; (q = idmap_next(&s->queues, &at));) audit_queue(sim, q, (size_t)(intptr_t)idmap_get(&by_queue, (int64_t)(intptr_t)q));
    for (size_t i = 0; i < by_programmer.cap; i++) {
        const struct idmap_slot *slot = &by_programmer.slots[i];
        if (!slot->item) continue;
        counted++;
        sim_check(sim, sched_queue_count(s, slot->key) == (intptr_t)slot->item, "#%lld has %lld tasks, and %lld are counted", (long long)slot->key,
                  (long long)(intptr_t)slot->item, (long long)sched_queue_count(s, slot->key));
    }
    sim_check(sim, counted == s->counts.len, "%zu programmers have tasks, and %zu are counted", counted, s->counts.len);
    idmap_fini(&by_programmer);
    idmap_fini(&by_queue);
}
