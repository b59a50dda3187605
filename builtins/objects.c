/* SPDX-License-Identifier: MIT */
/*
 * Objects. create, recycle and move call verbs of the objects concerned: they return R_CALL and are entered again, with what they
 * still need in `state'. Step numbers and the layout of `state' are a format (lang/builtin.h), and programs see the steps as line numbers in callers(1):
 *   create   2 behind :initialize    state: the object
 *   recycle  2 throughout            state: {object, 0 behind :recycle, 1 behind :exitfunc}
 *   move     2 behind :accept, 3 behind :exitfunc, 4 behind :enterfunc    state: {what, where, position}
 */
#include "builtins/support.h"

#include "scheduler/host.h"
#include "scheduler/scheduler.h"

struct result bf_valid(struct builtin_call *c) {
    if (c->args[0].type != V_OBJ) return result_raise(E_TYPE);
    if (!vm_bring(c->vm, c->args[0].u.o)) return result_raise(E_QUOTA);
    return result_int(db_valid(db_of(c), c->args[0].u.o));
}

struct result bf_parent(struct builtin_call *c) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    return e == E_NONE ? result_obj(db_parent(db_of(c), o)) : result_raise(e);
}

/* V_NONE: there was no time to read all of it. */
static struct result result_listed(struct builtin_call *c, value list) { return list.type == V_NONE ? support_gave_up(c) : result_value(list); }

struct result bf_children(struct builtin_call *c) {
    objid o;
    struct patience patience = vm_patience(c->vm);
    enum error e = support_valid_arg(c, 0, &o);
    return e == E_NONE ? result_listed(c, db_children(db_of(c), o, &patience)) : result_raise(e);
}

struct result bf_max_object(struct builtin_call *c) { return result_obj(db_max_object(db_of(c))); }

struct result bf_players(struct builtin_call *c) {
    struct patience patience = vm_patience(c->vm);
    return result_listed(c, db_players(db_of(c), &patience));
}

struct result bf_is_player(struct builtin_call *c) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    return e == E_NONE ? result_int(db_flag(db_of(c), o, OF_PLAYER)) : result_raise(e);
}

static void boot(struct builtin_call *c, objid player) {
    const struct host *host = c->m->host;
    if (host && host->boot) host->boot(host->ctx, player);
}

struct result bf_set_player_flag(struct builtin_call *c) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    if (e != E_NONE) return result_raise(e);
    if (!is_wizard(c)) return result_raise(E_PERM);
    bool yes = flag_arg(c, 1);
    db_set_flag(db_of(c), o, OF_PLAYER, yes);
    if (!yes) boot(c, o);
    return result_int(0);
}

struct result bf_renumber(struct builtin_call *c) {
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    if (e != E_NONE) return result_raise(e);
    if (!is_wizard(c)) return result_raise(E_PERM);
    return result_obj(db_renumber(db_of(c), o));
}

struct result bf_reset_max_object(struct builtin_call *c) {
    if (!is_wizard(c)) return result_raise(E_PERM);
    db_reset_max_object(db_of(c));
    return result_int(0);
}

struct result bf_object_bytes(struct builtin_call *c) {
    if (c->args[0].type != V_OBJ) return result_raise(E_TYPE);
    objid o = c->args[0].u.o;
    bool valid = db_valid(db_of(c), o), allowed = is_wizard(c);
    if (!valid && (allowed || c->m->dialect->validity_first)) return result_raise(E_INVIND);
    if (!allowed) return result_raise(E_PERM);
    return result_int(db_object_bytes(db_of(c), o));
}

struct result bf_owned_objects(struct builtin_call *c) {
    objid owner = c->args[0].u.o;
    struct patience patience = vm_patience(c->vm);
    if (!db_valid(db_of(c), owner)) return result_raise(E_INVIND);
    return result_listed(c, db_owned_objects(db_of(c), owner, &patience));
}

struct result bf_recycled_objects(struct builtin_call *c) {
    struct db *db = db_of(c);
    struct list *all = list_new(0);
    objid end = db_max_object(db) + 1;
    for (objid o = 0; (o = db_next_free(db, o, end)) != NOTHING; o++) {
        all = list_append_take(all, value_obj(o));
        if (all->len % PATIENCE_STEPS || !vm_deadline_passed(c->vm)) continue;
        list_unref(all);
        return support_gave_up(c);
    }
    return result_value(value_list(all));
}

