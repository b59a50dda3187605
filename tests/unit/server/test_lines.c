/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "base/buf.h"
#include "server/lines.h"

/* Lines are collected as "line|line|". */
static bool collect(void *ctx, struct str *line) {
    struct buf *out = ctx;
    buf_add(out, line->data, line->len);
    buf_byte(out, '|');
    str_unref(line);
    return true;
}

static void feed(struct line_reader *r, struct buf *out, const char *p, size_t n) { cr_assert_eq(lines_feed(r, p, n, collect, out), n); }

/* However the bytes are cut in two, the lines are the same; also when the reader is saved and restored at the cut. */
static void expect_lines(const char *bytes, size_t n, int encoding, const char *expected) {
    for (size_t cut = 0; cut <= n; cut++) {
        struct line_reader r, other;
        struct buf out = BUF_INIT, saved = BUF_INIT;
        lines_init(&r, 1000);
        lines_init(&other, 1000);
        r.encoding = (uint8_t)encoding;
        feed(&r, &out, bytes, cut);
        lines_encode(&r, &saved);
        struct dec d = dec_over(buf_c(&saved), saved.len);
        lines_decode(&other, &d);
        cr_assert(!d.bad && dec_at_end(&d));
        feed(&other, &out, bytes + cut, n - cut);
        cr_assert_str_eq(buf_c(&out), expected, "cut at %zu: %s", cut, buf_c(&out));
        lines_fini(&r);
        lines_fini(&other);
        buf_fini(&out);
        buf_fini(&saved);
    }
}
#define EXPECT(bytes, expected) expect_lines(bytes, sizeof(bytes) - 1, LINE_AUTO, expected)
#define EXPECT_AS(encoding, bytes, expected) expect_lines(bytes, sizeof(bytes) - 1, encoding, expected)

Test(lines, ends) {
    EXPECT("a\nb\r\nc\rd\r\0e\r\n", "a|b|c|d|e|");
    EXPECT("\r\n\r\n\n\r\r", "|||||");
    EXPECT("\n\r", "||");
    EXPECT("unfinished", "");
}

Test(lines, control_characters) {
    EXPECT("a\tb\x07\x1b[0m\x01z\n", "a\tb[0mz|");
    EXPECT("ab\x08\x7f\x7fx\n", "x|");
    EXPECT("\x08\x08ok\n", "ok|");
}

Test(lines, telnet) {
    EXPECT("a\xff\xfd\x01" "b\xff\xfb\x03" "c\xff\xf1" "d\n", "abcd|");
    EXPECT("\xff\xfa\x18\x00vt\n100\xff\xff\xff\xf0ok\r\n", "ok|");
    EXPECT("iac iac \xff\xff.\n", "iac iac .|");
    EXPECT("lone \xff" "x\n", "lone x|");
    EXPECT("\xff\r\nnext\n", "|next|");
    EXPECT("\xff\xfa\x18\xff\xfd\x01ok\n", "ok|");
    EXPECT_AS(LINE_LATIN1, "\xff\xff\n", "\xc3\xbf|");
}

Test(lines, subnegotiation_ends_some_time) {
    struct line_reader r;
    struct buf out = BUF_INIT;
    char bytes[10000];
    memset(bytes, 'x', sizeof bytes);
    bytes[0] = '\xff', bytes[1] = '\xfa', bytes[sizeof bytes - 1] = '\n';
    lines_init(&r, 1 << 20);
    feed(&r, &out, bytes, sizeof bytes);
    cr_assert_gt(out.len, 5000);
    lines_fini(&r);
    buf_fini(&out);
}

Test(lines, encodings) {
    EXPECT("caf\xc3\xa9\n", "caf\xc3\xa9|");
    EXPECT("caf\xe9\n", "caf\xc3\xa9|");
    EXPECT("\xe2\x82\xac \xf0\x9f\x98\x80\n", "\xe2\x82\xac \xf0\x9f\x98\x80|");
    EXPECT("caf\xc3\xa9\x08" "e\n", "cafe|");
    EXPECT("caf\xe9\x08" "e\n", "cafe|");
    EXPECT("\xc2\x9b" "31m\n", "31m|");
    EXPECT("\x80\xa0\n", "\xc2\xa0|");
    EXPECT_AS(LINE_LATIN1, "\xc3\xa9\n", "\xc3\x83\xc2\xa9|");
    EXPECT_AS(LINE_UTF8, "a\xe9" "b\xc3\xa9\n", "a?b\xc3\xa9|");
}

Test(lines, bounded) {
    struct line_reader r;
    struct buf out = BUF_INIT;
    lines_init(&r, 5);
    feed(&r, &out, "0123456789\nab\n", 14);
    cr_assert_str_eq(buf_c(&out), "01234|ab|");
    lines_fini(&r);
    buf_fini(&out);
}

static bool one_only(void *ctx, struct str *line) {
    ++*(int *)ctx;
    str_unref(line);
    return false;
}

Test(lines, stops_when_told) {
    struct line_reader r;
    int n = 0;
    lines_init(&r, 100);
    cr_assert_eq(lines_feed(&r, "a\nb\nc\n", 6, one_only, &n), 2);
    cr_assert_eq(n, 1);
    lines_fini(&r);
}

Test(lines, damaged_state_is_refused) {
    struct line_reader r;
    lines_init(&r, 100);
    struct dec d = dec_over("\x00\x63\x00\x00\x00", 5);
    lines_decode(&r, &d);
    cr_assert(d.bad);
    lines_fini(&r);
}

Test(lines, text_for_latin1) {
    struct buf out = BUF_INIT;
    line_encode_text(&out, "\xc3\xa9\xe2\x82\xac\xc3\xbf.", 8, LINE_LATIN1);
    cr_assert_str_eq(buf_c(&out), "\xe9?\xff\xff.");
    buf_fini(&out);
}
