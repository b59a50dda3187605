/* SPDX-License-Identifier: MIT */
#include "server/fdstore.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

enum { WANTED = 1, STORED = 2, DOOMED = 4 }; /* to be in it; in it; what is in it under this number is to go first */
enum { FIRST_PASSED = 3, MOST_PASSED = 1 << 17 };
static const double SOON_SECONDS = 0.002, AGAIN_SECONDS = 0.05, ABSENT_SECONDS = 5; /* while it takes some; while it takes nothing; while nobody is there */
static const char prefix[] = "fd", box_name[] = "evermoo-box";

/* ---- giving ---- */

void fdstore_init(struct fdstore *f, bool inherited) {
    const char *most = getenv("FDSTORE"), *manager = getenv("NOTIFY_SOCKET");
    long long n = most && manager && *manager ? strtoll(most, NULL, 10) : 0;
    *f = (struct fdstore){.most = n > 0 ? (size_t)n : 0, .inherited = inherited};
}

void fdstore_fini(struct fdstore *f) {
    free(f->states);
    *f = (struct fdstore){.most = 0};
}

/* 0, or errno: it does not take it now. fd -1: nothing is sent along. */
static int say_of(struct fdstore *f, const char *what, const char *name, int fd) {
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s=1\nFDNAME=%s", what, name);
    int rc = notify_send(&text, fd);
    f->absent = rc == ECONNREFUSED || rc == ENOENT;
    f->taken |= !rc;
    buf_fini(&text);
    return rc;
}

static void name_of(int fd, char out[32]) { snprintf(out, 32, "%s%d", prefix, fd); }

static void make_room(struct fdstore *f, int fd) {
    if ((size_t)fd < f->size) return;
    size_t size = (size_t)fd * 2 + 64;
    f->states = xrealloc(f->states, size);
    memset(f->states + f->size, 0, size - f->size);
    f->size = size;
}

void fdstore_keep(struct server *s, int fd) {
    struct fdstore *f = &s->fdstore;
    if (!f->most || fd < 0) return;
    make_room(f, fd);
    f->states[fd] |= WANTED;
    f->behind = true;
}

/* Of what was handed over: whether the store has it. Not before the black box has been opened. */
static void learn(struct server *s, int fd) {
    struct fdstore *f = &s->fdstore;
    if (!f->inherited || (f->states[fd] & (WANTED | STORED)) != WANTED || !blackbox_is_stored(s->box, fd)) return;
    f->states[fd] |= STORED;
    f->held++;
}

void fdstore_forget(struct server *s, int fd) {
    struct fdstore *f = &s->fdstore;
    if (fd < 0 || (size_t)fd >= f->size || !(f->states[fd] & WANTED)) return;
    learn(s, fd);
    if (f->states[fd] & STORED) {
        (void)shutdown(fd, SHUT_RDWR);
        f->states[fd] = DOOMED;
        f->held--;
        f->behind = true;
    } else {
        f->states[fd] &= DOOMED;
    }
}

/* As `states' says. false: it has to be tried again. One that is full gets no more, until another goes. */
static bool settle_one(struct server *s, int fd) {
    struct fdstore *f = &s->fdstore;
    char name[32];
    name_of(fd, name);
    if ((f->states[fd] & DOOMED) && say_of(f, "FDSTOREREMOVE", name, -1)) return false;
    f->states[fd] &= ~DOOMED;
    if ((f->states[fd] & (WANTED | STORED)) != WANTED || f->held + 1 >= f->most) return true;
    if (say_of(f, "FDSTORE", name, fd)) return false;
    f->states[fd] |= STORED;
    f->held++;
    blackbox_note_stored(s->box, fd);
    return true;
}

static void settle_all(struct server *s) {
    struct fdstore *f = &s->fdstore;
    f->behind = false;
    for (size_t fd = 0; fd < f->size && !f->behind; fd++)
        if (f->states[fd] & DOOMED) f->behind = !settle_one(s, (int)fd);
    for (size_t fd = 0; fd < f->size && !f->behind; fd++)
        if ((f->states[fd] & (WANTED | STORED)) == WANTED) f->behind = !settle_one(s, (int)fd);
}

/* The box is a new one after each start; the name stays. */
static void offer_box(struct server *s) {
    s->fdstore.box = !say_of(&s->fdstore, "FDSTOREREMOVE", box_name, -1) && !say_of(&s->fdstore, "FDSTORE", box_name, s->box->fd);
}

double fdstore_turn(struct server *s) {
    struct fdstore *f = &s->fdstore;
    if (!f->most) return INFINITY;
    for (size_t fd = 0; f->inherited && fd < f->size; fd++) learn(s, (int)fd);
    f->inherited = f->taken = false;
    if (!f->box && s->box) offer_box(s);
    if (f->behind) settle_all(s);
    if (!f->behind && (f->box || !s->box)) return INFINITY;
    return f->absent ? ABSENT_SECONDS : f->taken ? SOON_SECONDS : AGAIN_SECONDS;
}

void fdstore_empty(struct server *s) {
    struct fdstore *f = &s->fdstore;
    if (!f->most) return;
    (void)say_of(&s->fdstore, "FDSTOREREMOVE", box_name, -1);
    settle_all(s);
}

/* ---- taking back ---- */

struct passed {
    int number, fd; /* where it was, -1: the box; where it is now */
};

/* All that are passed. */
struct store {
    struct passed *all;
    size_t n;
    int above; /* all numbers that are or were in use */
    struct passed **at; /* each of these numbers: which one is there now */
};

