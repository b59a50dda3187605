/* SPDX-License-Identifier: MIT */
#include "server/crash.h"

#include <ctype.h>
#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"

enum { REPORT_SECONDS = 5, MOST_FRAMES = 128, MOST_REPORTS = 20 };
static const char prefix[] = "crash-";

static const char *world_path;
static void (*tell_more)(void);
static int report_fd; /* in the child */

void crash_prepare(const char *world, void (*more)(void)) {
    void *frame[1];
    world_path = world;
    tell_more = more;
    (void)backtrace(frame, 1); /* the first call loads a library, which no handler may */
}

const char *crash_signal_name(int number) {
    switch (number) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    case SIGABRT: return "SIGABRT";
    case SIGALRM: return "SIGALRM: it took too long";
    default: return "a fault";
    }
}

/* ---- in the handler ---- */

static char *put_number(char *p, int64_t n, int digits) {
    for (int i = digits - 1; i >= 0; i--, n /= 10) p[i] = (char)('0' + n % 10);
    return p + digits;
}

/* 20261123T130500Z: the calendar as in H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"; gmtime() may not be called here. */
static void put_time(char *p, int64_t seconds) {
    int64_t days = seconds / 86400 + 719468, rest = seconds % 86400, era = days / 146097, doe = days % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    p = put_number(p, year, 4);
    p = put_number(p, month, 2);
    p = put_number(p, doy - (153 * mp + 2) / 5 + 1, 2);
    *p++ = 'T';
    p = put_number(p, rest / 3600, 2);
    p = put_number(p, rest / 60 % 60, 2);
    p = put_number(p, rest % 60, 2);
    *p++ = 'Z', *p = 0;
}

static int open_report(struct box_content *c) {
    struct timespec now;
    size_t n = world_path ? strlen(world_path) : sizeof c->report;
    c->report[0] = 0;
    if (n + 1 + sizeof prefix + 20 > sizeof c->report) return -1;
    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(c->report, world_path, n);
    c->report[n++] = '/';
    memcpy(c->report + n, prefix, sizeof prefix);
    put_time(c->report + n + sizeof prefix - 1, now.tv_sec);
    int fd = open(c->report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) c->report[0] = 0;
    return fd;
}

/* ---- in the child ---- */

static void copy_line(void *ctx, enum log_level level, const char *text, size_t len) {
    (void)ctx, (void)level;
    dprintf(report_fd, "%.*s\n", (int)len, text);
}

static void let_faults_kill(void) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGALRM};
    sigset_t none;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    alarm(REPORT_SECONDS);
}

static void write_report(const struct blackbox *box, int fd, int number, const void *address) {
    const struct box_content *c = box->content;
    const struct box_running *r = &c->failed;
    void *frames[MOST_FRAMES];
    let_faults_kill();
    blackbox_close_sockets(box); /* this child holds nobody's connection open */
    dprintf(fd, "evermoo %s, process %ld: %s at %p\n", EVERMOO_VERSION, (long)getppid(), crash_signal_name(number), address);
    dprintf(fd, "The world was saved last as save %lld, %.1f seconds before.\n", (long long)c->generation, (double)(clock_monotonic_us() - c->saved_us) / 1e6);
    if (r->task) dprintf(fd, "Task %lld of #%lld ran; its slice began in #%lld:%.*s.\n", (long long)r->task, (long long)r->player, (long long)r->this_, (int)sizeof r->verb, r->verb);
    dprintf(fd, "The server was here (for each place: addr2line -fe PROGRAM ADDRESS):\n");
    backtrace_symbols_fd(frames, backtrace(frames, MOST_FRAMES), fd);
    report_fd = fd;
    log_set_listener(copy_line, NULL);
    if (tell_more) tell_more();
}

void crash_report(struct blackbox *box, int number, const void *address) {
    int fd = open_report(box->content);
    pid_t child = _Fork();
    if (child == 0) {
        write_report(box, fd < 0 ? log_descriptor() : fd, number, address);
        _exit(0);
    }
    if (fd >= 0) close(fd);
}

/* ---- afterwards ---- */

static int is_report(const struct dirent *e) { return !strncmp(e->d_name, prefix, sizeof prefix - 1) && isdigit((unsigned char)e->d_name[sizeof prefix - 1]); }

/* Their names are in the order in which they were written. */
void crash_drop_old_reports(void) {
    struct dirent **all;
    struct buf path = BUF_INIT;
    int n = scandir(world_path, &all, is_report, alphasort);
    for (int i = 0; i < n; i++) {
        buf_clear(&path);
        buf_printf(&path, "%s/%s", world_path, all[i]->d_name);
        if (i < n - MOST_REPORTS) unlink(buf_c(&path));
        free(all[i]);
    }
    if (n >= 0) free(all);
    buf_fini(&path);
}
