/* SPDX-License-Identifier: MIT */
/* What tasks ask of the server: the table of scheduler/host.h. Nothing here frees a connection or runs MOO code. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "db/backup.h"
#include "server/phase.h"
#include "server/server.h"

/* ---- connections ---- */

static bool host_is_connected(void *ctx, objid conn) { return connection_find(ctx, conn) != NULL; }

static bool host_facts(void *ctx, objid conn, struct connection_facts *out) {
    struct connection *c = connection_find(ctx, conn);
    if (!c) return false;
    *out = (struct connection_facts){.listener = c->listener, .connected_us = c->connected_us, .last_input_us = c->last_input_us, .outbound = c->outbound, .binary = c->binary};
    return true;
}

static value host_connected(void *ctx, bool all) {
    struct server *s = ctx;
    struct list *l = list_new(s->connections.count);
    for (struct connection *c = s->connections.newest; c; c = c->older)
        if (c->opened && !c->closing && !c->hidden && (all || c->connected_us)) l = list_append_take(l, value_obj(c->id));
    return value_list(l);
}

/* Also of one that is being closed: its end is logged under this name. */
static struct str *host_connection_name(void *ctx, objid conn, int form) {
    struct connection *c = connection_find_any(ctx, conn);
    if (!c) return NULL;
    struct buf text = BUF_INIT;
    if (form == CONNECTION_NAME_ADDRESS) buf_add_c(&text, c->address);
    else if (form == CONNECTION_NAME_HOST) buf_add_c(&text, c->name);
    else connection_describe(c, form == CONNECTION_NAME_BOTH, &text);
    struct str *s = buf_to_str(&text);
    buf_fini(&text);
    return s;
}

static bool send_text(struct connection *c, const char *bytes, size_t len, bool no_flush, bool no_newline) {
    struct buf text = BUF_INIT;
    if (c->binary) {
        buf_add(&text, bytes, len);
    } else {
        line_encode_text(&text, bytes, len, c->reader.encoding);
        if (!no_newline) buf_add(&text, "\r\n", 2);
    }
    bool sent = connection_write(c, buf_c(&text), text.len, no_flush);
    buf_fini(&text);
    return sent;
}

static bool host_notify(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline) {
    struct connection *c = connection_find(ctx, conn);
    return c && send_text(c, bytes, len, no_flush, no_newline);
}

static bool host_say(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush) {
    struct connection *c = connection_find_any(ctx, conn);
    return c && connection_write_line(c, bytes, len, no_flush);
}

static void host_hide(void *ctx, objid player, bool on) {
    struct connection *c = connection_find_any(ctx, player);
    if (c) c->hidden = on;
}

static int64_t host_buffered_output(void *ctx, objid conn) {
    struct server *s = ctx;
    if (conn == NOTHING) return s->max_queued_output;
    struct connection *c = connection_find(s, conn);
    return c ? (int64_t)output_length(&c->output) : 0;
}

static void host_boot(void *ctx, objid conn) {
    struct connection *c = connection_find(ctx, conn);
    if (!c) return;
    c->closing = true;
    connection_wants_settling(c);
}

static void host_become(void *ctx, objid conn, objid player) {
    struct server *s = ctx;
    struct connection *c = connection_find_any(s, conn), *old = connection_find_any(s, player);
    if (!c) return;
    if (old && old != c) {
        old->closing = true;
        connection_set_id(old, NOTHING);
        connection_wants_settling(old);
    }
    if (old != c) connection_set_id(c, player);
    c->connected_us = clock_monotonic_us();
    c->new_player = db_is_new(s->db, player);
    blackbox_note_connection(s->box, c);
}

static void host_pause_input(void *ctx, objid conn, bool on) {
    struct connection *c = connection_find_any(ctx, conn);
    if (c) connection_pause(c, on);
}

/* ---- options: the names and what they do ---- */

static value get_binary(struct connection *c) { return value_int(c->binary); }
static value get_echo(struct connection *c) { return value_int(!c->no_echo); }
static value get_keep_alive(struct connection *c) { return value_int(c->keep_alive); }
static value get_encoding(struct connection *c) { return value_str(str_from(line_encoding_name(c->reader.encoding))); }

static bool set_binary(struct connection *c, value v) {
    c->binary = value_is_true(v);
    return true;
}

/* The server says that it echoes, so that the client does not: passwords. */
static bool set_echo(struct connection *c, value v) {
    c->no_echo = !value_is_true(v);
    connection_write(c, c->no_echo ? "\xFF\xFB\x01" : "\xFF\xFC\x01", 3, false);
    return true;
}

