/* SPDX-License-Identifier: MIT */
/* How much memory this process may have, has, and uses. Numbers are bytes; -1: the system does not tell. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

int64_t memory_limit(void); /* of the machine, or of the control group if that is less */
int64_t memory_anonymous(void); /* resident and not of a file, what the system calls RssAnon; a few microseconds */
int64_t memory_in_blocks(void); /* in blocks that malloc() and base/pool.h have given out; in time proportional to its free blocks; -1 under a sanitizer, whose allocator does not tell */
/* An array of zeros in pages of its own, which take memory only once they are written to: another size, the rest stays as it is. NULL and 0 to begin with; 0 at the end. Whole pages. */
void *memory_pages(void *p, size_t bytes, size_t new_bytes);
void memory_trim(void); /* gives whole free pages back to the system; takes milliseconds */

#endif
