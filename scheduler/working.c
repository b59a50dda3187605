/* SPDX-License-Identifier: MIT */
/*
 * Tasks that wait for a threaded built-in: what they sleep with, {name, argument...}, becomes an order to the host, and the host's answer what they go on with.
 *
 * Each gets one answer: it is either WORKING, with that list, or has been answered. Whoever takes up a saved one that is WORKING begins its work again.
 */
#include <stdlib.h>

#include "base/must.h"
#include "lang/threaded.h"
#include "scheduler/state.h"

static void interrupt(struct scheduler *s, struct task *t, const char *why) { sched_wake_raising(s, t->id, E_INVARG, why); }

/* Who pays for a task also takes turns with others here; those who are not logged in do so one by one. */
static objid account_of(const struct task *t) {
    objid player = vm_task_player(t->vm);
    return player < NOTHING ? player : t->queue->owner;
}

void work_begin(struct scheduler *s, struct task *t, bool again) {
    const struct threaded *w = threaded_of(s->m, t->wake);
    if (!s->host.work) return; /* it waits for somebody who can */
    if (!w) {
        interrupt(s, t, "What this waits for is not to be had here");
        return;
    }
    struct work_order order = {.task_id = t->id, .owner = account_of(t), .again = again, .work = w->work, .request = BUF_INIT};
    order.finish = w->at_reboot == AT_REBOOT_FINISH;
    const struct list *wish = t->wake.u.l;
    w->request(s->m, wish->items + 1, (int)wish->len - 1, &order.request);
    const char *refusal = s->host.work(s->host.ctx, &order);
    if (refusal) sched_wake_raising(s, t->id, E_QUOTA, refusal);
}

bool work_is_wanted(const struct task *t) { return t->state == TASK_WORKING && t->wake.type == V_LIST; }

static int compare_orders(const void *x, const void *y) {
    const struct task *a = *(struct task *const *)x, *b = *(struct task *const *)y;
    return a->timer.order < b->timer.order ? -1 : a->timer.order > b->timer.order;
}

void work_begin_again(struct scheduler *s) {
    struct task **all = xmalloc((s->tasks.len + 1) * sizeof(struct task *)), *t;
    size_t n = 0, at = 0;
    while ((t = idmap_next(&s->tasks, &at)))
        if (work_is_wanted(t)) all[n++] = t;
    qsort(all, n, sizeof *all, compare_orders);
    for (size_t i = 0; i < n; i++) {
        const struct threaded *w = threaded_of(s->m, all[i]->wake);
        if (w && w->at_reboot == AT_REBOOT_INTERRUPT && s->host.work) interrupt(s, all[i], "The server was replaced while this was at work");
        else work_begin(s, all[i], true);
    }
    free(all);
}

void work_drop(struct scheduler *s, struct task *t) {
    if (work_is_wanted(t) && s->host.drop_work) s->host.drop_work(s->host.ctx, t->id);
}

void sched_work_done(struct scheduler *s, int64_t task_id, const struct buf *answer) {
    struct result r = threaded_answer(answer);
    if (r.kind == R_VALUE) sched_wake_with(s, task_id, r.v);
    else {
        sched_wake_raising(s, task_id, r.v.u.e, r.message->data);
        str_unref(r.message);
    }
}
