/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/list.h"
#include "db/preps.h"
#include "db/world.h"
#include "scheduler/command.h"

/* #0 holds everything; #1 is a player in room #2 with what the tests put there. */
static struct db *new_world(void) {
    struct db *db = db_world_in_memory();
    for (int i = 0; i < 3; i++) db_create(db, NOTHING, NOTHING);
    db_move(db, 1, 2);
    struct str *name = str_from("Ann");
    db_set_name(db, 1, name);
    str_unref(name);
    return db;
}

static objid new_thing(struct db *db, const char *name, const char *alias, objid where) {
    objid o = db_create(db, NOTHING, NOTHING);
    struct str *s = str_from(name), *aliases = str_from("aliases");
    db_set_name(db, o, s);
    str_unref(s);
    if (alias) cr_assert_eq(db_add_propdef(db, o, aliases, value_list(list_of(1, value_str(str_from(alias)))), o, PF_READ), E_NONE);
    str_unref(aliases);
    db_move(db, o, where);
    return o;
}

static void expect_words(const char *line, const char *literal) {
    struct list *words = command_words(line, strlen(line));
    struct str *s = value_to_literal(value_list(words));
    cr_expect_str_eq(s->data, literal, "%s: %s, not %s", line, s->data, literal);
    str_unref(s);
    list_unref(words);
}

Test(command, words) {
    expect_words("", "{}");
    expect_words("   ", "{}");
    expect_words("  a  b ", "{\"a\", \"b\"}");
    expect_words("a\"b c\"d", "{\"ab cd\"}");
    expect_words("x \"\" y", "{\"x\", \"\", \"y\"}");
    expect_words("open \"quote at", "{\"open\", \"quote at\"}");
    expect_words("a\\ b \\\"c \\", "{\"a b\", \"\\\"c\", \"\"}");
    expect_words("tab\tstays", "{\"tab\tstays\"}");
}

static void expect_parse(const char *text, const char *verb, const char *argstr, const char *dobjstr, const char *prepstr, const char *iobjstr) {
    struct str *line = str_from(text);
    struct command c;
    cr_assert(command_from_line(line, &c), "%s", text);
    cr_expect_str_eq(c.verb->data, verb);
    cr_expect_str_eq(c.argstr->data, argstr, "%s: argstr is \"%s\"", text, c.argstr->data);
    cr_expect_str_eq(c.dobjstr->data, dobjstr);
    cr_expect_str_eq(c.prepstr->data, prepstr);
    cr_expect_str_eq(c.iobjstr->data, iobjstr);
    command_fini(&c);
    str_unref(line);
}

Test(command, parts) {
    expect_parse("put the box in  front of  it ", "put", "the box in  front of  it ", "the box", "in front of", "it");
    expect_parse("\"hi there", "say", "hi there", "hi there", "", "");
    expect_parse("  : waves", "emote", " waves", "waves", "", "");
    expect_parse(";1 + 1", "eval", "1 + 1", "1 + 1", "", "");
    expect_parse("\"", "say", "", "", "", "");
    expect_parse("\"quo ted\" x", "say", "quo ted\" x", "quo ted x", "", "");
    expect_parse("look \"in front of\" box", "look", "\"in front of\" box", "in front of box", "", "");
    expect_parse("get a\\ b from c", "get", "a\\ b from c", "a b", "from", "c");
    struct str *blank = str_from("   ");
    struct command c;
    cr_expect_not(command_from_line(blank, &c));
    str_unref(blank);
}

static objid match(struct db *db, objid player, const char *text) {
    struct str *s = str_from(text);
    struct command_look look = {NULL, false};
    objid o = command_match_object(db, player, s, &look);
    str_unref(s);
    return o;
}

Test(command, objects) {
    struct db *db = new_world();
    objid red = new_thing(db, "red apple", "apple", 1), green = new_thing(db, "green apple", "apple", 2), box = new_thing(db, "Box", NULL, 2);
    cr_expect_eq(match(db, 1, ""), NOTHING);
    cr_expect_eq(match(db, 1, "#2"), 2);
    cr_expect_eq(match(db, 1, "#99"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "#-1"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "#2x"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "#"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "#99999999999999999999999"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "ME"), 1);
    cr_expect_eq(match(db, 1, "here"), 2);
    cr_expect_eq(match(db, 99, "me"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "apple"), AMBIGUOUS);
    cr_expect_eq(match(db, 1, "red"), red);
    cr_expect_eq(match(db, 1, "green APPLE"), green);
    cr_expect_eq(match(db, 1, "bo"), box);
    cr_expect_eq(match(db, 1, "ann"), 1);
    cr_expect_eq(match(db, 1, "nosuch"), FAILED_MATCH);
    db_world_close(db);
}

