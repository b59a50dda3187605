/* SPDX-License-Identifier: MIT */
/*
 * Shares under load. What deficit round robin promises of those who always have something to run: in any stretch of time what each has used, in its quotas, differs from
 * another's by no more than a round and what their largest slices can overspend. And who owes nothing waits for no more than a quota and a slice of each of the others.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/sanitized.h"
#include "crowd.h"

enum { MOST_SHARES = 300, DEFAULT_QUOTA = 20000, SHORTER = SANITIZED ? 4 : 1 };

struct loaded {
    objid owner;
    int64_t quota;
    int64_t used_at_first, used_before; /* at the begin of the measurement, and of this stretch */
};

struct load {
    struct sim sim; /* first: its ctx is found from it */
    struct loaded shares[MOST_SHARES];
    int n;
};

static void begin_measurement(struct load *l) {
    for (int i = 0; i < l->n; i++) l->shares[i].used_at_first = l->shares[i].used_before = sim_payer_of(&l->sim, l->shares[i].owner)->used;
}

static double quotas_used(struct load *l, const struct loaded *s, int64_t since) {
    return (double)(sim_payer_of(&l->sim, s->owner)->used - since) / (double)s->quota;
}

/* By how much two shares may differ: a round, and what is owed at either end. */
static double tolerance(struct load *l) {
    double most = 0;
    for (int i = 0; i < l->n; i++) {
        double owed = (double)sim_payer_of(&l->sim, l->shares[i].owner)->most / (double)l->shares[i].quota;
        if (owed > most) most = owed;
    }
    return 2 * (1 + most);
}

static void check_stretch(struct load *l) {
    double least = 1e300, most = 0;
    for (int i = 0; i < l->n; i++) {
        double q = quotas_used(l, &l->shares[i], l->shares[i].used_before);
        l->shares[i].used_before = sim_payer_of(&l->sim, l->shares[i].owner)->used;
        if (q < least) least = q;
        if (q > most) most = q;
    }
    sim_check(&l->sim, most - least <= tolerance(l), "of shares that always had work one used %.1f quotas and one %.1f, more than %.1f apart", least, most,
              tolerance(l));
}

static void check_fairness(struct load *l, double least) {
    double shares[MOST_SHARES];
    for (int i = 0; i < l->n; i++) shares[i] = quotas_used(l, &l->shares[i], l->shares[i].used_at_first);
    double fairness = sim_fairness(shares, l->n);
    sim_check(&l->sim, fairness >= least, "Jain's index is %.4f", fairness);
}

/* n players with quotas between a half and four times the usual, or the usual one, and others. */
static void open_load(struct load *l, uint64_t seed, const char *test, int n, int others, bool quotas) {
    sim_open(&l->sim, test, seed, n + others, NULL);
    l->n = n;
    for (int i = 0; i < n; i++) {
        int64_t quota = quotas ? DEFAULT_QUOTA / 2 << sim_random(&l->sim, 4) : DEFAULT_QUOTA;
        l->shares[i] = (struct loaded){.owner = sim_player(i), .quota = quota};
        if (quotas) sim_set_quota(&l->sim, sim_player(i), quota);
    }
    sim_run(&l->sim, 2);
}

static void keep_busy(struct load *l, int i, int tasks, int us) {
    for (int k = 0; k < tasks; k++) sim_type(&l->sim, l->shares[i].owner, "nap 1000000000 0.0 %d", us);
}

static void share_out(uint64_t seed, int n, bool quotas, int most_us, double seconds) {
    struct load *l = xcalloc(1, sizeof *l);
    open_load(l, seed, "fair/*", n, 0, quotas);
    for (int i = 0; i < n; i++) keep_busy(l, i, 1 + (int)sim_random(&l->sim, 5), (int)sim_random(&l->sim, (uint64_t)most_us));
    sim_run(&l->sim, 1);
    begin_measurement(l);
    for (double left = seconds; left > 0; left -= 0.5) {
        sim_run(&l->sim, 0.5);
        check_stretch(l);
    }
    check_fairness(l, 0.99);
    model_end(&l->sim);
    sim_close(&l->sim);
    free(l);
}

Test(fair, quotas_are_shares) {
    uint64_t seed, last;
    for (sim_seeds(3, &seed, &last); seed <= last; seed++) share_out(seed, 3 + (int)(seed % 4) * 3, true, 3000, 60 / SHORTER);
}

/* One uses his whole slice each time, and one has a thousand tasks. */
Test(fair, whole_slices_and_a_thousand_tasks) {
    struct load *l = xcalloc(1, sizeof *l);
    open_load(l, 1, "fair/*", 20, 0, false);
    keep_busy(l, 0, 1, 80000);
    keep_busy(l, 1, 1000, 300);
    for (int i = 2; i < l->n; i++) keep_busy(l, i, 1, 1000);
    sim_run(&l->sim, 10);
    begin_measurement(l);
    sim_run(&l->sim, 100);
    check_stretch(l);
    check_fairness(l, 0.99);
    sim_close(&l->sim);
    free(l);
}

/* ---- debts ---- */

