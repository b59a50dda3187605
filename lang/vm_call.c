/* SPDX-License-Identifier: MIT */
/* Calls of verbs and built-ins, and what comes back from them. */
#include "lang/vm.h"

#include "base/list.h"
#include "base/str.h"
#include "db/fast.h"

/* A verb found, and how it is called. */
struct verb_call {
    objid this_, definer, owner, player;
    struct code *code; /* NULL: never programmed. Borrowed: nothing is asked of the database from the look-up to the frame. */
    bool debug, parks;
    struct str *name, *full_name; /* borrowed */
    value args; /* taken by push_verb() */
};

/* Rows of built-ins that called back do not count, only programs; so the count is made only where it may matter. */
static inline bool stack_is_full(const struct vm *vm) {
    uint32_t most = (uint32_t)vm->m->max_stack_depth, programs = 0;
    if (vm->nframes < most) return false;
    for (uint32_t i = 0; i < vm->nframes; i++) programs += vm->frames[i].program != NULL;
    return programs >= most;
}

/* `player' of a called frame: a wizard's program hands on what its variable holds, others what they were started with. */
static inline objid player_to_pass(struct vm *vm, const struct frame *f) {
    if (!f->program->sets_player) return f->player;
    value v = vm_frame_variable(vm, f, BV_player);
    return v.type == V_OBJ && db_is_wizard(vm->m->db, f->progr) ? v.u.o : f->player;
}

static enum go program_is_broken(struct vm *vm, const struct program *p) {
    struct str *first = p->messages && p->messages->len > 0 && list_get(p->messages, 1).type == V_STR ? list_get(p->messages, 1).u.s : NULL;
    vm_error_text(vm, E_INVARG, str_printf("Verb does not compile: %s", first ? first->data : "?"), value_int(0));
    return GO_RAISE;
}

/* How often it is yet to be compiled: the first call of a program since it was set or left memory has to, and one without d once more. */
static uint64_t compilations(const struct verb_call *call) {
    const struct program *p = call->code->program;
    if (p && (call->debug || p->broken || p->nodebug)) return 0;
    return !p && !call->debug ? 2 : 1;
}

static enum go no_time_to_compile(struct verb_call *call) {
    value_unref(call->args);
    return GO_RAISE;
}

/* Enters the verb; `from' is the calling program's frame. The stack has been looked at. Takes call->args. GO_RAISE: nothing was entered. */
static inline enum go push_verb(struct vm *vm, struct frame *from, struct verb_call *call) {
    struct program *p = call->code->program;
    if (!p || !call->debug) {
        if (!vm_can_afford(vm, compilations(call) * call->code->text->len * MACHINE_COMPILE_AGAIN_NS)) return no_time_to_compile(call);
        p = program_of(vm->m, call->code, call->debug);
    }
    if (__builtin_expect(p->broken, 0)) {
        value_unref(call->args);
        return program_is_broken(vm, p);
    }
    objid caller = from->this_;
    struct command_vars *command = from->program->sets_command ? vm_current_command(vm, from) : from->command;
    command->refs++;
    struct frame *f = vm_push_program(vm, p, call->code, call->debug, 0); /* `from' may have moved */
    f->this_ = call->this_;
    f->player = call->player;
    f->caller = caller;
    f->progr = call->owner;
    f->definer = call->definer;
    f->verb_name = str_ref(call->name);
    f->full_name = str_ref(call->full_name);
    f->command = command;
    f->parks = call->parks;
    vm_fill_variables(vm, f, call->args);
    return GO_ON;
}

void vm_deliver(struct vm *vm, value v) {
    struct frame *f = vm_top(vm);
    uint16_t dest = f->program->code[f->pc - 1].a;
    if (dest == NO_REG) value_unref(v);
    else reg_put(&vm_regs(vm, f)[dest], v);
}

/* ---- verbs ---- */

