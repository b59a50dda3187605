/* SPDX-License-Identifier: MIT */
/* From connection to player and out again: do_login_command, redirects, messages, the verbs that hear of it, and the log. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "scheduler/command.h"
#include "scheduler/state.h"

/* ---- messages and log ---- */

static void say_line(struct scheduler *s, objid conn, const char *p, size_t len, bool no_flush) {
    if (s->host.say) s->host.say(s->host.ctx, conn, p, len, no_flush);
    else s->host.notify(s->host.ctx, conn, p, len, no_flush, false);
}

void sched_say_message(struct scheduler *s, objid conn, objid listener, const char *name, bool no_flush) {
    value v = sched_option(s, listener, name);
    if (v.type == V_STR) {
        say_line(s, conn, v.u.s->data, v.u.s->len, no_flush);
    } else if (v.type == V_LIST) {
        for (int64_t i = 1; i <= v.u.l->len; i++) {
            value line = list_get(v.u.l, i);
            if (line.type == V_STR) say_line(s, conn, line.u.s->data, line.u.s->len, no_flush);
        }
    } else if (v.type == V_NONE) {
        const char *const *lines = option_default_message(name);
        for (int i = 0; i < 2 && lines[i]; i++) {
            struct str *line = str_from(lines[i]);
            say_line(s, conn, line->data, line->len, no_flush);
            str_unref(line);
        }
    }
    value_unref(v);
}

static void say_message(struct scheduler *s, const struct input *in, const char *name) {
    if (in->print_messages) sched_say_message(s, in->conn, in->listener, name, false);
}

/* "Wizard (#2)", or the bare number of what is no object. Owned. */
static struct str *who(struct scheduler *s, objid o) {
    return db_valid(s->db, o) ? str_printf("%s (#%lld)", db_name(s->db, o)->data, (long long)o) : str_printf("#%lld", (long long)o);
}

static struct str *where(struct scheduler *s, objid conn) {
    struct str *name = s->host.connection_name ? s->host.connection_name(s->host.ctx, conn, 2) : NULL;
    return name ? name : str_from("a closed connection");
}

static void log_event(struct scheduler *s, const char *what, objid o, objid conn) {
    struct str *name = who(s, o), *place = where(s, conn);
    log_info("%s: %s on %s", what, name->data, place->data);
    str_unref(name);
    str_unref(place);
}

/* ---- hooks ---- */

static void call_hook(struct scheduler *s, objid listener, objid player, const char *verb) {
    struct server_verb_call call = {.object = listener, .player = player, .verb = verb, .args = list_of(1, value_obj(player))};
    sched_call_verb(s, &call, NULL, NULL);
}

static void add_hook(struct scheduler *s, objid listener, objid player, const char *verb, bool hidden) {
    s->hooks = xrealloc(s->hooks, (s->nhooks + 1) * sizeof *s->hooks);
    s->hooks[s->nhooks++] = (struct hook){listener, player, verb, hidden};
}

void login_run_hooks(struct scheduler *s) {
    struct hook *hooks = s->hooks;
    size_t n = s->nhooks;
    s->hooks = NULL;
    s->nhooks = 0;
    for (size_t i = 0; i < n; i++) {
        if (hooks[i].hidden && s->host.hide) s->host.hide(s->host.ctx, hooks[i].player, true);
        call_hook(s, hooks[i].listener, hooks[i].player, hooks[i].verb);
        if (hooks[i].hidden && s->host.hide) s->host.hide(s->host.ctx, hooks[i].player, false);
    }
    free(hooks);
}

/* ---- becoming a player ---- */

/* Whoever had the player's name before: its lines are dropped, its reader is told. It may be running a line just now, so it is only taken out of the tables. */
static void give_up(struct scheduler *s, struct input *old) {
    if (old->reader) input_disappoint_reader(s, old);
    input_drop_lines(s, old);
    idmap_remove(&s->inputs, old->conn);
    idmap_remove(&s->recycled, old->conn);
    input_drop_row(s, old->conn);
    old->conn = NOTHING;
    old->connected = false;
    input_update(s, old);
}

/* Lines that were forced upon a player who was not there come first. */
static void take_lines(struct input *from, struct input *to) {
    if (!from->first) return;
    from->last->next = to->first;
    if (!to->first) to->last = from->last;
    to->first = from->first;
    to->bytes += from->bytes;
    to->out_of_band_lines += from->out_of_band_lines;
    from->first = from->last = NULL;
    from->bytes = from->out_of_band_lines = 0;
}

static void rename_input(struct scheduler *s, struct input *in, objid player) {
    idmap_remove(&s->inputs, in->conn);
    idmap_remove(&s->recycled, in->conn);
    input_drop_row(s, in->conn);
    in->dirty = false;
    in->conn = player;
    idmap_put(&s->inputs, player, in);
    input_move_queue(s, in, queue_get(s, player));
    if (in->reader) in->reader->conn = player;
    input_changed(s, in);
}

static void redirect(struct scheduler *s, struct input *in, struct input *old, objid player, bool silent) {
    struct str *name = who(s, player), *was = where(s, player), *now = where(s, in->conn);
    log_info("REDIRECTED: %s, was %s, now %s", name->data, was->data, now->data);
    str_unref(name);
    str_unref(was);
    str_unref(now);
    if (!silent) say_message(s, old, "redirect_from_msg");
}

