/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "db/db.h"
#include "db/world.h"

static struct propdef_new def(const char *name, objid owner, unsigned flags) { return (struct propdef_new){str_from(name), value_int(7), owner, flags}; }

static void drop_names(struct propdef_new *defs, size_t n) {
    for (size_t i = 0; i < n; i++) str_unref(defs[i].name);
}

Test(propdefs, many_at_once_keep_order_and_owner) {
    struct db *db = db_world_in_memory();
    objid root = db_create(db, NOTHING, NOTHING), other = db_create(db, NOTHING, NOTHING);
    struct propdef_new defs[] = {def("a", other, PF_READ | PF_CHOWN), def("b", root, PF_READ), def("c", other, 0)};
    cr_assert_eq(db_add_propdefs(db, root, defs, 3), E_NONE);
    cr_assert_eq(db_count_props(db, root), 3);
    struct propref p;
    struct str *name;
    db_prop_at(db, root, 0, &p, &name);
    cr_assert(str_equal_c(name, "a"));
    cr_assert_eq(db_prop_owner(db, &p), other, "where it is defined the owner is the one given, `c' or not");
    db_prop_at(db, root, 2, &p, &name);
    cr_assert(str_equal_c(name, "c"));
    drop_names(defs, 3);
    db_world_close(db);
}

Test(propdefs, all_or_none) {
    struct db *db = db_world_in_memory();
    objid root = db_create(db, NOTHING, NOTHING);
    struct propdef_new twice[] = {def("a", root, 0), def("A", root, 0)}, built_in[] = {def("x", root, 0), def("Name", root, 0)};
    cr_assert_eq(db_add_propdefs(db, root, twice, 2), E_INVARG);
    cr_assert_eq(db_count_props(db, root), 0);
    cr_assert_eq(db_add_propdefs(db, root, built_in, 2), E_INVARG);
    cr_assert_eq(db_count_props(db, root), 0);
    drop_names(twice, 2);
    drop_names(built_in, 2);
    db_world_close(db);
}
