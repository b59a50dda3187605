/* SPDX-License-Identifier: MIT */
/*
 * The scheduler, its machine and its built-in functions in simulated time: hours in seconds, and the same each time.
 *
 * The clock stands still but for three things: ticks take time (SIM_TICKS_PER_US of them a microsecond, at the end of a slice), so does burn(us) in a program, and when the
 * scheduler has nothing to do the clock goes on to what comes next. The watchdog looks at that clock (watchdog.c). All that is random comes from `seed', task ids included.
 * Players are fake connections: what they do is done by functions that are called at their time (sim_at). Programs tell what they do with note("what", a, b).
 *
 * Every run is watched: see model.c for what holds at any time. A check that fails names the seed and how to have that run again.
 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include "../unit/builtins/fake_host.h"
#include "scheduler/state.h"

enum {
    SIM_TICKS_PER_US = 40,
    SIM_CHARGE_PER_US = 20, /* ticks that a microsecond is worth when it is charged */
    SIM_SLICE_US = 5, /* that each slice costs besides */
    SIM_LEAST_CHARGE = 4
};

/* A turn under way, or one that has ended. */
struct sim_turn {
    objid payer; /* whose queue it was */
    bool logins;
    int64_t began_us, ticks, cpu_us;
    int64_t cost; /* what it has to be charged, by the rules */
    objid share; /* the player's, or the group's */
    int64_t balance; /* of both parts of that, before */
};

/* What is known of a player, or of who pays. */
struct sim_payer {
    objid owner;
    int64_t used, most; /* sum of costs, and the largest */
    int64_t ticks, cpu_us; /* since the scheduler began */
    int64_t resumed_us; /* a quota of 0 kept its tasks from running until then; INT64_MAX: it does */
    int64_t woken_due_us; /* of its sleeper that was woken last */
    uint64_t woken_order;
};

/* What is to happen at its time. */
struct sim_event {
    int64_t at_us;
    uint64_t order;
    void (*happen)(void *ctx);
    void *ctx;
};

struct sim;
/* What a program tells. */
struct sim_note {
    const char *what;
    int64_t task;
    objid player, progr;
    double a, b; /* 0 when not given */
};

struct sim {
    struct fake f; /* first: its host's ctx is the simulation */
    const char *dir; /* borrowed; NULL: in memory */
    uint64_t seed, random;
    const char *test; /* to be run again with the seed */
    /* time */
    int64_t tick_rest; /* less than a microsecond */
    int64_t idle_until_us; /* the end of the last time in which nothing was to be done */
    struct sim_event *events; /* a heap of its own: the scheduler's is what is tested */
    size_t nevents, cap_events;
    uint64_t order;
    uint64_t schedulers; /* how many there were */
    int64_t rebooted_us; /* when the last of them came */
    /* the turn under way */
    bool in_turn;
    struct sim_turn turn;
    int64_t ticks_seen; /* of scheduler.ticks_used */
    int64_t slice_ticks, slice_began_us; /* of the last slice that ended, or the one that runs */
    /* what was seen */
    struct idmap payers, jobs, fates;
    struct job *falls_asleep; /* in the slice that runs */
    int64_t used, turns;
    uint64_t log; /* a hash over everything that was noted, with its time */
    uint64_t sum; /* the same without times and task numbers, in any order */
    int64_t notes;
    void (*noted)(struct sim *sim, const struct sim_note *note); /* besides the model; may be NULL */
    void *ctx; /* of whoever set that */
};

/* A world with `players' players, all connected, in memory or (dir) on disk. */
void sim_open(struct sim *sim, const char *test, uint64_t seed, int players, const char *dir);
void sim_close(struct sim *sim);
/* Where a world on disk can be. */
struct sim_place {
    char parent[64], dir[72];
};
void sim_place_new(struct sim_place *p);
void sim_place_remove(struct sim_place *p);
void sim_save(struct sim *sim); /* the world and its tasks, of one on disk */
void sim_reboot(struct sim *sim); /* hand-off, another scheduler, take-over */
/* Saved, the world closed and opened, loaded; nobody is connected. Only of one on disk. */
void sim_restart(struct sim *sim);
objid sim_player(int i); /* from 0 on */
objid sim_connect(struct sim *sim, int i); /* and types the name; it becomes the player when that has run */

uint64_t sim_random(struct sim *sim, uint64_t n); /* below n */
double sim_exponential(struct sim *sim, double mean);
bool sim_chance(struct sim *sim, double p);

void sim_at(struct sim *sim, int64_t at_us, void (*happen)(void *ctx), void *ctx);
void sim_run(struct sim *sim, double seconds);
void sim_burn(struct sim *sim, int64_t us); /* CPU time passes */
void sim_wall_jump(struct sim *sim, int64_t us);

void sim_type(struct sim *sim, objid player, const char *format, ...) __attribute__((format(printf, 3, 4)));
void sim_property(struct sim *sim, objid player, const char *name, value v); /* of the wizard's; takes v. Nothing when the player is gone */
void sim_set_quota(struct sim *sim, objid player, int64_t quota); /* also 0, and back */

struct sim_payer *sim_payer_of(struct sim *sim, objid owner);
/* Jain's index: 1 when all have the same, 1/n when one has all. */
double sim_fairness(const double *shares, int n);

/* The programs of the world (programs.c). */
void sim_add_programs(struct sim *sim);
void sim_add_own_programs(struct sim *sim, objid player);
extern const struct builtin sim_builtins[];
extern const int sim_nbuiltins;

/* model.c: what holds of any program; audit.c: of the scheduler's own lists */
void model_noted(struct sim *sim, const struct sim_note *note);
void model_slice_ended(struct sim *sim, int64_t since_us); /* since_us: when programs saw the clock last */
void model_turn_ended(struct sim *sim, const struct sim_turn *turn);
void model_rebooted(struct sim *sim); /* another scheduler has its tasks */
void model_audit(struct sim *sim); /* the scheduler's own lists and counts agree; slow */
void model_end(struct sim *sim); /* nobody has slept too long */
void model_forget(struct sim *sim);

/* watchdog.c */
void sim_watchdog_look(struct watchdog *w);

void sim_fail(const struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
#define sim_check(sim, condition, ...) ((condition) ? (void)0 : sim_fail(sim, __VA_ARGS__))

/* Seeds: those of a run of `make check', or EVERMOO_SIM_SEEDS=FIRST-LAST. */
void sim_seeds(uint64_t few, uint64_t *first, uint64_t *last);

#endif
