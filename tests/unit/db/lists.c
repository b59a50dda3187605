/* SPDX-License-Identifier: MIT */
/* Lists that are not in memory and too long to be read at once: each call goes on where the one before gave up, and what changes meanwhile is in them. */
#include <criterion/criterion.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "db/internal.h"
#include "worlds.h"

enum { PARENT, OTHER, FIRST, KIDS = 2 * PATIENCE_STEPS + 100 /* three portions of who never has time */, LAST = FIRST + KIDS - 1, ADDED };

static bool always(const void *ctx) {
    (void)ctx;
    return true;
}
static const struct patience none = {always, NULL};

static int asked;
static bool count(const void *ctx) {
    (void)ctx;
    asked++;
    return false;
}
static const struct patience endless = {count, NULL};

/* #0 has so many children, which it owns, which are in it, and which are players; none of the lists is in memory. */
static struct db *world_of(const char *dir, objid kids) {
    struct db *db = create_world(dir);
    db_create(db, NOTHING, OTHER);
    db_create(db, NOTHING, OTHER);
    for (objid kid = FIRST; kid < FIRST + kids; kid++) {
        cr_assert_eq(db_create(db, PARENT, PARENT), kid);
        db_move(db, kid, PARENT);
        db_set_flag(db, kid, OF_PLAYER, true);
    }
    save_world(db);
    return reopen(db, dir, false);
}

static struct db *world(const char *dir) { return world_of(dir, KIDS); }

typedef value reading(struct db *db, objid o, const struct patience *p);

static value players(struct db *db, objid o, const struct patience *p) {
    (void)o;
    return db_players(db, p);
}

static void expect_gives_up(struct db *db, reading *read) {
    value v = read(db, PARENT, &none);
    cr_assert_eq(v.type, V_NONE);
}

static void expect_list(struct db *db, reading *read, uint32_t len, objid first, objid last) {
    value v = read(db, PARENT, &endless);
    cr_assert_eq(v.type, V_LIST);
    cr_expect_eq(v.u.l->len, len, "%u, not %u", v.u.l->len, len);
    cr_expect_eq(list_get(v.u.l, 1).u.o, first);
    cr_expect_eq(list_get(v.u.l, v.u.l->len).u.o, last);
    value_unref(v);
}

static void expect_it_goes_on(reading *read) {
    char *dir = new_place();
    struct db *db = world(dir);
    for (int i = 0; i < 2; i++) expect_gives_up(db, read);
    asked = 0;
    expect_list(db, read, KIDS, FIRST, LAST);
    cr_expect_eq(asked, KIDS / PATIENCE_STEPS, "asked %d times, which is not for the result alone: what was read is read again", asked);
    db_world_close(db);
    remove_world(dir);
}

Test(lists, children_are_read_on) { expect_it_goes_on(db_children); }
Test(lists, contents_are_read_on) { expect_it_goes_on(db_contents); }
Test(lists, possessions_are_read_on) { expect_it_goes_on(db_owned_objects); }
Test(lists, players_are_read_on) { expect_it_goes_on(players); }

static void take_away(struct db *db, objid o) {
    cr_assert_eq(db_chparent(db, o, OTHER), E_NONE);
    db_move(db, o, OTHER);
    db_set_owner(db, o, OTHER);
    db_set_flag(db, o, OF_PLAYER, false);
}

/* When a portion is read: out of it, out of what is not read yet, and new ones. */
static void change(struct db *db) {
    take_away(db, FIRST);
    take_away(db, LAST);
    cr_assert_eq(db_create(db, PARENT, PARENT), ADDED);
    db_move(db, ADDED, PARENT);
    db_set_flag(db, ADDED, OF_PLAYER, true);
}

static void expect_changes(reading *read, bool saved) {
    char *dir = new_place();
    struct db *db = world(dir);
    expect_gives_up(db, read);
    change(db);
    db_set_owner(db, OTHER, PARENT); /* its number is below what was read */
    if (saved) save_world(db);
    if (read != players) expect_gives_up(db, read); /* who makes a player needs them all */
    expect_list(db, read, read == db_owned_objects ? KIDS : KIDS - 1, read == db_owned_objects ? OTHER : FIRST + 1, ADDED);
    db_world_close(db);
    remove_world(dir);
}

Test(lists, children_that_come_and_go_meanwhile) { expect_changes(db_children, false); }
Test(lists, contents_that_come_and_go_meanwhile) { expect_changes(db_contents, false); }
Test(lists, possessions_that_come_and_go_meanwhile) { expect_changes(db_owned_objects, false); }
Test(lists, players_who_come_and_go_meanwhile) { expect_changes(players, false); }
Test(lists, children_that_come_and_go_and_are_saved_meanwhile) { expect_changes(db_children, true); }
Test(lists, contents_that_come_and_go_and_are_saved_meanwhile) { expect_changes(db_contents, true); }
Test(lists, possessions_that_come_and_go_and_are_saved_meanwhile) { expect_changes(db_owned_objects, true); }
Test(lists, players_who_come_and_go_and_are_saved_meanwhile) { expect_changes(players, true); }

