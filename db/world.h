/* SPDX-License-Identifier: MIT */
/*
 * A world on disk: opening, saving, checking. One LMDB environment a world (directory with data.mdb and lock.mdb), opened once a process, never used across
 * fork. What others hand over to be saved in the same transaction (tasks, queues, connections) goes through struct db_save_part.
 */
#ifndef DB_WORLD_H
#define DB_WORLD_H

#include "base/buf.h"
#include "db/db.h"

/* Of a world of an older format, at the opening: at once, with a backup before it; only if it cannot be saved as it is; never, and one that cannot be saved as it is is refused (db/upgrade.h). */
enum db_upgrade { DB_UPGRADE_NOW, DB_UPGRADE_LATER, DB_UPGRADE_NEVER };

struct db_options {
    bool read_only; /* the world as it was at the opening; another process may go on saving it */
    enum db_upgrade upgrade;
    bool evict_always; /* tests: drop clean objects after each access */
    unsigned evict_entries; /* tests: let the cache's clock go over so many objects at each access, however little is in use */
    size_t cache_size; /* bytes of memory to stay below by dropping what is clean (db/cache.h); 0: half of the memory that this process may have */
    const char *dialect; /* NULL: what the world says; another one is not recorded */
    int lock; /* from db_world_keep_lock() of the program before this one in the same process; taken when the opening succeeds. 0: none */
    bool no_deltas; /* saves do not log what they change, even if there is WORLD/deltas (db/delta.h) */
    size_t map_size; /* tests: of the first map; 0: the default, far larger than any world */
};

/* Text encoding of the world the dump came from: what export writes and what crypt, hashes and binary strings see. */
enum db_encoding { ENC_UTF8, ENC_LATIN1 };

/* All return 0, or -1 with one line in *why that says what, where, and what to do. */
int db_world_create(struct db **out, const char *dir, struct buf *why); /* refuses one that exists; empty, no objects */
int db_world_open(struct db **out, const char *dir, const struct db_options *options, struct buf *why);
/* No directory: a world in memory, for tests and tools. db_save() then only marks all clean. */
struct db *db_world_in_memory(void);
void db_world_close(struct db *db); /* without saving; gives up a save that is under way, ends every transaction and thread and closes the environment */
void db_world_let_go(struct db *db); /* the same, but memory stays, until db_world_close() or exec; nothing else may be done with the world */
/* Before db_world_close() in a process that goes on with the world in another program: nobody else can open it in between. The caller owns the descriptor, which stays
   open through exec; -1: there is none. */
int db_world_keep_lock(struct db *db);
int db_world_lock_descriptor(const struct db *db); /* for who can do no more than keep it open through exec; -1: there is none */

/* What keeps others from opening it for writing. A descriptor; closing it (or any other of WORLD/pid in this process) unlocks. -1 with *why: who has it. */
int db_world_lock(const char *dir, struct buf *why);

struct dialect;
const struct dialect *db_dialect(struct db *db);
void db_set_dialect(struct db *db, const char *name); /* recorded in meta at the next save */
enum db_encoding db_encoding(struct db *db);
void db_set_encoding(struct db *db, enum db_encoding e);
uint64_t db_generation(struct db *db); /* of the last save that is on disk */
const unsigned char *db_uuid(struct db *db); /* 16 bytes */
struct code_table *db_code_table(struct db *db);

/* Rows of tables that db/ stores for others without knowing what they mean. A save replaces what `put` names and deletes what `drop` names. */
enum db_table { DB_TASK, DB_QUEUE, DB_CONNECTION, DB_FOREIGN_TASK, DB_EXTRA };
struct db_saver; /* valid until the part that was given it has handed over all */
void db_saver_put(struct db_saver *s, enum db_table t, uint64_t key, const struct buf *payload);
void db_saver_drop(struct db_saver *s, enum db_table t, uint64_t key);
void db_saver_drop_all(struct db_saver *s, enum db_table t);
void db_saver_keep_code(struct db_saver *s, struct code *code); /* a frame needs it: its text is stored */
struct db_save_part {
    void (*write)(void *ctx, struct db_saver *s); /* at the cut */
    /* Some `most' more of what was true at the cut, before the writing ends; false: that was all. NULL: write() hands over everything. */
    bool (*write_more)(void *ctx, struct db_saver *s, size_t most);
    void *ctx;
    void (*done)(void *ctx, bool saved); /* when the save is over: durable, or nothing of it was kept. Must not save itself. NULL allowed */
};
struct db_save_report {
    uint64_t generation, records, bytes;
    int64_t microseconds;
};
/* Everything that changed since the last save, in one transaction, durable on return. On failure nothing is lost and the next save holds it. Each part is asked once. When
   nothing at all changed, nothing is written and the generation stays. */
int db_save(struct db *db, const struct db_save_part *parts, size_t nparts, struct db_save_report *report, struct buf *why);
bool db_has_changes(struct db *db);

