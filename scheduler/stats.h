/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler counts of itself, always: who used how much and waited how long, by player (who pays) and by verb (with which a task began); how long commands took; what kept the
 * loop; the slowest slices with their stacks. counters.def is the table of the rest. Everything begins anew with the server, after a reboot too. Times are microseconds.
 *
 * The accessors take the scheduler's statistics as they are now; nothing they borrow outlives the next slice.
 */
#ifndef SCHEDULER_STATS_H
#define SCHEDULER_STATS_H

#include "base/histogram.h"
#include "base/value.h"
#include "scheduler/usage.h"

struct queue;
struct run;
struct scheduler;
struct stats;
struct vm;

struct stats_counts {
#define COUNTER(name, doc) int64_t name;
#include "scheduler/counters.def"
#undef COUNTER
};

struct stats_gauges {
#define GAUGE(name, doc) int64_t name;
#include "scheduler/counters.def"
#undef GAUGE
};

enum stats_histogram {
#define HISTOGRAM(name, doc) STATS_##name,
#include "scheduler/counters.def"
#undef HISTOGRAM
    STATS_HISTOGRAMS
};

/* ---- looking ---- */

const struct stats *sched_stats(const struct scheduler *s);
const struct stats_counts *sched_counts(const struct scheduler *s); /* since the server began */
struct stats_gauges sched_gauges(const struct scheduler *s);
int64_t stats_since(const struct stats *st); /* when that was, seconds by the clock on the wall */
struct usage stats_usage(const struct stats *st, enum rolling_span span); /* of all slices: self_us and total_us are 0 */
void stats_times(const struct stats *st, enum stats_histogram which, enum rolling_span span, struct histogram *out);
/* Those that used most CPU time, the first first. */
size_t stats_top_players(const struct stats *st, enum rolling_span span, struct usage_row *out, size_t most);
size_t stats_top_verbs(const struct stats *st, enum rolling_span span, struct usage_row *out, size_t most);
/* false: nothing is known of it. */
bool stats_player(const struct stats *st, objid who, enum rolling_span span, struct usage *out);
bool stats_verb(const struct stats *st, objid definer, const struct str *names, enum rolling_span span, struct usage *out);

/* How a slice ended. */
enum slice_end { SLICE_DONE, SLICE_SET_ASIDE, SLICE_UNCAUGHT, SLICE_OUT_OF_TICKS, SLICE_OUT_OF_SECONDS, SLICE_KILLED, SLICE_ENDS };
const char *slice_end_word(enum slice_end e); /* "done", "set aside", "uncaught error", ... */

/* One of the slowest slices of the last hour. */
struct slow_slice {
    int64_t task_id, wall_us; /* when it ended */
    int64_t us, cpu_us, ticks;
    objid payer; /* NOTHING: nobody */
    objid player, progr; /* progr: of the frame on top of the stack */
    objid definer; /* of the verb with which the task began, and its names */
    struct str *verb;
    enum slice_end end;
    value stack; /* rows as task_stack(id, 1) gives them, when it was last looked at; {} when it was too short for a look */
    int64_t at_us; /* monotonic */
};
enum { SLOW_SLICES = 32, SLOW_SLICE_US = 1000 /* a shorter one never counts as slow */ };
/* The slowest first. Borrowed until the next slice. How many there are. */
size_t stats_slow_slices(const struct stats *st, const struct slow_slice *out[SLOW_SLICES]);

/* ---- counting: for scheduler/, and stats_note_loop() for the server ---- */

struct stats *stats_new(int64_t now_us);
void stats_free(struct stats *st);
void stats_settle(struct stats *st); /* all that was counted is where it belongs: before a look. sched_stats() does it */
void stats_begin_slice(struct stats *st, const struct run *run); /* its time, vm and sums are set; with what the task began will be */
struct usage_entry *stats_verb_of(const struct run *run); /* with which its task began; of a slice that has begun */
void stats_end_slice(struct stats *st, const struct run *run, struct queue *payer, int64_t ticks, int64_t us); /* payer NULL: nobody. us: how long it was */
void stats_end_turn(struct stats *st, struct queue *q, int64_t cpu_us); /* which it has cost the queue besides its slices */
void stats_sample(struct stats *st, const struct vm *vm, int us, const struct run *runs); /* its frames were seen, and stand for so much time; all slices that are under way */
void stats_time(struct stats *st, enum stats_histogram which, int64_t us);
void sched_note_loop(struct scheduler *s, int64_t us); /* the server worked so long between two looks at its sockets */
bool stats_is_slow(const struct stats *st, int64_t us); /* such a slice belongs among the slowest */
void stats_add_slow(struct stats *st, struct slow_slice *slice); /* takes its verb and stack */

#endif
