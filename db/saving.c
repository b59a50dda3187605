/* SPDX-License-Identifier: MIT */
/*
 * The thread that writes saves. It sleeps until it is given one, follows the batches as they come, commits, and hands the save back.
 *
 * A full map and a broken engine are repaired here and the transaction repeated from the first batch; batches are only read, so that can be done any number of times.
 */
#include <stdlib.h>
#include <string.h>

#include "db/rowset.h"
#include "db/save.h"

enum { ATTEMPTS = 24, REOPENS = 2 };

/* ---- one transaction ---- */

/* The batch after `b', or the first. Waits for it; NULL: there are no more, or the world is being closed. */
static struct batch *next_batch(struct save_thread *t, struct save_run *run, const struct batch *b) {
    pthread_mutex_lock(&t->lock);
    struct batch *next;
    while (!(next = b ? b->next : run->first) && !run->complete && !t->quit) pthread_cond_wait(&t->work, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return next;
}

static bool is_complete(struct save_thread *t, const struct save_run *run) {
    pthread_mutex_lock(&t->lock);
    bool complete = run->complete;
    pthread_mutex_unlock(&t->lock);
    return complete;
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
    for (struct batch *b = NULL; !rc && (b = next_batch(t, run, b));) rc = write_captures(w, &b->captures);
    if (!rc) rc = history_write(w, &run->history);
    if (!rc && run->changed) rc = history_sweep(w, &t->sweep, &run->history.limits);
    if (!rc && run->with_parts) rc = know_kept(t);
    if (!rc && run->with_parts) rc = write_others(w, &run->saver, &t->kept);
    return rc ? rc : write_collect_codes(w);
}

/* STORE_FULL and STORE_BROKEN ask for another. */
static int attempt(struct save_thread *t, struct save_run *run) {
    struct writer w = {.store = t->store, .next_blob = &t->next_blob};
    int rc = store_begin(w.store);
    if (rc) return rc;
    if (store_forgot_digests(w.store)) rc = load_digests(w.store);
    if (!rc) rc = write_all(t, &w, run);
    hashes_fini(&w.dropped);
    run->unchanged = !rc && !run->changed && !store_changes(w.store);
    if (!rc && !run->unchanged && is_complete(t, run)) rc = write_meta(&w, &run->meta);
    if (!rc && !run->unchanged && is_complete(t, run)) return store_commit(w.store);
    store_abort(w.store);
    return rc;
}

static int write_until_done(struct save_thread *t, struct save_run *run) {
    hashes_sort(&run->saver.codes);
    int rc = attempt(t, run);
    for (int i = 1; i < ATTEMPTS && (rc == STORE_FULL || (rc == STORE_BROKEN && run->reopened < REOPENS)); i++) {
        run->reopened += rc == STORE_BROKEN;
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

void save_run_free(struct save_run *run) {
    if (!run) return;
    for (struct batch *b = run->first, *next; b; b = next) {
        next = b->next;
        captures_fini(&b->captures);
        free(b);
    }
    rowset_free(run->rows);
    saver_fini(&run->saver);
    buf_fini(&run->why);
    free(run->objects);
    free(run->parts);
    free(run);
}

/* Locked on entry and on return. */
static void work_once(struct save_thread *t) {
    struct save_run *run = t->run, *litter = t->litter;
    t->litter = NULL;
    pthread_mutex_unlock(&t->lock);
    save_run_free(litter);
    if (run) write_run(t, run);
    pthread_mutex_lock(&t->lock);
    if (!run) return;
    t->run = NULL;
    run->over = true;
    pthread_cond_signal(&t->done);
    if (t->wake) t->wake(t->wake_ctx); /* under the lock: who takes it back can be sure that it is not being called */
}

static void *serve(void *ctx) {
    struct save_thread *t = ctx;
    pthread_mutex_lock(&t->lock);
    while (!t->quit)
        if (t->run || t->litter) work_once(t);
        else pthread_cond_wait(&t->work, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

struct save_thread *save_thread_new(struct store *reader, uint64_t next_blob) {
    struct save_thread *t = xcalloc(1, sizeof *t);
    t->store = store_writer(reader);
    t->next_blob = next_blob;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->work, NULL);
    pthread_cond_init(&t->done, NULL);
    t->thread = thread_start(serve, t);
    return t;
}

void save_thread_free(struct save_thread *t) {
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->quit = true;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->work);
    pthread_cond_destroy(&t->done);
    pthread_mutex_destroy(&t->lock);
    save_run_free(t->litter);
    hashes_fini(&t->kept);
    free(t);
}

/* ---- the main thread's side ---- */

void save_thread_set_wake(struct save_thread *t, void (*wake)(void *ctx), void *ctx) {
    pthread_mutex_lock(&t->lock);
    t->wake = wake;
    t->wake_ctx = ctx;
    pthread_mutex_unlock(&t->lock);
}

void save_thread_start(struct save_thread *t, struct save_run *run) {
    pthread_mutex_lock(&t->lock);
    t->run = run;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
}

void save_thread_hand(struct save_thread *t, struct save_run *run, struct batch *b, bool complete) {
    pthread_mutex_lock(&t->lock);
    if (b && run->last) run->last->next = b;
    else if (b) run->first = b;
    if (b) run->last = b;
    run->complete = complete;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
}

bool save_thread_over(struct save_thread *t, struct save_run *run, bool wait) {
    pthread_mutex_lock(&t->lock);
    while (wait && !run->over) pthread_cond_wait(&t->done, &t->lock);
    bool over = run->over;
    pthread_mutex_unlock(&t->lock);
    return over;
}

void save_thread_discard(struct save_thread *t, struct save_run *run) {
    pthread_mutex_lock(&t->lock);
    must(!t->litter);
    t->litter = run;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
}