enum { DEBT_US = 80000, NAP_SECONDS = 3, FADES = 10 /* quotas a second: quota_fade */ };

/* Who owes for one long slice, and sleeps. */
struct debtor {
    struct load load; /* first */
    objid who;
    int naps;
    bool runs_again;
};

static void wake_debtor(void *ctx) {
    struct debtor *d = ctx;
    begin_measurement(&d->load);
}

static void debtor_noted(struct sim *sim, const struct sim_note *n) {
    struct debtor *d = (struct debtor *)sim;
    if (n->player != d->who) return;
    if (!strcmp(n->what, "sleep") && ++d->naps == 2) sim_at(sim, sim->f.now_us + NAP_SECONDS * 1000000, wake_debtor, d);
    if (strcmp(n->what, "woke") != 0 || d->naps < 2) return;
    d->runs_again = true;
    int64_t owed = DEBT_US * SIM_CHARGE_PER_US / DEFAULT_QUOTA - NAP_SECONDS * FADES;
    for (int i = 0; i < d->load.n; i++) {
        double used = quotas_used(&d->load, &d->load.shares[i], d->load.shares[i].used_at_first);
        sim_check(sim, fabs(used - (double)owed) <= 3, "while #%lld owed about %lld quotas another used %.1f", (long long)d->who, (long long)owed, used);
    }
}

/* What fades of it while he sleeps is forgiven, and for the rest the others have theirs first. */
Test(fair, debts_fade_while_one_sleeps) {
    struct debtor *d = xcalloc(1, sizeof *d);
    struct load *l = &d->load;
    open_load(l, 1, "fair/*", 5, 1, false);
    d->who = sim_player(l->n);
    for (int i = 0; i < l->n; i++) keep_busy(l, i, 1, 300);
    l->sim.noted = debtor_noted;
    sim_type(&l->sim, d->who, "nap 2 %d.0 %d", NAP_SECONDS, DEBT_US);
    sim_run(&l->sim, 20);
    cr_expect(d->runs_again);
    sim_close(&l->sim);
    free(d);
}

/* The players of a group have a share together, and each of them as much as the others of it. */
Test(fair, groups_have_one_share) {
    enum { ALONE = 8, GROUPS = 2, MEMBERS = 6, ALL = ALONE + GROUPS * MEMBERS };
    struct load *l = xcalloc(1, sizeof *l);
    double shares[ALONE + GROUPS] = {0}, members[MEMBERS];
    open_load(l, 1, "fair/*", ALL, 0, false);
    for (int i = 0; i < ALL; i++) {
        if (i >= ALONE) sim_property(&l->sim, sim_player(i), "quota_group", value_obj(sim_player(ALONE + (i - ALONE) / MEMBERS * MEMBERS)));
        keep_busy(l, i, 1 + i % 3, 100 + i * 777 % 3000);
    }
    sim_run(&l->sim, 2);
    begin_measurement(l);
    sim_run(&l->sim, 60);
    for (int i = 0; i < ALL; i++) shares[i < ALONE ? i : ALONE + (i - ALONE) / MEMBERS] += quotas_used(l, &l->shares[i], l->shares[i].used_at_first);
    for (int i = 0; i < MEMBERS; i++) members[i] = quotas_used(l, &l->shares[ALONE + i], l->shares[ALONE + i].used_at_first);
    cr_expect_geq(sim_fairness(shares, ALONE + GROUPS), 0.99);
    cr_expect_geq(sim_fairness(members, MEMBERS), 0.99);
    sim_close(&l->sim);
    free(l);
}

/* Who has a task again and again, each time another's, has one share all the same. */
Test(fair, nobody_earns_twice_in_a_round) {
    struct load *l = xcalloc(1, sizeof *l);
    open_load(l, 1, "fair/*", 12, 1, false);
    for (int i = 1; i < l->n; i++) keep_busy(l, i, 1, 400);
    objid fed = sim_player(l->n);
    fake_drop(&l->sim.f, fed); /* nothing is left of the account when its task is over */
    sim_type(&l->sim, sim_player(0), "feed #%lld 900", (long long)fed);
    sim_run(&l->sim, 1);
    begin_measurement(l);
    int64_t before = sim_payer_of(&l->sim, fed)->used;
    sim_run(&l->sim, 10);
    double others = quotas_used(l, &l->shares[1], l->shares[1].used_at_first), its = (double)(sim_payer_of(&l->sim, fed)->used - before) / DEFAULT_QUOTA;
    sim_check(&l->sim, its <= others + tolerance(l), "one whom another feeds with tasks has used %.1f quotas, others %.1f", its, others);
    sim_close(&l->sim);
    free(l);
}

/* ---- whatever one does ---- */

