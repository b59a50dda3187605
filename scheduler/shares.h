/* SPDX-License-Identifier: MIT */
/*
 * Shares of the processor: one a player, or one a group of players (.quota_group), or one a listener for who has not logged in. They stand in a ring and take turns by deficit round robin
 * (Shreedhar and Varghese, 1995), in ticks.
 *
 * In each round a share earns its quota once, when it is first looked at, and may run slices while its balance is positive. A slice is charged afterwards, with its CPU time (and the ticks that
 * it used, as cpu_weight says); what is overspent later rounds' quotas pay. The share at the head of the ring keeps its turn until it has used its balance, or LONG_TURN of it, or has nothing ready; when a
 * task of it goes to sleep, the others go first. It goes on with what is left of its balance when they have had a turn. The round ends when nobody in the ring has anything left; then as many rounds as the least
 * indebted needs are credited to all at once, so who is alone never waits.
 *
 * Who had nothing ready and now comes stands right behind the share that has the turn (and behind those who came so before), as in FQ-CoDel (RFC 8290): the order within a round changes nothing about
 * what anybody gets in it, but who needs little waits for one turn of the greedy and not for one of each of them.
 *
 * A share has two parts, typed commands and background tasks, each with a balance of its own, so that a typed command does not wait until its player's background tasks have paid their debts. While both
 * are ready `fg_share' per cent of the quota go to the one and the rest to the other. While one is not, the other may have the whole; who comes later in a round gets its portion of that round from
 * the other, which then owes it.
 *
 * What was not used in a round is lost, but that it pays the other part's debt; what is owed is not, but debts are capped, and fade while nothing of the share is ready: who always has something is to pay.
 *
 * Within a part the queues of its players stand in a ring of their own and take turns in the same way (queues.c).
 *
 * Who has nothing left of a round stands in a second ring until the next begins, so that a turn costs the same however many these are.
 *
 * Invariants. (1) A share is in one of the two rings exactly when a queue is in the ring of one of its parts. (2) Balances of shares in the rings that have been looked at in this round are at most the
 * quota. (3) The quota of a share in the rings has been read. (4) Those that wait have been looked at in this round, and share_part_to_run() says PARTS.
 */
#ifndef SCHEDULER_SHARES_H
#define SCHEDULER_SHARES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/value.h"

struct queue;
struct scheduler;

enum {
    TICKS_PER_US = 20, /* what a microsecond of CPU time is worth */
    LONG_TURN = 1000 * TICKS_PER_US /* who has a large quota has longer rounds, not longer turns */
};

enum part { PART_TYPED, PART_BACKGROUND, PARTS };

struct share {
    objid owner; /* the player, the group's object, or the listener */
    bool logins;
    bool active; /* something of it is ready */
    bool waits; /* and it has nothing left of this round */
    struct share *next, *prev; /* in the ring of these or of the others, while active */
    uint64_t round; /* the last one in which it earned */
    struct share_part {
        struct queue *ring; /* whose turn it is among those with something ready of this part; NULL: nothing is */
        uint64_t round; /* of that ring */
        int64_t balance; /* ticks it may still use; below 0: debt */
        bool earned; /* in the share's round */
    } parts[PARTS];
    int64_t in_a_row; /* ticks that it has used since it came to the head of the ring */
    int64_t faded_us;
    int64_t quota, typed_quota; /* and what of it is for typed commands while both parts are ready */
    uint64_t count; /* option_count() when these were read; 0: not yet */
    size_t queues; /* that belong to it */
};

struct share *share_get(struct scheduler *s, objid owner, bool logins);
void share_release(struct scheduler *s, struct share *h); /* freed, now or later, when no queue belongs to it and nothing is owed */
void share_read_quota(struct scheduler *s, struct share *h); /* unless nothing has changed */
int64_t share_debt(const struct share *h);
int64_t share_quota_of(const struct share *h, enum part p); /* what the part earns in a round, as things are */

void share_enter(struct scheduler *s, struct share *h); /* something more of it is ready: into the ring, if it is not there */
void share_leave_if_idle(struct scheduler *s, struct share *h); /* something of it is ready no longer */
void shares_move_on(struct scheduler *s); /* the next one is at the head */
void shares_wait(struct scheduler *s); /* the one at the head has nothing left: for the next round */
void share_earn(struct scheduler *s, struct share *h); /* in this round */
enum part share_part_to_run(const struct share *h); /* PARTS: it has nothing left, or nothing ready */
void shares_begin_round(struct scheduler *s); /* all wait: the next, or as many at once as it takes until somebody has */
void share_charge(struct scheduler *s, struct share *h, enum part p, int64_t ticks);
int64_t share_most_debt(struct scheduler *s, int64_t quota);
void shares_fini(struct scheduler *s);

#endif
