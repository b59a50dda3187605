/* SPDX-License-Identifier: MIT */
/* `evermoo log WORLD': the newest lines of the log of the server that runs a world, and then each as it is written. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "server/command.h"
#include "server/control.h"

struct arguments {
    const char *world, *match;
    unsigned long lines;
    int level;
    bool follow;
};

enum { KEY_LEVEL = 'l', KEY_MATCH = 'm', KEY_LINES = 'n', KEY_NO_FOLLOW = 256, DEFAULT_LINES = 20, TRIES = 10, RETRY_NS = 100000000 };
static const char *const levels[] = {[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"};

static int find_level(const char *name) {
    for (int i = 0; i < (int)(sizeof levels / sizeof *levels); i++)
        if (!strcmp(levels[i], name)) return i;
    return -1;
}

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    char *end;
    switch (key) {
    case KEY_LEVEL:
        a->level = find_level(arg);
        return a->level >= 0 ? 0 : command_usage_error(state, "there is no level '%.100s': say debug, info, warning or error", arg);
    case KEY_MATCH:
        if (strchr(arg, '\n')) return command_usage_error(state, "what to look for is within one line");
        a->match = arg;
        return 0;
    case KEY_LINES:
        errno = 0;
        a->lines = strtoul(arg, &end, 10);
        return *arg >= '0' && *arg <= '9' && !*end && !errno ? 0 : command_usage_error(state, "'%.100s' is no number of lines", arg);
    case KEY_NO_FOLLOW: a->follow = false; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        a->world = arg;
        return 0;
    case ARGP_KEY_END: return a->world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* As control_follow(). A server that is being replaced by a new one is back in a moment, with a log that begins anew. */
static int follow(const struct arguments *a, int *status, struct buf *answer, struct buf *why) {
    struct buf request = BUF_INIT;
    unsigned long lines = a->lines;
    int rc, tries = 0;
    bool came = false;
    do {
        buf_clear(&request);
        buf_clear(answer);
        buf_printf(&request, "%d %lu %d\n%s", a->level, lines, a->follow, a->match);
        rc = control_follow(a->world, "log", buf_c(&request), stdout, status, answer, why);
        if (rc == 0 && *status == 0) {
            came = true;
            lines = ULONG_MAX;
            tries = 0;
        }
        if (!came || !a->follow || rc < 0) break;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    } while (rc == 0 || ++tries < TRIES);
    buf_fini(&request);
    return came && rc > 0 ? 0 : rc;
}

/* What was printed is out: it is flushed piece by piece. */
static void end_quietly(int number) {
    (void)number;
    _exit(EXIT_SUCCESS);
}

int cmd_log(int argc, char **argv) {
    static const struct argp_option options[] = {{"level", KEY_LEVEL, "LEVEL", 0, "only lines of this level and above: debug, info, warning or error", 0},
                                                 {"match", KEY_MATCH, "TEXT", 0, "only lines with this text in them; upper and lower case are one", 0},
                                                 {"lines", KEY_LINES, "N", 0, "begin with the last N lines (20); the server keeps some 2,000", 0},
                                                 {"no-follow", KEY_NO_FOLLOW, 0, 0, "end after these", 0},
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "WORLD", "Shows the newest lines of a running server's log, and then each that is written, until Ctrl-C or the server's end; a reboot in between is no end.", NULL, NULL, NULL};
    struct arguments a = {.match = "", .lines = DEFAULT_LINES, .level = LOG_DEBUG, .follow = true};
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    struct buf answer = BUF_INIT, why = BUF_INIT;
    signal(SIGINT, end_quietly);
    int status = EXIT_FAILURE, rc = follow(&a, &status, &answer, &why);
    if (rc > 0) buf_printf(&why, "%s: no server runs this world", a.world);
    if (rc) status = command_fail(argv[0], &why);
    else if (status) status = command_fail(argv[0], &answer);
    else if (a.follow) fputs("evermoo log: the server has ended\n", stderr);
    buf_fini(&answer);
    buf_fini(&why);
    return status;
}
