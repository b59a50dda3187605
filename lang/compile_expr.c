/* SPDX-License-Identifier: MIT */
/* Expressions. */
#include "lang/compile.h"

#include "base/list.h"
#include "base/map.h"

#include <stdlib.h>

enum { GROUP = 30 }; /* elements held in registers before they go into a list */

bool is_string_literal(const struct node *n) { return n->kind == N_LIT && n->lit.type == V_STR; }

static bool is_small_int(const struct node *n) { return n->kind == N_LIT && n->lit.type == V_INT && n->lit.u.i >= INT16_MIN && n->lit.u.i <= INT16_MAX; }

static void load_const(struct compiler *c, uint16_t dest, value v) {
    if (v.type == V_INT && v.u.i >= INT32_MIN && v.u.i <= INT32_MAX) emit_bc(c, OP_LOADI, dest, (int32_t)v.u.i);
    else emit_bc(c, OP_LOADK, dest, (int32_t)konst(c, v));
}

uint16_t expr_reg(struct compiler *c, const struct node *n, const struct node *const *rest, uint32_t nrest) {
    int32_t var = -1;
    if (n->kind == N_VAR && variable_ready(c, n->var)) var = n->var;
    bool assignment = n->kind == N_ASSIGN && n->kids[0]->kind == N_VAR;
    if (assignment) var = n->kids[0]->var;
    if (var >= 0 && c->direct) {
        bool changed = false;
        for (uint32_t i = 0; i < nrest; i++) changed |= assigns_variable(c, rest[i], var);
        if (!changed) {
            if (assignment) assign_expr(c, n, NO_REG);
            return variable_reg(c, var);
        }
    }
    uint16_t t = temp_alloc(c);
    expr_to(c, n, t);
    return t;
}

static void clear_temp(struct compiler *c, uint16_t reg) {
    if (!is_local(c, reg)) emit(c, OP_CLEAR, reg, 1, 0);
}

/* ---- operators ---- */

static int operator_op(int kind) {
    switch (kind) {
    case N_ADD: return OP_ADD;
    case N_SUB: return OP_SUB;
    case N_MUL: return OP_MUL;
    case N_DIV: return OP_DIV;
    case N_MOD: return OP_MOD;
    case N_POW: return OP_POW;
    case N_EQ: return OP_EQ;
    case N_NE: return OP_NE;
    case N_LT: return OP_LT;
    case N_LE: return OP_LE;
    case N_GT: return OP_GT;
    case N_GE: return OP_GE;
    case N_IN: return OP_IN;
    default: return -1;
    }
}

static int immediate_op(int kind) {
    switch (kind) {
    case N_ADD: return OP_ADDI;
    case N_SUB: return OP_SUBI;
    case N_MUL: return OP_MULI;
    default: return -1;
    }
}

static int constant_op(int kind) {
    switch (kind) {
    case N_ADD: return OP_ADDK;
    case N_SUB: return OP_SUBK;
    case N_MUL: return OP_MULK;
    case N_DIV: return OP_DIVK;
    case N_MOD: return OP_MODK;
    default: return -1;
    }
}

static void binary_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    const struct node *right = n->kids[1];
    uint16_t l = expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], 1);
    if (c->fuse && is_small_int(right) && immediate_op(n->kind) >= 0) {
        tick(c, 1);
        emit(c, immediate_op(n->kind), dest, l, (uint16_t)right->lit.u.i);
    } else if (c->fuse && right->kind == N_LIT && constant_op(n->kind) >= 0 && c->p->nconsts < 0xFFFF) {
        uint32_t k = konst(c, right->lit);
        tick(c, 1);
        emit(c, constant_op(n->kind), dest, l, k);
    } else {
        live_push(c, SLOT_VALUE, n, 0, l);
        uint16_t r = expr_reg(c, right, NULL, 0);
        live_pop(c, 1);
        tick(c, 1);
        emit(c, operator_op(n->kind), dest, l, r);
    }
    c->top = mark;
}

static void unary_expr(struct compiler *c, const struct node *n, int op, uint16_t dest) {
    uint32_t mark = c->top;
    uint16_t r = expr_reg(c, n->kids[0], NULL, 0);
    tick(c, 1);
    emit(c, op, dest, r, 0);
    c->top = mark;
}

