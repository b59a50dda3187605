/* SPDX-License-Identifier: MIT */
#include "base/binary.h"

/* One UTF-8 character at p, which is valid, as its code point. */
static uint32_t code_point_at(const unsigned char *p, size_t *n) {
    if (p[0] < 0x80) return *n = 1, p[0];
    *n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    uint32_t c = p[0] & (0x7fu >> *n);
    for (size_t i = 1; i < *n; i++) c = c << 6 | (p[i] & 0x3fu);
    return c;
}

static void add_latin1(struct buf *out, const char *text, size_t len) {
    const unsigned char *p = (const unsigned char *)text, *end = p + len;
    while (p < end) {
        size_t n;
        uint32_t c = code_point_at(p, &n);
        buf_byte(out, c < 256 ? (char)c : '?');
        p += n;
    }
}

static void add_text(struct buf *out, const struct str *s, size_t from, size_t to, bool latin1) {
    if (latin1 && !(str_is_ascii(s)))
        add_latin1(out, s->data + from, to - from);
    else
        buf_add(out, s->data + from, to - from);
}

void binary_from_text(struct buf *out, const struct str *s, bool latin1) { add_text(out, s, 0, s->len, latin1); }

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool binary_decode(struct buf *out, const struct str *s, bool latin1) {
    size_t from = 0;
    for (size_t i = 0; i < s->len; i++) {
        if (s->data[i] != '~') continue;
        int high = hex_digit(s->data[i + 1]); /* the NUL behind the text is no digit */
        int low = high < 0 ? -1 : hex_digit(s->data[i + 2]);
        if (low < 0) return false;
        add_text(out, s, from, i, latin1);
        buf_byte(out, (char)(high * 16 + low));
        i += 2;
        from = i + 1;
    }
    add_text(out, s, from, s->len, latin1);
    return true;
}

static bool stands_for_itself(unsigned char c) { return c >= ' ' && c < 0x7f && c != '~'; }

void binary_encode(struct buf *out, const void *bytes, size_t len, bool all) {
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++) {
        if (!all && stands_for_itself(p[i])) {
            buf_byte(out, (char)p[i]);
            continue;
        }
        buf_byte(out, '~');
        buf_byte(out, digits[p[i] >> 4]);
        buf_byte(out, digits[p[i] & 15]);
    }
}

size_t binary_encoded_length(const void *bytes, size_t len) {
    const unsigned char *p = bytes;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) n += stands_for_itself(p[i]) ? 1 : 3;
    return n;
}