static bool verb_not_found(struct vm *vm, objid o, struct str *name) {
    if (!vm->m->dialect->detailed_messages) return vm_error(vm, E_VERBNF);
    struct str *text = str_printf("Verb not found: #%lld:%s()", (long long)o, name->data);
    return vm_error_text(vm, E_VERBNF, text, value_list(list_of(2, value_obj(o), value_str(str_ref(name)))));
}

static inline value arguments_list(value *first, int32_t n) { return value_list(list_from_take(first, (size_t)n)); }

/* The arguments of a call, owned; NONE (and E_TYPE) when an error in a frame without d left no list. */
static inline value take_arguments(struct vm *vm, uint16_t first, int32_t nargs) {
    value *r = vm_regs(vm, vm_top(vm)) + first;
    if (nargs >= 0) return arguments_list(r, nargs);
    value v = reg_take(r);
    if (v.type == V_LIST) return v;
    value_unref(v);
    vm_error(vm, E_TYPE);
    return value_none();
}

static inline bool find_verb(struct vm *vm, objid o, struct str *name, struct verb_cache *cache) {
    bool found;
    if (db_fast_verb(vm->m->db, o, cache, &found) && found) return true;
    if (!vm_bring(vm, o)) return false;
    if (!db_valid(vm->m->db, o)) return vm_error(vm, E_INVIND);
    struct verbref ref;
    if (!db_find_callable_verb(vm->m->db, o, name, cache, &ref)) return verb_not_found(vm, o, name);
    return true;
}

static inline enum go enter_found(struct vm *vm, objid o, objid player, struct str *name, const struct verb_cache *cache, value args) {
    if (stack_is_full(vm)) {
        value_unref(args);
        vm_error(vm, E_MAXREC);
        return GO_RAISE;
    }
    if (!cache->code) {
        value_unref(args);
        vm_deliver(vm, value_int(0));
        return GO_ON;
    }
    struct verb_call call = {o, cache->verb.definer, cache->owner, player, cache->code, (cache->flags & VF_DEBUG) != 0, (cache->flags & VF_PARK) != 0, name, cache->names, args};
    return push_verb(vm, vm_top(vm), &call);
}

/* The variables of a frame that is otherwise filled, in registers that hold nothing yet. */
static inline void fill_start(struct frame *f, const struct program *p, value *r, struct list *args) {
    value_set(&f->args, value_list(args));
    for (uint32_t k = 0; k < p->nstart; k++) {
        value *to = &r[p->start[k].reg];
        int var = p->start[k].var;
        if (var == BV_args) {
            value_set(to, value_list(args));
            value_set(&f->args, value_none());
        } else if (var == BV_this) {
            value_set(to, value_obj(f->this_));
        } else {
            value_set(to, vm_start_value(f, var, &f->args));
        }
    }
}

struct frame *vm_call_verb_fast(struct vm *vm, struct frame *f, struct insn i) {
    const struct program *from = f->program;
    struct verb_site *site = &from->verbs[i.c];
    const struct verb_cache *cache = &site->cache;
    value *r = vm_regs(vm, f), *obj = &r[i.b];
    struct db *db = vm->m->db;
    if (!site->name || site->nargs < 0 || obj->type != V_OBJ || !db_fast_verb_known(db, obj->u.o, cache)) return NULL;
    struct code *code = cache->code;
    if (!code || (cache->flags & (VF_DEBUG | VF_PARK)) != VF_DEBUG || from->sets_player || from->sets_command) return NULL;
    struct program *p = code->program;
    uint32_t base = f->base + from->nregs, n = vm->nframes;
    if (!p || p->broken || base + p->nregs + 1u > vm->cap_stack || n == vm->cap_frames || n >= (uint32_t)vm->m->max_stack_depth) return NULL;
    db->verb_hits++;
    struct frame *g = f + 1;
    vm->nframes = n + 1;
    g->program = p;
    g->code = code_ref(code);
    g->base = base;
    g->pc = g->entry = 0;
    g->this_ = obj->u.o;
    g->player = f->player;
    g->progr = cache->owner;
    g->definer = cache->verb.definer;
    g->caller = f->this_;
    g->verb_name = str_ref(site->name);
    g->full_name = str_ref(cache->names);
    g->command = command_vars_ref(f->command);
    g->debug = true;
    g->parks = false;
    value_set(&g->state, value_none());
    struct list *args = list_from_take(r + site->args, (size_t)site->nargs);
    value *to = vm->stack + base;
    for (value *at = to, *end = to + p->nregs; at < end; at++) value_set(at, value_none());
    fill_start(g, p, to, args);
    return g;
}

