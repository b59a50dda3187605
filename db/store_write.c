/* SPDX-License-Identifier: MIT */
/* Transactions of the writing handle, each row with its part of the table's digest; and how to go on after an error in one. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/must.h"
#include "db/store_parts.h"

enum { FORGET_EVERY = 10000 }; /* rows written */

/* ---- digests ---- */

static uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9fb21c651e98df25u;
    return h ^ h >> 32;
}

static uint64_t hash_bytes(uint64_t h, const unsigned char *p, size_t n) {
    h = mix(h, n);
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        h = mix(h, w);
    }
    uint64_t w = 0;
    if (n) memcpy(&w, p, n);
    return mix(h, w);
}

uint64_t store_row_hash(const void *key, size_t klen, const void *data, size_t len) {
    return hash_bytes(hash_bytes(0x243f6a8885a308d3u, key, klen), data, len);
}

/* What is under the key now, which goes out of the table's digest. */
static int digest_forget(struct store *s, enum store_table t, MDB_val k, MDB_val *old) {
    int rc = mdb_get(s->txn, s->shared->dbi[t], &k, old);
    if (!rc) s->shared->digest[t] -= store_row_hash(k.mv_data, k.mv_size, old->mv_data, old->mv_size);
    return rc;
}

/* ---- writing ---- */

/* No transaction of the writer is open. 0: the one that the file has. When that fails the library has no map at all any more. */
static int resize_map(struct environment *e, size_t size) {
    pthread_mutex_lock(&e->reading);
    store_end_txn(&e->reader);
    store_unwatch_map(e);
    int rc = mdb_env_set_mapsize(e->env, size);
    MDB_envinfo info;
    e->map = NULL;
    if (!rc) e->map_size = size ? size : mdb_env_info(e->env, &info) ? e->map_size : info.me_mapsize;
    if (!rc) store_watch_map(e);
    if (rc) store_close_env(e), (void)store_open_again(e);
    pthread_mutex_unlock(&e->reading);
    return rc;
}

static int grow_map(struct store *s) {
    int rc = resize_map(s->shared, s->shared->map_size * 2);
    return rc ? store_fail(s, rc, "cannot make the map larger") : STORE_FULL;
}

static int reopen(struct store *s) {
    struct environment *e = s->shared;
    pthread_mutex_lock(&e->reading);
    store_close_env(e);
    int rc = store_open_again(e);
    pthread_mutex_unlock(&e->reading);
    return rc ? store_fail(s, rc, "cannot open the store again after an error") : STORE_BROKEN;
}

/* After an error inside the write transaction: ends it and says how to go on. */
static int write_failed(struct store *s, int rc, const char *what) {
    store_fail(s, store_judge(s->shared, rc), what);
    store_abort(s);
    if (rc == MDB_MAP_FULL) return grow_map(s);
    if (rc == MDB_PANIC) return reopen(s);
    return -1;
}

int store_begin(struct store *s) {
    struct environment *e = s->shared;
    must(s->writes && !s->txn);
    if (atomic_load(&e->closed)) return reopen(s);
    int rc = store_fault_hits(e, FAULT_BEGIN) ? EIO : mdb_txn_begin(e->env, NULL, 0, &s->txn);
    if (rc == MDB_MAP_RESIZED) rc = resize_map(e, 0) ? rc : mdb_txn_begin(e->env, NULL, 0, &s->txn); /* another process made the file larger than our map */
    if (rc) s->txn = NULL;
    if (rc == MDB_PANIC) return reopen(s);
    if (rc) return store_fail(s, rc, "cannot write");
    memcpy(e->digest_before, e->digest, sizeof e->digest);
    e->changes = 0;
    if (e->sink.begin) e->sink.begin(e->sink.ctx, s);
    return 0;
}