static void index_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    uint16_t length_reg = c->length_reg;
    uint16_t base = expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], 1);
    if (c->fuse && is_small_int(n->kids[1])) {
        tick(c, 1);
        emit(c, OP_INDEXI, dest, base, (uint16_t)n->kids[1]->lit.u.i);
    } else {
        live_push(c, SLOT_VALUE, n, 0, base);
        c->length_reg = base;
        uint16_t i = expr_reg(c, n->kids[1], NULL, 0);
        c->length_reg = length_reg;
        live_pop(c, 1);
        tick(c, 1);
        emit(c, OP_INDEX, dest, base, i);
    }
    c->top = mark;
}

static void range_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    uint16_t length_reg = c->length_reg;
    uint16_t base = expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], 2);
    live_push(c, SLOT_VALUE, n, 0, base);
    c->length_reg = base;
    uint16_t from = temp_alloc(c), to;
    expr_to(c, n->kids[1], from);
    live_push(c, SLOT_VALUE, n, 1, from);
    to = temp_alloc(c);
    expr_to(c, n->kids[2], to);
    c->length_reg = length_reg;
    live_pop(c, 2);
    tick(c, 1);
    emit(c, OP_RANGE, dest, base, from);
    c->top = mark;
}

/* ---- properties ---- */

static uint32_t new_prop_site(struct compiler *c, struct str *name) {
    struct program *p = c->p;
    p->props = xrealloc(p->props, (p->nprops + 1) * sizeof *p->props);
    p->props[p->nprops] = (struct prop_site){.name = str_ref(name)};
    return p->nprops++;
}

void emit_get_property(struct compiler *c, uint16_t dest, uint16_t obj, const struct node *name, uint16_t name_reg) {
    tick(c, 1);
    if (name_reg == NO_REG) {
        emit(c, OP_GETPROP, dest, obj, new_prop_site(c, name->lit.u.s));
        return;
    }
    emit(c, OP_GETPROPD, dest, obj, name_reg);
}

static void prop_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    uint16_t name_reg = NO_REG;
    uint16_t obj = expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], 1);
    if (!is_string_literal(n->kids[1]) || c->p->nprops > 0xFFF0) {
        live_push(c, SLOT_VALUE, n, 0, obj);
        name_reg = expr_reg(c, n->kids[1], NULL, 0);
        live_pop(c, 1);
    }
    emit_get_property(c, dest, obj, n->kids[1], name_reg);
    if (name_reg != NO_REG && name_reg != dest) clear_temp(c, name_reg);
    c->top = mark;
}

/* ---- lists and calls ---- */

/* Moves the elements held in registers into the list. */
static void flush_items(struct compiler *c, struct items *it) {
    if (it->n == 0 && it->base != NO_REG) return;
    must(it->base != NO_REG);
    emit(c, OP_LISTADD, it->base, it->first, it->n);
    it->n = 0;
    c->top = it->first;
}

static struct live *live_top(struct compiler *c) { return &c->live[c->nlive - 1]; }

static void splice_item(struct compiler *c, const struct node *kid, struct items *it, bool first) {
    if (!first) flush_items(c, it);
    uint32_t mark = c->top;
    live_top(c)->place.n = 0;
    uint16_t r = expr_reg(c, kid->kids[0], NULL, 0);
    if (first) emit(c, OP_LISTOF, it->base, r, 0);
    else emit(c, OP_SPLICE, it->base, r, 0);
    c->top = mark;
}

static bool wants_base(const struct node *n, uint32_t from) {
    if (n->nkids - from > GROUP) return true;
    for (uint32_t i = from; i < n->nkids; i++)
        if (n->kids[i]->kind == N_SPLICE) return true;
    return false;
}

