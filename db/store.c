/* SPDX-License-Identifier: MIT */
/*
 * LMDB 0.9.24 behind db/store.h. Default sync; no DUPSORT, no nested transactions, no resize by MDB_CURRENT; a large sparse map that is grown when full; after
 * MDB_PANIC the environment is closed and opened again. MDB_NOTLS, so that a read handle is not bound to its thread.
 */
#include "db/store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/must.h"

_Static_assert(sizeof(void *) == 8, "the map needs a 64-bit address space");

enum { MAX_READERS = 126, FORGET_EVERY = 10000 };
#define MAP_FIRST ((size_t)1 << 40) /* address space, not memory; less where a limit forbids it */
#define MAP_LEAST ((size_t)1 << 32)

struct store {
    MDB_env *env;
    MDB_dbi dbi[T_COUNT];
    bool has[T_COUNT]; /* a table of a newer format may be missing when reading */
    MDB_txn *read, *write;
    unsigned read_depth;
    char *dir;
    struct store_options options;
    size_t map_size;
    uint64_t digest[T_COUNT], digest_before[T_COUNT];
    uint64_t puts, put_bytes;
    uint64_t changes; /* in this transaction */
    enum store_fault fault;
    unsigned fault_in;
    struct buf error;
};

static const char *const table_names[] = {
#define TABLE(id, name, key, doc) [T_##id] = name,
#include "db/tables.def"
#undef TABLE
};

const char *store_table_name(enum store_table t) { return table_names[t]; }
const char *store_error(const struct store *s) { return buf_c(&s->error); }
uint64_t store_puts(const struct store *s) { return s->puts; }
uint64_t store_put_bytes(const struct store *s) { return s->put_bytes; }
uint64_t store_changes(const struct store *s) { return s->changes; }
uint64_t store_digest(const struct store *s, enum store_table t) { return s->digest[t]; }
void store_set_digest(struct store *s, enum store_table t, uint64_t digest) { s->digest[t] = digest; }

void store_set_fault(struct store *s, enum store_fault fault, unsigned n) {
    s->fault = fault;
    s->fault_in = n;
}

static bool fault_hits(struct store *s, enum store_fault kind) {
    if (s->fault != kind || --s->fault_in) return false;
    s->fault = FAULT_NONE;
    return true;
}

static int fail(struct store *s, int rc, const char *what) {
    buf_clear(&s->error);
    buf_printf(&s->error, "%s: %s: %s", s->dir, what, mdb_strerror(rc));
    return -1;
}

/* ---- opening ---- */

static int open_tables(struct store *s) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(s->env, NULL, s->options.read_only ? MDB_RDONLY : 0, &txn);
    if (rc) return rc;
    for (int t = 0; t < T_COUNT; t++) {
        rc = mdb_dbi_open(txn, table_names[t], s->options.read_only ? 0 : MDB_CREATE, &s->dbi[t]);
        s->has[t] = rc == 0;
        if (rc == MDB_NOTFOUND && s->options.read_only) rc = 0;
        if (rc) {
            mdb_txn_abort(txn);
            return rc;
        }
    }
    return mdb_txn_commit(txn);
}

static int open_env_sized(struct store *s, size_t map) {
    int rc = mdb_env_create(&s->env);
    if (rc) return rc;
    mdb_env_set_maxdbs(s->env, T_COUNT);
    mdb_env_set_maxreaders(s->env, MAX_READERS);
    mdb_env_set_mapsize(s->env, map);
    rc = mdb_env_open(s->env, s->dir, MDB_NOTLS | (s->options.read_only ? MDB_RDONLY : 0), 0600);
    if (!rc) rc = open_tables(s);
    if (rc) {
        mdb_env_close(s->env);
        s->env = NULL;
        return rc;
    }
    s->map_size = map;
    return 0;
}

static int open_env(struct store *s) {
    size_t map = s->map_size ? s->map_size : s->options.map_size ? s->options.map_size : MAP_FIRST;
    int rc = open_env_sized(s, map);
    while (rc == ENOMEM && map > MAP_LEAST) rc = open_env_sized(s, map /= 16);
    if (rc) return rc;
    int fd, dead;
    mdb_env_get_fd(s->env, &fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC); /* LMDB sets it on its other descriptors only */
    mdb_reader_check(s->env, &dead); /* slots of killed processes would pin old pages */
    return 0;
}

static bool has_data_file(const char *dir) {
    struct buf path = BUF_INIT;
    struct stat st;
    buf_printf(&path, "%s/data.mdb", dir);
    bool there = stat(buf_c(&path), &st) == 0;
    buf_fini(&path);
    return there;
}

