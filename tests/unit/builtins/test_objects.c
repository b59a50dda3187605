/* SPDX-License-Identifier: MIT */
/* Functions of objects, properties and verbs: results, and errors in the order in which they are found. Cases of one test share a world and build on each other. */
#include "scheduler/scheduler.h"
#include "tests/unit/builtins/bi_help.h"

Test(objects, looking) {
    static const struct bi_case cases[] = {
        {"valid(#2)", "1"}, {"valid(#99)", "0"}, {"valid(#-1)", "0"}, {"valid(1)", "E_TYPE"},
        {"parent(#2)", "#1"}, {"parent(#1)", "#-1"}, {"parent(#99)", "E_INVARG"}, {"children(#1)", "{#2, #3, #4, #5, #6}"}, {"children(#-1)", "E_INVARG"},
        {"max_object()", "#6"}, {"players()", "{#2, #3}"}, {"is_player(#2)", "1"}, {"is_player(#1)", "0"}, {"is_player(#99)", "E_INVARG"},
        {"object_bytes(#2)", "E_PERM"}, {"object_bytes(#99)", "E_PERM"}, {"owned_bytes(#2)", "E_PERM"}, {"owned_bytes(#3) > 100", "1"}, {"renumber(#99)", "E_INVARG"}, {"renumber(#5)", "E_PERM"}, {"reset_max_object()", "E_PERM"},
        {"set_player_flag(#99, 1)", "E_INVARG"}, {"set_player_flag(#4, 1)", "E_PERM"},
    };
    static const struct bi_case wizard[] = {
        {"object_bytes(#2) > 0", "1"}, {"owned_bytes(#3) > 100", "1"}, {"owned_bytes(#99)", "0"}, {"owned_bytes(1)", "E_TYPE"}, {"object_bytes(#99)", "E_INVIND"}, {"set_player_flag(#4, 1)", "0"}, {"players()", "{#2, #3, #4}"}, {"set_player_flag(#4, \"\")", "0"},
        {"players()", "{#2, #3}"}, {"renumber(#5)", "#5"},
    };
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, cases);
    BI_CHECK(&w, WIZARD, wizard);
    bi_close(&w);
    bi_open(&w, "toast");
    static const struct bi_case toast[] = {{"object_bytes(#99)", "E_INVIND"}, {"object_bytes(#2)", "E_PERM"}, {"object_bytes({})", "E_TYPE"}, {"parent(1)", "E_TYPE"},
                                           {"children(\"x\")", "E_TYPE"}, {"valid(1)", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, toast);
    bi_close(&w);
}

Test(objects, numbers_in_use_and_not) {
    static const struct bi_case before[] = {{"recycled_objects()", "{}"}, {"next_recycled_object()", "0"}, {"create(#1) == #7 && create(#1) == #8 && create(#1) == #9", "1"}};
    static const struct bi_case after[] = {
        {"recycle(#7) || recycle(#8)", "0"}, {"recycled_objects()", "{#7, #8}"}, {"next_recycled_object()", "#7"}, {"next_recycled_object(#8)", "#8"}, {"next_recycled_object(#9)", "0"},
        {"next_recycled_object(#10)", "E_INVARG"}, {"next_recycled_object(#-1)", "E_INVARG"}, {"next_recycled_object(1)", "E_TYPE"}, {"recycled_objects(1)", "E_ARGS"},
        {"#9 in owned_objects(#2) > 0", "1"}, {"#7 in owned_objects(#2)", "0"}, {"owned_objects(#9)", "{}"}, {"owned_objects(#8)", "E_INVIND"}, {"owned_objects(\"x\")", "E_TYPE"},
    };
    struct bi_world w;
    bi_open(&w, "toast");
    BI_CHECK(&w, WIZARD, before);
    BI_CHECK(&w, WIZARD, after);
    bi_close(&w);
}

static objid booted;
static void note_boot(void *ctx, objid who) {
    (void)ctx;
    booted = who;
}

