/* SPDX-License-Identifier: MIT */
/*
 * Memory for large blocks that come and go: from LARGE_LEAST bytes on straight from the system, below that malloc()'s. Growing moves no bytes but tables of pages, and
 * giving back keeps nobody waiting who wants something of malloc() at that moment, on whatever thread. Whoever resizes or frees a block must tell its size.
 */
#ifndef BASE_LARGE_H
#define BASE_LARGE_H

#include <stddef.h>

enum { LARGE_LEAST = 32 << 10 };

void *large_zeroed(size_t bytes);
void *large_resize(void *p, size_t bytes, size_t new_bytes); /* larger; p may be NULL, of 0 bytes. What is new is not zeroed */
void large_free(void *p, size_t bytes);

#endif
