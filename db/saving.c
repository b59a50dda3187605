/* SPDX-License-Identifier: MIT */
/*
 * The thread that writes saves. It sleeps until it is given one, follows the batches as they come, commits, and hands the save back.
 *
 * A full map and a broken engine are repaired here and the transaction repeated from the first batch; batches are only read, so that can be done any number of times.
 */
#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "db/load.h"
#include "db/rowset.h"
#include "db/save.h"

enum { ATTEMPTS = 24, REOPENS = 2 };

/* ---- one transaction ---- */

/* The batch after `b', or the first. Waits for it; NULL: there are no more, or the world is being closed. */
static struct batch *next_batch(struct save_thread *t, struct save_run *run, struct batch *b) {
    for (;;) {
        bool complete = atomic_load(&run->complete) || atomic_load(&t->quit); /* before the look: the last batch comes first */
        struct batch *next = b ? atomic_load(&b->next) : atomic_load(&run->first);
        if (next || complete) return next;
        while (sem_wait(&t->work)) continue;
    }
}

static bool note_kept(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    (void)data, (void)len;
    if (klen == 1 + CODE_HASH_BYTES) hashes_add(ctx, (const uint8_t *)key + 1);
    return true;
}

static int know_kept(struct save_thread *t) {
    if (t->kept_known) return 0;
    t->kept.n = 0;
    int rc = store_scan(t->store, T_REF, "f", 1, note_kept, &t->kept);
    t->kept_known = rc == 0;
    return rc;
}

/* Rows first: an object may have come back under a number whose records they delete. */
static int write_all(struct save_thread *t, struct writer *w, struct save_run *run) {
    int rc = write_rows(w, run->rows);
    w->setters = run->rows;
    for (struct batch *b = NULL; !rc && (b = next_batch(t, run, b));) rc = write_captures(w, &b->captures);
    if (!rc) rc = usage_write(w, &run->usage.map);
    if (!rc) rc = history_write(w, &run->history);
    if (!rc && run->changed) rc = history_sweep(w, &t->sweep);
    if (!rc && run->with_parts) rc = know_kept(t);
    hashes_sort(&run->saver.codes); /* all has been handed over by now */
    if (!rc && run->with_parts) rc = write_others(w, &run->saver, &t->kept);
    return rc ? rc : write_collect_codes(w);
}

/* ---- commits of which nobody knows ---- */

static void note_unsure(struct save_thread *t, const struct save_run *run) {
    struct unsure_save *u = xcalloc(1, sizeof *u);
    const struct usage_map *m = &run->usage.map;
    *u = (struct unsure_save){.next = atomic_load(&t->unsure), .generation = run->meta.generation, .time = run->meta.time};
    for (size_t i = 0; m->v && i <= m->mask; i++)
        if (m->v[i].used) usage_add(&u->undo, m->v[i].owner, -m->v[i].bytes, -m->v[i].objects);
    atomic_store(&t->unsure, u);
    hashes_fini(&t->kept);
    t->kept_known = false;
}

void save_thread_sure(struct save_thread *t) {
    for (struct unsure_save *u; t && (u = atomic_load(&t->unsure));) {
        atomic_store(&t->unsure, u->next);
        usage_map_free(&u->undo);
        free(u);
    }
}

const struct usage_map *save_thread_undo(const struct save_thread *t, uint64_t generation, int64_t time) {
    for (const struct unsure_save *u = t ? atomic_load(&t->unsure) : NULL; u; u = u->next)
        if (u->generation == generation && u->time == time) return &u->undo;
    return NULL;
}

static int undo_unsure(struct save_thread *t, struct writer *w) {
    uint64_t generation;
    int64_t time;
    if (!atomic_load(&t->unsure)) return 0;
    load_newest(t->store, &generation, &time);
    const struct usage_map *undo = save_thread_undo(t, generation, time);
    return undo ? usage_write(w, undo) : 0;
}

/* ---- one transaction, whole ---- */

/* STORE_FULL and STORE_BROKEN ask for another. */
static int attempt(struct save_thread *t, struct save_run *run) {
    struct writer w = {.store = t->store, .next_blob = &t->next_blob, .limits = run->history.limits, .time = run->meta.time};
    int rc = store_begin(w.store);
    if (rc) return rc;
    if (store_forgot_digests(w.store)) rc = load_digests(w.store);
    if (!rc) rc = undo_unsure(t, &w);
    if (!rc) rc = write_all(t, &w, run);
    hashes_fini(&w.dropped);
    run->unchanged = !rc && !run->changed && !store_changes(w.store);
    bool commits = !rc && !run->unchanged && atomic_load(&run->complete);
    if (commits) rc = write_meta(&w, &run->meta);
    if (commits && !rc) {
        rc = store_commit(w.store);
        if (rc) note_unsure(t, run);
        return rc;
    }
    store_abort(w.store);
    return rc;
}

/*
 * The store has been opened anew, and what it holds is durable: is that this very save, though its commit was said to have failed? The page that makes a transaction the newest can
 * be on disk all the same. Then it is not to be written once more: sums (accounts of owners) would have it twice.
 */
