/* SPDX-License-Identifier: MIT */
#include "db/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/format.h"
#include "db/save.h"

enum { ATTEMPTS = 100, MOST_THREADS = 16, SAMPLE_US = 5000, PROBE_SECONDS = 20, GENTLE_PAUSE_MS = 5 };
enum how { WHOLE, GENTLY, PROBE };
enum ending { SOUND, FAULTS, UNREADABLE, NEWER, REFUSED }; /* of the child; REFUSED: by the system, which says nothing about the file */

/* ---- the whole ---- */

static void take_digests(struct check_worker *w, rec_bytes digests) {
    struct check *c = w->c;
    struct dec d = dec_over(digests.p, digests.len);
    struct meta_digest row;
    while (meta_digest_next(&d, &row)) {
        if (row.table == T_COUNT) continue;
        c->tables[row.table].digest = row.digest;
        c->tables[row.table].rows = row.rows;
        c->rows_all += row.rows;
    }
    if (d.bad) check_fault(w, "meta: its list of digests is cut short");
}

/* A name in the tree of tables. */
static void note_table(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct check_worker *w = ctx;
    for (int t = 0; t < T_COUNT; t++) {
        const char *name = store_table_name((enum store_table)t);
        if (strlen(name) != klen || memcmp(name, key, klen)) continue;
        w->c->tables[t].there = pages_read_tree(&w->c->tables[t].tree, data, len) && !w->c->tables[t].tree.flags;
        if (!w->c->tables[t].there) check_fault(w, "table %s: where it begins cannot be read", name);
        return;
    }
    w->unknown_tables = true;
}

static void table_fault(void *ctx, const struct page_part *where, const char *what) {
    check_fault(ctx, "page %llu of data.mdb, which says where the tables begin, cannot be read: %s", (unsigned long long)where->page, what);
}

static void read_tables(struct check_worker *w) {
    const struct page_tree *t = &w->c->pages.meta.tables;
    struct page_walk walk = {.pages = &w->c->pages, .trees = true, .row = note_table, .fault = table_fault, .ctx = w};
    const char *fault = pages_meta_fault(&w->c->pages);
    if (fault) check_fault(w, "meta page of data.mdb: %s", fault);
    pages_walk(&walk, &(struct page_part){.page = t->root, .depth = t->depth});
    if (walk.entries != t->entries || walk.branches != t->branches || walk.leaves != t->leaves) check_fault(w, "data.mdb: there are other tables than it says");
}

static int no_chunks(void *source, const struct key *k, const void **data, size_t *len) {
    (void)source, (void)k, (void)data, (void)len;
    return 1;
}

/* The meta record, opened. 0, or -1 with *why. */
static int find_meta(struct check *c, struct view_meta *m, const char *dir, struct buf *why) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    const void *data;
    size_t len;
    const char *reason = "where it is cannot be read";
    int rc = pages_get(&c->pages, &c->tables[T_META].tree, meta_key.bytes, meta_key.len, &data, &len);
    if (!rc && record_open_from(no_chunks, NULL, meta_key.bytes, meta_key.len, data, len, &d, &scratch, &reason)) rc = -1;
    if (!rc && view_meta_decode(m, &d)) rc = -1, reason = "its fields cannot be read";
    if (rc == 1) buf_printf(why, "%s: not a world: it has no meta record", dir);
    else if (rc) buf_printf(why, "%s: the world's meta record: %s; restore a backup", dir, reason);
    buf_fini(&scratch);
    return rc ? -1 : 0;
}

