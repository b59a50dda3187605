/* SPDX-License-Identifier: MIT */
/* The answer to the request `top' (server/requests.def): see server/top.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/version.h"
#include "scheduler/facts.h"
#include "scheduler/stats.h"
#include "server/control_parts.h"
#include "server/naming.h"

enum { MOST_ROWS = 100 };
static const char *const span_words[SPANS] = {[SPAN_MINUTE] = "the last minute", [SPAN_HOUR] = "the last hour", [SPAN_ALL] = "since the start"};

static void number(struct buf *out, const char *name, int64_t n) { buf_printf(out, "%s\t%lld\n", name, (long long)n); }

static void write_server(struct server *s, struct buf *out) {
    struct db_cache_stats m;
    db_cache_stats(s->db, &m);
    buf_printf(out, "version\t%s\nworld\t%s\n", EVERMOO_VERSION, s->options.world);
    number(out, "process", getpid());
    number(out, "clock_us", clock_monotonic_us());
    number(out, "wall_us", clock_wall_us());
    number(out, "up_us", clock_monotonic_us() - s->started_us);
    number(out, "process_cpu_us", clock_process_cpu_us() - s->started_cpu_us);
    number(out, "memory", m.anonymous >= 0 ? m.anonymous : m.in_use);
    number(out, "connections", (int64_t)s->connections.count);
    number(out, "not_logged_in", (int64_t)s->connections.not_logged_in);
    number(out, "save", (int64_t)db_generation(s->db));
    number(out, "save_failures", s->saves.failures);
}

/* What only grows is told since the start, so that who asks twice knows what was in between. */
static void write_numbers(struct server *s, struct buf *out) {
    const struct stats_counts *counts = sched_counts(s->sched);
    struct stats_gauges gauges = sched_gauges(s->sched);
    struct usage all = stats_usage(sched_stats(s->sched), SPAN_ALL);
    number(out, "slices", all.slices);
    number(out, "ticks", all.ticks);
#define COUNTER(name, doc) number(out, #name, counts->name);
#define GAUGE(name, doc) number(out, #name, gauges.name);
#include "scheduler/counters.def"
#undef COUNTER
#undef GAUGE
}

static void write_histogram(struct server *s, const char *name, enum stats_histogram which, enum rolling_span span, struct buf *out) {
    struct histogram h;
    stats_times(sched_stats(s->sched), which, span, &h);
    buf_printf(out, "%s\t%lld\t%lld\t%lld\t%lld\n", name, (long long)histogram_count(&h), (long long)histogram_quantile(&h, 0.5), (long long)histogram_quantile(&h, 0.99), (long long)histogram_longest_us(&h));
}

static void write_histograms(struct server *s, enum rolling_span span, struct buf *out) {
#define HISTOGRAM(name, doc) write_histogram(s, #name, STATS_##name, span, out);
#include "scheduler/counters.def"
#undef HISTOGRAM
}

static void write_usage(const struct usage *u, struct buf *out) {
    buf_printf(out, "\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld", (long long)u->slices, (long long)u->ticks, (long long)u->cpu_us, (long long)u->wait_us, (long long)u->worst_slice_us, (long long)u->worst_wait_us);
}

/* player  NAME  SLICES  TICKS  CPU_US  WAIT_US  WORST_SLICE_US  WORST_WAIT_US  READY  TASKS  DEBT_US; a verb's rows are the first eight. */
static void write_rows(struct server *s, enum rolling_span span, size_t most, struct buf *out) {
    struct usage_row rows[MOST_ROWS];
    size_t n = stats_top_players(sched_stats(s->sched), span, rows, most);
    for (size_t i = 0; i < n; i++) {
        buf_add_c(out, "player\t");
        name_payer(s->db, rows[i].who, rows[i].logins, out);
        write_usage(&rows[i].usage, out);
        struct queue_state q = rows[i].logins ? (struct queue_state){.queued = 0} : sched_queue_state(s->sched, rows[i].who);
        buf_printf(out, "\t%lld\t%lld\t%lld\n", (long long)q.ready, (long long)q.queued, (long long)q.debt_us);
    }
    n = stats_top_verbs(sched_stats(s->sched), span, rows, most);
    for (size_t i = 0; i < n; i++) {
        buf_add_c(out, "verb\t");
        name_verb(s->db, rows[i].who, rows[i].verb, out);
        write_usage(&rows[i].usage, out);
        buf_byte(out, '\n');
    }
}

/* The innermost row of a stack that task_stack(id, 1) could have given: {this, verb, programmer, definer, player, line}. */
static void write_where(struct server *s, const struct slow_slice *slice, struct buf *out) {
    const struct list *stack = slice->stack.type == V_LIST ? slice->stack.u.l : NULL;
    value row = stack && stack->len ? list_get(stack, 1) : value_none();
    if (row.type != V_LIST || row.u.l->len < 6) return;
    value verb = list_get(row.u.l, 2), definer = list_get(row.u.l, 4), line = list_get(row.u.l, 6);
    if (verb.type != V_STR || definer.type != V_OBJ || line.type != V_INT) return;
    name_verb(s->db, definer.u.o, verb.u.s, out);
    if (line.u.i) buf_printf(out, " line %lld", (long long)line.u.i);
}

/* slow  WALL_US  US  TICKS  WHO  VERB  END  WHERE */
static void write_slow(struct server *s, size_t most, struct buf *out) {
    const struct slow_slice *slow[SLOW_SLICES];
    size_t n = stats_slow_slices(sched_stats(s->sched), slow);
    for (size_t i = 0; i < n && i < most; i++) {
        buf_printf(out, "slow\t%lld\t%lld\t%lld\t", (long long)slow[i]->wall_us, (long long)slow[i]->us, (long long)slow[i]->ticks);
        name_payer(s->db, slow[i]->payer, false, out);
        buf_byte(out, '\t');
        name_verb(s->db, slow[i]->definer, slow[i]->verb, out);
        buf_printf(out, "\t%s\t", slice_end_word(slow[i]->end));
        write_where(s, slow[i], out);
        buf_byte(out, '\n');
    }
}

static enum rolling_span span_of(const char *text) {
    size_t n = strcspn(text, " ");
    for (int i = 0; i < SPANS; i++)
        if (!strncmp(text, span_word((enum rolling_span)i), n) && !span_word((enum rolling_span)i)[n]) return (enum rolling_span)i;
    return SPAN_MINUTE;
}

/* "minute 20": the span, and the rows of each table. */
void request_top(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    const char *digits = strchr(text, ' ');
    long asked = digits ? strtol(digits, NULL, 10) : MOST_ROWS;
    size_t rows = asked < 0 ? 0 : asked > MOST_ROWS ? MOST_ROWS : (size_t)asked;
    enum rolling_span span = span_of(text);
    struct buf out = BUF_INIT;
    int64_t up_us = clock_monotonic_us() - s->started_us, span_us = rolling_span_us(span, clock_monotonic_us());
    write_server(s, &out);
    buf_printf(&out, "span\t%s\n", span_words[span]);
    number(&out, "span_us", span_us < up_us ? span_us : up_us);
    write_numbers(s, &out);
    write_histograms(s, span, &out);
    write_rows(s, span, rows, &out);
    write_slow(s, rows, &out);
    control_answer(a, 0, buf_c(&out));
    buf_fini(&out);
}
