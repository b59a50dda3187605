/* SPDX-License-Identifier: MIT */
/* The two parts of a share, groups of players and pauses: queues without programs, each slice charged what the test says. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "scheduler/state.h"

enum { SYSTEM, WIZARD, ANN, BOB, CARL, OPTIONS, GUESTS, WORLD_OBJECTS };
enum { QUOTA = 20000 };

struct fixture {
    struct db *db;
    struct machine m;
    struct scheduler *s;
    int64_t used[WORLD_OBJECTS][PARTS];
};

static void define(struct fixture *f, objid o, const char *name, value v, objid owner) {
    struct str *s = str_from(name);
    cr_assert_eq(db_add_propdef(f->db, o, s, v, owner, PF_READ), E_NONE);
    str_unref(s);
}

static void set(struct fixture *f, objid o, const char *name, value v) {
    struct str *s = str_from(name);
    struct propref p;
    cr_assert(db_find_property(f->db, o, s, &p));
    db_prop_set_value(f->db, &p, v);
    str_unref(s);
}

static void set_up(struct fixture *f) {
    static const struct host nobody = {0};
    *f = (struct fixture){.db = db_world_in_memory()};
    clock_fake(1000000, 1000000000000);
    for (objid o = 0; o < WORLD_OBJECTS; o++) db_create(f->db, NOTHING, WIZARD);
    db_set_flag(f->db, WIZARD, OF_WIZARD, true);
    f->m = (struct machine){.db = f->db, .dialect = dialect_by_name("toast")};
    define(f, SYSTEM, "server_options", value_obj(OPTIONS), WIZARD);
    f->s = sched_new(&f->m, &nobody);
}

static struct task *add_task(struct fixture *f, objid owner) {
    struct task *t = xcalloc(1, sizeof *t);
    t->queue = queue_get(f->s, owner);
    t->queue->tasks++;
    queue_put_task(f->s, t->queue, t);
    return t;
}

static void drop_task(struct fixture *f, struct task *t) {
    queue_take_task(f->s, t->queue, t);
    t->queue->tasks--;
    queue_release(f->s, t->queue);
    free(t);
}

/* A connection with lines without end. */
static struct input *add_input(struct fixture *f, struct queue *q) {
    struct input *in = xcalloc(1, sizeof *in);
    in->queue = q;
    q->inputs++;
    queue_put_input(f->s, in);
    return in;
}

static void drop_input(struct fixture *f, struct input *in) {
    if (in->runnable) queue_take_input(f->s, in);
    in->queue->inputs--;
    queue_release(f->s, in->queue);
    free(in);
}

/* One slice of whoever's turn it is, which uses `ticks' and stays ready. Whose it was; *part: of which part. */
static objid run_slice_of(struct fixture *f, int64_t ticks, enum part *part) {
    struct queue *q = queues_next(f->s);
    must(q);
    objid owner = q->owner;
    enum part p = q->part;
    queue_begin_turn(q);
    if (p == PART_TYPED) {
        struct input *in = q->first_input;
        queue_take_input(f->s, in);
        queue_put_input(f->s, in);
    } else {
        struct task *t = q->first;
        queue_take_task(f->s, q, t);
        queue_put_task(f->s, q, t);
    }
    f->used[owner][p] += ticks;
    if (part) *part = p;
    queue_end_turn(f->s, q, 0, ticks / TICKS_PER_US);
    return owner;
}

static void run(struct fixture *f, int slices, int64_t ticks) {
    for (int i = 0; i < slices; i++) run_slice_of(f, ticks, NULL);
}

static void drop_all(struct fixture *f) {
    struct queue *q;
    for (size_t at = 0; (q = idmap_next(&f->s->queues, &at)); at = 0) {
        q->tasks++;
        while (q->first) drop_task(f, q->first);
        while (q->first_input) drop_input(f, q->first_input);
        q->tasks--;
        queue_release(f->s, q);
    }
    cr_expect(!f->s->ring && !f->s->waiting && !f->s->newcomer);
    cr_expect_eq(f->s->nactive, 0);
}

static void tear_down(struct fixture *f) {
    drop_all(f);
    sched_free(f->s);
    db_world_close(f->db);
    clock_fake_off();
}

