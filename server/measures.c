/* SPDX-License-Identifier: MIT */
/* What /metrics tells of the server. Names are evermoo_*, in seconds and bytes; what only grows ends in _total, and begins at 0 when the program does. */
#include "base/clock.h"
#include "base/version.h"
#include "server/exposition.h"
#include "server/metrics.h"
#include "server/server.h"

static const enum exposition_type COUNTER = EXPOSITION_COUNTER, GAUGE = EXPOSITION_GAUGE;

static double seconds(int64_t us) { return (double)us / 1e6; }

static void write_process(const struct server *s, struct exposition *e) {
    exposition_family(e, "evermoo_build_info", GAUGE, "1, with the version of the program.");
    exposition_sample(e, (const struct exposition_label[]){{"version", EVERMOO_VERSION}, {NULL, NULL}}, 1);
    exposition_single(e, "evermoo_start_time_seconds", GAUGE, "When the program began, in seconds since 1970; a reboot begins it anew.", seconds(s->started_wall_us));
    exposition_single(e, "evermoo_process_cpu_seconds_total", COUNTER, "CPU time of the process, all threads; a reboot does not begin it anew.", seconds(clock_process_cpu_us()));
}

static void write_connections(const struct server *s, struct exposition *e) {
    const struct connections *all = &s->connections;
    exposition_family(e, "evermoo_connections", GAUGE, "Connections, by whether they are logged in.");
    exposition_sample(e, (const struct exposition_label[]){{"state", "logged_in"}, {NULL, NULL}}, (double)(all->count - all->not_logged_in));
    exposition_sample(e, (const struct exposition_label[]){{"state", "not_logged_in"}, {NULL, NULL}}, (double)all->not_logged_in);
}

static void write_memory(const struct server *s, struct exposition *e) {
    struct db_cache_stats m;
    db_cache_stats(s->db, &m);
    exposition_single(e, "evermoo_memory_in_use_bytes", GAUGE, "Memory in allocated blocks, as estimated.", (double)m.in_use);
    if (m.anonymous >= 0) exposition_single(e, "evermoo_memory_anonymous_bytes", GAUGE, "Memory of the process that no file holds.", (double)m.anonymous);
    exposition_single(e, "evermoo_cache_budget_bytes", GAUGE, "What --cache-size allows; 0: everything.", (double)m.budget);
    exposition_single(e, "evermoo_cache_loaded_objects_total", COUNTER, "Objects read from the store.", (double)m.loaded);
    exposition_single(e, "evermoo_cache_evicted_objects_total", COUNTER, "Objects dropped from memory again.", (double)m.evicted);
    exposition_single(e, "evermoo_cache_longest_eviction_seconds", GAUGE, "The longest time for which making room held the loop up.", seconds(m.longest_us));
}

static void write_saves(const struct server *s, struct exposition *e) {
    const struct saves *v = &s->saves;
    exposition_single(e, "evermoo_save_generation", GAUGE, "The number of the last save.", (double)db_generation(s->db));
    exposition_single(e, "evermoo_saves_total", COUNTER, "Saves that wrote something.", (double)v->total.saves);
    exposition_single(e, "evermoo_save_failures_total", COUNTER, "Saves that failed.", (double)v->total.failures);
    exposition_single(e, "evermoo_save_failures_in_a_row", GAUGE, "Saves that have failed since the last one that did not.", v->failures);
    exposition_single(e, "evermoo_saved_records_total", COUNTER, "Records that saves wrote.", (double)v->total.records);
    exposition_single(e, "evermoo_saved_bytes_total", COUNTER, "Bytes that saves wrote.", (double)v->total.bytes);
    exposition_single(e, "evermoo_save_seconds_total", COUNTER, "Time from the begin to the end of saves; nobody waits meanwhile.", seconds(v->total.us));
    exposition_single(e, "evermoo_save_longest_pause_seconds", GAUGE, "The longest time for which a save held the loop up.", seconds(v->total.pause_us));
}

static void write_work(const struct server *s, struct exposition *e) {
    size_t waiting, running;
    workers_count(s->workers, &waiting, &running);
    exposition_family(e, "evermoo_threaded_calls", GAUGE, "Calls of threaded built-in functions, by whether a thread is at work on them.");
    exposition_sample(e, (const struct exposition_label[]){{"state", "running"}, {NULL, NULL}}, (double)running);
    exposition_sample(e, (const struct exposition_label[]){{"state", "waiting"}, {NULL, NULL}}, (double)waiting);
}

void metrics_write(struct server *s, struct buf *out) {
    struct exposition e = {.out = out};
    write_process(s, &e);
    write_connections(s, &e);
    write_memory(s, &e);
    write_saves(s, &e);
    write_work(s, &e);
    metrics_write_scheduler(s, &e);
}
