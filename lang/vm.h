/* SPDX-License-Identifier: MIT */
/*
 * The inside of a vm: shared by lang/vm*.c and lang/frames.c only.
 *
 * Frames lie in one array, their registers in another, caller below callee. A frame is a program's, or a built-in's that waits for a verb it called.
 * Between instructions a register owns its value; a temporary that is not live holds none that is counted (or one that is overwritten soon).
 * `pc' of a frame is the index of the next instruction, except while it is the running one: then vm_run.c holds it.
 */
#ifndef LANG_VM_H
#define LANG_VM_H

#include "base/must.h"
#include "base/str.h"
#include "lang/machine.h"
#include "lang/program.h"

/* argstr dobj dobjstr prepstr iobj iobjstr: shared from frame to frame as long as nobody assigns to them. */
enum { COMMAND_VARS = 6 };
struct pool_account;
struct command_vars {
    uint32_t refs;
    value v[COMMAND_VARS];
};
int command_var_index(int var); /* -1 for other variables */

struct frame {
    struct program *program; /* NULL: a built-in */
    struct code *code; /* owned */
    uint32_t base, pc, entry; /* entry: 0, or the node of the FORK whose body runs */
    objid this_, player, progr, definer, caller;
    struct str *verb_name, *full_name; /* owned */
    struct command_vars *command; /* owned */
    value args; /* owned, unless the program mentions `args': then it is in its register */
    bool debug, parks; /* the verb's flags d and p */
    int32_t builtin, step;
    value state; /* built-in */
};

enum vm_state { VM_NEW, VM_SLEEPING, VM_RUNNING, VM_OVER };

struct exception {
    value code;
    struct str *message; /* NULL: the code's own text */
    value extra;
};

struct vm {
    struct machine *m;
    struct frame *frames;
    uint32_t nframes, cap_frames;
    value *stack;
    uint32_t cap_stack;
    enum vm_state state;
    int64_t ticks;
    struct vm_limits *limits;
    struct exception error; /* being raised */
    struct vm_outcome out; /* of this run */
    enum vm_status status;
    bool abort_seconds;
    bool over_memory; /* E_QUOTA was raised for it */
    int own_flag; /* in place of limits->out_of_time */
    int64_t held, taken_before; /* bytes when the slice began (while it sleeps: now), and pool_account.taken then */
    bool wants_to_park; /* little is left of its slice, and it parks at the next place where it can */
    int64_t lent; /* ticks beyond its limit, to find such a place with */
    objid parker; /* who has called set_task_overrun("park"); NOTHING */
    bool parked; /* sleeping: the top frame is at a loop's back edge, or wakes with what its call returned */
    int raise_on_wake; /* enum error; -1 none */
    struct str *wake_message; /* of that error; NULL: its own */
    void *owner;
    struct task_sums sums;
    int64_t switches; /* frames entered: tells that R is stale */
};

/* What a step of the machine leads to. */
enum go {
    GO_ON, /* with the top frame at its pc */
    GO_RAISE, /* vm->error, by an operation of the top frame */
    GO_STOP, /* vm->status */
    GO_HERE /* with the instruction that counts its ticks */
};

static inline struct frame *vm_top(const struct vm *vm) { return &vm->frames[vm->nframes - 1]; }
static inline value *vm_regs(const struct vm *vm, const struct frame *f) { return vm->stack + f->base; }
static inline void reg_put(value *r, value v) {
    struct counted *old = r->u.p;
    bool counted = value_is_counted(*r);
    uint32_t type = r->type;
    value_copy(r, &v);
    if (__builtin_expect(counted, 0) && --old->refs == 0) value_free_block((value){.type = type, .u.p = old});
}
/* *to = *from, with a reference of its own; they may be one. */
static inline void reg_copy(value *to, const value *from) {
    if (value_is_counted(*from)) ((struct counted *)from->u.p)->refs++;
    struct counted *old = to->u.p;
    bool counted = value_is_counted(*to);
    uint32_t type = to->type;
    value_copy(to, from);
    if (__builtin_expect(counted, 0) && --old->refs == 0) value_free_block((value){.type = type, .u.p = old});
}
/* The register's value; the register is empty afterwards. */
static inline value reg_take(value *r) {
    value v;
    value_copy(&v, r);
    value_set(r, value_none());
    return v;
}

static inline bool vm_is_temp(const struct vm *vm, const value *p) {
    const struct frame *f = vm_top(vm);
    const value *r = vm_regs(vm, f);
    return p >= r + f->program->nlocals && p < r + f->program->nregs;
}
/* An operand that is not wanted any more: a temporary becomes empty, others stay as they are. */
static inline void vm_used(struct vm *vm, value *p) {
    if (value_is_counted(*p) && vm_is_temp(vm, p)) reg_put(p, value_none());
}

