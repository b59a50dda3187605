/* SPDX-License-Identifier: MIT */
/*
 * A value is its type code as a varint, then: INT OBJ ERR BOOL zigzag varint; FLOAT 8 bytes; STR length and bytes; LIST count and that many values;
 * MAP count, that many keys in their order, and as many values; CLEAR and NONE nothing. With shares (base/shares.h) also: 96 before the type of a value that gets a number; 97 and the number of one that has it. Lists and maps are written and read with a stack of their own, so nesting costs memory in proportion to the input and no C stack.
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
#include "base/map.h"
#include "base/must.h"
#include "base/patience.h"
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
    case V_MAP: enc_u64(b, v.u.m->len); break;
    case V_CLEAR:
    case V_NONE: break;
    case V_ITER:
    case V_ANON:
    case V_WAIF: must(!"a type that is reserved"); break;
    }
}

enum { SHARED_FIRST = 96, SHARED_AGAIN = 97 }; /* in the place of a type: of a value that gets a number; of a number */

struct enc_level {
    value v;
    uint32_t next, len;
    struct map_place at;
    bool shared; /* gets a number at its end */
};

static void enc_keys(struct buf *b, const struct map *m, struct shares_out *shares);

/* true: it is a list or map whose values are to follow; *shared: and that gets a number. */
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
    if (v.type == V_MAP) enc_keys(b, v.u.m, shares);
    if (v.type == V_LIST || v.type == V_MAP) return true;
    if (*shared) shares_number(shares, v);
    return false;
}

static void enc_keys(struct buf *b, const struct map *m, struct shares_out *shares) {
    struct map_place at = {0};
    bool shared;
    for (const struct map_pair *p; (p = map_next(m, &at));) enc_begin(b, p->key, shares, &shared);
}

static struct enc_level enc_open(value v, bool shared) { return (struct enc_level){.v = v, .len = v.type == V_LIST ? v.u.l->len : v.u.m->len, .shared = shared}; }

static value enc_next(struct enc_level *l) {
    if (l->v.type == V_LIST) return l->v.u.l->items[l->next++];
    l->next++;
    return map_next(l->v.u.m, &l->at)->v;
}

void enc_value(struct buf *b, value v) { enc_value_shared(b, v, NULL); }

