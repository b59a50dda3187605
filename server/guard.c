/* SPDX-License-Identifier: MIT */
#include "server/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/clock.h"
#include "base/must.h"
#include "base/sanitized.h"
#include "server/crash.h"
#include "server/workers.h"

enum { OWN_ARGUMENTS = 6, STACK_BYTES = 1 << 18 };
extern char **environ;

struct way_out {
    char program[32];
    struct blackbox *box; /* of a server that serves; NULL: the way leads back to the program before, by the hand-off */
    char hand_off[32], lock[32];
    int kept[2]; /* descriptors that it gets; those of sockets are open through exec as long as there is this way */
    char *argv[]; /* owned by who gave them, but for the first */
};

static struct way_out *_Atomic way_out; /* NULL: the process ends */
static pid_t own_process; /* children inherit the handlers, and shall not become servers */
static atomic_bool taking_over; /* a reboot, and not at the point yet from which nothing goes back */
static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
/* What the server handles waits for whoever serves next. SIGALRM does not kill a program that has no handler yet. */
static const int held[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM};

/* ---- in the handler: only what may be called there ---- */

static void say(const char *text) {
    if (write(log_descriptor(), text, strlen(text)) < 0) return;
}

static void set_time_limit(unsigned seconds) { (void)setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = seconds}, NULL); }

/* The mask is inherited: a program that began with its own faults blocked would be killed by the first of them. */
static void set_mask_for_exec(void) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) sigaddset(&set, held[i]);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static void execute(const struct way_out *w) {
    sigset_t before;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    for (size_t i = 0; i < sizeof w->kept / sizeof *w->kept; i++)
        if (w->kept[i] > 0) (void)fcntl(w->kept[i], F_SETFD, 0);
    set_mask_for_exec();
    set_time_limit(w->box ? 0 : GUARD_LAST_SECONDS);
    execve(w->program, w->argv, environ);
    set_time_limit(0);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A service manager's watchdog, or a person, wants it to end and to say where it was. */
static bool is_told_to_abort(int number, const siginfo_t *info) { return number == SIGABRT && info->si_code == SI_USER && info->si_pid != own_process; }

static void go_on_from_save(const struct way_out *w, int number, const siginfo_t *info) {
    struct box_content *c = w->box->content;
    bool told = is_told_to_abort(number, info), again = !told && blackbox_count_crash(w->box, clock_monotonic_us());
    const struct work_order *work = workers_at_work();
    if (work) c->failed = (struct box_running){.task = work->task_id, .player = work->owner, .this_ = NOTHING, .verb = "(in a thread)"}; /* else it would be begun again, to fail again */
    else if (gettid() == own_process) c->failed = c->running;
    else c->failed.task = 0; /* the fault is of a thread that works for nobody, and whatever task runs meanwhile has no part in it */
    c->signal = number;
    crash_report(w->box, number, info->si_code > 0 ? info->si_addr : NULL); /* else somebody has sent it */
    say("*** CRASH: ");
    say(crash_signal_name(number));
    if (c->report[0]) say("; report in "), say(c->report);
    say(again ? "; the server goes on from its last save\n" : told ? "; another process sent it, and the server ends\n" : "; it is the third within ten seconds, and the server ends: whoever starts it again goes on from its last save\n");
    if (!again) return;
    blackbox_keep_sockets(w->box);
    execute(w);
    say("*** CRASH: the program cannot be executed, and the server ends\n");
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL); /* a fault in here kills */
    static atomic_flag busy = ATOMIC_FLAG_INIT;
    while (atomic_flag_test_and_set(&busy)) pause(); /* another thread is at it; exec ends this one */
    const struct way_out *w = getpid() == own_process ? atomic_load(&way_out) : NULL;
    if (w && w->box) {
        go_on_from_save(w, number, info);
    } else if (w) {
        say("*** REBOOT: the new program has failed (");
        say(crash_signal_name(number));
        say("); the program before it takes over again\n");
        execute(w);
        say("*** REBOOT: the program before it cannot be executed either\n");
    } else if (getpid() == own_process && atomic_load(&taking_over)) {
        say("*** REBOOT: the program that was gone back to has failed too (");
        say(crash_signal_name(number));
        say("); the server ends, and everything until the last save is on disk\n");
    }
    signal(number, SIG_DFL); /* ends as it would have, also for whoever waits for the process */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
}

/* ---- before ---- */

static void install(int number) {
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigfillset(&act.sa_mask);
    sigaction(number, &act, NULL);
}

void guard_install(void) {
    static bool installed;
    if (installed) return;
    installed = true;
    own_process = getpid();
    install(SIGALRM);
    if (SANITIZED) return;
    stack_t stack = {.ss_sp = xpages(STACK_BYTES), .ss_size = STACK_BYTES};
    sigaltstack(&stack, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) install(faults[i]);
}

