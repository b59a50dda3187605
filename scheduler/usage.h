/* SPDX-License-Identifier: MIT */
/*
 * Who used how much: a bounded table of players, or of verbs, each with what it used in the last minute, in the last hour and since the server began.
 *
 * When the table is full the quarter that used least in the last hour is forgotten, but nobody who is pinned. Counting takes a look-up and six additions. Times are microseconds.
 */
#ifndef SCHEDULER_USAGE_H
#define SCHEDULER_USAGE_H

#include <stdbool.h>

#include "base/rolling.h"
#include "base/str.h"

enum { USAGE_PLAYERS = 8192, USAGE_VERBS = 2048, USAGE_ENTRIES = USAGE_PLAYERS /* at most in a table */ };

struct usage {
    int64_t slices, ticks, cpu_us;
    int64_t wait_us; /* ready or read, and not yet begun: the sum */
    int64_t worst_slice_us, worst_wait_us;
    int64_t self_us, total_us; /* of a verb: how long the watchdog saw it running, or it and what it had called; by samples */
};

static inline void usage_add(struct usage *into, const struct usage *part) {
    into->slices += part->slices;
    into->ticks += part->ticks;
    into->cpu_us += part->cpu_us;
    into->wait_us += part->wait_us;
    if (part->worst_slice_us > into->worst_slice_us) into->worst_slice_us = part->worst_slice_us;
    if (part->worst_wait_us > into->worst_wait_us) into->worst_wait_us = part->worst_wait_us;
    into->self_us += part->self_us;
    into->total_us += part->total_us;
}

extern const struct rolling_kind usage_kind;

/* Of a player: verb NULL. Connections that have not logged in are known by their listener, verb NULL and logins. What is counted in each slice is in the first line of memory. */
struct usage_entry {
    _Alignas(64) struct rolling times;
    struct usage now;
    objid who; /* a verb's definer */
    struct str *verb; /* its names */
    bool logins, pinned;
};

struct usage_table {
    struct usage_entry **slots; /* twice `most', which is the user's: a power of two */
    uint32_t most, len, cap;
    uint32_t epoch; /* moves when entries are forgotten: pointers to them are worth nothing then */
};

void usage_table_fini(struct usage_table *t);
struct usage_entry *usage_find(const struct usage_table *t, objid who, const struct str *verb, bool logins); /* NULL if there is none */
/* Or a new one. Valid while the table's epoch is what it was after the call, or while it is pinned, which the caller sees to. */
struct usage_entry *usage_get(struct usage_table *t, objid who, struct str *verb, bool logins, uint32_t period);
static inline struct usage *usage_now(struct usage_entry *e, uint32_t period) {
    rolling_begin(&e->times, &usage_kind, &e->now, period);
    return &e->now;
}

struct usage_row {
    objid who;
    struct str *verb; /* borrowed, until anything runs; NULL: a player */
    bool logins;
    struct usage usage;
};
struct usage_row usage_row_of(const struct usage_entry *e, uint32_t period, enum rolling_span span);
/* Those that used most CPU time in the span, the first first; verbs that no task began with, by samples. How many there are, at most `most'. */
size_t usage_top(const struct usage_table *t, uint32_t period, enum rolling_span span, struct usage_row *out, size_t most);

#endif
