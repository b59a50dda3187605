/* SPDX-License-Identifier: MIT */
/*
 * Replacing the running server: checkpoint, pre-flight of the new program, freeze, hand-off, exec. The process, its sockets and its tasks stay.
 *
 * Until exec nothing is given up: every failure before it is told to who asked and the server goes on. The program is opened once, at the beginning, and what was
 * opened is what is checked and executed, whatever happens to the file meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/version.h"
#include "server/guard.h"
#include "server/keeper.h"
#include "server/handoff.h"
#include "server/phase.h"
#include "server/server.h"

static const double FINISH_SECONDS = 1; /* for threads */

void reboot_tell(struct server *s, const char *format, ...) {
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    log_info("REBOOT: %s", buf_c(&text));
    s->host.notify(s, s->reboot.who, buf_c(&text), text.len, false, false);
    buf_fini(&text);
}

static void drop_descriptors(struct server *s) {
    if (s->hand_off >= 0) close(s->hand_off);
    if (s->binary >= 0) close(s->binary);
    s->hand_off = s->binary = -1;
}

void reboot_free(struct server *s) {
    free(s->reboot.binary);
    free(s->reboot.reason);
    free(s->reboot.version);
    s->reboot = (struct reboot_request){.who = NOTHING};
}

static void give_up(struct server *s, const char *what) {
    struct buf text = BUF_INIT;
    buf_printf(&text, "The reboot is off: %s. Everything goes on as before.", what);
    reboot_tell(s, "%s", buf_c(&text));
    control_answer_reboots(s->control, 1, buf_c(&text));
    buf_fini(&text);
    drop_descriptors(s);
    reboot_free(s);
}

const char *reboot_program(const struct server *s) {
    return s->reboot.binary ? s->reboot.binary : s->options.reboot_binary ? s->options.reboot_binary : s->exe;
}

static int open_binary(const struct server *s, struct buf *why) {
    const struct serve_options *o = &s->options;
    struct image_rules rules = {.binary = o->reboot_binary ? o->reboot_binary : s->exe, .folders = o->reboot_folders, .nfolders = o->nreboot_folders};
    return image_open(&rules, s->reboot.binary, why);
}

/* ---- the hand-off's memory ---- */

static bool write_all(int fd, const char *p, size_t n) {
    while (n) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        p += k, n -= (size_t)k;
    }
    return true;
}

/* A sealed memory file with the hand-off as things are now; -1 with errno. */
static int make_hand_off(struct server *s) {
    struct buf bytes = BUF_INIT;
    handoff_encode(s, s->reboot.writes, &bytes);
    int fd = memfd_create("evermoo-handoff", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && (!write_all(fd, bytes.data, bytes.len) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)) {
        int e = errno;
        close(fd);
        fd = -1;
        errno = e;
    }
    buf_fini(&bytes);
    return fd;
}

/* ---- starting the program ---- */

static char *descriptor_argument(const char *option, int fd) {
    struct buf text = BUF_INIT;
    buf_printf(&text, "--%s=%d", option, fd);
    return text.data;
}

/* Its arguments: those we were given, and the descriptors. */
static char **arguments(struct server *s, bool check, int previous, int lock) {
    char **argv = xcalloc((size_t)s->options.argc + 8, sizeof *argv);
    size_t n = 0;
    argv[n++] = xstrdup("evermoo");
    argv[n++] = xstrdup("serve");
    argv[n++] = descriptor_argument("hand-off", s->hand_off);
    if (check) argv[n++] = xstrdup("--check");
    if (previous >= 0) argv[n++] = descriptor_argument("previous", previous);
    if (lock > 0) argv[n++] = descriptor_argument("world-lock", lock);
    if (image_is_script(s->binary)) argv[n++] = descriptor_argument("script", s->binary);
    for (int i = 1; i < s->options.argc; i++) argv[n++] = xstrdup(s->options.argv[i]);
    return argv;
}

static void free_arguments(char **argv) {
    for (char **a = argv; *a; a++) free(*a);
    free(argv);
}

/* How to name the opened file to exec. */
static void program_name(const struct server *s, char *out, size_t size) { snprintf(out, size, "/proc/self/fd/%d", s->binary); }

/* ---- pre-flight ---- */

/* Whether that save failed the one in the freeze will find out. */
static void now_execute(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)ctx, (void)o;
    if (s->end == SERVER_RUNS) s->end = SERVER_EXEC;
}

