/* SPDX-License-Identifier: MIT */
#include "db/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"

enum { HEAD = 16, NODE_HEAD = 8, PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8, NODE_OVERFLOW = 1, NODE_TREE = 2, TREE_BYTES = 48, NUMBER_KEYS = 8, MAX_KEY = 511 };
static const uint32_t META_MAGIC = 0xBEEFC0DE, META_VERSION = 1;

static uint16_t get16(const unsigned char *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get32(const unsigned char *p) { return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16; }
static uint64_t get64(const unsigned char *p) { return (uint64_t)get32(p) | (uint64_t)get32(p + 4) << 32; }

/* ---- the file and its meta pages ---- */

static void read_tree(struct page_tree *t, const unsigned char *p) {
    *t = (struct page_tree){get16(p + 4), get16(p + 6), get64(p + 8), get64(p + 16), get64(p + 24), get64(p + 32), get64(p + 40)};
}

bool pages_read_tree(struct page_tree *out, const void *data, size_t len) {
    if (len != TREE_BYTES) return false;
    read_tree(out, data);
    return true;
}

static bool sound_size(uint32_t size) { return size >= 512 && size <= 65536 && !(size & (size - 1)); }

/* NULL, or what is wrong with it. The bytes are those after the page's header. */
static const char *read_meta(struct page_meta *out, const unsigned char *m, size_t page_size) {
    if (get32(m) != META_MAGIC || get32(m + 4) != META_VERSION) return "it does not begin as a meta page does";
    if (get32(m + 24) != page_size) return "it names another page size";
    if (get64(m + 8) || get16(m + 28) != NUMBER_KEYS || get16(m + 76)) return "it names properties that no world has";
    read_tree(&out->unused, m + 24);
    read_tree(&out->tables, m + 72);
    out->last = get64(m + 120);
    out->transaction = get64(m + 128);
    return NULL;
}

/* A save may be writing one of them: until two looks agree. */
static void copy_metas(struct pages *p) {
    enum { LOOKS = 1000 };
    unsigned char before[sizeof p->metas];
    for (int i = 0; i < LOOKS; i++) {
        memcpy(before, p->metas, sizeof before);
        for (size_t m = 0; m < 2; m++) memcpy(p->metas[m], p->map + m * p->page_size, PAGES_META_BYTES);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        if (i && !memcmp(before, p->metas, sizeof before)) return;
    }
}

static int look_for_meta(struct pages *p, uint64_t transaction, struct buf *why) {
    struct page_meta found[2];
    const char *fault[2];
    copy_metas(p);
    for (size_t i = 0; i < 2; i++) fault[i] = read_meta(&found[i], p->metas[i] + HEAD, p->page_size);
    int best = -1;
    for (int i = 0; i < 2; i++)
        if (!fault[i] && (transaction ? found[i].transaction == transaction : best < 0 || found[i].transaction > found[best].transaction)) best = i;
    if (best < 0 && transaction && !fault[0] && !fault[1]) return 1;
    if (best < 0) return buf_printf(why, "data.mdb: meta page: %s", fault[0] ? fault[0] : fault[1]), -1;
    p->meta = found[best];
    return 0;
}

const char *pages_meta_fault(const struct pages *p) {
    struct page_meta m[2];
    for (size_t i = 0; i < 2; i++) {
        const unsigned char *page = p->metas[i];
        const char *fault = read_meta(&m[i], page + HEAD, p->page_size);
        if (fault) return fault;
        if (get64(page) != i || !(get16(page + 10) & PAGE_META)) return "its header is not that of a meta page";
        if (m[i].transaction % 2 != i && m[i].transaction) return "it names a transaction that writes the other one";
    }
    uint64_t a = m[0].transaction, b = m[1].transaction;
    if (a + b && a + 1 != b && b + 1 != a) return "the transactions of the two do not follow one another";
    uint64_t newest = a > b ? a : b;
    return newest == p->meta.transaction || newest == p->meta.transaction + 1 ? NULL : "neither names the state that is read";
}

static uint64_t in_file(const struct pages *p) { return p->size / p->page_size; }

static int map_file(struct pages *p, const char *dir, struct buf *why) {
    struct buf path = BUF_INIT;
    struct stat st = {.st_size = 0};
    *p = (struct pages){0};
    buf_printf(&path, "%s/data.mdb", dir);
    int fd = open(buf_c(&path), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !fstat(fd, &st) && st.st_size > 0) {
        p->size = (size_t)st.st_size;
        void *map = mmap(NULL, p->size, PROT_READ, MAP_SHARED, fd, 0);
        p->map = map == MAP_FAILED ? NULL : map;
    }
    if (!p->map) buf_printf(why, "%s: %s", buf_c(&path), fd < 0 || st.st_size > 0 ? strerror(errno) : "it is empty");
    if (fd >= 0) close(fd);
    p->page_size = p->map && p->size >= 1024 ? get32(p->map + HEAD + 24) : 0;
    if (!sound_size((uint32_t)p->page_size) || p->page_size * 2 > p->size) p->page_size = (size_t)sysconf(_SC_PAGESIZE); /* what this machine writes */
    if (p->map && p->page_size * 2 > p->size) {
        buf_printf(why, "%s: too short for a world", buf_c(&path));
        pages_close(p);
    }
    buf_fini(&path);
    return p->map ? 0 : -1;
}

static void forget_used(struct pages *p) {
    p->used = xcalloc(p->meta.last / 8 + 2, 1);
    p->used[0] = 3; /* the meta pages */
}

int pages_open(struct pages *p, const char *dir, uint64_t transaction, struct buf *why) {
    if (map_file(p, dir, why)) return -1;
    int rc = look_for_meta(p, transaction, why);
    if (rc) return pages_close(p), rc;
    if (p->meta.last >= ((uint64_t)1 << 40)) p->meta.last = in_file(p);
    forget_used(p);
    return 0;
}

int pages_open_bare(struct pages *p, const char *dir, struct buf *why) {
    if (map_file(p, dir, why)) return -1;
    p->meta = (struct page_meta){.last = in_file(p), .unused.root = PAGES_NONE, .tables.root = PAGES_NONE};
    forget_used(p);
    return 0;
}

void pages_close(struct pages *p) {
    if (p->map) munmap((void *)p->map, p->size);
    free(p->used);
    *p = (struct pages){0};
}

/* NULL: not in the file, or not part of this state. */
static const unsigned char *page_at(const struct pages *p, uint64_t page, uint64_t n) {
    if (page < 2 || page > p->meta.last || n > p->meta.last || page + n - 1 > p->meta.last) return NULL;
    return page + n <= in_file(p) ? p->map + page * p->page_size : NULL;
}

/* false: it was met before. */
static bool use_page(struct pages *p, uint64_t page) {
    unsigned char bit = (unsigned char)(1u << page % 8);
    return !(__atomic_fetch_or(&p->used[page / 8], bit, __ATOMIC_RELAXED) & bit);
}

/* ---- nodes ---- */

int page_key_order(const void *a, size_t alen, const void *b, size_t blen) {
    size_t n = alen < blen ? alen : blen;
    int c = n ? memcmp(a, b, n) : 0;
    return c ? c : (alen > blen) - (alen < blen);
}

static int key_order(const struct page_walk *w, struct page_key a, struct page_key b) {
    if (!w->numbers) return page_key_order(a.p, a.len, b.p, b.len);
    if (a.len != 8 || b.len != 8) return 0; /* refused as no number elsewhere */
    uint64_t x = get64(a.p), y = get64(b.p);
    return (x > y) - (x < y);
}

struct node {
    struct page_key key;
    unsigned flags;
    uint64_t size; /* of a leaf's data; of a branch: the page */
    const unsigned char *data;
    size_t takes; /* bytes in the page */
};

static unsigned node_count(const unsigned char *page) { return (unsigned)(get16(page + 12) - HEAD) / 2; }

/* NULL, or what is wrong with the page as a whole. */
static const char *page_fault(const struct pages *p, const unsigned char *page, uint64_t number, bool leaf) {
    unsigned lower = get16(page + 12), upper = get16(page + 14);
    if (get64(page) != number) return "its header names another page";
    if ((get16(page + 10) & ~0x10u) != (leaf ? PAGE_LEAF : PAGE_BRANCH)) return "its header says that it is of another kind";
    if (lower < HEAD + (leaf ? 2 : 4) || lower % 2 || lower > upper || upper > p->page_size) return "its header's bounds make no sense";
    return NULL;
}

/* false: it does not lie in the page. */
static bool read_node_above(const struct pages *p, const unsigned char *page, unsigned i, bool leaf, size_t least, struct node *n) {
    size_t at = get16(page + HEAD + 2 * (size_t)i);
    if (at < least || at % 2 || at + NODE_HEAD > p->page_size) return false;
    const unsigned char *q = page + at;
    size_t room = p->page_size - at - NODE_HEAD;
    n->key = (struct page_key){q + NODE_HEAD, get16(q + 6)};
    n->flags = get16(q + 4);
    n->size = get32(q);
    if (n->key.len > room || n->key.len > MAX_KEY) return false;
    n->data = q + NODE_HEAD + n->key.len;
    n->takes = NODE_HEAD + n->key.len;
    if (!leaf) {
        n->size |= (uint64_t)n->flags << 32;
    } else {
        size_t here = n->flags & NODE_OVERFLOW ? 8 : n->size;
        if (here > room - n->key.len) return false;
        n->takes += here;
    }
    n->takes += n->takes & 1;
    return true;
}

static bool read_node(const struct pages *p, const unsigned char *page, unsigned i, bool leaf, struct node *n) { return read_node_above(p, page, i, leaf, get16(page + 14), n); }

/* ---- walking ---- */

static void fault(struct page_walk *w, const struct page_part *where, const char *what) { w->fault(w->ctx, where, what); }

/* A leaf's data; NULL when it is elsewhere and damaged there. There may be more pages than it needs: a record that is written again in one transaction, shorter, keeps those that it has. */
static const unsigned char *overflow_data(const struct pages *p, const struct node *n, uint64_t *first, uint64_t *count) {
    *first = get64(n->data);
    const unsigned char *page = page_at(p, *first, 1);
    *count = page ? get32(page + 12) : 0;
    if (*count < (HEAD - 1 + n->size) / p->page_size + 1 || !page_at(p, *first, *count)) return NULL;
    return get64(page) == *first && (get16(page + 10) & ~0x10u) == PAGE_OVERFLOW ? page + HEAD : NULL;
}

static bool use_overflow(struct page_walk *w, const struct page_part *where, uint64_t first, uint64_t count) {
    w->overflows += count;
    for (uint64_t i = 0; i < count; i++)
        if (!use_page(w->pages, first + i)) return fault(w, where, "a large record of it lies on a page that something else uses"), false;
    return true;
}

static void walk_row(struct page_walk *w, const struct page_part *where, const struct node *n) {
    const unsigned char *data = n->data;
    unsigned expected = w->trees ? NODE_TREE : 0;
    w->entries++;
    if (n->flags & NODE_OVERFLOW) {
        uint64_t first, count;
        data = n->flags == NODE_OVERFLOW ? overflow_data(w->pages, n, &first, &count) : NULL;
        struct page_part row = {where->page, 1, n->key, {NULL, 0}};
        if (!data) fault(w, &row, "the pages of this large record cannot be read");
        if (!data || !use_overflow(w, where, first, count)) return;
    } else if (n->flags != expected) {
        fault(w, where, "a row in it is of a kind that no world has");
        return;
    }
    w->row(w->ctx, n->key.p, n->key.len, data, (size_t)n->size);
}

static void walk_leaf(struct page_walk *w, const struct page_part *at, const unsigned char *page) {
    struct page_key last = {NULL, 0};
    size_t bytes = 0;
    bool ordered = true, whole = true;
    w->leaves++;
    for (unsigned i = 0; i < node_count(page); i++) {
        struct node n;
        if (!read_node(w->pages, page, i, true, &n)) {
            whole = false;
            continue;
        }
        bytes += n.takes;
        if ((last.p && key_order(w, last, n.key) >= 0) || (at->from.p && key_order(w, n.key, at->from) < 0) || (at->to.p && key_order(w, n.key, at->to) >= 0)) ordered = false;
        last = n.key;
        walk_row(w, at, &n);
    }
    if (!whole) fault(w, at, "a row does not lie within it");
    else if (bytes != w->pages->page_size - get16(page + 14)) fault(w, at, "its rows do not fill the room that it says they take");
    if (!ordered) fault(w, at, "its keys are out of order: some cannot be found");
}

static void walk(struct page_walk *w, const struct page_part *at);

static void walk_branch(struct page_walk *w, const struct page_part *at, const unsigned char *page) {
    unsigned n = node_count(page);
    size_t bytes = 0;
    bool whole = true, ordered = true;
    w->branches++;
    for (unsigned i = 0; i < n; i++) {
        struct node here, next = {.key = at->to};
        if (!read_node(w->pages, page, i, false, &here) || (i + 1 < n && !read_node(w->pages, page, i + 1, false, &next))) {
            whole = false;
            if (i + 1 < n) continue;
            break;
        }
        struct page_part below = {here.size, at->depth - 1, i ? here.key : at->from, next.key};
        bytes += here.takes;
        if (below.from.p && below.to.p && key_order(w, below.from, below.to) >= 0) ordered = false;
        walk(w, &below);
    }
    if (!whole) fault(w, at, "an entry does not lie within it");
    else if (bytes != w->pages->page_size - get16(page + 14)) fault(w, at, "its entries do not fill the room that it says they take");
    if (!ordered) fault(w, at, "its keys are out of order: some cannot be found");
}

static void walk(struct page_walk *w, const struct page_part *at) {
    if (at->depth == w->stop) {
        w->part(w->ctx, at);
        return;
    }
    const unsigned char *page = page_at(w->pages, at->page, 1);
    const char *what = page ? page_fault(w->pages, page, at->page, at->depth == 1) : "it is not in the file";
    if (!what && !use_page(w->pages, at->page)) what = "something else uses it too";
    if (what) fault(w, at, what);
    else if (at->depth == 1) walk_leaf(w, at, page);
    else walk_branch(w, at, page);
}

void pages_walk(struct page_walk *w, const struct page_part *from) {
    if (from->page == PAGES_NONE && !from->depth) return;
    if (!from->depth || from->depth > PAGES_MAX_DEPTH) fault(w, from, "the tree has an impossible depth");
    else walk(w, from);
}

void pages_walk_sample(struct page_walk *w, const struct page_part *from, uint64_t (*random)(void *ctx)) {
    struct page_part at = *from;
    if (!at.depth || at.depth > PAGES_MAX_DEPTH) {
        pages_walk(w, from);
        return;
    }
    for (; at.depth > 1; at.depth--) {
        const unsigned char *page = page_at(w->pages, at.page, 1);
        const char *what = page ? page_fault(w->pages, page, at.page, false) : "it is not in the file";
        struct node here, next = {.key = at.to};
        unsigned n = what ? 0 : node_count(page), i = n ? (unsigned)(random(w->ctx) % n) : 0;
        if (!what && (!read_node(w->pages, page, i, false, &here) || (i + 1 < n && !read_node(w->pages, page, i + 1, false, &next)))) what = "an entry does not lie within it";
        if (what) {
            fault(w, &at, what);
            return;
        }
        at = (struct page_part){here.size, at.depth, i ? here.key : at.from, next.key};
    }
    if (at.page > w->pages->meta.last || !(w->pages->used[at.page / 8] >> at.page % 8 & 1)) walk(w, &at);
}

/* ---- one row ---- */

/* The last entry whose key is not above; the first has none to look at in a branch. -1: damaged. */
static int find_in_page(const struct pages *p, const unsigned char *page, bool leaf, struct page_key key, struct node *n) {
    int low = leaf ? 0 : 1, high = (int)node_count(page) - 1, found = leaf ? -2 : 0;
    while (low <= high) {
        int mid = (low + high) / 2;
        if (!read_node(p, page, (unsigned)mid, leaf, n)) return -1;
        if (page_key_order(n->key.p, n->key.len, key.p, key.len) <= 0) found = mid, low = mid + 1;
        else high = mid - 1;
    }
    if (found >= 0 && !read_node(p, page, (unsigned)found, leaf, n)) return -1;
    return found;
}

int pages_get(const struct pages *p, const struct page_tree *t, const void *key, size_t klen, const void **data, size_t *len) {
    uint64_t at = t->root, first, count;
    struct page_key k = {key, klen};
    if (!t->depth) return 1;
    for (unsigned depth = t->depth; depth <= PAGES_MAX_DEPTH && depth; depth--) {
        const unsigned char *page = page_at(p, at, 1);
        struct node n;
        if (!page || page_fault(p, page, at, depth == 1)) return -1;
        int found = find_in_page(p, page, depth == 1, k, &n);
        if (found == -1) return -1;
        if (depth > 1) {
            at = n.size;
            continue;
        }
        if (found < 0 || page_key_order(n.key.p, n.key.len, key, klen)) return 1;
        *data = n.flags & NODE_OVERFLOW ? overflow_data(p, &n, &first, &count) : n.data;
        *len = (size_t)n.size;
        return *data ? 0 : -1;
    }
    return -1;
}

/* ---- the free list ---- */

struct unused_row {
    const void *key, *data;
    size_t klen, len;
};
struct unused {
    struct page_walk *w;
    unsigned char *listed;
    struct unused_row *rows;
    size_t n, cap;
};

static void note_unused(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct unused *u = ctx;
    if (u->n == u->cap) u->rows = xrealloc(u->rows, (u->cap = u->cap ? u->cap * 2 : 64) * sizeof *u->rows);
    u->rows[u->n++] = (struct unused_row){key, data, klen, len};
}

static const char *unused_page_fault(const struct unused *u, uint64_t page, uint64_t above) {
    const struct pages *p = u->w->pages;
    unsigned char bit = (unsigned char)(1u << page % 8);
    if (page < 2 || page >= above) return "it names pages that are out of order or beyond the last one";
    if (p->used[page / 8] & bit) return "it names a page that is in use: what is written next could go over it";
    return u->listed[page / 8] & bit ? "it names a page twice" : NULL;
}

/* One transaction's: how many, and the pages from the highest down. */
static void check_unused_row(struct unused *u, const struct unused_row *row) {
    struct pages *p = u->w->pages;
    const unsigned char *q = row->data;
    struct page_part where = {0, 1, {NULL, 0}, {NULL, 0}};
    uint64_t n = row->len >= 8 ? get64(q) : 0, above = p->meta.last + 1;
    if (row->klen != 8 || get64(row->key) > p->meta.transaction || row->len % 8 || row->len / 8 != n + 1) {
        fault(u->w, &where, "a record of it makes no sense");
        return;
    }
    for (uint64_t i = 1; i <= n; i++, above = where.page) {
        where.page = get64(q + 8 * i);
        const char *what = unused_page_fault(u, where.page, above);
        if (what) fault(u->w, &where, what);
        if (where.page < 2 || where.page > p->meta.last) return;
        u->listed[where.page / 8] |= (unsigned char)(1u << where.page % 8);
    }
}

static void no_fault(void *ctx, const struct page_part *where, const char *what) { (void)ctx, (void)where, (void)what; }

static void unused_fault(void *ctx, const struct page_part *where, const char *what) { fault(((struct unused *)ctx)->w, where, what); }

void pages_check_unused(struct page_walk *w, uint64_t *lost) {
    struct pages *p = w->pages;
    struct unused u = {.w = w, .listed = xcalloc(p->meta.last / 8 + 2, 1)};
    struct page_walk tree = *w;
    struct page_part from = {p->meta.unused.root, p->meta.unused.depth, {NULL, 0}, {NULL, 0}};
    tree.numbers = true;
    tree.row = note_unused;
    tree.ctx = &u;
    tree.fault = unused_fault;
    pages_walk(&tree, &from);
    w->branches = tree.branches, w->leaves = tree.leaves, w->overflows = tree.overflows, w->entries = tree.entries;
    for (size_t i = 0; i < u.n; i++) check_unused_row(&u, &u.rows[i]); /* only now are its own pages known to be in use */
    *lost = 0;
    for (uint64_t page = 2; page <= p->meta.last; page++) *lost += !((p->used[page / 8] | u.listed[page / 8]) >> page % 8 & 1);
    free(u.listed);
    free(u.rows);
}

void pages_use_unused(struct pages *p) {
    struct page_walk none = {.pages = p};
    struct unused u = {.w = &none};
    struct page_walk tree = {.pages = p, .numbers = true, .row = note_unused, .fault = no_fault, .ctx = &u};
    pages_walk(&tree, &(struct page_part){.page = p->meta.unused.root, .depth = p->meta.unused.depth});
    for (size_t i = 0; i < u.n; i++)
        for (size_t at = 8; at + 8 <= u.rows[i].len; at += 8) {
            uint64_t page = get64((const unsigned char *)u.rows[i].data + at);
            if (page >= 2 && page <= p->meta.last) use_page(p, page);
        }
    free(u.rows);
}

/* ---- leaves wherever they are ---- */

static void scrape_page(const struct pages *p, uint64_t number, scrape_row *row, void *ctx) {
    const unsigned char *page = p->map + number * p->page_size;
    struct node n;
    uint64_t first, count;
    bool leaf = !page_fault(p, page, number, true);
    if (!leaf && !page_fault(p, page, number, false)) return; /* a branch */
    unsigned entries = leaf ? node_count(page) : (unsigned)(p->page_size - HEAD) / 2;
    for (unsigned i = 0; i < entries; i++) {
        if (!read_node_above(p, page, i, true, leaf ? get16(page + 14) : HEAD, &n) || n.flags & ~(unsigned)NODE_OVERFLOW) continue;
        const unsigned char *data = n.flags ? overflow_data(p, &n, &first, &count) : n.data;
        if (data) row(ctx, number, n.key.p, n.key.len, data, (size_t)n.size);
    }
}

void pages_scrape(const struct pages *p, scrape_row *row, void *ctx) {
    for (uint64_t number = 2; number < in_file(p); number++)
        if (number > p->meta.last || !(p->used[number / 8] >> number % 8 & 1)) scrape_page(p, number, row, ctx);
}
