/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "scheduler/state.h"
#include "scheduler/usage.h"

enum { MOST = 2048 };

static void use(struct usage_table *t, objid who, int64_t cpu_us, uint32_t period) {
    struct usage used = {.slices = 1, .cpu_us = cpu_us, .worst_slice_us = cpu_us};
    usage_add(usage_now(usage_get(t, who, NULL, false, period), period), &used);
}

Test(usage, the_heaviest_come_first_and_old_use_is_forgotten) {
    struct usage_table t = {.most = MOST};
    struct usage_row top[3];
    for (objid o = 0; o < 10; o++) use(&t, o, 100 * (o + 1), 50);
    use(&t, 3, 5000, 50);
    cr_assert_eq(usage_top(&t, 50, SPAN_MINUTE, top, 3), 3);
    cr_expect(top[0].who == 3 && top[0].usage.cpu_us == 5400 && top[0].usage.slices == 2 && top[0].usage.worst_slice_us == 5000);
    cr_expect(top[1].who == 9 && top[2].who == 8);
    use(&t, 0, 7, 100);
    cr_expect_eq(usage_top(&t, 100, SPAN_MINUTE, top, 3), 1);
    cr_expect(top[0].who == 0 && top[0].usage.cpu_us == 7);
    cr_expect_eq(usage_top(&t, 100, SPAN_HOUR, top, 3), 3);
    cr_expect_eq(usage_row_of(usage_find(&t, 0, NULL, false), 100, SPAN_ALL).usage.cpu_us, 107);
    usage_table_fini(&t);
}

Test(usage, a_full_table_forgets_who_used_least) {
    struct usage_table t = {.most = MOST};
    for (objid o = 0; o < MOST; o++) use(&t, o, o + 1, 50);
    usage_find(&t, 0, NULL, false)->pinned = true;
    for (objid o = 10000; o < 10000 + 100 * MOST; o++) use(&t, o, 1, 50);
    cr_expect_leq(t.len, MOST);
    cr_expect_not_null(usage_find(&t, 0, NULL, false), "it is pinned");
    cr_expect_null(usage_find(&t, 1, NULL, false));
    for (objid o = MOST - 1000; o < MOST; o++) cr_assert_not_null(usage_find(&t, o, NULL, false), "#%ld", (long)o);
    usage_table_fini(&t);
}

Test(usage, verbs_are_told_apart_by_definer_and_names) {
    struct usage_table t = {.most = MOST};
    struct str *look = str_from("l*ook"), *again = str_from("l*ook"), *get = str_from("get");
    struct usage_entry *e = usage_get(&t, 5, look, false, 1);
    cr_expect_eq(usage_get(&t, 5, again, false, 1), e);
    cr_expect_neq(usage_get(&t, 6, look, false, 1), e);
    cr_expect_neq(usage_get(&t, 5, get, false, 1), e);
    cr_expect_neq(usage_get(&t, 5, NULL, false, 1), usage_get(&t, 5, NULL, true, 1));
    str_unref(look);
    str_unref(again);
    str_unref(get);
    usage_table_fini(&t);
}

/* The queue of `owner' has a slice of so many ticks. */
static void slice(struct stats *st, struct usage_entry *verb, struct queue *q, objid owner, int64_t ticks) {
    struct task_sums sums = {.first.verb = verb};
    struct run run = {.sums = &sums, .cpu_us = 1, .wait_us = 2};
    q->owner = owner;
    stats_end_slice(st, &run, q, ticks, 1);
}

Test(usage, slices_that_follow_each_other_are_told_apart) {
    struct stats *st = stats_new(0);
    static struct usage_entry look = {0}, get = {0};
    struct queue ann = {0}, bob = {0};
    slice(st, &look, &ann, 1, 10);
    slice(st, &look, &ann, 1, 20);
    slice(st, &get, &ann, 1, 40);
    slice(st, &get, &bob, 2, 80);
    slice(st, &look, &ann, 1, 160);
    stats_settle(st);
    struct usage of_ann, of_bob;
    cr_assert(stats_player(st, 1, SPAN_ALL, &of_ann) && stats_player(st, 2, SPAN_ALL, &of_bob));
    cr_expect(of_ann.slices == 4 && of_ann.ticks == 230 && of_ann.cpu_us == 4 && of_ann.wait_us == 8 && of_ann.worst_wait_us == 2);
    cr_expect(of_bob.slices == 1 && of_bob.ticks == 80);
    cr_expect(look.now.slices == 3 && look.now.ticks == 190 && get.now.slices == 2 && get.now.ticks == 120);
    cr_expect_eq(stats_usage(st, SPAN_ALL).ticks, 310);
    stats_free(st);
}

/* What slices come to, added up one by one. */
struct plain_sums {
    struct usage verbs[3], payers[4] /* the last: nobody */, paid, all;
    int64_t counts[2][41]; /* of slices, of waits, by length */
};

static void add_plainly(struct plain_sums *p, int verb, int payer, const struct usage *u) {
    usage_add(&p->verbs[verb], u);
    usage_add(&p->payers[payer], u);
    usage_add(&p->all, u);
    p->counts[0][u->worst_slice_us]++;
    if (payer == 3) return;
    usage_add(&p->paid, u);
    p->counts[1][u->worst_wait_us]++;
}