#define expect_about(x, y) cr_expect_float_eq((double)(x), (double)(y), 0.05 * (double)(y), "%lld for %lld", (long long)(x), (long long)(y))

/* ---- parts ---- */

Test(shares, typed_commands_have_half_beside_background_tasks) {
    struct fixture f;
    set_up(&f);
    add_task(&f, ANN);
    add_input(&f, queue_get(f.s, ANN));
    add_task(&f, BOB);
    run(&f, 20000, 700);
    expect_about(f.used[ANN][PART_TYPED], f.used[ANN][PART_BACKGROUND]);
    expect_about(f.used[BOB][PART_BACKGROUND], f.used[ANN][PART_TYPED] + f.used[ANN][PART_BACKGROUND]);
    tear_down(&f);
}

Test(shares, fg_share_tells_how_much) {
    struct fixture f;
    set_up(&f);
    define(&f, OPTIONS, "fg_share", value_int(80), WIZARD);
    add_task(&f, ANN);
    add_input(&f, queue_get(f.s, ANN));
    add_task(&f, BOB);
    run(&f, 20000, 700);
    expect_about(f.used[ANN][PART_TYPED], 4 * f.used[ANN][PART_BACKGROUND]);
    set(&f, OPTIONS, "fg_share", value_int(20)); /* live */
    for (int p = 0; p < PARTS; p++) f.used[ANN][p] = 0;
    run(&f, 20000, 700);
    expect_about(4 * f.used[ANN][PART_TYPED], f.used[ANN][PART_BACKGROUND]);
    tear_down(&f);
}

Test(shares, a_typed_command_does_not_wait_for_its_player_s_debt) {
    struct fixture f;
    set_up(&f);
    add_task(&f, ANN);
    for (objid o = BOB; o <= CARL; o++) add_task(&f, o);
    while (run_slice_of(&f, 100, NULL) != ANN) continue;
    queues_next(f.s);
    do queues_next(f.s)->yields = true;
    while (run_slice_of(&f, queues_next(f.s)->owner == ANN ? 100 * QUOTA : 100, NULL) != ANN);
    cr_expect_gt(share_debt(share_get(f.s, ANN, false)), 90 * QUOTA);
    struct input *in = add_input(&f, queue_get(f.s, ANN));
    int64_t before = 0;
    enum part p;
    while (run_slice_of(&f, 1000, &p) != ANN) before += 1000;
    cr_expect_eq(p, PART_TYPED);
    cr_expect_leq(before, 2 * (QUOTA + 1000), "%lld", (long long)before);
    drop_input(&f, in);
    tear_down(&f);
}

/* Her tasks have used up the round, and wait for the next. */
Test(shares, a_typed_command_has_its_portion_in_the_round_in_which_it_comes) {
    struct fixture f;
    set_up(&f);
    add_task(&f, ANN);
    add_task(&f, BOB);
    while (run_slice_of(&f, QUOTA, NULL) != ANN) continue;
    cr_assert_eq(queues_next_of_round(f.s)->owner, BOB);
    struct input *in = add_input(&f, queue_get(f.s, ANN));
    run_slice_of(&f, QUOTA, NULL);
    struct queue *q = queues_next_of_round(f.s);
    cr_assert_not_null(q);
    cr_expect(q->owner == ANN && q->part == PART_TYPED);
    cr_expect_eq(q->share->parts[PART_TYPED].balance, QUOTA / 2);
    cr_expect_eq(q->share->parts[PART_BACKGROUND].balance, -QUOTA / 2);
    drop_input(&f, in);
    tear_down(&f);
}

/* Nor do tasks that come borrow of typed commands what is not left. */
Test(shares, tasks_that_come_put_no_debt_upon_commands) {
    struct fixture f;
    set_up(&f);
    struct input *in = add_input(&f, queue_get(f.s, ANN));
    add_task(&f, BOB);
    while (run_slice_of(&f, QUOTA, NULL) != ANN) continue;
    add_task(&f, ANN);
    while (queues_next_of_round(f.s)) run_slice_of(&f, QUOTA, NULL);
    cr_expect_eq(queue_get(f.s, ANN)->share->parts[PART_TYPED].balance, 0);
    cr_expect_eq(f.used[ANN][PART_BACKGROUND], 0);
    drop_input(&f, in);
    tear_down(&f);
}

