/* SPDX-License-Identifier: MIT */
/*
 * Errors on their way up. Nothing is unwound before it is known who catches: the stack list is made while the frames are still there. `finally' handlers on the way
 * run as part of their frames, with what is pending in two registers (lang/resume.h), and go on here when they end.
 */
#include "lang/vm.h"

#include "base/list.h"
#include "base/str.h"

/* ---- setting ---- */

static void set_error(struct vm *vm, value code, struct str *message, value extra) {
    value_unref(vm->error.code);
    value_unref(vm->error.extra);
    if (vm->error.message) str_unref(vm->error.message);
    vm->error = (struct exception){code, message, extra};
}

bool vm_error(struct vm *vm, enum error e) {
    set_error(vm, value_err(e), NULL, value_int(0));
    return false;
}

bool vm_error_text(struct vm *vm, enum error e, struct str *message, value extra) {
    set_error(vm, value_err(e), message, extra);
    return false;
}

static void type_words(struct buf *b, unsigned expected) {
    int left = __builtin_popcount(expected);
    for (int t = 0; t < 32; t++) {
        if (!(expected >> t & 1)) continue;
        buf_add_c(b, type_word(t));
        left--;
        if (left > 0) buf_add_c(b, left > 1 ? ", " : " or ");
    }
}

static struct list *type_list(unsigned expected) {
    struct list *l = list_new(4);
    for (int t = 0; t < 32; t++)
        if (expected >> t & 1) l = list_append_take(l, value_int(t));
    return l;
}

bool vm_error_types(struct vm *vm, unsigned expected, int got) {
    if (!vm->m->dialect->detailed_messages) return vm_error(vm, E_TYPE);
    struct buf b = BUF_INIT;
    buf_add_c(&b, "Type mismatch (expected ");
    type_words(&b, expected);
    buf_printf(&b, "; got %s)", type_word(got));
    struct str *text = buf_to_str(&b);
    buf_fini(&b);
    return vm_error_text(vm, E_TYPE, text, value_list(list_of(2, value_list(type_list(expected)), value_int(got))));
}

static struct str *error_message(const struct exception *e) {
    if (e->message) return str_ref(e->message);
    if (e->code.type == V_ERR) return str_from(error_text(e->code.u.e));
    return value_to_str(e->code);
}

/* {code, message, value, stack}; takes stack. */
static struct list *exception_list(const struct exception *e, value stack) {
    return list_of(4, value_ref(e->code), value_str(error_message(e)), value_ref(e->extra), stack);
}

/* ---- who catches ---- */

static bool clause_matches(const struct vm *vm, const struct frame *f, const struct clause *c, value code) {
    if (c->any) return true;
    value codes = c->is_const ? f->program->consts[c->konst] : vm_regs(vm, f)[c->reg];
    return codes.type != V_LIST || list_find(codes.u.l, code, false) > 0; /* not a list: an error in a frame without d; catches all */
}

static bool covers(const struct handler *h, uint32_t at) { return at >= h->start && at < h->end; }

struct catcher {
    uint32_t frame;
    const struct handler *handler;
    const struct clause *clause;
    bool finally_between;
};

static bool find_in_frame(const struct vm *vm, const struct frame *f, value code, struct catcher *out) {
    const struct program *p = f->program;
    uint32_t at = f->pc - 1;
    for (uint32_t i = 0; i < p->nhandlers; i++) {
        const struct handler *h = &p->handlers[i];
        if (!covers(h, at)) continue;
        if (h->kind == HANDLER_FINALLY) {
            out->finally_between = true;
            continue;
        }
        for (uint32_t k = 0; k < h->nclauses; k++)
            if (clause_matches(vm, f, &h->clauses[k], code)) {
                out->handler = h;
                out->clause = &h->clauses[k];
                return true;
            }
    }
    return false;
}

static bool find_catcher(const struct vm *vm, value code, struct catcher *out) {
    *out = (struct catcher){0};
    for (uint32_t i = vm->nframes; i > 0; i--) {
        out->frame = i - 1;
        const struct frame *f = &vm->frames[i - 1];
        if (f->program && find_in_frame(vm, f, code, out)) return true;
    }
    return false;
}

/* ---- unwinding ---- */

static void drop_temporaries(struct vm *vm, struct frame *f, uint32_t from) {
    value *r = vm_regs(vm, f);
    for (uint32_t i = from; i < f->program->nregs; i++) reg_put(&r[i], value_none());
}

