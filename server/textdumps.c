/* SPDX-License-Identifier: MIT */
#include "server/textdumps.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

/* The process id, or -1 (logged). It begins with no signal blocked and none ignored that ours are. */
static pid_t spawn_export(struct server *s, bool at_end) {
    char evermoo[] = "evermoo", export_[] = "export", quiet[] = "--quiet", manifest[] = "--manifest", run[] = "--mark=run", end[] = "--mark=end";
    char *world = xstrdup(s->options.world), *dump = xstrdup(s->options.text_dump);
    char *argv[] = {evermoo, export_, quiet, manifest, at_end ? end : run, world, dump, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none;
    pid_t pid = -1;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    if (s->options.log) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, s->options.log, O_WRONLY | O_CREAT | O_APPEND, 0666); /* what it says about a failure */
    int rc = posix_spawn(&pid, s->exe, &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(world);
    free(dump);
    if (rc == 0) return pid;
    log_error("The text dump cannot be begun: %s: %s", s->exe, strerror(rc));
    return -1;
}

static bool log_end(const struct server *s, int status) {
    bool done = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    if (done) log_info("DUMPED: %s", s->options.text_dump);
    else log_error("The text dump %s could not be written; the one before it is as it was", s->options.text_dump);
    return done;
}

static void on_end(struct ev_loop *loop, ev_child *w, int events) {
    (void)events;
    struct server *s = w->data;
    ev_child_stop(loop, w);
    log_end(s, w->rstatus);
}

void textdumps_begin(struct server *s) {
    ev_child *child = &s->textdumps.child;
    if (!s->options.text_dump) return;
    if (ev_is_active(child)) {
        log_warning("The last text dump is still being written; the next checkpoint will make another");
        return;
    }
    pid_t pid = spawn_export(s, false);
    if (pid < 0) return;
    ev_child_init(child, on_end, pid, 0);
    child->data = s;
    ev_child_start(s->loop, child);
}

static bool wait_for(pid_t pid, int *status) {
    pid_t got;
    do got = waitpid(pid, status, 0);
    while (got < 0 && errno == EINTR);
    return got == pid;
}

bool textdumps_finish(struct server *s) {
    int status = 0;
    if (!s->options.text_dump) return true;
    if (ev_is_active(&s->textdumps.child)) {
        wait_for(s->textdumps.child.pid, &status);
        textdumps_fini(s);
    }
    pid_t pid = spawn_export(s, true);
    return pid > 0 && wait_for(pid, &status) && log_end(s, status);
}

void textdumps_fini(struct server *s) { ev_child_stop(s->loop, &s->textdumps.child); }
