/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/must.h"
#include "base/idmap.h"

Test(idmap, holds_what_was_put) {
    struct idmap m = IDMAP_INIT;
    int things[3];
    cr_expect_null(idmap_get(&m, 5));
    idmap_put(&m, 5, &things[0]);
    idmap_put(&m, -5, &things[1]);
    idmap_put(&m, 5, &things[2]);
    cr_expect_eq(idmap_get(&m, 5), &things[2]);
    cr_expect_eq(idmap_get(&m, -5), &things[1]);
    cr_expect_eq(m.len, 2);
    idmap_remove(&m, 5);
    idmap_remove(&m, 77);
    cr_expect_null(idmap_get(&m, 5));
    cr_expect_eq(m.len, 1);
    idmap_fini(&m);
}

/* Against an array: 20,000 puts and removals in a fixed pseudo-random order. */
Test(idmap, agrees_with_an_array) {
    enum { KEYS = 1000 };
    struct idmap m = IDMAP_INIT;
    bool there[KEYS] = {false};
    int thing;
    unsigned x = 1;
    for (int i = 0; i < 20000; i++) {
        x = x * 1103515245u + 12345u;
        unsigned key = (x >> 8) % KEYS;
        if (x & 0x10000000u) idmap_put(&m, key, &thing);
        else idmap_remove(&m, key);
        there[key] = (x & 0x10000000u) != 0;
    }
    size_t n = 0, at = 0, seen = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        cr_assert_eq(idmap_get(&m, k) != NULL, there[k], "key %u", k);
        n += there[k];
    }
    cr_expect_eq(m.len, n);
    while (idmap_next(&m, &at)) seen++;
    cr_expect_eq(seen, n);
    idmap_fini(&m);
}

/* With one hash function for all sizes this takes time in proportion to the square. */
Test(idmap, is_filled_in_the_order_of_another) {
    struct idmap one = IDMAP_INIT, other = IDMAP_INIT;
    enum { N = 640000 };
    char thing;
    for (int64_t i = 0; i < N; i++) idmap_put(&one, i, &thing);
    for (size_t i = 0; i < one.cap; i++)
        if (one.slots[i].item) idmap_put(&other, one.slots[i].key, &thing);
    cr_expect_eq(other.len, N);
    for (int64_t i = 0; i < N; i++) cr_assert_eq(idmap_get(&other, i), &thing);
    idmap_fini(&one);
    idmap_fini(&other);
}
