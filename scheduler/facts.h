/* SPDX-License-Identifier: MIT */
/* What programs are told of the scheduler, by name (base/facts.h). Names ending in _us are microseconds. All values are owned by the caller. */
#ifndef SCHEDULER_FACTS_H
#define SCHEDULER_FACTS_H

#include "scheduler/stats.h"

value facts_of_usage(const struct scheduler *s, const struct usage *u); /* slices, ticks, cpu_us, ... */
value facts_of_spans(const struct scheduler *s, const struct usage spans[SPANS]); /* {"minute", ...}, {"hour", ...}, {"all", ...} */
const char *span_word(enum rolling_span span);

value sched_facts(const struct scheduler *s); /* counters.def, and what all have used */
struct queue_state {
    int64_t queued, ready; /* tasks that are set aside; those of them that wait for their turn only */
    int64_t debt_us; /* what its share owes, as CPU time */
};
struct queue_state sched_queue_state(struct scheduler *s, objid player); /* zeros: it has no queue */
value sched_player_facts(struct scheduler *s, objid player); /* its queue, and what it has used */
value sched_queue_facts(struct scheduler *s, objid player); /* queue_info() of a ToastStunt world; integer 0: it has no queue */
value sched_slow_facts(const struct scheduler *s, objid progr); /* the slowest slices, a list; a wizard gets all, others their own */
/* E_INVARG: no such task; E_PERM: not progr's, who is no wizard. */
enum error sched_task_facts(struct scheduler *s, int64_t id, objid progr, value *out);

#endif
