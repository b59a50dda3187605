/* SPDX-License-Identifier: MIT */
#include "server/metrics.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "server/http.h"
#include "server/server.h"

enum { MOST_CLIENTS = 16, PORT_ATTEMPTS = 20 };
static const double PATIENCE = 5; /* seconds from the connection to its end */
static const double PAUSE = 1; /* when there is no descriptor for who knocks */

struct client {
    struct client *next;
    struct metrics *metrics;
    int fd;
    ev_io io;
    ev_timer deadline;
    struct buf request, answer;
    size_t sent;
};

struct metrics {
    struct server *server;
    int port;
    ev_io sockets[2]; /* IPv4, IPv6; none while the port cannot be had */
    size_t nsockets, nclients;
    struct client *clients;
    ev_timer again; /* when to accept again, or to try to open the port */
};

/* ---- accepting, or not ---- */

static void listen_on(struct metrics *m, bool on) {
    for (size_t i = 0; i < m->nsockets; i++) {
        if (on) ev_io_start(m->server->loop, &m->sockets[i]);
        else ev_io_stop(m->server->loop, &m->sockets[i]);
    }
}

static void pause_for_a_while(struct metrics *m) {
    ev_timer_set(&m->again, PAUSE, 0.);
    ev_timer_start(m->server->loop, &m->again);
}

static void client_free(struct client *c) {
    struct metrics *m = c->metrics;
    struct client **p = &m->clients;
    while (*p != c) p = &(*p)->next;
    *p = c->next;
    m->nclients--;
    ev_io_stop(m->server->loop, &c->io);
    ev_timer_stop(m->server->loop, &c->deadline);
    close(c->fd);
    buf_fini(&c->request);
    buf_fini(&c->answer);
    free(c);
    if (!ev_is_active(&m->again)) listen_on(m, true);
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    client_free(w->data);
}

/* ---- answering ---- */

/* What it still sends is read before the socket is closed: closing with unread bytes would take the answer back. */
static void on_leaving(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct client *c = w->data;
    char rest[4096];
    ssize_t n = recv(c->fd, rest, sizeof rest, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) client_free(c);
}

static void wait_for(struct client *c, void (*what)(struct ev_loop *, ev_io *, int), int events) {
    struct ev_loop *loop = c->metrics->server->loop;
    ev_io_stop(loop, &c->io);
    ev_io_init(&c->io, what, c->fd, events);
    ev_io_start(loop, &c->io);
}

static void on_room(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct client *c = w->data;
    ssize_t n = send(c->fd, c->answer.data + c->sent, c->answer.len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        client_free(c);
        return;
    }
    if (n > 0) c->sent += (size_t)n;
    if (c->sent < c->answer.len) return;
    (void)shutdown(c->fd, SHUT_WR);
    wait_for(c, on_leaving, EV_READ);
}

static void answer(struct client *c, enum http_status status, const struct http_request *r) {
    struct buf body = BUF_INIT;
    if (status == HTTP_OK && !r->get && !r->head) status = HTTP_METHOD_NOT_ALLOWED;
    if (status == HTTP_OK && !http_path_is(r, "/metrics")) status = HTTP_NOT_FOUND;
    if (status == HTTP_OK) metrics_write(c->metrics->server, &body);
    else if (status == HTTP_NOT_FOUND) buf_add_c(&body, "There is only /metrics here.\n");
    else buf_add_c(&body, "This is no request for /metrics.\n");
    http_write_answer(&c->answer, status, status == HTTP_OK ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain; charset=utf-8", &body, r->head);
    buf_fini(&body);
    wait_for(c, on_room, EV_WRITE);
}

static void on_request(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct client *c = w->data;
    char bytes[4096];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        client_free(c);
        return;
    }
    buf_add(&c->request, bytes, (size_t)n);
    struct http_request r;
    enum http_status status = http_parse(c->request.data, c->request.len, &r);
    if (status != HTTP_NOT_WHOLE) answer(c, status, &r);
}

/* ---- the sockets ---- */

static void client_new(struct metrics *m, int fd) {
    struct client *c = xcalloc(1, sizeof *c);
    *c = (struct client){.next = m->clients, .metrics = m, .fd = fd};
    m->clients = c;
    c->io.data = c;
    ev_io_init(&c->io, on_request, fd, EV_READ);
    ev_io_start(m->server->loop, &c->io);
    ev_timer_init(&c->deadline, on_deadline, PATIENCE, 0.);
    c->deadline.data = c;
    ev_timer_start(m->server->loop, &c->deadline);
    if (++m->nclients == MOST_CLIENTS) listen_on(m, false);
}

static void on_knock(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct metrics *m = w->data;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && !descriptor_is_reserved(fd)) {
        client_new(m, fd);
        return;
    }
    if (fd >= 0) close(fd);
    else if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) return;
    listen_on(m, false);
    pause_for_a_while(m);
}

static int open_socket(struct metrics *m, const void *address, socklen_t len) {
    int fd = listener_socket(address, len);
    if (fd < 0) return errno;
    ev_io *w = &m->sockets[m->nsockets++];
    ev_io_init(w, on_knock, fd, EV_READ);
    w->data = m;
    return 0;
}

/* The same port of both; one that is 0 becomes the port that is free in IPv4. 0 or errno. Where there is no IPv6, IPv4 is enough. */
static int open_both(struct metrics *m, int *port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int rc = open_socket(m, &v4, sizeof v4);
    if (rc) return rc;
    *port = listener_socket_port(m->sockets[0].fd);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    rc = open_socket(m, &v6, sizeof v6);
    return rc == EAFNOSUPPORT || rc == EADDRNOTAVAIL ? 0 : rc;
}

static void close_sockets(struct metrics *m) {
    listen_on(m, false);
    while (m->nsockets) close(m->sockets[--m->nsockets].fd);
}

/* 0 or errno. */
static int open_port(struct metrics *m) {
    int rc = 0, chosen = m->port;
    for (int i = 0; i < PORT_ATTEMPTS; i++) { /* a free port of IPv4 may be taken in IPv6 */
        chosen = m->port;
        rc = open_both(m, &chosen);
        if (rc) close_sockets(m);
        if (rc != EADDRINUSE || m->port) break;
    }
    if (rc) return rc;
    m->port = chosen;
    listen_on(m, true);
    log_info("METRICS: http://localhost:%d/metrics", chosen);
    return 0;
}

static void on_again(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    struct metrics *m = w->data;
    if (!m->nsockets && open_port(m)) pause_for_a_while(m);
    else if (m->nclients < MOST_CLIENTS) listen_on(m, true);
}

struct metrics *metrics_open(struct server *s, int port, bool again) {
    struct metrics *m = xcalloc(1, sizeof *m);
    *m = (struct metrics){.server = s, .port = port};
    ev_init(&m->again, on_again);
    m->again.data = m;
    int rc = open_port(m);
    if (rc && again) {
        log_warning("There is no /metrics on port %d: %s; it is tried again", port, strerror(rc));
        pause_for_a_while(m);
    } else if (rc) {
        free(m);
        errno = rc;
        return NULL;
    }
    return m;
}

void metrics_describe(const struct metrics *m, struct buf *out) {
    if (m && m->nsockets) buf_printf(out, "metrics: http://localhost:%d/metrics\n", m->port);
}

void metrics_close(struct metrics *m) {
    if (!m) return;
    while (m->clients) client_free(m->clients);
    ev_timer_stop(m->server->loop, &m->again);
    close_sockets(m);
    free(m);
}
