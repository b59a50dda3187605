/* SPDX-License-Identifier: MIT */
/* Where time goes: what the scheduler counts, told to programs. Totals are for everybody; what is about somebody for himself and wizards. */
#include <stdlib.h>

#include "base/must.h"
#include "builtins/support.h"
#include "scheduler/facts.h"
#include "scheduler/profile.h"
#include "scheduler/scheduler.h"

enum { DEFAULT_ROWS = 100 };

static struct scheduler *sched_of(const struct builtin_call *c) {
    must(c->m->scheduler);
    return c->m->scheduler;
}

static bool parse_span(value v, enum rolling_span *out) {
    for (int i = 0; v.type == V_STR && i < SPANS; i++) {
        if (!str_equal_c(v.u.s, span_word((enum rolling_span)i))) continue;
        *out = (enum rolling_span)i;
        return true;
    }
    return false;
}

/* [span [, most]] from argument i on. */
static enum error row_args(const struct builtin_call *c, int i, enum rolling_span *span, size_t *most) {
    *span = SPAN_HOUR;
    *most = DEFAULT_ROWS;
    if (has_arg(c, i) && c->args[i].type != V_STR) return E_TYPE;
    if (has_arg(c, i) && !parse_span(c->args[i], span)) return E_INVARG;
    if (!has_arg(c, i + 1)) return E_NONE;
    if (c->args[i + 1].type != V_INT) return E_TYPE;
    if (c->args[i + 1].u.i < 1) return E_INVARG;
    *most = c->args[i + 1].u.i < USAGE_ENTRIES ? (size_t)c->args[i + 1].u.i : USAGE_ENTRIES;
    return E_NONE;
}

/* {who, facts} or {object, verb, facts}. */
static value row_value(const struct scheduler *s, const struct usage_row *row) {
    value facts = facts_of_usage(s, &row->usage);
    if (row->verb) return value_list(list_of(3, value_obj(row->who), value_str(str_ref(row->verb)), facts));
    return value_list(list_of(2, value_obj(row->who), facts));
}

/* ---- totals, players ---- */

static struct result top_players(struct builtin_call *c) {
    struct scheduler *s = sched_of(c);
    struct usage_row *rows = xmalloc(USAGE_ENTRIES * sizeof *rows);
    enum rolling_span span;
    size_t most;
    enum error e = row_args(c, 1, &span, &most);
    size_t n = e == E_NONE ? stats_top_players(sched_stats(s), span, rows, USAGE_ENTRIES) : 0;
    struct list *l = list_new(most < n ? most : n);
    for (size_t i = 0; i < n && l->len < most; i++)
        if (!rows[i].logins) l = list_append_take(l, row_value(s, &rows[i]));
    free(rows);
    if (e == E_NONE) return result_list(l);
    list_unref(l);
    return result_raise(e);
}

struct result bf_scheduler_stats(struct builtin_call *c) {
    if (!has_arg(c, 0)) return result_value(sched_facts(sched_of(c)));
    if (c->args[0].type == V_OBJ) {
        if (c->nargs > 1) return result_raise(E_ARGS);
        if (c->progr != c->args[0].u.o && !is_wizard(c)) return result_raise(E_PERM);
        return result_value(sched_player_facts(sched_of(c), c->args[0].u.o));
    }
    if (c->args[0].type != V_STR) return result_raise(E_TYPE);
    if (!str_equal_c(c->args[0].u.s, "players")) return result_raise(E_INVARG);
    return is_wizard(c) ? top_players(c) : result_raise(E_PERM);
}

/* ---- tasks and slices ---- */

struct result bf_task_stats(struct builtin_call *c) {
    value facts;
    enum error e = sched_task_facts(sched_of(c), c->args[0].u.i, c->progr, &facts);
    return e == E_NONE ? result_value(facts) : result_raise(e);
}

struct result bf_slow_slices(struct builtin_call *c) { return result_value(sched_slow_facts(sched_of(c), c->progr)); }

/* ---- verbs ---- */

