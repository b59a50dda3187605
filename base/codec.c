/* SPDX-License-Identifier: MIT */
/*
 * A value is its type code as a varint, then: INT OBJ ERR BOOL zigzag varint; FLOAT 8 bytes; STR length and bytes; LIST count and that many values;
 * CLEAR and NONE nothing. With shares (base/shares.h) also: 96 before the type of a value that gets a number; 97 and the number of one that has it. Lists are written and read with a stack of their own, so nesting costs memory in proportion to the input and no C stack.
 */
#include "base/codec.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include "base/list.h"
#include "base/must.h"
#include "base/str.h"
#include "base/strcache.h"

/* ---- writing ---- */

void enc_u64(struct buf *b, uint64_t n) {
    while (n >= 0x80) {
        buf_byte(b, (char)(n | 0x80));
        n >>= 7;
    }
    buf_byte(b, (char)n);
}

void enc_i64(struct buf *b, int64_t n) { enc_u64(b, ((uint64_t)n << 1) ^ (uint64_t)(n >> 63)); }

static void enc_le(struct buf *b, uint64_t n, int bytes) {
    for (int i = 0; i < bytes; i++) buf_byte(b, (char)(n >> (8 * i)));
}

void enc_f64(struct buf *b, double d) {
    uint64_t n;
    memcpy(&n, &d, sizeof n);
    enc_le(b, n, 8);
}

void enc_be64(struct buf *b, uint64_t n) {
    for (int i = 7; i >= 0; i--) buf_byte(b, (char)(n >> (8 * i)));
}

void enc_bytes(struct buf *b, const void *p, size_t len) {
    enc_u64(b, len);
    buf_add(b, p, len);
}

/* 0 is NULL, else length + 1 */
void enc_str(struct buf *b, const struct str *s) {
    enc_u64(b, s ? (uint64_t)s->len + 1 : 0);
    if (s) buf_add(b, s->data, s->len);
}

static void enc_simple(struct buf *b, value v) {
    switch ((enum value_type)v.type) {
    case V_INT:
    case V_OBJ:
    case V_BOOL:
    case V_CATCH:
    case V_FINALLY: enc_i64(b, v.u.i); break;
    case V_ERR: enc_i64(b, (int64_t)v.u.e); break;
    case V_FLOAT: enc_f64(b, v.u.f); break;
    case V_STR: enc_bytes(b, v.u.s->data, v.u.s->len); break;
    case V_LIST: enc_u64(b, v.u.l->len); break;
    case V_CLEAR:
    case V_NONE: break;
    case V_MAP:
    case V_ITER:
    case V_ANON:
    case V_WAIF: must(!"a type that is reserved"); break;
    }
}

enum { SHARED_FIRST = 96, SHARED_AGAIN = 97 }; /* in the place of a type: of a value that gets a number; of a number */

struct enc_level {
    struct list *list;
    uint32_t next;
    bool shared; /* gets a number at its end */
};

/* true: it is a list whose elements are to follow; *shared: and that gets a number. */
static bool enc_begin(struct buf *b, value v, struct shares_out *shares, bool *shared) {
    uint64_t number;
    *shared = shares && shares_may_have(v);
    if (*shared && shares_find(shares, v, &number)) {
        enc_u64(b, SHARED_AGAIN);
        enc_u64(b, number);
        return false;
    }
    if (*shared) enc_u64(b, SHARED_FIRST);
    enc_u64(b, v.type);
    enc_simple(b, v);
    if (*shared && v.type != V_LIST) shares_number(shares, v);
    return v.type == V_LIST;
}

void enc_value(struct buf *b, value v) { enc_value_shared(b, v, NULL); }

void enc_value_shared(struct buf *b, value v, struct shares_out *shares) {
    bool shared;
    if (!enc_begin(b, v, shares, &shared)) return;
    struct enc_level fixed[16], *levels = fixed;
    size_t depth = 1, cap = sizeof fixed / sizeof *fixed;
    levels[0] = (struct enc_level){v.u.l, 0, shared};
    while (depth) {
        struct enc_level *top = &levels[depth - 1];
        if (top->next == top->list->len) {
            if (top->shared) shares_number(shares, value_list(top->list));
            depth--;
            continue;
        }
        value item = top->list->items[top->next++];
        if (!enc_begin(b, item, shares, &shared)) continue;
        if (depth == cap) {
            struct enc_level *more = xmalloc(2 * cap * sizeof *more);
            memcpy(more, levels, depth * sizeof *more);
            if (levels != fixed) free(levels);
            levels = more;
            cap *= 2;
        }
        levels[depth++] = (struct enc_level){item.u.l, 0, shared};
    }
    if (levels != fixed) free(levels);
}

/* ---- reading ---- */

static uint64_t dec_fail(struct dec *d) {
    d->bad = true;
    d->p = d->end;
    return 0;
}

uint64_t dec_u64(struct dec *d) {
    uint64_t n = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (d->p == d->end) return dec_fail(d);
        unsigned char c = *d->p++;
        if (shift == 63 && c > 1) return dec_fail(d);
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) return n;
    }
    return dec_fail(d);
}

