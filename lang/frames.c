/* SPDX-License-Identifier: MIT */
#include "lang/vm.h"

void vm_each_code(const struct vm *vm, void (*fn)(void *ctx, struct code *code), void *ctx) {
    for (uint32_t i = 0; i < vm->nframes; i++)
        if (vm->frames[i].code) fn(ctx, vm->frames[i].code);
}

void vm_save(const struct vm *vm, struct buf *out) {
    (void)vm;
    (void)out;
}

struct vm *vm_load(struct machine *m, struct dec *d, struct code *(*find_code)(void *ctx, const uint8_t *hash), void *ctx, struct buf *why) {
    (void)m, (void)d, (void)find_code, (void)ctx;
    buf_add_c(why, "not yet");
    return NULL;
}
