/* SPDX-License-Identifier: MIT */
/*
 * Functions about control and about functions. call_function() stands in for the function it names: when that one calls back, its step and state are kept
 * here: state {name, state of the function}.
 */
#include "builtins/support.h"

#include <string.h>

/* The default message: the code as tostr() prints it. */
struct result bf_raise(struct builtin_call *c) {
    enum { TOLD_NS = 4 }; /* a byte of the message, in tracebacks */
    const value *said = &c->args[has_arg(c, 1) ? 1 : 0];
    if (said->type == V_STR && !vm_can_afford(c->vm, (uint64_t)said->u.s->len * TOLD_NS)) return support_gave_up(c);
    struct str *message = has_arg(c, 1) ? str_ref(c->args[1].u.s) : value_to_str(c->args[0]);
    value extra = has_arg(c, 2) ? value_ref(c->args[2]) : value_int(0);
    return (struct result){.kind = R_RAISE, .v = value_ref(c->args[0]), .message = message, .extra = extra};
}

/* As a verb call would say it. */
static struct result verb_not_found(const struct machine *m, objid o, struct str *name) {
    struct result r = result_raise(E_VERBNF);
    if (!m->dialect->detailed_messages) return r;
    r.message = str_printf("Verb not found: #%lld:%s()", (long long)o, name->data);
    r.extra = value_list(list_of(2, value_obj(o), value_str(str_ref(name))));
    return r;
}

struct result bf_pass(struct builtin_call *c) {
    struct activation_info frame;
    struct verbref found;
    struct db *db = db_of(c);
    must(vm_activation(c->vm, 0, &frame));
    objid parent = db_valid(db, frame.definer) ? db_parent(db, frame.definer) : NOTHING;
    if (!db_valid(db, parent)) return result_raise(E_INVIND);
    if (!db_find_callable_verb(db, parent, frame.verb_name, NULL, &found)) return verb_not_found(c->m, frame.this_, frame.verb_name);
    struct list *args = list_new((size_t)c->nargs);
    for (int i = 0; i < c->nargs; i++) args = list_append_take(args, value_ref(c->args[i]));
    return (struct result){
        .kind = R_BECOME, .v = value_list(args), .verb = str_ref(frame.verb_name), .object = frame.this_, .found = found};
}

/* ---- function_info() ---- */

static struct list *describe(const struct builtin *b) {
    int n = b->max < 0 ? b->min : b->max;
    struct list *types = list_new((size_t)n);
    for (int i = 0; i < n; i++) types = list_append_take(types, value_int(i < BUILTIN_MAX_TYPES ? b->types[i] : ARG_ANY));
    return list_of(4, value_str(str_from(b->name)), value_int(b->min), value_int(b->max), value_list(types));
}

struct result bf_function_info(struct builtin_call *c) {
    const struct machine *m = c->m;
    if (c->nargs == 0) {
        struct list *all = list_new((size_t)m->nbuiltins);
        for (int i = 0; i < m->nbuiltins; i++) all = list_append_take(all, value_list(describe(&m->builtins[i])));
        return result_list(all);
    }
    if (!support_can_look_up(c, c->args[0].u.s)) return support_gave_up(c);
    int id = machine_find_builtin(m, c->args[0].u.s->data, c->args[0].u.s->len);
    return id < 0 ? result_raise(E_INVARG) : result_list(describe(&m->builtins[id]));
}

/* ---- call_function() ---- */

static struct result unknown_function(value name) {
    struct result r = result_raise_text(E_INVARG, "Unknown built-in function");
    r.extra = value_ref(name);
    return r;
}

/* All the checks that a call of the function by its own name gets; false with what happens instead. */
static bool may_enter(const struct builtin_call *inner, int id, struct result *r) {
    const struct machine *m = inner->m;
    struct activation_info frame;
    must(vm_activation(inner->vm, 0, &frame));
    if (builtin_is_protected(m, id, frame.this_, inner->progr, inner->args, inner->nargs, r)) return false;
    return builtin_check_args(m, &m->builtins[id], inner->args, inner->nargs, r);
}

/* Runs or continues the function; if it calls back, step and state go into the caller's. Takes inner.state. */
static struct result run_inner(struct builtin_call *c, struct builtin_call *inner, int id) {
    struct result r = c->m->builtins[id].fn(inner);
    value old = c->state;
    c->state = r.kind == R_CALL ? value_list(list_of(2, value_str(str_from(c->m->builtins[id].name)), inner->state)) : value_int(0);
    if (r.kind != R_CALL) value_unref(inner->state);
    c->step = r.kind == R_CALL ? inner->step : 0;
    value_unref(old);
    return r;
}

/* Behind what the function called: its name and state are in ours. */
static struct result continue_inner(struct builtin_call *c, struct builtin_call *inner) {
    value name = list_get(c->state.u.l, 1);
    int id = machine_find_builtin(c->m, name.u.s->data, name.u.s->len);
    inner->state = value_ref(list_get(c->state.u.l, 2));
    return run_inner(c, inner, id);
}

bool bf_call_function_may_wait(const struct machine *m, int step, value state) {
    if (state.type != V_LIST || state.u.l->len != 2 || list_get(state.u.l, 1).type != V_STR) return false;
    const struct str *name = list_get(state.u.l, 1).u.s;
    int id = machine_find_builtin(m, name->data, name->len);
    const struct builtin *b = id < 0 ? NULL : &m->builtins[id];
    return b && b->fn != bf_call_function && b->may_wait && b->may_wait(m, step, list_get(state.u.l, 2));
}

/* Calls of itself are unwrapped here: a list of arguments is longer than the C stack is deep. */
struct result bf_call_function(struct builtin_call *c) {
    struct builtin_call inner = *c;
    if (c->step > 0) return continue_inner(c, &inner);
    struct result r;
    int id;
    do {
        value name = *inner.args++;
        inner.nargs--;
        id = machine_find_builtin(c->m, name.u.s->data, name.u.s->len);
        if (id < 0) return unknown_function(name);
        if (!may_enter(&inner, id, &r)) return r;
        if (inner.nargs % PATIENCE_STEPS == 0 && vm_deadline_passed(c->vm)) return support_gave_up(c);
    } while (c->m->builtins[id].fn == bf_call_function);
    inner.state = value_int(0);
    return run_inner(c, &inner, id);
}
