/* SPDX-License-Identifier: MIT */
/* `evermoo export WORLD DUMP'. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/textdump.h"
#include "db/world.h"
#include "server/command.h"
#include "server/programs.h"

struct arguments {
    const char *world, *dump;
    int format, encoding;
};

enum { KEY_FORMAT = 256, KEY_ENCODING };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_FORMAT:
        if (strcmp(arg, "4")) return command_usage_error(state, "format '%s' cannot be written by this release: only 4", arg);
        a->format = 4;
        return 0;
    case KEY_ENCODING:
        if (!command_encoding(arg, &a->encoding)) return command_usage_error(state, "there is no encoding '%s': say utf8 or latin1", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->world : &a->dump) = arg;
        return 0;
    case ARGP_KEY_END: return a->dump ? 0 : command_usage_error(state, "a world and a name for the text dump are needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int export_world(const struct arguments *a, struct export_summary *summary, struct buf *why) {
    struct db *db;
    struct db_options how = {.read_only = true};
    struct progress bar;
    struct programs programs;
    if (db_world_open(&db, a->world, &how, why)) return -1;
    programs_init(&programs);
    progress_begin(&bar, "export");
    struct export_options options = {.format = a->format,
                                     .encoding = a->encoding,
                                     .evict = true,
                                     .list_program = programs_list,
                                     .list_ctx = &programs,
                                     .progress = progress_show,
                                     .progress_ctx = &bar};
    int rc = textdump_export(db, a->dump, &options, summary, why);
    progress_end(&bar);
    db_world_close(db);
    programs_fini(&programs);
    return rc;
}

static void print_summary(const struct arguments *a, const struct export_summary *s) {
    printf("%s: %" PRId64 " objects, %" PRId64 " programs, %" PRId64 " forked and %" PRId64 " suspended tasks, %.1f MB\n", a->dump, s->objects, s->programs, s->forked,
           s->suspended, (double)s->bytes / 1e6);
    if (s->replaced) printf("  %" PRId64 " characters that Latin-1 does not have were written as `?'; --encoding utf8 would keep them\n", s->replaced);
}

int cmd_export(int argc, char **argv) {
    static const struct argp_option options[] = {{"format", KEY_FORMAT, "N", 0, "format version to write: 4", 0},
                                                 {"encoding", KEY_ENCODING, "NAME", 0, "utf8 or latin1; otherwise the one that the world was imported from", 0},
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "WORLD DUMP", "Writes a world as a text dump, as it was last saved.", NULL, NULL, NULL};
    struct arguments a = {.format = 4, .encoding = -1};
    struct export_summary summary;
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    int status = EXIT_SUCCESS;
    if (export_world(&a, &summary, &why)) status = command_fail(argv[0], &why);
    else print_summary(&a, &summary);
    buf_fini(&why);
    return status;
}
