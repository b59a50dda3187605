/* SPDX-License-Identifier: MIT */
#include "lang/program.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/must.h"

static void free_sites(struct program *p) {
    for (uint32_t i = 0; i < p->nprops; i++) str_unref(p->props[i].name);
    for (uint32_t i = 0; i < p->nverbs; i++)
        if (p->verbs[i].name) str_unref(p->verbs[i].name);
    for (uint32_t i = 0; i < p->ncalls; i++)
        if (p->calls[i].unknown) str_unref(p->calls[i].unknown);
    for (uint32_t i = 0; i < p->nscatters; i++) free(p->scatters[i].items);
    for (uint32_t i = 0; i < p->nhandlers; i++) free(p->handlers[i].clauses);
    free(p->props);
    free(p->verbs);
    free(p->calls);
    free(p->scatters);
    free(p->handlers);
}

void program_free(struct program *p) {
    if (!p) return;
    free_sites(p);
    for (uint32_t i = 0; i < p->nconsts; i++) value_unref(p->consts[i]);
    for (int i = 0; i < p->nvars; i++) str_unref(p->vars[i]);
    free(p->consts);
    free(p->vars);
    free(p->var_reg);
    free(p->code);
    free(p->where);
    free(p->points);
    free(p->places);
    free(p->slots);
    free(p->forks);
    if (p->messages) list_unref(p->messages);
    program_free(p->nodebug);
    free(p);
}

static struct program *broken_program(struct list *messages) {
    struct program *p = xcalloc(1, sizeof *p);
    p->broken = true;
    p->messages = messages;
    return p;
}

static struct program *make_program(struct machine *m, struct code *code, bool nodebug) {
    struct parse_options po = {.version = code->version, .imported = code->imported, .first_line = code->first_line, .functions = &m->functions};
    struct list *messages = list_empty();
    struct ast *ast = parse_program(code->text->data, code->text->len, &po, &messages);
    if (!ast) return broken_program(messages);
    struct compile_options co = {.nodebug = nodebug};
    struct program *p = compile_program(m, ast, &co);
    ast_free(ast);
    if (!p) return broken_program(list_append_take(messages, value_str(str_from("Program too large"))));
    list_unref(messages);
    return p;
}

struct program *program_of(struct machine *m, struct code *code, bool debug) {
    if (!code->program) code->program = make_program(m, code, false);
    struct program *p = code->program;
    if (debug || p->broken) return p;
    if (!p->nodebug) p->nodebug = make_program(m, code, true);
    return p->nodebug;
}

const struct resume_point *program_point_at(const struct program *p, uint32_t pc) {
    uint32_t lo = 0, hi = p->npoints;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (p->points[mid].pc < pc) lo = mid + 1;
        else hi = mid;
    }
    return lo < p->npoints && p->points[lo].pc == pc ? &p->points[lo] : NULL;
}

const struct resume_point *program_point_of(const struct program *p, uint32_t node) {
    for (uint32_t i = 0; i < p->npoints; i++)
        if (p->points[i].node == node) return &p->points[i];
    return NULL;
}

const char *opcode_name(int op) {
    switch (op) {
#define OP(name, nodebug, doc) \
    case OP_##name: return #name;
#include "lang/opcodes.def"
#undef OP
    default: return "?";
    }
}

void program_disassemble(const struct program *p, struct buf *out) {
    for (uint32_t i = 0; i < p->ncode; i++) {
        struct insn n = p->code[i];
        buf_printf(out, "%4u line %d pending %d  %s %u %u %u (bc %d)\n", i, p->where[i].line, p->where[i].pending, opcode_name(n.op), n.a, n.b, n.c, insn_bc(n));
    }
    for (uint32_t i = 0; i < p->nhandlers; i++) {
        const struct handler *h = &p->handlers[i];
        buf_printf(out, "handler %u..%u kind %d depth %u target %u\n", h->start, h->end, h->kind, h->depth, h->kind == HANDLER_FINALLY ? h->target : h->clauses[0].target);
    }
}
