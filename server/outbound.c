/* SPDX-License-Identifier: MIT */
#include "server/outbound.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "server/server.h"

struct outbound {
    struct outbound *next;
    struct server *server;
    char *host;
    int port;
    objid listener;
    int64_t task, deadline_us;
    bool begun;
    struct lookup *lookup;
    struct lookup_address addresses[LOOKUP_MAX_ADDRESSES];
    size_t n, at;
    int fd; /* being connected, or -1 */
    ev_io connecting;
    ev_timer limit;
};

static void release(struct outbound *o) {
    struct outbound **p = &o->server->outbound;
    while (*p != o) p = &(*p)->next;
    *p = o->next;
    if (o->lookup) lookup_cancel(o->lookup);
    ev_io_stop(o->server->loop, &o->connecting);
    ev_timer_stop(o->server->loop, &o->limit);
    if (o->fd >= 0) close(o->fd);
    free(o->host);
    free(o);
}

static void finish(struct outbound *o, value v) {
    struct server *s = o->server;
    int64_t task = o->task;
    release(o);
    sched_wake_with(s->sched, task, v);
}

static void fail(struct outbound *o, int error) {
    bool ours = error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
    finish(o, value_err(ours ? E_QUOTA : E_INVARG));
}

static void succeed(struct outbound *o) {
    struct server *s = o->server;
    struct listener *l = o->listener == NOTHING ? NULL : listener_find_handler(s, o->listener);
    int fd = o->fd;
    o->fd = -1;
    ev_io_stop(s->loop, &o->connecting);
    struct connection *c = connection_new(s, fd, o->listener == NOTHING ? 0 : o->listener, l && l->print_messages, true);
    c->login_prompt = o->listener != NOTHING;
    objid id = c->id;
    connection_introduce(c, o->host);
    finish(o, value_obj(id));
}

static void try_next(struct outbound *o, int last_error);

static void on_connected(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct outbound *o = w->data;
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) error = errno;
    if (!error) succeed(o);
    else try_next(o, error);
}

/* The addresses one after the other. */
static void try_next(struct outbound *o, int last_error) {
    struct server *s = o->server;
    ev_io_stop(s->loop, &o->connecting);
    if (o->fd >= 0) close(o->fd), o->fd = -1;
    while (o->at < o->n) {
        struct lookup_address *a = &o->addresses[o->at++];
        o->fd = socket(a->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (o->fd < 0) {
            last_error = errno;
            continue;
        }
        if (connect(o->fd, (struct sockaddr *)&a->address, a->len) == 0 || errno == EINPROGRESS) {
            ev_io_init(&o->connecting, on_connected, o->fd, EV_WRITE);
            o->connecting.data = o;
            ev_io_start(s->loop, &o->connecting);
            return;
        }
        last_error = errno;
        close(o->fd);
        o->fd = -1;
    }
    fail(o, last_error);
}

static void on_addresses(void *ctx, const struct lookup_address *addresses, size_t n) {
    struct outbound *o = ctx;
    o->lookup = NULL;
    memcpy(o->addresses, addresses, n * sizeof *addresses);
    o->n = n;
    try_next(o, ENOENT);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    fail(w->data, ETIMEDOUT);
}

static struct outbound *outbound_new(struct server *s, const char *host, int port, objid listener, int64_t task, int64_t deadline_us) {
    struct outbound *o = xcalloc(1, sizeof *o);
    *o = (struct outbound){.next = s->outbound, .server = s, .port = port, .listener = listener, .task = task, .deadline_us = deadline_us, .fd = -1};
    o->host = xstrdup(host);
    ev_init(&o->connecting, on_connected);
    ev_init(&o->limit, on_limit);
    o->limit.data = o;
    s->outbound = o;
    return o;
}

void outbound_begin(struct server *s, const char *host, int port, objid listener, int64_t task) {
    int64_t seconds = sched_option_int(s->sched, "outbound_connect_timeout", 5);
    outbound_new(s, host, port, listener, task, clock_monotonic_us() + (seconds > 0 ? seconds : 5) * 1000000);
}

void outbound_settle(struct server *s) {
    for (struct outbound *o = s->outbound, *next; o; o = next) {
        next = o->next;
        if (o->begun) continue;
        o->begun = true;
        double seconds = (double)(o->deadline_us - clock_monotonic_us()) / 1e6;
        ev_timer_set(&o->limit, seconds > 0 ? seconds : 0.001, 0.);
        ev_timer_start(s->loop, &o->limit);
        if (!s->resolver) fail(o, ENOENT);
        else o->lookup = resolver_ask_addresses(s->resolver, o->host, o->port, seconds + 1, on_addresses, o);
    }
}

void outbound_cancel_all(struct server *s) {
    while (s->outbound) release(s->outbound);
}

void outbound_encode(struct server *s, struct buf *out) {
    uint64_t n = 0;
    for (struct outbound *o = s->outbound; o; o = o->next) n++;
    enc_u64(out, n);
    int64_t now = clock_monotonic_us();
    for (struct outbound *o = s->outbound; o; o = o->next) {
        enc_bytes(out, o->host, strlen(o->host));
        enc_i64(out, o->port);
        enc_i64(out, o->listener);
        enc_i64(out, o->task);
        enc_i64(out, o->deadline_us - now);
    }
}

void outbound_decode(struct server *s, struct dec *d) {
    uint64_t n = dec_u64(d);
    int64_t now = clock_monotonic_us();
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        size_t len;
        const void *p = dec_bytes(d, &len);
        struct str *host = str_from_bytes(p ? p : "", len);
        int64_t port = dec_i64(d), listener = dec_i64(d), task = dec_i64(d), left = dec_i64(d);
        if (port < 1 || port > 65535 || left > 3600 * (int64_t)1000000) d->bad = true;
        if (!d->bad) outbound_new(s, host->data, (int)port, listener, task, now + left);
        str_unref(host);
    }
}
