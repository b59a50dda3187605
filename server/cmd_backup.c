/* SPDX-License-Identifier: MIT */
/* `evermoo backup WORLD [DEST]'. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "db/backup.h"
#include "db/backup_ring.h"
#include "db/instant.h"
#include "server/command.h"
#include "server/control.h"

struct arguments {
    const char *world, *to;
    bool quiet, no_save, no_deltas, for_server;
    struct ring_keep keep;
};

enum { KEY_QUIET = 'q', KEY_NO_SAVE = 256, KEY_NO_DELTAS, KEY_FOR_SERVER };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_QUIET: a->quiet = true; return 0;
    case KEY_FOR_SERVER:
        a->for_server = true;
        return sscanf(arg, "%" SCNd64 ",%" SCNd64 ",%" SCNd64, &a->keep.hourly, &a->keep.daily, &a->keep.weekly) == 3 ? 0 : command_usage_error(state, "three numbers are needed");
    case KEY_NO_DELTAS: a->no_deltas = true; return 0;
    case KEY_NO_SAVE: a->no_save = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->world : &a->to) = arg;
        return 0;
    case ARGP_KEY_END: return a->world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* A server that runs the world writes what changed. 0 also when there is none. */
static int have_saved(const struct arguments *a, struct buf *why) {
    struct buf answer = BUF_INIT;
    int status = 0, rc = a->no_save ? 1 : control_ask(a->world, "sync", "", &status, &answer, why);
    if (rc == 0 && status) buf_printf(why, "%s: %s", a->world, buf_c(&answer));
    buf_fini(&answer);
    return rc < 0 || (rc == 0 && status) ? -1 : 0;
}

static void print_report(const struct db_backup_report *r) {
    struct buf when = BUF_INIT;
    instant_print_time(&when, r->time);
    printf("%s: save %llu of %s, %llu records, %.1f MB", buf_c(&r->path), (unsigned long long)r->generation, buf_c(&when), (unsigned long long)r->records, (double)r->bytes / 1e6);
    if (r->was_there) printf("; it was there already, and the world has not changed since\n");
    else printf("; read back and sound, %.1f s\n", (double)r->microseconds / 1e6);
    buf_fini(&when);
}

/* For server/backups.c, which reads it. Then the ring is thinned out. */
static void report_to_server(const struct arguments *a, const struct db_backup_report *r) {
    printf("%s\ngeneration %llu\ntime %lld\nrecords %llu\nbytes %lld\nmicroseconds %lld\n", buf_c(&r->path), (unsigned long long)r->generation, (long long)r->time,
           (unsigned long long)r->records, (long long)r->bytes, (long long)r->microseconds);
    ring_prune(a->world, &a->keep);
    ring_prune_deltas(a->world);
}

static int make_backup(const struct arguments *a, struct buf *why) {
    struct db_backup_report report;
    struct progress bar;
    bool in_world = !a->to || !strchr(a->to, '/');
    if (in_world && !a->no_deltas && !a->for_server && db_backup_prepare(a->world, why)) return -1;
    if (have_saved(a, why)) return -1;
    if (a->for_server && nice(10) < 0) (void)0; /* the players come first; if it cannot be, they do not */
    progress_begin(&bar, "backup");
    int rc = db_backup(a->world, a->to, &report, progress_show, &bar, why);
    progress_end(&bar);
    if (rc == 0 && a->for_server) report_to_server(a, &report);
    else if (rc == 0 && !a->quiet) print_report(&report);
    buf_fini(&report.path);
    return rc;
}

int cmd_backup(int argc, char **argv) {
    static const struct argp_option options[] = {{"quiet", KEY_QUIET, 0, 0, "print nothing but errors", 0},
                                                 {"no-save", KEY_NO_SAVE, 0, 0, "as the world was last saved: ask no server to save it first", 0},
                                                 {"no-deltas", KEY_NO_DELTAS, 0, 0, "do not begin to log what saves change, where that is not done yet", 0},
                                                 {"for-server", KEY_FOR_SERVER, "COUNTS", OPTION_HIDDEN, 0, 0}, /* how many of the ring are kept */
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "WORLD [DEST]",
                                     "Copies a world, which may be running, and reads the copy back. It goes to WORLD/backups under the time and number of its save; DEST is another name there, a directory to put it "
                                     "in, or a new path. A backup is a world: it can be served, checked and exported as it is.",
                                     NULL, NULL, NULL};
    struct arguments a = {.quiet = false};
    struct buf why = BUF_INIT;
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    int status = make_backup(&a, &why) ? command_fail(argv[0], &why) : EXIT_SUCCESS;
    buf_fini(&why);
    return status;
}
