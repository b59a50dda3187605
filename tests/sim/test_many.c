/* SPDX-License-Identifier: MIT */
/* What a hundred thousand tasks cost, or EVERMOO_SIM_TASKS of them, counted in calls of the scheduler's functions: nothing until they are due, and then by the logarithm of their number at most. */
#include <math.h>
#include <stdlib.h>

#include "base/must.h"
#include "base/sanitized.h"
#include "counted.h"
#include "sim.h"

enum { FEW = 1000, A_COMMAND = 1000 /* forks in it */, LEVEL_CALLS = 4 /* of a heap */ };

static int many(void) {
    const char *asked = getenv("EVERMOO_SIM_TASKS");
    return asked ? atoi(asked) : SANITIZED ? 20000 : 100000;
}

static void open_with(struct sim *sim, int sleepers, const char *dir) {
    sim_open(sim, "many/*", 1, 2, dir);
    for (int n = 0; n < sleepers; n += A_COMMAND) {
        sim_type(sim, sim_player(0), "sleepers %d %d", n, A_COMMAND);
        fake_run(&sim->f);
    }
    cr_assert_eq(sim->f.s->tasks.len, (size_t)sleepers);
}

/* Calls for each of `sleepers' that wakes and ends. */
static double cost_of_waking(int sleepers) {
    struct sim sim;
    open_with(&sim, sleepers, NULL);
    int64_t before = counted_calls(), turns = sim.turns;
    sim_run(&sim, 20000);
    double cost = (double)(counted_calls() - before) / sleepers;
    cr_assert_eq(sim.f.s->tasks.len, 0);
    cr_assert_eq(sim.turns - turns, sleepers);
    sim_close(&sim);
    return cost;
}

static double cost_of_sleeping(int sleepers) {
    struct sim sim;
    int64_t before = counted_calls();
    open_with(&sim, sleepers, NULL);
    double cost = (double)(counted_calls() - before) / sleepers;
    sim_close(&sim);
    return cost;
}

Test(many, sleepers_come_and_go_at_the_cost_of_a_logarithm) {
    double more_levels = log2((double)many() / FEW);
    double asleep = cost_of_sleeping(FEW), asleep_many = cost_of_sleeping(many());
    double awake = cost_of_waking(FEW), awake_many = cost_of_waking(many());
    cr_log_info("calls to sleep: %.1f, and with %d tasks %.1f; to wake: %.1f, and %.1f", asleep, many(), asleep_many, awake, awake_many);
    cr_expect_leq(asleep_many, asleep + LEVEL_CALLS * more_levels);
    cr_expect_leq(awake_many, awake + LEVEL_CALLS * more_levels);
}

/* Of a thousand commands while others sleep. */
static int64_t cost_of_commands(int sleepers) {
    struct sim sim;
    open_with(&sim, sleepers, NULL);
    int64_t before = counted_calls();
    for (int i = 0; i < 1000; i++) {
        sim_type(&sim, sim_player(1), "say %d", i);
        sim_run(&sim, 0.0001);
    }
    int64_t cost = counted_calls() - before;
    sim_close(&sim);
    return cost;
}

Test(many, sleepers_cost_nothing_until_they_are_due) {
    int64_t alone = cost_of_commands(0), among_many = cost_of_commands(many());
    cr_expect_eq(alone, among_many, "a thousand commands take %lld calls, and %lld beside %d sleepers", (long long)alone, (long long)among_many, many());
}

/* Of each suspend(0) and what follows, with so many tasks that do nothing else. */
static double cost_of_yielding(int tasks) {
    struct sim sim;
    sim_open(&sim, "many/*", 1, 2, NULL);
    for (int n = 0; n < tasks; n += A_COMMAND) sim_type(&sim, sim_player(0), "spinners %d", A_COMMAND);
    sim_run(&sim, 3e-5 * tasks); /* until all have begun */
    int64_t before = counted_calls(), turns = sim.turns;
    sim_run(&sim, 1e-5 * tasks);
    double cost = (double)(counted_calls() - before) / (double)(sim.turns - turns);
    cr_assert_eq(sim.f.s->tasks.len, (size_t)tasks);
    cr_assert_gt(sim.turns - turns, tasks);
    sim_close(&sim);
    return cost;
}

Test(many, ready_tasks_do_not_slow_each_other) {
    int n = many() / 4;
    double few = cost_of_yielding(FEW), a_lot = cost_of_yielding(n);
    cr_log_info("calls of a suspend(0): %.2f, and with %d tasks %.2f", few, n, a_lot);
    cr_expect_leq(a_lot, few * 1.02);
}

/* Of the same by one player, beside so many who are in debt and have something to run. */
static double cost_beside_debtors(int debtors) {
    struct sim sim;
    sim_open(&sim, "many/*", 1, debtors + 1, NULL);
    for (int i = 1; i <= debtors; i++) sim_type(&sim, sim_player(i), "nap 1000000000 0.0 10000");
    sim_run(&sim, 0.02 * debtors); /* each has had a slice that nine rounds are to pay */
    sim_type(&sim, sim_player(0), "spinners 10");
    int64_t before = counted_calls(), turns = sim.turns;
    sim_run(&sim, 0.05);
    double cost = (double)(counted_calls() - before) / (double)(sim.turns - turns);
    sim_close(&sim);
    return cost;
}

Test(many, who_waits_for_the_next_round_costs_nothing_in_this_one) {
    double few = cost_beside_debtors(2), a_lot = cost_beside_debtors(200);
    cr_log_info("calls of a suspend(0): %.2f, and beside 200 debtors %.2f", few, a_lot);
    cr_expect_leq(a_lot, few * 1.5);
}

/* Of a save after a few more have come. */
static int64_t cost_of_saving(int sleepers) {
    struct sim sim;
    struct sim_place place;
    sim_place_new(&place);
    open_with(&sim, sleepers, place.dir);
    sim_save(&sim);
    sim_type(&sim, sim_player(1), "sleepers %d 10", sleepers);
    fake_run(&sim.f);
    int64_t before = counted_calls();
    sim_save(&sim);
    int64_t cost = counted_calls() - before;
    sim_restart(&sim);
    sim_run(&sim, 20000);
    cr_expect(sim.f.s->tasks.len == 0 && sim.turns >= sleepers + 10, "%zu tasks are left after %lld turns", sim.f.s->tasks.len, (long long)sim.turns);
    sim_close(&sim);
    sim_place_remove(&place);
    return cost;
}

Test(many, sleepers_are_saved_once_and_come_back) {
    int64_t few = cost_of_saving(FEW), a_lot = cost_of_saving(many());
    cr_expect_eq(few, a_lot, "a save of ten more tasks takes %lld calls, and %lld beside %d others", (long long)few, (long long)a_lot, many());
}
