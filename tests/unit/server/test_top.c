/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "server/top.h"

static const char answer[] =
    "version\t1.2\nworld\t/a/world\nprocess\t7\nclock_us\t3000000\nwall_us\t0\nup_us\t90061000000\nprocess_cpu_us\t1500000\nspan\tthe last minute\nspan_us\t10000000\n"
    "commands\t60\nslices\t70\nticks\t123456789\nlatency\t60\t850\t12345\t2500000\nwait\t1\nready\t3\ntasks\t35000\nmystery\t1\t2\t3\nconnections\t250\nsave\t12\nsave_failures\t2\n"
    "player\tWizard (#2)\t100\t20000\t2500000\t50000\t85000\t1000\t3\t4\t5000\nplayer\tJos\xc3\xa9 with a name that is much longer than a column of this page (#12345)\t1\n"
    "verb\tgeneric \xe4\xb8\xad\xe6\x96\x87 room (#3):l*ook\t100\t20000\t2500000\t50000\t85000\t1000\n"
    "slow\t1000000\t2500000\t30000\tWizard (#2)\troom (#3):dig\tout of seconds\troom (#3):loop line 5\nslow\t1\n";

static const char earlier[] = "process\t7\nclock_us\t1000000\nprocess_cpu_us\t500000\ncommands\t20\nslices\t0\nticks\t0\n";

static char *page(const char *now_text, const char *before_text, int width, int height, const char *note) {
    struct top_state now = {.n = 0}, before = {.n = 0};
    struct buf out = BUF_INIT;
    top_state_read(&now, now_text);
    top_state_read(&before, before_text);
    top_page(&now, &before, &(struct top_look){.width = width, .height = height, .note = note}, &out);
    top_state_fini(&now);
    top_state_fini(&before);
    return out.data;
}

static void has(const char *text, const char *line) { cr_assert(strstr(text, line), "no \"%s\" in:\n%s", line, text); }

Test(top, figures) {
    char *text = page(answer, earlier, 100, 0, NULL);
    has(text, "evermoo 1.2  up 1 d 1:01  process 7  /a/world ");
    has(text, "\ncpu 50.0 %  commands 20/s  slices 35/s  ticks 61.7M/s  forks 0/s");
    has(text, "\nthe last minute                 number    median      99 %   longest\n");
    has(text, "\ncommands, from line to end          60   0.85 ms   12.3 ms     2.5 s\n");
    has(text, "\ntasks 35.0k: 3 ready,");
    has(text, "; save 12, 2 FAILED\n");
    has(text, "  25.0   2.00k       10  85.0 ms  0.50 ms     3     4  5.0 ms\n");
    has(text, "generic \xe4\xb8\xad\xe6\x96\x87 room (#3):l*ook ");
    has(text, "    2.5 s  Wizard (#2) ");
    has(text, " room (#3):dig: out of seconds in room (#3):loop line 5\n");
    free(text);
}

Test(top, rates_without_an_earlier_answer) {
    char *text = page("process\t7\nup_us\t2000000\ncommands\t7\n", "", 80, 0, NULL);
    has(text, "commands 3.5/s");
    free(text);
    text = page("process\t7\nclock_us\t9\nup_us\t2000000\ncommands\t7\n", "process\t8\nclock_us\t1\ncommands\t1\n", 80, 0, "NO ANSWER");
    has(text, "commands 3.5/s"); /* another process */
    has(text, "  NO ANSWER\n");
    free(text);
}

/* Characters, where each of those above takes one column but the two Chinese ones. */
static int columns(const char *line, size_t n) {
    int columns = 0;
    for (size_t i = 0; i < n; i++) columns += ((unsigned char)line[i] & 0xc0) != 0x80 ? 1 + ((unsigned char)line[i] >= 0xe0) : 0;
    return columns;
}

Test(top, fits) {
    for (int width = 1; width < 200; width += 7) {
        for (int height = 1; height < 60; height += 3) {
            char *text = page(answer, earlier, width, height, NULL);
            int lines = 0;
            for (const char *p = text, *end; (end = strchr(p, '\n')); p = end + 1, lines++) cr_assert(columns(p, (size_t)(end - p)) <= (width < 40 ? 40 : width), "%d: %.*s", width, (int)(end - p), p);
            cr_assert(lines <= height, "%d lines of %d", lines, height);
            free(text);
        }
    }
}

Test(top, anything_is_an_answer) {
    static const char *const odd[] = {"", "\n\n\t\t\n", "player\n", "slow\t\t\t\t\t\t\t\n", "latency\t99999999999999999999\t-1\tx\n", "player\ta\x1b[2Jb\x07\xff\xfe\t1\t2\t3\n", "span_us\t0\nplayer\tA\t-9223372036854775808\t9223372036854775807\n",
                                      "1\t2\t3\t4\t5\t6\t7\t8\t9\t10\t11\t12\t13\t14\t15\t16\t17\t18\n"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char *text = page(odd[i], odd[(i + 1) % (sizeof odd / sizeof *odd)], 80, 24, NULL);
        for (const char *p = text; *p; p++) cr_assert(*p == '\n' || (unsigned char)*p >= ' ', "a control character got through: %d", *p);
        free(text);
    }
}
