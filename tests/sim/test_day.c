/* SPDX-License-Identifier: MIT */
/* Crowds for hours; the model watches. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/must.h"
#include "base/sanitized.h"
#include "crowd.h"

static double hours(double few) {
    const char *asked = getenv("EVERMOO_SIM_HOURS");
    return asked ? atof(asked) : SANITIZED ? few / 8 : few;
}

static void spend_day(struct sim *sim, int players, double h) {
    struct crowd crowd;
    sim_open(sim, "day/*", sim->seed, players, NULL);
    crowd_gather(&crowd, sim, players, HABIT_COUNT);
    for (double minutes = h * 60; minutes > 0; minutes--) {
        sim_run(sim, minutes < 1 ? minutes * 60 : 60);
        if (sim_chance(sim, 0.4)) sim_wall_jump(sim, ((int64_t)sim_random(sim, 7200) - 3600) * 1000000);
        if (sim_chance(sim, 0.2)) sim_reboot(sim);
    }
    model_end(sim);
    cr_log_info("seed %llu: %lld turns, %.1f s of CPU in %.1f hours, log %016llx", (unsigned long long)sim->seed, (long long)sim->turns,
                (double)sim->used / 20e6, h, (unsigned long long)sim->log);
    crowd_disperse(&crowd);
    sim_close(sim);
}

Test(day, goes_by) {
    uint64_t seed, last;
    for (sim_seeds(3, &seed, &last); seed <= last; seed++) {
        struct sim sim = {.seed = seed};
        spend_day(&sim, 10 + (int)(seed % 5) * 20, hours(0.25));
    }
}

/* ---- with a wizard who does all that should not be done ---- */

struct havoc {
    struct sim sim; /* first */
    int players;
    objid options; /* $server_options; the groups are the next ones, and one that is none */
};
enum { GROUPS = 4 };

static void order(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void order(struct sim *sim, const char *format, ...) {
    char text[200];
    value result;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sim_check(sim, sched_eval(sim->f.s, WORLD_WIZARD, text, true, &result) == 0, "%s fails", text);
    value_unref(result);
}

static value nonsense(struct sim *sim) {
    switch (sim_random(sim, 6)) {
    case 0: return value_str(str_from("much"));
    case 1: return value_int(-1 - (int64_t)sim_random(sim, 100));
    case 2: return value_int(INT64_MAX);
    case 3: return value_float(0.5);
    case 4: return value_list(list_empty());
    default: return value_obj(-1 - (objid)sim_random(sim, 5));
    }
}

static void wreck(void *ctx) {
    static const char *const own[] = {"quota_group", "tick_quota", "bg_seconds", "fg_seconds", "queued_task_limit"};
    static const char *const options[] = {"tick_quota", "quota_fade", "fg_share", "fg_seconds", "task_lag_threshold"};
    struct havoc *h = ctx;
    struct sim *sim = &h->sim;
    objid who = sim_player((int)sim_random(sim, (uint64_t)h->players)), group = h->options + 1 + (objid)sim_random(sim, GROUPS);
    switch (sim_random(sim, 10)) {
    case 0:
    case 1: sim_property(sim, who, "quota_group", value_obj(h->options + 1 + (objid)sim_random(sim, GROUPS + 1))); break;
    case 2: /* nonsense would set free who is paused */
        if (sim_payer_of(sim, who)->resumed_us != INT64_MAX) sim_property(sim, who, own[sim_random(sim, sizeof own / sizeof *own)], nonsense(sim));
        break;
    case 3: sim_property(sim, h->options, options[sim_random(sim, sizeof options / sizeof *options)], nonsense(sim)); break;
    case 4: sim_property(sim, h->options, "fg_share", value_int((int64_t)sim_random(sim, 100))); break;
    case 8: sim_property(sim, h->options, "cpu_weight", value_int((int64_t)sim_random(sim, 101))); break;
    case 5: sim_property(sim, h->options, "quota_fade", value_int((int64_t)sim_random(sim, 1000))); break;
    case 6:
        if (idmap_get(&sim->f.by_id, who)) order(sim, "boot_player(#%lld);", (long long)who);
        break;
    case 7:
        if (sim_chance(sim, 0.9)) who = group;
        if (sim_chance(sim, 0.05) && db_valid(sim->f.db, who)) order(sim, "recycle(#%lld);", (long long)who);
        break;
    default:
        if (db_valid(sim->f.db, who)) order(sim, "force_input(#%lld, \"nap 3 0.5 100\");", (long long)who);
    }
    sim_at(sim, sim->f.now_us + (int64_t)(sim_exponential(sim, 3) * 1e6), wreck, h);
}

static void add_options(struct havoc *h) {
    struct fake *f = &h->sim.f;
    h->options = db_create(f->db, NOTHING, WORLD_WIZARD);
    for (int i = 0; i < GROUPS; i++) db_create(f->db, NOTHING, WORLD_WIZARD);
    fake_property(f, WORLD_SYSTEM, "server_options", value_obj(h->options), WORLD_WIZARD);
}

Test(day, of_havoc) {
    enum { PLAYERS = 30 };
    uint64_t seed, last;
    for (sim_seeds(2, &seed, &last); seed <= last; seed++) {
        struct havoc h = {.players = PLAYERS};
        struct crowd crowd;
        sim_open(&h.sim, "day/*", seed, PLAYERS, NULL);
        add_options(&h);
        crowd_gather(&crowd, &h.sim, PLAYERS, HABIT_COUNT);
        wreck(&h);
        for (double minutes = hours(0.3) * 60; minutes > 0; minutes--) {
            sim_run(&h.sim, minutes < 1 ? minutes * 60 : 60);
            if (sim_chance(&h.sim, 0.2)) sim_reboot(&h.sim);
        }
        model_end(&h.sim);
        crowd_disperse(&crowd);
        sim_close(&h.sim);
    }
}

Test(day, is_the_same_each_time) {
    struct sim a = {.seed = 7}, b = {.seed = 7};
    spend_day(&a, 20, hours(0.1));
    spend_day(&b, 20, hours(0.1));
    cr_expect_eq(a.log, b.log);
    cr_expect_eq(a.used, b.used);
}
