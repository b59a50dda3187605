/* SPDX-License-Identifier: MIT */
#include "server/lines.h"

#include <string.h>

enum {
    IAC = 255,
    SB = 250,
    SE = 240,
    WILL = 251,
    DONT = 254,
    MAX_SUBNEGOTIATION = 4096 /* a stray SB must not swallow the rest of a connection */
};
enum telnet_state { T_DATA, T_IAC, T_OPTION, T_SUB, T_SUB_IAC };

void lines_init(struct line_reader *r, size_t max) {
    *r = (struct line_reader){.max = max};
    buf_init(&r->partial);
}

void lines_fini(struct line_reader *r) { buf_fini(&r->partial); }

/* U+0080 to U+009F are control characters like those below 32. */
static bool is_c1(const char *p) { return (unsigned char)p[0] == 0xC2 && (unsigned char)p[1] < 0xA0; }

static struct str *without_c1(const char *p, size_t n) {
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && is_c1(p + i)) i++;
        else buf_byte(&out, p[i]);
    }
    struct str *s = str_new(buf_c(&out), out.len);
    buf_fini(&out);
    return s;
}

static struct str *from_latin1(const char *p, size_t n) {
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        char utf8[4];
        if (c >= 0x80 && c < 0xA0) continue;
        buf_add(&out, utf8, utf8_put(utf8, c));
    }
    struct str *s = str_new(buf_c(&out), out.len);
    buf_fini(&out);
    return s;
}

static struct str *from_damaged_utf8(const char *p, size_t n) {
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < n;) {
        size_t len = 1;
        while (len < 4 && i + len < n && ((unsigned char)p[i + len] & 0xC0) == 0x80) len++;
        if (utf8_valid(p + i, len)) {
            if (!(len == 2 && is_c1(p + i))) buf_add(&out, p + i, len);
        } else {
            buf_byte(&out, '?');
        }
        i += len;
    }
    struct str *s = str_new(buf_c(&out), out.len);
    buf_fini(&out);
    return s;
}

static struct str *decode_line(const char *p, size_t n, int encoding) {
    bool ascii = true;
    for (size_t i = 0; i < n && ascii; i++) ascii = (unsigned char)p[i] < 0x80;
    if (ascii) return str_new(p, n);
    if (encoding == LINE_LATIN1) return from_latin1(p, n);
    if (utf8_valid(p, n)) return without_c1(p, n);
    return encoding == LINE_UTF8 ? from_damaged_utf8(p, n) : from_latin1(p, n);
}

/* One character back: the continuation bytes go with their first byte, if what stands there is UTF-8 at all. */
static void erase_character(struct line_reader *r) {
    size_t n = r->partial.len, k = 1;
    if (!n) return;
    while (k < 4 && k < n && ((unsigned char)r->partial.data[n - k] & 0xC0) == 0x80) k++;
    if (r->encoding == LINE_LATIN1 || !utf8_valid(r->partial.data + n - k, k)) k = 1;
    r->partial.len -= k;
    r->partial.data[r->partial.len] = 0;
}

static void keep(struct line_reader *r, unsigned char c) {
    if (r->partial.len < r->max) buf_byte(&r->partial, (char)c);
}

static bool end_line(struct line_reader *r, line_sink *sink, void *ctx) {
    if (r->skip) {
        r->skip = false;
        buf_clear(&r->partial);
        return true;
    }
    struct str *line = decode_line(buf_c(&r->partial), r->partial.len, r->encoding);
    if (r->partial.cap > 4096) buf_fini(&r->partial), buf_init(&r->partial);
    else buf_clear(&r->partial);
    return sink(ctx, line);
}

/* true: an end of line. */
static bool data_byte(struct line_reader *r, unsigned char c) {
    bool after_cr = r->after_cr;
    r->after_cr = c == '\r';
    if (c == '\n') return !after_cr;
    if (c == '\r') return true;
    if (c == 8 || c == 127) erase_character(r);
    else if (c >= 32 || c == '\t') keep(r, c);
    return false;
}

