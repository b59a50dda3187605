/* SPDX-License-Identifier: MIT */
/* Object-definition files: every row of the format's tables, and every error with its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/must.h"
#include "db/world.h"
#include "lang/objdef.h"
#include "tests/unit/lang/front_help.h"

struct load {
    struct db *db;
    struct objdef_files files;
    struct objdef_options options;
    struct objdef_report report;
    struct buf why, notices;
    int rc;
};

static void add_notice(void *ctx, const char *line) {
    buf_printf(ctx, "%s\n", line);
}

static struct load begin(void) {
    struct load l = {.db = db_world_in_memory()};
    l.options.functions = &front_functions;
    l.options.notice = add_notice;
    return l;
}

static void add_file(struct load *l, const char *path, const char *text) {
    l->files.v = xrealloc(l->files.v, (l->files.n + 1) * sizeof *l->files.v);
    l->files.v[l->files.n++] = (struct objdef_file){xstrdup(path), xstrdup(text), strlen(text)};
}

static void run(struct load *l) {
    l->options.ctx = &l->notices;
    l->rc = objdef_load(l->db, &l->files, &l->options, &l->report, &l->why);
}

static struct load load_text(const char *text) {
    struct load l = begin();
    add_file(&l, "a.moo", text);
    run(&l);
    return l;
}

static void end(struct load *l) {
    objdef_files_fini(&l->files);
    buf_fini(&l->why);
    buf_fini(&l->notices);
    db_world_close(l->db);
}

static void expect_error(const char *text, const char *why) {
    struct load l = load_text(text);
    cr_expect_eq(l.rc, -1, "%s", text);
    cr_expect(strstr(buf_c(&l.why), why), "%s\n%s\n%s", text, buf_c(&l.why), why);
    cr_expect(!strchr(buf_c(&l.why), '\n'));
    end(&l);
}

static void expect_loaded(struct load *l) {
    cr_assert_eq(l->rc, 0, "%s", buf_c(&l->why));
    cr_assert_str_eq(buf_c(&l->why), "");
}

static void expect_literal(value v, const char *literal) {
    struct str *s = value_to_literal(v);
    cr_expect_str_eq(s->data, literal);
    str_unref(s);
    value_unref(v);
}

static struct propref find(struct db *db, objid o, const char *name) {
    struct propref ref;
    struct str *s = str_from(name);
    cr_assert(db_find_property(db, o, s, &ref), "#%d.%s", (int)o, name);
    str_unref(s);
    return ref;
}

static void expect_property(struct db *db, objid o, const char *name, const char *literal, objid owner, unsigned flags, bool clear) {
    struct propref ref = find(db, o, name);
    expect_literal(db_prop_value(db, &ref), literal);
    cr_expect_eq(db_prop_owner(db, &ref), owner, "#%d.%s", (int)o, name);
    cr_expect_eq(db_prop_flags(db, &ref), flags, "#%d.%s", (int)o, name);
    cr_expect_eq(db_prop_is_clear(db, &ref), clear, "#%d.%s", (int)o, name);
}

static const char constants[] = "// constants\ndefine ROOT = #1;\ndefine ann = #50;\n/* two\n lines */ define LAMP = #40\ndefine LAMP_OIL = 12;\n";

/* The format's own examples: a generic, and a child with another owner. */
static const char lamp[] =
    "object LAMP\n"
    "  name: \"brass lamp\"\n"
    "  parent: ROOT\n"
    "  location: #62\n"
    "  owner: #2\n"
    "  fertile: true\n"
    "  readable: true\n"
    "\n"
    "  property lit (owner: #2, flags: \"r\") = 0;\n"
    "  property oil (owner: #2, flags: \"r\") = LAMP_OIL;\n"
    "  property \"burn msg\" (owner: #2, flags: \"rc\") = \"The lamp flickers.\";\n"
    "  override aliases = {\"brass lamp\", \"lamp\"};\n"
    "\n"
    "  verb \"light ignite\" (this none none) owner: #2 flags: \"rd\"\n"
    "    \"Lights the lamp for whoever holds it.\";\n"
    "    if (this.location != player)\n"
    "      return player:tell(\"You are not holding it.\");\n"
    "    endif\n"
    "    this.lit = 1;\n"
    "  endverb\n"
    "\n"
    "  Verb burn (this in-front-of any) owner: #2 flags: \"rxdp\"\n"
    "    return this.lit = this.oil > 0;\n"
    "  endverb\n"
    "EndObject\n";