int64_t dec_i64(struct dec *d) {
    uint64_t n = dec_u64(d);
    return (int64_t)((n >> 1) ^ (0 - (n & 1)));
}

static size_t dec_left(const struct dec *d) { return (size_t)(d->end - d->p); }

double dec_f64(struct dec *d) {
    if (dec_left(d) < 8) return (double)dec_fail(d);
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) n |= (uint64_t)d->p[i] << (8 * i);
    d->p += 8;
    double f;
    memcpy(&f, &n, sizeof f);
    return f;
}

uint64_t dec_be64(struct dec *d) {
    if (dec_left(d) < 8) return dec_fail(d);
    uint64_t n = 0;
    for (int i = 0; i < 8; i++) n = n << 8 | d->p[i];
    d->p += 8;
    return n;
}

static const void *dec_raw(struct dec *d, uint64_t len) {
    if (len > dec_left(d)) {
        dec_fail(d);
        return NULL;
    }
    const void *p = d->p;
    d->p += len;
    return p;
}

const void *dec_bytes(struct dec *d, size_t *len) {
    uint64_t n = dec_u64(d);
    const void *p = d->bad ? NULL : dec_raw(d, n);
    *len = p ? (size_t)n : 0;
    return p;
}

struct str *dec_text(struct dec *d, const char *p, size_t len) {
    struct str *s = NULL;
    if (p && d->strings) s = str_cache_get(d->strings, p, len);
    else if (p && utf8_valid(p, len)) s = str_new(p, len);
    if (!s) dec_fail(d);
    return s;
}

struct str *dec_str(struct dec *d) {
    uint64_t n = dec_u64(d);
    if (d->bad || n == 0) return NULL;
    return dec_text(d, dec_raw(d, n - 1), (size_t)(n - 1));
}

bool dec_str_is(struct dec *d, const struct str *s) {
    uint64_t n = dec_u64(d);
    const void *p = d->bad || n == 0 ? NULL : dec_raw(d, n - 1);
    return p && bytes_compare_fold(p, (size_t)(n - 1), s->data, s->len) == 0;
}

/* Everything but lists, for which the (empty) list is made and *count set. */
static value dec_typed(struct dec *d, uint64_t type, uint32_t *count) {
    switch (d->bad ? V_NONE : type) {
    case V_INT:
    case V_OBJ:
    case V_BOOL:
    case V_CATCH:
    case V_FINALLY: return (value){.type = (uint32_t)type, .u.i = dec_i64(d)};
    case V_ERR: return value_err((enum error)dec_i64(d));
    case V_FLOAT: return value_float(dec_f64(d));
    case V_STR: {
        size_t len;
        const char *p = dec_bytes(d, &len);
        struct str *s = p ? dec_text(d, p, len) : NULL;
        return s ? value_str(s) : value_none();
    }
    case V_LIST: {
        uint64_t n = dec_u64(d);
        if (d->bad || n > dec_left(d)) break; /* an element takes a byte at least */
        *count = (uint32_t)n;
        return value_list(n ? list_new(n < 32 ? (size_t)n : 32) : list_empty()); /* what is announced may not come: it grows as it does */
    }
    case V_CLEAR: return value_clear();
    case V_NONE: return value_none();
    default: break;
    }
    dec_fail(d);
    return value_none();
}

static value dec_number(struct dec *d) {
    uint64_t n = dec_u64(d);
    if (!d->bad && n < d->shares->n) return value_ref(d->shares->values[n]);
    dec_fail(d);
    return value_none();
}

/* A value, or one that is known already; *shared: a list that gets a number once its elements are there. */
static value dec_begin(struct dec *d, uint32_t *count, bool *shared) {
    uint64_t type = dec_u64(d);
    *count = 0;
    *shared = d->shares && type == SHARED_FIRST;
    if (d->shares && type == SHARED_AGAIN) return dec_number(d);
    value v = dec_typed(d, *shared ? dec_u64(d) : type, count);
    if (*shared && !*count && !d->bad) shares_add(d->shares, v);
    return v;
}

struct dec_level {
    struct list *list;
    uint32_t left;
    bool shared;
};

static value dec_nested(struct dec *d, struct list *outer, uint32_t count, bool shared) {
    size_t depth = 1, cap = 16;
    struct dec_level *levels = xmalloc(cap * sizeof *levels);
    levels[0] = (struct dec_level){outer, count, shared};
    value done = value_none();
    while (depth) {
        struct dec_level *top = &levels[depth - 1];
        if (top->left == 0 || d->bad) {
            done = value_list(top->list);
            if (top->shared && !d->bad) shares_add(d->shares, done);
            if (--depth) levels[depth - 1].list = list_append_take(levels[depth - 1].list, done);
            continue;
        }
        top->left--;
        uint32_t inner;
        value item = dec_begin(d, &inner, &shared);
        if (!inner) {
            top->list = list_append_take(top->list, item);
            continue;
        }
        if (depth == cap) levels = xrealloc(levels, (cap *= 2) * sizeof *levels);
        levels[depth++] = (struct dec_level){item.u.l, inner, shared};
    }
    free(levels);
    return done;
}

