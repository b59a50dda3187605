/* SPDX-License-Identifier: MIT */
#include "scheduler/usage.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

static void add_part(void *into, const void *part) { usage_add(into, part); }

const struct rolling_kind usage_kind = {sizeof(struct usage), add_part};

static uint32_t hash_of(objid who, const struct str *verb, bool logins) {
    uint64_t h = (uint64_t)who * UINT64_C(0x9e3779b97f4a7c15) + (verb ? str_hash(verb) : logins);
    return (uint32_t)(h ^ h >> 32);
}

static bool is_of(const struct usage_entry *e, objid who, const struct str *verb, bool logins) {
    if (e->who != who || e->logins != logins) return false;
    return e->verb == verb || (e->verb && verb && str_identical(e->verb, verb));
}

/* The slot in which it is or would be. */
static uint32_t slot_of(const struct usage_table *t, objid who, const struct str *verb, bool logins) {
    uint32_t i = hash_of(who, verb, logins) & (t->cap - 1);
    while (t->slots[i] && !is_of(t->slots[i], who, verb, logins)) i = (i + 1) & (t->cap - 1);
    return i;
}

static void free_entry(struct usage_entry *e) {
    if (e->verb) str_unref(e->verb);
    rolling_fini(&e->times);
    free(e);
}

void usage_table_fini(struct usage_table *t) {
    for (uint32_t i = 0; i < t->cap; i++)
        if (t->slots[i]) free_entry(t->slots[i]);
    free(t->slots);
}

struct usage_entry *usage_find(const struct usage_table *t, objid who, const struct str *verb, bool logins) {
    return t->cap ? t->slots[slot_of(t, who, verb, logins)] : NULL;
}

/* ---- forgetting ---- */

struct weighed {
    struct usage_entry *entry;
    int64_t weight;
};

static int64_t weight_of(const struct usage *u) { return u->cpu_us + u->self_us; }

static int lightest_first(const void *x, const void *y) {
    const struct weighed *a = x, *b = y;
    return a->weight < b->weight ? -1 : a->weight > b->weight;
}

static void forget_the_least_active(struct usage_table *t, uint32_t period) {
    struct weighed *all = xmalloc(t->len * sizeof *all);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->cap; i++) {
        if (!t->slots[i]) continue;
        struct usage_row row = usage_row_of(t->slots[i], period, SPAN_HOUR);
        all[n++] = (struct weighed){t->slots[i], t->slots[i]->pinned ? INT64_MAX : weight_of(&row.usage)};
        t->slots[i] = NULL;
    }
    qsort(all, n, sizeof *all, lightest_first);
    t->len = 0;
    t->epoch++;
    for (uint32_t i = 0; i < n; i++) {
        struct usage_entry *e = all[i].entry;
        if (i < t->most / 4 && !e->pinned) {
            free_entry(e);
            continue;
        }
        t->slots[slot_of(t, e->who, e->verb, e->logins)] = e;
        t->len++;
    }
    free(all);
}

struct usage_entry *usage_get(struct usage_table *t, objid who, struct str *verb, bool logins, uint32_t period) {
    if (!t->cap) {
        t->cap = 2 * t->most;
        t->slots = xcalloc(t->cap, sizeof *t->slots);
    }
    uint32_t i = slot_of(t, who, verb, logins);
    if (t->slots[i]) return t->slots[i];
    if (t->len >= t->most) {
        forget_the_least_active(t, period);
        i = slot_of(t, who, verb, logins);
    }
    struct usage_entry *e = aligned_alloc(_Alignof(struct usage_entry), sizeof *e);
    must(e);
    *e = (struct usage_entry){.who = who, .verb = verb ? str_ref(verb) : NULL, .logins = logins, .times = {.period = period}};
    t->slots[i] = e;
    t->len++;
    return e;
}

/* ---- looking ---- */

struct usage_row usage_row_of(const struct usage_entry *e, uint32_t period, enum rolling_span span) {
    struct usage_row row = {e->who, e->verb, e->logins, {0}};
    rolling_sum(&e->times, &usage_kind, &e->now, period, span, &row.usage);
    return row;
}

static int heaviest_first(const void *x, const void *y) {
    const struct usage_row *a = x, *b = y;
    if (a->usage.cpu_us != b->usage.cpu_us) return a->usage.cpu_us < b->usage.cpu_us ? 1 : -1;
    if (a->usage.self_us != b->usage.self_us) return a->usage.self_us < b->usage.self_us ? 1 : -1;
    return a->who < b->who ? -1 : a->who > b->who;
}

size_t usage_top(const struct usage_table *t, uint32_t period, enum rolling_span span, struct usage_row *out, size_t most) {
    struct usage_row *all = xmalloc((t->len + 1) * sizeof *all);
    size_t n = 0;
    for (uint32_t i = 0; i < t->cap; i++) {
        if (!t->slots[i]) continue;
        all[n] = usage_row_of(t->slots[i], period, span);
        if (all[n].usage.slices || all[n].usage.total_us) n++;
    }
    qsort(all, n, sizeof *all, heaviest_first);
    if (n > most) n = most;
    if (n) memcpy(out, all, n * sizeof *all);
    free(all);
    return n;
}
