/* SPDX-License-Identifier: MIT */
/* Equal programs are kept once: a hash table of SHA-256 prefixes, chained through struct code. */
#include "db/code.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/must.h"
#include "db/internal.h"

struct code_table {
    struct code **buckets;
    size_t mask, n;
};

/* A code knows its table only through its neighbours, so the table is found again by this. */
struct table_code {
    struct code code;
    struct code_table *table;
};

static void (*release_program)(void *program);

void code_set_release(void (*release)(void *program)) { release_program = release; }

struct code_table *code_table_new(void) {
    struct code_table *t = xcalloc(1, sizeof *t);
    t->mask = 255;
    t->buckets = xcalloc(t->mask + 1, sizeof *t->buckets);
    return t;
}

void code_table_free(struct code_table *t) {
    if (!t) return;
    for (size_t i = 0; i <= t->mask; i++) /* those that somebody still holds live on without a table */
        for (struct code *c = t->buckets[i]; c; c = c->next) ((struct table_code *)c)->table = NULL;
    free(t->buckets);
    free(t);
}

static size_t bucket_of(const struct code_table *t, const uint8_t *hash) {
    uint64_t h;
    memcpy(&h, hash, sizeof h);
    return (size_t)h & t->mask;
}

struct code *code_find(struct code_table *t, const uint8_t hash[CODE_HASH_BYTES]) {
    for (struct code *c = t->buckets[bucket_of(t, hash)]; c; c = c->next)
        if (!memcmp(c->hash, hash, CODE_HASH_BYTES)) return c;
    return NULL;
}

static void table_grow(struct code_table *t) {
    struct code **old = t->buckets;
    size_t n = t->mask + 1;
    t->mask = n * 2 - 1;
    t->buckets = xcalloc(t->mask + 1, sizeof *t->buckets);
    for (size_t i = 0; i < n; i++)
        for (struct code *c = old[i], *next; c; c = next) {
            next = c->next;
            struct code **b = &t->buckets[bucket_of(t, c->hash)];
            c->next = *b;
            *b = c;
        }
    free(old);
}

void code_hash(uint8_t out[CODE_HASH_BYTES], const char *text, size_t len, int version, bool imported, int first_line) {
    struct buf b = BUF_INIT;
    enc_i64(&b, version);
    enc_u64(&b, imported);
    enc_i64(&b, first_line);
    buf_add(&b, text, len);
    unsigned char full[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)buf_c(&b), b.len, full);
    memcpy(out, full, CODE_HASH_BYTES);
    buf_fini(&b);
}

struct code *code_new(struct code_table *table, struct str *text, int version, bool imported, int first_line) {
    uint8_t hash[CODE_HASH_BYTES];
    code_hash(hash, text->data, text->len, version, imported, first_line);
    struct code *known = table ? code_find(table, hash) : NULL;
    if (known) return code_ref(known);
    struct table_code *tc = xcalloc(1, sizeof *tc);
    struct code *c = &tc->code;
    c->refs = 1;
    c->touched = 1;
    c->version = (int16_t)version;
    c->imported = imported;
    memcpy(c->hash, hash, sizeof hash);
    c->first_line = first_line;
    c->text = str_ref(text);
    tc->table = table;
    if (table) {
        if (table->n++ > table->mask) table_grow(table);
        struct code **b = &table->buckets[bucket_of(table, hash)];
        c->next = *b;
        *b = c;
    }
    return c;
}

static void table_remove(struct code_table *t, struct code *c) {
    struct code **p = &t->buckets[bucket_of(t, c->hash)];
    while (*p != c) p = &(*p)->next;
    *p = c->next;
    t->n--;
}

void code_drop_program(struct code *c) {
    if (!c->program) return;
    must(release_program);
    release_program(c->program);
    c->program = NULL;
}

void code_unref(struct code *c) {
    if (!c || --c->refs) return;
    struct table_code *tc = (struct table_code *)c;
    if (tc->table) table_remove(tc->table, c);
    code_drop_program(c);
    str_unref(c->text);
    free(tc);
}
