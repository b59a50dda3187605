/* SPDX-License-Identifier: MIT */
/*
 * `evermoo classic IN.db OUT.db [-p PORT | PORT]': the command line of the servers before us. A text dump comes in; the world lives in OUT.db.world; text dumps go out at each
 * checkpoint and at the end. The world stays, because it holds more than a dump can: tasks asleep in the middle of a verb, and, if the server died, what was saved since the last dump. When
 * the next run is given the very dump that this world wrote last (OUT.db, by whatever name), it goes on with the world.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/files.h"
#include "base/must.h"
#include "server/aside.h"
#include "server/command.h"
#include "server/dumpmark.h"

enum { MOST_WORDS = 24 };

struct arguments {
    const char *in, *out, *port;
    char *serve[MOST_WORDS]; /* options for serve, owned */
    int nserve;
};

static void add_word(struct arguments *a, const char *format, const char *text) {
    must(a->nserve < MOST_WORDS - 1);
    struct buf word = BUF_INIT;
    buf_printf(&word, "%s%s", format, text);
    a->serve[a->nserve++] = word.data;
}

static bool is_port(const char *text) {
    char *end;
    long n = strtol(text, &end, 10);
    return end != text && !*end && n >= 0 && n <= 65535;
}

static error_t parse_word(struct arguments *a, char *arg, struct argp_state *state) {
    if (!strcmp(arg, "+O") && a->nserve <= MOST_WORDS / 2) add_word(a, "--outbound", "");
    else if (!a->in) a->in = arg;
    else if (!a->out) a->out = arg;
    else if (!a->port && is_port(arg)) a->port = arg;
    else return ARGP_ERR_UNKNOWN;
    (void)state;
    return 0;
}

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case 'p':
        if (!is_port(arg)) return command_usage_error(state, "'%.100s' is no port: a number from 0 to 65535", arg);
        a->port = arg;
        return 0;
    case 'l':
    case 'a':
    case 'd':
        if (a->nserve > MOST_WORDS / 2) return command_usage_error(state, "too many options");
        add_word(a, key == 'l' ? "--log=" : key == 'a' ? "--listen=" : "--dialect=", arg);
        return 0;
    case 'O':
    case 'o':
        if (key == 'o' && a->nserve <= MOST_WORDS / 2) add_word(a, "--outbound", "");
        return 0;
    case ARGP_KEY_ARG: return parse_word(a, arg, state);
    case ARGP_KEY_END: return a->out ? 0 : command_usage_error(state, "a text dump to read and one to write are needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What a run that died left is more than its last text dump: it is put aside, never removed. */
static int put_aside(const char *world, struct buf *why) {
    struct stat st;
    if (lstat(world, &st)) return 0;
    struct buf name = BUF_INIT;
    int rc = -1;
    for (int i = 1; rc && i < 10000; i++) {
        buf_clear(&name);
        buf_printf(&name, "%s.left.%d", world, i);
        if (lstat(buf_c(&name), &st) == 0) continue;
        rc = rename(world, buf_c(&name));
        if (rc) break;
    }
    if (rc) buf_printf(why, "%s is left from another run and cannot be put aside: %s", world, strerror(errno));
    else fprintf(stderr, "evermoo classic: a run that did not end well left its world; it is now %s (evermoo export reads it)\n", buf_c(&name));
    buf_fini(&name);
    return rc;
}

/* *found: the world that is there already is the one that wrote the dump. 0, or -1 with *why. */
static int look_for_world(const struct arguments *a, const char *world, bool *found, struct buf *why) {
    *found = dumpmark_matches(world, a->in);
    if (*found) {
        printf("%s was written by the world in %s, which holds more than a dump can: going on with it\n", a->in, world);
        return dumpmark_run_begins(world, why);
    }
    if (dumpmark_ended_well(world)) files_remove_tree(world);
    return put_aside(world, why);
}

static int run_import(const struct arguments *a, char *world) {
    char import[] = "evermoo import", *in = xstrdup(a->in);
    char *argv[] = {import, in, world, NULL};
    int status = cmd_import(3, argv);
    free(in);
    return status;
}

static int run_serve(struct arguments *a, char *world) {
    char serve[] = "evermoo serve", *argv[MOST_WORDS + 3] = {serve, world};
    int argc = 2;
    add_word(a, "--text-dump=", a->out);
    if (a->port) add_word(a, "--port=", a->port);
    for (int i = 0; i < a->nserve; i++) argv[argc++] = a->serve[i];
    return cmd_serve(argc, argv);
}

int cmd_classic(int argc, char **argv) {
    static const struct argp_option options[] = {{"port", 'p', "PORT", 0, "listen on this port (7777)", 0},
                                                 {"log", 'l', "FILE", 0, "append the log to FILE (stderr)", 0},
                                                 {"address", 'a', "ADDRESS", 0, "listen on this address only", 0},
                                                 {"dialect", 'd', "NAME", 0, "lambda or toast", 0},
                                                 {"outbound", 'o', 0, 0, "allow open_network_connection(); also +O", 0},
                                                 {"no-outbound", 'O', 0, 0, "do not allow it (as it is without +O)", 0},
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "IN.db OUT.db [PORT]", "Serves the world in a text dump; writes text dumps at each checkpoint and at the end.", NULL, NULL, NULL};
    struct arguments a = {.nserve = 0};
    int status = command_parse(&argp, argc, argv, &a);
    struct buf world = BUF_INIT, why = BUF_INIT;
    if (!status) {
        buf_printf(&world, "%s.world", a.out);
        bool found = false;
        if (look_for_world(&a, world.data, &found, &why)) status = command_fail(argv[0], &why);
        if (!status && !found) status = run_import(&a, world.data);
        if (!status) status = run_serve(&a, world.data);
    }
    for (int i = 0; i < a.nserve; i++) free(a.serve[i]);
    buf_fini(&world);
    buf_fini(&why);
    return status;
}