Test(objects, who_is_no_player_any_more_is_booted) {
    static const struct host host = {.boot = note_boot};
    struct bi_world w;
    bi_open(&w, "lambda");
    w.m.host = (void *)(uintptr_t)&host;
    static const struct bi_case yes[] = {{"set_player_flag(#3, 1)", "0"}}, no[] = {{"set_player_flag(#3, 0)", "0"}};
    BI_CHECK(&w, WIZARD, yes);
    cr_expect_eq(booted, 0);
    BI_CHECK(&w, WIZARD, no);
    cr_expect_eq(booted, PROGRAMMER);
    bi_close(&w);
}

Test(objects, create) {
    static const struct bi_case programmer[] = {
        {"create(#5)", "E_PERM"}, {"create(#99)", "E_PERM"}, {"create(#1, #2)", "E_PERM"}, {"create(#1, #-1)", "E_PERM"}, {"create(1)", "E_TYPE"}, {"create()", "E_ARGS"},
        {"create(#1, #3, 0)", "E_ARGS"},
        {"create(#1)", "#7"}, {"{#7.owner, #7.name, #7.location, #7.r, parent(#7)}", "{#3, \"\", #-1, 0, #1}"}, {"create(#-1)", "#8"}, {"create(#4)", "#9"},
        {"recycle(#9)", "0"}, {"create(#1)", "#10"},
    };
    static const struct bi_case wizard[] = {
        {"create(#5, #-1)", "#11"}, {"#11.owner", "#11"}, {"create(#5, #3)", "#12"}, {"#12.owner", "#3"}, {"create(#1, #99).owner", "#99"}, {"recycle(#13)", "0"},
        {"recycle(#12)", "0"}, {"recycle(#10)", "0"}, {"max_object()", "#13"}, {"reset_max_object()", "0"}, {"max_object()", "#11"}, {"renumber(#11)", "#9"}, {"#9.owner", "#9"},
    };
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, programmer);
    BI_CHECK(&w, WIZARD, wizard);
    bi_close(&w);
}

Test(objects, create_as_toast) {
    static const struct bi_case programmer[] = {
        {"create(1)", "E_TYPE"}, {"create({})", "#7"}, {"create({#1})", "#8"}, {"parent(#8)", "#1"}, {"create(#1, 1, #1)", "E_TYPE"}, {"create(#1, {}, {})", "E_TYPE"},
        {"create(#1, #3, 1.0)", "E_TYPE"}, {"create(#1, 0, {})", "#9"}, {"create(#1, #3, {}, 0)", "#10"}, {"create(#99)", "E_INVARG"}, {"create(#1, #99)", "E_INVARG"},
        {"create(#5)", "E_PERM"}, {"create({#1, 2})", "E_TYPE"},
        {"create({#-1})", "E_INVARG"}, {"create(#1, 1)", "E_PERM"}, {"create(#4, 1)", "E_INVARG"}, {"create({#1, #4})", "E_INVARG"},
    };
    struct bi_world w;
    bi_open(&w, "toast");
    BI_CHECK(&w, PROGRAMMER, programmer);
    cr_expect_str_eq(bi_run(&w, "add_verb(#4, {#3, \"xd\", \"initialize\"}, {\"this\", \"none\", \"this\"}); set_verb_code(#4, \"initialize\", {\"this.name = tostr(@args);\"}); "
                                "return create(#4, {1, 2}).name;"),
                     "\"12\"");
    bi_close(&w);
}

Test(objects, quota) {
    static const struct bi_case cases[] = {
        {"add_property(#3, \"ownership_quota\", 2, {#3, \"\"})", "0"}, {"create(#1)", "#7"}, {"#3.ownership_quota", "1"}, {"create(#1)", "#8"}, {"create(#1)", "E_QUOTA"},
        {"max_object()", "#8"}, {"recycle(#8)", "0"}, {"#3.ownership_quota", "1"}, {"#3.ownership_quota = \"none\"", "\"none\""}, {"create(#1)", "#9"}, {"recycle(#9)", "0"},
        {"#3.ownership_quota", "\"none\""},
    };
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, cases);
    bi_close(&w);
}