void login_become(struct scheduler *s, struct input *in, objid player, bool created, bool silent) {
    struct input *old = input_get(s, player);
    bool redirected = old && old->connected;
    objid old_listener = old ? old->listener : NOTHING;
    if (redirected) redirect(s, in, old, player, silent);
    else log_event(s, created ? "CREATED" : "CONNECTED", player, in->conn);
    if (old && !redirected) take_lines(old, in);
    if (old) give_up(s, old);
    s->host.become(s->host.ctx, in->conn, player);
    rename_input(s, in, player);
    if (silent) return;
    say_message(s, in, redirected ? "redirect_to_msg" : created ? "create_msg" : "connect_msg");
    const char *connected = created ? "user_created" : "user_connected";
    if (redirected && old_listener == in->listener) {
        add_hook(s, in->listener, player, "user_reconnected", false);
    } else {
        if (redirected) add_hook(s, old_listener, player, "user_client_disconnected", true);
        add_hook(s, in->listener, player, connected, false);
    }
}

static bool is_player(struct scheduler *s, objid o) {
    return db_valid(s->db, o) && db_flag(s->db, o, OF_PLAYER);
}

void login_line(struct scheduler *s, struct input *in, struct str *line) {
    objid conn = in->conn, max_before = db_max_object(s->db);
    in->last_task_id = task_new_id(s);
    struct server_verb_call call = {
        .object = in->listener, .player = conn, .verb = "do_login_command", .args = command_words(line->data, line->len), .argstr = line};
    value answer;
    enum vm_status status = run_verb(s, &call, in->last_task_id, &answer, NULL);
    bool is_login = status == VM_DONE && answer.type == V_OBJ && is_player(s, answer.u.o) && in->connected && in->conn == conn;
    if (is_login && s->host.is_connected(s->host.ctx, conn)) login_become(s, in, answer.u.o, answer.u.o > max_before, false);
    value_unref(answer);
}

enum error sched_switch_player(struct scheduler *s, objid conn, objid player, bool silent) {
    struct input *in = input_get(s, conn);
    if (conn == player || !in || !in->connected || !s->host.is_connected(s->host.ctx, conn) || !is_player(s, player)) return E_INVARG;
    login_become(s, in, player, false, silent);
    return E_NONE;
}

/* ---- the end of a connection ---- */

static void closed(struct scheduler *s, struct input *in) {
    in->connected = false;
    in->hold = false; /* nobody is left to ask for them: what was typed is run, as ever */
    idmap_remove(&s->recycled, in->conn);
    if (in->conn < 0) input_drop_lines(s, in);
    input_update(s, in);
}

static void hear_of_end(struct scheduler *s, struct input *in, const char *verb, bool log_first, const char *what) {
    objid conn = in->conn;
    in->busy++;
    if (log_first) log_event(s, what, conn, conn);
    if (s->host.hide) s->host.hide(s->host.ctx, conn, true);
    call_hook(s, in->listener, conn, verb);
    if (s->host.hide) s->host.hide(s->host.ctx, conn, false);
    if (!log_first) log_event(s, what, conn, conn);
    in->busy--;
}

void sched_connection_closed(struct scheduler *s, objid conn, bool by_client) {
    struct input *in = input_get(s, conn);
    if (!in || !in->connected) return;
    must(!s->run);
    if (conn >= 0 && !db_valid(s->db, conn)) {
        log_event(s, "RECYCLED", conn, conn);
        say_message(s, in, "recycle_msg");
    } else if (by_client) {
        hear_of_end(s, in, "user_client_disconnected", true, "CLIENT DISCONNECTED");
    } else {
        hear_of_end(s, in, "user_disconnected", false, "DISCONNECTED");
        say_message(s, in, "boot_msg");
    }
    closed(s, in);
}

void sched_connection_timed_out(struct scheduler *s, objid conn) {
    struct input *in = input_get(s, conn);
    if (!in || !in->connected) return;
    must(!s->run);
    hear_of_end(s, in, "user_disconnected", false, "TIMEOUT");
    say_message(s, in, "timeout_msg");
    closed(s, in);
}

int64_t sched_connect_timeout(struct scheduler *s, objid listener) {
    value v = sched_option(s, listener, option_name(OPT_connect_timeout));
    int64_t seconds = v.type == V_NONE ? option_default(s, OPT_connect_timeout) : v.type == V_INT && v.u.i > 0 ? v.u.i : 0;
    value_unref(v);
    return seconds;
}

void sched_object_recycled(struct scheduler *s, objid o) {
    struct input *in = input_get(s, o);
    if (in && in->connected) idmap_put(&s->recycled, o, in);
}

void login_close_recycled(struct scheduler *s) {
    while (s->recycled.len > 0) {
        size_t at = 0;
        struct input *in = idmap_next(&s->recycled, &at);
        objid conn = in->conn;
        idmap_remove(&s->recycled, conn);
        s->host.boot(s->host.ctx, conn);
    }
}

/* ---- start-up ---- */

void sched_players_gone(struct scheduler *s, const struct list *were_connected) {
    for (int64_t i = 1; were_connected && i <= were_connected->len; i++) {
        value row = list_get(were_connected, i);
        if (row.type != V_LIST || row.u.l->len < 2) continue;
        value player = list_get(row.u.l, 1), listener = list_get(row.u.l, 2);
        if (player.type == V_OBJ && listener.type == V_OBJ) call_hook(s, listener.u.o, player.u.o, "user_disconnected");
    }
}

void sched_world_started(struct scheduler *s, const struct list *were_connected) {
    sched_players_gone(s, were_connected);
    struct server_verb_call call = {.object = 0, .player = NOTHING, .verb = "server_started"};
    sched_call_verb(s, &call, NULL, NULL);
}
