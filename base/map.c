/* SPDX-License-Identifier: MIT */
/*
 * A map is a sorted array of chunks, each a sorted array of at most CHUNK_MAX pairs. So putting a pair moves at most a chunk, and one time in CHUNK_MAX / 2 the table of chunks.
 * Maps share chunks: a chunk is changed in place while one map holds it, and that map has one holder.
 *
 * Invariants: no chunk is empty; keys rise strictly through all chunks; bytes == MAP_BYTES + the sum of MAP_PAIR_BYTES, value_bytes(key) and value_bytes(v); the hint is 0, 0
 * after each change. The shared [] holds a reference of its own.
 */
#include "base/map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/pool.h"
#include "base/str.h"

enum { CHUNK_FIRST = 4, CHUNK_MAX = 64 };

struct map_chunk {
    uint32_t refs; /* maps */
    uint16_t len, cap;
    struct map_pair pairs[];
};

/* ---- memory ---- */

static size_t chunk_size(size_t cap) { return sizeof(struct map_chunk) + cap * sizeof(struct map_pair); }

static struct map_chunk *chunk_new(uint32_t cap) {
    struct map_chunk *c = pool_alloc(chunk_size(cap));
    *c = (struct map_chunk){.refs = 1, .cap = (uint16_t)cap};
    return c;
}

static void chunk_free(struct map_chunk *c) { pool_free(c, chunk_size(c->cap)); }

/* Chunk i, to be changed in place, with room for `more' pairs. The map has one holder. */
static struct map_chunk *own_chunk(struct map *m, uint32_t i, uint32_t more) {
    struct map_chunk *c = m->chunks[i];
    uint32_t need = c->len + more, cap = need <= c->cap ? c->cap : 2 * c->cap;
    if (c->refs == 1 && need <= c->cap) return c;
    if (c->refs == 1) {
        c = pool_resize(c, chunk_size(c->cap), chunk_size(cap));
    } else {
        struct map_chunk *copy = chunk_new(cap);
        for (uint32_t k = 0; k < c->len; k++) copy->pairs[k] = (struct map_pair){value_ref(c->pairs[k].key), value_ref(c->pairs[k].v)};
        copy->len = c->len;
        c->refs--;
        c = copy;
    }
    c->cap = (uint16_t)cap;
    return m->chunks[i] = c;
}

static struct map_chunk **table_new(uint32_t cap) { return pool_alloc(cap * sizeof(struct map_chunk *)); }
static void table_free(struct map_chunk **chunks, uint32_t cap) { pool_free(chunks, cap * sizeof *chunks); }

struct map *map_new(void) {
    struct map *m = pool_alloc(sizeof *m);
    *m = (struct map){.refs = 1, .cap = 1, .bytes = MAP_BYTES};
    m->chunks = &m->one;
    return m;
}

struct map *map_empty(void) {
    static struct map *empty;
    if (!empty) empty = map_new();
    return map_ref(empty);
}

void map_unref(struct map *m) {
    if (m && --m->refs == 0) value_free_block(value_map(m));
}

uint32_t map_shed(struct map *m, void (*let_go)(value v)) {
    struct map_chunk *c = m->chunks[--m->nchunks];
    if (--c->refs) return 0;
    uint32_t n = c->len;
    for (uint32_t i = 0; i < n; i++) {
        let_go(c->pairs[i].key);
        let_go(c->pairs[i].v);
    }
    chunk_free(c);
    return n;
}

void map_free_memory(struct map *m) {
    if (m->chunks != &m->one) table_free(m->chunks, m->cap);
    pool_free(m, sizeof *m);
}

/* Room for a chunk at index i, which the caller fills. */
static void open_chunk(struct map *m, uint32_t i) {
    if (m->nchunks == m->cap) {
        struct map_chunk **old = m->chunks;
        uint32_t cap = m->cap;
        m->chunks = table_new(m->cap = cap * 2 + 2);
        memcpy(m->chunks, old, m->nchunks * sizeof *m->chunks);
        if (old != &m->one) table_free(old, cap);
    }
    memmove(&m->chunks[i + 1], &m->chunks[i], (m->nchunks - i) * sizeof *m->chunks);
    m->nchunks++;
}

