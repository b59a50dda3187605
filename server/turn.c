/* SPDX-License-Identifier: MIT */
/* The turns of the loop: tasks, what they asked for, output, waiting. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "scheduler/stats.h"
#include "server/server.h"

enum { SLICES_US = 5000, WAIT_FOR_SAVE_US = 5000, DEFAULT_MAX_QUEUED_OUTPUT = 65536, LEAST_MAX_QUEUED_OUTPUT = 2048 };
static const double HOUSEKEEPING_SECONDS = 1.0, LONGEST_WAIT = 60;

void server_load_options(struct server *s) {
    int64_t max = sched_option_int(s->sched, "max_queued_output", DEFAULT_MAX_QUEUED_OUTPUT);
    s->max_queued_output = max < LEAST_MAX_QUEUED_OUTPUT ? LEAST_MAX_QUEUED_OUTPUT : max;
}

bool server_settle(struct server *s) {
    if (!connections_need_settling(s)) return false;
    connections_settle(s);
    return true;
}

void server_say_to_all(struct server *s, const char *line) {
    for (struct connection *c = s->connections.newest; c; c = c->older) connection_write_line(c, line, strlen(line), false);
}

void server_say_to_wizards(struct server *s, const char *line) {
    for (struct connection *c = s->connections.newest; c; c = c->older)
        if (c->opened && c->id >= 0 && db_valid(s->db, c->id) && db_is_wizard(s->db, c->id)) connection_write_line(c, line, strlen(line), false);
}

static void on_nothing(struct ev_loop *loop, ev_timer *w, int events) { (void)loop, (void)w, (void)events; } /* it wakes the loop, that is all */

/* Silence before login is looked for once a second, while there is anybody to look at. */
static double end_silent(struct server *s) {
    if (!s->connections.not_logged_in) return INFINITY;
    int64_t now = clock_monotonic_us();
    double ago = (double)(now - s->last_silence_look_us) / 1e6;
    if (ago >= HOUSEKEEPING_SECONDS) {
        s->last_silence_look_us = now;
        connections_end_silent(s);
        ago = 0;
    }
    return HOUSEKEEPING_SECONDS - ago + 0.001;
}

static void on_wait(struct ev_loop *loop, ev_prepare *w, int events) {
    (void)loop, (void)events;
    struct server *s = w->data;
    if (s->sched) sched_note_loop(s->sched, clock_monotonic_us() - s->woke_us);
}

static void on_woken(struct ev_loop *loop, ev_check *w, int events) {
    (void)loop, (void)events;
    ((struct server *)w->data)->woke_us = clock_monotonic_us();
}

void server_watch_loop(struct server *s) {
    s->woke_us = clock_monotonic_us();
    ev_prepare_init(&s->before_wait, on_wait);
    ev_check_init(&s->after_wait, on_woken);
    s->before_wait.data = s->after_wait.data = s;
    ev_prepare_start(s->loop, &s->before_wait);
    ev_check_start(s->loop, &s->after_wait);
}

void server_unwatch_loop(struct server *s) {
    ev_prepare_stop(s->loop, &s->before_wait);
    ev_check_stop(s->loop, &s->after_wait);
}

static void wait_for_events(struct server *s, double seconds) {
    ev_timer_stop(s->loop, &s->wake);
    if (seconds <= 0) {
        ev_run(s->loop, EVRUN_NOWAIT);
        return;
    }
    ev_now_update(s->loop);
    ev_timer_init(&s->wake, on_nothing, seconds < LONGEST_WAIT ? seconds : LONGEST_WAIT, 0.);
    ev_timer_start(s->loop, &s->wake);
    ev_run(s->loop, EVRUN_ONCE);
}

/* The system refused memory in the middle of something, and it was found: now is the time to give back what can be read again. */
static void give_back_memory(struct server *s) {
    if (!memory_was_short()) return;
    log_error("MEMORY: the system had none left for a moment; what is not in use is given back");
    db_evict_clean(s->db);
}

/* Tasks, unless they have changed so much that they must wait for the save that is under way. As sched_run(). */
static int64_t run_tasks(struct server *s, bool wait) {
    if (wait) return WAIT_FOR_SAVE_US;
    if (!sched_is_idle(s->sched)) s->saves.changed = true;
    return sched_run(s->sched, SLICES_US);
}

void server_turn(struct server *s) {
    double notify = notify_turn(s);
    double store = fdstore_turn(s);
    give_back_memory(s);
    db_cache_turn(s->db);
    damage_turn(s);
    bool wait = db_should_wait(s->db);
    int64_t next_us = run_tasks(s, wait);
    bool waits = connections_settle(s);
    outbound_settle(s);
    if (s->reboot.wanted && !s->reboot.saving && s->end == SERVER_RUNS) reboot_begin(s);
    bool telling = round_turn(s);
    double wake = saves_turn(s), silent = end_silent(s), backup = backups_turn(s);
    connections_write_all(s);
    if (s->end != SERVER_RUNS) return;
    if (silent < wake) wake = silent;
    if (backup < wake) wake = backup;
    if (notify < wake) wake = notify;
    if (store < wake) wake = store;
    if (waits && wake > 0.02) wake = 0.02;
    if (next_us >= 0 && (double)next_us / 1e6 < wake) wake = (double)next_us / 1e6;
    if (telling || (!wait && !sched_is_idle(s->sched)) || (connections_need_settling(s) && !waits)) wake = 0;
    wait_for_events(s, wake);
}
