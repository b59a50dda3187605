/* SPDX-License-Identifier: MIT */
#include "server/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

enum { FIRST_PASSED = 3, OWN_DESCRIPTORS = 64, STRIKES = 3, STRIKE_US = 10000000, LONGEST_MESSAGE = 4096, LONGEST_NAME = 64 };

struct kept {
    char name[LONGEST_NAME];
    int fd;
};

struct supervisor {
    const char *program;
    char **argv;
    int messages, signals;
    pid_t server;
    bool ending; /* somebody asked for it */
    struct kept *store;
    size_t n, room, most;
    int64_t deaths_us[STRIKES]; /* the newest first */
};

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

/* ---- what it keeps ---- */

/* A line's value, or NULL. `text' ends with a zero. */
static const char *value_of(const char *text, const char *name, char *out, size_t size) {
    size_t n = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) || line[n] != '=') continue;
        snprintf(out, size, "%.*s", (int)strcspn(line + n + 1, "\n"), line + n + 1);
        return out;
    }
    return NULL;
}

static void keep(struct supervisor *v, const char *name, int fd) {
    if (v->n == v->most) {
        close(fd);
        return;
    }
    if (v->n == v->room) v->store = xrealloc(v->store, (v->room = v->room ? v->room * 2 : 64) * sizeof *v->store);
    snprintf(v->store[v->n].name, LONGEST_NAME, "%s", name);
    v->store[v->n++].fd = fd;
}

static void forget(struct supervisor *v, const char *name) {
    size_t left = 0;
    for (size_t i = 0; i < v->n; i++) {
        if (strcmp(v->store[i].name, name)) v->store[left++] = v->store[i];
        else close(v->store[i].fd);
    }
    v->n = left;
}

static void take_message(struct supervisor *v, const char *text, int fd) {
    char name[LONGEST_NAME], value[8];
    bool named = value_of(text, "FDNAME", name, sizeof name) != NULL;
    if (named && fd >= 0 && value_of(text, "FDSTORE", value, sizeof value)) {
        keep(v, name, fd);
        return;
    }
    if (fd >= 0) close(fd);
    if (named && value_of(text, "FDSTOREREMOVE", value, sizeof value)) forget(v, name);
}

/* The first of the descriptors. The rest is closed: by alignment the room for one is room for two. */
static int take_first(const struct cmsghdr *c) {
    int first = -1, fd;
    for (size_t at = CMSG_LEN(0); at + sizeof fd <= c->cmsg_len; at += sizeof fd) {
        memcpy(&fd, (const char *)c + at, sizeof fd);
        if (first < 0) first = fd;
        else close(fd);
    }
    return first;
}

/* Who sent it, and what came along. */
static pid_t unpack(struct msghdr *m, int *fd) {
    pid_t pid = 0;
    *fd = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct ucred who;
        if (c->cmsg_level != SOL_SOCKET) continue;
        if (c->cmsg_type == SCM_RIGHTS) *fd = take_first(c);
        if (c->cmsg_type == SCM_CREDENTIALS) {
            memcpy(&who, CMSG_DATA(c), sizeof who);
            pid = who.pid;
        }
    }
    return pid;
}

/* All that has come. Anybody can send to such a socket: only the server is heard. */
static void take_messages(struct supervisor *v) {
    char text[LONGEST_MESSAGE];
    for (;;) {
        _Alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
        struct iovec part = {.iov_base = text, .iov_len = sizeof text - 1};
        struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
        int fd;
        ssize_t n = recvmsg(v->messages, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;
        text[n] = 0;
        if (unpack(&m, &fd) == v->server) take_message(v, text, fd);
        else if (fd >= 0) close(fd);
    }
}

/* A name in no file system, chosen by the system, becomes $NOTIFY_SOCKET. 0 or errno. */
static int open_messages(struct supervisor *v) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    socklen_t len = sizeof name;
    int one = 1;
    char text[sizeof name.sun_path + 2];
    v->messages = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (v->messages < 0 || setsockopt(v->messages, SOL_SOCKET, SO_PASSCRED, &one, sizeof one)) return errno;
    if (bind(v->messages, (struct sockaddr *)&name, sizeof name.sun_family) || getsockname(v->messages, (struct sockaddr *)&name, &len)) return errno;
    snprintf(text, sizeof text, "@%.*s", (int)(len - sizeof name.sun_family - 1), name.sun_path + 1);
    setenv("NOTIFY_SOCKET", text, 1);
    snprintf(text, sizeof text, "%zu", v->most);
    setenv("FDSTORE", text, 1);
    return 0;
}

/* ---- the server ---- */

