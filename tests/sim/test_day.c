/* SPDX-License-Identifier: MIT */
/* Crowds for hours; the model watches. */
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
        if (sim_chance(sim, 0.1)) sim_wall_jump(sim, ((int64_t)sim_random(sim, 7200) - 3600) * 1000000);
        if (sim_chance(sim, 0.1)) sim_reboot(sim);
    }
    model_end(sim);
    cr_log_info("seed %llu: %lld turns, %.1f s of CPU in %.1f hours, log %016llx", (unsigned long long)sim->seed, (long long)sim->turns, (double)sim->used / 20e6, h,
                (unsigned long long)sim->log);
    crowd_disperse(&crowd);
    sim_close(sim);
}

Test(day, goes_by) {
    uint64_t seed, last;
    for (sim_seeds(3, &seed, &last); seed <= last; seed++) {
        struct sim sim = {.seed = seed};
        spend_day(&sim, 10 + (int)(seed % 5) * 20, hours(0.4));
    }
}

Test(day, is_the_same_each_time) {
    struct sim a = {.seed = 7}, b = {.seed = 7};
    spend_day(&a, 20, hours(0.1));
    spend_day(&b, 20, hours(0.1));
    cr_expect_eq(a.log, b.log);
    cr_expect_eq(a.used, b.used);
}
