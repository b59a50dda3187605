/* SPDX-License-Identifier: MIT */
/*
 * Rows: varints, strings and values in the order of the struct; a kind first. The rows of DB_EXTRA that keep what the server does not use are here as well.
 */
#include "db/foreign.h"

#include <stdlib.h>

#include "base/must.h"
#include "db/textdump_parts.h"

enum { LEAST_VARIABLE = 2, LEAST_ODD = 3, LEAST_CONNECTION = 2 }; /* bytes of the shortest encoding */

void foreign_task_fini(struct foreign_task *t) {
    for (size_t i = 0; i < t->nvariables; i++) {
        str_unref(t->variables[i].name);
        value_unref(t->variables[i].v);
    }
    free(t->variables);
    str_unref(t->verb);
    str_unref(t->full_name);
    str_unref(t->program);
    str_unref(t->raw);
    *t = (struct foreign_task){.kind = FOREIGN_FORKED};
}

void foreign_task_encode(const struct foreign_task *t, struct buf *out) {
    enc_u64(out, t->kind);
    const int64_t numbers[] = {t->version, t->id, t->time, t->first_line, t->this_, t->player, t->programmer, t->definer, t->debug};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) enc_i64(out, numbers[i]);
    enc_str(out, t->verb);
    enc_str(out, t->full_name);
    enc_str(out, t->program);
    enc_str(out, t->raw);
    enc_u64(out, t->nvariables);
    for (size_t i = 0; i < t->nvariables; i++) {
        enc_str(out, t->variables[i].name);
        enc_value(out, t->variables[i].v);
    }
}

static bool decode_variables(struct foreign_task *t, struct dec *d) {
    uint64_t n = dec_u64(d);
    if (n > (uint64_t)(d->end - d->p) / LEAST_VARIABLE) return false;
    t->variables = xcalloc(n ? n : 1, sizeof *t->variables);
    for (uint64_t i = 0; i < n && !d->bad; i++) {
        struct foreign_variable *v = &t->variables[t->nvariables++];
        v->name = dec_str(d);
        v->v = dec_value(d);
        if (!v->name) return false;
    }
    return true;
}

int foreign_task_decode(struct foreign_task *t, const void *payload, size_t len, struct buf *why) {
    struct dec d = dec_over(payload, len);
    *t = (struct foreign_task){.kind = (enum foreign_kind)dec_u64(&d)};
    t->version = (int)dec_i64(&d);
    int64_t *numbers[] = {&t->id, &t->time, &t->first_line, &t->this_, &t->player, &t->programmer, &t->definer, &t->debug};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) *numbers[i] = dec_i64(&d);
    t->verb = dec_str(&d);
    t->full_name = dec_str(&d);
    t->program = dec_str(&d);
    t->raw = dec_str(&d);
    bool ok = decode_variables(t, &d) && !d.bad && dec_at_end(&d) && t->verb && t->full_name;
    if (ok && t->kind <= FOREIGN_INTERRUPTED && t->version >= 0 && t->version <= DUMP_NEWEST_KNOWN && (t->kind == FOREIGN_FORKED ? t->program : t->raw)) return 0;
    foreign_task_fini(t);
    buf_add_c(why, "a task taken over from a text dump is damaged in the store; run evermoo check on the world");
    return -1;
}

struct each {
    foreign_task_fn *fn;
    void *ctx;
    struct buf *why;
    bool failed;
};

static bool each_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct each *e = ctx;
    struct foreign_task t;
    if (foreign_task_decode(&t, payload, len, e->why)) {
        e->failed = true;
        return false;
    }
    bool more = e->fn(e->ctx, key, &t);
    foreign_task_fini(&t);
    return more;
}

int foreign_each(struct db *db, foreign_task_fn *fn, void *ctx, struct buf *why) {
    struct each e = {fn, ctx, why, false};
    int rc = db_scan(db, DB_FOREIGN_TASK, each_row, &e, why);
    return rc ? rc : e.failed ? -1 : 0;
}

/* ---- connections ---- */

void dump_connections_encode(const struct foreign_connection *c, size_t n, struct buf *out) {
    enc_u64(out, n);
    for (size_t i = 0; i < n; i++) {
        enc_i64(out, c[i].player);
        enc_i64(out, c[i].listener);
    }
}

