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
    struct task_sums sums = {0};
    struct run run = {.sums = &sums, .verb = verb, .cpu_us = 1, .wait_us = 2};
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