static const char big_lamp[] =
    "object #51 name: \"big lamp\" parent: LAMP location: ann owner: #50\n"
    "  override \"burn msg\" = \"The big lamp roars.\";\n"
    "  override oil (owner: #50, flags: \"rw\") = 40;\n"
    "endobject\n";

static const char others[] =
    "object #1 name: \"Root\" owner: #2 property aliases (owner: #2, flags: \"rc\") = {}; endobject\n"
    "object #2 name: \"Wizard\" parent: #1 owner: #2 wizard: true player: true programmer: true endobject\n"
    "object #50 name: \"Ann\" parent: #1 owner: #50 player: true wizard: false endobject\n"
    "object #62 name: \"Room\" parent: #1 owner: #2 endobject\n";

static struct load load_examples(void) {
    struct load l = begin();
    add_file(&l, "constants.moo", constants);
    add_file(&l, "big_lamp.moo", big_lamp); /* its parent comes later */
    add_file(&l, "lamp.moo", lamp);
    add_file(&l, "others.moo", others);
    run(&l);
    return l;
}

Test(objdef, examples_objects) {
    struct load l = load_examples();
    expect_loaded(&l);
    cr_expect_eq(l.report.objects, 6);
    cr_expect_eq(l.report.notices, 0);
    cr_expect_str_eq(db_name(l.db, 40)->data, "brass lamp");
    cr_expect_eq(db_parent(l.db, 51), 40);
    cr_expect_eq(db_location(l.db, 51), 50);
    cr_expect_eq(db_owner(l.db, 51), 50);
    cr_expect(db_flag(l.db, 40, OF_FERTILE) && db_flag(l.db, 40, OF_READ) && !db_flag(l.db, 40, OF_WRITE));
    cr_expect(db_is_wizard(l.db, 2) && !db_is_wizard(l.db, 50));
    cr_expect(!db_valid(l.db, 41));
    cr_expect_eq(db_max_object(l.db), 62);
    expect_literal(db_players(l.db, NULL), "{#2, #50}");
    expect_literal(db_contents(l.db, 62, NULL), "{#40}");
    end(&l);
}

Test(objdef, owners_and_letters_of_overrides) {
    struct load l = load_examples();
    expect_loaded(&l);
    expect_property(l.db, 40, "burn msg", "\"The lamp flickers.\"", 2, PF_READ | PF_CHOWN, false);
    expect_property(l.db, 51, "burn msg", "\"The big lamp roars.\"", 50, PF_READ | PF_CHOWN, false);
    expect_property(l.db, 51, "lit", "0", 2, PF_READ, true);
    expect_property(l.db, 51, "oil", "40", 50, PF_READ | PF_WRITE, false);
    expect_property(l.db, 40, "oil", "12", 2, PF_READ, false);
    expect_property(l.db, 51, "aliases", "{\"brass lamp\", \"lamp\"}", 50, PF_READ | PF_CHOWN, true);
    end(&l);
}

/* What a child inherits without parentheses is the definer's, whatever stands between. */
Test(objdef, overrides_go_by_the_definer) {
    struct load l = load_text(
        "object #3 parent: #2 owner: #3 endobject\n"
        "object #2 parent: #1 owner: #2 override a (owner: #9, flags: \"r\"); override b (owner: #9, flags: \"rwc\") = 2; endobject\n"
        "object #1 owner: #1 property a (owner: #1, flags: \"rc\") = 1; property b (owner: #8, flags: \"\"); endobject\n");
    expect_loaded(&l);
    expect_property(l.db, 2, "a", "1", 9, PF_READ, true);
    expect_property(l.db, 3, "a", "1", 3, PF_READ | PF_CHOWN, true);
    expect_property(l.db, 1, "b", "0", 8, 0, false);
    expect_property(l.db, 2, "b", "2", 9, PF_READ | PF_WRITE | PF_CHOWN, false);
    expect_property(l.db, 3, "b", "2", 8, 0, true);
    end(&l);
}

static const char *verb_text(struct db *db, objid o, uint32_t i) {
    struct code *c = db_verb_code(db, (struct verbref){o, i});
    return c ? c->text->data : "";
}