void build_items(struct compiler *c, const struct node *n, uint32_t from, int sub, struct items *it) {
    bool based = wants_base(n, from);
    it->base = based ? temp_alloc(c) : NO_REG;
    it->first = (uint16_t)c->top;
    it->n = 0;
    bool splice_first = based && n->kids[from]->kind == N_SPLICE;
    if (based && !splice_first) emit_bc(c, OP_LOADK, it->base, (int32_t)konst(c, value_list(list_empty())));
    uint32_t empty = konst(c, value_list(list_empty()));
    live_push_const(c, SLOT_LIST, n, sub, empty);
    if (based && !splice_first) live_top(c)->place.reg = it->base;
    live_top(c)->place.first = it->first;
    for (uint32_t i = from; i < n->nkids; i++) {
        if (n->kids[i]->kind == N_SPLICE) {
            splice_item(c, n->kids[i], it, i == from && splice_first);
            live_top(c)->place.reg = it->base;
        } else {
            if (it->n == GROUP && based) flush_items(c, it);
            live_top(c)->place.n = it->n;
            uint16_t t = temp_alloc(c);
            expr_to(c, n->kids[i], t);
            it->n++;
        }
        if (i == from) tick(c, 1);
    }
    live_pop(c, 1);
}

static bool is_constant(const struct node *n) {
    if (n->kind == N_LIT) return true;
    if (n->kind != N_LIST && n->kind != N_MAP) return false;
    for (uint32_t i = 0; i < n->nkids; i++) {
        bool key = n->kind == N_MAP && i % 2 == 0;
        if (key ? n->kids[i]->kind != N_LIT : !is_constant(n->kids[i])) return false;
    }
    return true;
}

static value constant_of(const struct node *n, int *ticks);

static value constant_map(const struct node *n, int *ticks) {
    struct map *m = map_new();
    for (uint32_t i = 0; i < n->nkids; i += 2) m = map_set_take(m, value_ref(n->kids[i]->lit), constant_of(n->kids[i + 1], ticks));
    return value_map(m);
}

static value constant_of(const struct node *n, int *ticks) {
    if (n->kind == N_LIT) return value_ref(n->lit);
    if (n->kind == N_MAP) return constant_map(n, ticks);
    struct list *l = list_new(n->nkids);
    for (uint32_t i = 0; i < n->nkids; i++) l = list_append_take(l, constant_of(n->kids[i], ticks));
    if (n->nkids > 0) ++*ticks;
    return value_list(l);
}

/* `x = {@x, e}' with a plain e: one instruction, in place. */
static bool append_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    if (!c->fuse || n->nkids != 2 || n->kids[0]->kind != N_SPLICE || n->kids[0]->kids[0]->kind != N_VAR) return false;
    const struct node *v = n->kids[0]->kids[0], *item = n->kids[1];
    if (variable_reg(c, v->var) != dest || !variable_ready(c, v->var)) return false;
    if (item->kind != N_LIT && !(item->kind == N_VAR && variable_ready(c, item->var))) return false;
    uint32_t mark = c->top;
    tick(c, 1);
    uint16_t r = expr_reg(c, item, NULL, 0);
    uint32_t pc = emit(c, OP_APPEND, dest, r, 0);
    c->p->where[pc].pending--; /* what fails is the splice: the list is not yet counted */
    c->top = mark;
    return true;
}

static bool constant_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    if (!c->direct || !is_constant(n)) return false;
    int ticks = 0;
    value v = constant_of(n, &ticks);
    tick(c, ticks);
    load_const(c, dest, v);
    value_unref(v);
    return true;
}

static void list_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    if (constant_expr(c, n, dest)) return;
    if (append_expr(c, n, dest)) return;
    uint32_t mark = c->top;
    struct items it;
    build_items(c, n, 0, 0, &it);
    if (it.base == NO_REG) {
        emit(c, OP_MKLIST, dest, it.first, it.n);
    } else if (it.n > 0 && is_local(c, dest)) {
        emit(c, OP_LISTSET, dest, it.base, it.n);
    } else {
        flush_items(c, &it);
        emit(c, OP_TAKE, dest, it.base, 0);
    }
    c->top = mark;
}

