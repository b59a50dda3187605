/* SPDX-License-Identifier: MIT */
/*
 * Expressions, by operator precedence. An assignment is an operator like any other here, the loosest, whose left side is checked when the right side has been read: so
 * `a + b = c' is a wrong left side and not a syntax error, as it always was.
 */
#include <string.h>

#include "base/str.h"
#include "lang/parser.h"

enum level { LEVEL_ASSIGN = 1, LEVEL_COND, LEVEL_LOGIC, LEVEL_COMPARE, LEVEL_ADD, LEVEL_MUL, LEVEL_POW };

struct operator {
    int token;
    enum level level;
    int kind;
};

static const struct operator operators[] = {
    {'=', LEVEL_ASSIGN, N_ASSIGN},  {'?', LEVEL_COND, N_COND},  {T_OR, LEVEL_LOGIC, N_OR},    {T_AND, LEVEL_LOGIC, N_AND},  {T_EQ, LEVEL_COMPARE, N_EQ},
    {T_NE, LEVEL_COMPARE, N_NE},    {'<', LEVEL_COMPARE, N_LT}, {T_LE, LEVEL_COMPARE, N_LE},  {'>', LEVEL_COMPARE, N_GT},   {T_GE, LEVEL_COMPARE, N_GE},
    {T_IN, LEVEL_COMPARE, N_IN},    {'+', LEVEL_ADD, N_ADD},    {'-', LEVEL_ADD, N_SUB},      {'*', LEVEL_MUL, N_MUL},      {'/', LEVEL_MUL, N_DIV},
    {'%', LEVEL_MUL, N_MOD},        {'^', LEVEL_POW, N_POW},
};

static const struct operator *find_operator(int token) {
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].token == token) return &operators[i];
    return NULL;
}

static struct node *parse_level(struct parser *p, enum level loosest);

struct node *parser_expression(struct parser *p) { return parse_level(p, LEVEL_ASSIGN); }

/* ---- assignment ---- */

static void check_targets(struct parser *p, uint32_t first) {
    uint32_t rests = 0;
    for (uint32_t i = first; i < p->npending; i++)
        if (p->pending[i]->kind == N_REST && rests++ > 0) parser_error(p, "More than one `@' target in scattering assignment.");
    if (p->npending - first > SCATTER_MAX_TARGETS) parser_error(p, "Too many targets in scattering assignment.");
}

/* The target that a list item stands for, or NULL. */
static struct node *target_of_item(struct parser *p, const struct node *item) {
    if (item->kind == N_VAR) return parser_leaf_var(p, N_TARGET, item->var);
    if (item->kind == N_SPLICE && item->kids[0]->kind == N_VAR) return parser_leaf_var(p, N_REST, item->kids[0]->var);
    return NULL;
}

/* Pending list items from `first' on become targets. */
static void items_to_targets(struct parser *p, uint32_t first) {
    for (uint32_t i = first; i < p->npending; i++) {
        struct node *target = target_of_item(p, p->pending[i]);
        if (!target) {
            parser_error(p, "Scattering assignment targets must be simple variables.");
            return;
        }
        p->pending[i] = target;
    }
}

/* `list' = `value' where list was read as an expression. */
static struct node *scatter_from_list(struct parser *p, const struct node *list, struct node *v) {
    uint32_t first = p->npending;
    parser_push(p, v);
    for (uint32_t i = 0; i < list->nkids; i++) parser_push(p, list->kids[i]);
    if (list->nkids == 0) parser_error(p, "Empty list in scattering assignment.");
    items_to_targets(p, first + 1);
    check_targets(p, first + 1);
    return parser_node(p, N_SCATTER, first);
}

static struct node *make_assignment(struct parser *p, struct node *left, struct node *right) {
    if (left->kind == N_LIST) return scatter_from_list(p, left, right);
    const struct node *base = left;
    if (base->kind == N_RANGE) base = base->kids[0];
    while (base->kind == N_INDEX) base = base->kids[0];
    if (base->kind != N_VAR && base->kind != N_PROP) parser_error(p, "Illegal expression on left side of assignment.");
    return parser_node2(p, N_ASSIGN, left, right);
}

/* One target of a scatter that can be nothing else, since a `?' has been met. */
static struct node *parse_target(struct parser *p) {
    if (parser_accept(p, '@')) return parser_leaf_var(p, N_REST, parser_expect_variable(p));
    if (!parser_accept(p, '?')) return parser_leaf_var(p, N_TARGET, parser_expect_variable(p));
    int32_t var = parser_expect_variable(p);
    if (!parser_accept(p, '=')) return parser_leaf_var(p, N_OPTIONAL, var);
    struct node *n = parser_node1(p, N_OPTIONAL, parser_expression(p));
    n->var = var;
    return n;
}

