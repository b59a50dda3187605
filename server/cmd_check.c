/* SPDX-License-Identifier: MIT */
/* `evermoo check WORLD'. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/repair.h"
#include "db/world.h"
#include "server/command.h"

enum option_key { KEY_REPAIR = 0x100, KEY_GENTLY };

static const struct argp_option option_table[] = {
    {"repair", KEY_REPAIR, 0, 0, "if it is not sound, put all that is into a new file; the old one is set aside", 0},
    {"gently", KEY_GENTLY, 0, 0, "slowly, at the lowest priority", 0},
    {0},
};

struct arguments {
    const char *world;
    bool repair, gently;
};

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_REPAIR: a->repair = true; return 0;
    case KEY_GENTLY: a->gently = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        a->world = arg;
        return 0;
    case ARGP_KEY_END: return a->world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

struct checking {
    struct progress bar;
    unsigned long long faults;
    uint64_t records;
};

static void print_fault(void *ctx, const char *text) {
    struct checking *c = ctx;
    progress_end(&c->bar);
    printf("%s\n", text);
    c->faults++;
}

static void show(void *ctx, double part) { progress_show(&((struct checking *)ctx)->bar, part); }

/* As db_world_check(). */
static int check(const struct arguments *a, struct checking *c, struct buf *why) {
    if (a->gently) return db_world_check_gently(a->world, print_fault, c, why);
    progress_begin(&c->bar, "check");
    int rc = db_world_check_counted(a->world, print_fault, show, c, &c->records, why);
    progress_end(&c->bar);
    return rc;
}

static void print_note(void *ctx, const char *text) {
    (void)ctx;
    printf("repair: %s\n", text);
}

/* The world is locked, and not sound. */
static int repair(const struct arguments *a, struct buf *why) {
    struct db_repair_report report;
    int rc = db_world_repair(a->world, print_note, NULL, &report, why);
    if (!rc) printf("%s: repaired: %llu records, verified. What was there before lies in %s; make a backup now\n", a->world, (unsigned long long)report.records, buf_c(&report.aside));
    buf_fini(&report.aside);
    return rc;
}

static int check_and_repair(const struct arguments *a, struct checking *c, struct buf *why) {
    if (!files_is_directory(a->world)) return buf_printf(why, "%s: no such world", a->world), -1;
    int lock = db_world_lock(a->world, why);
    if (lock < 0) return -1;
    struct buf unreadable = BUF_INIT;
    int rc = check(a, c, &unreadable);
    if (rc == -1) print_fault(c, buf_c(&unreadable));
    if (rc == DB_CHECK_REFUSED) buf_add_c(why, buf_c(&unreadable));
    else if (rc) rc = repair(a, why);
    else printf("%s: sound; there is nothing to repair\n", a->world);
    close(lock);
    buf_fini(&unreadable);
    return rc;
}

int cmd_check(int argc, char **argv) {
    static const struct argp argp = {option_table, parse_argument, "WORLD", "Verifies every record and every cross-link of a world, and prints each fault. The status is 0 only if there is none, and 75 if the system did not let it be looked for.", NULL, NULL, NULL};
    struct arguments a = {.world = NULL};
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    struct checking c = {.faults = 0};
    int status = EXIT_SUCCESS;
    int64_t begun = clock_monotonic_us();
    int rc = a.repair ? check_and_repair(&a, &c, &why) : check(&a, &c, &why);
    double seconds = (double)(clock_monotonic_us() - begun) / 1e6;
    if (rc == 0 && !a.repair && a.gently) printf("%s: sound\n", a.world);
    else if (rc == 0 && !a.repair) printf("%s: sound (%llu records in %.3f s, %.1f million a second)\n", a.world, (unsigned long long)c.records, seconds, (double)c.records / 1e6 / seconds);
    if (rc > 0) buf_printf(&why, "%s is not sound: %llu fault%s, listed above; go back to a backup (`evermoo restore'), or keep what is sound (`evermoo check --repair')", a.world, c.faults, c.faults == 1 ? "" : "s");
    if (rc) status = command_fail(argv[0], &why);
    if (rc == DB_CHECK_REFUSED) status = COMMAND_REFUSED;
    buf_fini(&why);
    return status;
}
