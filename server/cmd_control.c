/* SPDX-License-Identifier: MIT */
/* `evermoo stop', `status', `save' and `reboot': what is asked of the server that runs a world. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "server/command.h"
#include "server/control.h"

struct arguments {
    const char *world, *text;
    bool takes_text;
    unsigned version; /* of the hand-off; 0: not said */
};

enum { KEY_VERSION = 0x100, MOST_VERSIONS = 1000000 };
static const struct argp_option reboot_options[] = {
    {"hand-off-version", KEY_VERSION, "N", 0, "write a hand-off of this version, and of no other (the newest that both programs know)", 0},
    {0},
};

/* A path as the server is told it, whose working directory is another one. Owned. */
static char *absolute(const char *path) {
    char *here = *path && *path != '/' ? getcwd(NULL, 0) : NULL;
    if (!here) return xstrdup(path);
    struct buf text = BUF_INIT;
    buf_printf(&text, "%s/%s", here, path);
    free(here);
    return text.data;
}

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    char *end;
    long n;
    switch (key) {
    case KEY_VERSION:
        n = strtol(arg, &end, 10);
        if (end == arg || *end || n < 1 || n > MOST_VERSIONS) return command_usage_error(state, "'%.100s' is no version of a hand-off: a positive number", arg);
        a->version = (unsigned)n;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > (a->takes_text ? 1 : 0)) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->world : &a->text) = arg;
        return 0;
    case ARGP_KEY_END: return a->world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int ask_at(const struct arguments *a, const char *command, const char *word) {
    struct buf text = BUF_INIT, answer = BUF_INIT, why = BUF_INIT;
    buf_add_c(&text, a->text);
    if (a->version) buf_printf(&text, "\n%u", a->version);
    int status = EXIT_FAILURE, rc = control_ask(a->world, word, buf_c(&text), &status, &answer, &why);
    if (rc > 0) buf_printf(&why, "%s: no server runs this world", a->world);
    if (rc) status = command_fail(command, &why);
    else if (status) status = command_fail(command, &answer);
    else fputs(buf_c(&answer), stdout);
    buf_fini(&text);
    buf_fini(&answer);
    buf_fini(&why);
    return status;
}

static int ask(int argc, char **argv, const char *word, const struct argp_option *options, const char *arguments, const char *doc) {
    const struct argp argp = {options, parse_argument, arguments, doc, NULL, NULL, NULL};
    struct arguments a = {.text = "", .takes_text = strchr(arguments, ' ') != NULL};
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    char *path = strstr(arguments, "PROGRAM") ? absolute(a.text) : NULL;
    if (path) a.text = path;
    int status = ask_at(&a, argv[0], word);
    free(path);
    return status;
}

int cmd_stop(int argc, char **argv) { return ask(argc, argv, "stop", NULL, "WORLD [MESSAGE]", "Ends the server that runs a world; returns when everything is saved."); }
int cmd_status(int argc, char **argv) { return ask(argc, argv, "status", NULL, "WORLD", "Tells how the server that runs a world is."); }
int cmd_save(int argc, char **argv) { return ask(argc, argv, "save", NULL, "WORLD", "Has a running world saved, with the hooks of a checkpoint; returns when it is on disk."); }
int cmd_reboot(int argc, char **argv) { return ask(argc, argv, "reboot", reboot_options, "WORLD [PROGRAM]", "Replaces the server that runs a world by a new one; nobody is disconnected."); }
