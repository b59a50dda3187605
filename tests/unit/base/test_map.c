/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/facts.h"
#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

static value text(const char *s) { return value_str(str_from(s)); }

static void expect_literal(value v, const char *literal) {
    struct str *s = value_to_literal(v);
    cr_expect_str_eq(s->data, literal);
    str_unref(s);
    value_unref(v);
}

static value encoded_and_back(value v) {
    struct buf b = BUF_INIT;
    enc_value(&b, v);
    struct dec d = dec_over(b.data, b.len);
    value back = dec_value(&d);
    cr_assert(!d.bad && dec_at_end(&d));
    d = dec_over(b.data, b.len);
    cr_expect_eq(dec_skip_value(&d), value_bytes(v));
    cr_expect(!d.bad && dec_at_end(&d));
    buf_fini(&b);
    return back;
}

/* Few keys of each type, so that they meet again; "b1" and "B1" are one. */
static value random_key(unsigned range) {
    int n = (int)((unsigned)rand() % range);
    switch (rand() % 5) {
    case 0: return value_int(n);
    case 1: return value_obj(n);
    case 2: return value_float(n / 8.0);
    case 3: return value_err((enum error)(n % 16));
    default: return value_str(str_printf(rand() % 2 ? "b%d" : "B%d", n));
    }
}

/* The model: pairs in any order. */
struct model {
    struct map_pair pairs[4096];
    size_t n;
};

static struct map_pair *model_find(struct model *m, value key) {
    for (size_t i = 0; i < m->n; i++)
        if (value_equal(m->pairs[i].key, key)) return &m->pairs[i];
    return NULL;
}

static void model_set(struct model *m, value key, value v) {
    struct map_pair *p = model_find(m, key);
    if (p) {
        value_unref(p->key);
        value_unref(p->v);
    } else {
        p = &m->pairs[m->n++];
    }
    *p = (struct map_pair){value_ref(key), value_ref(v)};
}

static void model_delete(struct model *m, value key) {
    struct map_pair *p = model_find(m, key);
    value_unref(p->key);
    value_unref(p->v);
    *p = m->pairs[--m->n];
}

static void compare(struct map *m, struct model *model) {
    cr_assert_eq(m->len, model->n);
    int64_t bytes = MAP_BYTES, i = 0;
    value last = value_none();
    struct map_place at = {0};
    for (const struct map_pair *p; (p = map_next(m, &at)); last = p->key) {
        struct map_pair *q = model_find(model, p->key);
        cr_assert(q && value_identical(p->key, q->key) && value_identical(p->v, q->v));
        cr_assert(i == 0 || map_key_compare(last, p->key) < 0);
        cr_assert_eq(map_at(m, ++i), p);
        bytes += MAP_PAIR_BYTES + value_bytes(p->key) + value_bytes(p->v);
    }
    cr_assert_eq(m->bytes, bytes);
}

static struct map *random_step(struct map *m, struct model *model, unsigned range) {
    value key = random_key(range), v = rand() % 3 ? value_int(rand()) : text("a value");
    const struct map_pair *found = map_find(m, key);
    struct map_pair *known = model_find(model, key);
    cr_assert_eq(found != NULL, known != NULL);
    if (found) cr_assert(value_identical(found->v, known->v));
    if (rand() % 2 && found) {
        model_delete(model, key);
        m = map_delete_take(m, key);
    } else if (rand() % 4 || !found) {
        int64_t will_be = map_bytes_with(m, key, v);
        model_set(model, key, v);
        m = map_set_take(m, value_ref(key), value_ref(v));
        cr_assert_eq(m->bytes, will_be);
    } else if (m->refs == 1) {
        value held = map_take_out(m, key);
        cr_assert(value_identical(held, known->v));
        value_unref(known->key);
        known->key = value_ref(key); /* the last spelling */
        m = map_set_take(m, value_ref(key), held);
    }
    value_unref(key);
    value_unref(v);
    return m;
}

