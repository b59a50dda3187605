/* SPDX-License-Identifier: MIT */
#include "scheduler/shares.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum {
    LEAST_QUOTA = 100,
    MOST_DEBT = 200, /* in quotas */
    MOST_DEBT_SLICES = 2, /* but always so many slices of who is no wizard, or who has a small quota would be forgiven what they took */
    SWEEP_FROM = 256
};
static const int64_t US_PER_SECOND = 1000000;

/* ---- coming and going ---- */

static struct share *new_share(objid owner, bool logins) {
    struct share *h = xcalloc(1, sizeof *h);
    h->owner = owner;
    h->logins = logins;
    h->faded_us = clock_monotonic_us();
    return h; /* what its owner's options say is read when it first matters: ten thousand players that a reboot hands over need not be loaded then */
}

int64_t share_debt(const struct share *h) {
    int64_t debt = 0;
    for (int p = 0; p < PARTS; p++)
        if (h->parts[p].balance < 0) debt -= h->parts[p].balance;
    return debt;
}

void share_read_quota(struct scheduler *s, struct share *h) {
    uint64_t count = option_count(s);
    if (h->count == count) return;
    h->count = count;
    h->quota = h->logins ? 0 : option_of_player(s, h->owner, OWN_tick_quota, NULL);
    if (h->quota <= 0) h->quota = option_int(s, OPT_tick_quota);
    if (h->quota < LEAST_QUOTA) h->quota = LEAST_QUOTA;
    h->typed_quota = h->quota * option_int(s, OPT_fg_share) / 100;
}

/* Typed commands' debt first. */
static void forgive(struct share *h, int64_t ticks) {
    for (int p = 0; p < PARTS && ticks > 0; p++) {
        if (h->parts[p].balance >= 0) continue;
        int64_t part = -h->parts[p].balance < ticks ? -h->parts[p].balance : ticks;
        h->parts[p].balance += part;
        ticks -= part;
    }
}

static void fade(struct scheduler *s, struct share *h) {
    if (h->active || share_debt(h) == 0) return;
    int64_t now = clock_monotonic_us(), passed = now - h->faded_us;
    if (passed <= 0) return;
    h->faded_us = now;
    share_read_quota(s, h);
    double forgotten = (double)passed * (double)h->quota * (double)option_int(s, OPT_quota_fade) / (double)US_PER_SECOND;
    forgive(h, forgotten < 1e15 ? (int64_t)forgotten : INT64_C(1000000000000000));
}

/* One that has earned its quota in this round is kept, lest it comes anew and earns it again. */
static bool is_of_no_use(const struct scheduler *s, const struct share *h) {
    return h->queues == 0 && !h->active && share_debt(h) == 0 && h->round != s->round;
}

static void free_share(struct scheduler *s, struct share *h) {
    idmap_remove(h->logins ? &s->login_shares : &s->shares, h->owner);
    free(h);
}

void share_release(struct scheduler *s, struct share *h) {
    if (h->queues > 0 || h->active) return;
    fade(s, h);
    if (is_of_no_use(s, h)) free_share(s, h);
}

/* Shares that were kept for their debt alone, or until the end of a round, go. */
static void sweep(struct scheduler *s) {
    struct share **useless = xmalloc((s->shares.len + 1) * sizeof(struct share *));
    size_t n = 0, at = 0;
    struct share *h;
    while ((h = idmap_next(&s->shares, &at))) {
        if (h->queues == 0) fade(s, h);
        if (is_of_no_use(s, h)) useless[n++] = h;
    }
    while (n > 0) free_share(s, useless[--n]);
    free(useless);
    s->shares_after_sweep = s->shares.len;
}

struct share *share_get(struct scheduler *s, objid owner, bool logins) {
    struct idmap *table = logins ? &s->login_shares : &s->shares;
    struct share *h = idmap_get(table, owner);
    if (h) return h;
    if (s->shares.len > 2 * s->shares_after_sweep + SWEEP_FROM) sweep(s);
    h = new_share(owner, logins);
    idmap_put(table, owner, h);
    return h;
}

static void free_all(struct idmap *table) {
    size_t at = 0;
    struct share *h;
    while ((h = idmap_next(table, &at))) free(h);
    idmap_fini(table);
}

void shares_fini(struct scheduler *s) {
    free_all(&s->shares);
    free_all(&s->login_shares);
    s->ring = s->waiting = s->newcomer = NULL;
}

/* ---- the two rings ---- */

/* As the last one; `after' NULL. Or behind another. */
static void link_share(struct share **ring, struct share *h, struct share *after) {
    if (!*ring) {
        *ring = h->next = h->prev = h;
        return;
    }
    h->prev = after ? after : (*ring)->prev;
    h->next = h->prev->next;
    h->prev->next = h->next->prev = h;
}

static void unlink_share(struct scheduler *s, struct share *h) {
    struct share **ring = h->waits ? &s->waiting : &s->ring;
    if (s->newcomer == h) s->newcomer = s->ring == h || s->ring == h->prev ? NULL : h->prev;
    if (*ring == h) *ring = h->next == h ? NULL : h->next;
    h->prev->next = h->next;
    h->next->prev = h->prev;
    h->next = h->prev = NULL;
}

static void link_newcomer(struct scheduler *s, struct share *h) {
    bool is_first = !s->ring;
    link_share(&s->ring, h, s->newcomer ? s->newcomer : s->ring);
    if (!is_first) s->newcomer = h;
}

