/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/load.h"
#include "db/store.h"
#include "worlds.h"

#define DAY ((int64_t)86400 * 1000000)

static struct db *new_world(char *dir) {
    struct db *db = create_world(dir);
    return db;
}

static struct code *new_code(struct db *db, const char *text) {
    struct str *s = str_from(text);
    struct code *c = code_new(db_code_table(db), s, LANGUAGE_VERSION, false, 1);
    str_unref(s);
    return c;
}

static objid object_with_verb(struct db *db) {
    struct str *names = str_from("v");
    objid o = db_create(db, NOTHING, NOTHING);
    db_add_verb(db, o, names, o, VF_EXEC, VA_THIS, PREP_NONE, VA_THIS);
    str_unref(names);
    return o;
}

static void program(struct db *db, objid o, const char *text, objid programmer) { db_verb_program(db, (struct verbref){o, 0}, text ? new_code(db, text) : NULL, programmer); }

/* "PROGRAMMER:TEXT" of each version, newest first. */
static void expect_verb_history(struct db *db, objid o, const char *wanted) {
    struct db_version *v;
    struct buf b = BUF_INIT;
    size_t n = db_verb_history(db, (struct verbref){o, 0}, &v);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&b, "%lld:%s ", (long long)v[i].programmer, v[i].code ? v[i].code->text->data : "-");
        if (i) cr_assert_lt(v[i].time, v[i - 1].time);
    }
    cr_assert_str_eq(buf_c(&b), wanted);
    db_versions_free(v, n);
    buf_fini(&b);
}

Test(history, programs_of_a_verb) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid o = object_with_verb(db);
    program(db, o, "a", 5);
    program(db, o, "b", 6); /* "a" was never saved as the verb's own */
    program(db, o, "b", 7); /* the same: no version */
    expect_verb_history(db, o, "6:a 5:- ");
    save_world(db);
    expect_verb_history(db, o, "6:a 5:- ");
    program(db, o, "c", 8);
    expect_verb_history(db, o, "8:b 6:a 5:- ");
    db = reopen(db, dir, false);
    expect_verb_history(db, o, "6:a 5:- "); /* "c" was not saved */
    program(db, o, "c", 8); /* "b" is not in memory */
    program(db, o, NULL, 9);
    program(db, o, "a", 9);
    save_world(db);
    db = reopen(db, dir, true);
    expect_verb_history(db, o, "9:- 9:c 8:b 6:a 5:- ");
    cr_assert_eq(db_damaged(db), 0);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(history, is_whole_while_a_save_is_under_way) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    objid o = object_with_verb(db);
    program(db, o, "a", 5);
    program(db, o, "b", 5);
    cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
    program(db, o, "c", 6);
    expect_verb_history(db, o, "6:b 5:a 5:- ");
    while (db_save_step(db, 0) != DB_SAVE_NONE) expect_verb_history(db, o, "6:b 5:a 5:- ");
    expect_verb_history(db, o, "6:b 5:a 5:- ");
    save_world(db);
    db = reopen(db, dir, false);
    expect_verb_history(db, o, "6:b 5:a 5:- ");
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(history, a_failed_save_loses_no_version) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    objid o = object_with_verb(db);
    program(db, o, "a", 5);
    program(db, o, "b", 5);
    store_set_fault(db->store, FAULT_COMMIT, 1);
    cr_assert_eq(db_save(db, NULL, 0, NULL, &why), -1);
    program(db, o, "c", 6);
    expect_verb_history(db, o, "6:b 5:a 5:- ");
    save_world(db);
    db = reopen(db, dir, false);
    expect_verb_history(db, o, "6:b 5:a 5:- ");
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
    buf_fini(&why);
}

Test(history, keeps_so_many_and_so_long) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid o = object_with_verb(db), other = object_with_verb(db);
    uint8_t hash[CODE_HASH_BYTES];
    struct code *first = new_code(db, "1");
    memcpy(hash, first->hash, sizeof hash);
    code_unref(first);
    clock_fake(0, 1000 * DAY);
    db_set_history_limits(db, &(struct db_history_limits){.versions = 3, .age_us = 10 * DAY});
    const char *texts[] = {"1", "2", "3", "4", "5"};
    for (int i = 0; i < 5; i++) {
        program(db, o, texts[i], i);
        if (i != 2) save_world(db);
    }
    expect_verb_history(db, o, "4:4 3:3 2:2 ");
    cr_assert_null(load_code(db, hash)); /* nobody needs the oldest any more */
    program(db, other, "x", 1);
    program(db, other, "y", 1);
    save_world(db);
    cr_assert_eq(store_read_begin(db->store), 0);
    cr_assert_eq(store_count(db->store, T_HISTORY), 5);
    store_read_end(db->store);
    clock_fake(0, 1011 * DAY);
    expect_verb_history(db, o, "");
    program(db, o, "6", 7);
    expect_verb_history(db, o, "7:5 ");
    save_world(db);
    expect_verb_history(db, o, "7:5 ");
    cr_assert_eq(store_read_begin(db->store), 0);
    cr_assert_eq(store_count(db->store, T_HISTORY), 1); /* those of `other' were swept */
    store_read_end(db->store);
    clock_fake_off();
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(history, goes_with_the_object) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid o = object_with_verb(db);
    program(db, o, "a", 5);
    program(db, o, "b", 5);
    save_world(db);
    program(db, o, "c", 5);
    db_destroy(db, o);
    db_create_at(db, o, NOTHING, NOTHING);
    save_world(db);
    cr_assert_eq(store_read_begin(db->store), 0);
    cr_assert_eq(store_count(db->store, T_HISTORY), 0);
    cr_assert_eq(store_count(db->store, T_CODE), 0);
    store_read_end(db->store);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

