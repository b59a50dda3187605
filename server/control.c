/* SPDX-License-Identifier: MIT */
#include "server/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "server/control_parts.h"

enum { LONGEST_REQUEST = 1 << 20 };

static void socket_name(int directory, struct sockaddr_un *out) {
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/control", directory);
}

/* ---- answering ---- */

void control_release(struct asker *a) {
    if (a->gone) a->gone(a);
    saves_forget(a->control->server, a);
    struct asker **p = &a->control->askers;
    while (*p != a) p = &(*p)->next;
    *p = a->next;
    ev_io_stop(a->control->server->loop, &a->io);
    if (!a->kept) close(a->fd);
    buf_fini(&a->request);
    buf_fini(&a->answer);
    buf_fini(&a->result);
    free(a);
}

static void send_answer(struct asker *a) {
    while (a->sent < a->answer.len) {
        ssize_t n = send(a->fd, a->answer.data + a->sent, a->answer.len - a->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (n < 0) break;
        a->sent += (size_t)n;
    }
    control_release(a);
}

static void on_room(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    send_answer(w->data);
}

void control_wait(struct asker *a) {
    ev_io_stop(a->control->server->loop, &a->io);
    a->waits = true;
}

void control_answer(struct asker *a, int status, const char *text) {
    struct ev_loop *loop = a->control->server->loop;
    a->waits = false;
    buf_printf(&a->answer, "%d\n%s", status, text);
    ev_io_stop(loop, &a->io);
    ev_io_init(&a->io, on_room, a->fd, EV_WRITE);
    ev_io_start(loop, &a->io);
}

/* ---- requests ---- */

static const struct {
    const char *word;
    void (*run)(struct asker *a, const char *text);
} requests[] = {
#define REQUEST(word, doc) {#word, request_##word},
#include "server/requests.def"
#undef REQUEST
};

static void run_request(struct asker *a) {
    char *end = a->request.len ? memchr(a->request.data, '\n', a->request.len) : NULL;
    if (end && !memchr(a->request.data, 0, a->request.len)) {
        *end = 0;
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
            if (strcmp(requests[i].word, a->request.data)) continue;
            requests[i].run(a, end + 1);
            return;
        }
    }
    control_answer(a, 1, "the server does not know this request\n");
}

static void on_request(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct asker *a = w->data;
    char bytes[4096];
    ssize_t n = recv(a->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n > 0) buf_add(&a->request, bytes, (size_t)n);
    if (n < 0 || a->request.len > LONGEST_REQUEST) control_release(a);
    else if (n == 0) run_request(a);
}

/* ---- the socket ---- */

static bool is_allowed(int fd) {
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == geteuid() || who.uid == 0);
}

static struct asker *asker_new(struct control *k, int fd) {
    struct asker *a = xcalloc(1, sizeof *a);
    *a = (struct asker){.next = k->askers, .control = k, .fd = fd};
    k->askers = a;
    ev_io_init(&a->io, on_request, fd, EV_READ);
    a->io.data = a;
    return a;
}

