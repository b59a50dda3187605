/* SPDX-License-Identifier: MIT */
/* The compiler's frame: registers, labels, ticks, constants, and the walk over entries. */
#include "lang/compile.h"

#include "base/list.h"

#include <stdlib.h>
#include <string.h>

#ifdef EVERMOO_ALT_MACHINE
enum { ALTERNATIVE = 1 };
#else
enum { ALTERNATIVE = 0 };
#endif
enum { MAX_REG = 65000, MAX_PENDING = 16000, MAX_TICK = 8000 };

void *grow(void *p, uint32_t n, uint32_t *cap, size_t size) {
    if (n < *cap) return p;
    *cap = *cap ? *cap * 2 : 16;
    return xrealloc(p, *cap * size);
}

/* ---- instructions ---- */

static uint32_t emit_word(struct compiler *c, struct insn i) {
    struct program *p = c->p;
    if (p->ncode == c->cap_code) {
        uint32_t cap = c->cap_code;
        p->code = grow(p->code, p->ncode, &cap, sizeof *p->code);
        p->where = grow(p->where, p->ncode, &c->cap_code, sizeof *p->where);
    }
    p->code[p->ncode] = i;
    p->where[p->ncode] = (struct where){c->line, (int16_t)c->pending, (int16_t)c->pending};
    return p->ncode++;
}

uint32_t emit(struct compiler *c, int op, uint32_t a, uint32_t b, uint32_t cc) {
    if (b > 0xFFFF || cc > 0xFFFF) c->failed = true;
    return emit_word(c, (struct insn){(uint16_t)op, (uint16_t)a, (uint16_t)b, (uint16_t)cc});
}

uint32_t emit_bc(struct compiler *c, int op, uint32_t a, int32_t bc) {
    uint32_t u = (uint32_t)bc;
    return emit_word(c, (struct insn){(uint16_t)op, (uint16_t)a, (uint16_t)u, (uint16_t)(u >> 16)});
}

void emit_ext(struct compiler *c, int ticks, int32_t bc) {
    uint32_t u = (uint32_t)bc;
    emit_word(c, (struct insn){(uint16_t)ticks, 0, (uint16_t)u, (uint16_t)(u >> 16)});
}

/* ---- ticks ---- */

void flush_ticks(struct compiler *c) {
    if (c->pending == 0) return;
    int n = c->pending;
    c->pending = 0;
    emit(c, OP_CHECK, (uint32_t)n, 0, 0);
}

void tick(struct compiler *c, int n) {
    if (c->pending > MAX_PENDING) flush_ticks(c);
    for (; n > MAX_TICK; n -= MAX_TICK) {
        c->pending += MAX_TICK;
        flush_ticks(c);
    }
    c->pending += n;
}

void tick_after(struct compiler *c, int n) {
    tick(c, n);
    if (c->p->ncode > 0) c->p->where[c->p->ncode - 1].after = (int16_t)c->pending;
}

int take_ticks(struct compiler *c) {
    int n = c->pending;
    c->pending = 0;
    return n;
}

/* ---- labels ---- */

void label_init(struct label *l) { *l = (struct label){NULL, 0, 0, ~(uint64_t)0}; }
void label_fini(struct label *l) { free(l->refs); }

void label_jump(struct compiler *c, struct label *l, uint32_t pc) {
    if (!c->reachable) {
        /* Never runs, but its target must be some place. */
        l->refs = grow(l->refs, l->nrefs, &l->cap, sizeof *l->refs);
        l->refs[l->nrefs++] = (struct label_ref){pc, -1};
        return;
    }
    l->refs = grow(l->refs, l->nrefs, &l->cap, sizeof *l->refs);
    l->refs[l->nrefs++] = (struct label_ref){pc, c->pending};
    l->assigned &= c->assigned;
}

static bool is_short_jump(int op) { return op >= OP_JEQ && op <= OP_JNEK; }
static bool has_ext(int op) {
    return op == OP_FORLPREP || op == OP_FORLLOOP || op == OP_FORRPREP || op == OP_FORRLOOP || op == OP_SETINDEX || op == OP_SETRANGE;
}

