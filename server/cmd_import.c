/* SPDX-License-Identifier: MIT */
/* `evermoo import DUMP WORLD'. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/dialect.h"
#include "db/textdump.h"
#include "db/world.h"
#include "server/aside.h"
#include "server/command.h"
#include "server/programs.h"

struct arguments {
    const char *dump, *world, *dialect;
    int encoding;
};

enum { KEY_ENCODING = 256, KEY_DIALECT };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_ENCODING:
        if (!command_encoding(arg, &a->encoding)) return command_usage_error(state, "there is no encoding '%s': say utf8 or latin1", arg);
        return 0;
    case KEY_DIALECT:
        if (!dialect_by_name(arg)) return command_usage_error(state, "there is no dialect '%s': say lambda or toast", arg);
        a->dialect = arg;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->dump : &a->world) = arg;
        return 0;
    case ARGP_KEY_END: return a->world ? 0 : command_usage_error(state, "a text dump and a place for the new world are needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_summary(const struct arguments *a, const struct import_summary *s, const struct programs *p) {
    printf("%s: format version %d, %s\n", a->dump, s->version, s->latin1 ? "Latin-1" : "UTF-8");
    printf("  %" PRId64 " objects (and %" PRId64 " recycled numbers), %" PRId64 " verbs, %" PRId64 " programs, %" PRId64 " properties\n", s->objects, s->recycled, s->verbs,
           s->programs, s->properties);
    printf("  tasks: %" PRId64 " forked (taken over), %" PRId64 " suspended (kept as read); connections: %" PRId64 "\n", s->forked, s->suspended, s->connections);
    if (s->nnotes || p->nunknown) printf("What could not be taken over, and what to know:\n");
    for (size_t i = 0; i < p->nunknown; i++)
        printf("  function %s() is unknown here: %" PRId64 " call%s, kept as written, raise%s when run\n", p->unknown[i].name, p->unknown[i].calls,
               p->unknown[i].calls == 1 ? "" : "s", p->unknown[i].calls == 1 ? "s" : "");
    for (size_t i = 0; i < s->nnotes; i++) printf("  %s\n", s->notes[i]->data);
    double megabytes = (double)s->bytes / 1e6;
    printf("%s: imported, %.1f MB in %.2f s (%.1f MB/s)\n", a->world, megabytes, s->seconds, s->seconds > 0 ? megabytes / s->seconds : 0.0);
}

/* Into the directory beside the world's place. */
static int import_into(const struct arguments *a, const char *dir, struct import_summary *summary, struct programs *programs, struct buf *why) {
    struct db *db;
    struct progress bar;
    if (db_world_create(&db, dir, why)) return -1;
    progress_begin(&bar, "import");
    struct import_options options = {.encoding = a->encoding,
                                     .dialect = a->dialect,
                                     .try_parse = programs_try_parse,
                                     .parse_ctx = programs,
                                     .progress = progress_show,
                                     .progress_ctx = &bar};
    int rc = textdump_import(db, a->dump, &options, summary, why);
    progress_end(&bar);
    db_world_close(db);
    return rc;
}

static int import_aside(const struct arguments *a, struct buf *why) {
    struct aside aside;
    if (aside_begin(&aside, a->world, why)) return -1;
    struct import_summary summary = {.version = 0};
    struct programs programs;
    programs_init(&programs);
    int rc = import_into(a, buf_c(&aside.dir), &summary, &programs, why);
    if (rc) aside_abort(&aside);
    else rc = aside_commit(&aside, why);
    if (rc == 0) print_summary(a, &summary, &programs);
    programs_fini(&programs);
    import_summary_fini(&summary);
    return rc;
}

int cmd_import(int argc, char **argv) {
    static const struct argp_option options[] = {
        {"encoding", KEY_ENCODING, "NAME", 0, "utf8 or latin1: how bytes above 127 are read; otherwise utf8 where the whole dump is valid UTF-8, else latin1", 0},
        {"dialect", KEY_DIALECT, "NAME", 0, "lambda (as is) or toast: whose behaviour the world follows where the two differ", 0},
        {0}};
    static const struct argp argp = {options, parse_argument, "DUMP WORLD", "Reads a text dump (formats 0 to 4) into a new world, and says what could not be taken over.", NULL, NULL, NULL};
    struct arguments a = {.encoding = -1};
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    struct buf why = BUF_INIT, word = BUF_INIT;
    if (textdump_check_manifest(a.dump, &word)) fprintf(stderr, "%s: warning: %s\n", argv[0], buf_c(&word));
    buf_fini(&word);
    int status = import_aside(&a, &why) ? command_fail(argv[0], &why) : EXIT_SUCCESS;
    buf_fini(&why);
    return status;
}
