/* SPDX-License-Identifier: MIT */
#include "db/check.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void check_fault(struct check *c, const char *format, ...) {
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    c->faults++;
    c->fault(c->ctx, buf_c(&text));
    buf_fini(&text);
}

/* ---- one table ---- */

struct table_reader {
    struct check *c;
    enum store_table table;
    uint64_t digest, rows;
};

/* A key as people can find it again. */
static void key_text(struct buf *out, const void *key, size_t klen) {
    uint64_t a, b;
    if (klen == 8 && key_parse_one(key, klen, &a)) {
        buf_printf(out, "#%lld", (long long)object_of_key(a));
    } else if (klen == 16 && key_parse_two(key, klen, &a, &b)) {
        buf_printf(out, "(#%lld, %llu)", (long long)object_of_key(a), (unsigned long long)b);
    } else {
        for (size_t i = 0; i < klen && i < 40; i++) buf_printf(out, "%02x", ((const unsigned char *)key)[i]);
    }
}

static bool read_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct table_reader *r = ctx;
    struct check *c = r->c;
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why = NULL;
    r->digest += store_row_hash(key, klen, data, len);
    r->rows++;
    if (record_open(c->store, r->table, key, klen, data, len, &d, &scratch, &why)) {
        struct buf name = BUF_INIT;
        key_text(&name, key, klen);
        check_fault(c, "%s %s: %s", store_table_name(r->table), buf_c(&name), why);
        buf_fini(&name);
    } else {
        c->blob_chunks += (scratch.len + CHUNK_BYTES - 1) / CHUNK_BYTES;
        check_row(c, r->table, key, klen, &d);
    }
    buf_fini(&scratch);
    if (c->progress && ++c->rows_done % 4096 == 0) c->progress(c->ctx, (double)c->rows_done / (double)(c->rows_all + 1));
    return true;
}

static void check_table(struct check *c, enum store_table t) {
    struct table_reader r = {.c = c, .table = t};
    if (store_scan(c->store, t, NULL, 0, read_row, &r)) check_fault(c, "%s: the table cannot be read to its end: %s", store_table_name(t), store_error(c->store));
    if (t == T_META) return;
    if (r.rows != c->rows[t])
        check_fault(c, "%s: %llu records, but the last save counted %llu", store_table_name(t), (unsigned long long)r.rows, (unsigned long long)c->rows[t]);
    else if (r.digest != c->digest[t])
        check_fault(c, "%s: a record is lost or stale: the table's digest differs from the last save's", store_table_name(t));
}

/* ---- the whole ---- */

static void take_digests(struct check *c, rec_bytes digests) {
    struct dec d = dec_over(digests.p, digests.len);
    struct meta_digest row;
    while (meta_digest_next(&d, &row)) {
        if (row.table == T_COUNT) continue;
        c->digest[row.table] = row.digest;
        c->rows[row.table] = row.rows;
        c->rows_all += row.rows;
    }
    if (d.bad) check_fault(c, "meta: its list of digests is cut short");
}

static int read_meta(struct check *c, const char *dir, struct buf *why) {
    struct key k = {"world", 5};
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct rec_meta m;
    const char *reason = "damaged";
    int rc = record_get(c->store, T_META, &k, &d, &scratch, &reason);
    if (!rc) rc = rec_meta_decode(&m, &d);
    if (rc == STORE_NOT_FOUND) buf_printf(why, "%s: not a world: it has no meta record", dir);
    else if (rc) buf_printf(why, "%s: the world's meta record: %s; restore a backup", dir, reason);
    else if (m.oldest_reader > FORMAT_VERSION) buf_printf(why, "%s: a world of format %llu, newer than this program knows (%d); use the one that wrote it", dir, (unsigned long long)m.format, FORMAT_VERSION), rc = -1;
    else if (m.max_object < NOTHING || m.max_object > OBJECT_LIMIT) buf_printf(why, "%s: the meta record names an impossible highest object", dir), rc = -1;
    if (!rc) {
        c->nobjects = m.max_object + 1;
        c->next_prop = m.next_prop;
        c->next_verb = m.next_verb;
        c->next_key = m.next_key;
        c->next_blob = m.next_blob;
        take_digests(c, m.digests);
    }
    buf_fini(&scratch);
    return rc ? -1 : 0;
}

