/* SPDX-License-Identifier: MIT */
/*
 * Inside of the parser, shared by parser.c (statements) and parser_expr.c (expressions); everyone else includes lang/ast.h.
 *
 * Tokens are read as late as possible, because messages name the line that was read last: the grammar's classic implementation looks one token ahead only where it must.
 * After the first syntax error `failed' stays set, every further token is the end of the text and no further message is added; parse functions go on returning nodes that
 * are never used, so nobody has to check for NULL.
 */
#ifndef LANG_PARSER_H
#define LANG_PARSER_H

#include "lang/ast.h"
#include "lang/lexer.h"

/* Deep enough for the fully parenthesized listing of the highest tree: a step or two a node. */
enum { PARSER_MAX_DEPTH = 2 * AST_MAX_HEIGHT + 8, SCATTER_MAX_TARGETS = 255, EXCEPT_MAX_CLAUSES = 255 };

/* One loop that encloses what is being parsed; on the C stack. */
struct loop {
    const struct loop *outer;
    int32_t var, key; /* the names it has; -1: none */
    bool barrier; /* the body of a fork: loops outside cannot be left from it */
};

struct parser {
    struct lexer lexer;
    struct token token; /* valid if peeked */
    bool peeked;
    bool failed; /* a syntax error: stop */
    bool faulty; /* any error: there will be no tree */
    int depth;
    int indexes; /* enclosing brackets in which `$' has a meaning */
    const struct loop *loops;
    const struct parse_options *options;
    struct ast *ast;
    struct list **messages;
    struct node **pending; /* children of nodes not yet made */
    uint32_t npending, pending_cap;
    uint32_t *slots; /* hash table of variables: index + 1, or 0 */
    uint32_t nslots; /* a power of two */
};

/* ---- messages ---- */
void parser_error(struct parser *p, const char *text);
void parser_error_at(struct parser *p, bool warning, const char *format, ...) __attribute__((format(printf, 3, 4)));
void parser_syntax_error(struct parser *p);

/* ---- tokens ---- */
int parser_peek(struct parser *p); /* kind of the next token */
struct token parser_take(struct parser *p); /* takes it */
bool parser_accept(struct parser *p, int kind);
void parser_expect(struct parser *p, int kind);

/* One level down: false, and a message, when that is too deep. Always paired with parser_leave. */
bool parser_enter(struct parser *p);
void parser_leave(struct parser *p);

bool parser_has_maps(const struct parser *p); /* the program's language */

/* ---- nodes ---- */
void parser_push(struct parser *p, struct node *n);
/* A node whose children are the pending ones from `first' on, which are no longer pending. */
struct node *parser_node(struct parser *p, int kind, uint32_t first);
struct node *parser_node1(struct parser *p, int kind, struct node *a);
struct node *parser_node2(struct parser *p, int kind, struct node *a, struct node *b);
struct node *parser_node_var(struct parser *p, int kind, uint32_t first, int32_t var);
struct node *parser_leaf_var(struct parser *p, int kind, int32_t var);
struct node *parser_literal(struct parser *p, value v); /* takes v */
int32_t parser_variable(struct parser *p, const char *name, size_t len);
int32_t parser_expect_variable(struct parser *p); /* an identifier token */

/* ---- expressions ---- */
struct node *parser_expression(struct parser *p);
/* Items up to, not including, `close'; they are left pending. */
void parser_items(struct parser *p, int close);
struct node *parser_codes(struct parser *p);

/* ---- trees (ast.c) ---- */
struct ast *ast_new(int version);
struct node *ast_node_new(struct ast *a, int kind, struct node *const *kids, uint32_t nkids);
void ast_own_str(struct ast *a, struct str *s); /* taken */
int32_t ast_add_variable(struct ast *a, struct str *name); /* taken */
bool ast_variable_hidden(const struct ast *a, uint32_t index); /* a built-in one that came with a later version */
void ast_number(struct ast *a, int first_line); /* ids and lines, when the root is set */

#endif
