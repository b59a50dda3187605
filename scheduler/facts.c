/* SPDX-License-Identifier: MIT */
#include "scheduler/facts.h"

#include "base/clock.h"
#include "base/facts.h"
#include "base/must.h"
#include "scheduler/state.h"

static struct facts begin(const struct scheduler *s) { return facts_new(s->m->dialect); }
static void put_int(struct facts *f, const char *name, int64_t n) { facts_put(f, name, value_int(n)); }
static void put_obj(struct facts *f, const char *name, objid o) { facts_put(f, name, value_obj(o)); }
static void put_text(struct facts *f, const char *name, const char *text) { facts_put(f, name, value_str(str_from(text))); }

/* ---- what was used, and times ---- */

const char *span_word(enum rolling_span span) {
    static const char *const words[SPANS] = {"minute", "hour", "all"};
    return words[span];
}

static void put_usage(struct facts *f, const struct usage *u) {
    put_int(f, "slices", u->slices);
    put_int(f, "ticks", u->ticks);
    put_int(f, "cpu_us", u->cpu_us);
    put_int(f, "wait_us", u->wait_us);
    put_int(f, "worst_slice_us", u->worst_slice_us);
    put_int(f, "worst_wait_us", u->worst_wait_us);
    put_int(f, "self_us", u->self_us);
    put_int(f, "total_us", u->total_us);
}

value facts_of_usage(const struct scheduler *s, const struct usage *u) {
    struct facts f = begin(s);
    put_usage(&f, u);
    return facts_value(&f);
}

value facts_of_spans(const struct scheduler *s, const struct usage spans[SPANS]) {
    struct facts f = begin(s);
    for (int i = 0; i < SPANS; i++) facts_put(&f, span_word((enum rolling_span)i), facts_of_usage(s, &spans[i]));
    return facts_value(&f);
}

static value facts_of_times(const struct scheduler *s, const struct histogram *h) {
    struct facts f = begin(s);
    int64_t n = histogram_count(h);
    put_int(&f, "count", n);
    put_int(&f, "mean_us", n ? histogram_sum_us(h) / n : 0);
    put_int(&f, "p50_us", histogram_quantile(h, 0.5));
    put_int(&f, "p90_us", histogram_quantile(h, 0.9));
    put_int(&f, "p99_us", histogram_quantile(h, 0.99));
    put_int(&f, "p999_us", histogram_quantile(h, 0.999));
    put_int(&f, "worst_us", histogram_longest_us(h));
    return facts_value(&f);
}

static value facts_of_histogram(const struct scheduler *s, enum stats_histogram which) {
    struct facts f = begin(s);
    struct histogram h;
    for (int i = 0; i < SPANS; i++) {
        stats_times(sched_stats(s), which, (enum rolling_span)i, &h);
        facts_put(&f, span_word((enum rolling_span)i), facts_of_times(s, &h));
    }
    return facts_value(&f);
}

/* How long each span is by now: what was used is to be divided by that. */
static value facts_of_lengths(const struct scheduler *s) {
    struct facts f = begin(s);
    int64_t up_us = clock_wall_us() - stats_since(sched_stats(s)) * 1000000;
    for (int i = 0; i < SPANS; i++) {
        int64_t us = rolling_span_us((enum rolling_span)i, clock_monotonic_us());
        facts_put(&f, span_word((enum rolling_span)i), value_float((double)(us < up_us ? us : up_us) / 1e6));
    }
    return facts_value(&f);
}

value sched_facts(const struct scheduler *s) {
    struct facts f = begin(s);
    const struct stats_counts *counts = sched_counts(s);
    struct stats_gauges gauges = sched_gauges(s);
    struct usage spans[SPANS];
    put_int(&f, "since", stats_since(sched_stats(s)));
    facts_put(&f, "seconds", facts_of_lengths(s));
    for (int i = 0; i < SPANS; i++) spans[i] = stats_usage(sched_stats(s), (enum rolling_span)i);
    facts_put(&f, "used", facts_of_spans(s, spans));
#define COUNTER(name, doc) put_int(&f, #name, counts->name);
#define GAUGE(name, doc) put_int(&f, #name, gauges.name);
#define HISTOGRAM(name, doc) facts_put(&f, #name, facts_of_histogram(s, STATS_##name));
#include "scheduler/counters.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    return facts_value(&f);
}

/* ---- players and their queues ---- */

static void put_spans(struct facts *f, const struct scheduler *s, objid player) {
    struct usage spans[SPANS];
    for (int i = 0; i < SPANS; i++) stats_player(sched_stats(s), player, (enum rolling_span)i, &spans[i]);
    facts_put(f, "used", facts_of_spans(s, spans));
}

