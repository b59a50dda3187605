/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "db/backup_ring.h"
#include "server/backups.h"

#define HOURS(n) ((int64_t)(n)*3600 * 1000000)

static const struct ring_keep hourly = {2, 2, 1}, daily = {0, 2, 1}, weekly = {0, 0, 1}, off = {0, 0, 0};

static bool due(const struct ring_keep *k, int64_t age, uint64_t saves_since) {
    return backups_are_due(k, &(struct backup_moment){.wall_us = HOURS(10000), .up_us = HOURS(1), .generation = 10 + saves_since, .newest_generation = 10, .newest_time_us = HOURS(10000) - age});
}

Test(backups, by_the_clock) {
    cr_expect(due(&hourly, HOURS(1), 1));
    cr_expect_not(due(&hourly, HOURS(1) - 1, 1));
    cr_expect_not(due(&hourly, HOURS(100), 0), "nothing has changed");
    cr_expect(due(&daily, HOURS(24), 1));
    cr_expect_not(due(&daily, HOURS(23), 1));
    cr_expect(due(&weekly, HOURS(7 * 24), 1));
    cr_expect_not(due(&weekly, HOURS(6 * 24), 1));
    cr_expect_not(due(&off, HOURS(1000), 1));
    cr_expect(due(&hourly, -HOURS(1), 1), "the clock was set back");
    cr_expect(due(&hourly, HOURS(1), -5), "the world was taken back");
    cr_expect_not(due(&hourly, HOURS(1) - 1, -5));
}

Test(backups, the_first_one) {
    struct backup_moment m = {.wall_us = HOURS(10000), .up_us = 1000000, .generation = 3};
    cr_expect_not(backups_are_due(&hourly, &m));
    m.up_us = 61 * (int64_t)1000000;
    cr_expect(backups_are_due(&hourly, &m));
    cr_expect_not(backups_are_due(&off, &m));
}

Test(backups, after_a_gap) {
    struct backup_moment m = {.wall_us = HOURS(10000), .up_us = 1000000, .generation = 12, .gap = 11, .newest_generation = 10, .newest_time_us = HOURS(10000) - 1};
    cr_expect(backups_are_due(&hourly, &m));
    cr_expect_not(backups_are_due(&off, &m));
    m.newest_generation = 11;
    cr_expect_not(backups_are_due(&hourly, &m));
}
