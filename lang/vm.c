/* SPDX-License-Identifier: MIT */
/* Stacks of frames: made, filled, forked, freed. */
#include "lang/vm.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/pool.h"
#include "base/str.h"
#include "db/world.h"

/* ---- command variables ---- */

int command_var_index(int var) {
    switch (var) {
    case BV_argstr: return 0;
    case BV_dobj: return 1;
    case BV_dobjstr: return 2;
    case BV_prepstr: return 3;
    case BV_iobj: return 4;
    case BV_iobjstr: return 5;
    default: return -1;
    }
}

static const uint8_t command_vars[COMMAND_VARS] = {BV_argstr, BV_dobj, BV_dobjstr, BV_prepstr, BV_iobj, BV_iobjstr};

struct command_vars *command_vars_new(void) {
    struct command_vars *c = xmalloc(sizeof *c);
    c->refs = 1;
    for (int i = 0; i < COMMAND_VARS; i++)
        c->v[i] = command_vars[i] == BV_dobj || command_vars[i] == BV_iobj ? value_obj(NOTHING) : value_str(str_empty());
    return c;
}

void command_vars_unref(struct command_vars *c) {
    if (!c || --c->refs > 0) return;
    for (int i = 0; i < COMMAND_VARS; i++) value_unref(c->v[i]);
    free(c);
}

static bool same_payload(value a, value b) { return a.type == b.type && a.u.i == b.u.i; }

struct command_vars *vm_current_command(struct vm *vm, struct frame *f) {
    if (!f->program->sets_command) return f->command;
    bool same = true;
    value now[COMMAND_VARS];
    for (int i = 0; i < COMMAND_VARS; i++) {
        uint16_t r = f->program->var_reg[command_vars[i]];
        now[i] = r == NO_REG ? f->command->v[i] : vm_regs(vm, f)[r];
        same = same && same_payload(now[i], f->command->v[i]);
    }
    if (same) return f->command;
    struct command_vars *c = xmalloc(sizeof *c);
    c->refs = 1;
    for (int i = 0; i < COMMAND_VARS; i++) c->v[i] = value_ref(now[i]);
    command_vars_unref(f->command);
    return f->command = c;
}

/* ---- frames ---- */

struct vm *vm_alloc(struct machine *m) {
    struct vm *vm = xcalloc(1, sizeof *vm);
    vm->m = m;
    vm->raise_on_wake = -1;
    vm->parker = NOTHING;
    vm->error.code = vm->error.extra = value_none();
    return vm;
}

static void stack_grow(struct vm *vm, uint32_t need) {
    uint32_t cap = vm->cap_stack ? vm->cap_stack : 16;
    while (cap < need) cap *= 2;
    vm->stack = xrealloc(vm->stack, cap * sizeof *vm->stack);
    vm->cap_stack = cap;
}

static inline void stack_reserve(struct vm *vm, uint32_t need) {
    if (__builtin_expect(need > vm->cap_stack, 0)) stack_grow(vm, need);
}

struct frame *vm_new_frame(struct vm *vm) {
    if (vm->nframes == vm->cap_frames) {
        vm->cap_frames = vm->cap_frames ? vm->cap_frames * 2 : 4;
        vm->frames = xrealloc(vm->frames, vm->cap_frames * sizeof *vm->frames);
    }
    return &vm->frames[vm->nframes++];
}

void vm_make_room(struct vm *vm, uint32_t frames, uint32_t regs) {
    must(vm->nframes == 0 && !vm->frames && !vm->stack);
    vm->frames = xmalloc(frames * sizeof *vm->frames);
    vm->cap_frames = frames;
    vm->stack = xmalloc(regs * sizeof *vm->stack);
    vm->cap_stack = regs;
}

uint32_t program_entry_pc(const struct program *p, uint32_t entry) {
    if (entry == 0) return 0;
    for (uint32_t i = 0; i < p->nforks; i++)
        if (p->forks[i].node == entry) return p->forks[i].pc;
    return UINT32_MAX;
}

struct frame *vm_push_program(struct vm *vm, struct program *p, struct code *code, bool debug, uint32_t entry) {
    uint32_t base = 0;
    if (vm->nframes > 0) {
        const struct frame *below = vm_top(vm);
        base = below->base + (below->program ? below->program->nregs : 0);
    }
    stack_reserve(vm, base + p->nregs + 1u); /* one at least, so that there is a stack */
    struct frame *f = vm_new_frame(vm);
    f->program = p;
    f->code = code_ref(code);
    f->base = base;
    f->pc = entry == 0 ? 0 : program_entry_pc(p, entry);
    f->entry = entry;
    f->debug = debug;
    f->parks = false;
    f->command = NULL;
    f->verb_name = f->full_name = NULL;
    value_set(&f->args, value_none());
    value_set(&f->state, value_none());
    value *r = vm->stack + base;
    for (uint32_t i = 0; i < p->nregs; i++) value_set(&r[i], value_none());
    return f;
}