static void close_chunk(struct map *m, uint32_t i) {
    chunk_free(m->chunks[i]);
    m->nchunks--;
    memmove(&m->chunks[i], &m->chunks[i + 1], (m->nchunks - i) * sizeof *m->chunks);
}

/* The same map with one holder. Takes m. */
static struct map *own(struct map *m) {
    m->hint = m->before = 0;
    if (m->refs == 1) return m;
    struct map *copy = map_new();
    if (m->nchunks > copy->cap) {
        copy->cap = m->nchunks + m->nchunks / 8;
        copy->chunks = table_new(copy->cap);
    }
    for (uint32_t i = 0; i < m->nchunks; i++) {
        copy->chunks[i] = m->chunks[i];
        m->chunks[i]->refs++;
    }
    copy->nchunks = m->nchunks;
    copy->len = m->len;
    copy->bytes = m->bytes;
    map_unref(m);
    return copy;
}

/* ---- order ---- */

/* The place of a type among keys; 0: none. */
static int key_rank(uint32_t type) {
    switch ((enum value_type)type) {
    case V_INT: return 1;
    case V_OBJ: return 2;
    case V_ERR: return 3;
    case V_FLOAT: return 4;
    case V_BOOL: return 5;
    case V_STR: return 6;
    case V_ANON: return 7;
    case V_WAIF: return 8;
    case V_LIST:
    case V_CLEAR:
    case V_NONE:
    case V_CATCH:
    case V_FINALLY:
    case V_MAP:
    case V_ITER: break;
    }
    return 0;
}

bool map_key_fits(value key) { return key_rank(key.type) > 0; }

#define ORDER(x, y) ((x) < (y) ? -1 : (x) > (y))

/* What is no number, which only a damaged record could bring, comes first, so that there is an order. */
static int float_order(double a, double b) { return a == b || a < b || a > b ? ORDER(a, b) : ORDER(!isnan(a), !isnan(b)); }

int map_key_compare(value a, value b) {
    if (a.type != b.type) return ORDER(key_rank(a.type), key_rank(b.type));
    if (a.type == V_STR) return a.u.s == b.u.s ? 0 : str_compare(a.u.s, b.u.s);
    if (a.type == V_FLOAT) return float_order(a.u.f, b.u.f);
    if (a.type == V_ERR) return ORDER(a.u.e, b.u.e);
    return ORDER(a.u.i, b.u.i);
}

/* ---- looking ---- */

/* Where the key stands, or would. */
static bool locate(const struct map *m, value key, struct map_place *at) {
    uint32_t low = 0, high = m->nchunks;
    while (high - low > 1) { /* the last chunk that does not begin behind the key */
        uint32_t middle = low + (high - low) / 2;
        if (map_key_compare(m->chunks[middle]->pairs[0].key, key) <= 0) low = middle;
        else high = middle;
    }
    *at = (struct map_place){low, 0};
    if (m->nchunks == 0) return false;
    const struct map_chunk *c = m->chunks[low];
    uint32_t from = 0, to = c->len;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        int order = map_key_compare(c->pairs[middle].key, key);
        if (order == 0) {
            at->at = middle;
            return true;
        }
        if (order < 0) from = middle + 1;
        else to = middle;
    }
    at->at = from;
    return false;
}

static struct map_pair *pair_at(const struct map *m, struct map_place at) { return &m->chunks[at.chunk]->pairs[at.at]; }

const struct map_pair *map_find(const struct map *m, value key) {
    struct map_place at;
    return locate(m, key, &at) ? pair_at(m, at) : NULL;
}

