/* SPDX-License-Identifier: MIT */
#include "builtins/support.h"

static const char prop_letters[] = "rwc"; /* bits of enum prop_flag, in order */

struct prop_info {
    objid owner;
    unsigned flags;
    struct str *new_name; /* borrowed; NULL when not given */
};

/* {owner, letters [, new name]}: E_TYPE for another shape, E_INVARG for an invalid owner or an unknown letter. */
static enum error parse_prop_info(struct db *db, const struct list *l, uint32_t max_len, struct prop_info *out) {
    if (l->len < 2 || l->len > max_len || l->items[0].type != V_OBJ || l->items[1].type != V_STR) return E_TYPE;
    if (l->len == 3 && l->items[2].type != V_STR) return E_TYPE;
    *out = (struct prop_info){.owner = l->items[0].u.o, .new_name = l->len == 3 ? l->items[2].u.s : NULL};
    if (!db_valid(db, out->owner)) return E_INVARG;
    return support_parse_letters(l->items[1].u.s, prop_letters, &out->flags) ? E_NONE : E_INVARG;
}

/* Argument 1 as a valid object and argument 2 as a property of it. */
enum { MOVED_A_SLOT = 8 }; /* slots that are only moved or looked at take no longer than one that is made */

static enum error find_prop_arg(struct builtin_call *c, struct propref *p) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    if (e != E_NONE) return e;
    if (!support_can_look_up(c, c->args[1].u.s)) return E_QUOTA;
    return db_find_property(db_of(c), o, c->args[1].u.s, p) ? E_NONE : E_PROPNF;
}

struct result bf_properties(struct builtin_call *c) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    if (e == E_NONE && !db_object_allows(db_of(c), o, c->progr, OF_READ)) e = E_PERM;
    return e == E_NONE ? result_value(db_propdefs(db_of(c), o)) : result_raise(e);
}

struct result bf_property_info(struct builtin_call *c) {
    struct propref p;
    struct db *db = db_of(c);
    enum error e = find_prop_arg(c, &p);
    if (e == E_NONE && p.builtin != BP_NONE) e = E_PROPNF;
    if (e == E_NONE && !db_prop_allows(db, &p, c->progr, PF_READ)) e = E_PERM;
    if (e != E_NONE) return result_raise(e);
    struct str *letters = support_print_letters(db_prop_flags(db, &p), prop_letters);
    return result_list(list_of(2, value_obj(db_prop_owner(db, &p)), value_str(letters)));
}

struct result bf_set_property_info(struct builtin_call *c) {
    struct prop_info info;
    struct propref p;
    struct db *db = db_of(c);
    if (c->args[0].type != V_OBJ) return result_raise(E_TYPE);
    enum error e = parse_prop_info(db, c->args[2].u.l, 3, &info);
    if (e == E_NONE) e = find_prop_arg(c, &p);
    if (e == E_NONE && p.builtin != BP_NONE) e = E_PROPNF;
    if (e != E_NONE) return result_raise(e);
    if (!db_prop_allows(db, &p, c->progr, PF_WRITE)) return result_raise(E_PERM);
    if (db_prop_owner(db, &p) != info.owner && !is_wizard(c)) return result_raise(E_PERM);
    struct patience patience = vm_patience(c->vm);
    if (!db_prop_ready(db, &p, &patience)) return support_gave_up(c);
    if (info.new_name) {
        bool memory;
        struct propref other;
        if (!support_can_look_up(c, info.new_name)) return support_gave_up(c);
        if (p.definer != c->args[0].u.o) return result_raise(E_INVARG);
        if (!db_can_define(db, p.definer, c->progr, 0, 0, support_growth(c->args[1].u.s->len, info.new_name->len))) return result_raise(E_QUOTA);
        if (!str_equal(c->args[1].u.s, info.new_name) && db_find_property(db, p.definer, info.new_name, &other)) return result_raise(E_INVARG);
        if (!support_can_refit(c, c->args[0].u.o, REFIT_DEFINE, db_count_props(db, c->args[0].u.o) / MOVED_A_SLOT, &memory)) return memory ? support_memory_error() : support_gave_up(c);
        if (db_rename_propdef(db, c->args[0].u.o, c->args[1].u.s, info.new_name) != E_NONE) return result_raise(E_INVARG);
        must(db_find_property(db, c->args[0].u.o, info.new_name, &p));
    }
    db_prop_set_info(db, &p, info.owner, info.flags);
    return result_int(0);
}

