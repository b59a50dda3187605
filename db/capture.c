/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/large.h"
#include "db/rowset.h"
#include "db/save.h"

static struct capture *capture_add(struct captures *out, enum store_table t, enum capture_kind kind, struct key k) {
    if (out->n == out->cap) {
        size_t cap = out->cap ? out->cap * 2 : 256;
        out->v = large_resize(out->v, out->cap * sizeof *out->v, cap * sizeof *out->v);
        out->cap = cap;
    }
    struct capture *c = &out->v[out->n++];
    *c = (struct capture){.table = (uint8_t)t, .kind = (uint8_t)kind, .klen = (uint8_t)k.len};
    must(k.len <= sizeof c->key);
    memcpy(c->key, k.bytes, k.len);
    return c;
}

/* The payload is what was appended to out->bytes since `at'. */
static void capture_encoded(struct captures *out, enum store_table t, struct key k, size_t at) {
    struct capture *c = capture_add(out, t, CAPTURE_BYTES, k);
    c->u.bytes.at = at;
    c->u.bytes.len = out->bytes.len - at;
}

void capture_bytes(struct captures *out, enum store_table t, struct key k, const struct buf *payload) {
    size_t at = out->bytes.len;
    buf_add(&out->bytes, buf_c(payload), payload->len);
    capture_encoded(out, t, k, at);
}

void capture_delete(struct captures *out, enum store_table t, struct key k) { capture_add(out, t, CAPTURE_DELETE, k); }

/* ---- objects ---- */

static void capture_header(struct captures *out, const struct object *o) {
    struct rec_object rec = {.flags = o->flags,
                             .owner = o->owner,
                             .parent = object_parent(o),
                             .location = o->location,
                             .name = o->name,
                             .child_key = o->child_key,
                             .content_key = o->content_key};
    size_t at = out->bytes.len;
    rec_object_encode(&rec, &out->bytes);
    capture_encoded(out, T_OBJECT, key_one(key_object(o->id)), at);
}

static void capture_propdefs(struct captures *out, const struct object *o) {
    struct key k = key_one(key_object(o->id));
    if (!o->defs || !o->defs->nprops) {
        capture_delete(out, T_PROPDEF, k);
        return;
    }
    struct buf items = BUF_INIT, one = BUF_INIT;
    for (uint32_t i = 0; i < o->defs->nprops; i++) {
        const struct propdef *p = &o->defs->props[i];
        buf_clear(&one);
        rec_propdef_encode(&(struct rec_propdef){p->id, p->name, p->owner, p->perms}, &one);
        enc_bytes(&items, one.data, one.len);
    }
    size_t at = out->bytes.len;
    rec_propdefs_encode(&(struct rec_propdefs){{items.data, items.len}}, &out->bytes);
    capture_encoded(out, T_PROPDEF, k, at);
    buf_fini(&items);
    buf_fini(&one);
}

static void capture_slots(struct captures *out, struct object *o) {
    for (uint32_t i = 0; i < o->shape->n; i++) {
        unsigned bits = slot_bits(o, i);
        if (!(bits & SLOT_DIRTY)) continue;
        struct key k = key_two(key_object(o->id), o->shape->slots[i].id);
        slot_drop_bits(o, i, SLOT_DIRTY);
        must(!slot_is_unread(o, i));
        if (!slot_is_default(o, i)) {
            slot_add_bits(o, i, SLOT_PUTTING);
            struct capture *c = capture_add(out, T_PROPVAL, CAPTURE_PROPVAL, k);
            value v = value_ref(slot_value(o, i));
            c->type = (uint8_t)v.type;
            c->perms = (uint8_t)slot_perms(o, i);
            c->u.propval.payload = v.u.i;
            c->u.propval.owner = slot_owner(o, i);
        } else if (bits & SLOT_STORED) {
            slot_add_bits(o, i, SLOT_DELETING);
            capture_delete(out, T_PROPVAL, k);
        }
    }
}

void capture_program(struct captures *out, struct code *code) {
    struct key k = {.len = CODE_HASH_BYTES};
    memcpy(k.bytes, code->hash, CODE_HASH_BYTES);
    capture_add(out, T_CODE, CAPTURE_CODE, k)->u.code = code_ref(code);
}