/*
 * The same in steps, so that nobody waits for it. db_save_begin() makes the cut: what is true then is what will be on disk, whatever changes afterwards. db_save_step() does what
 * is to be done on the main thread, for about `budget_us' microseconds (0: the least there is); a thread of its own writes. `ended' is called from a step when the save is durable
 * or has failed; after that steps go on tidying up, and only then can another save begin. One save at a time. Parts are copied; each is asked in db_save_begin(),
 * and for more in steps.
 */
struct db_save_end {
    void (*ended)(void *ctx, const struct db_save_report *report, const char *why); /* why NULL: durable. Else nothing is lost, and the next save holds it */
    void *ctx;
};
enum db_save_state {
    DB_SAVE_NONE, /* no save is under way */
    DB_SAVE_MORE, /* step again when there is time */
    DB_SAVE_WAITS /* for the disk: `wake' will be called */
};
int db_save_begin(struct db *db, const struct db_save_part *parts, size_t nparts, const struct db_save_end *end, struct buf *why); /* -1: one is under way (or not tidied up after), or read-only */
enum db_save_state db_save_step(struct db *db, int64_t budget_us);
bool db_save_under_way(const struct db *db);
void db_save_finish(struct db *db); /* waits until none is under way; db_save() and db_renumber() begin with it */
/* Called on another thread when db_save_step() has something to do again after DB_SAVE_WAITS; must not call db/. NULL: none, and on return it is not being called. */
void db_save_set_wake(struct db *db, void (*wake)(void *ctx), void *ctx);

/* Reading what was saved for others, in key order; stops when `row` returns false. Payload borrowed during the call. */
int db_scan(struct db *db, enum db_table t, bool (*row)(void *ctx, uint64_t key, const void *payload, size_t len), void *ctx, struct buf *why);
struct code *db_load_code(struct db *db, const uint8_t hash[CODE_HASH_BYTES]); /* owned; NULL if there is none */

/* Verifies every record and every cross-link, in a process of its own (a damaged file can crash whoever reads it); the world may be in use, but not by this process. Each fault is one call of `fault`. 0 when sound, 1 when not, -1 when it cannot be read, DB_CHECK_REFUSED when that is no matter of damage. */
enum { DB_CHECK_REFUSED = -2 }; /* *why: the system had no room for it, or somebody ended the process that was reading */
int db_world_check(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, struct buf *why);
int db_world_check_counted(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, uint64_t *records, struct buf *why); /* *records: how many */
/* The same slowly, at the lowest priority: for a world that is served. */
int db_world_check_gently(const char *dir, void (*fault)(void *ctx, const char *text), void *ctx, struct buf *why);
/* In some milliseconds, before it is opened: that a child can open it, where the tables begin, the last save's record, a sample of all records. For who holds db_world_lock(). 0; 1 with the
   damage in *why; -1 with *why when it is no matter of damage. */
int db_world_probe(const char *dir, struct buf *why);
/*
 * From now on a file that turns out to be damaged while it is in use is made again from the newest backup and the deltas, whenever something cannot be read: what is in memory and not saved stays.
 * That may take seconds, on the main thread. `done' is called afterwards, perhaps in the midst of a task, and must not touch the world: recovered, or (once) not. NULL: no more.
 */
void db_set_recovery(struct db *db, void (*done)(void *ctx, bool recovered, const char *text), void *ctx);
bool db_is_damaged(struct db *db); /* and was not recovered yet: the writing thread may have met it */
bool db_recover(struct db *db); /* between slices; false: it was not, and `done' knows why */
int64_t db_disk_size(struct db *db); /* bytes of data.mdb in use; -1 if none */
uint64_t db_delta_gap(struct db *db); /* the newest save that is not in the delta log though it should be; 0: none. Any thread */
void db_delta_new_file(struct db *db); /* after a backup: older files of the log can go when that one is the oldest. Any thread */
uint64_t db_damaged(struct db *db); /* records that could not be read since opening; each was logged */
void db_evict_clean(struct db *db); /* drops every clean object from memory */

/* Memory of a world larger than its cache. What changed and is not saved yet cannot leave. */
void db_cache_turn(struct db *db); /* between two slices of tasks: makes some room if it is wanted, in well under a millisecond */
bool db_wants_save(const struct db *db); /* too much has changed for what should be in memory: a save soon, whatever the interval */
bool db_should_wait(const struct db *db); /* far too much has, and a save is under way: nothing more should change until it ends */
struct db_cache_stats {
    int64_t budget; /* bytes; 0: nothing leaves memory */
    int64_t in_use; /* bytes in allocated blocks, as estimated since they were last measured */
    int64_t anonymous; /* RssAnon of this process when last looked; -1: the system does not tell */
    uint64_t loaded, evicted; /* objects, since opening */
    int64_t longest_us; /* that making room has taken in one go */
};
void db_cache_stats(const struct db *db, struct db_cache_stats *out);

#endif