Test(map, does_as_a_model_does) {
    for (unsigned seed = 1; seed <= 12; seed++) {
        srand(seed);
        static struct model model;
        model.n = 0;
        struct map *m = map_empty(), *shared = NULL;
        struct str *then = NULL;
        for (int i = 0; i < 3000; i++) {
            m = random_step(m, &model, seed % 3 ? 300 : 10);
            if (i % 500 == 250) { /* a second holder sees what was there */
                if (shared) {
                    struct str *now = value_to_literal(value_map(shared));
                    cr_assert_str_eq(now->data, then->data);
                    str_unref(now);
                    str_unref(then);
                    map_unref(shared);
                }
                shared = map_ref(m);
                then = value_to_literal(value_map(m));
            }
            if (i % 100 == 0) compare(m, &model);
        }
        compare(m, &model);
        value back = encoded_and_back(value_map(m));
        cr_assert(value_identical(value_map(m), back));
        value_unref(back);
        str_unref(then);
        map_unref(shared);
        map_unref(m);
        for (size_t i = 0; i < model.n; i++) value_unref(model.pairs[i].key), value_unref(model.pairs[i].v);
    }
}

Test(map, order_and_spelling) {
    struct map *m = map_empty();
    const value keys[] = {text("b"), text("A"), value_float(2.5), value_err(E_PERM), value_obj(-1), value_int(7), (value){.type = V_BOOL, .u.i = 1}, value_int(INT64_MIN), text("a")};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) m = map_set_take(m, keys[i], value_int((int64_t)i));
    expect_literal(value_map(m), "[-9223372036854775808 -> 7, 7 -> 5, #-1 -> 4, E_PERM -> 3, 2.5 -> 2, true -> 6, \"a\" -> 8, \"b\" -> 0]");
    cr_expect_not(map_key_fits(value_none()));
    cr_expect_not(map_key_fits(value_clear()));
    value l = value_list(list_empty()), e = value_map(map_empty());
    cr_expect(!map_key_fits(l) && !map_key_fits(e) && !value_is_true(e) && !value_equal(l, e));
    cr_expect_eq(value_bytes(e), 32);
    value_unref(l);
    value_unref(e);
    cr_expect_eq(map_key_compare(value_float(NAN), value_float(NAN)), 0);
    cr_expect_lt(map_key_compare(value_float(NAN), value_float(-1e300)), 0);
}

Test(map, pieces) {
    struct map *m = map_new();
    for (int i = 0; i < 300; i++) m = map_set_take(m, value_int(i * 2), value_int(i));
    struct map *part = map_range(m, value_int(10), value_int(400)), *with = map_set_take(map_new(), value_int(11), text("new"));
    cr_expect_eq(part->len, 196);
    map_unref(part);
    part = map_range(m, value_int(400), value_int(10));
    cr_expect_eq(part->len, 0);
    map_unref(part);
    part = map_replace_range(m, value_int(10), value_int(590), with);
    cr_expect_eq(part->len, 5 + 1 + 4);
    expect_literal(value_map(part), "[0 -> 0, 2 -> 1, 4 -> 2, 6 -> 3, 8 -> 4, 11 -> \"new\", 592 -> 296, 594 -> 297, 596 -> 298, 598 -> 299]");
    part = map_replace_range(m, value_int(400), value_int(10), with);
    cr_expect_eq(part->len, 301);
    map_unref(part);
    map_unref(with);
    cr_expect_eq(map_find_value(m, value_int(77), true), 78);
    cr_expect_eq(map_find_value(m, value_int(300), true), 0);
    map_unref(m);
}

/* As deep as a program likes, through lists and maps in turn. */
static value nested(int depth) {
    value v = value_int(1);
    for (int i = 0; i < depth; i++) v = i % 2 ? value_list(list_of(1, v)) : value_map(map_set_take(map_new(), text("in"), v));
    return v;
}

Test(map, deep_nesting_needs_no_c_stack) {
    value a = nested(300000), b = nested(300000), c = encoded_and_back(a);
    cr_expect(value_equal(a, b) && value_identical(a, c));
    struct buf out = BUF_INIT;
    value_print_literal(&out, a);
    cr_expect_gt(out.len, 150000u * 8);
    buf_fini(&out);
    value_unref(a);
    value_unref(b);
    value_unref(c);
}

