/* SPDX-License-Identifier: MIT */
/*
 * What there is to salvage. Trees are walked each for itself, so that a page that a damaged entry gave to a second tree is still found by its own. If any page of a tree is damaged, the leaves that
 * no tree and not the free list names are searched too: the checksum of a record covers its key, so a sound one is known wherever it lies, and what it holds tells its table.
 */
#include <stdlib.h>
#include <string.h>

#include "db/format.h"
#include "db/repair_parts.h"

/* ---- trees ---- */

struct walking {
    struct repair *r;
    enum store_table table;
    repair_row *row;
};

static void on_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct walking *w = ctx;
    if (w->row) w->row(w->r, w->table, key, klen, data, len);
}

static void on_fault(void *ctx, const struct page_part *where, const char *what) {
    struct walking *w = ctx;
    struct repair *r = w->r;
    (void)what;
    r->broken = true;
    if (where->depth != 1 || w->row) return;
    if (r->nlost == r->lost_cap) r->lost = xrealloc(r->lost, (r->lost_cap = r->lost_cap ? r->lost_cap * 2 : 16) * sizeof *r->lost);
    r->lost[r->nlost++] = (struct lost_page){where->page, w->table};
}

static void walk_table(struct repair *r, enum store_table t, repair_row *row) {
    struct walking w = {r, t, row};
    struct pages *p = &r->pages;
    unsigned char *used = p->used;
    size_t bytes = p->meta.last / 8 + 2;
    if (!r->there[t]) return;
    p->used = xcalloc(bytes, 1);
    struct page_walk walk = {.pages = p, .row = on_row, .fault = on_fault, .ctx = &w};
    pages_walk(&walk, &(struct page_part){.page = r->tree[t].root, .depth = r->tree[t].depth});
    if (walk.entries != r->tree[t].entries) r->broken = true;
    for (size_t i = 0; i < bytes; i++) used[i] |= p->used[i];
    free(p->used);
    p->used = used;
}

static void note_table(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct repair *r = ((struct walking *)ctx)->r;
    for (int t = 0; t < T_COUNT; t++) {
        const char *name = store_table_name((enum store_table)t);
        if (strlen(name) == klen && !memcmp(name, key, klen)) r->there[t] = pages_read_tree(&r->tree[t], data, len);
    }
}

/* ---- strays ---- */

static int chunk_of(void *source, const struct key *k, const void **data, size_t *len) { return repair_get(source, T_BLOB, k, data, len); }

int repair_open_row(struct repair *r, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch, const char **why) {
    return record_open_from(chunk_of, r, key, klen, data, len, d, scratch, why);
}

static bool are_propdefs(struct dec d) {
    struct view_propdefs rec;
    struct view_propdef def;
    if (view_propdefs_decode(&rec, &d) || !rec.items.len) return false;
    struct dec items = dec_over(rec.items.p, rec.items.len);
    while (!items.bad && !dec_at_end(&items)) {
        size_t len;
        const void *p = dec_bytes(&items, &len);
        struct dec one = dec_over(p, len);
        if (items.bad || view_propdef_decode(&def, &one) || !def.id || !def.name.len) return false;
    }
    return !items.bad;
}

static bool is_program(const void *key, struct dec d) {
    struct view_code rec;
    uint8_t hash[CODE_HASH_BYTES];
    if (view_code_decode(&rec, &d)) return false;
    code_hash(hash, rec.text.p, rec.text.len, (int)rec.version, rec.imported, (int)rec.first_line);
    return !memcmp(hash, key, sizeof hash);
}

/* Is it exactly what a record of this kind is written as? A reader alone would take much. */
#define IS_A(name) \
    static bool is_##name(struct dec d) { \
        struct rec_##name rec; \
        struct buf again = BUF_INIT; \
        size_t len = (size_t)(d.end - d.p); \
        const void *p = d.p; \
        if (rec_##name##_decode(&rec, &d)) return false; \
        rec_##name##_encode(&rec, &again); \
        bool same = len && again.len == len && !memcmp(again.data, p, len) && is_likely_##name(&rec); \
        rec_##name##_fini(&rec); \
        buf_fini(&again); \
        return same; \
    }