/* A stretch of time: nobody has more of it than who always had something to run, but what faded of his debts. */
static void check_gain(struct load *l, int nplayers, double seconds) {
    double honest = quotas_used(l, &l->shares[0], l->shares[0].used_before);
    for (int i = 1; i < nplayers; i++) { /* each part of a share can owe for a slice */
        double used = quotas_used(l, &l->shares[i], l->shares[i].used_before), most = honest + PARTS * tolerance(l) + FADES * seconds;
        sim_check(&l->sim, used <= most, "#%lld has used %.1f quotas in %.0f s, and who always had work %.1f", (long long)l->shares[i].owner, used, seconds,
                  honest);
    }
    for (int i = 0; i < nplayers; i++) l->shares[i].used_before = sim_payer_of(&l->sim, l->shares[i].owner)->used;
}

static void play_tricks(uint64_t seed) {
    enum { HONEST = 4, PLAYERS = 20, SECONDS = 60 / SHORTER };
    struct load *l = xcalloc(1, sizeof *l);
    struct crowd crowd;
    open_load(l, seed, "fair/*", PLAYERS, 0, false);
    for (int i = 0; i < HONEST; i++) keep_busy(l, PLAYERS - 1 - i, 1, 500); /* the last ones: the crowd is the first */
    struct loaded first = l->shares[0];
    l->shares[0] = l->shares[PLAYERS - 1];
    l->shares[PLAYERS - 1] = first;
    crowd_gather(&crowd, &l->sim, PLAYERS - HONEST, HABIT_TRICKS);
    sim_run(&l->sim, 5);
    begin_measurement(l);
    for (int i = 0; i < SECONDS; i++) {
        sim_run(&l->sim, 1);
        check_gain(l, PLAYERS, 1);
        if (sim_chance(&l->sim, 0.1)) sim_reboot(&l->sim);
    }
    for (int i = 0; i < PLAYERS; i++) l->shares[i].used_before = l->shares[i].used_at_first;
    check_gain(l, PLAYERS, SECONDS);
    crowd_disperse(&crowd);
    sim_close(&l->sim);
    free(l);
}

Test(fair, tricks_gain_nothing) {
    uint64_t seed, last;
    for (sim_seeds(3, &seed, &last); seed <= last; seed++) play_tricks(seed);
}

/* ---- who types under load ---- */

enum { TYPISTS = 10 };

struct typist {
    struct waiting *w;
    int i;
    bool waits;
    int64_t since_us, used[MOST_SHARES]; /* when the line was typed: what each share had used */
};

struct waiting {
    struct load load; /* first */
    struct typist typists[TYPISTS];
    int first; /* of the players who they are */
    int64_t answers, worst_us;
};

static void type_a_line(void *ctx) {
    struct typist *t = ctx;
    struct load *l = &t->w->load;
    int64_t now = l->sim.f.now_us;
    if (!t->waits) {
        t->waits = true;
        t->since_us = now;
        for (int k = 0; k < l->n; k++) t->used[k] = sim_payer_of(&l->sim, l->shares[k].owner)->used;
        sim_type(&l->sim, sim_player(t->w->first + t->i), "say %d", t->i);
    }
    sim_at(&l->sim, now + 200000 + (int64_t)sim_random(&l->sim, 800000), type_a_line, t);
}

static void answered(struct sim *sim, const struct sim_note *n) {
    struct waiting *w = (struct waiting *)sim;
    struct load *l = &w->load;
    if (strcmp(n->what, "said") != 0) return;
    struct typist *t = &w->typists[(int)n->a];
    for (int k = 0; k < l->n; k++) {
        const struct sim_payer *p = sim_payer_of(sim, l->shares[k].owner);
        long long used = p->used - t->used[k], quota = l->shares[k].quota, most = p->most;
        sim_check(sim, used <= quota + most,
                  "a command of who owes nothing has waited for %lld ticks of #%lld, who has a quota of %lld and slices of %lld at most", used,
                  (long long)p->owner, quota, most);
    }
    t->waits = false;
    w->answers++;
    if (sim->f.now_us - t->since_us > w->worst_us) w->worst_us = sim->f.now_us - t->since_us;
}

/* Ten of forty who have work for ever, or others besides them. */
static void type_under_load(bool others) {
    struct waiting *w = xcalloc(1, sizeof *w);
    struct load *l = &w->load;
    open_load(l, 1, "fair/*", 40, TYPISTS, true);
    w->first = others ? l->n : 0;
    for (int i = 0; i < l->n; i++) keep_busy(l, i, i % 7 ? 3 : 100, i % 10 ? 500 : 50000);
    sim_run(&l->sim, 10); /* until all these commands have run */
    l->sim.noted = answered;
    for (int i = 0; i < TYPISTS; i++) {
        w->typists[i] = (struct typist){.w = w, .i = i};
        sim_at(&l->sim, l->sim.f.now_us + i, type_a_line, &w->typists[i]);
    }
    sim_run(&l->sim, 300 / SHORTER);
    cr_expect_gt(w->answers, 1000 / SHORTER, "%lld answers", (long long)w->answers);
    cr_log_info("%lld answers, the slowest after %lld us", (long long)w->answers, (long long)w->worst_us);
    sim_close(&l->sim);
    free(w);
}

Test(fair, who_owes_nothing_waits_for_a_turn_of_each) { type_under_load(true); }
Test(fair, who_types_does_not_wait_for_what_his_tasks_owe) { type_under_load(false); }
