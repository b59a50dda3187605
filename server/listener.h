/* SPDX-License-Identifier: MIT */
/* Listening ports: each is one port on the addresses the server was told (IPv4 and IPv6), with a handler object. */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <ev.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/value.h"

struct server;

enum { LISTENER_MAX_SOCKETS = 16 };

struct listener {
    struct listener *next;
    struct server *server;
    objid handler;
    int port;
    bool print_messages;
    ev_io sockets[LISTENER_MAX_SOCKETS];
    size_t nsockets;
};

struct listeners {
    struct listener *newest;
};

/* Opens `port' (0: one that is free). 0 and the port; or errno, EADDRINUSE also when we listen there already. */
int listener_open(struct server *s, objid handler, int port, bool print_messages, int *bound);
/* For who listens to something else: a socket that does, not blocking and close-on-exec, or -1 and errno; its port; and whether a descriptor is one of those that saves and reboots need. */
int listener_socket(const struct sockaddr *address, socklen_t len);
int listener_socket_port(int fd);
bool descriptor_is_reserved(int fd);
void listener_announce(objid handler, int port); /* the word in the log */
/* One whose sockets are open already (a reboot). Takes them. */
struct listener *listener_adopt(struct server *s, objid handler, int port, bool print_messages, const int *fds, size_t n);
/* Its i-th socket is not its own, and is not closed. Frees the listener if that was its last one. */
void listener_lose_socket(struct server *s, struct listener *l, size_t i);
struct listener *listener_find_port(struct server *s, int port);
struct listener *listener_find_handler(struct server *s, objid handler);
void listener_unlisten(struct server *s, struct listener *l); /* with a word in the log */
void listeners_fini(struct server *s, bool keep_sockets);
void listeners_pause(struct server *s, bool on); /* no accepting meanwhile */
/* "127.0.0.1 port 7777" of each socket, joined by ", ". */
void listener_describe(const struct listener *l, struct buf *out);

#endif
