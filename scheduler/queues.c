/* SPDX-License-Identifier: MIT */
/*
 * The ring of queues: deficit round robin (Shreedhar and Varghese, 1995), in ticks.
 *
 * In each round a queue earns its quota once, when it is first looked at, and may run slices while its balance is positive. A slice is charged afterwards, with the ticks
 * it used or with its CPU time, whichever is more; what is overspent later rounds' quotas pay. The queue at the head of the ring keeps its turn until it has used its balance or
 * has nothing ready; when a task of it goes to sleep, the others go first, and it goes on with what is left of its balance when they have had a turn.
 * The round ends when nobody in the ring has a positive balance; then as many rounds as the least indebted needs are credited to all at once, so who is alone never waits. Before that the caller
 * looks at the sockets: who typed meanwhile may still have something of this round, and must not see others begin the next one.
 *
 * Who had nothing ready and now has comes right behind the queue that has the turn (and behind those who came so before him), as in FQ-CoDel (RFC 8290): the order within a round changes nothing about what
 * anybody gets in it, but who needs little waits for one turn of the greedy and not for one of each of them.
 *
 * What was not used in a round is lost; what is owed is not, but debts are capped, and fade while their owner has nothing to run: who always has is to pay them.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum {
    TICKS_PER_US = 20, /* what a microsecond of CPU is worth: a plain loop's */
    LEAST_QUOTA = 100,
    LEAST_CHARGE = TICKS_PER_US, /* of a slice, for the work around it */
    MOST_DEBT = 200, /* in quotas */
    FADE_US = 10000 /* in which a quota's worth of debt is forgotten */
};

static struct queue *new_queue(struct idmap *table, objid owner, bool logins) {
    struct queue *q = xcalloc(1, sizeof *q);
    q->owner = owner;
    q->logins = logins;
    q->faded_us = clock_monotonic_us();
    idmap_put(table, owner, q);
    return q; /* what its owner's options say is read when it first matters: ten thousand players that a reboot hands over need not be loaded then */
}

static void free_queue(struct scheduler *s, struct queue *q) {
    idmap_remove(q->logins ? &s->login_queues : &s->queues, q->owner);
    free(q);
}

/* What the world says now of its owner's share and limits. */
static void refresh(struct scheduler *s, struct queue *q) {
    uint64_t count = option_count(s);
    if (q->own_count == count) return;
    q->own_count = count;
    for (int i = 0; i < OWN_COUNT; i++) {
        enum own_option own = (enum own_option)i;
        q->own[own] = q->logins ? option_int(s, option_of_own(own)) : option_of_player(s, q->owner, own, NULL);
    }
    q->quota = q->own[OWN_tick_quota] > 0 ? q->own[OWN_tick_quota] : option_int(s, OPT_tick_quota);
    if (q->quota < LEAST_QUOTA) q->quota = LEAST_QUOTA;
}

int64_t queue_option(struct scheduler *s, struct queue *q, enum own_option which) {
    refresh(s, q);
    return q->own[which];
}

static void fade(struct scheduler *s, struct queue *q, int64_t now_us) {
    int64_t passed = now_us - q->faded_us;
    if (passed <= 0) return;
    q->faded_us = now_us;
    if (q->balance >= 0 || q->active) return;
    refresh(s, q);
    int64_t forgotten = passed > FADE_US * (int64_t)MOST_DEBT ? -q->balance : passed * q->quota / FADE_US;
    q->balance = q->balance + forgotten > 0 ? 0 : q->balance + forgotten;
}

static bool is_of_no_use(const struct queue *q) {
    return !q->active && q->tasks == 0 && q->inputs == 0 && q->balance >= 0;
}

/* Queues that were kept for their debt alone go when it has faded. */
static void sweep(struct scheduler *s) {
    int64_t now = clock_monotonic_us();
    struct queue **useless = xmalloc((s->queues.len + 1) * sizeof(struct queue *));
    size_t n = 0, at = 0;
    struct queue *q;
    while ((q = idmap_next(&s->queues, &at))) {
        fade(s, q, now);
        if (is_of_no_use(q)) useless[n++] = q;
    }
    while (n > 0) free_queue(s, useless[--n]);
    free(useless);
    s->queues_after_sweep = s->queues.len;
}

struct queue *queue_get(struct scheduler *s, objid owner) {
    struct queue *q = idmap_get(&s->queues, owner);
    if (q) return q;
    if (s->queues.len > 2 * s->queues_after_sweep + 256) sweep(s);
    return new_queue(&s->queues, owner, false);
}

struct queue *queue_get_logins(struct scheduler *s, objid listener) {
    struct queue *q = idmap_get(&s->login_queues, listener);
    return q ? q : new_queue(&s->login_queues, listener, true);
}

void queue_release(struct scheduler *s, struct queue *q) {
    fade(s, q, clock_monotonic_us());
    if (is_of_no_use(q)) free_queue(s, q);
}

