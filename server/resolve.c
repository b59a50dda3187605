/* SPDX-License-Identifier: MIT */
#include "server/resolve.h"

#include <ares.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

struct watched {
    struct watched *next;
    ev_io io;
    struct resolver *resolver;
};

struct resolver {
    struct ev_loop *loop;
    ares_channel channel;
    struct watched *sockets;
    ev_timer timer;
    struct lookup *open;
};

struct lookup {
    struct lookup *next, *prev;
    struct resolver *resolver;
    ev_timer deadline; /* also brings an answer that came at once out of the asking function */
    bool asked, answered, in_library;
    void (*name)(void *ctx, const char *name);
    void (*addresses)(void *ctx, const struct lookup_address *addresses, size_t n);
    void *ctx;
    char *found;
    struct lookup_address list[LOOKUP_MAX_ADDRESSES];
    size_t n;
    int port;
};

/* ---- the library's sockets and timers ---- */

static void rearm(struct resolver *r) {
    struct timeval tv, *t = ares_timeout(r->channel, NULL, &tv);
    ev_timer_stop(r->loop, &r->timer);
    if (!t) return;
    ev_timer_set(&r->timer, (double)t->tv_sec + (double)t->tv_usec / 1e6 + 0.001, 0.);
    ev_timer_start(r->loop, &r->timer);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    struct resolver *r = w->data;
    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    rearm(r);
}

static void on_socket(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop;
    struct watched *s = w->data;
    struct resolver *r = s->resolver;
    int fd = w->fd;
    ares_process_fd(r->channel, events & EV_READ ? fd : ARES_SOCKET_BAD, events & EV_WRITE ? fd : ARES_SOCKET_BAD);
    rearm(r);
}