Test(objdef, verbs) {
    struct load l = load_examples();
    expect_loaded(&l);
    cr_assert_eq(db_count_verbs(l.db, 40), 2);
    struct verbref light = {40, 0}, burn = {40, 1};
    cr_expect_str_eq(db_verb_names(l.db, light)->data, "light ignite");
    cr_expect_eq(db_verb_flags(l.db, light), VF_READ | VF_DEBUG);
    cr_expect_eq(db_verb_flags(l.db, burn), VF_READ | VF_EXEC | VF_DEBUG | VF_PARK);
    enum verb_arg dobj, iobj;
    int prep;
    db_verb_args(l.db, burn, &dobj, &prep, &iobj);
    cr_expect(dobj == VA_THIS && prep == 2 && iobj == VA_ANY);
    cr_expect_str_eq(verb_text(l.db, 40, 1), "return this.lit = this.oil > 0;\n");
    end(&l);
}

Test(objdef, where_code_ends) {
    struct load l = load_text(
        "object #0 name: \"x\"\r\n"
        "verb a (this none this) owner: #0 flags: \"rxd\"\r\n"
        "  \"endverb endobject // not a comment\"; // one: endverb endobject\r\n"
        "  endverb = 1; /* endverb verb */\r\n"
        "  endverb; endobject = endverb + 1;\r\n"
        "endverb // behind\r\n"
        "verb b (this none this) owner: #0 flags: \"\" return \"\\\"endverb verb\"; endverb\r\n"
        "verb c (this none this) owner: #0 flags: \"\"\r\n endverb\r\n"
        "endobject\r\n");
    expect_loaded(&l);
    cr_assert_eq(db_count_verbs(l.db, 0), 3);
    cr_expect_str_eq(verb_text(l.db, 0, 0), "\"endverb endobject // not a comment\";\nendverb = 1;\nendverb;\nendobject = endverb + 1;\n");
    cr_expect_str_eq(verb_text(l.db, 0, 1), "return \"\\\"endverb verb\";\n");
    cr_expect_str_eq(verb_text(l.db, 0, 2), "");
    end(&l);
}

Test(objdef, names_of_types) {
    struct load l = load_text("object #0 name: \"x\" verb v (this none this) owner: #0 flags: \"\" return {TYPE_INT, TYPE_LIST == x, TYPE_INTEL, MY_TYPE_INT, \"TYPE_STR\", a.TYPE_OBJ}; endverb endobject");
    expect_loaded(&l);
    cr_expect_str_eq(verb_text(l.db, 0, 0), "return {INT, LIST == x, TYPE_INTEL, MY_TYPE_INT, \"TYPE_STR\", a.OBJ};\n");
    end(&l);
}

Test(objdef, prepositions) {
    static const struct { const char *word; int prep; } rows[] = {
        {"none", PREP_NONE}, {"any", PREP_ANY}, {"with", 0}, {"using", 0}, {"at", 1}, {"to", 1}, {"in-front-of", 2}, {"in", 3}, {"into", 3}, {"on", 4}, {"onto", 4},
        {"from", 5}, {"over", 6}, {"through", 7}, {"under", 8}, {"behind", 9}, {"beside", 10}, {"for", 11}, {"about", 11}, {"is", 12}, {"as", 13}, {"off", 14}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        snprintf(text, sizeof text, "object #0 name: \"x\" verb v (any %s none) owner: #0 flags: \"\" endverb endobject", rows[i].word);
        struct load l = load_text(text);
        expect_loaded(&l);
        enum verb_arg dobj, iobj;
        int prep;
        db_verb_args(l.db, (struct verbref){0, 0}, &dobj, &prep, &iobj);
        cr_expect(dobj == VA_ANY && iobj == VA_NONE && prep == rows[i].prep, "%s: %d", rows[i].word, prep);
        end(&l);
    }
}

static void expect_value(const char *literal, const char *result, const char *notice) {
    struct buf text = BUF_INIT;
    buf_printf(&text, "define FIVE = 5; define NOWHERE = #-1;\nobject #0 owner: #0\nproperty p (owner: #0, flags: \"\") =\n %s;\nendobject\n", literal);
    struct load l = load_text(buf_c(&text));
    cr_assert_eq(l.rc, 0, "%s: %s", literal, buf_c(&l.why));
    struct propref ref = find(l.db, 0, "p");
    expect_literal(db_prop_value(l.db, &ref), result);
    if (notice) cr_expect(strstr(buf_c(&l.notices), notice) && l.report.notices == 1, "%s: %s", literal, buf_c(&l.notices));
    else cr_expect_eq(l.report.notices, 0, "%s: %s", literal, buf_c(&l.notices));
    end(&l);
    buf_fini(&text);
}

