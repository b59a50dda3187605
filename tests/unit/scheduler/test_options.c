/* SPDX-License-Identifier: MIT */
/* Where an option's value comes from, what does not count, and that a change is seen at once whatever was changed. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "db/watch.h"
#include "scheduler/state.h"

enum { SYSTEM, PARENT, WIZARD, ANN, OPTIONS, WORLD_OBJECTS };

struct fixture {
    struct db *db;
    struct machine m;
    struct scheduler *s;
    int lines; /* of the log */
    char last[400];
};

static void hear(void *ctx, enum log_level level, const char *text, size_t len) {
    struct fixture *f = ctx;
    (void)level;
    f->lines++;
    snprintf(f->last, sizeof f->last, "%.*s", (int)len, text);
}

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

/* #0, a parent of all, a wizard, Ann (its child too), and an object that has a few options. */
static void set_up(struct fixture *f) {
    static const struct host nobody = {0};
    *f = (struct fixture){.db = db_world_in_memory()};
    for (objid o = 0; o < WORLD_OBJECTS; o++) db_create(f->db, o == SYSTEM || o == PARENT ? NOTHING : PARENT, WIZARD);
    db_set_flag(f->db, WIZARD, OF_WIZARD, true);
    f->m = (struct machine){.db = f->db, .dialect = dialect_by_name("toast")};
    define(f, SYSTEM, "server_options", value_obj(OPTIONS), WIZARD);
    f->s = sched_new(&f->m, &nobody);
    log_set_listener(hear, f);
}

static void tear_down(struct fixture *f) {
    log_set_listener(NULL, NULL);
    sched_free(f->s);
    db_world_close(f->db);
}

#define expect_option(which, number, from) \
    do { \
        cr_expect_eq(option_int(f.s, which), number, "%ld", (long)option_int(f.s, which)); \
        cr_expect_eq(option_source(f.s, which), from); \
    } while (0)

#define expect_own(player, which, number, from) \
    do { \
        enum option_source source_; \
        int64_t n_ = option_of_player(f.s, player, which, &source_); \
        cr_expect_eq(n_, number, "%ld", (long)n_); \
        cr_expect_eq(source_, from); \
    } while (0)

Test(options, player_before_world_before_flag_before_default) {
    struct fixture f;
    set_up(&f);
    expect_own(ANN, OWN_bg_ticks, 30000, SOURCE_DEFAULT);
    sched_set_flag(f.s, OPT_bg_ticks, 777);
    expect_own(ANN, OWN_bg_ticks, 777, SOURCE_FLAG);
    define(&f, OPTIONS, "bg_ticks", value_int(1234), WIZARD);
    expect_own(ANN, OWN_bg_ticks, 1234, SOURCE_WORLD);
    expect_option(OPT_bg_ticks, 1234, SOURCE_WORLD);
    define(&f, ANN, "bg_ticks", value_int(4321), WIZARD);
    expect_own(ANN, OWN_bg_ticks, 4321, SOURCE_PLAYER);
    expect_own(WIZARD, OWN_bg_ticks, 1234, SOURCE_WORLD);
    tear_down(&f);
}

Test(options, what_players_can_write_grants_nothing) {
    struct fixture f;
    set_up(&f);
    define(&f, ANN, "tick_quota", value_int(1000000), ANN);
    expect_own(ANN, OWN_tick_quota, 20000, SOURCE_DEFAULT);
    struct str *name = str_from("tick_quota");
    struct propref p;
    cr_assert(db_find_property(f.db, ANN, name, &p));
    db_prop_set_info(f.db, &p, WIZARD, PF_READ | PF_WRITE);
    expect_own(ANN, OWN_tick_quota, 20000, SOURCE_DEFAULT);
    db_prop_set_info(f.db, &p, WIZARD, PF_READ);
    expect_own(ANN, OWN_tick_quota, 1000000, SOURCE_PLAYER);
    uint64_t count = option_count(f.s);
    db_set_flag(f.db, WIZARD, OF_WIZARD, false);
    cr_expect_neq(option_count(f.s), count);
    expect_own(ANN, OWN_tick_quota, 20000, SOURCE_DEFAULT);
    str_unref(name);
    tear_down(&f);
}

Test(options, what_is_out_of_range_is_told_once_and_the_next_source_holds) {
    struct fixture f;
    set_up(&f);
    sched_set_flag(f.s, OPT_fg_share, 30);
    define(&f, OPTIONS, "fg_share", value_int(100), WIZARD);
    for (int i = 0; i < 5; i++) {
        expect_option(OPT_fg_share, 30, SOURCE_FLAG);
        define(&f, ANN, i == 0 ? "cpu_weight" : i == 1 ? "fg_seconds" : i == 2 ? "fg_ticks" : i == 3 ? "quota_fade" : "quota_group", value_int(7), WIZARD); /* it is read again */
    }
    cr_expect_eq(f.lines, 1);
    cr_expect(strstr(f.last, "#4.fg_share is 100, but must be an integer from 1 to 99; 30 holds instead"), "%s", f.last);
    set(&f, OPTIONS, "fg_share", value_str(str_from("many")));
    expect_option(OPT_fg_share, 30, SOURCE_FLAG);
    cr_expect_eq(f.lines, 2);
    cr_expect(strstr(f.last, "#4.fg_share is \"many\""), "%s", f.last);
    set(&f, OPTIONS, "fg_share", value_int(99));
    expect_option(OPT_fg_share, 99, SOURCE_WORLD);
    cr_expect_eq(f.lines, 2);
    tear_down(&f);
}

