/* SPDX-License-Identifier: MIT */
/* `evermoo check WORLD'. */
#include <stdio.h>
#include <stdlib.h>

#include "db/world.h"
#include "server/command.h"

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    const char **world = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        *world = arg;
        return 0;
    case ARGP_KEY_END: return *world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

struct checking {
    struct progress bar;
    unsigned long long faults;
};

static void print_fault(void *ctx, const char *text) {
    struct checking *c = ctx;
    progress_end(&c->bar);
    printf("%s\n", text);
    c->faults++;
}

static void show(void *ctx, double part) { progress_show(&((struct checking *)ctx)->bar, part); }

int cmd_check(int argc, char **argv) {
    static const struct argp argp = {NULL, parse_argument, "WORLD", "Verifies every record and every cross-link of a world, and prints each fault. The status is 0 only if there is none.", NULL, NULL, NULL};
    const char *world = NULL;
    if (command_parse(&argp, argc, argv, &world)) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    struct checking c = {.faults = 0};
    int status = EXIT_SUCCESS;
    progress_begin(&c.bar, "check");
    int rc = db_world_check(world, print_fault, show, &c, &why);
    progress_end(&c.bar);
    if (rc == 0) printf("%s: sound\n", world);
    if (rc > 0) buf_printf(&why, "%s is not sound: %llu fault%s, listed above; go back to a backup", world, c.faults, c.faults == 1 ? "" : "s");
    if (rc) status = command_fail(argv[0], &why);
    buf_fini(&why);
    return status;
}
