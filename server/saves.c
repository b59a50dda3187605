/* SPDX-License-Identifier: MIT */
#include "server/saves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

static const double DEFAULT_SAVE_INTERVAL = 5, DEFAULT_DUMP_INTERVAL = 3600, LEAST_DUMP_INTERVAL = 60;
static const double RETRY_SECONDS[] = {1, 2, 5, 10}; /* after the first failure, the second, ...; the last one stands for all that follow */
static const int64_t STEP_US = 1000, TELL_AGAIN_US = 300 * INT64_C(1000000), LOG_AGAIN_US = 60 * INT64_C(1000000);
enum { RETRIES = sizeof RETRY_SECONDS / sizeof *RETRY_SECONDS };

/* ---- who asks ---- */

struct save_request {
    struct save_request *next;
    save_answer *answer;
    void *ctx;
};

static void append(struct save_request **list, struct save_request *more) {
    while (*list) list = &(*list)->next;
    *list = more;
}

static void ask(struct save_request **list, save_answer *answer, void *ctx) {
    struct save_request *r = xcalloc(1, sizeof *r);
    *r = (struct save_request){.answer = answer, .ctx = ctx};
    append(list, r);
}

static void forget(struct save_request **list, const void *ctx) {
    while (*list) {
        struct save_request *r = *list;
        if (r->ctx != ctx) {
            list = &r->next;
            continue;
        }
        *list = r->next;
        free(r);
    }
}

static void free_requests(struct save_request **list) {
    while (*list) {
        struct save_request *next = (*list)->next;
        free(*list);
        *list = next;
    }
}

void saves_ask(struct server *s, save_answer *answer, void *ctx) { ask(&s->saves.asked, answer, ctx); }

void saves_ask_checkpoint(struct server *s, save_answer *answer, void *ctx) {
    ask(&s->saves.checkpoint_asked, answer, ctx);
    s->saves.checkpoint_wanted = true;
}

void saves_forget(struct server *s, const void *ctx) {
    forget(&s->saves.asked, ctx);
    forget(&s->saves.cut, ctx);
    forget(&s->saves.checkpoint_asked, ctx);
    forget(&s->saves.checkpoint_begun, ctx);
}

/* One after the other, as each may make others ask, or give up. */
static void answer_all(struct server *s, struct save_request **list, const struct save_outcome *o) {
    while (*list) {
        struct save_request *r = *list;
        *list = r->next;
        r->answer(s, r->ctx, o);
        free(r);
    }
}

/* ---- failures ---- */

static bool is_time(int64_t *last_us, int64_t now, int64_t every_us) {
    if (*last_us && now - *last_us < every_us) return false;
    *last_us = now;
    return true;
}

static void note_failure(struct server *s, const char *why) {
    struct saves *v = &s->saves;
    int64_t now = clock_monotonic_us();
    struct buf line = BUF_INIT;
    if (!v->failures++) v->failing_since_us = now;
    double wait = RETRY_SECONDS[v->failures < RETRIES ? v->failures - 1 : RETRIES - 1];
    v->retry_us = now + (int64_t)(wait * 1e6);
    v->changed = true;
    if (is_time(&v->logged_us, now, LOG_AGAIN_US)) log_error("SAVE failed (%u in a row; the next try is in %g s, nothing is lost while the server runs): %s", v->failures, wait, why);
    if (is_time(&v->told_us, now, TELL_AGAIN_US)) {
        buf_printf(&line, "*** The world cannot be saved: %s. Nothing is lost while the server runs, and it goes on trying. ***", why);
        server_say_to_wizards(s, buf_c(&line));
        buf_fini(&line);
    }
}

