/* SPDX-License-Identifier: MIT */
/*
 * LMDB 0.9.24 behind db/store.h. Default sync; no DUPSORT, no nested transactions, no resize by MDB_CURRENT; a large sparse map that is grown when full; after
 * MDB_PANIC the environment is closed and opened again. MDB_NOTLS, so that a read handle is not bound to its thread.
 *
 * Two handles share the environment. `reading' is held by the reader from its first begin to its last end, and by the writer while it resizes the map or opens the
 * environment anew: neither is allowed under an open transaction. So only such a repair can ever make one of them wait for the other.
 */
#include "db/store_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "db/mapguard.h"

_Static_assert(sizeof(void *) == 8, "the map needs a 64-bit address space");

enum { MAX_READERS = 126, FORGET_PIECE = 8 << 20, READ_ATTEMPTS = 100, READ_WAIT_MS = 20, CURSOR_BYTES = 4096 };
#define MAP_FIRST ((size_t)1 << 40) /* address space, not memory; less where a limit forbids it */
#define MAP_LEAST ((size_t)1 << 32)

static const char *const table_names[] = {
#define TABLE(id, name, key, doc) [T_##id] = name,
#include "db/tables.def"
#undef TABLE
};

const char *store_table_name(enum store_table t) { return table_names[t]; }
const char *store_error(const struct store *s) { return buf_c(&s->error); }
uint64_t store_puts(const struct store *s) { return s->shared->puts; }
uint64_t store_put_bytes(const struct store *s) { return s->shared->put_bytes; }
uint64_t store_changes(const struct store *s) { return s->shared->changes; }
uint64_t store_digest(const struct store *s, enum store_table t) { return s->shared->digest[t]; }
bool store_forgot_digests(const struct store *s) { return s->shared->anew; }

void store_set_digest(struct store *s, enum store_table t, uint64_t digest) {
    s->shared->digest[t] = s->shared->digest_before[t] = digest;
    s->shared->anew = false;
}

struct store *store_writer(struct store *s) { return &s->shared->writer; }

void store_set_sink(struct store *s, const struct store_sink *sink) { s->shared->sink = sink ? *sink : (struct store_sink){0}; }

void store_set_fault(struct store *s, enum store_fault fault, unsigned n) {
    s->shared->fault = fault;
    s->shared->fault_in = n;
}

bool store_fault_hits(struct environment *e, enum store_fault kind) {
    if (e->fault != kind || --e->fault_in) return false;
    e->fault = FAULT_NONE;
    return true;
}

int store_fail(struct store *s, int rc, const char *what) {
    buf_clear(&s->error);
    buf_printf(&s->error, "%s: %s: %s", s->shared->dir, what, mdb_strerror(rc));
    return -1;
}

/* ---- damage ---- */

/* LMDB does not tell where its map is: it is the mapping of its file. Looked up once for each mapping, as it takes a while. */
static char *map_of(struct environment *e) {
    struct stat st;
    mdb_filehandle_t fd;
    char line[512];
    if (e->map) return e->map;
    FILE *maps = mdb_env_get_fd(e->env, &fd) || fstat(fd, &st) ? NULL : fopen("/proc/self/maps", "re");
    while (maps && !e->map && fgets(line, sizeof line, maps)) {
        unsigned long from, inode;
        if (sscanf(line, "%lx-%*x %*s %*s %*s %lu", &from, &inode) != 2 || inode != st.st_ino || !strstr(line, "/data.mdb")) continue;
        e->map = (char *)from;
    }
    if (maps) fclose(maps);
    return e->map;
}

void store_unwatch_map(struct environment *e) {
    mapguard_forget(e->guard);
    e->guard = -1;
}

/* Pages that are gone must not end who looks at them. Of one that is only read, they do: such are short-lived. */
void store_watch_map(struct environment *e) {
    mdb_filehandle_t fd;
    store_unwatch_map(e);
    if (!e->options.read_only && !mdb_env_get_fd(e->env, &fd) && map_of(e)) e->guard = mapguard_watch(e->map, e->map_size, fd);
}

/* What the library returned, but damage if pages were gone on the way. */
int store_judge(struct environment *e, int rc) {
    if (mapguard_faults(e->guard)) rc = MDB_CORRUPTED;
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_CURSOR_FULL || rc == MDB_INVALID) atomic_store(&e->damaged, true);
    return rc;
}

bool store_is_damaged(struct store *s) {
    store_judge(s->shared, 0);
    return atomic_load(&s->shared->damaged);
}

