/* SPDX-License-Identifier: MIT */
#include "server/notify.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/server.h"

enum { LONGEST_WAIT_US = 100000 }; /* for a manager that does not read: it is told, but nobody waits for it */

/* A path, or a name that is in no file system, with @ for its leading zero. false: neither. */
static bool parse_address(const char *name, struct sockaddr_un *out, socklen_t *len) {
    size_t n = strlen(name);
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((*name != '/' && *name != '@') || n < 2 || n > sizeof out->sun_path - 1) return false;
    memcpy(out->sun_path, name, n);
    if (*name == '@') out->sun_path[0] = 0;
    *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*name == '/'));
    return true;
}

void notify_init(struct notify *n) {
    const char *name = getenv("NOTIFY_SOCKET"), *every = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    struct sockaddr_un address;
    socklen_t len;
    *n = (struct notify){.on = name && *name};
    if (n->on && !parse_address(name, &address, &len)) {
        log_warning("$NOTIFY_SOCKET is %.100s, which is neither a path nor an abstract name: the service manager is told nothing", name);
        n->on = false;
    }
    if (n->on && every && (!pid || strtoll(pid, NULL, 10) == getpid())) n->every_us = strtoll(every, NULL, 10) / 2;
    if (n->every_us < 0) n->every_us = 0;
}

static void attach(struct msghdr *m, char *room, size_t size, int fd) {
    m->msg_control = room;
    m->msg_controllen = size;
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
}

/* 0 or errno. */
static int send_message(const struct buf *text, int fd, int flags) {
    struct sockaddr_un address;
    socklen_t len;
    _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof fd)] = {0};
    const char *name = getenv("NOTIFY_SOCKET");
    struct timeval most = {.tv_usec = LONGEST_WAIT_US};
    if (!name || !parse_address(name, &address, &len)) return EDESTADDRREQ;
    struct iovec part = {.iov_base = text->data, .iov_len = text->len};
    struct msghdr m = {.msg_name = &address, .msg_namelen = len, .msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) attach(&m, room, sizeof room, fd);
    int rc = 0, to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (to < 0) return errno;
    (void)setsockopt(to, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (sendmsg(to, &m, MSG_NOSIGNAL | flags) < 0) rc = errno;
    close(to);
    return rc;
}

static int say(const struct buf *text) { return send_message(text, -1, 0); }

int notify_send(const struct buf *text, int fd) { return send_message(text, fd, MSG_DONTWAIT); }

static void add_status(const struct server *s, struct buf *out) {
    buf_add_c(out, "STATUS=Serving ");
    for (const char *p = s->options.world; *p; p++) buf_byte(out, (unsigned char)*p < ' ' ? '?' : *p);
    buf_printf(out, ": %zu connections, save %llu\n", s->connections.count, (unsigned long long)db_generation(s->db));
}

static void tell_ready(struct server *s) {
    struct buf text = BUF_INIT;
    buf_add_c(&text, "READY=1\n");
    add_status(s, &text);
    int rc = say(&text);
    if (rc) log_warning("The service manager cannot be told that the server is ready: %s: %s", getenv("NOTIFY_SOCKET"), strerror(rc));
    s->notify.ready = true;
    buf_fini(&text);
}

static void tell_alive(struct server *s) {
    struct buf text = BUF_INIT;
    buf_add_c(&text, "WATCHDOG=1\n");
    add_status(s, &text);
    (void)say(&text);
    buf_fini(&text);
}

double notify_turn(struct server *s) {
    struct notify *n = &s->notify;
    if (!n->on) return INFINITY;
    if (!n->ready) tell_ready(s);
    if (!n->every_us) return INFINITY;
    int64_t now = clock_monotonic_us();
    if (!n->last_us || now - n->last_us >= n->every_us) {
        n->last_us = now;
        tell_alive(s);
    }
    return (double)(n->last_us + n->every_us - now) / 1e6;
}

void notify_reloading(struct server *s) {
    if (!s->notify.on) return;
    struct buf text = BUF_INIT;
    buf_printf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=A new program takes over\n", (long long)clock_monotonic_us());
    (void)say(&text);
    s->notify.ready = false;
    buf_fini(&text);
}

void notify_stopping(struct server *s) {
    if (!s->notify.on) return;
    struct buf text = BUF_INIT;
    buf_add_c(&text, "STOPPING=1\nSTATUS=The world is saved a last time\n");
    (void)say(&text);
    buf_fini(&text);
}
