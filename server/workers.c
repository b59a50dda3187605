/* SPDX-License-Identifier: MIT */
/*
 * One lock over everything but the bytes that a thread works on, which are its own meanwhile.
 *
 * The threads are nobody's: the last one to leave after workers_free() frees the pool, should its owner not have had the time to wait.
 */
#include "server/workers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "lang/threaded.h"
#include "server/phase.h"

struct work {
    struct work *next;
    struct work_order order;
    struct buf answer;
    uint64_t round;
    bool dropped; /* by whoever had ordered it, while it ran */
};

struct workers {
    struct ev_loop *loop;
    ev_async done_some;
    workers_answer *answer;
    void *ctx;

    pthread_mutex_t lock; /* of what is below */
    pthread_cond_t more, less; /* something to do; something done, or a thread gone */
    struct work *waiting; /* in the order in which they are to be done */
    struct work *running, *done; /* done: the first one first */
    struct work **done_end;
    uint64_t round; /* of what was begun last */
    int threads, idle, most;
    bool open, closing;
    bool finishing; /* only what is to be finished is begun */
    bool nobodys; /* the last thread frees it */
};

static _Thread_local const struct work_order *at_work;

const struct work_order *workers_at_work(void) { return at_work; }

/* ---- lists ---- */

static struct work **find(struct work **list, int64_t task_id) {
    while (*list && (*list)->order.task_id != task_id) list = &(*list)->next;
    return list;
}

static struct work *unlink_work(struct work **at) {
    struct work *k = *at;
    *at = k->next;
    return k;
}

/* There were passwords in it. */
static void work_free(struct work *k) {
    if (k->order.request.data) explicit_bzero(k->order.request.data, k->order.request.len);
    buf_fini(&k->order.request);
    buf_fini(&k->answer);
    free(k);
}

static void free_list(struct work **list) {
    while (*list) work_free(unlink_work(list));
}

static size_t count(const struct work *list, const objid *owner) {
    size_t n = 0;
    for (; list; list = list->next) n += !owner || list->order.owner == *owner;
    return n;
}

/* ---- the threads ---- */

static void pool_free(struct workers *w) {
    free_list(&w->waiting);
    free_list(&w->done);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    pthread_cond_destroy(&w->less);
    free(w);
}

/* The next to be done, which is now under way; NULL: there is none. */
static struct work *take(struct workers *w) {
    struct work **at = &w->waiting;
    if (!w->open || w->closing) return NULL;
    while (*at && w->finishing && !(*at)->order.finish) at = &(*at)->next;
    if (!*at) return NULL;
    struct work *k = unlink_work(at);
    if (k->round > w->round) w->round = k->round;
    k->next = w->running;
    w->running = k;
    return k;
}

static void add_done(struct workers *w, struct work *k) {
    k->next = NULL;
    *w->done_end = k;
    w->done_end = &k->next;
    ev_async_send(w->loop, &w->done_some);
}

static void put_down(struct workers *w, struct work *k) {
    struct work **at = &w->running;
    while (*at != k) at = &(*at)->next;
    unlink_work(at);
    if (k->dropped || w->closing) work_free(k);
    else add_done(w, k);
    pthread_cond_broadcast(&w->less);
}

static void *serve(void *ctx) {
    struct workers *w = ctx;
    pthread_mutex_lock(&w->lock);
    while (!w->closing) {
        struct work *k = take(w);
        if (!k) {
            w->idle++;
            pthread_cond_wait(&w->more, &w->lock);
            w->idle--;
            continue;
        }
        pthread_mutex_unlock(&w->lock);
        at_work = &k->order;
        (void)phase("work");
        k->order.work(buf_c(&k->order.request), k->order.request.len, &k->answer);
        at_work = NULL;
        pthread_mutex_lock(&w->lock);
        put_down(w, k);
    }
    bool last = --w->threads == 0 && w->nobodys;
    pthread_cond_broadcast(&w->less);
    pthread_mutex_unlock(&w->lock);
    if (last) pool_free(w);
    return NULL;
}

/* There is no thread at all: the system has as many as there may be. */
static void answer_all(struct workers *w, int why) {
    char text[100];
    snprintf(text, sizeof text, "No thread can be started: %s", strerror(why));
    while (w->waiting) {
        struct work *k = unlink_work(&w->waiting);
        answer_error(&k->answer, E_QUOTA, text);
        add_done(w, k);
    }
}

/* A thread for each order that waits and finds none idle, as far as there may be so many. */
static void call_threads(struct workers *w) {
    size_t waiting = count(w->waiting, NULL);
    int rc = 0;
    if (!w->open) return;
    for (size_t idle = (size_t)w->idle; idle < waiting && w->threads < w->most; idle++) {
        pthread_t thread;
        rc = thread_try(serve, w, &thread);
        if (rc) break;
        w->threads++;
        pthread_detach(thread);
    }
    if (rc && !w->threads) answer_all(w, rc);
    pthread_cond_broadcast(&w->more);
}

