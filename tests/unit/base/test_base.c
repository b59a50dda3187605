/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <limits.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/dialect.h"
#include "base/facts.h"
#include "base/list.h"
#include "base/must.h"
#include "base/str.h"

static void expect_literal(value v, const char *text) {
    struct str *s = value_to_literal(v);
    cr_expect_str_eq(s->data, text);
    str_unref(s);
    value_unref(v);
}

static value nested(int depth) {
    value v = value_int(1);
    for (int i = 0; i < depth; i++) v = value_list(list_of(1, v));
    return v;
}

Test(value, literals) {
    expect_literal(value_int(INT64_MIN), "-9223372036854775808");
    expect_literal(value_obj(-3), "#-3");
    expect_literal(value_float(3.0), "3.0");
    expect_literal(value_float(1e15), "1e+15");
    expect_literal(value_float(1.0 / 3), "0.333333333333333");
    expect_literal(value_float(-0.0), "-0.0");
    expect_literal(value_err(E_RECMOVE), "E_RECMOVE");
    expect_literal(value_err((enum error)77), "E_?");
    expect_literal(value_str(str_from("a\"b\\c\td")), "\"a\\\"b\\\\c\td\"");
    expect_literal(value_list(list_of(2, value_int(1), value_list(list_of(1, value_str(str_from("x")))))), "{1, {\"x\"}}");
    expect_literal(value_list(list_empty()), "{}");
}

Test(value, equality_and_order) {
    value a = value_str(str_from("Foo")), b = value_str(str_from("fOO"));
    cr_expect(value_equal(a, b));
    cr_expect_not(value_identical(a, b));
    cr_expect_eq(value_compare(a, b), 0);
    cr_expect_not(value_equal(value_int(1), value_float(1.0)));
    value x = value_list(list_of(2, value_ref(a), value_int(2))), y = value_list(list_of(2, value_ref(b), value_int(2)));
    cr_expect(value_equal(x, y));
    cr_expect_not(value_identical(x, y));
    value_unref(x);
    value_unref(y);
    value_unref(a);
    value_unref(b);
    cr_expect_not(value_is_true(value_obj(5)));
    cr_expect_not(value_is_true(value_err(E_PERM)));
    cr_expect(value_is_true(value_float(0.5)));
}

Test(value, deep_nesting_needs_no_c_stack) {
    value a = nested(300000), b = nested(300000);
    cr_expect(value_equal(a, b));
    struct buf out = BUF_INIT;
    value_print_literal(&out, a);
    cr_expect_eq(out.len, 600001);
    buf_clear(&out);
    enc_value(&out, a);
    struct dec d = dec_over(out.data, out.len);
    value back = dec_value(&d);
    cr_expect(!d.bad && dec_at_end(&d) && value_equal(a, back));
    buf_fini(&out);
    value_unref(a);
    value_unref(b);
    value_unref(back);
}

Test(str, append_in_place_is_linear_and_shared_is_copied) {
    struct str *s = str_from("ab");
    struct str *other = str_ref(s);
    s = str_append_take(s, "c", 1);
    cr_expect_str_eq(other->data, "ab");
    cr_expect_str_eq(s->data, "abc");
    s = str_append_take(s, "\xc3\xa4", 2);
    cr_expect_eq(str_chars(s), 4);
    cr_expect_not(str_is_ascii(s));
    s = str_append_take(s, s->data, s->len);
    cr_expect_str_eq(s->data, "abc\xc3\xa4"
                              "abc\xc3\xa4");
    str_unref(s);
    str_unref(other);
}

