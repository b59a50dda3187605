/* SPDX-License-Identifier: MIT */
#include "base/shares.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "base/str.h"

static int64_t address(value v) { return (int64_t)(intptr_t)v.u.p; }

bool shares_may_have(value v) {
    if (v.type == V_LIST) return v.u.l->refs > 1 && v.u.l->len > 0;
    if (v.type == V_MAP) return v.u.m->refs > 1 && v.u.m->len > 0;
    return v.type == V_STR && v.u.s->refs > 1 && v.u.s->len >= SHARE_MIN_BYTES;
}

bool shares_find(const struct shares_out *shares, value v, uint64_t *number) {
    void *item = idmap_get(&shares->numbers, address(v));
    if (!item) return false;
    *number = (uint64_t)(intptr_t)item - 1;
    return true;
}

void shares_number(struct shares_out *shares, value v) { idmap_put(&shares->numbers, address(v), (void *)(intptr_t)(shares->numbers.len + 1)); }

void shares_out_fini(struct shares_out *shares) { idmap_fini(&shares->numbers); }

void shares_add(struct shares_in *shares, value v) {
    if (shares->n == shares->cap) {
        shares->cap = shares->cap ? 2 * shares->cap : 64;
        shares->values = xrealloc(shares->values, shares->cap * sizeof *shares->values);
    }
    shares->values[shares->n++] = value_ref(v);
}

void shares_in_fini(struct shares_in *shares) {
    for (size_t i = 0; i < shares->n; i++) value_unref(shares->values[i]);
    free(shares->values);
    *shares = (struct shares_in){0};
}
