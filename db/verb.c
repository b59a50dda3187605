/* SPDX-License-Identifier: MIT */
/*
 * Verbs: their names, what they are found by, and what they are.
 *
 * Finding a callable verb: the inline cache of the place; then one table for the whole world, keyed by layout and name, which also remembers misses; then the
 * walk along the ancestors. Entries count only under the epoch in which they were made.
 */
#include <stdlib.h>
#include <string.h>

#include "db/fast.h"
#include "db/history.h"
#include "db/internal.h"
#include "db/load.h"
#include "db/usage.h"

/* ---- names ---- */

/* One name, pattern[0..n), against the word. */
static bool name_matches(const char *pattern, size_t n, const char *word, size_t len) {
    size_t i = 0, w = 0;
    bool enough = false, star_last = false;
    for (;;) {
        while (i < n && pattern[i] == '*') {
            i++;
            enough = true;
            star_last = i == n;
        }
        if (i == n || w == len) break;
        if (ascii_lower((unsigned char)pattern[i]) != ascii_lower((unsigned char)word[w])) return false;
        i++;
        w++;
    }
    return w == len ? enough || i == n : star_last;
}

bool verb_names_match(const struct str *names, const char *word, size_t len) {
    const char *p = names->data, *end = p + names->len;
    while (p < end) {
        const char *space = memchr(p, ' ', (size_t)(end - p));
        size_t n = (size_t)((space ? space : end) - p);
        if (n && name_matches(p, n, word, len)) return true;
        p += n + 1;
    }
    return false;
}

/* ---- the table of callable verbs ---- */

enum { VERB_TABLE_SIZE = 1 << 12 };
struct verb_hit {
    uint64_t epoch;
    struct str *name;
    uint32_t layout;
    struct verbref verb;
};

void verb_table_free(struct db *db) {
    for (size_t i = 0; db->verb_table && i < VERB_TABLE_SIZE; i++)
        if (db->verb_table[i].name) str_unref(db->verb_table[i].name);
    free(db->verb_table);
    db->verb_table = NULL;
}

static struct verb_hit *table_place(struct db *db, uint32_t layout, const struct str *name) {
    if (!db->verb_table) db->verb_table = xcalloc(VERB_TABLE_SIZE, sizeof *db->verb_table);
    return &db->verb_table[(layout * 2654435761u ^ str_hash(name)) % VERB_TABLE_SIZE];
}

static struct verbref walk_callable(const struct object *o, const struct str *name) {
    for (; o; o = o->up)
        for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) {
            const struct verb *v = &o->defs->verbs[i];
            if ((v->perms & VF_EXEC) && verb_names_match(v->names, name->data, name->len)) return (struct verbref){o->id, i};
        }
    return (struct verbref){NOTHING, 0};
}

static struct verbref find_callable(struct db *db, const struct object *o, struct str *name) {
    struct verb_hit *h = table_place(db, o->layout, name);
    if (h->epoch == db->verb_epoch && h->layout == o->layout && (h->name == name || str_equal(h->name, name))) {
        db->verb_hits++;
        return h->verb;
    }
    db->verb_misses++;
    struct verbref v = walk_callable(o, name);
    if (h->name) str_unref(h->name);
    *h = (struct verb_hit){db->verb_epoch, str_ref(name), o->layout, v};
    return v;
}

static struct verb *verb_at(struct db *db, struct verbref v) {
    struct object *o = object_must(db, v.definer);
    must(o->defs && v.index < o->defs->nverbs);
    return &o->defs->verbs[v.index];
}

static struct code *verb_code(struct db *db, struct verb *v) {
    if (!v->code && (v->state & VERB_HAS_CODE)) v->code = load_code(db, v->hash);
    return v->code;
}

/* Worlds of format 1 do not tell. */
size_t verb_code_bytes(struct db *db, struct verb *v) {
    if (v->code_bytes || !(v->state & VERB_HAS_CODE)) return v->code_bytes;
    const struct code *c = verb_code(db, v);
    return v->code_bytes = c ? c->text->len : 0;
}

static int64_t verb_bytes(struct db *db, struct verb *v) { return usage_of_verb(v->names->len, verb_code_bytes(db, v)); }