Test(objects, chparent) {
    static const struct bi_case programmer[] = {
        {"chparent(#99, #1)", "E_INVARG"}, {"chparent(#4, #99)", "E_INVARG"}, {"chparent(#5, #1)", "E_PERM"}, {"chparent(#4, #5)", "E_PERM"}, {"chparent(#4, #4)", "E_RECMOVE"},
        {"chparent(#4, #6)", "0"}, {"parent(#4)", "#6"}, {"children(#6)", "{#4}"}, {"chparent(#4, #-1)", "0"}, {"parent(#4)", "#-1"},
        {"add_property(#4, \"p\", 1, {#3, \"\"})", "0"}, {"add_property(#6, \"P\", 1, {#3, \"\"})", "0"}, {"chparent(#4, #6)", "E_INVARG"}, {"chparent(#4, 1)", "E_TYPE"},
    };
    static const struct bi_case wizard[] = {{"chparent(#1, #5)", "E_RECMOVE"}};
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, programmer);
    BI_CHECK(&w, WIZARD, wizard);
    bi_close(&w);
}

Test(objects, properties) {
    static const struct bi_case programmer[] = {
        {"properties(#99)", "E_INVARG"}, {"properties(#5)", "E_PERM"}, {"properties(#6)", "{}"},
        {"add_property(#99, \"a\", 0, {#3})", "E_TYPE"}, {"add_property(#99, \"a\", 0, {#3, \"r\", \"x\"})", "E_TYPE"}, {"add_property(#99, \"a\", 0, {3, \"r\"})", "E_TYPE"},
        {"add_property(#99, \"a\", 0, {#99, \"r\"})", "E_INVARG"}, {"add_property(#4, \"a\", 0, {#3, \"rx\"})", "E_INVARG"}, {"add_property(#99, \"a\", 0, {#3, \"\"})", "E_INVARG"},
        {"add_property(#5, \"a\", 0, {#3, \"\"})", "E_PERM"}, {"add_property(#6, \"a\", 0, {#2, \"\"})", "E_PERM"}, {"add_property(#4, \"name\", 0, {#3, \"\"})", "E_INVARG"},
        {"add_property(#6, \"b\", {1}, {#3, \"cR\"})", "0"}, {"properties(#6)", "{\"b\"}"}, {"property_info(#6, \"B\")", "{#2, \"rc\"}"}, {"add_property(#6, \"B\", 0, {#3, \"\"})", "E_INVARG"},
        {"property_info(#6, \"zork\")", "E_PROPNF"}, {"property_info(#6, \"name\")", "E_PROPNF"}, {"property_info(#99, \"b\")", "E_INVARG"},
        {"delete_property(#6, \"zork\")", "E_PROPNF"}, {"delete_property(#5, \"zork\")", "E_PERM"}, {"delete_property(#99, \"zork\")", "E_INVARG"}, {"delete_property(#6, \"b\")", "0"},
        {"add_property(#4, \"a\", 7, {#3, \"r\"})", "0"}, {"create(#4)", "#7"}, {"#7.a", "7"}, {"is_clear_property(#7, \"a\")", "1"}, {"#7.a = 8", "8"},
        {"is_clear_property(#7, \"a\")", "0"}, {"clear_property(#7, \"a\")", "0"}, {"#7.a", "7"}, {"clear_property(#4, \"a\")", "E_INVARG"}, {"clear_property(#7, \"zork\")", "E_PROPNF"},
        {"clear_property(#7, \"name\")", "E_PERM"}, {"clear_property(#99, \"a\")", "E_INVARG"}, {"is_clear_property(#7, \"zork\")", "E_PROPNF"}, {"is_clear_property(#7, \"name\")", "0"},
        {"is_clear_property(#99, \"a\")", "E_INVARG"}, {"property_history(#99, \"a\")", "E_INVARG"}, {"property_history(#7, \"zork\")", "E_PROPNF"}, {"property_history(#7, \"name\")", "{}"}, {"property_history(#7, \"a\")", "{}"}, {"delete_property(#7, \"a\")", "E_PROPNF"}, {"add_property(#7, \"a\", 0, {#3, \"\"})", "E_INVARG"},
        {"set_property_info(#4, \"a\", {#3})", "E_TYPE"}, {"set_property_info(#4, \"a\", {#3, 1})", "E_TYPE"}, {"set_property_info(#4, \"a\", {#99, \"\"})", "E_INVARG"},
        {"set_property_info(#4, \"a\", {#3, \"q\"})", "E_INVARG"}, {"set_property_info(#4, \"zork\", {#3, \"\"})", "E_PROPNF"}, {"set_property_info(#4, \"name\", {#3, \"\"})", "E_PROPNF"},
        {"set_property_info(#99, \"zork\", {#3, \"\"})", "E_INVARG"}, {"set_property_info(#4, \"a\", {#2, \"\"})", "E_PERM"}, {"set_property_info(#4, \"a\", {#3, \"WR\"})", "0"},
        {"property_info(#4, \"a\")", "{#3, \"rw\"}"}, {"property_info(#7, \"a\")", "{#3, \"r\"}"}, {"set_property_info(#7, \"a\", {#3, \"\", \"b\"})", "E_INVARG"},
        {"set_property_info(#4, \"a\", {#3, \"\", \"A\"})", "0"}, {"properties(#4)", "{\"A\"}"}, {"set_property_info(#4, \"a\", {#3, \"\", \"name\"})", "E_INVARG"},
        {"set_property_info(#4, \"a\", {#3, \"\", \"b\", 1})", "E_TYPE"}, {"set_property_info(#4, \"a\", {#3, \"r\", \"b\"})", "0"}, {"{#4.b, #7.b}", "{7, 7}"}, {"#4.a", "E_PROPNF"},
    };
    static const struct bi_case wizard[] = {
        {"add_property(#5, \"x\", 1, {#2, \"\"})", "0"}, {"add_property(#5, \"y\", 1, {#2, \"w\"})", "0"}, {"create(#5)", "#8"}, {"set_property_info(#4, \"b\", {#2, \"\"})", "0"}};
    static const struct bi_case closed[] = {
        {"property_info(#5, \"x\")", "E_PERM"}, {"property_history(#5, \"x\")", "E_PERM"}, {"set_property_info(#5, \"x\", {#2, \"\"})", "E_PERM"}, {"is_clear_property(#8, \"x\")", "E_PERM"}, {"clear_property(#8, \"x\")", "E_PERM"},
        {"clear_property(#8, \"y\")", "E_PERM"}};
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, programmer);
    BI_CHECK(&w, WIZARD, wizard);
    BI_CHECK(&w, PROGRAMMER, closed);
    bi_close(&w);
}

