/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "base/when.h"

/* 2026-11-23 08:20:00.5 UTC */
static const int64_t NOW = 1795422000500000;

static int64_t parsed(const char *text) {
    struct buf why = BUF_INIT;
    int64_t t = -1;
    if (when_parse(text, NOW, &t, &why)) {
        cr_expect(why.len > 0);
        t = -1;
    }
    buf_fini(&why);
    return t;
}

static void in_zone(const char *zone) {
    setenv("TZ", zone, 1);
    tzset();
}

Test(when, zones_and_fractions) {
    in_zone("UTC0");
    cr_expect_eq(parsed("now"), NOW);
    cr_expect_eq(parsed("2026-11-23T08:15:30Z"), 1795421730999999);
    cr_expect_eq(parsed("2026-11-23 08:15:30.25 UTC"), 1795421730250000);
    cr_expect_eq(parsed("2026-11-23T09:15:30+01:00"), 1795421730999999);
    cr_expect_eq(parsed("2026-11-23T03:45:30-0430"), 1795421730999999);
    cr_expect_eq(parsed("2026-11-23 08:15"), 1795421700999999);
    cr_expect_eq(parsed("08:15"), 1795421700999999);
    cr_expect_eq(parsed("@1795421700.5"), 1795421700500000);
    cr_expect_eq(parsed("2026-11-23"), 1795392000999999);
    in_zone("XXX-2"); /* two hours east */
    cr_expect_eq(parsed("2026-11-23 10:15"), 1795421700999999);
    cr_expect_eq(parsed("10:15:30"), 1795421730999999);
    cr_expect_eq(parsed("2026-11-23T08:15:30Z"), 1795421730999999);
}

Test(when, ago) {
    cr_expect_eq(parsed("10 minutes ago"), NOW - 600 * (int64_t)1000000);
    cr_expect_eq(parsed("1 hour ago"), NOW - 3600 * (int64_t)1000000);
    cr_expect_eq(parsed("90s ago"), NOW - 90 * (int64_t)1000000);
    cr_expect_eq(parsed("2 Days ago"), NOW - 172800 * (int64_t)1000000);
}

Test(when, nonsense) {
    static const char *const bad[] = {"", "yesterday-ish", "10 minutes", "10 parsecs ago", "2026-13-01", "2026-02-30", "2026-11-23 25:00", "2026-11-23 08:15:30 XYZ", "-5 minutes ago",
                                      "08", "@", "2026-11-23T", "2026-11-23 08:15 +", "99999999999 days ago", "10 minutes ago or so"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_expect_eq(parsed(bad[i]), -1, "%s", bad[i]);
}