static void on_asker(struct ev_loop *loop, ev_io *w, int events) {
    (void)events;
    struct control *k = w->data;
    int fd = accept4(k->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (!is_allowed(fd)) {
        close(fd);
        return;
    }
    ev_io_start(loop, &asker_new(k, fd)->io);
}

struct control *control_open(struct server *s) {
    struct control *k = xcalloc(1, sizeof *k);
    struct sockaddr_un name;
    k->server = s;
    k->directory = open(s->options.world, O_PATH | O_DIRECTORY | O_CLOEXEC);
    k->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socket_name(k->directory, &name);
    if (k->directory >= 0) (void)unlinkat(k->directory, "control", 0); /* of a run that was killed: the world is locked, so nobody uses it */
    mode_t mask = umask(0177);
    int rc = k->fd < 0 || k->directory < 0 ? -1 : bind(k->fd, (struct sockaddr *)&name, sizeof name);
    umask(mask);
    if (!rc) rc = listen(k->fd, 16);
    ev_io_init(&k->io, on_asker, k->fd, EV_READ);
    k->io.data = k;
    if (rc) {
        log_warning("There is no control socket in %s: %s", s->options.world, strerror(errno));
        control_close(k);
        return NULL;
    }
    ev_io_start(s->loop, &k->io);
    return k;
}

void control_close(struct control *k) {
    if (!k) return;
    for (struct asker *a = k->askers, *next; a; a = next) { /* the last words that the sockets take */
        next = a->next;
        if (a->more) {
            a->more(a);
            continue;
        }
        if (a->kept) continue;
        if (a->waits && !a->answer.len) control_answer(a, 1, "the server ended or is being replaced by a new one; ask again\n");
        if (a->answer.len) send_answer(a);
    }
    while (k->askers) control_release(k->askers);
    ev_io_stop(k->server->loop, &k->io);
    if (k->directory >= 0) (void)unlinkat(k->directory, "control", 0);
    if (k->fd >= 0) close(k->fd);
    if (k->directory >= 0) close(k->directory);
    free(k);
}

void control_answer_stops(struct control *k, bool saved, const char *text) {
    if (!k) return;
    for (struct asker *a = k->askers, *next; a; a = next) {
        next = a->next;
        if (!a->waits_for_end) continue;
        buf_printf(&a->answer, "%d\n%s\n", saved ? 0 : 1, text);
        send_answer(a);
    }
}

/* ---- through a reboot ---- */

void control_answer_reboots(struct control *k, int status, const char *text) {
    for (struct asker *a = k ? k->askers : NULL, *next; a; a = next) {
        next = a->next;
        if (a->waits_for_reboot && !a->answer.len) control_answer(a, status, text);
    }
}

void control_encode_reboots(const struct control *k, struct buf *out) {
    uint64_t n = 0;
    for (const struct asker *a = k ? k->askers : NULL; a; a = a->next) n += a->waits_for_reboot && !a->answer.len;
    enc_u64(out, n);
    for (const struct asker *a = k ? k->askers : NULL; a; a = a->next)
        if (a->waits_for_reboot && !a->answer.len) enc_u64(out, (uint64_t)a->fd);
}

static void adopt_asker(struct control *k, int fd) {
    struct asker *a = asker_new(k, fd);
    a->waits = a->waits_for_reboot = true;
}

void control_decode_reboots(struct control *k, struct dec *d) {
    for (uint64_t n = dec_u64(d); n && !d->bad; n--) {
        uint64_t fd = dec_u64(d);
        if (fd > INT32_MAX) d->bad = true;
        if (!d->bad && k && is_allowed((int)fd)) adopt_asker(k, (int)fd);
    }
}

void control_keep_reboots(struct control *k, bool on) {
    for (struct asker *a = k ? k->askers : NULL; a; a = a->next) {
        if (!a->waits_for_reboot || a->answer.len) continue;
        (void)fcntl(a->fd, F_SETFD, on ? 0 : FD_CLOEXEC);
        a->kept = on;
    }
}

/* ---- asking ---- */

static int connect_to(const char *world) {
    struct sockaddr_un name;
    int directory = open(world, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socket_name(directory, &name);
    int rc = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&name, sizeof name), e = errno;
    close(directory);
    if (rc && fd >= 0) close(fd);
    errno = e;
    return rc ? -1 : fd;
}

static bool send_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = send(fd, p, n, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return false;
        p += k, n -= (size_t)k;
    }
    return true;
}

/* What comes after a status of 0 goes to `out', if there is one, and not into the buffer. */
static bool receive_all(int fd, struct buf *answer, FILE *out) {
    char bytes[4096];
    bool streams = false;
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return streams && errno == ECONNRESET;
        if (n == 0) return true;
        buf_add(answer, bytes, (size_t)n);
        if (!out || answer->len < 2 || memcmp(answer->data, "0\n", 2)) continue;
        streams = true;
        fwrite(answer->data + 2, 1, answer->len - 2, out);
        fflush(out);
        buf_clear(answer);
        buf_add_c(answer, "0\n");
    }
}

static int no_answer(const char *world, struct buf *why) {
    buf_printf(why, "%s: the running server ended without an answer", world);
    return -1;
}

int control_begin(const char *world, const char *word, const char *text, int *fd, struct buf *why) {
    *fd = connect_to(world);
    if (*fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)) return 1;
    if (*fd < 0) {
        buf_printf(why, "%s: the running server cannot be reached: %s", world, strerror(errno));
        return -1;
    }
    if (send_all(*fd, word, strlen(word)) && send_all(*fd, "\n", 1) && send_all(*fd, text, strlen(text)) && shutdown(*fd, SHUT_WR) == 0) return 0;
    close(*fd);
    *fd = -1;
    return no_answer(world, why);
}

int control_end(const char *world, int *status, struct buf *answer, struct buf *why) {
    if (answer->len < 2 || answer->data[1] != '\n') return no_answer(world, why);
    *status = answer->data[0] - '0';
    buf_drop_front(answer, 2);
    return 0;
}

int control_follow(const char *world, const char *word, const char *text, FILE *out, int *status, struct buf *answer, struct buf *why) {
    int fd, rc = control_begin(world, word, text, &fd, why);
    if (rc) return rc;
    bool received = receive_all(fd, answer, out);
    close(fd);
    return received ? control_end(world, status, answer, why) : no_answer(world, why);
}

int control_ask(const char *world, const char *word, const char *text, int *status, struct buf *answer, struct buf *why) {
    return control_follow(world, word, text, NULL, status, answer, why);
}
