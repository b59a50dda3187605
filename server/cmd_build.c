/* SPDX-License-Identifier: MIT */
/* `evermoo build CORE-DIR WORLD'. */
#include <stdio.h>
#include <stdlib.h>

#include "server/build.h"
#include "server/command.h"

struct arguments {
    const char *source, *world;
    bool strict, binary_strings;
};

enum { KEY_STRICT = 256, KEY_BINARY };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_STRICT: a->strict = true; return 0;
    case KEY_BINARY: a->binary_strings = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->source : &a->world) = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->world) return command_usage_error(state, "a directory of source files and a new world's place are needed");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_notice(void *ctx, const char *line) {
    (void)ctx;
    printf("%s\n", line);
}

static void print_report(const struct arguments *a, const struct objdef_report *r) {
    printf("%s: %zu objects, %zu properties, %zu overrides, %zu verbs", a->world, r->objects, r->properties, r->overrides, r->verbs);
    if (r->notices > 0) printf(", %zu notices (above)", r->notices);
    printf("\n");
}

int cmd_build(int argc, char **argv) {
    static const struct argp_option options[] = {
        {"strict", KEY_STRICT, 0, 0, "refuse the source when anything in it cannot be taken as it is", 0},
        {"binary-strings", KEY_BINARY, 0, 0, "take b\"...\" and include_bin! as strings in ~XX notation", 0}, {0}};
    static const struct argp argp = {options, parse_argument, "CORE-DIR WORLD", "Builds a new world from object-definition files.", NULL, NULL, NULL};
    struct arguments a = {0};
    if (command_parse(&argp, argc, argv, &a) != 0) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    struct objdef_files files;
    struct objdef_report report;
    struct objdef_options how = {.strict = a.strict, .binary_strings = a.binary_strings, .notice = print_notice};
    int rc = objdef_files_read(&files, a.source, &why);
    if (rc == 0) rc = build_world(a.world, &files, &how, &report, &why);
    objdef_files_fini(&files);
    if (rc == 0) print_report(&a, &report);
    int status = rc == 0 ? EXIT_SUCCESS : command_fail(argv[0], &why);
    buf_fini(&why);
    return status;
}
