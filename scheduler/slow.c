/* SPDX-License-Identifier: MIT */
/*
 * Long slices: their stacks, and who hears of them.
 *
 * The watchdog has the machine show its frames now and then (machine_hooks.sampled). What it saw last of a slice that had run for ten milliseconds is kept until the slice ends, as by then
 * most tasks have no stack any more.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "scheduler/state.h"

enum { LONG_US = 10000, DEEP = 200 /* frames: such a stack is kept once */, MOST_LAGS = 16, LEAST_LAG_US = 100000 };

void slow_keep_stack(struct run *run, int64_t now_us) {
    if (now_us - run->started_us < LONG_US || now_us - run->stack_us < LONG_US) return;
    if (run->stack_us && vm_depth(run->vm) > DEEP) return;
    value_unref(run->stack);
    run->stack = vm_stack_list(run->vm, 0, true);
    run->stack_us = now_us;
}

/* A row as in a stack, of all that is known of a task that nobody saw. */
static value stack_of_first_verb(const struct slow_slice *slice) {
    struct list *row = list_of(6, value_obj(NOTHING), value_str(str_ref(slice->verb)), value_obj(NOTHING), value_obj(slice->definer), value_obj(slice->player), value_int(0));
    return value_list(list_of(1, value_list(row)));
}

/* Whose it was: as who may look at a sleeping task's. */
static objid programmer_of(value stack) {
    for (int64_t i = 1; i <= stack.u.l->len; i++) {
        objid progr = list_get(list_get(stack.u.l, i).u.l, 3).u.o;
        if (progr != NOTHING) return progr; /* a built-in's row has none */
    }
    return NOTHING;
}

static value stack_of(const struct run *run, const struct slow_slice *slice, const struct vm_outcome *out) {
    if (run->stack.type == V_LIST) return value_ref(run->stack);
    if (out->stack.type == V_LIST) return value_ref(out->stack);
    if (slice->end == SLICE_SET_ASIDE) return vm_stack_list(run->vm, 0, true);
    return stack_of_first_verb(slice);
}

static int64_t lag_threshold_us(struct scheduler *s) {
    int64_t us = option_int(s, OPT_task_lag_threshold);
    return us < LEAST_LAG_US ? INT64_MAX : us;
}

static void note_lag(struct scheduler *s, const struct slow_slice *slice) {
    s->counted.lagging++;
    log_info("LAG: #%lld:%.80s (task %lld of #%lld) ran for %.2f seconds", (long long)slice->definer, slice->verb->data, (long long)slice->task_id, (long long)slice->player, (double)slice->us / 1e6);
    if (s->nlags == MOST_LAGS) return;
    s->lags = xrealloc(s->lags, (s->nlags + 1) * sizeof *s->lags);
    s->lags[s->nlags++] = (struct lag){value_ref(slice->stack), slice->us};
}

void slow_end_slice(struct scheduler *s, struct run *run, struct slow_slice slice, const struct vm_outcome *out) {
    bool may_lag = slice.us >= LEAST_LAG_US && !run->is_handler && slice.us > lag_threshold_us(s);
    if (!may_lag && !stats_is_slow(s->stats, slice.us)) return;
    slice.task_id = run->task_id;
    slice.wall_us = clock_wall_us();
    slice.payer = s->turn ? s->turn->owner : NOTHING;
    slice.player = run->sums->first.player;
    slice.definer = stats_verb_of(run)->who;
    slice.verb = str_ref(stats_verb_of(run)->verb);
    slice.stack = stack_of(run, &slice, out);
    slice.progr = programmer_of(slice.stack);
    if (may_lag) note_lag(s, &slice);
    stats_add_slow(s->stats, &slice);
}

void slow_tell(struct scheduler *s) {
    for (size_t i = 0; i < s->nlags; i++) {
        struct lag lag = s->lags[i];
        if (db_valid(s->db, 0)) run_handler(s, "handle_lagging_task", list_of(2, lag.stack, value_float((double)lag.us / 1e6)));
        else value_unref(lag.stack);
    }
    s->nlags = 0;
}

void slow_fini(struct scheduler *s) {
    while (s->nlags > 0) value_unref(s->lags[--s->nlags].stack);
    free(s->lags);
}