/* He types a little all the time: what he leaves of his half goes to his tasks. */
Test(shares, an_idle_part_lends_its_portion) {
    struct fixture f;
    set_up(&f);
    add_task(&f, ANN);
    add_task(&f, BOB);
    struct input *in = add_input(&f, queue_get(f.s, ANN));
    for (int i = 0; i < 40000; i++) {
        enum part p;
        if (run_slice_of(&f, 500, &p) == ANN && p == PART_TYPED) queue_take_input(f.s, in);
        if (i % 100 == 0 && !in->runnable) queue_put_input(f.s, in);
    }
    cr_expect_gt(f.used[ANN][PART_TYPED], 100000);
    expect_about(f.used[BOB][PART_BACKGROUND], f.used[ANN][PART_TYPED] + f.used[ANN][PART_BACKGROUND]);
    if (!in->runnable) queue_put_input(f.s, in);
    tear_down(&f);
}

/* Whatever comes and goes, and however large its slices are, nobody has more than the others. */
Test(shares, no_pattern_of_coming_and_going_gains_anything) {
    struct fixture f;
    set_up(&f);
    srand(7);
    struct task *t = add_task(&f, ANN);
    struct input *in = add_input(&f, queue_get(f.s, ANN));
    bool has_task = true;
    add_task(&f, BOB);
    add_task(&f, CARL);
    for (int i = 0; i < 400000; i++) {
        enum part p;
        objid who = run_slice_of(&f, 100 + rand() % 50 * (rand() % 50) * (queues_next(f.s)->owner == ANN ? 20 : 1), &p);
        if (who != ANN) {
            if (!in->runnable && rand() % 3 == 0) queue_put_input(f.s, in);
            if (!has_task && rand() % 3 == 0) queue_put_task(f.s, t->queue, t), has_task = true;
        } else if (rand() % 2) {
            if (p == PART_TYPED) queue_take_input(f.s, in);
            else queue_take_task(f.s, t->queue, t), has_task = false;
        }
    }
    int64_t ann = f.used[ANN][PART_TYPED] + f.used[ANN][PART_BACKGROUND], bob = f.used[BOB][PART_BACKGROUND];
    cr_expect_leq((double)ann, 1.02 * (double)bob, "%lld %lld", (long long)ann, (long long)bob);
    cr_expect_geq((double)ann, 0.5 * (double)bob, "%lld %lld", (long long)ann, (long long)bob);
    if (!in->runnable) queue_put_input(f.s, in);
    if (!has_task) queue_put_task(f.s, t->queue, t);
    tear_down(&f);
}

/* ---- groups ---- */

Test(shares, a_group_has_one_share) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "quota_group", value_obj(GUESTS), WIZARD);
    define(&f, BOB, "quota_group", value_obj(GUESTS), WIZARD);
    for (objid o = ANN; o <= CARL; o++) add_task(&f, o);
    run(&f, 40000, 700);
    expect_about(f.used[CARL][PART_BACKGROUND], f.used[ANN][PART_BACKGROUND] + f.used[BOB][PART_BACKGROUND]);
    expect_about(f.used[ANN][PART_BACKGROUND], f.used[BOB][PART_BACKGROUND]);
    tear_down(&f);
}

Test(shares, a_group_s_quota_is_its_object_s) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "quota_group", value_obj(BOB), WIZARD); /* his second character */
    define(&f, BOB, "tick_quota", value_int(3 * QUOTA), WIZARD);
    for (objid o = ANN; o <= CARL; o++) add_task(&f, o);
    run(&f, 40000, 700);
    expect_about(3 * f.used[CARL][PART_BACKGROUND], f.used[ANN][PART_BACKGROUND] + f.used[BOB][PART_BACKGROUND]);
    tear_down(&f);
}

