/* SPDX-License-Identifier: MIT */
/* Assignments: to variables, properties, indexed and ranged places in these, and scattering. */
#include "lang/compile.h"

#include <stdlib.h>

enum { MAX_LEVELS = 256 };

/* The target of an indexed assignment, taken apart. */
struct place_target {
    const struct node *base; /* VAR or PROP */
    const struct node **levels; /* INDEX nodes, innermost first */
    uint32_t nlevels;
    const struct node *range; /* the RANGE node at the end, or NULL */
    uint16_t obj, name_reg; /* PROP */
    uint16_t base_reg; /* holds the base's value */
    uint16_t var_reg; /* NO_REG when the base is a property */
    uint16_t chain; /* first of the consecutive registers: index, inner list, index, ... value */
    uint16_t inner; /* the list that the last step changes */
    uint16_t from; /* range bounds, two registers */
    uint32_t nlive;
};

static void variable_assign(struct compiler *c, const struct node *n, uint16_t dest) {
    int32_t var = n->kids[0]->var;
    uint16_t r = variable_reg(c, var);
    expr_to(c, n->kids[1], r);
    tick_after(c, 1);
    variable_assigned(c, var);
    if (dest != NO_REG && dest != r) emit(c, OP_MOVE, dest, r, 0);
}

static void push_live(struct compiler *c, struct place_target *t, const struct node *n, int sub, uint16_t reg) {
    live_push(c, SLOT_VALUE, n, sub, reg);
    t->nlive++;
}

/* Object and name of a property target. Both stay until the store, so they lie in a variable only if nothing in the whole assignment changes that. */
static void property_target(struct compiler *c, struct place_target *t, const struct node *prop, const struct node *assignment) {
    t->obj = expr_reg(c, prop->kids[0], &assignment, 1);
    push_live(c, t, prop, 0, t->obj);
    t->name_reg = NO_REG;
    if (is_string_literal(prop->kids[1]) && c->p->nprops < 0xFFF0) {
        live_push_const(c, SLOT_VALUE, prop, 1, konst(c, prop->kids[1]->lit));
        t->nlive++;
        return;
    }
    t->name_reg = expr_reg(c, prop->kids[1], &assignment, 1);
    push_live(c, t, prop, 1, t->name_reg);
}

static void store_property(struct compiler *c, const struct place_target *t, const struct node *prop, uint16_t v) {
    tick(c, 1);
    if (t->name_reg != NO_REG) {
        flush_ticks(c);
        emit(c, OP_SETPROPD, t->obj, t->name_reg, v);
        return;
    }
    struct program *p = c->p;
    p->props = xrealloc(p->props, (p->nprops + 1) * sizeof *p->props);
    p->props[p->nprops] = (struct prop_site){.name = str_ref(prop->kids[1]->lit.u.s), .ticks = take_ticks(c)};
    emit(c, OP_SETPROP, t->obj, v, p->nprops++);
}

/* The result of a store goes into a temporary first: a failing store leaves the destination alone. */
static uint16_t result_temp(struct compiler *c, uint16_t dest) { return dest == NO_REG || is_local(c, dest) ? temp_alloc(c) : dest; }

static void result_done(struct compiler *c, uint16_t dest, uint16_t t) {
    if (dest == NO_REG) emit(c, OP_CLEAR, t, 1, 0);
    else if (dest != t) emit(c, OP_TAKE, dest, t, 0);
}

static void property_assign(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    struct place_target t = {.nlive = 0};
    uint16_t result = dest == NO_REG ? NO_REG : result_temp(c, dest);
    property_target(c, &t, n->kids[0], n);
    uint16_t v = result;
    if (result == NO_REG) v = expr_reg(c, n->kids[1], NULL, 0);
    else expr_to(c, n->kids[1], result);
    live_pop(c, t.nlive);
    store_property(c, &t, n->kids[0], v);
    if (t.name_reg != NO_REG && !is_local(c, t.name_reg)) emit(c, OP_CLEAR, t.name_reg, 1, 0);
    if (result != NO_REG) result_done(c, dest, result);
    else if (!is_local(c, v)) emit(c, OP_CLEAR, v, 1, 0);
    c->top = mark;
}

/* ---- indexed ---- */

static void take_apart(struct place_target *t, const struct node *target) {
    const struct node *n = target;
    t->range = NULL;
    if (n->kind == N_RANGE) {
        t->range = n;
        n = n->kids[0];
    }
    t->nlevels = 0;
    for (const struct node *i = n; i->kind == N_INDEX; i = i->kids[0]) t->nlevels++;
    t->levels = xcalloc(t->nlevels + 1, sizeof *t->levels);
    for (uint32_t i = t->nlevels; i > 0; i--) {
        t->levels[i - 1] = n;
        n = n->kids[0];
    }
    t->base = n;
}

