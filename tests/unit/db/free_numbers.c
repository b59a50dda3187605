/* SPDX-License-Identifier: MIT */
/* Numbers that are free, in worlds with many portions of them, against a plain table; and lists that are loaded with many changed rows. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/list.h"
#include "worlds.h"

enum { NUMBERS = 30000 };

static objid expected(const bool *used, objid from, objid below) {
    for (objid o = from < 0 ? 0 : from; o < below; o++)
        if (!used[o]) return o;
    return NOTHING;
}

static void compare(struct db *db, const bool *used, uint64_t *state, int times) {
    objid max = db_max_object(db) + 1;
    for (int i = 0; i < times; i++) {
        objid from = (objid)(rnd(state) % (uint64_t)(max + 10)) - 5, below = (objid)(rnd(state) % (uint64_t)(max + 1));
        if (i % 3 == 0) from = 0;
        if (i % 2 == 0) below = max;
        cr_assert_eq(db_next_free(db, from, below), expected(used, from, below), "from %lld below %lld", (long long)from, (long long)below);
    }
}

static void change(struct db *db, bool *used, uint64_t *state, int times) {
    for (int i = 0; i < times; i++) {
        objid o = (objid)(rnd(state) % NUMBERS);
        if (rnd(state) % 4 == 0) o = db_next_free(db, 0, NUMBERS);
        if (o == NOTHING || o > db_max_object(db)) continue;
        if (used[o]) db_destroy(db, o);
        else db_create_at(db, o, NOTHING, NOTHING);
        used[o] = !used[o];
    }
}

static void history(struct db *db, const char *dir) {
    uint64_t state = 7;
    bool *used = calloc(NUMBERS, sizeof *used);
    db_create_at(db, NUMBERS - 1, NOTHING, NOTHING); /* all below are free */
    used[NUMBERS - 1] = true;
    compare(db, used, &state, 20);
    for (objid o = 0; o < NUMBERS / 2; o++) db_create_at(db, o, NOTHING, NOTHING), used[o] = true;
    for (int round = 0; round < 12; round++) {
        change(db, used, &state, 200);
        compare(db, used, &state, 30);
        if (dir && round % 3 == 0) save_world(db);
        if (dir && round % 4 == 1) db_evict_clean(db);
        if (dir && round % 6 == 5) save_world(db), db = reopen(db, dir, false);
    }
    free(used);
    db_world_close(db);
}

Test(free_numbers, in_memory) { history(db_world_in_memory(), NULL); }

Test(free_numbers, on_disk) {
    char *dir = new_place();
    struct db *db = create_world(dir);
    history(db, dir);
    expect_sound(dir);
    remove_world(dir);
}

Test(free_numbers, lists_that_are_loaded_late) {
    char *dir = new_place();
    struct db *db = create_world(dir);
    objid root = db_create(db, NOTHING, NOTHING);
    for (int i = 0; i < 100; i++) db_create(db, root, root);
    save_world(db);
    db = reopen(db, dir, false);
    for (objid o = 3; o < 100; o += 3) db_destroy(db, o);
    for (objid o = 99; o > 50; o -= 3) db_create_at(db, o, root, root); /* numbers that were there */
    for (int i = 0; i < 5000; i++) db_create(db, root, root);
    value kids = db_children(db, root, NULL), owned = db_owned_objects(db, root, NULL);
    objid last = -1;
    uint32_t n = kids.u.l->len;
    cr_assert_eq(n, 100 - 33 + 17 + 5000);
    cr_assert_eq(owned.u.l->len, n + 1);
    cr_assert_eq(kids.u.l->items[0].u.o, 1);
    cr_assert_eq(kids.u.l->items[67].u.o, 99);
    cr_assert_eq(kids.u.l->items[n - 1].u.o, 5100);
    for (uint32_t i = 0; i <= n; i++) {
        cr_assert_gt(owned.u.l->items[i].u.o, last);
        last = owned.u.l->items[i].u.o;
    }
    value_unref(kids);
    value_unref(owned);
    db_world_close(db);
    remove_world(dir);
}
