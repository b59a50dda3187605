/* SPDX-License-Identifier: MIT */
/* What /metrics tells of the scheduler: scheduler/counters.def, and who used how much. */
#include <stdio.h>

#include "scheduler/facts.h"
#include "scheduler/stats.h"
#include "server/exposition.h"
#include "server/metrics.h"
#include "server/naming.h"
#include "server/server.h"

enum { MOST_ROWS = 20 };

static double seconds(int64_t us) { return (double)us / 1e6; }

static void write_counts(const struct server *s, struct exposition *e) {
    const struct stats_counts *counts = sched_counts(s->sched);
    struct stats_gauges gauges = sched_gauges(s->sched);
    struct usage all = stats_usage(sched_stats(s->sched), SPAN_ALL);
    exposition_single(e, "evermoo_sched_slices_total", EXPOSITION_COUNTER, "slices of tasks", (double)all.slices);
    exposition_single(e, "evermoo_sched_ticks_total", EXPOSITION_COUNTER, "ticks that they used", (double)all.ticks);
    exposition_single(e, "evermoo_sched_cpu_seconds_total", EXPOSITION_COUNTER, "CPU time that they used", seconds(all.cpu_us));
#define COUNTER(name, doc) exposition_single(e, "evermoo_sched_" #name "_total", EXPOSITION_COUNTER, doc, (double)counts->name);
#define GAUGE(name, doc) exposition_single(e, "evermoo_sched_" #name, EXPOSITION_GAUGE, doc, (double)gauges.name);
#include "scheduler/counters.def"
#undef COUNTER
#undef GAUGE
}

static void write_histogram(const struct server *s, struct exposition *e, const char *name, const char *doc, enum stats_histogram which) {
    static const int64_t bounds_us[] = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
    enum { BOUNDS = sizeof bounds_us / sizeof *bounds_us };
    double bounds[BOUNDS];
    uint64_t cumulative[BOUNDS];
    struct histogram h;
    stats_times(sched_stats(s->sched), which, SPAN_ALL, &h);
    for (size_t i = 0; i < BOUNDS; i++) {
        bounds[i] = seconds(bounds_us[i]);
        cumulative[i] = (uint64_t)histogram_count_to(&h, bounds_us[i]);
    }
    exposition_family(e, name, EXPOSITION_HISTOGRAM, doc);
    exposition_histogram(e, bounds, cumulative, BOUNDS, (uint64_t)histogram_count(&h), seconds(histogram_sum_us(&h)));
}

static void write_histograms(const struct server *s, struct exposition *e) {
#define HISTOGRAM(name, doc) write_histogram(s, e, "evermoo_sched_" #name "_seconds", doc, STATS_##name);
#include "scheduler/counters.def"
#undef HISTOGRAM
}

/* ---- players and verbs: those that used most in the last hour, with what they used since the start, so that a series that pauses goes on where it was ---- */

struct used {
    struct buf id, name; /* "#2", "Wizard (#2)" */
    struct usage usage;
    struct queue_state queue; /* of a player, now */
};

static double get_slices(const struct usage *u) { return (double)u->slices; }
static double get_ticks(const struct usage *u) { return (double)u->ticks; }
static double get_cpu(const struct usage *u) { return seconds(u->cpu_us); }
static double get_wait(const struct usage *u) { return seconds(u->wait_us); }

static void write_used(struct exposition *e, const char *whose, const struct used *rows, size_t n) {
    static const struct {
        const char *name, *help;
        double (*get)(const struct usage *u);
    } families[] = {{"slices_total", "slices", get_slices}, {"ticks_total", "ticks", get_ticks}, {"cpu_seconds_total", "CPU time", get_cpu}, {"wait_seconds_total", "for how long what was ready waited for its turn,", get_wait}};
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        char name[64], help[160];
        snprintf(name, sizeof name, "evermoo_%s_%s", whose, families[f].name);
        snprintf(help, sizeof help, "%s of each %s of those that used most CPU time in the last hour", families[f].help, whose);
        exposition_family(e, name, EXPOSITION_COUNTER, help);
        for (size_t i = 0; i < n; i++)
            exposition_sample(e, (const struct exposition_label[]){{whose, buf_c(&rows[i].id)}, {"name", buf_c(&rows[i].name)}, {NULL, NULL}}, families[f].get(&rows[i].usage));
    }
}

static double get_debt(const struct queue_state *q) { return seconds(q->debt_us); }
static double get_ready(const struct queue_state *q) { return (double)q->ready; }

static void write_queues(struct exposition *e, const struct used *rows, size_t n) {
    static const struct {
        const char *name, *help;
        double (*get)(const struct queue_state *q);
    } families[] = {{"evermoo_player_debt_seconds", "CPU time that each of them owes now", get_debt}, {"evermoo_player_ready_tasks", "tasks of each of them that wait for their turn only", get_ready}};
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        exposition_family(e, families[f].name, EXPOSITION_GAUGE, families[f].help);
        for (size_t i = 0; i < n; i++)
            exposition_sample(e, (const struct exposition_label[]){{"player", buf_c(&rows[i].id)}, {"name", buf_c(&rows[i].name)}, {NULL, NULL}}, families[f].get(&rows[i].queue));
    }
}

static void used_fini(struct used *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        buf_fini(&rows[i].id);
        buf_fini(&rows[i].name);
    }
}

static void write_players(const struct server *s, struct exposition *e) {
    struct usage_row top[MOST_ROWS];
    struct used rows[MOST_ROWS];
    const struct stats *st = sched_stats(s->sched);
    size_t found = stats_top_players(st, SPAN_HOUR, top, MOST_ROWS), n = 0;
    for (size_t i = 0; i < found; i++) {
        if (top[i].logins) continue;
        struct used *u = &rows[n++];
        *u = (struct used){.id = BUF_INIT};
        stats_player(st, top[i].who, SPAN_ALL, &u->usage);
        u->queue = sched_queue_state(s->sched, top[i].who);
        buf_printf(&u->id, "#%lld", (long long)top[i].who);
        name_payer(s->db, top[i].who, false, &u->name);
    }
    write_used(e, "player", rows, n);
    write_queues(e, rows, n);
    used_fini(rows, n);
}

static void write_verbs(const struct server *s, struct exposition *e) {
    struct usage_row top[MOST_ROWS];
    struct used rows[MOST_ROWS];
    const struct stats *st = sched_stats(s->sched);
    size_t n = stats_top_verbs(st, SPAN_HOUR, top, MOST_ROWS);
    for (size_t i = 0; i < n; i++) {
        struct used *u = &rows[i];
        *u = (struct used){.id = BUF_INIT};
        stats_verb(st, top[i].who, top[i].verb, SPAN_ALL, &u->usage);
        buf_printf(&u->id, "#%lld:%s", (long long)top[i].who, top[i].verb->data);
        name_verb(s->db, top[i].who, top[i].verb, &u->name);
    }
    write_used(e, "verb", rows, n);
    used_fini(rows, n);
}

void metrics_write_scheduler(struct server *s, struct exposition *e) {
    write_counts(s, e);
    write_histograms(s, e);
    write_players(s, e);
    write_verbs(s, e);
}
