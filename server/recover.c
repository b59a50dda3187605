/* SPDX-License-Identifier: MIT */
#include "server/recover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/version.h"
#include "server/crash.h"
#include "server/guard.h"
#include "server/server.h"
#include "server/takeover.h"

struct kept {
    int fd;
    struct box_slot slot;
};

/* ---- sockets ---- */

static int by_age(const void *a, const void *b) {
    const struct kept *x = a, *y = b;
    return x->slot.accepted_us < y->slot.accepted_us ? -1 : x->slot.accepted_us > y->slot.accepted_us;
}

/* All that are what they were, the oldest first; the rest is left alone. */
static struct kept *look_at_all(struct server *s, size_t *n) {
    struct box_content *c = s->box->content;
    struct kept *all = xcalloc(c->used, sizeof *all);
    const char *fault;
    *n = 0;
    for (int fd = 0; fd < (int)c->used; fd++) {
        struct kept *k = &all[*n];
        k->fd = fd;
        if (blackbox_look(s->box, fd, &k->slot, &fault)) {
            (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
            (*n)++;
        } else if (fault) {
            log_warning("CRASH: descriptor %d, of #%lld, is dropped: %s", fd, (long long)k->slot.id, fault);
            blackbox_forget(s->box, fd);
            if (fd > STDERR_FILENO) (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* whatever it is, children do not get it from us */
        }
    }
    qsort(all, *n, sizeof *all, by_age);
    return all;
}

/* A socket that nobody is to have any more. A service manager's store has it too, and is to let go of it. */
static void end_socket(struct server *s, int fd) {
    blackbox_forget(s->box, fd);
    fdstore_keep(s, fd);
    fdstore_forget(s, fd);
    (void)shutdown(fd, SHUT_RDWR);
    close(fd);
}

static bool is_there(struct server *s, objid id) { return id >= 0 && db_valid(s->db, id); }

static void adopt_listeners(struct server *s, const struct kept *all, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const struct box_slot *slot = &all[i].slot;
        if (slot->kind != BOX_LISTENER || listener_find_port(s, slot->local_port)) continue;
        if (!is_there(s, slot->listener)) {
            log_warning("CRASH: nobody listens on port %d now: #%lld is not in the world as it was saved last", slot->local_port, (long long)slot->listener);
            end_socket(s, all[i].fd);
            continue;
        }
        int fds[LISTENER_MAX_SOCKETS];
        size_t count = 0;
        for (size_t k = i; k < n && count < LISTENER_MAX_SOCKETS; k++)
            if (all[k].slot.kind == BOX_LISTENER && all[k].slot.local_port == slot->local_port) fds[count++] = all[k].fd;
        listener_adopt(s, slot->listener, slot->local_port, slot->flags & BOX_PRINT_MESSAGES, fds, count);
    }
}

/* Whether the connection is still a player's: one that came into being after the last save is not there. */
static bool is_player(struct server *s, objid id) { return is_there(s, id) && db_flag(s->db, id, OF_PLAYER); }

static void adopt_connection(struct server *s, const struct kept *k) {
    const struct box_slot *slot = &k->slot;
    bool player = is_player(s, slot->id) && !(slot->flags & BOX_NEW_PLAYER), gone = slot->id >= 0 && !player;
    objid listener = slot->flags & BOX_OUTBOUND || is_there(s, slot->listener) ? slot->listener : 0; /* somebody has to answer */
    struct connection *c = connection_new(s, k->fd, listener, slot->flags & BOX_PRINT_MESSAGES, slot->flags & BOX_OUTBOUND);
    if (!gone && !connection_find_any(s, slot->id)) connection_set_id(c, slot->id);
    c->accepted_us = slot->accepted_us;
    c->connected_us = player ? slot->connected_us : 0;
    c->last_input_us = slot->last_input_us;
    c->local_port = slot->local_port;
    c->peer_port = slot->peer_port;
    c->unnamed = slot->flags & BOX_UNNAMED;
    c->binary = slot->flags & BOX_BINARY;
    c->keep_alive = slot->flags & BOX_KEEP_ALIVE;
    c->reader.encoding = slot->encoding <= LINE_LATIN1 ? (uint8_t)slot->encoding : LINE_AUTO;
    c->reader.skip = slot->flags & BOX_IN_LINE;
    c->login_prompt = !player && !c->outbound;
    memcpy(c->address, slot->address, sizeof c->address);
    c->name = xstrdup(slot->name);
    c->opened = true;
    if (c->login_prompt) sched_connection_opened(s->sched, c->id, c->listener, c->print_messages, c->outbound, true);
    else sched_connection_kept(s->sched, c->id, c->listener, c->print_messages, c->outbound);
    if (slot->flags & BOX_OUT_LINE && connection_hears_messages(c)) connection_write(c, "\r\n", 2, false); /* what was queued is cut off somewhere */
    if (slot->flags & BOX_NO_ECHO) connection_write(c, "\xFF\xFC\x01", 3, false); /* whoever asked for a password is gone */
    if (gone) log_warning("CRASH: the player of %s, #%lld, is not in the world as it was saved last", c->name, (long long)slot->id);
    blackbox_note_connection(s->box, c);
}

int recover_connections(struct server *s, struct buf *why) {
    struct box_content *c = s->box->content;
    size_t n;
    if (sched_load(s->sched, why)) return -1;
    if (c->failed.task) {
        (void)sched_end_failed(s->sched, c->failed.task);
        sched_flush_input(s->sched, c->failed.player, false); /* it may be among the lines that had come by the last save */
    }
    struct kept *all = look_at_all(s, &n);
    adopt_listeners(s, all, n);
    objid next = (objid)c->next_number;
    if (next < s->connections.next_number) s->connections.next_number = next;
    for (size_t i = 0; i < n; i++)
        if (all[i].slot.kind == BOX_CONNECTION) adopt_connection(s, &all[i]);
    free(all);
    return 0;
}

bool recover_is_of_this_world(const struct server *s) { return !memcmp(s->box->content->world, db_uuid(s->db), sizeof s->box->content->world); }

void recover_nobody(struct server *s) {
    struct box_slot slot;
    const char *fault;
    log_error("CRASH: the connections that were kept are of another world than %s, and end", s->options.world);
    guard_passed(); /* there is nothing to go on with */
    for (int fd = 0; fd < (int)s->box->content->used; fd++) {
        if (blackbox_look(s->box, fd, &slot, &fault)) end_socket(s, fd);
    }
    s->fdstore.inherited = false;
    s->options.recover = -1;
    blackbox_free(s->box);
    takeover_new_box(s);
}

/* ---- words ---- */

static void say_to_one(struct server *s, struct connection *c, int64_t seconds) {
    value v = sched_option(s->sched, c->listener, "crash_msg");
    if (v.type != V_NONE) {
        sched_say_message(s->sched, c->id, c->listener, "crash_msg", false);
    } else {
        char line[160];
        snprintf(line, sizeof line, "*** The server had a fault. The world is as it was saved %lld second%s before; you are still connected. ***", (long long)seconds, seconds == 1 ? "" : "s");
        connection_write_line(c, line, strlen(line), false);
    }
    value_unref(v);
    if (s->box->content->failed.task && c->id == s->box->content->failed.player) {
        static const char ended[] = "*** What you were doing at that moment was ended and is not tried again. ***";
        connection_write_line(c, ended, sizeof ended - 1, false);
    }
}

static void call_verbs(struct server *s, int64_t lost_us) {
    const struct box_content *c = s->box->content;
    struct list *info = list_new(7);
    list_add_pair(&info, "signal", value_str(str_from(crash_signal_name(c->signal))));
    list_add_pair(&info, "seconds", value_float((double)lost_us / 1e6));
    list_add_pair(&info, "generation", value_int((int64_t)db_generation(s->db)));
    list_add_pair(&info, "task", value_int(c->failed.task));
    list_add_pair(&info, "player", value_obj(c->failed.task ? (objid)c->failed.player : NOTHING));
    list_add_pair(&info, "report", value_str(str_new(c->report, strnlen(c->report, sizeof c->report))));
    list_add_pair(&info, "version", value_str(str_from(EVERMOO_VERSION)));
    server_announce_recovery(s);
    server_call_hook(s, "server_recovered", list_of(1, value_list(info)));
}

void recover_go_on(struct server *s) {
    struct box_content *c = s->box->content;
    int64_t newest = c->crashes_us[BOX_STRIKES - 1], lost_us = newest > c->saved_us ? newest - c->saved_us : 0;
    log_info("CRASH: evermoo %s goes on from save %llu, %.1f seconds older, with %zu connections; process %ld", EVERMOO_VERSION, (unsigned long long)db_generation(s->db), (double)lost_us / 1e6,
             s->connections.count, (long)getpid());
    for (struct connection *x = s->connections.oldest; x; x = x->newer) {
        if (connection_hears_messages(x)) say_to_one(s, x, lost_us / 1000000);
        if (x->unnamed) connection_introduce_again(x);
        connection_listen_again(x);
        connection_wants_settling(x);
    }
    listeners_pause(s, false);
    if (c->back) {
        log_error("CRASH: it was within a minute of a reboot, so the program before that reboot goes on");
        server_say_to_wizards(s, "*** The new program crashed soon after the reboot; the program before it goes on. The log says more. ***");
    }
    call_verbs(s, lost_us);
    crash_drop_old_reports();
    c->running.task = c->failed.task = 0;
    ev_feed_signal_event(s->loop, SIGCHLD); /* children of before that have ended meanwhile */
    s->saves.changed = true;
}
