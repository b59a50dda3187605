/* SPDX-License-Identifier: MIT */
#include "scheduler/stats.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum { HOUR_PERIODS = 360 };

enum { LONGEST_NAMES = 1000 }; /* bytes: an entry keeps them when their verb is long gone */

struct totals { /* of all slices, what no histogram tells */
    int64_t ticks, cpu_us;
};

/* Slices of one verb and one payer that follow each other, as the shortest mostly do: counted here first, in one line of memory, and where they belong when others come, or somebody looks. */
struct stretch {
    struct usage_entry *verb, *payer; /* NULL: there is none; nobody */
    struct usage used;
};

struct stats {
    _Alignas(64) struct stretch stretch;
    struct stats_counts counts;
    int64_t since;
    uint32_t period;
    int64_t period_end_us;
    struct usage_table players, verbs;
    struct usage_entry *last; /* verb that was looked up, while last_epoch is that of the table */
    uint32_t last_epoch;
    struct str *long_names; /* stands for all that are longer */
    /* Those of the present period are always in `now': begin_period() sees to it. */
    struct rolling all, times[STATS_HISTOGRAMS];
    struct totals all_now;
    struct histogram times_now[STATS_HISTOGRAMS];
    struct slow_slice slow[SLOW_SLICES]; /* the slowest first */
    size_t nslow;
};

static void merge(void *into, const void *part) { histogram_merge(into, part); }

static const struct rolling_kind times_kind = {sizeof(struct histogram), merge};

static void add_totals(void *into, const void *part) {
    struct totals *t = into;
    const struct totals *more = part;
    t->ticks += more->ticks;
    t->cpu_us += more->cpu_us;
}

static const struct rolling_kind totals_kind = {sizeof(struct totals), add_totals};

void stats_settle(struct stats *st) {
    const struct usage *used = &st->stretch.used;
    if (!st->stretch.verb) return;
    usage_add(usage_now(st->stretch.verb, st->period), used);
    if (st->stretch.payer) usage_add(usage_now(st->stretch.payer, st->period), used);
    st->all_now.ticks += used->ticks;
    st->all_now.cpu_us += used->cpu_us;
    st->stretch = (struct stretch){0};
}

__attribute__((noinline)) static void begin_stretch(struct stats *st, struct usage_entry *verb, struct usage_entry *payer) {
    stats_settle(st);
    st->stretch.verb = verb;
    st->stretch.payer = payer;
}

static void begin_period(struct stats *st, int64_t now_us) {
    stats_settle(st);
    st->period = rolling_period(now_us);
    st->period_end_us = ((int64_t)st->period + 1) * ROLLING_PERIOD_US;
    rolling_begin(&st->all, &totals_kind, &st->all_now, st->period);
    for (int i = 0; i < STATS_HISTOGRAMS; i++) rolling_begin(&st->times[i], &times_kind, &st->times_now[i], st->period);
}

struct stats *stats_new(int64_t now_us) {
    struct stats *st = aligned_alloc(_Alignof(struct stats), sizeof *st);
    must(st);
    *st = (struct stats){0};
    st->since = clock_wall_seconds();
    st->long_names = str_from("(a long name)");
    st->players.most = USAGE_PLAYERS;
    st->verbs.most = USAGE_VERBS;
    st->players.epoch = st->verbs.epoch = 1; /* that of what has no entry yet is 0 */
    st->all = (struct rolling){.period = rolling_period(now_us)};
    for (int i = 0; i < STATS_HISTOGRAMS; i++) st->times[i] = (struct rolling){.period = rolling_period(now_us)};
    begin_period(st, now_us);
    return st;
}

static void free_slow_slice(struct slow_slice *slice) {
    str_unref(slice->verb);
    value_unref(slice->stack);
}

void stats_free(struct stats *st) {
    if (!st) return;
    usage_table_fini(&st->players);
    usage_table_fini(&st->verbs);
    str_unref(st->long_names);
    for (int i = 0; i < STATS_HISTOGRAMS; i++) rolling_fini(&st->times[i]);
    rolling_fini(&st->all);
    while (st->nslow > 0) free_slow_slice(&st->slow[--st->nslow]);
    free(st);
}

/* ---- counting ---- */

struct stats_counts *stats_count(struct stats *st) { return &st->counts; }

static void pin_verbs(const struct run *run, bool on) {
    for (; run; run = run->outer)
        if (run->verb) run->verb->pinned = on;
}

