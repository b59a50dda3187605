/* SPDX-License-Identifier: MIT */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/must.h"
#include "base/str.h"
#include "server/server.h"

enum { BACKLOG = 4096, ACCEPT_AT_ONCE = 64, RESERVED_DESCRIPTORS = 16, PORT_ATTEMPTS = 20 };

/* ---- accepting ---- */

/* Lines of server_full_msg, or the classic ones. */
static void refuse(struct listener *l, int fd) {
    static const char standard[] = "*** Sorry, but the server cannot accept any more connections right now.\r\n*** Please try again later.\r\n";
    struct buf text = BUF_INIT;
    value v = sched_option(l->server->sched, l->handler, "server_full_msg");
    size_t n = v.type == V_STR ? 1 : v.type == V_LIST ? v.u.l->len : 0;
    for (size_t i = 0; i < n; i++) {
        value line = v.type == V_STR ? v : v.u.l->items[i];
        if (line.type == V_STR) buf_add(&text, line.u.s->data, line.u.s->len), buf_add_c(&text, "\r\n");
    }
    if (!text.len) buf_add_c(&text, standard);
    value_unref(v);
    (void)send(fd, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    char rest[1024];
    while (recv(fd, rest, sizeof rest, MSG_DONTWAIT) > 0) continue;
    close(fd);
    buf_fini(&text);
}

static void log_refusal(const struct listener *l, int fd) {
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    char host[64] = "?", port[16] = "?";
    if (getpeername(fd, (struct sockaddr *)&ss, &len) == 0) (void)getnameinfo((struct sockaddr *)&ss, len, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    log_error("SERVER FULL: refusing connection on port %d from %s, port %s", l->port, host, port);
}

/* None is left: the spare one is given up for a moment, to be able to say so. */
static void refuse_without_descriptor(struct listener *l, int listening) {
    struct connections *all = &l->server->connections;
    if (all->spare_fd >= 0) close(all->spare_fd);
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        log_refusal(l, fd);
        refuse(l, fd);
    }
    all->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Saves, logs and a reboot need descriptors too. */
bool descriptor_is_reserved(int fd) {
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && (rlim_t)fd + RESERVED_DESCRIPTORS >= limit.rlim_cur;
}

static void on_knock(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct listener *l = w->data;
    int listening = w->fd;
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) refuse_without_descriptor(l, listening);
        if (fd < 0) return;
        if (descriptor_is_reserved(fd)) {
            log_refusal(l, fd);
            refuse(l, fd);
            continue;
        }
        struct connection *c = connection_new(l->server, fd, l->handler, l->print_messages, false);
        c->login_prompt = true;
        connection_introduce(c, NULL);
    }
}

/* ---- opening ---- */

int listener_socket(const struct sockaddr *address, socklen_t len) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (address->sa_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    if (bind(fd, address, len) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int e = errno;
    close(fd);
    errno = e;
    return -1;
}

int listener_socket_port(int fd) {
    struct sockaddr_storage ss;
    socklen_t len = sizeof ss;
    if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0) return 0;
    return ntohs(ss.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&ss)->sin6_port : ((struct sockaddr_in *)&ss)->sin_port);
}

/* A name can stand for the same address twice, and so can two names. */
static bool is_open_already(const struct listener *l, const struct sockaddr *address, socklen_t len) {
    for (size_t i = 0; i < l->nsockets; i++) {
        struct sockaddr_storage ss;
        socklen_t n = sizeof ss;
        memset(&ss, 0, sizeof ss);
        if (getsockname(l->sockets[i].fd, (struct sockaddr *)&ss, &n) == 0 && n == len && !memcmp(&ss, address, len)) return true;
    }
    return false;
}

/* All sockets of one address (a name may stand for several); port 0 becomes the one chosen by the first. 0 or errno. Where there is no IPv6, only IPv4 is needed. */
static int open_address(struct listener *l, const char *address, int *port) {
    char service[16];
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *found = NULL;
    snprintf(service, sizeof service, "%d", *port);
    int rc = getaddrinfo(address, service, &hints, &found), opened = 0, failure = 0;
    if (rc) return rc == EAI_SYSTEM ? errno : EADDRNOTAVAIL;
    for (int pass = 0; pass < 2; pass++) { /* IPv4 first: it decides what is possible */
        for (struct addrinfo *a = found; a; a = a->ai_next) {
            if ((a->ai_family == AF_INET) != (pass == 0) || l->nsockets == LISTENER_MAX_SOCKETS) continue;
            if (a->ai_family == AF_INET6) ((struct sockaddr_in6 *)a->ai_addr)->sin6_port = htons((uint16_t)*port);
            else ((struct sockaddr_in *)a->ai_addr)->sin_port = htons((uint16_t)*port);
            if (is_open_already(l, a->ai_addr, a->ai_addrlen)) {
                opened++;
                continue;
            }
            int fd = listener_socket(a->ai_addr, a->ai_addrlen);
            if (fd < 0) {
                if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) failure = errno;
                else if (!failure && !opened) failure = -errno; /* only if nothing else can be opened */
                continue;
            }
            *port = listener_socket_port(fd);
            ev_io_init(&l->sockets[l->nsockets], on_knock, fd, EV_READ);
            l->sockets[l->nsockets++].data = l;
            opened++;
        }
    }
    freeaddrinfo(found);
    if (failure > 0) return failure;
    return opened ? 0 : failure ? -failure : EADDRNOTAVAIL;
}