Test(objects, anybody_clears_what_is_writable_in_toast) {
    static const struct bi_case wizard[] = {{"add_property(#5, \"y\", 1, {#2, \"w\"})", "0"}, {"create(#5)", "#7"}, {"#7.y = 3", "3"}};
    static const struct bi_case programmer[] = {{"clear_property(#7, \"y\")", "0"}, {"add_property(1, \"y\", 0, {})", "E_TYPE"}, {"property_info({}, \"y\")", "E_TYPE"}};
    struct bi_world w;
    bi_open(&w, "toast");
    BI_CHECK(&w, WIZARD, wizard);
    BI_CHECK(&w, PROGRAMMER, programmer);
    bi_close(&w);
}

#define ANY_ANY "{\"any\", \"any\", \"any\"}"

Test(objects, verbs) {
    static const struct bi_case programmer[] = {
        {"verbs(#99)", "E_INVARG"}, {"verbs(#5)", "E_PERM"}, {"verbs(#6)", "{}"},
        {"add_verb(#99, {#3}, {})", "E_TYPE"}, {"add_verb(#99, {#3, \"r\", 1}, {})", "E_TYPE"}, {"add_verb(#99, {#99, \"r\", \"x\"}, {})", "E_INVARG"},
        {"add_verb(#4, {#3, \"q\", \"x\"}, {})", "E_INVARG"}, {"add_verb(#4, {#3, \"\", \"  \"}, {})", "E_INVARG"}, {"add_verb(#4, {#3, \"\", \"x\"}, {})", "E_TYPE"},
        {"add_verb(#4, {#3, \"\", \"x\"}, {\"any\", \"zork\", \"any\"})", "E_INVARG"}, {"add_verb(#4, {#3, \"\", \"x\"}, {\"zork\", \"any\", \"any\"})", "E_INVARG"},
        {"add_verb(#99, {#3, \"\", \"x\"}, " ANY_ANY ")", "E_INVARG"}, {"add_verb(#5, {#3, \"\", \"x\"}, " ANY_ANY ")", "E_PERM"}, {"add_verb(#6, {#2, \"\", \"x\"}, " ANY_ANY ")", "E_PERM"},
        {"add_verb(#4, {#3, \"RXd\", \"  foo*bar baz\"}, {\"this\", \"on\", \"any\"})", "1"}, {"add_verb(#4, {#3, \"\", \"q\"}, {\"none\", \"#14\", \"none\"})", "2"},
        {"verbs(#4)", "{\"foo*bar baz\", \"q\"}"}, {"verb_info(#4, \"foob\")", "{#3, \"rxd\", \"foo*bar baz\"}"}, {"verb_info(#4, 1)[2]", "\"rxd\""},
        {"verb_args(#4, 1)", "{\"this\", \"on top of/on/onto/upon\", \"any\"}"}, {"verb_args(#4, 2)[2]", "\"off/off of\""}, {"verb_info(#4, {})", "E_TYPE"}, {"verb_info(#99, 0)", "E_INVARG"},
        {"verb_info(#99, {})", "E_TYPE"}, {"verb_info(#99, \"x\")", "E_INVARG"}, {"verb_info(#4, 3)", "E_VERBNF"}, {"verb_info(#4, \"fo\")", "E_VERBNF"}, {"verb_info(#4, \"2\")", "E_VERBNF"},
        {"set_verb_info(#4, {}, {})", "E_TYPE"}, {"set_verb_info(#99, 1, {})", "E_INVARG"}, {"set_verb_info(#4, 9, {})", "E_TYPE"}, {"set_verb_info(#4, 9, {#3, \"z\", \"x\"})", "E_INVARG"},
        {"set_verb_info(#4, 9, {#3, \"\", \"x\"})", "E_VERBNF"}, {"set_verb_info(#4, 2, {#2, \"\", \"x\"})", "E_PERM"}, {"set_verb_info(#4, 2, {#3, \"rw\", \" quux \"})", "0"},
        {"verb_info(#4, 2)", "{#3, \"rw\", \"quux \"}"}, {"set_verb_args(#4, 9, {})", "E_TYPE"}, {"set_verb_args(#4, 9, {1, 2, 3})", "E_TYPE"}, {"set_verb_args(#4, 9, {\"a\", \"b\", \"c\"})", "E_INVARG"},
        {"set_verb_args(#4, 9, " ANY_ANY ")", "E_VERBNF"}, {"set_verb_args(#4, 2, {\"ANY\", \"in/under\", \"None\"})", "0"}, {"verb_args(#4, 2)", "{\"any\", \"in/inside/into\", \"none\"}"},
        {"set_verb_args(#4, 2, {\"any\", \"none\", \"this\"})", "0"}, {"verb_args(#4, 2)", "{\"any\", \"none\", \"this\"}"},
        {"verb_code(#4, 1)", "{}"}, {"set_verb_code(#4, {}, {1})", "E_TYPE"}, {"set_verb_code(#99, 9, {})", "E_INVARG"}, {"set_verb_code(#4, 9, {})", "E_VERBNF"},
        {"set_verb_code(#4, 1, {\"return 1 + (2 * 3);\"})", "{}"}, {"verb_code(#4, 1)", "{\"return 1 + 2 * 3;\"}"}, {"verb_code(#4, 1, 1)", "{\"return 1 + (2 * 3);\"}"},
        {"set_verb_code(#4, 1, {\"if (1)\", \"x\"})[1][1..7]", "\"Line 3:\""}, {"verb_code(#4, 1)", "{\"return 1 + 2 * 3;\"}"}, {"#4:foo()", "7"},
        {"set_verb_code(#4, 1, {\"if (1)\", \"return 2;\", \"endif\"})", "{}"}, {"verb_code(#4, 1)", "{\"if (1)\", \"  return 2;\", \"endif\"}"},
        {"length(verb_history(#4, 1))", "2"}, {"verb_history(#4, 1)[1][2..4]", "{#3, \"foo*bar baz\", {\"return 1 + 2 * 3;\"}}"}, {"verb_history(#4, 1)[2][4]", "{}"}, {"verb_history(#4, 1)[1][1] - time() in {0, -1, -2}", "1"}, {"verb_code(#4, 1, 0, 0)", "{\"if (1)\", \"return 2;\", \"endif\"}"}, {"typeof(disassemble(#4, 1)) == LIST", "1"}, {"disassemble(#4, 7)", "E_VERBNF"},
        {"delete_verb(#4, 7)", "E_VERBNF"}, {"delete_verb(#5, 7)", "E_PERM"}, {"delete_verb(#5, {})", "E_TYPE"}, {"delete_verb(#4, 1)", "0"}, {"verbs(#4)", "{\"quux \"}"},
    };
    static const struct bi_case wizard[] = {{"add_verb(#5, {#2, \"\", \"secret\"}, " ANY_ANY ")", "1"}, {"add_verb(#5, {#2, \"w\", \"open\"}, " ANY_ANY ")", "2"}};
    static const struct bi_case closed[] = {
        {"verb_info(#5, 1)", "E_PERM"}, {"verb_args(#5, 1)", "E_PERM"}, {"verb_code(#5, 1)", "E_PERM"}, {"verb_history(#5, 1)", "E_PERM"}, {"disassemble(#5, 1)", "E_PERM"}, {"set_verb_code(#5, 1, {})", "E_PERM"},
        {"set_verb_info(#5, 1, {#2, \"\", \"x\"})", "E_PERM"}, {"set_verb_args(#5, 1, " ANY_ANY ")", "E_PERM"}, {"set_verb_code(#5, 2, {\"return 1;\"})", "{}"},
        {"set_verb_info(#5, 2, {#3, \"\", \"x\"})", "E_PERM"}, {"set_verb_info(#5, 2, {#2, \"\", \"x\"})", "0"}, {"verb_info(#5, 99)", "E_VERBNF"}};
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, programmer);
    BI_CHECK(&w, WIZARD, wizard);
    BI_CHECK(&w, PROGRAMMER, closed);
    db_set_flag(w.db, WIZARD, OF_PROGRAMMER, false);
    static const struct bi_case no_programmer[] = {{"set_verb_code(#5, 1, {\"return 1;\"})", "E_PERM"}, {"eval(\"return 1;\")", "E_PERM"}};
    BI_CHECK(&w, WIZARD, no_programmer);
    bi_close(&w);
}

