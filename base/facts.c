/* SPDX-License-Identifier: MIT */
#include "base/facts.h"

#include "base/list.h"
#include "base/map.h"
#include "base/str.h"

struct facts facts_new(const struct dialect *d) { return (struct facts){d->maps ? value_map(map_new()) : value_list(list_new(8))}; }

void facts_put(struct facts *f, const char *name, value v) {
    if (f->v.type == V_LIST) list_add_pair(&f->v.u.l, name, v);
    else f->v.u.m = map_set_take(f->v.u.m, value_str(str_from(name)), v);
}

value facts_value(struct facts *f) {
    value v = f->v;
    f->v = value_none();
    return v;
}