/* ---- vm.c ---- */
struct vm *vm_alloc(struct machine *m);
struct frame *vm_new_frame(struct vm *vm); /* not initialised */
/* A program's frame: its registers empty; of the fields only program, code, base, pc, entry, debug, args and state are set. */
struct frame *vm_push_program(struct vm *vm, struct program *p, struct code *code, bool debug, uint32_t entry);
void vm_fill_variables(struct vm *vm, struct frame *f, value args); /* takes args */
value vm_start_value(struct frame *f, int var, value *args); /* of a built-in variable; takes *args for `args' */
void vm_free_code(struct code *c); /* out of line: the last reference of a frame went */
void vm_free_command(struct command_vars *c);
/* What the frame's fields hold goes. */
static inline void vm_release_frame(struct frame *f) {
    if (f->code && --f->code->refs == 0) vm_free_code(f->code);
    if (f->verb_name && --f->verb_name->refs == 0) value_free_block(value_str(f->verb_name));
    if (f->full_name && --f->full_name->refs == 0) value_free_block(value_str(f->full_name));
    if (f->command && --f->command->refs == 0) vm_free_command(f->command);
    value_unref(f->args);
    if (!f->program) value_unref(f->state);
}
/* The top frame is gone, and what it held. */
__attribute__((always_inline)) static inline void vm_pop(struct vm *vm) {
    struct frame *f = vm_top(vm);
    if (f->program) {
        value *r = vm_regs(vm, f), *end = r + f->program->nregs;
        for (; r < end; r++)
            if (value_is_counted(*r) && --((struct counted *)r->u.p)->refs == 0) value_free_block((value){.type = r->type, .u.p = r->u.p});
    }
    vm_release_frame(f);
    vm->nframes--;
}
struct frame *vm_running(const struct vm *vm); /* topmost program frame; NULL */
value vm_frame_variable(const struct vm *vm, const struct frame *f, int var); /* borrowed */
static inline struct command_vars *command_vars_ref(struct command_vars *c) {
    c->refs++;
    return c;
}
void command_vars_unref(struct command_vars *c);
struct command_vars *command_vars_new(void); /* "" and #-1 */
/* Those that a frame hands on: its current values. Borrowed. */
struct command_vars *vm_current_command(struct vm *vm, struct frame *f);
uint32_t program_entry_pc(const struct program *p, uint32_t entry); /* UINT32_MAX if there is none */
void vm_make_room(struct vm *vm, uint32_t frames, uint32_t regs); /* so much and no more, until it needs more: for one that is new */
struct vm *vm_fork(struct vm *vm, struct frame *f, uint32_t node);

/* ---- vm_run.c ---- */
enum vm_status vm_loop(struct vm *vm);

/* ---- vm_ops.c: false: vm->error is set (or vm->abort_seconds) ---- */
bool vm_op_add(struct vm *vm, value *dest, value *l, value *r);
bool vm_op_arith(struct vm *vm, int op, value *dest, value *l, value *r); /* - * / % ^ by the opcode of registers */
bool vm_op_neg(struct vm *vm, value *dest, value *x);
bool vm_op_compare(struct vm *vm, int op, value *l, value *r, bool *result); /* < <= > >= by opcode LT.. */
bool vm_op_equal(struct vm *vm, value *l, value *r);
bool vm_op_in(struct vm *vm, value *dest, value *l, value *r);
bool vm_op_index(struct vm *vm, value *dest, value *base, value *index);
bool vm_op_pushref(struct vm *vm, value *dest, const value *base, const value *index);
bool vm_op_range(struct vm *vm, value *dest, value *base, value *from);
bool vm_op_length(struct vm *vm, value *dest, const value *base);
bool vm_op_first(struct vm *vm, value *dest, const value *base);
bool vm_op_getvar(struct vm *vm, value *dest, uint16_t reg);
bool vm_op_listof(struct vm *vm, value *dest, value *src);
bool vm_op_listadd(struct vm *vm, value *dest, value *first, uint32_t n);
bool vm_op_splice(struct vm *vm, value *dest, value *src);
bool vm_op_append(struct vm *vm, value *dest, value *item);
bool vm_op_listset(struct vm *vm, value *dest, value *base, uint32_t n);
bool vm_op_setidx(struct vm *vm, value *base, value *index, value *v);
bool vm_op_setindex(struct vm *vm, value *base, value *chain, uint32_t levels, uint16_t var);
bool vm_op_setrange(struct vm *vm, value *base, value *bounds, value *v, uint16_t var);
bool vm_op_get_property(struct vm *vm, value *dest, const value *obj, struct str *name, struct prop_cache *cache);
bool vm_op_get_property_dynamic(struct vm *vm, value *dest, const value *obj, const value *name);
bool vm_op_set_property(struct vm *vm, const value *obj, struct str *name, value *v, struct prop_cache *cache);
bool vm_op_set_property_dynamic(struct vm *vm, const value *obj, const value *name, value *v);
bool vm_op_scatter(struct vm *vm, value *src, const struct scatter *s, uint32_t *pc);
bool vm_op_for_list(struct vm *vm, value *state, value *var, bool *enter);
bool vm_op_for_next(value *state, value *var); /* of a string or map, or what an error left: false at the end */
void vm_op_for_key(const value *state, value *dest);
bool vm_op_for_range(struct vm *vm, value *state, value *var, bool *enter);
bool vm_op_fork(struct vm *vm, struct insn i);

