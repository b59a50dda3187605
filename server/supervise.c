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
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

enum { FIRST_PASSED = 3, OWN_DESCRIPTORS = 32, STRIKES = 3, STRIKE_US = 10000000, LONGEST_MESSAGE = 4096, LONGEST_NAME = 64 };
enum { MOST_KEPT = 14000 }; /* all their names together are one variable of the environment, which may have 128 KiB */
enum { CALM_US = 60000000, FIRST_PAUSE_US = 250000, LONGEST_PAUSE_US = 30000000 }; /* who has lived that long is started again at once; else the pause doubles */
enum { LOOKS = 4 }; /* in the time that the server may be silent; it says that it is alive every two of them */

struct kept {
    char name[LONGEST_NAME];
    int fd;
};

struct supervisor {
    const char *program; /* that the server is started from at first */
    int served; /* the one that served last, open, which a reboot may have changed; -1: none has */
    char **argv;
    int messages, signals;
    char folder[80]; /* nobody else can get into it; holds the socket of `messages' */
    struct sockaddr_un address;
    pid_t server; /* 0: it has died, and is started again at start_us */
    bool asked, stopping; /* somebody asked for its end; it says that it ends */
    bool has_served, watched; /* one of them has; this one does, and is to say so */
    int look_ms, looks; /* how often to look whether it has said something; 0: it may be silent; how often in vain */
    struct kept *store;
    size_t n, room, most;
    int64_t deaths_us[STRIKES]; /* the newest first */
    int64_t begun_us, start_us;
    int in_a_row; /* deaths after short lives */
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

static void forget(struct supervisor *v, const char *name) {
    size_t i = 0;
    while (i < v->n && strcmp(v->store[i].name, name)) i++;
    if (i == v->n) return;
    close(v->store[i].fd);
    v->store[i] = v->store[--v->n];
}

/* Under a name there is one. */
static void keep(struct supervisor *v, const char *name, int fd) {
    forget(v, name);
    if (v->n == v->most || fd < FIRST_PASSED) { /* it cannot be passed on where a standard stream belongs */
        close(fd);
        return;
    }
    if (v->n == v->room) v->store = xrealloc(v->store, (v->room = v->room ? v->room * 2 : 64) * sizeof *v->store);
    snprintf(v->store[v->n].name, LONGEST_NAME, "%s", name);
    v->store[v->n++].fd = fd;
}

/* A server that cannot go on with what its predecessor left has shut it down. */
static void drop_ended(struct supervisor *v) {
    size_t left = 0;
    for (size_t i = 0; i < v->n; i++) {
        struct pollfd look = {.fd = v->store[i].fd};
        if (poll(&look, 1, 0) == 1 && (look.revents & (POLLHUP | POLLERR))) close(look.fd);
        else v->store[left++] = v->store[i];
    }
    v->n = left;
}

static size_t count_connections(const struct supervisor *v) {
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++) {
        int listens = 1;
        socklen_t len = sizeof listens;
        n += getsockopt(v->store[i].fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && !listens;
    }
    return n;
}

/* ---- what it hears ---- */

/* Through the link to a process's program: that very file, even if another has its name by now. */
static void note_program(struct supervisor *v) {
    char name[40];
    snprintf(name, sizeof name, "/proc/%ld/exe", (long)v->server);
    int fd = open(name, O_PATH | O_CLOEXEC);
    if (fd < 0) return;
    if (v->served >= 0) close(v->served);
    v->served = fd;
}

/* A reboot may take its time; the program that takes over has its own guard. */
static void take_state(struct supervisor *v, const char *text) {
    char value[8];
    v->looks = 0;
    if (value_of(text, "RELOADING", value, sizeof value)) v->watched = false;
    if (value_of(text, "STOPPING", value, sizeof value)) v->watched = false, v->stopping = true;
    bool alive = value_of(text, "WATCHDOG", value, sizeof value) && !v->watched && !v->stopping; /* what it said before got lost */
    if (!alive && !value_of(text, "READY", value, sizeof value)) return;
    v->watched = v->has_served = true;
    note_program(v);
    drop_ended(v);
}

static void take_message(struct supervisor *v, const char *text, int fd) {
    char name[LONGEST_NAME], value[8];
    bool named = value_of(text, "FDNAME", name, sizeof name) != NULL;
    take_state(v, text);
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

/* All that has come. Only the server is heard, and none of its children. */
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
        if (unpack(&m, &fd) == v->server && v->server) take_message(v, text, fd);
        else if (fd >= 0) close(fd);
    }
}

static void set_number(const char *name, long long n) {
    char text[24];
    snprintf(text, sizeof text, "%lld", n);
    setenv(name, text, 1);
}

/* false: not there. */
static bool make_folder(struct supervisor *v, const char *place) {
    if (!place || *place != '/' || snprintf(v->folder, sizeof v->folder, "%s/evermoo-XXXXXX", place) >= (int)sizeof v->folder) return *v->folder = 0, false;
    if (mkdtemp(v->folder)) return true;
    return *v->folder = 0, false;
}

