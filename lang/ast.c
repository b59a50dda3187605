/* SPDX-License-Identifier: MIT */
/*
 * Trees: their memory, numbers and lines.
 *
 * Nodes and their arrays of children lie in chunks that are freed together; strings are counted blocks of their own and listed for release.
 */
#include "lang/ast.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "lang/parser.h"

enum { CHUNK_FIRST = 960, CHUNK_MOST = 256 * 1024 };

struct chunk {
    struct chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char data[];
};

struct arena {
    struct chunk *chunks; /* the newest first */
    struct str **strs;
    size_t nstrs, strs_cap;
};

static void *arena_get(struct arena *m, size_t size) {
    size = (size + 15) & ~(size_t)15;
    struct chunk *c = m->chunks;
    if (!c || c->size - c->used < size) {
        size_t want = !c ? CHUNK_FIRST : c->size < CHUNK_MOST / 2 ? c->size * 2 : CHUNK_MOST;
        if (want < size) want = size;
        c = xmalloc(sizeof *c + want);
        *c = (struct chunk){m->chunks, 0, want};
        m->chunks = c;
    }
    void *p = c->data + c->used;
    c->used += size;
    return p;
}

static const struct {
    const char *name;
    int since;
} variables[] = {
#define VARIABLE(name, since, doc) {#name, since},
#include "lang/vars.def"
#undef VARIABLE
};

/* The names of the built-in variables are made once, and keep their hashes. */
static struct str *variable_name(int i) {
    static struct str *known[BV_COUNT];
    if (!known[i]) known[i] = str_from(variables[i].name);
    return str_ref(known[i]);
}

struct ast *ast_new(int version) {
    struct ast *a = xcalloc(1, sizeof *a);
    a->version = version;
    a->arena = xcalloc(1, sizeof(struct arena));
    for (int i = 0; i < BV_COUNT; i++) ast_add_variable(a, variable_name(i));
    return a;
}

void ast_free(struct ast *a) {
    if (!a) return;
    struct arena *m = a->arena;
    for (size_t i = 0; i < m->nstrs; i++) str_unref(m->strs[i]);
    free(m->strs);
    for (struct chunk *c = m->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(m);
    for (uint32_t i = 0; i < a->nvars; i++) str_unref(a->vars[i]);
    free(a->vars);
    free(a);
}

struct node *ast_node_new(struct ast *a, int kind, struct node *const *kids, uint32_t nkids) {
    struct node *n = arena_get(a->arena, sizeof *n);
    *n = (struct node){.kind = (uint16_t)kind, .var = -1, .func = -1, .nkids = nkids, .height = 1, .lit = value_none()};
    if (nkids > 0) {
        n->kids = arena_get(a->arena, nkids * sizeof(struct node *));
        memcpy(n->kids, kids, nkids * sizeof(struct node *));
    }
    for (uint32_t i = 0; i < nkids; i++)
        if (kids[i]->height >= n->height) n->height = kids[i]->height + 1;
    a->nnodes++;
    return n;
}

void ast_own_str(struct ast *a, struct str *s) {
    struct arena *m = a->arena;
    if (m->nstrs == m->strs_cap) {
        m->strs_cap = m->strs_cap ? m->strs_cap * 2 : 16;
        m->strs = xrealloc(m->strs, m->strs_cap * sizeof(struct str *));
    }
    m->strs[m->nstrs++] = s;
}

int32_t ast_add_variable(struct ast *a, struct str *name) {
    if ((a->nvars & (a->nvars - 1)) == 0) { /* grows at powers of two */
        size_t cap = a->nvars ? a->nvars * 2 : 32;
        if (a->nvars == 0 || a->nvars >= 32) a->vars = xrealloc(a->vars, cap * sizeof(struct str *));
    }
    a->vars[a->nvars] = name;
    return (int32_t)a->nvars++;
}

bool ast_variable_hidden(const struct ast *a, uint32_t index) { return index < BV_COUNT && variables[index].since > a->version; }

const char *node_kind_name(int kind) {
    static const char *const names[] = {
#define NODE(name, kids, doc) #name,
#include "lang/nodes.def"
#undef NODE
    };
    return kind >= 0 && kind < N_COUNT ? names[kind] : "?";
}

/* A child's subtree holds the ids from its own up to the next child's. */
const struct node *ast_find(const struct ast *a, uint32_t id) {
    const struct node *n = a->root;
    while (n && n->id != id) {
        uint32_t low = 0, high = n->nkids;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (n->kids[middle]->id <= id)
                low = middle + 1;
            else
                high = middle;
        }
        n = low > 0 ? n->kids[low - 1] : NULL;
    }
    return n;
}

/* ---- numbers and lines ---- */

struct numbering {
    uint32_t id;
    int32_t line; /* of the next line of the listing */
};

static void number(struct numbering *u, struct node *n, int32_t line);

static void number_kids(struct numbering *u, struct node *n, uint32_t from, uint32_t to, int32_t line) {
    for (uint32_t i = from; i < to; i++) number(u, n->kids[i], line);
}

static void number_if(struct numbering *u, struct node *n) {
    for (uint32_t i = 0; i < n->nkids; i += 2) {
        int32_t line = i == 0 ? n->line : u->line++;
        number_kids(u, n, i, i + 2 < n->nkids ? i + 2 : n->nkids, line);
    }
    n->end_line = u->line++;
}

static void number_try(struct numbering *u, struct node *n) {
    number(u, n->kids[0], n->line);
    for (uint32_t i = 1; i < n->nkids; i++) {
        int32_t line = u->line++;
        number(u, n->kids[i], line);
    }
    n->end_line = u->line++;
}

/* `line' is that of the statement head in which the node stands; a statement takes a line of its own. */
static void number(struct numbering *u, struct node *n, int32_t line) {
    n->id = u->id++;
    n->line = n->end_line = line;
    switch (n->kind) {
    case N_EXPR:
    case N_RETURN:
    case N_BREAK:
    case N_CONTINUE:
        n->line = n->end_line = u->line++;
        number_kids(u, n, 0, n->nkids, n->line);
        break;
    case N_FOR_LIST:
    case N_FOR_PAIRS:
    case N_FOR_RANGE:
    case N_WHILE:
    case N_FORK:
        n->line = u->line++;
        number_kids(u, n, 0, n->nkids, n->line);
        n->end_line = u->line++;
        break;
    case N_IF:
        n->line = u->line++;
        number_if(u, n);
        break;
    case N_TRY_EXCEPT:
    case N_TRY_FINALLY:
        n->line = u->line++;
        number_try(u, n);
        break;
    default: number_kids(u, n, 0, n->nkids, line); break;
    }
}

void ast_number(struct ast *a, int first_line) {
    struct numbering u = {0, first_line};
    number(&u, a->root, first_line);
    a->root->end_line = u.line;
    a->nnodes = u.id;
}
