/* SPDX-License-Identifier: MIT */
/*
 * Parking: a task that asked for it does not end at its limit but is set aside, to go on in its next turn.
 *
 * It parks where a frame can be saved (lang/resume.h): at the back edge of a loop, and where a call's value has just come. It is then as if it had called
 * suspend(0) there. Others run in between, so it parks only in the code of those who agreed: who asked for it, and the owners of verbs with the letter p; a wizard
 * agrees for everybody. So that it may come to such a place, it looks for one from when a quarter of its time is left (SLICE_NEAR), or when its ticks are used
 * up, with some more lent. If none comes it ends as other tasks do.
 */
#include "lang/vm.h"

enum { LENT_PART = 4, LENT_LEAST = 1000 };

bool vm_parks(const struct vm *vm) {
    if (vm->parker != NOTHING) return true;
    for (uint32_t i = 0; i < vm->nframes; i++)
        if (vm->frames[i].parks) return true;
    return false;
}

void vm_set_parker(struct vm *vm, objid programmer) { vm->parker = programmer; }
objid vm_parker(const struct vm *vm) { return vm->parker; }

bool vm_lend_ticks(struct vm *vm) {
    if (vm->lent > 0) return false;
    vm->lent = vm->limits->ticks / LENT_PART + LENT_LEAST;
    vm->ticks += vm->lent;
    __atomic_fetch_or(vm->limits->out_of_time, SLICE_NEAR, __ATOMIC_RELAXED);
    return vm->ticks > 0;
}

static bool speaks_for(const struct vm *vm, objid who, const struct frame *f) {
    return who != NOTHING && (who == f->progr || db_is_wizard(vm->m->db, who));
}

/* May others run before this frame goes on? */
static bool agrees(const struct vm *vm, const struct frame *f) {
    if (f->parks || speaks_for(vm, vm->parker, f)) return true;
    for (const struct frame *g = vm->frames; g < f; g++)
        if (g->parks && speaks_for(vm, g->progr, f)) return true;
    return false;
}

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

static bool is_storable(const struct vm *vm) { return vm_bytes(vm) <= VALUE_STORED_MAX; }

/* The top frame is about to return to a program's: it does. */
static bool park_at_return(struct vm *vm) {
    struct frame *f = vm_top(vm);
    struct insn i = f->program->code[f->pc - 1];
    if ((i.op != OP_RETURN && i.op != OP_RETURNI) || vm->nframes < 2 || !f[-1].program || !agrees(vm, f - 1) || !is_storable(vm)) return false;
    value v = i.op == OP_RETURN ? reg_take(&vm_regs(vm, f)[i.a]) : value_int((int16_t)i.b);
    vm_pop(vm);
    stop_parked(vm, v);
    return true;
}

enum go vm_at_limit(struct vm *vm, enum vm_status why, bool over) {
    vm->wants_to_park = vm_parks(vm);
    if (vm->wants_to_park && park_at_return(vm)) return GO_STOP;
    if (vm->wants_to_park && vm_is_at_loop(vm_top(vm)) && agrees(vm, vm_top(vm)) && is_storable(vm)) {
        stop_parked(vm, value_int(0));
        return GO_STOP;
    }
    return over ? vm_abort(vm, why) : GO_HERE;
}

bool vm_park_with(struct vm *vm, value v) {
    if (!vm->wants_to_park || !agrees(vm, vm_top(vm)) || vm_bytes(vm) + value_bytes(v) > VALUE_STORED_MAX) return false;
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
