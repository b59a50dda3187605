/* SPDX-License-Identifier: MIT */
/* How much memory this process may have, has, and uses. Numbers are bytes; -1: the system does not tell. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdint.h>

int64_t memory_limit(void); /* of the machine, or of the control group if that is less */
int64_t memory_anonymous(void); /* resident and not of a file, what the system calls RssAnon; a few microseconds */
int64_t memory_in_blocks(void); /* in blocks that malloc() and base/pool.h have given out; in time proportional to its free blocks */
void memory_trim(void); /* gives whole free pages back to the system; takes milliseconds */

#endif
