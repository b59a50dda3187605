/* SPDX-License-Identifier: MIT */
/* What the files of the store share: store.c opens, reads and tells damage, store_write.c writes. */
#ifndef DB_STORE_PARTS_H
#define DB_STORE_PARTS_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "db/store.h"

struct store {
    struct environment *shared;
    bool writes;
    MDB_txn *txn; /* the reader's is kept between reads, reset */
    unsigned depth; /* of store_read_begin */
    struct buf error;
};

struct environment {
    MDB_env *env; /* NULL: closed after an error, and could not be opened again */
    atomic_bool closed; /* since then, until it is wholly open: what the writer, which does not hold `reading', may ask */
    MDB_dbi dbi[T_COUNT];
    bool has[T_COUNT]; /* a table of a newer format may be missing when reading */
    char *dir;
    struct store_options options;
    size_t map_size;
    char *map; /* NULL: not looked for yet */
    atomic_int guard; /* of the map of one that is open for writing; -1 */
    atomic_bool damaged; /* since it was opened: pages that could not be read, or that the library could make nothing of */
    pthread_mutex_t reading;
    struct store reader, writer;
    /* the writer's */
    uint64_t digest[T_COUNT], digest_before[T_COUNT];
    bool anew; /* opened again after an error: what is on disk may be of before the save that failed, or after it */
    uint64_t puts, put_bytes;
    uint64_t changes; /* in this transaction */
    enum store_fault fault;
    unsigned fault_in;
    struct store_sink sink;
};

bool store_fault_hits(struct environment *e, enum store_fault kind); /* a test wants this call to fail */
int store_fail(struct store *s, int rc, const char *what); /* -1, and the words */
int store_judge(struct environment *e, int rc); /* rc, or what damage that was met makes of it */
void store_end_txn(struct store *s);
/* With `reading' held, and no transaction of either handle open. */
void store_close_env(struct environment *e);
int store_open_again(struct environment *e);
void store_unwatch_map(struct environment *e); /* around a change of the map */
void store_watch_map(struct environment *e);

#endif
