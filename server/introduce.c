/* SPDX-License-Identifier: MIT */
/* Who is at the other end of a connection: address, port, and the name that is looked up while its greeting waits a little. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/must.h"
#include "server/server.h"

static const double NAME_HOLD_SECONDS = 1.0; /* a greeting waits no longer for a name than this */

static void set_name(struct connection *c, const char *name) {
    free(c->name);
    c->name = xstrdup(name);
}

static int read_address(int fd, bool peer, char *out, size_t size, struct sockaddr_storage *ss, socklen_t *len) {
    *len = sizeof *ss;
    memset(ss, 0, sizeof *ss);
    out[0] = 0;
    if ((peer ? getpeername : getsockname)(fd, (struct sockaddr *)ss, len) < 0) return 0;
    if (ss->ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)ss;
        inet_ntop(AF_INET, &in->sin_addr, out, (socklen_t)size);
        return ntohs(in->sin_port);
    }
    if (ss->ss_family == AF_INET6) {
        struct sockaddr_in6 *in = (struct sockaddr_in6 *)ss;
        inet_ntop(AF_INET6, &in->sin6_addr, out, (socklen_t)size);
        return ntohs(in->sin6_port);
    }
    return 0;
}

static void stop_holding(struct connection *c) { ev_timer_stop(c->server->loop, &c->hold); }

static void name_known(void *ctx, const char *name) {
    struct connection *c = ctx;
    c->lookup = NULL;
    if (name) set_name(c, name);
    blackbox_note_connection(c->server->box, c);
    stop_holding(c);
    if (!c->opened) connection_open(c);
}

static void held_long_enough(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    struct connection *c = w->data;
    if (!c->opened) connection_open(c);
}

static bool names_are_looked_up(struct server *s) {
    if (!s->resolver) return false;
    value v = sched_option(s->sched, 0, "no_name_lookup");
    bool off = value_is_true(v);
    value_unref(v);
    return !off;
}

static void ask_name(struct connection *c, const struct sockaddr_storage *address, socklen_t len) {
    double seconds = (double)sched_option_int(c->server->sched, "name_lookup_timeout", 5);
    double held = (double)(clock_monotonic_us() - c->accepted_us) / 1e6;
    c->lookup = resolver_ask_name(c->server->resolver, (const struct sockaddr *)address, len, seconds, name_known, c);
    blackbox_note_lines(c->server->box, c);
    if (c->opened) return;
    ev_timer_init(&c->hold, held_long_enough, held < NAME_HOLD_SECONDS ? NAME_HOLD_SECONDS - held : 0., 0.);
    c->hold.data = c;
    ev_timer_start(c->server->loop, &c->hold);
}

void connection_introduce(struct connection *c, const char *name) {
    struct sockaddr_storage ss;
    socklen_t len;
    char ours[64];
    int one = 1;
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->local_port = read_address(c->fd, false, ours, sizeof ours, &ss, &len);
    c->peer_port = read_address(c->fd, true, c->address, sizeof c->address, &ss, &len);
    bool loopback = !strcmp(c->address, "127.0.0.1") || !strcmp(c->address, "::1");
    set_name(c, name ? name : loopback ? "localhost" : c->address[0] ? c->address : "unknown");
    if (name || loopback || !c->address[0] || !names_are_looked_up(c->server)) {
        connection_open(c);
        return;
    }
    blackbox_note_connection(c->server->box, c);
    ask_name(c, &ss, len);
}

void connection_introduce_again(struct connection *c) {
    struct sockaddr_storage ss;
    socklen_t len;
    char theirs[64];
    bool known = c->broken || !c->unnamed || !read_address(c->fd, true, theirs, sizeof theirs, &ss, &len);
    c->unnamed = false;
    if (!known && names_are_looked_up(c->server)) ask_name(c, &ss, len);
    else if (!c->opened) connection_open(c);
}