Test(options, too_few_ticks_count_as_a_hundred) {
    struct fixture f;
    set_up(&f);
    define(&f, OPTIONS, "fg_ticks", value_int(5), WIZARD);
    expect_option(OPT_fg_ticks, 100, SOURCE_WORLD);
    cr_expect(strstr(f.last, "#4.fg_ticks is 5, but must be an integer from 100 to 1000000000000; 100 holds instead"), "%s", f.last);
    define(&f, ANN, "bg_seconds", value_int(-3), WIZARD);
    expect_own(ANN, OWN_bg_seconds, 1, SOURCE_PLAYER);
    cr_expect(strstr(f.last, "#3.bg_seconds is -3"), "%s", f.last);
    tear_down(&f);
}

Test(options, seconds_may_be_fractions) {
    struct fixture f;
    set_up(&f);
    expect_option(OPT_task_lag_threshold, 5000000, SOURCE_DEFAULT);
    define(&f, OPTIONS, "task_lag_threshold", value_float(0.25), WIZARD);
    expect_option(OPT_task_lag_threshold, 250000, SOURCE_WORLD);
    set(&f, OPTIONS, "task_lag_threshold", value_int(2));
    expect_option(OPT_task_lag_threshold, 2000000, SOURCE_WORLD);
    set(&f, OPTIONS, "task_lag_threshold", value_float(-0.5));
    expect_option(OPT_task_lag_threshold, 5000000, SOURCE_DEFAULT);
    cr_expect(strstr(f.last, "#4.task_lag_threshold is -0.5, but must be a number from 0.0 to 1000000.0; 5.0 holds instead"), "%s", f.last);
    tear_down(&f);
}

Test(options, a_world_s_quota_of_nothing_is_none) {
    struct fixture f;
    set_up(&f);
    define(&f, OPTIONS, "tick_quota", value_int(0), WIZARD);
    expect_option(OPT_tick_quota, 20000, SOURCE_DEFAULT);
    define(&f, ANN, "tick_quota", value_int(0), WIZARD);
    expect_own(ANN, OWN_tick_quota, 0, SOURCE_PLAYER);
    set(&f, ANN, "tick_quota", value_int(-1));
    expect_own(ANN, OWN_tick_quota, 20000, SOURCE_DEFAULT);
    cr_expect_eq(f.lines, 0);
    tear_down(&f);
}

/* Each change of what such a property gives is seen; others are not looked at. */
Test(options, every_way_to_change_one_is_seen) {
    struct fixture f;
    set_up(&f);
    struct str *name = str_from("fg_share"), *other = str_from("fg_sharing");
    define(&f, OPTIONS, "fg_share", value_int(10), WIZARD);
    expect_option(OPT_fg_share, 10, SOURCE_WORLD);
    cr_assert_eq(db_rename_propdef(f.db, OPTIONS, name, other), E_NONE);
    expect_option(OPT_fg_share, 50, SOURCE_DEFAULT);
    cr_assert_eq(db_rename_propdef(f.db, OPTIONS, other, name), E_NONE);
    expect_option(OPT_fg_share, 10, SOURCE_WORLD);
    cr_assert_eq(db_delete_propdef(f.db, OPTIONS, name), E_NONE);
    expect_option(OPT_fg_share, 50, SOURCE_DEFAULT);
    define(&f, PARENT, "fg_share", value_int(20), WIZARD); /* inherited */
    expect_option(OPT_fg_share, 20, SOURCE_WORLD);
    cr_assert_eq(db_chparent(f.db, OPTIONS, NOTHING), E_NONE);
    expect_option(OPT_fg_share, 50, SOURCE_DEFAULT);
    cr_assert_eq(db_chparent(f.db, OPTIONS, PARENT), E_NONE);
    set(&f, OPTIONS, "fg_share", value_int(30));
    expect_option(OPT_fg_share, 30, SOURCE_WORLD);
    set(&f, OPTIONS, "fg_share", value_clear());
    expect_option(OPT_fg_share, 20, SOURCE_WORLD);
    set(&f, SYSTEM, "server_options", value_obj(ANN));
    set(&f, ANN, "fg_share", value_int(40));
    expect_option(OPT_fg_share, 40, SOURCE_WORLD);
    db_destroy(f.db, ANN);
    expect_option(OPT_fg_share, 50, SOURCE_DEFAULT);
    db_create_at(f.db, ANN, PARENT, WIZARD);
    expect_option(OPT_fg_share, 20, SOURCE_WORLD);
    uint64_t count = option_count(f.s);
    define(&f, PARENT, "fg_shares", value_int(1), WIZARD);
    set(&f, OPTIONS, "fg_shares", value_int(2));
    db_set_name(f.db, OPTIONS, name);
    cr_expect_eq(option_count(f.s), count);
    str_unref(name);
    str_unref(other);
    tear_down(&f);
}

