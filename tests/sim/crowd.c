/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static void come_back(void *ctx);

static void type_something(struct crowd_member *m) {
    struct sim *sim = m->sim;
    objid who = sim_player(m->number);
    int us = (int)sim_exponential(sim, 2000);
    double seconds = sim_exponential(sim, sim_chance(sim, 0.2) ? 600 : 5);
    if (sim_chance(sim, 0.2)) seconds = (double)sim_random(sim, 3); /* some at the same time */
    switch (sim_random(sim, 29)) {
    case 0:
    case 1:
    case 2: sim_type(sim, who, "nap %d %.3f %d", (int)sim_random(sim, 40) + 1, seconds, us); break;
    case 3: sim_type(sim, who, "litter %d %.3f %d", (int)sim_random(sim, 12) + 1, seconds, us); break;
    case 4: sim_type(sim, who, "brood %d %.3f %d", (int)sim_random(sim, 12) + 1, seconds, us); break;
    case 5: sim_type(sim, who, "errand #%lld %.3f %d", (long long)sim_player((int)sim_random(sim, (uint64_t)m->number + 1)), seconds, us); break;
    case 6: sim_type(sim, who, "elves %.3f %d", seconds, us); break;
    case 7: sim_type(sim, who, "nap %d 0.0 %d", (int)sim_random(sim, 300), us / 4); break; /* suspend(0), again and again */
    case 8: sim_type(sim, who, "hog"); break;
    case 9:
        if (sim_chance(sim, 0.2)) sim_type(sim, who, "burnout");
        break;
    case 10: sim_type(sim, who, "ask"); break;
    case 11: sim_type(sim, who, "doze"); break;
    case 12:
    case 13: sim_type(sim, who, "kill %d", (int)sim_random(sim, 1000)); break;
    case 14:
    case 15:
    case 16: sim_type(sim, who, "wake %d", (int)sim_random(sim, 1000)); break;
    case 17: sim_type(sim, who, "count %d", (int)sim_random(sim, 200000)); break;
    case 19: sim_type(sim, who, "yield %d", (int)sim_random(sim, 50000)); break;
    case 20:
    case 21: sim_type(sim, who, "mortal %.3f %d %.3f", seconds + 0.1, us, sim_exponential(sim, 20)); break;
    case 18: sim_type(sim, who, "toil %d", (int)sim_random(sim, 300)); break;
    default: sim_type(sim, who, "work %lld %d", (long long)++m->said, us); break;
    }
}

/* Lines run in the order in which they were typed; some are lost with a connection, or read by a task. */
static void crowd_noted(struct sim *sim, const struct sim_note *n) {
    const struct crowd *crowd = sim->ctx;
    if (strcmp(n->what, "said") != 0) return;
    struct crowd_member *m = &crowd->members[n->player - sim_player(0)];
    sim_check(sim, n->a > (double)m->heard && n->a <= (double)m->said, "line %g of #%lld runs after its line %lld", n->a, (long long)n->player,
              (long long)m->heard);
    m->heard = (int64_t)n->a;
}

static void try_a_trick(struct crowd_member *m) {
    struct sim *sim = m->sim;
    objid who = sim_player(m->number), other = sim_player((int)sim_random(sim, (uint64_t)m->number + 1));
    int us = (int)sim_exponential(sim, sim_chance(sim, 0.2) ? 20000 : 1000);
    switch (sim_random(sim, 6)) {
    case 0: sim_type(sim, who, "nap 1000 0.0 %d", us); break;
    case 1: sim_type(sim, who, "nap 1000 0.00%d %d", (int)sim_random(sim, 10), us); break;
    case 2: sim_type(sim, who, "nap 100 %.2f %d", sim_exponential(sim, 0.2), us * 10); break;
    case 3: sim_type(sim, who, "brood 50 0.00%d %d", (int)sim_random(sim, 10), us); break;
    case 4: sim_type(sim, who, "feeds 200 #%lld %d", (long long)other, us); break;
    default:
        for (int i = 0; i < 20; i++) sim_type(sim, who, "work %lld %d", (long long)++m->said, us);
    }
}

static void type_again(void *ctx) {
    struct crowd_member *m = ctx;
    struct sim *sim = m->sim;
    double pause = sim_exponential(sim, 5);
    int lines = 1;
    switch (m->habit) {
    case HABIT_STEADY:
        sim_type(sim, sim_player(m->number), "say %lld", (long long)++m->said);
        lines = 0;
        break;
    case HABIT_BUSY:
    case HABIT_COUNT: break;
    case HABIT_BURSTS:
        lines = 12;
        pause *= 10;
        break;
    case HABIT_FLOOD:
        lines = 300;
        pause *= 60;
        break;
    case HABIT_TRICKS:
        try_a_trick(m);
        lines = 0;
        pause /= 2;
        break;
    }
    while (lines-- > 0) type_something(m);
    if (sim_chance(sim, 0.002) && idmap_get(&sim->f.by_id, sim_player(m->number))) {
        fake_drop(&sim->f, sim_player(m->number));
        sim_at(sim, sim->f.now_us + (int64_t)(pause * 1e6), come_back, m);
    } else {
        sim_at(sim, sim->f.now_us + (int64_t)(pause * 1e6), type_again, m);
    }
}

static void come_back(void *ctx) {
    struct crowd_member *m = ctx;
    struct sim *sim = m->sim;
    sim_connect(sim, m->number);
    sim_at(sim, sim->f.now_us + 30000000, type_again, m); /* by then it is logged in, or types in vain */
}

/* Some have limits of their own, changed now and then. */
static void change_limits(void *ctx) {
    struct crowd_member *m = ctx;
    struct sim *sim = m->sim;
    objid who = sim_player(m->number);
    sim_property(sim, who, "queued_task_limit", value_int((int64_t)sim_random(sim, 20)));
    sim_property(sim, who, "bg_ticks", value_int(3000 + (int64_t)sim_random(sim, 50000)));
    sim_set_quota(sim, who, sim_chance(sim, 0.1) ? 0 : 2000 << sim_random(sim, 8));
    sim_at(sim, sim->f.now_us + (int64_t)(sim_exponential(sim, 300) * 1e6), change_limits, m);
}

void crowd_gather(struct crowd *crowd, struct sim *sim, int n, enum crowd_habit habit) {
    *crowd = (struct crowd){xcalloc((size_t)n, sizeof *crowd->members), n};
    sim->noted = crowd_noted;
    sim->ctx = crowd;
    for (int i = 0; i < n; i++) {
        crowd->members[i] = (struct crowd_member){sim, i, habit == HABIT_COUNT ? (enum crowd_habit)sim_random(sim, HABIT_COUNT) : habit, 0, 0};
        sim_at(sim, sim->f.now_us + (int64_t)sim_random(sim, 5000000), type_again, &crowd->members[i]);
        if (habit != HABIT_TRICKS && sim_chance(sim, 0.3)) change_limits(&crowd->members[i]);
    }
}

void crowd_disperse(struct crowd *crowd) { free(crowd->members); }
