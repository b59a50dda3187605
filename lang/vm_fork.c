/* SPDX-License-Identifier: MIT */
/* Tasks that have not begun, seen from outside: their variables by name, and the program of what was forked as a text of its own. For text dumps. */
#include "lang/vm.h"

#include <string.h>

#include "base/str.h"

size_t vm_count_variables(const struct vm *vm) {
    const struct program *p = vm_top(vm)->program;
    return p ? (size_t)(p->nvars - (BV_COUNT - p->nbuiltin)) : BV_MAP;
}

static const char *const builtin_names[BV_COUNT] = {
#define VARIABLE(name, since, doc) #name,
#include "lang/vars.def"
#undef VARIABLE
};

struct str *vm_variable_at(const struct vm *vm, size_t i, value *v) {
    const struct frame *f = vm_top(vm);
    const struct program *p = f->program;
    if (i >= (size_t)p->nbuiltin) i += (size_t)(BV_COUNT - p->nbuiltin);
    if (i < BV_COUNT) {
        *v = value_ref(vm_frame_variable(vm, f, (int)i));
        return str_from(builtin_names[i]);
    }
    uint16_t r = p->var_reg[i];
    *v = r == NO_REG ? value_none() : value_ref(vm_regs(vm, f)[r]);
    return str_ref(p->vars[i]);
}

void vm_set_named_variable(struct vm *vm, const struct str *name, value v) {
    const struct frame *f = vm_top(vm);
    const struct program *p = f->program;
    for (int i = 0; i < p->nvars; i++) {
        if (p->var_reg[i] == NO_REG || !str_equal(p->vars[i], name)) continue;
        reg_put(&vm_regs(vm, f)[p->var_reg[i]], v);
        return;
    }
    value_unref(v); /* what the program does not mention it cannot miss */
}

static const struct node *fork_body(const struct node *n) {
    const struct node *body = NULL;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kids[i] && n->kids[i]->kind == N_BLOCK) body = n->kids[i];
    return body;
}

bool vm_fork_program(const struct vm *vm, struct buf *out, int *version, int64_t *first_line) {
    const struct frame *f = vm_top(vm);
    *version = f->code->version;
    *first_line = f->code->first_line;
    if (f->entry == 0) return machine_list_code(vm->m, f->code, true, false, out);
    struct parse_options how = {.version = f->code->version, .imported = f->code->imported, .first_line = f->code->first_line, .functions = &vm->m->functions};
    struct list *messages = list_empty();
    struct ast *ast = parse_program(f->code->text->data, f->code->text->len, &how, &messages);
    const struct node *fork = ast ? ast_find(ast, f->entry) : NULL, *body = fork ? fork_body(fork) : NULL;
    if (body) {
        struct unparse_options listing = {.fully_parenthesized = true, .functions = &vm->m->functions};
        unparse_block(ast, body, &listing, out);
        *first_line = body->nkids > 0 ? body->kids[0]->line : fork->line;
    }
    if (ast) ast_free(ast);
    list_unref(messages);
    return body != NULL;
}