/* A save that will fail is at its beginning, and the object goes and comes back meanwhile. */
static void lose_object_in_failed_save(struct db *db, objid o, objid parent) {
    struct buf why = BUF_INIT;
    store_set_fault(db->store, FAULT_COMMIT, 1);
    cr_assert_eq(db_save_begin(db, NULL, 0, NULL, &why), 0);
    uint64_t generation = db_generation(db);
    db_destroy(db, o);
    db_create_at(db, o, parent, parent);
    db_save_finish(db);
    cr_assert_eq(db_generation(db), generation);
}

Test(history, goes_with_an_object_whose_save_fails) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid o = object_with_verb(db);
    program(db, o, "a", 5);
    save_world(db);
    program(db, o, "b", 5);
    lose_object_in_failed_save(db, o, NOTHING);
    save_world(db);
    cr_assert_eq(store_read_begin(db->store), 0);
    cr_assert_eq(store_count(db->store, T_HISTORY), 0);
    cr_assert_eq(store_count(db->store, T_CODE), 0);
    store_read_end(db->store);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

/* ---- properties ---- */

struct prop_world {
    char *dir;
    struct db *db;
    objid o;
    struct str *name;
};

static struct prop_world prop_world(void) {
    struct prop_world w = {.dir = new_place(), .name = str_from("p")};
    w.db = new_world(w.dir);
    objid parent = db_create(w.db, NOTHING, NOTHING);
    cr_assert_eq(db_add_propdef(w.db, parent, w.name, value_str(str_from("parent's")), parent, PF_READ | PF_WRITE), E_NONE);
    w.o = db_create(w.db, parent, parent);
    save_world(w.db);
    return w;
}

static void prop_world_fini(struct prop_world *w) {
    db_world_close(w->db);
    expect_sound(w->dir);
    remove_world(w->dir);
    str_unref(w->name);
}

static void set(struct prop_world *w, value v, objid programmer) { cr_assert_eq(db_set_property(w->db, w->o, w->name, v, programmer, NULL), E_NONE); }
static void set_text(struct prop_world *w, const char *text, objid programmer) { set(w, value_str(str_from(text)), programmer); }

/* "PROGRAMMER:VALUE" of each version, newest first. */
static void expect_history(struct prop_world *w, const char *wanted) {
    struct db_version *v;
    struct propref p;
    struct buf b = BUF_INIT;
    cr_assert(db_find_property(w->db, w->o, w->name, &p));
    size_t n = db_property_history(w->db, &p, &v);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&b, "%lld:", (long long)v[i].programmer);
        if (v[i].value.type == V_CLEAR) buf_add_c(&b, "clear");
        else value_print_literal(&b, v[i].value);
        buf_add_c(&b, " ");
    }
    cr_assert_str_eq(buf_c(&b), wanted);
    db_versions_free(v, n);
    buf_fini(&b);
}

Test(history, values_of_a_property) {
    struct prop_world w = prop_world();
    struct propref p;
    set_text(&w, "a", 5);
    expect_history(&w, "5:clear "); /* at once */
    save_world(w.db);
    expect_history(&w, "5:clear ");
    set_text(&w, "b", 6);
    set_text(&w, "c", 6); /* between two saves: one change */
    expect_history(&w, "6:\"a\" 5:clear ");
    set_text(&w, "a", 6); /* as it was: none */
    expect_history(&w, "5:clear ");
    save_world(w.db);
    expect_history(&w, "5:clear ");
    cr_assert(db_find_property(w.db, w.o, w.name, &p));
    db_prop_clear(w.db, &p, 7);
    save_world(w.db);
    set_text(&w, "d", 8);
    w.db = reopen(w.db, w.dir, false);
    expect_history(&w, "7:\"a\" 5:clear "); /* "d" was not saved */
    prop_world_fini(&w);
}

Test(history, properties_while_a_save_is_under_way) {
    struct prop_world w = prop_world();
    struct buf why = BUF_INIT;
    set_text(&w, "a", 5);
    save_world(w.db);
    set_text(&w, "b", 6);
    cr_assert_eq(db_save_begin(w.db, NULL, 0, NULL, &why), 0);
    expect_history(&w, "6:\"a\" 5:clear ");
    while (db_save_step(w.db, 0) != DB_SAVE_NONE) expect_history(&w, "6:\"a\" 5:clear ");
    expect_history(&w, "6:\"a\" 5:clear ");
    set_text(&w, "c", 7);
    store_set_fault(w.db->store, FAULT_COMMIT, 1);
    cr_assert_eq(db_save(w.db, NULL, 0, NULL, &why), -1);
    expect_history(&w, "7:\"b\" 6:\"a\" 5:clear ");
    save_world(w.db);
    w.db = reopen(w.db, w.dir, true);
    expect_history(&w, "7:\"b\" 6:\"a\" 5:clear ");
    prop_world_fini(&w);
    buf_fini(&why);
}