struct result bf_next_recycled_object(struct builtin_call *c) {
    struct db *db = db_of(c);
    objid start = c->nargs > 0 ? c->args[0].u.o : 0, max = db_max_object(db);
    if (start < 0 || start > max) return result_raise(E_INVARG);
    objid next = db_next_free(db, start, max + 1);
    return next == NOTHING ? result_int(0) : result_obj(next);
}

struct result bf_owned_bytes(struct builtin_call *c) {
    objid who = c->args[0].u.o;
    if (who != c->progr && !is_wizard(c)) return result_raise(E_PERM);
    return result_int(db_owned_bytes(db_of(c), who, NULL));
}

struct result bf_chparent(struct builtin_call *c) {
    objid o, parent = c->args[1].u.o;
    enum error e = support_valid_arg(c, 0, &o);
    struct db *db = db_of(c);
    if (e == E_NONE && !vm_bring(c->vm, parent)) e = E_QUOTA;
    if (e == E_NONE && parent != NOTHING && !db_valid(db, parent)) e = E_INVARG;
    if (e == E_NONE && (!db_controls(db, c->progr, o) || (parent != NOTHING && !db_object_allows(db, parent, c->progr, OF_FERTILE)))) e = E_PERM;
    if (e == E_NONE && parent != NOTHING && db_is_a(db, parent, o)) e = E_RECMOVE;
    bool memory;
    if (e == E_NONE && !support_can_refit(c, o, REFIT_PARENT, db_count_props(db, o) + (parent == NOTHING ? 0 : db_count_props(db, parent)), &memory))
        return memory ? support_memory_error() : support_gave_up(c);
    if (e == E_NONE && !db_can_inherit(db, o, parent, c->progr)) e = E_QUOTA;
    if (e == E_NONE) e = db_chparent(db, o, parent);
    return result_error(e);
}

/* ---- create() ---- */

/* Takes one from the owner's .ownership_quota, or gives one back: false when none is left. Absent or no integer: no limit. */
static bool change_quota(struct builtin_call *c, objid owner, int64_t by) {
    struct db *db = db_of(c);
    if (!c->m->dialect->ownership_quota || !db_valid(db, owner)) return true;
    struct str *name = str_from("ownership_quota");
    struct patience patience = vm_patience(c->vm);
    struct propref p;
    value quota;
    bool found = db_find_property(db, owner, name, &p);
    str_unref(name);
    if (!found || p.builtin != BP_NONE || !db_read_property(db, owner, "ownership_quota", &patience, &quota)) return true;
    if (quota.type != V_INT) {
        value_unref(quota);
        return true;
    }
    if (by < 0 && quota.u.i <= 0) return false;
    db_prop_set_value(db, &p, value_int((int64_t)((uint64_t)quota.u.i + (uint64_t)by)));
    return true;
}

struct creation {
    objid parent, owner;
    struct list *args; /* borrowed from the arguments; NULL: none */
    bool unsupported; /* anonymous, or several parents: E_INVARG when nothing else is wrong */
    bool bad_parent; /* #-1 in a list */
    bool anonymous;
};

/* Parents as one object or a list. */
static enum error parent_from(value v, struct creation *out) {
    if (v.type == V_OBJ) {
        out->parent = v.u.o;
        return E_NONE;
    }
    if (v.type != V_LIST) return E_TYPE;
    for (uint32_t i = 0; i < v.u.l->len; i++) {
        if (v.u.l->items[i].type != V_OBJ) return E_TYPE;
        if (v.u.l->items[i].u.o == NOTHING) out->bad_parent = true;
    }
    out->parent = v.u.l->len ? v.u.l->items[0].u.o : NOTHING;
    out->unsupported = v.u.l->len > 1;
    return E_NONE;
}

/* ToastStunt's form: behind the owner an integer (true: anonymous, which is not supported) and a list for :initialize, each at most once. */
static enum error creation_from_args(const struct builtin_call *c, struct creation *out) {
    *out = (struct creation){.owner = c->progr};
    if (parent_from(c->args[0], out) != E_NONE) return E_TYPE;
    int i = 1;
    bool flag_seen = false;
    if (i < c->nargs && c->args[i].type == V_OBJ) out->owner = c->args[i++].u.o;
    for (; i < c->nargs; i++) {
        value v = c->args[i];
        if (v.type == V_INT && !flag_seen) {
            flag_seen = true;
            out->anonymous = v.u.i != 0;
        } else if (v.type == V_LIST && !out->args) {
            out->args = v.u.l;
        } else {
            return E_TYPE;
        }
    }
    return E_NONE;
}

