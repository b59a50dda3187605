/* SPDX-License-Identifier: MIT */
/*
 * Mapped files that get shorter, or whose disk cannot read any more: a program that looks at such a page gets SIGBUS. In a map that is watched, an empty page takes the place of the one that is
 * gone, and it is counted; whoever reads finds the page damaged and asks here why. So nothing has to be unwound, whatever thread it happens to, in the midst of whatever. (A signal
 * handler takes no parameter: this is process-wide.) SIGBUS elsewhere is what it was before.
 */
#ifndef DB_MAPGUARD_H
#define DB_MAPGUARD_H

#include <stddef.h>

/* A number that stands for the map, or -1: no room to watch another one. fd: of the mapped file, open until mapguard_forget(). */
int mapguard_watch(const void *map, size_t size, int fd);
void mapguard_forget(int guard); /* before it is unmapped; -1 is fine */
unsigned long mapguard_faults(int guard); /* since it is watched */

#endif
