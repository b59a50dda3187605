/* SPDX-License-Identifier: MIT */
/* `evermoo eval WORLD 'EXPRESSION''. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "server/command.h"
#include "server/control.h"
#include "server/offline.h"

struct arguments {
    const char *world, *text, *wizard;
    size_t cache_size;
};

enum { KEY_WIZARD = 256, KEY_CACHE_SIZE };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_WIZARD: a->wizard = arg; return 0;
    case KEY_CACHE_SIZE: return command_size(arg, &a->cache_size) ? 0 : command_usage_error(state, COMMAND_NO_SIZE, arg);
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->world : &a->text) = arg;
        return 0;
    case ARGP_KEY_END: return a->text ? 0 : command_usage_error(state, "a world and an expression are needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_value(value v) {
    struct buf text = BUF_INIT;
    value_print_literal(&text, v);
    printf("%s\n", buf_c(&text));
    buf_fini(&text);
}

/* A failed one: what MOO says, line by line; the first goes into the error line too. */
static void print_failure(value lines, struct buf *why) {
    buf_add_c(why, "the expression failed: ");
    for (uint32_t i = 1; lines.type == V_LIST && i <= lines.u.l->len; i++) {
        struct str *line = value_to_str(list_get(lines.u.l, i));
        printf("%s\n", line->data);
        if (i == 1) buf_add_c(why, line->data);
        str_unref(line);
    }
}

static int eval(struct offline *o, const struct arguments *a, struct buf *why) {
    value v;
    if (a->wizard && !offline_choose_wizard(o, a->wizard, why)) return -1;
    if (o->wizard == NOTHING) {
        buf_printf(why, "%s has no wizard to evaluate as", a->world);
        return -1;
    }
    int rc = sched_eval(o->sched, o->wizard, a->text, true, &v);
    if (rc) print_failure(v, why);
    if (offline_save(o, why)) rc = -1; /* what a program changed before it failed stays changed, as ever */
    else if (rc == 0) print_value(v);
    value_unref(v);
    return rc;
}

/* By the server that runs the world. Results as control_ask(). */
static int eval_in_running(const struct arguments *a, int *status, struct buf *why) {
    struct buf text = BUF_INIT, answer = BUF_INIT;
    buf_printf(&text, "%s\n%s", a->wizard ? a->wizard : "", a->text);
    int rc = control_ask(a->world, "eval", buf_c(&text), status, &answer, why);
    if (rc == 0) fputs(buf_c(&answer), stdout);
    if (rc == 0 && *status) buf_printf(why, "the expression failed: %.*s", (int)strcspn(buf_c(&answer), "\n"), buf_c(&answer));
    buf_fini(&text);
    buf_fini(&answer);
    return rc;
}

int cmd_eval(int argc, char **argv) {
    static const struct argp_option options[] = {{"wizard", KEY_WIZARD, "#N", 0, "evaluate as this wizard; otherwise as the first", 0}, {"cache-size", KEY_CACHE_SIZE, "SIZE", 0, COMMAND_CACHE_SIZE_DOC, 0}, {0}};
    static const struct argp argp = {
        options, parse_argument, "WORLD EXPRESSION", "Evaluates an expression, or statements, as a wizard, in a world that is being served or not; saves; prints the value as a literal, last.", NULL, NULL, NULL};
    struct arguments a = {.world = NULL};
    struct offline o;
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    int status = EXIT_FAILURE, rc = eval_in_running(&a, &status, &why);
    if (rc > 0 && offline_open(&o, a.world, &(struct db_options){.cache_size = a.cache_size}, &why) == 0) {
        status = eval(&o, &a, &why) ? EXIT_FAILURE : EXIT_SUCCESS;
        offline_close(&o);
    }
    fflush(stdout);
    if (status) command_fail(argv[0], &why);
    buf_fini(&why);
    return status;
}
