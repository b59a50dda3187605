/* SPDX-License-Identifier: MIT */
/* `evermoo restore WORLD --at TIME'. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/when.h"
#include "db/backup.h"
#include "db/backup_ring.h"
#include "db/delta.h"
#include "server/command.h"

struct arguments {
    const char *world;
    struct db_restore_options how;
    bool list, chosen;
};

enum { KEY_AT = 'a', KEY_GENERATION = 'g', KEY_TO = 't', KEY_LIST = 'l' };

static error_t parse_time(struct arguments *a, const char *arg, const struct argp_state *state) {
    struct buf why = BUF_INIT;
    error_t e = 0;
    if (when_parse(arg, clock_wall_us(), &a->how.at, &why)) e = command_usage_error(state, "%s", buf_c(&why));
    a->chosen = true;
    buf_fini(&why);
    return e;
}

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    char *end;
    switch (key) {
    case KEY_AT: return parse_time(a, arg, state);
    case KEY_GENERATION:
        a->how.generation = strtoull(arg, &end, 10);
        a->chosen = true;
        return *arg >= '0' && *arg <= '9' && !*end && a->how.generation ? 0 : command_usage_error(state, "'%.60s' is no number of a save", arg);
    case KEY_TO: a->how.to = arg; return 0;
    case KEY_LIST: a->list = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        a->world = arg;
        return 0;
    case ARGP_KEY_END:
        if (!a->world) return command_usage_error(state, "a world is needed");
        return a->list || a->chosen ? 0 : command_usage_error(state, "say --at TIME, --generation N or --list");
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_note(void *ctx, const char *text) { fprintf(stderr, "%s: %s\n", (const char *)ctx, text); }

static void print_instant(uint64_t generation, int64_t time) {
    struct buf when = BUF_INIT;
    instant_print_time(&when, time);
    printf("save %llu of %s", (unsigned long long)generation, buf_c(&when));
    buf_fini(&when);
}

static void print_backup(const struct ring_backup *b, const struct delta_set *deltas) {
    struct instant at = b->instant;
    const struct delta *d;
    uint64_t n = 0;
    for (; (d = delta_next(deltas, at.mark, at.generation)); n++) at = (struct instant){.mark = d->after, .generation = d->generation, .time = d->time};
    printf("%s: ", b->path);
    print_instant(b->instant.generation, b->instant.time);
    if (n) {
        printf(", and %llu delta%s up to ", (unsigned long long)n, n == 1 ? "" : "s");
        print_instant(at.generation, at.time);
    }
    putchar('\n');
}

/* Each backup, newest first, and how far the deltas lead from it. */
static int list(const struct arguments *a, char *name, struct buf *why) {
    struct ring_backups backups;
    struct delta_set deltas;
    struct buf path = BUF_INIT;
    if (!files_is_directory(a->world)) return buf_printf(why, "%s: no such world", a->world), -1;
    buf_printf(&path, "%s/deltas", a->world);
    int rc = delta_set_read(&deltas, buf_c(&path), NULL, why);
    if (!rc) {
        ring_list(a->world, &backups, print_note, name);
        for (size_t i = 0; i < backups.n; i++) print_backup(&backups.v[i], &deltas);
        if (!backups.n) printf("%s: there are no backups\n", a->world);
        ring_backups_fini(&backups);
        delta_set_fini(&deltas);
    }
    buf_fini(&path);
    return rc;
}

static int restore(struct arguments *a, struct buf *why) {
    struct db_restore_report report;
    struct progress bar;
    progress_begin(&bar, "restore");
    a->how.progress = progress_show;
    a->how.ctx = &bar;
    int rc = db_restore(a->world, &a->how, &report, why);
    progress_end(&bar);
    if (!rc) fputs(buf_c(&report.text), stdout);
    db_restore_report_fini(&report);
    return rc;
}

int cmd_restore(int argc, char **argv) {
    static const struct argp_option options[] = {{"at", KEY_AT, "TIME", 0, "the last save not after it: \"2026-11-23 08:15\", \"2026-11-23T08:15:30Z\", \"08:15\", \"10 minutes ago\", \"now\"", 0},
                                                 {"generation", KEY_GENERATION, "N", 0, "the save of this number", 0},
                                                 {"to", KEY_TO, "NEWDIR", 0, "into a new world there; the world itself, which may be running, stays as it is", 0},
                                                 {"list", KEY_LIST, 0, 0, "only tell which backups there are, and how far deltas lead from each", 0},
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "WORLD",
                                     "Takes a world that nobody serves back to an earlier save: the newest sound backup before it, and the deltas since. What is replaced is set aside in a directory of WORLD, never deleted.",
                                     NULL, NULL, NULL};
    struct arguments a = {.how = {.at = INT64_MAX}};
    struct buf why = BUF_INIT;
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    int status = (a.list ? list(&a, argv[0], &why) : restore(&a, &why)) ? command_fail(argv[0], &why) : EXIT_SUCCESS;
    buf_fini(&why);
    return status;
}