static bool is_likely_object(const struct rec_object *o) { return o->child_key ? o->parent != NOTHING : o->parent == NOTHING; }
static bool is_likely_propval(const struct rec_propval *v) { return v->value.type != V_CLEAR || v->perms < 8; }
/* A name begins with a printing character, a value with the code of its type. */
static bool is_likely_verbdef(const struct rec_verbdef *v) { return (unsigned char)v->names->data[0] >= 0x20 && (!v->code.len || v->code.len == CODE_HASH_BYTES); }
static bool is_likely_history(const struct rec_history *h) { return !h->code.len || h->code.len == CODE_HASH_BYTES; }
IS_A(object)
IS_A(propval)
IS_A(verbdef)
IS_A(history)

bool repair_is_object(struct dec d) { return is_object(d); }

/* The table of a record by what is in it; T_COUNT: it could be of several. What other tables let us derive again is not looked for. */
static enum store_table guess_table(const void *key, size_t klen, struct dec d) {
    if (klen == meta_key.len && !memcmp(key, meta_key.bytes, klen)) return T_META;
    if (klen == HISTORY_KEY) return is_history(d) ? T_HISTORY : T_COUNT;
    if (klen == 8) return are_propdefs(d) ? T_PROPDEF : is_object(d) ? T_OBJECT : T_COUNT;
    if (klen != 16) return T_COUNT;
    if (is_program(key, d)) return T_CODE;
    uint64_t first, second;
    key_parse_two(key, klen, &first, &second);
    if (object_of_key(first) < 0) return T_COUNT; /* a chunk can be all of a record */
    return is_verbdef(d) ? T_VERBDEF : is_propval(d) ? T_PROPVAL : T_COUNT;
}

static void add_stray(struct repair *r, enum store_table t, const struct stray *s) {
    struct strays *all = &r->strays[t];
    if (all->n == all->cap) all->v = xrealloc(all->v, (all->cap = all->cap ? all->cap * 2 : 64) * sizeof *all->v);
    all->v[all->n++] = *s;
}

static enum store_table table_of_lost(const struct repair *r, uint64_t page) {
    for (size_t i = 0; i < r->nlost; i++)
        if (r->lost[i].page == page) return r->lost[i].table;
    return T_COUNT;
}

/* ---- the last save's record ---- */

/* Of several the newest: it knows the highest numbers. */
static void take_meta(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why;
    struct rec_meta m;
    (void)t;
    if (!repair_open_row(r, key, klen, data, len, &d, &scratch, &why) && !rec_meta_decode(&m, &d)) {
        bool better = !r->meta_found || m.generation > r->meta.generation;
        if (better && m.max_object < OBJECT_LIMIT && m.uuid.len == 16) r->meta = m, r->meta_found = true;
    }
    buf_fini(&scratch);
}

/* ---- strays, one by one ---- */

enum { CHUNKED_FLAG = 1 };

static void on_stray(void *ctx, uint64_t page, const void *key, size_t klen, const void *data, size_t len) {
    struct repair *r = ctx;
    struct stray s = {key, data, klen, len};
    struct dec d;
    unsigned version, flags;
    const char *why;
    if (dec_envelope(data, len, key, klen, &version, &flags, &d, &why)) return;
    enum store_table t = table_of_lost(r, page);
    if (t == T_COUNT && flags & CHUNKED_FLAG) t = klen == 8 ? T_PROPDEF : klen == HISTORY_KEY ? T_HISTORY : T_PROPVAL; /* of what can be large */
    else if (t == T_COUNT) t = guess_table(key, klen, d);
    if (t == T_COUNT && klen == 16 && len > 6) t = T_BLOB; /* taken only if a record asks for it */
    if (t == T_META) take_meta(r, t, key, klen, data, len);
    else if (t != T_COUNT) add_stray(r, t, &s);
}

