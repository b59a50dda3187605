/* SPDX-License-Identifier: MIT */
/* Tasks as programs see them: waiting, reading, resuming, killing, listing; whose permissions a frame has. And lines forced upon a connection or taken from it. */
#include "builtins/support.h"
#include "scheduler/facts.h"
#include "scheduler/host.h"
#include "scheduler/options.h"
#include "scheduler/scheduler.h"

static struct scheduler *sched_of(const struct builtin_call *c) {
    must(c->m->scheduler);
    return c->m->scheduler;
}

static bool is_self_or_wizard(const struct builtin_call *c, objid who) {
    return c->progr == who || is_wizard(c);
}

static double number_arg(const struct builtin_call *c, int i) {
    return c->args[i].type == V_FLOAT ? c->args[i].u.f : (double)c->args[i].u.i;
}

/* ---- about this task ---- */

struct result bf_task_id(struct builtin_call *c) {
    return result_int(sched_current_task_id(sched_of(c)));
}

struct result bf_ticks_left(struct builtin_call *c) {
    return result_int(vm_ticks_left(c->vm));
}

struct result bf_seconds_left(struct builtin_call *c) {
    return result_int(sched_seconds_left(sched_of(c)));
}

struct result bf_callers(struct builtin_call *c) {
    return result_value(vm_stack_list(c->vm, 1, flag_arg(c, 0)));
}

struct result bf_caller_perms(struct builtin_call *c) {
    return result_obj(vm_caller_perms(c->vm));
}

struct result bf_set_task_perms(struct builtin_call *c) {
    objid who = c->args[0].u.o;
    if (!is_self_or_wizard(c, who)) return result_raise(E_PERM);
    vm_set_task_perms(c->vm, who);
    return result_int(0);
}

struct result bf_set_task_overrun(struct builtin_call *c) {
    bool parks = str_equal_c(c->args[0].u.s, "park"), parked = vm_parker(c->vm) != NOTHING;
    if (!parks && !str_equal_c(c->args[0].u.s, "abort")) return result_raise_text(E_INVARG, "What a task does at its limit is \"park\" or \"abort\"");
    vm_set_parker(c->vm, parks ? c->progr : NOTHING);
    return result_str(str_from(parked ? "park" : "abort"));
}

/* ---- waiting ---- */

/* A task that is set aside may have to be written out. */
static bool may_be_set_aside(const struct builtin_call *c) {
    return vm_bytes(c->vm) <= VALUE_STORED_MAX && sched_check_task_limit(sched_of(c), c->progr) == E_NONE;
}

static struct result suspend_for(struct builtin_call *c, double seconds) {
    if (!may_be_set_aside(c)) return result_raise(E_QUOTA);
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_TIMED, .seconds = seconds};
}

struct result bf_suspend(struct builtin_call *c) {
    if (!has_arg(c, 0)) {
        if (!may_be_set_aside(c)) return result_raise(E_QUOTA);
        return (struct result){.kind = R_SUSPEND, .why = SUSPEND_FOREVER};
    }
    if (c->args[0].type == V_FLOAT && !c->m->dialect->fractional_delays) return result_raise(E_TYPE);
    double seconds = number_arg(c, 0);
    if (!(seconds >= 0)) return result_raise(E_INVARG);
    return suspend_for(c, seconds);
}

/* What counts as little left, when the caller does not say. */
enum { YIN_TICKS = 2000, YIN_SECONDS = 2 };

struct result bf_yin(struct builtin_call *c) {
    struct scheduler *s = sched_of(c);
    double seconds = has_arg(c, 0) ? number_arg(c, 0) : 0;
    int64_t ticks = int_arg(c, 1, YIN_TICKS), least = int_arg(c, 2, YIN_SECONDS);
    if (!(seconds >= 0)) return result_raise(E_INVARG);
    if (has_arg(c, 1) && (ticks < 1 || ticks >= option_int(s, OPT_fg_ticks))) return result_raise(E_INVARG);
    if (has_arg(c, 2) && (least < 1 || least >= option_int(s, OPT_fg_seconds))) return result_raise(E_INVARG);
    if (vm_ticks_left(c->vm) >= ticks && sched_seconds_left(s) >= least) return result_int(0);
    return suspend_for(c, seconds);
}

