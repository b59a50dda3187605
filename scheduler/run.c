/* SPDX-License-Identifier: MIT */
/* Slices: running a task until it ends or sleeps, and what follows from its end: values, errors nobody caught, limits. */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum { MOST_LATE_US = 10000 }; /* that the watchdog may be, and the work at the end of a slice */

enum { FRESH_LOOK_US = 200 }; /* for so long after the host's last look at its sockets a new round may begin: who typed since may have something left of this one */

/* ---- one slice ---- */

static int64_t limit_of(struct scheduler *s, enum own_option own) {
    return s->turn ? queue_option(s, s->turn, own) : option_int(s, option_of_own(own));
}

static int64_t seconds_in_us(int64_t seconds) {
    return seconds > 1000000000 ? INT64_C(1000000000000000) : seconds * 1000000;
}

/* CPU time of a slice. What a wizard pays for, or the server began, may use all its seconds; anybody else's leaves the others waiting no longer than max_slice_ms. */
static int64_t fair_slice_us(struct scheduler *s, int64_t seconds_us) {
    if (!s->turn || (!s->turn->logins && db_is_wizard(s->db, s->turn->owner))) return seconds_us;
    int64_t most = option_int(s, OPT_max_slice_ms) * 1000;
    most -= most / 10 < MOST_LATE_US ? most / 10 : MOST_LATE_US;
    return most < seconds_us ? most : seconds_us;
}

int64_t run_typed_us(struct scheduler *s) { return fair_slice_us(s, seconds_in_us(limit_of(s, OWN_fg_seconds))); }

/* That is before its slice begins; half of the time may go there. */
int64_t run_begin_look(struct scheduler *s) {
    s->look_us = s->lap_us;
    return s->look_us + run_typed_us(s) / 2;
}

static int64_t slice_us(struct scheduler *s, const struct run *run) {
    int64_t us = fair_slice_us(s, seconds_in_us(run->seconds));
    if (s->look_us) {
        int64_t looked = run->started_us - s->look_us;
        us -= looked < us / 2 ? looked : us / 2;
        s->look_us = 0;
    }
    if (s->deadlines.len == 0) return us;
    int64_t left = deadline_left_us(s, run->task_id, run->started_us);
    return left < us ? left : us;
}

static enum vm_status run_slice(struct scheduler *s, struct vm *vm, int64_t id, enum run_class class, bool is_handler, value wake, struct vm_outcome *out) {
    bool fg = class == RUN_FOREGROUND;
    int64_t ticks = limit_of(s, fg ? OWN_fg_ticks : OWN_bg_ticks);
    int64_t seconds = limit_of(s, fg ? OWN_fg_seconds : OWN_bg_seconds);
    struct run run = {.outer = s->run, .task_id = id, .vm = vm, .sums = vm_sums(vm), .stack = value_none(), .ticks = ticks, .seconds = seconds, .is_handler = is_handler};
    measure_begin_slice(s, &run);
    int64_t us = run.limit_us = slice_us(s, &run);
    s->run = &run;
    if (s->host.runs) s->host.runs(s->host.ctx, id, vm);
    s->m->max_stack_depth = (int)(option_int(s, OPT_max_stack_depth) > 100000 ? 100000 : option_int(s, OPT_max_stack_depth));
    struct vm_limits limits = {.ticks = ticks, .out_of_time = watchdog_begin(s->watchdog, us, run.started_us), .deadline_us = run.started_us + seconds_in_us(seconds), .finish_us = run.started_us + us, .bytes = s->m->max_task_bytes};
    enum vm_status status = vm_run(vm, &limits, wake, out);
    watchdog_end(s->watchdog);
    s->ticks_used += ticks - limits.ticks;
    s->run = run.outer;
    if (s->host.runs) s->host.runs(s->host.ctx, s->run ? s->run->task_id : 0, s->run ? s->run->vm : NULL);
    measure_end_slice(s, &run, status, ticks - limits.ticks, out);
    return status;
}

int64_t sched_current_task_id(struct scheduler *s) {
    return s->run ? s->run->task_id : 0;
}

void sched_log_running(const struct scheduler *s) {
    if (!s->run) return;
    value lines = vm_traceback(s->run->vm, "The server failed");
    tell_log(lines);
    value_unref(lines);
}

/* Of the running slice. The mark was made when it began, or before. */
static int64_t slice_used_us(struct scheduler *s) {
    int64_t passed = clock_monotonic_us() - s->run->started_us;
    int64_t used = passed < 1000 ? passed : clock_cpu_us() - s->cpu_mark_us; /* reading the thread clock costs more than it could correct */
    return used < passed ? used : passed;
}