/* A place in a program that has written such a property often. */
Test(options, writing_one_is_never_too_fast_to_be_seen) {
    struct fixture f;
    set_up(&f);
    struct str *name = str_from("fg_share");
    struct prop_cache cache = {0};
    define(&f, OPTIONS, "fg_share", value_int(1), WIZARD);
    for (int i = 1; i < 50; i++) {
        cr_assert_eq(db_set_property(f.db, OPTIONS, name, value_int(i), WIZARD, &cache), E_NONE);
        value v;
        cr_assert_eq(db_get_property(f.db, OPTIONS, name, WIZARD, &cache, NULL, &v), E_NONE);
        expect_option(OPT_fg_share, i, SOURCE_WORLD);
    }
    str_unref(name);
    tear_down(&f);
}

static const int64_t least_of[OPT_COUNT] = {
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) least,
#include "scheduler/options.def"
#undef OPTION
};
static const int64_t most_of[OPT_COUNT] = {
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) most,
#include "scheduler/options.def"
#undef OPTION
};

static value nonsense(int i) {
    static const int64_t numbers[] = {INT64_MIN, -7, -1, 0, 1, 99, 101, INT64_MAX};
    switch (i) {
    case 0: return value_str(str_from("a lot"));
    case 1: return value_float(0.0 / 0.0);
    case 2: return value_float(-1e300);
    case 3: return value_float(1e300);
    case 4: return value_err(E_QUOTA);
    case 5: return value_obj(ANN);
    case 6: return value_list(list_of(1, value_int(5)));
    default: return value_int(numbers[i - 7]);
    }
}
enum { KINDS_OF_NONSENSE = 15 };

Test(options, nonsense_leaves_every_number_in_its_range) {
    struct fixture f;
    set_up(&f);
    for (int i = 0; i < OPT_COUNT; i++) {
        enum server_option which = (enum server_option)i;
        if (!option_is_flag(which)) continue;
        define(&f, OPTIONS, option_name(which), value_int(0), WIZARD);
        define(&f, ANN, option_name(which), value_int(0), WIZARD);
    }
    for (int k = 0; k < KINDS_OF_NONSENSE; k++) {
        for (int i = 0; i < OPT_COUNT; i++) {
            if (!option_is_flag((enum server_option)i)) continue;
            set(&f, OPTIONS, option_name((enum server_option)i), nonsense(k));
            set(&f, ANN, option_name((enum server_option)i), nonsense(k));
        }
        sched_load_options(f.s);
        for (int i = 0; i < OPT_COUNT; i++) {
            int64_t n = option_int(f.s, (enum server_option)i);
            if (option_is_flag((enum server_option)i)) cr_expect(n >= least_of[i] && n <= most_of[i], "%s is %ld", option_name((enum server_option)i), (long)n);
        }
        for (int i = 0; i < OWN_COUNT; i++) {
            enum server_option which = option_of_own((enum own_option)i);
            int64_t n = option_of_player(f.s, ANN, (enum own_option)i, NULL);
            cr_expect(n >= least_of[which] && n <= most_of[which], "%s is %ld", option_name(which), (long)n);
        }
    }
    tear_down(&f);
}

Test(options, a_quota_group_is_any_valid_object) {
    struct fixture f;
    set_up(&f);
    cr_expect_eq(option_quota_group(f.s, ANN), NOTHING);
    define(&f, PARENT, "quota_group", value_int(0), WIZARD);
    cr_expect_eq(option_quota_group(f.s, ANN), NOTHING);
    set(&f, ANN, "quota_group", value_obj(OPTIONS));
    cr_expect_eq(option_quota_group(f.s, ANN), OPTIONS);
    set(&f, ANN, "quota_group", value_obj(99));
    cr_expect_eq(option_quota_group(f.s, ANN), NOTHING);
    tear_down(&f);
}

Test(options, flags_are_parsed_and_ranges_told) {
    struct buf why = BUF_INIT;
    int64_t n = 0;
    cr_expect(option_parse(OPT_fg_share, "25", &n, &why) && n == 25);
    cr_expect(option_parse(OPT_task_lag_threshold, "0.5", &n, &why) && n == 500000);
    cr_expect_eq(why.len, 0);
    cr_expect_not(option_parse(OPT_fg_ticks, "99", &n, &why));
    cr_expect_str_eq(buf_c(&why), "an integer from 100 to 1000000000000");
    const char *bad[] = {"", "x", "1x", "1.5", "100", "0", "-1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) cr_expect_not(option_parse(OPT_fg_share, bad[i], &n, &why), "%s", bad[i]);
    cr_expect_not(option_parse(OPT_task_lag_threshold, "nan", &n, &why));
    cr_expect_not(option_parse(OPT_task_lag_threshold, "1e300", &n, &why));
    buf_fini(&why);
}