/* It may have something of this round after all. */
static void look_again(struct scheduler *s, struct share *h) {
    if (!h->waits) return;
    share_earn(s, h);
    if (share_part_to_run(h) == PARTS) return;
    unlink_share(s, h);
    h->waits = false;
    link_newcomer(s, h);
}

void share_enter(struct scheduler *s, struct share *h) {
    if (h->active) {
        look_again(s, h);
        return;
    }
    share_read_quota(s, h);
    fade(s, h);
    h->active = true;
    s->nactive++;
    link_newcomer(s, h);
}

void shares_move_on(struct scheduler *s) {
    if (s->newcomer == s->ring) s->newcomer = NULL;
    s->ring->in_a_row = 0;
    s->ring = s->ring->next;
}

void shares_wait(struct scheduler *s) {
    struct share *h = s->ring;
    unlink_share(s, h);
    h->in_a_row = 0;
    h->waits = true;
    link_share(&s->waiting, h, NULL);
}

void share_leave_if_idle(struct scheduler *s, struct share *h) {
    if (!h->active) return;
    if (h->parts[PART_TYPED].ring || h->parts[PART_BACKGROUND].ring) {
        look_again(s, h); /* what has left may leave something to what is there */
        return;
    }
    if (share_debt(h) > 0) h->faded_us = clock_monotonic_us(); /* it fades from now on */
    unlink_share(s, h);
    h->in_a_row = 0;
    h->active = h->waits = false;
    s->nactive--;
}

/* ---- balances ---- */

static int64_t portion(const struct share *h, enum part p) {
    return p == PART_TYPED ? h->typed_quota : h->quota - h->typed_quota;
}

static enum part other_part(enum part p) {
    return p == PART_TYPED ? PART_BACKGROUND : PART_TYPED;
}

int64_t share_quota_of(const struct share *h, enum part p) {
    return h->parts[other_part(p)].ring ? portion(h, p) : h->quota;
}

/* What one part has left pays what the other owes. */
static void settle(struct share *h) {
    for (int p = 0; p < PARTS; p++) {
        int64_t *left = &h->parts[p].balance, *owed = &h->parts[PARTS - 1 - p].balance;
        if (*left <= 0 || *owed >= 0) continue;
        int64_t paid = *left < -*owed ? *left : -*owed;
        *left -= paid;
        *owed += paid;
    }
}

/* It came when the other had had the whole quota of this round. Typed commands get their portion whether it is left or not, background tasks what is left. */
static void take_portion(struct share *h, enum part p) {
    int64_t ticks = portion(h, p), *other = &h->parts[other_part(p)].balance;
    if (p == PART_BACKGROUND && ticks > *other) ticks = *other > 0 ? *other : 0;
    h->parts[p].balance += ticks;
    *other -= ticks;
    h->parts[p].earned = true;
}

void share_earn(struct scheduler *s, struct share *h) {
    if (h->round == s->round) {
        for (int p = 0; p < PARTS; p++)
            if (h->parts[p].ring && !h->parts[p].earned) take_portion(h, (enum part)p);
        return;
    }
    h->round = s->round;
    settle(h);
    for (int p = 0; p < PARTS; p++) {
        struct share_part *part = &h->parts[p];
        int64_t ticks = part->ring ? share_quota_of(h, (enum part)p) : 0;
        part->balance = part->balance > 0 ? ticks : part->balance + ticks;
        part->earned = part->ring != NULL;
    }
}

static bool may_run(const struct share *h, enum part p) {
    if (!h->parts[p].ring) return false;
    if (h->parts[p].balance > 0) return true;
    enum part other = other_part(p);
    return !h->parts[other].ring && h->parts[p].balance + h->parts[other].balance > 0;
}

enum part share_part_to_run(const struct share *h) {
    return may_run(h, PART_TYPED) ? PART_TYPED : may_run(h, PART_BACKGROUND) ? PART_BACKGROUND : PARTS;
}

/* Rounds that pass before the one in which it has something again. */
static int64_t rounds_needed(const struct share *h) {
    int64_t least = INT64_MAX;
    for (int p = 0; p < PARTS; p++) {
        if (!h->parts[p].ring) continue;
        int64_t needed = h->parts[p].balance > 0 ? 0 : -h->parts[p].balance / share_quota_of(h, (enum part)p);
        if (needed < least) least = needed;
    }
    return least;
}

void shares_begin_round(struct scheduler *s) {
    int64_t skipped = INT64_MAX;
    struct share *h = s->waiting;
    must(h && !s->ring);
    do {
        settle(h);
        int64_t needed = rounds_needed(h);
        if (needed < skipped) skipped = needed;
    } while ((h = h->next) != s->waiting);
    do {
        for (int p = 0; p < PARTS; p++)
            if (h->parts[p].ring) h->parts[p].balance += skipped * share_quota_of(h, (enum part)p);
        h->waits = false;
    } while ((h = h->next) != s->waiting);
    s->ring = s->waiting;
    s->waiting = s->newcomer = NULL;
    s->round++;
}

int64_t share_most_debt(struct scheduler *s, int64_t quota) {
    int64_t slices = MOST_DEBT_SLICES * option_int(s, OPT_max_slice_ms) * 1000 * TICKS_PER_US;
    return quota * MOST_DEBT > slices ? quota * MOST_DEBT : slices;
}

void share_charge(struct scheduler *s, struct share *h, enum part p, int64_t ticks) {
    int64_t least = -share_most_debt(s, h->quota);
    h->in_a_row += ticks;
    h->parts[p].balance -= ticks;
    if (h->parts[p].balance < least) h->parts[p].balance = least;
}
