/* SPDX-License-Identifier: MIT */
/* Statements. */
#include "lang/compile.h"

#include <stdlib.h>

static void stmt(struct compiler *c, const struct node *n);

void block_stmt(struct compiler *c, const struct node *n) {
    for (uint32_t i = 0; i < n->nkids; i++) stmt(c, n->kids[i]);
}

static void if_stmt(struct compiler *c, const struct node *n) {
    struct label done;
    label_init(&done);
    for (uint32_t i = 0; i + 1 < n->nkids; i += 2) {
        struct label next;
        label_init(&next);
        c->line = n->kids[i]->line;
        expr_branch_false(c, n->kids[i], &next, 1);
        block_stmt(c, n->kids[i + 1]);
        if (i + 2 < n->nkids && c->reachable) jump_to(c, &done);
        label_bind(c, &next);
        label_fini(&next);
    }
    if (n->nkids % 2 == 1) block_stmt(c, n->kids[n->nkids - 1]);
    label_bind(c, &done);
    label_fini(&done);
}

/* ---- loops ---- */

static void loop_open(struct compiler *c, struct loop *l, const struct node *n, uint16_t state) {
    *l = (struct loop){.outer = c->loop, .node = n, .state = state, .depth = c->loop ? c->loop->depth + 1 : 1};
    label_init(&l->leave);
    label_init(&l->again);
    c->loop = l;
}

static void loop_close(struct compiler *c, struct loop *l) {
    label_bind(c, &l->leave);
    label_fini(&l->leave);
    label_fini(&l->again);
    c->loop = l->outer;
}

/* The head and tail that all kinds of `for' share; the state is in registers t and t + 1. */
static void for_body(struct compiler *c, const struct node *n, const struct node *body, uint16_t t, int prep, int next) {
    struct loop l;
    uint16_t var = variable_reg(c, n->var);
    c->line = n->line;
    tick(c, 1);
    int ticks = take_ticks(c);
    loop_open(c, &l, n, t);
    uint32_t head = emit(c, prep, t, var, 0);
    emit_ext(c, ticks, 0);
    uint64_t before = c->assigned;
    uint32_t start = here(c);
    variable_assigned(c, n->var);
    if (n->kind == N_FOR_PAIRS) {
        emit(c, OP_FORKEY, variable_reg(c, n->kids[1]->var), t, 0);
        variable_assigned(c, n->kids[1]->var);
    }
    block_stmt(c, body);
    label_bind(c, &l.again);
    c->line = n->line;
    tick(c, 1);
    uint32_t tail = emit(c, next, t, var, 0);
    mark_point(c, tail, n);
    emit_ext(c, take_ticks(c), 0);
    patch_jump(c, tail, start);
    patch_jump(c, head, here(c));
    c->reachable = true;
    c->pending = 0;
    c->assigned = before;
    loop_close(c, &l);
}

static void for_list_stmt(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top;
    uint16_t t = temp_alloc(c), position = temp_alloc(c);
    expr_to(c, n->kids[0], t);
    live_push(c, SLOT_LOOP_LIST, n, 0, t);
    live_push(c, SLOT_LOOP_POSITION, n, 0, position);
    for_body(c, n, n->kids[n->nkids - 1], t, OP_FORLPREP, OP_FORLLOOP);
    live_pop(c, 2);
    c->top = mark;
}

static void for_range_stmt(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top;
    uint16_t from = temp_alloc(c), to;
    expr_to(c, n->kids[0], from);
    live_push(c, SLOT_VALUE, n, 0, from);
    to = temp_alloc(c);
    expr_to(c, n->kids[1], to);
    live_pop(c, 1);
    live_push(c, SLOT_LOOP_CURRENT, n, 0, from);
    live_push(c, SLOT_LOOP_END, n, 0, to);
    for_body(c, n, n->kids[2], from, OP_FORRPREP, OP_FORRLOOP);
    live_pop(c, 2);
    c->top = mark;
}

static void while_stmt(struct compiler *c, const struct node *n) {
    struct loop l;
    flush_ticks(c);
    loop_open(c, &l, n, NO_REG);
    uint32_t top = here(c);
    struct label leave;
    label_init(&leave);
    c->line = n->line;
    if (n->var >= 0) {
        uint16_t var = variable_reg(c, n->var);
        expr_to(c, n->kids[0], var);
        variable_assigned(c, n->var);
        tick(c, 1);
        label_jump(c, &leave, emit_bc(c, OP_JZ, var, 0));
    } else {
        expr_branch_false(c, n->kids[0], &leave, 1);
    }
    block_stmt(c, n->kids[1]);
    label_bind(c, &l.again);
    c->line = n->line;
    int ticks = take_ticks(c);
    uint32_t back = emit_bc(c, OP_LOOP, (uint32_t)ticks, 0);
    mark_point(c, back, n);
    patch_jump(c, back, top);
    c->reachable = false;
    label_bind(c, &leave);
    label_fini(&leave);
    loop_close(c, &l);
}