/* The next of the names, which are joined by colons. false: it is none of ours. */
static bool next_name(const char **names, int *number) {
    char name[64] = "", *end;
    size_t n = strcspn(*names, ":");
    snprintf(name, sizeof name, "%.*s", (int)n, *names);
    *names += n + ((*names)[n] == ':');
    *number = -1;
    if (!strcmp(name, box_name)) return true;
    if (strncmp(name, prefix, sizeof prefix - 1)) return false;
    long long at = strtoll(name + sizeof prefix - 1, &end, 10);
    *number = (int)at;
    return !*end && end != name + sizeof prefix - 1 && at >= FIRST_PASSED && at < BOX_SLOTS;
}

/* How many the manager passes; 0: none, or not to this process. Children do not hear of it. */
static int count_passed(char **names) {
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS"), *all = getenv("LISTEN_FDNAMES");
    long long n = pid && count && strtoll(pid, NULL, 10) == getpid() ? strtoll(count, NULL, 10) : 0;
    *names = xstrdup(all ? all : "");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return n > 0 && n <= MOST_PASSED ? (int)n : 0;
}

static void name_all(struct store *t, int n, const char *names) {
    t->all = xcalloc((size_t)n, sizeof *t->all);
    t->above = FIRST_PASSED + n;
    for (int fd = FIRST_PASSED; fd < FIRST_PASSED + n; fd++) {
        struct passed p = {.fd = fd};
        if (!next_name(&names, &p.number)) {
            log_warning("CRASH: descriptor %d, which the service manager kept, is not known here", fd);
            close(fd);
        } else if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) {
            t->all[t->n++] = p;
            if (p.number >= t->above) t->above = p.number + 1;
        }
    }
    t->at = xcalloc((size_t)t->above, sizeof(struct passed *));
    for (size_t i = 0; i < t->n; i++) t->at[t->all[i].fd] = &t->all[i];
}

/* Where it was before: it stays if it is what was there. A number may have been used by several in turn. */
static void look_at(struct store *t, struct blackbox *box, const struct passed *p) {
    struct box_slot slot;
    const char *fault;
    if (blackbox_look(box, p->number, &slot, &fault)) return;
    close(p->number);
    t->at[p->number] = NULL;
}

/* To where it was. Another one that is there and belongs elsewhere goes out of the way, and is returned: it is next, so that no more numbers are needed than there are, and one. */
static struct passed *put_back(struct store *t, struct blackbox *box, struct passed *p) {
    struct passed *other = t->at[p->number];
    if (p->fd == p->number || (other && other->fd == other->number)) return NULL; /* the second of that name */
    if (!other && fcntl(p->number, F_GETFD) >= 0) return NULL;
    if (other) {
        int away = fcntl(other->fd, F_DUPFD_CLOEXEC, t->above);
        if (away < 0) return NULL;
        other->fd = away;
    }
    if (dup3(p->fd, p->number, O_CLOEXEC) < 0) return other;
    if (p->fd < t->above) t->at[p->fd] = NULL;
    close(p->fd);
    p->fd = p->number;
    t->at[p->number] = p;
    look_at(t, box, p);
    return other && other->number >= 0 ? other : NULL;
}

/* Whether the server may go on with it; the end of the one before it is a crash like any other. */
static bool may_go_on(struct blackbox *box, struct buf *why) {
    if (!blackbox_count_crash(box, clock_monotonic_us())) {
        buf_printf(why, "the server ended %d times within %d seconds", BOX_STRIKES, BOX_STRIKE_US / 1000000);
        return false;
    }
    box->content->signal = SIGKILL; /* or something like it: it could say nothing more */
    box->content->report[0] = 0;
    box->content->back = 0;
    return true;
}

/* Under a high number: low ones may have been a socket's. */
static struct blackbox *find_box(const struct store *t, struct buf *why) {
    for (size_t i = 0; i < t->n; i++) {
        if (t->all[i].number >= 0) continue;
        int fd = fcntl(t->all[i].fd, F_DUPFD_CLOEXEC, t->above);
        struct blackbox *box = blackbox_open(fd, why);
        if (box && may_go_on(box, why)) return box;
        if (!box && fd >= 0) close(fd);
        blackbox_free(box);
    }
    if (!why->len) buf_add_c(why, "it did not keep what tells whose they are");
    return NULL;
}

static void put_all_back(struct store *t, struct blackbox *box) {
    for (size_t i = 0; i < t->n; i++)
        if (t->all[i].fd == t->all[i].number) look_at(t, box, &t->all[i]);
    for (size_t i = 0; i < t->n; i++)
        for (struct passed *p = t->all[i].number >= 0 ? &t->all[i] : NULL; p; p = put_back(t, box, p)) continue;
}

/* What has no place. The manager has it still: if nothing is taken back, nobody shall wait, and the port be free. */
static void close_rest(struct store *t, bool all) {
    for (size_t i = 0; i < t->n; i++) {
        const struct passed *p = &t->all[i];
        if (all && p->number >= 0) (void)shutdown(p->fd, SHUT_RDWR);
        if (all || p->fd != p->number) close(p->fd);
    }
}

static int take_all_back(struct store *t) {
    struct buf why = BUF_INIT;
    struct blackbox *box = find_box(t, &why);
    if (box) put_all_back(t, box);
    else if (t->n) log_error("CRASH: the sockets that the service manager kept are dropped: %s", buf_c(&why));
    close_rest(t, !box);
    int fd = box ? fcntl(box->fd, F_DUPFD_CLOEXEC, FIRST_PASSED) : -1;
    blackbox_free(box);
    buf_fini(&why);
    return fd;
}

int fdstore_take_back(void) {
    char *names;
    int n = count_passed(&names), box = -1;
    if (n) {
        struct store t = {.n = 0};
        name_all(&t, n, names);
        box = take_all_back(&t);
        free(t.at);
        free(t.all);
    }
    free(names);
    return box;
}
