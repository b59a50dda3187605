/* SPDX-License-Identifier: MIT */
/* The ring of queues, without programs: tasks here are only places in a list, and each slice is charged what the test says. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "db/world.h"
#include "scheduler/state.h"

struct fixture {
    struct db *db;
    struct machine m;
    struct scheduler *s;
};

static void set_up(struct fixture *f) {
    static const struct host nobody = {0};
    clock_fake(1000000, 1000000000000);
    f->db = db_world_in_memory();
    f->m = (struct machine){.db = f->db, .dialect = dialect_by_name("lambda")};
    f->s = sched_new(&f->m, &nobody);
}

static void tear_down(struct fixture *f) {
    sched_free(f->s);
    db_world_close(f->db);
    clock_fake_off();
}

static struct task *add_task(struct fixture *f, objid owner) {
    struct task *t = xcalloc(1, sizeof *t);
    t->queue = queue_get(f->s, owner);
    t->timer.order = ++f->s->order;
    queue_put_task(f->s, t->queue, t);
    return t;
}

/* One slice of whoever's turn it is, which uses `ticks' and stays ready. Whose it was. */
static objid run_slice_of(struct fixture *f, int64_t ticks) {
    struct queue *q = queues_next(f->s);
    must(q);
    struct task *t = q->first;
    objid owner = q->owner;
    queue_begin_turn(q);
    queue_take_task(f->s, q, t);
    queue_put_task(f->s, q, t);
    queue_end_turn(f->s, q, 0, ticks / TICKS_PER_US);
    return owner;
}

/* Of background tasks. */
static int64_t balance_of(const struct queue *q) {
    return q->share->parts[PART_BACKGROUND].balance;
}

static void drop_all(struct fixture *f) {
    while (f->s->nactive > 0) {
        struct task *t = (f->s->ring ? f->s->ring : f->s->waiting)->parts[PART_BACKGROUND].ring->first;
        queue_take_task(f->s, t->queue, t);
        free(t);
    }
}

Test(queues, nothing_is_ready_at_first) {
    struct fixture f;
    set_up(&f);
    cr_expect_null(queues_next(f.s));
    tear_down(&f);
}

Test(queues, cpu_is_shared_evenly_however_long_the_slices) {
    struct fixture f;
    set_up(&f);
    int64_t used[3] = {0}, cost[3] = {500, 7000, 90000};
    for (objid o = 0; o < 3; o++) add_task(&f, o);
    for (int i = 0; i < 50000; i++) {
        objid o = queues_next(f.s)->owner;
        cr_assert_eq(run_slice_of(&f, cost[o]), o);
        used[o] += cost[o];
    }
    cr_expect_lt(llabs(used[0] - used[1]), 300000, "%ld %ld", (long)used[0], (long)used[1]);
    cr_expect_lt(llabs(used[0] - used[2]), 300000, "%ld %ld", (long)used[0], (long)used[2]);
    drop_all(&f);
    tear_down(&f);
}

Test(queues, quotas_are_shares) {
    struct fixture f;
    set_up(&f);
    double used[2] = {0};
    add_task(&f, 0)->queue->share->quota = 10000;
    add_task(&f, 1)->queue->share->quota = 30000;
    for (int i = 0; i < 40000; i++) used[run_slice_of(&f, 900)] += 900;
    cr_expect_float_eq(used[1] / used[0], 3.0, 0.05, "%f", used[1] / used[0]);
    drop_all(&f);
    tear_down(&f);
}

Test(queues, a_hundred_thousand_tasks_of_one_delay_others_by_one_quota) {
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < 100000; i++) add_task(&f, 1);
    for (int i = 0; i < 1000; i++) run_slice_of(&f, 1000);
    for (int round = 0; round < 50; round++) {
        struct task *t = add_task(&f, 2);
        int64_t waited = 0;
        while (queues_next(f.s)->owner != 2) {
            run_slice_of(&f, 1000);
            waited += 1000;
        }
        cr_assert_leq(waited, 21000);
        queue_begin_turn(t->queue);
        queue_take_task(f.s, t->queue, t);
        queue_end_turn(f.s, t->queue, 0, 200 / TICKS_PER_US);
        free(t);
    }
    drop_all(&f);
    tear_down(&f);
}

Test(queues, who_is_alone_never_waits_and_owes_little) {
    struct fixture f;
    set_up(&f);
    struct queue *q = add_task(&f, 1)->queue;
    for (int i = 0; i < 100; i++) cr_assert_eq(run_slice_of(&f, 30000000), 1);
    cr_expect_geq(balance_of(q), -200 * q->share->quota);
    for (int i = 0; i < 100; i++) run_slice_of(&f, 100);
    cr_expect_gt(balance_of(q), -q->share->quota);
    drop_all(&f);
    tear_down(&f);
}

