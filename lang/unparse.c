/* SPDX-License-Identifier: MIT */
/*
 * Listings. One rule gives both forms: an operand gets parentheses when it binds looser than its place allows; in the fully parenthesized form
 * every operation gets them wherever it is an operand.
 */
#include "lang/ast.h"

#include <math.h>

#include "base/must.h"
#include "lang/lexer.h"

enum level {
    LEVEL_ANY, /* places that take any expression */
    LEVEL_ASSIGN,
    LEVEL_COND,
    LEVEL_LOGIC,
    LEVEL_COMPARE,
    LEVEL_ADD,
    LEVEL_MUL,
    LEVEL_POW,
    LEVEL_UNARY,
    LEVEL_POSTFIX
};

/* How tightly an expression binds, and what stands between its operands if it is a binary one. */
struct form {
    enum level level;
    const char *infix;
};

static const struct form forms[N_COUNT] = {
    [N_ASSIGN] = {LEVEL_ASSIGN, " = "},  [N_SCATTER] = {LEVEL_ASSIGN, NULL}, [N_COND] = {LEVEL_COND, NULL},     [N_AND] = {LEVEL_LOGIC, " && "}, [N_OR] = {LEVEL_LOGIC, " || "},
    [N_EQ] = {LEVEL_COMPARE, " == "},    [N_NE] = {LEVEL_COMPARE, " != "},   [N_LT] = {LEVEL_COMPARE, " < "},   [N_LE] = {LEVEL_COMPARE, " <= "}, [N_GT] = {LEVEL_COMPARE, " > "},
    [N_GE] = {LEVEL_COMPARE, " >= "},    [N_IN] = {LEVEL_COMPARE, " in "},   [N_ADD] = {LEVEL_ADD, " + "},      [N_SUB] = {LEVEL_ADD, " - "},    [N_MUL] = {LEVEL_MUL, " * "},
    [N_DIV] = {LEVEL_MUL, " / "},        [N_MOD] = {LEVEL_MUL, " % "},       [N_POW] = {LEVEL_POW, " ^ "},      [N_NEG] = {LEVEL_UNARY, NULL},   [N_NOT] = {LEVEL_UNARY, NULL},
};

struct lister {
    const struct ast *ast;
    const struct unparse_options *options;
    struct buf *out;
    int depth;
    const struct node *wrapped; /* a literal that must have parentheses, see assignment() */
};

static void expression(struct lister *l, const struct node *n);

static void text(struct lister *l, const char *s) { buf_add_c(l->out, s); }

static void variable(struct lister *l, int32_t var) {
    const struct str *s = l->ast->vars[var];
    buf_add(l->out, s->data, s->len);
}

/* An operand where nothing looser than `loosest' may stand bare. */
static void operand(struct lister *l, const struct node *n, enum level loosest) {
    enum level level = forms[n->kind].level;
    bool parens = (level != LEVEL_ANY && (level < loosest || l->options->fully_parenthesized)) || n == l->wrapped;
    if (parens) text(l, "(");
    expression(l, n);
    if (parens) text(l, ")");
}

static void expressions(struct lister *l, const struct node *n, uint32_t from, const char *open, const char *close) {
    text(l, open);
    for (uint32_t i = from; i < n->nkids; i++) {
        if (i > from) text(l, ", ");
        expression(l, n->kids[i]);
    }
    text(l, close);
}

/* ---- names after a point or colon ---- */

static bool is_bare_name(const struct node *n) { return n->kind == N_LIT && n->lit.type == V_STR && lexer_is_name(n->lit.u.s->data, n->lit.u.s->len); }

static bool is_negative(const struct node *n) {
    if (n->kind != N_LIT) return false;
    return (n->lit.type == V_INT && n->lit.u.i < 0) || (n->lit.type == V_FLOAT && signbit(n->lit.u.f));
}

static bool is_system_object(const struct node *n) { return n->kind == N_LIT && n->lit.type == V_OBJ && n->lit.u.o == 0; }

/* object MARK name, or $name. */
static void object_and_name(struct lister *l, const struct node *object, const struct node *name, const char *mark) {
    bool bare = is_bare_name(name);
    if (bare && is_system_object(object)) {
        text(l, "$");
    } else {
        operand(l, object, LEVEL_POSTFIX);
        if (object->kind == N_LIT && object->lit.type == V_INT && *mark == '.' && object != l->wrapped) text(l, " "); /* else it would read as a float */
        text(l, mark);
    }
    if (bare) {
        buf_add(l->out, name->lit.u.s->data, name->lit.u.s->len);
    } else {
        text(l, "(");
        expression(l, name);
        text(l, ")");
    }
}

