/* SPDX-License-Identifier: MIT */
/* Listings in both forms, node numbers and line numbers. */
#include <criterion/criterion.h>

#include "tests/unit/lang/front_help.h"

#define MINIMAL(program, listing) cr_expect_str_eq(front_relist(program, false, false), listing "\n", "%s\n%s", program, front_relist(program, false, false))
#define FULL(program, listing) cr_expect_str_eq(front_relist(program, true, false), listing "\n", "%s\n%s", program, front_relist(program, true, false))
#define BOTH(program, listing) \
    do { \
        MINIMAL(program, listing); \
        FULL(program, listing); \
    } while (0)

Test(listing, minimal_parentheses) {
    MINIMAL("a - (b - c);", "a - (b - c);");
    MINIMAL("(a - b) - c;", "a - b - c;");
    MINIMAL("a == (b == c);", "a == (b == c);");
    MINIMAL("(a || b) || c;", "a || b || c;");
    MINIMAL("a || (b && c);", "a || (b && c);");
    MINIMAL("(2 ^ 3) ^ 4;", "(2 ^ 3) ^ 4;");
    MINIMAL("2 ^ (3 ^ 4);", "2 ^ 3 ^ 4;");
    MINIMAL("a ? (b ? c | d) | e;", "a ? b ? c | d | e;");
    MINIMAL("a ? (b = 1) | c;", "a ? b = 1 | c;");
    MINIMAL("(a ? b | c) ? d | e;", "(a ? b | c) ? d | e;");
    MINIMAL("a ? b | (c ? d | e);", "a ? b | (c ? d | e);");
    MINIMAL("a ? b | (c = d);", "a ? b | (c = d);");
    MINIMAL("-(a + b); !(a || b); -(a ^ b); (-a) ^ b; -(-a); !(!a); a - -b;", "-(a + b);\n!(a || b);\n-(a ^ b);\n-a ^ b;\n--a;\n!!a;\na - -b;");
    MINIMAL("(a + b).c; (a = b):c(d = e); (-a)[1]; -(a[1]);", "(a + b).c;\n(a = b):c(d = e);\n(-a)[1];\n-a[1];");
    MINIMAL("a + (b * c); (a = b) + (c = d); a = (b = c);", "a + b * c;\n(a = b) + (c = d);\na = b = c;");
}

Test(listing, full_parentheses) {
    FULL("a + b * c;", "a + (b * c);");
    FULL("a || b && c;", "(a || b) && c;");
    FULL("-a ^ b; !!a; --a; a < b < c;", "(-a) ^ b;\n!(!a);\n-(-a);\n(a < b) < c;");
    FULL("a ? b ? c | d | e; a = b + 1; x[a + 1..$ - 1]; f(a + 1, @b || c);", "a ? b ? c | d | e;\na = b + 1;\nx[a + 1..$ - 1];\nf(a + 1, @b || c);");
    FULL("a + 1 ? b + 1 | c + 1;", "(a + 1) ? b + 1 | (c + 1);");
    FULL("({a} = b) + 1; {a, ?b = c + d} = e + f;", "({a} = b) + 1;\n{a, ?b = c + d} = e + f;");
    FULL("if (a + b) endif while (a || b) endwhile", "if (a + b)\nendif\nwhile (a || b)\nendwhile");
}

Test(listing, literals_and_names) {
    BOTH("x = {1, -5, - 5, -(5), -(-3), #-1, #-0, 1.5e-7, 1e10, \"a\\\"b\\\\c\\d\", e_perm};", "x = {1, -5, -5, -5, 3, #-1, #0, 1.5e-07, 10000000000.0, \"a\\\"b\\\\cd\", E_PERM};");
    BOTH("5 .foo; -5 .foo; (-5).foo; 5:foo(); 5.0.foo; (5).foo[1];", "5 .foo;\n-5 .foo;\n-5 .foo;\n5:foo();\n5.0.foo;\n5 .foo[1];");
    BOTH("#0.foo; #0:foo(1); $foo; $ foo; $foo(1); #0.(\"if\"); #0.(\"a b\"); o.(\"foo\"); o:(\"x\")(); o.(\"E_PERM\");",
         "$foo;\n$foo(1);\n$foo;\n$foo;\n$foo(1);\n#0.(\"if\");\n#0.(\"a b\");\no.foo;\no:x();\no.(\"E_PERM\");");
    BOTH("Foo = foo; PLAYER = num; LENGTH(X);", "Foo = Foo;\nplayer = NUM;\nlength(X);");
    BOTH("`a ! any'; `a ! E_A, @l => d'; `a ! E_PERM';", "`a ! ANY';\n`a ! E_A, @l => d';\n`a ! E_PERM';");
    BOTH("(-5).foo = 1; (-5).a[1][-1 .b] = 2; (-0.5).x = 3;", "(-5).foo = 1;\n(-5).a[1][-1 .b] = 2;\n(-0.5).x = 3;");
    BOTH("x[1..2]; x[1 ..2]; x[1.. .5]; x[1...5]; x[$][1];", "x[1..2];\nx[1..2];\nx[1..0.5];\nx[1..0.5];\nx[$][1];");
}

