/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "random.h"

/* A name for a world that does not exist yet; remove_world() takes it away. */
static char *new_place(void) {
    char *dir = strdup("/tmp/evermoo-test-XXXXXX");
    cr_assert(mkdtemp(dir));
    return dir;
}

static void remove_world(char *dir) {
    static const char *const files[] = {"data.mdb", "lock.mdb", "pid"};
    char path[200];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
    free(dir);
}

static void save(struct db *db) {
    struct buf why = BUF_INIT;
    cr_assert_eq(db_save(db, NULL, 0, NULL, &why), 0, "%s", buf_c(&why));
}

static void expect_same(struct db *a, struct db *b, int step) {
    struct buf x = BUF_INIT, y = BUF_INIT;
    world_text(a, &x);
    world_text(b, &y);
    if (strcmp(buf_c(&x), buf_c(&y))) {
        size_t at = 0, line = 0;
        for (; x.data[at] == y.data[at]; at++)
            if (x.data[at] == '\n') line = at + 1;
        cr_assert_fail("after step %d the worlds differ:\n%.300s\n-- and --\n%.300s", step, x.data + line, y.data + line);
    }
    buf_fini(&x);
    buf_fini(&y);
}

static void expect_sound(const char *dir);

static void count_fault(void *ctx, const char *text) {
    (*(int *)ctx)++;
    cr_log_error("%s", text);
}

static void expect_sound(const char *dir) {
    struct buf why = BUF_INIT;
    int faults = 0;
    int rc = db_world_check(dir, count_fault, NULL, &faults, &why);
    cr_assert_eq(rc, 0, "%d faults %s", faults, buf_c(&why));
    buf_fini(&why);
}

static struct db *reopen(struct db *db, const char *dir, bool evict) {
    struct buf why = BUF_INIT;
    db_world_close(db);
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.evict_always = evict}, &why), 0, "%s", buf_c(&why));
    return db;
}

static void history(uint64_t seed, int steps, bool evict) {
    struct buf why = BUF_INIT;
    char *dir = new_place();
    struct db *model = db_world_in_memory(), *db;
    cr_assert_eq(db_world_create(&db, dir, &why), 0, "%s", buf_c(&why));
    if (evict) db = reopen(db, dir, true);
    for (int i = 0; i < steps; i++) {
        random_step(model, db, &seed, 60);
        if (i % 997 == 500) db_evict_clean(db);
        if (i % 701 == 100) save(db);
        if (i % 2503 == 2000) {
            save(db);
            db = reopen(db, dir, evict);
            expect_sound(dir);
        }
        if (i % 97 == 0) cr_assert_eq(db_damaged(db), 0);
        if (i % 211 == 0) expect_same(model, db, i);
    }
    save(db);
    db = reopen(db, dir, evict);
    expect_same(model, db, steps);
    cr_assert_eq(db_damaged(db), 0);
    db_world_close(db);
    expect_sound(dir);
    db_world_close(model);
    remove_world(dir);
}

Test(store, history_equals_memory) { history(1, 40000, false); }
Test(store, history_equals_memory_when_evicting) { history(2, 40000, true); }
Test(store, another_history) { history(3, 40000, false); }