/* Everybody has been told. What has changed since the checkpoint is saved while everybody plays on, so that the save for which they wait has next to nothing to do. */
static void save_first(struct server *s) {
    if (s->end == SERVER_RUNS) saves_ask(s, now_execute, NULL);
}

static void begin_preflight(struct server *s);

/* It reads older hand-offs only: it is tried again with the newest of them that this program writes. */
static bool try_older_hand_off(struct server *s) {
    unsigned common = handoff_common_version(handoff_versions(), s->preflight.reads);
    if (s->end != SERVER_RUNS || s->reboot.asked_version || s->preflight.too_long || !common || common >= s->reboot.writes) return false;
    s->reboot.writes = common;
    reboot_tell(s, "%s reads hand-offs up to version %u. Trying it with one of version %u.", reboot_program(s), s->preflight.reads.newest, common);
    begin_preflight(s);
    return true;
}

/* With which versions there are, if that is why. */
static void give_up_trial(struct server *s, const char *why) {
    struct handoff_versions ours = handoff_versions(), theirs = s->preflight.reads;
    const char *what = s->reboot.asked_version ? ", and another was asked for" : handoff_common_version(ours, theirs) ? "" : ", and a release between the two is needed first";
    struct buf text = BUF_INIT;
    if (!handoff_has_version(theirs, s->reboot.writes))
        buf_printf(&text, "%s reads hand-offs of versions %u to %u, this server (evermoo %s) writes versions %u to %u%s; ", reboot_program(s), theirs.oldest,
                   theirs.newest, EVERMOO_VERSION, ours.oldest, ours.newest, what);
    buf_add_c(&text, why);
    give_up(s, buf_c(&text));
    buf_fini(&text);
}

static void preflight_over(struct server *s, const char *why) {
    if (s->hand_off >= 0) close(s->hand_off);
    s->hand_off = -1;
    if (why && try_older_hand_off(s)) return;
    if (why) give_up_trial(s, why);
    else if (s->end == SERVER_RUNS) round_begin(s, "reboot_msg", save_first);
}

static int try_binary(struct server *s) {
    char name[40];
    char **argv = arguments(s, true, -1, -1);
    const int keep[] = {s->hand_off, image_is_script(s->binary) ? s->binary : -1, -1};
    program_name(s, name, sizeof name);
    int rc = preflight_begin(s, name, argv, keep, preflight_over);
    free_arguments(argv);
    return rc;
}

static void begin_preflight(struct server *s) {
    char what[600];
    s->hand_off = make_hand_off(s);
    int rc = s->hand_off < 0 ? errno : !phase("preflight") ? ENOMEM : try_binary(s);
    if (rc) {
        snprintf(what, sizeof what, "%.500s cannot be started: %s", reboot_program(s), strerror(rc));
        give_up(s, what);
        return;
    }
    s->reboot.under_way = true;
}

static void checkpoint_done(struct server *s, void *ctx, const struct save_outcome *o) {
    (void)ctx;
    s->reboot.wanted = s->reboot.saving = false; /* both stood meanwhile, for hooks that ask again */
    if (s->end != SERVER_RUNS) return;
    if (o->why) {
        give_up(s, "the checkpoint failed; the log says why");
        return;
    }
    reboot_tell(s, "Checkpoint %llu is on disk. Trying %s.", (unsigned long long)o->report.generation, reboot_program(s));
    begin_preflight(s);
}

/* What is written unless the new program turns out to read older ones only. */
static bool choose_hand_off(struct server *s, struct buf *why) {
    struct handoff_versions ours = handoff_versions();
    s->reboot.writes = s->reboot.asked_version ? s->reboot.asked_version : ours.newest;
    if (handoff_has_version(ours, s->reboot.writes)) return true;
    buf_printf(why, "a hand-off of version %u was asked for; this server (evermoo %s) writes versions %u to %u", s->reboot.writes, EVERMOO_VERSION, ours.oldest, ours.newest);
    return false;
}

void reboot_begin(struct server *s) {
    struct buf why = BUF_INIT;
    s->binary = choose_hand_off(s, &why) ? open_binary(s, &why) : -1;
    if (s->binary < 0) give_up(s, buf_c(&why));
    buf_fini(&why);
    if (s->binary < 0) return;
    s->reboot.saving = true;
    server_hook_rebooting(s);
    saves_ask_checkpoint(s, checkpoint_done, &s->reboot);
}

