/* SPDX-License-Identifier: MIT */
/* Blocks from slabs, and the strings and lists that stand in them. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/pool.h"
#include "base/str.h"

enum { BLOCKS = 20000 };

static size_t size_of(size_t i) { return 1 + i * 7 % 300; } /* some are too large for a class */

static void fill(unsigned char **v) {
    for (size_t i = 0; i < BLOCKS; i++) {
        v[i] = pool_alloc(size_of(i));
        memset(v[i], (int)(i & 0xff), size_of(i));
    }
}

static void expect_whole(unsigned char **v, size_t i) {
    for (size_t k = 0; k < size_of(i); k++) cr_assert_eq(v[i][k], i & 0xff, "block %zu was written over", i);
}

Test(pool, blocks_do_not_overlap_and_come_again) {
    unsigned char **v = xcalloc(BLOCKS, sizeof *v);
    fill(v);
    for (size_t i = 0; i < BLOCKS; i++) expect_whole(v, i);
    for (size_t i = 0; i < BLOCKS; i += 2) pool_free(v[i], size_of(i));
    for (size_t i = 1; i < BLOCKS; i += 2) expect_whole(v, i);
    size_t held = pool_held();
    for (size_t i = 0; i < BLOCKS; i += 2) {
        v[i] = pool_alloc(size_of(i));
        memset(v[i], (int)(i & 0xff), size_of(i));
    }
    cr_assert_eq(pool_held(), held, "holes were not used");
    for (size_t i = 0; i < BLOCKS; i++) expect_whole(v, i);
    for (size_t i = 0; i < BLOCKS; i++) pool_free(v[i], size_of(i));
    free(v);
}

Test(pool, empty_slabs_go_back) {
    unsigned char **v = xcalloc(BLOCKS, sizeof *v);
    size_t before = pool_held();
    fill(v);
#ifndef POOL_IS_MALLOC
    cr_assert_gt(pool_held(), before + BLOCKS * 100);
    cr_assert_leq(pool_in_use(), pool_held());
    cr_assert_gt(pool_in_use(), before + BLOCKS * 100);
#endif
    for (size_t i = 0; i < BLOCKS; i++) pool_free(v[i * 7919 % BLOCKS], size_of(i * 7919 % BLOCKS)); /* all, in another order */
    cr_assert_leq(pool_held(), before + (size_t)POOL_CLASSES * POOL_SLAB, "one slab a class may stay");
    free(v);
}

Test(pool, resized_blocks_keep_what_they_hold) {
    size_t size = 1;
    unsigned char *p = pool_alloc(size);
    p[0] = 42;
    for (size_t next = 2; next < 5000; next = next * 3 / 2 + 1) {
        p = pool_resize(p, size, next);
        p[size] = (unsigned char)size;
        size = next;
    }
    cr_assert_eq(p[0], 42);
    cr_assert_eq(p[2], 2);
    p = pool_resize(p, size, 3);
    cr_assert_eq(p[2], 2);
    pool_free(p, 3);
}

static void *other_thread(void *blocks) {
    unsigned char **v = blocks;
    for (size_t i = 0; i < BLOCKS; i++) {
        pool_free(v[i], size_of(i));
        v[i] = pool_alloc(size_of(i));
        memset(v[i], (int)(i & 0xff), size_of(i));
    }
    return NULL;
}

Test(pool, blocks_change_threads) {
    unsigned char **v = xcalloc(BLOCKS, sizeof *v);
    fill(v);
    for (int round = 0; round < 3; round++) {
        pthread_t t;
        cr_assert_eq(pthread_create(&t, NULL, other_thread, v), 0);
        cr_assert_eq(pthread_join(t, NULL), 0);
        for (size_t i = 0; i < BLOCKS; i++) expect_whole(v, i);
        for (size_t i = 0; i < BLOCKS; i++) pool_free(v[i], size_of(i));
        fill(v);
    }
    for (size_t i = 0; i < BLOCKS; i++) pool_free(v[i], size_of(i));
    free(v);
}

#ifndef POOL_IS_MALLOC

static void *put_one(void *block) {
    pool_put(block);
    return NULL;
}

/* The slab is full, so in nobody's list, and the thread has none of its own. */
Test(pool, a_thread_that_never_took_a_block_puts_one_back) {
    enum { CLASS = 32, MANY = 3 * POOL_SLAB / (CLASS * POOL_STEP) };
    void *v[MANY];
    pthread_t t;
    for (size_t i = 0; i < MANY; i++) v[i] = pool_get(CLASS);
    cr_assert_eq(pthread_create(&t, NULL, put_one, v[0]), 0);
    cr_assert_eq(pthread_join(t, NULL), 0);
    bool again = false;
    for (size_t i = 0; i < MANY && !again; i++) again = pool_get(CLASS) == v[0];
    cr_assert(again, "it is lost");
}

#endif

/* ---- strings: short ones have a class, long ones a head of their own ---- */

static void expect_text(const struct str *s, const char *piece, int64_t times) {
    cr_assert_eq(s->len, (uint32_t)times * strlen(piece));
    cr_assert_eq(s->data[s->len], 0);
    struct str *p = str_from(piece);
    cr_assert_eq(str_chars(s), times * str_chars(p));
    cr_assert_eq(str_is_ascii(s), str_is_ascii(p));
    for (size_t at = 0; at < s->len; at += strlen(piece)) cr_assert_eq(memcmp(s->data + at, piece, strlen(piece)), 0);
    str_unref(p);
}

Test(pool, strings_of_every_length) {
    static const char *const pieces[] = {"x", "\xc3\xa9", "ab\xe2\x82\xac"};
    for (size_t k = 0; k < 3; k++) {
        struct str *grown = str_empty();
        for (int64_t n = 1; n < 600; n++) {
            grown = str_append_take(grown, pieces[k], strlen(pieces[k]));
            expect_text(grown, pieces[k], n);
            struct str *copy = str_new(grown->data, grown->len), *twice = str_concat(copy, grown);
            expect_text(copy, pieces[k], n);
            expect_text(twice, pieces[k], 2 * n);
            cr_assert_eq(str_hash(copy), str_hash(grown));
            cr_assert_eq(str_hash(copy), str_hash_bytes(copy->data, copy->len));
            cr_assert(str_equal(copy, grown));
            str_unref(copy);
            str_unref(twice);
        }
        str_unref(grown);
    }
}

Test(pool, a_string_becomes_other_than_ascii_as_it_grows) {
    struct str *s = str_empty();
    for (int i = 0; i < 400; i++) s = str_append_take(s, "a", 1);
    s = str_append_take(s, "\xc3\xa9", 2);
    cr_assert_not(str_is_ascii(s));
    cr_assert_eq(str_chars(s), 401);
    s = str_append_take(s, "bc", 2);
    cr_assert_eq(str_chars(s), 403);
    uint32_t hash = str_hash(s);
    s = str_append_take(s, "d", 1);
    cr_assert_neq(str_hash(s), hash);
    str_unref(s);
}

Test(pool, lists_of_every_length) {
    struct list *l = list_new(0);
    for (int64_t n = 1; n < 200; n++) {
        l = list_append_take(l, value_str(str_printf("element %d", (int)n)));
        struct list *part = list_range(l, 1, n);
        for (int64_t i = 1; i <= n; i++) cr_assert_eq(atoi(list_get(part, i).u.s->data + 8), i);
        list_unref(part);
    }
    while (l->len) l = list_delete_take(l, 1);
    list_unref(l);
}