/* What only later versions of the language have. */
static void expect_later(const char *text, const char *listing, bool full) {
    struct ast *a = front_parse(text, LANGUAGE_WITH_MAPS, false, NULL);
    cr_expect_str_eq(front_list(a, full, false), listing);
    struct ast *again = front_parse(listing, LANGUAGE_WITH_MAPS, false, NULL);
    cr_expect_str_eq(front_list(again, full, false), listing);
    ast_free(a);
    ast_free(again);
}

Test(listing, maps) {
    expect_later("x=[1->2,\"a\"->{}, []->[ ], -1->- 1];", "x = [1 -> 2, \"a\" -> {}, [] -> [], -1 -> -1];\n", false);
    expect_later("x[^..$]; x[^ + 1]; x[(^)^2]; [1->2][1]; ([1->2]).foo; [a = 1->b || c, (d ? e | f)->-g]; !([]); -([]);",
                 "x[^..$];\nx[^ + 1];\nx[^ ^ 2];\n[1 -> 2][1];\n[1 -> 2].foo;\n[a = 1 -> b || c, d ? e | f -> -g];\n![];\n-[];\n", false);
    expect_later("[a + 1 -> b * c + d]; x[^ - 1..f(a + b)];", "[a + 1 -> (b * c) + d];\nx[^ - 1..f(a + b)];\n", true);
    expect_later("for a,b in(c)break b;continue a;endfor MAP = map;", "for a, b in (c)\nbreak b;\ncontinue a;\nendfor\nMAP = MAP;\n", false);
}

static const char program[] = "for i in [1..3] ;; x = i; endfor\n/* c */ for v in (l) endfor while w (1) if (a) break w; elseif (b) continue; else endif endwhile\n"
                              "fork t (5) return; endfork try a; except e (E_A, @b) c; except (ANY) endtry try finally d; endtry return 1;";

Test(listing, indented) {
    cr_expect_str_eq(front_relist(program, false, true),
                     "for i in [1..3]\n  x = i;\nendfor\nfor v in (l)\nendfor\nwhile w (1)\n  if (a)\n    break w;\n  elseif (b)\n    continue;\n  endif\nendwhile\n"
                     "fork t (5)\n  return;\nendfork\ntry\n  a;\nexcept e (E_A, @b)\n  c;\nexcept (ANY)\nendtry\ntry\nfinally\n  d;\nendtry\nreturn 1;\n");
}

static const struct node *kid(const struct node *n, uint32_t i) { return n->kids[i]; }

Test(listing, lines) {
    struct ast *a = front_parse(program, 4, false, NULL);
    const struct node *r = a->root;
    cr_expect_eq(r->end_line, 27);
    cr_expect(kid(r, 0)->line == 1 && kid(r, 0)->end_line == 3 && kid(kid(r, 0), 0)->line == 1 && kid(kid(kid(r, 0), 2), 0)->line == 2);
    const struct node *loop = kid(r, 2), *test = kid(kid(loop, 1), 0);
    cr_expect(loop->line == 6 && loop->end_line == 12);
    cr_expect(test->line == 7 && kid(test, 0)->line == 7 && kid(kid(test, 1), 0)->line == 8 && kid(test, 2)->line == 9 && test->end_line == 11);
    const struct node *try_ = kid(r, 4);
    cr_expect(try_->line == 16 && kid(try_, 1)->line == 18 && kid(kid(try_, 1), 0)->line == 18 && kid(try_, 2)->line == 20 && try_->end_line == 21);
    cr_expect(kid(r, 5)->line == 22 && kid(r, 6)->line == 26);
    ast_free(a);
}

static uint32_t check_ids(const struct ast *a, const struct node *n, uint32_t next) {
    cr_expect_eq(n->id, next++);
    cr_expect_eq(ast_find(a, n->id), n);
    for (uint32_t i = 0; i < n->nkids; i++) next = check_ids(a, n->kids[i], next);
    return next;
}

Test(listing, numbers) {
    struct ast *a = front_parse(program, 4, false, NULL);
    cr_expect_eq(check_ids(a, a->root, 0), a->nnodes);
    cr_expect_null(ast_find(a, a->nnodes));
    ast_free(a);
}