static void note_success(struct server *s) {
    struct saves *v = &s->saves;
    v->ended_us = clock_monotonic_us();
    server_note_saved_players(s);
    if (s->box) s->box->content->saved_us = v->cut_us, s->box->content->generation = (int64_t)db_generation(s->db);
    if (!v->failures) return;
    struct buf line = BUF_INIT;
    buf_printf(&line, "*** The world is saved again: save %llu holds everything. ***", (unsigned long long)db_generation(s->db));
    log_info("SAVED again after %u failures in %lld seconds: save %llu holds everything", v->failures, (long long)(v->ended_us - v->failing_since_us) / 1000000, (unsigned long long)db_generation(s->db));
    server_say_to_wizards(s, buf_c(&line));
    buf_fini(&line);
    v->failures = 0;
    v->retry_us = v->told_us = v->logged_us = 0;
}

/* ---- one save ---- */

static void set_reason(struct saves *v, const char *why) {
    buf_clear(&v->why);
    if (why) buf_add_c(&v->why, why);
    v->outcome.why = why ? buf_c(&v->why) : NULL;
}

static void on_ended(void *ctx, const struct db_save_report *report, const char *why) {
    struct saves *v = &((struct server *)ctx)->saves;
    if (!why) v->outcome.report = *report;
    set_reason(v, why);
    v->ended = true;
}

/* Also of what is tidied up when the save has ended and is counted. */
static void note_pause(struct saves *v, int64_t from_us) {
    int64_t us = clock_monotonic_us() - from_us, *counted = &v->total.pauses_us[(v->total.saves + SAVES_KEPT - 1) % SAVES_KEPT];
    if (us > v->outcome.pause_us) v->outcome.pause_us = us;
    if (us > v->total.pause_us) v->total.pause_us = us;
    if (v->counted && us > *counted) *counted = us;
}

static void begin(struct server *s) {
    struct saves *v = &s->saves;
    struct db_save_part parts[2];
    struct db_save_end end = {.ended = on_ended, .ctx = s};
    struct buf why = BUF_INIT;
    server_connections_part(s, &parts[0]);
    sched_save_part(s->sched, &parts[1]);
    append(&v->cut, v->asked);
    v->asked = NULL;
    v->changed = false;
    v->outcome = (struct save_outcome){.wall_us = 0};
    v->counted = false;
    v->cut_us = clock_monotonic_us();
    if (db_save_begin(s->db, parts, 2, &end, &why)) on_ended(s, NULL, buf_c(&why));
    note_pause(v, v->cut_us);
    buf_fini(&why);
}

static enum db_save_state step(struct server *s) {
    int64_t from = clock_monotonic_us();
    enum db_save_state state = db_save_step(s->db, STEP_US);
    note_pause(&s->saves, from);
    return state;
}

/* Everybody hears of it if the save has ended. true: it has. */
static bool settle(struct server *s) {
    struct saves *v = &s->saves;
    if (!v->ended) return false;
    v->ended = false;
    v->due_us = 0;
    v->outcome.wall_us = clock_wall_us();
    struct save_outcome o = v->outcome;
    char *why = o.why ? xstrdup(o.why) : NULL;
    o.why = why;
    if (why) o.report = (struct db_save_report){.generation = db_generation(s->db), .microseconds = clock_monotonic_us() - v->cut_us};
    saves_count(s, &o);
    if (why) note_failure(s, why);
    else note_success(s);
    answer_all(s, &v->cut, &o);
    free(why);
    return true;
}

int saves_now(struct server *s) {
    struct saves *v = &s->saves;
    db_save_finish(s->db);
    settle(s);
    begin(s);
    db_save_finish(s->db);
    int rc = v->outcome.why ? -1 : 0;
    settle(s);
    return rc;
}

int saves_all(struct server *s) {
    int rc = saves_now(s);
    return rc == 0 && saves_are_changes(s) ? saves_now(s) : rc;
}

/* ---- checkpoints ---- */

