/* SPDX-License-Identifier: MIT */
/*
 * Strings met lately, so that equal ones are kept once. A table of fixed size in which a newer string takes the place of an older one: it holds one reference to each of at most
 * STR_CACHE_ENTRIES strings of at most STR_CACHE_LONGEST bytes, and so never keeps more than half a megabyte that nobody else wants. Not for use by two threads.
 */
#ifndef BASE_STRCACHE_H
#define BASE_STRCACHE_H

#include "base/str.h"

enum { STR_CACHE_ENTRIES = 8192, STR_CACHE_LONGEST = 64 };

struct str_cache;
struct str_cache *str_cache_new(void);
void str_cache_free(struct str_cache *c); /* NULL allowed */
void str_cache_clear(struct str_cache *c); /* NULL allowed */
/* A string of these bytes, with or without an older one's memory. NULL: they are not valid UTF-8. */
struct str *str_cache_get(struct str_cache *c, const char *bytes, size_t len);

#endif
