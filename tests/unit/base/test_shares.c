/* SPDX-License-Identifier: MIT */
/* What values hold in common goes through enc_value_shared() and comes out as one. */
#include <criterion/criterion.h>

#include "base/codec.h"
#include "base/list.h"
#include "base/str.h"

/* {1, <a long text>, {1}} */
static value make_list(struct str *text) {
    struct list *inner = list_append_take(list_new(1), value_int(1));
    struct list *l = list_append_take(list_new(3), value_int(1));
    l = list_append_take(l, value_str(str_ref(text)));
    return value_list(list_append_take(l, value_list(inner)));
}

static void finish(struct buf *b, struct shares_out *out, struct shares_in *in) {
    buf_fini(b);
    shares_out_fini(out);
    shares_in_fini(in);
}

Test(shares, one_list_stays_one) {
    struct buf b = BUF_INIT;
    struct shares_out out = {IDMAP_INIT};
    struct shares_in in = {0};
    struct str *text = str_from("long enough to be worth a number");
    value shared = make_list(text), holder = value_list(list_append_take(list_append_take(list_new(2), value_ref(shared)), value_ref(shared)));
    enc_value_shared(&b, shared, &out);
    size_t first = b.len;
    enc_value_shared(&b, holder, &out);
    enc_value_shared(&b, value_str(text), &out);
    cr_expect_lt(b.len - first, first, "%zu after %zu", b.len - first, first);

    struct dec d = dec_over(b.data, b.len);
    d.shares = &in;
    value one = dec_value(&d), two = dec_value(&d), three = dec_value(&d);
    cr_assert(!d.bad && dec_at_end(&d));
    cr_expect(value_equal(one, shared) && value_equal(two, holder));
    cr_expect_eq(list_get(two.u.l, 1).u.l, one.u.l);
    cr_expect_eq(list_get(two.u.l, 2).u.l, one.u.l);
    cr_expect_eq(three.u.s, list_get(one.u.l, 2).u.s);
    value values[] = {shared, holder, one, two, three};
    for (int i = 0; i < 5; i++) value_unref(values[i]);
    str_unref(text);
    finish(&b, &out, &in);
}

Test(shares, without_them_nothing_is_shared) {
    struct buf plain = BUF_INIT, with = BUF_INIT;
    struct shares_out out = {IDMAP_INIT};
    struct shares_in in = {0};
    struct str *text = str_from("long enough to be worth a number");
    value v = make_list(text), again = value_ref(v);
    enc_value(&plain, v);
    enc_value_shared(&with, v, &out);
    struct dec d = dec_over(plain.data, plain.len);
    value back = dec_value(&d);
    cr_expect(value_equal(back, v));
    d = dec_over(with.data, with.len);
    cr_expect_eq(dec_value(&d).type, V_NONE);
    cr_expect(d.bad);
    value values[] = {v, again, back};
    for (int i = 0; i < 3; i++) value_unref(values[i]);
    str_unref(text);
    buf_fini(&plain);
    finish(&with, &out, &in);
}

static bool is_refused(const char *bytes, size_t len) {
    struct shares_in in = {0};
    struct dec d = dec_over(bytes, len);
    d.shares = &in;
    value_unref(dec_value(&d));
    shares_in_fini(&in);
    return d.bad;
}

Test(shares, what_is_not_there_is_refused) {
    cr_expect(is_refused("\x61\x00", 2)); /* a number that nothing has */
    cr_expect(is_refused("\x60", 1)); /* the end instead of a value */
    cr_expect(is_refused("\x60\x60\x00\x02", 4)); /* a number for a number */
    cr_expect(is_refused("\x60\x04\x01\x61\x00", 5)); /* a list in itself */
    cr_expect(is_refused("\x60\x04\x02\x00\x02", 5)); /* cut short */
    cr_expect(!is_refused("\x60\x04\x01\x00\x02", 5));
}
