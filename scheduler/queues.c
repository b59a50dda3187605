/* SPDX-License-Identifier: MIT */
/*
 * What each player has to run, and whose turn it is within a share. Between shares that is decided in shares.c.
 *
 * Mostly a share is one player, and there is nothing to decide. The players of a group stand in a ring for each part of their share and take turns there as shares do in the ring of all: each may use
 * a quota of the share before the next one is looked at, and who has used more is passed over until the others have had as much. Balances within a ring count for nothing but that.
 *
 * A player's group and whether a quota of 0 pauses the background tasks are looked up when the player's queue gets something to run, and again, if the count of options has moved, before its
 * share has a turn (for those that are paused: before anybody has).
 */
#include <stdlib.h>

#include "base/must.h"
#include "scheduler/state.h"

enum { LEAST_CHARGE = 4 /* ticks of a slice, for the work around it */ };
static const int64_t MOST_CPU_US = INT64_C(0x100000000);

/* ---- coming and going ---- */

static struct queue *new_queue(struct idmap *table, objid owner, bool logins) {
    struct queue *q = xcalloc(1, sizeof *q);
    q->owner = owner;
    q->logins = logins;
    idmap_put(table, owner, q);
    return q;
}

struct queue *queue_get(struct scheduler *s, objid owner) {
    struct queue *q = idmap_get(&s->queues, owner);
    return q ? q : new_queue(&s->queues, owner, false);
}

struct queue *queue_get_logins(struct scheduler *s, objid listener) {
    struct queue *q = idmap_get(&s->login_queues, listener);
    return q ? q : new_queue(&s->login_queues, listener, true);
}

static void leave_share(struct scheduler *s, struct queue *q) {
    struct share *h = q->share;
    if (!h) return;
    q->share = NULL;
    h->queues--;
    share_release(s, h);
}

static void set_paused(struct scheduler *s, struct queue *q, bool paused) {
    if (paused == q->paused) return;
    q->paused = paused;
    if (paused) {
        q->next_paused = s->paused;
        if (q->next_paused) q->next_paused->prev_paused = q;
        s->paused = q;
        return;
    }
    if (q->prev_paused) q->prev_paused->next_paused = q->next_paused;
    else s->paused = q->next_paused;
    if (q->next_paused) q->next_paused->prev_paused = q->prev_paused;
    q->next_paused = q->prev_paused = NULL;
}

static bool is_listed(const struct queue *q) {
    return q->places[PART_TYPED].listed || q->places[PART_BACKGROUND].listed;
}

void queue_release(struct scheduler *s, struct queue *q) {
    if (q->tasks > 0 || q->inputs > 0 || is_listed(q)) return;
    leave_share(s, q);
    set_paused(s, q, false);
    idmap_remove(q->logins ? &s->login_queues : &s->queues, q->owner);
    free(q);
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
    s->paused = NULL;
    shares_fini(s);
}

/* ---- rings of parts ---- */

/* Behind the one that has the turn. */
static void list(struct scheduler *s, struct queue *q, enum part p) {
    struct queue_place *place = &q->places[p];
    struct queue **ring = &q->share->parts[p].ring;
    if (place->listed) return;
    place->listed = true;
    if (*ring) {
        place->prev = *ring;
        place->next = (*ring)->places[p].next;
        place->prev->places[p].next = place->next->places[p].prev = q;
    } else {
        *ring = place->next = place->prev = q;
    }
    share_enter(s, q->share);
}

static void unlist(struct queue *q, enum part p) {
    struct queue_place *place = &q->places[p];
    struct queue **ring = &q->share->parts[p].ring;
    if (!place->listed) return;
    place->listed = false;
    if (*ring == q) *ring = place->next == q ? NULL : place->next;
    place->prev->places[p].next = place->next;
    place->next->places[p].prev = place->prev;
    place->next = place->prev = NULL;
}

static bool has_work(const struct queue *q, enum part p) {
    return p == PART_TYPED ? q->first_input != NULL : q->first != NULL && !q->paused;
}

static void unlist_if_idle(struct scheduler *s, struct queue *q, enum part p) {
    if (q->has_turn || !q->places[p].listed || has_work(q, p)) return;
    unlist(q, p);
    share_leave_if_idle(s, q->share);
}

static void earn(struct queue *q, enum part p, int64_t quota) {
    struct queue_place *place = &q->places[p];
    if (place->round == q->share->parts[p].round) return;
    place->round = q->share->parts[p].round;
    place->balance = place->balance > 0 ? quota : place->balance + quota;
}

