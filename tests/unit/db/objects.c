/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/list.h"
#include "db/db.h"
#include "db/preps.h"
#include "db/world.h"

/* Strings that live as long as the test. */
static struct str *pool[200];
static size_t npool;

static struct str *S(const char *s) {
    cr_assert_lt(npool, sizeof pool / sizeof *pool);
    return pool[npool++] = str_from(s);
}

static void drop_pool(void) {
    while (npool) str_unref(pool[--npool]);
}

TestSuite(objects, .fini = drop_pool);

static value get(struct db *db, objid o, const char *name) {
    value v;
    cr_assert_eq(db_get_property(db, o, S(name), 0, NULL, NULL, &v), E_NONE);
    return v;
}

static struct db *small_world(objid *root) {
    struct db *db = db_world_in_memory();
    *root = db_create(db, NOTHING, NOTHING);
    db_set_flag(db, *root, OF_WIZARD, true);
    return db;
}

Test(objects, children_contents_and_players_keep_order) {
    objid root;
    struct db *db = small_world(&root);
    objid a = db_create(db, root, root), b = db_create(db, root, root), c = db_create(db, root, root);
    db_move(db, b, a);
    db_move(db, c, a);
    db_move(db, b, NOTHING);
    db_move(db, b, a);
    cr_assert_eq(db_first_content(db, a), c);
    cr_assert_eq(db_count_contents(db, a), 2);
    db_chparent(db, a, NOTHING);
    db_chparent(db, a, root);
    value kids = db_children(db, root, NULL);
    cr_assert_eq(kids.u.l->len, 3);
    cr_assert_eq(kids.u.l->items[0].u.o, b);
    cr_assert_eq(kids.u.l->items[2].u.o, a);
    value_unref(kids);
    db_set_flag(db, b, OF_PLAYER, true);
    db_set_flag(db, a, OF_PLAYER, true);
    value players = db_players(db, NULL);
    cr_assert_eq(players.u.l->items[0].u.o, b);
    value_unref(players);
    db_move(db, b, NOTHING);
    db_move(db, c, NOTHING);
    db_destroy(db, b);
    cr_assert_not(db_valid(db, b));
    cr_assert_eq(db_max_object(db), c);
    cr_assert_eq(db_create(db, NOTHING, root), c + 1);
    cr_assert_eq(db_renumber(db, c), b);
    cr_assert_eq(db_parent(db, b), root);
    db_world_close(db);
}

Test(objects, c_bit_gives_slots_to_owners) {
    objid root;
    struct db *db = small_world(&root);
    objid yduj = db_create(db, root, NOTHING), eiram = db_create(db, root, NOTHING);
    objid toy = db_create(db, root, yduj);
    cr_assert_eq(db_add_propdef(db, toy, S("wound"), value_int(0), yduj, PF_READ | PF_CHOWN), E_NONE);
    objid sushi = db_create(db, toy, eiram);
    struct propref p;
    cr_assert(db_find_property(db, sushi, S("WOUND"), &p));
    cr_assert_eq(db_prop_owner(db, &p), eiram);
    struct propref on_toy;
    db_find_property(db, toy, S("wound"), &on_toy);
    db_prop_set_info(db, &on_toy, yduj, PF_READ);
    objid roll = db_create(db, toy, eiram);
    cr_assert_eq(db_prop_owner(db, &p), eiram);
    db_find_property(db, roll, S("wound"), &p);
    cr_assert_eq(db_prop_owner(db, &p), yduj);
    cr_assert_eq(db_prop_flags(db, &p), PF_READ);
    cr_assert_eq(db_set_property(db, roll, S("wound"), value_int(5), eiram, NULL), E_PERM);
    cr_assert_eq(db_set_property(db, sushi, S("wound"), value_int(5), eiram, NULL), E_NONE);
    cr_assert_eq(get(db, sushi, "wound").u.i, 5);
    db_chparent(db, sushi, root);
    db_chparent(db, sushi, toy);
    cr_assert_eq(get(db, sushi, "wound").u.i, 0);
    db_find_property(db, sushi, S("wound"), &p);
    cr_assert_eq(db_prop_owner(db, &p), yduj);
    db_world_close(db);
}