/* ---- freeze and exec ---- */

static void keep_through_exec(int fd, bool on) {
    if (fd >= 0) (void)fcntl(fd, F_SETFD, on ? 0 : FD_CLOEXEC);
}

static void keep_all_through_exec(struct server *s, bool on) {
    for (struct listener *l = s->listeners.newest; l; l = l->next)
        for (size_t i = 0; i < l->nsockets; i++) keep_through_exec(l->sockets[i].fd, on);
    for (struct connection *c = s->connections.newest; c; c = c->older) keep_through_exec(c->fd, on);
}

/* All of them at once where the system can (since Linux 5.11): what else is open is to be closed as well. */
void reboot_close_on_exec(struct server *s) {
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC)) keep_all_through_exec(s, false);
}

/* After everybody has been told that it comes. */
static void give_up_aloud(struct server *s, const char *what) {
    give_up(s, what);
    round_begin(s, "reboot_off_msg", NULL);
}

/* Those whose player got another connection from a verb that heard of the last save: nobody is left to be handed over. */
static void end_replaced(struct server *s) {
    for (struct connection *c = s->connections.newest, *older; c; c = older) {
        older = c->older;
        if (c->id == NOTHING) connection_close(c);
    }
}

static bool freeze(struct server *s) {
    char what[200];
    s->reboot.frozen_us = clock_monotonic_us();
    notify_reloading(s);
    listeners_pause(s, true);
    connections_settle(s);
    if (s->end != SERVER_EXEC) return false; /* a verb that heard of the end of a connection wants the server to end */
    connections_write_all(s);
    workers_finish(s->workers, FINISH_SECONDS);
    backups_interrupt(s, "a reboot came in between; the backup that was being made is made all the same");
    if (!phase("freeze") || saves_all(s)) {
        give_up_aloud(s, "the save before it failed; the log says why");
        return false;
    }
    if (s->end != SERVER_EXEC) return false; /* or one that heard of a checkpoint */
    end_replaced(s);
    s->hand_off = make_hand_off(s);
    if (s->hand_off >= 0) log_info("REBOOT: the hand-off is of version %u", s->reboot.writes);
    if (s->hand_off >= 0) return true;
    snprintf(what, sizeof what, "no memory for the hand-off: %s", strerror(errno));
    give_up_aloud(s, what);
    return false;
}

/* What a signal that has come asks for goes first; one that comes from here on waits for whoever serves next. false: the server is to end instead. */
static bool hold_signals(struct server *s) {
    server_block_signals(true);
    ev_run(s->loop, EVRUN_NOWAIT);
    return s->end == SERVER_EXEC;
}

/* What exec does not end by itself, or not as it should be. What is only memory stays as it is: to free the objects of a large world would take longer than all else. */
static void let_go(struct server *s) {
    control_close(s->control);
    s->control = NULL;
    damage_fini(s);
    db_world_let_go(s->db);
}

bool reboot_exec(struct server *s, int previous) {
    if (!hold_signals(s) || !freeze(s)) {
        server_block_signals(false);
        listeners_pause(s, false);
        if (s->end == SERVER_EXEC) s->end = SERVER_RUNS;
        return false;
    }
    char name[40];
    program_name(s, name, sizeof name);
    int lock = db_world_keep_lock(s->db);
    char **argv = arguments(s, false, previous, lock);
    keep_all_through_exec(s, true);
    control_keep_reboots(s->control, true);
    keep_through_exec(s->hand_off, true);
    keep_through_exec(previous, true);
    if (s->box) keep_through_exec(s->box->fd, true);
    keep_through_exec(s->textdumps.job.out, true);
    if (image_is_script(s->binary)) keep_through_exec(s->binary, true);
    int hand_off = s->hand_off, binary = s->binary;
    s->hand_off = s->binary = -1;
    guard_way_back(previous, hand_off, lock, s->options.argc, s->options.argv); /* nothing is left here to go on with */
    let_go(s);
    guard_limit(true);
    keeper_begin(s->events);
    if (phase("handed-off")) execve(name, argv, environ);
    int failure = errno;
    guard_limit(false);
    log_error("REBOOT: %s cannot be executed: %s; the running program takes over again", reboot_program(s), strerror(failure));
    server_close(s, true);
    free_arguments(argv);
    keep_through_exec(previous, false);
    close(binary);
    s->options.hand_off = hand_off;
    s->options.lock = lock > 0 ? lock : 0;
    return true;
}