void patch_jump(struct compiler *c, uint32_t pc, uint32_t target) {
    struct insn *i = &c->p->code[pc];
    int64_t d = (int64_t)target - (int64_t)pc - 1;
    if (is_short_jump(i->op)) {
        if (d < INT16_MIN || d > INT16_MAX) c->too_far = true;
        i->c = (uint16_t)(int16_t)d;
        return;
    }
    if (has_ext(i->op)) {
        i++;
        d--;
    }
    i->b = (uint16_t)(uint32_t)d;
    i->c = (uint16_t)((uint32_t)d >> 16);
}

static void add_stub(struct compiler *c, uint32_t jump, int ticks, uint32_t target) {
    c->stubs = xrealloc(c->stubs, (c->nstubs + 1) * sizeof *c->stubs);
    c->stubs[c->nstubs++] = (struct stub){jump, target, ticks};
}

/* The pending ticks of a label that is only jumped to: those of its first jump that can run. */
static bool label_first(const struct label *l, int *pending) {
    for (uint32_t i = 0; i < l->nrefs; i++)
        if (l->refs[i].pending >= 0) {
            *pending = l->refs[i].pending;
            return true;
        }
    return false;
}

void label_bind(struct compiler *c, struct label *l) {
    int first = 0;
    bool jumped = label_first(l, &first);
    if (!c->reachable) {
        c->pending = first;
        c->assigned = l->assigned;
        c->reachable = jumped;
    } else if (jumped) {
        c->assigned &= l->assigned;
    }
    uint32_t target = here(c);
    for (uint32_t i = 0; i < l->nrefs; i++) {
        struct label_ref r = l->refs[i];
        int d = r.pending < 0 ? 0 : r.pending - c->pending;
        if (d != 0 && c->p->code[r.pc].op == OP_JMP) {
            c->p->code[r.pc].a = (uint16_t)(int16_t)d;
            d = 0;
        }
        if (d != 0) add_stub(c, r.pc, d, target);
        else patch_jump(c, r.pc, target);
    }
}

void jump_to(struct compiler *c, struct label *l) {
    uint32_t pc = emit_bc(c, OP_JMP, 0, 0);
    label_jump(c, l, pc);
    c->reachable = false;
    c->assigned = ~(uint64_t)0;
}

/* Jumps whose ticks do not suit their label pass by an instruction behind the program that evens them. */
static void emit_stubs(struct compiler *c) {
    for (uint32_t i = 0; i < c->nstubs; i++) {
        struct stub *s = &c->stubs[i];
        c->line = c->p->where[s->jump].line;
        uint32_t pc = emit_bc(c, OP_JMP, (uint16_t)(int16_t)s->ticks, 0);
        patch_jump(c, pc, s->target);
        patch_jump(c, s->jump, pc);
    }
    c->nstubs = 0;
}

/* ---- registers, constants ---- */

uint16_t temp_alloc(struct compiler *c) {
    if (c->top >= MAX_REG) {
        c->failed = true;
        return c->p->nlocals;
    }
    uint16_t r = (uint16_t)c->top++;
    if (c->top > c->p->nregs) c->p->nregs = (uint16_t)c->top;
    return r;
}

bool is_local(const struct compiler *c, uint16_t reg) { return reg < c->p->nlocals; }

uint32_t konst(struct compiler *c, value v) {
    struct program *p = c->p;
    uint32_t from = p->nconsts > 64 ? p->nconsts - 64 : 0;
    for (uint32_t i = from; i < p->nconsts; i++)
        if (value_identical(p->consts[i], v)) return i; /* 0.0 and -0.0 in one program are one: so it is in the servers before us */
    p->consts = grow(p->consts, p->nconsts, &c->cap_consts, sizeof *p->consts);
    p->consts[p->nconsts] = value_ref(v);
    return p->nconsts++;
}

/* ---- variables ---- */

