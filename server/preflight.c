/* SPDX-License-Identifier: MIT */
#include "server/preflight.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sanitized.h"
#include "server/offline.h"
#include "server/server.h"

enum { MOST_LINES = 100, LONGEST_LINE = 500 };

void preflight_init(struct preflight *p) {
    *p = (struct preflight){.line = BUF_INIT, .last = BUF_INIT, .reads = {1, 1}};
    ev_init(&p->child, NULL);
    ev_init(&p->limit, NULL);
    ev_init(&p->said, NULL);
    p->said.fd = -1;
}

/* ---- what it says ---- */

static void end_line(struct preflight *p) {
    if (!p->line.len) return;
    if (p->lines++ < MOST_LINES) log_info("REBOOT: the new program: %s", p->line.data);
    if (!handoff_parse_versions(p->line.data, &p->reads)) {
        buf_clear(&p->last);
        buf_add(&p->last, p->line.data, p->line.len);
    }
    buf_clear(&p->line);
}

static void hear(struct preflight *p, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\n') end_line(p);
        else if (p->line.len < LONGEST_LINE) buf_byte(&p->line, bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?');
    }
}

/* What is there. false: no more will come. */
static bool read_some(struct preflight *p) {
    char bytes[4096];
    ssize_t n = read(p->said.fd, bytes, sizeof bytes);
    if (n > 0) hear(p, bytes, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void on_said(struct ev_loop *loop, ev_io *w, int events) {
    (void)events;
    struct server *s = w->data;
    if (!read_some(&s->preflight) && errno != EAGAIN) ev_io_stop(loop, w);
}

/* ---- its limits ---- */

static void set_limit(pid_t pid, __rlimit_resource_t resource, rlim_t most) {
    struct rlimit limit = {most, most}, now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < most) return; /* ours is lower, and it has that */
    if (prlimit(pid, resource, &limit, NULL)) log_warning("REBOOT: the new program's check runs without one of its limits: %s", strerror(errno));
}

/* Memory of its own, not address space, of which the world's file takes as much as it likes. */
static void set_limits(pid_t pid, double seconds) {
    int64_t used = memory_anonymous();
    if (!SANITIZED) set_limit(pid, RLIMIT_DATA, ((rlim_t)(used > 0 ? used : 0) * 2) + ((rlim_t)1 << 30));
    set_limit(pid, RLIMIT_CPU, (rlim_t)seconds + 1);
    set_limit(pid, RLIMIT_CORE, 0);
}

/* ---- starting and ending it ---- */

/* Its file descriptors: no input, what it prints to `out', and those to be kept under the same numbers, which takes close-on-exec off in the child. */
static int spawn(const char *name, char **argv, const int *keep, int out, pid_t *pid) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
    for (; *keep >= 0; keep++) posix_spawn_file_actions_adddup2(&files, *keep, *keep);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, &none);
    int rc = posix_spawn(pid, name, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* One that crashes at once leaves no core file either. */
static int spawn_without_core(const char *name, char **argv, const int *keep, int out, pid_t *pid) {
    struct rlimit ours, none;
    bool known = getrlimit(RLIMIT_CORE, &ours) == 0;
    none = (struct rlimit){0, ours.rlim_max};
    if (known) (void)setrlimit(RLIMIT_CORE, &none);
    int rc = spawn(name, argv, keep, out, pid);
    if (known) (void)setrlimit(RLIMIT_CORE, &ours);
    return rc;
}

static void let_go(struct server *s) {
    struct preflight *p = &s->preflight;
    ev_child_stop(s->loop, &p->child);
    ev_timer_stop(s->loop, &p->limit);
    ev_io_stop(s->loop, &p->said);
    if (p->said.fd >= 0) close(p->said.fd);
    p->said.fd = -1;
}

static void describe_end(const struct preflight *p, int status, double seconds, struct buf *out) {
    if (p->too_long) buf_printf(out, "the new program's check took more than %g seconds and was ended", seconds);
    else if (WIFSIGNALED(status)) buf_printf(out, "the new program's check ended by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else buf_printf(out, "the new program's check ended with status %d", WEXITSTATUS(status));
    buf_printf(out, p->last.len ? "; it said: %s" : "; it said nothing", buf_c(&p->last));
}

static void on_end(struct ev_loop *loop, ev_child *w, int events) {
    (void)loop, (void)events;
    struct server *s = w->data;
    struct preflight *p = &s->preflight;
    struct buf why = BUF_INIT;
    int status = w->rstatus;
    for (int i = 0; i < MOST_LINES && read_some(p); i++) continue; /* the pipe may still be open in a child of its own */
    end_line(p);
    let_go(s);
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!well) describe_end(p, status, s->options.reboot_patience, &why);
    buf_fini(&p->line);
    buf_fini(&p->last);
    p->done(s, well ? NULL : buf_c(&why)); /* which may begin another one */
    buf_fini(&why);
}

static void on_limit(struct ev_loop *loop, ev_timer *w, int events) {
    (void)loop, (void)events;
    struct server *s = w->data;
    s->preflight.too_long = true;
    kill(s->preflight.child.pid, SIGKILL);
}

static void watch(struct server *s, pid_t pid, int out) {
    struct preflight *p = &s->preflight;
    double seconds = s->options.reboot_patience;
    set_limits(pid, seconds);
    ev_child_init(&p->child, on_end, pid, 0);
    ev_timer_init(&p->limit, on_limit, seconds, 0.);
    ev_io_init(&p->said, on_said, out, EV_READ);
    p->child.data = p->limit.data = p->said.data = s;
    ev_now_update(s->loop);
    ev_child_start(s->loop, &p->child);
    ev_timer_start(s->loop, &p->limit);
    ev_io_start(s->loop, &p->said);
}

int preflight_begin(struct server *s, const char *name, char **argv, const int *keep, void (*done)(struct server *s, const char *why)) {
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC)) return errno;
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    int rc = spawn_without_core(name, argv, keep, ends[1], &pid);
    close(ends[1]);
    if (rc) {
        close(ends[0]);
        return rc;
    }
    preflight_init(&s->preflight);
    s->preflight.done = done;
    watch(s, pid, ends[0]);
    return 0;
}

void preflight_stop(struct server *s) {
    if (ev_is_active(&s->preflight.child)) kill(s->preflight.child.pid, SIGKILL);
    let_go(s);
    buf_fini(&s->preflight.line);
    buf_fini(&s->preflight.last);
}

/* ---- in the child ---- */

/* No function and no verb is called: any could be another program's by now. */
static const char self_test[] =
    "total = 0; seen = {}; offset = {1, 2};\n"
    "for i in [1..10] total = total + i; seen = {@seen, i * i}; endfor\n"
    "try\n"
    "  try\n"
    "    seen[11];\n"
    "  except e (E_RANGE)\n"
    "    total = total + offset[`#0.name + 1 ! ANY => 1'];\n"
    "  endtry\n"
    "finally\n"
    "  total = total + 1;\n"
    "endtry\n"
    "return total == 57 && seen[$] == 100 && \"evermoo\"[1..4] == \"ever\";";

int preflight_self_test(struct server *s, struct buf *why) {
    value v;
    int rc = sched_eval(s->sched, offline_first_wizard(s->db), self_test, true, &v);
    if (rc == 0 && (v.type != V_INT || v.u.i != 1)) rc = -1;
    if (rc) {
        buf_add_c(why, "the self-test went wrong: ");
        value_print_literal(why, v);
    }
    value_unref(v);
    return rc;
}