/* Nothing is forgotten that one of the slices counts in. Forks of one verb follow each other: the entry before is tried first. */
static struct usage_entry *verb_entry(struct stats *st, objid definer, struct str *names, const struct run *runs) {
    if (st->last_epoch == st->verbs.epoch && st->last->who == definer && st->last->verb == names) return st->last;
    bool full = st->verbs.len >= st->verbs.most;
    if (full) stats_settle(st), pin_verbs(runs, true);
    struct usage_entry *e = usage_get(&st->verbs, definer, names->len <= LONGEST_NAMES ? names : st->long_names, false, st->period);
    if (full) pin_verbs(runs, false);
    st->last = e;
    st->last_epoch = st->verbs.epoch;
    return e;
}

/* At the task's first slice, and after some entries were forgotten. */
__attribute__((noinline)) static void find_verb(struct stats *st, const struct run *run) {
    objid definer;
    struct str *names = vm_first_verb(run->vm, &definer);
    run->sums->verb = verb_entry(st, definer, names, run);
    run->sums->verb_epoch = st->verbs.epoch;
    if (!run->sums->began_us) run->sums->began_us = run->started_us;
}

void stats_begin_slice(struct stats *st, struct run *run) {
    if (__builtin_expect(run->started_us >= st->period_end_us, 0)) begin_period(st, run->started_us);
    run->sums = vm_sums(run->vm);
    if (__builtin_expect(run->sums->verb_epoch != st->verbs.epoch, 0)) find_verb(st, run);
    run->verb = run->sums->verb;
}

void stats_time(struct stats *st, enum stats_histogram which, int64_t us) { histogram_add(&st->times_now[which], us); }

__attribute__((noinline)) static void find_payer(struct stats *st, struct queue *q) {
    if (st->players.len >= st->players.most) stats_settle(st);
    q->usage = usage_get(&st->players, q->owner, NULL, q->logins, st->period);
    q->usage_epoch = st->players.epoch;
}

static struct usage_entry *payer_entry(struct stats *st, struct queue *q) {
    if (__builtin_expect(q->usage_epoch != st->players.epoch, 0)) find_payer(st, q);
    return q->usage;
}

/* Without what samples tell. */
static inline void add_slice(struct usage *into, const struct run *run, int64_t ticks, int64_t us) {
    into->slices++;
    into->ticks += ticks;
    into->cpu_us += run->cpu_us;
    into->wait_us += run->wait_us;
    if (us > into->worst_slice_us) into->worst_slice_us = us;
    if (run->wait_us > into->worst_wait_us) into->worst_wait_us = run->wait_us;
}

static void add_to_task(struct task_sums *sums, const struct run *run, int64_t ticks) {
    sums->slices++;
    sums->ticks += ticks;
    sums->cpu_us += run->cpu_us;
    sums->wait_us += run->wait_us;
}

void stats_end_slice(struct stats *st, const struct run *run, struct queue *payer, int64_t ticks, int64_t us) {
    struct usage_entry *pays = payer ? payer_entry(st, payer) : NULL;
    add_to_task(run->sums, run, ticks);
    if (st->stretch.verb != run->verb || st->stretch.payer != pays) begin_stretch(st, run->verb, pays);
    add_slice(&st->stretch.used, run, ticks, us);
    histogram_add(&st->times_now[STATS_slice], us);
    if (payer) histogram_add(&st->times_now[STATS_wait], run->wait_us);
}

void stats_end_turn(struct stats *st, struct queue *q, int64_t cpu_us) {
    if (cpu_us) usage_now(payer_entry(st, q), st->period)->cpu_us += cpu_us;
}

void stats_sample(struct stats *st, const struct vm *vm, int us, const struct run *runs) {
    enum { MOST_FRAMES = 64 };
    const struct usage_entry *seen[MOST_FRAMES];
    struct activation_info frame;
    int n = 0;
    for (int row = 0; n < MOST_FRAMES && vm_activation(vm, row, &frame); row++) {
        if (frame.is_builtin) continue;
        struct usage_entry *e = verb_entry(st, frame.definer, frame.full_name, runs);
        int i = 0;
        while (i < n && seen[i] != e) i++;
        struct usage *now = usage_now(e, st->period);
        if (n == 0) now->self_us += us;
        if (i == n) now->total_us += us; /* a verb that calls itself was there once */
        seen[n++] = e;
    }
}

void sched_note_loop(struct scheduler *s, int64_t us) {
    s->stats->counts.loops++;
    stats_time(s->stats, STATS_stall, us);
}

/* ---- the slowest slices ---- */

