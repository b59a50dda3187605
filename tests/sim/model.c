/* SPDX-License-Identifier: MIT */
/*
 * What holds of any program at any time:
 *
 * (1) Nobody wakes early. Nobody sleeps on while the scheduler has nothing to do. Who sleeps on one account wakes in the order of due times, and of going to sleep.
 * (2) A task runs once for each time that it is put to sleep, not at all when it was killed, and on whose account it has to.
 * (3) Limits are exact: a task that counts ends at its ticks; one that burns, at its time.
 * (4) Each turn is charged what it used, and its player's statistics say so too.
 * (5) The scheduler's lists, heap and counts agree with each other (audit.c).
 */
#include "sim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/db/random.h"
#include "base/must.h"

/* A task that waits for its time. */
struct job {
    int64_t task, due_us;
    uint64_t order;
    objid payer;
    bool resumed; /* whenever: before or after who was due */
};

static void remember(uint64_t *h, uint64_t x) { *h = rnd(&(uint64_t){*h ^ x}); }

static uint64_t hash_of(const char *text) {
    uint64_t h = 0;
    while (*text) remember(&h, (uint64_t)*text++);
    return h;
}

static void log_note(struct sim *sim, const struct sim_note *n) {
    bool names_task = !strcmp(n->what, "forked") || !strcmp(n->what, "killed") || !strcmp(n->what, "resumed");
    uint64_t h = hash_of(n->what);
    remember(&h, (uint64_t)n->player);
    if (!names_task) remember(&h, (uint64_t)(int64_t)(n->a * 1000));
    remember(&h, (uint64_t)(int64_t)(n->b * 1000));
    sim->sum += h;
    sim->notes++;
    remember(&sim->log, h);
    remember(&sim->log, (uint64_t)sim->f.now_us);
    remember(&sim->log, (uint64_t)n->task);
    remember(&sim->log, (uint64_t)(int64_t)n->a);
}

static struct job *add_job(struct sim *sim, int64_t task, double seconds, const struct sim_note *n) {
    struct job *j = idmap_get(&sim->jobs, task);
    sim_check(sim, !j, "task %lld goes to sleep and sleeps already", (long long)task);
    j = xcalloc(1, sizeof *j);
    *j = (struct job){task, sim->f.now_us + llround(seconds * 1e6), ++sim->order, db_is_wizard(sim->f.db, n->progr) ? n->player : n->progr, false};
    idmap_put(&sim->jobs, task, j);
    return j;
}

static void drop_job(struct sim *sim, struct job *j) {
    if (sim->falls_asleep == j) sim->falls_asleep = NULL;
    idmap_remove(&sim->jobs, j->task);
    free(j);
}

static void check_order(struct sim *sim, const struct job *j) {
    struct sim_payer *p = sim_payer_of(sim, j->payer);
    bool in_order = p->woken_due_us < j->due_us || (p->woken_due_us == j->due_us && p->woken_order < j->order);
    sim_check(sim, in_order, "#%lld's task %lld, due %lld us ago, runs after one that was due %lld us ago", (long long)j->payer, (long long)j->task,
              (long long)(sim->f.now_us - j->due_us), (long long)(sim->f.now_us - p->woken_due_us));
    p->woken_due_us = j->due_us;
    p->woken_order = j->order;
}

static void job_wakes(struct sim *sim, const struct sim_note *n) {
    struct job *j = idmap_get(&sim->jobs, n->task);
    bool is_gone = j && !db_valid(sim->f.db, j->payer); /* then it still pays, or after a reboot the programmer does */
    const struct sim_payer *p = j ? sim_payer_of(sim, j->payer) : NULL;
    int64_t now = sim->slice_began_us;
    sim_check(sim, j, "task %lld of #%lld runs, which was killed or has run already", (long long)n->task, (long long)n->player);
    sim_check(sim, j->due_us <= now, "task %lld wakes %lld us early", (long long)n->task, (long long)(j->due_us - now));
    sim_check(sim, p->resumed_us <= now || is_gone, "task %lld of #%lld runs, who has a quota of 0", (long long)n->task, (long long)j->payer);
    sim_check(sim, sim->idle_until_us <= j->due_us || sim->idle_until_us <= p->resumed_us || is_gone,
              "task %lld was due %lld us ago, and since then there was nothing to do for a while", (long long)n->task, (long long)(now - j->due_us));
    sim_check(sim, sim->in_turn && (sim->turn.payer == j->payer || is_gone), "#%lld pays for task %lld, which is #%lld's to pay", (long long)sim->turn.payer,
              (long long)n->task, (long long)j->payer);
    if (!j->resumed && !is_gone) check_order(sim, j);
    drop_job(sim, j);
}

/* ---- what tasks may expect ---- */

struct fate {
    int64_t task;
    int64_t deadline_us, deadline_wall_us; /* 0: none */
    bool parks; /* no limit ends it */
};

static struct fate *fate_of(struct sim *sim, int64_t task) {
    struct fate *f = idmap_get(&sim->fates, task);
    if (f) return f;
    f = xcalloc(1, sizeof *f);
    f->task = task;
    idmap_put(&sim->fates, task, f);
    return f;
}