static void cache_fill(struct db *db, struct verb_cache *c, const struct object *o, struct verbref ref) {
    *c = (struct verb_cache){.layout = o->layout, .epoch = db->verb_epoch, .verb = ref, .owner = NOTHING};
    if (ref.definer == NOTHING) return;
    struct verb *v = &object_at(db, ref.definer)->defs->verbs[ref.index]; /* an ancestor: loaded */
    c->code = verb_code(db, v);
    c->names = v->names;
    c->owner = v->owner;
    c->flags = verb_perms_flags(v->perms);
}

bool db_find_callable_verb(struct db *db, objid id, struct str *name, struct verb_cache *cache, struct verbref *out) {
    bool found;
    if (cache && db_fast_verb(db, id, cache, &found)) {
        *out = cache->verb;
        return found;
    }
    struct object *o = object_enter(db, id);
    if (!o) return false;
    *out = find_callable(db, o, name);
    if (cache) cache_fill(db, cache, o, *out);
    return out->definer != NOTHING;
}

/* ---- other ways to find one ---- */

static bool arg_fits(unsigned spec, objid what, objid searched) {
    switch (spec) {
    case VA_NONE: return what == NOTHING;
    case VA_THIS: return what == searched;
    default: return true;
    }
}

static bool command_fits(const struct verb *v, objid searched, objid dobj, int prep, objid iobj) {
    return arg_fits(v->perms >> VERB_PERMS_DOBJ & 3, dobj, searched) && (v->prep == PREP_ANY || v->prep == prep) &&
           arg_fits(v->perms >> VERB_PERMS_IOBJ & 3, iobj, searched);
}

bool db_find_command_verb(struct db *db, objid id, const char *word, size_t len, objid dobj, int prep, objid iobj, struct verbref *out) {
    for (struct object *o = object_enter(db, id); o; o = o->up)
        for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++) {
            const struct verb *v = &o->defs->verbs[i];
            if (!command_fits(v, id, dobj, prep, iobj) || !verb_names_match(v->names, word, len)) continue;
            *out = (struct verbref){o->id, i};
            return true;
        }
    return false;
}

bool db_find_own_verb(struct db *db, objid id, struct str *name, struct verbref *out) {
    struct object *o = object_must(db, id);
    for (uint32_t i = 0; o->defs && i < o->defs->nverbs; i++)
        if (verb_names_match(o->defs->verbs[i].names, name->data, name->len)) {
            *out = (struct verbref){id, i};
            return true;
        }
    return false;
}

size_t db_count_verbs(struct db *db, objid id) {
    struct object *o = object_must(db, id);
    return o->defs ? o->defs->nverbs : 0;
}

/* ---- what it is ---- */

struct str *db_verb_names(struct db *db, struct verbref v) { return verb_at(db, v)->names; }
objid db_verb_owner(struct db *db, struct verbref v) { return verb_at(db, v)->owner; }
unsigned db_verb_flags(struct db *db, struct verbref v) { return verb_perms_flags(verb_at(db, v)->perms); }
struct code *db_verb_code(struct db *db, struct verbref v) { return verb_code(db, verb_at(db, v)); }

void db_verb_args(struct db *db, struct verbref ref, enum verb_arg *dobj, int *prep, enum verb_arg *iobj) {
    const struct verb *v = verb_at(db, ref);
    *dobj = (enum verb_arg)(v->perms >> VERB_PERMS_DOBJ & 3);
    *prep = v->prep;
    *iobj = (enum verb_arg)(v->perms >> VERB_PERMS_IOBJ & 3);
}

bool db_verb_allows(struct db *db, struct verbref ref, objid who, enum verb_flag f) {
    const struct verb *v = verb_at(db, ref);
    return (v->perms & f) || v->owner == who || object_is_wizard(db, who);
}

/* ---- changes ---- */

/* A verb that is about to change. */
static struct verb *verb_to_change(struct db *db, struct verbref ref) {
    struct verb *v = verb_at(db, ref);
    struct object *o = object_at(db, ref.definer);
    object_dirty(db, o, OS_VERBS);
    layout_changed(db, o);
    v->state |= VERB_DIRTY;
    return v;
}

void db_verb_set_info(struct db *db, struct verbref ref, struct str *names, objid owner, unsigned flags) {
    struct verb *v = verb_to_change(db, ref);
    usage_grew(db, object_at(db, ref.definer), (int64_t)names->len - (int64_t)v->names->len);
    str_ref(names);
    str_unref(v->names);
    v->names = names;
    v->owner = owner;
    v->perms = (uint16_t)((v->perms & ~(VERB_PERMS_LETTERS | VERB_PERMS_PARK)) | verb_flags_perms(flags));
}