enum go vm_call_verb(struct vm *vm, struct insn i) {
    struct frame *f = vm_top(vm);
    value *r = vm_regs(vm, f), obj = r[i.b];
    struct verb_site *site = &f->program->verbs[i.c];
    struct verb_cache own = {0}, *cache = site->name ? &site->cache : &own;
    value name = site->name ? value_str(site->name) : r[site->name_reg];
    value args = take_arguments(vm, site->args, site->nargs);
    if (args.type != V_LIST) return GO_RAISE;
    objid player = player_to_pass(vm, f);
    bool ok = obj.type == V_OBJ && name.type == V_STR;
    if (!ok && obj.type != V_OBJ) vm_error(vm, E_TYPE);
    else if (!ok) vm_error_types(vm, 1u << V_STR, (int)name.type);
    if (ok && !site->name) ok = vm_can_afford(vm, (uint64_t)name.u.s->len * VM_NAME_NS);
    if (ok) ok = find_verb(vm, obj.u.o, name.u.s, cache);
    if (!ok) {
        value_unref(args);
        return GO_RAISE;
    }
    return enter_found(vm, obj.u.o, player, name.u.s, cache, args);
}

/* ---- built-ins ---- */

static struct result enter_builtin(struct vm *vm, int32_t id, struct builtin_call *c) {
    (void)vm;
    return c->m->builtins[id].fn(c);
}

static void release_result(struct result *r) {
    value_unref(r->v);
    value_unref(r->extra);
    if (r->message) str_unref(r->message);
    if (r->verb) str_unref(r->verb);
    if (r->code) code_unref(r->code);
}

/* Finishes a built-in that something passes through: no more calls are made for it, what it returns is dropped. */
static void run_unwinding(struct vm *vm, int32_t id, int32_t step, value state) {
    for (int turns = 0; turns < 1000; turns++) {
        struct builtin_call c = {.m = vm->m, .vm = vm, .progr = vm_progr(vm), .step = step, .state = state, .ret = value_int(0), .unwinding = true};
        struct result r = enter_builtin(vm, id, &c);
        bool again = r.kind == R_CALL;
        release_result(&r);
        step = c.step;
        state = c.state;
        if (!again) break;
    }
    value_unref(state);
}

void vm_unwind_builtin(struct vm *vm) {
    struct frame *b = vm_top(vm);
    int32_t id = b->builtin, step = b->step;
    value state = reg_take(&b->state);
    vm_pop(vm);
    run_unwinding(vm, id, step, state);
}

static void push_builtin(struct vm *vm, int32_t id, struct builtin_call *c) {
    struct frame *from = vm_running(vm);
    objid player = from->player;
    uint32_t base = from->base + from->program->nregs;
    struct frame *f = vm_new_frame(vm);
    *f = (struct frame){.base = base, .player = player, .this_ = NOTHING, .progr = NOTHING, .definer = NOTHING, .builtin = id, .step = c->step};
    f->state = reg_take(&c->state);
    f->args = value_none();
}