/* Pair by pair, so that a key that does not fit is found out before the next pair is evaluated. Ticks: none. */
static void map_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    if (constant_expr(c, n, dest)) return;
    uint32_t mark = c->top;
    uint16_t base = temp_alloc(c);
    value empty = value_map(map_empty());
    emit_bc(c, OP_LOADK, base, (int32_t)konst(c, empty));
    value_unref(empty);
    live_push(c, SLOT_MAP, n, 0, base);
    for (uint32_t i = 0; i < n->nkids; i += 2) {
        uint32_t pair = c->top;
        uint16_t key = temp_alloc(c), v;
        expr_to(c, n->kids[i], key);
        live_push(c, SLOT_VALUE, n, 1, key);
        v = temp_alloc(c);
        expr_to(c, n->kids[i + 1], v);
        live_pop(c, 1);
        c->line = n->line;
        emit(c, OP_MAPADD, base, key, v);
        c->top = pair;
    }
    live_pop(c, 1);
    emit(c, OP_TAKE, dest, base, 0);
    c->top = mark;
}

/* Arguments for a call: registers [*first..), or one list. */
static int32_t build_arguments(struct compiler *c, const struct node *n, uint32_t from, uint16_t *first) {
    struct items it;
    build_items(c, n, from, (int)from, &it);
    if (it.base == NO_REG) {
        *first = it.first;
        return it.n;
    }
    flush_items(c, &it);
    *first = it.base;
    return ARGS_IN_LIST;
}

static void verbcall_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    struct program *p = c->p;
    uint32_t mark = c->top;
    struct verb_site site = {.name_reg = NO_REG};
    uint16_t obj = expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], n->nkids - 1);
    live_push(c, SLOT_VALUE, n, 0, obj);
    if (is_string_literal(n->kids[1])) {
        site.name = str_ref(n->kids[1]->lit.u.s);
        live_push_const(c, SLOT_VALUE, n, 1, konst(c, n->kids[1]->lit));
    } else {
        site.name_reg = expr_reg(c, n->kids[1], (const struct node *const *)&n->kids[2], n->nkids - 2);
        live_push(c, SLOT_VALUE, n, 1, site.name_reg);
    }
    site.nargs = build_arguments(c, n, 2, &site.args);
    live_pop(c, 2);
    tick(c, 1);
    site.ticks = take_ticks(c);
    p->verbs = xrealloc(p->verbs, (p->nverbs + 1) * sizeof *p->verbs);
    p->verbs[p->nverbs] = site;
    mark_point(c, emit(c, OP_CALLV, dest, obj, p->nverbs), n);
    p->nverbs++;
    c->top = mark;
}

static bool counted(const struct builtin *b, int32_t nargs) { return nargs >= 0 && nargs >= b->min && (b->max < 0 || nargs <= b->max); }

static void call_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    struct program *p = c->p;
    uint32_t mark = c->top;
    struct call_site site = {.id = n->func};
    uint16_t first;
    site.nargs = build_arguments(c, n, 0, &first);
    if (site.id < 0 || site.id >= c->m->nbuiltins) {
        site.id = machine_find_builtin(c->m, "call_function", 13);
        site.unknown = str_ref(n->name);
    }
    site.counted = site.id >= 0 && !site.unknown && counted(&c->m->builtins[site.id], site.nargs);
    tick(c, 1);
    site.ticks = take_ticks(c);
    p->calls = xrealloc(p->calls, (p->ncalls + 1) * sizeof *p->calls);
    p->calls[p->ncalls] = site;
    mark_point(c, emit(c, OP_CALLB, dest, first, p->ncalls), n);
    p->ncalls++;
    c->top = mark;
}

/* ---- branches ---- */

static int fused_op(int kind) {
    switch (kind) {
    case N_EQ: return OP_JEQ;
    case N_NE: return OP_JNE;
    case N_LT: return OP_JLT;
    case N_LE: return OP_JLE;
    case N_GT: return OP_JGT;
    case N_GE: return OP_JGE;
    default: return -1;
    }
}