static enum go enter_finally(struct vm *vm, struct frame *f, const struct handler *h, enum pending pending, value exc) {
    drop_temporaries(vm, f, h->depth);
    value *r = vm_regs(vm, f);
    reg_put(&r[h->pending], value_int(pending));
    reg_put(&r[h->pending + 1], exc);
    f->pc = h->target;
    return GO_ON;
}

static enum go enter_clause(struct vm *vm, struct frame *f, const struct catcher *c, value exc) {
    drop_temporaries(vm, f, c->handler->depth);
    if (c->clause->value_reg != NO_REG) {
        value *r = &vm_regs(vm, f)[c->clause->value_reg];
        reg_put(r, c->handler->kind == HANDLER_CATCH ? value_ref(vm->error.code) : value_ref(exc));
    }
    value_unref(exc);
    f->pc = c->clause->target;
    return GO_ON;
}

/* Pops frames until a finally handler on the way, or the catcher (NULL: there is none). Takes exc. */
static enum go unwind(struct vm *vm, const struct catcher *c, enum pending pending, value exc) {
    while (vm->nframes > 0) {
        struct frame *f = vm_top(vm);
        if (!f->program) {
            vm_unwind_builtin(vm);
            continue;
        }
        bool last = c && vm->nframes - 1 == c->frame;
        for (uint32_t i = 0; i < f->program->nhandlers; i++) {
            const struct handler *h = &f->program->handlers[i];
            if (last && h == c->handler) return enter_clause(vm, f, c, exc);
            if (h->kind == HANDLER_FINALLY && covers(h, f->pc - 1)) return enter_finally(vm, f, h, pending, exc);
        }
        vm_pop(vm);
    }
    must(pending == PENDING_UNCAUGHT);
    struct list *l = exc.u.l;
    vm->out.code = value_ref(list_get(l, 1));
    vm->out.message = value_ref(list_get(l, 2));
    vm->out.extra = value_ref(list_get(l, 3));
    vm->out.stack = value_ref(list_get(l, 4));
    vm->out.traceback = value_ref(list_get(l, 5));
    value_unref(exc);
    vm->status = VM_UNCAUGHT;
    return GO_STOP;
}

static value uncaught_exception(struct vm *vm, value stack) {
    struct list *l = exception_list(&vm->error, stack);
    return value_list(list_append_take(l, vm_traceback(vm, list_get(l, 2).u.s->data)));
}

/* `stack': NONE, or that of an error raised earlier. Takes it. */
static enum go raise_with_stack(struct vm *vm, value stack) {
    struct catcher c;
    if (!find_catcher(vm, vm->error.code, &c)) {
        if (stack.type != V_LIST) stack = vm_rows(vm, vm->nframes - 1, 0, true);
        return unwind(vm, NULL, PENDING_UNCAUGHT, uncaught_exception(vm, stack));
    }
    bool wanted = c.finally_between || (c.handler->kind == HANDLER_EXCEPT && c.clause->value_reg != NO_REG);
    value exc = value_none();
    if (wanted) {
        if (stack.type != V_LIST) stack = vm_rows(vm, vm->nframes - 1, c.frame, true);
        exc = value_list(exception_list(&vm->error, stack));
    } else {
        value_unref(stack);
    }
    return unwind(vm, &c, PENDING_RAISE, exc);
}

/* Ticks of instructions that the failed one's block has not counted yet. */
static bool count_pending(struct vm *vm) {
    const struct frame *f = vm_top(vm);
    if (f->program && f->pc > 0) vm->ticks -= f->program->where[f->pc - 1].pending;
    return vm->ticks > 0;
}

enum go vm_raise(struct vm *vm) {
    if (!count_pending(vm) && !vm_parks(vm)) return vm_abort(vm, VM_OUT_OF_TICKS);
    return raise_with_stack(vm, value_none());
}