int64_t sched_seconds_left(struct scheduler *s) {
    const struct run *r = s->run;
    if (!r) return 0;
    int64_t left = r->limit_us - slice_used_us(s);
    return left > 0 ? (int64_t)ceil((double)r->seconds * (double)left / (double)r->limit_us) : 0;
}

int64_t sched_slice_ticks(struct scheduler *s) { return s->run ? s->run->ticks : 1; }

double sched_slice_left(struct scheduler *s, double ticks_left) {
    if (!s->run) return 0;
    double ticks = ticks_left / (double)s->run->ticks, time = 1 - (double)slice_used_us(s) / (double)s->run->limit_us;
    double left = ticks < time ? ticks : time;
    return left > 0 ? left : 0;
}

void run_shorten(struct scheduler *s, int64_t us) {
    struct run *r = s->run;
    int64_t limit = slice_used_us(s) + us;
    if (limit >= r->limit_us) return;
    r->limit_us = limit;
    watchdog_shorten(s->watchdog, limit);
}

/* ---- the end of a task ---- */

static enum vm_status run_and_finish(struct scheduler *s, struct vm *vm, int64_t id, enum run_class class, bool is_handler, value wake, value *result);
static enum vm_status run_verb_as(struct scheduler *s, const struct server_verb_call *call, int64_t id, bool is_handler, value *result, bool *found);

/* A verb on #0 hears of it; when there is none, or it does not care, the traceback goes to the player. */
static void report(struct scheduler *s, objid player, int64_t id, bool is_handler, const char *verb, struct list *args, value traceback) {
    value answer = value_int(0);
    enum vm_status status = VM_DONE;
    bool found = false;
    if (is_handler || !db_valid(s->db, 0)) list_unref(args);
    else {
        struct server_verb_call call = {.object = 0, .player = player, .verb = verb, .args = args};
        status = run_verb_as(s, &call, id, true, &answer, &found);
    }
    bool is_dealt_with = found && (status == VM_SUSPENDED || (status == VM_DONE && value_is_true(answer)));
    value_unref(answer);
    if (!is_dealt_with && player == NOTHING) tell_log(traceback);
    else if (!is_dealt_with) tell_lines(s, player, traceback);
}

static void report_error(struct scheduler *s, objid player, int64_t id, bool is_handler, const struct vm_outcome *o) {
    struct list *args = list_of(5, value_ref(o->code), value_ref(o->message), value_ref(o->extra), value_ref(o->stack), value_ref(o->traceback));
    report(s, player, id, is_handler, "handle_uncaught_error", args, o->traceback);
}

static void report_timeout(struct scheduler *s, objid player, int64_t id, bool is_handler, const char *what, const struct vm_outcome *o) {
    struct list *args = list_of(3, value_str(str_from(what)), value_ref(o->stack), value_ref(o->traceback));
    report(s, player, id, is_handler, "handle_task_timeout", args, o->traceback);
}

/* One that was not set aside. */
static void end_task(struct scheduler *s, struct vm *vm, int64_t id, enum vm_status status) {
    if (status != VM_DONE) measure_bad_end(s, status);
    vm_free(vm);
    deadline_drop(s, id);
}

static enum vm_status run_and_finish(struct scheduler *s, struct vm *vm, int64_t id, enum run_class class, bool is_handler, value wake, value *result) {
    struct vm_outcome out = {0};
    enum vm_status status = run_slice(s, vm, id, class, is_handler, wake, &out);
    if (result) *result = value_int(0);
    if (status == VM_SUSPENDED) {
        task_set_aside(s, id, vm, &out);
        vm_outcome_fini(&out);
        return status;
    }
    objid player = vm_sums(vm)->first.player; /* its frames are gone */
    end_task(s, vm, id, status);
    switch (status) {
    case VM_DONE:
        if (result) *result = value_ref(out.v);
        break;
    case VM_UNCAUGHT: report_error(s, player, id, is_handler, &out); break;
    case VM_OUT_OF_TICKS: report_timeout(s, player, id, is_handler, "ticks", &out); break;
    case VM_OUT_OF_SECONDS: report_timeout(s, player, id, is_handler, "seconds", &out); break;
    case VM_KILLED:
    case VM_SUSPENDED: break;
    }
    vm_outcome_fini(&out);
    return status;
}

enum vm_status run_vm(struct scheduler *s, struct vm *vm, int64_t id, enum run_class class, value wake, value *result) {
    return run_and_finish(s, vm, id, class, false, wake, result);
}