Test(history, goes_on_when_the_clock_is_set_back) {
    struct prop_world w = prop_world();
    int64_t now = 1000 * DAY;
    clock_fake(0, now);
    set_text(&w, "0", 5);
    save_world(w.db);
    for (int i = 1; i <= 3; i++) {
        set_text(&w, (char[]){(char)('0' + i), 0}, 5);
        clock_fake(0, now += 1000000);
        save_world(w.db);
    }
    expect_history(&w, "5:\"1\" 5:\"0\" 5:clear ");
    for (int i = 4; i <= 5; i++) {
        set_text(&w, (char[]){(char)('0' + i), 0}, 6);
        clock_fake(0, 900 * DAY + i * 1000000);
        save_world(w.db);
    }
    expect_history(&w, "6:\"4\" 6:\"3\" 5:\"1\" 5:\"0\" 5:clear ");
    clock_fake(0, now + 62000000);
    set_text(&w, "6", 7);
    save_world(w.db);
    expect_history(&w, "7:\"5\" 6:\"4\" 6:\"3\" 5:\"1\" 5:\"0\" 5:clear ");
    clock_fake_off();
    prop_world_fini(&w);
}

Test(history, counters_bursts_and_large_values_are_spared) {
    struct prop_world w = prop_world();
    int64_t now = 1000 * DAY;
    clock_fake(0, now);
    set(&w, value_int(1), 5);
    save_world(w.db);
    set(&w, value_int(2), 5);
    expect_history(&w, "5:clear ");
    save_world(w.db);
    expect_history(&w, "5:clear ");
    for (int i = 0; i < 10; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        set_text(&w, text, 6);
        clock_fake(0, now += 5000000);
        save_world(w.db);
    }
    expect_history(&w, "6:\"0\" 6:2 5:clear ");
    clock_fake(0, now += 61000000);
    set_text(&w, "x", 7);
    save_world(w.db);
    expect_history(&w, "7:\"9\" 6:\"0\" 6:2 5:clear ");
    char *large = xmalloc(70001);
    memset(large, 'x', 70000);
    large[70000] = 0;
    clock_fake(0, now += 61000000);
    set_text(&w, large, 8);
    save_world(w.db);
    clock_fake(0, now += 61000000);
    set_text(&w, "small", 9);
    save_world(w.db);
    expect_history(&w, "8:\"x\" 7:\"9\" 6:\"0\" 6:2 5:clear "); /* what was so large is not kept */
    free(large);
    clock_fake_off();
    prop_world_fini(&w);
}

Test(history, an_object_may_do_without) {
    struct prop_world w = prop_world();
    struct str *option = str_from("history_versions");
    objid parent = db_parent(w.db, w.o);
    cr_assert_eq(db_add_propdef(w.db, parent, option, value_int(0), parent, PF_READ), E_NONE); /* inherited */
    set_text(&w, "a", 5);
    save_world(w.db);
    expect_history(&w, "");
    cr_assert_eq(db_set_property(w.db, w.o, option, value_int(1), parent, NULL), E_NONE);
    set_text(&w, "b", 5);
    save_world(w.db);
    expect_history(&w, "5:\"a\" ");
    str_unref(option);
    prop_world_fini(&w);
}

Test(history, of_properties_goes_with_the_object) {
    struct prop_world w = prop_world();
    objid parent = db_parent(w.db, w.o);
    set_text(&w, "a", 5);
    save_world(w.db);
    set_text(&w, "b", 5);
    db_destroy(w.db, w.o);
    db_create_at(w.db, w.o, parent, parent); /* with the same property */
    expect_history(&w, "");
    set_text(&w, "c", 5);
    expect_history(&w, "");
    save_world(w.db);
    expect_history(&w, "");
    prop_world_fini(&w);
}

Test(history, of_properties_goes_with_an_object_whose_save_fails) {
    struct prop_world w = prop_world();
    set_text(&w, "a", 5);
    save_world(w.db);
    set_text(&w, "b", 5);
    lose_object_in_failed_save(w.db, w.o, db_parent(w.db, w.o));
    set_text(&w, "c", 5);
    expect_history(&w, "");
    save_world(w.db);
    expect_history(&w, "");
    prop_world_fini(&w);
}

Test(history, the_fast_way_notes_the_programmer) {
    struct prop_world w = prop_world();
    struct prop_cache cache = {0};
    set_text(&w, "a", 5);
    save_world(w.db);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(db_set_property(w.db, w.o, w.name, value_str(str_printf("%d", i)), 6 + i, &cache), E_NONE);
        save_world(w.db);
    }
    expect_history(&w, "7:\"0\" 6:\"a\" 5:clear ");
    prop_world_fini(&w);
}
