/* SPDX-License-Identifier: MIT */
#include "server/sockets.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

struct known {
    int fd;
    uint64_t cookie; /* 0: the system did not tell */
    uint64_t now; /* asked for by a thread of its own while tasks and all else are read: with ten thousand sockets it takes as long as that */
};

struct known_sockets {
    struct known *items; /* in order of descriptors */
    size_t n;
    pthread_t thread;
    bool in_thread;
};

uint64_t socket_cookie(int fd) {
    uint64_t cookie = 0;
    socklen_t len = sizeof cookie;
    return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) ? 0 : cookie;
}

uint64_t connection_cookie(struct connection *c) {
    if (!c->cookie) c->cookie = socket_cookie(c->fd);
    return c->cookie;
}

static void encode_one(struct buf *out, int fd, uint64_t cookie) {
    enc_u64(out, (uint64_t)fd);
    enc_u64(out, cookie);
}

void sockets_encode(struct server *s, struct buf *out) {
    uint64_t n = 0;
    for (struct listener *l = s->listeners.newest; l; l = l->next) n += l->nsockets;
    for (struct connection *c = s->connections.newest; c; c = c->older) n += c->fd >= 0;
    enc_u64(out, n);
    for (struct listener *l = s->listeners.newest; l; l = l->next)
        for (size_t i = 0; i < l->nsockets; i++) encode_one(out, l->sockets[i].fd, socket_cookie(l->sockets[i].fd));
    for (struct connection *c = s->connections.newest; c; c = c->older)
        if (c->fd >= 0) encode_one(out, c->fd, connection_cookie(c));
}

static int by_descriptor(const void *a, const void *b) {
    const struct known *x = a, *y = b;
    return (x->fd > y->fd) - (x->fd < y->fd);
}

static void decode(struct known_sockets *all, struct dec *d) {
    size_t room = 0;
    for (uint64_t left = dec_u64(d); left && !d->bad; left--) {
        uint64_t fd = dec_u64(d), cookie = dec_u64(d);
        if (fd > INT32_MAX) d->bad = true;
        if (all->n == room) all->items = xrealloc(all->items, (room = room ? room * 2 : 64) * sizeof *all->items);
        all->items[all->n++] = (struct known){.fd = (int)fd, .cookie = cookie};
    }
    if (all->n) qsort(all->items, all->n, sizeof *all->items, by_descriptor);
}

static void *ask_all(void *arg) {
    const struct known_sockets *all = arg;
    for (size_t i = 0; i < all->n; i++) all->items[i].now = socket_cookie(all->items[i].fd);
    return NULL;
}

void sockets_decode(struct server *s, struct dec *d) {
    if (s->known_sockets) d->bad = true; /* there is one such section */
    if (d->bad) return;
    struct known_sockets *all = s->known_sockets = xcalloc(1, sizeof *all);
    decode(all, d);
    if (s->options.check) return; /* a program that only checks has no socket */
    all->in_thread = pthread_create(&all->thread, NULL, ask_all, all) == 0;
    if (!all->in_thread) ask_all(all);
}

/* *cookie: 0 if it is not known. */
static bool is_the_same(const struct known_sockets *all, int fd, uint64_t *cookie) {
    struct stat st;
    const struct known *k = all->n ? bsearch(&(struct known){.fd = fd}, all->items, all->n, sizeof *all->items, by_descriptor) : NULL;
    *cookie = k ? k->cookie : 0;
    if (*cookie) return *cookie == k->now;
    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static void compare_listeners(struct server *s, const struct known_sockets *all) {
    uint64_t cookie;
    for (struct listener *l = s->listeners.newest, *next; l; l = next) {
        next = l->next;
        for (size_t i = l->nsockets; i-- > 0;) {
            if (is_the_same(all, l->sockets[i].fd, &cookie)) continue;
            log_error("REBOOT: descriptor %d is not the socket that listened on port %d; it is left alone, and nobody can connect there", l->sockets[i].fd, l->port);
            listener_lose_socket(s, l, i);
            if (!i) break; /* it may have been the last one */
        }
    }
}

static void compare_connections(struct server *s, const struct known_sockets *all) {
    for (struct connection *c = s->connections.newest; c; c = c->older) {
        if (c->fd < 0 || is_the_same(all, c->fd, &c->cookie)) continue;
        log_error("REBOOT: descriptor %d is not the socket of #%lld; it is left alone, and the connection ends", c->fd, (long long)c->id);
        connection_lose_socket(c);
    }
}

void sockets_compare(struct server *s) {
    struct known_sockets *all = s->known_sockets;
    if (!all) return;
    if (all->in_thread) pthread_join(all->thread, NULL);
    if (!s->options.check) {
        compare_listeners(s, all);
        compare_connections(s, all);
    }
    free(all->items);
    free(all);
    s->known_sockets = NULL;
}
