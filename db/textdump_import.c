/* SPDX-License-Identifier: MIT */
/*
 * Reading a dump takes two passes over the file.
 *
 * The first reads every line, checks the grammar, and remembers for each slot where it stands and its links: some 60 bytes a slot, whatever the slots hold. Then the links are
 * checked: lists of contents and children agree with locations and parents, nothing is inside itself, property counts follow from ancestry.
 *
 * The second builds the world. Bare objects and their contents come first; they are filled in the order of the tree, parents first and children as their lists say, because
 * what slots an object has depends on its ancestors; then players, programs, tasks. Each time some megabytes have been read the world is saved and clean objects leave memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "db/textdump_import.h"

enum {
    DEFAULT_BATCH = 8 << 20,
    NOTES_MAX = 10000,
    LEFTOVER_MAX = 1 << 20,
    OBJECT_BYTES = 3, /* the shortest things of each kind: "#0\n" */
    PROGRAM_BYTES = 7,
    TASK_BYTES = 20,
    USER_BYTES = 2
};

/* ---- notes ---- */

void import_note(struct import *im, const char *format, ...) {
    struct import_summary *s = im->sum;
    if (!im->build || s->nnotes > NOTES_MAX) return;
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    if (s->nnotes == NOTES_MAX) buf_add_c(&text, "more like these");
    else buf_vprintf(&text, format, ap);
    va_end(ap);
    if ((s->nnotes & (s->nnotes - 1)) == 0) s->notes = xrealloc(s->notes, (s->nnotes ? s->nnotes * 2 : 1) * sizeof *s->notes);
    s->notes[s->nnotes++] = str_from_bytes(buf_c(&text), text.len);
    buf_fini(&text);
}

void import_summary_fini(struct import_summary *s) {
    for (size_t i = 0; i < s->nnotes; i++) str_unref(s->notes[i]);
    free(s->notes);
    s->notes = NULL;
    s->nnotes = 0;
}

/* ---- rows and saves ---- */

struct buf *import_add_row(struct import *im, enum db_table table, uint64_t key) {
    if (im->nrows == im->cap_rows) {
        im->cap_rows = im->cap_rows ? im->cap_rows * 2 : 16;
        im->rows = xrealloc(im->rows, im->cap_rows * sizeof *im->rows);
    }
    struct row *row = &im->rows[im->nrows++];
    *row = (struct row){.table = table, .key = key};
    return &row->payload;
}

static void drop_rows(struct import *im) {
    for (size_t i = 0; i < im->nrows; i++) buf_fini(&im->rows[i].payload);
    im->nrows = 0;
}

static void write_rows(void *ctx, struct db_saver *s) {
    struct import *im = ctx;
    for (size_t i = 0; i < im->nrows; i++) db_saver_put(s, im->rows[i].table, im->rows[i].key, &im->rows[i].payload);
}

bool import_save(struct import *im) {
    struct db_save_part part = {.write = write_rows, .ctx = im};
    struct db_save_report report;
    if (im->r.failed) return false;
    if (db_save(im->db, &part, 1, &report, im->r.why)) {
        im->r.failed = true;
        return false;
    }
    drop_rows(im);
    db_evict_clean(im->db);
    return true;
}

bool import_progress(struct import *im, int64_t begun_at) {
    im->read_bytes += reader_tell(&im->r) - begun_at;
    if (im->options->progress) {
        double pass = im->r.size ? (double)im->read_bytes / (double)im->r.size : 1;
        im->options->progress(im->options->progress_ctx, im->build ? 0.25 + 0.75 * pass : 0.25 * pass);
    }
    size_t batch = im->options->batch_bytes ? im->options->batch_bytes : DEFAULT_BATCH;
    if (!im->build || im->read_bytes - im->saved_at < (int64_t)batch) return true;
    im->saved_at = im->read_bytes;
    return import_save(im);
}

/* ---- the head of the file ---- */

