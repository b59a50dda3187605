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

/* Slices of one verb and one payer that follow each other, as the shortest mostly do: from the second on they are counted here, in one line of memory, and where they belong when others come, or somebody looks. */
struct stretch {
    struct usage_entry *verb, *payer; /* NULL: there is none; nobody */
    struct usage used; /* by those that are counted here only */
};

struct stats {
    _Alignas(64) struct stretch stretch;
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

static inline void add_where_it_belongs(struct stats *st, struct usage_entry *verb, struct usage_entry *payer, const struct usage *used) {
    usage_add(usage_now(verb, st->period), used);
    if (payer) usage_add(usage_now(payer, st->period), used);
    st->all_now.ticks += used->ticks;
    st->all_now.cpu_us += used->cpu_us;
}

void stats_settle(struct stats *st) {
    struct stretch *t = &st->stretch;
    if (t->used.slices) add_where_it_belongs(st, t->verb, t->payer, &t->used);
    *t = (struct stretch){0};
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

struct usage_entry *stats_verb_of(const struct run *run) { return run->sums->first.verb; }

static void pin_verbs(const struct run *run, bool on) {
    for (; run; run = run->outer) stats_verb_of(run)->pinned = on;
}

/* Nothing is forgotten that one of the slices counts in; all of them have begun. */
__attribute__((noinline)) static struct usage_entry *look_verb_up(struct stats *st, objid definer, struct str *names, const struct run *runs) {
    bool full = st->verbs.len >= st->verbs.most;
    if (full) stats_settle(st), pin_verbs(runs, true);
    struct usage_entry *e = usage_get(&st->verbs, definer, names->len <= LONGEST_NAMES ? names : st->long_names, false, st->period);
    if (full) pin_verbs(runs, false);
    st->last = e;
    st->last_epoch = st->verbs.epoch;
    return e;
}

/* Tasks of one verb follow each other: the entry before is tried first. */
static inline struct usage_entry *verb_entry(struct stats *st, objid definer, struct str *names, const struct run *runs) {
    if (st->last_epoch == st->verbs.epoch && st->last->who == definer && st->last->verb == names) return st->last;
    return look_verb_up(st, definer, names, runs);
}

/* The period is over, the task begins and nobody has handed on with what, or entries were forgotten. */
__attribute__((noinline)) static void prepare_slice(struct stats *st, const struct run *run) {
    if (run->started_us >= st->period_end_us) begin_period(st, run->started_us);
    struct task_first *first = &run->sums->first;
    if (first->epoch == st->verbs.epoch) return;
    objid definer;
    struct str *names = vm_first_verb(run->vm, &definer);
    first->verb = verb_entry(st, definer, names, run->outer);
    first->epoch = st->verbs.epoch;
    first->player = vm_task_player(run->vm);
}

void stats_begin_slice(struct stats *st, const struct run *run) {
    if (!run->sums->began_us) run->sums->began_us = run->started_us;
    if (__builtin_expect(run->started_us >= st->period_end_us || run->sums->first.epoch != st->verbs.epoch, 0)) prepare_slice(st, run);
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

static inline struct usage usage_of(const struct run *run, int64_t ticks, int64_t us) {
    return (struct usage){.slices = 1, .ticks = ticks, .cpu_us = run->cpu_us, .wait_us = run->wait_us, .worst_slice_us = us, .worst_wait_us = run->wait_us};
}

/* To the task, and the histograms. */
static inline void add_to_task_and_times(struct stats *st, struct task_sums *sums, const struct usage *slice, bool has_payer) {
    sums->slices++;
    sums->ticks += slice->ticks;
    sums->cpu_us += slice->cpu_us;
    sums->wait_us += slice->wait_us;
    histogram_add(&st->times_now[STATS_slice], slice->worst_slice_us);
    if (has_payer) histogram_add(&st->times_now[STATS_wait], slice->wait_us);
}

static inline bool goes_on(const struct stretch *t, const struct usage_entry *verb, const struct usage_entry *payer) {
    return t->verb == verb && t->payer == payer;
}

/* The one before is settled. */
static inline void begin_stretch(struct stats *st, struct usage_entry *verb, struct usage_entry *payer, const struct usage *first) {
    add_where_it_belongs(st, verb, payer, first);
    st->stretch.verb = verb;
    st->stretch.payer = payer;
}

__attribute__((noinline)) static void end_any_slice(struct stats *st, const struct run *run, struct queue *payer, int64_t ticks, int64_t us) {
    struct usage slice = usage_of(run, ticks, us);
    struct usage_entry *verb = stats_verb_of(run), *pays = payer ? payer_entry(st, payer) : NULL;
    if (goes_on(&st->stretch, verb, pays)) {
        usage_add(&st->stretch.used, &slice);
    } else {
        stats_settle(st);
        begin_stretch(st, verb, pays, &slice);
    }
    add_to_task_and_times(st, run->sums, &slice, payer);
}

static inline bool is_short(int64_t us) { return (uint64_t)us < HISTOGRAM_SUB; }

/* Nothing has to be settled, or put into the past, before a slice of theirs begins a stretch. */
static inline bool may_begin(const struct stats *st, const struct usage_entry *verb, const struct usage_entry *payer) {
    return !st->stretch.used.slices && verb->times.period == st->period && payer->times.period == st->period;
}

/* The shortest slices, for which it matters what counting costs, mostly need nothing that end_any_slice() may have to call: they are counted here, in registers. */
void stats_end_slice(struct stats *st, const struct run *run, struct queue *payer, int64_t ticks, int64_t us) {
    if (!payer || payer->usage_epoch != st->players.epoch || !is_short(us) || !is_short(run->wait_us)) {
        end_any_slice(st, run, payer, ticks, us);
        return;
    }
    struct usage slice = usage_of(run, ticks, us);
    struct usage_entry *verb = stats_verb_of(run), *pays = payer->usage;
    if (goes_on(&st->stretch, verb, pays)) {
        usage_add(&st->stretch.used, &slice);
    } else if (may_begin(st, verb, pays)) {
        begin_stretch(st, verb, pays, &slice);
    } else {
        end_any_slice(st, run, payer, ticks, us);
        return;
    }
    add_to_task_and_times(st, run->sums, &slice, true);
}

void stats_end_turn(struct stats *st, struct queue *q, int64_t cpu_us) {
    usage_now(payer_entry(st, q), st->period)->cpu_us += cpu_us;
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
    s->counted.loops++;
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

const struct stats_counts *sched_counts(const struct scheduler *s) { return &s->counted; }

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
