/* SPDX-License-Identifier: MIT */
#include "lang/parser.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "base/str.h"
#include "db/code.h"

/* ---- messages ---- */

static void add_message(struct parser *p, bool warning, const char *format, va_list ap) {
    if (p->failed) return;
    if (!warning) p->faulty = true;
    struct buf b = BUF_INIT;
    buf_printf(&b, "Line %d:  ", p->lexer.line);
    buf_vprintf(&b, format, ap);
    *p->messages = list_append_take(*p->messages, value_str(str_from_bytes(b.data, b.len)));
    buf_fini(&b);
}

void parser_error_at(struct parser *p, bool warning, const char *format, ...) {
    va_list ap;
    va_start(ap, format);
    add_message(p, warning, format, ap);
    va_end(ap);
}

static void lexer_complains(void *ctx, bool warning, const char *format, ...) {
    struct parser *p = ctx;
    va_list ap;
    va_start(ap, format);
    add_message(p, warning && p->options->imported, format, ap);
    va_end(ap);
}

void parser_error(struct parser *p, const char *text) { parser_error_at(p, false, "%s", text); }

static void fail(struct parser *p, const char *text) {
    parser_error(p, text);
    p->failed = true;
}

void parser_syntax_error(struct parser *p) {
    parser_peek(p); /* the token that is wrong tells the line */
    fail(p, "syntax error");
}

/* ---- tokens ---- */

static void drop_token(struct parser *p) {
    if (p->peeked) value_unref(p->token.lit);
    p->peeked = false;
}

int parser_peek(struct parser *p) {
    if (p->failed) return T_EOF;
    if (!p->peeked) lexer_next(&p->lexer, &p->token);
    p->peeked = true;
    return p->token.kind;
}

struct token parser_take(struct parser *p) {
    if (parser_peek(p) == T_EOF) return (struct token){.kind = T_EOF, .lit = value_int(0), .text = ""};
    p->peeked = false;
    return p->token;
}

bool parser_accept(struct parser *p, int kind) {
    if (parser_peek(p) != kind) return false;
    drop_token(p);
    return true;
}

void parser_expect(struct parser *p, int kind) {
    if (!parser_accept(p, kind)) parser_syntax_error(p);
}

bool parser_enter(struct parser *p) {
    if (p->depth >= PARSER_MAX_DEPTH) {
        fail(p, "Program too deeply nested");
        return false;
    }
    p->depth++;
    return true;
}

void parser_leave(struct parser *p) { p->depth--; }

bool parser_has_maps(const struct parser *p) { return p->options->version >= LANGUAGE_WITH_MAPS; }

/* ---- nodes ---- */

void parser_push(struct parser *p, struct node *n) {
    if (p->npending == p->pending_cap) {
        p->pending_cap = p->pending_cap ? p->pending_cap * 2 : 64;
        p->pending = xrealloc(p->pending, p->pending_cap * sizeof *p->pending);
    }
    p->pending[p->npending++] = n;
}

struct node *parser_node(struct parser *p, int kind, uint32_t first) {
    struct node *n = ast_node_new(p->ast, kind, p->npending > first ? p->pending + first : NULL, p->npending - first);
    p->npending = first;
    if (n->height > AST_MAX_HEIGHT) fail(p, "Program too deeply nested");
    if (p->ast->nnodes > AST_MAX_NODES) fail(p, "Program too large");
    return n;
}

struct node *parser_node1(struct parser *p, int kind, struct node *a) {
    uint32_t first = p->npending;
    parser_push(p, a);
    return parser_node(p, kind, first);
}

struct node *parser_node2(struct parser *p, int kind, struct node *a, struct node *b) {
    uint32_t first = p->npending;
    parser_push(p, a);
    parser_push(p, b);
    return parser_node(p, kind, first);
}

struct node *parser_node_var(struct parser *p, int kind, uint32_t first, int32_t var) {
    struct node *n = parser_node(p, kind, first);
    n->var = var;
    return n;
}

struct node *parser_leaf_var(struct parser *p, int kind, int32_t var) { return parser_node_var(p, kind, p->npending, var); }

struct node *parser_literal(struct parser *p, value v) {
    struct node *n = parser_node(p, N_LIT, p->npending);
    n->lit = v;
    if (v.type == V_STR) ast_own_str(p->ast, v.u.s);
    return n;
}

/* ---- variables ---- */

static void place_variable(struct parser *p, uint32_t hash, uint32_t index) {
    uint32_t i = hash & (p->nslots - 1);
    while (p->slots[i]) i = (i + 1) & (p->nslots - 1);
    p->slots[i] = index + 1;
}

static void fill_slots(struct parser *p, uint32_t nslots) {
    free(p->slots);
    p->nslots = nslots;
    p->slots = xcalloc(p->nslots, sizeof *p->slots);
    for (uint32_t i = 0; i < p->ast->nvars; i++)
        if (!ast_variable_hidden(p->ast, i)) place_variable(p, str_hash(p->ast->vars[i]), i);
}

