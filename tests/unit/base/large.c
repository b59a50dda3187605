/* SPDX-License-Identifier: MIT */
#include "base/large.h"

#include <criterion/criterion.h>

static void expect_bytes(const unsigned char *p, size_t n) {
    for (size_t i = 0; i < n; i++) cr_assert_eq(p[i], (unsigned char)(i * 7 + i / 256), "byte %zu of %zu", i, n);
}

Test(large, keeps_what_is_in_it_while_it_grows) {
    unsigned char *p = NULL;
    size_t n = 0;
    for (size_t next = 100; next < 10000000; next = next * 3 + 1) {
        p = large_resize(p, n, next);
        expect_bytes(p, n);
        n = next;
        for (size_t i = 0; i < n; i++) p[i] = (unsigned char)(i * 7 + i / 256);
    }
    large_free(p, n);
}

Test(large, is_zeroed_where_asked_for) {
    for (size_t n = LARGE_LEAST / 2; n <= LARGE_LEAST * 2; n *= 2) {
        unsigned char *p = large_zeroed(n);
        for (size_t i = 0; i < n; i++) cr_assert_eq(p[i], 0);
        large_free(p, n);
    }
}