/*
 * On some damage the library's assertions fail, and it would end the process. Reading holds nothing that would be left behind, so it ends there, as any other damage. (It gives no context: one
 * place to go back to for each thread.)
 */
static _Thread_local jmp_buf *way_out;

static void on_assertion(MDB_env *env, const char *text) {
    (void)env, (void)text;
    if (way_out) longjmp(*way_out, 1);
}

static int guarded_get(struct store *s, MDB_txn *txn, MDB_dbi dbi, MDB_val *k, MDB_val *v) {
    jmp_buf here;
    if (s->writes) return mdb_get(txn, dbi, k, v);
    way_out = &here;
    int rc = setjmp(here) ? MDB_CORRUPTED : mdb_get(txn, dbi, k, v);
    way_out = NULL;
    return rc;
}

static int guarded_step(struct store *s, MDB_cursor *c, MDB_val *k, MDB_val *v, MDB_cursor_op op) {
    jmp_buf here;
    if (s->writes) return mdb_cursor_get(c, k, v, op);
    way_out = &here;
    int rc = setjmp(here) ? MDB_CORRUPTED : mdb_cursor_get(c, k, v, op);
    way_out = NULL;
    return rc;
}

/* ---- opening ---- */

static int open_tables(struct environment *e) {
    MDB_txn *txn;
    if (e->options.raw) return 0;
    int rc = mdb_txn_begin(e->env, NULL, e->options.read_only ? MDB_RDONLY : 0, &txn);
    if (rc) return rc;
    for (int t = 0; t < T_COUNT; t++) {
        rc = mdb_dbi_open(txn, table_names[t], e->options.read_only ? 0 : MDB_CREATE, &e->dbi[t]);
        e->has[t] = rc == 0;
        if (rc == MDB_NOTFOUND && e->options.read_only) rc = 0;
        if (rc) {
            mdb_txn_abort(txn);
            return rc;
        }
    }
    return mdb_txn_commit(txn);
}

static int open_env_sized(struct environment *e, size_t map) {
    int rc = mdb_env_create(&e->env);
    if (rc) return rc;
    mdb_env_set_maxdbs(e->env, T_COUNT);
    mdb_env_set_assert(e->env, on_assertion);
    mdb_env_set_maxreaders(e->env, MAX_READERS);
    mdb_env_set_mapsize(e->env, map);
    rc = mdb_env_open(e->env, e->dir, MDB_NOTLS | (e->options.read_only ? MDB_RDONLY : 0), 0600);
    if (!rc) rc = open_tables(e);
    if (rc) {
        mdb_env_close(e->env);
        e->env = NULL;
        return rc;
    }
    e->map_size = map;
    e->map = NULL;
    return 0;
}

static int note_own_slot(const char *line, void *found) {
    if (atoi(line) == getpid()) *(bool *)found = true;
    return 0;
}

/*
 * Slots that the program before this one in the same process left: it was replaced by exec, or after a crash. The library takes them for living ones, while another process has the world open;
 * but it gives back all of this process when it closes an environment that was read.
 */
static int give_back_own_slots(struct environment *e) {
    bool found = false;
    MDB_txn *txn;
    mdb_reader_list(e->env, note_own_slot, &found);
    if (!found || mdb_txn_begin(e->env, NULL, MDB_RDONLY, &txn)) return 0;
    mdb_txn_abort(txn);
    mdb_env_close(e->env);
    return open_env_sized(e, e->map_size);
}

static int open_env(struct environment *e) {
    e->anew = true;
    size_t map = e->map_size ? e->map_size : e->options.map_size ? e->options.map_size : MAP_FIRST;
    int rc = open_env_sized(e, map);
    while (rc == ENOMEM && map > MAP_LEAST) rc = open_env_sized(e, map /= 16);
    if (!rc) rc = give_back_own_slots(e);
    if (rc) return rc;
    int fd, dead;
    mdb_env_get_fd(e->env, &fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC); /* LMDB sets it on its other descriptors only */
    mdb_reader_check(e->env, &dead); /* slots of killed processes would pin old pages */
    atomic_store(&e->damaged, false);
    store_watch_map(e);
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
    struct environment *e = xcalloc(1, sizeof *e);
    e->dir = xstrdup(dir);
    e->options = *options;
    e->guard = -1;
    int rc = open_env(e);
    e->anew = false; /* who opens it reads them */
    if (!rc) {
        must(!pthread_mutex_init(&e->reading, NULL));
        e->reader.shared = e->writer.shared = e;
        e->writer.writes = true;
        *out = &e->reader;
        return 0;
    }
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH) buf_printf(why, "%s: not a world: data.mdb is no LMDB file of the version in use", dir);
    else buf_printf(why, "%s: cannot open the store: %s", dir, mdb_strerror(rc));
    free(e->dir);
    free(e);
    return -1;
}