static bool read_version(struct import *im) {
    struct reader *r = &im->r;
    static const char before[] = "** LambdaMOO Database, Format Version ", after[] = " **";
    if (reader_at_end(r)) return reader_fail_at(r, 1, "the file is empty");
    if (!reader_line(r, "a header")) return false;
    const char *p = r->text;
    int64_t n;
    if (*p != ' ' && scan_int(&p, &n) && !*p) { /* format 0 has no header */
        im->version = 0;
        return reader_seek(r, 0, 0);
    }
    p = r->text + sizeof before - 1;
    if (strncmp(r->text, before, sizeof before - 1) || !scan_int(&p, &n) || strcmp(p, after)) return reader_fail(r, "this is not a text dump of a MOO: it does not begin with the header line of one");
    if (n > DUMP_NEWEST_READ && n <= DUMP_NEWEST_KNOWN)
        return reader_fail(r, "format version %" PRId64 " (of ToastStunt and its kin) is not read by this release: it reads 0 to %d; a later one will", n, DUMP_NEWEST_READ);
    if (n < 0 || n > DUMP_NEWEST_KNOWN) return reader_fail(r, "format version %" PRId64 " is unknown: this release reads 0 to %d", n, DUMP_NEWEST_READ);
    im->version = (int)n;
    return true;
}

static bool read_head(struct import *im) {
    struct reader *r = &im->r;
    int64_t nslots, user;
    if (!read_version(im) || !reader_count(r, "the number of objects", OBJECT_BYTES, &nslots) || !reader_count(r, "the number of programs", PROGRAM_BYTES, &im->nprograms) ||
        !reader_int(r, "the unused number", &im->header.dummy) || !reader_count(r, "the number of players", USER_BYTES, &im->nusers))
        return false;
    if (nslots > INT32_MAX) return reader_fail(r, "%" PRId64 " objects are too many", nslots);
    free(im->users);
    im->users = NULL;
    for (int64_t i = 0; i < im->nusers; i++) {
        if ((i & (i - 1)) == 0) im->users = xrealloc(im->users, (size_t)(i ? i * 2 : 1) * sizeof *im->users);
        if (!reader_int(r, "a player's number", &user)) return false;
        if (user < 0 || user >= nslots) return reader_fail(r, "player #%" PRId64 " is not an object of this dump", user);
        im->users[i] = (int32_t)user;
    }
    im->nslots = nslots;
    return true;
}

/* ---- programs ---- */

static void check_program(struct import *im, objid o, size_t verb, const struct buf *text) {
    struct buf why = BUF_INIT;
    const struct import_options *opt = im->options;
    if (opt->try_parse && !opt->try_parse(opt->parse_ctx, buf_c(text), text->len, im->version, &why)) {
        struct verbref v = {o, (uint32_t)verb};
        import_note(im, "#%" PRId64 ":%s (verb %zu) does not parse: %s; kept as it is, raises when called", o, db_verb_names(im->db, v)->data, verb + 1, buf_c(&why));
    }
    buf_fini(&why);
}

static bool build_program(struct import *im, objid o, int64_t verb) {
    struct buf text = BUF_INIT;
    struct verbref v = {o, (uint32_t)verb};
    bool ok = dump_read_program(&im->r, &text);
    if (ok && db_verb_code(im->db, v)) ok = reader_fail(&im->r, "a second program for verb %" PRId64 " of #%" PRId64, verb, o);
    if (ok) {
        check_program(im, o, (size_t)verb, &text);
        struct str *s = buf_to_str(&text);
        db_verb_set_code(im->db, v, code_new(db_code_table(im->db), s, im->version, true, 1));
        str_unref(s);
    }
    buf_fini(&text);
    return ok;
}

static bool read_program_entry(struct import *im) {
    struct reader *r = &im->r;
    int64_t o, verb;
    if (!reader_line(r, "a program")) return false;
    const char *p = r->text + 1;
    if (r->text[0] != '#' || !scan_int(&p, &o) || *p != ':' || (p++, !scan_int(&p, &verb)) || *p) return reader_fail(r, "a program ('#object:verb') was expected here");
    if (o < 0 || o >= im->nslots || !im->slots[o].live) return reader_fail(r, "a program for #%" PRId64 ", which is no object of this dump", o);
    if (verb < 0 || verb >= im->slots[o].nverbs) return reader_fail(r, "a program for verb %" PRId64 " of #%" PRId64 ", which has %u", verb, o, im->slots[o].nverbs);
    return im->build ? build_program(im, o, verb) : dump_read_program(r, NULL);
}