/* An unknown function of an old program may have a name that has become a keyword. */
static void call(struct lister *l, const struct node *n) {
    const struct function_names *f = l->options->functions;
    const char *registered = n->func >= 0 && f ? f->name(f->ctx, n->func) : NULL;
    if (registered) {
        text(l, registered);
    } else if (lexer_is_name(n->name->data, n->name->len)) {
        buf_add(l->out, n->name->data, n->name->len);
    } else {
        buf_printf(l->out, "call_function(\"%s\"%s", n->name->data, n->nkids > 0 ? ", " : "");
        expressions(l, n, 0, "", ")");
        return;
    }
    expressions(l, n, 0, "(", ")");
}

/* ---- expressions ---- */

static void binary(struct lister *l, const struct node *n) {
    const struct form *f = &forms[n->kind];
    bool right = n->kind == N_POW; /* associates to the right */
    operand(l, n->kids[0], right ? f->level + 1 : f->level);
    text(l, f->infix);
    operand(l, n->kids[1], right ? f->level : f->level + 1);
}

static void conditional(struct lister *l, const struct node *n) {
    operand(l, n->kids[0], LEVEL_LOGIC);
    text(l, " ? ");
    expression(l, n->kids[1]);
    text(l, " | ");
    operand(l, n->kids[2], LEVEL_LOGIC);
}

static void scatter(struct lister *l, const struct node *n) {
    text(l, "{");
    for (uint32_t i = 1; i < n->nkids; i++) {
        const struct node *target = n->kids[i];
        if (i > 1) text(l, ", ");
        if (target->kind == N_REST) text(l, "@");
        if (target->kind == N_OPTIONAL) text(l, "?");
        variable(l, target->var);
        if (target->nkids > 0) {
            text(l, " = ");
            expression(l, target->kids[0]);
        }
    }
    text(l, "} = ");
    expression(l, n->kids[0]);
}

static void pairs(struct lister *l, const struct node *n) {
    text(l, "[");
    for (uint32_t i = 0; i < n->nkids; i++) {
        if (i > 0) text(l, i % 2 ? " -> " : ", ");
        expression(l, n->kids[i]);
    }
    text(l, "]");
}

static void codes(struct lister *l, const struct node *n) {
    if (n->flags & NODE_ANY)
        text(l, "ANY");
    else
        expressions(l, n, 0, "", "");
}

static void catch(struct lister *l, const struct node *n) {
    text(l, "`");
    expression(l, n->kids[1]);
    text(l, " ! ");
    codes(l, n->kids[0]);
    if (n->nkids > 2) {
        text(l, " => ");
        expression(l, n->kids[2]);
    }
    text(l, "'");
}

static void brackets(struct lister *l, const struct node *n) {
    operand(l, n->kids[0], LEVEL_POSTFIX);
    text(l, "[");
    expression(l, n->kids[1]);
    if (n->kind == N_RANGE) {
        text(l, "..");
        expression(l, n->kids[2]);
    }
    text(l, "]");
}

/*
 * A negative literal as a base lists bare, as it always did, although `-5 .foo' reads back as -(5 .foo). On the left of an assignment that would not even parse, so
 * there it gets parentheses.
 */
static void assignment(struct lister *l, const struct node *n) {
    const struct node *base = n->kids[0];
    while (base->nkids > 0) base = base->kids[0];
    l->wrapped = is_negative(base) ? base : NULL;
    expression(l, n->kids[0]);
    text(l, " = ");
    expression(l, n->kids[1]);
}

static void expression(struct lister *l, const struct node *n) {
    switch (n->kind) {
    case N_LIT: value_print_literal(l->out, n->lit); break;
    case N_VAR: variable(l, n->var); break;
    case N_PROP: object_and_name(l, n->kids[0], n->kids[1], "."); break;
    case N_VERBCALL:
        object_and_name(l, n->kids[0], n->kids[1], ":");
        expressions(l, n, 2, "(", ")");
        break;
    case N_CALL: call(l, n); break;
    case N_INDEX:
    case N_RANGE: brackets(l, n); break;
    case N_LENGTH: text(l, "$"); break;
    case N_FIRST: text(l, "^"); break;
    case N_MAP: pairs(l, n); break;
    case N_LIST: expressions(l, n, 0, "{", "}"); break;
    case N_SPLICE: expressions(l, n, 0, "@", ""); break;
    case N_NEG:
    case N_NOT:
        text(l, n->kind == N_NEG ? "-" : "!");
        operand(l, n->kids[0], LEVEL_UNARY);
        break;
    case N_COND: conditional(l, n); break;
    case N_ASSIGN: assignment(l, n); break;
    case N_SCATTER: scatter(l, n); break;
    case N_CATCH: catch(l, n); break;
    default:
        must(forms[n->kind].infix);
        binary(l, n);
        break;
    }
}

