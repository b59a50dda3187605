/* SPDX-License-Identifier: MIT */
/*
 * What happens when this program cannot go on: by a fault (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, which is also how must() ends), by an error at a time when nothing may fail, or
 * because it hangs. Then a *way out*, prepared while all was well, is executed in its place: same process, same sockets. While a reboot is being taken over, that is the program before
 * this one with the same hand-off; while the server serves, it is the server itself, which goes on from the last save with the sockets that the black box tells of. After three crashes within ten seconds it ends.
 *
 * From the signal handler on nothing is used that is not safe there: everything is made beforehand, and there is one way out at a time. It runs on a stack of its own, so that a stack
 * that overflowed is a fault like any other. Signals of the process take no parameters: all this is process-wide. SIGBUS in a mapped file that got shorter stays with db/mapguard.h, which is
 * installed later and hands on what is not its own.
 *
 * In builds with a sanitizer faults are the sanitizer's, and end the process as it says; errors and the limit of time work there too.
 */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include <stdbool.h>

#include "server/blackbox.h"

enum { GUARD_SECONDS = 10, GUARD_LAST_SECONDS = 60 }; /* for the new program; for the one before it, after which there is none */

void guard_install(void); /* handlers and their stack; does nothing the second time */

/*
 * The first thing in a program: if its arguments say that it is to take over a reboot, the way out is the program before this one; none is left if this is that one already, and then
 * a fault ends the process. From then on until guard_passed() a hang is a fault: the clock was set going by the program before, across exec.
 */
void guard_begin(int argc, char **argv);
void guard_passed(void); /* no way out any more, no limit of time */

/* Into the program that is about to be executed: how long it may take before it calls guard_passed(). Its SIGALRM is held back until it has a handler. */
void guard_limit(bool on);
/* The program `executable' with the hand-off, should what comes now fail. Arguments as of `serve', without those of a reboot. Descriptors must stay open through exec. */
void guard_way_back(int executable, int hand_off, int lock, int argc, char **argv);
void guard_go_back(const char *why); /* as after a fault; returns if there is no way out or it cannot be executed */

/*
 * As guard_passed(), and from the same moment a fault executes `program' to go on from the last save: after a reboot for a while the one before it, else this one's own executable. Borrows all. `lock': the descriptor that holds the
 * world's lock. There is no way out where faults are a sanitizer's, without a box or without a program (-1).
 */
void guard_serving(struct blackbox *box, int program, int lock, int argc, char **argv);
bool guard_catches_faults(void);

/* Whether an argument of `serve' belongs to a reboot and not to who started the server. */
bool guard_is_own_argument(const char *arg);

#endif
