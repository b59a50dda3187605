/* SPDX-License-Identifier: MIT */
/* A world as a whole: made, opened, closed, and what is true of all of it. */
#include "db/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dialect.h"
#include "base/strcache.h"
#include "base/files.h"
#include "base/large.h"
#include "base/memory.h"
#include "db/cache.h"
#include "db/delta.h"
#include "db/internal.h"
#include "db/history.h"
#include "db/load.h"
#include "db/readings.h"
#include "db/rowset.h"
#include "db/records.h"
#include "db/store.h"
#include "db/upgrade.h"
#include "db/usage.h"
#include "db/watch.h"

static struct db *world_new(void) {
    struct db *db = xcalloc(1, sizeof *db);
    db->bring_first = NOTHING;
    db->max = NOTHING;
    db->prop_epoch = db->verb_epoch = 1;
    db->next_layout = 1;
    db->next_prop_id = db->next_verb_id = db->next_blob = 1;
    db->no_shape = shape_new(NULL, NOTHING, NULL, 0);
    db->codes = code_table_new();
    db->dialect = db->own_dialect = dialect_by_name("toast");
    db->encoding = ENC_UTF8;
    db->format = FORMAT_VERSION;
    db->usage = xcalloc(1, sizeof *db->usage);
    db->watch = watch_new();
    db->history = xcalloc(1, sizeof *db->history);
    db->history_limits = (struct db_history_limits){HISTORY_VERSIONS, (int64_t)HISTORY_DAYS * 86400 * 1000000};
    db->pid_file = -1;
    object_table_grow(db, 0);
    return db;
}

struct db *db_world_in_memory(void) { return world_new(); }

/* ---- one process a world ---- */

/* Who holds the lock. The system does not tell the number of a process that cannot be seen from here; the file has the one that it has for itself. */
static void say_who(int fd, const char *dir, struct buf *why) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[32] = "";
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_pid > 0) {
        buf_printf(why, "%s: in use by process %ld; stop that first", dir, (long)lock.l_pid);
        return;
    }
    if (pread(fd, text, sizeof text - 1, 0) < 0) text[0] = 0;
    buf_printf(why, "%s: in use by a process of another container, where its number is %ld; stop that first", dir, strtol(text, NULL, 10));
}

/* A write lock on WORLD/pid, held while the world is open. The system drops it with the process, however that ends. */
int db_world_lock(const char *dir, struct buf *why) {
    struct buf path = BUF_INIT;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    buf_printf(&path, "%s/pid", dir);
    int fd = open(buf_c(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -1 : fcntl(fd, F_SETLK, &lock);
    if (rc < 0 && fd >= 0 && (errno == EACCES || errno == EAGAIN)) {
        say_who(fd, dir, why);
    } else if (rc < 0) {
        buf_printf(why, "%s: cannot lock the world: %s", buf_c(&path), strerror(errno));
    } else {
        char text[32];
        int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        if (ftruncate(fd, 0) || write(fd, text, (size_t)n) != n) (void)0; /* only for people to read */
    }
    buf_fini(&path);
    if (rc < 0 && fd >= 0) close(fd);
    return rc < 0 ? -1 : fd;
}

int db_world_lock_descriptor(const struct db *db) { return db->pid_file; }

int db_world_keep_lock(struct db *db) {
    int fd = db->pid_file;
    if (fd >= 0) (void)fcntl(fd, F_SETFD, 0);
    db->pid_file = -1;
    return fd;
}

/* Before Linux 5.11 a process that had threads lost its locks when it executed another program; else this changes nothing. */
static int lock_again(int fd, const char *dir, struct buf *why) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) == 0) return 0;
    if (errno == EACCES || errno == EAGAIN) say_who(fd, dir, why);
    else buf_printf(why, "%s: descriptor %d does not hold the world's lock: %s", dir, fd, strerror(errno));
    return -1;
}

/* The world is locked, by this or with the descriptor in `inherited'. */
static int open_world(struct db **out, const char *dir, const struct store_options *so, int inherited, struct buf *why) {
    struct db *db = world_new();
    *out = NULL;
    db->dir = xstrdup(dir);
    db->read_only = so->read_only;
    if (!so->read_only && !inherited) db->pid_file = db_world_lock(dir, why);
    if ((!so->read_only && !inherited && db->pid_file < 0) || (inherited && lock_again(inherited, dir, why)) || store_open(&db->store, dir, so, why)) {
        db_world_close(db);
        return -1;
    }
    db->rows = rowset_new();
    db->strings = str_cache_new();
    db->players_cold = true;
    *out = db;
    return 0;
}

/* What a failed creation left. */
static void remove_files(const char *dir) {
    static const char *const names[] = {"data.mdb", "lock.mdb", "pid"};
    struct buf path = BUF_INIT;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        buf_clear(&path);
        buf_printf(&path, "%s/%s", dir, names[i]);
        unlink(buf_c(&path));
    }
    buf_fini(&path);
    rmdir(dir);
}

