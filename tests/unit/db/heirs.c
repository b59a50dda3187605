/* SPDX-License-Identifier: MIT */
/* Heirs that are not in memory: whether they define a name, by either way of finding that out, and how long a change is said to take with them. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "worlds.h"

enum { ROOT, FEW, MANY, WIDE = 3000, CHANGED, MOST = 1000000000 };

static enum error define(struct db *db, objid o, const char *its_name) {
    struct str *name = str_from(its_name);
    enum error e = db_add_propdef(db, o, name, value_int(1), o, PF_READ);
    str_unref(name);
    return e;
}

/* #1 has a child with a child, which defines `deep'; #2 has WIDE children, of which the last but one defines `wide'; all of them are children of #0. `definers' more define something. */
static struct db *world(const char *dir, int definers) {
    struct db *db = create_world(dir);
    db_create(db, NOTHING, ROOT);
    db_create(db, ROOT, ROOT);
    db_create(db, ROOT, ROOT);
    objid kid = db_create(db, FEW, ROOT);
    define(db, db_create(db, kid, ROOT), "deep");
    for (int i = 0; i < WIDE; i++) kid = db_create(db, MANY, ROOT);
    define(db, kid - 1, "wide");
    for (int i = 0; i < definers; i++) define(db, db_create(db, ROOT, ROOT), "other");
    save_world(db);
    return reopen(db, dir, false);
}

static void expect_found(int definers) {
    char *dir = new_place();
    struct db *db = world(dir, definers);
    cr_expect_eq(define(db, FEW, "wide"), E_NONE, "defined elsewhere only");
    cr_expect_eq(define(db, MANY, "deep"), E_NONE);
    cr_expect_eq(define(db, FEW, "deep"), E_INVARG);
    cr_expect_eq(define(db, MANY, "wide"), E_INVARG);
    cr_expect_eq(define(db, ROOT, "wide"), E_INVARG);
    cr_expect_eq(define(db, ROOT, "other"), definers ? E_INVARG : E_NONE);
    db_world_close(db);
    remove_world(dir);
}

Test(heirs, a_name_is_found_when_few_define_anything) { expect_found(0); }
Test(heirs, a_name_is_found_when_many_do) { expect_found(3 * WIDE); }

Test(heirs, a_name_that_went_is_free_again_before_it_is_saved) {
    char *dir = new_place();
    struct db *db = world(dir, 0);
    struct str *name = str_from("deep");
    objid definer = db_max_object(db) - WIDE;
    cr_assert_eq(db_delete_propdef(db, definer, name), E_NONE);
    str_unref(name);
    cr_expect_eq(define(db, FEW, "deep"), E_NONE);
    db_world_close(db);
    remove_world(dir);
}

static uint64_t ns(struct db *db, objid o, enum refit what, uint64_t most, size_t *heirs) { return db_refit_ns(db, o, what, 5, most, heirs); }

Test(heirs, a_change_takes_longer_with_those_that_are_not_in_memory) {
    char *dir = new_place();
    struct db *db = world(dir, 0);
    size_t heirs;
    uint64_t less = ns(db, MANY, REFIT_UNDEFINE, MOST, &heirs), parent = ns(db, MANY, REFIT_PARENT, MOST, &heirs);
    cr_expect_eq(heirs, WIDE + 1);
    cr_expect_gt(parent, less, "they are loaded for it");
    cr_expect_gt(less, ns(db, MANY, REFIT_DEFINE, MOST, &heirs), "the table of definitions is short");
    for (objid o = 0; o <= db_max_object(db); o++) db_name(db, o);
    uint64_t loaded = ns(db, MANY, REFIT_PARENT, MOST, &heirs);
    cr_expect_eq(heirs, WIDE + 1);
    cr_expect_lt(loaded, less);
    cr_expect_gt(loaded, ns(db, FEW, REFIT_PARENT, MOST, &heirs));
    cr_expect_eq(heirs, 3);
    db_world_close(db);
    remove_world(dir);
}

Test(heirs, nobody_counts_further_than_asked) {
    char *dir = new_place();
    struct db *db = world(dir, 0);
    size_t heirs;
    cr_expect_gt(ns(db, MANY, REFIT_PARENT, 100000, &heirs), 100000);
    cr_expect_lt(heirs, 100);
    cr_expect_gt(ns(db, MANY, REFIT_UNDEFINE, 100000, &heirs), 100000);
    cr_expect_lt(heirs, 100);
    db_world_close(db);
    remove_world(dir);
}

Test(heirs, what_has_much_to_be_read_takes_longer) {
    char *dir = new_place();
    struct db *db = world(dir, 0);
    size_t heirs;
    enum { LARGE = 3000000 };
    char *text = calloc(1, LARGE + 1);
    memset(text, 'x', LARGE);
    struct str *large = str_new(text, LARGE), *name = str_from("short");
    free(text);
    uint64_t before = ns(db, FEW, REFIT_PARENT, MOST, &heirs);
    objid kid = db_create(db, FEW, ROOT);
    cr_assert_eq(db_add_propdef(db, kid, name, value_str(str_ref(large)), ROOT, PF_READ), E_NONE);
    save_world(db);
    db = reopen(db, dir, false);
    uint64_t with_value = ns(db, FEW, REFIT_PARENT, MOST, &heirs);
    cr_expect(with_value > before && with_value < before + LARGE / 10, "a long value is not read");
    cr_assert_eq(db_add_propdef(db, kid, large, value_int(1), ROOT, PF_READ), E_NONE);
    for (int i = 0; i < 100; i++) db_add_verb(db, kid, name, ROOT, VF_READ, VA_THIS, PREP_NONE, VA_THIS);
    save_world(db);
    db = reopen(db, dir, false);
    cr_expect_gt(ns(db, FEW, REFIT_PARENT, MOST, &heirs), with_value + LARGE + 100 * 500);
    str_unref(large);
    str_unref(name);
    db_world_close(db);
    remove_world(dir);
}

Test(heirs, values_are_dropped_with_their_definition_wherever_they_are) {
    char *dir = new_place();
    struct db *db = world(dir, 0);
    struct propref p;
    struct str *name = str_from("changed");
    objid heir = db_max_object(db);
    cr_assert_eq(define(db, MANY, "changed"), E_NONE);
    cr_assert(db_find_property(db, heir, name, &p));
    db_prop_set_value(db, &p, value_int(CHANGED));
    save_world(db);
    db = reopen(db, dir, false);
    cr_assert_eq(db_delete_propdef(db, MANY, name), E_NONE);
    cr_expect(!db_find_property(db, heir, name, &p));
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    str_unref(name);
    remove_world(dir);
}