uint16_t variable_reg(const struct compiler *c, int32_t var) { return c->p->var_reg[var]; }

bool variable_ready(const struct compiler *c, int32_t var) {
    if (var < BV_COUNT) return true;
    return var - BV_COUNT < 64 && (c->assigned >> (var - BV_COUNT) & 1);
}

static bool is_command_variable(int32_t var) {
    return var == BV_argstr || var == BV_dobj || var == BV_dobjstr || var == BV_prepstr || var == BV_iobj || var == BV_iobjstr;
}

void variable_assigned(struct compiler *c, int32_t var) {
    if (var == BV_player) c->p->sets_player = true;
    if (is_command_variable(var)) c->p->sets_command = true;
    if (var >= BV_COUNT && var - BV_COUNT < 64) c->assigned |= (uint64_t)1 << (var - BV_COUNT);
}

static bool assigns_here(const struct node *n, int32_t var) {
    switch (n->kind) {
    case N_ASSIGN: {
        const struct node *t = n->kids[0];
        while (t->kind == N_INDEX || t->kind == N_RANGE) t = t->kids[0];
        return t->kind == N_VAR && t->var == var;
    }
    case N_TARGET:
    case N_OPTIONAL:
    case N_REST: return n->var == var;
    default: return false;
    }
}

bool assigns_variable(const struct compiler *c, const struct node *n, int32_t var) {
    if (!n || !c->assigns[n->id]) return false;
    if (assigns_here(n, var)) return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (assigns_variable(c, n->kids[i], var)) return true;
    return false;
}

/* ---- what is alive ---- */

static struct live *live_new(struct compiler *c, int kind, const struct node *n, int sub) {
    c->live = grow(c->live, c->nlive, &c->live_cap, sizeof *c->live);
    struct live *l = &c->live[c->nlive++];
    *l = (struct live){{n->id, (uint8_t)kind, (uint8_t)sub}, {NO_REG, 0, 0, 0}};
    return l;
}

void live_push(struct compiler *c, int kind, const struct node *n, int sub, uint16_t reg) { live_new(c, kind, n, sub)->place.reg = reg; }

void live_push_const(struct compiler *c, int kind, const struct node *n, int sub, uint32_t k) { live_new(c, kind, n, sub)->place.konst = k; }

/* The compiler and resume.c must agree, here and in every other code generator. */
static void check_slots(struct compiler *c, const struct node *n) {
    struct resume_slot *slots;
    int count = resume_slots(c->ast, c->entry, n->id, &slots);
    must(count == (int)c->nlive);
    for (int i = 0; i < count; i++)
        must(slots[i].node == c->live[i].slot.node && slots[i].kind == c->live[i].slot.kind && slots[i].sub == c->live[i].slot.sub);
    free(slots);
}

void mark_point(struct compiler *c, uint32_t pc, const struct node *n) {
    struct program *p = c->p;
    check_slots(c, n);
    p->points = grow(p->points, p->npoints, &c->cap_points, sizeof *p->points);
    p->points[p->npoints++] = (struct resume_point){pc, n->id, p->nplaces, c->nlive};
    for (uint32_t i = 0; i < c->nlive; i++) {
        uint32_t cap = c->cap_places;
        p->places = grow(p->places, p->nplaces, &cap, sizeof *p->places);
        p->slots = grow(p->slots, p->nplaces, &c->cap_places, sizeof *p->slots);
        p->places[p->nplaces] = c->live[i].place;
        p->slots[p->nplaces++] = c->live[i].slot;
    }
}

void add_handler(struct compiler *c, const struct handler *h) {
    struct program *p = c->p;
    p->handlers = grow(p->handlers, p->nhandlers, &c->cap_handlers, sizeof *p->handlers);
    p->handlers[p->nhandlers++] = *h;
}

/* ---- the program ---- */