static void let_alarm_in(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void replace_way_out(struct way_out *w) { free(atomic_exchange(&way_out, w)); }

static const char *const own_arguments[] = {"--hand-off=", "--previous=", "--world-lock=", "--script=", "--recover=", "--back"};

bool guard_is_own_argument(const char *arg) {
    for (size_t i = 0; i < sizeof own_arguments / sizeof *own_arguments; i++)
        if (!strncmp(arg, own_arguments[i], strlen(own_arguments[i]))) return true;
    return false;
}

static struct way_out *new_way_out(int program, int hand_off, int lock, int argc, char **argv, bool recover) {
    static char evermoo[] = "evermoo", serve[] = "serve", back[] = "--back";
    struct way_out *w = xcalloc(1, sizeof *w + ((size_t)argc + OWN_ARGUMENTS) * sizeof *w->argv);
    size_t n = 0;
    w->kept[0] = hand_off, w->kept[1] = lock;
    snprintf(w->program, sizeof w->program, "/proc/self/fd/%d", program);
    snprintf(w->hand_off, sizeof w->hand_off, "--%s=%d", recover ? "recover" : "hand-off", hand_off);
    snprintf(w->lock, sizeof w->lock, "--world-lock=%d", lock);
    w->argv[n++] = evermoo, w->argv[n++] = serve, w->argv[n++] = w->hand_off;
    if (!recover) w->argv[n++] = back;
    if (lock > 0) w->argv[n++] = w->lock;
    for (int i = 1; i < argc; i++)
        if (!guard_is_own_argument(argv[i])) w->argv[n++] = argv[i];
    return w;
}

void guard_way_back(int executable, int hand_off, int lock, int argc, char **argv) { replace_way_out(new_way_out(executable, hand_off, lock, argc, argv, false)); }

/* What was the way out until now is it up to the moment when the next one is. */
static void go_on_with(struct way_out *w) {
    set_time_limit(0);
    atomic_store(&taking_over, false);
    replace_way_out(w);
}

void guard_serving(struct blackbox *box, int program, int lock, int argc, char **argv) {
    bool possible = !SANITIZED && box && program >= 0;
    struct way_out *w = possible ? new_way_out(program, box->fd, lock, argc, argv, true) : NULL;
    if (w) w->box = box;
    go_on_with(w);
}

void guard_passed(void) { go_on_with(NULL); }

bool guard_catches_faults(void) { return !SANITIZED; }

/* The descriptor that an argument of a reboot names; -1: there is none. */
static int descriptor_in(int argc, char **argv, const char *option) {
    size_t n = strlen(option);
    for (int i = 1; i < argc; i++)
        if (!strncmp(argv[i], option, n)) return atoi(argv[i] + n);
    return -1;
}

/* Its interpreter may have opened it under another number too and left that to us. */
static void let_script_go(int script) {
    struct stat wanted, st;
    DIR *all = script >= 0 && fstat(script, &wanted) == 0 ? opendir("/proc/self/fd") : NULL;
    const struct dirent *e;
    while (all && (e = readdir(all))) {
        int fd = atoi(e->d_name);
        if (fd > STDERR_FILENO && fstat(fd, &st) == 0 && st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino) (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    if (all) closedir(all);
}

void guard_begin(int argc, char **argv) {
    int hand_off = descriptor_in(argc, argv, "--hand-off="), previous = descriptor_in(argc, argv, "--previous="), lock = descriptor_in(argc, argv, "--world-lock=");
    bool check = false;
    for (int i = 1; i < argc; i++) check |= !strcmp(argv[i], "--check");
    if (check) return; /* a child: its end says everything */
    guard_install();
    let_script_go(descriptor_in(argc, argv, "--script="));
    if (previous >= 0) (void)fcntl(previous, F_SETFD, FD_CLOEXEC); /* it can be executed all the same, and opens itself anew then */
    if (hand_off >= 0) atomic_store(&taking_over, true);
    if (hand_off >= 0 && previous >= 0) guard_way_back(previous, hand_off, lock, argc, argv);
    let_alarm_in();
}

void guard_limit(bool on) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    if (on) pthread_sigmask(SIG_BLOCK, &set, NULL);
    set_time_limit(on ? GUARD_SECONDS : 0);
    if (!on) let_alarm_in();
}

void guard_go_back(const char *why) {
    const struct way_out *w = atomic_load(&way_out);
    if (!w || w->box) return;
    log_error("REBOOT: %s; the program before this one takes over again", why);
    execute(w);
    log_error("REBOOT: it cannot be executed: %s", strerror(errno));
}