Test(shares, who_is_of_a_group_with_a_hog_is_served_before_it) {
    struct fixture f;
    set_up(&f);
    for (objid o = ANN; o <= BOB; o++) define(&f, o, "quota_group", value_obj(GUESTS), WIZARD);
    for (objid o = ANN; o <= CARL; o++) add_task(&f, o);
    for (int i = 0; i < 20000; i++) {
        objid o = queues_next(f.s)->owner;
        run_slice_of(&f, o == ANN ? 200000 : 500, NULL);
    }
    expect_about(f.used[ANN][PART_BACKGROUND], f.used[BOB][PART_BACKGROUND]);
    expect_about(f.used[CARL][PART_BACKGROUND], f.used[ANN][PART_BACKGROUND] + f.used[BOB][PART_BACKGROUND]);
    tear_down(&f);
}

Test(shares, groups_change_at_once) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "quota_group", value_obj(NOTHING), WIZARD);
    for (objid o = ANN; o <= CARL; o++) add_task(&f, o);
    run(&f, 100, 700);
    struct queue *ann = queue_get(f.s, ANN), *bob = queue_get(f.s, BOB);
    cr_expect_neq(ann->share, bob->share);
    set(&f, ANN, "quota_group", value_obj(BOB));
    run(&f, 200, 700);
    cr_expect_eq(ann->share, bob->share);
    cr_expect_eq(f.s->nactive, 2);
    set(&f, ANN, "quota_group", value_obj(NOTHING));
    run(&f, 200, 700);
    cr_expect_neq(ann->share, bob->share);
    cr_expect_eq(f.s->nactive, 3);
    tear_down(&f);
}

Test(shares, nobody_joins_a_group_unasked) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "quota_group", value_obj(BOB), ANN); /* she would have Bob pay */
    add_task(&f, ANN);
    cr_expect_eq(queue_get(f.s, ANN)->share->owner, ANN);
    tear_down(&f);
}

/* ---- pauses ---- */

Test(shares, a_quota_of_nothing_pauses_background_tasks_alone) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "tick_quota", value_int(0), WIZARD);
    add_task(&f, ANN);
    cr_expect_null(queues_next(f.s));
    struct input *in = add_input(&f, queue_get(f.s, ANN));
    enum part p;
    cr_expect_eq(run_slice_of(&f, 100, &p), ANN);
    cr_expect_eq(p, PART_TYPED);
    cr_expect_eq(queue_get(f.s, ANN)->share->quota, QUOTA);
    queue_take_input(f.s, in);
    cr_expect_null(queues_next(f.s));
    set(&f, ANN, "tick_quota", value_int(QUOTA));
    cr_assert_not_null(queues_next(f.s));
    run_slice_of(&f, 100, &p);
    cr_expect_eq(p, PART_BACKGROUND);
    set(&f, ANN, "tick_quota", value_int(0)); /* while it stands in the ring */
    cr_expect_null(queues_next(f.s));
    set(&f, ANN, "tick_quota", value_int(-1));
    cr_expect_not_null(queues_next(f.s));
    queue_put_input(f.s, in);
    tear_down(&f);
}

Test(shares, a_group_is_paused_by_its_object) {
    struct fixture f;
    set_up(&f);
    define(&f, GUESTS, "tick_quota", value_int(0), WIZARD);
    for (objid o = ANN; o <= BOB; o++) {
        define(&f, o, "quota_group", value_obj(GUESTS), WIZARD);
        add_task(&f, o);
    }
    cr_expect_null(queues_next(f.s));
    set(&f, ANN, "quota_group", value_obj(NOTHING));
    cr_assert_not_null(queues_next(f.s));
    cr_expect_eq(queues_next(f.s)->owner, ANN);
    db_destroy(f.db, GUESTS);
    add_task(&f, CARL);
    for (int i = 0; i < 100; i++) run_slice_of(&f, QUOTA, NULL);
    cr_expect_gt(f.used[BOB][PART_BACKGROUND], 0);
    tear_down(&f);
}

Test(shares, a_paused_queue_may_go) {
    struct fixture f;
    set_up(&f);
    for (objid o = ANN; o <= CARL; o++) define(&f, o, "tick_quota", value_int(0), WIZARD);
    struct task *t[3];
    for (int i = 0; i < 3; i++) t[i] = add_task(&f, ANN + i);
    drop_task(&f, t[1]);
    drop_task(&f, t[2]);
    set(&f, ANN, "tick_quota", value_int(1000));
    cr_expect_not_null(queues_next(f.s));
    drop_task(&f, t[0]);
    cr_expect_null(f.s->paused);
    cr_expect_eq(f.s->queues.len, 0);
    cr_expect_eq(f.s->shares.len, 1); /* of who has earned something in this round */
    tear_down(&f);
}