/* 2^60 values as a tree, 60 maps in memory. */
Test(map, held_many_times) {
    value side[2];
    for (int s = 0; s < 2; s++) {
        struct map *m = map_empty();
        for (int i = 0; i < 70; i++) m = map_set_take(map_set_take(map_new(), value_int(1), value_map(map_ref(m))), value_int(2), value_map(m));
        side[s] = value_map(m);
    }
    cr_expect(value_equal(side[0], side[1]));
    cr_expect_eq(value_bytes(side[0]), VALUE_BYTES_MAX);
    struct buf b = BUF_INIT;
    cr_expect_not(value_print_literal_up_to(&b, side[0], 100, NULL));
    buf_fini(&b);
    struct shares_out out = {0};
    enc_value_shared(&b, side[0], &out);
    shares_out_fini(&out);
    cr_expect_lt(b.len, 1000u);
    struct shares_in in = {0};
    struct dec d = dec_over(b.data, b.len);
    d.shares = &in;
    value back = dec_value(&d);
    cr_expect(!d.bad && value_identical(back, side[0]));
    shares_in_fini(&in);
    buf_fini(&b);
    value_unref(back);
    value_unref(side[0]);
    value_unref(side[1]);
}

/* Bytes of a record: each must be refused, by reading and by skipping. */
static void expect_bad(const char *what, const unsigned char *bytes, size_t len) {
    struct dec d = dec_over(bytes, len);
    value v = dec_value(&d);
    cr_expect(d.bad && v.type == V_NONE, "%s", what);
    d = dec_over(bytes, len);
    dec_skip_value(&d);
    cr_expect(d.bad, "%s, skipped", what);
}
#define BAD(what, ...) expect_bad(what, (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__}))

Test(map, records_that_are_refused) {
    BAD("keys out of order", V_MAP, 2, V_INT, 4, V_INT, 2, V_INT, 0, V_INT, 0);
    BAD("a key twice", V_MAP, 2, V_INT, 2, V_INT, 2, V_INT, 0, V_INT, 0);
    BAD("a key spelled twice", V_MAP, 2, V_STR, 1, 'a', V_STR, 1, 'A', V_INT, 0, V_INT, 0);
    BAD("a list as key", V_MAP, 1, V_LIST, 0, V_INT, 0);
    BAD("a map as key", V_MAP, 1, V_MAP, 0, V_INT, 0);
    BAD("nothing as key", V_MAP, 1, V_NONE, V_INT, 0);
    BAD("more than there is", V_MAP, 9, V_INT, 2, V_INT, 2);
    BAD("no value", V_MAP, 1, V_INT, 2);
    value v = value_map(map_set_take(map_set_take(map_new(), value_int(1), value_list(list_of(1, text("x")))), text("k"), nested(4)));
    struct buf b = BUF_INIT;
    enc_value(&b, v);
    for (size_t len = 0; len < b.len; len++) expect_bad("cut short", (const unsigned char *)b.data, len);
    buf_fini(&b);
    value_unref(v);
}

/* 200,000 keys in any order, and the memory of the largest map: nothing is quadratic. */
Test(map, many) {
    enum { MANY = 200000 };
    struct map *m = map_new();
    for (int64_t i = 0; i < MANY; i++) m = map_set_take(m, value_int(i * 7919 % MANY), value_int(i));
    cr_expect_eq(m->len, MANY);
    int64_t sum = 0;
    for (int64_t i = 1; i <= MANY; i++) sum += map_at(m, i)->key.u.i;
    cr_expect_eq(sum, (int64_t)MANY * (MANY - 1) / 2);
    for (int64_t i = 0; i < MANY; i++) m = map_delete_take(m, value_int(i * 104729 % MANY));
    cr_expect(m->len == 0 && m->nchunks == 0 && m->bytes == MAP_BYTES);
    map_unref(m);
}

Test(facts, are_maps_where_there_are_maps) {
    struct facts f = facts_new(dialect_by_name("toast"));
    facts_put(&f, "tasks", value_int(2));
    facts_put(&f, "name", text("x"));
    expect_literal(facts_value(&f), "[\"name\" -> \"x\", \"tasks\" -> 2]");
}
