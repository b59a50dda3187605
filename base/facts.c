/* SPDX-License-Identifier: MIT */
#include "base/facts.h"

#include "base/list.h"

struct facts facts_new(const struct dialect *d) {
    (void)d; /* pairs in every dialect until there are maps */
    return (struct facts){.pairs = list_new(8)};
}

void facts_put(struct facts *f, const char *name, value v) { list_add_pair(&f->pairs, name, v); }

value facts_value(struct facts *f) {
    value v = value_list(f->pairs);
    f->pairs = NULL;
    return v;
}