static bool changes_in_rest(struct compiler *c, const struct place_target *t, const struct node *value_node, int32_t var) {
    bool changed = assigns_variable(c, value_node, var);
    for (uint32_t i = 0; i < t->nlevels; i++) changed |= assigns_variable(c, t->levels[i]->kids[1], var);
    if (t->range) changed |= assigns_variable(c, t->range->kids[1], var) || assigns_variable(c, t->range->kids[2], var);
    return changed;
}

/* Fetches the base's value: the variable itself when nothing changes it meanwhile. */
static void fetch_base(struct compiler *c, struct place_target *t, const struct node *assignment) {
    t->var_reg = NO_REG;
    if (t->base->kind == N_PROP) {
        property_target(c, t, t->base, assignment);
        uint16_t obj = t->obj;
        t->base_reg = temp_alloc(c);
        emit_get_property(c, t->base_reg, obj, t->base->kids[1], t->name_reg);
        return;
    }
    t->var_reg = variable_reg(c, t->base->var);
    if (c->direct && variable_ready(c, t->base->var) && !changes_in_rest(c, t, assignment->kids[1], t->base->var)) {
        t->base_reg = t->var_reg;
        return;
    }
    t->base_reg = temp_alloc(c);
    expr_to(c, t->base, t->base_reg);
}

static void index_chain(struct compiler *c, struct place_target *t) {
    uint16_t length_reg = c->length_reg, base = t->base_reg;
    uint32_t steps = t->nlevels;
    t->chain = (uint16_t)c->top;
    for (uint32_t i = 0; i < steps; i++) {
        const struct node *n = t->levels[i];
        push_live(c, t, n, 0, base);
        uint16_t index = temp_alloc(c);
        c->length_reg = base;
        expr_to(c, n->kids[1], index);
        push_live(c, t, n, 1, index);
        if (i + 1 < steps || t->range) {
            uint16_t inner = temp_alloc(c);
            emit(c, OP_PUSHREF, inner, base, index);
            base = inner;
        }
    }
    t->inner = base;
    if (t->range) {
        push_live(c, t, t->range, 0, base);
        c->length_reg = base;
        t->from = temp_alloc(c);
        expr_to(c, t->range->kids[1], t->from);
        push_live(c, t, t->range, 1, t->from);
        uint16_t to = temp_alloc(c);
        expr_to(c, t->range->kids[2], to);
        push_live(c, t, t->range, 2, to);
    }
    c->length_reg = length_reg;
}

/* The value, into the end of the chain or (for a range) into any temporary; a copy into the result. */
static uint16_t store_value(struct compiler *c, const struct node *value_node, uint16_t result) {
    uint16_t v = temp_alloc(c);
    expr_to(c, value_node, v);
    if (result != NO_REG) emit(c, OP_MOVE, result, v, 0);
    return v;
}

static void store_chain(struct compiler *c, struct place_target *t, uint16_t v) {
    bool last_is_range = t->range != NULL;
    if (last_is_range) {
        uint16_t var = t->nlevels == 0 ? t->var_reg : NO_REG;
        emit(c, OP_SETRANGE, t->inner, t->from, v);
        emit_ext(c, 0, var);
    }
    if (t->nlevels > 0) {
        tick(c, (int)t->nlevels);
        emit(c, OP_SETINDEX, t->base_reg, t->chain, t->nlevels);
        emit_ext(c, 0, t->var_reg);
    }
    if (t->base->kind == N_PROP) {
        store_property(c, t, t->base, t->base_reg);
        emit(c, OP_CLEAR, t->base_reg, 1, 0);
    } else {
        tick_after(c, 1);
        variable_assigned(c, t->base->var);
    }
}

/* l[i] = e with plain operands. */
static bool simple_index_assign(struct compiler *c, const struct node *n, const struct place_target *t) {
    const struct node *i = t->nlevels == 1 ? t->levels[0]->kids[1] : NULL, *v = n->kids[1];
    if (!c->fuse || !c->direct || t->range || !i || t->base->kind != N_VAR || !variable_ready(c, t->base->var)) return false;
    if (changes_in_rest(c, t, v, t->base->var)) return false;
    uint32_t mark = c->top;
    uint16_t base = variable_reg(c, t->base->var), length_reg = c->length_reg;
    live_push(c, SLOT_VALUE, t->levels[0], 0, base);
    c->length_reg = base;
    uint16_t index = expr_reg(c, i, &v, 1);
    c->length_reg = length_reg;
    live_push(c, SLOT_VALUE, t->levels[0], 1, index);
    uint16_t val = expr_reg(c, v, NULL, 0);
    live_pop(c, 2);
    tick(c, 1);
    emit(c, OP_SETIDX, base, index, val);
    tick_after(c, 1);
    variable_assigned(c, t->base->var);
    c->top = mark;
    return true;
}