bool vm_too_large(struct vm *vm); /* a result that is larger than the world allows: catchable, or the end of the task */

/* ---- vm_maps.c: likewise ---- */
static inline int64_t vm_most_map_bytes(const struct vm *vm) { return vm->m->max_map_bytes > 0 ? vm->m->max_map_bytes : VALUE_STORED_MAX; }
value vm_map_item(struct vm *vm, const struct map *m, value key); /* owned; NONE: the error is set */
bool vm_map_index(struct vm *vm, value *dest, value *base, value *index);
bool vm_map_range(struct vm *vm, value *dest, value *base, value *from); /* from[0], from[1]: keys */
bool vm_map_key_at(struct vm *vm, value *dest, struct map *m, int64_t i); /* E_RANGE when it is empty */
enum error vm_map_check_store(struct vm *vm, const struct map *m, value key, value v);
bool vm_store_error(struct vm *vm, enum error e); /* of a store that was checked */
bool vm_map_check_replacement(struct vm *vm, const struct map *m, const value *bounds, const value *v); /* m[bounds[0]..bounds[1]] = v */
bool vm_op_mapadd(struct vm *vm, value *dest, value *key, value *v);

/* ---- vm_call.c ---- */
/* The common call of a verb by the top frame f, whose pc is written back: the new top frame, at its start; NULL: nothing has happened, vm_call_verb() knows why. */
struct frame *vm_call_verb_fast(struct vm *vm, struct frame *f, struct insn i);
enum go vm_call_verb(struct vm *vm, struct insn i);
enum go vm_call_builtin(struct vm *vm, struct insn i);
/* The top frame is gone and returned v (taken): on with the one below. */
enum go vm_deliver_return(struct vm *vm, value v);
/* v (taken) is the result of what the top frame (a program's) waits for. */
void vm_deliver(struct vm *vm, value v);
/* Pops the top frame, a built-in's, on the way of an error: it is finished as if what it called had returned 0. */
void vm_unwind_builtin(struct vm *vm);

/* ---- vm_raise.c ---- */
bool vm_error(struct vm *vm, enum error e); /* sets vm->error; false */
bool vm_error_text(struct vm *vm, enum error e, struct str *message, value extra); /* takes */
bool vm_error_types(struct vm *vm, unsigned expected, int got); /* E_TYPE of an operator; expected: bits by type code */
/* vm->error was raised by an operation of the top frame. */
enum go vm_operation_failed(struct vm *vm);
enum go vm_raise(struct vm *vm);
/* ENDFINALLY with something to go on with: the two registers. */
enum go vm_raise_again(struct vm *vm, value *pending);

/* Out of ticks or seconds, or killed: no finally. */
enum go vm_abort(struct vm *vm, enum vm_status status);
int64_t vm_checkpoint_ticks(const struct program *p, const struct insn *i); /* that an instruction which looks at the limits counts */

/* ---- vm_park.c ---- */
bool vm_parks(const struct vm *vm); /* somebody has agreed to it */
bool vm_lend_ticks(struct vm *vm); /* once a slice, when none are left; false: they were */
/* The top frame's instruction has counted its ticks; little is left (`over': nothing) of ticks or time (why). GO_HERE: it is carried out. */
enum go vm_at_limit(struct vm *vm, enum vm_status why, bool over);
/* The top frame's call has come to v: taken, and the task parks, if it wants to. */
bool vm_park_with(struct vm *vm, value v);
void vm_unpark(struct vm *vm, value v); /* takes what it parked with */
bool vm_is_at_loop(const struct frame *f); /* it waits at a back edge, not in a call */

/* ---- vm_limits.c ---- */
enum { VM_NAME_NS = 12 }; /* to look up a name that a program made, and to say that there is none: a byte, at most */
void vm_account_begin(struct vm *vm, struct pool_account *outer);
void vm_account_end(struct vm *vm, const struct pool_account *outer);
void vm_account_fork(const struct vm *vm, struct vm *child);
enum go vm_interrupted(struct vm *vm); /* the instruction that has just counted its ticks found none left, or a flag of the slice set */

/* ---- vm_info.c ---- */
int vm_frame_line(const struct vm *vm, const struct frame *f);
value vm_rows(const struct vm *vm, uint32_t top, uint32_t bottom, bool with_line); /* frames top .. bottom (indexes, top >= bottom) */

#endif