/* ---- statements ---- */

static void block(struct lister *l, const struct node *n);

static void begin_line(struct lister *l) {
    for (int i = 0; l->options->indent && i < l->depth; i++) text(l, "  ");
}

static void end_line(struct lister *l, const char *last) {
    text(l, last);
    buf_byte(l->out, '\n');
}

static void line(struct lister *l, const char *whole) {
    begin_line(l);
    end_line(l, whole);
}

static void body(struct lister *l, const struct node *n) {
    l->depth++;
    block(l, n);
    l->depth--;
}

/* WORD NAME (EXPRESSION) */
static void head(struct lister *l, const char *word, int32_t var, const struct node *x) {
    begin_line(l);
    text(l, word);
    if (var >= 0) {
        text(l, " ");
        variable(l, var);
    }
    text(l, " (");
    if (x->kind == N_CODES)
        codes(l, x);
    else
        expression(l, x);
    end_line(l, ")");
}

static void list_if(struct lister *l, const struct node *n) {
    for (uint32_t i = 0; i + 1 < n->nkids; i += 2) {
        head(l, i == 0 ? "if" : "elseif", -1, n->kids[i]);
        body(l, n->kids[i + 1]);
    }
    if (n->nkids % 2) {
        line(l, "else");
        body(l, n->kids[n->nkids - 1]);
    }
    line(l, "endif");
}

static void list_for(struct lister *l, const struct node *n) {
    bool range = n->kind == N_FOR_RANGE;
    begin_line(l);
    text(l, "for ");
    variable(l, n->var);
    if (n->kind == N_FOR_PAIRS) {
        text(l, ", ");
        variable(l, n->kids[1]->var);
    }
    text(l, range ? " in [" : " in (");
    expression(l, n->kids[0]);
    if (range) {
        text(l, "..");
        expression(l, n->kids[1]);
    }
    end_line(l, range ? "]" : ")");
    body(l, n->kids[n->nkids - 1]);
    line(l, "endfor");
}

static void list_try(struct lister *l, const struct node *n) {
    line(l, "try");
    body(l, n->kids[0]);
    if (n->kind == N_TRY_FINALLY) {
        line(l, "finally");
        body(l, n->kids[1]);
    }
    for (uint32_t i = 1; n->kind == N_TRY_EXCEPT && i < n->nkids; i++) {
        const struct node *clause = n->kids[i];
        head(l, "except", clause->var, clause->kids[0]);
        body(l, clause->kids[1]);
    }
    line(l, "endtry");
}

static void list_simple(struct lister *l, const char *word, const struct node *n) {
    begin_line(l);
    text(l, word);
    if (n->var >= 0 || (n->nkids > 0 && *word)) text(l, " ");
    if (n->var >= 0) variable(l, n->var);
    if (n->nkids > 0) expression(l, n->kids[0]);
    end_line(l, ";");
}

static void statement(struct lister *l, const struct node *n) {
    switch (n->kind) {
    case N_EXPR: list_simple(l, "", n); break;
    case N_RETURN: list_simple(l, "return", n); break;
    case N_BREAK: list_simple(l, "break", n); break;
    case N_CONTINUE: list_simple(l, "continue", n); break;
    case N_IF: list_if(l, n); break;
    case N_FOR_LIST:
    case N_FOR_PAIRS:
    case N_FOR_RANGE: list_for(l, n); break;
    case N_WHILE:
    case N_FORK:
        head(l, n->kind == N_WHILE ? "while" : "fork", n->var, n->kids[0]);
        body(l, n->kids[1]);
        line(l, n->kind == N_WHILE ? "endwhile" : "endfork");
        break;
    case N_TRY_EXCEPT:
    case N_TRY_FINALLY: list_try(l, n); break;
    default: must(!"a statement"); break;
    }
}

static void block(struct lister *l, const struct node *n) {
    for (uint32_t i = 0; i < n->nkids; i++) statement(l, n->kids[i]);
}

void unparse_block(const struct ast *a, const struct node *b, const struct unparse_options *options, struct buf *out) {
    struct lister l = {a, options, out, 0, NULL};
    block(&l, b);
}

void unparse_program(const struct ast *a, const struct unparse_options *options, struct buf *out) { unparse_block(a, a->root, options, out); }