static enum error check_creation(struct builtin_call *c, const struct creation *w) {
    struct db *db = db_of(c);
    bool wizard = is_wizard(c);
    bool no_parent = w->parent == NOTHING;
    if (!vm_bring(c->vm, w->parent)) return E_QUOTA;
    if (c->m->dialect->validity_first) {
        if (w->bad_parent) return E_INVARG;
        if (w->owner != NOTHING && !db_valid(db, w->owner)) return E_INVARG;
        if (!no_parent && !db_valid(db, w->parent)) return E_INVARG;
    }
    if (!no_parent && !db_valid(db, w->parent)) return E_PERM;
    if (!no_parent && !db_object_allows(db, w->parent, c->progr, OF_FERTILE)) return E_PERM;
    if (!no_parent && w->anonymous && !db_controls(db, c->progr, w->parent)) return E_PERM; /* nothing has the flag that lets others */
    if (w->owner != c->progr && !wizard) return E_PERM;
    return w->unsupported || w->anonymous ? E_INVARG : E_NONE;
}

bool bf_create_may_wait(const struct machine *m, int step, value state) {
    (void)m;
    return step == 2 && state.type == V_OBJ;
}

struct result bf_create(struct builtin_call *c) {
    if (c->step > 0) return result_value(value_ref(c->state));
    struct creation w;
    enum error e = creation_from_args(c, &w);
    if (e == E_NONE) e = check_creation(c, &w);
    if (e == E_NONE && !change_quota(c, w.owner, -1)) e = E_QUOTA;
    if (e != E_NONE) return result_raise(e);
    objid o = db_create(db_of(c), w.parent, w.owner);
    bool found;
    struct result r = result_call_verb(c->m, o, "initialize", w.args ? list_ref(w.args) : list_empty(), &found);
    if (!found) return result_obj(o);
    c->step = 2;
    c->state = value_obj(o);
    return r;
}

/* ---- recycle() ---- */

enum { BEHIND_RECYCLE, BEHIND_EXITFUNC };

static bool call_hook(struct builtin_call *c, objid object, const char *verb, objid arg, struct result *r) {
    bool found;
    *r = result_call_verb(c->m, object, verb, list_of(1, value_obj(arg)), &found);
    return found;
}

static void recycle_state(struct builtin_call *c, objid o, int where) {
    value_unref(c->state);
    c->step = 2;
    c->state = value_list(list_of(2, value_obj(o), value_int(where)));
}

enum emptied { EMPTIED, EMPTIED_BY_HOOK /* which is to be called, first */, EMPTIED_TOO_SLOWLY };

/* Takes the contents out, then o itself from its place, as often as its hooks put something back. */
static enum emptied empty_out(struct builtin_call *c, objid o, struct result *r) {
    struct db *db = db_of(c);
    struct patience patience = vm_patience(c->vm);
    if (!db_load_contents(db, o, &patience)) return EMPTIED_TOO_SLOWLY;
    for (;;) {
        objid thing = db_first_content(db, o), place = db_location(db, o);
        if (thing != NOTHING) {
            if (vm_deadline_passed(c->vm)) return EMPTIED_TOO_SLOWLY;
            db_move(db, thing, NOTHING);
            if (call_hook(c, o, "exitfunc", thing, r)) return EMPTIED_BY_HOOK;
        } else if (place != NOTHING) {
            db_move(db, o, NOTHING);
            if (db_valid(db, place) && call_hook(c, place, "exitfunc", o, r)) return EMPTIED_BY_HOOK;
        } else {
            return EMPTIED;
        }
    }
}

/* `owned' named the dead object as their owner: they belong to nobody. */
static void destroy(struct builtin_call *c, objid o, const struct list *owned) {
    struct db *db = db_of(c);
    objid parent = db_parent(db, o), owner = db_owner(db, o), child;
    while ((child = db_first_child(db, o)) != NOTHING) must(db_chparent(db, child, parent) == E_NONE);
    db_destroy(db, o);
    if (c->m->scheduler) sched_object_recycled(c->m->scheduler, o);
    for (uint32_t i = 0; i < owned->len; i++)
        if (db_valid(db, owned->items[i].u.o)) db_set_owner(db, owned->items[i].u.o, NOTHING);
    change_quota(c, owner, 1);
}

