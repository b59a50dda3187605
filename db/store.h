/* SPDX-License-Identifier: MIT */
/*
 * The storage engine, behind the narrowest interface that we can live with: tables of byte strings, in key order, changed in transactions. store.c alone knows
 * LMDB.
 *
 * One environment a process at a time, not to be used across fork(), and two handles of it, each for one thread at a time. The reader's reads go through
 * store_read_begin/end pairs, which may be nested and must be short: while one is open, pages that a save freed cannot be used again. The writer has the write
 * transaction; what it reads is what it wrote. Neither sees the other's transaction, and neither waits for the other, except when the writer repairs the store.
 *
 * Functions return 0, STORE_NOT_FOUND where said so, or -1 with a line in store_error(). STORE_FULL: the map was full and has been made larger; the transaction is
 * gone, do it again. STORE_BROKEN: as STORE_FULL, after the engine had to be opened anew.
 *
 * A digest is kept per table: the sum, modulo 2^64, of a hash of every key and value. It changes with the transaction; the caller stores it (meta) and gives it back at open.
 */
#ifndef DB_STORE_H
#define DB_STORE_H

#include "base/buf.h"

enum store_table {
#define TABLE(id, name, key, doc) T_##id,
#include "db/tables.def"
#undef TABLE
    T_COUNT
};
enum { STORE_NOT_FOUND = 1, STORE_FULL = 2, STORE_BROKEN = 3, STORE_EXISTS = 4 };

struct store;
struct store_options {
    bool read_only;
    bool raw; /* only holds a state fast, for who reads the file itself (db/pages.h); with read_only */
    bool create; /* makes data.mdb; else it must be there */
    size_t map_size; /* 0: default. Tests make it small */
};

/* Faults for tests: the n-th call from now on of this kind fails once (1: the next). */
enum store_fault { FAULT_NONE, FAULT_PUT, FAULT_COMMIT, FAULT_COMMIT_PANIC, FAULT_COMMIT_KILLED, FAULT_COMMIT_UNSURE, FAULT_BEGIN };

int store_open(struct store **out, const char *dir, const struct store_options *options, struct buf *why); /* the reader */
struct store *store_writer(struct store *s); /* the other handle: for store_begin() to store_commit(), and what is read between them */
bool store_is_reading(const struct store *s); /* between store_read_begin() and store_read_end() */
bool store_is_damaged(struct store *s); /* pages of it could not be read since it was opened; any thread */
/* Closes the file, whose name may then be given to another; the next transaction of either handle opens what has it then. No transaction is open, and the other thread does nothing. */
void store_let_go(struct store *s);
void store_close(struct store *s); /* both; nobody else may use either any more */
const char *store_error(const struct store *s);
const char *store_table_name(enum store_table t);

/* Reading: the reader the newest committed state, the writer its open transaction. Results are borrowed until the transaction ends or changes. */
int store_read_begin(struct store *s);
void store_read_end(struct store *s);
uint64_t store_read_transaction(struct store *s); /* which state is being read */
int store_get(struct store *s, enum store_table t, const void *key, size_t klen, const void **data, size_t *len);
/* Rows whose key begins with the prefix, in order. row: true to go on. It must not change the table. */
typedef bool store_row(void *ctx, const void *key, size_t klen, const void *data, size_t len);
int store_scan(struct store *s, enum store_table t, const void *prefix, size_t plen, store_row *row, void *ctx);
int store_scan_from(struct store *s, enum store_table t, const void *from, size_t flen, size_t plen, store_row *row, void *ctx); /* from this key on, or the first above it, as long as keys begin with its first plen bytes */

/* Writing: the writer only. */
int store_begin(struct store *s);
int store_put(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len);
int store_put_new(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len); /* STORE_EXISTS: there is one, and it stays */
int store_delete(struct store *s, enum store_table t, const void *key, size_t klen); /* one that is not there: fine */
int store_commit(struct store *s); /* durable when it returns 0; ends the transaction in any case */
void store_abort(struct store *s);

/* Hears what each write transaction really changes, on the thread that writes. Keys and data are borrowed during the call. A member may be NULL. */
struct store_sink {
    void (*begin)(void *ctx, struct store *writer); /* a transaction is open; it may be read */
    void (*put)(void *ctx, enum store_table t, const void *key, size_t klen, const void *data, size_t len);
    void (*removed)(void *ctx, enum store_table t, const void *key, size_t klen);
    void (*committing)(void *ctx); /* nothing of it is on disk yet */
    void (*ended)(void *ctx, bool committed); /* false: it failed, or was given up */
    void *ctx;
};
void store_set_sink(struct store *s, const struct store_sink *sink); /* copied; NULL: nobody listens. While no transaction is open */

/* By either handle, and about the store as a whole; while a write transaction is open, for its thread only. */
uint64_t store_digest(const struct store *s, enum store_table t);
void store_set_digest(struct store *s, enum store_table t, uint64_t digest);
bool store_forgot_digests(const struct store *s); /* since the engine was opened anew: they are to be read again before anything is written */
uint64_t store_row_hash(const void *key, size_t klen, const void *data, size_t len);
int64_t store_disk_size(struct store *s);
/* A compact copy of the newest committed state, as data.mdb in the directory `to', which is there and has none; not synced. A page leak makes it a plain copy. */
int store_copy(struct store *s, const char *to);
int64_t store_copy_size(struct store *s); /* inside a transaction: bytes that a compact copy takes, about */
void store_forget_pages(struct store *s); /* gives back the memory that what was read takes; nothing is lost */
uint64_t store_count(struct store *s, enum store_table t);
uint64_t store_table_bytes(struct store *s, enum store_table t); /* of the pages with its records */
uint64_t store_puts(const struct store *s); /* records and bytes written since opening, for reports */
uint64_t store_put_bytes(const struct store *s);
uint64_t store_changes(const struct store *s); /* made in the write transaction so far; putting what is there already is none */
void store_set_fault(struct store *s, enum store_fault fault, unsigned n);

#endif