/* ---- costs and debts ---- */

Test(shares, cpu_time_and_ticks_count_as_cpu_weight_says) {
    static const int weights[] = {100, 25, 0}, costs[] = {2000, 1250, 1000};
    struct fixture f;
    set_up(&f);
    define(&f, OPTIONS, "cpu_weight", value_int(100), WIZARD);
    for (int i = 0; i < 3; i++) {
        set(&f, OPTIONS, "cpu_weight", value_int(weights[i]));
        struct task *t = add_task(&f, ANN + i);
        struct queue *q = queues_next(f.s);
        queue_begin_turn(q);
        queue_end_turn(f.s, q, 1000, 100);
        cr_expect_eq(q->share->parts[PART_BACKGROUND].balance, QUOTA - costs[i]);
        drop_task(&f, t);
    }
    tear_down(&f);
}

Test(shares, quota_fade_tells_how_fast_debts_are_forgiven) {
    static const int fades[] = {10, 100, 0};
    static const int64_t left[] = {39 * QUOTA, 0, 49 * QUOTA};
    struct fixture f;
    set_up(&f);
    define(&f, OPTIONS, "quota_fade", value_int(10), WIZARD);
    int64_t now = 1000000;
    for (int i = 0; i < 3; i++) {
        set(&f, OPTIONS, "quota_fade", value_int(fades[i]));
        struct task *t = add_task(&f, ANN + i);
        run_slice_of(&f, 50 * QUOTA, NULL);
        drop_task(&f, t);
        clock_fake(now += 1000000, 1000000000000);
        add_task(&f, ANN + i);
        cr_expect_eq(share_debt(queue_get(f.s, ANN + i)->share), left[i], "%lld", (long long)share_debt(queue_get(f.s, ANN + i)->share));
        drop_all(&f);
    }
    tear_down(&f);
}

Test(shares, who_has_a_small_quota_is_not_forgiven_what_a_slice_took) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "tick_quota", value_int(100), WIZARD);
    add_task(&f, ANN);
    add_task(&f, BOB);
    for (int i = 0; i < 200000; i++) run_slice_of(&f, queues_next(f.s)->owner == ANN ? 100000 : 1000, NULL);
    expect_about(200 * f.used[ANN][PART_BACKGROUND], f.used[BOB][PART_BACKGROUND]);
    tear_down(&f);
}

Test(shares, a_large_quota_makes_no_long_turn) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "tick_quota", value_int(1000 * QUOTA), WIZARD);
    add_task(&f, ANN);
    add_task(&f, BOB);
    for (int i = 0; i < 500; i++) run_slice_of(&f, 1000, NULL);
    cr_expect_gt(f.used[ANN][PART_BACKGROUND], 20 * QUOTA);
    add_task(&f, CARL);
    int64_t waited = 0;
    while (run_slice_of(&f, 1000, NULL) != CARL) waited += 1000;
    cr_expect_leq(waited, QUOTA + 1000);
    tear_down(&f);
}

/* ---- docs/scheduler.md ---- */

enum { MS = QUOTA };

/* All turns of one round. */
static void run_round(struct fixture *f) {
    uint64_t round = f->s->round;
    for (struct queue *q; (q = queues_next_of_round(f->s)) && f->s->round == round;) run_slice_of(f, q->part == PART_TYPED ? MS / 5 : q->owner == BOB ? 10 * MS : MS / 2, NULL);
    shares_begin_round(f->s);
}