/* A loop has the names of its variables. */
static bool is_named(const struct node *loop, int32_t var) { return loop->var == var || (loop->kind == N_FOR_PAIRS && loop->kids[1]->var == var); }

static struct loop *find_loop(struct compiler *c, const struct node *n) {
    struct loop *l = c->loop;
    if (n->var >= 0)
        while (l && !is_named(l->node, n->var)) l = l->outer;
    must(l != NULL); /* the parser has seen to it */
    return l;
}

/* ---- leaving ---- */

static void note_exit(struct final *f, struct loop *l, enum exit_kind kind) {
    for (uint32_t i = 0; i < f->nexits; i++)
        if (f->exits[i].loop == l && f->exits[i].kind == kind) return;
    f->exits = xrealloc(f->exits, (f->nexits + 1) * sizeof *f->exits);
    f->exits[f->nexits++] = (struct final_exit){l, kind};
}

static int32_t exit_code(const struct loop *l, enum exit_kind kind) {
    return PENDING_EXIT + 2 * (int32_t)l->node->id + (kind == EXIT_CONTINUE);
}

/* To the loop's end or next turn; by way of the handler of a `finally' that stands in between. */
static void emit_exit(struct compiler *c, struct loop *l, enum exit_kind kind) {
    if (c->final && c->final->loop_depth >= l->depth) {
        emit_bc(c, OP_LOADI, c->final->pending, exit_code(l, kind));
        note_exit(c->final, l, kind);
        jump_to(c, &c->final->handler);
        return;
    }
    for (struct loop *i = c->loop; i; i = i->outer) {
        if (i->state != NO_REG && (i != l || kind == EXIT_BREAK)) emit(c, OP_CLEAR, i->state, 2, 0);
        if (i == l) break;
    }
    jump_to(c, kind == EXIT_BREAK ? &l->leave : &l->again);
}

static void jump_stmt(struct compiler *c, const struct node *n) {
    tick(c, 1);
    emit_exit(c, find_loop(c, n), n->kind == N_BREAK ? EXIT_BREAK : EXIT_CONTINUE);
}

/* Returns what is in `reg' (a temporary), through an enclosing `finally' if there is one. */
static void emit_return(struct compiler *c, uint16_t reg) {
    if (c->final) {
        emit(c, OP_TAKE, c->final->pending + 1u, reg, 0);
        emit_bc(c, OP_LOADI, c->final->pending, PENDING_RETURN);
        c->final->returns = true;
        jump_to(c, &c->final->handler);
        return;
    }
    int ticks = take_ticks(c);
    emit(c, OP_RETURN, reg, 0, (uint32_t)ticks);
    c->reachable = false;
    c->assigned = ~(uint64_t)0;
}

static void return_stmt(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top;
    if (n->nkids == 0 && !c->final) {
        emit(c, OP_RETURNI, 0, 0, (uint32_t)take_ticks(c));
        c->reachable = false;
        c->assigned = ~(uint64_t)0;
        return;
    }
    uint16_t t;
    if (n->nkids == 0) {
        t = temp_alloc(c);
        emit_bc(c, OP_LOADI, t, 0);
    } else if (c->final) {
        t = temp_alloc(c);
        expr_to(c, n->kids[0], t);
    } else {
        t = expr_reg(c, n->kids[0], NULL, 0);
    }
    emit_return(c, t);
    c->top = mark;
}

/* ---- try ---- */

static void except_clause(struct compiler *c, const struct node *n, struct clause *clause) {
    clause->target = here(c);
    clause->value_reg = n->var >= 0 ? variable_reg(c, n->var) : NO_REG;
    c->pending = 0;
    c->reachable = true;
    if (n->var >= 0) {
        variable_assigned(c, n->var);
        tick(c, 1);
    }
    block_stmt(c, n->kids[1]);
}

static void try_except_stmt(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top, nclauses = n->nkids - 1;
    struct label done;
    label_init(&done);
    struct handler h = {.kind = HANDLER_EXCEPT, .depth = (uint16_t)mark, .nclauses = nclauses, .clauses = xcalloc(nclauses, sizeof *h.clauses)};
    for (uint32_t i = 0; i < nclauses; i++) {
        c->line = n->kids[i + 1]->kids[0]->line;
        codes_expr(c, n->kids[i + 1]->kids[0], &h.clauses[i]);
    }
    c->line = n->line;
    tick(c, 1);
    uint64_t assigned = c->assigned;
    h.start = here(c);
    block_stmt(c, n->kids[0]);
    h.end = here(c);
    live_pop(c, nclauses);
    if (c->top > mark && c->reachable) emit(c, OP_CLEAR, mark, c->top - mark, 0);
    jump_to(c, &done);
    c->top = mark;
    add_handler(c, &h);
    for (uint32_t i = 0; i < nclauses; i++) {
        c->assigned = assigned;
        except_clause(c, n->kids[i + 1], &h.clauses[i]);
        if (i + 1 < nclauses && c->reachable) jump_to(c, &done);
    }
    label_bind(c, &done);
    label_fini(&done);
}

