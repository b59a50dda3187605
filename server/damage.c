/* SPDX-License-Identifier: MIT */
#include "server/damage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

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

static void log_lines(enum log_level level, const char *before, const char *text) {
    for (int i = 0; *text && i < MOST_LINES; i++) {
        size_t n = strcspn(text, "\n");
        log_line(level, "%s: %.*s", before, (int)n, text);
        text += n + (text[n] != 0);
    }
}

static void on_checked(struct server *s, int status, const char *text) {
    if (!status) {
        log_info("VERIFIED: every record of %s is sound", s->options.world);
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE) {
        log_lines(LOG_ERROR, "DAMAGE", text);
        if (!db_recover(s->db) && !s->damage.words.len) buf_printf(&s->damage.words, "*** Damage: the world's file is not sound; the server's log says where. ***");
    } else {
        log_lines(LOG_WARNING, "The world could not be verified", text);
    }
}

static void on_due(struct ev_loop *loop, ev_timer *w, int events) {
    struct server *s = w->data;
    char evermoo[] = "evermoo", check[] = "check", gently[] = "--gently", *world = xstrdup(s->options.world);
    char *argv[] = {evermoo, check, gently, world, NULL};
    (void)events;
    ev_timer_stop(loop, w);
    if (job_begin(s, &s->damage.check, argv, on_checked)) log_error("The world cannot be verified: %s: %s", s->exe, strerror(errno));
    free(world);
}

/* ---- */

void damage_init(struct server *s) {
    ev_init(&s->damage.due, on_due);
    job_init(&s->damage.check);
}

void damage_begin(struct server *s) { db_set_recovery(s->db, on_recovered, s); }

void damage_verify_later(struct server *s) {
    if (s->options.verify != VERIFY_BACKGROUND) return;
    ev_timer_init(&s->damage.due, on_due, s->options.verify_after, 0.);
    s->damage.due.data = s;
    ev_timer_start(s->loop, &s->damage.due);
}

bool damage_verify_is_owed(const struct damage *d) { return ev_is_active(&d->due) || job_is_under_way(&d->check); }

void damage_fini(struct server *s) {
    ev_timer_stop(s->loop, &s->damage.due);
    job_kill(s, &s->damage.check);
    buf_fini(&s->damage.words);
}