/* LMDB syncs what it writes, but not the names of its files: a power cut could take a new world's. */
static int sync_names(const char *dir, struct buf *why) {
    int rc = files_sync(dir) || files_sync_parent(dir);
    if (rc) buf_printf(why, "%s: cannot sync the new directory: %s", dir, strerror(errno));
    return rc ? -1 : 0;
}

int db_world_create(struct db **out, const char *dir, struct buf *why) {
    *out = NULL;
    if (mkdir(dir, 0700) && (errno != EEXIST || rmdir(dir) || mkdir(dir, 0700))) { /* an empty directory will do */
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) buf_printf(why, "%s: exists already; name another or move it away", dir);
        else buf_printf(why, "%s: cannot make the world's directory: %s", dir, strerror(errno));
        return -1;
    }
    struct store_options so = {.create = true};
    if (open_world(out, dir, &so, 0, why)) {
        remove_files(dir);
        return -1;
    }
    struct db *db = *out;
    if (getrandom(db->uuid, sizeof db->uuid, 0) != (ssize_t)sizeof db->uuid) must(!"random bytes");
    db->changed = true;
    if (!db_save(db, NULL, 0, NULL, why) && !sync_names(dir, why)) return 0;
    db_world_close(db);
    *out = NULL;
    remove_files(dir);
    return -1;
}

void db_keep_deltas(struct db *db) {
    if (!db->deltas && !db->no_deltas) db->deltas = delta_log_new(db->dir, db->store);
}

int db_world_open(struct db **out, const char *dir, const struct db_options *options, struct buf *why) {
    static const struct db_options defaults;
    if (!options) options = &defaults;
    *out = NULL;
    if (!files_is_directory(dir)) {
        buf_printf(why, "%s: no such world", dir);
        return -1;
    }
    struct store_options so = {.read_only = options->read_only, .map_size = options->map_size};
    struct db *db;
    if (open_world(&db, dir, &so, options->lock, why)) return -1;
    db->no_deltas = options->read_only || options->no_deltas;
    if (load_meta(db, dir, why) || upgrade_if_old(db, &so, options->upgrade, why)) {
        db_world_close(db);
        return -1;
    }
    if (options->dialect) db->dialect = dialect_by_name(options->dialect) ? dialect_by_name(options->dialect) : db->dialect;
    db->cache = cache_new(options);
    db->evict_due = options->evict_always || options->evict_entries;
    if (db->max >= 0) object_table_grow(db, db->max);
    if (options->read_only && store_read_begin(db->store)) { /* one state of the world for all that is read, whoever saves meanwhile */
        buf_add_c(why, store_error(db->store));
        db_world_close(db);
        return -1;
    }
    db_keep_deltas(db);
    if (options->lock && !fcntl(options->lock, F_SETFD, FD_CLOEXEC)) db->pid_file = options->lock;
    *out = db;
    return 0;
}

void db_world_let_go(struct db *db) {
    save_close(db);
    delta_log_free(db->deltas);
    db->deltas = NULL;
    store_close(db->store);
    db->store = NULL;
    if (db->pid_file >= 0) close(db->pid_file);
    db->pid_file = -1;
}

void db_world_close(struct db *db) {
    if (!db) return;
    db_world_let_go(db);
    rowset_free(db->rows);
    readings_free(db);
    usage_free(db->usage);
    free(db->usage);
    watch_free(db->watch);
    history_free(db->history);
    if (db->history_option) str_unref(db->history_option);
    free(db->history);
    free(db->dir);
    for (size_t i = 0; i < db->cap; i++) {
        struct object *o = db->objects[i];
        if (o) db->objects[i] = NULL;
        if ((uintptr_t)o > 1) object_free(db, o);
    }
    cache_free(db->cache);
    str_cache_free(db->strings);
    verb_table_free(db);
    owned_free(db);
    links_free(db->players);
    free_cool(db);
    memory_pages(db->objects, db->cap * sizeof *db->objects, 0);
    large_free(db->dirty, db->dirty_cap * sizeof *db->dirty);
    shape_unref(db->no_shape);
    code_table_free(db->codes);
    free(db);
}

const struct dialect *db_dialect(struct db *db) { return db->dialect; }

void db_set_dialect(struct db *db, const char *name) {
    const struct dialect *d = dialect_by_name(name);
    must(d);
    db->dialect = db->own_dialect = d;
    db->changed = db->meta_changed = true;
}

enum db_encoding db_encoding(struct db *db) { return db->encoding; }

void db_set_encoding(struct db *db, enum db_encoding e) {
    db->encoding = e;
    db->changed = db->meta_changed = true;
}

uint64_t db_generation(struct db *db) { return db->generation; }
const unsigned char *db_uuid(struct db *db) { return db->uuid; }
struct code_table *db_code_table(struct db *db) { return db->codes; }
bool db_has_changes(struct db *db) { return db->changed; }
uint64_t db_damaged(struct db *db) { return db->damaged; }
uint64_t db_delta_gap(struct db *db) { return delta_log_gap(db->deltas); }
void db_delta_new_file(struct db *db) { delta_log_begin_file(db->deltas); }
