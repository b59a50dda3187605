/* SPDX-License-Identifier: MIT */
#include "server/command.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/world.h"

/* ---- options ---- */

static void usage_line(const char *name, const char *message) {
    fprintf(stderr, "%s: %s; see %s --help\n", name, message, name);
}

int command_usage_error(const struct argp_state *state, const char *format, ...) {
    struct buf message = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&message, format, ap);
    va_end(ap);
    usage_line(state->name, buf_c(&message));
    buf_fini(&message);
    return COMMAND_USAGE;
}

/* Around the command's own parser: --help, and where parsing stopped. argp and getopt are kept silent, since they complain in two lines. */
struct wrapper {
    const struct argp *root;
    void *input;
    int stopped;
};

enum { KEY_HELP = '?' };

static error_t parse_wrapper(int key, char *arg, struct argp_state *state) {
    (void)arg;
    struct wrapper *w = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = w->input; return 0;
    case ARGP_KEY_ERROR: w->stopped = state->next; return 0;
    case KEY_HELP:
        argp_help(w->root, stdout, ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC, state->name);
        exit(EXIT_SUCCESS);
    default: return ARGP_ERR_UNKNOWN;
    }
}

int command_parse(const struct argp *argp, int argc, char **argv, void *input) {
    static const struct argp_option options[] = {{"help", KEY_HELP, 0, 0, "print this and do nothing", -1}, {0}};
    const struct argp_child children[] = {{argp, 0, NULL, 0}, {0}};
    const struct argp root = {options, parse_wrapper, NULL, NULL, children, NULL, NULL};
    struct wrapper w = {&root, input, 0};
    int at = 0, e = ENOMEM;
    for (int i = 0; e == ENOMEM && i < 2; i++) e = argp_parse(&root, argc, argv, ARGP_NO_ERRS | ARGP_NO_EXIT | ARGP_NO_HELP | ARGP_IN_ORDER, &at, &w);
    if (e == COMMAND_USAGE) return COMMAND_USAGE;
    char message[200];
    if (e) {
        const char *bad = w.stopped > 0 && w.stopped <= argc ? argv[w.stopped - 1] : "";
        snprintf(message, sizeof message, "option '%.100s' is unknown or lacks its value", bad);
    } else if (at < argc) {
        snprintf(message, sizeof message, "argument '%.100s' is one too many", argv[at]);
    } else {
        return 0;
    }
    usage_line(argv[0], message);
    return COMMAND_USAGE;
}

int command_fail(const char *name, const struct buf *why) {
    size_t len = strlen(buf_c(why));
    while (len && buf_c(why)[len - 1] == '\n') len--;
    fprintf(stderr, "%s: ", name);
    for (const char *p = buf_c(why), *end = p + len; p < end; p++) fputc(*p == '\n' ? ' ' : *p, stderr);
    fputc('\n', stderr);
    return EXIT_FAILURE;
}

bool command_encoding(const char *name, int *out) {
    if (!strcasecmp(name, "utf8") || !strcasecmp(name, "utf-8")) *out = ENC_UTF8;
    else if (!strcasecmp(name, "latin1") || !strcasecmp(name, "latin-1") || !strcasecmp(name, "iso-8859-1")) *out = ENC_LATIN1;
    else return false;
    return true;
}

bool command_size(const char *text, size_t *out) {
    static const char units[] = "KMGT";
    char *end;
    double n = strtod(text, &end);
    if (end == text || end != text + strspn(text, "0123456789.")) return false;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (const char *u = units; unit && u <= unit; u++) n *= 1024;
    if (unit) end++;
    if (*end || !(n >= 1 << 20) || n > (double)((int64_t)1 << 60)) return false;
    *out = (size_t)n;
    return true;
}

/* ---- progress ---- */

enum { REDRAW_US = 200000, BAR_WIDTH = 40 };

void progress_begin(struct progress *p, const char *what) {
    *p = (struct progress){.what = what, .on = isatty(STDERR_FILENO) != 0, .begun_us = clock_monotonic_us()};
}

void progress_show(void *at, double part) {
    struct progress *p = at;
    if (!p->on) return;
    long long now = clock_monotonic_us();
    if (p->drawn && now - p->last_us < REDRAW_US) return;
    p->last_us = now;
    p->drawn = true;
    if (!(part >= 0)) part = 0;
    if (part > 1) part = 1;
    char bar[BAR_WIDTH + 1];
    int full = (int)(part * BAR_WIDTH);
    memset(bar, '=', (size_t)full);
    memset(bar + full, ' ', (size_t)(BAR_WIDTH - full));
    bar[BAR_WIDTH] = 0;
    fprintf(stderr, "\r%s [%s] %3d%%", p->what, bar, (int)(part * 100));
    fflush(stderr);
}

void progress_end(struct progress *p) {
    if (p->drawn) fprintf(stderr, "\r\033[K");
    p->drawn = false;
}
