/* SPDX-License-Identifier: MIT */
/* `evermoo serve': opens a world, listens, runs until it is told to end; also the new image's side of a reboot. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "base/version.h"
#include "builtins/registry.h"
#include "server/aside.h"
#include "server/build.h"
#include "server/command.h"
#include "server/crash.h"
#include "server/guard.h"
#include "server/handoff.h"
#include "server/opening.h"
#include "server/phase.h"
#include "server/recover.h"
#include "server/server.h"
#include "server/supervise.h"
#include "server/takeover.h"

static const double WORK_PATIENCE = 1; /* seconds for which the end waits for threads */

/* ---- signals ---- */

static void on_end_signal(struct ev_loop *loop, ev_signal *w, int events) {
    (void)loop, (void)events;
    struct server *s = w->data;
    if (s->end == SERVER_SHUTDOWN) return;
    struct str *words = str_from("shutdown signal received");
    s->host.shutdown(s, words);
    str_unref(words);
}

static void on_log_signal(struct ev_loop *loop, ev_signal *w, int events) {
    (void)loop, (void)w, (void)events;
    int rc = log_reopen();
    if (rc) log_error("The log cannot be opened again: %s; the old one goes on", strerror(rc));
}

static void on_checkpoint_signal(struct ev_loop *loop, ev_signal *w, int events) {
    (void)loop, (void)events;
    ((struct server *)w->data)->saves.checkpoint_wanted = true;
}

void server_block_signals(bool on) {
    sigset_t set;
    const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) sigaddset(&set, handled[i]);
    sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static void start_signal(struct server *s, ev_signal *w, int signal_number, void (*handler)(struct ev_loop *, ev_signal *, int)) {
    ev_signal_init(w, handler, signal_number);
    w->data = s;
    ev_signal_start(s->loop, w);
}

static void start_signals(struct server *s) {
    start_signal(s, &s->sigterm, SIGTERM, on_end_signal);
    start_signal(s, &s->sigint, SIGINT, on_end_signal);
    start_signal(s, &s->sighup, SIGHUP, on_end_signal);
    start_signal(s, &s->sigusr1, SIGUSR1, on_log_signal);
    start_signal(s, &s->sigusr2, SIGUSR2, on_checkpoint_signal);
    server_block_signals(false); /* a reboot comes with them blocked, so that none is lost in between */
}

static void stop_signals(struct server *s) {
    server_block_signals(true);
    ev_signal_stop(s->loop, &s->sigterm);
    ev_signal_stop(s->loop, &s->sigint);
    ev_signal_stop(s->loop, &s->sighup);
    ev_signal_stop(s->loop, &s->sigusr1);
    ev_signal_stop(s->loop, &s->sigusr2);
}

/* ---- opening ---- */

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool world_exists(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 || errno != ENOENT;
}

/* A world that is not there is the bundled one. */
static int build_bundled(const struct serve_options *o, struct buf *why) {
    if (o->check || o->hand_off >= 0 || o->recover >= 0) {
        buf_printf(why, "%s: the world is gone", o->world);
        return -1;
    }
    if (world_build_default(o->world, why)) return -1;
    printf("evermoo: %s was not there: built the bundled world; its first wizard logs in with `connect wizard'\n", o->world);
    return 0;
}

static void on_work_done(void *ctx, int64_t task_id, const struct buf *answer) { sched_work_done(((struct server *)ctx)->sched, task_id, answer); }

static int open_world(struct server *s, struct buf *why) {
    struct serve_options *o = &s->options;
    enum db_upgrade upgrade = o->hand_off >= 0 ? DB_UPGRADE_NEVER : o->recover >= 0 ? DB_UPGRADE_LATER : DB_UPGRADE_NOW;
    struct db_options options = {.read_only = o->check, .dialect = o->dialect, .no_deltas = o->no_deltas, .lock = o->lock, .upgrade = upgrade, .cache_size = o->cache_size};
    bool verify = o->verify == VERIFY_NOW && o->hand_off < 0 && o->recover < 0; /* who is connected already cannot wait for it */
    if (!world_exists(o->world) && build_bundled(o, why)) return -1;
    if (opening_open(&s->db, o->world, &options, o->accept_damage ? DAMAGE_ACCEPT : DAMAGE_RESTORE, verify, why)) return -1;
    int n;
    const struct builtin *builtins = builtins_for_dialect(db_dialect(s->db), &n);
    machine_init(&s->machine, s->db, builtins, n);
    server_fill_host(s);
    s->machine.host = &s->host;
    s->workers = workers_new(s->loop, 0, on_work_done, s);
    s->sched = sched_new(&s->machine, &s->host);
    limit_flags_apply(&o->limits, s->sched);
    sched_load_options(s->sched);
    server_load_options(s);
    saves_init(s);
    backups_init(s);
    if (!o->check) damage_begin(s);
    return 0;
}