Test(str, code_points) {
    struct str *s = str_from("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
    cr_expect_eq(str_chars(s), 5);
    struct str *c = str_at(s, 3);
    cr_expect_str_eq(c->data, "\xe2\x82\xac");
    struct str *r = str_range(s, 2, 4);
    cr_expect_str_eq(r->data, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    cr_expect_eq(str_char_at_offset(s, str_offset(s, 5)), 5);
    struct str *z = str_from("z");
    cr_expect_eq(str_index(s, z, false, NULL), 5);
    s = str_set_at_take(s, 3, z);
    cr_expect_str_eq(s->data, "a\xc3\xa4z\xf0\x9f\x98\x80z");
    cr_expect_eq(str_rindex(s, z, true, NULL), 5);
    str_unref(s);
    str_unref(c);
    str_unref(r);
    str_unref(z);
}

static int64_t find(const char *s, const char *what, bool match_case, bool last) {
    struct str *a = str_from(s), *b = str_from(what);
    int64_t at = last ? str_rindex(a, b, match_case, NULL) : str_index(a, b, match_case, NULL);
    str_unref(a);
    str_unref(b);
    return at;
}

Test(str, search) {
    cr_expect_eq(find("foobar", "O", false, false), 2);
    cr_expect_eq(find("foobar", "O", true, false), 0);
    cr_expect_eq(find("foobar", "o", false, true), 3);
    cr_expect_eq(find("foobar", "", false, false), 1);
    cr_expect_eq(find("foobar", "", false, true), 7);
    cr_expect_eq(find("aabaabaab", "AABAAB", false, true), 4);
    cr_expect_eq(find("aabaabaab", "baa", true, true), 6);
    cr_expect_eq(find("ab", "abc", false, false), 0);
}

/* Against the plainest way of searching, over texts of few letters in which much nearly fits. */
static int64_t find_plainly(const char *s, size_t len, const char *what, size_t n) {
    for (size_t i = 0; i + n <= len; i++)
        if (!bytes_compare_fold(s + i, n, what, n)) return (int64_t)i + 1;
    return 0;
}

Test(str, search_agrees_with_the_plain_way) {
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        char text[120], what[12];
        size_t len = (size_t)rand_r(&seed) % sizeof text, n = 1 + (size_t)rand_r(&seed) % sizeof what;
        for (size_t i = 0; i < len; i++) text[i] = "aAbB"[rand_r(&seed) % 4];
        for (size_t i = 0; i < n; i++) what[i] = "aAbB"[rand_r(&seed) % 4];
        struct str *a = str_new(text, len), *b = str_new(what, n);
        cr_assert_eq(str_index(a, b, false, NULL), find_plainly(text, len, what, n));
        str_unref(a);
        str_unref(b);
    }
}

Test(str, search_stays_linear) {
    struct str *text = str_empty(), *what = str_empty();
    for (int i = 0; i < 1000000; i++) text = str_append_take(text, "a", 1);
    for (int i = 0; i < 500000; i++) what = str_append_take(what, i == 250000 ? "b" : "a", 1);
    cr_expect_eq(str_index(text, what, false, NULL), 0); /* would not end in a lifetime otherwise */
    cr_expect_eq(str_rindex(text, what, false, NULL), 0);
    str_unref(text);
    str_unref(what);
}

Test(str, comparison_folds_across_words) {
    static const char *const rows[][2] = {{"abcdefghIJKLMNOPq", "ABCDEFGHijklmnopQ"}, {"abcdefghA", "abcdefghb"}, {"abcdefgh", "abcdefghi"}};
    static const int expected[] = {0, -1, -1};
    for (size_t i = 0; i < 3; i++) {
        struct str *a = str_from(rows[i][0]), *b = str_from(rows[i][1]);
        cr_expect_eq(str_compare(a, b), expected[i]);
        cr_expect_eq(str_compare(b, a), -expected[i]);
        str_unref(a);
        str_unref(b);
    }
}

Test(str, utf8_is_strict) {
    cr_expect(utf8_valid("\xf4\x8f\xbf\xbf", 4));
    cr_expect_not(utf8_valid("\xf4\x90\x80\x80", 4));
    cr_expect_not(utf8_valid("\xc0\xaf", 2));
    cr_expect_not(utf8_valid("\xed\xa0\x80", 3));
    cr_expect_not(utf8_valid("\xe2\x82", 2));
    cr_expect_not(utf8_valid("", 1));
    for (size_t i = 0; i < 40; i++) { /* found wherever it stands, and whatever comes before and behind */
        char text[41];
        memset(text, 'A' + (int)i, 40);
        if (i) text[i - 1] = 1;
        cr_expect(utf8_valid(text, 40));
        text[i] = 0;
        cr_expect_not(utf8_valid(text, 40));
        text[i] = (char)0x80;
        cr_expect_not(utf8_valid(text, 40));
        cr_expect(utf8_valid(text, i));
    }
    struct str *s = str_from_bytes("caf\xe9\n", 5);
    cr_expect_str_eq(s->data, "caf\xc3\xa9");
    str_unref(s);
}

Test(list, sizes_are_kept) {
    struct list *l = list_new(0);
    for (int i = 0; i < 1000; i++) l = list_append_take(l, value_str(str_printf("%d", i % 10)));
    cr_expect_eq(l->bytes, 32 + 1000 * 18);
    l = list_delete_take(l, 1);
    l = list_insert_take(l, 1, value_float(1.5));
    cr_expect_eq(l->bytes, 32 + 999 * 18 + 24);
    value inner = list_take_out(l, 1);
    list_put(l, 1, inner);
    cr_expect_eq(l->bytes, 32 + 999 * 18 + 24);
    struct list *same = list_ref(l);
    l = list_set_take(l, 2, value_int(0));
    cr_expect_neq(l, same);
    cr_expect_eq(same->items[1].type, V_STR);
    l = list_concat_take(l, same);
    cr_expect_eq(l->len, 2000);
    l = list_concat_take(l, l);
    cr_expect_eq(l->len, 4000);
    struct list *part = list_range(l, 2, 3);
    cr_expect_eq(part->len, 2);
    cr_expect_eq(part->bytes, 32 + 16 + 18);
    list_unref(part);
    list_unref(same);
    list_unref(l);
}

Test(codec, numbers) {
    static const int64_t numbers[] = {0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN, 1 << 20};
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) enc_i64(&b, numbers[i]);
    enc_u64(&b, UINT64_MAX);
    enc_f64(&b, 0.1);
    enc_str(&b, NULL);
    enc_be64(&b, 258);
    struct dec d = dec_over(b.data, b.len);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) cr_expect_eq(dec_i64(&d), numbers[i]);
    cr_expect_eq(dec_u64(&d), UINT64_MAX);
    cr_expect_eq(dec_f64(&d), 0.1);
    cr_expect_null(dec_str(&d));
    cr_expect_eq(dec_be64(&d), 258);
    cr_expect(!d.bad && dec_at_end(&d));
    buf_fini(&b);
}