/* All of the ring have used what they had: the next round, or as many at once as it takes. */
static void begin_round(struct share *h, enum part p) {
    struct queue *first = h->parts[p].ring, *q = first;
    int64_t skipped = INT64_MAX;
    do {
        int64_t needed = -q->places[p].balance / h->quota;
        if (needed < skipped) skipped = needed;
    } while ((q = q->places[p].next) != first);
    do q->places[p].balance += skipped * h->quota;
    while ((q = q->places[p].next) != first);
    h->parts[p].round++;
}

static struct queue *next_of_part(struct share *h, enum part p) {
    struct queue **ring = &h->parts[p].ring;
    if ((*ring)->places[p].next == *ring) return *ring;
    for (;;) {
        struct queue *first = *ring;
        do {
            earn(*ring, p, h->quota);
            if ((*ring)->places[p].balance > 0) return *ring;
            *ring = (*ring)->places[p].next;
        } while (*ring != first);
        begin_round(h, p);
    }
}

static void charge_place(struct scheduler *s, struct queue *q, enum part p, int64_t ticks) {
    struct queue_place *place = &q->places[p];
    struct queue **ring = &q->share->parts[p].ring;
    int64_t least = -share_most_debt(s, q->share->quota);
    place->balance -= ticks;
    if (place->next == q) place->balance = 0; /* there is nobody whom it could have kept waiting */
    else if (place->balance < least) place->balance = least;
    if (place->balance <= 0 && *ring == q) *ring = place->next;
}

/* ---- where it belongs ---- */

int64_t queue_option(struct scheduler *s, struct queue *q, enum own_option which) {
    uint64_t count = option_count(s);
    if (q->own_count != count) {
        q->own_count = count;
        for (int i = 0; i < OWN_COUNT; i++) {
            enum own_option own = (enum own_option)i;
            q->own[own] = q->logins ? option_int(s, option_of_own(own)) : option_of_player(s, q->owner, own, NULL);
        }
    }
    return q->own[which];
}

static struct share *share_of(struct scheduler *s, const struct queue *q) {
    objid group = q->logins ? NOTHING : option_quota_group(s, q->owner);
    return share_get(s, group == NOTHING ? q->owner : group, q->logins);
}

static bool is_paused(struct scheduler *s, struct queue *q) {
    if (q->logins) return false;
    return queue_option(s, q, OWN_tick_quota) == 0 || (q->share->owner != q->owner && option_of_player(s, q->share->owner, OWN_tick_quota, NULL) == 0);
}

static void move_to_share(struct scheduler *s, struct queue *q, struct share *h) {
    struct share *old = q->share;
    if (old == h) return;
    for (int p = 0; old && p < PARTS; p++) {
        unlist(q, (enum part)p);
        q->places[p] = (struct queue_place){0}; /* what it used there is nothing to the others here */
    }
    if (old) share_leave_if_idle(s, old);
    leave_share(s, q);
    q->share = h;
    h->queues++;
}

/* Where it belongs, after its options may have changed; not while it has the turn. */
static void place(struct scheduler *s, struct queue *q) {
    uint64_t count = option_count(s);
    if (q->place_count == count) return;
    q->place_count = count;
    move_to_share(s, q, share_of(s, q));
    set_paused(s, q, is_paused(s, q));
    for (int p = 0; p < PARTS; p++) {
        if (has_work(q, (enum part)p)) list(s, q, (enum part)p);
        else unlist_if_idle(s, q, (enum part)p);
    }
}

/* Those in its rings that are not known to belong there. */
static size_t misplaced(struct scheduler *s, const struct share *h, struct queue **out) {
    uint64_t count = option_count(s);
    size_t n = 0;
    for (int p = 0; p < PARTS; p++) {
        struct queue *first = h->parts[p].ring, *q = first;
        if (!first) continue;
        do {
            if (q->place_count != count) out[n++] = q;
        } while ((q = q->places[p].next) != first);
    }
    return n;
}

/* true: all is as before, in the ring and in it. Else it may be gone. */
static bool is_settled(struct scheduler *s, struct share *h) {
    if (h->count == option_count(s)) return true;
    struct queue **found = xmalloc(PARTS * h->queues * sizeof *found);
    size_t n = misplaced(s, h, found);
    if (n == 0) share_read_quota(s, h);
    for (size_t i = 0; i < n; i++) place(s, found[i]);
    free(found);
    return n == 0;
}