static struct result top_verbs(struct builtin_call *c) {
    struct scheduler *s = sched_of(c);
    enum rolling_span span;
    size_t most;
    enum error e = row_args(c, 0, &span, &most);
    if (e != E_NONE) return result_raise(e);
    struct usage_row *rows = xmalloc(USAGE_ENTRIES * sizeof *rows);
    size_t n = stats_top_verbs(sched_stats(s), span, rows, USAGE_ENTRIES);
    struct list *l = list_new(most < n ? most : n);
    for (size_t i = 0; i < n && l->len < most; i++)
        if (is_wizard(c) || profile_owns_verb(db_of(c), c->progr, rows[i].who, rows[i].verb)) l = list_append_take(l, row_value(s, &rows[i]));
    free(rows);
    return result_list(l);
}

/* The verb that two values name: its names, borrowed. */
static enum error find_verb(const struct builtin_call *c, value obj, value name, struct str **names) {
    struct verbref v;
    if (obj.type != V_OBJ || name.type != V_STR) return E_TYPE;
    if (!db_valid(db_of(c), obj.u.o)) return E_INVARG;
    if (!db_find_own_verb(db_of(c), obj.u.o, name.u.s, &v)) return E_VERBNF;
    if (!is_wizard(c) && db_verb_owner(db_of(c), v) != c->progr) return E_PERM;
    *names = db_verb_names(db_of(c), v);
    return E_NONE;
}

static struct result one_verb(struct builtin_call *c) {
    struct scheduler *s = sched_of(c);
    struct str *names;
    struct usage spans[SPANS];
    if (c->nargs != 2) return result_raise(E_ARGS);
    enum error e = find_verb(c, c->args[0], c->args[1], &names);
    if (e != E_NONE) return result_raise(e);
    for (int i = 0; i < SPANS; i++) stats_verb(sched_stats(s), c->args[0].u.o, names, (enum rolling_span)i, &spans[i]);
    return result_value(facts_of_spans(s, spans));
}

static enum error parse_target(const struct builtin_call *c, struct profile_target *out) {
    value v = has_arg(c, 1) ? c->args[1] : value_int(0);
    *out = (struct profile_target){.player = NOTHING};
    if (v.type == V_INT) return v.u.i == 0 ? E_NONE : E_INVARG;
    if (v.type == V_OBJ) {
        out->player = v.u.o;
        return db_valid(db_of(c), v.u.o) ? E_NONE : E_INVARG;
    }
    if (v.type != V_LIST) return E_TYPE;
    if (v.u.l->len != 2) return E_INVARG;
    if (list_get(v.u.l, 1).type == V_OBJ) out->definer = list_get(v.u.l, 1).u.o;
    return find_verb(c, list_get(v.u.l, 1), list_get(v.u.l, 2), &out->names);
}

static struct result start(struct builtin_call *c) {
    struct profile_target what;
    enum error e = parse_target(c, &what);
    int64_t hz = int_arg(c, 2, 0);
    if (e == E_NONE && has_arg(c, 2) && c->args[2].type != V_INT) e = E_TYPE;
    if (e == E_NONE && has_arg(c, 2) && (hz < 1 || hz > PROFILE_MOST_HZ)) e = E_INVARG;
    return result_error(e == E_NONE ? profile_start(sched_of(c), c->progr, &what, hz) : e);
}

struct result bf_verb_profile(struct builtin_call *c) {
    if (!has_arg(c, 0)) return top_verbs(c);
    if (c->args[0].type == V_OBJ) return one_verb(c);
    if (c->args[0].type != V_STR) return result_raise(E_TYPE);
    if (str_equal_c(c->args[0].u.s, "start")) return start(c);
    bool stop = str_equal_c(c->args[0].u.s, "stop");
    if (!stop && !str_equal_c(c->args[0].u.s, "flame")) return c->nargs > 2 ? result_raise(E_ARGS) : top_verbs(c);
    if (c->nargs > 1) return result_raise(E_ARGS);
    return stop ? result_int(profile_stop(sched_of(c), c->progr)) : result_value(profile_lines(sched_of(c), c->progr));
}