static void set_deadline(struct sim *sim, const struct sim_note *n) {
    struct fate *f = fate_of(sim, n->task);
    f->deadline_us = sim->f.now_us + llround(n->a * 1e6);
    f->deadline_wall_us = f->deadline_us + sim->f.wall_ahead_us;
}

static void drop_fate(struct sim *sim, struct fate *f) {
    if (!f) return;
    idmap_remove(&sim->fates, f->task);
    free(f);
}

/* Deadlines go by the clock on the wall then, which may have jumped. */
void model_rebooted(struct sim *sim) {
    size_t at = 0;
    sim->rebooted_us = sim->f.now_us;
    for (struct fate *f; (f = idmap_next(&sim->fates, &at));)
        if (f->deadline_us) f->deadline_us = f->deadline_wall_us - sim->f.wall_ahead_us;
}

/* true: it ends because its time has come. */
static bool ends_by_deadline(struct sim *sim, const struct sim_note *n) {
    struct fate *f = idmap_get(&sim->fates, n->task);
    struct job *j = idmap_get(&sim->jobs, n->task);
    if (!f) return false;
    sim_check(sim, !f->parks, "task %lld parks, and is out of time all the same", (long long)n->task);
    sim_check(sim, f->deadline_us <= sim->f.now_us, "task %lld ends %lld us before its deadline", (long long)n->task,
              (long long)(f->deadline_us - sim->f.now_us));
    sim_check(sim, sim->idle_until_us <= f->deadline_us || sim->idle_until_us <= sim->rebooted_us,
              "task %lld's deadline was %lld us ago, and since then there was nothing to do for a while", (long long)n->task,
              (long long)(sim->f.now_us - f->deadline_us));
    drop_fate(sim, f);
    if (j) drop_job(sim, j);
    return true;
}

/* ---- limits ---- */

enum {
    TYPED_TICKS = 60000,
    BACKGROUND_TICKS = 30000,
    SLICE_US = 90000, /* max_slice_ms without what the watchdog may be late */
    WIZARDS_SLICE_US = 3000000,
    MOST_OVER_TICKS = 10, /* what one step more can cost */
    MOST_OVER_US = 1000
};

static int64_t limit_of(struct sim *sim, objid payer, const char *name, int64_t otherwise) {
    value v;
    int64_t n = otherwise;
    if (db_valid(sim->f.db, payer) && db_read_property(sim->f.db, payer, name, NULL, &v)) {
        n = v.type == V_INT && v.u.i >= 0 ? v.u.i : otherwise;
        value_unref(v);
    }
    return n;
}

static void check_timeout(struct sim *sim, const struct sim_note *n) {
    bool in_ticks = n->a != 0;
    if (ends_by_deadline(sim, n)) return;
    objid payer = sim->turn.payer;
    /* The slice in which it ended is over, and the handler's has just begun: what it took is the turn's so far. */
    int64_t ticks = sim->turn.ticks, us = sim->slice_began_us - sim->turn.began_us;
    int64_t most_ticks = limit_of(sim, payer, "bg_ticks", BACKGROUND_TICKS), most_us = db_is_wizard(sim->f.db, payer) ? WIZARDS_SLICE_US : SLICE_US;
    if (in_ticks)
        sim_check(sim, ticks >= most_ticks && ticks <= most_ticks + MOST_OVER_TICKS, "out of ticks after %lld of %lld", (long long)ticks,
                  (long long)most_ticks);
    else
        sim_check(sim, us >= most_us && us <= most_us + MOST_OVER_US + ticks / SIM_TICKS_PER_US + SIM_SLICE_US, "out of seconds after %lld us of %lld",
                  (long long)us, (long long)most_us);
}

/* `full': one more was refused. The task that runs does not count. */
static void check_queue(struct sim *sim, objid progr, bool full) {
    int64_t limit = limit_of(sim, progr, "queued_task_limit", INT64_MAX), n = sched_queue_count(sim->f.s, progr);
    if (full)
        sim_check(sim, n >= limit, "#%lld may not queue a task with %lld of %lld", (long long)progr, (long long)n, (long long)limit);
    else
        sim_check(sim, n <= limit, "#%lld has queued task %lld of %lld", (long long)progr, (long long)n, (long long)limit);
}

/* ---- what is told ---- */

static void task_sleeps(struct sim *sim, const struct sim_note *n) { sim->falls_asleep = add_job(sim, n->task, n->a, n); }

static void task_forks(struct sim *sim, const struct sim_note *n) {
    check_queue(sim, n->progr, false);
    add_job(sim, (int64_t)n->a, n->b, n);
}

static void fork_is_refused(struct sim *sim, const struct sim_note *n) { check_queue(sim, n->progr, true); }

static void sleep_is_refused(struct sim *sim, const struct sim_note *n) {
    struct job *j = idmap_get(&sim->jobs, n->task);
    check_queue(sim, n->progr, true);
    if (j) drop_job(sim, j);
}