static void checkpoint_saved(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)ctx;
    struct saves *v = &s->saves;
    const struct db_save_report *r = &o->report;
    if (o->why) log_error("CHECKPOINTING on %s failed: %s", s->options.world, o->why);
    else log_info("CHECKPOINTING on %s finished: save %llu, %llu records, %llu bytes, %.1f ms", s->options.world, (unsigned long long)r->generation, (unsigned long long)r->records,
                  (unsigned long long)r->bytes, (double)r->microseconds / 1e3);
    if (!o->why && s->end == SERVER_RUNS) textdumps_begin(s);
    else if (!o->why && s->end == SERVER_EXEC && s->options.text_dump) v->checkpoint_wanted = true; /* whoever serves next makes the dump */
    server_call_hook(s, "checkpoint_finished", list_of(2, value_int(!o->why), saves_info(o)));
    v->checkpoint_under_way = false;
    answer_all(s, &v->checkpoint_begun, o);
}

static void begin_checkpoint(struct server *s) {
    struct saves *v = &s->saves;
    v->checkpoint_wanted = false;
    v->checkpoint_under_way = true;
    append(&v->checkpoint_begun, v->checkpoint_asked);
    v->checkpoint_asked = NULL;
    s->last_checkpoint_us = clock_monotonic_us();
    server_call_hook(s, "checkpoint_started", NULL);
    connections_write_all(s);
    log_info("CHECKPOINTING on %s ...", s->options.world);
    saves_ask(s, checkpoint_saved, NULL);
}

/* ---- when ---- */

static double seconds_of(value v) {
    double seconds = v.type == V_INT ? (double)v.u.i : v.type == V_FLOAT ? v.u.f : -1;
    value_unref(v);
    return seconds;
}

static double save_interval(struct server *s) {
    if (s->options.save_interval >= 0) return s->options.save_interval;
    double seconds = seconds_of(sched_option(s->sched, 0, "save_interval"));
    return seconds >= 0 && isfinite(seconds) ? seconds : DEFAULT_SAVE_INTERVAL;
}

/* $server_options.dump_interval, else #0.dump_interval; what is below a minute, or no number, is the default. */
static double dump_interval(struct server *s) {
    double seconds = seconds_of(sched_option(s->sched, 0, "dump_interval"));
    value v;
    if (!(seconds >= LEAST_DUMP_INTERVAL) && db_valid(s->db, 0) && db_read_property(s->db, 0, "dump_interval", NULL, &v)) seconds = seconds_of(v);
    return seconds >= LEAST_DUMP_INTERVAL && seconds < 1e9 ? seconds : DEFAULT_DUMP_INTERVAL;
}

/* A task that woke, ran and ended or sleeps again may have left the objects as they were; its row of before is not to be run again. */
bool saves_are_changes(const struct server *s) { return s->saves.changed || db_has_changes(s->db) || sched_has_changes(s->sched); }

/*
 * Seconds until a save or a checkpoint is due by the clock; 0: a save is now. The intervals are properties of the world and are not looked up in
 * every turn: only when the time has come, or when the first change after a save has set the shorter of the two clocks going.
 */
static double look_at_clock(struct server *s) {
    struct saves *v = &s->saves;
    int64_t now = clock_monotonic_us();
    bool changed = saves_are_changes(s), pressed = changed && !v->failures && db_wants_save(s->db);
    if (pressed) return 0;
    if (now < v->due_us && changed == v->due_for_changes) return (double)(v->due_us - now) / 1e6;
    double next = dump_interval(s) - (double)(now - s->last_checkpoint_us) / 1e6;
    if (next <= 0) v->checkpoint_wanted = true;
    if (changed) {
        double save = v->failures ? (double)(v->retry_us - now) / 1e6 : save_interval(s) - (double)(now - v->cut_us) / 1e6;
        if (save < next) next = save;
        if (save <= 0) return 0;
    }
    if (next < 0.001) next = 0.001;
    v->due_us = now + (int64_t)(next * 1e6);
    v->due_for_changes = changed;
    return next;
}