static struct timespec deadline_after(double seconds) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)seconds;
    t.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
    if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
    return t;
}

/* ---- the loop's side ---- */

static void give_answers(struct workers *w) {
    pthread_mutex_lock(&w->lock);
    struct work *all = w->done;
    w->done = NULL;
    w->done_end = &w->done;
    pthread_mutex_unlock(&w->lock);
    while (all) {
        struct work *k = unlink_work(&all);
        w->answer(w->ctx, k->order.task_id, &k->answer);
        work_free(k);
    }
}

static void on_done(struct ev_loop *loop, ev_async *a, int events) {
    (void)loop, (void)events;
    give_answers(a->data);
}

struct workers *workers_new(struct ev_loop *loop, int threads, workers_answer *answer, void *ctx) {
    struct workers *w = xcalloc(1, sizeof *w);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    pthread_condattr_t monotonic;
    *w = (struct workers){.loop = loop, .answer = answer, .ctx = ctx};
    w->most = threads > 0 ? threads : processors > WORKERS_MOST_THREADS ? WORKERS_MOST_THREADS : processors > 2 ? (int)processors - 1 : 1;
    w->done_end = &w->done;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, &monotonic);
    pthread_cond_init(&w->less, &monotonic);
    pthread_condattr_destroy(&monotonic);
    ev_async_init(&w->done_some, on_done);
    w->done_some.data = w;
    ev_async_start(loop, &w->done_some);
    return w;
}

void workers_open(struct workers *w) {
    pthread_mutex_lock(&w->lock);
    w->open = true;
    call_threads(w);
    pthread_mutex_unlock(&w->lock);
}

void workers_free(struct workers *w, double seconds) {
    if (!w) return;
    struct timespec deadline = deadline_after(seconds);
    ev_async_stop(w->loop, &w->done_some);
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    free_list(&w->waiting);
    pthread_cond_broadcast(&w->more);
    while (w->threads && !pthread_cond_timedwait(&w->less, &w->lock, &deadline)) continue;
    bool alone = w->threads == 0;
    w->nobodys = !alone;
    pthread_mutex_unlock(&w->lock);
    if (alone) pool_free(w);
}

/* Behind what is of the same round or an earlier one. */
static void insert(struct workers *w, struct work *k) {
    struct work **at = &w->waiting;
    k->round = w->round + count(w->waiting, &k->order.owner) + 1;
    while (*at && (*at)->round <= k->round) at = &(*at)->next;
    k->next = *at;
    *at = k;
}

static const char *refusal(const struct workers *w, const struct work_order *o) {
    if (o->again) return NULL; /* what threads had at work before was not among what waited */
    if (o->request.len > THREADED_MOST_BYTES) return "The arguments are too long";
    if (count(w->waiting, NULL) >= THREADED_MOST_WAITING) return "Too much work waits to be done";
    return count(w->waiting, &o->owner) >= THREADED_MOST_OF_ONE ? "Too much work of yours waits to be done" : NULL;
}

const char *workers_ask(struct workers *w, struct work_order *order) {
    struct work *k = xcalloc(1, sizeof *k);
    k->order = *order;
    order->request = (struct buf)BUF_INIT;
    pthread_mutex_lock(&w->lock);
    const char *why = refusal(w, &k->order);
    if (!why) {
        insert(w, k);
        call_threads(w);
    }
    pthread_mutex_unlock(&w->lock);
    if (why) work_free(k);
    return why;
}

void workers_drop(struct workers *w, int64_t task_id) {
    if (!w) return;
    pthread_mutex_lock(&w->lock);
    struct work **waiting = find(&w->waiting, task_id), **running = find(&w->running, task_id), **done = find(&w->done, task_id);
    if (*waiting) work_free(unlink_work(waiting));
    if (*running) (*running)->dropped = true;
    if (*done) {
        if (w->done_end == &(*done)->next) w->done_end = done;
        work_free(unlink_work(done));
    }
    pthread_mutex_unlock(&w->lock);
}

static bool is_to_be_finished(const struct work *list) {
    while (list && (!list->order.finish || list->dropped)) list = list->next;
    return list != NULL;
}

void workers_finish(struct workers *w, double seconds) {
    struct timespec deadline = deadline_after(seconds);
    pthread_mutex_lock(&w->lock);
    w->finishing = true;
    while ((is_to_be_finished(w->waiting) || is_to_be_finished(w->running)) && !pthread_cond_timedwait(&w->less, &w->lock, &deadline)) continue;
    w->finishing = false;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    give_answers(w);
}

void workers_count(struct workers *w, size_t *waiting, size_t *running) {
    pthread_mutex_lock(&w->lock);
    *waiting = count(w->waiting, NULL);
    *running = count(w->running, NULL);
    pthread_mutex_unlock(&w->lock);
}
