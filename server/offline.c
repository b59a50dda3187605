/* SPDX-License-Identifier: MIT */
#include "server/offline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "builtins/registry.h"
#include "server/opening.h"

/* ---- the host: one connection, the terminal ---- */

static bool is_wizard(const void *ctx, objid conn) { return conn == ((const struct offline *)ctx)->wizard; }
static bool host_is_connected(void *ctx, objid conn) { return is_wizard(ctx, conn); }

static bool host_facts(void *ctx, objid conn, struct connection_facts *out) {
    int64_t now = clock_monotonic_us();
    *out = (struct connection_facts){.listener = 0, .connected_us = now, .last_input_us = now};
    return is_wizard(ctx, conn);
}

static value host_connected(void *ctx, bool all) {
    (void)all;
    objid wizard = ((struct offline *)ctx)->wizard;
    return value_list(wizard == NOTHING ? list_empty() : list_of(1, value_obj(wizard)));
}

static struct str *host_connection_name(void *ctx, objid conn, int form) {
    (void)form;
    return is_wizard(ctx, conn) ? str_from("the terminal") : NULL;
}

static bool host_notify(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline) {
    (void)no_flush;
    if (!is_wizard(ctx, conn)) return false;
    fwrite(bytes, 1, len, stdout);
    if (!no_newline) putchar('\n');
    return true;
}

static int64_t host_buffered_output(void *ctx, objid conn) {
    (void)ctx;
    return conn == NOTHING ? 65536 : 0;
}

static void host_boot(void *ctx, objid conn) { (void)ctx, (void)conn; }
static void host_become(void *ctx, objid conn, objid player) { (void)ctx, (void)conn, (void)player; }
static void host_pause_input(void *ctx, objid conn, bool on) { (void)ctx, (void)conn, (void)on; }

static value host_get_option(void *ctx, objid conn, const struct str *name) {
    (void)ctx, (void)conn, (void)name;
    return value_none();
}

static bool host_set_option(void *ctx, objid conn, const struct str *name, value v) {
    (void)ctx, (void)conn, (void)name, (void)v;
    return false;
}

static value host_option_names(void *ctx, objid conn) {
    (void)ctx, (void)conn;
    return value_list(list_empty());
}

static enum error host_listen(void *ctx, objid handler, value desc, bool print_messages, value *bound) {
    (void)ctx, (void)handler, (void)desc, (void)print_messages, (void)bound;
    return E_PERM;
}

static bool host_unlisten(void *ctx, value desc) {
    (void)ctx, (void)desc;
    return false;
}

static value host_listeners(void *ctx) {
    (void)ctx;
    return value_list(list_empty());
}

static enum error host_open_connection(void *ctx, struct str *name, int64_t port, objid listener, objid *conn, int64_t task_id) {
    (void)ctx, (void)name, (void)port, (void)listener, (void)conn, (void)task_id;
    return E_PERM;
}

static void host_shutdown(void *ctx, struct str *message) {
    (void)message;
    ((struct offline *)ctx)->shutdown_asked = true;
}

static void host_checkpoint(void *ctx) { (void)ctx; } /* saved at the end anyway */

static enum error host_reboot(void *ctx, objid who, struct str *binary, struct str *reason) {
    (void)ctx, (void)who, (void)binary, (void)reason;
    return E_PERM;
}

static int64_t host_db_disk_size(void *ctx) { return db_disk_size(((struct offline *)ctx)->db); }
static void host_options_changed(void *ctx) { (void)ctx; }

static enum error host_read_stdin(void *ctx, int64_t task_id) {
    (void)ctx, (void)task_id;
    return E_PERM;
}

static const struct host terminal_host = {
    .is_connected = host_is_connected,
    .facts = host_facts,
    .connected = host_connected,
    .connection_name = host_connection_name,
    .notify = host_notify,
    .buffered_output = host_buffered_output,
    .boot = host_boot,
    .become = host_become,
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
    .reboot = host_reboot,
    .db_disk_size = host_db_disk_size,
    .options_changed = host_options_changed,
    .read_stdin = host_read_stdin,
};

/* ---- the world ---- */

objid offline_first_wizard(struct db *db) {
    objid best = NOTHING;
    value players = db_players(db, NULL);
    for (uint32_t i = 1; i <= players.u.l->len; i++) {
        objid o = list_get(players.u.l, i).u.o;
        if (db_is_wizard(db, o) && (best == NOTHING || o < best)) best = o;
    }
    value_unref(players);
    for (objid o = 0, last = db_max_object(db); best == NOTHING && o <= last; o++)
        if (db_is_wizard(db, o)) best = o;
    return best;
}

bool offline_choose_wizard(struct offline *o, const char *text, struct buf *why) {
    char *end;
    const char *digits = text + (*text == '#');
    long long n = strtoll(digits, &end, 10);
    if (end == digits || *end) {
        buf_printf(why, "'%.60s' is no object number: say #N", text);
    } else if (!db_valid(o->db, n) || !db_is_wizard(o->db, n)) {
        buf_printf(why, "#%lld is %s", n, db_valid(o->db, n) ? "not a wizard" : "no object");
    } else {
        o->wizard = n;
        return true;
    }
    return false;
}

int offline_open(struct offline *o, const char *world, const struct db_options *how, struct buf *why) {
    *o = (struct offline){.wizard = NOTHING};
    if (opening_open(&o->db, world, how, DAMAGE_REFUSE, false, why)) return -1;
    log_set_level(LOG_WARNING); /* what is only of interest while a world is served */
    int n;
    const struct builtin *table = builtins_for_dialect(db_dialect(o->db), &n);
    machine_init(&o->machine, o->db, table, n);
    o->host = terminal_host;
    o->host.ctx = o;
    o->machine.host = &o->host;
    o->sched = sched_new(&o->machine, &o->host);
    sched_load_options(o->sched);
    o->wizard = offline_first_wizard(o->db);
    if ((how->read_only ? sched_load_for_export(o->sched, why) : sched_load(o->sched, why)) == 0) return 0;
    offline_close(o);
    return -1;
}

int offline_save(struct offline *o, struct buf *why) {
    struct db_save_part part;
    struct db_save_report report;
    sched_save_part(o->sched, &part);
    return db_save(o->db, &part, 1, &report, why);
}

void offline_close(struct offline *o) {
    sched_free(o->sched);
    machine_fini(&o->machine);
    db_world_close(o->db);
    log_set_level(LOG_INFO);
    *o = (struct offline){.wizard = NOTHING};
}