double saves_turn(struct server *s) {
    struct saves *v = &s->saves;
    double next = INFINITY;
    if (v->checkpoint_wanted && !v->checkpoint_under_way && s->end == SERVER_RUNS) begin_checkpoint(s);
    if (!db_save_under_way(s->db) && settle(s)) return 0; /* renumber() has waited for it: its outcome is told before the next begins */
    if (!db_save_under_way(s->db) && (v->asked || (next = look_at_clock(s)) <= 0)) begin(s);
    if (!db_save_under_way(s->db)) return settle(s) || (v->checkpoint_wanted && !v->checkpoint_under_way) ? 0 : next;
    enum db_save_state state = step(s);
    return !settle(s) && state == DB_SAVE_WAITS ? INFINITY : 0;
}

/* ---- the last one ---- */

static void sleep_for(double seconds) {
    struct timespec t = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}

int saves_last(struct server *s, double patience) {
    struct saves *v = &s->saves;
    int64_t end_us = clock_monotonic_us() + (int64_t)(patience * 1e6);
    double wait = 0.25;
    int rc = saves_all(s);
    if (rc) server_say_to_all(s, "*** The world cannot be saved; the server goes on trying before it ends. ***");
    connections_write_all(s);
    while (rc) {
        double left = (double)(end_us - clock_monotonic_us()) / 1e6;
        if (left <= 0) break;
        log_error("The last save failed and is tried again for %.0f more seconds: %s", left, v->total.last_error);
        sleep_for(wait < left ? wait : left);
        wait = wait < 2 ? wait * 2 : 4;
        rc = saves_all(s);
    }
    if (rc) log_error("NOT SAVED: the server ends all the same, and what happened since save %llu is lost: %s", (unsigned long long)db_generation(s->db), v->total.last_error);
    return rc;
}

/* ---- for people ---- */

void saves_describe(const struct server *s, struct buf *out) {
    const struct saves *v = &s->saves;
    int64_t now = clock_monotonic_us();
    buf_printf(out, "save %llu, %lld bytes on disk\n", (unsigned long long)db_generation(s->db), (long long)db_disk_size(s->db));
    if (v->total.saves) {
        size_t i = (v->total.saves - 1) % SAVES_KEPT;
        const struct db_save_report *r = &v->total.last[i];
        buf_printf(out, "last save %.1f seconds ago: %llu records, %llu bytes in %.1f ms, of which the server paused %.2f ms at a time\n", (double)(now - v->ended_us) / 1e6, (unsigned long long)r->records,
                   (unsigned long long)r->bytes, (double)r->microseconds / 1e3, (double)v->total.pauses_us[i] / 1e3);
    }
    if (db_save_under_way(s->db)) buf_printf(out, "a save is under way, since %.1f seconds\n", (double)(now - v->cut_us) / 1e6);
    else if (!saves_are_changes(s)) buf_add_c(out, "everything is on disk\n");
    if (v->failures) buf_printf(out, "SAVES FAIL since %lld seconds, %u in a row: %s\n", (long long)(now - v->failing_since_us) / 1000000, v->failures, v->total.last_error);
}

/* ---- beginning and end ---- */

static void on_woken(struct ev_loop *loop, ev_async *w, int events) { (void)loop, (void)w, (void)events; } /* it wakes the loop, that is all */

static void wake(void *ctx) {
    struct server *s = ctx;
    ev_async_send(s->loop, &s->saves.woken);
}

void saves_init(struct server *s) {
    s->saves.cut_us = clock_monotonic_us();
    ev_async_init(&s->saves.woken, on_woken);
    ev_async_start(s->loop, &s->saves.woken);
    db_save_set_wake(s->db, wake, s);
}

void saves_fini(struct server *s) {
    struct saves *v = &s->saves;
    ev_async_stop(s->loop, &v->woken);
    free_requests(&v->asked);
    free_requests(&v->cut);
    free_requests(&v->checkpoint_asked);
    free_requests(&v->checkpoint_begun);
    buf_fini(&v->why);
    free(v->total.last_error);
    *v = (struct saves){.changed = true};
}