Test(objects, numbers_as_names) {
    static const struct bi_case cases[] = {
        {"add_verb(#6, {#2, \"\", \"first\"}, " ANY_ANY ")", "1"}, {"verb_info(#6, \"0\")", "E_VERBNF"}, {"add_property(#0, \"server_options\", #5, {#2, \"\"})", "0"},
        {"add_property(#5, \"support_numeric_verbname_strings\", 1, {#2, \"\"})", "0"}, {"verb_info(#6, \"0\")[3]", "\"first\""}, {"verb_info(#6, \"7\")", "E_VERBNF"}};
    static const struct host nobody;
    struct bi_world w;
    bi_open(&w, "lambda");
    struct scheduler *s = sched_new(&w.m, &nobody);
    BI_CHECK(&w, WIZARD, cases);
    sched_free(s);
    bi_close(&w);
}

Test(objects, eval) {
    static const struct bi_case cases[] = {
        {"eval(\"return 1 + 1;\")", "{1, 2}"}, {"eval(\"1 + 1;\")", "{1, 0}"}, {"eval(\"return 1 +;\")[1]", "0"}, {"eval(\"return 1 / 0;\")", "E_DIV"},
        {"eval(\"return {this, caller, player, verb, args, callers(1)[1]};\")", "{1, {#-1, #-1, #3, \"\", {}, {#-1, \"eval\", #-1, #-1, #3, 2}}}"}, {"eval(1)", "E_TYPE"}, {"eval()", "E_ARGS"},
        {"call_function(\"eval\", \"return 5;\")", "{1, 5}"},
    };
    static const struct bi_case toast[] = {{"eval(\"x = 1;\", \"return x;\")", "{1, 1}"}, {"eval(\"return 1;\", 2)", "E_TYPE"}};
    struct bi_world w;
    bi_open(&w, "lambda");
    BI_CHECK(&w, PROGRAMMER, cases);
    static const struct bi_case lambda[] = {{"eval(\"return 1;\", \"\")", "E_ARGS"}};
    BI_CHECK(&w, PROGRAMMER, lambda);
    bi_close(&w);
    bi_open(&w, "toast");
    BI_CHECK(&w, PROGRAMMER, toast);
    bi_close(&w);
}
