/* SPDX-License-Identifier: MIT */
/*
 * The syntax tree of a program. All nodes have one shape, so that numbering, searching and listing are one walk; what the children are stands in nodes.def.
 *
 * `id` is the node's pre-order number over the tree as parsed (root 0): with the code's hash it names a place in a program for ever, so the parser may
 * not change which nodes it makes for a given text and language version. `line` is the line of the *listing* (one statement head or end keyword a line, counted
 * from 1, empty bodies and `;' not counted) on which the innermost statement that holds the node stands; see language.md 19 for conditions and code lists.
 * A tree lives in one arena and is freed as a whole.
 */
#ifndef LANG_AST_H
#define LANG_AST_H

#include "base/buf.h"
#include "base/str.h"
#include "base/value.h"

enum node_kind {
#define NODE(name, kids, doc) N_##name,
#include "lang/nodes.def"
#undef NODE
    N_COUNT
};

enum node_flag { NODE_ANY = 1 };

enum { AST_MAX_HEIGHT = 2000, AST_MAX_NODES = 1 << 22 };

struct node {
    uint16_t kind; /* enum node_kind */
    uint16_t flags;
    uint32_t id;
    int32_t line;
    int32_t end_line; /* statements with an end keyword: its listing line; the root: one after the last line */
    int32_t var; /* index into ast.vars, -1 none */
    int32_t func; /* CALL: built-in id, -1 unknown */
    uint32_t nkids;
    uint32_t height; /* nodes on the longest way down, itself included; at most AST_MAX_HEIGHT, so that walks may recurse */
    struct str *name; /* CALL: as written, owned by the tree */
    value lit; /* LIT, owned by the tree */
    struct node **kids;
};

struct ast {
    struct node *root; /* BLOCK */
    uint32_t nnodes;
    /* Spelled as first met; those of vars.def first. Names that the language version does not yet have as built-in keep their slot, and are not found in it. */
    struct str **vars;
    uint32_t nvars;
    int version;
    void *arena;
};

void ast_free(struct ast *a);
const char *node_kind_name(int kind);
/* The node with this id, or NULL. */
const struct node *ast_find(const struct ast *a, uint32_t id);

/* Built-in variables (vars.def) have these indexes in every program. */
enum builtin_var {
#define VARIABLE(name, since, doc) BV_##name,
#include "lang/vars.def"
#undef VARIABLE
    BV_COUNT
};

/* How the parser learns which functions there are. id < 0: unknown. */
struct function_names {
    int (*lookup)(void *ctx, const char *name, size_t len); /* id, or -1; case ignored */
    const char *(*name)(void *ctx, int id); /* registered spelling */
    void *ctx;
};

struct parse_options {
    int version; /* LANGUAGE_VERSION for what is typed; a dump's version for its programs: decides the keywords */
    bool imported; /* unknown functions are kept (CALL with func -1) and warned of instead of being errors */
    int first_line; /* added to listing lines, less 1; 1 for whole programs */
    const struct function_names *functions;
};

/*
 * Parses `text` (lines ended by LF). Returns a tree, or NULL with at least one message. Messages ("Line 3:  syntax error"), in the order of the text, are
 * appended to *messages as a MOO list (taken and replaced); warnings too when a tree is returned. Never fails in another way, whatever the bytes; nesting is bounded
 * (too deep: "Line N:  Program too deeply nested";
 * over AST_MAX_NODES: "Line N:  Program too large").
 */
struct ast *parse_program(const char *text, size_t len, const struct parse_options *options, struct list **messages);

/* Listings. Lines are appended to a MOO list, or as text with LF after each. */
struct unparse_options {
    bool fully_parenthesized;
    bool indent;
    const struct function_names *functions;
};
void unparse_program(const struct ast *a, const struct unparse_options *options, struct buf *out);
/* The body of one statement block (of a FORK) listed as a program of its own. */
void unparse_block(const struct ast *a, const struct node *block, const struct unparse_options *options, struct buf *out);

#endif
