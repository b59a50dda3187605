/* SPDX-License-Identifier: MIT */
#include "lang/resume.h"

#include "base/must.h"

#include <stdlib.h>

struct slots {
    struct resume_slot *v;
    int n, cap;
};

static void add(struct slots *s, const struct node *n, int kind, int sub) {
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 8;
        s->v = xrealloc(s->v, (size_t)s->cap * sizeof *s->v);
    }
    s->v[s->n++] = (struct resume_slot){n->id, (uint8_t)kind, (uint8_t)sub};
}

/* What the target of an assignment keeps once all of it has been evaluated. */
static void add_target(struct slots *s, const struct node *t) {
    if (t->kind == N_PROP) {
        add(s, t, SLOT_VALUE, 0);
        add(s, t, SLOT_VALUE, 1);
    } else if (t->kind == N_INDEX || t->kind == N_RANGE) {
        add_target(s, t->kids[0]);
        for (int i = 0; i < (int)t->nkids; i++) add(s, t, SLOT_VALUE, i);
    }
}

/* Inside kid `k' of an index or range that is (part of) an assignment's target. */
static void add_partial_target(struct slots *s, const struct node *t, uint32_t k) {
    if (k == 0) return;
    if (t->kind != N_PROP) add_target(s, t->kids[0]);
    for (uint32_t i = 0; i < k; i++) add(s, t, SLOT_VALUE, (int)i);
}

static void add_loop(struct slots *s, const struct node *n, uint32_t k) {
    if ((n->kind == N_FOR_LIST && k == 1) || (n->kind == N_FOR_PAIRS && k == 2)) {
        add(s, n, SLOT_LOOP_LIST, 0);
        add(s, n, SLOT_LOOP_POSITION, 0);
    } else if (n->kind == N_FOR_RANGE && k == 1) {
        add(s, n, SLOT_VALUE, 0);
    } else if (n->kind == N_FOR_RANGE && k == 2) {
        add(s, n, SLOT_LOOP_CURRENT, 0);
        add(s, n, SLOT_LOOP_END, 0);
    }
}

/* TRY_EXCEPT evaluates the codes of all clauses before its block, though they come behind it in the tree. */
static void add_clauses(struct slots *s, const struct node *n, uint32_t upto) {
    for (uint32_t i = 1; i < upto; i++) add(s, n->kids[i]->kids[0], SLOT_CODES, 0);
}

static void add_call(struct slots *s, const struct node *n, uint32_t k) {
    uint32_t first = n->kind == N_VERBCALL ? 2 : 0;
    for (uint32_t i = 0; i < k && i < first; i++) add(s, n, SLOT_VALUE, (int)i);
    if (k >= first) add(s, n, SLOT_LIST, (int)first);
}

static void add_map(struct slots *s, const struct node *n, uint32_t k) {
    add(s, n, SLOT_MAP, 0);
    if (k % 2 == 1) add(s, n, SLOT_VALUE, 1); /* the key */
}

static bool is_operator(int kind) {
    return (kind >= N_ADD && kind <= N_IN) || kind == N_PROP || kind == N_INDEX || kind == N_RANGE;
}

/* What node n holds while its kid k is evaluated. `target': n is (part of) the target of an assignment. */
static void add_node(struct slots *s, const struct node *n, uint32_t k, bool target, const struct node *parent) {
    if (target) {
        add_partial_target(s, n, k);
    } else if (is_operator(n->kind)) {
        for (uint32_t i = 0; i < k; i++) add(s, n, SLOT_VALUE, (int)i);
    } else if (n->kind == N_VERBCALL || n->kind == N_CALL || n->kind == N_LIST || n->kind == N_CODES) {
        add_call(s, n, k);
    } else if (n->kind == N_MAP) {
        add_map(s, n, k);
    } else if (n->kind == N_ASSIGN && k == 1) {
        add_target(s, n->kids[0]);
    } else if (n->kind == N_SCATTER && k > 0) {
        add(s, n, SLOT_SOURCE, 0);
    } else if (n->kind == N_CATCH && k == 1) {
        add(s, n->kids[0], SLOT_CODES, 0);
    } else if (n->kind == N_TRY_EXCEPT && k == 0) {
        add_clauses(s, n, n->nkids);
    } else if (n->kind == N_EXCEPT && k == 0) {
        for (uint32_t i = 1; i < parent->nkids && parent->kids[i] != n; i++) add(s, parent->kids[i]->kids[0], SLOT_CODES, 0);
    } else if (n->kind == N_TRY_FINALLY && k == 1) {
        add(s, n, SLOT_PENDING, 0);
        add(s, n, SLOT_PENDING_VALUE, 0);
    } else {
        add_loop(s, n, k);
    }
}

/* The kid of n whose subtree holds `id' (ids are pre-order numbers). */
static uint32_t kid_holding(const struct node *n, uint32_t id) {
    uint32_t lo = 0, hi = n->nkids;
    while (hi - lo > 1) {
        uint32_t mid = (lo + hi) / 2;
        if (n->kids[mid]->id <= id) lo = mid;
        else hi = mid;
    }
    return lo;
}

static int not_a_place(struct slots *s, struct resume_slot **out) {
    free(s->v);
    *out = NULL;
    return -1;
}

int resume_slots(const struct ast *ast, uint32_t entry, uint32_t node, struct resume_slot **out) {
    struct slots s = {NULL, 0, 0};
    const struct node *n = entry == 0 ? ast->root : ast_find(ast, entry), *parent = NULL;
    bool target = false, started = entry == 0;
    *out = NULL;
    if (!n || (entry != 0 && n->kind != N_FORK)) return -1;
    if (node == entry) return 0;
    while (n->id != node) {
        if (n->nkids == 0 || node < n->id) return not_a_place(&s, out);
        uint32_t k = kid_holding(n, node);
        if (n->kids[k]->id > node || (!started && k != 1) || (started && n->kind == N_FORK && k == 1)) return not_a_place(&s, out);
        if (started) add_node(&s, n, k, target, parent);
        target = (n->kind == N_ASSIGN && k == 0) || (target && k == 0 && n->kind != N_PROP);
        started = true;
        parent = n;
        n = n->kids[k];
    }
    bool loop = n->kind == N_FOR_LIST || n->kind == N_FOR_PAIRS || n->kind == N_FOR_RANGE || n->kind == N_WHILE;
    if (loop) add_loop(&s, n, n->nkids - 1); /* as in its body */
    else if (n->kind != N_VERBCALL && n->kind != N_CALL) return not_a_place(&s, out);
    *out = s.v;
    return s.n;
}
