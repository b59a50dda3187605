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

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/version.h"
#include "server/offline.h"
#include "server/server.h"

enum { LONGEST_REQUEST = 1 << 20, LONGEST_VALUE = 1 << 28 };

struct asker {
    struct asker *next;
    struct control *control;
    int fd;
    ev_io io;
    struct buf request, answer;
    size_t sent;
    bool waits_for_end;
};

struct control {
    struct server *server;
    int directory; /* of the world: a socket's name is short, a world's may be long */
    int fd;
    ev_io io;
    struct asker *askers;
};

static void socket_name(int directory, struct sockaddr_un *out) {
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/control", directory);
}

/* ---- answering ---- */

static void release(struct asker *a) {
    struct asker **p = &a->control->askers;
    while (*p != a) p = &(*p)->next;
    *p = a->next;
    ev_io_stop(a->control->server->loop, &a->io);
    close(a->fd);
    buf_fini(&a->request);
    buf_fini(&a->answer);
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
    release(a);
}

static void on_room(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    send_answer(w->data);
}

static void answer(struct asker *a, int status, const char *text) {
    struct ev_loop *loop = a->control->server->loop;
    buf_printf(&a->answer, "%d\n%s", status, text);
    ev_io_stop(loop, &a->io);
    ev_io_init(&a->io, on_room, a->fd, EV_WRITE);
    ev_io_start(loop, &a->io);
}

/* ---- requests: the word, and what it does; a function answers, or has marked the asker as waiting ---- */

/* "#N" and a line feed, or only that: the first there is. false: no such wizard. */
static bool choose_wizard(struct server *s, const char **text, objid *out) {
    const char *end = strchr(*text, '\n'), *digits = *text + (**text == '#');
    char *stop;
    if (!end) return false;
    *out = end == *text ? offline_first_wizard(s->db) : strtoll(digits, &stop, 10);
    if (end != *text && (stop != end || stop == digits)) return false;
    *text = end + 1;
    return db_valid(s->db, *out) && db_is_wizard(s->db, *out);
}

static void print_lines(struct buf *out, value lines) {
    for (uint32_t i = 0; lines.type == V_LIST && i < lines.u.l->len; i++) {
        value_print(out, lines.u.l->items[i]);
        buf_byte(out, '\n');
    }
}

/* As a literal. 0, or -1 and a line that says that it would be too long. */
static int print_value(struct buf *out, value v) {
    bool fits = value_print_literal_up_to(out, v, LONGEST_VALUE);
    if (!fits) {
        buf_fini(out);
        buf_add_c(out, "the value is too long to be printed");
    }
    buf_byte(out, '\n');
    return fits ? 0 : -1;
}

/* The value as a literal, or the messages or traceback as lines. What was changed before a failure stays changed. */
static void do_eval(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    objid wizard;
    struct buf out = BUF_INIT;
    value v = value_none();
    if (!choose_wizard(s, &text, &wizard)) {
        answer(a, 1, "there is no such wizard\n");
        return;
    }
    int rc = sched_eval(s->sched, wizard, text, true, &v);
    if (rc) print_lines(&out, v);
    else rc = print_value(&out, v);
    value_unref(v);
    s->changed = true;
    if (server_save(s, NULL) && rc == 0) {
        rc = -1;
        buf_clear(&out);
        buf_add_c(&out, "the save failed; the log says why\n");
    }
    answer(a, rc ? 1 : 0, buf_c(&out));
    buf_fini(&out);
}

static void do_save(struct asker *a, const char *text) {
    (void)text;
    struct server *s = a->control->server;
    bool saved = server_checkpoint(s);
    struct buf out = BUF_INIT;
    if (saved) buf_printf(&out, "save %llu is on disk\n", (unsigned long long)db_generation(s->db));
    else buf_add_c(&out, "the save failed; the log says why\n");
    answer(a, saved ? 0 : 1, buf_c(&out));
    buf_fini(&out);
}

static void do_stop(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    struct str *words = str_printf("evermoo stop%s%s", *text ? ": " : "", text);
    a->waits_for_end = true;
    ev_io_stop(s->loop, &a->io);
    if (s->end == SERVER_RUNS) s->host.shutdown(s, words);
    str_unref(words);
}

static void do_reboot(struct asker *a, const char *text) {
    struct server *s = a->control->server;
    struct str *binary = str_from_bytes(text, strlen(text));
    s->host.reboot(s, NOTHING, binary, NULL);
    str_unref(binary);
    answer(a, 0, "the reboot begins; the log tells how it goes\n");
}

static void do_status(struct asker *a, const char *text) {
    (void)text;
    struct server *s = a->control->server;
    struct buf out = BUF_INIT;
    buf_printf(&out, "evermoo %s, process %ld\nup %lld seconds\nsave %llu, %lld bytes on disk\n", EVERMOO_VERSION, (long)getpid(), (long long)(clock_monotonic_us() - s->started_us) / 1000000,
               (unsigned long long)db_generation(s->db), (long long)db_disk_size(s->db));
    buf_printf(&out, "%zu connections, %zu of them not logged in\n", s->connections.count, s->connections.not_logged_in);
    for (struct listener *l = s->listeners.newest; l; l = l->next) {
        buf_printf(&out, "listening for #%lld on ", (long long)l->handler);
        listener_describe(l, &out);
        buf_byte(&out, '\n');
    }
    answer(a, 0, buf_c(&out));
    buf_fini(&out);
}

static const struct {
    const char *word;
    void (*run)(struct asker *a, const char *text);
} requests[] = {{"eval", do_eval}, {"save", do_save}, {"stop", do_stop}, {"reboot", do_reboot}, {"status", do_status}};

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
    answer(a, 1, "the server does not know this request\n");
}

static void on_request(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    struct asker *a = w->data;
    char bytes[4096];
    ssize_t n = recv(a->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n > 0) buf_add(&a->request, bytes, (size_t)n);
    if (n < 0 || a->request.len > LONGEST_REQUEST) release(a);
    else if (n == 0) run_request(a);
}

/* ---- the socket ---- */

static bool is_allowed(int fd) {
    struct ucred who;
    socklen_t len = sizeof who;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == geteuid() || who.uid == 0);
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
    struct asker *a = xcalloc(1, sizeof *a);
    *a = (struct asker){.next = k->askers, .control = k, .fd = fd};
    k->askers = a;
    ev_io_init(&a->io, on_request, fd, EV_READ);
    a->io.data = a;
    ev_io_start(loop, &a->io);
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
    while (k->askers) release(k->askers);
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

static bool receive_all(int fd, struct buf *out) {
    char bytes[4096];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        if (n == 0) return true;
        buf_add(out, bytes, (size_t)n);
    }
}

int control_ask(const char *world, const char *word, const char *text, int *status, struct buf *answer_text, struct buf *why) {
    int fd = connect_to(world);
    if (fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)) return 1;
    if (fd < 0) {
        buf_printf(why, "%s: the running server cannot be reached: %s", world, strerror(errno));
        return -1;
    }
    bool sent = send_all(fd, word, strlen(word)) && send_all(fd, "\n", 1) && send_all(fd, text, strlen(text)) && shutdown(fd, SHUT_WR) == 0;
    bool received = sent && receive_all(fd, answer_text);
    close(fd);
    if (!received || answer_text->len < 2 || answer_text->data[1] != '\n') {
        buf_printf(why, "%s: the running server ended without an answer", world);
        return -1;
    }
    *status = answer_text->data[0] - '0';
    buf_drop_front(answer_text, 2);
    return 0;
}
