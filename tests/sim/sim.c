/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/db/random.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"

/* ---- chance ---- */

uint64_t sim_random(struct sim *sim, uint64_t n) { return rnd(&sim->random) % n; }

static double fraction(struct sim *sim) { return (double)(rnd(&sim->random) >> 11) / 9007199254740992.0; }

bool sim_chance(struct sim *sim, double p) { return fraction(sim) < p; }
double sim_exponential(struct sim *sim, double mean) { return -mean * log(1 - fraction(sim)); }

void sim_seeds(uint64_t few, uint64_t *first, uint64_t *last) {
    unsigned long long a = 1, b = few;
    const char *asked = getenv("EVERMOO_SIM_SEEDS");
    if (asked) cr_assert_eq(sscanf(asked, "%llu-%llu", &a, &b), 2, "EVERMOO_SIM_SEEDS is not FIRST-LAST");
    *first = a;
    *last = b;
}

void sim_fail(const struct sim *sim, const char *format, ...) {
    char text[500];
    unsigned long long seed = sim->seed;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cr_assert(false, "seed %llu, at %.6f s: %s\nagain: EVERMOO_SIM_SEEDS=%llu-%llu build/unit-sim --filter '%s'", seed,
              (double)(sim->f.now_us - 1000000000) / 1e6, text, seed, seed, sim->test);
    abort();
}

/* ---- time ---- */

void sim_burn(struct sim *sim, int64_t us) {
    if (us <= 0) return;
    fake_advance(&sim->f, us);
    sim_watchdog_look(sim->f.s->watchdog);
}

static void ticks_take_time(struct sim *sim) {
    int64_t ticks = sim->f.s->ticks_used - sim->ticks_seen;
    sim->ticks_seen = sim->f.s->ticks_used;
    sim->slice_ticks += ticks;
    sim->turn.ticks += ticks;
    sim->tick_rest += ticks;
    sim_burn(sim, sim->tick_rest / SIM_TICKS_PER_US);
    sim->tick_rest %= SIM_TICKS_PER_US;
}

void sim_wall_jump(struct sim *sim, int64_t us) {
    sim->f.wall_ahead_us += us;
    fake_advance(&sim->f, 0);
}

/* ---- what is to happen, by time ---- */

static bool event_before(const struct sim_event *a, const struct sim_event *b) { return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order; }

static void swap_events(struct sim_event *a, struct sim_event *b) {
    struct sim_event e = *a;
    *a = *b;
    *b = e;
}

void sim_at(struct sim *sim, int64_t at_us, void (*happen)(void *ctx), void *ctx) {
    if (sim->nevents == sim->cap_events) {
        sim->cap_events = sim->cap_events * 2 + 16;
        sim->events = xrealloc(sim->events, sim->cap_events * sizeof *sim->events);
    }
    size_t i = sim->nevents++;
    sim->events[i] = (struct sim_event){at_us, ++sim->order, happen, ctx};
    for (; i > 0 && event_before(&sim->events[i], &sim->events[(i - 1) / 2]); i = (i - 1) / 2) swap_events(&sim->events[i], &sim->events[(i - 1) / 2]);
}

static struct sim_event take_event(struct sim *sim) {
    struct sim_event *e = sim->events, first = e[0];
    size_t n = --sim->nevents;
    e[0] = e[n];
    for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && event_before(&e[child + 1], &e[child])) child++;
        if (!event_before(&e[child], &e[i])) break;
        swap_events(&e[i], &e[child]);
    }
    return first;
}

static void let_happen(struct sim *sim) {
    while (sim->nevents > 0 && sim->events[0].at_us <= sim->f.now_us) {
        struct sim_event e = take_event(sim);
        e.happen(e.ctx);
    }
}

/* As a server's loop: sockets, then slices for five milliseconds; when there is nothing to do, until there is. */
void sim_run(struct sim *sim, double seconds) {
    int64_t until = sim->f.now_us + (int64_t)(seconds * 1e6);
    while (sim->f.now_us < until) {
        let_happen(sim);
        int64_t next = sched_run(sim->f.s, 5000), to = until;
        if (next == 0) continue;
        sim_check(sim, sched_is_idle(sim->f.s), "the scheduler has no work for %lld us, and is not idle", (long long)next);
        if (next > 0 && sim->f.now_us + next < to) to = sim->f.now_us + next;
        if (sim->nevents > 0 && sim->events[0].at_us < to) to = sim->events[0].at_us;
        if (to <= sim->f.now_us) continue;
        fake_advance(&sim->f, to - sim->f.now_us);
        sim->idle_until_us = to;
    }
}

