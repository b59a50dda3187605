/* SPDX-License-Identifier: MIT */
/* Saves and checkpoints. A save takes the world, the tasks and who is connected in one transaction. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/foreign.h"
#include "server/server.h"

static const double DEFAULT_SAVE_INTERVAL = 5, DEFAULT_DUMP_INTERVAL = 3600, LEAST_DUMP_INTERVAL = 60;

/* ---- who is connected: rows of DB_CONNECTION, number -> player, listener ---- */

static void write_connections(void *ctx, struct db_saver *saver) {
    struct server *s = ctx;
    uint64_t key = 0;
    db_saver_drop_all(saver, DB_CONNECTION);
    for (struct connection *c = s->connections.oldest; c; c = c->newer) {
        if (!c->opened || c->id == NOTHING) continue;
        struct buf row = BUF_INIT;
        enc_i64(&row, c->id);
        enc_i64(&row, c->listener);
        db_saver_put(saver, DB_CONNECTION, key++, &row);
        buf_fini(&row);
    }
    foreign_connections_drop(saver);
}

static struct list *add_stale(struct list *all, objid player, objid listener) {
    return list_append_take(all, value_list(list_of(2, value_obj(player), value_obj(listener))));
}

static bool read_connection(void *ctx, uint64_t key, const void *payload, size_t len) {
    (void)key;
    struct list **all = ctx;
    struct dec d = dec_over(payload, len);
    objid player = dec_i64(&d), listener = dec_i64(&d);
    if (!d.bad) *all = add_stale(*all, player, listener);
    return true;
}

void server_announce_start(struct server *s) {
    struct list *stale = list_new(0);
    struct buf why = BUF_INIT;
    struct foreign_connection *foreign;
    size_t n;
    if (foreign_connections(s->db, &foreign, &n, &why) == 0) {
        for (size_t i = 0; i < n; i++) stale = add_stale(stale, foreign[i].player, foreign[i].listener);
        free(foreign);
    }
    if (db_scan(s->db, DB_CONNECTION, read_connection, &stale, &why)) log_error("Who was connected cannot be read: %s", buf_c(&why));
    buf_fini(&why);
    sched_world_started(s->sched, stale);
    list_unref(stale);
}

/* ---- saving ---- */

int server_save(struct server *s, struct db_save_report *report) {
    struct db_save_part parts[2] = {{.write = write_connections, .ctx = s}};
    struct db_save_report mine;
    struct buf why = BUF_INIT;
    sched_save_part(s->sched, &parts[1]);
    int rc = db_save(s->db, parts, 2, report ? report : &mine, &why);
    s->last_save_us = clock_monotonic_us();
    if (rc) log_error("SAVE failed, nothing is lost yet, the next one will be tried soon: %s", buf_c(&why));
    s->changed = rc != 0;
    buf_fini(&why);
    return rc;
}

static void call_hook(struct server *s, const char *verb, struct list *args) {
    value v = value_none();
    bool found;
    struct server_verb_call call = {.object = 0, .player = NOTHING, .verb = verb, .args = args};
    (void)sched_call_verb(s->sched, &call, &v, &found);
    value_unref(v);
}

bool server_checkpoint(struct server *s) {
    struct db_save_report report = {0};
    s->last_checkpoint_us = clock_monotonic_us();
    call_hook(s, "checkpoint_started", NULL);
    connections_write_all(s);
    log_info("CHECKPOINTING on %s ...", s->options.world);
    bool done = server_save(s, &report) == 0;
    if (done) log_info("CHECKPOINTING on %s finished: save %llu, %llu records, %llu bytes, %.1f ms", s->options.world, (unsigned long long)report.generation, (unsigned long long)report.records,
                       (unsigned long long)report.bytes, (double)report.microseconds / 1e3);
    if (done) textdumps_begin(s);
    call_hook(s, "checkpoint_finished", list_of(1, value_int(done)));
    return done;
}

/* ---- how often ---- */

static double seconds_of(value v) {
    double seconds = v.type == V_INT ? (double)v.u.i : v.type == V_FLOAT ? v.u.f : -1;
    value_unref(v);
    return seconds;
}

double server_save_interval(struct server *s) {
    if (s->options.save_interval >= 0) return s->options.save_interval;
    double seconds = seconds_of(sched_option(s->sched, 0, "save_interval"));
    return seconds >= 0 && isfinite(seconds) ? seconds : DEFAULT_SAVE_INTERVAL;
}

/* $server_options.dump_interval, else #0.dump_interval; what is below a minute, or no number, is the default. */
double server_dump_interval(struct server *s) {
    double seconds = seconds_of(sched_option(s->sched, 0, "dump_interval"));
    value v;
    if (!(seconds >= LEAST_DUMP_INTERVAL) && db_valid(s->db, 0) && db_read_property(s->db, 0, "dump_interval", &v)) seconds = seconds_of(v);
    return seconds >= LEAST_DUMP_INTERVAL && seconds < 1e9 ? seconds : DEFAULT_DUMP_INTERVAL;
}