static int take_meta(struct check_worker *w, const struct view_meta *m, const char *dir, struct buf *why) {
    struct check *c = w->c;
    if (m->oldest_reader > FORMAT_VERSION) return c->newer = true, buf_printf(why, "%s: a world of format %llu, newer than this program knows (%d); use the one that wrote it", dir, (unsigned long long)m->format, FORMAT_VERSION), -1;
    if (m->max_object < NOTHING || m->max_object >= OBJECT_LIMIT) return buf_printf(why, "%s: the meta record names an impossible highest object", dir), -1;
    c->nobjects = m->max_object + 1;
    c->format = m->format;
    c->next_prop = m->next_prop;
    c->next_verb = m->next_verb;
    c->next_key = m->next_key;
    c->next_blob = m->next_blob;
    take_digests(w, m->digests);
    for (int t = 0; t < T_COUNT; t++)
        if (c->tables[t].rows && !c->tables[t].there) check_fault(w, "table %s: it is gone", store_table_name((enum store_table)t));
    if (w->unknown_tables && m->format <= FORMAT_VERSION) check_fault(w, "data.mdb: there is a table that no world of this format has");
    if ((uint64_t)c->nobjects <= c->tables[T_OBJECT].tree.entries + c->tables[T_FREE].tree.entries + (1u << 20)) return 0;
    buf_printf(why, "%s: the meta record names a highest object far above what there is", dir);
    return -1;
}

struct opening {
    const char *dir;
    struct buf *why;
    int rc;
};

static void open_tables(struct check_worker *w) {
    struct opening *o = w->c->opening;
    struct view_meta m;
    read_tables(w);
    o->rc = find_meta(w->c, &m, o->dir, o->why);
    if (!o->rc) o->rc = take_meta(w, &m, o->dir, o->why);
}

/* Objects, definitions and programs first, then what refers to them. A table that has no place here is not compiled. */
static bool comes_first(enum store_table t) {
    switch (t) {
    case T_META:
    case T_OBJECT:
    case T_PROPDEF:
    case T_CODE: return true;
    case T_REF:
    case T_CONTENTS:
    case T_CHILDREN:
    case T_PLAYER:
    case T_OWNED:
    case T_FREE:
    case T_PROPVAL:
    case T_VERBDEF:
    case T_ANON:
    case T_WAIF:
    case T_TASK:
    case T_QUEUE:
    case T_CONNECTION:
    case T_FOREIGN_TASK:
    case T_EXTRA:
    case T_HISTORY:
    case T_USAGE:
    case T_BLOB:
    case T_COUNT: break;
    }
    return false;
}

static void check_all(struct check *c) {
    bool now[T_COUNT];
    c->objects = xcalloc((size_t)c->nobjects + 1, sizeof *c->objects);
    c->bytes = xcalloc((size_t)c->nobjects + 1, sizeof *c->bytes);
    for (int i = 0; i < SEEN_KINDS; i++) c->seen[i] = xcalloc((size_t)c->nobjects + 1, 1);
    for (int t = 0; t < T_COUNT; t++) now[t] = comes_first((enum store_table)t);
    check_tables(c, now);
    check_serial(c, check_objects_read);
    check_serial(c, check_props_read);
    check_serial(c, check_codes_read);
    for (int t = 0; t < T_COUNT; t++) now[t] = !now[t];
    check_tables(c, now);
    check_serial(c, check_finish);
    check_unused_pages(c);
    if (c->progress) c->progress(c->ctx, 1);
}

/* The state that a reading transaction of the library holds fast. */
static int open_pages(struct check *c, struct store *s, const char *dir, struct buf *why) {
    for (int i = 0; i < ATTEMPTS; i++) {
        if (store_read_begin(s)) return buf_add_c(why, store_error(s)), -1;
        int rc = pages_open(&c->pages, dir, store_read_transaction(s), why);
        if (rc <= 0) return rc;
        store_read_end(s);
    }
    buf_printf(why, "%s: saves follow each other too fast for reading", dir);
    errno = EAGAIN;
    return -1;
}

static void check_fini(struct check *c) {
    pages_close(&c->pages);
    free(c->objects);
    free(c->bytes);
    usage_map_free(&c->usage);
    for (int i = 0; i < SEEN_KINDS; i++) free(c->seen[i]);
    free(c->props.v);
    buf_fini(&c->props.names);
    free(c->codes.v);
}

static int check_here(const char *dir, struct check *c, struct buf *why) {
    struct store *s;
    if (store_open(&s, dir, &(struct store_options){.read_only = true, .raw = true}, why)) return -1;
    struct opening o = {dir, why, open_pages(c, s, dir, why)};
    c->opening = &o;
    if (!o.rc) check_serial(c, open_tables);
    if (!o.rc) check_all(c);
    store_close(s);
    check_fini(c);
    return o.rc ? -1 : c->faults ? 1 : 0;
}