Test(objdef, literals) {
    expect_value("-12", "-12", NULL);
    expect_value("9223372036854775807", "9223372036854775807", NULL);
    expect_value("1.5e3", "1500.0", NULL);
    expect_value("-.25", "-0.25", NULL);
    expect_value("#-3", "#-3", NULL);
    expect_value("E_PERM", "E_PERM", NULL);
    expect_value("true", "1", NULL);
    expect_value("false", "0", NULL);
    expect_value("five", "5", NULL);
    expect_value("{}", "{}", NULL);
    expect_value("[]", "[]", NULL);
    expect_value("[\"b\" -> {1}, 2 -> [NOWHERE -> five, ], /* ] */]", "[2 -> [#-1 -> 5], \"b\" -> {1}]", NULL);
    expect_value("{1, {\"a\", NOWHERE}, /* , */ 2.0,}", "{1, {\"a\", #-1}, 2.0}", NULL);
    expect_value("\"a \\\"q\\\" \\\\ \\c \\x41\\u00e9\"", "\"a \\\"q\\\" \\\\ c A\xC3\xA9\"", NULL);
    expect_value("\"tab\\tend\"", "\"tab\tend\"", NULL);
    expect_value("\"object // no comment\"", "\"object // no comment\"", NULL);
}

/* Each row of what we lack: refused by name with its place, and the rest of the file goes on. */
Test(objdef, what_we_lack) {
    expect_value("{'name, 'other}", "{\"name\", \"other\"}", "a.moo:4: symbols such as 'name are taken as strings");
    expect_value("<#1, .slot = {1, 2}, {3}>", "0", "a.moo:3: property `p' is a flyweight");
    expect_value("{1, <#1>}", "0", "a.moo:3: property `p' is a flyweight");
    expect_value("{a, ?b = 1, @rest} => a + b with captured [x -> 1] self y", "0", "a.moo:3: property `p'");
    expect_value("{} => 5", "0", "a.moo:3: property `p' is a lambda");
    expect_value("{?a} => begin x = 1; return \";\"; end", "0", "a.moo:3: property `p' is a lambda");
    expect_value("b\"aGVsbG8=\"", "0", "a.moo:3: property `p' is a binary string");
    expect_value("[1 -> {2, 3}, {\"k\"} -> []]", "0", "a.moo:3: property `p' is a map whose key is a list or map");
    expect_value("E_PERM(\"not you\")", "0", "a.moo:3: property `p' is an error with a message");
    expect_value("E_CUSTOM", "0", "a.moo:3: property `p' is an error that we do not have");
    expect_value("#048D05-1234567890", "0", "a.moo:3: property `p' is an object that is named by a UUID");
    expect_value("{#anon_048D05-1234567890}", "0", "a.moo:3: property `p' is an anonymous object");
}

Test(objdef, binary_strings_when_asked) {
    struct load l = begin();
    l.options.binary_strings = true;
    add_file(&l, "a.moo", "object #0 owner: #0 property p (owner: #0, flags: \"\") = {b\"AP9-QX4=\", b\"\"}; endobject");
    run(&l);
    expect_loaded(&l);
    struct propref ref = find(l.db, 0, "p");
    expect_literal(db_prop_value(l.db, &ref), "{\"~00~FF~7EA~7E\", \"\"}");
    end(&l);
}

Test(objdef, refused_constants_refuse_where_they_are_used) {
    struct load l = load_text("define M = <#1>;\nobject #0 owner: #0\nproperty p (owner: #0, flags: \"\") = {1, M};\nproperty q (owner: #0, flags: \"\") = 7;\nendobject");
    expect_loaded(&l);
    cr_expect_eq(l.report.notices, 2);
    struct propref ref = find(l.db, 0, "q");
    expect_literal(db_prop_value(l.db, &ref), "7");
    end(&l);
}

Test(objdef, verbs_in_another_language_are_kept) {
    struct load l = load_text(
        "object #0 owner: #0\n"
        "verb ok (this none this) owner: #0 flags: \"\" return 1; endverb\n"
        "verb bad (this none this) owner: #0 flags: \"\"\n"
        "  let x = 5;\n"
        "  return {y for y in (x)}; // kept\n"
        "endverb\n"
        "verb unknown (this none this) owner: #0 flags: \"\"\n"
        "\n"
        "  return worker_request(1);\n"
        "endverb\n"
        "endobject");
    expect_loaded(&l);
    cr_expect_eq(l.report.notices, 2);
    cr_expect(strstr(buf_c(&l.notices), "a.moo:4: #0:bad: syntax error"), "%s", buf_c(&l.notices));
    cr_expect(strstr(buf_c(&l.notices), "a.moo:9: #0:unknown: Unknown built-in function: worker_request"), "%s", buf_c(&l.notices));
    cr_expect_str_eq(verb_text(l.db, 0, 1), "  let x = 5;\n  return {y for y in (x)}; // kept\n");
    cr_expect_str_eq(verb_text(l.db, 0, 2), "return worker_request(1);\n");
    end(&l);
}

