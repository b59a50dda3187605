/* SPDX-License-Identifier: MIT */
/* Owners of slots: those that the definition gives, and all others, however large or odd their numbers. */
#include <criterion/criterion.h>

#include "worlds.h"

enum { PROPS = 20 };

static const objid odd[] = {NOTHING, -77, ((objid)1 << 31) + 5, ((objid)1 << 32) - 1, (objid)1 << 40, INT64_MAX, INT64_MIN};
enum { ODD = sizeof odd / sizeof *odd };

static struct propref prop_of(struct db *db, objid o, unsigned i) {
    struct propref p;
    struct str *name = str_printf("p%u", i);
    cr_assert(db_find_property(db, o, name, &p));
    str_unref(name);
    return p;
}

static objid owner_of(struct db *db, objid o, unsigned i) {
    struct propref p = prop_of(db, o, i);
    return db_prop_owner(db, &p);
}

static void give(struct db *db, objid o, unsigned i, objid owner) {
    struct propref p = prop_of(db, o, i);
    db_prop_set_info(db, &p, owner, db_prop_flags(db, &p));
}

static void define(struct db *db, objid o, unsigned i, objid owner, unsigned flags) {
    struct str *name = str_printf("p%u", i);
    cr_assert_eq(db_add_propdef(db, o, name, value_int(i), owner, flags), E_NONE);
    str_unref(name);
}

static struct db *world(const char *dir) {
    struct db *db = create_world(dir);
    objid root = db_create(db, NOTHING, NOTHING);
    for (unsigned i = 0; i < PROPS; i++) define(db, root, i, root, PF_READ | (i % 2 ? PF_CHOWN : 0u));
    db_create(db, root, root);
    db_create(db, root, NOTHING);
    return db;
}

Test(slots, any_owner_is_kept) {
    char *dir = new_place();
    struct db *db = world(dir);
    for (unsigned i = PROPS; i-- > 0;) give(db, 1, i, odd[i % ODD]);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < PROPS; i++) cr_assert_eq(owner_of(db, 1, i), odd[i % ODD]);
        save_world(db);
        db = reopen(db, dir, round == 1);
    }
    for (unsigned i = 0; i < PROPS; i += 3) give(db, 1, i, 0); /* as defined again */
    for (unsigned i = 0; i < PROPS; i++) cr_assert_eq(owner_of(db, 1, i), i % 3 ? odd[i % ODD] : 0);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(slots, owners_stay_when_slots_move) {
    char *dir = new_place();
    struct db *db = world(dir);
    objid mid = db_create(db, 0, 0), kid = db_create(db, mid, 2);
    for (unsigned i = 0; i < 6; i++) define(db, kid, 100 + i, odd[i], PF_READ);
    give(db, kid, 3, 1);
    define(db, mid, 50, 1, PF_READ); /* its heirs' own slots move up by one */
    struct str *first = str_from("p0");
    cr_assert_eq(db_delete_propdef(db, 0, first), E_NONE); /* and all down by one */
    str_unref(first);
    for (unsigned i = 0; i < 6; i++) cr_assert_eq(owner_of(db, kid, 100 + i), odd[i]);
    cr_assert_eq(owner_of(db, kid, 3), 1);
    cr_assert_eq(owner_of(db, kid, 5), 2);
    cr_assert_eq(owner_of(db, kid, 50), 1);
    db_world_close(db);
    remove_world(dir);
}

Test(slots, an_objects_new_owner_does_not_get_its_slots) {
    char *dir = new_place();
    struct db *db = world(dir);
    save_world(db);
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(owner_of(db, 2, 1), 2); /* `c': whoever owned it when it was made */
        db_set_owner(db, 2, (objid)1 << 35);
        cr_assert_eq(owner_of(db, 2, 1), 2);
        cr_assert_eq(owner_of(db, 2, 2), 0);
        save_world(db);
        db = reopen(db, dir, true);
        cr_assert_eq(db_owner(db, 2), (objid)1 << 35);
        cr_assert_eq(owner_of(db, 2, 1), 2);
        db_set_owner(db, 2, 2);
    }
    db_world_close(db);
    remove_world(dir);
}

Test(slots, owners_follow_a_new_number) {
    char *dir = new_place();
    struct db *db = world(dir);
    objid hole = db_create(db, NOTHING, 0), who = db_create(db, NOTHING, 0);
    define(db, 1, 100, who, PF_READ);
    give(db, 2, 2, who);
    db_set_owner(db, 1, who);
    save_world(db);
    db_destroy(db, hole);
    db = (save_world(db), reopen(db, dir, true));
    objid heir = db_create(db, 1, who);
    cr_assert_eq(db_renumber(db, who), hole);
    save_world(db);
    db = reopen(db, dir, false);
    cr_assert_eq(owner_of(db, 1, 100), hole);
    cr_assert_eq(owner_of(db, heir, 100), hole);
    cr_assert_eq(owner_of(db, heir, 1), hole);
    cr_assert_eq(owner_of(db, 2, 2), hole);
    cr_assert_eq(owner_of(db, 1, 1), 0);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}
