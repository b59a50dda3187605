/* SPDX-License-Identifier: MIT */
/* What is past: the total, SHORT slots of ten seconds, LONG ones of five minutes. A slot is emptied when its turn comes again, not before: who sums up looks at its number. */
#include "base/rolling.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum { SHORT = 6, LONG = 13, SLOTS = SHORT + LONG, PERIODS_A_LONG = 30 };

struct rolling_past {
    uint32_t numbers[SLOTS]; /* which period, or which five minutes, each slot holds */
    _Alignas(8) unsigned char parts[]; /* the total, then the slots */
};

static void *total(const struct rolling *r) { return r->past->parts; }
static void *slot(const struct rolling *r, const struct rolling_kind *kind, int i) { return r->past->parts + (size_t)(i + 1) * kind->size; }

static void add_to_slot(struct rolling *r, const struct rolling_kind *kind, const void *now, uint32_t i, uint32_t number) {
    if (r->past->numbers[i] != number) memset(slot(r, kind, (int)i), 0, kind->size);
    r->past->numbers[i] = number;
    kind->add(slot(r, kind, (int)i), now);
}

void rolling_turn(struct rolling *r, const struct rolling_kind *kind, void *now, uint32_t period) {
    uint32_t old = r->period, longer = old / PERIODS_A_LONG;
    if (!r->past) r->past = xcalloc(1, sizeof *r->past + (1 + SLOTS) * kind->size);
    kind->add(total(r), now);
    add_to_slot(r, kind, now, old % SHORT, old);
    add_to_slot(r, kind, now, SHORT + longer % LONG, longer);
    memset(now, 0, kind->size);
    r->period = period;
}

void rolling_fini(struct rolling *r) { free(r->past); }

static void sum_slots(const struct rolling *r, const struct rolling_kind *kind, int first, int n, uint32_t latest, void *out) {
    for (int i = first; r->past && i < first + n; i++)
        if (latest - r->past->numbers[i] < (uint32_t)n) kind->add(out, slot(r, kind, i));
}

void rolling_sum(const struct rolling *r, const struct rolling_kind *kind, const void *now, uint32_t period, enum rolling_span span, void *out) {
    bool is_recent = true;
    switch (span) {
    case SPAN_MINUTE:
        sum_slots(r, kind, 0, SHORT, period - 1, out);
        is_recent = period - r->period <= SHORT;
        break;
    case SPAN_HOUR:
        sum_slots(r, kind, SHORT, LONG, period / PERIODS_A_LONG, out);
        is_recent = period / PERIODS_A_LONG - r->period / PERIODS_A_LONG < LONG;
        break;
    case SPAN_ALL:
        if (r->past) kind->add(out, total(r));
        break;
    case SPANS: break;
    }
    if (is_recent) kind->add(out, now);
}

int64_t rolling_span_us(enum rolling_span span, int64_t now_us) {
    int64_t longer_us = (int64_t)PERIODS_A_LONG * ROLLING_PERIOD_US;
    switch (span) {
    case SPAN_MINUTE: return (int64_t)SHORT * ROLLING_PERIOD_US + now_us % ROLLING_PERIOD_US;
    case SPAN_HOUR: return (LONG - 1) * longer_us + now_us % longer_us;
    case SPAN_ALL:
    case SPANS: break;
    }
    return INT64_MAX;
}
