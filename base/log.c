/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"

static FILE *log_file; /* NULL: stderr */
static char *log_path;
static enum log_level log_least = LOG_INFO;
static void (*log_listener)(void *ctx, enum log_level level, const char *text, size_t len);
static void *log_listener_ctx;
static volatile int log_fd = STDERR_FILENO; /* of that file */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER; /* of what is above, but for the level */

static int open_target(const char *path, FILE **out) {
    *out = NULL;
    if (!path) return 0;
    *out = fopen(path, "ae"); /* e: close-on-exec */
    return *out ? 0 : errno;
}

/* Takes both. */
static void set_target(FILE *f, char *path) {
    pthread_mutex_lock(&log_lock);
    FILE *old = log_file;
    log_file = f;
    log_fd = f ? fileno(f) : STDERR_FILENO;
    if (old) fclose(old);
    if (path != log_path) free(log_path);
    log_path = path;
    pthread_mutex_unlock(&log_lock);
}

int log_open(const char *path) {
    FILE *f;
    int rc = open_target(path, &f);
    if (rc == 0) set_target(f, path ? xstrdup(path) : NULL);
    return rc;
}

int log_reopen(void) {
    FILE *f;
    int rc = open_target(log_path, &f);
    if (rc == 0) set_target(f, log_path);
    return rc;
}

int log_descriptor(void) { return log_fd; }

void log_set_level(enum log_level least) { log_least = least; }

static void lock_log(void) { pthread_mutex_lock(&log_lock); }
static void unlock_log(void) { pthread_mutex_unlock(&log_lock); }
static void survive_fork(void) { pthread_atfork(lock_log, unlock_log, unlock_log); } /* a child of fork() may write to the log, whatever other threads were doing */

void log_set_listener(void (*line)(void *ctx, enum log_level level, const char *text, size_t len), void *ctx) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, survive_fork);
    pthread_mutex_lock(&log_lock);
    log_listener = line;
    log_listener_ctx = ctx;
    pthread_mutex_unlock(&log_lock);
}

/* One write a line, so that lines of a child and its parent do not mix. */
void log_line(enum log_level level, const char *format, ...) {
    if (level < log_least) return;
    char stamp[32];
    time_t now = (time_t)clock_wall_seconds();
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(stamp, sizeof stamp, "%b %e %H:%M:%S", &tm);
    static const char *const marks[] = {"(debug) ", "", "(warning) ", "*** "};
    struct buf line = BUF_INIT;
    buf_printf(&line, "%s: %s", stamp, marks[level]);
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&line, format, ap);
    va_end(ap);
    buf_byte(&line, '\n');
    pthread_mutex_lock(&log_lock);
    FILE *f = log_file ? log_file : stderr;
    fwrite(line.data, 1, line.len, f);
    fflush(f);
    if (log_listener) log_listener(log_listener_ctx, level, line.data, line.len - 1);
    pthread_mutex_unlock(&log_lock);
    buf_fini(&line);
}
