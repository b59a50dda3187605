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

static void expect_parse(struct db *db, const char *text, const char *verb, const char *argstr, const char *dobjstr, const char *prepstr, const char *iobjstr) {
    struct str *line = str_from(text);
    struct command c;
    struct command_look look = {NULL, false};
    cr_assert(command_from_line(db, 1, line, &look, &c), "%s", text);
    cr_expect_str_eq(c.verb->data, verb);
    cr_expect_str_eq(c.argstr->data, argstr, "%s: argstr is \"%s\"", text, c.argstr->data);
    cr_expect_str_eq(c.dobjstr->data, dobjstr);
    cr_expect_str_eq(c.prepstr->data, prepstr);
    cr_expect_str_eq(c.iobjstr->data, iobjstr);
    command_fini(&c);
    str_unref(line);
}

Test(command, parts) {
    struct db *db = new_world();
    expect_parse(db, "put the box in  front of  it ", "put", "the box in  front of  it ", "the box", "in front of", "it");
    expect_parse(db, "\"hi there", "say", "hi there", "hi there", "", "");
    expect_parse(db, "  : waves", "emote", " waves", "waves", "", "");
    expect_parse(db, ";1 + 1", "eval", "1 + 1", "1 + 1", "", "");
    expect_parse(db, "\"", "say", "", "", "", "");
    expect_parse(db, "\"quo ted\" x", "say", "quo ted\" x", "quo ted x", "", "");
    expect_parse(db, "look \"in front of\" box", "look", "\"in front of\" box", "in front of box", "", "");
    expect_parse(db, "get a\\ b from c", "get", "a\\ b from c", "a b", "from", "c");
    struct str *blank = str_from("   ");
    struct command c;
    cr_expect_not(command_from_line(db, 1, blank, NULL, &c));
    str_unref(blank);
    db_world_close(db);
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

Test(command, a_long_name_is_folded_only_as_far_as_it_matters) {
    struct db *db = new_world();
    struct buf name = BUF_INIT;
    for (int i = 0; i < 5000; i++) buf_add_c(&name, "\xc3\x89"); /* É */
    objid o = new_thing(db, buf_c(&name), NULL, 2);
    cr_expect_eq(match(db, 1, "\xc3\xa9\xc3\xa9"), o);
    cr_expect_eq(match(db, 1, "\xc3\xa9""e"), FAILED_MATCH);
    cr_expect_eq(match(db, 1, buf_c(&name)), o);
    buf_fini(&name);
    db_world_close(db);
}
