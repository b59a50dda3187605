/* SPDX-License-Identifier: MIT */
/*
 * Saving, in steps on two threads.
 *   cut       what is dirty becomes what is being saved, all at once: a list and a set of rows are swapped, and one bit of parity turns. What is dirty under the old parity is
 *             pending; from here on new changes belong to the next save
 *   capture   on the main thread, a portion at a time: records of pending objects are taken as references to immutable values (a captured value has a second holder: nobody
 *             changes it in place) or as bytes. A pending object that is about to change is captured first (object_dirty, object_touch). Then others hand over the rest of what is theirs
 *   write     on the writing thread: captured records are encoded, sorted, and put in one transaction. It touches nothing but what was captured, the rows of the cut (nobody
 *             changes those any more) and the store's writer; it counts no references, makes no strings and does not log
 *   settle    on the main thread, a portion at a time: what was written is clean, or dirty again under what has changed since; references are dropped
 * What is being saved is clean only when the commit returned 0. Batches are kept until then, as a transaction may have to be repeated.
 *
 * Between the cut and the end of its save an object's records are those on disk, under the rows of the cut, under the newer rows; a pending, captured or dirty object is in
 * memory (invariant 6 of db/internal.h), and so are programs that it has and the store may not.
 */
#ifndef DB_SAVE_H
#define DB_SAVE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "db/history.h"
#include "db/internal.h"
#include "db/records.h"
#include "db/usage.h"

enum { BATCH = 1792 }; /* records; an object is not divided */

/* ---- capture.c ---- */

enum capture_kind { CAPTURE_BYTES, CAPTURE_PROPVAL, CAPTURE_CODE, CAPTURE_DELETE };
struct capture { /* 40 bytes, as a save of everything has one for each record of the world */
    unsigned char key[16];
    union {
        struct {
            size_t at, len; /* a payload, in the captures' bytes */
        } bytes;
        struct {
            int64_t payload; /* of the value */
            objid owner;
        } propval;
        struct code *code;
    } u;
    uint8_t table, kind, klen;
    uint8_t type, perms; /* of a property's value */
};
struct captures {
    struct capture *v;
    size_t n, cap;
    struct buf bytes;
};

extern const enum store_table row_store_table[ROW_TABLES];
void capture_object(struct captures *out, struct object *o); /* what is dirty of it, which is then being saved */
void capture_rows(struct captures *out, const struct rowset *rows, uint32_t from, uint32_t to);
void capture_bytes(struct captures *out, enum store_table t, struct key k, const struct buf *payload);
void capture_program(struct captures *out, struct code *code);
void capture_delete(struct captures *out, enum store_table t, struct key k);
void captures_sort(struct captures *c);
void captures_release_some(struct captures *c, size_t most); /* the last ones */
void captures_release(struct captures *c); /* drops all references, keeps the memory */
void captures_fini(struct captures *c);

/* ---- write.c: inside a write transaction of the store. Results as store_put(). ---- */

struct hashes {
    uint8_t (*v)[CODE_HASH_BYTES];
    size_t n, cap;
};
struct writer {
    struct store *store;
    uint64_t *next_blob;
    const struct rowset *setters; /* who changed properties (ROW_SETTER); NULL: nobody, their values are not kept */
    struct db_history_limits limits;
    int64_t time; /* of the cut */
    struct hashes dropped; /* programs that may have lost their last user */
};
int write_captures(struct writer *w, struct captures *c); /* sorts them */
int write_capture(struct writer *w, const struct captures *of, const struct capture *c);
int write_program(struct writer *w, const struct code *code); /* if it is not there yet */
int write_rows(struct writer *w, const struct rowset *rows);
int write_frame_codes(struct writer *w, const struct hashes *now, const struct hashes *before);
int write_collect_codes(struct writer *w); /* deletes those of `dropped' that nothing refers to */
int write_meta(struct writer *w, const struct rec_meta *cut); /* with the digests as they are now */
void hashes_add(struct hashes *h, const uint8_t hash[CODE_HASH_BYTES]);
void hashes_sort(struct hashes *h); /* each once */
void hashes_fini(struct hashes *h);

/* ---- others.c: what others hand over ---- */

struct db_saver {
    struct captures rows; /* in the order given: later ones win */
    struct hashes codes;
    struct captures programs;
    struct drop_all {
        enum store_table table;
        size_t before; /* applies to what was stored, and to rows[0..before) */
    } *drops;
    size_t ndrops;
};
int write_others(struct writer *w, struct db_saver *s, const struct hashes *kept); /* kept: programs that frames of the last save need, in order */
void saver_fini(struct db_saver *s);