/* Children get another parent, and what it owned another owner, all at once. false: *r is why not. */
static bool can_destroy(struct builtin_call *c, objid o, const struct list *owned, struct result *r) {
    enum { KID_AS_SLOTS = 5 }; /* another parent for a child takes about as long as so many slots */
    bool memory;
    if (owned->len && !vm_can_afford(c->vm, db_change_ns(db_of(c), owned, 0, vm_time_left_ns(c->vm)))) return *r = support_gave_up(c), false;
    if (db_is_leaf(db_of(c), o)) return true;
    if (support_can_refit(c, o, REFIT_PARENT, db_count_props(db_of(c), o) + KID_AS_SLOTS, &memory)) return true;
    *r = memory ? support_memory_error() : support_gave_up(c);
    return false;
}

/* V_NONE: there was no time to find out. */
static value what_loses_its_owner(const struct builtin_call *c, objid o) {
    struct patience patience = vm_patience(c->vm);
    return c->m->dialect->recycle_disowns ? db_owned_objects(db_of(c), o, &patience) : value_list(list_empty());
}

static struct result continue_recycle(struct builtin_call *c, objid o) {
    struct result r;
    if (!db_valid(db_of(c), o)) return c->m->dialect->validity_first ? result_raise(E_INVARG) : result_int(0);
    switch (empty_out(c, o, &r)) {
    case EMPTIED: break;
    case EMPTIED_BY_HOOK: recycle_state(c, o, BEHIND_EXITFUNC); return r;
    case EMPTIED_TOO_SLOWLY: return support_gave_up(c);
    }
    value owned = what_loses_its_owner(c, o);
    if (owned.type == V_NONE) return support_gave_up(c);
    if (can_destroy(c, o, owned.u.l, &r)) destroy(c, o, owned.u.l), r = result_int(0);
    value_unref(owned);
    return r;
}

bool bf_recycle_may_wait(const struct machine *m, int step, value state) {
    (void)m;
    return step == 2 && support_list_is(state, 2, (const enum value_type[]){V_OBJ, V_INT});
}

struct result bf_recycle(struct builtin_call *c) {
    if (c->step > 0) return continue_recycle(c, list_get(c->state.u.l, 1).u.o);
    objid o;
    enum error e = support_valid_arg(c, 0, &o);
    if (e == E_NONE && !db_controls(db_of(c), c->progr, o)) e = E_PERM;
    if (e != E_NONE) return result_raise(e);
    bool found;
    struct result r;
    /* before anything of it is done; who owns much is mostly a player */
    value owned = db_flag(db_of(c), o, OF_PLAYER) ? what_loses_its_owner(c, o) : value_list(list_empty());
    if (owned.type == V_NONE) return support_gave_up(c);
    bool can = can_destroy(c, o, owned.u.l, &r);
    value_unref(owned);
    if (!can) return r;
    r = result_call_verb(c->m, o, "recycle", list_empty(), &found);
    if (!found) return continue_recycle(c, o);
    recycle_state(c, o, BEHIND_RECYCLE);
    return r;
}

/* ---- move() ---- */

struct transfer {
    objid what, where;
    int64_t position; /* 0: last */
};

static struct transfer transfer_from_state(const struct builtin_call *c) {
    const struct list *l = c->state.u.l;
    return (struct transfer){list_get(l, 1).u.o, list_get(l, 2).u.o, list_get(l, 3).u.i};
}

static void transfer_state(struct builtin_call *c, const struct transfer *t, int step) {
    value_unref(c->state);
    c->step = step;
    c->state = value_list(list_of(3, value_obj(t->what), value_obj(t->where), value_int(t->position)));
}

static bool would_be_inside_itself(struct db *db, objid what, objid where) {
    while (where != NOTHING && db_valid(db, where)) {
        if (where == what) return true;
        where = db_location(db, where);
    }
    return false;
}