/* Objects first, then what refers to them; definitions before values, programs before verbs. */
static const enum store_table order[] = {T_META, T_OBJECT, T_PROPDEF, T_CODE, T_REF,  T_CONTENTS, T_CHILDREN,   T_PLAYER, T_OWNED, T_FREE,
                                         T_PROPVAL, T_VERBDEF, T_ANON, T_WAIF, T_TASK, T_QUEUE,    T_CONNECTION, T_FOREIGN_TASK, T_EXTRA, T_HISTORY, T_USAGE, T_BLOB};
_Static_assert(sizeof order / sizeof *order == T_COUNT, "every table is checked");

static int check_store(struct check *c, const char *dir, struct buf *why) {
    if (read_meta(c, dir, why)) return -1;
    if ((uint64_t)c->nobjects > store_count(c->store, T_OBJECT) + store_count(c->store, T_FREE) + (1u << 20)) {
        buf_printf(why, "%s: the meta record names a highest object far above what there is", dir);
        return -1;
    }
    c->objects = xcalloc((size_t)c->nobjects + 1, sizeof *c->objects);
    for (size_t i = 0; i < T_COUNT; i++) {
        check_table(c, order[i]);
        if (order[i] == T_OBJECT) check_objects_read(c);
        if (order[i] == T_PROPDEF) check_props_read(c);
    }
    check_finish(c);
    if (c->blob_chunks != c->rows[T_BLOB])
        check_fault(c, "blob: %llu chunks, but records have %llu", (unsigned long long)c->rows[T_BLOB], (unsigned long long)c->blob_chunks);
    if (c->progress) c->progress(c->ctx, 1);
    return c->faults ? 1 : 0;
}

static int check_here(const char *dir, struct check *c, struct buf *why) {
    int rc = store_open(&c->store, dir, &(struct store_options){.read_only = true}, why);
    if (rc) return -1;
    rc = store_read_begin(c->store);
    if (rc) buf_add_c(why, store_error(c->store));
    else rc = check_store(c, dir, why);
    store_read_end(c->store);
    store_close(c->store);
    free(c->objects);
    free(c->props);
    free(c->codes);
    return rc;
}

/* ---- in a child ---- */

/*
 * A damaged file can crash the library that reads it, so it is read in a child. The child writes lines: F fault, P part done, W why not, and exits with 0 sound, 1 not, 2 unreadable.
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

_Noreturn static void child(const char *dir, int fd, bool progress) {
    struct buf why = BUF_INIT;
    struct check c = {.fault = send_fault, .progress = progress ? send_progress : NULL, .ctx = &fd};
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    int rc = check_here(dir, &c, &why);
    if (rc < 0) send_line(fd, 'W', buf_c(&why));
    _exit(rc < 0 ? 2 : rc);
}

struct listener {
    void (*fault)(void *ctx, const char *text);
    void (*progress)(void *ctx, double part);
    void *ctx;
    struct buf *why;
};

static void listen_to(FILE *in, const struct listener *l) {
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, in)) > 0;) {
        if (line[n - 1] == '\n') line[n - 1] = 0;
        if (line[0] == 'F') l->fault(l->ctx, line + 1);
        else if (line[0] == 'P' && l->progress) l->progress(l->ctx, atof(line + 1));
        else if (line[0] == 'W') buf_add_c(l->why, line + 1);
    }
    free(line);
}

int db_world_check(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, struct buf *why) {
    int ends[2], status = 0;
    if (pipe(ends)) return buf_printf(why, "%s: %s", dir, strerror(errno)), -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        buf_printf(why, "%s: cannot start a process for reading it: %s", dir, strerror(errno));
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (!pid) {
        close(ends[0]);
        child(dir, ends[1], progress != NULL);
    }
    close(ends[1]);
    FILE *in = fdopen(ends[0], "r");
    must(in);
    listen_to(in, &(struct listener){fault, progress, ctx, why});
    fclose(in);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (WIFEXITED(status) && WEXITSTATUS(status) < 2) return WEXITSTATUS(status);
    if (!why->len) buf_printf(why, "%s: data.mdb is so damaged that reading it fails (%s); restore a backup", dir, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "error");
    return -1;
}
