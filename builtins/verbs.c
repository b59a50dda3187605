/* SPDX-License-Identifier: MIT */
/*
 * Verbs and their programs. Every function looks at its arguments in one order: form of the descriptor, object, info, the verb itself (E_VERBNF), permission.
 * eval() calls back: step 2 behind the program, no state.
 */
#include "builtins/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/preps.h"
#include "lang/program.h"
#include "scheduler/options.h"

static const char verb_letters[] = "rwxdp"; /* bits of enum verb_flag, in order */

/* ---- arguments ---- */

/* A descriptor has the right form: a name, or a position from 1. */
static enum error check_descriptor(value v) {
    if (v.type == V_STR) return E_NONE;
    if (v.type != V_INT) return E_TYPE;
    return v.u.i < 1 ? E_INVARG : E_NONE;
}

/* "4" as the position 4, counted from 0: for cores of the time before positions were integers. */
static bool numeric_name(const struct builtin_call *c, const struct str *name, size_t *index) {
    if (!name->len || name->len > 9 || strspn(name->data, "0123456789") != name->len) return false;
    if (!c->m->scheduler || !option_int(c->m->scheduler, OPT_support_numeric_verbname_strings)) return false;
    *index = (size_t)atol(name->data);
    return true;
}

static bool find_described(struct builtin_call *c, objid o, value descriptor, struct verbref *out) {
    size_t index;
    if (descriptor.type == V_STR) {
        if (!support_can_look_up(c, descriptor.u.s)) return false;
        if (db_find_own_verb(db_of(c), o, descriptor.u.s, out)) return true;
        if (!numeric_name(c, descriptor.u.s, &index)) return false;
    } else {
        index = (size_t)descriptor.u.i - 1;
    }
    if (index >= db_count_verbs(db_of(c), o)) return false;
    *out = (struct verbref){.definer = o, .index = (uint32_t)index};
    return true;
}

/* Descriptor and object; the verb is still to be found. */
static enum error check_verb_args(const struct builtin_call *c, objid *o) {
    if (c->args[0].type != V_OBJ) return E_TYPE;
    enum error e = check_descriptor(c->args[1]);
    return e == E_NONE ? support_valid_arg(c, 0, o) : e;
}

/* All checks of a function that needs only one right. */
static enum error find_verb(struct builtin_call *c, enum verb_flag right, struct verbref *v) {
    objid o;
    enum error e = check_verb_args(c, &o);
    if (e == E_NONE && !find_described(c, o, c->args[1], v)) e = E_VERBNF;
    if (e == E_NONE && !db_verb_allows(db_of(c), *v, c->progr, right)) e = E_PERM;
    return e;
}

struct verb_info {
    objid owner;
    unsigned flags;
    struct str *names; /* owned */
};

static enum error parse_info(struct db *db, const struct list *l, struct verb_info *out) {
    if (l->len != 3 || l->items[0].type != V_OBJ || l->items[1].type != V_STR || l->items[2].type != V_STR) return E_TYPE;
    const char *names = l->items[2].u.s->data;
    out->owner = l->items[0].u.o;
    if (!db_valid(db, out->owner) || !support_parse_letters(l->items[1].u.s, verb_letters, &out->flags)) return E_INVARG;
    names += strspn(names, " ");
    if (!*names) return E_INVARG;
    out->names = str_from(names);
    return E_NONE;
}

struct verb_args {
    enum verb_arg dobj, iobj;
    int prep;
};

static bool parse_arg_word(const struct str *s, enum verb_arg *out) {
    static const char *const words[] = {[VA_NONE] = "none", [VA_ANY] = "any", [VA_THIS] = "this"};
    for (unsigned i = 0; i < 3; i++) {
        if (!str_equal_c(s, words[i])) continue;
        *out = (enum verb_arg)i;
        return true;
    }
    return false;
}

static const char *arg_word(enum verb_arg a) { return a == VA_NONE ? "none" : a == VA_ANY ? "any" : "this"; }

static enum error parse_args(const struct list *l, struct verb_args *out) {
    if (l->len != 3) return E_TYPE;
    for (int i = 0; i < 3; i++)
        if (l->items[i].type != V_STR) return E_TYPE;
    if (!parse_arg_word(l->items[0].u.s, &out->dobj) || !parse_arg_word(l->items[2].u.s, &out->iobj)) return E_INVARG;
    return prep_from_descriptor(l->items[1].u.s->data, &out->prep) ? E_NONE : E_INVARG;
}

/* ---- looking ---- */

struct result bf_verbs(struct builtin_call *c) {
    objid o;
    struct db *db = db_of(c);
    enum error e = support_valid_arg(c, 0, &o);
    if (e == E_NONE && !db_object_allows(db, o, c->progr, OF_READ)) e = E_PERM;
    if (e != E_NONE) return result_raise(e);
    size_t n = db_count_verbs(db, o);
    struct list *l = list_new(n);
    for (size_t i = 0; i < n; i++) {
        struct verbref v = {.definer = o, .index = (uint32_t)i};
        l = list_append_take(l, value_str(str_ref(db_verb_names(db, v))));
    }
    return result_list(l);
}