/* What can be seen in milliseconds: where all begins, the record of the last save, a sample; and then whether the library can open it. Nobody else has the world open for writing. */
static int probe_here(const char *dir, struct check *c, struct buf *why) {
    struct opening o = {dir, why, pages_open(&c->pages, dir, 0, why)};
    struct store *s;
    c->opening = &o;
    if (!o.rc) check_serial(c, open_tables);
    if (!o.rc) check_sample(c, SAMPLE_US);
    check_fini(c);
    if (o.rc || c->faults) return o.rc ? -1 : 1;
    if (store_open(&s, dir, &(struct store_options){.read_only = true}, why)) return -1;
    const void *data;
    size_t len;
    int rc = store_read_begin(s) || store_get(s, T_META, meta_key.bytes, meta_key.len, &data, &len);
    if (rc) buf_printf(why, "%s: the world's meta record: %s", dir, store_error(s));
    store_close(s);
    return rc ? -1 : 0;
}

/* ---- in a child ---- */

/*
 * A damaged file can crash the library that reads it, so it is read in a child. The child writes lines: F fault, P part done, W why not, N number of records, and exits with an enum ending.
 */
static void send_line(int fd, char kind, const char *text) {
    struct buf line = BUF_INIT;
    buf_byte(&line, kind);
    for (; *text; text++) buf_byte(&line, *text == '\n' ? ' ' : *text);
    buf_byte(&line, '\n');
    for (size_t at = 0; at < line.len;) {
        ssize_t n = write(fd, line.data + at, line.len - at);
        if (n < 0 && errno != EINTR) _exit(2);
        if (n > 0) at += (size_t)n;
    }
    buf_fini(&line);
}

static void send_fault(void *ctx, const char *text) { send_line(*(int *)ctx, 'F', text); }

static void send_progress(void *ctx, double part) {
    char text[32];
    snprintf(text, sizeof text, "%.4f", part);
    send_line(*(int *)ctx, 'P', text);
}

static void send_count(int fd, uint64_t n) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    send_line(fd, 'N', text);
}

static unsigned threads(void) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores < MOST_THREADS ? (unsigned)cores : MOST_THREADS;
}

/* Out of everybody's way: the lowest priority for the processor and, where the system's scheduler knows such, for the disk. */
static void be_gentle(struct check *c) {
    c->threads = 1;
    c->pause_ms = GENTLE_PAUSE_MS;
    if (setpriority(PRIO_PROCESS, 0, 19) || syscall(SYS_ioprio_set, 1 /* a process */, 0, 3 << 13 /* idle */)) return; /* then the pauses must do */
}

static bool is_refusal(int error) { return error == ENOMEM || error == EMFILE || error == ENFILE || error == EAGAIN || error == EACCES || error == EPERM; }

_Noreturn static void child(const char *dir, int fd, enum how how, bool progress) {
    struct buf why = BUF_INIT;
    struct check c = {.fault = send_fault, .progress = progress ? send_progress : NULL, .ctx = &fd, .threads = threads()};
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    signal(SIGPROF, SIG_DFL);
    if (how == PROBE) setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = PROBE_SECONDS}, NULL); /* of the processor: a disk may be slow, and a machine sleep */
    if (how == GENTLY) be_gentle(&c);
    errno = 0;
    int rc = how == PROBE ? probe_here(dir, &c, &why) : check_here(dir, &c, &why), error = errno;
    if (rc < 0) send_line(fd, 'W', buf_c(&why));
    send_count(fd, c.rows_done);
    _exit(c.newer ? NEWER : rc >= 0 ? rc : is_refusal(error) ? REFUSED : UNREADABLE);
}

struct listener {
    uint64_t *records; /* how many were read; NULL: not asked */
    void (*fault)(void *ctx, const char *text);
    void (*progress)(void *ctx, double part);
    void *ctx;
    struct buf *why;
};