static void look_at_paused(struct scheduler *s) {
    uint64_t count = option_count(s);
    if (!s->paused || s->paused_count == count) return;
    s->paused_count = count;
    for (struct queue *q = s->paused, *next; q; q = next) {
        next = q->next_paused;
        place(s, q);
    }
}

/* ---- what is ready ---- */

static void enter(struct scheduler *s, struct queue *q, enum part p) {
    if (q->places[p].listed) return;
    if (!q->has_turn) place(s, q);
    if (has_work(q, p)) list(s, q, p);
}

void queue_put_task(struct scheduler *s, struct queue *q, struct task *t) {
    t->next = NULL;
    t->prev = q->last;
    if (q->last) q->last->next = t;
    else q->first = t;
    q->last = t;
    s->nready++;
    q->nready++;
    enter(s, q, PART_BACKGROUND);
}

void queue_take_task(struct scheduler *s, struct queue *q, struct task *t) {
    if (t->prev) t->prev->next = t->next;
    else q->first = t->next;
    if (t->next) t->next->prev = t->prev;
    else q->last = t->prev;
    t->next = t->prev = NULL;
    s->nready--;
    q->nready--;
    unlist_if_idle(s, q, PART_BACKGROUND);
}

void queue_put_input(struct scheduler *s, struct input *in) {
    struct queue *q = in->queue;
    in->runnable = true;
    in->next = NULL;
    in->prev = q->last_input;
    if (q->last_input) q->last_input->next = in;
    else q->first_input = in;
    q->last_input = in;
    enter(s, q, PART_TYPED);
}

void queue_take_input(struct scheduler *s, struct input *in) {
    struct queue *q = in->queue;
    in->runnable = false;
    if (in->prev) in->prev->next = in->next;
    else q->first_input = in->next;
    if (in->next) in->next->prev = in->prev;
    else q->last_input = in->prev;
    in->next = in->prev = NULL;
    unlist_if_idle(s, q, PART_TYPED);
}

/* ---- turns ---- */

struct queue *queues_next_of_round(struct scheduler *s) {
    look_at_paused(s);
    while (s->ring) {
        struct share *h = s->ring;
        if (!is_settled(s, h)) continue; /* the ring may have changed */
        share_earn(s, h);
        enum part p = share_part_to_run(h);
        if (p != PARTS) {
            struct queue *q = next_of_part(h, p);
            q->part = p;
            return q;
        }
        shares_wait(s);
    }
    return NULL;
}

struct queue *queues_next(struct scheduler *s) {
    struct queue *q;
    while (!(q = queues_next_of_round(s)) && s->waiting) shares_begin_round(s);
    return q;
}

/* It keeps its places in the rings while what it runs is in no list, and cannot be freed. */
void queue_begin_turn(struct queue *q) {
    q->has_turn = true;
    q->tasks++;
}

void queue_begin_unasked_turn(struct scheduler *s, struct queue *q) {
    place(s, q);
    q->part = PART_BACKGROUND;
    queue_begin_turn(q);
}

static int64_t cost_of(struct scheduler *s, int64_t ticks, int64_t cpu_us) {
    int64_t weight = option_int(s, OPT_cpu_weight), cpu = (cpu_us < MOST_CPU_US ? cpu_us : MOST_CPU_US) * TICKS_PER_US;
    int64_t cost = (cpu * weight + ticks * (100 - weight)) / 100;
    return cost > LEAST_CHARGE ? cost : LEAST_CHARGE;
}

/* The others of its group come first. */
static void yield(struct queue *q) {
    struct queue **ring = &q->share->parts[q->part].ring;
    if (*ring == q) *ring = q->places[q->part].next;
}

void queue_end_turn(struct scheduler *s, struct queue *q, int64_t ticks, int64_t cpu_us) {
    int64_t cost = cost_of(s, ticks, cpu_us);
    share_charge(s, q->share, q->part, cost);
    charge_place(s, q, q->part, cost);
    q->has_turn = false;
    q->tasks--;
    if (q->yields) yield(q);
    if (s->ring == q->share && (q->yields || q->share->in_a_row >= LONG_TURN)) shares_move_on(s);
    q->yields = false;
    for (int p = 0; p < PARTS; p++) unlist_if_idle(s, q, (enum part)p);
    queue_release(s, q);
}
