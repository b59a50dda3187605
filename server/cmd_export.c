/* SPDX-License-Identifier: MIT */
/* `evermoo export WORLD DUMP'. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "db/foreign.h"
#include "db/textdump.h"
#include "server/command.h"
#include "server/control.h"
#include "server/dumpmark.h"
#include "server/offline.h"
#include "server/programs.h"

struct arguments {
    const char *world, *dump;
    int format, encoding;
    bool quiet, mark, at_end, manifest, as_saved;
    size_t cache_size;
};

enum { KEY_QUIET = 'q', KEY_FORMAT = 256, KEY_ENCODING, KEY_MARK, KEY_MANIFEST, KEY_AS_SAVED, KEY_CACHE_SIZE };

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct arguments *a = state->input;
    switch (key) {
    case KEY_QUIET: a->quiet = true; return 0;
    case KEY_MARK:
        a->mark = a->as_saved = true;
        a->at_end = !strcmp(arg, "end");
        return 0;
    case KEY_MANIFEST: a->manifest = true; return 0;
    case KEY_AS_SAVED: a->as_saved = true; return 0;
    case KEY_FORMAT:
        if (strcmp(arg, "4")) return command_usage_error(state, "format '%s' cannot be written by this release: only 4", arg);
        a->format = 4;
        return 0;
    case KEY_ENCODING:
        if (!command_encoding(arg, &a->encoding)) return command_usage_error(state, "there is no encoding '%s': say utf8 or latin1", arg);
        return 0;
    case KEY_CACHE_SIZE: return command_size(arg, &a->cache_size) ? 0 : command_usage_error(state, COMMAND_NO_SIZE, arg);
    case ARGP_KEY_ARG:
        if (state->arg_num > 1) return ARGP_ERR_UNKNOWN;
        *(state->arg_num == 0 ? &a->world : &a->dump) = arg;
        return 0;
    case ARGP_KEY_END: return a->dump ? 0 : command_usage_error(state, "a world and a name for the text dump are needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* Who was connected at the last save of a world that is, or was, being served. */
struct connected {
    struct foreign_connection *v;
    size_t n;
};

static bool add_connection(void *ctx, uint64_t key, const void *payload, size_t len) {
    (void)key;
    struct connected *c = ctx;
    struct dec d = dec_over(payload, len);
    struct foreign_connection row = {.player = dec_i64(&d)};
    row.listener = dec_i64(&d);
    if (d.bad) return true;
    c->v = xrealloc(c->v, (c->n + 1) * sizeof *c->v);
    c->v[c->n++] = row;
    return true;
}

static int export_open_world(const struct arguments *a, struct offline *o, struct export_summary *summary, struct buf *why) {
    struct connected connected = {NULL, 0};
    struct programs programs;
    struct progress bar;
    programs_init(&programs);
    progress_begin(&bar, "export");
    int rc = db_scan(o->db, DB_CONNECTION, add_connection, &connected, why);
    struct export_options options = {.format = a->format,
                                     .encoding = a->encoding,
                                     .evict = true,
                                     .list_program = programs_list,
                                     .try_parse = programs_try_parse,
                                     .list_ctx = &programs,
                                     .each_forked = sched_each_forked,
                                     .forked_ctx = o->sched,
                                     .connections = connected.v,
                                     .nconnections = connected.n,
                                     .progress = progress_show,
                                     .progress_ctx = &bar,
                                     .manifest = a->manifest};
    if (rc == 0) rc = textdump_export(o->db, a->dump, &options, summary, why);
    progress_end(&bar);
    programs_fini(&programs);
    free(connected.v);
    return rc;
}

static bool count_forked(void *ctx, uint64_t key, struct foreign_task *t) {
    (void)key;
    *(int64_t *)ctx += t->kind == FOREIGN_FORKED;
    return true;
}

