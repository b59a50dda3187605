/* SPDX-License-Identifier: MIT */
/*
 * Who keeps the old program's memory while the next one begins. exec gives back all that the process had before the new program runs, which takes longer the more it was: fifteen milliseconds for
 * a world of a million objects. A process of its own that has the same memory (clone(2), CLONE_VM) makes that its business, on another core.
 */
#ifndef SERVER_KEEPER_H
#define SERVER_KEEPER_H

/*
 * Shortly before exec. It belongs to nobody, ends by itself a moment later, and has no descriptor but `events' (-1: none): the one that the loop waits with, as the system forgets thousands of
 * sockets when the last of those is closed, which takes milliseconds too. Without it (no process to be had, a build with a sanitizer) exec takes as long as it takes.
 */
void keeper_begin(int events);

#endif
