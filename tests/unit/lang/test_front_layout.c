/* SPDX-License-Identifier: MIT */
/*
 * Source of any layout. Random programs are made as text, with random blanks, comments, letter case and redundant parentheses, together with the tree that they must give;
 * what they list as, in either form, must give the same tree.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "tests/unit/lang/front_help.h"

/* Tokens of the text are separated by this mark until the blanks are put in. */
enum { MARK = 1 };
/* Levels, loosest first, written down apart from those in the parser. */
enum { L_ASSIGN = 1, L_COND, L_LOGIC, L_COMPARE, L_ADD, L_MUL, L_POW, L_UNARY, L_POSTFIX, L_PRIMARY };

/* A piece of program: its text, its tree as front_dump() prints it, how tightly it binds. */
struct piece {
    struct buf text, tree;
    int level;
    bool negative; /* a negative number: as a base its listing reads back otherwise */
};

struct maker {
    uint32_t seed;
    int budget; /* pieces still to be made */
    int loops, indexes;
};

static uint32_t roll(struct maker *m, uint32_t sides) {
    m->seed ^= m->seed << 13;
    m->seed ^= m->seed >> 17;
    m->seed ^= m->seed << 5;
    return (uint32_t)((uint64_t)(m->seed * 2654435761u) * sides >> 32);
}

static void token(struct buf *b, const char *s) {
    buf_add_c(b, s);
    buf_byte(b, MARK);
}

/* A word in random letter case. */
static void word(struct maker *m, struct buf *b, const char *s) {
    bool upper = roll(m, 4) == 0;
    for (; *s; s++) buf_byte(b, (char)(upper ? toupper((unsigned char)*s) : *s));
    buf_byte(b, MARK);
}

static void move(struct buf *to, struct buf *from) {
    buf_add(to, buf_c(from), from->len);
    buf_fini(from);
}

static struct piece leaf(const char *text, const char *tree) {
    struct piece p = {BUF_INIT, BUF_INIT, L_PRIMARY, false};
    token(&p.text, text);
    buf_add_c(&p.tree, tree);
    return p;
}

/* Puts `from's text where nothing looser than `loosest' may stand, and its tree behind a blank. */
static void place(struct maker *m, struct buf *text, struct buf *tree, struct piece from, int loosest) {
    int parens = (from.level < loosest) + (roll(m, 6) == 0);
    for (int i = 0; i < parens; i++) token(text, "(");
    move(text, &from.text);
    for (int i = 0; i < parens; i++) token(text, ")");
    buf_byte(tree, ' ');
    move(tree, &from.tree);
}

static struct piece expression(struct maker *m);

static const char *const variables[] = {"x", "foo", "Bar_1", "player", "_z"};

static struct piece random_leaf(struct maker *m) {
    static const char *const literals[][2] = {{"17", "17"},       {"#3", "#3"},        {"#-1", "#-1"},           {"1.5e-7", "1.5e-07"},       {".5", "0.5"},
                                              {"5.", "5.0"},      {"e_perm", "E_PERM"}, {"\"a\\\"\\b/*\"", "\"a\\\"b/*\""}, {"\"\"", "\"\""}, {"007", "7"}};
    struct piece p;
    uint32_t i;
    switch (roll(m, 4)) {
    case 0:
        if (m->indexes > 0) return leaf("$", "(LENGTH)");
        /* fall through */
    case 1:
        i = roll(m, sizeof literals / sizeof *literals);
        p = leaf(literals[i][0], "(LIT ");
        buf_printf(&p.tree, "%s)", literals[i][1]);
        return p;
    case 2:
        p = leaf("-", "(LIT -5)");
        token(&p.text, "5");
        p.level = L_UNARY;
        p.negative = true;
        return p;
    default:
        i = roll(m, sizeof variables / sizeof *variables);
        p = leaf(variables[i], "(VAR ");
        buf_printf(&p.tree, "%s)", variables[i]);
        return p;
    }
}

