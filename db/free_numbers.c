/* SPDX-License-Identifier: MIT */
/*
 * Numbers up to the highest that are not in use: a bitmap, which is filled from the store in portions as a search comes to them. What changed since the last save is in it from the
 * first question on, and a portion leaves out what the changed rows know better.
 */
#include <stdlib.h>
#include <string.h>

#include "db/internal.h"
#include "db/load.h"
#include "db/rowset.h"

enum { PORTION = 8192, WORD = 64 };

struct bits {
    uint64_t *v;
    size_t words;
};

struct free_numbers {
    struct bits free, read; /* read: portions that were read from the store */
    objid low; /* none is below */
};

static void bits_set(struct bits *b, uint64_t i, bool on) {
    size_t word = (size_t)(i / WORD);
    if (word >= b->words) {
        if (!on) return;
        size_t n = word + 1 + word / 2;
        b->v = xrealloc(b->v, n * sizeof *b->v);
        memset(b->v + b->words, 0, (n - b->words) * sizeof *b->v);
        b->words = n;
    }
    uint64_t bit = (uint64_t)1 << (i % WORD);
    if (on) b->v[word] |= bit;
    else b->v[word] &= ~bit;
}

/* The first in from..below-1 that is set; `below' if there is none. */
static uint64_t bits_next(const struct bits *b, uint64_t from, uint64_t below) {
    while (from < below && from / WORD < b->words) {
        uint64_t word = b->v[from / WORD] >> (from % WORD);
        if (word) {
            from += (uint64_t)__builtin_ctzll(word);
            break;
        }
        from = (from / WORD + 1) * WORD;
    }
    return from < below && from / WORD < b->words ? from : below;
}

static void set_free(struct free_numbers *f, objid o, bool on) {
    bits_set(&f->free, (uint64_t)o, on);
    if (on && o < f->low) f->low = o;
}

static struct free_numbers *free_numbers(struct db *db) {
    if (db->free_numbers) return db->free_numbers;
    struct free_numbers *f = db->free_numbers = xcalloc(1, sizeof *f);
    for (const struct row *r = NULL; (r = rowset_next(db->rows_saving, ROW_FREE, 0, r));)
        if (!r->deleted && !rowset_find(db->rows, ROW_FREE, 0, r->b)) set_free(f, r->v, true);
    for (const struct row *r = NULL; (r = rowset_next(db->rows, ROW_FREE, 0, r));)
        if (!r->deleted) set_free(f, r->v, true);
    return f;
}

void free_cool(struct db *db) {
    if (!db->free_numbers) return;
    free(db->free_numbers->free.v);
    free(db->free_numbers->read.v);
    free(db->free_numbers);
    db->free_numbers = NULL;
}

static void note_free(struct db *db, objid o) { set_free(db->free_numbers, o, true); }

static void read_portion(struct db *db, struct free_numbers *f, uint64_t portion) {
    if (!db->store || bits_next(&f->read, portion, portion + 1) == portion) return;
    load_free(db, (objid)portion * PORTION, (objid)(portion + 1) * PORTION, note_free);
    bits_set(&f->read, portion, true);
}

/* In a world in memory this is the only place where they are known. */
void free_add(struct db *db, objid o) {
    if (db->free_numbers || !db->store) set_free(free_numbers(db), o, true);
    row_put(db, ROW_FREE, 0, (uint64_t)o, o);
}

void free_remove(struct db *db, objid o) {
    if (db->free_numbers) set_free(db->free_numbers, o, false);
    row_delete(db, ROW_FREE, 0, (uint64_t)o);
}

objid db_next_free(struct db *db, objid from, objid below) {
    struct free_numbers *f = free_numbers(db);
    objid at = from > 0 ? from : 0;
    bool lowest = at <= f->low;
    if (lowest) at = f->low;
    while (at < below) {
        objid end = (at / PORTION + 1) * PORTION;
        if (end > below) end = below;
        read_portion(db, f, (uint64_t)(at / PORTION));
        at = (objid)bits_next(&f->free, (uint64_t)at, (uint64_t)end);
        if (at < end) break;
    }
    if (lowest) f->low = at;
    return at < below ? at : NOTHING;
}