/* A byte inside a telnet command. true: it was no part of one after all and is data. */
static bool telnet_byte(struct line_reader *r, unsigned char c) {
    switch ((enum telnet_state)r->telnet) {
    case T_IAC:
        r->telnet = T_DATA;
        if (c >= WILL && c <= DONT) r->telnet = T_OPTION;
        else if (c == SB) r->telnet = T_SUB, r->subnegotiation = 0;
        else if (c == IAC) return r->encoding == LINE_LATIN1;
        else return c < SE; /* a lone 255: not telnet; it is dropped and this byte stands for itself */
        return false;
    case T_OPTION: r->telnet = T_DATA; return false;
    case T_SUB:
        if (c == IAC) r->telnet = T_SUB_IAC;
        else if (++r->subnegotiation > MAX_SUBNEGOTIATION) r->telnet = T_DATA;
        return false;
    case T_SUB_IAC:
        if (c == SE) r->telnet = T_DATA;
        else if (c == IAC || c < SE) r->telnet = T_SUB;
        else return r->telnet = T_IAC, telnet_byte(r, c); /* the end was lost: another command begins */
        return false;
    case T_DATA: return true;
    }
    return true;
}

size_t lines_feed(struct line_reader *r, const char *bytes, size_t n, line_sink *sink, void *ctx) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (r->telnet == T_DATA && c == IAC) {
            r->telnet = T_IAC;
            continue;
        }
        if (r->telnet != T_DATA && !telnet_byte(r, c)) continue;
        if (data_byte(r, c) && !end_line(r, sink, ctx)) return i + 1;
    }
    return n;
}

void lines_encode(const struct line_reader *r, struct buf *out) {
    enc_bytes(out, buf_c(&r->partial), r->partial.len);
    enc_u64(out, r->telnet);
    enc_u64(out, (uint64_t)r->after_cr | (uint64_t)r->skip << 1);
    enc_u64(out, r->encoding);
    enc_u64(out, r->subnegotiation);
}

void lines_decode(struct line_reader *r, struct dec *d) {
    size_t n;
    const void *p = dec_bytes(d, &n);
    if (n) buf_add(&r->partial, p, n);
    uint64_t telnet = dec_u64(d);
    uint64_t bits = dec_u64(d);
    r->after_cr = bits & 1;
    r->skip = bits & 2;
    uint64_t encoding = dec_u64(d);
    r->subnegotiation = (uint32_t)dec_u64(d);
    if (telnet > T_SUB_IAC || encoding > LINE_LATIN1) d->bad = true;
    r->telnet = (uint8_t)telnet;
    r->encoding = (uint8_t)encoding;
}

static const char *const encoding_names[] = {"auto", "utf-8", "latin-1"};

const char *line_encoding_name(int encoding) { return encoding_names[encoding]; }

int line_encoding_by_name(const struct str *name) {
    for (int i = LINE_AUTO; i <= LINE_LATIN1; i++)
        if (str_equal_c(name, encoding_names[i])) return i;
    if (str_equal_c(name, "utf8")) return LINE_UTF8;
    if (str_equal_c(name, "latin1") || str_equal_c(name, "iso-8859-1")) return LINE_LATIN1;
    return -1;
}

void line_encode_text(struct buf *out, const char *bytes, size_t len, int encoding) {
    if (encoding != LINE_LATIN1) {
        buf_add(out, bytes, len);
        return;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x80) {
            buf_byte(out, (char)c);
        } else if ((c & 0xFC) == 0xC0 && i + 1 < len) { /* U+0080 to U+00FF take two bytes */
            unsigned char l1 = (unsigned char)((c << 6) | ((unsigned char)bytes[++i] & 0x3F));
            buf_byte(out, (char)l1);
            if (l1 == IAC) buf_byte(out, (char)l1);
        } else {
            buf_byte(out, '?');
            while (i + 1 < len && ((unsigned char)bytes[i + 1] & 0xC0) == 0x80) i++;
        }
    }
}