static int32_t find_variable(const struct parser *p, const char *name, size_t len, uint32_t hash) {
    for (uint32_t i = hash & (p->nslots - 1); p->slots[i]; i = (i + 1) & (p->nslots - 1)) {
        const struct str *s = p->ast->vars[p->slots[i] - 1];
        if (s->len == len && bytes_compare_fold(s->data, s->len, name, len) == 0) return (int32_t)(p->slots[i] - 1);
    }
    return -1;
}

int32_t parser_variable(struct parser *p, const char *name, size_t len) {
    uint32_t hash = str_hash_bytes(name, len);
    int32_t found = find_variable(p, name, len, hash);
    if (found >= 0) return found;
    int32_t added = ast_add_variable(p->ast, str_new(name, len));
    if (p->ast->nvars * 2 > p->nslots)
        fill_slots(p, p->nslots * 2);
    else
        place_variable(p, hash, (uint32_t)added);
    return added;
}

int32_t parser_expect_variable(struct parser *p) {
    if (parser_peek(p) != T_ID) {
        parser_syntax_error(p);
        return -1;
    }
    struct token t = parser_take(p);
    return parser_variable(p, t.text, t.len);
}

/* Variables named by what is a keyword by now get `_' appended until the name is nobody else's. */
static void rename_variables(struct parser *p) {
    struct ast *a = p->ast;
    for (uint32_t i = BV_COUNT; i < a->nvars; i++) {
        if (!lexer_is_keyword(a->vars[i]->data, a->vars[i]->len, INT32_MAX)) continue;
        struct str *name = str_printf("%s_", a->vars[i]->data);
        while (find_variable(p, name->data, name->len, str_hash(name)) >= 0) name = str_append_take(name, "_", 1);
        str_unref(a->vars[i]);
        a->vars[i] = name;
        fill_slots(p, p->nslots);
    }
}

/* ---- statements ---- */

static struct node *parse_block(struct parser *p);

static struct node *parse_body(struct parser *p, int32_t loop_var, int32_t key, bool barrier) {
    struct loop here = {p->loops, loop_var, key, barrier};
    p->loops = &here;
    struct node *body = parse_block(p);
    p->loops = here.outer;
    return body;
}

static struct node *parse_parenthesized(struct parser *p) {
    parser_expect(p, '(');
    struct node *n = parser_expression(p);
    parser_expect(p, ')');
    return n;
}

static struct node *parse_if(struct parser *p) {
    uint32_t first = p->npending;
    do {
        parser_push(p, parse_parenthesized(p));
        parser_push(p, parse_block(p));
    } while (parser_accept(p, T_ELSEIF));
    if (parser_accept(p, T_ELSE)) {
        struct node *body = parse_block(p);
        if (body->nkids > 0) parser_push(p, body); /* listings do not show an empty one */
    }
    parser_expect(p, T_ENDIF);
    return parser_node(p, N_IF, first);
}

static struct node *parse_for(struct parser *p) {
    uint32_t first = p->npending;
    int kind = N_FOR_LIST;
    int32_t var = parser_expect_variable(p), key = -1;
    if (parser_has_maps(p) && parser_accept(p, ',')) key = parser_expect_variable(p);
    parser_expect(p, T_IN);
    if (key >= 0) {
        kind = N_FOR_PAIRS;
        parser_push(p, parse_parenthesized(p));
        parser_push(p, parser_leaf_var(p, N_TARGET, key));
    } else if (parser_accept(p, '[')) {
        kind = N_FOR_RANGE;
        parser_push(p, parser_expression(p));
        parser_expect(p, T_TO);
        parser_push(p, parser_expression(p));
        parser_expect(p, ']');
    } else {
        parser_push(p, parse_parenthesized(p));
    }
    parser_push(p, parse_body(p, var, key, false));
    parser_expect(p, T_ENDFOR);
    return parser_node_var(p, kind, first, var);
}

/* `while' and `fork': an optional name, a parenthesized expression, a body. */
static struct node *parse_named(struct parser *p, int kind, int end) {
    uint32_t first = p->npending;
    int32_t var = parser_peek(p) == '(' ? -1 : parser_expect_variable(p);
    parser_push(p, parse_parenthesized(p));
    parser_push(p, parse_body(p, kind == N_WHILE ? var : -1, -1, kind == N_FORK));
    parser_expect(p, end);
    return parser_node_var(p, kind, first, var);
}

static struct node *parse_except(struct parser *p) {
    uint32_t first = p->npending;
    int32_t var = parser_peek(p) == '(' ? -1 : parser_expect_variable(p);
    parser_expect(p, '(');
    parser_push(p, parser_codes(p));
    parser_expect(p, ')');
    parser_push(p, parse_block(p));
    return parser_node_var(p, N_EXCEPT, first, var);
}