static bool is_there(struct save_thread *t, const struct save_run *run) {
    uint64_t generation;
    int64_t time;
    if (store_begin(t->store)) return false;
    load_newest(t->store, &generation, &time);
    bool there = generation == run->meta.generation && time == run->meta.time && !load_digests(t->store);
    store_abort(t->store);
    return there;
}

static int write_until_done(struct save_thread *t, struct save_run *run) {
    int rc = attempt(t, run);
    for (int i = 1; i < ATTEMPTS && (rc == STORE_FULL || rc == STORE_BROKEN); i++) {
        if (rc == STORE_BROKEN && is_there(t, run)) return 0;
        if (rc == STORE_BROKEN && run->reopened++ == REOPENS) break;
        rc = attempt(t, run);
    }
    return rc;
}

static void write_run(struct save_thread *t, struct save_run *run) {
    uint64_t puts = store_puts(t->store), bytes = store_put_bytes(t->store);
    run->rc = write_until_done(t, run);
    run->records = store_puts(t->store) - puts;
    run->bytes = store_put_bytes(t->store) - bytes;
    if (run->rc) {
        buf_add_c(&run->why, store_error(t->store));
    } else if (run->with_parts) {
        hashes_fini(&t->kept);
        t->kept = run->saver.codes;
        run->saver.codes = (struct hashes){0};
    }
}

/* ---- the thread ---- */

void batch_free(struct batch *b) {
    captures_fini(&b->captures);
    free(b);
}

void save_run_free(struct save_run *run) {
    if (!run) return;
    for (struct batch *b = run->first, *next; b; b = next) {
        next = b->next;
        batch_free(b);
    }
    rowset_free(run->rows);
    saver_fini(&run->saver);
    buf_fini(&run->why);
    large_free(run->objects, run->objects_cap * sizeof *run->objects);
    free(run->parts);
    free(run);
}

static void wake(struct save_thread *t) {
    pthread_mutex_lock(&t->waking);
    if (t->wake) t->wake(t->wake_ctx);
    pthread_mutex_unlock(&t->waking);
}

static void *serve(void *ctx) {
    struct save_thread *t = ctx;
    while (!atomic_load(&t->quit)) {
        while (sem_wait(&t->work)) continue;
        struct save_run *run = atomic_load(&t->quit) ? NULL : atomic_exchange(&t->run, NULL);
        save_run_free(atomic_exchange(&t->litter, NULL)); /* after the look for a run: that of the save before was left earlier than this one was begun */
        if (!run) continue;
        write_run(t, run);
        atomic_store(&run->over, true);
        sem_post(&t->done);
        wake(t);
    }
    return NULL;
}

struct save_thread *save_thread_new(struct store *reader, uint64_t next_blob) {
    struct save_thread *t = xcalloc(1, sizeof *t);
    t->store = store_writer(reader);
    t->next_blob = next_blob;
    must(!sem_init(&t->work, 0, 0) && !sem_init(&t->done, 0, 0));
    pthread_mutex_init(&t->waking, NULL);
    t->thread = thread_start(serve, t);
    return t;
}

void save_thread_free(struct save_thread *t) {
    if (!t) return;
    atomic_store(&t->quit, true);
    sem_post(&t->work);
    pthread_join(t->thread, NULL);
    sem_destroy(&t->work);
    sem_destroy(&t->done);
    pthread_mutex_destroy(&t->waking);
    save_run_free(t->litter);
    for (struct batch *b; (b = t->spare);) {
        t->spare = b->next;
        batch_free(b);
    }
    hashes_fini(&t->kept);
    save_thread_sure(t);
    free(t);
}

/* ---- the main thread's side ---- */

void save_thread_set_wake(struct save_thread *t, void (*wake_up)(void *ctx), void *ctx) {
    pthread_mutex_lock(&t->waking);
    t->wake = wake_up;
    t->wake_ctx = ctx;
    pthread_mutex_unlock(&t->waking);
}

void save_thread_start(struct save_thread *t, struct save_run *run) {
    atomic_store(&t->run, run);
    sem_post(&t->work);
}

struct batch *save_thread_batch(struct save_thread *t) {
    struct batch *b = t ? t->spare : NULL;
    if (!b) return xcalloc(1, sizeof *b);
    t->spare = b->next;
    t->spares--;
    b->next = NULL;
    return b;
}

void save_thread_spare(struct save_thread *t, struct batch *b) {
    if (!t || t->spares == SPARE_BATCHES) {
        batch_free(b);
        return;
    }
    captures_release(&b->captures);
    b->next = t->spare;
    t->spare = b;
    t->spares++;
}

void save_thread_hand(struct save_thread *t, struct save_run *run, struct batch *b, bool complete) {
    if (b && run->last) atomic_store(&run->last->next, b);
    else if (b) atomic_store(&run->first, b);
    if (b) run->last = b;
    if (complete) atomic_store(&run->complete, true);
    sem_post(&t->work);
}

void save_thread_wait(struct save_thread *t, struct save_run *run) {
    while (!atomic_load(&run->over)) (void)sem_wait(&t->done);
}

void save_thread_discard(struct save_thread *t, struct save_run *run) {
    save_run_free(atomic_exchange(&t->litter, run)); /* most are cleared away before the next run is begun; one whose turn came just after the thread had looked is not */
    sem_post(&t->work);
}
