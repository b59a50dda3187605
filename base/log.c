/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/must.h"

static FILE *log_file; /* NULL: stderr */
static char *log_path;
static enum log_level log_least = LOG_INFO;

static int open_target(const char *path, FILE **out) {
    *out = NULL;
    if (!path) return 0;
    *out = fopen(path, "ae"); /* e: close-on-exec */
    return *out ? 0 : errno;
}

int log_open(const char *path) {
    FILE *f;
    int rc = open_target(path, &f);
    if (rc) return rc;
    if (log_file) fclose(log_file);
    log_file = f;
    char *copy = path ? xstrdup(path) : NULL;
    free(log_path);
    log_path = copy;
    return 0;
}

int log_reopen(void) {
    FILE *f;
    int rc = open_target(log_path, &f);
    if (rc) return rc;
    if (log_file) fclose(log_file);
    log_file = f;
    return 0;
}

void log_set_level(enum log_level least) { log_least = least; }

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
    FILE *f = log_file ? log_file : stderr;
    fwrite(line.data, 1, line.len, f);
    fflush(f);
    buf_fini(&line);
}