value vm_start_value(struct frame *f, int var, value *args) {
    switch ((enum builtin_var)var) {
    case BV_NUM:
    case BV_INT: return value_int(V_INT);
    case BV_OBJ: return value_int(V_OBJ);
    case BV_STR: return value_int(V_STR);
    case BV_LIST: return value_int(V_LIST);
    case BV_ERR: return value_int(V_ERR);
    case BV_FLOAT: return value_int(V_FLOAT);
    case BV_MAP: return value_int(V_MAP);
    case BV_player: return value_obj(f->player);
    case BV_this: return value_obj(f->this_);
    case BV_caller: return value_obj(f->caller);
    case BV_verb: return value_str(str_ref(f->verb_name));
    case BV_args: return reg_take(args);
    case BV_argstr:
    case BV_dobj:
    case BV_dobjstr:
    case BV_prepstr:
    case BV_iobj:
    case BV_iobjstr: return value_ref(f->command->v[command_var_index(var)]);
    case BV_COUNT: break;
    }
    return value_none();
}

void vm_fill_variables(struct vm *vm, struct frame *f, value args) {
    const struct program *p = f->program;
    value *r = vm_regs(vm, f);
    value_set(&f->args, args);
    for (int i = 0; i < p->nstart; i++) value_set(&r[p->start[i].reg], vm_start_value(f, p->start[i].var, &f->args));
}

void vm_free_code(struct code *c) {
    c->refs = 1;
    code_unref(c);
}

void vm_free_command(struct command_vars *c) {
    c->refs = 1;
    command_vars_unref(c);
}

struct frame *vm_running(const struct vm *vm) {
    for (uint32_t i = vm->nframes; i > 0; i--)
        if (vm->frames[i - 1].program) return &vm->frames[i - 1];
    return NULL;
}

value vm_frame_variable(const struct vm *vm, const struct frame *f, int var) {
    uint16_t r = f->program->var_reg[var];
    if (r != NO_REG) return vm_regs(vm, f)[r];
    struct frame copy = *f; /* vm_start_value() may take args */
    value args = f->args;
    value v = vm_start_value(&copy, var, &args);
    if (var != BV_args) value_unref(v); /* borrowed: the frame holds it */
    return v;
}

/* ---- starting ---- */

static struct command_vars *start_command(const struct vm_start *s) {
    struct command_vars *c = command_vars_new();
    struct str *texts[] = {s->argstr, s->dobjstr, s->prepstr, s->iobjstr};
    static const int at[] = {0, 2, 3, 5};
    for (int i = 0; i < 4; i++)
        if (texts[i]) reg_put(&c->v[at[i]], value_str(str_ref(texts[i])));
    c->v[1] = value_obj(s->dobj);
    c->v[4] = value_obj(s->iobj);
    return c;
}

struct vm *vm_new(struct machine *m, const struct vm_start *s) {
    static const char no_program[] = "";
    bool debug = s->code ? s->debug : (db_verb_flags(m->db, s->verb) & VF_DEBUG) != 0;
    struct code *code = s->code ? s->code : db_verb_code(m->db, s->verb), *owned = NULL; /* last: it is borrowed */
    if (!code) { /* never programmed: an empty program */
        struct str *text = str_from(no_program);
        code = owned = code_new(db_code_table(m->db), text, LANGUAGE_VERSION, false, 1);
        str_unref(text);
    }
    struct vm *vm = vm_alloc(m);
    struct program *p = program_of(m, code, debug);
    if (p->broken) {
        if (owned) code_unref(owned);
        free(vm);
        return NULL;
    }
    struct frame *f = vm_push_program(vm, p, code, debug, 0);
    if (owned) code_unref(owned);
    f->this_ = s->this_;
    f->player = s->player;
    f->caller = s->caller;
    f->definer = s->verb.definer;
    f->progr = s->progr != NOTHING || s->code ? s->progr : db_verb_owner(m->db, s->verb);
    f->verb_name = s->verb_name ? str_ref(s->verb_name) : str_empty();
    f->full_name = s->code ? (s->full_name ? str_ref(s->full_name) : str_empty()) : str_ref(db_verb_names(m->db, s->verb));
    f->parks = !s->code && (db_verb_flags(m->db, s->verb) & VF_PARK);
    f->command = start_command(s);
    vm_fill_variables(vm, f, value_list(s->args ? list_ref(s->args) : list_empty()));
    return vm;
}

struct vm *vm_fork(struct vm *vm, struct frame *f, uint32_t node) {
    struct vm *child = vm_alloc(vm->m);
    vm_make_room(child, 1, f->program->nregs + 1u); /* there may be a million that have not begun */
    struct frame *g = vm_push_program(child, f->program, f->code, f->debug, node);
    struct command_vars *command = vm_current_command(vm, f);
    g->this_ = f->this_;
    g->player = f->player;
    g->progr = f->progr;
    g->definer = f->definer;
    g->caller = f->caller;
    g->verb_name = str_ref(f->verb_name);
    g->full_name = str_ref(f->full_name);
    g->command = command_vars_ref(command);
    g->parks = f->parks;
    g->args = value_ref(f->args);
    value *from = vm_regs(vm, f), *to = vm_regs(child, g);
    for (uint32_t i = 0; i < f->program->nlocals; i++) to[i] = value_ref(from[i]);
    if (f == vm->frames) child->sums.first = vm->sums.first; /* the same verb, for the same player */
    vm_account_fork(vm, child);
    return child;
}