Test(queues, debts_outlast_a_pause_and_fade) {
    struct fixture f;
    set_up(&f);
    struct task *t = add_task(&f, 1);
    struct queue *q = t->queue;
    q->tasks++; /* it belongs here, asleep or not */
    run_slice_of(&f, 50 * q->share->quota);
    queue_take_task(f.s, q, t);
    cr_expect_lt(balance_of(q), -40 * q->share->quota);
    clock_fake(1000000 + 100000, 1000000000000);
    queue_put_task(f.s, q, t);
    cr_expect_lt(balance_of(q), -30 * q->share->quota);
    queue_take_task(f.s, q, t);
    clock_fake(1000000 + 10000000, 1000000000000);
    queue_put_task(f.s, q, t);
    cr_expect_eq(balance_of(q), 0);
    q->tasks--;
    drop_all(&f);
    tear_down(&f);
}

Test(queues, an_idle_queue_saves_nothing) {
    struct fixture f;
    set_up(&f);
    struct task *t = add_task(&f, 1);
    struct queue *q = t->queue;
    q->tasks++;
    run_slice_of(&f, 100);
    queue_take_task(f.s, q, t);
    struct queue *other = add_task(&f, 2)->queue;
    for (int i = 0; i < 100; i++) run_slice_of(&f, other->share->quota);
    queue_put_task(f.s, q, t);
    int64_t used = 0;
    while (queues_next(f.s) != q) run_slice_of(&f, 1000);
    while (queues_next(f.s) == q) used += run_slice_of(&f, 1000) ? 1000 : 0;
    cr_expect_leq(used, 2 * q->share->quota, "%ld", (long)used); /* the end of this round, and the next */
    q->tasks--;
    drop_all(&f);
    tear_down(&f);
}

/* A player whose tasks suspend(0) after every few ticks gets his share all the same, slice about with one whose tasks run on. */
Test(queues, who_yields_loses_nothing) {
    struct fixture f;
    set_up(&f);
    int64_t used[3] = {0};
    add_task(&f, 1);
    add_task(&f, 2);
    for (int i = 0; i < 100000; i++) {
        struct queue *q = queues_next(f.s);
        int64_t cost = q->owner == 1 ? 200 : 5000;
        q->yields = q->owner == 1;
        used[run_slice_of(&f, cost)] += cost;
    }
    cr_expect_lt(llabs(used[1] - used[2]), 100000, "%ld %ld", (long)used[1], (long)used[2]);
    drop_all(&f);
    tear_down(&f);
}

Test(queues, who_yields_lets_others_go_first) {
    struct fixture f;
    set_up(&f);
    objid order[4];
    add_task(&f, 1);
    add_task(&f, 2);
    for (int i = 0; i < 4; i++) {
        queues_next(f.s)->yields = true;
        order[i] = run_slice_of(&f, 100);
    }
    cr_expect(order[0] == 1 && order[1] == 2 && order[2] == 1 && order[3] == 2);
    drop_all(&f);
    tear_down(&f);
}

/* Ten who are never done, then two who come now: they are the next but one and the one after that, as they came. */
Test(queues, who_comes_anew_waits_for_one_turn) {
    struct fixture f;
    set_up(&f);
    for (objid o = 1; o <= 10; o++) add_task(&f, o);
    for (int i = 0; i < 305; i++) run_slice_of(&f, 1000); /* so in their second round */
    objid greedy = queues_next(f.s)->owner;
    for (objid o = 11; o <= 12; o++) add_task(&f, o);
    queues_next(f.s)->yields = true;
    cr_expect_eq(run_slice_of(&f, 100), greedy);
    cr_expect_eq(run_slice_of(&f, 30000), 11);
    struct task *third = add_task(&f, 13);
    cr_expect_eq(run_slice_of(&f, 30000), 12);
    cr_expect_eq(queues_next(f.s), third->queue);
    queue_take_task(f.s, third->queue, third); /* the last of those that came leaves: the ring stands */
    free(third);
    for (objid o = 14; o <= 15; o++) add_task(&f, o);
    run_slice_of(&f, 30000);
    cr_expect_eq(run_slice_of(&f, 100), 14);
    drop_all(&f);
    tear_down(&f);
}

Test(queues, a_round_is_over_when_nobody_can_pay) {
    struct fixture f;
    set_up(&f);
    add_task(&f, 1);
    add_task(&f, 2);
    while (queues_next_of_round(f.s)) run_slice_of(&f, 3000);
    cr_expect_null(queues_next_of_round(f.s));
    struct task *late = add_task(&f, 3); /* has not had anything of this round */
    cr_expect_eq(queues_next_of_round(f.s), late->queue);
    run_slice_of(&f, 30000);
    cr_expect_null(queues_next_of_round(f.s));
    cr_expect_not_null(queues_next(f.s));
    cr_expect_not_null(queues_next_of_round(f.s));
    drop_all(&f);
    tear_down(&f);
}

Test(queues, one_owner_s_tasks_run_as_they_came) {
    struct fixture f;
    set_up(&f);
    struct task *t[5];
    for (int i = 0; i < 5; i++) t[i] = add_task(&f, 1);
    for (int i = 0; i < 23; i++) {
        cr_assert_eq(t[0]->queue->first, t[i % 5]);
        run_slice_of(&f, 300);
    }
    drop_all(&f);
    tear_down(&f);
}