static void socket_state(void *data, ares_socket_t fd, int readable, int writable) {
    struct resolver *r = data;
    struct watched **p = &r->sockets;
    while (*p && (*p)->io.fd != fd) p = &(*p)->next;
    struct watched *s = *p;
    if (s) ev_io_stop(r->loop, &s->io);
    if (!readable && !writable) {
        if (s) *p = s->next, free(s);
        return;
    }
    if (!s) {
        s = xcalloc(1, sizeof *s);
        s->resolver = r;
        s->next = r->sockets;
        r->sockets = s;
    }
    ev_io_init(&s->io, on_socket, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    s->io.data = s;
    ev_io_start(r->loop, &s->io);
}

/* 0 or the library's word. */
static int open_channel(struct resolver *r, const char *servers) {
    struct ares_options options = {.timeout = 2000, .tries = 3, .sock_state_cb = socket_state, .sock_state_cb_data = r};
    int rc = ares_library_init(ARES_LIB_INIT_ALL);
    if (rc) return rc;
    rc = ares_init_options(&r->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (!rc && servers && (rc = ares_set_servers_ports_csv(r->channel, servers))) ares_destroy(r->channel);
    if (rc) ares_library_cleanup();
    return rc;
}

struct resolver *resolver_new(struct ev_loop *loop, const char *servers) {
    struct resolver *r = xcalloc(1, sizeof *r);
    r->loop = loop;
    if (open_channel(r, servers)) {
        free(r);
        return NULL;
    }
    ev_timer_init(&r->timer, on_timer, 0., 0.);
    r->timer.data = r;
    return r;
}

bool resolver_accepts(const char *servers) {
    struct resolver r = {.channel = NULL};
    if (open_channel(&r, servers)) return false;
    ares_destroy(r.channel);
    ares_library_cleanup();
    return true;
}

static void release(struct lookup *l) {
    struct resolver *r = l->resolver;
    ev_timer_stop(r->loop, &l->deadline);
    if (l->prev) l->prev->next = l->next;
    else r->open = l->next;
    if (l->next) l->next->prev = l->prev;
    free(l->found);
    free(l);
}

void resolver_free(struct resolver *r) {
    if (!r) return;
    for (struct lookup *l = r->open; l; l = l->next) l->name = NULL, l->addresses = NULL;
    ares_destroy(r->channel); /* answers every question */
    while (r->open) release(r->open);
    ev_timer_stop(r->loop, &r->timer);
    while (r->sockets) {
        struct watched *s = r->sockets;
        r->sockets = s->next;
        ev_io_stop(r->loop, &s->io);
        free(s);
    }
    free(r);
    ares_library_cleanup();
}

/* ---- questions ---- */

static void deliver(struct lookup *l) {
    void (*name)(void *, const char *) = l->name;
    void (*addresses)(void *, const struct lookup_address *, size_t) = l->addresses;
    l->name = NULL, l->addresses = NULL;
    ev_timer_stop(l->resolver->loop, &l->deadline);
    if (name) name(l->ctx, l->found);
    if (addresses) addresses(l->ctx, l->list, l->n);
    if (!l->in_library) release(l); /* else when the library lets go of it */
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    deliver(w->data);
}

/* The library has answered, perhaps while it was still being asked. */
static void finish(struct lookup *l) {
    l->in_library = false;
    if (!l->name && !l->addresses) {
        if (l->asked) release(l);
        return;
    }
    ev_timer_stop(l->resolver->loop, &l->deadline);
    ev_timer_set(&l->deadline, 0., 0.);
    ev_timer_start(l->resolver->loop, &l->deadline);
}

static bool name_is_sane(const char *name) {
    size_t n = strlen(name);
    struct in6_addr any;
    if (!n || n > 253 || !strcasecmp(name, "localhost") || inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1) return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-._", name[i])) return false;
    return true;
}

static void got_name(void *arg, int status, int timeouts, struct hostent *host) {
    (void)timeouts;
    struct lookup *l = arg;
    if (status == ARES_SUCCESS && host && host->h_name && name_is_sane(host->h_name)) l->found = xstrdup(host->h_name);
    finish(l);
}

/* The next one of the list, which is there but for its port. */
static void add_address(struct lookup *l, socklen_t len) {
    struct lookup_address *a = &l->list[l->n++];
    a->len = len;
    if (a->address.ss_family == AF_INET) ((struct sockaddr_in *)&a->address)->sin_port = htons((uint16_t)l->port);
    else ((struct sockaddr_in6 *)&a->address)->sin6_port = htons((uint16_t)l->port);
}

/* An address needs no look-up; the library would ask for some all the same. */
static bool is_address(struct lookup *l, const char *name) {
    struct sockaddr_in *four = (struct sockaddr_in *)&l->list[0].address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&l->list[0].address;
    if (inet_pton(AF_INET, name, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        add_address(l, sizeof *four);
    } else if (inet_pton(AF_INET6, name, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        add_address(l, sizeof *six);
    }
    return l->n > 0;
}

static void got_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info) {
    (void)timeouts;
    struct lookup *l = arg;
    if (status == ARES_SUCCESS && info) {
        for (struct ares_addrinfo_node *n = info->nodes; n && l->n < LOOKUP_MAX_ADDRESSES; n = n->ai_next) {
            memcpy(&l->list[l->n].address, n->ai_addr, (size_t)n->ai_addrlen);
            add_address(l, (socklen_t)n->ai_addrlen);
        }
    }
    if (info) ares_freeaddrinfo(info);
    finish(l);
}

static struct lookup *lookup_new(struct resolver *r, double seconds, void *ctx) {
    struct lookup *l = xcalloc(1, sizeof *l);
    l->resolver = r;
    l->ctx = ctx;
    l->in_library = true;
    l->next = r->open;
    if (r->open) r->open->prev = l;
    r->open = l;
    ev_timer_init(&l->deadline, on_deadline, seconds > 0 ? seconds : 0.001, 0.);
    l->deadline.data = l;
    ev_timer_start(r->loop, &l->deadline);
    return l;
}

struct lookup *resolver_ask_name(struct resolver *r, const struct sockaddr *address, socklen_t len, double seconds, void (*answer)(void *, const char *), void *ctx) {
    (void)len;
    struct lookup *l = lookup_new(r, seconds, ctx);
    l->name = answer;
    if (address->sa_family == AF_INET) ares_gethostbyaddr(r->channel, &((const struct sockaddr_in *)address)->sin_addr, 4, AF_INET, got_name, l);
    else ares_gethostbyaddr(r->channel, &((const struct sockaddr_in6 *)address)->sin6_addr, 16, AF_INET6, got_name, l);
    l->asked = true;
    rearm(r);
    return l;
}

struct lookup *resolver_ask_addresses(struct resolver *r, const char *name, int port, double seconds, void (*answer)(void *, const struct lookup_address *, size_t), void *ctx) {
    struct lookup *l = lookup_new(r, seconds, ctx);
    struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    l->addresses = answer;
    l->port = port;
    if (is_address(l, name)) finish(l);
    else ares_getaddrinfo(r->channel, name, NULL, &hints, got_addresses, l);
    l->asked = true;
    rearm(r);
    return l;
}

void lookup_cancel(struct lookup *l) {
    l->name = NULL, l->addresses = NULL;
    ev_timer_stop(l->resolver->loop, &l->deadline);
    if (!l->in_library) release(l);
}
