/* SPDX-License-Identifier: MIT */
/* Functions that call verbs back: the order of what happens, what callers() shows, and how they end when an error passes through them. */
#include "tests/unit/builtins/bi_help.h"

#include <stdio.h>

/* Verbs write what happens into #0.log. */
static void define(struct bi_world *w, objid o, const char *verb, const char *code) {
    char program[1000];
    snprintf(program, sizeof program, "add_verb(#%d, {#2, \"xd\", \"%s\"}, {\"this\", \"none\", \"this\"}); return set_verb_code(#%d, \"%s\", {\"%s\"});", (int)o, verb, (int)o, verb, code);
    objid before = w->programmer;
    w->programmer = WIZARD;
    cr_assert_str_eq(bi_run(w, program), "{}", "%s", program);
    w->programmer = before;
}

static void open_with_log(struct bi_world *w, const char *dialect) {
    bi_open(w, dialect);
    cr_assert_str_eq(bi_eval(w, "add_property(#0, \"log\", {}, {#2, \"rw\"})"), "0");
}

#define LOG "#0.log = {@#0.log, {verb, this, @args}}; "

Test(hooks, create_calls_initialize) {
    struct bi_world w;
    open_with_log(&w, "lambda");
    define(&w, ROOT, "initialize", LOG "#0.log = {@#0.log, callers(1)[1], caller, caller_perms()}; return 17;");
    cr_expect_str_eq(bi_eval(&w, "create(#1)"), "#7");
    cr_expect_str_eq(bi_eval(&w, "#0.log"), "{{\"initialize\", #7}, {#-1, \"create\", #-1, #-1, #2, 2}, #-1, #2}");
    define(&w, CLOSED, "initialize", "return 1 / 0;");
    cr_expect_str_eq(bi_eval(&w, "create(#5)"), "E_DIV");
    cr_expect_str_eq(bi_eval(&w, "valid(#8)"), "1");
    bi_close(&w);
}

Test(hooks, move_asks_and_tells) {
    struct bi_world w;
    open_with_log(&w, "lambda");
    define(&w, OPEN, "accept", LOG "return 1;");
    define(&w, OPEN, "exitfunc", LOG "#0.log = {@#0.log, callers(1)[1]};");
    define(&w, CLOSED, "accept", "return 0;");
    define(&w, WIZARD, "enterfunc", LOG "#0.log = {@#0.log, callers(1)[1]};");
    w.programmer = PROGRAMMER;
    static const struct bi_case programmer[] = {
        {"move(#99, #4)", "E_INVARG"}, {"move(#4, #99)", "E_INVARG"}, {"move(#5, #4)", "E_PERM"}, {"move(#4, #5)", "E_NACC"}, {"move(#4, #1)", "E_NACC"}, {"move(#4, #6)", "0"},
        {"{#4.location, #6.contents, #0.log}", "{#6, {#4}, {{\"accept\", #6, #4}}}"}, {"move(#4, 6)", "E_TYPE"}, {"move(#4, #6, 1)", "E_ARGS"}};
    BI_CHECK(&w, PROGRAMMER, programmer);
    w.programmer = WIZARD;
    bi_eval(&w, "#0.log = {}");
    static const struct bi_case wizard[] = {
        {"move(#4, #2)", "0"}, {"#0.log", "{{\"exitfunc\", #6, #4}, {#-1, \"move\", #-1, #-1, #2, 3}, {\"enterfunc\", #2, #4}, {#-1, \"move\", #-1, #-1, #2, 4}}"},
        {"move(#2, #4)", "E_RECMOVE"}, {"move(#4, #4)", "E_RECMOVE"}, {"move(#4, #5)", "0"}, {"#4.location", "#5"}, {"move(#4, #-1)", "0"}, {"#4.location", "#-1"},
    };
    BI_CHECK(&w, WIZARD, wizard);
    bi_close(&w);
}

Test(hooks, an_error_in_accept_counts_as_refusal) {
    struct bi_world w;
    open_with_log(&w, "lambda");
    define(&w, CLOSED, "accept", "return 1 / 0;");
    define(&w, CLOSED, "enterfunc", LOG);
    cr_expect_str_eq(bi_eval(&w, "move(#4, #5)"), "E_DIV");
    cr_expect_str_eq(bi_eval(&w, "{#4.location, #0.log}"), "{#5, {}}"); /* a wizard's thing moves, quietly */
    w.programmer = PROGRAMMER;
    cr_expect_str_eq(bi_eval(&w, "move(#4, #-1)"), "0");
    cr_expect_str_eq(bi_eval(&w, "move(#4, #5)"), "E_DIV");
    cr_expect_str_eq(bi_eval(&w, "#4.location"), "#-1");
    bi_close(&w);
}

Test(hooks, positions_in_toast) {
    struct bi_world w;
    bi_open(&w, "toast");
    define(&w, ROOT, "accept", "return 1;");
    static const struct bi_case cases[] = {
        {"move(#3, #6)", "0"}, {"move(#4, #6, 1)", "0"}, {"#6.contents", "{#4, #3}"}, {"move(#5, #6, 2)", "0"}, {"#6.contents", "{#4, #5, #3}"}, {"move(#4, #6, 3)", "0"},
        {"#6.contents", "{#5, #3, #4}"}, {"move(#4, #6, -1)", "E_INVARG"}, {"move(#4, #6)", "0"}, {"#6.contents", "{#5, #3, #4}"}};
    BI_CHECK(&w, WIZARD, cases);
    bi_close(&w);
}

