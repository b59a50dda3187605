/* SPDX-License-Identifier: MIT */
/*
 * The server's log: lines with time and level, to stderr or to a file that can be reopened. In the classic form:
 * "Nov 23 03:42:48: TEXT", errors as "Nov 23 03:42:48: *** TEXT". One process, one log: this is the one piece of process-wide state here. Any thread may write to it.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

int log_open(const char *path); /* NULL: stderr. 0, or errno; on failure the old target stays */
int log_reopen(void); /* the same path again, after rotation */
int log_descriptor(void); /* where the lines go: for signal handlers, which may use nothing else here */
void log_set_level(enum log_level least);
/* Somebody else gets each line too, as it is in the log but for its line feed; called on the thread that writes, and must not write to the log. NULL: nobody. */
void log_set_listener(void (*line)(void *ctx, enum log_level level, const char *text, size_t len), void *ctx);
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)

#endif
