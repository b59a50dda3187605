/* SPDX-License-Identifier: MIT */
/* What can be seen of a vm: frames, stack lists, tracebacks. */
#include "lang/vm.h"

#include "base/buf.h"
#include "base/list.h"
#include "base/str.h"

/* LambdaMOO and ToastStunt find no line for the first instruction of a `for', and say 1: worlds' task lists show it. */
static bool line_not_found(const struct frame *f) {
    const struct program *p = f->program;
    for (uint32_t i = 0; f->entry && i < p->nforks; i++)
        if (p->forks[i].node == f->entry) return p->forks[i].loops;
    return false;
}

int vm_frame_line(const struct vm *vm, const struct frame *f) {
    uint32_t pc = f->pc;
    bool fresh = vm->state == VM_NEW && f == vm->frames;
    if (fresh && line_not_found(f)) return 1;
    if (pc > 0 && !fresh) pc--;
    return f->program->where[pc].line;
}

static int64_t row_line(const struct vm *vm, const struct frame *f) { return f->program ? vm_frame_line(vm, f) : f->step; }

static value frame_row(const struct vm *vm, const struct frame *f, bool with_line) {
    struct list *l = list_new(6);
    bool b = !f->program;
    l = list_append_take(l, value_obj(b ? NOTHING : f->this_));
    l = list_append_take(l, value_str(b ? str_from(vm->m->builtins[f->builtin].name) : str_ref(f->verb_name)));
    l = list_append_take(l, value_obj(b ? NOTHING : f->progr));
    l = list_append_take(l, value_obj(b ? NOTHING : f->definer));
    l = list_append_take(l, value_obj(f->player));
    if (with_line) l = list_append_take(l, value_int(row_line(vm, f)));
    return value_list(l);
}

value vm_rows(const struct vm *vm, uint32_t top, uint32_t bottom, bool with_line) {
    struct list *l = list_new(top + 1 - bottom);
    for (uint32_t i = top + 1; i > bottom; i--) l = list_append_take(l, frame_row(vm, &vm->frames[i - 1], with_line));
    return value_list(l);
}

value vm_stack_list(const struct vm *vm, int from, bool with_line) {
    if (from < 0 || (uint32_t)from >= vm->nframes) return value_list(list_empty());
    return vm_rows(vm, vm->nframes - 1 - (uint32_t)from, 0, with_line);
}

bool vm_activation(const struct vm *vm, int row, struct activation_info *out) {
    if (row < 0 || (uint32_t)row >= vm->nframes) return false;
    const struct frame *f = &vm->frames[vm->nframes - 1 - (uint32_t)row];
    *out = (struct activation_info){f->this_, f->player, f->progr, f->definer, f->verb_name, f->full_name, (int)row_line(vm, f), !f->program, f->debug};
    if (out->is_builtin) out->this_ = out->progr = out->definer = NOTHING;
    return true;
}

int vm_depth(const struct vm *vm) { return (int)vm->nframes; }

objid vm_caller_perms(const struct vm *vm) {
    bool running_seen = false;
    for (uint32_t i = vm->nframes; i > 0; i--) {
        const struct frame *f = &vm->frames[i - 1];
        if (!f->program) continue;
        if (running_seen) return f->progr;
        running_seen = true;
    }
    return NOTHING;
}

void vm_set_task_perms(struct vm *vm, objid progr) {
    struct frame *f = vm_running(vm);
    if (f) f->progr = progr;
}

objid vm_progr(const struct vm *vm) {
    const struct frame *f = vm_running(vm);
    return f ? f->progr : NOTHING;
}

objid vm_task_player(const struct vm *vm) { return vm->nframes ? vm->frames[0].player : NOTHING; }

struct str *vm_first_verb(const struct vm *vm, objid *definer) {
    *definer = vm->frames[0].definer;
    return vm->frames[0].full_name;
}

value vm_variable(const struct vm *vm, enum builtin_var var) {
    const struct frame *f = vm_running(vm);
    return f ? vm_frame_variable(vm, f, var) : value_none();
}

enum { VM_BYTES = 256, FRAME_BYTES = 144, PROGRAM_BYTES = 4 /* a letter of a program's text */ }; /* what they come to in the figure that programs see: the same in every build */

int64_t vm_bytes(const struct vm *vm) {
    int64_t n = VM_BYTES + (int64_t)vm->nframes * FRAME_BYTES;
    for (uint32_t i = 0; i < vm->nframes; i++) {
        const struct frame *f = &vm->frames[i];
        n += value_bytes(f->args) + value_bytes(f->state);
        if (f->code) n += PROGRAM_BYTES * (int64_t)f->code->text->len; /* by its text, so that it is the same in every build */
        for (uint32_t r = 0; f->program && r < f->program->nregs; r++) n += value_bytes(vm_regs(vm, f)[r]);
    }
    return n;
}

/* ---- tracebacks ---- */

static void trace_frame(const struct vm *vm, const struct frame *f, struct buf *b) {
    if (!f->program) {
        buf_printf(b, "built-in function %s()", vm->m->builtins[f->builtin].name);
        return;
    }
    buf_printf(b, "#%lld:%s", (long long)f->definer, f->full_name->data);
    if ((f->this_ == f->definer) == vm->m->dialect->traceback_this_when_definer) buf_printf(b, " (this == #%lld)", (long long)f->this_);
    buf_printf(b, ", line %d", vm_frame_line(vm, f));
}

value vm_traceback(const struct vm *vm, const char *message) {
    struct list *l = list_new(vm->nframes + 1);
    struct buf b = BUF_INIT;
    for (uint32_t i = vm->nframes; i > 0; i--) {
        buf_clear(&b);
        if (i < vm->nframes) buf_add_c(&b, "... called from ");
        trace_frame(vm, &vm->frames[i - 1], &b);
        if (i == vm->nframes) {
            buf_add_c(&b, ":  ");
            buf_add_c(&b, message);
        }
        l = list_append_take(l, value_str(buf_to_str(&b)));
    }
    buf_fini(&b);
    return value_list(list_append_take(l, value_str(str_from("(End of traceback)"))));
}
