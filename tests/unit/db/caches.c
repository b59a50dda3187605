/* SPDX-License-Identifier: MIT */
/* Inline caches through random histories: what a cached look-up says is what a plain walk along the ancestors finds. */
#include <criterion/criterion.h>
#include <string.h>

#include "db/fast.h"
#include "worlds.h"

enum { NAMES = 12, PLACES = 3 };

struct program { /* a few places in a program for each name */
    struct str *names[NAMES];
    struct prop_cache props[NAMES][PLACES];
    struct verb_cache verbs[NAMES][PLACES];
};

static void program_init(struct program *p) {
    *p = (struct program){0};
    for (int i = 0; i < NAMES; i++) p->names[i] = str_printf("p%d", i);
}

static void program_fini(struct program *p) {
    for (int i = 0; i < NAMES; i++) str_unref(p->names[i]);
}

/* Which object's slot gives the value; NOTHING: no such property. */
static objid walk_to_value(struct db *db, objid o, struct str *name) {
    struct propref p;
    for (; o != NOTHING && db_find_property(db, o, name, &p); o = db_parent(db, o))
        if (!db_prop_is_clear(db, &p)) return o;
    return NOTHING;
}

static void expect_property(struct db *db, struct program *p, objid o, int name, int place, objid progr) {
    struct propref ref;
    value got = value_none(), want = value_int(0);
    enum error e = db_get_property(db, o, p->names[name], progr, &p->props[name][place], NULL, &got);
    if (!db_valid(db, o)) {
        cr_assert_eq(e, E_INVIND);
        return;
    }
    if (!db_find_property(db, o, p->names[name], &ref)) {
        cr_assert_eq(e, E_PROPNF);
        return;
    }
    bool allowed = (db_prop_flags(db, &ref) & PF_READ) || db_prop_owner(db, &ref) == progr || db_is_wizard(db, progr);
    cr_assert_eq(e, allowed ? E_NONE : E_PERM);
    objid holder = walk_to_value(db, o, p->names[name]);
    if (holder != NOTHING) {
        db_find_property(db, holder, p->names[name], &ref);
        want = db_prop_raw_value(db, &ref);
    }
    if (allowed) cr_assert(value_identical(got, want), "#%d.%s", (int)o, p->names[name]->data);
    value_unref(got);
    value_unref(want);
}

static bool walk_to_verb(struct db *db, objid o, struct str *name, struct verbref *out) {
    for (; db_valid(db, o); o = db_parent(db, o))
        for (uint32_t i = 0; i < db_count_verbs(db, o); i++) {
            *out = (struct verbref){o, i};
            if ((db_verb_flags(db, *out) & VF_EXEC) && verb_names_match(db_verb_names(db, *out), name->data, name->len)) return true;
        }
    return false;
}

static void expect_verb(struct db *db, struct program *p, objid o, int name, int place) {
    struct verbref got, want;
    struct verb_cache *c = &p->verbs[name][place];
    bool found = db_find_callable_verb(db, o, p->names[name], c, &got);
    struct code *code = found ? c->code : NULL;
    objid owner = c->owner;
    unsigned flags = c->flags;
    char text[40] = "";
    if (code) strncpy(text, code->text->data, sizeof text - 1);
    cr_assert_eq(found, walk_to_verb(db, o, p->names[name], &want));
    if (!found) return;
    cr_assert(got.definer == want.definer && got.index == want.index);
    cr_assert_eq(owner, db_verb_owner(db, want));
    cr_assert_eq(flags, db_verb_flags(db, want));
    code = db_verb_code(db, want);
    cr_assert_str_eq(text, code ? code->text->data : "");
}

static void random_write(struct db *db, struct program *p, uint64_t *seed, objid o, objid progr) {
    int name = (int)(rnd(seed) % NAMES), place = (int)(rnd(seed) % PLACES);
    struct propref ref;
    bool there = db_find_property(db, o, p->names[name], &ref);
    bool allowed = there && ((db_prop_flags(db, &ref) & PF_WRITE) || db_prop_owner(db, &ref) == progr || db_is_wizard(db, progr));
    int64_t n = (int64_t)(rnd(seed) % 1000);
    enum error e = db_set_property(db, o, p->names[name], value_int(n), progr, &p->props[name][place]);
    cr_assert_eq(e, !db_valid(db, o) ? E_INVIND : !there ? E_PROPNF : allowed ? E_NONE : E_PERM);
    if (e == E_NONE) {
        value v = db_prop_value(db, &ref);
        cr_assert(v.type == V_INT && v.u.i == n);
    }
}

