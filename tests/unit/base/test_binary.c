/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/binary.h"

static const char *decoded(const char *text, bool latin1, size_t *len) {
    static struct buf out;
    struct str *s = str_from(text);
    buf_clear(&out);
    bool ok = binary_decode(&out, s, latin1);
    str_unref(s);
    *len = out.len;
    return ok ? buf_c(&out) : NULL;
}

Test(binary, decode) {
    size_t n;
    cr_expect_str_eq(decoded("a~62c~7e", false, &n), "abc~");
    cr_expect_not(memcmp(decoded("~00~FF", false, &n), "\0\xff", 2));
    cr_expect_eq(n, 2);
    cr_expect_null(decoded("~", false, &n));
    cr_expect_null(decoded("ab~1", false, &n));
    cr_expect_null(decoded("~g0", false, &n));
    cr_expect_str_eq(decoded("é~41", false, &n), "\xc3\xa9\x41");
    cr_expect_str_eq(decoded("é~41", true, &n), "\xe9\x41");
    cr_expect_str_eq(decoded("€", true, &n), "?");
}

Test(binary, encode) {
    struct buf out = BUF_INIT;
    binary_encode(&out, "a~ \t\xff", 5, false);
    cr_expect_str_eq(buf_c(&out), "a~7E ~09~FF");
    cr_expect_eq(binary_encoded_length("a~ \t\xff", 5), out.len);
    buf_clear(&out);
    binary_encode(&out, "a", 1, true);
    cr_expect_str_eq(buf_c(&out), "~61");
    buf_fini(&out);
}