int store_open(struct store **out, const char *dir, const struct store_options *options, struct buf *why) {
    *out = NULL;
    if (!options->create && !has_data_file(dir)) {
        buf_printf(why, "%s: not a world: there is no data.mdb in it", dir);
        return -1;
    }
    struct store *s = xcalloc(1, sizeof *s);
    s->dir = xstrdup(dir);
    s->options = *options;
    int rc = open_env(s);
    if (!rc) {
        *out = s;
        return 0;
    }
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH) buf_printf(why, "%s: not a world: data.mdb is no LMDB file of the version in use", dir);
    else buf_printf(why, "%s: cannot open the store: %s", dir, mdb_strerror(rc));
    free(s->dir);
    free(s);
    return -1;
}

static void close_env(struct store *s) {
    if (s->write) mdb_txn_abort(s->write);
    if (s->read) mdb_txn_abort(s->read);
    s->write = s->read = NULL;
    s->read_depth = 0;
    if (s->env) mdb_env_close(s->env);
    s->env = NULL;
}

void store_close(struct store *s) {
    if (!s) return;
    close_env(s);
    buf_fini(&s->error);
    free(s->dir);
    free(s);
}

/* ---- reading ---- */

int store_read_begin(struct store *s) {
    if (s->write || s->read_depth++) return 0;
    if (!s->env) return fail(s, EIO, "the store is closed after an error");
    int rc = s->read ? mdb_txn_renew(s->read) : mdb_txn_begin(s->env, NULL, MDB_RDONLY, &s->read);
    if (!rc) return 0;
    s->read_depth--;
    if (s->read) mdb_txn_abort(s->read);
    s->read = NULL;
    return fail(s, rc, "cannot read");
}

void store_read_end(struct store *s) {
    if (s->write || !s->read_depth || --s->read_depth) return;
    mdb_txn_reset(s->read); /* keeps its slot: the next begin is cheap */
}

static MDB_txn *current(struct store *s) {
    must(s->write || s->read_depth);
    return s->write ? s->write : s->read;
}

int store_get(struct store *s, enum store_table t, const void *key, size_t klen, const void **data, size_t *len) {
    if (!s->has[t]) return STORE_NOT_FOUND;
    MDB_val k = {klen, (void *)key}, v;
    int rc = mdb_get(current(s), s->dbi[t], &k, &v);
    if (rc == MDB_NOTFOUND) return STORE_NOT_FOUND;
    if (rc) return fail(s, rc, "cannot read");
    *data = v.mv_data;
    *len = v.mv_size;
    return 0;
}

int store_scan(struct store *s, enum store_table t, const void *prefix, size_t plen, store_row *row, void *ctx) {
    if (!s->has[t]) return 0;
    MDB_cursor *c;
    int rc = mdb_cursor_open(current(s), s->dbi[t], &c);
    if (rc) return fail(s, rc, "cannot read");
    MDB_val k = {plen, (void *)prefix}, v;
    rc = mdb_cursor_get(c, &k, &v, plen ? MDB_SET_RANGE : MDB_FIRST);
    while (!rc && k.mv_size >= plen && (!plen || !memcmp(k.mv_data, prefix, plen))) {
        if (!row(ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size)) break;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    return rc && rc != MDB_NOTFOUND ? fail(s, rc, "cannot read") : 0;
}

uint64_t store_count(struct store *s, enum store_table t) {
    MDB_stat st;
    if (!s->has[t] || mdb_stat(current(s), s->dbi[t], &st)) return 0;
    return st.ms_entries;
}

int64_t store_disk_size(struct store *s) {
    MDB_envinfo info;
    MDB_stat st;
    if (!s->env || mdb_env_info(s->env, &info) || mdb_env_stat(s->env, &st)) return -1;
    return (int64_t)(info.me_last_pgno + 1) * st.ms_psize;
}

/* LMDB does not tell where its map is: it is the mapping of its file. */
static void *map_of(struct store *s, size_t *size) {
    struct stat st;
    mdb_filehandle_t fd;
    char line[512];
    void *found = NULL;
    FILE *maps = mdb_env_get_fd(s->env, &fd) || fstat(fd, &st) ? NULL : fopen("/proc/self/maps", "re");
    while (maps && !found && fgets(line, sizeof line, maps)) {
        unsigned long from, to, inode;
        if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &from, &to, &inode) != 3 || inode != st.st_ino || !strstr(line, "/data.mdb")) continue;
        found = (void *)from;
        *size = to - from;
    }
    if (maps) fclose(maps);
    return found;
}