static void enter_ring(struct scheduler *s, struct queue *q) {
    if (q->active) return;
    int64_t now = clock_monotonic_us();
    refresh(s, q);
    fade(s, q, now);
    q->active = true;
    if (!s->ring) {
        s->ring = q->next = q->prev = q;
        return;
    }
    q->prev = s->newcomer ? s->newcomer : s->ring;
    q->next = q->prev->next;
    q->prev->next = q->next->prev = q;
    s->newcomer = q;
}

/* The next one is at the head. */
static void move_on(struct scheduler *s) {
    if (s->newcomer == s->ring) s->newcomer = NULL;
    s->ring = s->ring->next;
}

static void leave_ring_if_empty(struct scheduler *s, struct queue *q) {
    if (!q->active || q->has_turn || q->first || q->first_input) return;
    q->active = false;
    if (s->newcomer == q) s->newcomer = s->ring == q || s->ring == q->prev ? NULL : q->prev;
    if (s->ring == q) s->ring = q->next == q ? NULL : q->next;
    q->prev->next = q->next;
    q->next->prev = q->prev;
    q->next = q->prev = NULL;
}

void queue_put_task(struct scheduler *s, struct queue *q, struct task *t) {
    t->next = NULL;
    t->prev = q->last;
    if (q->last) q->last->next = t;
    else q->first = t;
    q->last = t;
    s->nready++;
    enter_ring(s, q);
}

void queue_take_task(struct scheduler *s, struct queue *q, struct task *t) {
    if (t->prev) t->prev->next = t->next;
    else q->first = t->next;
    if (t->next) t->next->prev = t->prev;
    else q->last = t->prev;
    t->next = t->prev = NULL;
    s->nready--;
    leave_ring_if_empty(s, q);
}

void queue_put_input(struct scheduler *s, struct input *in) {
    struct queue *q = in->queue;
    in->runnable = true;
    in->next = NULL;
    in->prev = q->last_input;
    if (q->last_input) q->last_input->next = in;
    else q->first_input = in;
    q->last_input = in;
    enter_ring(s, q);
}

void queue_take_input(struct scheduler *s, struct input *in) {
    struct queue *q = in->queue;
    in->runnable = false;
    if (in->prev) in->prev->next = in->next;
    else q->first_input = in->next;
    if (in->next) in->next->prev = in->prev;
    else q->last_input = in->prev;
    in->next = in->prev = NULL;
    leave_ring_if_empty(s, q);
}

/* What the queue earns in this round, once. */
static void earn(struct scheduler *s, struct queue *q, int64_t now_us) {
    if (q->round == s->round) return;
    q->round = s->round;
    fade(s, q, now_us);
    q->balance = q->balance > 0 ? q->quota : q->balance + q->quota;
}

/* Nobody in the ring can pay: the next round, or as many at once as it takes until one can. */
static void begin_round(struct scheduler *s) {
    int64_t skipped = INT64_MAX;
    struct queue *q = s->ring;
    do {
        int64_t needed = -q->balance / q->quota;
        if (needed < skipped) skipped = needed;
    } while ((q = q->next) != s->ring);
    do q->balance += skipped * q->quota;
    while ((q = q->next) != s->ring);
    s->round++;
}

struct queue *queues_next_of_round(struct scheduler *s, int64_t now_us) {
    struct queue *first = s->ring;
    if (!first) return NULL;
    do {
        struct queue *q = s->ring;
        earn(s, q, now_us);
        if (q->balance > 0) return q;
        move_on(s);
    } while (s->ring != first);
    return NULL;
}

struct queue *queues_next(struct scheduler *s, int64_t now_us) {
    struct queue *q;
    while (!(q = queues_next_of_round(s, now_us)) && s->ring) begin_round(s);
    return q;
}

/* It keeps its place in the ring while what it runs is in no list, and cannot be freed. */
void queue_begin_turn(struct queue *q) {
    q->has_turn = true;
    q->tasks++;
}

static void charge(struct queue *q, int64_t ticks, int64_t cpu_us) {
    int64_t cost = cpu_us > INT32_MAX ? INT64_C(0x100000000) * TICKS_PER_US : cpu_us * TICKS_PER_US;
    if (ticks > cost) cost = ticks;
    if (cost < LEAST_CHARGE) cost = LEAST_CHARGE;
    q->balance -= cost;
    if (q->balance < -MOST_DEBT * q->quota) q->balance = -MOST_DEBT * q->quota;
}

void queue_end_turn(struct scheduler *s, struct queue *q, int64_t ticks, int64_t cpu_us) {
    charge(q, ticks, cpu_us);
    q->has_turn = false;
    q->tasks--;
    if (q->yields && s->ring == q) move_on(s);
    q->yields = false;
    leave_ring_if_empty(s, q);
    queue_release(s, q);
}

static void free_all(struct idmap *table) {
    size_t at = 0;
    struct queue *q;
    while ((q = idmap_next(table, &at))) free(q);
    idmap_fini(table);
}

void queues_fini(struct scheduler *s) {
    free_all(&s->queues);
    free_all(&s->login_queues);
    s->ring = NULL;
}