static void find_executable(char out[SERVER_EXE_SIZE]) {
    ssize_t n = readlink("/proc/self/exe", out, SERVER_EXE_SIZE - 1);
    out[n > 0 ? n : 0] = 0;
    char *gone = strstr(out, " (deleted)"); /* a package manager replaced it: the new file has the name */
    if (gone && !gone[10]) *gone = 0;
}

/* libev's way to ask for memory. */
static void *reallocate(void *p, long n) {
    if (n) return xrealloc(p, (size_t)n);
    free(p);
    return NULL;
}

/* libev does not tell its descriptor, which is the first that it opens. -1: it is none of epoll's. */
static void open_loop(struct server *s) {
    char path[40], what[40];
    int fd = dup(STDIN_FILENO);
    if (fd >= 0) close(fd);
    s->loop = ev_default_loop(EVFLAG_AUTO);
    must(s->loop);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t n = fd < 0 ? -1 : readlink(path, what, sizeof what - 1);
    what[n < 0 ? 0 : n] = 0;
    s->events = strcmp(what, "anon_inode:[eventpoll]") ? -1 : fd;
}

static struct server *server_new(const struct serve_options *options) {
    struct server *s = xcalloc(1, sizeof *s);
    s->options = *options;
    open_loop(s);
    s->hand_off = s->taken_over = s->binary = s->previous = -1;
    s->reboot.who = NOTHING;
    s->started_us = s->last_checkpoint_us = clock_monotonic_us();
    s->started_wall_us = clock_wall_us();
    s->started_cpu_us = clock_process_cpu_us();
    connections_init(&s->connections);
    ev_init(&s->wake, NULL);
    server_watch_loop(s);
    preflight_init(&s->preflight);
    notify_init(&s->notify);
    fdstore_init(&s->fdstore, options->hand_off >= 0 || options->recover >= 0);
    ev_init(&s->probation, NULL);
    textdumps_init(s);
    damage_init(s);
    find_executable(s->exe);
    s->logtail = logtail_new(s->loop);
    return s;
}

void server_close(struct server *s, bool keep_sockets) {
    stop_signals(s);
    ev_timer_stop(s->loop, &s->wake);
    server_unwatch_loop(s);
    preflight_stop(s);
    textdumps_fini(s, keep_sockets);
    damage_fini(s);
    control_close(s->control);
    s->control = NULL;
    metrics_close(s->metrics);
    s->metrics = NULL;
    logtail_free(s->logtail);
    s->logtail = NULL;
    outbound_cancel_all(s);
    terminal_fini(s);
    connections_fini(s, keep_sockets);
    listeners_fini(s, keep_sockets);
    resolver_free(s->resolver);
    s->resolver = NULL;
    workers_free(s->workers, keep_sockets ? 0 : WORK_PATIENCE); /* exec ends what is under way, and who takes over begins it again */
    s->workers = NULL;
    if (s->db) {
        sched_free(s->sched);
        machine_fini(&s->machine);
        db_world_close(s->db);
        s->db = NULL;
        saves_fini(s);
        backups_fini(s);
    }
    if (s->last_words) str_unref(s->last_words);
    s->last_words = NULL;
    takeover_fini(s);
    reboot_free(s);
    if (!keep_sockets) fdstore_empty(s);
    fdstore_fini(&s->fdstore);
    if (keep_sockets) blackbox_leave(s->box);
    else blackbox_free(s->box);
    s->box = NULL;
}

/* ---- a fresh start ---- */

static void print_addresses(const struct server *s) {
    struct buf text = BUF_INIT;
    for (struct listener *l = s->listeners.newest; l; l = l->next) {
        if (text.len) buf_add_c(&text, ", ");
        listener_describe(l, &text);
    }
    printf("evermoo %s: %s is up, listening on %s\n", EVERMOO_VERSION, s->options.world, buf_c(&text));
    fflush(stdout);
    buf_fini(&text);
}