/* The pages stay in the system's cache; they only no longer count as this process's memory. */
void store_forget_pages(struct store *s) {
    size_t size = 0;
    void *map = s->env ? map_of(s, &size) : NULL;
    if (map) madvise(map, size, MADV_DONTNEED);
}

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
    int rc = mdb_get(s->write, s->dbi[t], &k, old);
    if (!rc) s->digest[t] -= store_row_hash(k.mv_data, k.mv_size, old->mv_data, old->mv_size);
    return rc;
}

/* ---- writing ---- */

/* Doubles the map; no transaction may be open. */
static int grow_map(struct store *s) {
    if (s->read) mdb_txn_abort(s->read);
    s->read = NULL;
    int rc = mdb_env_set_mapsize(s->env, s->map_size * 2);
    if (rc) return fail(s, rc, "cannot make the map larger");
    s->map_size *= 2;
    return STORE_FULL;
}

static int reopen(struct store *s) {
    close_env(s);
    int rc = open_env(s);
    if (rc) return fail(s, rc, "cannot open the store again after an error");
    return STORE_BROKEN;
}

/* After an error inside the write transaction: ends it and says how to go on. */
static int write_failed(struct store *s, int rc, const char *what) {
    fail(s, rc, what);
    store_abort(s);
    if (rc == MDB_MAP_FULL) return grow_map(s);
    if (rc == MDB_PANIC) return reopen(s);
    return -1;
}

int store_begin(struct store *s) {
    must(!s->write && !s->read_depth);
    if (!s->env) {
        int rc = reopen(s);
        if (rc != STORE_BROKEN) return rc;
    }
    int rc = fault_hits(s, FAULT_BEGIN) ? EIO : mdb_txn_begin(s->env, NULL, 0, &s->write);
    if (rc == MDB_PANIC) return s->write = NULL, reopen(s);
    if (rc == MDB_MAP_RESIZED) rc = mdb_env_set_mapsize(s->env, 0) ? rc : mdb_txn_begin(s->env, NULL, 0, &s->write);
    if (rc) return s->write = NULL, fail(s, rc, "cannot write");
    memcpy(s->digest_before, s->digest, sizeof s->digest);
    s->changes = 0;
    return 0;
}

/* With its digest. What was under the key before is no longer in the digest. */
static int put(struct store *s, enum store_table t, MDB_val k, MDB_val v, unsigned flags) {
    MDB_val at = v; /* the library writes to it */
    int rc = fault_hits(s, FAULT_PUT) ? ENOSPC : mdb_put(s->write, s->dbi[t], &k, &at, flags);
    if (rc == MDB_KEYEXIST) return STORE_EXISTS;
    if (rc) return write_failed(s, rc, "cannot write");
    s->digest[t] += store_row_hash(k.mv_data, k.mv_size, v.mv_data, v.mv_size);
    s->changes++;
    s->puts++;
    s->put_bytes += k.mv_size + v.mv_size;
    if (s->puts % FORGET_EVERY == 0) store_forget_pages(s); /* a large save passes over many */
    return 0;
}

int store_put(struct store *s, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    MDB_val k = {klen, (void *)key}, v = {len, (void *)data}, old;
    int rc = digest_forget(s, t, k, &old);
    if (rc && rc != MDB_NOTFOUND) return write_failed(s, rc, "cannot write");
    if (!rc && old.mv_size == len && !memcmp(old.mv_data, data, len)) { /* so an idle world does not grow */
        s->digest[t] += store_row_hash(key, klen, data, len);
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
    s->changes++;
    if (!rc) rc = mdb_del(s->write, s->dbi[t], &k, NULL);
    return rc ? write_failed(s, rc, "cannot delete") : 0;
}

int store_commit(struct store *s) {
    int rc;
    if (fault_hits(s, FAULT_COMMIT)) mdb_txn_abort(s->write), rc = EIO;
    else if (fault_hits(s, FAULT_COMMIT_PANIC)) mdb_txn_abort(s->write), rc = MDB_PANIC;
    else rc = mdb_txn_commit(s->write);
    s->write = NULL;
    if (!rc) return 0;
    memcpy(s->digest, s->digest_before, sizeof s->digest);
    fail(s, rc, "cannot save");
    if (rc == MDB_MAP_FULL) return grow_map(s);
    if (rc == MDB_PANIC) return reopen(s);
    return -1;
}

void store_abort(struct store *s) {
    if (!s->write) return;
    mdb_txn_abort(s->write);
    s->write = NULL;
    memcpy(s->digest, s->digest_before, sizeof s->digest);
}