static bool set_keep_alive(struct connection *c, value v) {
    if (v.type != V_INT) return false;
    connection_set_keep_alive(c, value_is_true(v));
    return true;
}

static bool set_encoding(struct connection *c, value v) {
    int encoding = v.type == V_STR ? line_encoding_by_name(v.u.s) : -1;
    if (encoding >= 0) c->reader.encoding = (uint8_t)encoding;
    return encoding >= 0;
}

static const struct connection_setting {
    const char *name;
    bool listed; /* in connection_options(), which has the classic ones only */
    value (*get)(struct connection *c);
    bool (*set)(struct connection *c, value v);
} settings[] = {
    {"binary", true, get_binary, set_binary},
    {"client-echo", true, get_echo, set_echo},
    {"keep-alive", false, get_keep_alive, set_keep_alive},
    {"encoding", false, get_encoding, set_encoding},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static const struct connection_setting *find_setting(const struct str *name) {
    for (size_t i = 0; i < SETTINGS; i++)
        if (str_equal_c(name, settings[i].name)) return &settings[i];
    return NULL;
}

static value host_get_option(void *ctx, objid conn, const struct str *name) {
    struct connection *c = connection_find(ctx, conn);
    const struct connection_setting *setting = c ? find_setting(name) : NULL;
    return setting ? setting->get(c) : value_none();
}

static bool host_set_option(void *ctx, objid conn, const struct str *name, value v) {
    struct connection *c = connection_find(ctx, conn);
    const struct connection_setting *setting = c ? find_setting(name) : NULL;
    bool is_set = setting && setting->set(c, v);
    if (is_set) blackbox_note_connection(c->server->box, c);
    return is_set;
}

static value host_option_names(void *ctx, objid conn) {
    (void)ctx, (void)conn;
    struct list *l = list_new(SETTINGS);
    for (size_t i = 0; i < SETTINGS; i++)
        if (settings[i].listed) l = list_append_take(l, value_str(str_from(settings[i].name)));
    return value_list(l);
}

/* ---- listeners and outbound connections ---- */

static enum error host_listen(void *ctx, objid handler, value desc, bool print_messages, value *bound) {
    int port;
    if (desc.type != V_INT) return E_TYPE;
    if (desc.u.i < 0 || desc.u.i > 65535) return E_INVARG;
    switch (listener_open(ctx, handler, (int)desc.u.i, print_messages, &port)) {
    case 0:
        listener_announce(handler, port);
        *bound = value_int(port);
        return E_NONE;
    case EADDRINUSE: return listener_find_port(ctx, (int)desc.u.i) ? E_INVARG : E_QUOTA;
    case EACCES: return E_PERM;
    default: return E_QUOTA;
    }
}

static bool host_unlisten(void *ctx, value desc) {
    struct listener *l = desc.type == V_INT ? listener_find_port(ctx, (int)desc.u.i) : NULL;
    if (!l || l->port != desc.u.i) return false;
    listener_unlisten(ctx, l);
    return true;
}

static value host_listeners(void *ctx) {
    struct server *s = ctx;
    struct list *all = list_new(4);
    for (struct listener *l = s->listeners.newest; l; l = l->next)
        all = list_append_take(all, value_list(list_of(3, value_obj(l->handler), value_int(l->port), value_int(l->print_messages))));
    return value_list(all);
}

/* E_PERM when outbound connections are off; the arguments have been looked at by then only as far as they are needed here. */
static enum error host_open_connection(void *ctx, struct str *host_name, int64_t port, objid listener, objid *conn, int64_t task_id) {
    struct server *s = ctx;
    if (!s->options.outbound) return E_PERM;
    if (!host_name) return E_NONE; /* only asked whether it is allowed */
    if (port < 1 || port > 65535 || !host_name->len || host_name->len > 253) return E_INVARG;
    if (listener != NOTHING && !listener_find_handler(s, listener)) return E_INVARG;
    *conn = FAILED_MATCH;
    outbound_begin(s, host_name->data, (int)port, listener, task_id);
    return E_NONE;
}

/* ---- the world ---- */

static void host_shutdown(void *ctx, struct str *message) {
    struct server *s = ctx;
    if (s->last_words) str_unref(s->last_words);
    s->last_words = str_ref(message);
    s->end = SERVER_SHUTDOWN;
}

static void host_checkpoint(void *ctx) { ((struct server *)ctx)->saves.checkpoint_wanted = true; }

static void task_saved(struct server *s, void *ctx, const struct save_outcome *o) {
    int64_t task_id = (intptr_t)ctx;
    if (o->why) sched_wake_raising(s->sched, task_id, E_QUOTA, o->why);
    else sched_wake_with(s->sched, task_id, saves_info(o));
}

static void host_save(void *ctx, int64_t task_id) { saves_ask(ctx, task_saved, (void *)(intptr_t)task_id); }
static void backup_for_task(struct server *s, void *ctx, const struct backup_outcome *o) {
    int64_t task_id = (intptr_t)ctx;
    if (o->why) sched_wake_raising(s->sched, task_id, E_QUOTA, o->why);
    else sched_wake_with(s->sched, task_id, backups_info(o));
}

static enum error host_backup(void *ctx, struct str *name, int64_t task_id) {
    if (name && (!db_backup_name_is_good(name->data) || strlen(name->data) != name->len)) return E_INVARG;
    backups_ask(ctx, name ? name->data : NULL, backup_for_task, (void *)(intptr_t)task_id);
    return E_NONE;
}

static value host_save_stats(void *ctx) { return saves_stats(ctx); }

static char *dup_text(const struct str *s) { return s && s->len ? xstrdup(s->data) : NULL; }

static enum error host_reboot(void *ctx, objid who, struct str *binary, struct str *reason) {
    struct server *s = ctx;
    if (s->end == SERVER_SHUTDOWN) return E_NONE;
    if (s->reboot.wanted || s->reboot.under_way || s->end != SERVER_RUNS) { /* one reboot serves all who asked for it */
        bool same = !binary || !binary->len || !strcmp(binary->data, reboot_program(s));
        return same ? E_NONE : E_QUOTA;
    }
    reboot_free(s);
    s->reboot = (struct reboot_request){.wanted = true, .who = who, .binary = dup_text(binary), .reason = dup_text(reason)};
    return E_NONE;
}

static int64_t host_db_disk_size(void *ctx) { return db_disk_size(((struct server *)ctx)->db); }
static void host_options_changed(void *ctx) { server_load_options(ctx); }
/* Where a crash is looked into, and who is told: copied, as nothing else of the task can be trusted then. */
static void host_runs(void *ctx, int64_t task_id, const struct vm *vm) {
    struct server *s = ctx;
    struct activation_info top;
    struct box_running *r = s->box ? &s->box->content->running : NULL;
    if (!r) return;
    r->task = task_id;
    if (!vm || !vm_activation(vm, 0, &top)) return;
    size_t n = top.verb_name->len < sizeof r->verb - 1 ? top.verb_name->len : sizeof r->verb - 1;
    r->player = vm_task_player(vm);
    r->this_ = top.this_;
    memcpy(r->verb, top.verb_name->data, n);
    r->verb[n] = 0;
    (void)phase("slice");
}

static bool host_slice_ended(void *ctx) { return server_settle(ctx); }

static enum error host_read_stdin(void *ctx, int64_t task_id) {
    terminal_ask(ctx, task_id);
    return E_NONE;
}

static const char *host_work(void *ctx, struct work_order *order) { return workers_ask(((struct server *)ctx)->workers, order); }
static void host_drop_work(void *ctx, int64_t task_id) { workers_drop(((struct server *)ctx)->workers, task_id); }

void server_fill_host(struct server *s) {
    s->host = (struct host){
        .ctx = s,
        .is_connected = host_is_connected,
        .facts = host_facts,
        .connected = host_connected,
        .connection_name = host_connection_name,
        .notify = host_notify,
        .buffered_output = host_buffered_output,
        .boot = host_boot,
        .become = host_become,
        .say = host_say,
        .hide = host_hide,
        .runs = host_runs,
        .slice_ended = host_slice_ended,
        .get_option = host_get_option,
        .set_option = host_set_option,
        .option_names = host_option_names,
        .pause_input = host_pause_input,
        .listen = host_listen,
        .unlisten = host_unlisten,
        .listeners = host_listeners,
        .open_connection = host_open_connection,
        .shutdown = host_shutdown,
        .checkpoint = host_checkpoint,
        .save = host_save,
        .backup = host_backup,
        .save_stats = host_save_stats,
        .reboot = host_reboot,
        .db_disk_size = host_db_disk_size,
        .options_changed = host_options_changed,
        .work = host_work,
        .drop_work = host_drop_work,
        .read_stdin = host_read_stdin,
    };
}
