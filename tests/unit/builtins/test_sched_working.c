/* SPDX-License-Identifier: MIT */
/* Tasks that wait for threaded functions, with a host that keeps the orders until the test does the work: each gets one answer. */
#include "tests/unit/builtins/fake_host.h"

#include <stdlib.h>
#include <string.h>

#include "lang/threaded.h"

enum { MOST_ORDERS = 20 };

static struct work_order orders[MOST_ORDERS];
static size_t norders;
static int64_t dropped;
static struct builtin *table; /* a copy, whose column `at a reboot' tests may change */
static struct threaded changed;

static const char *take_order(void *ctx, struct work_order *o) {
    (void)ctx;
    if (norders == MOST_ORDERS) {
        buf_fini(&o->request);
        return "Enough";
    }
    orders[norders++] = *o;
    return NULL;
}

static void drop_order(void *ctx, int64_t task_id) {
    (void)ctx;
    dropped = task_id;
}

static void forget_orders(void) {
    while (norders > 0) buf_fini(&orders[--norders].request);
}

/* Does the work of order i, and gives the answer: twice, of which the second does nothing. */
static void answer(struct fake *f, size_t i) {
    struct buf bytes = BUF_INIT;
    orders[i].work(buf_c(&orders[i].request), orders[i].request.len, &bytes);
    sched_work_done(f->s, orders[i].task_id, &bytes);
    sched_work_done(f->s, orders[i].task_id, &bytes);
    buf_fini(&bytes);
    fake_run(f);
}

static void give_workers(struct fake *f) {
    f->host.work = ((struct host *)f->m.host)->work = take_order;
    f->host.drop_work = ((struct host *)f->m.host)->drop_work = drop_order;
    f->m.has_workers = true;
}

/* argon2() has this in its column from now on. */
static void set_column(struct fake *f, enum at_reboot at) {
    size_t size = (size_t)f->m.nbuiltins * sizeof *table;
    int id = machine_find_builtin(&f->m, "argon2", 6);
    cr_assert_geq(id, 0);
    if (!table) table = memcpy(malloc(size), f->m.builtins, size);
    changed = *table[id].threaded;
    changed.at_reboot = at;
    table[id].threaded = &changed;
    f->m.builtins = table;
}

static void open_with_workers_as(struct fake *f, const char *dialect) {
    norders = 0, dropped = 0;
    fake_open(f, dialect);
    fake_login(f, WORLD_WIZARD);
    give_workers(f);
}

static void open_with_workers(struct fake *f) { open_with_workers_as(f, "toast"); }

static void close_with_workers(struct fake *f) {
    forget_orders();
    fake_close(f);
    free(table);
    table = NULL;
}

/* The tasks, and nothing else of the scheduler, in another one. */
static void reboot(struct fake *f) {
    struct buf bytes = BUF_INIT, why = BUF_INIT;
    sched_hand_off(f->s, &bytes);
    fake_restart(f);
    forget_orders();
    struct dec d = dec_over(bytes.data, bytes.len);
    cr_assert_eq(sched_take_over(f->s, &d, 0, &why), 0, "%s", buf_c(&why));
    buf_fini(&bytes);
    buf_fini(&why);
    fake_run(f);
}

#define HASHED_A "a $argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$sdlxQ2johfRl5xdBZ5FjAmWIyMxbmecOUPRXMTd+J5Q\n"
#define HASH(name, salt) ";try x = argon2(\"" name "\", \"" salt "\", 1, 8); player:tell(\"" name " \", x); except e (ANY) player:tell(\"" name " \", toliteral(e[1..2])); endtry"

Test(sched_working, answers_and_errors_go_where_the_task_is) {
    struct fake f;
    open_with_workers(&f);
    fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    fake_type(&f, WORLD_WIZARD, HASH("b", "short"));
    fake_type(&f, WORLD_WIZARD, ";player:tell(toliteral(queued_tasks()[1][2])); return `resume(queued_tasks()[1][1]) ! E_INVARG => \"no\"';");
    fake_expect(&f, WORLD_WIZARD, "\"waiting for work to be done\"\n=> \"no\"\n");
    cr_assert_eq(norders, 2);
    cr_expect(orders[0].owner == WORLD_WIZARD && !orders[0].finish && !orders[0].again);
    answer(&f, 1);
    fake_expect(&f, WORLD_WIZARD, "b {E_INVIND, \"Salt is too short\"}\n");
    answer(&f, 0);
    fake_expect(&f, WORLD_WIZARD, HASHED_A);
    close_with_workers(&f);
}

Test(sched_working, programs_that_reckon_with_its_time_get_one) {
    struct fake f;
    open_with_workers_as(&f, "lambda");
    fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    fake_type(&f, WORLD_WIZARD, ";return queued_tasks()[1][2] == time();");
    fake_expect(&f, WORLD_WIZARD, "=> 1\n");
    close_with_workers(&f);
}

Test(sched_working, refused_orders_raise) {
    struct fake f;
    open_with_workers(&f);
    for (int i = 0; i < MOST_ORDERS; i++) fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    fake_expect(&f, WORLD_WIZARD, "");
    fake_type(&f, WORLD_WIZARD, HASH("b", "saltsalt"));
    fake_expect(&f, WORLD_WIZARD, "b {E_QUOTA, \"Enough\"}\n");
    close_with_workers(&f);
}

