/* SPDX-License-Identifier: MIT */
/*
 * What was counted in the last minute, in the last hour, and since the beginning.
 *
 * Time is cut into periods of ten seconds, numbered. Counting goes to the part of the present period, which costs nothing more than counting; when the period is over that part is added to
 * the total, to its own slot and to the slot of its five minutes. So a minute is 60 to 70 seconds, an hour 60 to 65 minutes. What a part looks like is the user's: bytes that are zero at
 * first, and a function that adds one to another.
 */
#ifndef BASE_ROLLING_H
#define BASE_ROLLING_H

#include <stddef.h>
#include <stdint.h>

enum rolling_span { SPAN_MINUTE, SPAN_HOUR, SPAN_ALL, SPANS };
enum { ROLLING_PERIOD_US = 10 * 1000 * 1000 };

struct rolling_kind {
    size_t size;
    void (*add)(void *into, const void *part);
};

/* The present part, `now' in what follows, is the caller's, zero at first; room for what is past is taken when the first period is over. */
struct rolling {
    struct rolling_past *past; /* NULL: nothing is */
    uint32_t period;
};

static inline uint32_t rolling_period(int64_t now_us) { return (uint32_t)(now_us / ROLLING_PERIOD_US); }
void rolling_turn(struct rolling *r, const struct rolling_kind *kind, void *now, uint32_t period); /* another one has begun */
void rolling_fini(struct rolling *r);
/* Before something is counted in it. */
static inline void rolling_begin(struct rolling *r, const struct rolling_kind *kind, void *now, uint32_t period) {
    if (__builtin_expect(r->period != period, 0)) rolling_turn(r, kind, now, period);
}
void rolling_sum(const struct rolling *r, const struct rolling_kind *kind, const void *now, uint32_t period, enum rolling_span span, void *out); /* out is zero before */
int64_t rolling_span_us(enum rolling_span span, int64_t now_us); /* how long it is just now; INT64_MAX: everything */

#endif