/* ---- turns, as the host sees them ---- */

struct sim_payer *sim_payer_of(struct sim *sim, objid owner) {
    struct sim_payer *p = idmap_get(&sim->payers, owner);
    if (p) return p;
    p = xcalloc(1, sizeof *p);
    p->owner = owner;
    idmap_put(&sim->payers, owner, p);
    return p;
}

static int64_t cost_of(struct sim *sim, const struct sim_turn *t) {
    int64_t weight = option_int(sim->f.s, OPT_cpu_weight), cost = (t->cpu_us * SIM_CHARGE_PER_US * weight + t->ticks * (100 - weight)) / 100;
    return cost < SIM_LEAST_CHARGE ? SIM_LEAST_CHARGE : cost;
}

static void account(struct sim *sim, const struct sim_turn *t) {
    struct sim_payer *p = sim_payer_of(sim, t->payer);
    p->used += t->cost;
    p->ticks += t->ticks;
    p->cpu_us += t->cpu_us;
    if (t->cost > p->most) p->most = t->cost;
}

static int64_t balance_of(const struct share *h) { return h->parts[PART_TYPED].balance + h->parts[PART_BACKGROUND].balance; }

static void end_turn(struct sim *sim) {
    struct sim_turn *t = &sim->turn;
    sim->in_turn = false;
    t->cpu_us = sim->f.now_us - t->began_us;
    t->cost = cost_of(sim, t);
    if (!t->logins) account(sim, t);
    sim->used += t->cost;
    sim->turns++;
    model_turn_ended(sim, t);
}

static void slice_begins(struct sim *sim) {
    const struct scheduler *s = sim->f.s;
    if (sim->in_turn && !s->turn) end_turn(sim); /* hooks are nobody's */
    if (!sim->in_turn && s->turn) {
        sim->in_turn = true;
        sim->turn = (struct sim_turn){.payer = s->turn->owner,
                                      .logins = s->turn->logins,
                                      .began_us = sim->f.now_us,
                                      .share = s->turn->share->owner,
                                      .balance = balance_of(s->turn->share)};
    }
    sim->ticks_seen = s->ticks_used;
    sim->slice_ticks = 0;
    sim->slice_began_us = sim->f.now_us;
}

static void runs(void *ctx, int64_t task_id, const struct vm *vm) {
    struct sim *sim = ctx;
    const struct run *r = sim->f.s->run;
    (void)task_id;
    if (vm && !r->outer) {
        slice_begins(sim);
        return;
    }
    int64_t since = sim->f.now_us;
    ticks_take_time(sim);
    if (vm) return;
    sim_burn(sim, SIM_SLICE_US);
    model_slice_ended(sim, since);
}

static bool slice_ended(void *ctx) {
    struct sim *sim = ctx;
    if (sim->in_turn) end_turn(sim);
    return sim->f.host.slice_ended(ctx);
}

static bool notify(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline) {
    (void)ctx, (void)conn, (void)bytes, (void)len, (void)no_flush, (void)no_newline;
    return true;
}

/* To the scheduler, which is new. */
static void attach(struct sim *sim) {
    struct scheduler *s = sim->f.s;
    s->host.runs = runs;
    s->host.slice_ended = slice_ended;
    s->host.notify = notify;
    size_t at = 0;
    for (struct sim_payer *p; (p = idmap_next(&sim->payers, &at));) p->ticks = p->cpu_us = 0;
    s->random[0] = sim->seed | 1;
    s->random[1] = ++sim->schedulers;
    sim->ticks_seen = 0;
}

/* ---- the world ---- */

objid sim_player(int i) { return WORLD_ROOM + 1 + i; }

objid sim_connect(struct sim *sim, int i) {
    objid conn = fake_accept(&sim->f, WORLD_SYSTEM);
    sim_type(sim, conn, "%lld", (long long)sim_player(i));
    return conn;
}

void sim_open(struct sim *sim, const char *test, uint64_t seed, int players, const char *dir) {
    *sim = (struct sim){.seed = seed, .random = seed, .test = test, .dir = dir};
    log_set_level(LOG_ERROR);
    fake_open_with(&sim->f, "toast", dir, true, sim_builtins, sim_nbuiltins);
    attach(sim);
    sim_add_programs(sim);
    for (int i = 0; i < players; i++) {
        struct str *name = str_printf("player%d", i);
        must(fake_player(&sim->f, name->data) == sim_player(i));
        str_unref(name);
        sim_add_own_programs(sim, sim_player(i));
        sim_connect(sim, i);
    }
    fake_run(&sim->f);
    for (int i = 0; i < players; i++) sim_check(sim, idmap_get(&sim->f.by_id, sim_player(i)), "player %d is not logged in", i);
}