/* Tasks of this server's own that sleep in the middle of a verb: the format has no form for them. */
static int64_t count_left_out(struct offline *o, const struct export_summary *s) {
    struct buf ignored = BUF_INIT;
    int64_t from_dump = 0;
    if (o->wizard == NOTHING || foreign_each(o->db, count_forked, &from_dump, &ignored)) return 0;
    value rows = sched_queued_tasks(o->sched, o->wizard, NULL);
    int64_t n = rows.type == V_LIST ? (int64_t)rows.u.l->len - (s->forked - from_dump) : 0;
    value_unref(rows);
    buf_fini(&ignored);
    return n > 0 ? n : 0;
}

/* A world that is being served is saved first, so that the dump is of now. It goes on meanwhile; what is read is that save, or one after it. */
static int have_saved(const struct arguments *a, struct buf *why) {
    int status;
    struct buf answer = BUF_INIT;
    int rc = control_ask(a->world, "sync", "", &status, &answer, why);
    if (rc == 0 && status) {
        buf_printf(why, "%.*s; --as-saved would write the last save", (int)strcspn(buf_c(&answer), "\n"), buf_c(&answer));
        rc = -1;
    }
    buf_fini(&answer);
    return rc < 0 ? -1 : 0;
}

static int export_world(const struct arguments *a, struct export_summary *summary, int64_t *left_out, struct buf *why) {
    struct offline o;
    if (!a->as_saved && have_saved(a, why)) return -1;
    if (offline_open(&o, a->world, &(struct db_options){.read_only = true, .cache_size = a->cache_size}, why)) return -1;
    int rc = export_open_world(a, &o, summary, why);
    if (rc == 0) *left_out = count_left_out(&o, summary);
    offline_close(&o);
    return rc;
}

static void print_summary(const struct arguments *a, const struct export_summary *s, int64_t left_out) {
    printf("%s: %" PRId64 " objects, %" PRId64 " programs, %" PRId64 " forked and %" PRId64 " suspended tasks, %.1f MB\n", a->dump, s->objects, s->programs, s->forked,
           s->suspended, (double)s->bytes / 1e6);
    if (left_out) printf("  left out, as the format has no form for tasks that sleep in the middle of a verb: %" PRId64 "\n", left_out);
    if (s->newer) printf("  programs that use what this format's language does not have, so that servers of its time cannot read the dump: %" PRId64 ", the first on #%" PRId64 "\n", s->newer, s->newer_first);
    if (s->replaced) printf("  %" PRId64 " characters that Latin-1 does not have were written as `?'; --encoding utf8 would keep them\n", s->replaced);
}

int cmd_export(int argc, char **argv) {
    static const struct argp_option options[] = {{"format", KEY_FORMAT, "N", 0, "format version to write: 4", 0},
                                                 {"cache-size", KEY_CACHE_SIZE, "SIZE", 0, COMMAND_CACHE_SIZE_DOC, 0},
                                                 {"encoding", KEY_ENCODING, "NAME", 0, "utf8 or latin1; otherwise the one that the world was imported from", 0},
                                                 {"mark", KEY_MARK, "WHEN", OPTION_HIDDEN, 0, 0}, /* a server's own dumps: "end" or "run" */
                                                 {"manifest", KEY_MANIFEST, 0, 0, "read the dump back before it gets its name, and write DUMP.manifest: counts, SHA-256", 0},
                                                 {"as-saved", KEY_AS_SAVED, 0, 0, "of a world that is being served: as it was last saved, without having it saved now", 0},
                                                 {"quiet", KEY_QUIET, 0, 0, "print no summary", 0},
                                                 {0}};
    static const struct argp argp = {options, parse_argument, "WORLD DUMP", "Writes a world, which may be running, as a text dump of one instant.", NULL, NULL, NULL};
    struct arguments a = {.format = 4, .encoding = -1};
    struct export_summary summary;
    int64_t left_out = 0;
    if (command_parse(&argp, argc, argv, &a)) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    int status = EXIT_SUCCESS;
    if (export_world(&a, &summary, &left_out, &why) || (a.mark && dumpmark_write(a.world, a.dump, a.at_end, &why))) status = command_fail(argv[0], &why);
    else if (!a.quiet) print_summary(&a, &summary, left_out);
    buf_fini(&why);
    return status;
}