value dec_value(struct dec *d) {
    uint32_t count;
    bool shared;
    value v = dec_begin(d, &count, &shared);
    if (count) v = dec_nested(d, v.u.l, count, shared);
    if (d->bad) {
        value_unref(v);
        return value_none();
    }
    return v;
}

/* How many values follow as its elements. *bytes: its own part of value_bytes(). */
static uint64_t skip_one(struct dec *d, int64_t *bytes) {
    uint64_t type = dec_u64(d);
    size_t len;
    switch (d->bad ? V_NONE : type) {
    case V_INT:
    case V_OBJ:
    case V_BOOL:
    case V_CATCH:
    case V_FINALLY:
    case V_ERR: dec_u64(d); break;
    case V_FLOAT:
        dec_f64(d);
        *bytes = 24;
        break;
    case V_STR: {
        const char *p = dec_bytes(d, &len);
        if (!p || !utf8_valid(p, len)) dec_fail(d);
        *bytes = 16 + (int64_t)len + 1;
        break;
    }
    case V_LIST: {
        uint64_t n = dec_u64(d);
        *bytes = 32;
        if (!d->bad && n <= dec_left(d)) return n;
        dec_fail(d);
        break;
    }
    case V_CLEAR:
    case V_NONE: break;
    default: dec_fail(d);
    }
    return 0;
}

int64_t dec_skip_value(struct dec *d) {
    int64_t sum = 0;
    for (uint64_t left = 1; left && !d->bad; left--) { /* elements stand right after their list, whatever its depth */
        int64_t bytes = 16;
        left += skip_one(d, &bytes);
        sum += bytes;
    }
    return sum;
}

/* ---- CRC-32C (Castagnoli; RFC 3720, appendix B.4) ---- */

static uint32_t crc_table[256];

static void crc_init(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
        crc_table[i] = c;
    }
}

static uint32_t crc_portable(uint32_t c, const unsigned char *p, size_t len) {
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* records are written on a thread of their own */
    pthread_once(&once, crc_init);
    while (len--) c = crc_table[(c ^ *p++) & 0xff] ^ (c >> 8);
    return c;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_hardware(uint32_t c, const unsigned char *p, size_t len) {
    uint64_t wide = c;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        wide = __builtin_ia32_crc32di(wide, w);
    }
    c = (uint32_t)wide;
    while (len--) c = __builtin_ia32_crc32qi(c, *p++);
    return c;
}

static bool has_crc(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__linux__)
__attribute__((target("+crc"))) static uint32_t crc_hardware(uint32_t c, const unsigned char *p, size_t len) {
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        __asm__("crc32cx %w0, %w0, %x1" : "+r"(c) : "r"(w));
    }
    for (; len; p++, len--) __asm__("crc32cb %w0, %w0, %w1" : "+r"(c) : "r"((uint32_t)*p));
    return c;
}

static bool has_crc(void) { return getauxval(AT_HWCAP) & HWCAP_CRC32; }
#else
static bool has_crc(void) { return false; }
#define crc_hardware crc_portable
#endif

uint32_t crc32c(uint32_t seed, const void *p, size_t len) {
    uint32_t c = ~seed;
    if (has_crc()) return ~crc_hardware(c, p, len);
    return ~crc_portable(c, p, len);
}

/* ---- envelope: version, flags, CRC (4 bytes, little end first), payload ---- */

enum { ENVELOPE_BYTES = 6 };

static uint32_t envelope_crc(const unsigned char head[2], const void *key, size_t key_len, const void *payload, size_t len) {
    return crc32c(crc32c(crc32c(0, head, 2), key, key_len), payload, len);
}

void enc_envelope(struct buf *out, unsigned version, unsigned flags, const void *key, size_t key_len, const struct buf *payload) {
    must(version < 256 && flags < 256);
    unsigned char head[2] = {(unsigned char)version, (unsigned char)flags};
    buf_add(out, head, 2);
    enc_le(out, envelope_crc(head, key, key_len, buf_c(payload), payload->len), 4);
    buf_add(out, buf_c(payload), payload->len);
}

int dec_envelope(const void *p, size_t len, const void *key, size_t key_len, unsigned *version, unsigned *flags, struct dec *payload,
                 const char **why) {
    const unsigned char *q = p;
    if (len < ENVELOPE_BYTES) {
        *why = "record cut short";
        return -1;
    }
    uint32_t crc = q[2] | (uint32_t)q[3] << 8 | (uint32_t)q[4] << 16 | (uint32_t)q[5] << 24;
    if (crc != envelope_crc(q, key, key_len, q + ENVELOPE_BYTES, len - ENVELOPE_BYTES)) {
        *why = "record damaged (checksum differs)";
        return -1;
    }
    *version = q[0];
    *flags = q[1];
    *payload = dec_over(q + ENVELOPE_BYTES, len - ENVELOPE_BYTES);
    return 0;
}
