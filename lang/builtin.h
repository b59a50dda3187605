/* SPDX-License-Identifier: MIT */
/*
 * What a built-in function is to the machine. The functions themselves, one file a family, stand in builtins/; their one table is builtins/builtins.def.
 *
 * A function gets its arguments already counted and typed (rules 1-3 of builtins.md are the machine's), borrows them, and returns a struct result:
 *   value    the call's value;
 *   raise    an error with code, message and value (in a frame without `d' the call's value is the code);
 *   call     a verb (or a piece of code) is to be run; when it has returned the function is entered again with `step' and `state' as it set them and `ret'
 *            the value. The arguments are gone then: what is still needed goes into `state'. This is what is saved when the task sleeps meanwhile, by name, so step
 *            numbers and the layout of `state' are a format: never change the meaning of a number;
 *   become   the called verb's value is the function's value and there is no row for the function in callers() (pass(), protected functions);
 *   suspend  the task is set aside; `why' says until what. The value it wakes with is the call's value (an error value is raised);
 *   kill     the task ends at once, without `finally'.
 * When an error, abort or kill passes through a function that waits for a call, it is entered with `ret' integer 0 and `unwinding' true; further calls it
 * asks for are not made but answered likewise, and what it returns in the end is dropped.
 */
#ifndef LANG_BUILTIN_H
#define LANG_BUILTIN_H

#include "base/list.h"
#include "base/str.h"
#include "base/value.h"
#include "db/db.h"

struct machine;
struct vm;
struct threaded;

enum result_kind { R_VALUE, R_RAISE, R_CALL, R_BECOME, R_SUSPEND, R_KILL };
enum suspend_why { SUSPEND_TIMED, SUSPEND_FOREVER, SUSPEND_READ, SUSPEND_WORK, SUSPEND_SAVE, SUSPEND_PARK /* the machine's own */ };

struct result {
    enum result_kind kind;
    enum suspend_why why; /* SUSPEND */
    value v; /* VALUE: the value. RAISE: the code (any value). CALL, BECOME: list of arguments. SUSPEND_WORK: what it sleeps with (lang/threaded.h), or integer 0. Owned. */
    struct str *message; /* RAISE: owned; NULL for the code's own text */
    value extra; /* RAISE: the exception's value; 0 unless given. Owned. */
    struct str *verb; /* CALL, BECOME: verb name, owned */
    objid object; /* CALL, BECOME: `this' of the call. SUSPEND_READ: the connection */
    struct verbref found; /* CALL, BECOME: the verb, found beforehand */
    struct code *code; /* CALL: owned; run this program instead of a verb (eval) */
    double seconds; /* SUSPEND_TIMED */
};

struct builtin_call {
    struct machine *m;
    struct vm *vm;
    objid progr; /* permissions of the calling frame */
    const value *args; /* borrowed; [0..nargs) */
    int nargs;
    int step; /* 0 at the first entry */
    value state; /* at step > 0: owned by the call, replace as needed; released by the machine */
    value ret; /* at step > 0: what the verb returned; borrowed */
    bool unwinding;
};

typedef struct result builtin_fn(struct builtin_call *c);

enum { ARG_ANY = -1, ARG_NUMBER = -2 }; /* else enum value_type */
enum { BUILTIN_MAX_TYPES = 5 };

struct builtin {
    const char *name;
    builtin_fn *fn;
    int16_t min, max; /* max -1: any number */
    int8_t types[BUILTIN_MAX_TYPES]; /* for the first arguments; the rest ARG_ANY */
    const char *args; /* names of the arguments, for the reference */
    const char *doc; /* one sentence, for the reference */
    bool (*may_wait)(const struct machine *m, int step, value state); /* can it have left these behind when it called back? NULL: it never calls back */
    const struct threaded *threaded; /* how its work is done in a thread (lang/threaded.h); NULL: it is not */
};

static inline struct result result_value(value v) { return (struct result){.kind = R_VALUE, .v = v}; }
static inline struct result result_int(int64_t i) { return result_value(value_int(i)); }
static inline struct result result_raise(enum error e) { return (struct result){.kind = R_RAISE, .v = value_err(e), .extra = value_int(0)}; }
struct result result_raise_text(enum error e, const char *message);
/* a raise for e != E_NONE, integer 0 else */
static inline struct result result_error(enum error e) { return e == E_NONE ? result_int(0) : result_raise(e); }
/* Looks the verb up; kind R_CALL, or R_VALUE 0 with *found false when there is none. Takes args. */
struct result result_call_verb(struct machine *m, objid object, const char *verb, struct list *args, bool *found);

/* What precedes every call, for the machine and for call_function(). First: is the function protected in a frame whose `this' is `caller'? Then *out is what
   happens in its place: R_BECOME #0:bf_NAME(args), or E_PERM. */
bool builtin_is_protected(const struct machine *m, int id, objid caller, objid progr, const value *args, int nargs, struct result *out);
/* Then: number and types of the arguments; false with the error in *out. */
bool builtin_check_args(const struct machine *m, const struct builtin *b, const value *args, int nargs, struct result *out);

#endif
