/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "db/store.h"
#include "db/usage.h"
#include "worlds.h"

static struct db *new_world(char *dir) {
    struct db *db = create_world(dir);
    return db;
}

/* At every stage of every save, of saves that fail too, and after each opening. */
static void accounts(uint64_t seed, bool evict) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    if (evict) db = reopen(db, dir, true);
    for (int i = 0; i < 6000; i++) {
        random_step(db, NULL, &seed, 50);
        if (i % 37 == 5 && !db_save_under_way(db)) cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
        if (i % 3 == 0) db_save_step(db, 0);
        if (i % 41 == 40) db_save_finish(db);
        if (i % 53 == 0) expect_usage(db, i);
        if (i % 211 == 210) {
            db_save_finish(db);
            db_set_encoding(db, ENC_UTF8); /* so that there is something to save */
            store_set_fault(db->store, FAULT_COMMIT, 1);
            cr_assert_eq(db_save(db, NULL, 0, NULL, &why), -1);
            expect_usage(db, i);
        }
        if (i % 1009 == 1008) {
            save_world(db);
            db_world_close(db);
            expect_sound(dir);
            db = reopen(NULL, dir, evict);
            expect_usage(db, i);
        }
    }
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
    buf_fini(&why);
}

Test(usage, is_exact_at_every_stage_of_a_save) { accounts(11, false); }
Test(usage, is_exact_when_objects_come_and_go) { accounts(12, true); }

Test(usage, heirs_that_are_not_in_memory_count) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid parent = db_create(db, NOTHING, NOTHING), owner = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("p"), *text = str_from("twelve bytes");
    cr_assert_eq(db_add_propdef(db, parent, name, value_int(1), parent, PF_READ), E_NONE);
    for (int i = 0; i < 100; i++) {
        objid kid = db_create(db, parent, owner);
        if (i % 2) cr_assert_eq(db_set_property(db, kid, name, value_str(str_ref(text)), parent, NULL), E_NONE);
    }
    save_world(db);
    db = reopen(db, dir, false);
    int64_t objects, before = db_owned_bytes(db, owner, &objects);
    cr_assert_eq(objects, 101);
    cr_assert_eq(before, 101 * (USAGE_OBJECT + 1) + 50 * (USAGE_VALUE + 16 + 12 + 1));
    cr_assert_eq(db_delete_propdef(db, parent, name), E_NONE);
    cr_assert_eq(db_owned_bytes(db, owner, NULL), 101 * (USAGE_OBJECT + 1));
    expect_usage(db, 1);
    save_world(db);
    expect_usage(db, 2);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
    str_unref(name);
    str_unref(text);
}

Test(usage, counts_what_the_fast_way_sets) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid o = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("p");
    struct prop_cache cache = {0};
    struct map *small = map_set_take(map_new(), value_int(1), value_int(2)), *large = map_set_take(map_ref(small), value_int(2), value_str(str_from("more")));
    value values[] = {value_int(5), value_map(small), value_map(large), value_str(str_from("text")), value_float(2.5), value_list(list_of(1, value_str(str_from("in a list")))), value_int(6), value_str(str_from(""))};
    cr_assert_eq(db_add_propdef(db, o, name, value_int(1), o, PF_READ), E_NONE);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        cr_assert_eq(db_set_property(db, o, name, value_ref(values[i]), o, &cache), E_NONE);
        cr_assert_eq(db_owned_bytes(db, o, NULL), USAGE_OBJECT + 1 + USAGE_PROPDEF + 2 + USAGE_VALUE + value_bytes(values[i]));
        value_unref(values[i]);
    }
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
    str_unref(name);
}

static void note_fault(void *ctx, const char *text) { snprintf(ctx, 200, "%s", text); }

Test(usage, check_finds_a_wrong_account) {
    char *dir = new_place(), fault[200] = "";
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    objid o = db_create(db, NOTHING, NOTHING);
    usage_add(&db->usage->map, o, 7, 0);
    save_world(db);
    db_world_close(db);
    cr_assert_eq(db_world_check(dir, note_fault, NULL, fault, &why), 1);
    cr_assert_str_eq(fault, "usage of #0: it tells 7 bytes and 0 objects too many");
    remove_world(dir);
}
