/* SPDX-License-Identifier: MIT */
/*
 * What a built-in function tells by name: a map of names to values in worlds whose language has maps, a list of {name, value} pairs in the others. A name is put once;
 * pairs keep the order in which they came.
 */
#ifndef BASE_FACTS_H
#define BASE_FACTS_H

#include "base/dialect.h"
#include "base/value.h"

struct facts {
    value v; /* of the one kind or the other */
};

struct facts facts_new(const struct dialect *d);
void facts_put(struct facts *f, const char *name, value v); /* takes v */
value facts_value(struct facts *f); /* the whole, owned by the caller; f is done with */

#endif