#define expect_round(f, ann, bob, carl, cora, bob_s_balance) \
    do { \
        run_round(f); \
        cr_expect_eq((f)->used[ANN][PART_BACKGROUND], ann, "%lld", (long long)(f)->used[ANN][PART_BACKGROUND]); \
        cr_expect_eq((f)->used[BOB][PART_BACKGROUND], bob, "%lld", (long long)(f)->used[BOB][PART_BACKGROUND]); \
        cr_expect_eq((f)->used[CARL][PART_BACKGROUND], carl, "%lld", (long long)(f)->used[CARL][PART_BACKGROUND]); \
        cr_expect_eq((f)->used[GUESTS][PART_BACKGROUND], cora, "%lld", (long long)(f)->used[GUESTS][PART_BACKGROUND]); \
        cr_expect_eq(queue_get((f)->s, BOB)->share->parts[PART_BACKGROUND].balance, bob_s_balance, "%lld", (long long)queue_get((f)->s, BOB)->share->parts[PART_BACKGROUND].balance); \
    } while (0)

static void set_up_example(struct fixture *f) {
    set_up(f);
    define(f, CARL, "quota_group", value_obj(OPTIONS), WIZARD);
    define(f, GUESTS, "quota_group", value_obj(OPTIONS), WIZARD); /* she is Cora */
    for (objid o = ANN; o <= CARL; o++) add_task(f, o);
    add_task(f, GUESTS);
}

Test(shares, the_example_of_the_manual) {
    struct fixture f;
    set_up_example(&f);
    expect_round(&f, MS, 10 * MS, MS, 0, -9 * MS);
    expect_round(&f, 2 * MS, 10 * MS, MS, MS, -8 * MS);
    expect_round(&f, 3 * MS, 10 * MS, 2 * MS, MS, -7 * MS);
    for (int i = 4; i < 9; i++) run_round(&f);
    expect_round(&f, 9 * MS, 10 * MS, 5 * MS, 4 * MS, -MS);
    expect_round(&f, 10 * MS, 10 * MS, 5 * MS, 5 * MS, 0);
    expect_round(&f, 11 * MS, 20 * MS, 6 * MS, 5 * MS, -9 * MS);
    tear_down(&f);
}

Test(shares, the_command_in_the_example_of_the_manual) {
    struct fixture f;
    set_up_example(&f);
    run_round(&f);
    run_round(&f);
    struct input *in = add_input(&f, queue_get(f.s, BOB));
    struct share *bob = queue_get(f.s, BOB)->share;
    while (f.used[BOB][PART_TYPED] == 0) run_slice_of(&f, queues_next(f.s)->part == PART_TYPED ? MS / 5 : MS / 2, NULL);
    queue_take_input(f.s, in);
    cr_expect_eq(bob->parts[PART_BACKGROUND].balance, -7 * MS - MS / 2);
    cr_expect_eq(bob->parts[PART_TYPED].balance, 3 * MS / 10);
    run_round(&f); /* the rest of the third */
    run_round(&f);
    cr_expect_eq(bob->parts[PART_BACKGROUND].balance, -6 * MS - MS / 5, "%lld", (long long)bob->parts[PART_BACKGROUND].balance);
    drop_input(&f, in);
    tear_down(&f);
}

/* ---- who has not logged in ---- */

Test(shares, connections_of_one_listener_have_one_share_which_is_nobody_s) {
    struct fixture f;
    set_up(&f);
    struct queue *logins = queue_get_logins(f.s, ANN);
    cr_expect_eq(queue_get_logins(f.s, ANN), logins);
    cr_expect_neq(queue_get_logins(f.s, BOB), logins);
    struct input *in[4];
    for (int i = 0; i < 4; i++) in[i] = add_input(&f, logins);
    add_task(&f, ANN);
    add_task(&f, CARL);
    cr_expect_neq(logins->share, queue_get(f.s, ANN)->share);
    int64_t used = 0;
    for (int i = 0; i < 20000; i++) {
        used += queues_next(f.s) == logins ? 500 : 0;
        run_slice_of(&f, 500, NULL);
    }
    expect_about(used, f.used[CARL][PART_BACKGROUND]);
    run_slice_of(&f, 100, NULL);
    while (queues_next(f.s) != logins) run_slice_of(&f, 500, NULL);
    run_slice_of(&f, 100 * QUOTA, NULL);
    for (int i = 0; i < 4; i++) drop_input(&f, in[i]);
    cr_expect_gt(share_debt(share_get(f.s, ANN, true)), 50 * QUOTA); /* closing the connection pays nothing */
    queue_release(f.s, queue_get_logins(f.s, BOB));
    tear_down(&f);
}