static struct node *parse_try(struct parser *p) {
    uint32_t first = p->npending;
    parser_push(p, parse_block(p));
    if (parser_accept(p, T_FINALLY)) {
        parser_push(p, parse_block(p));
        parser_expect(p, T_ENDTRY);
        return parser_node(p, N_TRY_FINALLY, first);
    }
    parser_expect(p, T_EXCEPT);
    parser_push(p, parse_except(p));
    while (parser_accept(p, T_EXCEPT)) {
        const struct node *last = p->pending[p->npending - 1];
        if (last->kids[0]->flags & NODE_ANY)
            parser_error(p, "Unreachable EXCEPT clause");
        else if (p->npending - first - 1 >= EXCEPT_MAX_CLAUSES)
            parser_error(p, "Too many EXCEPT clauses (max. 255)");
        parser_push(p, parse_except(p));
    }
    parser_expect(p, T_ENDTRY);
    return parser_node(p, N_TRY_EXCEPT, first);
}

static void check_jump(struct parser *p, const char *word, const struct token *name, int32_t var) {
    const struct loop *l = p->loops;
    if (!name) {
        if (!l || l->barrier) parser_error_at(p, false, "No enclosing loop for `%s' statement", word);
        return;
    }
    while (l && !l->barrier && l->var != var && l->key != var) l = l->outer;
    if (var < 0 || !l || l->barrier) parser_error_at(p, false, "Invalid loop name in `%s' statement: %.*s", word, (int)name->len, name->text);
}

static struct node *parse_jump(struct parser *p, int kind) {
    const char *word = kind == N_BREAK ? "break" : "continue";
    if (parser_peek(p) != T_ID) {
        parser_expect(p, ';');
        check_jump(p, word, NULL, -1);
        return parser_leaf_var(p, kind, -1);
    }
    struct token t = parser_take(p);
    parser_expect(p, ';');
    int32_t var = find_variable(p, t.text, t.len, str_hash_bytes(t.text, t.len));
    check_jump(p, word, &t, var);
    return parser_leaf_var(p, kind, var);
}

static struct node *parse_return(struct parser *p) {
    if (parser_accept(p, ';')) return parser_node(p, N_RETURN, p->npending);
    struct node *x = parser_expression(p);
    parser_expect(p, ';');
    return parser_node1(p, N_RETURN, x);
}

static struct node *parse_expression_statement(struct parser *p) {
    struct node *x = parser_expression(p);
    parser_expect(p, ';');
    return parser_node1(p, N_EXPR, x);
}

static struct node *parse_statement(struct parser *p) {
    switch (parser_peek(p)) {
    case T_IF: parser_take(p); return parse_if(p);
    case T_FOR: parser_take(p); return parse_for(p);
    case T_WHILE: parser_take(p); return parse_named(p, N_WHILE, T_ENDWHILE);
    case T_FORK: parser_take(p); return parse_named(p, N_FORK, T_ENDFORK);
    case T_TRY: parser_take(p); return parse_try(p);
    case T_RETURN: parser_take(p); return parse_return(p);
    case T_BREAK: parser_take(p); return parse_jump(p, N_BREAK);
    case T_CONTINUE: parser_take(p); return parse_jump(p, N_CONTINUE);
    default: return parse_expression_statement(p);
    }
}

static bool ends_block(int token) {
    switch (token) {
    case T_EOF:
    case T_ELSE:
    case T_ELSEIF:
    case T_ENDIF:
    case T_ENDFOR:
    case T_ENDWHILE:
    case T_ENDFORK:
    case T_EXCEPT:
    case T_FINALLY:
    case T_ENDTRY: return true;
    default: return false;
    }
}

static struct node *parse_block(struct parser *p) {
    uint32_t first = p->npending;
    bool entered = parser_enter(p);
    while (!ends_block(parser_peek(p)))
        if (!parser_accept(p, ';')) parser_push(p, parse_statement(p));
    if (entered) parser_leave(p);
    return parser_node(p, N_BLOCK, first);
}

/* ---- entry ---- */

struct ast *parse_program(const char *text, size_t len, const struct parse_options *options, struct list **messages) {
    struct parser p = {.options = options, .messages = messages, .ast = ast_new(options->version)};
    lexer_init(&p.lexer, text, len, options->version);
    p.lexer.complain = lexer_complains;
    p.lexer.ctx = &p;
    fill_slots(&p, 64);
    p.ast->root = parse_block(&p);
    if (parser_peek(&p) != T_EOF) parser_syntax_error(&p);
    if (p.lexer.renaming && !p.faulty) rename_variables(&p);
    drop_token(&p);
    lexer_fini(&p.lexer);
    free(p.pending);
    free(p.slots);
    if (p.faulty) {
        ast_free(p.ast);
        return NULL;
    }
    ast_number(p.ast, options->first_line);
    return p.ast;
}