Test(objdef, objects_that_we_lack_are_left_out) {
    struct load l = load_text("object #anon_1-2\n  name: \"x\"\n  verb v (this none this) owner: #0 flags: \"\" endverb\nendobject\nobject #0 name: \"y\" endobject");
    expect_loaded(&l);
    cr_expect_eq(l.report.objects, 1);
    cr_expect_eq(l.report.notices, 1);
    end(&l);
}

Test(objdef, strict_makes_notices_errors) {
    struct load l = begin();
    l.options.strict = true;
    add_file(&l, "a.moo", "object #0 name: \"x\"\n\n verb v (this none this) owner: #0 flags: \"\"\n x = ;\n endverb endobject");
    run(&l);
    cr_expect_eq(l.rc, -1);
    cr_expect(strstr(buf_c(&l.why), "a.moo:4: #0:v: syntax error"), "%s", buf_c(&l.why));
    end(&l);
}

Test(objdef, errors_have_places) {
    expect_error("x", "a.moo:1: `define' or `object' was expected here, not `x'");
    expect_error("\n\nobject #0 endobject", "a.moo:3: an attribute such as");
    expect_error("object #0 name: \"x\"", "a.moo:1: `property', `override', `verb' or `endobject' was expected here, not the end of the file");
    expect_error("object #0\nname: \"x\nendobject", "a.moo:2: this string is not closed");
    expect_error("object #0 colour: 1 endobject", "`colour:' is not an attribute");
    expect_error("object #0 name: 5 endobject", "name is a string");
    expect_error("object #0 wizard: 1 endobject", "`true' or `false' was expected");
    expect_error("object #-1 name: \"x\" endobject", "#-1 cannot be an object's number");
    expect_error("object #99999999 name: \"x\" endobject", "#99999999 cannot be an object's number");
    expect_error("object #12345678901234567890123 name: \"x\" endobject", "not an object number");
    expect_error("object #x name: \"x\" endobject", "not an object number");
    expect_error("object #0 name: \"x\" endobject\nobject #0 name: \"x\" endobject", "a.moo:2: object #0 is defined already at a.moo:1");
    expect_error("object FOO name: \"x\" endobject", "the constant `FOO' is not defined");
    expect_error("define A = \"x\";\nobject A name: \"x\" endobject", "a.moo:2: an object number was expected");
    expect_error("define A = 1;\ndefine a = 2;", "a.moo:2: the constant `a' is defined twice");
    expect_error("define A = #1;\ndefine B = #1;", "a.moo:2: `B' is a second name for the value #1");
    expect_error("define A = B;\ndefine B = 1;", "a.moo:1: the constant `B' is not defined");
    expect_error("object #0 parents: {#1, #2} endobject", "one parent here");
    expect_error("object #0\nparent: #5 endobject", "a.moo:2: the parent #5 is defined in no file");
    expect_error("object #0 name: \"x\"\n\nlocation: #5 endobject", "a.moo:3: the location #5 is defined in no file");
    expect_error("object #0 parent: #1 endobject\nobject #1 parent: #2 endobject object #2 parent: #1 endobject", "is its own ancestor");
    expect_error("object #0 parent: #0 endobject", "#0 is its own ancestor");
    expect_error("object #0 location: #1 endobject object #1 location: #0 endobject", "is inside itself");
}