/* The verb that a built-in wants run, with a code and names of its own. Takes r->v. */
static struct verb_call wanted_call(struct vm *vm, struct result *r) {
    struct db *db = vm->m->db;
    struct verb_call call = {.this_ = r->object, .definer = r->found.definer, .name = r->verb, .player = player_to_pass(vm, vm_running(vm))};
    call.args = r->v.type == V_LIST ? reg_take(&r->v) : value_list(list_empty());
    call.owner = db_verb_owner(db, r->found);
    call.debug = (db_verb_flags(db, r->found) & VF_DEBUG) != 0;
    call.parks = (db_verb_flags(db, r->found) & VF_PARK) != 0;
    call.full_name = str_ref(db_verb_names(db, r->found));
    call.code = db_verb_code(db, r->found);
    if (call.code) code_ref(call.code);
    return call;
}

static void wanted_call_fini(struct verb_call *call) {
    if (call->full_name) str_unref(call->full_name);
    if (call->code) code_unref(call->code);
}

/* eval(): a frame of its own kind: player and permissions of the calling frame, nothing of its variables. */
static enum go push_code(struct vm *vm, struct result *r) {
    struct frame *from = vm_running(vm);
    objid player = from->player, progr = from->progr, caller = from->this_;
    struct program *p = program_of(vm->m, r->code, true);
    if (p->broken) return program_is_broken(vm, p);
    struct frame *f = vm_push_program(vm, p, r->code, true, 0);
    f->this_ = f->definer = NOTHING;
    f->player = player;
    f->progr = progr;
    f->caller = caller;
    f->verb_name = r->verb ? str_ref(r->verb) : str_empty();
    f->full_name = str_from("Input to EVAL");
    f->command = command_vars_new();
    vm_fill_variables(vm, f, r->v.type == V_LIST ? reg_take(&r->v) : value_list(list_empty()));
    return GO_ON;
}

/* Makes the call. GO_RAISE: it could not be made. *done: the verb has no program; the value 0 is its result. */
static enum go make_call(struct vm *vm, int32_t id, struct builtin_call *c, struct result *r, bool *done) {
    bool keep = r->kind == R_CALL;
    *done = false;
    if (stack_is_full(vm)) {
        vm_error(vm, E_MAXREC);
        return GO_RAISE;
    }
    struct verb_call call = {0};
    if (!r->code) {
        call = wanted_call(vm, r);
        if (!call.code) {
            value_unref(call.args);
            wanted_call_fini(&call);
            *done = true;
            return GO_ON;
        }
    }
    if (keep) push_builtin(vm, id, c);
    enum go go = r->code ? push_code(vm, r) : push_verb(vm, vm_running(vm), &call);
    wanted_call_fini(&call);
    if (go == GO_RAISE && keep) {
        c->state = reg_take(&vm_top(vm)->state);
        vm_pop(vm);
    }
    return go;
}

static enum go builtin_raised(struct vm *vm, struct result *r) {
    value_unref(vm->error.code);
    value_unref(vm->error.extra);
    if (vm->error.message) str_unref(vm->error.message);
    vm->error = (struct exception){r->v, r->message, r->extra};
    return GO_RAISE;
}

static enum go builtin_suspends(struct vm *vm, struct result *r) {
    vm->out.v = reg_take(&r->v);
    vm->out.why = r->why;
    vm->out.seconds = r->seconds;
    vm->out.object = r->object;
    vm->status = VM_SUSPENDED;
    return GO_STOP;
}