static uint16_t arg_bits(enum verb_arg dobj, enum verb_arg iobj) { return (uint16_t)((dobj & 3u) << VERB_PERMS_DOBJ | (iobj & 3u) << VERB_PERMS_IOBJ); }

void db_verb_set_args(struct db *db, struct verbref ref, enum verb_arg dobj, int prep, enum verb_arg iobj) {
    struct verb *v = verb_to_change(db, ref);
    v->perms = (uint16_t)((v->perms & (VERB_PERMS_LETTERS | VERB_PERMS_PARK)) | arg_bits(dobj, iobj));
    v->prep = (int16_t)prep;
}

void db_verb_set_code(struct db *db, struct verbref ref, struct code *code) {
    struct verb *v = verb_to_change(db, ref);
    size_t bytes = code ? code->text->len : 0;
    usage_grew(db, object_at(db, ref.definer), (int64_t)bytes - (int64_t)verb_code_bytes(db, v));
    v->code_bytes = (uint32_t)bytes;
    struct code *old = v->code; /* it may have been loaded for its length */
    v->code = code;
    v->state &= ~(unsigned)VERB_HAS_CODE;
    memset(v->hash, 0, sizeof v->hash);
    if (code) {
        v->state |= VERB_HAS_CODE;
        memcpy(v->hash, code->hash, sizeof v->hash);
    }
    code_unref(old);
}

void db_verb_program(struct db *db, struct verbref ref, struct code *code, objid programmer) {
    const struct verb *v = verb_at(db, ref);
    bool same = code ? (v->state & VERB_HAS_CODE) && !memcmp(v->hash, code->hash, sizeof v->hash) : !(v->state & VERB_HAS_CODE);
    if (!same) history_note_verb(db, object_at(db, ref.definer), v, programmer);
    db_verb_set_code(db, ref, code);
}

struct verb *object_append_verb(struct object *o) {
    struct defs *d = object_defs(o);
    if (d->nverbs == d->verb_cap) {
        d->verb_cap = d->verb_cap ? d->verb_cap * 2 : 4;
        d->verbs = xrealloc(d->verbs, d->verb_cap * sizeof *d->verbs);
    }
    d->verbs[d->nverbs] = (struct verb){0};
    return &d->verbs[d->nverbs++];
}

size_t db_add_verb(struct db *db, objid id, struct str *names, objid owner, unsigned flags, enum verb_arg dobj, int prep, enum verb_arg iobj) {
    struct object *o = object_must(db, id);
    object_dirty(db, o, OS_VERBS);
    struct verb *v = object_append_verb(o);
    *v = (struct verb){.id = db->next_verb_id++,
                       .names = str_ref(names),
                       .owner = owner,
                       .perms = (uint16_t)(verb_flags_perms(flags) | arg_bits(dobj, iobj)),
                       .prep = (int16_t)prep,
                       .state = VERB_DIRTY};
    usage_grew(db, o, verb_bytes(db, v));
    db->meta_changed = true;
    layout_changed(db, o);
    return o->defs->nverbs - 1;
}

void verb_fini(struct verb *v) {
    str_unref(v->names);
    code_unref(v->code);
}

void db_delete_verb(struct db *db, struct verbref ref) {
    struct verb *v = verb_at(db, ref);
    struct object *o = object_at(db, ref.definer);
    object_dirty(db, o, OS_VERBS);
    usage_grew(db, o, -verb_bytes(db, v));
    struct verb gone = *v;
    if (v->state & (VERB_STORED | VERB_PUTTING)) row_delete(db, ROW_VERBDEF, (uint64_t)o->id, v->id);
    o->defs->nverbs--;
    memmove(v, v + 1, (o->defs->nverbs - ref.index) * sizeof *v);
    object_drop_defs(o);
    layout_changed(db, o);
    verb_fini(&gone);
}

void db_verb_cache_stats(struct db *db, uint64_t *hits, uint64_t *misses, uint64_t *generation) {
    *hits = db->verb_hits;
    *misses = db->verb_misses;
    *generation = db->verb_epoch;
}