Test(command, letters_beyond_ascii_match_in_either_case) {
    struct db *db = new_world();
    objid cafe = new_thing(db, "Café", NULL, 2);
    cr_expect_eq(match(db, 1, "CAFÉ"), cafe);
    cr_expect_eq(match(db, 1, "caf"), cafe);
    cr_expect_eq(match(db, 1, "cafe"), FAILED_MATCH);
    db_world_close(db);
}

static bool never(const void *ctx) {
    (void)ctx;
    return true;
}

Test(command, who_has_no_time_left_finds_what_was_seen_and_no_more) {
    struct db *db = new_world();
    objid first = new_thing(db, "first", NULL, 2);
    for (int i = 0; i < 1000; i++) new_thing(db, "thing", NULL, 2);
    objid last = new_thing(db, "last", NULL, 2);
    const struct patience none = {never, NULL};
    struct command_look all = {NULL, false}, look = {&none, false};
    struct str *names[] = {str_from("first"), str_from("last"), str_from("thi")};
    cr_expect_eq(command_match_object(db, 1, names[1], &all), last);
    cr_expect_not(all.gave_up);
    cr_expect_eq(command_match_object(db, 1, names[0], &look), first);
    cr_expect(look.gave_up);
    cr_expect_eq(command_match_object(db, 1, names[1], &look), FAILED_MATCH);
    cr_expect_eq(command_match_object(db, 1, names[2], &look), FAILED_MATCH, "what only begins so may not be the one");
    for (int i = 0; i < 3; i++) str_unref(names[i]);
    db_world_close(db);
}

Test(command, that_there_was_no_time_for_one_object_does_not_change_the_other) {
    struct db *db = new_world();
    objid box = new_thing(db, "Boxes", NULL, 2);
    for (int i = 0; i < 2; i++) new_thing(db, "twin", NULL, 2);
    struct command_look look = {NULL, true};
    struct str *twin = str_from("twin"), *begins = str_from("box");
    cr_expect_eq(command_match_object(db, 1, twin, &look), AMBIGUOUS);
    cr_expect_eq(command_match_object(db, 1, begins, &look), box);
    str_unref(twin);
    str_unref(begins);
    db_world_close(db);
}

static struct str *repeated(const char *letter, int n) {
    struct buf b = BUF_INIT;
    while (n--) buf_add_c(&b, letter);
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}

#define KELVIN "\xe2\x84\xaa" /* folded it is a third as long */

/* Of a name so much is folded as the text may need. */
Test(command, a_name_that_shrinks_by_folding_matches) {
    struct db *db = new_world();
    struct str *name = repeated(KELVIN, 250), *more = repeated(KELVIN, 2000), *text = repeated("k", 250);
    objid o = new_thing(db, name->data, NULL, 1), longer = new_thing(db, more->data, NULL, 1);
    cr_expect_eq(match(db, 1, text->data), o);
    cr_expect_eq(match(db, 1, "kk"), AMBIGUOUS);
    db_move(db, o, 0);
    cr_expect_eq(match(db, 1, text->data), longer);
    str_unref(name);
    str_unref(more);
    str_unref(text);
    db_world_close(db);
}

/* To fold a long one could take minutes. */
Test(command, a_long_text_matches_letter_by_letter) {
    struct db *db = new_world();
    struct str *name = repeated("\xc3\x89", 500), *other = repeated("\xc3\xa9", 500), *begins = repeated("\xc3\x89", 300), *plain = repeated("Ab", 500);
    objid o = new_thing(db, name->data, NULL, 2), ab = new_thing(db, plain->data, NULL, 2);
    cr_expect_eq(match(db, 1, name->data), o);
    cr_expect_eq(match(db, 1, begins->data), o);
    cr_expect_eq(match(db, 1, other->data), FAILED_MATCH);
    cr_expect_eq(match(db, 1, "\xc3\xa9\xc3\xa9"), o);
    struct str *lower = repeated("aB", 500);
    cr_expect_eq(match(db, 1, lower->data), ab);
    str_unref(lower);
    str_unref(name);
    str_unref(other);
    str_unref(begins);
    str_unref(plain);
    db_world_close(db);
}
