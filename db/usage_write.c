/* SPDX-License-Identifier: MIT */
/* The table `usage' inside a write transaction: what a save adds to it, and all of it counted from the records of a world that had none. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "db/save.h"
#include "db/usage.h"

static int put_usage(struct writer *w, objid owner, int64_t bytes, int64_t objects) {
    struct key k = key_one(key_object(owner));
    struct buf b = BUF_INIT;
    if (!bytes && !objects) return record_delete(w->store, T_USAGE, &k);
    rec_usage_encode(&(struct rec_usage){bytes, (uint64_t)objects}, &b);
    int rc = record_put(w->store, T_USAGE, &k, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

static int add_usage(struct writer *w, const struct usage_entry *e) {
    struct key k = key_one(key_object(e->owner));
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_usage was = {0};
    const char *why;
    int rc = record_get(w->store, T_USAGE, &k, &d, &scratch, &why);
    if (!rc && view_usage_decode(&was, &d)) was = (struct view_usage){0}; /* `check' tells that it is wrong then */
    buf_fini(&scratch);
    return rc < 0 ? rc : put_usage(w, e->owner, was.bytes + e->bytes, (int64_t)was.objects + e->objects);
}

int usage_write(struct writer *w, const struct usage_map *m) {
    int rc = 0;
    for (size_t i = 0; m->v && i <= m->mask && !rc; i++)
        if (m->v[i].used && (m->v[i].bytes || m->v[i].objects)) rc = add_usage(w, &m->v[i]);
    return rc;
}

/* ---- counting everything ---- */

enum { PORTION = 256 }; /* verbs read before they are written */

struct counting {
    struct store *store;
    objid n;
    struct count {
        objid owner;
        int64_t bytes;
        bool exists;
    } *v; /* by object */
    struct buf scratch;
    uint64_t bad; /* records that cannot be read: they do not count, as nobody has what is in them */
};

/* The object's, which is the first part of every key. NULL, and noted: the key or the record is damaged. */
static struct count *open_row(struct counting *c, enum store_table t, const void *key, size_t klen, const void *data, size_t len, struct dec *d) {
    struct dec k = dec_over(key, klen);
    objid o = object_of_key(dec_be64(&k));
    const char *why;
    if (!k.bad && o >= 0 && o < c->n && !record_open(c->store, t, key, klen, data, len, d, &c->scratch, &why)) return &c->v[o];
    c->bad++;
    return NULL;
}

static bool count_object(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct counting *c = ctx;
    struct dec d;
    struct view_object rec;
    struct count *x = open_row(c, T_OBJECT, key, klen, data, len, &d);
    if (x && !view_object_decode(&rec, &d)) *x = (struct count){rec.owner, usage_of_header(rec.name.len), true};
    else c->bad += x != NULL;
    return true;
}

static bool count_propdefs(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct counting *c = ctx;
    struct dec d, items;
    struct view_propdefs rec;
    struct count *x = open_row(c, T_PROPDEF, key, klen, data, len, &d);
    if (!x) return true;
    items = view_propdefs_decode(&rec, &d) ? dec_over(NULL, 0) : dec_over(rec.items.p, rec.items.len);
    while (!items.bad && !dec_at_end(&items)) {
        size_t n;
        const void *p = dec_bytes(&items, &n);
        struct dec one = dec_over(p, n);
        struct view_propdef def;
        if (items.bad || view_propdef_decode(&def, &one)) break;
        x->bytes += usage_of_propdef(def.name.len);
    }
    c->bad += d.bad || !dec_at_end(&items);
    return true;
}

static bool count_propval(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct counting *c = ctx;
    struct dec d;
    struct view_propval rec;
    struct count *x = open_row(c, T_PROPVAL, key, klen, data, len, &d);
    if (x && !view_propval_decode(&rec, &d)) x->bytes += usage_of_record(&rec);
    else c->bad += x != NULL;
    return true;
}