/* Behind a chunk's last pair is where the next chunk begins. */
static void settle(const struct map *m, struct map_place *at) {
    if (at->chunk < m->nchunks && at->at == m->chunks[at->chunk]->len) *at = (struct map_place){at->chunk + 1, 0};
}

const struct map_pair *map_next(const struct map *m, struct map_place *at) {
    settle(m, at);
    if (at->chunk >= m->nchunks) return NULL;
    return &m->chunks[at->chunk]->pairs[at->at++];
}

const struct map_pair *map_at(struct map *m, int64_t i) {
    must(i >= 1 && i <= (int64_t)m->len);
    uint32_t n = (uint32_t)(i - 1);
    if (n < m->before) m->hint = m->before = 0;
    for (; n - m->before >= m->chunks[m->hint]->len; m->hint++) m->before += m->chunks[m->hint]->len;
    return &m->chunks[m->hint]->pairs[n - m->before];
}

int64_t map_find_value(const struct map *m, value v, bool match_case) {
    struct map_place at = {0};
    int64_t i = 0;
    for (const struct map_pair *p; (p = map_next(m, &at));) {
        i++;
        if (match_case ? value_identical(p->v, v) : value_equal(p->v, v)) return i;
    }
    return 0;
}

/* ---- changing ---- */

static int64_t pair_bytes(value key, value v) { return MAP_PAIR_BYTES + value_bytes(key) + value_bytes(v); }

int64_t map_bytes_with(const struct map *m, value key, value v) {
    const struct map_pair *p = map_find(m, key);
    return value_bytes_changed(m->bytes, pair_bytes(key, v), p ? pair_bytes(p->key, p->v) : 0);
}

/* The upper half of a full chunk becomes one of its own; or, where pairs come in order, the new one will be alone. */
static void split(struct map *m, struct map_place *at) {
    bool behind_all = at->at == CHUNK_MAX && at->chunk + 1 == m->nchunks;
    struct map_chunk *c = behind_all ? NULL : own_chunk(m, at->chunk, 0), *next = chunk_new(CHUNK_MAX);
    uint32_t keep = behind_all ? CHUNK_MAX : CHUNK_MAX / 2;
    if (c) {
        next->len = CHUNK_MAX - CHUNK_MAX / 2;
        memcpy(next->pairs, &c->pairs[keep], next->len * sizeof *next->pairs);
        c->len = CHUNK_MAX / 2;
    }
    open_chunk(m, at->chunk + 1);
    m->chunks[at->chunk + 1] = next;
    if (at->at > keep || behind_all) *at = (struct map_place){at->chunk + 1, at->at - keep};
}

static void insert(struct map *m, struct map_place at, value key, value v) {
    must(m->len < UINT32_MAX);
    if (m->nchunks == 0) {
        open_chunk(m, 0);
        m->chunks[0] = chunk_new(CHUNK_FIRST);
    }
    if (m->chunks[at.chunk]->len == CHUNK_MAX) split(m, &at);
    struct map_chunk *c = own_chunk(m, at.chunk, 1);
    memmove(&c->pairs[at.at + 1], &c->pairs[at.at], (c->len - at.at) * sizeof *c->pairs);
    c->pairs[at.at] = (struct map_pair){key, v};
    c->len++;
    m->len++;
    m->bytes = value_bytes_changed(m->bytes, pair_bytes(key, v), 0);
}

/* Maps are often made in order. */
static bool comes_last(const struct map *m, value key, struct map_place *at) {
    if (m->nchunks == 0) return false;
    const struct map_chunk *c = m->chunks[m->nchunks - 1];
    *at = (struct map_place){m->nchunks - 1, c->len};
    return map_key_compare(c->pairs[c->len - 1].key, key) < 0;
}

