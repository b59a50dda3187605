/* SPDX-License-Identifier: MIT */
/*
 * Named moments at which a server can fail, for tests. Nothing happens at them in the product. The test program evermoo-faults is the same but for this function (tests/fault/phase.c,
 * which tells how it is told what to do): it fails there in the way that was asked for.
 *
 *   of a reboot, in the old program: preflight, freeze, handed-off (the world is closed, the next call would be exec);
 *   in the new one: started, opened, decoded (checksums are right, nothing is made yet), restored, passed (the commit point; sockets are open through exec still), committed (served),
 *   saved (the first save is on disk);
 *   check (in the child that pre-flight starts); recovering (begins after a crash); slice (a task is about to run), work (a thread is about to work for one)
 */
#ifndef SERVER_PHASE_H
#define SERVER_PHASE_H

#include <stdbool.h>

bool phase(const char *name); /* false: act as if it had failed here, with an error */

#endif