/* From a built-in's result on, until something runs or the calling program's frame goes on. The top frame is the caller's. */
static enum go finish_builtin(struct vm *vm, int32_t id, struct builtin_call *c, struct result r) {
    for (;;) {
        if (vm->abort_seconds) {
            release_result(&r);
            value_unref(c->state);
            return GO_RAISE;
        }
        enum go go = GO_ON;
        bool done = false;
        switch (r.kind) {
        case R_VALUE:
            value_unref(c->state);
            if (vm_park_with(vm, r.v)) return GO_STOP;
            vm_deliver(vm, r.v);
            return GO_ON;
        case R_RAISE:
            value_unref(c->state);
            return builtin_raised(vm, &r);
        case R_SUSPEND:
            value_unref(c->state);
            builtin_suspends(vm, &r);
            release_result(&r);
            return GO_STOP;
        case R_KILL:
            value_unref(c->state);
            release_result(&r);
            return vm_abort(vm, VM_KILLED);
        case R_CALL:
        case R_BECOME: go = make_call(vm, id, c, &r, &done); break;
        }
        bool keep = r.kind == R_CALL;
        release_result(&r);
        if (done && keep) {
            c->ret = value_int(0);
            c->args = NULL;
            c->nargs = 0;
            r = enter_builtin(vm, id, c);
            continue;
        }
        if (done) vm_deliver(vm, value_int(0));
        if (go == GO_RAISE && keep) run_unwinding(vm, id, c->step, reg_take(&c->state));
        else value_unref(c->state);
        return go;
    }
}

/* A call of a function that this server does not have: call_function() with its name in front. */
static value unknown_arguments(struct str *name, const value *args, int32_t n) {
    struct list *l = list_new((size_t)n + 1);
    l = list_append_take(l, value_str(str_ref(name)));
    for (int32_t i = 0; i < n; i++) l = list_append_take(l, value_ref(args[i]));
    return value_list(l);
}

static struct result checked_call(struct vm *vm, const struct call_site *site, struct builtin_call *c) {
    const struct frame *f = vm_top(vm);
    struct result r;
    if (site->id < 0) return result_raise(E_INVARG);
    if (vm->m->protect[site->id] && builtin_is_protected(vm->m, site->id, f->this_, f->progr, c->args, c->nargs, &r)) return r;
    if (!builtin_check_args(vm->m, &vm->m->builtins[site->id], c->args, c->nargs, &r)) return r;
    return vm->m->builtins[site->id].fn(c);
}

enum go vm_call_builtin(struct vm *vm, struct insn i) {
    struct frame *f = vm_top(vm);
    const struct call_site *site = &f->program->calls[i.c];
    value *r = vm_regs(vm, f) + i.b, list = value_none();
    struct builtin_call c = {.m = vm->m, .vm = vm, .progr = f->progr, .args = r, .nargs = site->nargs, .state = value_none()};
    if (site->nargs == ARGS_IN_LIST) {
        list = take_arguments(vm, i.b, ARGS_IN_LIST);
        if (list.type != V_LIST) return GO_RAISE;
    }
    if (site->unknown) {
        value args = list.type == V_LIST ? unknown_arguments(site->unknown, list.u.l->items, (int32_t)list.u.l->len) : unknown_arguments(site->unknown, r, site->nargs);
        value_unref(list);
        list = args;
    }
    if (list.type == V_LIST) {
        c.args = list.u.l->items;
        c.nargs = (int)list.u.l->len;
    }
    struct result result = checked_call(vm, site, &c);
    value_unref(list);
    for (int32_t k = 0; k < site->nargs; k++) reg_put(&r[k], value_none());
    if (result.kind == R_VALUE && !vm->abort_seconds && !vm->wants_to_park) {
        vm_deliver(vm, result.v);
        return GO_ON;
    }
    return finish_builtin(vm, site->id, &c, result);
}

enum go vm_deliver_return(struct vm *vm, value v) {
    if (vm->nframes == 0) {
        vm->out.v = v;
        vm->status = VM_DONE;
        return GO_STOP;
    }
    struct frame *b = vm_top(vm);
    if (b->program) {
        vm_deliver(vm, v);
        return GO_ON;
    }
    int32_t id = b->builtin, step = b->step;
    value state = reg_take(&b->state);
    vm_pop(vm);
    struct builtin_call c = {.m = vm->m, .vm = vm, .progr = vm_progr(vm), .step = step, .state = state, .ret = v};
    struct result r = enter_builtin(vm, id, &c);
    value_unref(v);
    return finish_builtin(vm, id, &c, r);
}