void store_end_txn(struct store *s) {
    if (s->txn) mdb_txn_abort(s->txn);
    s->txn = NULL;
}

void store_close_env(struct environment *e) {
    store_end_txn(&e->writer);
    store_end_txn(&e->reader);
    store_unwatch_map(e);
    atomic_store(&e->closed, true);
    if (e->env) mdb_env_close(e->env);
    e->env = NULL;
}

/*
 * After an error. A write that failed may be on disk or not: what is read now is made durable before anything is written over pages that it does not use, and that the state which
 * the failed write would have made the newest does.
 */
int store_open_again(struct environment *e) {
    int rc = open_env(e);
    if (!rc && !e->options.read_only) rc = mdb_env_sync(e->env, 1);
    if (rc) store_close_env(e);
    else atomic_store(&e->closed, false);
    return rc;
}

void store_let_go(struct store *s) {
    struct environment *e = s->shared;
    pthread_mutex_lock(&e->reading);
    must(!e->reader.depth && !e->writer.txn);
    store_close_env(e);
    pthread_mutex_unlock(&e->reading);
}

void store_close(struct store *s) {
    if (!s) return;
    struct environment *e = s->shared;
    if (e->reader.depth) pthread_mutex_unlock(&e->reading);
    store_close_env(e);
    pthread_mutex_destroy(&e->reading);
    buf_fini(&e->reader.error);
    buf_fini(&e->writer.error);
    free(e->dir);
    free(e);
}

/* ---- reading ---- */

static int reader_try(struct store *s) {
    struct environment *e = s->shared;
    int rc = e->env ? 0 : store_open_again(e);
    if (!rc) rc = s->txn ? mdb_txn_renew(s->txn) : mdb_txn_begin(e->env, NULL, MDB_RDONLY, &s->txn);
    if (rc) store_end_txn(s);
    return rc;
}

/* A writer that met an error which the library cannot go on from is about to open the store anew; memory may come back. What is asked for must not look gone meanwhile. */
static int reader_begin(struct store *s) {
    int rc = reader_try(s);
    for (int i = 0; rc && i < READ_ATTEMPTS; i++) {
        pthread_mutex_unlock(&s->shared->reading);
        nanosleep(&(struct timespec){.tv_nsec = READ_WAIT_MS * 1000000L}, NULL);
        pthread_mutex_lock(&s->shared->reading);
        rc = reader_try(s);
    }
    return rc ? store_fail(s, rc, "cannot read") : 0;
}

int store_read_begin(struct store *s) {
    if (s->writes) {
        must(s->txn);
        return 0;
    }
    if (s->depth++) return 0;
    pthread_mutex_lock(&s->shared->reading);
    int rc = reader_begin(s);
    if (!rc) return 0;
    s->depth--;
    pthread_mutex_unlock(&s->shared->reading);
    return rc;
}

void store_read_end(struct store *s) {
    if (s->writes || !s->depth || --s->depth) return;
    mdb_txn_reset(s->txn); /* keeps its slot: the next begin is cheap */
    pthread_mutex_unlock(&s->shared->reading);
}

bool store_is_reading(const struct store *s) { return s->depth > 0; }

static MDB_txn *current(struct store *s) {
    must(s->txn && (s->writes || s->depth));
    return s->txn;
}

uint64_t store_read_transaction(struct store *s) { return mdb_txn_id(current(s)); }

int store_get(struct store *s, enum store_table t, const void *key, size_t klen, const void **data, size_t *len) {
    if (!s->shared->has[t]) return STORE_NOT_FOUND;
    MDB_val k = {klen, (void *)key}, v;
    int rc = store_judge(s->shared, guarded_get(s, current(s), s->shared->dbi[t], &k, &v));
    if (rc == MDB_NOTFOUND) return STORE_NOT_FOUND;
    if (rc) return store_fail(s, rc, "cannot read");
    *data = v.mv_data;
    *len = v.mv_size;
    return 0;
}