/*
 * A socket without a file could be anybody's as soon as this process is gone, and the server would send its sockets there. Not in $XDG_RUNTIME_DIR, which is removed when whoever
 * started this logs out. 0 or errno.
 */
static int open_messages(struct supervisor *v) {
    int one = 1;
    if (!make_folder(v, getenv("TMPDIR")) && !make_folder(v, "/tmp")) return errno;
    v->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(v->address.sun_path, sizeof v->address.sun_path, "%s/notify", v->folder);
    v->messages = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (v->messages < 0 || setsockopt(v->messages, SOL_SOCKET, SO_PASSCRED, &one, sizeof one)) return errno;
    return bind(v->messages, (struct sockaddr *)&v->address, sizeof v->address) ? errno : 0;
}

static void close_messages(struct supervisor *v) {
    if (v->messages >= 0) close(v->messages);
    if (!*v->folder) return;
    (void)unlink(v->address.sun_path);
    (void)rmdir(v->folder);
}

/* ---- the server ---- */

/* What it finds in its environment. */
static void set_environment(const struct supervisor *v, double patience) {
    setenv("NOTIFY_SOCKET", v->address.sun_path, 1);
    set_number("FDSTORE", (long long)v->most);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    if (patience > 0) set_number("WATCHDOG_USEC", (long long)(patience * 1e6));
}

static int by_number(const void *a, const void *b) { return ((const struct kept *)a)->fd - ((const struct kept *)b)->fd; }

/* In the child: what is kept, from 3 on and open through exec. In the order of the numbers none is in another's way, and no more are needed than there are. */
static void pass_store(struct supervisor *v) {
    struct buf names = BUF_INIT;
    qsort(v->store, v->n, sizeof *v->store, by_number);
    if (v->served >= 0) v->served = fcntl(v->served, F_DUPFD_CLOEXEC, v->store[v->n - 1].fd + 1);
    for (size_t i = 0; i < v->n; i++) {
        int from = v->store[i].fd, to = FIRST_PASSED + (int)i;
        if (from == to) (void)fcntl(to, F_SETFD, 0);
        else (void)dup2(from, to);
        buf_printf(&names, "%s%s", i ? ":" : "", v->store[i].name);
    }
    set_number("LISTEN_PID", getpid());
    set_number("LISTEN_FDS", (long long)v->n);
    setenv("LISTEN_FDNAMES", buf_c(&names), 1);
    buf_fini(&names);
}

/* By its name, if it still has one. Comes back if it cannot be executed. */
static void execute_again(const struct supervisor *v) {
    char link[40], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", v->served);
    ssize_t n = readlink(link, path, sizeof path - 1);
    struct stat named, open_one;
    if (n > 0) {
        path[n] = 0;
        if (!stat(path, &named) && !fstat(v->served, &open_one) && named.st_dev == open_one.st_dev && named.st_ino == open_one.st_ino) execv(path, v->argv);
    }
    execv(link, v->argv);
}

_Noreturn static void become_server(struct supervisor *v) {
    sigset_t none;
    if (v->n) pass_store(v);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (v->served >= 0) execute_again(v);
    execv(v->program, v->argv);
    fprintf(stderr, "evermoo serve: %s cannot be started: %s\n", v->program, strerror(errno));
    _exit(EXIT_FAILURE);
}

static bool start_server(struct supervisor *v) {
    fflush(NULL);
    v->watched = v->stopping = false;
    v->looks = 0;
    v->begun_us = clock_monotonic_us();
    pid_t pid = fork();
    if (pid == 0) become_server(v);
    if (pid < 0) log_error("SUPERVISOR: the server cannot be started: %s", strerror(errno));
    v->server = pid > 0 ? pid : 0;
    return pid > 0;
}

/* false: it has died too often lately. */
static bool may_start_again(struct supervisor *v) {
    int64_t now = clock_monotonic_us(), pause = 0;
    memmove(v->deaths_us + 1, v->deaths_us, sizeof v->deaths_us - sizeof *v->deaths_us);
    v->deaths_us[0] = now;
    if (v->deaths_us[STRIKES - 1] && now - v->deaths_us[STRIKES - 1] <= STRIKE_US) return false;
    v->in_a_row = now - v->begun_us < CALM_US ? v->in_a_row + 1 : 1;
    for (int i = 1; i < v->in_a_row && pause < LONGEST_PAUSE_US; i++) pause = pause ? pause * 2 : FIRST_PAUSE_US;
    v->start_us = now + (pause < LONGEST_PAUSE_US ? pause : LONGEST_PAUSE_US);
    return true;
}

