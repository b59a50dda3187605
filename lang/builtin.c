/* SPDX-License-Identifier: MIT */
#include "lang/builtin.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/dialect.h"
#include "lang/machine.h"

struct result result_raise_text(enum error e, const char *message) {
    struct result r = result_raise(e);
    r.message = str_from(message);
    return r;
}

struct result result_call_verb(struct machine *m, objid object, const char *verb, struct list *args, bool *found) {
    struct result r = {.kind = R_CALL, .object = object, .verb = str_from(verb)};
    *found = db_valid(m->db, object) && db_find_callable_verb(m->db, object, r.verb, NULL, &r.found);
    if (*found) {
        r.v = value_list(args);
        return r;
    }
    str_unref(r.verb);
    list_unref(args);
    return result_int(0);
}

/* ---- rules 1 to 3 of every call ---- */

static struct result raise_detailed(const struct machine *m, enum error e, const char *format, ...) __attribute__((format(printf, 3, 4)));
static struct result raise_detailed(const struct machine *m, enum error e, const char *format, ...) {
    if (!m->dialect->detailed_messages) return result_raise(e);
    char text[200];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    return result_raise_text(e, text);
}

static struct result raise_count(const struct machine *m, const struct builtin *b, int got) {
    if (b->min == b->max) return raise_detailed(m, E_ARGS, "Incorrect number of arguments (expected %d; got %d)", b->min, got);
    return raise_detailed(m, E_ARGS, "Incorrect number of arguments (expected %d-%d; got %d)", b->min, b->max, got);
}

static bool type_fits(int expected, uint32_t type) {
    if (expected == ARG_ANY) return true;
    return expected == ARG_NUMBER ? type == V_INT || type == V_FLOAT : type == (uint32_t)expected;
}

bool builtin_check_args(const struct machine *m, const struct builtin *b, const value *args, int nargs, struct result *out) {
    if (nargs < b->min || (b->max >= 0 && nargs > b->max)) {
        *out = raise_count(m, b, nargs);
        return false;
    }
    for (int i = 0; i < nargs && i < BUILTIN_MAX_TYPES; i++) {
        if (type_fits(b->types[i], args[i].type)) continue;
        *out = raise_detailed(m, E_TYPE, "Type mismatch (args[%d] of %s() expected %s; got %s)", i + 1, b->name,
                              b->types[i] == ARG_NUMBER ? "number" : type_word(b->types[i]), type_word((int)args[i].type));
        return false;
    }
    return true;
}

bool builtin_is_protected(const struct machine *m, int id, objid caller, objid progr, const value *args, int nargs, struct result *out) {
    if (!m->protect || !m->protect[id] || caller == 0) return false;
    char name[64];
    snprintf(name, sizeof name, "bf_%s", m->builtins[id].name);
    struct list *list = list_new((size_t)nargs);
    for (int i = 0; i < nargs; i++) list = list_append_take(list, value_ref(args[i]));
    bool found;
    struct result r = result_call_verb((struct machine *)m, 0, name, list, &found);
    if (found) {
        r.kind = R_BECOME;
        *out = r;
        return true;
    }
    if (db_is_wizard(m->db, progr)) return false;
    *out = result_raise(E_PERM);
    return true;
}