Test(hooks, recycle_empties_first) {
    struct bi_world w;
    open_with_log(&w, "lambda");
    define(&w, ROOT, "accept", "return 1;");
    define(&w, ROOT, "recycle", LOG "#0.log = {@#0.log, callers(1)[1]};");
    define(&w, ROOT, "exitfunc", LOG);
    cr_assert_str_eq(bi_run(&w, "x = create(#1); y = create(x); move(#3, x); move(#4, x); move(x, #6); #0.log = {}; return {x, y};"), "{#7, #8}");
    cr_expect_str_eq(bi_eval(&w, "recycle(#7)"), "0");
    cr_expect_str_eq(bi_eval(&w, "#0.log"),
                     "{{\"recycle\", #7}, {#-1, \"recycle\", #-1, #-1, #2, 2}, {\"exitfunc\", #7, #3}, {\"exitfunc\", #7, #4}, {\"exitfunc\", #6, #7}}");
    cr_expect_str_eq(bi_eval(&w, "{valid(#7), parent(#8), #3.location, #6.contents, children(#1)}"), "{0, #1, #-1, {}, {#2, #3, #4, #5, #6, #8}}");
    static const struct bi_case errors[] = {{"recycle(#99)", "E_INVARG"}, {"recycle(#5)", "E_PERM"}, {"recycle(1)", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, errors);
    bi_close(&w);
}

Test(hooks, an_error_in_recycle_does_not_save_the_object) {
    struct bi_world w;
    open_with_log(&w, "lambda");
    define(&w, ROOT, "accept", "return 1;");
    define(&w, ROOT, "exitfunc", LOG);
    define(&w, OPEN, "recycle", "return 1 / 0;");
    cr_assert_str_eq(bi_run(&w, "move(#3, #6); move(#6, #5); #0.log = {}; return recycle(#6);"), "E_DIV");
    cr_expect_str_eq(bi_eval(&w, "{valid(#6), #3.location, #5.contents, #0.log}"), "{0, #-1, {}, {}}");
    bi_close(&w);
}

Test(hooks, an_object_that_recycles_itself) {
    struct bi_world w;
    open_with_log(&w, "lambda");
    define(&w, OPEN, "recycle", "recycle(this);");
    cr_expect_str_eq(bi_eval(&w, "recycle(#6)"), "E_MAXREC"); /* each call is a frame */
    cr_expect_str_eq(bi_eval(&w, "valid(#6)"), "0");
    bi_close(&w);
}

Test(hooks, recycle_forgets_owners_in_toast) {
    struct bi_world w;
    bi_open(&w, "toast");
    cr_expect_str_eq(bi_run(&w, "recycle(#3); return #4.owner;"), "#-1");
    bi_close(&w);
    bi_open(&w, "lambda");
    cr_expect_str_eq(bi_run(&w, "recycle(#3); return #4.owner;"), "#3");
    bi_close(&w);
}

Test(hooks, pass) {
    struct bi_world w;
    bi_open(&w, "lambda");
    define(&w, ROOT, "v", "return {this, verb, args, length(callers()), callers()[1][2]};");
    define(&w, OPEN, "v", "return {#6, pass(@args, 9)};");
    define(&w, OPEN, "none", "return pass();");
    define(&w, ROOT, "top", "return pass();");
    cr_expect_str_eq(bi_eval(&w, "create(#6):v(1)"), "{#6, {#7, \"v\", {1, 9}, 2, \"v\"}}");
    cr_expect_str_eq(bi_eval(&w, "#6:none()"), "E_VERBNF");
    cr_expect_str_eq(bi_eval(&w, "#6:top()"), "E_INVIND");
    cr_expect_str_eq(bi_eval(&w, "pass()"), "E_INVIND");
    bi_close(&w);
}

Test(hooks, pass_says_what_it_sought_in_toast) {
    struct bi_world w;
    bi_open(&w, "toast");
    define(&w, OPEN, "none", "try pass(); except e (E_VERBNF) return e[2..3]; endtry");
    cr_expect_str_eq(bi_eval(&w, "create(#6):none()"), "{\"Verb not found: #7:none()\", {#7, \"none\"}}");
    bi_close(&w);
}

Test(hooks, protected_functions) {
    struct bi_world w;
    bi_open(&w, "lambda");
    w.m.protect[machine_find_builtin(&w.m, "length", 6)] = 1;
    static const struct bi_case bare[] = {{"length(\"abc\")", "E_PERM"}, {"call_function(\"length\", \"abc\")", "E_PERM"}, {"length()", "E_PERM"}};
    BI_CHECK(&w, PROGRAMMER, bare);
    cr_expect_str_eq(bi_run(&w, "return 0;"), "0");
    w.programmer = WIZARD;
    cr_expect_str_eq(bi_eval(&w, "length(\"abc\")"), "3");
    define(&w, SYSTEM, "bf_length", "return {caller_perms(), length(@args)};");
    static const struct bi_case guarded[] = {{"length(\"abc\")", "{#3, 3}"}, {"call_function(\"length\", \"abcd\")", "{#3, 4}"}, {"length(1)", "E_TYPE"}};
    BI_CHECK(&w, PROGRAMMER, guarded);
    bi_close(&w);
}

Test(hooks, call_function_of_one_that_calls_back) {
    struct bi_world w;
    bi_open(&w, "lambda");
    define(&w, ROOT, "accept", "return 1;");
    define(&w, ROOT, "enterfunc", "this.name = \\\"entered\\\";");
    cr_expect_str_eq(bi_run(&w, "call_function(\"move\", #4, #6); return {#4.location, #6.name};"), "{#6, \"entered\"}");
    bi_close(&w);
}