static void close_sockets(struct listener *l) {
    for (size_t i = 0; i < l->nsockets; i++) {
        ev_io_stop(l->server->loop, &l->sockets[i]);
        blackbox_forget(l->server->box, l->sockets[i].fd);
        fdstore_forget(l->server, l->sockets[i].fd);
        close(l->sockets[i].fd);
    }
    l->nsockets = 0;
}

static int open_all(struct listener *l, int *port) {
    const struct serve_options *o = &l->server->options;
    if (!o->naddresses) return open_address(l, NULL, port);
    for (size_t i = 0; i < o->naddresses; i++) {
        int rc = open_address(l, o->addresses[i], port);
        if (rc) return rc;
    }
    return 0;
}

/* For those who go on after a crash. */
static void note(struct server *s, const struct listener *l) {
    blackbox_note_listener(s->box, l);
    for (size_t i = 0; i < l->nsockets; i++) fdstore_keep(s, l->sockets[i].fd);
}

static void add(struct server *s, struct listener *l) {
    l->next = s->listeners.newest;
    s->listeners.newest = l;
    for (size_t i = 0; i < l->nsockets; i++) ev_io_start(s->loop, &l->sockets[i]);
    note(s, l);
}

int listener_open(struct server *s, objid handler, int port, bool print_messages, int *bound) {
    if (port && listener_find_port(s, port)) return EADDRINUSE;
    struct listener *l = xcalloc(1, sizeof *l);
    *l = (struct listener){.server = s, .handler = handler, .print_messages = print_messages};
    int rc = 0;
    for (int i = 0; i < PORT_ATTEMPTS; i++) { /* a free port of IPv4 may be taken in IPv6 */
        int chosen = port;
        rc = open_all(l, &chosen);
        if (rc) close_sockets(l);
        l->port = chosen;
        if (rc != EADDRINUSE || port) break;
    }
    if (rc) {
        free(l);
        return rc;
    }
    add(s, l);
    *bound = l->port;
    return 0;
}

void listener_announce(objid handler, int port) { log_info("LISTEN: #%lld now listening on port %d", (long long)handler, port); }

struct listener *listener_adopt(struct server *s, objid handler, int port, bool print_messages, const int *fds, size_t n) {
    struct listener *l = xcalloc(1, sizeof *l);
    *l = (struct listener){.server = s, .handler = handler, .port = port, .print_messages = print_messages};
    for (size_t i = 0; i < n && i < LISTENER_MAX_SOCKETS; i++) {
        ev_io_init(&l->sockets[l->nsockets], on_knock, fds[i], EV_READ);
        l->sockets[l->nsockets++].data = l;
    }
    l->next = s->listeners.newest;
    s->listeners.newest = l;
    note(s, l);
    return l;
}

struct listener *listener_find_port(struct server *s, int port) {
    struct listener *l = s->listeners.newest;
    while (l && l->port != port) l = l->next;
    return l;
}

struct listener *listener_find_handler(struct server *s, objid handler) {
    struct listener *l = s->listeners.newest;
    while (l && l->handler != handler) l = l->next;
    return l;
}

static void listener_close(struct server *s, struct listener *l) {
    struct listener **p = &s->listeners.newest;
    while (*p != l) p = &(*p)->next;
    *p = l->next;
    close_sockets(l);
    free(l);
}

void listener_lose_socket(struct server *s, struct listener *l, size_t i) {
    ev_io_stop(s->loop, &l->sockets[i]);
    for (l->nsockets--; i < l->nsockets; i++) l->sockets[i] = l->sockets[i + 1];
    if (!l->nsockets) listener_close(s, l);
}

void listener_unlisten(struct server *s, struct listener *l) {
    log_info("UNLISTEN: #%lld no longer listening on port %d", (long long)l->handler, l->port);
    listener_close(s, l);
}

void listeners_fini(struct server *s, bool keep_sockets) {
    while (s->listeners.newest) {
        struct listener *l = s->listeners.newest;
        if (keep_sockets) {
            for (size_t i = 0; i < l->nsockets; i++) ev_io_stop(s->loop, &l->sockets[i]);
            l->nsockets = 0;
        }
        listener_close(s, l);
    }
}

void listeners_pause(struct server *s, bool on) {
    for (struct listener *l = s->listeners.newest; l; l = l->next) {
        for (size_t i = 0; i < l->nsockets; i++) {
            if (on) ev_io_stop(s->loop, &l->sockets[i]);
            else ev_io_start(s->loop, &l->sockets[i]);
        }
    }
}

void listener_describe(const struct listener *l, struct buf *out) {
    for (size_t i = 0; i < l->nsockets; i++) {
        struct sockaddr_storage ss;
        socklen_t len = sizeof ss;
        char host[64];
        if (getsockname(l->sockets[i].fd, (struct sockaddr *)&ss, &len) < 0) continue;
        if (getnameinfo((struct sockaddr *)&ss, len, host, sizeof host, NULL, 0, NI_NUMERICHOST)) continue;
        buf_printf(out, "%s%s port %d", i ? ", " : "", host, l->port);
    }
}
