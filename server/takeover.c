/* SPDX-License-Identifier: MIT */
#include "server/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "server/guard.h"
#include "server/handoff.h"
#include "server/phase.h"
#include "server/server.h"

static const double PROBATION_SECONDS = 60;

/* ---- what a fault executes ---- */

void takeover_new_box(struct server *s) {
    s->box = blackbox_new();
    if (!s->box) log_warning("A crash would end the server and not be recovered from: %s", strerror(errno));
    for (struct listener *l = s->listeners.newest; l; l = l->next) blackbox_note_listener(s->box, l);
    for (struct connection *c = s->connections.newest; c; c = c->older) blackbox_note_connection(s->box, c);
}

/* The program before this one for a while after a reboot, else this one. */
void takeover_guard(struct server *s) {
    if (s->box) {
        s->box->content->back = s->previous >= 0;
        s->box->content->generation = (int64_t)db_generation(s->db);
        memcpy(s->box->content->world, db_uuid(s->db), sizeof s->box->content->world);
    }
    guard_serving(s->box, s->previous >= 0 ? s->previous : s->executable, db_world_lock_descriptor(s->db), s->options.argc, s->options.argv);
}

static void end_probation(struct server *s) {
    ev_timer_stop(s->loop, &s->probation);
    if (s->previous >= 0) close(s->previous);
    s->previous = -1;
}

static void on_probation_over(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    struct server *s = w->data;
    int over = s->previous;
    s->previous = -1;
    takeover_guard(s); /* first: a fault must not execute what has its number next */
    close(over);
}

/* `reads': the program before this one has left its black box, so it can read what this one writes there. */
static void begin_probation(struct server *s, bool reads) {
    s->previous = s->options.previous;
    s->options.previous = -1;
    if (s->previous >= 0 && !reads) {
        log_info("REBOOT: should this program crash, it goes on itself: the one before it could not read what tells whose the connections are");
        end_probation(s);
    }
    if (s->previous < 0) return;
    (void)fcntl(s->previous, F_SETFD, FD_CLOEXEC);
    ev_timer_init(&s->probation, on_probation_over, PROBATION_SECONDS, 0.);
    s->probation.data = s;
    ev_timer_start(s->loop, &s->probation);
}

/* ---- the other side of a reboot ---- */

static int read_hand_off(int fd, struct buf *out, struct buf *why) {
    struct stat st;
    if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
        buf_printf(why, "the hand-off cannot be read: %s", strerror(errno));
        return -1;
    }
    char chunk[65536];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0) buf_add(out, chunk, (size_t)n);
    if (n < 0) buf_printf(why, "the hand-off cannot be read: %s", strerror(errno));
    return n < 0 ? -1 : 0;
}

int takeover_restore(struct server *s, struct buf *why) {
    struct buf bytes = BUF_INIT;
    int rc = read_hand_off(s->options.hand_off, &bytes, why);
    if (!rc) rc = handoff_decode(s, buf_c(&bytes), bytes.len, why);
    buf_fini(&bytes);
    return rc;
}

/* The save after the point from which nothing goes back: until it is on disk, the hand-off is all that holds what was handed over. */
static void drop_hand_off(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)ctx;
    if (o->why) {
        saves_ask(s, drop_hand_off, NULL);
        return;
    }
    close(s->taken_over);
    s->taken_over = -1;
    log_info("REBOOT: what was handed over is on disk: save %llu", (unsigned long long)db_generation(s->db));
    (void)phase("saved");
}

static void keep_hand_off(struct server *s) {
    s->taken_over = s->options.hand_off;
    s->options.hand_off = -1;
    (void)fcntl(s->taken_over, F_SETFD, FD_CLOEXEC);
    saves_ask(s, drop_hand_off, NULL);
}

void takeover_fini(struct server *s) {
    end_probation(s);
    if (s->taken_over >= 0) close(s->taken_over);
    s->taken_over = -1;
}

static const char went_back[] = "The new program could not take over; the log says why. The one before it goes on.";

static void answer_askers(struct server *s) {
    char text[120];
    snprintf(text, sizeof text, "evermoo %s has taken over; process %ld\n", EVERMOO_VERSION, (long)getpid());
    control_answer_reboots(s->control, s->options.back ? 1 : 0, s->options.back ? went_back : text);
}

/* A crash on either side of the point from which nothing goes back executes a program that finds every socket open. */
static void pass_the_point(struct server *s) {
    keep_hand_off(s);
    control_keep_reboots(s->control, false);
    bool same_box = s->box != NULL;
    if (same_box) (void)fcntl(s->box->fd, F_SETFD, FD_CLOEXEC);
    else takeover_new_box(s);
    begin_probation(s, same_box);
    takeover_guard(s); /* this is it */
    (void)phase("passed");
    log_info("REBOOT: evermoo %s has everything; from here on nothing goes back", EVERMOO_VERSION);
    reboot_close_on_exec(s);
}

void takeover_commit(struct server *s) {
    pass_the_point(s);
    s->options.lock = 0; /* the world has it */
    textdumps_go_on(s);
    if (s->damage.owed) damage_verify_later(s);
    for (struct connection *c = s->connections.oldest, *newer; c; c = newer) {
        newer = c->newer;
        if ((c->unnamed || !c->opened) && !c->closing) connection_introduce_again(c);
        connection_listen_again(c);
        connection_wants_settling(c);
    }
    listeners_pause(s, false);
    round_begin(s, s->options.back ? "reboot_off_msg" : "rebooted_msg", NULL);
    if (s->options.back) reboot_tell(s, "%s", went_back);
    server_log_start(s);
    log_info("REBOOT: evermoo %s has taken over with %zu connections; process %ld", EVERMOO_VERSION, s->connections.count, (long)getpid());
    answer_askers(s);
    server_hook_rebooted(s);
    s->saves.changed = true;
    (void)phase("committed");
}