enum go vm_raise_again(struct vm *vm, value *pending) {
    value exc = reg_take(&pending[1]);
    enum pending kind = (enum pending)pending[0].u.i;
    pending[0] = value_int(PENDING_NOTHING);
    if (exc.type != V_LIST || exc.u.l->len < 4 || list_get(exc.u.l, 2).type != V_STR) { /* from a damaged record only */
        value_unref(exc);
        vm_error(vm, E_INVARG);
        return vm_raise(vm);
    }
    struct list *l = exc.u.l;
    if (kind == PENDING_UNCAUGHT && l->len >= 5) return unwind(vm, NULL, PENDING_UNCAUGHT, exc);
    set_error(vm, value_ref(list_get(l, 1)), str_ref(list_get(l, 2).u.s), value_ref(list_get(l, 3)));
    value stack = value_ref(list_get(l, 4));
    value_unref(exc);
    return raise_with_stack(vm, stack);
}

/* ---- operations that fail ---- */

/* In a frame without d the program goes on, with the code as the operation's value. */
static enum go go_on_with_code(struct vm *vm, struct frame *f) {
    struct insn i = f->program->code[f->pc - 1];
    value *r = vm_regs(vm, f);
    switch (i.op) {
    case OP_JLT:
    case OP_JLE:
    case OP_JGT:
    case OP_JGE:
    case OP_JLTI:
    case OP_JLEI:
    case OP_JGTI:
    case OP_JGEI: f->pc = (uint32_t)((int64_t)f->pc + (int16_t)i.c); break;
    case OP_FORLPREP:
    case OP_FORRPREP: f->pc = (uint32_t)((int64_t)f->pc + 1 + insn_bc(f->program->code[f->pc])); break;
    case OP_SETPROP:
        if (i.b >= f->program->nlocals) reg_put(&r[i.b], value_ref(vm->error.code));
        break;
    case OP_SETPROPD:
        if (i.c >= f->program->nlocals) reg_put(&r[i.c], value_ref(vm->error.code));
        break;
    case OP_SCATTER:
        if (i.a >= f->program->nlocals) reg_put(&r[i.a], value_ref(vm->error.code));
        f->pc = f->program->scatters[i.b].done;
        break;
    case OP_SETIDX: reg_put(&r[i.a], value_ref(vm->error.code)); break;
    case OP_FORK: break;
    default:
        if (i.a != NO_REG) reg_put(&r[i.a], value_ref(vm->error.code));
        break;
    }
    return GO_ON;
}

enum go vm_operation_failed(struct vm *vm) {
    if (vm->abort_seconds) return vm_abort(vm, VM_OUT_OF_SECONDS);
    struct frame *f = vm_top(vm);
    must(f->program != NULL);
    if (!f->debug) return go_on_with_code(vm, f);
    return vm_raise(vm);
}

int64_t vm_checkpoint_ticks(const struct program *p, const struct insn *i) {
    switch (i->op) {
    case OP_CHECK:
    case OP_LOOP: return i->a;
    case OP_RETURN:
    case OP_RETURNI: return i->c;
    case OP_SETPROP: return p->props[i->c].ticks;
    case OP_CALLV: return p->verbs[i->c].ticks;
    case OP_CALLB: return p->calls[i->c].ticks;
    case OP_FORLPREP:
    case OP_FORLLOOP:
    case OP_FORRPREP:
    case OP_FORRLOOP: return i[1].op;
    default: return 0;
    }
}

/* Ticks of a block are counted together, at its end: the frame's pc goes back to the instruction at which they ran out. */
static void find_last_tick(const struct vm *vm) {
    struct frame *f = vm_top(vm);
    if (!f->program || f->pc < 2 || vm->ticks > 0) return;
    const struct where *w = f->program->where;
    const struct insn *i = &f->program->code[f->pc - 1];
    int64_t had = vm->ticks + vm_checkpoint_ticks(f->program, i);
    for (uint32_t at = f->pc - 1; at > 0 && w[at - 1].after > 0 && w[at - 1].after >= had; at--) f->pc = at;
}

enum go vm_abort(struct vm *vm, enum vm_status status) {
    if (status == VM_OUT_OF_TICKS && vm->nframes > 0) find_last_tick(vm);
    if (status != VM_KILLED && vm->nframes > 0) {
        vm->out.stack = vm_rows(vm, vm->nframes - 1, 0, true);
        vm->out.traceback = vm_traceback(vm, status == VM_OUT_OF_TICKS ? "Task ran out of ticks" : "Task ran out of seconds");
    }
    while (vm->nframes > 0) {
        if (vm_top(vm)->program) vm_pop(vm);
        else vm_unwind_builtin(vm);
    }
    vm->status = status;
    return GO_STOP;
}