/* After the handler: on with what was pending. */
static void finally_exits(struct compiler *c, const struct final *f) {
    emit(c, OP_ENDFINALLY, f->pending, 0, 0);
    bool reachable = c->reachable;
    uint64_t assigned = c->assigned;
    int pending = c->pending;
    for (uint32_t i = 0; i < f->nexits + (f->returns ? 1u : 0u); i++) {
        struct label next;
        label_init(&next);
        uint32_t mark = c->top;
        uint16_t t = temp_alloc(c), k = temp_alloc(c);
        bool is_return = i == f->nexits;
        emit_bc(c, OP_LOADI, k, is_return ? PENDING_RETURN : exit_code(f->exits[i].loop, f->exits[i].kind));
        emit(c, OP_EQ, t, f->pending, k);
        label_jump(c, &next, emit_bc(c, OP_JZ, t, 0));
        if (is_return) emit_return(c, (uint16_t)(f->pending + 1));
        else emit_exit(c, f->exits[i].loop, f->exits[i].kind);
        c->top = mark;
        label_bind(c, &next);
        label_fini(&next);
        c->reachable = reachable;
        c->assigned = assigned;
        c->pending = pending;
    }
}

static void try_finally_stmt(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top;
    struct final f = {.outer = c->final, .loop_depth = c->loop ? c->loop->depth : 0};
    label_init(&f.handler);
    f.pending = temp_alloc(c);
    temp_alloc(c);
    tick(c, 1);
    uint64_t assigned = c->assigned;
    c->final = &f;
    uint32_t start = here(c);
    block_stmt(c, n->kids[0]);
    uint32_t end = here(c);
    c->final = f.outer;
    bool falls_through = c->reachable;
    if (falls_through) flush_ticks(c);
    c->reachable = true;
    c->pending = 0; /* as when an error comes */
    c->assigned = assigned;
    emit_bc(c, OP_LOADI, f.pending, PENDING_NOTHING);
    label_bind(c, &f.handler);
    c->assigned = assigned;
    struct handler h = {.kind = HANDLER_FINALLY, .depth = (uint16_t)mark, .start = start, .end = end, .pending = f.pending, .target = here(c)};
    add_handler(c, &h);
    live_push(c, SLOT_PENDING, n, 0, f.pending);
    live_push(c, SLOT_PENDING_VALUE, n, 0, (uint16_t)(f.pending + 1));
    block_stmt(c, n->kids[1]);
    live_pop(c, 2);
    finally_exits(c, &f);
    c->reachable = c->reachable && falls_through;
    label_fini(&f.handler);
    free(f.exits);
    c->top = mark;
}

static void fork_stmt(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top;
    uint16_t delay = expr_reg(c, n->kids[0], NULL, 0);
    tick(c, 1);
    flush_ticks(c);
    uint16_t var = n->var >= 0 ? variable_reg(c, n->var) : NO_REG;
    struct program *p = c->p;
    emit(c, OP_FORK, delay, p->nforks, var);
    uint64_t assigned = c->assigned;
    if (n->var >= 0) {
        variable_assigned(c, n->var);
        uint64_t in_child = c->assigned;
        if (c->nodebug) c->assigned = assigned;
        assigned = in_child;
    }
    p->forks = xrealloc(p->forks, (p->nforks + 1) * sizeof *p->forks);
    c->forks = xrealloc(c->forks, (p->nforks + 1) * sizeof *c->forks);
    c->forks[p->nforks++] = (struct fork_body){n, assigned};
    c->top = mark;
}

static void stmt(struct compiler *c, const struct node *n) {
    c->line = n->line;
    switch (n->kind) {
    case N_BLOCK: block_stmt(c, n); break;
    case N_EXPR: expr_drop(c, n->kids[0]); break;
    case N_IF: if_stmt(c, n); break;
    case N_FOR_LIST:
    case N_FOR_PAIRS: for_list_stmt(c, n); break;
    case N_FOR_RANGE: for_range_stmt(c, n); break;
    case N_WHILE: while_stmt(c, n); break;
    case N_FORK: fork_stmt(c, n); break;
    case N_RETURN: return_stmt(c, n); break;
    case N_BREAK:
    case N_CONTINUE: jump_stmt(c, n); break;
    case N_TRY_EXCEPT: try_except_stmt(c, n); break;
    case N_TRY_FINALLY: try_finally_stmt(c, n); break;
    default: must(!"a statement");
    }
}