/* ---- verbs that the server calls ---- */

void run_handler(struct scheduler *s, const char *verb, struct list *args) {
    struct server_verb_call call = {.object = 0, .player = NOTHING, .verb = verb, .args = args};
    run_verb_as(s, &call, task_new_id(s), true, NULL, NULL);
}

static enum vm_status run_verb_as(struct scheduler *s, const struct server_verb_call *call, int64_t id, bool is_handler, value *result, bool *found) {
    struct list *args = call->args ? call->args : list_empty();
    struct str *name = str_from(call->verb), *empty = str_empty();
    struct vm_start start = {
        .player = call->player, .this_ = call->object, .caller = NOTHING, .progr = NOTHING, .verb_name = name, .args = args,
        .argstr = call->argstr ? call->argstr : empty, .dobjstr = empty, .prepstr = empty, .iobjstr = empty, .dobj = NOTHING, .iobj = NOTHING};
    bool exists = db_valid(s->db, call->object) && db_find_callable_verb(s->db, call->object, name, NULL, &start.verb);
    enum vm_status status = VM_DONE;
    if (found) *found = exists;
    if (result) *result = value_int(0);
    if (exists && db_verb_code(s->db, start.verb)) {
        struct vm *vm = vm_new(s->m, &start);
        if (vm) status = run_and_finish(s, vm, id, RUN_FOREGROUND, is_handler, value_int(0), result);
        else if (found) *found = false;
    }
    list_unref(args);
    str_unref(name);
    str_unref(empty);
    return status;
}

enum vm_status run_verb(struct scheduler *s, const struct server_verb_call *call, int64_t id, value *result, bool *found) {
    return run_verb_as(s, call, id, false, result, found);
}

enum vm_status sched_call_verb(struct scheduler *s, const struct server_verb_call *call, value *result, bool *found) {
    return run_verb(s, call, task_new_id(s), result, found);
}

/* ---- eval ---- */

static struct code *compile_eval(struct scheduler *s, const char *text, struct list **messages) {
    struct list *ignored = NULL;
    struct buf expression = BUF_INIT;
    buf_printf(&expression, "return (%s);", text); /* statements do not fit into the parentheses */
    struct code *code = machine_compile_text(s->m, buf_c(&expression), expression.len, messages);
    buf_fini(&expression);
    if (code) return code;
    struct buf program = BUF_INIT;
    buf_add_c(&program, text);
    code = machine_compile_text(s->m, buf_c(&program), program.len, &ignored);
    buf_fini(&program);
    struct list **unwanted = code || strchr(text, ';') ? messages : &ignored;
    if (*unwanted) list_unref(*unwanted);
    *unwanted = NULL;
    if (ignored) *messages = ignored;
    return code;
}

int sched_eval(struct scheduler *s, objid wizard, const char *text, bool debug, value *result) {
    struct list *messages = NULL;
    struct code *code = compile_eval(s, text, &messages);
    if (!code) {
        *result = value_list(messages ? messages : list_empty());
        return -1;
    }
    if (messages) list_unref(messages);
    struct str *empty = str_empty(), *title = str_from("Input to EVAL");
    struct list *args = list_empty();
    struct vm_start start = {
        .player = wizard, .this_ = NOTHING, .caller = wizard, .progr = wizard, .verb = {NOTHING, 0}, .code = code, .debug = debug, .verb_name = empty, .full_name = title,
        .args = args, .argstr = empty, .dobjstr = empty, .prepstr = empty, .iobjstr = empty, .dobj = NOTHING, .iobj = NOTHING};
    struct vm *vm = vm_new(s->m, &start);
    list_unref(args);
    str_unref(empty);
    str_unref(title);
    code_unref(code);
    must(vm);
    struct vm_outcome out = {0};
    int64_t id = task_new_id(s);
    bool has_workers = s->m->has_workers;
    s->m->has_workers = false; /* whoever asks wants the value, not a task that will have it */
    enum vm_status status = run_slice(s, vm, id, RUN_FOREGROUND, false, value_int(0), &out);
    s->m->has_workers = has_workers;
    bool failed = status == VM_UNCAUGHT || status == VM_OUT_OF_TICKS || status == VM_OUT_OF_SECONDS;
    if (status == VM_SUSPENDED) task_set_aside(s, id, vm, &out);
    else end_task(s, vm, id, status);
    *result = failed ? value_ref(out.traceback) : status == VM_DONE ? value_ref(out.v) : value_int(0);
    vm_outcome_fini(&out);
    return failed ? -1 : 0;
}

