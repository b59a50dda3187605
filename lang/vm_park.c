/* SPDX-License-Identifier: MIT */
/*
 * Parking: a task that asked for it does not end at its limit but is set aside, to go on in its next turn.
 *
 * It parks where a frame can be saved (lang/resume.h): at the back edge of a loop, and where a call's value has just come. It is then as if it had called
 * suspend(0) there. What comes before such a place is done beyond the limit: it is no more than a program's text and the depth of the stack allow.
 */
#include "lang/vm.h"

bool vm_parks(const struct vm *vm) {
    if (vm->parks) return true;
    for (uint32_t i = 0; i < vm->nframes; i++)
        if (vm->frames[i].parks) return true;
    return false;
}

void vm_set_parks(struct vm *vm, bool parks) { vm->parks = parks; }
bool vm_own_parks(const struct vm *vm) { return vm->parks; }

bool vm_is_at_loop(const struct frame *f) {
    int op = f->program->code[f->pc - 1].op;
    return op == OP_LOOP || op == OP_FORLLOOP || op == OP_FORRLOOP;
}

/* Takes v, which the top frame's call has come to (at a loop: anything). */
static void stop_parked(struct vm *vm, value v) {
    vm->out.v = v;
    vm->out.why = SUSPEND_PARK;
    vm->status = VM_SUSPENDED;
    vm->parked = true;
}

/* The top frame is about to return to a program's: it does. */
static bool park_at_return(struct vm *vm) {
    struct frame *f = vm_top(vm);
    struct insn i = f->program->code[f->pc - 1];
    if ((i.op != OP_RETURN && i.op != OP_RETURNI) || vm->nframes < 2 || !f[-1].program) return false;
    value v = i.op == OP_RETURN ? reg_take(&vm_regs(vm, f)[i.a]) : value_int((int16_t)i.b);
    vm_pop(vm);
    stop_parked(vm, v);
    return true;
}

enum go vm_at_limit(struct vm *vm, enum vm_status why) {
    if (!vm_parks(vm) || vm_bytes(vm) > VALUE_STORED_MAX) return vm_abort(vm, why);
    vm->wants_to_park = true;
    if (park_at_return(vm)) return GO_STOP;
    if (!vm_is_at_loop(vm_top(vm))) return GO_HERE;
    stop_parked(vm, value_int(0));
    return GO_STOP;
}

bool vm_park_with(struct vm *vm, value v) {
    if (!vm->wants_to_park || !vm_parks(vm) || vm_bytes(vm) + value_bytes(v) > VALUE_STORED_MAX) return false;
    stop_parked(vm, v);
    return true;
}

void vm_unpark(struct vm *vm, value v) {
    struct frame *f = vm_top(vm);
    vm->parked = false;
    if (!vm_is_at_loop(f)) {
        vm_deliver(vm, v);
        return;
    }
    value_unref(v);
    f->pc--; /* the loop's instruction is done now; its ticks were counted before */
    vm->ticks += vm_checkpoint_ticks(f->program, &f->program->code[f->pc]);
}