static bool read_programs(struct import *im) {
    for (int64_t i = 0; i < im->nprograms; i++) {
        int64_t at = reader_tell(&im->r);
        if (!read_program_entry(im) || !import_progress(im, at)) return false;
    }
    im->sum->programs = im->nprograms;
    return true;
}

/* ---- what follows the programs ---- */

static bool read_clocks(struct import *im) {
    int64_t n;
    struct buf lines = BUF_INIT;
    if (!reader_count_words(&im->r, "clocks", 4, &n)) return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = reader_line(&im->r, "a clock") && (!im->build || reader_add_text(&im->r, &lines));
        buf_byte(&lines, '\n');
    }
    if (ok && im->build && lines.len) im->header.clocks = buf_to_str(&lines);
    buf_fini(&lines);
    return ok;
}

static void keep_task(struct import *im, const struct foreign_task *t) {
    foreign_task_encode(t, import_add_row(im, DB_FOREIGN_TASK, im->next_task++));
    if (t->kind == FOREIGN_FORKED) return;
    import_note(im, "suspended task %" PRId64 " of #%" PRId64 " (in verb %s) counts in another server's bytecode: kept as it is, not resumed, exported unchanged", t->id, t->programmer,
         t->full_name->data);
}

static bool read_tasks(struct import *im, const char *words, bool (*read)(struct reader *r, int version, struct foreign_task *out), int64_t *count) {
    if (!reader_count_words(&im->r, words, TASK_BYTES, count)) return false;
    for (int64_t i = 0; i < *count; i++) {
        struct foreign_task t;
        int64_t at = reader_tell(&im->r);
        if (!read(&im->r, im->version, &t)) return false;
        if (im->build) keep_task(im, &t);
        foreign_task_fini(&t);
        if (!import_progress(im, at)) return false;
    }
    return true;
}

/* "K active connections with listeners" or, older, "K active connections". */
static bool read_connections_line(struct reader *r, int64_t *n, bool *listeners) {
    *listeners = false;
    if (!reader_line(r, "active connections")) return false;
    const char *p = r->text;
    if (*p == ' ' || !scan_int(&p, n) || strncmp(p, " active connections", 19)) return reader_fail(r, "'N active connections' was expected here");
    *listeners = !strcmp(p + 19, " with listeners");
    if (p[19] && !*listeners) return reader_fail(r, "'N active connections with listeners' was expected here");
    if (*n < 0 || *n > (r->size - reader_tell(r)) / 2 + 1) return reader_fail(r, "%" PRId64 " connections are more than the rest of the file can hold", *n);
    return true;
}

static bool read_connections(struct import *im) {
    struct reader *r = &im->r;
    int64_t n;
    bool listeners, ok = true;
    if (!read_connections_line(r, &n, &listeners)) return false;
    im->header.tail = listeners ? TAIL_LISTENERS : TAIL_PLAIN;
    im->sum->connections = n;
    struct foreign_connection *all = NULL;
    for (int64_t i = 0; ok && i < n; i++) {
        if ((i & (i - 1)) == 0) all = xrealloc(all, (size_t)(i ? i * 2 : 1) * sizeof *all);
        struct foreign_connection *c = &all[i];
        *c = (struct foreign_connection){0, 0};
        if (!(ok = reader_line(r, "a connection"))) break;
        const char *p = r->text;
        if (!scan_int(&p, &c->player) || (listeners && !scan_int(&p, &c->listener)) || *p) ok = reader_fail(r, "the numbers of a connection were expected here");
    }
    if (ok && im->build && n) dump_connections_encode(all, (size_t)n, import_add_row(im, DB_EXTRA, dump_extra_key(EXTRA_CONNECTIONS, 0)));
    free(all);
    return ok;
}