/* ---- turns ---- */

void run_task(struct scheduler *s, struct task *t) {
    int64_t id = t->id;
    value wake;
    struct vm *vm = task_take_vm(s, t, &wake);
    run_vm(s, vm, id, RUN_BACKGROUND, wake, NULL);
}

static void give_to_reader(struct scheduler *s, struct input *in, struct str *line) {
    struct task *t = in->reader;
    value_unref(t->wake);
    t->wake = value_str(str_ref(line));
    run_task(s, t);
}

void run_input(struct scheduler *s, struct input *in) {
    bool out_of_band;
    int64_t read_us;
    in->busy++;
    struct str *line = input_next_line(s, in, &out_of_band, &read_us);
    if (line) {
        measure_line(s, read_us);
        if (out_of_band) dispatch_out_of_band(s, in, line);
        else if (in->reader) give_to_reader(s, in, line);
        else if (in->conn < 0) login_line(s, in, line);
        else dispatch_command(s, in, line);
        str_unref(line);
    }
    in->busy--;
    input_update(s, in);
}

enum { FREED_A_TURN = 1 << 14 }; /* elements of dead lists: a millisecond or two */

/* What waited for the end of a slice. false: nothing did. */
static bool run_hooks(struct scheduler *s) {
    if (s->nhooks == 0 && s->nlags == 0 && s->recycled.len == 0) return false;
    login_run_hooks(s);
    slow_tell(s);
    login_close_recycled(s);
    return true;
}

/* `ready_us': since when what runs is ready; 0: not known. */
static void begin_turn(struct scheduler *s, struct queue *q, int64_t now_us, int64_t ready_us) {
    measure_begin_turn(s, now_us, ready_us);
    s->turn = q;
    s->ticks_used = 0;
}

/* When it has ended, monotonic. */
static int64_t end_turn(struct scheduler *s, struct queue *q) {
    value_free_some(FREED_A_TURN); /* what it dropped it pays for, as far as that is short */
    int64_t ended = measure_end_turn(s);
    s->turn = NULL;
    queue_end_turn(s, q, s->ticks_used, s->turn_cpu_us);
    bool more = run_hooks(s);
    if (s->host.slice_ended && s->host.slice_ended(s->host.ctx)) more = true;
    return more ? clock_monotonic_us() : ended;
}

void run_expired(struct scheduler *s, struct task *t, int64_t now_us) {
    struct queue *q = t->queue;
    struct vm_outcome out;
    int64_t id = t->id;
    objid player = vm_task_player(t->vm);
    value wake;
    queue_begin_unasked_turn(s, q);
    begin_turn(s, q, now_us, 0);
    struct vm *vm = task_take_vm(s, t, &wake);
    value_unref(wake);
    vm_expire(vm, &out);
    report_timeout(s, player, id, false, "seconds", &out);
    vm_outcome_fini(&out);
    end_turn(s, q);
}

static int64_t run_turn(struct scheduler *s, struct queue *q, int64_t now_us) {
    queue_begin_turn(q);
    begin_turn(s, q, now_us, q->part == PART_TYPED ? 0 : q->first->timer.due_us);
    if (q->part == PART_TYPED) {
        struct input *in = q->first_input;
        queue_take_input(s, in);
        run_input(s, in);
    } else {
        run_task(s, q->first);
    }
    return end_turn(s, q);
}

bool sched_is_idle(const struct scheduler *s) {
    return s->nactive == 0 && s->nhooks == 0 && s->nlags == 0 && s->recycled.len == 0;
}

int64_t sched_run(struct scheduler *s, int64_t budget_us) {
    int64_t begun = clock_monotonic_us(), end = begun + budget_us;
    must(!s->run);
    s->mark_us = begun;
    s->cpu_mark_us = clock_cpu_us();
    int64_t now = run_hooks(s) ? clock_monotonic_us() : begun; /* of verbs that the host called */
    for (;;) {
        if (deadline_end_one(s, now)) now = clock_monotonic_us();
        tasks_wake(s, now);
        struct queue *q = now - begun < FRESH_LOOK_US ? queues_next(s) : queues_next_of_round(s);
        if (!q) break;
        now = run_turn(s, q, now);
        if (now >= end) break;
    }
    if (value_free_some(FREED_A_TURN) || s->nactive > 0) return 0;
    int64_t due = timers_next_us(&s->sleepers), deadline = timers_next_us(&s->deadline_timers);
    if (deadline < due) due = deadline;
    return due == INT64_MAX ? -1 : due > now ? due - now : 0;
}