struct result bf_verb_info(struct builtin_call *c) {
    struct verbref v;
    struct db *db = db_of(c);
    enum error e = find_verb(c, VF_READ, &v);
    if (e != E_NONE) return result_raise(e);
    struct str *names = str_ref(db_verb_names(db, v));
    struct str *letters = support_print_letters(db_verb_flags(db, v), verb_letters);
    return result_list(list_of(3, value_obj(db_verb_owner(db, v)), value_str(letters), value_str(names)));
}

struct result bf_verb_args(struct builtin_call *c) {
    struct verbref v;
    struct verb_args a;
    enum error e = find_verb(c, VF_READ, &v);
    if (e != E_NONE) return result_raise(e);
    db_verb_args(db_of(c), v, &a.dobj, &a.prep, &a.iobj);
    return result_list(list_of(3, value_str(str_from(arg_word(a.dobj))), value_str(str_from(prep_set_name(a.prep))),
                               value_str(str_from(arg_word(a.iobj)))));
}

/* Text with LF behind each line as a list of lines; frees it. */
static struct list *list_lines(struct buf *text) {
    struct list *l = list_empty();
    const char *p = buf_c(text), *end = p + text->len;
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *stop = lf ? lf : end;
        l = list_append_take(l, value_str(str_new(p, (size_t)(stop - p))));
        p = lf ? lf + 1 : end;
    }
    buf_fini(text);
    return l;
}

static struct result result_lines(struct buf *text) { return result_list(list_lines(text)); }

/* Work a byte of a program's text, at most: to list it, to list its instructions. */
enum { LIST_NS = 80, DISASSEMBLE_NS = 250 };

static bool can_list(struct builtin_call *c, const struct code *code, uint64_t ns) { return !code || vm_can_afford(c->vm, (uint64_t)code->text->len * ns); }

static bool can_compile(struct builtin_call *c, const value *lines, size_t n) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += lines[i].u.s->len + 1;
    return vm_can_afford(c->vm, bytes * MACHINE_COMPILE_NS);
}

struct result bf_verb_code(struct builtin_call *c) {
    struct verbref v;
    enum error e = find_verb(c, VF_READ, &v);
    if (e != E_NONE) return result_raise(e);
    struct buf text = BUF_INIT;
    struct code *code = db_verb_code(db_of(c), v);
    if (!can_list(c, code, LIST_NS)) return support_gave_up(c);
    if (code) {
        code_ref(code);
        machine_list_code(c->m, code, flag_arg(c, 2), !has_arg(c, 3) || flag_arg(c, 3), &text);
        code_unref(code);
    }
    return result_lines(&text);
}

static struct list *code_lines(struct machine *m, struct code *code) {
    struct buf text = BUF_INIT;
    if (code) machine_list_code(m, code, false, true, &text);
    return list_lines(&text);
}

struct result bf_verb_history(struct builtin_call *c) {
    struct verbref v;
    struct db_version *versions;
    enum error e = find_verb(c, VF_READ, &v);
    if (e != E_NONE) return result_raise(e);
    size_t n = db_verb_history(db_of(c), v, &versions);
    struct list *l = list_new(n);
    for (size_t i = 0; i < n && can_list(c, versions[i].code, LIST_NS); i++) {
        const struct db_version *was = &versions[i];
        l = list_append_take(l, value_list(list_of(4, value_int(was->time / 1000000), value_obj(was->programmer), value_str(str_ref(was->names)),
                                                   value_list(code_lines(c->m, was->code)))));
    }
    db_versions_free(versions, n);
    return result_list(l);
}

/* ---- changing ---- */

struct result bf_set_verb_info(struct builtin_call *c) {
    objid o;
    struct verbref v;
    struct verb_info info;
    struct db *db = db_of(c);
    enum error e = check_verb_args(c, &o);
    if (e == E_NONE) e = parse_info(db, c->args[2].u.l, &info);
    if (e != E_NONE) return result_raise(e);
    if (!find_described(c, o, c->args[1], &v))
        e = E_VERBNF;
    else if (!db_verb_allows(db, v, c->progr, VF_WRITE) || (db_verb_owner(db, v) != info.owner && !is_wizard(c)))
        e = E_PERM;
    else if (!db_can_define(db, o, c->progr, 0, 0, support_growth(db_verb_names(db, v)->len, info.names->len)))
        e = E_QUOTA;
    else
        db_verb_set_info(db, v, info.names, info.owner, info.flags);
    str_unref(info.names);
    return result_error(e);
}

