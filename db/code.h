/* SPDX-License-Identifier: MIT */
/*
 * A program's text, shared by every verb and frame that has the same text and language version; kept in the store under its hash. The compiled
 * form is made by lang/ at first use, hangs here as an opaque pointer, and dies with the code or when lang drops it.
 */
#ifndef DB_CODE_H
#define DB_CODE_H

#include "base/dialect.h"
#include "base/str.h"

/* What is entered today: the keywords of dump version 4; in worlds whose language has maps, of the version that brought them. */
enum { LANGUAGE_VERSION = 4, LANGUAGE_WITH_MAPS = 7 };
static inline int language_version(const struct dialect *d) { return d->maps ? LANGUAGE_WITH_MAPS : LANGUAGE_VERSION; }
enum { CODE_HASH_BYTES = 16 };

struct code {
    uint32_t refs;
    int16_t version; /* dump version whose keywords it was written in */
    uint8_t touched; /* by code_ref(): whoever runs it holds it */
    bool imported; /* read from a dump: unknown functions become call_function(); one that does not parse is kept and raises when called */
    uint8_t hash[CODE_HASH_BYTES]; /* of version, imported, first_line and text */
    int32_t first_line; /* 1; the first line's number for forked bodies that came from a dump */
    struct str *text; /* lines joined by LF, each ended by LF */
    void *program; /* struct program of lang/, or NULL until first use */
    struct code *next; /* the table that shares equal codes */
};

/* The code with this text: a new one or the one that is already known. `owner_table' is the db's; NULL makes an unshared one. Borrows text. */
struct code_table;
struct code *code_new(struct code_table *table, struct str *text, int version, bool imported, int first_line);
void code_hash(uint8_t out[CODE_HASH_BYTES], const char *text, size_t len, int version, bool imported, int first_line);
static inline struct code *code_ref(struct code *c) {
    c->refs++;
    c->touched = 1;
    return c;
}
void code_unref(struct code *c);
void code_drop_program(struct code *c); /* it is made again at the next use. Nobody may be running it: see refs */
/* How lang/ frees a program; set once at start-up. */
void code_set_release(void (*release)(void *program));

#endif
