/* SPDX-License-Identifier: MIT */
/*
 * Lists, maps and strings that several values hold: written once where they come first, by number where they come again, and held by all again when they are read. Without that, a thousand tasks
 * that hold one list would come out of a hand-off with a thousand lists.
 *
 * Numbers are given in the order in which they end, so one that is not whole has none, and nothing can hold itself.
 */
#ifndef BASE_SHARES_H
#define BASE_SHARES_H

#include "base/idmap.h"
#include "base/value.h"

/* Of what is written. They must be there, unchanged, until the last one is written: addresses are what they are known by. */
struct shares_out {
    struct idmap numbers; /* + 1, by address */
};

/* Of what is read. */
struct shares_in {
    value *values; /* owned */
    size_t n, cap;
};

enum { SHARE_MIN_BYTES = 16 }; /* a shorter string is not worth a number */

bool shares_may_have(value v);
bool shares_find(const struct shares_out *shares, value v, uint64_t *number);
void shares_number(struct shares_out *shares, value v); /* it has been written */
void shares_out_fini(struct shares_out *shares);

void shares_add(struct shares_in *shares, value v); /* it has been read; borrows */
void shares_in_fini(struct shares_in *shares);

#endif
