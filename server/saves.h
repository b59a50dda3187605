/* SPDX-License-Identifier: MIT */
/*
 * Saves and checkpoints of the running server. A save takes the world, the tasks and who is connected at one instant, the *cut*, and is then written in steps of a
 * millisecond between the slices of tasks; nobody waits for it.
 *
 * One save at a time. Whoever wants to know that something is on disk asks with saves_ask(): the answer comes with the end of the first save whose cut came after the question.
 * A save that fails loses nothing: it is tried again after a second, then after longer and longer times, until one holds everything; wizards who are connected are told.
 */
#ifndef SERVER_SAVES_H
#define SERVER_SAVES_H

#include <ev.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/value.h"
#include "db/world.h"

struct server;

struct save_outcome {
    struct db_save_report report;
    int64_t wall_us; /* of its end */
    int64_t pause_us; /* the longest time in which it held the loop up */
    const char *why; /* NULL: durable */
};

/* Called between slices, when no task runs. The outcome is borrowed during the call. */
typedef void save_answer(struct server *s, void *ctx, const struct save_outcome *o);
struct save_request;

enum { SAVES_KEPT = 8 };

struct saves {
    struct save_request *asked, *cut, *checkpoint_asked, *checkpoint_begun; /* in order of asking; cut: the save that is under way is theirs */
    struct save_outcome outcome; /* of the save that is under way or has just ended */
    struct buf why; /* behind outcome.why */
    bool ended; /* it has ended, nobody knows yet */
    bool counted; /* it is the last one in `total' */
    bool checkpoint_wanted, checkpoint_under_way;
    bool changed; /* since the last cut tasks ran, or the save of that cut failed */
    int64_t cut_us; /* the last one; monotonic, as the times below */
    int64_t ended_us; /* of the last that is on disk; 0: none in this run */
    int64_t due_us; /* next save or checkpoint by the clock, */
    bool due_for_changes; /* as it was when there were changes to save, or none */
    int64_t retry_us, failing_since_us, told_us, logged_us; /* while saves fail */
    unsigned failures; /* in a row */
    struct { /* since the start */
        uint64_t saves, failures, records, bytes;
        int64_t us, pause_us;
        struct db_save_report last[SAVES_KEPT]; /* a ring: save i at i % SAVES_KEPT */
        int64_t wall_us[SAVES_KEPT], pauses_us[SAVES_KEPT];
        char *last_error; /* NULL: none */
        int64_t last_error_wall_us;
    } total;
    ev_async woken; /* by the thread that writes */
};

void saves_init(struct server *s); /* when the world is open */
void saves_fini(struct server *s); /* after the world is closed; nobody is answered */
/* In each turn: begins what is due, does a step of what is under way, answers. Seconds until there is more to do. */
double saves_turn(struct server *s);
void saves_ask(struct server *s, save_answer *answer, void *ctx);
void saves_ask_checkpoint(struct server *s, save_answer *answer, void *ctx); /* with the hooks; the answer comes after them */
void saves_forget(struct server *s, const void *ctx); /* whoever asked with it is gone */
/* Now and to the end: whatever is under way, and then all that has changed. Everybody is answered. 0, or -1 with the reason logged. */
int saves_now(struct server *s);
/* As that, and once more if those who were answered changed something: hooks run at once. */
int saves_all(struct server *s);
/* The last save, tried again and again for so many seconds. Players hear when it does not work. 0 or -1. */
int saves_last(struct server *s, double patience);
bool saves_are_changes(const struct server *s);
/* Lines of `evermoo status'. */
void saves_describe(const struct server *s, struct buf *out);

/* ---- for programs (save_stats.c) ---- */
value saves_info(const struct save_outcome *o); /* owned: {{"generation", 12}, ...} */
void saves_count(struct server *s, const struct save_outcome *o);
value saves_stats(const struct server *s); /* owned */

#endif