static struct piece binary(struct maker *m) {
    static const struct {
        const char *mark, *kind;
        int level;
    } forms[] = {{"||", "OR", L_LOGIC},   {"&&", "AND", L_LOGIC},  {"==", "EQ", L_COMPARE}, {"!=", "NE", L_COMPARE}, {"<", "LT", L_COMPARE}, {"<=", "LE", L_COMPARE}, {">", "GT", L_COMPARE},
                 {">=", "GE", L_COMPARE}, {"in", "IN", L_COMPARE}, {"+", "ADD", L_ADD},     {"-", "SUB", L_ADD},     {"*", "MUL", L_MUL},    {"/", "DIV", L_MUL},     {"%", "MOD", L_MUL},
                 {"^", "POW", L_POW}};
    uint32_t i = roll(m, sizeof forms / sizeof *forms);
    int level = forms[i].level, right = level == L_POW;
    struct piece p = {BUF_INIT, BUF_INIT, level, false};
    buf_printf(&p.tree, "(%s", forms[i].kind);
    place(m, &p.text, &p.tree, expression(m), level + right);
    word(m, &p.text, forms[i].mark);
    place(m, &p.text, &p.tree, expression(m), level + !right);
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece unary(struct maker *m) {
    struct piece p = {BUF_INIT, BUF_INIT, L_UNARY, false};
    struct piece x = expression(m);
    bool minus = roll(m, 2) && strncmp(buf_c(&x.tree), "(LIT", 4) != 0; /* numbers would be folded */
    token(&p.text, minus ? "-" : "!");
    buf_add_c(&p.tree, minus ? "(NEG" : "(NOT");
    place(m, &p.text, &p.tree, x, L_UNARY);
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece conditional(struct maker *m) {
    struct piece p = {BUF_INIT, BUF_INIT, L_COND, false};
    buf_add_c(&p.tree, "(COND");
    place(m, &p.text, &p.tree, expression(m), L_LOGIC);
    token(&p.text, "?");
    place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
    token(&p.text, "|");
    place(m, &p.text, &p.tree, expression(m), L_LOGIC);
    buf_byte(&p.tree, ')');
    return p;
}

/* Something to put `.', `:' or `[' behind. */
static void place_base(struct maker *m, struct piece *p) {
    struct piece base = expression(m);
    while (base.negative) {
        buf_fini(&base.text);
        buf_fini(&base.tree);
        base = expression(m);
    }
    place(m, &p->text, &p->tree, base, L_POSTFIX);
}

static void items(struct maker *m, struct piece *p, const char *close) {
    for (uint32_t n = roll(m, 4), i = 0; i < n; i++) {
        if (i > 0) token(&p->text, ",");
        bool splice = roll(m, 4) == 0;
        if (splice) token(&p->text, "@");
        if (splice) buf_add_c(&p->tree, " (SPLICE");
        place(m, &p->text, &p->tree, expression(m), L_ASSIGN);
        if (splice) buf_byte(&p->tree, ')');
    }
    token(&p->text, close);
}

/* .name or .(expression) */
static void name(struct maker *m, struct piece *p, const char *mark) {
    token(&p->text, mark);
    if (roll(m, 2)) {
        token(&p->text, "Prop_1");
        buf_add_c(&p->tree, " (LIT \"Prop_1\")");
    } else {
        token(&p->text, "(");
        place(m, &p->text, &p->tree, expression(m), L_ASSIGN);
        token(&p->text, ")");
    }
}

static struct piece postfix(struct maker *m) {
    struct piece p = {BUF_INIT, BUF_INIT, L_POSTFIX, false};
    switch (roll(m, 4)) {
    case 0:
        buf_add_c(&p.tree, "(PROP");
        place_base(m, &p);
        name(m, &p, ".");
        break;
    case 1:
        buf_add_c(&p.tree, "(VERBCALL");
        place_base(m, &p);
        name(m, &p, ":");
        token(&p.text, "(");
        items(m, &p, ")");
        break;
    default: {
        bool range = roll(m, 2);
        buf_add_c(&p.tree, range ? "(RANGE" : "(INDEX");
        place_base(m, &p);
        token(&p.text, "[");
        m->indexes++;
        place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
        if (range) token(&p.text, "..");
        if (range) place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
        m->indexes--;
        token(&p.text, "]");
    }
    }
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece list_or_call(struct maker *m) {
    bool call = roll(m, 2);
    struct piece p = {BUF_INIT, BUF_INIT, L_PRIMARY, false};
    if (call) token(&p.text, "length");
    token(&p.text, call ? "(" : "{");
    buf_add_c(&p.tree, call ? "(CALL length" : "(LIST");
    items(m, &p, call ? ")" : "}");
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece system_name(struct maker *m) {
    bool call = roll(m, 2);
    struct piece p = {BUF_INIT, BUF_INIT, L_PRIMARY, false};
    token(&p.text, "$");
    token(&p.text, "name");
    buf_printf(&p.tree, "(%s (LIT #0) (LIT \"name\")", call ? "VERBCALL" : "PROP");
    if (call) {
        token(&p.text, "(");
        items(m, &p, ")");
    }
    buf_byte(&p.tree, ')');
    return p;
}

static void code_list(struct maker *m, struct buf *text, struct buf *tree) {
    if (roll(m, 2)) {
        word(m, text, "any");
        buf_add_c(tree, " (CODES any)");
        return;
    }
    buf_add_c(tree, " (CODES");
    place(m, text, tree, expression(m), L_ASSIGN);
    buf_byte(tree, ')');
}

static struct piece catch(struct maker *m) {
    struct piece p = {BUF_INIT, BUF_INIT, L_PRIMARY, false};
    struct buf body = BUF_INIT;
    token(&p.text, "`");
    place(m, &p.text, &body, expression(m), L_ASSIGN);
    token(&p.text, "!");
    buf_add_c(&p.tree, "(CATCH");
    code_list(m, &p.text, &p.tree);
    move(&p.tree, &body);
    if (roll(m, 2)) {
        token(&p.text, "=>");
        place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
    }
    token(&p.text, "'");
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece assignment(struct maker *m) {
    struct piece p = {BUF_INIT, BUF_INIT, L_ASSIGN, false};
    token(&p.text, "foo");
    buf_add_c(&p.tree, "(ASSIGN (");
    bool index = roll(m, 2);
    if (index) {
        buf_add_c(&p.tree, "INDEX (VAR foo)");
        token(&p.text, "[");
        m->indexes++;
        place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
        m->indexes--;
        token(&p.text, "]");
    } else {
        buf_add_c(&p.tree, "VAR foo");
    }
    buf_byte(&p.tree, ')');
    token(&p.text, "=");
    place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece scatter(struct maker *m) {
    static const char *const prefixes[] = {"", "?", "@"}, *const kinds[] = {"TARGET", "OPTIONAL", "REST"};
    struct piece p = {BUF_INIT, BUF_INIT, L_ASSIGN, false};
    struct buf targets = BUF_INIT;
    uint32_t rest = 0;
    token(&p.text, "{");
    for (uint32_t n = 1 + roll(m, 4), i = 0; i < n; i++) {
        uint32_t kind = roll(m, 3 - rest);
        if (kind == 2) rest = 1;
        if (i > 0) token(&p.text, ",");
        if (kind > 0) token(&p.text, prefixes[kind]);
        token(&p.text, "x");
        buf_printf(&targets, " (%s x", kinds[kind]);
        if (kind == 1 && roll(m, 2)) {
            token(&p.text, "=");
            place(m, &p.text, &targets, expression(m), L_ASSIGN);
        }
        buf_byte(&targets, ')');
    }
    token(&p.text, "}");
    token(&p.text, "=");
    buf_add_c(&p.tree, "(SCATTER");
    place(m, &p.text, &p.tree, expression(m), L_ASSIGN);
    move(&p.tree, &targets);
    buf_byte(&p.tree, ')');
    return p;
}

static struct piece expression(struct maker *m) {
    static struct piece (*const kinds[])(struct maker *) = {binary, binary, binary, unary, conditional, postfix, postfix, list_or_call, system_name, catch, assignment, scatter};
    if (m->budget-- <= 0 || roll(m, 5) < 2) return random_leaf(m);
    return kinds[roll(m, sizeof kinds / sizeof *kinds)](m);
}

/* ---- statements: text and tree are appended ---- */

static void block(struct maker *m, struct buf *text, struct buf *tree, bool filled);

static void parenthesized(struct maker *m, struct buf *text, struct buf *tree) {
    token(text, "(");
    place(m, text, tree, expression(m), L_ASSIGN);
    token(text, ")");
}

static void make_if(struct maker *m, struct buf *text, struct buf *tree) {
    buf_add_c(tree, " (IF");
    uint32_t n = 1 + roll(m, 3);
    for (uint32_t i = 0; i < n; i++) {
        word(m, text, i == 0 ? "if" : "elseif");
        parenthesized(m, text, tree);
        block(m, text, tree, false);
    }
    if (roll(m, 2)) {
        word(m, text, "else");
        block(m, text, tree, true);
    } else if (roll(m, 4) == 0) {
        word(m, text, "else"); /* an empty one leaves nothing */
        token(text, ";");
    }
    word(m, text, "endif");
}

static void make_for(struct maker *m, struct buf *text, struct buf *tree) {
    bool range = roll(m, 2);
    word(m, text, "for");
    token(text, "v");
    word(m, text, "in");
    buf_printf(tree, " (%s v", range ? "FOR_RANGE" : "FOR_LIST");
    token(text, range ? "[" : "(");
    place(m, text, tree, expression(m), L_ASSIGN);
    if (range) token(text, "..");
    if (range) place(m, text, tree, expression(m), L_ASSIGN);
    token(text, range ? "]" : ")");
    m->loops++;
    block(m, text, tree, false);
    m->loops--;
    word(m, text, "endfor");
}

static void make_named(struct maker *m, struct buf *text, struct buf *tree) {
    bool fork_ = roll(m, 2), named = roll(m, 2);
    int loops = m->loops;
    word(m, text, fork_ ? "fork" : "while");
    if (named) token(text, "w");
    buf_printf(tree, " (%s%s", fork_ ? "FORK" : "WHILE", named ? " w" : "");
    parenthesized(m, text, tree);
    m->loops = fork_ ? 0 : loops + 1;
    block(m, text, tree, false);
    m->loops = loops;
    word(m, text, fork_ ? "endfork" : "endwhile");
}

static void make_try(struct maker *m, struct buf *text, struct buf *tree) {
    bool finally = roll(m, 2);
    word(m, text, "try");
    buf_add_c(tree, finally ? " (TRY_FINALLY" : " (TRY_EXCEPT");
    block(m, text, tree, false);
    if (finally) {
        word(m, text, "finally");
        block(m, text, tree, false);
    } else {
        bool named = roll(m, 2);
        word(m, text, "except");
        if (named) token(text, "e");
        buf_printf(tree, " (EXCEPT%s", named ? " e" : "");
        token(text, "(");
        code_list(m, text, tree);
        token(text, ")");
        block(m, text, tree, false);
        buf_byte(tree, ')');
    }
    word(m, text, "endtry");
}

static void make_simple(struct maker *m, struct buf *text, struct buf *tree) {
    uint32_t kind = roll(m, 4);
    if (kind == 0 && m->loops > 0) {
        bool leave = roll(m, 2);
        word(m, text, leave ? "break" : "continue");
        buf_add_c(tree, leave ? " (BREAK" : " (CONTINUE");
    } else if (kind == 1) {
        word(m, text, "return");
        buf_add_c(tree, " (RETURN");
        if (roll(m, 2)) place(m, text, tree, expression(m), L_ASSIGN);
    } else {
        buf_add_c(tree, " (EXPR");
        place(m, text, tree, expression(m), L_ASSIGN);
    }
    token(text, ";");
}

static void statement(struct maker *m, struct buf *text, struct buf *tree) {
    static void (*const kinds[])(struct maker *, struct buf *, struct buf *) = {make_if, make_for, make_named, make_try, make_simple, make_simple, make_simple};
    if (roll(m, 8) == 0) token(text, ";");
    if (m->budget-- <= 0)
        make_simple(m, text, tree);
    else
        kinds[roll(m, sizeof kinds / sizeof *kinds)](m, text, tree);
    buf_byte(tree, ')');
}

static void block(struct maker *m, struct buf *text, struct buf *tree, bool filled) {
    buf_add_c(tree, " (BLOCK");
    for (uint32_t n = roll(m, 4) + filled, i = 0; i < n; i++) statement(m, text, tree);
    buf_byte(tree, ')');
}

/* Marks become blanks, or nothing where the neighbours cannot run together. */
static void lay_out(struct maker *m, const struct buf *marked, struct buf *out) {
    static const char *const blanks[] = {" ", "\n", "\t ", "\r\n", "/**/", " /* ; \" ' // * / */ ", "  "};
    for (size_t i = 0; i < marked->len; i++) {
        char c = marked->data[i], last = i > 0 ? marked->data[i - 1] : ' ', next = i + 1 < marked->len ? marked->data[i + 1] : ' ';
        if (c != MARK) {
            buf_byte(out, c);
            continue;
        }
        bool words = (isalnum((unsigned char)last) || last == '_' || last == '.') && (isalnum((unsigned char)next) || next == '_' || next == '.');
        bool marks = strchr("=<>!&|.*/", last) && strchr("=<>!&|.*/", next);
        if (words || marks || roll(m, 3) == 0) buf_add_c(out, blanks[roll(m, sizeof blanks / sizeof *blanks)]);
    }
}

static void expect_tree(uint32_t seed, const char *text, const char *tree) {
    struct ast *a = front_parse(text, 4, false, NULL);
    struct buf dump = BUF_INIT;
    front_dump(a, a->root, &dump);
    cr_assert_str_eq(buf_c(&dump), tree, "seed %u\n%s\nwanted %s\ngot    %s", seed, text, tree, buf_c(&dump));
    buf_fini(&dump);
    ast_free(a);
}

static void try_program(uint32_t seed) {
    struct maker m = {seed * 2246822519u | 1, 60, 0, 0};
    struct buf marked = BUF_INIT, tree = BUF_INIT, text = BUF_INIT, listing = BUF_INIT;
    token(&marked, "{x, foo, bar_1, player, _z, v, w, e};"); /* settles the spelling */
    block(&m, &marked, &tree, true);
    lay_out(&m, &marked, &text);
    buf_clear(&marked);
    buf_printf(&marked, "(BLOCK (EXPR (LIST (VAR x) (VAR foo) (VAR bar_1) (VAR player) (VAR _z) (VAR v) (VAR w) (VAR e)))%s", buf_c(&tree) + strlen(" (BLOCK"));
    for (char *s; (s = strstr(marked.data, "Bar_1"));) *s = 'b';
    expect_tree(seed, buf_c(&text), buf_c(&marked));
    for (int form = 0; form < 4; form++) {
        buf_clear(&listing);
        buf_add_c(&listing, front_relist(buf_c(&text), form & 1, form & 2));
        expect_tree(seed, buf_c(&listing), buf_c(&marked));
        cr_assert_str_eq(front_relist(buf_c(&listing), form & 1, form & 2), buf_c(&listing));
    }
    buf_fini(&marked);
    buf_fini(&tree);
    buf_fini(&text);
    buf_fini(&listing);
}

Test(layout, any_layout_gives_the_tree_that_was_meant) {
    for (uint32_t seed = 1; seed <= 3000; seed++) try_program(seed);
}