Test(sched_working, connections_before_login_have_accounts_of_their_own) {
    struct fake f;
    open_with_workers(&f);
    fake_verb(&f, WORLD_ROOT, "hash", "set_task_perms(#2); notify(args[1], argon2(\"a\", \"saltsalt\", 1, 8));");
    objid first = fake_connect(&f, WORLD_SYSTEM), second = fake_connect(&f, WORLD_SYSTEM);
    struct verbref login;
    struct str *name = str_from("do_login_command");
    cr_assert(db_find_callable_verb(f.db, WORLD_SYSTEM, name, NULL, &login));
    str_unref(name);
    struct list *messages;
    static const char program[] = "if (args) #1:hash(player); endif";
    db_verb_set_code(f.db, login, machine_compile_text(&f.m, program, strlen(program), &messages));
    list_unref(messages);
    fake_type(&f, first, "x");
    fake_type(&f, second, "x");
    fake_type(&f, WORLD_WIZARD, ";#1:hash(player);");
    cr_assert_eq(norders, 3);
    cr_expect(orders[0].owner == first && orders[1].owner == second && orders[2].owner == WORLD_WIZARD);
    close_with_workers(&f);
}

Test(sched_working, an_evaluation_gets_its_value) {
    struct fake f;
    value v;
    open_with_workers(&f);
    cr_expect_eq(sched_eval(f.s, WORLD_WIZARD, "length(argon2(\"a\", \"saltsalt\", 1, 8))", true, &v), 0);
    cr_expect(v.type == V_INT && v.u.i > 70);
    cr_expect(norders == 0 && f.m.has_workers);
    close_with_workers(&f);
}

Test(sched_working, who_is_killed_gets_nothing) {
    struct fake f;
    open_with_workers(&f);
    fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    fake_type(&f, WORLD_WIZARD, ";kill_task(queued_tasks()[1][1]); return queued_tasks();");
    fake_expect(&f, WORLD_WIZARD, "=> {}\n");
    cr_expect_eq(dropped, orders[0].task_id);
    answer(&f, 0);
    fake_expect(&f, WORLD_WIZARD, "");
    close_with_workers(&f);
}

Test(sched_working, a_reboot_orders_again_in_the_same_order) {
    struct fake f;
    open_with_workers(&f);
    for (int i = 0; i < 9; i++) fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    answer(&f, 4);
    fake_forget(&f, WORLD_WIZARD);
    int64_t before[9];
    for (int i = 0; i < 9; i++) before[i] = orders[i].task_id;
    for (int round = 0; round < 3; round++) {
        reboot(&f);
        cr_assert_eq(norders, 8);
        for (int i = 0; i < 8; i++) cr_expect(orders[i].task_id == before[i < 4 ? i : i + 1] && orders[i].again);
    }
    fake_expect(&f, WORLD_WIZARD, "");
    for (size_t i = 0; i < 8; i++) {
        answer(&f, i);
        fake_expect(&f, WORLD_WIZARD, HASHED_A);
    }
    close_with_workers(&f);
}

Test(sched_working, the_column_decides) {
    struct fake f;
    open_with_workers(&f);
    set_column(&f, AT_REBOOT_FINISH);
    fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    cr_expect(norders == 1 && orders[0].finish);
    reboot(&f);
    cr_expect(norders == 1 && orders[0].finish, "what was not done in time is begun again");
    set_column(&f, AT_REBOOT_INTERRUPT);
    fake_expect(&f, WORLD_WIZARD, "");
    reboot(&f);
    cr_expect_eq(norders, 0);
    fake_expect(&f, WORLD_WIZARD, "a {E_INVARG, \"The server was replaced while this was at work\"}\n");
    close_with_workers(&f);
}

Test(sched_working, a_wish_that_fits_no_function_is_an_error) {
    struct fake f;
    open_with_workers(&f);
    set_column(&f, AT_REBOOT_RESTART);
    fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    table[machine_find_builtin(&f.m, "argon2", 6)].threaded = NULL;
    reboot(&f);
    cr_expect_eq(norders, 0);
    fake_expect(&f, WORLD_WIZARD, "a {E_INVARG, \"What this waits for is not to be had here\"}\n");
    close_with_workers(&f);
}

Test(sched_working, wishes_are_checked) {
    struct fake f;
    open_with_workers(&f);
    value name = value_str(str_from("argon2")), other = value_str(str_from("length")), text = value_str(str_from("saltsalt"));
    value wishes[] = {value_int(0), value_list(list_empty()), value_list(list_of(1, value_int(3))), value_list(list_of(1, value_ref(name))), value_list(list_of(2, value_ref(other), value_ref(text))),
                      value_list(list_of(3, value_ref(name), value_ref(text), value_int(1)))};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        cr_expect_null(threaded_of(&f.m, wishes[i]), "%zu", i);
        value_unref(wishes[i]);
    }
    value good = value_list(list_of(3, value_ref(name), value_ref(text), value_ref(text)));
    cr_expect(threaded_of(&f.m, good) != NULL);
    value_unref(good);
    value_unref(name);
    value_unref(other);
    value_unref(text);
    close_with_workers(&f);
}

Test(sched_working, without_workers_it_is_done_at_once_and_what_waits_waits_on) {
    struct fake f;
    open_with_workers(&f);
    fake_type(&f, WORLD_WIZARD, HASH("a", "saltsalt"));
    f.host.work = NULL;
    reboot(&f);
    fake_type(&f, WORLD_WIZARD, HASH("b", "short"));
    fake_expect(&f, WORLD_WIZARD, "b {E_INVIND, \"Salt is too short\"}\n");
    fake_type(&f, WORLD_WIZARD, ";return length(queued_tasks());");
    fake_expect(&f, WORLD_WIZARD, "=> 1\n");
    give_workers(&f);
    reboot(&f);
    cr_assert_eq(norders, 1);
    answer(&f, 0);
    fake_expect(&f, WORLD_WIZARD, HASHED_A);
    close_with_workers(&f);
}
