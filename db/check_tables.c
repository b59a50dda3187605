/* SPDX-License-Identifier: MIT */
/* Every page and record of tables: trees are cut into parts of some thousand rows, which the threads take one after the other. */
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "db/check.h"

typedef long long ll;
typedef unsigned long long ull;

enum { MOST_FAULTS = 1000, SMALL_WORLD = 200 }; /* faults of one part that are put in words; leaves of a world that is looked at whole at each start */

void check_fault(struct check_worker *w, const char *format, ...) {
    va_list ap;
    if (w->nfaults++ >= MOST_FAULTS) return;
    va_start(ap, format);
    buf_vprintf(w->faults, format, ap);
    va_end(ap);
    buf_byte(w->faults, 0);
}

/* ---- names ---- */

static void property_text(const struct check *c, objid o, uint64_t id, struct buf *out) {
    const struct check_prop *p = check_prop_by_id(c, id);
    if (p) buf_printf(out, "property #%lld.%.*s", (ll)o, (int)p->name_len, c->props.names.data + p->name);
    else buf_printf(out, "property #%lld (id %llu)", (ll)o, (ull)id);
}

static void history_text(const struct check *c, enum history_kind kind, objid o, uint64_t id, struct buf *out) {
    buf_add_c(out, "history of ");
    if (kind == HISTORY_PROPERTY) property_text(c, o, id, out);
    else buf_printf(out, "verb of #%lld (id %llu)", (ll)o, (ull)id);
}

static void hex(struct buf *out, const void *p, size_t n) {
    for (size_t i = 0; i < n && i < 40; i++) buf_printf(out, "%02x", ((const unsigned char *)p)[i]);
}

void check_key_text(const struct check *c, enum store_table t, const void *key, size_t klen, struct buf *out) {
    uint64_t a = 0, b = 0;
    int64_t time;
    enum history_kind kind;
    bool one = klen == 8 && key_parse_one(key, klen, &a), two = klen == 16 && key_parse_two(key, klen, &a, &b);
    ll o = object_of_key(a), p = object_of_key(b);
    if (t == T_OBJECT && one) buf_printf(out, "object #%lld", o);
    else if (t == T_PROPDEF && one) buf_printf(out, "property definitions of #%lld", o);
    else if (t == T_FREE && one) buf_printf(out, "free number #%lld", o);
    else if (t == T_PROPVAL && two) property_text(c, o, b, out);
    else if (t == T_VERBDEF && two) buf_printf(out, "verb of #%lld (id %llu)", o, (ull)b);
    else if ((t == T_CHILDREN || t == T_CONTENTS) && two) buf_printf(out, "%s of #%lld (place %llu)", store_table_name(t), o, (ull)b);
    else if (t == T_OWNED && two) buf_printf(out, "owned objects of #%lld: #%lld", o, p);
    else if (t == T_BLOB && two) buf_printf(out, "large value %llu, part %llu", (ull)a, (ull)b);
    else if (t == T_HISTORY && key_parse_history(key, klen, &kind, &a, &b, &time)) history_text(c, kind, object_of_key(a), b, out);
    else if (t == T_USAGE && one) buf_printf(out, "usage of #%lld", o);
    else if (one) buf_printf(out, "%s %llu", store_table_name(t), (ull)a);
    else if (t == T_META) buf_printf(out, "meta record");
    else buf_printf(out, t == T_CODE ? "program " : "%s ", store_table_name(t)), hex(out, key, klen);
}

/* ---- rows ---- */

static int chunk_of_pages(void *source, const struct key *k, const void **data, size_t *len) {
    struct check_worker *w = source;
    w->chunks_used += store_row_hash(k->bytes, k->len, NULL, 0);
    return pages_get(&w->c->pages, &w->c->tables[T_BLOB].tree, k->bytes, k->len, data, len);
}

/* links: what it says, too, and not only whether it is whole. */
static void open_row(struct check_worker *w, const void *key, size_t klen, const void *data, size_t len, bool links) {
    struct dec d;
    const char *why = NULL;
    if (!record_open_from(chunk_of_pages, w, key, klen, data, len, &d, &w->scratch, &why)) {
        if (links) check_row(w, w->table, key, klen, &d);
        return;
    }
    struct buf name = BUF_INIT;
    check_key_text(w->c, w->table, key, klen, &name);
    check_fault(w, "%s: %s", buf_c(&name), why);
    buf_fini(&name);
}