Test(codec, damage_is_seen) {
    struct buf payload = BUF_INIT, record = BUF_INIT;
    enc_value(&payload, value_int(42));
    enc_envelope(&record, 1, 0, "key", 3, &payload);
    unsigned version, flags;
    struct dec d;
    const char *why;
    cr_expect_eq(dec_envelope(record.data, record.len, "key", 3, &version, &flags, &d, &why), 0);
    cr_expect_eq(dec_value(&d).u.i, 42);
    cr_expect_eq(dec_envelope(record.data, record.len, "kez", 3, &version, &flags, &d, &why), -1);
    for (size_t bit = 0; bit < record.len * 8; bit++) {
        record.data[bit / 8] ^= (char)(1 << bit % 8);
        cr_expect_eq(dec_envelope(record.data, record.len, "key", 3, &version, &flags, &d, &why), -1);
        record.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    cr_expect_eq(dec_envelope(record.data, 5, "key", 3, &version, &flags, &d, &why), -1);
    buf_fini(&payload);
    buf_fini(&record);
}

Test(codec, cut_short_anywhere) {
    value v = value_list(list_of(3, value_str(str_from("text")), value_float(2.5), value_list(list_of(1, value_int(7)))));
    struct buf b = BUF_INIT;
    enc_value(&b, v);
    for (size_t len = 0; len < b.len; len++) {
        struct dec d = dec_over(b.data, len);
        value back = dec_value(&d);
        cr_expect(d.bad, "%zu bytes", len);
        value_unref(back);
    }
    buf_fini(&b);
    value_unref(v);
}

Test(codec, crc_check_value) { cr_expect_eq(crc32c(0, "123456789", 9), 0xe3069283u); }

Test(dialect, names) {
    cr_expect(dialect_by_name("toast")->floored_modulo);
    cr_expect_not(dialect_by_name("lambda")->floored_modulo);
    cr_expect_null(dialect_by_name("other"));
}

Test(facts, are_pairs_in_lambda_worlds) {
    struct facts f = facts_new(dialect_by_name("lambda"));
    facts_put(&f, "tasks", value_int(2));
    facts_put(&f, "name", value_str(str_from("x")));
    expect_literal(facts_value(&f), "{{\"tasks\", 2}, {\"name\", \"x\"}}");
}

/* 2^60 elements as a tree, 60 lists in memory: compared and counted all the same. */
Test(lists, held_many_times) {
    value side[2];
    for (int s = 0; s < 2; s++) {
        struct list *l = list_empty();
        for (int i = 0; i < 70; i++) l = list_of(2, value_list(list_ref(l)), value_list(l));
        side[s] = value_list(l);
    }
    cr_assert(value_equal(side[0], side[1]));
    struct buf b = BUF_INIT;
    cr_assert_not(value_print_literal_up_to(&b, side[0], 100, NULL));
    buf_fini(&b);
    side[1].u.l = list_set_take(side[1].u.l, 2, value_int(1));
    cr_assert_not(value_identical(side[0], side[1]));
    value_unref(side[0]);
    value_unref(side[1]);
}