Test(objdef, errors_of_properties_and_verbs) {
    expect_error("object #0 owner: #0\nproperty p = 1; endobject", "a.moo:2: `(owner: ..., flags: ...)' of a property was expected");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"rq\") = 1; endobject", "hold a letter that is not one of rwc");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"r\") = 1\n endobject", "a.moo:2: `;' behind the value was expected here, not `endobject'");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"r\") = {1 2}; endobject", "`,' or `}' of a list was expected here, not `2'");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"r\") = 99999999999999999999; endobject", "does not fit into 64 bits");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"r\") = 1e999; endobject", "does not fit into 64 bits");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"r\") = \"\\x00\"; endobject", "cannot hold the character U+0000");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"r\") = include!(\"x\"); endobject", "needs a directory");
    expect_error("object #0 owner: #0\nproperty name (owner: #0, flags: \"r\") = 1; endobject", "a.moo:2: `name' is built in");
    expect_error("object #0 owner: #0\noverride p = 1; endobject", "a.moo:2: no ancestor of #0 defines property `p'");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"\");\nproperty P (owner: #0, flags: \"\"); endobject", "a.moo:2: property `P' of #0 is defined also");
    expect_error("object #0 owner: #0 property p (owner: #0, flags: \"\");\noverride p = 1; endobject", "a.moo:2: property `p' is defined on this very object");
    expect_error("object #0 owner: #0 parent: #1\nproperty p (owner: #0, flags: \"\"); endobject object #1 owner: #0 property p (owner: #0, flags: \"\"); endobject",
                 "property `p' of #");
    expect_error("object #0 owner: #0\nverb v (this none this) owner: #0 flags: \"rx\"\n return 1;\nendobject", "a.moo:2: verb \"v\" has no `endverb'");
    expect_error("object #0 owner: #0 verb v (that none this) owner: #0 flags: \"\" endverb endobject", "`this', `none' or `any' was expected here, not `that'");
    expect_error("object #0 owner: #0 verb v (this near this) owner: #0 flags: \"\" endverb endobject", "`near' is not a preposition");
    expect_error("object #0 owner: #0 verb \" \" (this none this) owner: #0 flags: \"\" endverb endobject", "a verb needs a name");
    expect_error("object #0 owner: #0 verb v (this none this) owner: #0 flags: \"rz\" endverb endobject", "not one of rwxdp");
    expect_error("object #0 owner: #0\n\xFF\nendobject", "a.moo:2: this line is not UTF-8 text");
}

Test(objdef, nesting_is_bounded) {
    struct buf text = BUF_INIT;
    buf_add_c(&text, "object #0 owner: #0 property p (owner: #0, flags: \"\") = ");
    for (int i = 0; i < 100000; i++) buf_byte(&text, '{');
    struct load l = load_text(buf_c(&text));
    cr_expect_eq(l.rc, -1);
    cr_expect(strstr(buf_c(&l.why), "nested deeper than 200"));
    end(&l);
    buf_fini(&text);
}

static char *write_file(const char *dir, const char *name, const char *text) {
    struct buf path = BUF_INIT;
    buf_printf(&path, "%s/%s", dir, name);
    FILE *f = fopen(buf_c(&path), "w");
    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    return path.data;
}

Test(objdef, directories) {
    char dir[] = "/tmp/evermoo-objdef-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    char sub[64];
    snprintf(sub, sizeof sub, "%s/a", dir);
    cr_assert_eq(mkdir(sub, 0700), 0);
    char *files[] = {write_file(dir, "constants.moo", "define SYS = #0;"), write_file(dir, "text.txt", "line"), write_file(dir, "notes", "not read"),
                     write_file(sub, "one.moo", "object SYS owner: SYS property p (owner: SYS, flags: \"\") = include!(\"../text.txt\"); endobject")};
    struct load l = begin();
    cr_assert_eq(objdef_files_read(&l.files, dir, &l.why), 0, "%s", buf_c(&l.why));
    cr_expect_eq(l.files.n, 2);
    run(&l);
    expect_loaded(&l);
    struct propref ref = find(l.db, 0, "p");
    expect_literal(db_prop_value(l.db, &ref), "\"line\"");
    end(&l);
    free(write_file(sub, "one.moo", "object SYS owner: SYS property p (owner: SYS, flags: \"\") = include!(\"../../../etc/passwd\"); endobject"));
    l = begin();
    cr_assert_eq(objdef_files_read(&l.files, dir, &l.why), 0);
    run(&l);
    cr_expect_eq(l.rc, -1);
    cr_expect(strstr(buf_c(&l.why), "leads out of the directory"), "%s", buf_c(&l.why));
    end(&l);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        unlink(files[i]);
        free(files[i]);
    }
    rmdir(sub);
    rmdir(dir);
}

Test(objdef, directories_that_are_none) {
    struct load l = begin();
    cr_expect_eq(objdef_files_read(&l.files, "/nonexistent-evermoo", &l.why), -1);
    cr_expect(strstr(buf_c(&l.why), "/nonexistent-evermoo: cannot be read"));
    end(&l);
}
