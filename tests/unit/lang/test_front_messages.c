/* SPDX-License-Identifier: MIT */
/* Compile messages: their texts and their lines. */
#include <criterion/criterion.h>

#include "base/str.h"
#include "tests/unit/lang/front_help.h"

#define SAYS(program, messages) cr_expect_str_eq(front_messages(program), messages, "%s", program)

Test(messages, syntax_error_is_on_the_line_of_the_token_that_does_not_fit) {
    SAYS("", "");
    SAYS(" ;; /* nothing */", "");
    SAYS("return 1\n", "Line 2:  syntax error");
    SAYS("return 1", "Line 1:  syntax error");
    SAYS("if (1)\nreturn 2;\n", "Line 3:  syntax error");
    SAYS("x = = 1;\ny = 2 2;\n", "Line 1:  syntax error");
    SAYS("try\nx = 1;\nendtry\n", "Line 3:  syntax error");
    SAYS("fork\nx = 1;\nendfork\n", "Line 2:  syntax error");
    SAYS("player:tell(\"You shake \", this.name, \".\"\nendif\n", "Line 2:  syntax error");
    SAYS("x = 1 +;\n", "Line 1:  syntax error");
    SAYS("return x[$;\n", "Line 1:  syntax error");
    SAYS("0 ? 2 | 0 ? 4 | 5;\n", "Line 1:  syntax error");
    SAYS("return {0, -0, 1, +1};\n", "Line 1:  syntax error");
    SAYS("5.name;\n", "Line 1:  syntax error");
    SAYS("endif\n", "Line 1:  syntax error");
    SAYS("x.if;\n", "Line 1:  syntax error");
    SAYS("ANY;\n", "Line 1:  syntax error");
    SAYS("{a, ?b}\n;\n", "Line 2:  syntax error");
    SAYS("{a, ?b, c + 1} = x;", "Line 1:  syntax error");
    SAYS("f(1,);", "Line 1:  syntax error");
    SAYS("{,};", "Line 1:  syntax error");
    SAYS("`x ! ';", "Line 1:  syntax error");
    SAYS("try\nfinally\nexcept (ANY)\nendtry\n", "Line 3:  syntax error");
    SAYS("\n\nx y\n\n", "Line 3:  syntax error");
    SAYS("/* a\nb\n*/ x y\n", "Line 3:  syntax error");
    SAYS("\x01", "Line 1:  syntax error");
    SAYS("x = \xff\xfe;", "Line 1:  syntax error");
}

Test(messages, faults_in_tokens) {
    SAYS("return \"unfinished;\n", "Line 1:  Missing quote\nLine 1:  syntax error");
    SAYS("return \"unfinished\\", "Line 1:  Missing quote\nLine 1:  syntax error");
    SAYS("\"unfinished\n;", "Line 1:  Missing quote");
    SAYS("x = 1;\n/* no end\n\n", "Line 4:  End of program while in a comment");
    SAYS("x = # 5;", "Line 1:  Malformed object number\nLine 1:  syntax error");
    SAYS("x = 1e;", "Line 1:  Malformed floating-point literal\nLine 1:  syntax error");
    SAYS("x = 1.5e+;", "Line 1:  Malformed floating-point literal\nLine 1:  syntax error");
    SAYS("return 1.5e999;", "Line 1:  Floating-point literal out of range");
    SAYS("return 99999999999999999999;", "");
}

Test(messages, assignments) {
    SAYS("5 = x;", "Line 1:  Illegal expression on left side of assignment.");
    SAYS("a + b = c;", "Line 1:  Illegal expression on left side of assignment.");
    SAYS("a = b ? c | d = e;", "Line 1:  Illegal expression on left side of assignment.");
    SAYS("f()[1] = 2;", "Line 1:  Illegal expression on left side of assignment.");
    SAYS("x[1..2][3] = 2;", "Line 1:  Illegal expression on left side of assignment.");
    SAYS("{} = x;", "Line 1:  Empty list in scattering assignment.");
    SAYS("{a, @b, @c} = 1;", "Line 1:  More than one `@' target in scattering assignment.");
    SAYS("{a, 5} = 1;", "Line 1:  Scattering assignment targets must be simple variables.");
    SAYS("{5, ?a} = 1;", "Line 1:  Scattering assignment targets must be simple variables.");
    SAYS("{a, ?b} = 1;", "");
    SAYS("(x) = 1; x[1][2..3] = 4; x.y[1].z = 5; $x = 1; o.(\"a\")[1] = 2; ({a, b}) = x;", "");
}

Test(messages, too_many_targets) {
    struct buf b = BUF_INIT;
    buf_add_c(&b, "{a0");
    for (int i = 1; i < 256; i++) buf_printf(&b, ", a%d", i);
    buf_add_c(&b, "} = x;");
    SAYS(buf_c(&b), "Line 1:  Too many targets in scattering assignment.");
    buf_clear(&b);
    buf_add_c(&b, "try\nexcept (E_PERM)\n");
    for (int i = 1; i < 257; i++) buf_add_c(&b, "except (E_TYPE)\n");
    buf_add_c(&b, "endtry");
    SAYS(buf_c(&b), "Line 257:  Too many EXCEPT clauses (max. 255)\nLine 258:  Too many EXCEPT clauses (max. 255)");
    buf_fini(&b);
}

