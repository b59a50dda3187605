/* SPDX-License-Identifier: MIT */
#include "server/job.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "server/server.h"

enum { MOST_TEXT = 1 << 20 };

void job_init(struct job *j) {
    *j = (struct job){.out = -1};
    ev_init(&j->child, NULL);
}

bool job_is_under_way(const struct job *j) { return ev_is_active(&j->child); }

/* It begins with no signal blocked, no input, and the memory file as its output. */
static int spawn(const char *program, char **argv, int out, pid_t *pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, 1);
    posix_spawn_file_actions_adddup2(&files, out, 2);
    int rc = posix_spawn(pid, program, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

static void read_text(int fd, struct buf *out) {
    char bytes[4096];
    ssize_t n;
    while (out->len < MOST_TEXT && (n = pread(fd, bytes, sizeof bytes, (off_t)out->len)) > 0) buf_add(out, bytes, (size_t)n);
    while (out->len && out->data[out->len - 1] == '\n') out->data[--out->len] = 0;
}

static void end(struct server *s, struct job *j, int status) {
    struct buf text = BUF_INIT;
    read_text(j->out, &text);
    job_let_go(s, j);
    if (status && !text.len) buf_add_c(&text, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it failed without a word");
    j->done(s, status, buf_c(&text));
    buf_fini(&text);
}

static void on_end(struct ev_loop *loop, ev_child *w, int events) {
    (void)loop, (void)events;
    end(w->data, (struct job *)w, w->rstatus); /* its first member */
}

static void watch(struct server *s, struct job *j, pid_t pid, void (*done)(struct server *s, int status, const char *text)) {
    j->done = done;
    ev_child_init(&j->child, on_end, pid, 0);
    j->child.data = s;
    ev_child_start(s->loop, &j->child);
}

int job_begin(struct server *s, struct job *j, char **argv, void (*done)(struct server *s, int status, const char *text)) {
    pid_t pid;
    j->out = memfd_create("evermoo job", MFD_CLOEXEC);
    int rc = j->out < 0 ? errno : spawn(s->exe, argv, j->out, &pid);
    if (rc) {
        if (j->out >= 0) close(j->out);
        j->out = -1;
        errno = rc;
        return -1;
    }
    watch(s, j, pid, done);
    return 0;
}

void job_let_go(struct server *s, struct job *j) {
    ev_child_stop(s->loop, &j->child);
    if (j->out >= 0) close(j->out);
    j->out = -1;
}

void job_encode(const struct job *j, struct buf *out) {
    enc_u64(out, job_is_under_way(j) ? (uint64_t)j->child.pid : 0);
    enc_u64(out, j->out < 0 ? 0 : (uint64_t)j->out);
}

static bool is_our_child(pid_t pid) {
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool job_decode(struct job *j, struct dec *d) {
    uint64_t pid = dec_u64(d), out = dec_u64(d);
    if (d->bad || !pid || pid > INT32_MAX || out > INT32_MAX || !is_our_child((pid_t)pid)) return false;
    j->child.pid = (pid_t)pid;
    j->out = (int)out;
    return true;
}

void job_go_on(struct server *s, struct job *j, void (*done)(struct server *s, int status, const char *text)) {
    int pid = j->child.pid;
    (void)fcntl(j->out, F_SETFD, FD_CLOEXEC);
    watch(s, j, pid, done);
    ev_feed_signal_event(s->loop, SIGCHLD); /* it may have ended meanwhile */
}

static int reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

void job_wait(struct server *s, struct job *j) {
    if (job_is_under_way(j)) end(s, j, reap(j->child.pid));
}

void job_kill(struct server *s, struct job *j) {
    if (!job_is_under_way(j)) return;
    kill(j->child.pid, SIGKILL);
    reap(j->child.pid);
    job_let_go(s, j);
}
