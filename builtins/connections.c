/* SPDX-License-Identifier: MIT */
/* Connections: what a program may see of them and do to them. The host (scheduler/host.h) has the sockets, the scheduler the lines. */
#include "base/binary.h"
#include "base/clock.h"
#include "builtins/support.h"
#include "scheduler/host.h"
#include "scheduler/scheduler.h"

static const struct host *host_of(const struct builtin_call *c) { return c->m->host; }
static struct scheduler *scheduler_of(const struct builtin_call *c) { return c->m->scheduler; }

static bool is_self_or_wizard(const struct builtin_call *c, objid conn) { return c->progr == conn || is_wizard(c); }

static bool is_connected(const struct builtin_call *c, objid conn) {
    const struct host *h = host_of(c);
    return h->is_connected(h->ctx, conn);
}

struct result bf_connected_players(struct builtin_call *c) {
    const struct host *h = host_of(c);
    return result_value(h->connected(h->ctx, flag_arg(c, 0)));
}

static struct result seconds_since(int64_t us) { return result_int((clock_monotonic_us() - us) / 1000000); }

struct result bf_connected_seconds(struct builtin_call *c) {
    const struct host *h = host_of(c);
    struct connection_facts facts;
    if (!h->facts(h->ctx, c->args[0].u.o, &facts) || !facts.connected_us) return result_raise(E_INVARG);
    return seconds_since(facts.connected_us);
}

struct result bf_idle_seconds(struct builtin_call *c) {
    const struct host *h = host_of(c);
    struct connection_facts facts;
    if (!h->facts(h->ctx, c->args[0].u.o, &facts)) return result_raise(E_INVARG);
    return seconds_since(facts.last_input_us);
}

/* ToastStunt: the host alone, with a method of 1 the address, with any other the long form. */
static int name_form(const struct builtin_call *c) {
    if (!c->m->dialect->connection_name_is_host) return CONNECTION_NAME_CLASSIC;
    if (!has_arg(c, 1)) return CONNECTION_NAME_HOST;
    return c->args[1].u.i == 1 ? CONNECTION_NAME_ADDRESS : CONNECTION_NAME_BOTH;
}

struct result bf_connection_name(struct builtin_call *c) {
    const struct host *h = host_of(c);
    objid conn = c->args[0].u.o;
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    struct str *name = is_connected(c, conn) ? h->connection_name(h->ctx, conn, name_form(c)) : NULL;
    return name ? result_str(name) : result_raise(E_INVARG);
}

struct result bf_notify(struct builtin_call *c) {
    const struct host *h = host_of(c);
    objid conn = c->args[0].u.o;
    const struct str *text = c->args[1].u.s;
    struct connection_facts facts;
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    if (!h->facts(h->ctx, conn, &facts)) return result_int(1);
    if (!facts.binary) return result_int(h->notify(h->ctx, conn, text->data, text->len, flag_arg(c, 2), flag_arg(c, 3)));
    struct buf bytes = BUF_INIT;
    struct result r = result_raise(E_INVARG);
    if (binary_decode(&bytes, text, support_latin1(c))) r = result_int(h->notify(h->ctx, conn, buf_c(&bytes), bytes.len, flag_arg(c, 2), true));
    buf_fini(&bytes);
    return r;
}

struct result bf_buffered_output_length(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!has_arg(c, 0)) return result_int(h->buffered_output(h->ctx, NOTHING));
    objid conn = c->args[0].u.o;
    if (!is_connected(c, conn)) return result_raise(E_INVARG);
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    return result_int(h->buffered_output(h->ctx, conn));
}

struct result bf_boot_player(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_self_or_wizard(c, c->args[0].u.o)) return result_raise(E_PERM);
    h->boot(h->ctx, c->args[0].u.o);
    return result_int(0);
}

struct result bf_output_delimiters(struct builtin_call *c) {
    objid conn = c->args[0].u.o;
    value prefix, suffix;
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    if (!is_connected(c, conn)) return result_raise(E_INVARG);
    sched_output_delimiters(scheduler_of(c), conn, &prefix, &suffix);
    return result_list(list_of(2, prefix, suffix));
}

/* ---- options ---- */

struct result bf_set_connection_option(struct builtin_call *c) {
    objid conn = c->args[0].u.o;
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    if (!is_connected(c, conn) || !sched_set_connection_option(scheduler_of(c), conn, c->args[1].u.s, c->args[2])) return result_raise(E_INVARG);
    return result_int(0);
}

static struct result one_option(struct builtin_call *c, objid conn, const struct str *name) {
    value v = sched_connection_option(scheduler_of(c), conn, name);
    return v.type == V_NONE ? result_raise(E_INVARG) : result_value(v);
}

struct result bf_connection_option(struct builtin_call *c) {
    objid conn = c->args[0].u.o;
    if (!is_connected(c, conn)) return result_raise(E_INVARG);
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    return one_option(c, conn, c->args[1].u.s);
}

struct result bf_connection_options(struct builtin_call *c) {
    objid conn = c->args[0].u.o;
    if (!is_connected(c, conn)) return result_raise(E_INVARG);
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    if (has_arg(c, 1)) return one_option(c, conn, c->args[1].u.s);
    return result_value(sched_connection_options(scheduler_of(c), conn));
}

/* ---- listeners and outbound connections ---- */

struct result bf_listen(struct builtin_call *c) {
    const struct host *h = host_of(c);
    value bound;
    if (!is_wizard(c)) return result_raise(E_PERM);
    if (!db_valid(db_of(c), c->args[0].u.o)) return result_raise(E_INVARG);
    enum error e = h->listen(h->ctx, c->args[0].u.o, c->args[1], flag_arg(c, 2), &bound);
    return e == E_NONE ? result_value(bound) : result_raise(e);
}

struct result bf_unlisten(struct builtin_call *c) {
    const struct host *h = host_of(c);
    if (!is_wizard(c)) return result_raise(E_PERM);
    return h->unlisten(h->ctx, c->args[0]) ? result_int(0) : result_raise(E_INVARG);
}

/* ToastStunt: only those of one object. */
struct result bf_listeners(struct builtin_call *c) {
    const struct host *h = host_of(c);
    value all = h->listeners(h->ctx);
    if (!has_arg(c, 0)) return result_value(all);
    struct list *some = list_new(0);
    for (uint32_t i = 0; i < all.u.l->len; i++) {
        value row = all.u.l->items[i];
        if (value_equal(row.u.l->items[0], c->args[0]) || value_equal(row.u.l->items[1], c->args[0])) some = list_append_take(some, value_ref(row));
    }
    value_unref(all);
    return result_list(some);
}

/* The order of the checks is the old servers': permission first, then how many arguments, then their types. */
struct result bf_open_network_connection(struct builtin_call *c) {
    const struct host *h = host_of(c);
    objid conn = NOTHING;
    if (!is_wizard(c) || h->open_connection(h->ctx, NULL, 0, NOTHING, &conn, 0) != E_NONE) return result_raise(E_PERM);
    if (c->nargs < 2 || c->nargs > 3) return result_raise(E_ARGS);
    if (c->args[0].type != V_STR || c->args[1].type != V_INT || (has_arg(c, 2) && c->args[2].type != V_OBJ)) return result_raise(E_TYPE);
    objid listener = has_arg(c, 2) ? c->args[2].u.o : NOTHING;
    enum error e = h->open_connection(h->ctx, c->args[0].u.s, c->args[1].u.i, listener, &conn, sched_current_task_id(scheduler_of(c)));
    if (e != E_NONE) return result_raise(e);
    if (conn != FAILED_MATCH) return result_obj(conn);
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_WORK};
}