static bool note_nodes(struct compiler *c, const struct node *n, bool *mentioned) {
    bool assigns = n->kind == N_ASSIGN || n->kind == N_TARGET || n->kind == N_OPTIONAL || n->kind == N_REST;
    if (n->var >= 0) mentioned[n->var] = true;
    for (uint32_t i = 0; i < n->nkids; i++) assigns |= note_nodes(c, n->kids[i], mentioned);
    c->assigns[n->id] = assigns;
    return assigns;
}

static void place_variables(struct compiler *c) {
    struct program *p = c->p;
    const struct ast *ast = c->ast;
    bool *mentioned = xcalloc(ast->nvars + 1, sizeof *mentioned);
    note_nodes(c, ast->root, mentioned);
    p->nvars = (int16_t)ast->nvars;
    p->nbuiltin = ast->version < LANGUAGE_WITH_MAPS ? BV_MAP : BV_COUNT;
    p->vars = xcalloc(ast->nvars + 1, sizeof *p->vars);
    p->var_reg = xcalloc(ast->nvars + 1, sizeof *p->var_reg);
    for (uint32_t v = 0; v < ast->nvars; v++) {
        p->vars[v] = str_ref(ast->vars[v]);
        p->var_reg[v] = NO_REG;
        if (v < BV_COUNT && !mentioned[v]) continue;
        p->var_reg[v] = p->nlocals;
        if (v < BV_COUNT) {
            p->start[p->nstart].var = (uint8_t)v;
            p->start[p->nstart++].reg = p->nlocals;
        }
        p->nlocals++;
    }
    p->nregs = p->nlocals;
    free(mentioned);
}

static void compile_entry(struct compiler *c, const struct node *body, uint32_t entry, int32_t end_line, uint64_t assigned) {
    c->entry = entry;
    c->top = c->p->nlocals;
    c->pending = 0;
    c->reachable = true;
    c->assigned = assigned;
    c->length_reg = NO_REG;
    c->loop = NULL;
    c->final = NULL;
    block_stmt(c, body);
    c->line = end_line;
    emit(c, OP_RETURNI, 0, 0, (uint32_t)take_ticks(c));
}

static bool begins_with_for(const struct node *block) {
    return block->nkids > 0 && (block->kids[0]->kind == N_FOR_LIST || block->kids[0]->kind == N_FOR_PAIRS || block->kids[0]->kind == N_FOR_RANGE);
}

static void compile_all(struct compiler *c) {
    compile_entry(c, c->ast->root, 0, c->ast->root->end_line, 0);
    for (uint32_t i = 0; i < c->p->nforks; i++) { /* bodies may hold further forks */
        struct fork_body f = c->forks[i];
        c->p->forks[i].node = f.node->id;
        c->p->forks[i].pc = here(c);
        c->p->forks[i].loops = begins_with_for(f.node->kids[1]);
        compile_entry(c, f.node->kids[1], f.node->id, f.node->end_line, f.assigned);
    }
    c->p->last_line = c->ast->root->end_line;
    emit_stubs(c);
}

static struct program *compile_once(struct machine *m, const struct ast *ast, bool nodebug, bool fuse, bool *too_far) {
    struct compiler c = {.m = m, .ast = ast, .nodebug = nodebug, .fuse = fuse, .direct = !ALTERNATIVE, .length_reg = NO_REG};
    *too_far = false;
    if (ast->nvars > 30000) return NULL;
    c.p = xcalloc(1, sizeof *c.p);
    c.assigns = xcalloc(ast->nnodes + 1, 1);
    place_variables(&c);
    compile_all(&c);
    free(c.assigns);
    free(c.live);
    free(c.stubs);
    free(c.forks);
    *too_far = c.too_far;
    if (c.failed || c.too_far) {
        program_free(c.p);
        return NULL;
    }
    return c.p;
}

struct program *compile_program(struct machine *m, const struct ast *ast, const struct compile_options *options) {
    bool too_far;
    struct program *p = compile_once(m, ast, options->nodebug, !ALTERNATIVE, &too_far);
    if (!p && too_far) p = compile_once(m, ast, options->nodebug, false, &too_far);
    return p;
}