/* Items read so far are pending from `first' on; the next token is the first `?'. */
static struct node *parse_scatter(struct parser *p, uint32_t first) {
    bool started = p->npending > first;
    parser_push(p, parse_target(p));
    if (started) {
        struct node *target = p->pending[--p->npending];
        items_to_targets(p, first);
        parser_push(p, target);
    }
    while (parser_accept(p, ',')) parser_push(p, parse_target(p));
    parser_expect(p, '}');
    parser_expect(p, '=');
    struct node *v = parser_expression(p);
    check_targets(p, first);
    parser_push(p, NULL);
    memmove(&p->pending[first + 1], &p->pending[first], (p->npending - 1 - first) * sizeof *p->pending);
    p->pending[first] = v;
    return parser_node(p, N_SCATTER, first);
}

/* ---- lists ---- */

static void parse_item(struct parser *p) {
    if (parser_accept(p, '@'))
        parser_push(p, parser_node1(p, N_SPLICE, parser_expression(p)));
    else
        parser_push(p, parser_expression(p));
}

void parser_items(struct parser *p, int close) {
    if (parser_peek(p) == close) return;
    do parse_item(p);
    while (parser_accept(p, ','));
}

/* Behind `{': a list, or a scattering assignment. */
static struct node *parse_braces(struct parser *p) {
    uint32_t first = p->npending;
    if (parser_peek(p) != '}') {
        do {
            if (parser_peek(p) == '?') return parse_scatter(p, first);
            parse_item(p);
        } while (parser_accept(p, ','));
    }
    parser_expect(p, '}');
    return parser_node(p, N_LIST, first);
}

/* Behind `[': a map. */
static struct node *parse_map(struct parser *p) {
    uint32_t first = p->npending;
    if (parser_peek(p) != ']') {
        do {
            parser_push(p, parser_expression(p));
            parser_expect(p, T_PAIR);
            parser_push(p, parser_expression(p));
        } while (parser_accept(p, ','));
    }
    parser_expect(p, ']');
    return parser_node(p, N_MAP, first);
}

struct node *parser_codes(struct parser *p) {
    uint32_t first = p->npending;
    bool any = parser_accept(p, T_ANY);
    if (!any) parser_items(p, T_EOF);
    struct node *n = parser_node(p, N_CODES, first);
    if (any) n->flags |= NODE_ANY;
    return n;
}

/* Behind the back quote. */
static struct node *parse_catch(struct parser *p) {
    uint32_t first = p->npending;
    struct node *body = parser_expression(p);
    parser_expect(p, '!');
    parser_push(p, parser_codes(p));
    parser_push(p, body);
    if (parser_accept(p, T_ARROW)) parser_push(p, parser_expression(p));
    parser_expect(p, '\'');
    return parser_node(p, N_CATCH, first);
}

/* ---- names and calls ---- */

static struct node *literal_name(struct parser *p, const struct token *t) { return parser_literal(p, value_str(str_new(t->text, t->len))); }

/* `(' arguments `)', left pending. */
static void parse_arguments(struct parser *p) {
    parser_expect(p, '(');
    parser_items(p, ')');
    parser_expect(p, ')');
}

static struct node *parse_function(struct parser *p, const struct token *name) {
    uint32_t first = p->npending;
    parse_arguments(p);
    struct node *n = parser_node(p, N_CALL, first);
    const struct function_names *f = p->options->functions;
    n->func = f ? f->lookup(f->ctx, name->text, name->len) : -1;
    n->name = str_new(name->text, name->len);
    ast_own_str(p->ast, n->name);
    if (n->func < 0) parser_error_at(p, p->options->imported, "Unknown built-in function: %.*s", (int)name->len, name->text);
    return n;
}

static struct node *parse_identifier(struct parser *p) {
    struct token t = parser_take(p);
    if (parser_peek(p) == '(') return parse_function(p, &t);
    return parser_leaf_var(p, N_VAR, parser_variable(p, t.text, t.len));
}

/* `object' and `name' are there; arguments follow. */
static struct node *parse_verb_call(struct parser *p, struct node *object, struct node *name) {
    uint32_t first = p->npending;
    parser_push(p, object);
    parser_push(p, name);
    parse_arguments(p);
    return parser_node(p, N_VERBCALL, first);
}

/* Behind `$'. */
static struct node *parse_dollar(struct parser *p) {
    if (parser_peek(p) != T_ID) {
        if (p->indexes == 0) parser_error(p, "Illegal context for `$' expression.");
        return parser_node(p, N_LENGTH, p->npending);
    }
    struct token t = parser_take(p);
    struct node *system = parser_literal(p, value_obj(0));
    struct node *name = literal_name(p, &t);
    if (parser_peek(p) == '(') return parse_verb_call(p, system, name);
    return parser_node2(p, N_PROP, system, name);
}