/* Until what it owes is forgotten, if nothing of it runs; -1: never. What has been forgotten since it last ran is not yet in its balances. */
static int64_t fades_in_us(struct scheduler *s, const struct share *h) {
    double a_second = (double)h->quota * (double)option_int(s, OPT_quota_fade), debt = (double)share_debt(h);
    if (debt <= 0) return 0;
    if (a_second <= 0) return -1;
    double us = debt / a_second * 1e6 - (h->active ? 0 : (double)(clock_monotonic_us() - h->faded_us));
    return us > 0 ? (int64_t)us : 0;
}

static void put_share(struct facts *f, struct scheduler *s, objid player) {
    objid group = option_quota_group(s, player), owner = group == NOTHING ? player : group;
    const struct share *h = idmap_get(&s->shares, owner);
    put_obj(f, "share", owner);
    int64_t quota = option_of_player(s, owner, OWN_tick_quota, NULL);
    put_int(f, "quota", quota);
    put_int(f, "quota_us", quota / TICKS_PER_US);
    put_int(f, "typed_balance", h ? h->parts[PART_TYPED].balance : 0);
    put_int(f, "background_balance", h ? h->parts[PART_BACKGROUND].balance : 0);
    put_int(f, "debt", h ? share_debt(h) : 0);
    put_int(f, "debt_us", h ? share_debt(h) / TICKS_PER_US : 0);
    put_int(f, "fades_in_us", h ? fades_in_us(s, h) : 0);
    put_int(f, "busy", h && h->active);
}

struct queue_state sched_queue_state(struct scheduler *s, objid player) {
    const struct queue *q = idmap_get(&s->queues, player);
    if (!q) return (struct queue_state){.queued = 0};
    return (struct queue_state){.queued = (int64_t)q->tasks - q->has_turn, .ready = (int64_t)q->nready, .debt_us = q->share ? share_debt(q->share) / TICKS_PER_US : 0};
}

value sched_player_facts(struct scheduler *s, objid player) {
    struct facts f = begin(s);
    struct queue_state state = sched_queue_state(s, player);
    const struct input *in = input_get(s, player);
    put_obj(&f, "player", player);
    put_int(&f, "tasks", sched_queue_count(s, player));
    put_int(&f, "queued", state.queued);
    put_int(&f, "ready", state.ready);
    put_int(&f, "input_bytes", in ? (int64_t)in->bytes : 0);
    put_share(&f, s, player);
    put_spans(&f, s, player);
    return facts_value(&f);
}

value sched_queue_facts(struct scheduler *s, objid player) {
    const struct queue *q = idmap_get(&s->queues, player);
    const struct input *in = input_get(s, player);
    if (!q && !in) return value_int(0);
    struct facts f = begin(s);
    struct usage hour;
    stats_player(sched_stats(s), player, SPAN_HOUR, &hour);
    put_obj(&f, "player", player);
    put_int(&f, "connected", in && in->connected);
    put_obj(&f, "handler", in ? in->listener : NOTHING);
    put_int(&f, "disable_oob", in && in->disable_oob);
    put_int(&f, "hold_input", in && in->hold);
    put_int(&f, "input_suspended", in && in->paused);
    put_int(&f, "parsing", in && in->program);
    put_int(&f, "reading", in && in->reader);
    put_int(&f, "reading_task_id", in && in->reader ? in->reader->id : 0);
    put_int(&f, "last_input_task_id", in ? in->last_task_id : 0);
    put_int(&f, "total_input_length", in ? (int64_t)in->bytes : 0);
    put_int(&f, "num_bg_tasks", sched_queue_count(s, player));
    put_int(&f, "usage", hour.cpu_us / 1000000);
    facts_put(&f, "scheduler", sched_player_facts(s, player));
    return facts_value(&f);
}

/* ---- the slowest slices ---- */

static value facts_of_slow(const struct scheduler *s, const struct slow_slice *slice) {
    struct facts f = begin(s);
    put_int(&f, "task_id", slice->task_id);
    put_int(&f, "time", slice->wall_us / 1000000);
    put_int(&f, "us", slice->us);
    put_int(&f, "cpu_us", slice->cpu_us);
    put_int(&f, "ticks", slice->ticks);
    put_text(&f, "end", slice_end_word(slice->end));
    put_obj(&f, "payer", slice->payer);
    put_obj(&f, "player", slice->player);
    put_obj(&f, "programmer", slice->progr);
    put_obj(&f, "object", slice->definer);
    facts_put(&f, "verb", value_str(str_ref(slice->verb)));
    facts_put(&f, "stack", value_ref(slice->stack));
    return facts_value(&f);
}