/* What changed since the last save, and in no order: it is put in order before anything can be read. */
Test(lists, many_changes_in_no_order) {
    char *dir = new_place();
    struct db *db = world(dir);
    for (objid i = 0; i < KIDS; i++) db_set_owner(db, FIRST + i * 7919 % KIDS, OTHER);
    expect_gives_up(db, db_owned_objects);
    value v = db_owned_objects(db, OTHER, &none);
    cr_expect_eq(v.type, V_NONE);
    v = db_owned_objects(db, OTHER, &endless);
    cr_assert(v.type == V_LIST && v.u.l->len == LAST + 1); /* all there is */
    for (objid o = 0; o <= LAST; o++) cr_assert_eq(list_get(v.u.l, o + 1).u.o, o);
    value_unref(v);
    db = reopen(db, dir, false);
    for (objid i = 0; i < KIDS; i++) db_set_owner(db, FIRST + i * 7919 % KIDS, OTHER);
    v = db_owned_objects(db, OTHER, &none);
    cr_expect_eq(v.type, V_NONE);
    save_world(db);
    for (int i = 0; i < KIDS / PATIENCE_STEPS; i++) {
        v = db_owned_objects(db, OTHER, &none);
        cr_expect_eq(v.type, V_NONE);
    }
    v = db_owned_objects(db, OTHER, &endless);
    cr_expect(v.type == V_LIST && v.u.l->len == LAST + 1 && list_get(v.u.l, LAST + 1).u.o == LAST);
    value_unref(v);
    db_world_close(db);
    remove_world(dir);
}

/* Nothing of OTHER's list is on disk, and what changed is in order; of PARENT's all went, in no order. */
Test(lists, gathering_and_sorting_take_patience) {
    const struct read_limit hurry = {SIZE_MAX, &none}, leisure = {SIZE_MAX, &endless};
    char *dir = new_place();
    struct db *db = world(dir);
    for (objid i = 0; i < KIDS; i++) cr_assert_eq(db_chparent(db, FIRST + i * 7919 % KIDS, OTHER), E_NONE);
    for (int i = 0; i < 3; i++) cr_expect(!object_load_children(db, object_at(db, OTHER), &hurry));
    asked = 0;
    cr_expect(object_load_children(db, object_at(db, PARENT), &leisure));
    cr_expect_gt(asked, 10 * (KIDS / PATIENCE_STEPS), "asked %d times: not while it was put in order", asked);
    cr_expect_eq(links_count(object_children(object_at(db, PARENT))), 0);
    save_world(db);
    for (int i = 0; i < KIDS / PATIENCE_STEPS; i++) cr_expect(!object_load_children(db, object_at(db, OTHER), &hurry));
    cr_expect(object_load_children(db, object_at(db, OTHER), &hurry));
    cr_expect_eq(links_count(object_children(object_at(db, OTHER))), KIDS);
    db_world_close(db);
    remove_world(dir);
}

/* In a world so small that a renumbering leaves all of it in memory. */
Test(lists, a_child_in_the_part_that_was_read_gets_another_number) {
    enum { FEW = 10 };
    const struct read_limit half = {FEW / 2, NULL};
    char *dir = new_place();
    struct db *db = world_of(dir, FEW);
    cr_assert(!object_load_children(db, object_at(db, PARENT), &half) && !object_load_contents(db, object_at(db, PARENT), &half));
    db_destroy(db, OTHER);
    cr_assert_eq(db_renumber(db, FIRST), OTHER);
    expect_list(db, db_children, FEW, OTHER, FIRST + FEW - 1);
    expect_list(db, db_contents, FEW, OTHER, FIRST + FEW - 1);
    db_world_close(db);
    remove_world(dir);
}

/* ---- a file that is damaged ---- */

static unsigned u16_at(const unsigned char *p) { return p[0] | (unsigned)p[1] << 8; }

/* In pages that lead to others two of them are the same now. How many pages; the layout is LMDB's. */
static int double_pages(const char *dir) {
    enum { PAGE = 4096, HEADER = 16, BRANCH = 1, NUMBER = 6 };
    unsigned char page[PAGE];
    char name[300];
    int changed = 0;
    snprintf(name, sizeof name, "%s/data.mdb", dir);
    int fd = open(name, O_RDWR);
    for (off_t at = 2 * PAGE; pread(fd, page, PAGE, at) == PAGE; at += PAGE) {
        if (!(u16_at(page + 10) & BRANCH) || u16_at(page + 12) < HEADER + 3 * 2 || u16_at(page + 12) > u16_at(page + 14)) continue;
        memcpy(page + u16_at(page + HEADER + 4), page + u16_at(page + HEADER + 2), NUMBER);
        cr_assert_eq(pwrite(fd, page, PAGE, at), PAGE);
        changed++;
    }
    close(fd);
    return changed;
}

Test(lists, rows_out_of_order_are_damage_and_the_rest_is_read) {
    char *dir = new_place();
    struct db *db = world(dir);
    db_world_close(db);
    cr_assert_gt(double_pages(dir), 0);
    db = reopen(NULL, dir, false);
    reading *const all[] = {db_children, db_contents, db_owned_objects, players};
    for (int i = 0; i < 4; i++) {
        value v = all[i](db, PARENT, NULL);
        cr_assert_eq(v.type, V_LIST);
        cr_expect(v.u.l->len > 0 && v.u.l->len < KIDS, "%d: %u", i, v.u.l->len);
        value_unref(v);
    }
    cr_expect_gt(db->damaged, 0);
    db_world_close(db);
    remove_world(dir);
}
