/* SPDX-License-Identifier: MIT */
#include "worlds.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "db/usage.h"

#include "base/files.h"

/* A name for a world that does not exist yet; remove_world() takes it away. */
char *new_place(void) {
    const char *tmp = getenv("TMPDIR");
    char dir[200];
    snprintf(dir, sizeof dir, "%s/evermoo-test-XXXXXX", tmp && *tmp && strlen(tmp) < 100 ? tmp : "/tmp");
    cr_assert(mkdtemp(dir));
    return strdup(dir);
}

void remove_world(char *dir) {
    files_remove_tree(dir);
    free(dir);
}

struct db *create_world(const char *dir) {
    struct buf why = BUF_INIT;
    struct db *db;
    cr_assert_eq(db_world_create(&db, dir, &why), 0, "%s", buf_c(&why));
    return db;
}

void save_world(struct db *db) {
    struct buf why = BUF_INIT;
    cr_assert_eq(db_save(db, NULL, 0, NULL, &why), 0, "%s", buf_c(&why));
}

void expect_world_text(struct db *db, const struct buf *text, int step) {
    struct buf x = BUF_INIT;
    world_text(db, &x);
    if (strcmp(buf_c(&x), buf_c(text))) {
        size_t at = 0, line = 0;
        for (; x.data[at] == text->data[at]; at++)
            if (x.data[at] == '\n') line = at + 1;
        cr_assert_fail("after step %d the worlds differ:\n%.300s\n-- and --\n%.300s", step, x.data + line, text->data + line);
    }
    buf_fini(&x);
}

void expect_same(struct db *a, struct db *b, int step) {
    struct buf text = BUF_INIT;
    world_text(b, &text);
    expect_world_text(a, &text, step);
    buf_fini(&text);
}

void expect_usage(struct db *db, int step) {
    for (objid owner = NOTHING; owner <= db_max_object(db); owner++) {
        int64_t objects, bytes = db_owned_bytes(db, owner, &objects), all = 0, n = 0;
        value owned = db_owned_objects(db, owner, NULL);
        for (uint32_t i = 1; i <= owned.u.l->len; i++, n++) all += usage_of_object(db, object_must(db, list_get(owned.u.l, i).u.o));
        value_unref(owned);
        cr_assert(bytes == all && objects == n, "after step %d #%lld has %lld bytes in %lld objects, not %lld in %lld", step, (long long)owner, (long long)all, (long long)n,
                  (long long)bytes, (long long)objects);
    }
}

static void count_fault(void *ctx, const char *text) {
    (*(int *)ctx)++;
    cr_log_error("%s", text);
}

void expect_sound(const char *dir) {
#ifdef __SANITIZE_THREAD__
    if (dir) return; /* it checks in a child of its own with threads, which this sanitizer has no notion of */
#endif
    struct buf why = BUF_INIT;
    int faults = 0;
    int rc = db_world_check(dir, count_fault, NULL, &faults, &why);
    cr_assert_eq(rc, 0, "%d faults %s", faults, buf_c(&why));
    buf_fini(&why);
}

struct db *reopen(struct db *db, const char *dir, bool evict) {
    struct buf why = BUF_INIT;
    db_world_close(db);
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.evict_always = evict}, &why), 0, "%s", buf_c(&why));
    return db;
}

void put_raw(const char *dir, enum store_table t, struct key k, const struct buf *payload) {
    struct store *s;
    struct buf why = BUF_INIT;
    static uint64_t blob = 1 << 20; /* none that the world has */
    cr_assert_eq(store_open(&s, dir, &(struct store_options){0}, &why), 0);
    struct store *w = store_writer(s);
    cr_assert_eq(store_begin(w), 0);
    cr_assert_eq(payload ? record_put(w, t, &k, payload, &blob) : record_delete(w, t, &k), 0);
    cr_assert_eq(store_commit(w), 0);
    store_close(s);
}