static void hear(const struct listener *l, const char *line) {
    if (line[0] == 'F') l->fault(l->ctx, line + 1);
    else if (line[0] == 'P' && l->progress) l->progress(l->ctx, atof(line + 1));
    else if (line[0] == 'W') buf_add_c(l->why, line + 1);
    else if (line[0] == 'N' && l->records) *l->records = strtoull(line + 1, NULL, 10);
}

static void listen_to(int fd, const struct listener *l) {
    struct buf heard = BUF_INIT;
    char bytes[4096], *end;
    for (ssize_t n; (n = read(fd, bytes, sizeof bytes)) > 0 || (n < 0 && errno == EINTR);) {
        if (n > 0) buf_add(&heard, bytes, (size_t)n);
        while (heard.len && (end = memchr(heard.data, '\n', heard.len))) {
            *end = 0;
            hear(l, heard.data);
            buf_drop_front(&heard, (size_t)(end + 1 - heard.data));
        }
    }
    buf_fini(&heard);
}

/* By somebody, or by a system short of memory. What a damaged file leads to is a signal of another kind. */
static bool was_stopped(int status) {
    static const int of_damage[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGPROF};
    if (!WIFSIGNALED(status)) return false;
    for (size_t i = 0; i < sizeof of_damage / sizeof *of_damage; i++)
        if (WTERMSIG(status) == of_damage[i]) return false;
    return true;
}

/* How the child ended; -1: it could not begin, or come to its end. */
static int run_child(const char *dir, enum how how, const struct listener *l, int *status) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return buf_printf(l->why, "%s: %s", dir, strerror(errno)), -1;
    fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        close(ends[0]);
        child(dir, ends[1], how, l->progress != NULL);
    }
    close(ends[1]);
    if (pid < 0) buf_printf(l->why, "%s: cannot start a process for reading it: %s", dir, strerror(errno));
    else listen_to(ends[0], l);
    close(ends[0]);
    if (pid < 0) return -1;
    while (waitpid(pid, status, 0) < 0 && errno == EINTR) {}
    if (was_stopped(*status)) return buf_clear(l->why), buf_printf(l->why, "%s: the process that was reading it was ended: %s", dir, strsignal(WTERMSIG(*status))), -1;
    if (!WIFEXITED(*status) && !l->why->len)
        buf_printf(l->why, "%s: data.mdb is so damaged that reading it %s; restore a backup", dir, WIFSIGNALED(*status) && WTERMSIG(*status) == SIGPROF ? "takes for ever" : "crashes");
    return 0;
}

static int check_in_child(const char *dir, enum how how, const struct listener *l) {
    int status = 0;
    if (run_child(dir, how, l, &status)) return DB_CHECK_REFUSED;
    if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED) return DB_CHECK_REFUSED;
    return WIFEXITED(status) && WEXITSTATUS(status) < UNREADABLE ? WEXITSTATUS(status) : -1;
}

int db_world_check(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, struct buf *why) {
    return check_in_child(dir, WHOLE, &(struct listener){NULL, fault, progress, ctx, why});
}

int db_world_check_counted(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, uint64_t *records, struct buf *why) {
    *records = 0;
    return check_in_child(dir, WHOLE, &(struct listener){records, fault, progress, ctx, why});
}

int db_world_check_gently(const char *dir, void (*fault)(void *ctx, const char *text), void *ctx, struct buf *why) {
    return check_in_child(dir, GENTLY, &(struct listener){NULL, fault, NULL, ctx, why});
}

static void keep_first(void *ctx, const char *text) {
    struct buf *why = ctx;
    if (!why->len) buf_add_c(why, text);
}

int db_world_probe(const char *dir, struct buf *why) {
    int status = 0;
    struct buf first = BUF_INIT;
    int rc = run_child(dir, PROBE, &(struct listener){NULL, keep_first, NULL, &first, why}, &status);
    if (first.len && !why->len) buf_printf(why, "%s: %s", dir, buf_c(&first));
    buf_fini(&first);
    if (rc || (WIFEXITED(status) && WEXITSTATUS(status) >= NEWER)) return -1;
    return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : 1;
}