static void capture_verbs(struct captures *out, struct object *o) {
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) {
        struct verb *v = &o->defs->verbs[i];
        if (!(v->state & VERB_DIRTY)) continue;
        v->state = (v->state & ~(unsigned)VERB_DIRTY) | VERB_PUTTING;
        struct rec_verbdef rec = {.names = v->names, .owner = v->owner, .perms = v->perms, .prep = v->prep};
        if (v->state & VERB_HAS_CODE) rec.code_bytes = v->code_bytes, rec.code = (rec_bytes){v->hash, CODE_HASH_BYTES};
        size_t at = out->bytes.len;
        rec_verbdef_encode(&rec, &out->bytes);
        capture_encoded(out, T_VERBDEF, key_two(key_object(o->id), v->id), at);
        if (v->code) capture_program(out, v->code); /* not loaded: it is in the store */
    }
}

void capture_object(struct captures *out, struct object *o) {
    unsigned what = o->state & OS_DIRTY_MASK;
    o->saving = (uint8_t)what;
    o->state = (uint16_t)((o->state & ~(OS_DIRTY_MASK | OS_QUEUED)) | OS_STORED | OS_SAVING);
    if (what & OS_HEADER) capture_header(out, o);
    if (what & OS_PROPDEFS) capture_propdefs(out, o);
    if (what & OS_SLOTS) capture_slots(out, o);
    if (what & OS_VERBS) capture_verbs(out, o);
}

/* ---- rows ---- */

static struct key row_key(const struct row *r) {
    switch ((enum row_table)r->table) {
    case ROW_CONTENTS:
    case ROW_CHILDREN:
    case ROW_PROPVAL:
    case ROW_VERBDEF: return key_two(key_object((objid)r->a), r->b);
    case ROW_OWNED: return key_two(key_object((objid)r->a), key_object((objid)r->b));
    case ROW_FREE: return key_one(key_object((objid)r->b));
    case ROW_PLAYER: return key_one(r->b);
    case ROW_OBJECT:
    case ROW_PROPDEF: return key_one(key_object((objid)r->a));
    case ROW_HISTORY: {
        struct key k = key_history((enum history_kind)r->b, key_object((objid)r->a), 0, 0);
        k.len = HISTORY_OBJECT_KEY;
        return k;
    }
    case ROW_SETTER:
    case ROW_TABLES: break;
    }
    must(!"a table of rows");
    return (struct key){.len = 0};
}

const enum store_table row_store_table[ROW_TABLES] = {[ROW_CONTENTS] = T_CONTENTS, [ROW_CHILDREN] = T_CHILDREN, [ROW_PLAYER] = T_PLAYER,
                                                             [ROW_OWNED] = T_OWNED,       [ROW_FREE] = T_FREE,         [ROW_OBJECT] = T_OBJECT,
                                                             [ROW_PROPDEF] = T_PROPDEF,   [ROW_PROPVAL] = T_PROPVAL,   [ROW_VERBDEF] = T_VERBDEF,
                                                             [ROW_HISTORY] = T_HISTORY};

void capture_rows(struct captures *out, const struct rowset *rows, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        const struct row *r = rowset_row(rows, i);
        if (r->table == ROW_TABLES || r->table == ROW_SETTER) continue;
        enum store_table t = row_store_table[r->table];
        if (r->deleted) {
            capture_delete(out, t, row_key(r));
            continue;
        }
        size_t at = out->bytes.len;
        if (t != T_OWNED && t != T_FREE) rec_link_encode(&(struct rec_link){r->v}, &out->bytes);
        capture_encoded(out, t, row_key(r), at);
    }
}

/* ---- the batch ---- */

static int by_key(const void *a, const void *b) {
    const struct capture *x = a, *y = b;
    if (x->table != y->table) return x->table < y->table ? -1 : 1;
    int c = memcmp(x->key, y->key, x->klen < y->klen ? x->klen : y->klen);
    return c ? c : (x->klen > y->klen) - (x->klen < y->klen);
}

void captures_sort(struct captures *c) {
    if (c->n) qsort(c->v, c->n, sizeof *c->v, by_key);
}

void captures_release_some(struct captures *c, size_t most) {
    for (; c->n && most; most--) {
        const struct capture *x = &c->v[--c->n];
        if (x->kind == CAPTURE_PROPVAL) value_unref((value){.type = x->type, .u.i = x->u.propval.payload});
        if (x->kind == CAPTURE_CODE) code_unref(x->u.code);
    }
}

void captures_release(struct captures *c) {
    captures_release_some(c, c->n);
    c->bytes.len = 0;
}

void captures_fini(struct captures *c) {
    captures_release(c);
    buf_fini(&c->bytes);
    large_free(c->v, c->cap * sizeof *c->v);
    *c = (struct captures){0};
}
