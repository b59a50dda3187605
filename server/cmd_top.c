/* SPDX-License-Identifier: MIT */
/* `evermoo top WORLD': what a running world is busy with, on a page that is renewed. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/command.h"
#include "server/control.h"
#include "server/top.h"

struct arguments {
    const char *world, *span;
    double delay;
    bool once;
};

enum { KEY_DELAY = 'd', KEY_ONCE = 256, KEY_HOUR, KEY_ALL, ROWS_ONCE = 12, SILENCE_US = 2000000 };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    char *end;
    switch (key) {
    case KEY_DELAY:
        a->delay = strtod(arg, &end);
        return end != arg && !*end && a->delay >= 0.1 && a->delay <= 3600 ? 0 : command_usage_error(state, "'%.100s' is no number of seconds from 0.1 to 3600", arg);
    case KEY_ONCE: a->once = true; return 0;
    case KEY_HOUR: a->span = "hour"; return 0;
    case KEY_ALL: a->span = "all"; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        a->world = arg;
        return 0;
    case ARGP_KEY_END: return a->world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- one page ---- */

static int print_once(const struct arguments *a, const char *command) {
    struct buf request = BUF_INIT, answer = BUF_INIT, why = BUF_INIT, page = BUF_INIT;
    struct top_state now = {.n = 0};
    buf_printf(&request, "%s %d", a->span, ROWS_ONCE);
    int status = EXIT_FAILURE, rc = control_ask(a->world, "top", buf_c(&request), &status, &answer, &why);
    if (rc > 0) buf_printf(&why, "%s: no server runs this world", a->world);
    if (rc) status = command_fail(command, &why);
    else if (status) status = command_fail(command, &answer);
    else {
        top_state_read(&now, buf_c(&answer));
        top_page(&now, &(struct top_state){.n = 0}, &(struct top_look){.width = 80}, &page);
        fputs(buf_c(&page), stdout);
    }
    top_state_fini(&now);
    buf_fini(&request);
    buf_fini(&answer);
    buf_fini(&why);
    buf_fini(&page);
    return status;
}

/* ---- page after page ---- */

struct view {
    const struct arguments *arguments;
    const char *span;
    struct top_state now, before;
    int fd; /* from which an answer comes; -1: nothing was asked */
    struct buf answer, why; /* why: nothing is known at the moment; empty: something is */
    int64_t asked_us, ask_us; /* when the last question was put, and when the next is */
};

/* As control_begin(). */
static int ask(struct view *v) {
    struct buf request = BUF_INIT;
    int width, height;
    screen_size(&width, &height);
    buf_printf(&request, "%s %d", v->span, height);
    buf_clear(&v->answer);
    buf_clear(&v->why);
    v->asked_us = clock_monotonic_us();
    v->ask_us = v->asked_us + (int64_t)(v->arguments->delay * 1e6);
    int rc = control_begin(v->arguments->world, "top", buf_c(&request), &v->fd, &v->why);
    if (rc > 0) buf_add_c(&v->why, "NO SERVER RUNS THIS WORLD");
    buf_fini(&request);
    return rc;
}

static void take_answer(struct view *v) {
    int status = EXIT_FAILURE;
    close(v->fd);
    v->fd = -1;
    if (control_end(v->arguments->world, &status, &v->answer, &v->why)) return;
    if (status) {
        buf_add(&v->why, buf_c(&v->answer), strcspn(buf_c(&v->answer), "\n"));
        return;
    }
    top_state_fini(&v->before);
    v->before = v->now;
    v->now = (struct top_state){.n = 0};
    top_state_read(&v->now, buf_c(&v->answer));
}

static void receive(struct view *v) {
    char bytes[16384];
    ssize_t n = recv(v->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n > 0) buf_add(&v->answer, bytes, (size_t)n);
    else take_answer(v);
}

/* A server that does not answer is what one looks for here: it is told, and what was known stays. */
static void show(struct view *v) {
    struct buf page = BUF_INIT;
    char silent[40];
    int64_t waited_us = v->fd >= 0 ? clock_monotonic_us() - v->asked_us : 0;
    snprintf(silent, sizeof silent, "NO ANSWER FOR %lld SECONDS", (long long)waited_us / 1000000);
    struct top_look look = {.note = v->why.len ? buf_c(&v->why) : waited_us >= SILENCE_US ? silent : NULL};
    screen_size(&look.width, &look.height);
    top_page(&v->now, &v->before, &look, &page);
    screen_show(&page);
    buf_fini(&page);
}

/* false: it is to end. */
static bool press(struct view *v, char key) {
    static const struct {
        char key;
        const char *span;
    } spans[] = {{'m', "minute"}, {'h', "hour"}, {'a', "all"}};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
        if (spans[i].key == key) v->span = spans[i].span;
    v->ask_us = 0;
    return key != 'q' && key != 'Q';
}

static void wait_for_events(struct view *v, struct pollfd set[2]) {
    int64_t left_us = v->ask_us - clock_monotonic_us();
    set[0] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
    set[1] = (struct pollfd){v->fd, POLLIN, 0};
    if (v->fd >= 0) left_us = 1000000;
    if (poll(set, 2, left_us < 0 ? 0 : (int)(left_us / 1000) + 1) < 0) set[0].revents = set[1].revents = 0;
}

static void follow(struct view *v) {
    struct pollfd set[2];
    for (;;) {
        char key;
        if (v->fd < 0 && clock_monotonic_us() >= v->ask_us) (void)ask(v);
        wait_for_events(v, set);
        if (set[1].revents) receive(v);
        if (set[0].revents) {
            if (read(STDIN_FILENO, &key, 1) != 1) return;
            if (!press(v, key)) return;
        }
        show(v);
    }
}

int cmd_top(int argc, char **argv) {
    static const struct argp_option options[] = {{"delay", KEY_DELAY, "SECONDS", 0, "look so often (1)", 0},
                                                 {"once", KEY_ONCE, 0, 0, "print one page and end; so it does where its output is no terminal", 0},
                                                 {"hour", KEY_HOUR, 0, 0, "begin with the last hour (the last minute); the key h", 0},
                                                 {"all", KEY_ALL, 0, 0, "begin with all since the start; the key a", 0},
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "WORLD", "Shows what a running world is busy with: how long commands take, and which players, verbs and slices used most. Keys: m minute, h hour, a all since the start, q end.", NULL, NULL, NULL};
    struct arguments a = {.span = "minute", .delay = 1};
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    if (a.once || !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return print_once(&a, argv[0]);
    struct view v = {.arguments = &a, .span = a.span, .fd = -1};
    int status = EXIT_SUCCESS, rc = ask(&v);
    if (rc) {
        if (rc > 0) buf_clear(&v.why), buf_printf(&v.why, "%s: no server runs this world", a.world);
        status = command_fail(argv[0], &v.why);
    } else {
        screen_enter();
        follow(&v);
        screen_leave();
    }
    if (v.fd >= 0) close(v.fd);
    top_state_fini(&v.now);
    top_state_fini(&v.before);
    buf_fini(&v.answer);
    buf_fini(&v.why);
    return status;
}