void vm_free(struct vm *vm) {
    if (!vm) return;
    must(vm->state != VM_RUNNING);
    while (vm->nframes > 0) vm_pop(vm);
    value_unref(vm->error.code);
    value_unref(vm->error.extra);
    if (vm->error.message) str_unref(vm->error.message);
    if (vm->wake_message) str_unref(vm->wake_message);
    free(vm->frames);
    free(vm->stack);
    free(vm);
}


void vm_outcome_fini(struct vm_outcome *o) {
    value_unref(o->v);
    value_unref(o->code);
    value_unref(o->message);
    value_unref(o->extra);
    value_unref(o->stack);
    value_unref(o->traceback);
    *o = (struct vm_outcome){.v = value_none(), .code = value_none(), .message = value_none(), .extra = value_none(), .stack = value_none(), .traceback = value_none()};
}

/* ---- running ---- */

static void begin_run(struct vm *vm, struct vm_limits *limits) {
    if (!limits->out_of_time) limits->out_of_time = &vm->own_flag;
    vm->own_flag = 0;
    vm->limits = limits;
    vm->ticks = limits->ticks;
    vm->abort_seconds = vm->wants_to_park = false;
    vm->lent = 0;
    vm->out = (struct vm_outcome){.v = value_none(), .code = value_none(), .message = value_none(), .extra = value_none(), .stack = value_none(), .traceback = value_none()};
}

static void end_asleep(struct vm *vm, enum vm_status status, struct vm_outcome *out) {
    must(vm->state != VM_RUNNING);
    struct vm_limits limits = {.ticks = 1};
    begin_run(vm, &limits);
    bool has_begun = vm->state != VM_NEW;
    if (has_begun) vm->state = VM_RUNNING; /* of one that has not, nothing is finished, and its line is that of the fork */
    vm_abort(vm, status);
    vm->state = VM_OVER;
    vm->limits = NULL;
    *out = vm->out;
    vm_free(vm);
}

void vm_kill(struct vm *vm) {
    struct vm_outcome out;
    end_asleep(vm, VM_KILLED, &out);
    vm_outcome_fini(&out);
}

void vm_expire(struct vm *vm, struct vm_outcome *out) { end_asleep(vm, VM_OUT_OF_SECONDS, out); }

/* The first step of a task that wakes: GO_ON with the value in its place, or an error. */
static enum go wake_up(struct vm *vm, value wake) {
    int e = vm->raise_on_wake;
    vm->raise_on_wake = -1;
    if (e >= 0) {
        value_unref(wake);
        vm_error_text(vm, (enum error)e, vm->wake_message, value_int(0));
        vm->wake_message = NULL;
        return vm_operation_failed(vm);
    }
    if (wake.type == V_ERR) {
        vm_error(vm, wake.u.e);
        return vm_operation_failed(vm);
    }
    vm_deliver(vm, wake);
    return GO_ON;
}

enum vm_status vm_run(struct vm *vm, struct vm_limits *limits, value wake, struct vm_outcome *out) {
    must(vm->state == VM_NEW || vm->state == VM_SLEEPING);
    struct pool_account outer;
    begin_run(vm, limits);
    vm_account_begin(vm, &outer);
    enum go go = GO_ON;
    bool fresh = vm->state == VM_NEW && vm->raise_on_wake < 0;
    vm->state = VM_RUNNING;
    if (fresh) value_unref(wake);
    else if (vm->parked) vm_unpark(vm, wake);
    else go = wake_up(vm, wake);
    enum vm_status status = go == GO_STOP ? vm->status : vm_loop(vm);
    vm_account_end(vm, &outer);
    limits->ticks = vm->ticks - vm->lent;
    vm->limits = NULL;
    vm->state = status == VM_SUSPENDED ? VM_SLEEPING : VM_OVER;
    *out = vm->out;
    return status;
}

int64_t vm_ticks_left(const struct vm *vm) { return vm->ticks > vm->lent ? vm->ticks - vm->lent : 0; }
void vm_abort_seconds(struct vm *vm) { vm->abort_seconds = true; }

void vm_set_raise_on_wake(struct vm *vm, enum error e, struct str *message) {
    if (vm->wake_message) str_unref(vm->wake_message);
    vm->wake_message = message;
    vm->raise_on_wake = e;
}

struct task_sums *vm_sums(struct vm *vm) { return &vm->sums; }
void *vm_owner(const struct vm *vm) { return vm->owner; }
void vm_set_owner(struct vm *vm, void *task) { vm->owner = task; }