Test(messages, loops_and_dollars) {
    SAYS("break;", "Line 1:  No enclosing loop for `break' statement");
    SAYS("while (1)\nfork (0)\ncontinue;\nendfork\nendwhile", "Line 3:  No enclosing loop for `continue' statement");
    SAYS("while foo (1)\nbreak bar;\nendwhile\n", "Line 2:  Invalid loop name in `break' statement: bar");
    SAYS("while (1)\nbreak bar;\nendwhile\n", "Line 2:  Invalid loop name in `break' statement: bar");
    SAYS("for Bar in (x) while (1) continue bar; break BAR; endwhile endfor", "");
    SAYS("for bar in (x) fork (1) continue Bar; endfork endfor", "Line 1:  Invalid loop name in `continue' statement: Bar");
    SAYS("return $;", "Line 1:  Illegal context for `$' expression.");
    SAYS("return x[1] + $;", "Line 1:  Illegal context for `$' expression.");
    SAYS("return x[f({$ - 1})..$];", "");
    SAYS("try\nx = 1;\nexcept (ANY)\nexcept (E_PERM)\nendtry\n", "Line 4:  Unreachable EXCEPT clause");
}

Test(messages, unknown_functions) {
    SAYS("return nosuch(1);\n", "Line 1:  Unknown built-in function: nosuch");
    SAYS("x = NoSuch(\n1\n);\ny = other();\nz = ;", "Line 3:  Unknown built-in function: NoSuch\nLine 4:  Unknown built-in function: other\nLine 5:  syntax error");
    SAYS("`1 ! nosuch, E_PERM';", "");
    struct list *said;
    struct ast *a = front_parse("NoSuch(1, @x);\n", 4, true, &said);
    cr_assert_not_null(a);
    cr_expect_eq(said->len, 1);
    cr_expect_str_eq(said->items[0].u.s->data, "Line 1:  Unknown built-in function: NoSuch");
    cr_expect_str_eq(front_list(a, true, false), "NoSuch(1, @x);\n");
    list_unref(said);
    ast_free(a);
}

static void expect_renamed(const char *text, int version, const char *listing, unsigned warnings) {
    struct list *said;
    struct ast *a = front_parse(text, version, true, &said);
    cr_assert_not_null(a, "%s", text);
    cr_expect_eq(said->len, warnings);
    cr_expect_str_eq(front_list(a, true, false), listing);
    list_unref(said);
    ast_free(a);
}

Test(messages, words_that_became_keywords) {
    expect_renamed("break = x.break + continue; break_ = e_float;", 1, "break__ = x.(\"break\") + continue_;\nbreak_ = e_float_;\n", 1);
    expect_renamed("x = endtry(1) + try();", 0, "x = call_function(\"endtry\", 1) + call_function(\"try\");\n", 3);
    expect_renamed("break; x.break = continue = e_float;", 1, "break_;\nx.(\"break\") = continue_ = e_float_;\n", 1);
    expect_renamed("try = 1;", 0, "try_ = 1;\n", 1);
    expect_renamed("int = float;", 2, "int = float;\n", 0);
    expect_renamed("int = float;", 3, "INT = FLOAT;\n", 0);
    SAYS("break = 1;", "Line 1:  syntax error");
}

Test(messages, depth_is_bounded) {
    static const struct {
        const char *open, *middle, *close;
    } nests[] = {{"(", "1", ")"},           {"{", "", "}"},           {"-", "x", ""},      {"if (1) ", "", " endif "},        {"`", "x", " ! ANY'"},
                 {"x[", "1", "]"},          {"x ? 1 | (", "2", ")"},  {"f(", "", ")"},     {"try ", "", " except (ANY) endtry "}, {"x = ", "1", ""},
                 {"", "x", " + 1"},         {"", "x", ".y"},          {"x ^ ", "1", ""},   {"x ? ", "1", " | 2"},             {"", "x", "[1]"}};
    for (size_t i = 0; i < sizeof nests / sizeof *nests; i++) {
        struct buf b = BUF_INIT;
        for (int k = 0; k < 100000; k++) buf_add_c(&b, nests[i].open);
        buf_add_c(&b, nests[i].middle);
        for (int k = 0; k < 100000; k++) buf_add_c(&b, nests[i].close);
        buf_byte(&b, ';');
        SAYS(buf_c(&b), "Line 1:  Program too deeply nested");
        buf_fini(&b);
    }
}

/* The highest tree that parses also parses from its fully parenthesized listing. */
static void expect_highest(const char *open, const char *middle, const char *close) {
    struct buf b = BUF_INIT, listing = BUF_INIT;
    for (int k = 0; k < AST_MAX_HEIGHT - 3; k++) buf_add_c(&b, open);
    buf_add_c(&b, middle);
    for (int k = 0; k < AST_MAX_HEIGHT - 3; k++) buf_add_c(&b, close);
    buf_add_c(&b, ";\n");
    cr_expect_str_eq(front_relist(buf_c(&b), false, false), buf_c(&b));
    buf_add_c(&listing, front_relist(buf_c(&b), true, false));
    cr_expect_str_eq(front_relist(buf_c(&listing), true, false), buf_c(&listing));
    cr_expect_str_eq(front_relist(buf_c(&listing), false, false), buf_c(&b));
    buf_fini(&b);
    buf_fini(&listing);
}

Test(messages, highest_trees_list_and_parse) {
    expect_highest("x + ", "x", "");
    expect_highest("-", "x", "");
    expect_highest("!", "x", "");
    expect_highest("{", "", "}");
    expect_highest("x ^ ", "x", "");
    expect_highest("", "x", ".y");
}