/* save.c: all of a save under way is captured and written, or has failed; nothing of its end is told yet. *generation becomes its number if it is on disk. */
void save_wait_for_writer(struct db *db, uint64_t *generation);

/* ---- saving.c: the writing thread ---- */

/*
 * The two threads share no lock: the writing one might be stopped by the system while it has it, and then everybody would wait. Batches form a list that only grows;
 * who adds or takes away something that the other looks at does so by an atomic store, and then posts a semaphore, which never waits.
 */
struct batch {
    struct batch *_Atomic next;
    struct captures captures;
};
enum { SPARE_BATCHES = 16 };
void batch_free(struct batch *b);
enum save_phase { SAVE_CAPTURES, SAVE_WRITES, SAVE_SETTLES };
struct save_run {
    /* from the cut on, for both threads to read */
    struct rec_meta meta;
    struct rowset *rows;
    struct usage usage;
    struct history history; /* references in it are the main thread's */
    struct db_saver saver;
    bool with_parts;
    bool changed; /* objects or rows, not only what others handed over */
    /* the main thread's */
    enum save_phase phase;
    objid *objects;
    size_t nobjects, objects_cap, next; /* `next': the first that was not looked at yet, by capturing or by settling */
    uint32_t rows_merged;
    struct batch *filling; /* not handed over yet. Captures go nowhere else */
    struct batch *last; /* that was handed over */
    struct db_save_part *parts;
    size_t nparts, parts_done; /* that have no more to hand over */
    struct db_save_end end;
    int64_t started;
    /* both threads' */
    struct batch *_Atomic first;
    atomic_bool complete; /* no more batches will come */
    atomic_bool over; /* the save is the main thread's again. Until then the writer's: */
    int rc;
    bool unchanged; /* it was all on disk already */
    unsigned reopened; /* times the store had to be opened anew */
    uint64_t records, bytes;
    struct buf why;
};

/*
 * A commit that was reported to fail can be on disk all the same, and whether it is may be known only when the store can be opened again. What a save adds to sums must then be taken
 * back before the next one, which holds all of it, adds it once more.
 */
struct unsure_save {
    struct unsure_save *next;
    uint64_t generation;
    int64_t time; /* with the generation it tells which save this was */
    struct usage_map undo;
};

struct save_thread {
    pthread_t thread;
    sem_t work, done; /* posted after each change of what follows, by the main thread and by the writer */
    struct save_run *_Atomic run; /* to be written; NULL */
    struct save_run *_Atomic litter; /* to be freed where nobody waits for it; NULL */
    atomic_bool quit;
    pthread_mutex_t waking; /* held while `wake' is called or changed */
    void (*wake)(void *ctx);
    void *wake_ctx;
    /* the thread's own */
    struct store *store; /* the writer */
    struct unsure_save *_Atomic unsure; /* since the last commit that succeeded; it adds, the main thread takes away, with no save under way */
    uint64_t next_blob;
    struct hashes kept; /* programs that saved frames need; read at the first save */
    bool kept_known;
    struct history_sweep sweep;
    /* the main thread's own */
    struct batch *spare; /* empty ones, for the next save: then it asks nobody for memory */
    unsigned spares;
};
struct save_thread *save_thread_new(struct store *reader, uint64_t next_blob);
void save_thread_free(struct save_thread *t); /* what is being written is given up, unless it is about to be committed */
void save_thread_set_wake(struct save_thread *t, void (*wake)(void *ctx), void *ctx);
const struct usage_map *save_thread_undo(const struct save_thread *t, uint64_t generation, int64_t time); /* NULL: this save was reported done, or is not known */
void save_thread_sure(struct save_thread *t); /* the newest save is on disk, and known to be */
void save_thread_start(struct save_thread *t, struct save_run *run);
struct batch *save_thread_batch(struct save_thread *t); /* an empty one. t may be NULL */
void save_thread_spare(struct save_thread *t, struct batch *b); /* takes it back, without references to anything counted */
void save_thread_hand(struct save_thread *t, struct save_run *run, struct batch *b, bool complete); /* b may be NULL */
void save_thread_wait(struct save_thread *t, struct save_run *run); /* until it is over */
void save_thread_discard(struct save_thread *t, struct save_run *run); /* takes it, without references to anything counted */
void save_run_free(struct save_run *run);

/* save.c */
struct rec_meta save_meta(const struct db *db); /* of a save now; what the writer knows is not filled in */

/* load.c */
int load_digests(struct store *writer); /* again, after the store was opened anew: inside a write transaction */
extern const struct key meta_key;

#endif