struct result bf_add_property(struct builtin_call *c) {
    struct prop_info info;
    objid o;
    struct db *db = db_of(c);
    if (c->args[0].type != V_OBJ) return result_raise(E_TYPE);
    enum error e = parse_prop_info(db, c->args[3].u.l, 2, &info);
    if (e == E_NONE) e = support_valid_arg(c, 0, &o);
    if (e != E_NONE) return result_raise(e);
    if (!db_object_allows(db, o, c->progr, OF_WRITE) || (info.owner != c->progr && !is_wizard(c))) return result_raise(E_PERM);
    if (value_bytes(c->args[2]) > VALUE_STORED_MAX) return result_raise(E_QUOTA);
    bool memory;
    struct propref p;
    if (!support_can_look_up(c, c->args[1].u.s)) return support_gave_up(c);
    if (db_find_property(db, o, c->args[1].u.s, &p)) return result_raise(E_INVARG);
    if (!db_can_define(db, o, c->progr, 1, 0, c->args[1].u.s->len)) return result_raise(E_QUOTA);
    if (!support_can_refit(c, o, REFIT_DEFINE, 1 + db_count_props(db, o) / MOVED_A_SLOT, &memory)) return memory ? support_memory_error() : support_gave_up(c);
    objid owner = info.flags & PF_CHOWN ? db_owner(db, o) : info.owner; /* with `c', here as in descendants, the object's owner */
    return result_error(db_add_propdef(db, o, c->args[1].u.s, value_ref(c->args[2]), owner, info.flags));
}

struct result bf_delete_property(struct builtin_call *c) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    bool memory;
    struct propref p;
    if (e == E_NONE && !db_object_allows(db_of(c), o, c->progr, OF_WRITE)) e = E_PERM;
    if (e == E_NONE && !support_can_look_up(c, c->args[1].u.s)) return support_gave_up(c);
    if (e == E_NONE && (!db_find_property(db_of(c), o, c->args[1].u.s, &p) || p.builtin != BP_NONE || p.definer != o)) e = E_PROPNF;
    if (e == E_NONE && !support_can_refit(c, o, REFIT_UNDEFINE, db_count_props(db_of(c), o), &memory)) return memory ? support_memory_error() : support_gave_up(c);
    if (e == E_NONE) e = db_delete_propdef(db_of(c), o, c->args[1].u.s);
    return result_error(e);
}

struct result bf_property_history(struct builtin_call *c) {
    struct propref p;
    struct db_version *versions;
    enum error e = find_prop_arg(c, &p);
    if (e == E_NONE && p.builtin != BP_NONE) return result_list(list_empty());
    /* Not whoever may read it now: it may have been closed then. */
    if (e == E_NONE && !is_wizard(c) && db_prop_owner(db_of(c), &p) != c->progr) e = E_PERM;
    if (e != E_NONE) return result_raise(e);
    size_t n = db_property_history(db_of(c), &p, &versions);
    struct list *l = list_new(n);
    for (size_t i = 0; i < n; i++) {
        struct list *one = list_of(2, value_int(versions[i].time / 1000000), value_obj(versions[i].programmer));
        if (versions[i].value.type != V_CLEAR) one = list_append_take(one, value_ref(versions[i].value));
        l = list_append_take(l, value_list(one));
    }
    db_versions_free(versions, n);
    return result_list(l);
}

static bool may_clear(const struct builtin_call *c, const struct propref *p) {
    if (p->builtin != BP_NONE) return false;
    if (c->m->dialect->anyone_clears_writable && db_prop_allows(db_of(c), p, c->progr, PF_WRITE)) return true;
    return is_wizard(c) || db_prop_owner(db_of(c), p) == c->progr;
}

struct result bf_clear_property(struct builtin_call *c) {
    struct propref p;
    enum error e = find_prop_arg(c, &p);
    if (e == E_NONE && !may_clear(c, &p)) e = E_PERM;
    if (e == E_NONE && p.definer == c->args[0].u.o) e = E_INVARG;
    if (e == E_NONE) db_prop_clear(db_of(c), &p, c->progr);
    return result_error(e);
}

struct result bf_is_clear_property(struct builtin_call *c) {
    struct propref p;
    if (c->args[0].type != V_OBJ) return result_raise(E_INVARG); /* in its sisters it is E_TYPE */
    enum error e = find_prop_arg(c, &p);
    if (e == E_NONE && p.builtin != BP_NONE) return result_int(0);
    if (e == E_NONE && !db_prop_allows(db_of(c), &p, c->progr, PF_READ)) e = E_PERM;
    return e == E_NONE ? result_int(db_prop_is_clear(db_of(c), &p)) : result_raise(e);
}
