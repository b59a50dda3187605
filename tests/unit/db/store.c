/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "worlds.h"

static void history(uint64_t seed, int steps, bool evict) {
    char *dir = new_place();
    struct db *model = db_world_in_memory(), *db;
    db = create_world(dir);
    if (evict) db = reopen(db, dir, true);
    for (int i = 0; i < steps; i++) {
        random_step(model, db, &seed, 60);
        if (i % 997 == 500) db_evict_clean(db);
        if (i % 701 == 100) save_world(db);
        if (i % 2503 == 2000) {
            save_world(db);
            db_world_close(db);
            expect_sound(dir);
            db = reopen(NULL, dir, evict);
        }
        if (i % 97 == 0) cr_assert_eq(db_damaged(db), 0);
        if (i % 211 == 0) expect_same(model, db, i);
        if (i % 307 == 0) expect_usage(model, i), expect_usage(db, i);
    }
    save_world(db);
    db = reopen(db, dir, evict);
    expect_same(model, db, steps);
    expect_usage(db, steps);
    cr_assert_eq(db_damaged(db), 0);
    db_world_close(db);
    expect_sound(dir);
    db_world_close(model);
    remove_world(dir);
}

Test(store, history_equals_memory) { history(1, 40000, false); }
Test(store, history_equals_memory_when_evicting) { history(2, 40000, true); }
Test(store, another_history) { history(3, 40000, false); }