static size_t program_bytes(struct counting *c, const struct rec_bytes *hash) {
    struct key k = {.len = CODE_HASH_BYTES};
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_code code = {0};
    const char *why;
    if (hash->len != CODE_HASH_BYTES) return 0;
    memcpy(k.bytes, hash->p, CODE_HASH_BYTES);
    if (record_get(c->store, T_CODE, &k, &d, &scratch, &why) || view_code_decode(&code, &d)) {
        c->bad++;
        code.text.len = 0;
    }
    buf_fini(&scratch);
    return code.text.len;
}

/* A verb's record gets the length of its program, if it has another: format 1 had none. */
static int complete_verb(struct counting *c, struct writer *w, const struct key *k) {
    const void *data;
    size_t len;
    struct dec d, all;
    struct view_verbdef rec;
    int rc = store_get(c->store, T_VERBDEF, k->bytes, k->len, &data, &len);
    if (rc) return rc;
    struct count *x = open_row(c, T_VERBDEF, k->bytes, k->len, data, len, &d);
    all = d;
    if (!x || view_verbdef_decode(&rec, &d)) {
        c->bad += x != NULL;
        return 0;
    }
    size_t code = program_bytes(c, &rec.code);
    x->bytes += usage_of_verb(rec.names.len, code);
    if (rec.code_bytes == code) return 0;
    struct buf b = BUF_INIT;
    buf_add(&b, all.p, (size_t)(all.end - all.p));
    enc_u64(&b, REC_verbdef_code_bytes << 1);
    enc_u64(&b, code);
    rc = record_put(w->store, T_VERBDEF, k, &b, w->next_blob);
    buf_fini(&b);
    return rc;
}

struct portion {
    struct key keys[PORTION];
    size_t n;
};

static bool note_key(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct portion *p = ctx;
    (void)data, (void)len;
    if (klen > sizeof p->keys[0].bytes) return true;
    memcpy(p->keys[p->n].bytes, key, klen);
    p->keys[p->n++].len = klen;
    return p->n < PORTION;
}

/* The table changes under the scan: keys first, a portion at a time. */
static int complete_verbs(struct counting *c, struct writer *w) {
    struct portion *p = xcalloc(1, sizeof *p);
    struct key from = {.len = 0};
    int rc = 0;
    do {
        p->n = 0;
        rc = store_scan_from(w->store, T_VERBDEF, from.bytes, from.len, 0, note_key, p);
        for (size_t i = 0; i < p->n && !rc; i++) rc = complete_verb(c, w, &p->keys[i]);
        if (p->n) from = p->keys[p->n - 1];
        if (p->n) from.bytes[from.len++] = 0; /* the first possible key above it */
    } while (!rc && p->n == PORTION);
    free(p);
    return rc;
}

static int put_sums(struct counting *c, struct writer *w) {
    struct usage_map sums = {0};
    for (objid o = 0; o < c->n; o++)
        if (c->v[o].exists) usage_add(&sums, c->v[o].owner, c->v[o].bytes, 1);
    int rc = usage_write(w, &sums);
    usage_map_free(&sums);
    return rc;
}

int usage_count(struct writer *w, objid max, uint64_t *bad) {
    struct counting c = {.store = w->store, .n = max + 1};
    c.v = xcalloc((size_t)c.n + 1, sizeof *c.v);
    int rc = store_scan(w->store, T_OBJECT, NULL, 0, count_object, &c);
    if (!rc) rc = store_scan(w->store, T_PROPDEF, NULL, 0, count_propdefs, &c);
    if (!rc) rc = store_scan(w->store, T_PROPVAL, NULL, 0, count_propval, &c);
    if (!rc) rc = complete_verbs(&c, w);
    if (!rc) rc = put_sums(&c, w);
    *bad = c.bad;
    free(c.v);
    buf_fini(&c.scratch);
    return rc;
}

int usage_upgrade(struct db *db, struct writer *w) {
    uint64_t bad;
    int rc = usage_count(w, db->max, &bad);
    if (bad) log_warning("%s: %llu records cannot be read; run `evermoo check'", db->dir, (unsigned long long)bad);
    return rc;
}