struct result bf_set_verb_args(struct builtin_call *c) {
    objid o;
    struct verbref v;
    struct verb_args a;
    enum error e = check_verb_args(c, &o);
    if (e == E_NONE) e = parse_args(c->args[2].u.l, &a);
    if (e == E_NONE && !find_described(c, o, c->args[1], &v)) e = E_VERBNF;
    if (e == E_NONE && !db_verb_allows(db_of(c), v, c->progr, VF_WRITE)) e = E_PERM;
    if (e == E_NONE) db_verb_set_args(db_of(c), v, a.dobj, a.prep, a.iobj);
    return result_error(e);
}

struct result bf_add_verb(struct builtin_call *c) {
    objid o;
    struct verb_info info;
    struct verb_args a;
    struct db *db = db_of(c);
    if (c->args[0].type != V_OBJ) return result_raise(E_TYPE);
    enum error e = parse_info(db, c->args[1].u.l, &info);
    if (e != E_NONE) return result_raise(e);
    e = parse_args(c->args[2].u.l, &a);
    if (e == E_NONE) e = support_valid_arg(c, 0, &o);
    if (e == E_NONE && (!db_object_allows(db, o, c->progr, OF_WRITE) || (info.owner != c->progr && !is_wizard(c)))) e = E_PERM;
    if (e == E_NONE && !db_can_define(db, o, c->progr, 0, 1, info.names->len)) e = E_QUOTA;
    struct result r =
        e == E_NONE ? result_int((int64_t)db_add_verb(db, o, info.names, info.owner, info.flags, a.dobj, a.prep, a.iobj) + 1) : result_raise(e);
    str_unref(info.names);
    return r;
}

struct result bf_delete_verb(struct builtin_call *c) {
    objid o;
    struct verbref v;
    enum error e = check_verb_args(c, &o);
    if (e == E_NONE && !db_object_allows(db_of(c), o, c->progr, OF_WRITE)) e = E_PERM;
    if (e == E_NONE && !find_described(c, o, c->args[1], &v)) e = E_VERBNF;
    if (e == E_NONE) db_delete_verb(db_of(c), v);
    return result_error(e);
}

static bool all_strings(const value *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v[i].type != V_STR) return false;
    return true;
}

struct result bf_set_verb_code(struct builtin_call *c) {
    objid o;
    struct verbref v;
    struct list *lines = c->args[2].u.l, *messages = NULL;
    if (c->args[0].type != V_OBJ || !all_strings(lines->items, lines->len)) return result_raise(E_TYPE);
    enum error e = check_verb_args(c, &o);
    if (e == E_NONE && !find_described(c, o, c->args[1], &v)) e = E_VERBNF;
    if (e == E_NONE && !(db_is_programmer(db_of(c), c->progr) && db_verb_allows(db_of(c), v, c->progr, VF_WRITE))) e = E_PERM;
    if (e != E_NONE) return result_raise(e);
    if (!can_compile(c, lines->items, lines->len)) return support_gave_up(c);
    struct code *code = machine_compile(c->m, lines, &messages);
    if (code) db_verb_program(db_of(c), v, code, c->progr);
    return result_list(messages ? messages : list_empty());
}

struct result bf_disassemble(struct builtin_call *c) {
    struct verbref v;
    enum error e = find_verb(c, VF_READ, &v);
    if (e != E_NONE) return result_raise(e);
    struct buf text = BUF_INIT;
    struct code *code = db_verb_code(db_of(c), v);
    if (!can_list(c, code, DISASSEMBLE_NS)) return support_gave_up(c);
    if (code) code_ref(code);
    buf_printf(&text, "Language version number: %d\nFirst line number: %d\n\nMain code vector:\n=================\n", code ? code->version : LANGUAGE_VERSION,
               code ? (int)code->first_line : 1);
    if (code) program_disassemble(program_of(c->m, code, true), &text);
    if (code) code_unref(code);
    return result_lines(&text);
}

/* ---- eval() ---- */

static struct list *lines_from_args(const struct builtin_call *c) {
    struct list *l = list_new((size_t)c->nargs);
    for (int i = 0; i < c->nargs; i++) l = list_append_take(l, value_ref(c->args[i]));
    return l;
}

bool bf_eval_may_wait(const struct machine *m, int step, value state) {
    (void)m;
    (void)state;
    return step == 2;
}

struct result bf_eval(struct builtin_call *c) {
    if (c->step > 0) return result_list(list_of(2, value_int(1), value_ref(c->ret)));
    if (!db_is_programmer(db_of(c), c->progr)) return result_raise(E_PERM);
    if (!all_strings(c->args, (size_t)c->nargs)) return result_raise(E_TYPE);
    if (!can_compile(c, c->args, (size_t)c->nargs)) return support_gave_up(c);
    struct list *lines = lines_from_args(c), *messages = NULL;
    struct code *code = machine_compile(c->m, lines, &messages);
    list_unref(lines);
    if (!code) return result_list(list_of(2, value_int(0), value_list(messages ? messages : list_empty())));
    if (messages) list_unref(messages);
    c->step = 2;
    return (struct result){.kind = R_CALL, .v = value_list(list_empty()), .object = NOTHING, .verb = str_empty(), .code = code};
}