/* With its digest. What was under the key before is no longer in the digest. */
static int put(struct store *s, enum store_table t, MDB_val k, MDB_val v, unsigned flags) {
    struct environment *e = s->shared;
    MDB_val at = v; /* the library writes to it */
    int rc = store_fault_hits(e, FAULT_PUT) ? ENOSPC : mdb_put(s->txn, e->dbi[t], &k, &at, flags);
    if (rc == MDB_KEYEXIST) return STORE_EXISTS;
    if (rc) return write_failed(s, rc, "cannot write");
    e->digest[t] += store_row_hash(k.mv_data, k.mv_size, v.mv_data, v.mv_size);
    e->changes++;
    e->puts++;
    e->put_bytes += k.mv_size + v.mv_size;
    if (e->sink.put) e->sink.put(e->sink.ctx, t, k.mv_data, k.mv_size, v.mv_data, v.mv_size);
    if (e->puts % FORGET_EVERY == 0) store_forget_pages(s); /* a large save passes over many */
    return 0;
}

int store_put(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    MDB_val k = {klen, (void *)key}, v = {len, (void *)data}, old;
    int rc = digest_forget(s, t, k, &old);
    if (rc && rc != MDB_NOTFOUND) return write_failed(s, rc, "cannot write");
    if (!rc && old.mv_size == len && !memcmp(old.mv_data, data, len)) { /* so an idle world does not grow */
        s->shared->digest[t] += store_row_hash(key, klen, data, len);
        return 0;
    }
    return put(s, t, k, v, 0);
}

int store_put_new(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    return put(s, t, (MDB_val){klen, (void *)key}, (MDB_val){len, (void *)data}, MDB_NOOVERWRITE);
}

int store_delete(struct store *s, enum store_table t, const void *key, size_t klen) {
    MDB_val k = {klen, (void *)key}, old;
    int rc = digest_forget(s, t, k, &old);
    if (rc == MDB_NOTFOUND) return 0;
    struct environment *e = s->shared;
    e->changes++;
    if (!rc) rc = mdb_del(s->txn, e->dbi[t], &k, NULL);
    if (!rc && e->sink.removed) e->sink.removed(e->sink.ctx, t, key, klen);
    return rc ? write_failed(s, rc, "cannot delete") : 0;
}

static void forget_changes(struct environment *e) { memcpy(e->digest, e->digest_before, sizeof e->digest); }

/* A failed write of the page that makes a transaction the newest leaves the library refusing everything, reads as well. */
static bool refuses_all(struct environment *e) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &txn);
    if (!rc) mdb_txn_abort(txn);
    return rc == MDB_PANIC;
}

int store_commit(struct store *s) {
    int rc;
    struct environment *e = s->shared;
    if (e->sink.committing) e->sink.committing(e->sink.ctx);
    if (store_fault_hits(e, FAULT_COMMIT_KILLED)) raise(SIGKILL);
    if (store_fault_hits(e, FAULT_COMMIT)) mdb_txn_abort(s->txn), rc = EIO;
    else if (store_fault_hits(e, FAULT_COMMIT_PANIC)) mdb_txn_abort(s->txn), rc = MDB_PANIC;
    else if ((rc = store_judge(e, 0))) mdb_txn_abort(s->txn); /* what was read on the way may have been nothing */
    else rc = mdb_txn_commit(s->txn);
    s->txn = NULL;
    bool unsure = !rc && store_fault_hits(e, FAULT_COMMIT_UNSURE); /* the save is on disk, but is taken for failed, and the store is closed as after that */
    if (unsure) rc = EIO;
    if (e->sink.ended) e->sink.ended(e->sink.ctx, rc == 0);
    if (!rc) return 0;
    forget_changes(e);
    store_fail(s, rc, "cannot save");
    if (unsure) return pthread_mutex_lock(&e->reading), store_close_env(e), pthread_mutex_unlock(&e->reading), -1;
    if (rc == MDB_MAP_FULL) return grow_map(s);
    return rc == MDB_PANIC || refuses_all(e) ? reopen(s) : -1;
}

void store_abort(struct store *s) {
    if (!s->txn) return;
    store_end_txn(s);
    forget_changes(s->shared);
    if (s->shared->sink.ended) s->shared->sink.ended(s->shared->sink.ctx, false);
}