/* Behind `^'. */
static struct node *parse_first(struct parser *p) {
    if (p->indexes == 0) parser_error(p, "Illegal context for `^' expression.");
    return parser_node(p, N_FIRST, p->npending);
}

/* ---- operands ---- */

/* What only later versions of the language begin an operand with. */
static struct node *parse_later_primary(struct parser *p) {
    int kind = parser_has_maps(p) ? parser_peek(p) : T_EOF;
    if (kind == '[' || kind == '^') {
        parser_take(p);
        return kind == '[' ? parse_map(p) : parse_first(p);
    }
    parser_syntax_error(p);
    return parser_literal(p, value_int(0));
}

static struct node *parse_primary(struct parser *p) {
    struct node *n;
    switch (parser_peek(p)) {
    case T_INT:
    case T_FLOAT:
    case T_OBJ:
    case T_STR:
    case T_ERR: return parser_literal(p, parser_take(p).lit);
    case T_ID: return parse_identifier(p);
    case '$': parser_take(p); return parse_dollar(p);
    case '{': parser_take(p); return parse_braces(p);
    case '`': parser_take(p); return parse_catch(p);
    case '(':
        parser_take(p);
        n = parser_expression(p);
        parser_expect(p, ')');
        return n;
    default: return parse_later_primary(p);
    }
}

/* What names a property or verb, behind the `.' or `:'. */
static struct node *parse_name(struct parser *p) {
    if (parser_peek(p) == T_ID) {
        struct token t = parser_take(p);
        return literal_name(p, &t);
    }
    parser_expect(p, '(');
    struct node *n = parser_expression(p);
    parser_expect(p, ')');
    return n;
}

/* Behind `['. */
static struct node *parse_index(struct parser *p, struct node *base) {
    uint32_t first = p->npending;
    parser_push(p, base);
    p->indexes++;
    parser_push(p, parser_expression(p));
    bool range = parser_accept(p, T_TO);
    if (range) parser_push(p, parser_expression(p));
    parser_expect(p, ']');
    p->indexes--;
    return parser_node(p, range ? N_RANGE : N_INDEX, first);
}

static struct node *parse_postfix(struct parser *p) {
    struct node *n = parse_primary(p);
    for (;;) {
        if (parser_accept(p, '.'))
            n = parser_node2(p, N_PROP, n, parse_name(p));
        else if (parser_accept(p, ':'))
            n = parse_verb_call(p, n, parse_name(p));
        else if (parser_accept(p, '['))
            n = parse_index(p, n);
        else
            return n;
    }
}

/* -x; a number is negated here and now. */
static struct node *negate(struct parser *p, struct node *x) {
    if (x->kind == N_LIT && x->lit.type == V_INT)
        x->lit.u.i = (int64_t)(0 - (uint64_t)x->lit.u.i);
    else if (x->kind == N_LIT && x->lit.type == V_FLOAT)
        x->lit.u.f = -x->lit.u.f;
    else
        return parser_node1(p, N_NEG, x);
    return x;
}

static struct node *parse_unary(struct parser *p) {
    int kind = parser_peek(p);
    if (kind != '-' && kind != '!') return parse_postfix(p);
    if (!parser_enter(p)) return parser_literal(p, value_int(0));
    parser_take(p);
    struct node *x = parse_unary(p);
    parser_leave(p);
    return kind == '-' ? negate(p, x) : parser_node1(p, N_NOT, x);
}

/* ---- operators ---- */

/* Behind `test ?'. */
static struct node *parse_conditional(struct parser *p, struct node *test) {
    uint32_t first = p->npending;
    parser_push(p, test);
    parser_push(p, parser_expression(p));
    parser_expect(p, '|');
    parser_push(p, parse_level(p, LEVEL_COND + 1));
    if (parser_peek(p) == '?') parser_syntax_error(p); /* conditionals do not associate */
    return parser_node(p, N_COND, first);
}

/* Operators no looser than `loosest' and their operands. */
static struct node *parse_level(struct parser *p, enum level loosest) {
    if (!parser_enter(p)) return parser_literal(p, value_int(0));
    struct node *left = parse_unary(p);
    for (;;) {
        const struct operator *op = find_operator(parser_peek(p));
        if (!op || op->level < loosest) break;
        parser_take(p);
        if (op->level == LEVEL_ASSIGN)
            left = make_assignment(p, left, parse_level(p, LEVEL_ASSIGN));
        else if (op->level == LEVEL_COND)
            left = parse_conditional(p, left);
        else
            left = parser_node2(p, op->kind, left, parse_level(p, op->level == LEVEL_POW ? LEVEL_POW : op->level + 1));
    }
    parser_leave(p);
    return left;
}
