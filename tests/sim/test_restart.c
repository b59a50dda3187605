/* SPDX-License-Identifier: MIT */
/*
 * A scheduler is replaced by another while tasks run: by hand-offs, and by saves and restarts. The model goes on watching; and in the end, when all has run, as much was
 * told as by the same players where nothing of that kind happened.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/sanitized.h"
#include "crowd.h"

enum { PLAYERS = 30, LINES = 400, TYPING_US = 40000000 };
enum interruption { NEVER, REBOOTS, RESTARTS };

struct script_line {
    struct sim *sim;
    char text[60];
    objid who;
};

static void type_it(void *ctx) {
    const struct script_line *l = ctx;
    sim_type(l->sim, l->who, "%s", l->text);
}

/* What may wait, fork and compute, and depends on nobody's turn but its own. */
static void write_script(struct sim *sim, struct script_line *lines) {
    for (int i = 0; i < LINES; i++) {
        struct script_line *l = &lines[i];
        double seconds = sim_chance(sim, 0.3) ? (double)sim_random(sim, 3) : sim_exponential(sim, 4);
        int us = (int)sim_exponential(sim, 3000), n = (int)sim_random(sim, 20) + 1;
        *l = (struct script_line){.sim = sim, .who = sim_player((int)sim_random(sim, PLAYERS))};
        switch (sim_random(sim, 9)) {
        case 0:
        case 1: snprintf(l->text, sizeof l->text, "nap %d %.3f %d", n, seconds, us); break;
        case 2: snprintf(l->text, sizeof l->text, "nap %d 0.0 %d", n * 10, us); break;
        case 3: snprintf(l->text, sizeof l->text, i % 2 ? "brood %d %.3f %d" : "litter %d %.3f %d", n, seconds, us); break;
        case 4: snprintf(l->text, sizeof l->text, "errand #%lld %.3f %d", (long long)sim_player((int)sim_random(sim, PLAYERS)), seconds, us); break;
        case 5: snprintf(l->text, sizeof l->text, "count %d", n * 10000); break;
        case 7: snprintf(l->text, sizeof l->text, "yield %d", n * 5000); break;
        case 6: snprintf(l->text, sizeof l->text, "toil %d", n * 20); break;
        default: snprintf(l->text, sizeof l->text, "elves %.3f %d", seconds, us); break;
        }
        sim_at(sim, sim->f.now_us + (int64_t)sim_random(sim, TYPING_US), type_it, l);
    }
}

/* How many things were told, and the sum over them. */
struct told {
    int64_t notes;
    uint64_t sum;
};

/* All of them wait, park or yield in time. */
static void nothing_fails(struct sim *sim, const struct sim_note *n) {
    sim_check(sim, strcmp(n->what, "timeout") != 0 && strncmp(n->what, "refused", 7) != 0, "task %lld: %s", (long long)n->task, n->what);
}

static struct told play(uint64_t seed, const char *dir, enum interruption how) {
    struct sim sim;
    struct script_line *lines = xcalloc(LINES, sizeof *lines);
    sim_open(&sim, "restart/*", seed, PLAYERS, dir);
    sim.noted = nothing_fails;
    write_script(&sim, lines);
    if (how == RESTARTS) sim_run(&sim, TYPING_US / 1e6 + 0.1); /* there are no connections afterwards */
    for (int i = 0; i < 30; i++) {
        sim_run(&sim, sim_exponential(&sim, 2));
        if (how == REBOOTS)
            sim_reboot(&sim);
        else if (how == RESTARTS)
            sim_restart(&sim);
    }
    sim_run(&sim, 2000);
    model_end(&sim);
    sim_check(&sim, sched_is_idle(sim.f.s) && sim.f.s->tasks.len == 0, "%zu tasks are left", sim.f.s->tasks.len);
    cr_log_info("seed %llu: %lld notes, %lld turns", (unsigned long long)seed, (long long)sim.notes, (long long)sim.turns);
    sim_close(&sim);
    free(lines);
    return (struct told){sim.notes, sim.sum};
}

static void compare(uint64_t seed, const char *dir, enum interruption how) {
    struct told calm = play(seed, NULL, NEVER), interrupted = play(seed, dir, how);
    cr_expect(calm.notes == interrupted.notes && calm.sum == interrupted.sum,
              "EVERMOO_SIM_SEEDS=%llu-%llu: %lld things were told without interruption, %lld with it%s", (unsigned long long)seed, (unsigned long long)seed,
              (long long)calm.notes, (long long)interrupted.notes, calm.notes == interrupted.notes ? ", which are others" : "");
}

Test(restart, reboots_lose_nothing) {
    uint64_t seed, last;
    for (sim_seeds(SANITIZED ? 1 : 3, &seed, &last); seed <= last; seed++) compare(seed, NULL, REBOOTS);
}

Test(restart, restarts_lose_nothing) {
    uint64_t seed, last;
    for (sim_seeds(1, &seed, &last); seed <= last; seed++) {
        struct sim_place place;
        sim_place_new(&place);
        compare(seed, place.dir, RESTARTS);
        sim_place_remove(&place);
    }
}
