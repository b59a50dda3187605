/* SPDX-License-Identifier: MIT */
/* Equal strings that are loaded from a world are kept once; a change to one holder's is not seen by the others. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/list.h"
#include "base/strcache.h"
#include "worlds.h"

enum { OBJECTS = 50 };

static struct db *world(const char *dir, const char *text) {
    struct db *db = create_world(dir);
    objid root = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("text");
    cr_assert_eq(db_add_propdef(db, root, name, value_int(0), root, PF_READ), E_NONE);
    for (int i = 0; i < OBJECTS; i++) {
        objid o = db_create(db, root, root);
        value v = value_str(str_from(text));
        if (i % 2) v = value_list(list_of(2, value_int(i), v));
        cr_assert_eq(db_set_property(db, o, name, v, root, NULL), E_NONE);
        struct str *called = str_from("one of many");
        db_set_name(db, o, called);
        str_unref(called);
    }
    str_unref(name);
    save_world(db);
    return reopen(db, dir, false);
}

static value text_of(struct db *db, objid o) {
    value v;
    cr_assert(db_read_property(db, o, "text", NULL, &v));
    return v;
}

static struct str *string_in(value v) { return v.type == V_LIST ? list_get(v.u.l, 2).u.s : v.u.s; }

Test(sharing, equal_strings_are_one) {
    char *dir = new_place();
    struct db *db = world(dir, "the same for all");
    value first = text_of(db, 1);
    for (objid o = 2; o <= OBJECTS; o++) {
        value v = text_of(db, o);
        cr_assert_eq(string_in(v), string_in(first));
        cr_assert_eq(db_name(db, o), db_name(db, 1));
        value_unref(v);
    }
    value_unref(first);
    db_world_close(db);
    remove_world(dir);
}

Test(sharing, a_change_is_one_holders) {
    char *dir = new_place();
    struct db *db = world(dir, "the same for all");
    struct str *name = str_from("text");
    for (objid o = 1; o <= OBJECTS; o += 2) {
        struct str *s = text_of(db, o).u.s;
        s = str_append_take(s, "!", 1);
        cr_assert_eq(db_set_property(db, o, name, value_str(s), 0, NULL), E_NONE);
    }
    str_unref(name);
    save_world(db);
    db = reopen(db, dir, false);
    for (objid o = 1; o <= OBJECTS; o++) {
        value v = text_of(db, o);
        cr_assert(str_equal_c(string_in(v), o % 2 ? "the same for all!" : "the same for all"));
        value_unref(v);
    }
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(sharing, case_and_length_count) {
    struct str_cache *c = str_cache_new();
    static const char *const texts[] = {"", "x", "Word", "word", "words", "w\xc3\xa9rd", "abcdefgh", "abcdefghi", "abcdefgh\xc3\xa9"};
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            struct str *s = str_cache_get(c, texts[i], strlen(texts[i])), *t = str_cache_get(c, texts[i], strlen(texts[i]));
            cr_assert_str_eq(s->data, texts[i]);
            cr_assert_eq(s, t);
            str_unref(s);
            str_unref(t);
        }
    cr_assert_null(str_cache_get(c, "a\xc3", 2));
    cr_assert_null(str_cache_get(c, "\xff", 1));
    str_cache_free(c);
}

Test(sharing, what_is_kept_is_bounded) {
    struct str_cache *c = str_cache_new();
    struct str *first = str_cache_get(c, "first of all", 12);
    for (int i = 0; i < 20 * STR_CACHE_ENTRIES; i++) {
        struct str *s = str_printf("number %d", i);
        str_unref(str_cache_get(c, s->data, s->len));
        str_unref(s);
    }
    cr_assert_eq(first->refs, 1, "it stayed for ever");
    str_unref(first);
    struct str *l = str_printf("%*s", STR_CACHE_LONGEST + 1, "long"), *a = str_cache_get(c, l->data, l->len), *b = str_cache_get(c, l->data, l->len);
    cr_assert_neq(a, b);
    str_unref(a);
    str_unref(b);
    str_unref(l);
    str_cache_free(c);
}