void server_log_start(const struct server *s) {
    log_info("STARTING: evermoo %s, world %s, save %llu, process %ld", EVERMOO_VERSION, s->options.world, (unsigned long long)db_generation(s->db), (long)getpid());
}

static int start_fresh(struct server *s, struct buf *why) {
    int port, rc = sched_load(s->sched, why);
    if (rc) return -1;
    rc = listener_open(s, 0, s->options.port, true, &port);
    if (rc) {
        buf_printf(why, "port %d: %s; choose another one with -p, or another address with --listen", s->options.port, strerror(rc));
        return -1;
    }
    server_log_start(s);
    listener_announce(0, port);
    print_addresses(s);
    server_announce_start(s);
    damage_verify_later(s);
    return 0;
}

/* ---- the other side of a reboot, and of a crash ---- */

/* After a crash: the same process and sockets, the world as it was saved last. */
static int start_recovered(struct server *s, struct buf *why) {
    if (recover_connections(s, why)) return -1;
    s->options.recover = -1;
    s->options.lock = 0; /* the world has it */
    server_log_start(s);
    recover_go_on(s);
    damage_verify_later(s);
    return 0;
}

static int check_hand_off(struct server *s) {
    struct buf why = BUF_INIT;
    handoff_print_versions(handoff_versions(), &why);
    puts(buf_c(&why));
    fflush(stdout);
    buf_clear(&why);
    int rc = phase("check") ? open_world(s, &why) : -1;
    if (!rc) rc = takeover_restore(s, &why);
    if (!rc) rc = preflight_self_test(s, &why);
    if (rc) command_fail("evermoo serve --check", &why);
    buf_fini(&why);
    fflush(stderr);
    _exit(rc ? EXIT_FAILURE : EXIT_SUCCESS); /* nothing is to be written or closed: the world is another process's */
}

/* ---- the run ---- */

/* Everybody is told, the world is saved. The exit status. */
static int end_run(struct server *s) {
    guard_passed(); /* what fails from here on need not go on */
    struct buf text = BUF_INIT;
    notify_stopping(s);
    buf_printf(&text, "*** Shutting down: %s ***", s->last_words->data);
    server_say_to_all(s, buf_c(&text));
    buf_fini(&text);
    connections_write_all(s);
    log_info("SHUTDOWN: %s", s->last_words->data);
    int rc = saves_last(s, s->options.save_patience);
    if (!rc) log_info("SAVED: %s, save %llu", s->options.world, (unsigned long long)db_generation(s->db));
    bool dumped = !rc && textdumps_finish(s);
    control_answer_stops(s->control, dumped, dumped ? "saved and ended" : "not everything is saved; the log says why");
    return dumped ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* A moment of a reboot. */
static bool passes(bool fresh, const char *name, struct buf *why) {
    if (fresh || phase(name)) return true;
    buf_printf(why, "an error was asked for at `%s'", name);
    return false;
}

/* A port that cannot be had ends a fresh start, and no other one. */
static int open_metrics(struct server *s, bool fresh, struct buf *why) {
    if (s->options.metrics < 0) return 0;
    s->metrics = metrics_open(s, s->options.metrics, !fresh);
    if (s->metrics) return 0;
    buf_printf(why, "port %d for --metrics: %s; choose another one", s->options.metrics, strerror(errno));
    return -1;
}

static int start(struct server *s, struct buf *why) {
    bool fresh = s->options.hand_off < 0;
    if (!passes(fresh, "started", why) || open_world(s, why) || !passes(fresh, "opened", why)) return -1;
    s->resolver = resolver_new(s->loop, s->options.name_servers);
    s->control = control_open(s);
    if (open_metrics(s, fresh && s->options.recover < 0, why)) return -1;
    if (s->options.recover >= 0 && recover_is_of_this_world(s)) return start_recovered(s, why);
    if (s->options.recover >= 0) recover_nobody(s);
    if (fresh) return start_fresh(s, why);
    if (takeover_restore(s, why) || !passes(fresh, "restored", why)) return -1;
    takeover_commit(s);
    return 0;
}

/* Until the end; EXIT_SUCCESS or EXIT_FAILURE, or -1: to be started again from the hand-off in s->options. */
static int run(struct server *s, int executable) {
    for (;;) {
        while (s->end == SERVER_RUNS) server_turn(s);
        if (s->end == SERVER_SHUTDOWN) return end_run(s);
        if (reboot_exec(s, executable)) return -1;
    }
}

/* A fault has no argument to hand on: this is whose tasks are looked at then. */
static struct server *failing;

static void tell_running(void) {
    if (failing) sched_log_running(failing->sched);
}

/* Where faults are a sanitizer's, must() ends the server. */
static void log_failure(void) {
    log_error("PANIC: the server has a fault and ends; the world goes back to save %llu", (unsigned long long)db_generation(failing->db));
    tell_running();
}

/* What a crash leaves to the program that goes on; without it the server serves all the same. */
static int open_box(struct server *s, struct buf *why) {
    if (s->options.recover >= 0) {
        s->box = blackbox_open(s->options.recover, why);
        if (!s->box) return -1;
        (void)fcntl(s->box->fd, F_SETFD, FD_CLOEXEC);
        guard_serving(s->box, s->executable, s->options.lock, s->options.argc, s->options.argv);
        (void)phase("recovering");
        return 0;
    }
    if (s->options.hand_off < 0) takeover_new_box(s);
    return 0;
}

static int serve_once(struct server *s, struct serve_options *options) {
    struct buf why = BUF_INIT;
    int status = EXIT_FAILURE;
    server_block_signals(true);
    crash_prepare(options->world, tell_running);
    if (open_box(s, &why) || start(s, &why)) {
        guard_go_back(buf_c(&why));
        command_fail("evermoo serve", &why);
        guard_passed();
        server_close(s, false);
    } else {
        workers_open(s->workers);
        start_signals(s);
        takeover_guard(s);
        failing = s;
        if (!guard_catches_faults()) must_set_hook(log_failure);
        status = run(s, s->executable);
        must_set_hook(NULL);
        failing = NULL;
        options->hand_off = s->options.hand_off;
        options->lock = s->options.lock;
        options->previous = options->recover = -1;
        options->back = true; /* should it have to start again, no other program could be executed */
        if (status >= 0) server_close(s, false);
    }
    buf_fini(&why);
    return status;
}

static int serve(struct serve_options *options) {
    int executable = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), status;
    do {
        struct server *s = server_new(options);
        s->executable = executable;
        if (options->check) check_hand_off(s);
        status = serve_once(s, options);
        free(s);
    } while (status < 0);
    if (executable >= 0) close(executable);
    return status;
}

