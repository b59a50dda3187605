/* SPDX-License-Identifier: MIT */
/* The fifteen preposition sets, their forms, and how they are found in a command. One table: preps.def. */
#ifndef DB_PREPS_H
#define DB_PREPS_H

#include "base/str.h"

/* "with/using", ..., "any", "none": the whole set as verb_args() gives it. */
const char *prep_set_name(int prep);
/* From what set_verb_args() accepts: none, any, any form, a set with '/', a number 0-14 with optional '#'. false: unknown. */
bool prep_from_descriptor(const char *text, int *prep);
/* The leftmost preposition among words[0..n): its number, first word and word count; false if none. */
bool prep_find(struct str *const *words, size_t n, int *prep, size_t *first, size_t *count);

#endif