static void read_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    struct check_table *t = &w->tables[w->table];
    t->digest_found += store_row_hash(key, klen, data, len);
    t->rows_found++;
    if (w->table == T_BLOB) w->chunks_there += store_row_hash(key, klen, NULL, 0);
    open_row(w, key, klen, data, len, true);
}

static void page_fault(void *ctx, const struct page_part *where, const char *what) {
    struct check_worker *w = ctx;
    struct buf text = BUF_INIT;
    buf_printf(&text, "table %s: page %llu of data.mdb cannot be read: %s", store_table_name(w->table), (ull)where->page, what);
    if (where->from.p || where->to.p) buf_add_c(&text, "; it holds what is");
    if (where->from.p) buf_add_c(&text, " from "), check_key_text(w->c, w->table, where->from.p, where->from.len, &text);
    if (where->to.p) buf_add_c(&text, " up to "), check_key_text(w->c, w->table, where->to.p, where->to.len, &text);
    check_fault(w, "%s", buf_c(&text));
    buf_fini(&text);
}

/* ---- parts ---- */

struct part {
    struct page_part where;
    enum store_table table;
    struct buf faults;
    uint64_t nfaults;
};

struct plan {
    struct check *c;
    struct check_worker *planner;
    struct part *parts;
    size_t n, cap, next;
    pthread_mutex_t lock; /* of next, and of the progress */
};

static void add_part(void *ctx, const struct page_part *where) {
    struct plan *p = ctx;
    if (p->n == p->cap) p->parts = xrealloc(p->parts, (p->cap = p->cap ? p->cap * 2 : 256) * sizeof *p->parts);
    p->parts[p->n++] = (struct part){.where = *where, .table = p->planner->table, .faults = BUF_INIT};
}

static void plan_fault(void *ctx, const struct page_part *where, const char *what) { page_fault(((struct plan *)ctx)->planner, where, what); }

static void count_pages(struct check_worker *w, const struct page_walk *walk) {
    struct check_table *t = &w->tables[w->table];
    t->branches += walk->branches;
    t->leaves += walk->leaves;
    t->overflows += walk->overflows;
}

/* A part is a page of the lowest branches with its leaves. */
static void plan_table(struct plan *p, enum store_table t) {
    const struct page_tree *tree = &p->c->tables[t].tree;
    struct page_walk walk = {.pages = &p->c->pages, .stop = tree->depth < 2 ? 1 : 2, .fault = plan_fault, .part = add_part, .ctx = p};
    p->planner->table = t;
    if (p->c->tables[t].there) pages_walk(&walk, &(struct page_part){.page = tree->root, .depth = tree->depth});
    count_pages(p->planner, &walk);
}

static struct part *next_part(struct plan *p, uint64_t rows_done) {
    struct check *c = p->c;
    pthread_mutex_lock(&p->lock);
    struct part *part = p->next < p->n ? &p->parts[p->next++] : NULL;
    c->rows_done += rows_done;
    if (c->progress && rows_done) c->progress(c->ctx, (double)c->rows_done / (double)(c->rows_all + 1));
    pthread_mutex_unlock(&p->lock);
    return part;
}

static void read_part(struct check_worker *w, struct part *part, uint64_t *rows) {
    struct page_walk walk = {.pages = &w->c->pages, .row = read_row, .fault = page_fault, .ctx = w};
    w->table = part->table;
    w->faults = &part->faults;
    w->nfaults = 0;
    pages_walk(&walk, &part->where);
    part->nfaults = w->nfaults;
    *rows = walk.entries;
    count_pages(w, &walk);
}

struct thread {
    struct plan *plan;
    struct check_worker *w;
    pthread_t id;
};

static void *work(void *arg) {
    struct thread *t = arg;
    int ms = t->plan->c->pause_ms;
    uint64_t rows = 0;
    for (struct part *part; (part = next_part(t->plan, rows));) {
        read_part(t->w, part, &rows);
        if (ms) nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
    }
    return NULL;
}

/* ---- together again ---- */

