/* SPDX-License-Identifier: MIT */
#include "builtins/support.h"

#include <string.h>

#include "base/buf.h"
#include "db/world.h"

/* The limits when the options name none: language.md 15. */
enum { DEFAULT_STRING_BYTES = 33554423, DEFAULT_LIST_ELEMENTS = 4194302 };

struct result support_buf_result(struct builtin_call *c, struct buf *b) {
    enum { COPIED_A_NS = 1 };
    bool fits = vm_memory_fits(c->vm, b->len);
    struct str *text = fits && vm_can_afford(c->vm, b->len / COPIED_A_NS) ? buf_to_str(b) : NULL;
    buf_fini(b);
    if (text) return result_str(text); /* built where it is returned: copied from a local it would wait for the cache, a quarter of a tostr() */
    return fits ? support_gave_up(c) : support_memory_error();
}

enum error support_valid_arg(const struct builtin_call *c, int i, objid *out) {
    if (c->args[i].type != V_OBJ) return E_TYPE;
    *out = c->args[i].u.o;
    if (!vm_bring(c->vm, *out)) return E_QUOTA;
    return db_valid(db_of(c), *out) ? E_NONE : E_INVARG;
}

bool support_list_is(value v, uint32_t n, const enum value_type *types) {
    if (v.type != V_LIST || v.u.l->len != n) return false;
    for (uint32_t i = 0; i < n; i++)
        if (v.u.l->items[i].type != (uint32_t)types[i]) return false;
    return true;
}

size_t support_string_limit(const struct builtin_call *c) {
    return c->m->max_string_concat > 0 ? (size_t)c->m->max_string_concat : DEFAULT_STRING_BYTES;
}

bool support_string_fits(const struct builtin_call *c, size_t bytes) { return bytes <= support_string_limit(c); }

bool support_list_fits(const struct builtin_call *c, size_t elements) {
    return elements <= (c->m->max_list_concat > 0 ? (size_t)c->m->max_list_concat : DEFAULT_LIST_ELEMENTS);
}

struct result support_size_error(struct builtin_call *c) {
    if (!c->m->max_concat_catchable || vm_deadline_passed(c->vm)) vm_abort_seconds(c->vm);
    return result_raise(E_QUOTA);
}

struct result support_gave_up(struct builtin_call *c) {
    vm_abort_seconds(c->vm);
    return result_raise(E_QUOTA);
}

struct result support_memory_error(void) {
    return result_raise_text(E_QUOTA, VM_MEMORY_MESSAGE);
}

bool support_can_look_up(struct builtin_call *c, const struct str *name) {
    enum { NAME_NS = 8 }; /* a byte, at most */
    return vm_can_afford(c->vm, (uint64_t)name->len * NAME_NS);
}

bool support_can_refit(struct builtin_call *c, objid o, enum refit what, size_t slots, bool *memory) {
    enum { SLOT_BYTES = 24 };
    size_t made;
    *memory = false;
    if (!vm_can_afford(c->vm, db_refit_ns(db_of(c), o, what, slots, vm_time_left_ns(c->vm), &made))) return false;
    *memory = !vm_memory_fits(c->vm, made * slots * SLOT_BYTES);
    return !*memory;
}

bool support_latin1(const struct builtin_call *c) { return db_encoding(db_of(c)) == ENC_LATIN1; }

bool support_parse_letters(const struct str *letters, const char *known, unsigned *bits) {
    *bits = 0;
    for (uint32_t i = 0; i < letters->len; i++) {
        const char *at = strchr(known, ascii_lower((unsigned char)letters->data[i]));
        if (!at) return false;
        *bits |= 1u << (at - known);
    }
    return true;
}

struct str *support_print_letters(unsigned bits, const char *known) {
    char text[8];
    size_t n = 0;
    for (size_t i = 0; known[i]; i++)
        if (bits & (1u << i)) text[n++] = known[i];
    return str_new(text, n);
}
