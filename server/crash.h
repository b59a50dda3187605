/* SPDX-License-Identifier: MIT */
/*
 * What is written down about a crash: WORLD/crash-TIME has the signal, the task that ran, the C backtrace and the MOO traceback. A child writes it, from the memory as it was, so that
 * the server does not wait for it and nothing that goes wrong in it matters; it has five seconds.
 */
#ifndef SERVER_CRASH_H
#define SERVER_CRASH_H

#include "server/blackbox.h"

/* Before any crash. `more' is called in the child, for what a signal handler may not do; what it writes to the log is in the file too. */
void crash_prepare(const char *world, void (*more)(void));
const char *crash_signal_name(int number);
/* In the handler. The file's path is left in the box; "": there is none. */
void crash_report(struct blackbox *box, int number, const void *address);
/* All but the newest twenty: a server that fails again and again must not fill the disk. */
void crash_drop_old_reports(void);

#endif
