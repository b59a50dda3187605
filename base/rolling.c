/* SPDX-License-Identifier: MIT */
/* Parts: the present one, the total of all before it, ROLLING_SHORT of ten seconds, ROLLING_LONG of five minutes. A slot is emptied when its turn comes again, not before: who sums up looks at its number. */
#include "base/rolling.h"

#include <stdbool.h>
#include <string.h>

enum { PERIODS_A_LONG = 30 };

static void *part(const struct rolling *r, const struct rolling_kind *kind, int i) { return (char *)r->parts + (size_t)i * kind->size; }

static void add_to_slot(struct rolling *r, const struct rolling_kind *kind, uint32_t i, uint32_t number) {
    void *slot = part(r, kind, 2 + (int)i);
    if (r->slots[i] != number) memset(slot, 0, kind->size);
    r->slots[i] = number;
    kind->add(slot, r->parts);
}

void rolling_turn(struct rolling *r, const struct rolling_kind *kind, uint32_t period) {
    uint32_t old = r->period, longer = old / PERIODS_A_LONG;
    kind->add(part(r, kind, 1), r->parts);
    add_to_slot(r, kind, old % ROLLING_SHORT, old);
    add_to_slot(r, kind, ROLLING_SHORT + longer % ROLLING_LONG, longer);
    memset(r->parts, 0, kind->size);
    r->period = period;
}

static void sum_slots(const struct rolling *r, const struct rolling_kind *kind, int first, int n, uint32_t latest, void *out) {
    for (int i = first; i < first + n; i++)
        if (latest - r->slots[i] < (uint32_t)n) kind->add(out, part(r, kind, 2 + i));
}

void rolling_sum(const struct rolling *r, const struct rolling_kind *kind, uint32_t period, enum rolling_span span, void *out) {
    bool is_recent = true;
    switch (span) {
    case SPAN_MINUTE:
        sum_slots(r, kind, 0, ROLLING_SHORT, period - 1, out);
        is_recent = period - r->period <= ROLLING_SHORT;
        break;
    case SPAN_HOUR:
        sum_slots(r, kind, ROLLING_SHORT, ROLLING_LONG, period / PERIODS_A_LONG, out);
        is_recent = period / PERIODS_A_LONG - r->period / PERIODS_A_LONG < ROLLING_LONG;
        break;
    case SPAN_ALL: kind->add(out, part(r, kind, 1)); break;
    case SPANS: break;
    }
    if (is_recent) kind->add(out, r->parts);
}

int64_t rolling_span_us(enum rolling_span span, int64_t now_us) {
    int64_t longer_us = (int64_t)PERIODS_A_LONG * ROLLING_PERIOD_US;
    switch (span) {
    case SPAN_MINUTE: return (int64_t)ROLLING_SHORT * ROLLING_PERIOD_US + now_us % ROLLING_PERIOD_US;
    case SPAN_HOUR: return (ROLLING_LONG - 1) * longer_us + now_us % longer_us;
    case SPAN_ALL:
    case SPANS: break;
    }
    return INT64_MAX;
}