static void add_props(struct check_props *to, struct check_props *from) {
    to->v = xrealloc(to->v, (to->n + from->n + 1) * sizeof *to->v);
    for (size_t i = 0; i < from->n; i++) {
        to->v[to->n] = from->v[i];
        to->v[to->n++].name += to->names.len;
    }
    if (from->names.len) buf_add(&to->names, from->names.data, from->names.len);
    free(from->v);
    buf_fini(&from->names);
}

static void add_codes(struct check_codes *to, struct check_codes *from) {
    to->v = xrealloc(to->v, (to->n + from->n + 1) * sizeof *to->v);
    if (from->n) memcpy(to->v + to->n, from->v, from->n * sizeof *to->v);
    to->n += from->n;
    free(from->v);
}

static struct check_worker *worker_new(struct check *c) {
    struct check_worker *w = xcalloc(1, sizeof *w);
    w->c = c;
    for (size_t i = 0; i < sizeof w->inherited / sizeof *w->inherited; i++) w->inherited[i].parent = NOTHING;
    return w;
}

/* What it found becomes the check's. */
static void worker_end(struct check_worker *w) {
    struct check *c = w->c;
    for (int t = 0; t < T_COUNT; t++) {
        struct check_table *to = &c->tables[t], *from = &w->tables[t];
        to->digest_found += from->digest_found;
        to->rows_found += from->rows_found;
        to->branches += from->branches;
        to->leaves += from->leaves;
        to->overflows += from->overflows;
    }
    add_props(&c->props, &w->props);
    add_codes(&c->codes, &w->codes);
    check_usage_merge(c, w);
    c->verb_refs += w->verb_refs;
    c->verbs_with_code += w->verbs_with_code;
    c->chunks_there += w->chunks_there;
    c->chunks_used += w->chunks_used;
    buf_fini(&w->scratch);
    free(w);
}

static void tell_faults(struct check *c, struct buf *lines, uint64_t n) {
    for (size_t at = 0; at < lines->len; at += strlen(lines->data + at) + 1) c->fault(c->ctx, lines->data + at);
    if (n > MOST_FAULTS) {
        struct buf more = BUF_INIT;
        buf_printf(&more, "and %llu more of this kind", (ull)n - MOST_FAULTS);
        c->fault(c->ctx, buf_c(&more));
        buf_fini(&more);
    }
    c->faults += n;
    buf_fini(lines);
}

void check_serial(struct check *c, void (*what)(struct check_worker *w)) {
    struct buf lines = BUF_INIT;
    struct check_worker *w = worker_new(c);
    w->faults = &lines;
    what(w);
    uint64_t n = w->nfaults;
    worker_end(w);
    tell_faults(c, &lines, n);
}

/* Nothing is put together before the last one has ended: they read what the check has found so far. */
static void run_threads(struct plan *p) {
    unsigned n = p->c->threads < p->n ? p->c->threads : (unsigned)p->n, workers = 0;
    struct thread *threads = xcalloc(n + 1, sizeof *threads);
    for (unsigned i = 0; i < n; i++, workers++) {
        threads[i] = (struct thread){.plan = p, .w = worker_new(p->c)};
        if (i && pthread_create(&threads[i].id, NULL, work, &threads[i])) n = i; /* fewer will do */
    }
    if (n) work(&threads[0]);
    for (unsigned i = 1; i < n; i++) pthread_join(threads[i].id, NULL);
    for (unsigned i = 0; i < workers; i++) worker_end(threads[i].w);
    free(threads);
}

/* The tree's own counts and those of the last save. */
static void compare_counts(struct check_worker *w) {
    const struct check_table *t = &w->c->tables[w->table];
    const char *name = store_table_name(w->table);
    if (t->there && (t->tree.entries != t->rows_found || t->tree.branches != t->branches || t->tree.leaves != t->leaves || t->tree.overflows != t->overflows))
        check_fault(w, "table %s: its tree should have %llu rows on %llu + %llu + %llu pages, but has %llu on %llu + %llu + %llu", name, (ull)t->tree.entries, (ull)t->tree.branches,
                    (ull)t->tree.leaves, (ull)t->tree.overflows, (ull)t->rows_found, (ull)t->branches, (ull)t->leaves, (ull)t->overflows);
    if (w->table == T_META) return;
    if (t->rows_found != t->rows) check_fault(w, "table %s: %llu records, but the last save counted %llu", name, (ull)t->rows_found, (ull)t->rows);
    else if (t->digest_found != t->digest) check_fault(w, "table %s: a record is lost or stale: the table's digest differs from the last save's", name);
}