static bool read_leftover(struct import *im) {
    struct reader *r = &im->r;
    int64_t at = reader_tell(r), from = r->line;
    im->header.no_newline = r->no_newline;
    if (reader_at_end(r)) return true;
    if (r->size - at > LEFTOVER_MAX) return reader_fail_at(r, from + 1, "%" PRId64 " bytes follow where the dump should end", r->size - at);
    while (!reader_at_end(r))
        if (!reader_line(r, "the end")) return false;
    im->header.no_newline = r->no_newline;
    if (!im->build) return true;
    struct buf text = BUF_INIT;
    bool ok = reader_slice(r, at, &text);
    if (ok) im->header.leftover = buf_to_str(&text);
    buf_fini(&text);
    import_note(im, "%s:%" PRId64 ": %" PRId64 " bytes follow where the dump should end: kept, exported unchanged", r->path, from + 1, r->size - at);
    return ok;
}

static bool read_tail(struct import *im) {
    struct reader *r = &im->r;
    im->header.tail = TAIL_NO_SUSPENDED;
    if (!read_clocks(im) || !read_tasks(im, "queued tasks", dump_read_forked, &im->sum->forked)) return false;
    if (!reader_at_end(r)) {
        im->header.tail = TAIL_NO_CONNECTIONS;
        if (!read_tasks(im, "suspended tasks", dump_read_suspended, &im->sum->suspended)) return false;
        if (!reader_at_end(r) && !read_connections(im)) return false;
    }
    return read_leftover(im);
}

/* ---- both passes ---- */

static bool first_pass(struct import *im) {
    struct reader *r = &im->r;
    if (!read_head(im) || !import_scan_objects(im)) return false;
    im->programs_offset = reader_tell(r);
    im->programs_line = r->line;
    if (!read_programs(im) || !read_tail(im)) return false;
    int64_t last = r->line;
    if (!import_check_links(im)) return false;
    int e = im->options->encoding;
    if (e == ENC_UTF8 && !r->is_utf8) return reader_fail_at(r, last, "the file is not all valid UTF-8: import it as Latin-1 (--encoding latin1)");
    r->latin1 = e == ENC_LATIN1 || (e < 0 && !r->is_utf8);
    return true;
}

static bool second_pass(struct import *im) {
    struct reader *r = &im->r;
    const struct import_options *opt = im->options;
    im->build = true;
    im->read_bytes = 0;
    db_set_encoding(im->db, r->latin1 ? ENC_LATIN1 : ENC_UTF8);
    db_set_dialect(im->db, opt->dialect ? opt->dialect : "lambda");
    import_build_recycled_forms(im);
    if (!import_build_objects(im) || !import_build_players(im)) return false;
    if (!reader_seek(r, im->programs_offset, im->programs_line) || !read_programs(im) || !read_tail(im)) return false;
    im->header.version = im->version;
    dump_header_encode(&im->header, import_add_row(im, DB_EXTRA, dump_extra_key(EXTRA_HEADER, 0)));
    return import_save(im);
}

static void import_fini(struct import *im) {
    im->sum->version = im->version;
    im->sum->latin1 = im->r.latin1;
    im->sum->bytes = im->r.size;
    im->sum->players = im->nusers;
    drop_rows(im);
    free(im->rows);
    free(im->slots);
    free(im->users);
    dump_header_fini(&im->header);
    reader_close(&im->r);
}

int textdump_scan(const char *path, int encoding, struct import_summary *out, struct buf *why) {
    const struct import_options options = {.encoding = encoding};
    *out = (struct import_summary){.version = 0};
    struct import im = {.options = &options, .sum = out};
    if (reader_open(&im.r, path, why)) return -1;
    bool ok = first_pass(&im);
    import_fini(&im);
    return ok ? 0 : -1;
}

int textdump_import(struct db *db, const char *path, const struct import_options *options, struct import_summary *summary, struct buf *why) {
    *summary = (struct import_summary){.version = 0};
    struct import im = {.db = db, .options = options, .sum = summary};
    int64_t begun = clock_monotonic_us();
    if (reader_open(&im.r, path, why)) return -1;
    bool ok = first_pass(&im) && second_pass(&im);
    summary->seconds = (double)(clock_monotonic_us() - begun) / 1e6;
    import_fini(&im);
    return ok ? 0 : -1;
}