static bool is_beginning(const struct serve_options *o) { return !o->check && o->hand_off < 0 && o->recover < 0; }

/* The server gets the other arguments, and finds that it has a manager. */
static int serve_supervised(const struct serve_options *o) {
    char program[SERVER_EXE_SIZE], evermoo[] = "evermoo", serve[] = "serve";
    const char *manager = getenv("NOTIFY_SOCKET");
    if (manager && *manager) {
        fprintf(stderr, "evermoo serve: --supervise is for where there is no service manager; $NOTIFY_SOCKET says that one has started this: leave the option out\n");
        return COMMAND_USAGE;
    }
    char **argv = xcalloc((size_t)o->argc + 2, sizeof *argv);
    argv[0] = evermoo, argv[1] = serve;
    for (int i = 1; i < o->argc; i++) argv[i + 1] = o->argv[i];
    find_executable(program);
    int status = supervise(program, argv, o->supervise_patience);
    free(argv);
    return status;
}

int cmd_serve(int argc, char **argv) {
    struct serve_options options;
    guard_begin(argc, argv);
    (void)prctl(PR_SET_NAME, "evermoo"); /* executed through a descriptor, it would have that one's number as its name in ps */
    int rc = serve_options_parse(&options, argc, argv);
    if (rc) {
        guard_go_back("the new program does not understand its arguments");
        return rc;
    }
    raise_descriptor_limit();
    if (is_beginning(&options)) options.recover = fdstore_take_back();
    if (options.log && !options.check && (rc = log_open(options.log))) {
        struct buf why = BUF_INIT;
        buf_printf(&why, "%s: %s; the log cannot be written there", options.log, strerror(rc));
        guard_go_back(buf_c(&why));
        rc = command_fail("evermoo serve", &why);
        buf_fini(&why);
    } else if (options.supervise && is_beginning(&options)) {
        rc = serve_supervised(&options);
    } else {
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a file that may not grow: the save fails, the server does not */
        memory_keep_reserve();
        ev_set_allocator(reallocate);
        rc = serve(&options);
    }
    free(options.argv);
    return rc;
}