void check_tables(struct check *c, const bool which[T_COUNT]) {
    struct buf lines = BUF_INIT;
    struct plan p = {.c = c, .planner = worker_new(c)};
    pthread_mutex_init(&p.lock, NULL);
    p.planner->faults = &lines;
    for (int t = 0; t < T_COUNT; t++)
        if (which[t]) plan_table(&p, (enum store_table)t);
    uint64_t n = p.planner->nfaults;
    worker_end(p.planner);
    run_threads(&p);
    tell_faults(c, &lines, n);
    for (size_t i = 0; i < p.n; i++) tell_faults(c, &p.parts[i].faults, p.parts[i].nfaults);
    struct check_worker *w = worker_new(c);
    w->faults = &lines;
    for (int t = 0; t < T_COUNT; t++)
        if (which[t]) w->table = (enum store_table)t, compare_counts(w);
    n = w->nfaults;
    worker_end(w);
    tell_faults(c, &lines, n);
    pthread_mutex_destroy(&p.lock);
    free(p.parts);
}

/* ---- a sample ---- */

static void sample_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    open_row(w, key, klen, data, len, w->table == T_PROPDEF); /* so that properties have names */
}

static uint64_t sample_random(void *ctx) {
    uint64_t *x = &((struct check_worker *)ctx)->random; /* xorshift64; Marsaglia, 2003 */
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return *x;
}

static void sample_table(struct check_worker *w, enum store_table t, bool whole) {
    const struct page_tree *tree = &w->c->tables[t].tree;
    struct page_walk walk = {.pages = &w->c->pages, .row = sample_row, .fault = page_fault, .ctx = w};
    struct page_part all = {.page = tree->root, .depth = tree->depth};
    w->table = t;
    if (!w->c->tables[t].there) return;
    if (whole) pages_walk(&walk, &all);
    else pages_walk_sample(&walk, &all, sample_random);
}

/* A leaf of each table, then of large ones more often; of a small world all. */
static void sample(struct check_worker *w) {
    uint64_t rows = 0, leaves = 0;
    int64_t end = clock_monotonic_us() + w->c->sample_us;
    w->random = (uint64_t)end | 1;
    for (int t = 0; t < T_COUNT; t++) {
        rows += w->c->tables[t].tree.entries;
        leaves += w->c->tables[t].tree.leaves;
    }
    for (int t = 0; t < T_COUNT; t++)
        if (t != T_PROPDEF) sample_table(w, (enum store_table)t, leaves <= SMALL_WORLD);
    for (uint64_t i = SMALL_WORLD; rows && i < leaves && !w->nfaults && clock_monotonic_us() < end; i++) {
        uint64_t at = sample_random(w) % rows;
        int t = 0;
        for (; t + 1 < T_COUNT && at >= w->c->tables[t].tree.entries; t++) at -= w->c->tables[t].tree.entries;
        if (t != T_PROPDEF) sample_table(w, (enum store_table)t, false);
    }
}

static void sample_definitions(struct check_worker *w) { sample_table(w, T_PROPDEF, w->c->tables[T_PROPDEF].tree.leaves <= SMALL_WORLD); }

void check_sample(struct check *c, int64_t microseconds) {
    c->sample_us = microseconds;
    check_serial(c, sample_definitions);
    check_props_sort(c);
    check_serial(c, sample);
}

/* ---- what is not in any tree ---- */

static void unused_fault(void *ctx, const struct page_part *where, const char *what) { check_fault(ctx, "free list of data.mdb, page %llu: %s", (ull)where->page, what); }

static void unused_pages(struct check_worker *w) {
    const struct page_tree *t = &w->c->pages.meta.unused;
    struct page_walk walk = {.pages = &w->c->pages, .fault = unused_fault, .ctx = w};
    uint64_t lost;
    pages_check_unused(&walk, &lost);
    if (walk.entries != t->entries || walk.branches != t->branches || walk.leaves != t->leaves || walk.overflows != t->overflows)
        check_fault(w, "free list of data.mdb: its tree has other counts than it says");
}

void check_unused_pages(struct check *c) { check_serial(c, unused_pages); }