static void task_is_killed(struct sim *sim, const struct sim_note *n) {
    struct job *j = idmap_get(&sim->jobs, (int64_t)n->a);
    drop_fate(sim, idmap_get(&sim->fates, (int64_t)n->a));
    if (j) drop_job(sim, j);
}

static void task_is_resumed(struct sim *sim, const struct sim_note *n) {
    struct job *j = idmap_get(&sim->jobs, (int64_t)n->a);
    if (!j) return;
    j->due_us = sim->f.now_us;
    j->resumed = true;
}

static void task_parks(struct sim *sim, const struct sim_note *n) { fate_of(sim, n->task)->parks = true; }

static void program_fails(struct sim *sim, const struct sim_note *n) { sim_fail(sim, "a program of #%lld's fails with error %g", (long long)n->player, n->a); }

void model_noted(struct sim *sim, const struct sim_note *n) {
    static const struct {
        const char *what;
        void (*heard)(struct sim *sim, const struct sim_note *n);
    } notes[] = {
        {"sleep", task_sleeps},     {"woke", job_wakes},           {"forked", task_forks},
        {"begun", job_wakes},       {"refused", sleep_is_refused}, {"refused fork", fork_is_refused},
        {"killed", task_is_killed}, {"resumed", task_is_resumed},  {"parks", task_parks},
        {"deadline", set_deadline}, {"timeout", check_timeout},    {"uncaught", program_fails},
    };
    log_note(sim, n);
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++)
        if (!strcmp(n->what, notes[i].what)) notes[i].heard(sim, n);
}

static void check_limits(struct sim *sim) {
    objid payer = sim->turn.payer;
    int64_t most = limit_of(sim, payer, "bg_ticks", BACKGROUND_TICKS), us = sim->f.now_us - sim->slice_began_us;
    if (most < TYPED_TICKS) most = TYPED_TICKS;
    sim_check(sim, sim->slice_ticks <= most + MOST_OVER_TICKS, "a slice of #%lld's takes %lld ticks", (long long)payer, (long long)sim->slice_ticks);
    most = SLICE_US + MOST_OVER_US + sim->slice_ticks / SIM_TICKS_PER_US + SIM_SLICE_US;
    sim_check(sim, us <= most, "a slice of #%lld's takes %lld us", (long long)payer, (long long)us);
}

/* A task that suspends sleeps from here on. */
void model_slice_ended(struct sim *sim, int64_t since_us) {
    if (sim->in_turn && !sim->turn.logins && !db_is_wizard(sim->f.db, sim->turn.payer)) check_limits(sim);
    if (sim->falls_asleep) sim->falls_asleep->due_us += sim->f.now_us - since_us;
    sim->falls_asleep = NULL;
}

static int64_t least_balance(struct sim *sim, const struct share *h) { return -share_most_debt(sim->f.s, h->quota); }

static void check_charge(struct sim *sim, const struct sim_turn *t) {
    const struct share *h = t->logins ? NULL : idmap_get(&sim->f.s->shares, t->share);
    if (!h || h->parts[PART_TYPED].balance <= least_balance(sim, h) || h->parts[PART_BACKGROUND].balance <= least_balance(sim, h)) return;
    int64_t charged = t->balance - h->parts[PART_TYPED].balance - h->parts[PART_BACKGROUND].balance;
    sim_check(sim, charged == t->cost, "#%lld's turn costs %lld, and %lld are charged", (long long)t->payer, (long long)t->cost, (long long)charged);
}

void model_turn_ended(struct sim *sim, const struct sim_turn *t) {
    check_charge(sim, t);
    if (sim->turns % 5000 == 0) model_audit(sim);
}

static void check_mortality(struct sim *sim) {
    size_t at = 0;
    if (sim->idle_until_us <= sim->rebooted_us) return; /* deadlines may have passed by the clock's jumping since */
    for (const struct fate *f; (f = idmap_next(&sim->fates, &at));)
        sim_check(sim, !f->deadline_us || f->deadline_us >= sim->idle_until_us || !idmap_get(&sim->f.s->tasks, f->task),
                  "task %lld is there, whose deadline was %lld us ago, and there was nothing to do", (long long)f->task,
                  (long long)(sim->f.now_us - f->deadline_us));
}

void model_end(struct sim *sim) {
    size_t at = 0;
    struct job *j;
    model_audit(sim);
    check_mortality(sim);
    while ((j = idmap_next(&sim->jobs, &at)))
        sim_check(sim, j->due_us >= sim->idle_until_us || sim_payer_of(sim, j->payer)->resumed_us >= sim->idle_until_us,
                  "task %lld has been due for %lld us, and there was nothing to do", (long long)j->task, (long long)(sim->f.now_us - j->due_us));
}

void model_forget(struct sim *sim) {
    size_t at = 0;
    struct job *j;
    struct fate *f;
    while ((j = idmap_next(&sim->jobs, &at))) free(j);
    idmap_fini(&sim->jobs);
    for (at = 0; (f = idmap_next(&sim->fates, &at));) free(f);
    idmap_fini(&sim->fates);
}