void sim_close(struct sim *sim) {
    size_t at = 0;
    struct sim_payer *p;
    while ((p = idmap_next(&sim->payers, &at))) free(p);
    idmap_fini(&sim->payers);
    model_forget(sim);
    free(sim->events);
    fake_close(&sim->f);
}

static int64_t debts(struct sim *sim) {
    size_t at = 0;
    int64_t sum = 0;
    for (const struct share *h; (h = idmap_next(&sim->f.s->shares, &at));) sum += share_debt(h);
    return sum;
}

void sim_reboot(struct sim *sim) {
    struct buf bytes = BUF_INIT, why = BUF_INIT;
    int64_t owed = debts(sim);
    model_audit(sim);
    sched_hand_off(sim->f.s, &bytes);
    fake_restart(&sim->f);
    attach(sim);
    struct dec d = dec_over(bytes.data, bytes.len);
    sim_check(sim, sched_take_over(sim->f.s, &d, sim->f.now_us, &why) == 0 && dec_at_end(&d), "the hand-off is not taken: %s", buf_c(&why));
    sim_check(sim, debts(sim) == owed, "%lld ticks were owed before a reboot, and %lld after it", (long long)owed, (long long)debts(sim));
    buf_fini(&bytes);
    buf_fini(&why);
    model_rebooted(sim);
    model_audit(sim);
}

void sim_place_new(struct sim_place *p) {
    snprintf(p->parent, sizeof p->parent, "%s/evermoo-sim-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    cr_assert(mkdtemp(p->parent));
    snprintf(p->dir, sizeof p->dir, "%s/w", p->parent);
}

void sim_place_remove(struct sim_place *p) {
    static const char *const files[] = {"data.mdb", "lock.mdb", "pid"};
    char path[96];
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", p->dir, files[i]);
        unlink(path);
    }
    rmdir(p->dir);
    rmdir(p->parent);
}

void sim_save(struct sim *sim) {
    struct buf why = BUF_INIT;
    struct db_save_part part;
    sched_save_part(sim->f.s, &part);
    sim_check(sim, db_save(sim->f.db, &part, 1, NULL, &why) == 0, "the save fails: %s", buf_c(&why));
    buf_fini(&why);
}

void sim_restart(struct sim *sim) {
    struct buf why = BUF_INIT;
    int64_t now = sim->f.now_us, wall_ahead = sim->f.wall_ahead_us;
    size_t tasks = sim->f.s->tasks.len;
    sim_save(sim);
    fake_close(&sim->f);
    fake_open_with(&sim->f, "toast", sim->dir, false, sim_builtins, sim_nbuiltins);
    sim->f.wall_ahead_us = wall_ahead;
    fake_advance(&sim->f, now - sim->f.now_us);
    attach(sim);
    sim_check(sim, sched_load(sim->f.s, &why) == 0, "the tasks are not loaded: %s", buf_c(&why));
    sim_check(sim, sim->f.s->tasks.len == tasks, "of %zu tasks %zu are there after the restart", tasks, sim->f.s->tasks.len);
    buf_fini(&why);
    model_rebooted(sim);
    model_audit(sim);
}

void sim_type(struct sim *sim, objid player, const char *format, ...) {
    char line[200];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    fake_input(&sim->f, player, line);
}

void sim_property(struct sim *sim, objid player, const char *name, value v) {
    struct str *s = str_from(name);
    struct propref p;
    if (!db_valid(sim->f.db, player))
        value_unref(v);
    else if (db_find_property(sim->f.db, player, s, &p))
        db_prop_set_value(sim->f.db, &p, v);
    else
        fake_property(&sim->f, player, name, v, WORLD_WIZARD);
    str_unref(s);
}

void sim_set_quota(struct sim *sim, objid player, int64_t quota) {
    struct sim_payer *p = sim_payer_of(sim, player);
    sim_property(sim, player, "tick_quota", value_int(quota));
    if (quota == 0)
        p->resumed_us = INT64_MAX;
    else if (p->resumed_us == INT64_MAX)
        p->resumed_us = sim->f.now_us;
}

double sim_fairness(const double *shares, int n) {
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) {
        sum += shares[i];
        squares += shares[i] * shares[i];
    }
    return squares > 0 ? sum * sum / (n * squares) : 1;
}