bool dump_connections_decode(struct foreign_connection **c, size_t *n, struct dec *d) {
    *n = dec_u64(d);
    *c = NULL;
    if (*n > (size_t)(d->end - d->p) / LEAST_CONNECTION) return *n = 0, false;
    if (!*n) return !d->bad;
    *c = xmalloc(*n * sizeof **c);
    for (size_t i = 0; i < *n; i++) {
        (*c)[i].player = dec_i64(d);
        (*c)[i].listener = dec_i64(d);
    }
    return !d->bad;
}

struct find_connections {
    struct foreign_connection *c;
    size_t n;
    bool bad;
};

static bool find_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct find_connections *f = ctx;
    if (key != dump_extra_key(EXTRA_CONNECTIONS, 0)) return key < dump_extra_key(EXTRA_CONNECTIONS, 0);
    struct dec d = dec_over(payload, len);
    f->bad = !dump_connections_decode(&f->c, &f->n, &d);
    return false;
}

int foreign_connections(struct db *db, struct foreign_connection **out, size_t *n, struct buf *why) {
    struct find_connections f = {NULL, 0, false};
    *out = NULL;
    *n = 0;
    if (db_scan(db, DB_EXTRA, find_row, &f, why)) return -1;
    if (f.bad) {
        free(f.c);
        buf_add_c(why, "the connections taken over from a text dump are damaged in the store; run evermoo check on the world");
        return -1;
    }
    *out = f.c;
    *n = f.n;
    return 0;
}

void foreign_connections_drop(struct db_saver *s) { db_saver_drop(s, DB_EXTRA, dump_extra_key(EXTRA_CONNECTIONS, 0)); }

/* ---- what the format holds and the server does not use ---- */

void dump_header_encode(const struct dump_header *h, struct buf *out) {
    enc_i64(out, h->version);
    enc_i64(out, h->dummy);
    enc_u64(out, h->spaced_recycled);
    enc_u64(out, h->tail);
    enc_u64(out, h->no_newline);
    enc_str(out, h->clocks);
    enc_str(out, h->leftover);
}

bool dump_header_decode(struct dump_header *h, struct dec *d) {
    h->version = (int)dec_i64(d);
    h->dummy = dec_i64(d);
    h->spaced_recycled = dec_u64(d) != 0;
    uint64_t tail = dec_u64(d);
    h->tail = tail <= TAIL_LISTENERS ? (enum dump_tail)tail : TAIL_LISTENERS;
    h->no_newline = dec_u64(d) != 0;
    h->clocks = dec_str(d);
    h->leftover = dec_str(d);
    return !d->bad;
}

void dump_header_fini(struct dump_header *h) {
    str_unref(h->clocks);
    str_unref(h->leftover);
    h->clocks = h->leftover = NULL;
}

void dump_object_encode(const struct dump_object *o, struct buf *out) {
    enc_u64(out, o->other_recycled);
    enc_str(out, o->handles);
    enc_u64(out, o->nodd);
    for (size_t i = 0; i < o->nodd; i++) {
        enc_str(out, o->odd[i].property);
        enc_str(out, o->odd[i].printed);
        enc_str(out, o->odd[i].raw);
    }
}

bool dump_object_decode(struct dump_object *o, struct dec *d) {
    o->other_recycled = dec_u64(d) != 0;
    o->handles = dec_str(d);
    uint64_t n = dec_u64(d);
    if (n > (uint64_t)(d->end - d->p) / LEAST_ODD) return false;
    o->odd = xcalloc(n ? n : 1, sizeof *o->odd);
    for (; o->nodd < n; o->nodd++) {
        struct dump_odd_value *v = &o->odd[o->nodd];
        v->property = dec_str(d);
        v->printed = dec_str(d);
        v->raw = dec_str(d);
        if (v->property && v->printed && v->raw) continue;
        o->nodd++;
        return false;
    }
    return !d->bad;
}

void dump_object_fini(struct dump_object *o) {
    for (size_t i = 0; i < o->nodd; i++) {
        str_unref(o->odd[i].property);
        str_unref(o->odd[i].printed);
        str_unref(o->odd[i].raw);
    }
    free(o->odd);
    str_unref(o->handles);
    *o = (struct dump_object){.object = o->object};
}
