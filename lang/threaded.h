/* SPDX-License-Identifier: MIT */
/*
 * Built-in functions whose work another thread does while the task waits; a row THREADED of builtins.def.
 *
 * Such a function has three parts. bf_NAME(), in the main thread, decides whether the caller may have it at all, and returns threaded_call(). bf_NAME_request(),
 * there too, makes the arguments into plain bytes. bf_NAME_work() turns these into an answer, in whatever thread: it knows of no world and no values, touches
 * nothing but its two buffers, and says by one of the answer_...() functions what the task gets.
 *
 * Where no threads are to be had (machine.has_workers is not set) the three are called one after the other. Else the task sleeps (SUSPEND_WORK) with a list
 * {name, argument...}, and that is also what is saved of it: who loads the task begins the work again. Permissions were looked at in the beginning, and are not
 * again.
 */
#ifndef LANG_THREADED_H
#define LANG_THREADED_H

#include "base/buf.h"
#include "lang/builtin.h"

/* What a reboot does with work that is not done. After a restart from a save nothing is left of it: AT_REBOOT_FINISH is then as AT_REBOOT_RESTART. */
enum at_reboot {
    AT_REBOOT_FINISH, /* it is waited for, for a bounded time; what is then not done is begun again */
    AT_REBOOT_RESTART, /* the new server begins it again */
    AT_REBOOT_INTERRUPT /* the task gets an error */
};

enum { THREADED_MOST_WAITING = 1000, THREADED_MOST_OF_ONE = 100, THREADED_MOST_BYTES = 1 << 20 }; /* in all, of one player; of a request */

typedef void threaded_work(const void *request, size_t len, struct buf *answer);

struct threaded {
    enum at_reboot at_reboot;
    void (*request)(const struct machine *m, const value *args, int nargs, struct buf *out); /* of arguments that were counted and typed */
    threaded_work *work;
};

/* What bf_NAME() returns: the answer, or the wish to be set aside until it is there. */
struct result threaded_call(struct builtin_call *c, const char *name);
/* What such a task sleeps with: its function, with the arguments behind list->items[0]. NULL: the list is none of ours, or does not fit the function (it came
   from a record). */
const struct threaded *threaded_of(const struct machine *m, value wish);

/* By whoever does the work, once. */
void answer_int(struct buf *answer, int64_t n);
void answer_text(struct buf *answer, const char *text, size_t len); /* UTF-8 */
void answer_error(struct buf *answer, enum error e, const char *message);
/* And what it comes to: a value or a raise. */
struct result threaded_answer(const struct buf *answer);

#endif