/* Brings what, now last, to a place among the contents: what follows that place is taken out and put back behind it. */
static void place_at(struct db *db, const struct transfer *t) {
    value contents = db_contents(db, t->where, NULL);
    for (int64_t i = t->position; i <= (int64_t)contents.u.l->len; i++) {
        objid o = list_get(contents.u.l, i).u.o;
        if (o == t->what) continue;
        db_move(db, o, NOTHING);
        db_move(db, o, t->where);
    }
    value_unref(contents);
}

static bool can_place(struct builtin_call *c, const struct transfer *t) {
    if (t->position <= 0 || t->where == NOTHING) return true;
    struct patience patience = vm_patience(c->vm);
    value contents = db_contents(db_of(c), t->where, &patience);
    if (contents.type == V_NONE) return false;
    uint32_t before = t->position <= (int64_t)contents.u.l->len ? (uint32_t)t->position - 1 : contents.u.l->len;
    bool can = vm_can_afford(c->vm, db_change_ns(db_of(c), contents.u.l, before, vm_time_left_ns(c->vm)));
    value_unref(contents);
    return can;
}

static void change_location(struct db *db, const struct transfer *t) {
    if (db_location(db, t->what) == t->where) db_move(db, t->what, NOTHING); /* it goes to the end first */
    db_move(db, t->what, t->where);
    if (t->position > 0 && t->where != NOTHING) place_at(db, t);
}

static struct result move_entered(struct builtin_call *c, const struct transfer *t) {
    struct db *db = db_of(c);
    struct result r;
    if (!db_valid(db, t->where) || !db_valid(db, t->what) || db_location(db, t->what) != t->where) return result_int(0);
    if (!call_hook(c, t->where, "enterfunc", t->what, &r)) return result_int(0);
    transfer_state(c, t, 4);
    return r;
}

static struct result move_accepted(struct builtin_call *c, const struct transfer *t, bool accepted) {
    struct db *db = db_of(c);
    struct result r;
    if (!accepted && !is_wizard(c)) return result_raise(E_NACC);
    if (!db_valid(db, t->what) || (t->where != NOTHING && !db_valid(db, t->where))) return result_int(0);
    if (!can_place(c, t)) return support_gave_up(c);
    objid from = db_location(db, t->what);
    if (from == t->where) {
        if (t->position > 0 && from != NOTHING) change_location(db, t);
        return result_int(0);
    }
    if (would_be_inside_itself(db, t->what, t->where)) return result_raise(E_RECMOVE);
    change_location(db, t);
    if (!db_valid(db, from) || !call_hook(c, from, "exitfunc", t->what, &r)) return move_entered(c, t);
    transfer_state(c, t, 3);
    return r;
}

static enum error check_move(struct builtin_call *c, const struct transfer *t) {
    struct db *db = db_of(c);
    if (t->position < 0) return E_INVARG;
    if (!vm_bring(c->vm, t->what) || !vm_bring(c->vm, t->where)) return E_QUOTA;
    if (!db_valid(db, t->what) || (t->where != NOTHING && !db_valid(db, t->where))) return E_INVARG;
    if (!db_controls(db, c->progr, t->what)) return E_PERM;
    bool needs_control = t->position > 0 && t->where != NOTHING && db_location(db, t->what) != t->where;
    return needs_control && !db_controls(db, c->progr, t->where) ? E_PERM : E_NONE;
}

static struct result move_asked(struct builtin_call *c) {
    struct transfer t = {c->args[0].u.o, c->args[1].u.o, int_arg(c, 2, 0)};
    struct result r;
    enum error e = check_move(c, &t);
    if (e != E_NONE) return result_raise(e);
    bool here = db_location(db_of(c), t.what) == t.where && !c->m->dialect->move_in_place_asks;
    if (t.where == NOTHING || here) return move_accepted(c, &t, true);
    if (!call_hook(c, t.where, "accept", t.what, &r)) return move_accepted(c, &t, false);
    transfer_state(c, &t, 2);
    return r;
}

bool bf_move_may_wait(const struct machine *m, int step, value state) {
    (void)m;
    return step >= 2 && step <= 4 && support_list_is(state, 3, (const enum value_type[]){V_OBJ, V_OBJ, V_INT});
}

struct result bf_move(struct builtin_call *c) {
    if (c->step == 0) return move_asked(c);
    struct transfer t = transfer_from_state(c);
    if (c->step == 2) return move_accepted(c, &t, value_is_true(c->ret));
    return c->step == 3 ? move_entered(c, &t) : result_int(0);
}
