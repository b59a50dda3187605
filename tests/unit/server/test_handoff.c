/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "base/codec.h"
#include "server/handoff.h"

typedef struct handoff_versions range;

Test(handoff, the_newest_version_that_both_have) {
    static const struct {
        range a, b;
        unsigned common;
    } rows[] = {
        {{1, 1}, {1, 1}, 1}, {{1, 2}, {1, 1}, 1}, {{1, 2}, {1, 2}, 2}, {{1, 3}, {2, 2}, 2}, {{2, 3}, {3, 7}, 3}, {{2, 3}, {1, 1}, 0}, {{1, 2}, {3, 4}, 0}, {{4, 4}, {3, 5}, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert_eq(handoff_common_version(rows[i].a, rows[i].b), rows[i].common, "row %zu", i);
        cr_assert_eq(handoff_common_version(rows[i].b, rows[i].a), rows[i].common, "row %zu, the other way round", i);
    }
    cr_assert(handoff_has_version((range){2, 3}, 2) && handoff_has_version((range){2, 3}, 3));
    cr_assert(!handoff_has_version((range){2, 3}, 1) && !handoff_has_version((range){2, 3}, 4));
}

Test(handoff, what_is_said_of_versions_is_understood) {
    range v = {0, 0};
    struct buf line = BUF_INIT;
    handoff_print_versions((range){2, 17}, &line);
    cr_assert(handoff_parse_versions(buf_c(&line), &v));
    cr_assert(v.oldest == 2 && v.newest == 17);
    buf_fini(&line);
}

/* Later releases are asked in these words. */
Test(handoff, the_words_stay) {
    struct buf line = BUF_INIT;
    handoff_print_versions((range){1, 1}, &line);
    cr_assert_str_eq(buf_c(&line), "hand-offs of versions 1 to 1 are read");
    buf_fini(&line);
}

Test(handoff, other_lines_say_nothing_of_versions) {
    static const char *const lines[] = {"", "hand-offs of versions", "hand-offs of versions 1 to 2 are read by nobody", "hand-offs of versions 2 to 1 are read", "hand-offs of versions 0 to 1 are read",
                                        "hand-offs of versions -1 to 2 are read", "hand-offs of versions 1 to 99999999999999999999 are read", " hand-offs of versions 1 to 2 are read"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        range v = {5, 6};
        cr_assert(!handoff_parse_versions(lines[i], &v), "%s", lines[i]);
        cr_assert(v.oldest == 5 && v.newest == 6);
    }
}

Test(handoff, versions_of_this_program) {
    range v = handoff_versions();
    cr_assert(v.oldest >= 1 && v.newest >= v.oldest);
    for (unsigned version = 0; version <= v.newest + 1; version++) {
        struct buf bytes = BUF_INIT, why = BUF_INIT;
        buf_add_c(&bytes, "EVERMOO HANDOFF\n");
        enc_u64(&bytes, version);
        enc_u64(&bytes, 0);
        bool good = handoff_check(bytes.data, bytes.len, &why) == 0;
        cr_assert_eq(good, handoff_has_version(v, version), "version %u: %s", version, buf_c(&why));
        cr_assert(good || strstr(buf_c(&why), "this program reads"), "%s", buf_c(&why));
        buf_fini(&bytes);
        buf_fini(&why);
    }
}