static bool is_same(const struct usage *a, const struct usage *b) {
    return a->slices == b->slices && a->ticks == b->ticks && a->cpu_us == b->cpu_us && a->wait_us == b->wait_us && a->worst_slice_us == b->worst_slice_us && a->worst_wait_us == b->worst_wait_us;
}

static void expect_times(const struct stats *st, enum stats_histogram which, const int64_t *counts) {
    struct histogram h, plain = {0};
    stats_times(st, which, SPAN_ALL, &h);
    for (int us = 0; us <= 40; us++)
        for (int64_t i = 0; i < counts[us]; i++) histogram_add(&plain, us);
    cr_expect_arr_eq(&h, &plain, sizeof h);
}

static struct usage_entry three_verbs[3];

static void expect_sums(struct stats *st, const struct plain_sums *p, uint32_t period) {
    struct usage u;
    stats_settle(st);
    for (int i = 0; i < 3; i++) {
        u = usage_row_of(&three_verbs[i], period, SPAN_ALL).usage;
        cr_expect(is_same(&u, &p->verbs[i]), "verb %d", i);
        cr_expect(stats_player(st, i + 1, SPAN_ALL, &u) && is_same(&u, &p->payers[i]), "payer %d", i);
    }
    u = stats_usage(st, SPAN_ALL);
    cr_expect(u.slices == p->all.slices && u.ticks == p->all.ticks && u.cpu_us == p->all.cpu_us && u.wait_us == p->paid.wait_us);
    cr_expect(u.worst_slice_us == p->all.worst_slice_us && u.worst_wait_us == p->paid.worst_wait_us);
    expect_times(st, STATS_slice, p->counts[0]);
    expect_times(st, STATS_wait, p->counts[1]);
}

/* Short ones and long ones, of the same verb and payer or of others, of nobody, through periods and looks; what they come to is the same as if each had been added to everything at once. */
Test(usage, nothing_is_lost_that_is_added_up_later) {
    enum { MANY = 50000 };
    struct stats *st = stats_new(0);
    struct plain_sums p = {0};
    struct queue queues[3] = {{.owner = 1}, {.owner = 2}, {.owner = 3}};
    struct task_sums sums = {.first.epoch = 1};
    struct usage task = {0};
    uint32_t random = 1, period = 0;
    int verb = 0, payer = 0;
    for (int i = 0; i < MANY; i++) {
        random = random * 1664525 + 1013904223;
        uint32_t r = random >> 8;
        if (r % 4 == 0) verb = (int)(r / 4 % 3), payer = (int)(r / 12 % 4);
        int longest = r / 64 % 8 == 0 ? 41 : 18;
        if (r / 512 % 1000 == 0) period++;
        if (r / 512 % 100 == 1) stats_settle(st);
        random = random * 1664525 + 1013904223;
        struct usage u = {.slices = 1, .ticks = random >> 20, .cpu_us = random >> 16 & 63, .wait_us = (random >> 8 & 255) % longest, .worst_slice_us = (random >> 24) % longest};
        u.worst_wait_us = u.wait_us;
        sums.first.verb = &three_verbs[verb];
        struct run run = {.sums = &sums, .started_us = (int64_t)period * ROLLING_PERIOD_US + 1, .cpu_us = u.cpu_us, .wait_us = u.wait_us};
        stats_begin_slice(st, &run);
        stats_end_slice(st, &run, payer < 3 ? &queues[payer] : NULL, u.ticks, u.worst_slice_us);
        add_plainly(&p, verb, payer, &u);
        usage_add(&task, &u);
    }
    cr_assert_gt(period, 10);
    expect_sums(st, &p, period);
    cr_expect(sums.slices == MANY && sums.ticks == task.ticks && sums.cpu_us == task.cpu_us && sums.wait_us == task.wait_us && sums.began_us == 1);
    for (int i = 0; i < 3; i++) rolling_fini(&three_verbs[i].times);
    stats_free(st);
}

/* Bob's was forgotten, and Ann's lies where it lay. */
Test(usage, an_entry_in_the_place_of_another_is_not_taken_for_it) {
    struct stats *st = stats_new(0);
    static struct usage_entry look = {0};
    struct queue ann = {0};
    slice(st, &look, &ann, 1, 10);
    struct queue bob = {.usage = ann.usage, .usage_epoch = ann.usage_epoch - 1};
    slice(st, &look, &bob, 2, 80);
    stats_settle(st);
    struct usage of_ann, of_bob;
    cr_assert(stats_player(st, 1, SPAN_ALL, &of_ann) && stats_player(st, 2, SPAN_ALL, &of_bob));
    cr_expect(of_ann.ticks == 10 && of_bob.ticks == 80);
    stats_free(st);
}

Test(usage, who_had_the_last_slices_may_be_forgotten) {
    enum { MANY = USAGE_PLAYERS + 100 };
    struct stats *st = stats_new(0);
    static struct usage_entry verb = {0};
    struct queue *queues = calloc(MANY, sizeof *queues);
    for (objid o = 0; o < MANY; o++) slice(st, &verb, &queues[o], o, 7);
    stats_settle(st);
    struct usage u;
    cr_assert(stats_player(st, MANY - 1, SPAN_ALL, &u));
    cr_expect_eq(u.ticks, 7);
    cr_expect_eq(verb.now.slices, MANY);
    cr_expect_eq(stats_usage(st, SPAN_ALL).ticks, 7 * MANY);
    free(queues);
    stats_free(st);
}
