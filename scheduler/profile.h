/* SPDX-License-Identifier: MIT */
/*
 * Profilers that somebody has switched on: what the machine's frames were at each look of the watchdog, as folded stacks ("#12:outer;#5:inner 3000": microseconds), which the programs that
 * draw flame graphs read. One for each programmer, a few at once, each for ten minutes at most and with a bounded number of stacks.
 *
 * A wizard's sees every frame. Anybody else's sees what callers() would tell inside of his verbs: a stack counts when a frame runs a verb that he owns, with his permissions, and is told from
 * the outermost frame to the innermost such one; what that has called is told as `(called)'.
 */
#ifndef SCHEDULER_PROFILE_H
#define SCHEDULER_PROFILE_H

#include "base/str.h"
#include "base/value.h"
#include "db/db.h"

struct profiles;
struct scheduler;
struct vm;

enum { PROFILE_MOST_HZ = 1000 };

/* What counts: tasks of one player (NOTHING: anybody's), stacks with one verb in them (names NULL: any). */
struct profile_target {
    objid player, definer;
    struct str *names; /* borrowed */
};

/* Begins anew if that programmer's runs. E_QUOTA: too many run. */
enum error profile_start(struct scheduler *s, objid programmer, const struct profile_target *what, int64_t hz);
int64_t profile_stop(struct scheduler *s, objid programmer); /* how many looks it has; what it has seen is kept until the next start. -1: it was never started */
value profile_lines(const struct scheduler *s, objid programmer); /* a list of strings, the heaviest stack first */
void profile_sample(struct scheduler *s, const struct vm *vm, int us);
void profiles_free(struct profiles *p);
/* Does the programmer own the verb of these names on that object? Programs typed to eval() are whose permissions they have. */
bool profile_owns_verb(struct db *db, objid programmer, objid definer, const struct str *names);

#endif