static void drop_old(struct stats *st, int64_t now_us) {
    size_t kept = 0;
    for (size_t i = 0; i < st->nslow; i++) {
        if (now_us - st->slow[i].at_us > (int64_t)HOUR_PERIODS * ROLLING_PERIOD_US) free_slow_slice(&st->slow[i]);
        else st->slow[kept++] = st->slow[i];
    }
    st->nslow = kept;
}

bool stats_is_slow(const struct stats *st, int64_t us) {
    return us >= SLOW_SLICE_US && (st->nslow < SLOW_SLICES || us > st->slow[SLOW_SLICES - 1].us || st->slow[SLOW_SLICES - 1].at_us + (int64_t)HOUR_PERIODS * ROLLING_PERIOD_US < st->period_end_us);
}

void stats_add_slow(struct stats *st, struct slow_slice *slice) {
    drop_old(st, slice->at_us);
    if (st->nslow == SLOW_SLICES) {
        if (st->slow[SLOW_SLICES - 1].us >= slice->us) {
            free_slow_slice(slice);
            return;
        }
        free_slow_slice(&st->slow[--st->nslow]);
    }
    size_t i = st->nslow++;
    for (; i > 0 && st->slow[i - 1].us < slice->us; i--) st->slow[i] = st->slow[i - 1];
    st->slow[i] = *slice;
}

size_t stats_slow_slices(const struct stats *st, const struct slow_slice *out[SLOW_SLICES]) {
    int64_t now = clock_monotonic_us();
    size_t n = 0;
    for (size_t i = 0; i < st->nslow; i++)
        if (now - st->slow[i].at_us <= (int64_t)HOUR_PERIODS * ROLLING_PERIOD_US) out[n++] = &st->slow[i];
    return n;
}

const char *slice_end_word(enum slice_end e) {
    static const char *const words[SLICE_ENDS] = {"done", "set aside", "uncaught error", "out of ticks", "out of seconds", "killed"};
    return words[e];
}

/* ---- looking ---- */

static uint32_t period_now(void) { return rolling_period(clock_monotonic_us()); }

const struct stats *sched_stats(const struct scheduler *s) {
    stats_settle(s->stats);
    return s->stats;
}

const struct stats_counts *stats_counts(const struct stats *st) { return &st->counts; }

int64_t stats_since(const struct stats *st) { return st->since; }

struct stats_gauges sched_gauges(const struct scheduler *s) {
    struct stats_gauges g = {.tasks = (int64_t)s->tasks.len, .ready = s->nready, .sleeping = (int64_t)s->sleepers.len};
    g.waiting = g.tasks - g.ready - g.sleeping;
    g.queues = (int64_t)(s->queues.len + s->login_queues.len);
    g.queues_ready = (int64_t)s->nactive;
    return g;
}

void stats_times(const struct stats *st, enum stats_histogram which, enum rolling_span span, struct histogram *out) {
    *out = (struct histogram){0};
    rolling_sum(&st->times[which], &times_kind, &st->times_now[which], period_now(), span, out);
}

struct usage stats_usage(const struct stats *st, enum rolling_span span) {
    struct totals all = {0};
    struct histogram slices, waits;
    rolling_sum(&st->all, &totals_kind, &st->all_now, period_now(), span, &all);
    stats_times(st, STATS_slice, span, &slices);
    stats_times(st, STATS_wait, span, &waits);
    return (struct usage){.slices = histogram_count(&slices), .ticks = all.ticks, .cpu_us = all.cpu_us, .wait_us = histogram_sum_us(&waits), .worst_slice_us = histogram_longest_us(&slices), .worst_wait_us = histogram_longest_us(&waits)};
}

size_t stats_top_players(const struct stats *st, enum rolling_span span, struct usage_row *out, size_t most) { return usage_top(&st->players, period_now(), span, out, most); }

size_t stats_top_verbs(const struct stats *st, enum rolling_span span, struct usage_row *out, size_t most) { return usage_top(&st->verbs, period_now(), span, out, most); }

static bool find(const struct usage_table *t, objid who, const struct str *verb, enum rolling_span span, struct usage *out) {
    const struct usage_entry *e = usage_find(t, who, verb, false);
    *out = e ? usage_row_of(e, period_now(), span).usage : (struct usage){0};
    return e != NULL;
}

bool stats_player(const struct stats *st, objid who, enum rolling_span span, struct usage *out) { return find(&st->players, who, NULL, span, out); }

bool stats_verb(const struct stats *st, objid definer, const struct str *names, enum rolling_span span, struct usage *out) { return find(&st->verbs, definer, names, span, out); }
