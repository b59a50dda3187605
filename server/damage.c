/* SPDX-License-Identifier: MIT */
#include "server/damage.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "server/server.h"

enum { MOST_LINES = 50 }; /* of a check, in the log */

/* ---- met while serving ---- */

static void on_recovered(void *ctx, bool recovered, const char *text) {
    struct server *s = ctx;
    log_error("DAMAGE%s: %s", recovered ? " repaired" : "", text);
    buf_clear(&s->damage.words);
    buf_printf(&s->damage.words, "*** Damage: %s. ***", text);
}

void damage_turn(struct server *s) {
    struct buf *words = &s->damage.words;
    if (db_is_damaged(s->db)) (void)db_recover(s->db);
    if (!words->len) return;
    server_say_to_wizards(s, buf_c(words));
    buf_clear(words);
}

/* ---- a check beside the server ---- */

static pid_t spawn_check(struct server *s) {
    char evermoo[] = "evermoo", check[] = "check", gently[] = "--gently";
    char *world = xstrdup(s->options.world);
    char *argv[] = {evermoo, check, gently, world, NULL};
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none;
    pid_t pid = -1;
    sigemptyset(&none);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, s->damage.output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, s->damage.output, STDERR_FILENO);
    int rc = posix_spawn(&pid, s->exe, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    free(world);
    if (rc) log_error("The world cannot be verified: %s: %s", s->exe, strerror(rc));
    return rc ? -1 : pid;
}

static void log_output(int fd, enum log_level level, const char *before) {
    char line[1000];
    int copy = lseek(fd, 0, SEEK_SET) == 0 ? dup(fd) : -1;
    FILE *f = copy < 0 ? NULL : fdopen(copy, "r");
    for (int i = 0; f && fgets(line, sizeof line, f); i++) {
        line[strcspn(line, "\n")] = 0;
        if (i < MOST_LINES) log_line(level, "%s: %s", before, line);
    }
    if (f) fclose(f);
}

static void on_checked(struct ev_loop *loop, ev_child *w, int events) {
    struct server *s = w->data;
    (void)events;
    ev_child_stop(loop, w);
    if (WIFEXITED(w->rstatus) && !WEXITSTATUS(w->rstatus)) {
        log_info("VERIFIED: every record of %s is sound", s->options.world);
    } else if (WIFEXITED(w->rstatus) && WEXITSTATUS(w->rstatus) == EXIT_FAILURE) {
        log_output(s->damage.output, LOG_ERROR, "DAMAGE");
        if (!db_recover(s->db) && !s->damage.words.len) buf_printf(&s->damage.words, "*** Damage: the world's file is not sound; the server's log says where. ***");
    } else {
        log_output(s->damage.output, LOG_WARNING, "The world could not be verified");
        if (WIFSIGNALED(w->rstatus)) log_error("The world could not be verified: the check was ended");
    }
    close(s->damage.output);
    s->damage.output = -1;
}

static void on_due(struct ev_loop *loop, ev_timer *w, int events) {
    struct server *s = w->data;
    (void)events;
    ev_timer_stop(loop, w);
    s->damage.output = memfd_create("evermoo-check", MFD_CLOEXEC);
    pid_t pid = s->damage.output < 0 ? -1 : spawn_check(s);
    if (pid < 0) {
        if (s->damage.output >= 0) close(s->damage.output);
        s->damage.output = -1;
        return;
    }
    ev_child_init(&s->damage.child, on_checked, pid, 0);
    s->damage.child.data = s;
    ev_child_start(loop, &s->damage.child);
}

/* ---- */

void damage_init(struct server *s) {
    ev_init(&s->damage.due, on_due);
    ev_init(&s->damage.child, on_checked);
    s->damage.output = -1;
}

void damage_begin(struct server *s) { db_set_recovery(s->db, on_recovered, s); }

void damage_verify_later(struct server *s) {
    if (s->options.verify != VERIFY_BACKGROUND) return;
    ev_timer_init(&s->damage.due, on_due, s->options.verify_after, 0.);
    s->damage.due.data = s;
    ev_timer_start(s->loop, &s->damage.due);
}

void damage_fini(struct server *s) {
    ev_timer_stop(s->loop, &s->damage.due);
    if (ev_is_active(&s->damage.child)) {
        kill(s->damage.child.pid, SIGKILL);
        while (waitpid(s->damage.child.pid, NULL, 0) < 0 && errno == EINTR) continue;
        ev_child_stop(s->loop, &s->damage.child);
    }
    if (s->damage.output >= 0) close(s->damage.output);
    s->damage.output = -1;
    buf_fini(&s->damage.words);
}