static void branch_compare(struct compiler *c, const struct node *n, struct label *l, int extra) {
    uint32_t mark = c->top, pc;
    const struct node *right = n->kids[1];
    int op = fused_op(n->kind);
    uint16_t a = expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], 1);
    if (is_small_int(right)) {
        tick(c, 1 + extra);
        pc = emit(c, op + (OP_JEQI - OP_JEQ), a, (uint16_t)right->lit.u.i, 0);
    } else if (right->kind == N_LIT && (n->kind == N_EQ || n->kind == N_NE) && c->p->nconsts < 0xFFFF) {
        uint32_t k = konst(c, right->lit);
        tick(c, 1 + extra);
        pc = emit(c, n->kind == N_EQ ? OP_JEQK : OP_JNEK, a, k, 0);
    } else {
        live_push(c, SLOT_VALUE, n, 0, a);
        uint16_t b = expr_reg(c, right, NULL, 0);
        live_pop(c, 1);
        tick(c, 1 + extra);
        pc = emit(c, op, a, b, 0);
    }
    c->p->where[pc].pending = (int16_t)(c->p->where[pc].pending - extra); /* a comparison that fails is not followed by the test */
    c->top = mark;
    label_jump(c, l, pc);
}

static void branch_test(struct compiler *c, const struct node *n, struct label *l, int extra, bool when) {
    uint32_t mark = c->top;
    uint16_t r = expr_reg(c, n, NULL, 0);
    tick(c, extra);
    int op = is_local(c, r) ? (when ? OP_JNZ : OP_JZ) : (when ? OP_JNZT : OP_JZT);
    uint32_t pc = emit_bc(c, op, r, 0);
    c->top = mark;
    label_jump(c, l, pc);
}

/* a || b as a test: the jump over b when a is true. */
static void branch_or(struct compiler *c, const struct node *n, struct label *l, int extra) {
    struct label yes;
    label_init(&yes);
    branch_test(c, n->kids[0], &yes, 1 + extra, true);
    c->pending -= extra;
    expr_branch_false(c, n->kids[1], l, extra);
    label_bind(c, &yes);
    label_fini(&yes);
}

void expr_branch_false(struct compiler *c, const struct node *n, struct label *l, int extra) {
    if (!c->fuse) {
        branch_test(c, n, l, extra, false);
    } else if (fused_op(n->kind) >= 0) {
        branch_compare(c, n, l, extra);
    } else if (n->kind == N_NOT) {
        branch_test(c, n->kids[0], l, 1 + extra, true);
    } else if (n->kind == N_AND) {
        expr_branch_false(c, n->kids[0], l, 1 + extra);
        c->pending -= extra;
        expr_branch_false(c, n->kids[1], l, extra);
    } else if (n->kind == N_OR) {
        branch_or(c, n, l, extra);
    } else {
        branch_test(c, n, l, extra, false);
    }
}

/* && and ||: the value decides and stays. */
static void logic_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    uint16_t t = is_local(c, dest) ? temp_alloc(c) : dest;
    struct label done;
    label_init(&done);
    expr_to(c, n->kids[0], t);
    tick(c, 1);
    label_jump(c, &done, emit_bc(c, n->kind == N_AND ? OP_JZ : OP_JNZ, t, 0));
    expr_to(c, n->kids[1], t);
    label_bind(c, &done);
    label_fini(&done);
    if (t != dest) emit(c, OP_TAKE, dest, t, 0);
    c->top = mark;
}

static void cond_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    struct label otherwise, done;
    label_init(&otherwise);
    label_init(&done);
    expr_branch_false(c, n->kids[0], &otherwise, 1);
    expr_to(c, n->kids[1], dest);
    jump_to(c, &done);
    label_bind(c, &otherwise);
    expr_to(c, n->kids[2], dest);
    label_bind(c, &done);
    label_fini(&otherwise);
    label_fini(&done);
}

/* ---- catching ---- */

