/* SPDX-License-Identifier: MIT */
/* Functions whose bodies have not landed yet. Weak, so that a body elsewhere takes over; this file goes when the last is there. */
#include "builtins/registry.h"

#define PENDING(name) \
    __attribute__((weak)) struct result bf_##name(struct builtin_call *c) { \
        (void)c; \
        return result_raise(E_VERBNF); \
    }
#define BUILTIN(name, ...) PENDING(name)
#define BUILTIN2(name, ...) PENDING(name)
#define ALIAS(name, body, ...)
#include "builtins/builtins.def"

/* The machine, likewise, until it lands. */
#include "lang/machine.h"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define WEAK __attribute__((weak))
WEAK void vm_abort_seconds(struct vm *vm) {}
WEAK bool vm_deadline_passed(const struct vm *vm) { return false; }
WEAK bool vm_activation(const struct vm *vm, int row, struct activation_info *out) { return false; }
WEAK int machine_find_builtin(const struct machine *m, const char *name, size_t len) { return -1; }
WEAK struct code *machine_compile(struct machine *m, const struct list *lines, struct list **messages) { return NULL; }
WEAK bool machine_list_code(struct machine *m, struct code *code, bool full, bool indent, struct buf *out) { return false; }