value sched_slow_facts(const struct scheduler *s, objid progr) {
    const struct slow_slice *slow[SLOW_SLICES];
    size_t n = stats_slow_slices(sched_stats(s), slow);
    bool all = db_is_wizard(s->db, progr);
    struct list *l = list_new(n);
    for (size_t i = 0; i < n; i++)
        if (all || slow[i]->progr == progr) l = list_append_take(l, facts_of_slow(s, slow[i]));
    return value_list(l);
}

/* ---- one task ---- */

static const char *state_word(const struct task *t) {
    switch (t->state) {
    case TASK_READY: return "ready";
    case TASK_SLEEPING: return "sleeping";
    case TASK_FOREVER: return "suspended";
    case TASK_READING: return "reading";
    case TASK_WORKING: break;
    }
    return "working";
}

static void put_sums(struct facts *f, const struct task_sums *sums) {
    put_int(f, "slices", sums->slices);
    put_int(f, "ticks", sums->ticks);
    put_int(f, "cpu_us", sums->cpu_us);
    put_int(f, "wait_us", sums->wait_us);
    put_int(f, "age_us", sums->began_us ? clock_monotonic_us() - sums->began_us : 0);
}

static void put_verb(struct facts *f, const struct vm *vm) {
    objid definer;
    struct str *names = vm_first_verb(vm, &definer);
    put_obj(f, "object", definer);
    facts_put(f, "verb", value_str(str_ref(names)));
    put_obj(f, "player", vm_task_player(vm));
    put_int(f, "bytes", vm_bytes(vm));
}

/* Of this slice, or of the next. */
static void put_limits(struct facts *f, int64_t ticks, int64_t seconds) {
    put_int(f, "ticks_limit", ticks);
    put_int(f, "seconds_limit", seconds);
}

/* What happens at its limit, and when it ends by itself. */
static void put_ends(struct facts *f, struct scheduler *s, const struct vm *vm, int64_t id) {
    const struct deadline *d = deadline_of(s, id);
    put_text(f, "overrun", vm_parker(vm) != NOTHING ? "park" : "abort");
    put_int(f, "deadline", d ? d->wall_us / 1000000 : 0);
}

static value facts_of_running(struct scheduler *s, const struct run *r) {
    struct facts f = begin(s);
    struct task_sums sums = *vm_sums(r->vm);
    int64_t now = clock_monotonic_us();
    sums.slices++;
    sums.ticks += r->ticks - vm_ticks_left(r->vm);
    sums.cpu_us += r->cpu_us + (s->run == r ? now - s->lap_us : 0);
    sums.wait_us += r->wait_us;
    put_int(&f, "task_id", r->task_id);
    put_text(&f, "state", "running");
    put_limits(&f, r->ticks, r->seconds);
    put_ends(&f, s, r->vm, r->task_id);
    put_obj(&f, "programmer", vm_progr(r->vm));
    put_obj(&f, "payer", s->turn ? s->turn->owner : NOTHING);
    put_verb(&f, r->vm);
    put_sums(&f, &sums);
    return facts_value(&f);
}

static value facts_of_task(struct scheduler *s, struct task *t) {
    struct facts f = begin(s);
    put_int(&f, "task_id", t->id);
    put_text(&f, "state", state_word(t));
    put_limits(&f, queue_option(s, t->queue, OWN_bg_ticks), queue_option(s, t->queue, OWN_bg_seconds));
    put_ends(&f, s, t->vm, t->id);
    put_obj(&f, "programmer", t->progr);
    put_obj(&f, "payer", t->queue->owner);
    put_verb(&f, t->vm);
    put_sums(&f, vm_sums(t->vm));
    put_int(&f, "forked", t->forked);
    put_int(&f, "ready_us", t->state == TASK_READY ? clock_monotonic_us() - t->timer.due_us : 0);
    put_int(&f, "start", t->state == TASK_SLEEPING ? t->start_wall_us / 1000000 : 0);
    return facts_value(&f);
}

enum error sched_task_facts(struct scheduler *s, int64_t id, objid progr, value *out) {
    bool wizard = db_is_wizard(s->db, progr);
    for (const struct run *r = s->run; r; r = r->outer) {
        if (r->task_id != id) continue;
        if (r != s->run && !wizard && vm_progr(r->vm) != progr) return E_PERM;
        *out = facts_of_running(s, r);
        return E_NONE;
    }
    struct task *t = idmap_get(&s->tasks, id);
    if (!t) return E_INVARG;
    if (!wizard && task_belongs_to(t) != progr) return E_PERM;
    *out = facts_of_task(s, t);
    return E_NONE;
}