void codes_expr(struct compiler *c, const struct node *codes, struct clause *out) {
    *out = (struct clause){.value_reg = NO_REG};
    if (codes->nkids == 0) {
        out->any = true;
        live_push_const(c, SLOT_CODES, codes, 0, konst(c, value_int(0)));
        return;
    }
    bool fixed = c->direct;
    struct list *l = list_new(codes->nkids);
    for (uint32_t i = 0; i < codes->nkids; i++) {
        fixed = fixed && codes->kids[i]->kind == N_LIT;
        if (fixed) l = list_append_take(l, value_ref(codes->kids[i]->lit));
    }
    if (fixed) {
        out->is_const = true;
        out->konst = konst(c, value_list(l));
        tick(c, 1);
        live_push_const(c, SLOT_CODES, codes, 0, out->konst);
    } else {
        out->reg = temp_alloc(c);
        uint32_t mark = c->top;
        struct items it;
        build_items(c, codes, 0, 0, &it);
        if (it.base == NO_REG) {
            emit(c, OP_MKLIST, out->reg, it.first, it.n);
        } else {
            flush_items(c, &it);
            emit(c, OP_TAKE, out->reg, it.base, 0);
        }
        c->top = mark;
        live_push(c, SLOT_CODES, codes, 0, out->reg);
    }
    list_unref(l);
}

static void catch_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    struct label done;
    label_init(&done);
    struct clause *clause = xcalloc(1, sizeof *clause);
    codes_expr(c, n->kids[0], clause);
    tick(c, 1);
    struct handler h = {.kind = HANDLER_CATCH, .depth = (uint16_t)mark, .nclauses = 1, .clauses = clause, .start = here(c)};
    uint64_t assigned = c->assigned;
    bool reachable = c->reachable;
    expr_to(c, n->kids[1], dest);
    live_pop(c, 1);
    h.end = here(c);
    if (!clause->any && !clause->is_const) emit(c, OP_CLEAR, clause->reg, 1, 0);
    jump_to(c, &done);
    clause->target = here(c);
    clause->value_reg = n->nkids > 2 ? NO_REG : dest;
    add_handler(c, &h);
    c->assigned = assigned;
    c->reachable = reachable;
    c->pending = 0;
    c->top = mark;
    if (n->nkids > 2) expr_to(c, n->kids[2], dest);
    else tick(c, 1);
    label_bind(c, &done);
    label_fini(&done);
}

/* ---- all ---- */

static void var_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint16_t r = variable_reg(c, n->var);
    emit(c, variable_ready(c, n->var) ? OP_MOVE : OP_GETVAR, dest, r, 0);
}

void expr_to(struct compiler *c, const struct node *n, uint16_t dest) {
    c->line = n->line;
    switch (n->kind) {
    case N_LIT: load_const(c, dest, n->lit); break;
    case N_VAR: var_expr(c, n, dest); break;
    case N_PROP: prop_expr(c, n, dest); break;
    case N_VERBCALL: verbcall_expr(c, n, dest); break;
    case N_CALL: call_expr(c, n, dest); break;
    case N_INDEX: index_expr(c, n, dest); break;
    case N_RANGE: range_expr(c, n, dest); break;
    case N_LENGTH: emit(c, OP_LENGTH, dest, c->length_reg, 0); break;
    case N_FIRST: emit(c, OP_FIRST, dest, c->length_reg, 0); break;
    case N_LIST: list_expr(c, n, dest); break;
    case N_MAP: map_expr(c, n, dest); break;
    case N_NEG: unary_expr(c, n, OP_NEG, dest); break;
    case N_NOT: unary_expr(c, n, OP_NOT, dest); break;
    case N_AND:
    case N_OR: logic_expr(c, n, dest); break;
    case N_COND: cond_expr(c, n, dest); break;
    case N_ASSIGN: assign_expr(c, n, dest); break;
    case N_SCATTER: scatter_expr(c, n, dest); break;
    case N_CATCH: catch_expr(c, n, dest); break;
    default:
        must(operator_op(n->kind) >= 0);
        binary_expr(c, n, dest);
        break;
    }
}

void expr_drop(struct compiler *c, const struct node *n) {
    uint32_t mark = c->top;
    c->line = n->line;
    switch (n->kind) {
    case N_ASSIGN: assign_expr(c, n, NO_REG); break;
    case N_SCATTER: scatter_expr(c, n, NO_REG); break;
    case N_VERBCALL: verbcall_expr(c, n, NO_REG); break;
    case N_CALL: call_expr(c, n, NO_REG); break;
    case N_LIT: break;
    default: {
        uint16_t t = temp_alloc(c);
        expr_to(c, n, t);
        emit(c, OP_CLEAR, t, 1, 0);
        break;
    }
    }
    c->top = mark;
}
