/* SPDX-License-Identifier: MIT */
#include "server/logtail.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/must.h"
#include "server/control_parts.h"

enum { LINES = 2048, LONGEST_LINE = 4096, PIECE = 16384, MOST_FOLLOWERS = 64 };

struct tail_line {
    enum log_level level;
    char *text; /* NULL: there was none yet */
};

struct follower {
    struct follower *next;
    struct logtail *tail;
    struct asker *asker;
    uint64_t at; /* the next line to look at */
    enum log_level least;
    bool follow;
    char match[]; /* "": any line */
};

struct logtail {
    struct ev_loop *loop;
    ev_async more;
    struct follower *followers;
    pthread_mutex_t lock; /* of what is below */
    uint64_t next; /* number of the next line */
    struct tail_line lines[LINES]; /* line n at n % LINES */
};

/* On whatever thread. Without memory the line is left out: the server's end for lack of it is logged too. */
static void on_line(void *ctx, enum log_level level, const char *text, size_t len) {
    struct logtail *t = ctx;
    if (len > LONGEST_LINE) len = LONGEST_LINE;
    pthread_mutex_lock(&t->lock);
    struct tail_line *line = &t->lines[t->next % LINES];
    char *room = realloc(line->text, len + 1);
    if (room) {
        memcpy(room, text, len);
        room[len] = 0;
        *line = (struct tail_line){level, room};
        t->next++;
    }
    pthread_mutex_unlock(&t->lock);
    ev_async_send(t->loop, &t->more);
}

static bool is_wanted(const struct follower *f, const struct tail_line *line) { return line->level >= f->least && (!*f->match || strcasestr(line->text, f->match)); }

/* ---- one follower ---- */

/* The next lines for it, as many as go at once. */
static void fill(struct follower *f, struct buf *out) {
    struct logtail *t = f->tail;
    pthread_mutex_lock(&t->lock);
    if (f->at + LINES < t->next) {
        buf_printf(out, "(%llu lines came too fast and are left out)\n", (unsigned long long)(t->next - LINES - f->at));
        f->at = t->next - LINES;
    }
    for (; f->at < t->next && out->len < PIECE; f->at++) {
        const struct tail_line *line = &t->lines[f->at % LINES];
        if (is_wanted(f, line)) buf_printf(out, "%s\n", line->text);
    }
    pthread_mutex_unlock(&t->lock);
}

static void on_room(struct ev_loop *loop, ev_io *w, int events);

/* Sends what there is and the socket takes. The follower may be gone afterwards. */
static void pump(struct asker *a) {
    struct follower *f = a->ctx;
    ev_io_stop(f->tail->loop, &a->io);
    for (;;) {
        if (a->sent == a->answer.len) {
            buf_clear(&a->answer);
            a->sent = 0;
            fill(f, &a->answer);
            if (!a->answer.len && f->follow) return;
            if (!a->answer.len) break;
        }
        ssize_t n = send(a->fd, a->answer.data + a->sent, a->answer.len - a->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            ev_io_init(&a->io, on_room, a->fd, EV_WRITE);
            ev_io_start(f->tail->loop, &a->io);
            return;
        }
        if (n < 0) break;
        a->sent += (size_t)n;
    }
    control_release(a);
}

static void on_room(struct ev_loop *loop, ev_io *w, int events) {
    (void)loop, (void)events;
    pump(w->data);
}

static void on_more(struct ev_loop *loop, ev_async *w, int events) {
    (void)loop, (void)events;
    struct logtail *t = w->data;
    for (struct follower *f = t->followers, *next; f; f = next) {
        next = f->next;
        pump(f->asker);
    }
}

/* ---- coming and going ---- */

static void on_gone(struct asker *a) {
    struct follower *f = a->ctx, **p = &f->tail->followers;
    while (*p != f) p = &(*p)->next;
    *p = f->next;
    free(f);
}

/* Who has hung up since the last line was written; it would be found out with the next one. How many are left. */
static size_t drop_dead(struct logtail *t) {
    size_t n = 0;
    for (struct follower *f = t->followers, *next; f; f = next) {
        struct pollfd p = {.fd = f->asker->fd};
        next = f->next;
        if (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR)) control_release(f->asker);
        else n++;
    }
    return n;
}

/* Where the last `wanted' lines begin that it is to see. */
static uint64_t find_start(struct follower *f, uint64_t wanted) {
    struct logtail *t = f->tail;
    pthread_mutex_lock(&t->lock);
    uint64_t oldest = t->next > LINES ? t->next - LINES : 0, at = t->next;
    for (uint64_t i = at; i > oldest && wanted; i--) {
        if (!is_wanted(f, &t->lines[(i - 1) % LINES])) continue;
        at = i - 1;
        wanted--;
    }
    pthread_mutex_unlock(&t->lock);
    return at;
}

void request_log(struct asker *a, const char *text) {
    struct logtail *t = a->control->server->logtail;
    int level, follow;
    unsigned long long lines;
    if (sscanf(text, "%d %llu %d", &level, &lines, &follow) != 3 || drop_dead(t) >= MOST_FOLLOWERS) {
        control_answer(a, 1, "nobody else can follow the log now\n");
        return;
    }
    const char *match = strchr(text, '\n') ? strchr(text, '\n') + 1 : "";
    struct follower *f = xmalloc(sizeof *f + strlen(match) + 1);
    *f = (struct follower){.next = t->followers, .tail = t, .asker = a, .least = (enum log_level)level, .follow = follow != 0};
    strcpy(f->match, match);
    f->at = find_start(f, lines);
    t->followers = f;
    a->ctx = f;
    a->gone = on_gone;
    a->more = pump;
    buf_add_c(&a->answer, "0\n");
    pump(a);
}

struct logtail *logtail_new(struct ev_loop *loop) {
    struct logtail *t = xcalloc(1, sizeof *t);
    t->loop = loop;
    pthread_mutex_init(&t->lock, NULL);
    ev_async_init(&t->more, on_more);
    t->more.data = t;
    ev_async_start(loop, &t->more);
    log_set_listener(on_line, t);
    return t;
}

void logtail_free(struct logtail *t) {
    if (!t) return;
    log_set_listener(NULL, NULL);
    ev_async_stop(t->loop, &t->more);
    for (size_t i = 0; i < LINES; i++) free(t->lines[i].text);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