static void log_death(pid_t pid, int status, const struct buf *then) {
    struct buf how = BUF_INIT;
    if (WIFSIGNALED(status)) buf_printf(&how, "was ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else buf_printf(&how, "ended with status %d", WEXITSTATUS(status));
    log_error("SUPERVISOR: the server, process %ld, %s; %s", (long)pid, buf_c(&how), buf_c(then));
    buf_fini(&how);
}

/* Of a server that has died: the status to end with, or -1: it is to be started again. One that has never served would only fail again. */
static int after_death(struct supervisor *v, pid_t pid, int status) {
    bool ending = v->asked || v->stopping || !v->has_served, again = false;
    struct buf then = BUF_INIT;
    if (WIFEXITED(status) && (WEXITSTATUS(status) == EXIT_SUCCESS || ending)) return WEXITSTATUS(status);
    if (v->asked || v->stopping) buf_add_c(&then, "it was to end, and is not started again");
    else if (!v->has_served) buf_add_c(&then, "it had not served yet, and is not started again");
    else if (!(again = may_start_again(v))) buf_printf(&then, "that was %d times within %d seconds, and it is not started again", STRIKES, STRIKE_US / 1000000);
    else buf_printf(&then, "%zu connections are kept", count_connections(v));
    log_death(pid, status, &then);
    buf_fini(&then);
    return again ? -1 : EXIT_FAILURE;
}

/* -1: it runs, perhaps again; else the exit status. What it said last is heard first. */
static int look_after(struct supervisor *v) {
    int status;
    pid_t pid = v->server;
    siginfo_t info = {.si_pid = 0};
    if (pid && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid) {
        take_messages(v); /* before its number can be another's */
        waitpid(pid, &status, 0);
        v->server = 0;
        if ((status = after_death(v, pid, status)) >= 0) return status;
    }
    if (v->server) return -1;
    if (v->asked) return EXIT_FAILURE; /* in the pause */
    return clock_monotonic_us() < v->start_us || start_server(v) ? -1 : EXIT_FAILURE;
}

/* Another stretch of its time in which nothing came. Only stretches count in which this process could run itself. */
static void count_silence(struct supervisor *v) {
    if (!v->server || !v->look_ms || !v->watched) return;
    v->looks++;
    if (access(v->address.sun_path, F_OK)) {
        log_error("SUPERVISOR: %s has been removed, so that the server cannot say any more that it is alive, nor what is to be kept; it goes on", v->address.sun_path);
        v->watched = false;
        return;
    }
    if (v->looks == LOOKS + 1) {
        log_error("SUPERVISOR: the server, process %ld, has said nothing for %g seconds and is ended", (long)v->server, LOOKS * v->look_ms / 1000.);
        kill(v->server, SIGABRT); /* it says where it was */
    }
    if (v->looks == 2 * LOOKS) kill(v->server, SIGKILL);
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

static void reopen_log(void) {
    int rc = log_reopen();
    if (rc) log_error("SUPERVISOR: the log cannot be opened again: %s; the old one goes on", strerror(rc));
}

static void forward_signals(struct supervisor *v) {
    struct signalfd_siginfo info;
    while (read(v->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGCHLD) continue;
        if (number == SIGTERM || number == SIGINT || number == SIGHUP) v->asked = true;
        if (number == SIGUSR1) reopen_log();
        if (v->server) kill(v->server, number);
    }
}

static int how_long(const struct supervisor *v) {
    if (v->server) return v->look_ms && v->watched ? v->look_ms : -1;
    int64_t left = v->start_us - clock_monotonic_us();
    return left > 0 ? (int)(left / 1000) + 1 : 0;
}

static int watch(struct supervisor *v) {
    struct pollfd fds[] = {{.fd = v->messages, .events = POLLIN}, {.fd = v->signals, .events = POLLIN}};
    int status;
    for (;;) {
        int n = poll(fds, 2, how_long(v));
        if (n < 0 && errno != EINTR) return log_error("SUPERVISOR: %s", strerror(errno)), EXIT_FAILURE;
        if (n == 0) count_silence(v);
        take_messages(v);
        forward_signals(v);
        if ((status = look_after(v)) >= 0) return status;
    }
}

static size_t most_kept(void) {
    struct rlimit limit = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur <= 2 * OWN_DESCRIPTORS) return OWN_DESCRIPTORS;
    return limit.rlim_cur - OWN_DESCRIPTORS < MOST_KEPT ? (size_t)limit.rlim_cur - OWN_DESCRIPTORS : MOST_KEPT;
}

int supervise(const char *program, char **argv, double patience) {
    struct supervisor v = {.program = program, .argv = argv, .served = -1, .messages = -1, .signals = -1, .most = most_kept(), .look_ms = (int)(patience * 1000 / LOOKS)};
    signal(SIGPIPE, SIG_IGN);
    int status = EXIT_FAILURE, rc = open_signals(&v);
    if (!rc) rc = open_messages(&v);
    if (!rc) set_environment(&v, patience);
    if (rc) log_error("SUPERVISOR: %s", strerror(rc));
    else if (start_server(&v)) status = watch(&v);
    for (size_t i = 0; i < v.n; i++) close(v.store[i].fd);
    free(v.store);
    close_messages(&v);
    if (v.signals >= 0) close(v.signals);
    if (v.served >= 0) close(v.served);
    return status;
}