/* As much must be left of the ticks, and of the time in proportion. */
struct result bf_yield_point(struct builtin_call *c) {
    struct scheduler *s = sched_of(c);
    double part = 0.1;
    if (has_arg(c, 0)) part = c->args[0].type == V_FLOAT ? c->args[0].u.f : (double)c->args[0].u.i / (double)sched_slice_ticks(s);
    if (!(part > 0) || (part >= 1 && c->args[0].type == V_FLOAT)) return result_raise(E_INVARG);
    if (part > 0.5 && c->args[0].type == V_INT) part = 0.5; /* the slice may be a shorter one than who wrote it thought of */
    if (sched_slice_left(s, (double)vm_ticks_left(c->vm)) >= part) return result_int(0);
    struct result r = suspend_for(c, 0);
    if (r.kind == R_SUSPEND) r.v = value_int(1);
    return r;
}

static objid own_connection(const struct builtin_call *c) {
    return vm_task_player(c->vm);
}

struct result bf_read(struct builtin_call *c) {
    struct scheduler *s = sched_of(c);
    objid conn = has_arg(c, 0) ? c->args[0].u.o : own_connection(c);
    if (has_arg(c, 0)) {
        bool is_owner = db_valid(db_of(c), conn) && db_owner(db_of(c), conn) == c->progr;
        if (!is_owner && !is_wizard(c)) return result_raise(E_PERM);
    } else if (!is_wizard(c) || sched_last_input_task(s, conn) != sched_current_task_id(s)) {
        return result_raise(E_PERM);
    }
    enum error e = sched_check_read(s, conn);
    if (e != E_NONE) return result_raise(e);
    if (flag_arg(c, 1)) return result_value(sched_read_now(s, conn));
    if (vm_bytes(c->vm) > VALUE_STORED_MAX) return result_raise(E_QUOTA);
    return (struct result){.kind = R_SUSPEND, .why = SUSPEND_READ, .object = conn};
}

/* ---- other tasks ---- */

struct result bf_resume(struct builtin_call *c) {
    value v = has_arg(c, 1) ? value_ref(c->args[1]) : value_int(0);
    if (value_bytes(v) > VALUE_STORED_MAX) {
        value_unref(v);
        return result_raise(E_QUOTA);
    }
    return result_error(sched_resume(sched_of(c), c->args[0].u.i, v, c->progr));
}

struct result bf_kill_task(struct builtin_call *c) {
    bool is_current;
    enum error e = sched_kill(sched_of(c), c->args[0].u.i, c->progr, &is_current);
    if (is_current) return (struct result){.kind = R_KILL};
    return result_error(e);
}

struct result bf_set_task_deadline(struct builtin_call *c) {
    return result_error(sched_set_deadline(sched_of(c), c->args[0].u.i, number_arg(c, 1), c->progr));
}

struct result bf_queued_tasks(struct builtin_call *c) {
    struct patience patience = vm_patience(c->vm);
    value rows = sched_queued_tasks(sched_of(c), c->progr, &patience);
    if (rows.type != V_LIST) return support_gave_up(c);
    if (!flag_arg(c, 1)) return result_value(rows);
    int64_t n = rows.u.l->len;
    value_unref(rows);
    return result_int(n);
}

struct result bf_task_stack(struct builtin_call *c) {
    value rows;
    enum error e = sched_task_stack(sched_of(c), c->args[0].u.i, flag_arg(c, 1), c->progr, &rows);
    return e == E_NONE ? result_value(rows) : result_raise(e);
}

struct result bf_queue_info(struct builtin_call *c) {
    if (!has_arg(c, 0)) return result_value(sched_queue_owners(sched_of(c)));
    if (c->m->dialect->queue_info_tells_all && is_wizard(c)) return result_value(sched_queue_facts(sched_of(c), c->args[0].u.o));
    return result_int(sched_queue_count(sched_of(c), c->args[0].u.o));
}

/* ---- lines ---- */

struct result bf_force_input(struct builtin_call *c) {
    objid conn = c->args[0].u.o;
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    return result_error(sched_force_input(sched_of(c), conn, str_ref(c->args[1].u.s), flag_arg(c, 2)));
}

struct result bf_flush_input(struct builtin_call *c) {
    objid conn = c->args[0].u.o;
    if (!is_self_or_wizard(c, conn)) return result_raise(E_PERM);
    sched_flush_input(sched_of(c), conn, flag_arg(c, 1));
    return result_int(0);
}

struct result bf_switch_player(struct builtin_call *c) {
    if (!is_wizard(c)) return result_raise(E_PERM);
    return result_error(sched_switch_player(sched_of(c), c->args[0].u.o, c->args[1].u.o, flag_arg(c, 2)));
}

/* ---- options ---- */

struct result bf_load_server_options(struct builtin_call *c) {
    if (!is_wizard(c)) return result_raise(E_PERM);
    sched_load_options(sched_of(c));
    return result_int(0);
}
