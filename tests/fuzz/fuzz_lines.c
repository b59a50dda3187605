/* SPDX-License-Identifier: MIT */
/* Any bytes from a socket: lines are valid text without control characters, bounded, and the same however the bytes were cut into reads. First byte: encoding; second: where it is cut. */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "server/lines.h"

enum { LONGEST = 300 };

static bool collect(void *ctx, struct str *line) {
    struct buf *out = ctx;
    must(utf8_valid(line->data, line->len) && line->len <= 2 * LONGEST);
    for (uint32_t i = 0; i < line->len; i++) must((unsigned char)line->data[i] >= 32 || line->data[i] == '\t');
    buf_add(out, line->data, line->len);
    buf_byte(out, '\n');
    str_unref(line);
    return true;
}

static void read_all(const char *p, size_t n, size_t piece, int encoding, struct buf *out) {
    struct line_reader r;
    lines_init(&r, LONGEST);
    r.encoding = (uint8_t)encoding;
    for (size_t at = 0; at < n; at += piece) {
        size_t now = n - at < piece ? n - at : piece;
        must(lines_feed(&r, p + at, now, collect, out) == now);
    }
    lines_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3) return 0;
    struct buf whole = BUF_INIT, cut = BUF_INIT;
    const char *p = (const char *)data + 2;
    size_t n = size - 2;
    int encoding = data[0] % (LINE_LATIN1 + 1);
    read_all(p, n, n, encoding, &whole);
    read_all(p, n, (size_t)data[1] + 1, encoding, &cut);
    must(whole.len == cut.len && !memcmp(buf_c(&whole), buf_c(&cut), cut.len));
    buf_fini(&whole);
    buf_fini(&cut);
    return 0;
}
