/* SPDX-License-Identifier: MIT */
/*
 * What the families of built-in functions share: looking at arguments, results of common forms, and the limits on what a program may build.
 *
 * Sizes are checked before memory is taken: `if (!support_string_fits(c, n)) return support_size_error(c);'.
 */
#ifndef BUILTINS_SUPPORT_H
#define BUILTINS_SUPPORT_H

#include "builtins/registry.h"
#include "base/must.h"
#include "lang/machine.h"

static inline bool has_arg(const struct builtin_call *c, int i) { return i < c->nargs; }
/* A yes/no argument: by truth, false when it is not given. */
static inline bool flag_arg(const struct builtin_call *c, int i) { return has_arg(c, i) && value_is_true(c->args[i]); }
static inline int64_t int_arg(const struct builtin_call *c, int i, int64_t absent) { return has_arg(c, i) ? c->args[i].u.i : absent; }
static inline struct db *db_of(const struct builtin_call *c) { return c->m->db; }
static inline bool is_wizard(const struct builtin_call *c) { return db_is_wizard(c->m->db, c->progr); }

static inline struct result result_str(struct str *s) { return result_value(value_str(s)); } /* takes */
static inline struct result result_list(struct list *l) { return result_value(value_list(l)); } /* takes */
static inline struct result result_obj(objid o) { return result_value(value_obj(o)); }
struct result support_buf_result(struct builtin_call *c, struct buf *b); /* the text as a string; the buffer is freed */

/* Argument i is a valid object: E_NONE and *out, E_TYPE, or E_INVARG. E_QUOTA, and the task is out of seconds: it is not in memory, and there is no time to read it. */
enum error support_valid_arg(const struct builtin_call *c, int i, objid *out);

/* By how much the second is more. */
static inline size_t support_growth(size_t was, size_t is) { return is > was ? is - was : 0; }

/* Is it a list of n elements of these types? */
bool support_list_is(value v, uint32_t n, const enum value_type *types);

/* Does a string of so many bytes, a list of so many elements, keep within the limits of language.md 15? */
bool support_string_fits(const struct builtin_call *c, size_t bytes);
bool support_list_fits(const struct builtin_call *c, size_t elements);
size_t support_string_limit(const struct builtin_call *c);
/* The size error: E_QUOTA, or the task's end as out of seconds when that cannot be caught or the time is over. */
struct result support_size_error(struct builtin_call *c);
/* Can the slice afford such a change of o with all below it, in memory or not (db_refit_ns())? It can take much memory, too. false: out of seconds, or E_QUOTA: support_gave_up() or support_memory_error() by *memory. */
bool support_can_refit(struct builtin_call *c, objid o, enum refit what, size_t slots, bool *memory);
bool support_can_look_up(struct builtin_call *c, const struct str *name); /* can the slice afford that? false: out of seconds */
struct result support_gave_up(struct builtin_call *c); /* out of seconds */
/* What vm_memory_fits() or vm_list_own() has refused: E_QUOTA. */
struct result support_memory_error(void);

/* Does the world hold its text as Latin-1? */
bool support_latin1(const struct builtin_call *c);
/* Permission letters of `letters', in any case, as bits by their place in `known' ("rwc"): false for an unknown letter. */
bool support_parse_letters(const struct str *letters, const char *known, unsigned *bits);
struct str *support_print_letters(unsigned bits, const char *known);

#endif