struct map *map_set_take(struct map *m, value key, value v) {
    must(map_key_fits(key));
    m = own(m);
    struct map_place at;
    if (comes_last(m, key, &at) || !locate(m, key, &at)) {
        insert(m, at, key, v);
        return m;
    }
    own_chunk(m, at.chunk, 0);
    struct map_pair *p = pair_at(m, at), old = *p;
    m->bytes = value_bytes_changed(m->bytes, pair_bytes(key, v), pair_bytes(old.key, old.v));
    *p = (struct map_pair){key, v};
    value_unref(old.key);
    value_unref(old.v);
    return m;
}

void map_fill_take(struct map *m, struct map_place *at, value v) {
    settle(m, at);
    struct map_pair *p = pair_at(m, *at);
    must(m->refs == 1 && m->chunks[at->chunk]->refs == 1 && p->v.type == V_NONE);
    m->bytes = value_bytes_changed(m->bytes, value_bytes(v), value_bytes(p->v));
    p->v = v;
    at->at++;
}

/* Two neighbours that together are small become one. */
static void join(struct map *m, uint32_t i) {
    if (i + 1 >= m->nchunks || m->chunks[i]->len + m->chunks[i + 1]->len > CHUNK_MAX / 2) return;
    struct map_chunk *next = own_chunk(m, i + 1, 0), *c = own_chunk(m, i, 0);
    if (c->len + next->len > c->cap) {
        c = m->chunks[i] = pool_resize(c, chunk_size(c->cap), chunk_size(CHUNK_MAX));
        c->cap = CHUNK_MAX;
    }
    memcpy(&c->pairs[c->len], next->pairs, next->len * sizeof *next->pairs);
    c->len = (uint16_t)(c->len + next->len);
    close_chunk(m, i + 1);
}

struct map *map_delete_take(struct map *m, value key) {
    m = own(m);
    struct map_place at;
    must(locate(m, key, &at));
    struct map_chunk *c = own_chunk(m, at.chunk, 0);
    struct map_pair old = c->pairs[at.at];
    c->len--;
    m->len--;
    memmove(&c->pairs[at.at], &c->pairs[at.at + 1], (c->len - at.at) * sizeof *c->pairs);
    m->bytes = value_bytes_changed(m->bytes, 0, pair_bytes(old.key, old.v));
    if (c->len == 0) close_chunk(m, at.chunk);
    else join(m, at.chunk);
    if (at.chunk > 0) join(m, at.chunk - 1);
    value_unref(old.key); /* perhaps the caller's own `key' */
    value_unref(old.v);
    return m;
}

value map_take_out(struct map *m, value key) {
    struct map_place at;
    must(m->refs == 1 && locate(m, key, &at));
    own_chunk(m, at.chunk, 0);
    struct map_pair *p = pair_at(m, at);
    value v = p->v;
    p->v = value_none();
    m->bytes = value_bytes_changed(m->bytes, value_bytes(value_none()), value_bytes(v));
    return v;
}

/* ---- ranges ---- */

static struct map *add_pairs(struct map *to, const struct map *from, struct map_place at, struct map_place end) {
    for (;;) {
        settle(from, &at);
        if (at.chunk >= from->nchunks || at.chunk > end.chunk || (at.chunk == end.chunk && at.at >= end.at)) return to;
        const struct map_pair *p = map_next(from, &at);
        to = map_set_take(to, value_ref(p->key), value_ref(p->v));
    }
}

static struct map_place place_of(const struct map *m, value key) {
    struct map_place at;
    must(locate(m, key, &at));
    return at;
}

static const struct map_place map_end = {UINT32_MAX, 0};

struct map *map_range(const struct map *m, value from, value to) {
    struct map_place end = place_of(m, to);
    end.at++;
    return add_pairs(map_new(), m, place_of(m, from), end);
}

struct map *map_replace_range(const struct map *m, value from, value to, const struct map *with) {
    struct map_place start = {0}, behind = place_of(m, to);
    behind.at++;
    struct map *out = add_pairs(map_new(), m, start, place_of(m, from));
    out = add_pairs(out, with, start, map_end);
    return add_pairs(out, m, behind, map_end);
}