static int stray_order(const void *a, const void *b) {
    const struct stray *x = a, *y = b;
    int c = page_key_order(x->key, x->klen, y->key, y->klen);
    return c ? c : (x->key > y->key) - (x->key < y->key);
}

/* Of one with several versions the last in the file stays; nothing tells which is newer. */
static void sort_strays(struct strays *s) {
    size_t to = 0;
    if (s->n) qsort(s->v, s->n, sizeof *s->v, stray_order);
    for (size_t i = 0; i < s->n; i++) {
        if (to && !page_key_order(s->v[to - 1].key, s->v[to - 1].klen, s->v[i].key, s->v[i].klen)) to--;
        s->v[to++] = s->v[i];
    }
    s->n = to;
}

static void find_strays(struct repair *r) {
    size_t n = 0;
    pages_use_unused(&r->pages);
    pages_scrape(&r->pages, on_stray, r);
    for (int t = 0; t < T_COUNT; t++) {
        sort_strays(&r->strays[t]);
        if (t != T_BLOB) n += r->strays[t].n;
    }
    repair_note(r, "pages of the file's trees are damaged; outside them %zu sound records were found", n);
}

/* ---- rows ---- */

void repair_each(struct repair *r, enum store_table t, repair_row *row) {
    walk_table(r, t, row);
    for (size_t i = 0; i < r->strays[t].n; i++) row(r, t, r->strays[t].v[i].key, r->strays[t].v[i].klen, r->strays[t].v[i].data, r->strays[t].v[i].len);
}

static bool is_whole(const struct key *k, const void *data, size_t len) {
    struct dec d;
    unsigned version, flags;
    const char *why;
    return !dec_envelope(data, len, k->bytes, k->len, &version, &flags, &d, &why);
}

int repair_get(struct repair *r, enum store_table t, const struct key *k, const void **data, size_t *len) {
    if (r->there[t] && !pages_get(&r->pages, &r->tree[t], k->bytes, k->len, data, len) && is_whole(k, *data, *len)) return 0;
    struct stray want = {k->bytes, NULL, k->len, 0};
    size_t low = 0, high = r->strays[t].n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct stray *s = &r->strays[t].v[mid];
        int c = page_key_order(s->key, s->klen, want.key, want.klen);
        if (!c) return *data = s->data, *len = s->len, 0;
        if (c < 0) low = mid + 1;
        else high = mid;
    }
    return 1;
}

/* ---- */

int repair_find(struct repair *r) {
    struct buf ignored = BUF_INIT;
    struct walking w = {r, T_META, NULL};
    if (pages_open(&r->pages, r->dir, 0, &ignored)) {
        repair_note(r, "%s; the trees cannot be found, and every page is searched", buf_c(&ignored));
        if (pages_open_bare(&r->pages, r->dir, r->why)) return buf_fini(&ignored), -1;
        r->broken = true;
    }
    buf_fini(&ignored);
    struct page_walk walk = {.pages = &r->pages, .trees = true, .row = note_table, .fault = on_fault, .ctx = &w};
    pages_walk(&walk, &(struct page_part){.page = r->pages.meta.tables.root, .depth = r->pages.meta.tables.depth});
    if (walk.entries != r->pages.meta.tables.entries) r->broken = true;
    for (int t = 0; t < T_COUNT; t++) walk_table(r, (enum store_table)t, NULL);
    if (r->broken) find_strays(r);
    repair_each(r, T_META, take_meta);
    if (r->meta_found && r->meta.oldest_reader > FORMAT_VERSION) {
        buf_printf(r->why, "%s: a world of format %llu, newer than this program knows (%d); use the one that wrote it", r->dir, (unsigned long long)r->meta.format, FORMAT_VERSION);
        return -1;
    }
    return 0;
}

void repair_find_end(struct repair *r) {
    pages_close(&r->pages);
    for (int t = 0; t < T_COUNT; t++) free(r->strays[t].v);
    free(r->lost);
}