static void set_number(const char *name, long long n) {
    char text[24];
    snprintf(text, sizeof text, "%lld", n);
    setenv(name, text, 1);
}

/* In the child: what is kept, from 3 on and open through exec; what it was before is close-on-exec. */
static void pass_store(struct supervisor *v) {
    int above = FIRST_PASSED + (int)v->n, passed = 0;
    struct buf names = BUF_INIT;
    for (size_t i = 0; i < v->n; i++) above = v->store[i].fd >= above ? v->store[i].fd + 1 : above;
    for (size_t i = 0; i < v->n; i++) v->store[i].fd = fcntl(v->store[i].fd, F_DUPFD_CLOEXEC, above);
    for (size_t i = 0; i < v->n; i++) {
        if (v->store[i].fd < 0 || dup2(v->store[i].fd, FIRST_PASSED + passed) < 0) continue;
        buf_printf(&names, "%s%s", passed ? ":" : "", v->store[i].name);
        passed++;
    }
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", passed);
    setenv("LISTEN_FDNAMES", buf_c(&names), 1);
    buf_fini(&names);
}

_Noreturn static void become_server(struct supervisor *v) {
    sigset_t none;
    if (v->n) pass_store(v);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(v->program, v->argv);
    fprintf(stderr, "evermoo serve: %s cannot be started: %s\n", v->program, strerror(errno));
    _exit(EXIT_FAILURE);
}

static bool start_server(struct supervisor *v) {
    fflush(NULL);
    v->server = fork();
    if (v->server == 0) become_server(v);
    if (v->server < 0) log_error("SUPERVISOR: the server cannot be started: %s", strerror(errno));
    return v->server > 0;
}

/* false: it has died too often lately. */
static bool may_start_again(struct supervisor *v) {
    memmove(v->deaths_us + 1, v->deaths_us, sizeof v->deaths_us - sizeof *v->deaths_us);
    v->deaths_us[0] = clock_monotonic_us();
    return !v->deaths_us[STRIKES - 1] || v->deaths_us[0] - v->deaths_us[STRIKES - 1] > STRIKE_US;
}

/* -1: it runs, perhaps again; else the exit status. What it said last is heard first. */
static int look_after(struct supervisor *v) {
    int status;
    pid_t pid = waitpid(v->server, &status, WNOHANG);
    if (pid != v->server) return -1;
    take_messages(v);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    log_error("SUPERVISOR: the server was ended by signal %d (%s); %zu of its descriptors are kept", WTERMSIG(status), strsignal(WTERMSIG(status)), v->n);
    if (v->ending) return EXIT_FAILURE;
    if (may_start_again(v)) return start_server(v) ? -1 : EXIT_FAILURE;
    log_error("SUPERVISOR: that was %d times within %d seconds; it is not started again", STRIKES, STRIKE_US / 1000000);
    return EXIT_FAILURE;
}

/* ---- the run ---- */

static int open_signals(struct supervisor *v) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) sigaddset(&set, forwarded[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    v->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return v->signals < 0 ? errno : 0;
}

static void forward_signals(struct supervisor *v) {
    struct signalfd_siginfo info;
    while (read(v->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGCHLD) continue;
        if (number == SIGTERM || number == SIGINT || number == SIGHUP) v->ending = true;
        kill(v->server, number);
    }
}

static int watch(struct supervisor *v) {
    struct pollfd fds[] = {{.fd = v->messages, .events = POLLIN}, {.fd = v->signals, .events = POLLIN}};
    int status;
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return log_error("SUPERVISOR: %s", strerror(errno)), EXIT_FAILURE;
        take_messages(v);
        forward_signals(v);
        if ((status = look_after(v)) >= 0) return status;
    }
}

int supervise(const char *program, char **argv) {
    struct rlimit limit = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    struct supervisor v = {.program = program, .argv = argv, .messages = -1, .signals = -1};
    v.most = limit.rlim_cur > (rlim_t)1 << 18 ? (size_t)1 << 17 : limit.rlim_cur > 4 * OWN_DESCRIPTORS ? (size_t)limit.rlim_cur / 2 - OWN_DESCRIPTORS : OWN_DESCRIPTORS; /* each has to be doubled to be passed on */
    int status = EXIT_FAILURE, rc = open_signals(&v);
    if (!rc) rc = open_messages(&v);
    if (rc) log_error("SUPERVISOR: %s", strerror(rc));
    else if (start_server(&v)) status = watch(&v);
    for (size_t i = 0; i < v.n; i++) close(v.store[i].fd);
    free(v.store);
    if (v.messages >= 0) close(v.messages);
    if (v.signals >= 0) close(v.signals);
    return status;
}