static void indexed_assign(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top;
    struct place_target t = {.name_reg = NO_REG};
    take_apart(&t, n->kids[0]);
    if (dest == NO_REG && simple_index_assign(c, n, &t)) {
        free(t.levels);
        return;
    }
    uint16_t result = dest == NO_REG ? NO_REG : result_temp(c, dest);
    fetch_base(c, &t, n);
    index_chain(c, &t);
    uint16_t v = store_value(c, n->kids[1], result);
    live_pop(c, t.nlive);
    store_chain(c, &t, v);
    if (result != NO_REG) result_done(c, dest, result);
    free(t.levels);
    c->top = mark;
}

void assign_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    c->line = n->line;
    switch (n->kids[0]->kind) {
    case N_VAR: variable_assign(c, n, dest); break;
    case N_PROP: property_assign(c, n, dest); break;
    default: indexed_assign(c, n, dest); break;
    }
}

/* ---- scattering ---- */

static struct scatter *scatter_table(struct compiler *c, const struct node *n, uint32_t *index) {
    struct program *p = c->p;
    p->scatters = xrealloc(p->scatters, (p->nscatters + 1) * sizeof *p->scatters);
    struct scatter *s = &p->scatters[p->nscatters];
    *index = p->nscatters++;
    *s = (struct scatter){.nitems = n->nkids - 1, .items = xcalloc(n->nkids, sizeof *s->items)};
    for (uint32_t i = 1; i < n->nkids; i++) {
        const struct node *t = n->kids[i];
        s->items[i - 1] = (struct scatter_item){(uint8_t)t->kind, variable_reg(c, t->var), t->nkids > 0, 0};
        if (t->kind == N_TARGET) s->nrequired++;
        if (t->kind == N_OPTIONAL) s->noptional++;
        if (t->kind == N_REST) s->rest = true;
    }
    return s;
}

/* The list may stay in its variable when no target and no default can change that. */
static uint16_t scatter_source(struct compiler *c, const struct node *n, uint16_t result) {
    if (result != NO_REG) {
        expr_to(c, n->kids[0], result);
        return result;
    }
    return expr_reg(c, n->kids[0], (const struct node *const *)&n->kids[1], n->nkids - 1);
}

static void scatter_targets_assigned(struct compiler *c, const struct node *n) {
    uint64_t before = c->assigned;
    for (uint32_t i = 1; i < n->nkids; i++)
        if (n->kids[i]->kind != N_OPTIONAL) variable_assigned(c, n->kids[i]->var);
    for (uint32_t i = 1; i < n->nkids; i++)
        if (n->kids[i]->kind == N_OPTIONAL) {
            uint64_t keep = c->assigned;
            variable_assigned(c, n->kids[i]->var);
            c->assigned = keep;
        }
    if (c->nodebug) c->assigned = before;
}

/* Defaults run in order from the first that is wanted; each is entered with the same ticks pending. */
static void scatter_defaults(struct compiler *c, const struct node *n, uint32_t table) {
    int entry = c->pending;
    uint64_t optional = 0;
    uint64_t before = c->assigned;
    for (uint32_t i = 1; i < n->nkids; i++) {
        const struct node *t = n->kids[i];
        if (t->kind != N_OPTIONAL || t->nkids == 0) continue;
        c->p->scatters[table].items[i - 1].pc = here(c);
        expr_to(c, t->kids[0], variable_reg(c, t->var));
        tick(c, 1);
        if (c->pending != entry) emit(c, OP_TICK, (uint16_t)(int16_t)(c->pending - entry), 0, 0);
        c->pending = entry;
        c->assigned = before; /* a later default may be entered without this one */
        if (t->var >= BV_COUNT && t->var - BV_COUNT < 64) optional |= (uint64_t)1 << (t->var - BV_COUNT);
    }
    if (!c->nodebug) c->assigned |= optional;
    c->p->scatters[table].done = here(c);
}

void scatter_expr(struct compiler *c, const struct node *n, uint16_t dest) {
    uint32_t mark = c->top, table;
    uint16_t result = dest == NO_REG ? NO_REG : result_temp(c, dest);
    uint16_t src = scatter_source(c, n, result);
    scatter_table(c, n, &table);
    tick(c, 1);
    emit(c, OP_SCATTER, src, table, 0);
    scatter_targets_assigned(c, n);
    live_push(c, SLOT_SOURCE, n, 0, src);
    scatter_defaults(c, n, table);
    live_pop(c, 1);
    if (result != NO_REG) result_done(c, dest, result);
    else if (!is_local(c, src)) emit(c, OP_CLEAR, src, 1, 0);
    c->top = mark;
}