static void run(struct db *db, uint64_t seed, int steps) {
    struct program p;
    program_init(&p);
    for (int i = 0; i < steps; i++) {
        random_step(db, NULL, &seed, 60);
        for (int k = 0; k < 4; k++) {
            objid o = (objid)(rnd(&seed) % 62) - 1, progr = (objid)(rnd(&seed) % 61) - 1;
            int name = (int)(rnd(&seed) % NAMES), place = (int)(rnd(&seed) % PLACES);
            expect_property(db, &p, o, name, place, progr);
            expect_verb(db, &p, o, name, place);
        }
        if (i % 3 == 0) random_write(db, &p, &seed, (objid)(rnd(&seed) % 60), (objid)(rnd(&seed) % 60));
    }
    program_fini(&p);
}

Test(caches, stay_right_in_memory) {
    struct db *db = db_world_in_memory();
    run(db, 1, 30000);
    db_world_close(db);
}

Test(caches, stay_right_while_evicting) {
    char *dir = new_place();
    struct db *db = create_world(dir);
    for (int i = 0; i < 10; i++) {
        run(db, 100 + (uint64_t)i, 800);
        save_world(db);
        db_evict_clean(db);
    }
    db = reopen(db, dir, true);
    for (int i = 0; i < 5; i++) {
        run(db, 200 + (uint64_t)i, 400);
        save_world(db);
    }
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(caches, forget_programs_that_leave_while_their_verbs_stay) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = create_world(dir);
    objid o = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("go"), *text = str_from("return 1;\n");
    struct verbref v = {o, (uint32_t)db_add_verb(db, o, name, o, VF_EXEC, VA_THIS, PREP_NONE, VA_THIS)};
    db_verb_set_code(db, v, code_new(db_code_table(db), text, LANGUAGE_VERSION, false, 1));
    save_world(db);
    db_world_close(db);
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.evict_entries = 64}, &why), 0);
    struct verb_cache cache = {0};
    bool found;
    cr_assert(db_find_callable_verb(db, o, name, &cache, &v) && cache.code);
    cr_assert(db_fast_verb(db, o, &cache, &found) && found);
    for (int i = 0; i < 2; i++) db_valid(db, o); /* the clock goes round; the object is touched each time, the program is not */
    cr_assert(db_fast_object(db, o) != NULL);
    cr_assert(!db_fast_verb(db, o, &cache, &found));
    cr_assert(db_find_callable_verb(db, o, name, &cache, &v));
    cr_assert_str_eq(cache.code->text->data, "return 1;\n");
    str_unref(name);
    str_unref(text);
    db_world_close(db);
    remove_world(dir);
}

Test(caches, children_to_come_are_not_mistaken_for_those_that_were) {
    struct db *db = db_world_in_memory();
    struct program p;
    program_init(&p);
    objid root = db_create(db, NOTHING, NOTHING), parent = db_create(db, root, root);
    db_set_flag(db, root, OF_WIZARD, true);
    db_add_propdef(db, root, p.names[0], value_int(1), root, PF_READ);
    for (int round = 0; round < 4; round++) {
        objid child = db_create(db, parent, root);
        expect_verb(db, &p, child, 1, 0);
        expect_property(db, &p, child, 0, 0, root);
        expect_property(db, &p, child, 2, 0, root);
        db_destroy(db, child);
        struct propref ref;
        if (round == 0) db_add_verb(db, parent, p.names[1], root, VF_EXEC, VA_THIS, PREP_NONE, VA_THIS);
        if (round == 1) db_add_propdef(db, parent, p.names[2], value_int(2), root, PF_READ);
        if (round == 2 && db_find_property(db, parent, p.names[0], &ref)) db_prop_set_value(db, &ref, value_int(3));
    }
    objid child = db_create(db, parent, root);
    value v;
    cr_assert_eq(db_get_property(db, child, p.names[0], root, &p.props[0][0], NULL, &v), E_NONE);
    cr_assert_eq(v.u.i, 3);
    program_fini(&p);
    db_world_close(db);
}