Test(objects, caches_stay_right) {
    objid root;
    struct db *db = small_world(&root);
    objid mid = db_create(db, root, root), leaf = db_create(db, mid, root), other = db_create(db, mid, root);
    struct str *x = S("x");
    db_add_propdef(db, root, x, value_int(1), root, PF_READ | PF_WRITE);
    struct prop_cache c = {0};
    value v;
    cr_assert_eq(db_get_property(db, leaf, x, root, &c, NULL, &v), E_NONE);
    cr_assert_eq(v.u.i, 1);
    db_set_property(db, mid, x, value_int(2), root, NULL);
    db_get_property(db, leaf, x, root, &c, NULL, &v);
    cr_assert_eq(v.u.i, 2);
    db_set_property(db, leaf, x, value_int(3), root, &c);
    db_get_property(db, leaf, x, root, &c, NULL, &v);
    cr_assert_eq(v.u.i, 3);
    db_get_property(db, other, x, root, &c, NULL, &v);
    cr_assert_eq(v.u.i, 2);
    db_chparent(db, other, NOTHING);
    cr_assert_eq(db_get_property(db, other, x, root, &c, NULL, &v), E_PROPNF);
    cr_assert_eq(db_delete_propdef(db, root, x), E_NONE);
    cr_assert_eq(db_get_property(db, leaf, x, root, &c, NULL, &v), E_PROPNF);
    db_world_close(db);
}

Test(objects, names_and_verbs) {
    cr_assert(verb_names_match(S("foo*bar g*et"), "foob", 4));
    cr_assert_not(verb_names_match(S("foo*bar"), "foobarx", 7));
    cr_assert_not(verb_names_match(S("foo*bar"), "fo", 2));
    cr_assert(verb_names_match(S("a foo*"), "foozle", 6));
    cr_assert(verb_names_match(S("*"), "anything", 8));
    cr_assert_not(verb_names_match(S("foo"), "", 0));
    objid root;
    struct db *db = small_world(&root);
    objid leaf = db_create(db, root, root);
    struct verb_cache c = {0};
    struct verbref v;
    struct str *look = S("look");
    cr_assert_not(db_find_callable_verb(db, leaf, look, &c, &v));
    cr_assert_not(db_find_callable_verb(db, leaf, look, &c, &v));
    db_add_verb(db, root, S("l*ook"), root, VF_READ | VF_EXEC, VA_THIS, PREP_NONE, VA_NONE);
    cr_assert(db_find_callable_verb(db, leaf, look, &c, &v));
    cr_assert_eq(v.definer, root);
    cr_assert(db_find_command_verb(db, leaf, "l", 1, leaf, PREP_NONE, NOTHING, &v));
    cr_assert_not(db_find_command_verb(db, leaf, "l", 1, root, PREP_NONE, NOTHING, &v));
    db_delete_verb(db, v);
    cr_assert_not(db_find_callable_verb(db, leaf, look, &c, &v));
    db_world_close(db);
}

Test(objects, prepositions) {
    int prep;
    size_t first, count;
    struct str *words[] = {S("cat"), S("on"), S("top"), S("of"), S("mat")};
    cr_assert(prep_find(words, 5, &prep, &first, &count));
    cr_assert_eq(prep, 4);
    cr_assert_eq(first, 1);
    cr_assert_eq(count, 3);
    cr_assert(prep_from_descriptor("in front of", &prep) && prep == 2);
    cr_assert(prep_from_descriptor("#3", &prep) && prep == 3);
    cr_assert(prep_from_descriptor("at/to", &prep) && prep == 1);
    cr_assert_not(prep_from_descriptor("15", &prep));
    cr_assert_str_eq(prep_set_name(14), "off/off of");
}
