/* SPDX-License-Identifier: MIT */
#include "random.h"

#include "base/list.h"
#include "base/map.h"
#include "base/patience.h"
#include "db/internal.h"

uint64_t rnd(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Values that are read when they are asked for, some in chunks, a few so long that they can be read in portions. */
static value long_value(uint64_t r) {
    struct str *s = str_empty();
    for (unsigned i = 0; i < (r % 8 ? 30 + r % 200 : 9000); i++) s = str_append_take(s, "0123456789", 10);
    if (r % 3) return value_str(s);
    struct list *l = list_new(2);
    for (unsigned i = 0; i < (r % 48 ? 2 : 9); i++) l = list_append_take(l, value_str(str_ref(s)));
    str_unref(s);
    return value_list(l);
}

static value random_value(uint64_t r, int depth) {
    switch (r % 8) {
    case 0: return value_int((int64_t)(r >> 8));
    case 1: return value_obj((objid)(r >> 8) % 50 - 3);
    case 2: return value_float((double)(r >> 8) / 1000);
    case 3: return value_err(E_PERM);
    case 4:
        if (!depth && r % 16 == 4) return long_value(r >> 4);
        return value_str(str_printf("text %d \xc3\xa9", (int)(r >> 40)));
    case 5: {
        struct map *m = map_empty();
        for (unsigned i = 0; depth < 3 && i < (r >> 3 & 3); i++) m = map_set_take(m, value_str(str_printf("key %d", (int)(r >> (8 + i) & 7))), random_value(r >> (4 + i), depth + 1));
        return value_map(m);
    }
    case 6:
        if (depth < 3) return value_list(list_of(2, random_value(r >> 3, depth + 1), random_value(r >> 5, depth + 1)));
        return value_list(list_empty());
    default: return value_str(str_empty());
    }
}

value random_property_value(uint64_t r) { return random_value(r, 0); }

static struct str *prop_name(uint64_t r) { return str_printf("p%d", (int)(r % 12)); }

static void add_several(struct db *db, objid o, objid owner, uint64_t r) {
    struct propdef_new defs[3];
    for (unsigned i = 0; i < 3; i++) defs[i] = (struct propdef_new){prop_name(r >> 8 * i), random_value(r >> i, 1), owner, (unsigned)(r >> 20) & 7};
    db_add_propdefs(db, o, defs, 1 + r % 3);
    for (unsigned i = 0; i < 3; i++) {
        str_unref(defs[i].name);
        value_unref(defs[i].v);
    }
}

static bool always(const void *ctx) { return !ctx; }

/* A few rows of a list, and a part of a long value, as when there is no time for all of it. */
static void read_a_part(struct db *db, objid o, uint64_t r) {
    const struct read_limit limit = {r >> 8 & 3, NULL};
    const struct patience none = {always, NULL};
    struct object *of = object_at(db, o);
    for (uint32_t i = 0; of && r & 16 && i < of->shape->n; i++)
        if (slot_is_unread(of, i)) slot_load(db, of, i, &none);
    if (r & 1 && of) object_load_children(db, of, &limit);
    if (r & 2 && of) object_load_contents(db, of, &limit);
    if (r & 4) value_unref(owned_objects(db, o, &limit));
    if (r % 64 == 8) players_load(db, &limit);
}

static void in_one(struct db *db, unsigned op, objid o, objid p, uint64_t r, objid max) {
    struct str *name = prop_name(r), *other = prop_name(r >> 8);
    struct propref prop;
    struct verbref v;
    switch (op) {
    case 0:
    case 1:
        if (db_next_free(db, 0, max) != NOTHING && r & 1) db_create_at(db, db_next_free(db, 0, max), db_valid(db, o) ? o : NOTHING, p);
        else if (db_max_object(db) < max) db_create(db, db_valid(db, o) ? o : NOTHING, p);
        break;
    case 2:
        if (r % 3 || !db_valid(db, o) || db_count_children(db, o) || db_count_contents(db, o)) break;
        if (db_location(db, o) != NOTHING) db_move(db, o, NOTHING);
        db_destroy(db, o);
        break;
    case 3:
    case 4: {
        if (!db_valid(db, o) || (!db_valid(db, p) && p != NOTHING)) break;
        objid at = p;
        while (at != NOTHING && at != o) at = db_location(db, at);
        if (at == NOTHING) db_move(db, o, p);
        break;
    }
    case 5:
        if (db_valid(db, o) && (db_valid(db, p) || p == NOTHING)) db_chparent(db, o, p);
        break;
    case 6:
        if (db_valid(db, o)) db_add_propdef(db, o, name, random_value(r, 0), p, (unsigned)(r >> 20) & 7);
        break;
    case 7:
        if (db_valid(db, o)) db_delete_propdef(db, o, name);
        break;
    case 8:
        if (db_valid(db, o)) db_rename_propdef(db, o, name, other);
        break;
    case 9:
    case 10:
    case 11:
        if (db_find_property(db, o, name, &prop) && prop.builtin == BP_NONE) db_prop_set_value(db, &prop, random_value(r, 0));
        break;
    case 12:
        if (db_find_property(db, o, name, &prop) && prop.builtin == BP_NONE) db_prop_clear(db, &prop, p);
        break;
    case 13:
        if (db_find_property(db, o, name, &prop) && prop.builtin == BP_NONE) db_prop_set_info(db, &prop, p, (unsigned)(r >> 20) & 7);
        break;
    case 14:
        if (db_valid(db, o)) db_add_verb(db, o, name, p, (unsigned)(r >> 20) & 15, VA_THIS, (int)(r % 15), VA_ANY);
        break;
    case 15:
        if (db_valid(db, o) && db_find_own_verb(db, o, name, &v)) db_delete_verb(db, v);
        break;
    case 16:
    case 17:
        if (db_valid(db, o) && db_find_own_verb(db, o, name, &v)) {
            struct str *text = str_printf("return %d;\n", (int)(r % 5));
            db_verb_set_code(db, v, r % 7 ? code_new(db_code_table(db), text, LANGUAGE_VERSION, false, 1) : NULL);
            str_unref(text);
        }
        break;
    case 18:
        if (db_valid(db, o) && db_find_own_verb(db, o, name, &v)) db_verb_set_info(db, v, other, p, (unsigned)(r >> 20) & 15);
        break;
    case 19:
        if (db_valid(db, o)) db_set_name(db, o, name);
        break;
    case 20:
        if (db_valid(db, o)) db_set_owner(db, o, p);
        break;
    case 21:
        if (db_valid(db, o)) db_set_flag(db, o, r & 1 ? OF_PLAYER : OF_WIZARD, r & 2);
        break;
    case 22:
        if (r % 16 == 0 && db_valid(db, o)) db_renumber(db, o);
        break;
    case 23:
        if (r % 64 == 0) db_reset_max_object(db);
        break;
    case 24:
        if (db_valid(db, o)) add_several(db, o, p, r);
        break;
    case 25:
        if (db_valid(db, o)) db_set_flags(db, o, (unsigned)(r >> 20) & 0xff);
        break;
    case 26:
        if (db_valid(db, o) && db_find_own_verb(db, o, name, &v)) db_verb_set_args(db, v, VA_NONE, (int)(r % 15), r & 64 ? VA_THIS : VA_NONE);
        break;
    case 27:
        if (r % 64 == 0 && db_max_object(db) < max - 2) db_set_max_object(db, db_max_object(db) + 2);
        break;
    default: break;
    }
    str_unref(name);
    str_unref(other);
}

void random_step(struct db *a, struct db *b, uint64_t *state, objid max) {
    uint64_t r = rnd(state);
    unsigned op = (unsigned)(rnd(state) % 28);
    objid o = (objid)(rnd(state) % (uint64_t)max), p = (objid)(rnd(state) % (uint64_t)max) - 1;
    if (r >> 40 & 1) read_a_part(a, p, r >> 41);
    if (r >> 40 & 1 && b) read_a_part(b, p, r >> 41);
    in_one(a, op, o, p, r, max);
    if (b) in_one(b, op, o, p, r, max);
}

static void value_text(struct buf *out, value v) {
    if (v.type == V_CLEAR) buf_add_c(out, "clear");
    else value_print_literal(out, v);
    value_unref(v);
}

static void object_text(struct db *db, objid o, struct buf *out) {
    buf_printf(out, "#%lld \"%s\"", (long long)o, db_name(db, o)->data);
    buf_printf(out, " owner #%lld", (long long)db_owner(db, o));
    buf_printf(out, " parent #%lld", (long long)db_parent(db, o));
    buf_printf(out, " location #%lld", (long long)db_location(db, o));
    buf_printf(out, " flags %x contents ", db_flags(db, o));
    value_text(out, db_contents(db, o, NULL));
    buf_add_c(out, " children ");
    value_text(out, db_children(db, o, NULL));
    buf_add_c(out, " owned ");
    value_text(out, db_owned_objects(db, o, NULL));
    buf_add_c(out, "\n");
    for (size_t i = 0; i < db_count_props(db, o); i++) {
        struct propref p;
        struct str *name;
        db_prop_at(db, o, i, &p, &name);
        buf_printf(out, "  .%s by #%lld", name->data, (long long)p.definer);
        buf_printf(out, " owner #%lld perms %u = ", (long long)db_prop_owner(db, &p), db_prop_flags(db, &p));
        value_text(out, db_prop_raw_value(db, &p));
        buf_add_c(out, " = ");
        value_text(out, db_prop_value(db, &p));
        buf_add_c(out, "\n");
    }
    for (size_t i = 0; i < db_count_verbs(db, o); i++) {
        struct verbref v = {o, (uint32_t)i};
        enum verb_arg dobj, iobj;
        int prep;
        db_verb_args(db, v, &dobj, &prep, &iobj);
        buf_printf(out, "  :%s", db_verb_names(db, v)->data);
        buf_printf(out, " owner #%lld flags %u args %d %d %d", (long long)db_verb_owner(db, v), db_verb_flags(db, v), dobj, prep, iobj);
        struct code *c = db_verb_code(db, v);
        buf_printf(out, " code %s\n", c ? c->text->data : "-");
    }
}

void world_text(struct db *db, struct buf *out) {
    buf_printf(out, "max #%lld players ", (long long)db_max_object(db));
    value_text(out, db_players(db, NULL));
    buf_add_c(out, "\n");
    for (objid o = 0; o <= db_max_object(db); o++) {
        if (db_valid(db, o)) object_text(db, o, out);
        else buf_printf(out, "#%lld recycled, next free #%lld\n", (long long)o, (long long)db_next_free(db, o, o + 1));
    }
}
