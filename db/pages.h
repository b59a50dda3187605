/* SPDX-License-Identifier: MIT */
/*
 * The pages of data.mdb, read without the library that wrote them: what check and repair stand on. Every access is held against the file, the depth of a tree is
 * bounded and each page is entered once, so that no damage makes it crash or go round. Several threads may read at once.
 *
 * The format is that of LMDB 0.9 (its data version 1) on 64-bit little-endian machines; source: the structures MDB_page, MDB_node, MDB_db and MDB_meta that its
 * documentation describes. Two meta pages take turns: transaction N writes page N % 2. A free list, itself a tree, holds the pages that may be written again.
 *
 * Who reads a file that somebody writes holds a read transaction of the library meanwhile: its pages then stay as they are.
 */
#ifndef DB_PAGES_H
#define DB_PAGES_H

#include "base/buf.h"

enum { PAGES_MAX_DEPTH = 32 };
#define PAGES_NONE UINT64_MAX /* the root of an empty tree */

struct page_tree {
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root; /* pages of each kind; rows */
};

struct page_meta {
    uint64_t transaction, last;
    struct page_tree unused, tables; /* the free list; the tree that names the others */
};

enum { PAGES_META_BYTES = 256 }; /* more than a meta page has to say */

struct pages {
    const unsigned char *map;
    size_t size, page_size;
    unsigned char metas[2][PAGES_META_BYTES]; /* the meta pages as they were at the opening: saves that follow write over them */
    struct page_meta meta;
    unsigned char *used; /* a bit for each page that was met */
};

/* Maps the file and takes the state of that transaction, or of the newest if it is 0. 0; -1 with *why; 1: that state is no longer the file's newest or last but one. */
int pages_open(struct pages *p, const char *dir, uint64_t transaction, struct buf *why);
void pages_close(struct pages *p);
/* What is wrong with the two meta pages although one of them could be used; NULL: nothing. */
const char *pages_meta_fault(const struct pages *p);

struct page_key {
    const void *p; /* NULL: no bound */
    size_t len;
};
int page_key_order(const void *a, size_t alen, const void *b, size_t blen);

/* The keys of a part of a tree: from <= key < to. */
struct page_part {
    uint64_t page;
    unsigned depth; /* 1: a leaf */
    struct page_key from, to;
};

/*
 * A walk over a tree in key order. `row' gets what is in leaves; `fault' is told of each page that cannot be what it should be, which is then passed over. Where depth is `stop', `part'
 * is called in place of going down. Pages are counted.
 */
struct page_walk {
    struct pages *pages;
    bool numbers; /* keys are 8-byte numbers of this machine: the free list */
    bool trees; /* leaves hold trees: the tree that names the others */
    unsigned stop;
    void (*row)(void *ctx, const void *key, size_t klen, const void *data, size_t len);
    void (*fault)(void *ctx, const struct page_part *where, const char *what);
    void (*part)(void *ctx, const struct page_part *part);
    void *ctx;
    uint64_t branches, leaves, overflows, entries;
};
void pages_walk(struct page_walk *w, const struct page_part *from);

/* The walk of one leaf, to which `random' chooses the way; a leaf that was met before is passed over. */
void pages_walk_sample(struct page_walk *w, const struct page_part *from, uint64_t (*random)(void *ctx));

/* The row under a key; 0, 1: there is none, -1: the way to it is damaged. */
int pages_get(const struct pages *p, const struct page_tree *t, const void *key, size_t klen, const void **data, size_t *len);
/* A tree's record, as the tree of tables has it. */
bool pages_read_tree(struct page_tree *out, const void *data, size_t len);

/*
 * Every page of the free list, against those that walks have met: the free list's own are met first. `fault' as above. `lost' is how many pages are in neither (a transaction that ran out of memory
 * leaves some: room, not records).
 */
void pages_check_unused(struct page_walk *w, uint64_t *lost);

/* The file alone, when it has no meta page that can be read: there are no trees then. */
int pages_open_bare(struct pages *p, const char *dir, struct buf *why);
void pages_use_unused(struct pages *p); /* what the free list names, as far as it can be read, counts as met from now on */

/* Leaves wherever they lie in the file, of pages that no walk has met; what is not well-formed is left out, what has a damaged header is tried all the same. */
typedef void scrape_row(void *ctx, uint64_t page, const void *key, size_t klen, const void *data, size_t len);
void pages_scrape(const struct pages *p, scrape_row *row, void *ctx);

#endif