void enc_value_shared(struct buf *b, value v, struct shares_out *shares) {
    bool shared;
    if (!enc_begin(b, v, shares, &shared)) return;
    struct enc_level fixed[16], *levels = fixed;
    size_t depth = 1, cap = sizeof fixed / sizeof *fixed;
    levels[0] = enc_open(v, shared);
    while (depth) {
        struct enc_level *top = &levels[depth - 1];
        if (top->next == top->len) {
            if (top->shared) shares_number(shares, top->v);
            depth--;
            continue;
        }
        value item = enc_next(top);
        if (!enc_begin(b, item, shares, &shared)) continue;
        if (depth == cap) {
            struct enc_level *more = xmalloc(2 * cap * sizeof *more);
            memcpy(more, levels, depth * sizeof *more);
            if (levels != fixed) free(levels);
            levels = more;
            cap *= 2;
        }
        levels[depth++] = enc_open(item, shared);
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

/* How many values a list or map announces: each takes a byte at least, or (a map's, with its key) two. */
static uint64_t dec_count(struct dec *d, uint64_t least) {
    uint64_t n = dec_u64(d);
    return d->bad || n > dec_left(d) / least ? dec_fail(d) : n;
}

/* Everything but what lists and maps hold: they are made empty and *count set. */
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
    case V_LIST: *count = (uint32_t)dec_count(d, 1); return value_list(*count ? list_new(*count < 32 ? *count : 32) : list_empty()); /* what is announced may not come: it grows as it does */
    case V_MAP: *count = (uint32_t)dec_count(d, 2); return value_map(*count ? map_new() : map_empty());
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

/* A value, or one that is known already; *shared: a list or map that gets a number once its values are there. */
static value dec_begin(struct dec *d, uint32_t *count, bool *shared) {
    uint64_t type = dec_u64(d);
    *count = 0;
    *shared = d->shares && type == SHARED_FIRST;
    if (d->shares && type == SHARED_AGAIN) return dec_number(d);
    value v = dec_typed(d, *shared ? dec_u64(d) : type, count);
    if (*shared && !*count && !d->bad) shares_add(d->shares, v);
    return v;
}

/* ---- nested ones ---- */

struct dec_level {
    value v; /* a list, or a map with its keys */
    uint32_t left;
    uint32_t keys; /* of a map, yet to come */
    value last; /* key; borrowed from the map */
    bool shared;
    struct map_place at; /* of the pair whose value is next */
};

static struct dec_level dec_open(value v, uint32_t count, bool shared) {
    return (struct dec_level){.v = v, .left = count, .keys = v.type == V_MAP ? count : 0, .last = value_none(), .shared = shared};
}

/* One more key, with nothing as its value yet. */
static void dec_key(struct dec *d, struct dec_level *l) {
    uint32_t inner;
    bool shared;
    value key = dec_begin(d, &inner, &shared);
    if (d->bad || !map_key_fits(key) || (l->last.type != V_NONE && map_key_compare(l->last, key) >= 0)) {
        dec_fail(d);
        value_unref(key);
        return;
    }
    l->v.u.m = map_set_take(l->v.u.m, key, value_none());
    l->last = key;
    l->keys--;
}

static void dec_deliver(struct dec_level *l, value v) {
    if (l->v.type == V_LIST) l->v.u.l = list_append_take(l->v.u.l, v);
    else map_fill_take(l->v.u.m, &l->at, v);
}

static void dec_push(struct dec_run *r, struct dec_level l) {
    if (r->depth == r->cap) r->levels = xrealloc(r->levels, (r->cap = r->cap ? r->cap * 2 : 16) * sizeof *r->levels);
    r->levels[r->depth++] = l;
}

/* The innermost list or map is whole, or nothing is. true: that was the last. */
static bool dec_close(struct dec_run *r, value *out) {
    struct dec_level *top = &r->levels[--r->depth];
    *out = top->v;
    if (top->shared && !r->d.bad) shares_add(r->d.shares, *out);
    if (!r->depth) return true;
    if (r->d.bad) value_unref(*out);
    else dec_deliver(&r->levels[r->depth - 1], *out);
    return false;
}

/* A text of that many bytes comes next; NULL: something else, or it is short. */
static const char *long_text(struct dec d, size_t *len) {
    if (dec_left(&d) < PATIENCE_BYTES || *d.p != V_STR) return NULL;
    dec_u64(&d);
    const char *p = dec_bytes(&d, len);
    return *len < PATIENCE_BYTES || *len > VALUE_STORED_MAX ? NULL : p;
}

/* More of it. Portions end where characters do. false: no patience, or it is not UTF-8, and d is bad. */
static bool add_text(struct dec_run *r, const char *p, size_t len, const struct patience *patience) {
    while (r->text->len < len) {
        size_t at = r->text->len, n = len - at;
        if (n > PATIENCE_BYTES) n = PATIENCE_BYTES;
        while (n && at + n < len && (p[at + n] & 0xc0) == 0x80) n--;
        if (!n || !utf8_valid(p + at, n)) return dec_fail(&r->d);
        r->text = str_append_take(r->text, p + at, n);
        if (r->text->len < len && patience_is_over(patience)) return false;
    }
    return true;
}

enum fetched { FETCHED, NOT_LONG, NO_PATIENCE };

/* What comes next, if it is a long text. */
static enum fetched fetch_long_text(struct dec_run *r, const struct patience *patience, value *out) {
    size_t len;
    const char *p = patience ? long_text(r->d, &len) : NULL;
    if (!p) return NOT_LONG;
    *out = value_none();
    if (!r->text) r->text = str_with_room(len);
    if (!add_text(r, p, len, patience)) return r->d.bad ? FETCHED : NO_PATIENCE;
    *out = value_str(r->text);
    r->text = NULL;
    r->d.p = (const unsigned char *)p + len;
    return FETCHED;
}

/* The next value of the innermost list or map, or its next key. false: no patience. */
static bool dec_item(struct dec_run *r, const struct patience *p) {
    struct dec_level *top = &r->levels[r->depth - 1];
    uint32_t inner = 0;
    bool shared;
    value item;
    if (top->keys) {
        dec_key(&r->d, top);
        return true;
    }
    enum fetched f = fetch_long_text(r, p, &item);
    if (f == NO_PATIENCE) return false;
    if (f == NOT_LONG) item = dec_begin(&r->d, &inner, &shared);
    top->left--;
    if (inner) dec_push(r, dec_open(item, inner, shared));
    else if (r->d.bad) value_unref(item);
    else dec_deliver(top, item);
    return true;
}

/* false: no patience. */
static bool dec_fill(struct dec_run *r, const struct patience *p, value *out) {
    const unsigned char *looked = r->d.p;
    for (uint32_t steps = 0;; steps++) {
        if (p && (steps % PATIENCE_STEPS == PATIENCE_STEPS - 1 || r->d.p - looked >= PATIENCE_BYTES)) {
            if (patience_is_over(p)) return false;
            looked = r->d.p;
        }
        const struct dec_level *top = &r->levels[r->depth - 1];
        if ((top->left || top->keys) && !r->d.bad) {
            if (!dec_item(r, p)) return false;
        } else if (dec_close(r, out)) {
            return true;
        }
    }
}

/* The value itself, or its beginning. */
static bool dec_first(struct dec_run *r, const struct patience *p, value *out) {
    uint32_t count;
    bool shared;
    enum fetched f = fetch_long_text(r, p, out);
    if (f == NO_PATIENCE) return false;
    r->begun = true;
    if (f == FETCHED) return true;
    *out = dec_begin(&r->d, &count, &shared);
    if (count) dec_push(r, dec_open(*out, count, shared));
    return true;
}

bool dec_run(struct dec_run *r, const struct patience *p, value *out) {
    if (!r->begun && !dec_first(r, p, out)) return false;
    if (r->depth && !dec_fill(r, p, out)) return false;
    dec_run_fini(r);
    if (r->d.bad) {
        value_unref(*out);
        *out = value_none();
    }
    return true;
}

void dec_run_fini(struct dec_run *r) {
    while (r->depth) value_unref(r->levels[--r->depth].v);
    free(r->levels);
    r->levels = NULL;
    str_unref(r->text);
    r->text = NULL;
}

value dec_value(struct dec *d) {
    struct dec_run r = {.d = *d};
    value v;
    dec_run(&r, NULL, &v);
    *d = r.d;
    return v;
}

/* ---- skipping ---- */

/* One value without what it holds; strings as a stretch of the input. */
struct flat {
    value v; /* no string: as it is, with nothing counted in it */
    const char *text;
    size_t len;
    uint64_t count; /* of what a list or map announces */
};

static struct flat skip_flat(struct dec *d) {
    uint64_t type = dec_u64(d);
    struct flat f = {.v = {.type = (uint32_t)type}};
    switch (d->bad ? V_NONE : type) {
    case V_INT:
    case V_OBJ:
    case V_BOOL:
    case V_CATCH:
    case V_FINALLY: f.v.u.i = dec_i64(d); break;
    case V_ERR: f.v = value_err((enum error)dec_i64(d)); break;
    case V_FLOAT: f.v = value_float(dec_f64(d)); break;
    case V_STR:
        f.text = dec_bytes(d, &f.len);
        if (!f.text || !utf8_valid(f.text, f.len)) dec_fail(d);
        break;
    case V_LIST: f.count = dec_count(d, 1); break;
    case V_MAP: f.count = dec_count(d, 2); break;
    case V_CLEAR:
    case V_NONE: break;
    default: dec_fail(d);
    }
    return f;
}

/* Its own part of value_bytes(). */
static int64_t flat_bytes(const struct flat *f) {
    switch (f->v.type) {
    case V_LIST: return 32;
    case V_MAP: return MAP_BYTES;
    case V_STR: return 16 + (int64_t)f->len + 1;
    default: return value_bytes(f->v);
    }
}

static int flat_compare(const struct flat *a, const struct flat *b) {
    if (a->v.type == V_STR && b->v.type == V_STR) return bytes_compare_fold(a->text, a->len, b->text, b->len);
    return map_key_compare(a->v, b->v);
}

static int64_t skip_keys(struct dec *d, uint64_t count) {
    struct flat last = {0};
    int64_t sum = 0;
    for (uint64_t i = 0; i < count && !d->bad; i++) {
        struct flat f = skip_flat(d);
        if (!map_key_fits(f.v) || (i && flat_compare(&last, &f) >= 0)) dec_fail(d);
        sum += MAP_PAIR_BYTES + flat_bytes(&f);
        last = f;
    }
    return sum;
}

int64_t dec_skip_value(struct dec *d) {
    int64_t sum = 0;
    for (uint64_t left = 1; left && !d->bad; left--) { /* the values of a list or map stand right after its head, whatever its depth */
        struct flat f = skip_flat(d);
        if (f.v.type == V_MAP) sum += skip_keys(d, f.count);
        left += f.count;
        sum += flat_bytes(&f);
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