int store_scan_from(struct store *s, enum store_table t, const void *from, size_t flen, size_t plen, store_row *row, void *ctx) {
    if (!s->shared->has[t]) return 0;
    MDB_cursor *c;
    int rc = mdb_cursor_open(current(s), s->shared->dbi[t], &c);
    for (int i = 0; rc == ENOMEM && i < READ_ATTEMPTS; i++) {
        free(xmalloc(CURSOR_BYTES)); /* where it is not, it is looked for */
        rc = mdb_cursor_open(current(s), s->shared->dbi[t], &c);
    }
    if (rc) return store_fail(s, rc, "cannot read");
    MDB_val k = {flen, (void *)from}, v;
    rc = guarded_step(s, c, &k, &v, flen ? MDB_SET_RANGE : MDB_FIRST);
    while (!rc && k.mv_size >= plen && (!plen || !memcmp(k.mv_data, from, plen))) {
        if (!row(ctx, k.mv_data, k.mv_size, v.mv_data, v.mv_size)) break;
        rc = guarded_step(s, c, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(c);
    rc = store_judge(s->shared, rc);
    return rc && rc != MDB_NOTFOUND ? store_fail(s, rc, "cannot read") : 0;
}

int store_scan(struct store *s, enum store_table t, const void *prefix, size_t plen, store_row *row, void *ctx) { return store_scan_from(s, t, prefix, plen, plen, row, ctx); }

uint64_t store_count(struct store *s, enum store_table t) {
    MDB_stat st;
    if (!s->shared->has[t] || mdb_stat(current(s), s->shared->dbi[t], &st)) return 0;
    return st.ms_entries;
}

uint64_t store_table_bytes(struct store *s, enum store_table t) {
    MDB_stat st;
    if (!s->shared->has[t] || mdb_stat(current(s), s->shared->dbi[t], &st)) return 0;
    return (uint64_t)(st.ms_leaf_pages + st.ms_overflow_pages) * st.ms_psize;
}

/* The reader's, when it has no transaction open: for the map to stay where it is. */
static bool needs_lock(const struct store *s) { return !s->writes && !s->depth; }

int64_t store_disk_size(struct store *s) {
    MDB_envinfo info;
    MDB_stat st;
    struct environment *e = s->shared;
    bool lock = needs_lock(s);
    if (lock) pthread_mutex_lock(&e->reading);
    int64_t size = !e->env || mdb_env_info(e->env, &info) || mdb_env_stat(e->env, &st) ? -1 : (int64_t)(info.me_last_pgno + 1) * st.ms_psize;
    if (lock) pthread_mutex_unlock(&e->reading);
    return size;
}

int64_t store_copy_size(struct store *s) {
    MDB_stat st;
    size_t pages = 2; /* the meta pages */
    for (int t = 0; t < T_COUNT; t++)
        if (s->shared->has[t] && !mdb_stat(current(s), s->shared->dbi[t], &st)) pages += st.ms_branch_pages + st.ms_leaf_pages + st.ms_overflow_pages;
    return mdb_env_stat(s->shared->env, &st) ? -1 : (int64_t)(pages * st.ms_psize);
}

int store_copy(struct store *s, const char *to) {
    int rc = mdb_env_copy2(s->shared->env, to, MDB_CP_COMPACT);
    if (rc == MDB_INCOMPATIBLE) { /* it counts pages, and some have leaked */
        struct buf half = BUF_INIT;
        buf_printf(&half, "%s/data.mdb", to);
        unlink(buf_c(&half));
        buf_fini(&half);
        rc = mdb_env_copy2(s->shared->env, to, 0);
    }
    return rc ? store_fail(s, rc, "cannot copy the store") : 0;
}

/* The pages stay in the system's cache; they only no longer count as this process's memory. In pieces: whoever wants memory from the system waits for each. */
static void forget_pages(struct environment *e) {
    MDB_envinfo info;
    MDB_stat st;
    if (!e->env || mdb_env_info(e->env, &info) || mdb_env_stat(e->env, &st) || !map_of(e)) return;
    size_t used = (info.me_last_pgno + 1) * st.ms_psize;
    for (size_t at = 0; at < used; at += FORGET_PIECE) madvise(e->map + at, used - at < FORGET_PIECE ? used - at : FORGET_PIECE, MADV_DONTNEED);
}

void store_forget_pages(struct store *s) {
    bool lock = needs_lock(s);
    if (lock) pthread_mutex_lock(&s->shared->reading);
    forget_pages(s->shared);
    if (lock) pthread_mutex_unlock(&s->shared->reading);
}
