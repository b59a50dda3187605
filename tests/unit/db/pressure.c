/* SPDX-License-Identifier: MIT */
/* A cache in which too much is not saved yet: when it asks for a save, and when it asks for patience. And whose memory an object is. */
#include <criterion/criterion.h>

#include "base/pool.h"
#include "worlds.h"

enum { OBJECT_PAGES = 8192 }; /* what a changed object counts */

static struct db *world_with_cache(const char *dir, size_t size) {
    struct buf why = BUF_INIT;
    struct db *db = create_world(dir);
    db_world_close(db);
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.cache_size = size}, &why), 0, "%s", buf_c(&why));
    return db;
}

static void create(struct db *db, size_t n) {
    while (n--) db_create(db, NOTHING, NOTHING);
}

Test(pressure, many_changes_want_a_save_and_more_of_them_have_to_wait) {
    size_t size = 64 << 20;
    char *dir = new_place();
    struct db *db = world_with_cache(dir, size);
    struct buf why = BUF_INIT;
    cr_assert(!db_wants_save(db));
    create(db, size / 8 / OBJECT_PAGES + 1);
    cr_assert(db_wants_save(db));
    cr_assert(!db_should_wait(db)); /* nobody waits for a save that is not under way */
    cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
    cr_assert(!db_wants_save(db));
    create(db, size / 4 / OBJECT_PAGES + 1);
    cr_assert(db_should_wait(db));
    db_save_finish(db);
    cr_assert(!db_should_wait(db));
    cr_assert(db_wants_save(db));
    save_world(db);
    cr_assert(!db_wants_save(db));
    db_world_close(db);
    remove_world(dir);
}

Test(pressure, a_cache_full_of_what_is_unsaved_wants_a_save) {
#ifdef POOL_IS_MALLOC
    cr_skip_test("the allocator of a sanitizer does not tell how much is in use");
#endif
    char *dir = new_place();
    struct db *db = world_with_cache(dir, 1 << 20);
    for (int i = 0; i < 10; i++) {
        struct str *long_name = str_printf("%*s", 300000, "x");
        db_set_name(db, db_create(db, NOTHING, NOTHING), long_name);
        str_unref(long_name);
    }
    while (!db_wants_save(db)) db_cache_turn(db);
    save_world(db);
    struct db_cache_stats stats = {0};
    for (; stats.evicted < 7; db_cache_stats(db, &stats)) db_cache_turn(db); /* clean, they leave; for three of them there is room */
    for (objid o = 0; o < 10; o++) cr_assert_eq(db_name(db, o)->len, 300000);
    db_world_close(db);
    remove_world(dir);
}

Test(pressure, what_is_read_or_leaves_is_not_the_memory_of_who_looks) {
    char *dir = new_place();
    struct db *db = world_with_cache(dir, 64 << 20);
    struct str *long_name = str_printf("%*s", 300000, "x");
    db_set_name(db, db_create(db, NOTHING, NOTHING), long_name);
    str_unref(long_name);
    save_world(db);
    for (int evict = 0; evict <= 1; evict++) {
        db = reopen(db, dir, evict);
        int64_t taken = pool_account.taken;
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(db_name(db, 0)->len, 300000);
            cr_expect(!db_valid(db, 1));
            cr_expect_eq(pool_account.taken, taken);
        }
    }
    db_world_close(db);
    remove_world(dir);
}
