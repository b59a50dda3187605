/* SPDX-License-Identifier: MIT */
/* Tasks and lines across restarts and reboots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/foreign.h"
#include "fake_host.h"
#include "scheduler/state.h"

static char scratch[64];

static const char *new_dir(void) {
    snprintf(scratch, sizeof scratch, "%s/sched-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    cr_assert(mkdtemp(scratch));
    strcat(scratch, "/w");
    return scratch;
}

static void remove_dir(void) {
    *strrchr(scratch, '/') = 0;
    files_remove_tree(scratch);
}

static void save(struct fake *f) {
    struct buf why = BUF_INIT;
    struct db_save_part part;
    sched_save_part(f->s, &part);
    cr_assert_eq(db_save(f->db, &part, 1, NULL, &why), 0, "%s", buf_c(&why));
    buf_fini(&why);
}

static void load(struct fake *f) {
    struct buf why = BUF_INIT;
    cr_assert_eq(sched_load(f->s, &why), 0, "%s", buf_c(&why));
    buf_fini(&why);
}

Test(sched_saving, tasks_come_back_after_a_restart) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_command(&f, WORLD_ROOT, WORLD_WIZARD, "wait", "n = toint(args[1]); for i in [1..3] suspend(n); player:tell(\"woken \", i); endfor");
    fake_command(&f, WORLD_ROOT, WORLD_WIZARD, "later", "x = args; fork (5) player:tell(\"forked \", toliteral(x)); endfork");
    fake_type(&f, WORLD_WIZARD, "wait 2");
    fake_type(&f, WORLD_WIZARD, "later a b");
    fake_type(&f, WORLD_WIZARD, ";x = suspend(); player:tell(\"resumed \", x);");
    fake_type(&f, WORLD_WIZARD, ";x = read(); player:tell(\"never\");");
    save(&f);
    fake_pass(&f, 2.5);
    fake_expect(&f, WORLD_WIZARD, "woken 1\n");
    save(&f); /* only what changed */
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";return length(queued_tasks());");
    fake_expect(&f, WORLD_WIZARD, "=> 3\n");
    fake_pass(&f, 10);
    fake_expect(&f, WORLD_WIZARD, "woken 2\nforked {\"a\", \"b\"}\nwoken 3\n");
    fake_type(&f, WORLD_WIZARD, ";resume(queued_tasks()[1][1], 7);");
    fake_expect(&f, WORLD_WIZARD, "resumed 7\n");
    fake_close(&f);
    remove_dir();
}

/* What queued_tasks() tells of each, and what it will wake with. */
static struct str *all_tasks(struct fake *f) {
    fake_type(f, WORLD_WIZARD, ";l = {}; for t in (queued_tasks()) l = {@l, {t[1], t[2], t[5], t[7], t[8]}}; endfor return l;");
    struct str *all = str_from(fake_output(f, WORLD_WIZARD));
    fake_forget(f, WORLD_WIZARD);
    return all;
}

/* A save takes the tasks as they were at its cut, whatever becomes of them while it is under way, and however far it has come by then. */
static void save_while_tasks_change(bool first_save, int steps) {
    struct fake f;
    struct buf why = BUF_INIT;
    struct db_save_part part;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "ids", value_list(list_empty()), WORLD_WIZARD);
    if (!first_save) save(&f);
    fake_type(&f, WORLD_WIZARD, ";l = {}; for i in [1..60] fork t (i % 3 + 3) suspend(i); player:tell(\"woken \", i); endfork l = {@l, t}; endfor #0.ids = l;");
    fake_pass(&f, 4); /* a third has begun and sleeps */
    struct str *at_cut = all_tasks(&f);
    sched_save_part(f.s, &part);
    cr_assert_eq(db_save_begin(f.db, &part, 1, NULL, &why), 0, "%s", buf_c(&why));
    for (int i = 0; i < steps; i++) db_save_step(f.db, 0);
    fake_type(&f, WORLD_WIZARD, ";for i in [1..10] kill_task(#0.ids[i * 2]); endfor for i in [6..10] `resume(#0.ids[i * 5], i) ! ANY'; endfor fork (1) player:tell(\"new\"); endfork");
    fake_pass(&f, 0.5);
    for (int i = 0; i < steps; i++) db_save_step(f.db, 0);
    fake_pass(&f, 20);
    db_save_finish(f.db);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    struct str *loaded = all_tasks(&f);
    cr_expect_str_eq(loaded->data, at_cut->data);
    str_unref(loaded);
    str_unref(at_cut);
    save(&f);
    fake_pass(&f, 100);
    save(&f);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";return queued_tasks();"); /* the rows of what ran since are gone */
    fake_expect(&f, WORLD_WIZARD, "=> {}\n");
    fake_close(&f);
    remove_dir();
}

Test(sched_saving, what_becomes_of_tasks_during_a_save_is_for_the_next) {
    for (int steps = 0; steps < 200; steps += 13)
        for (int first = 0; first < 2; first++) save_while_tasks_change(first, steps);
}

/* And its programs are kept: what no task needs any more goes, nothing else. */
Test(sched_saving, what_was_loaded_is_not_written_again) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";fork (5) player:tell(\"forked\"); suspend(5); player:tell(\"still here\"); endfork");
    fake_type(&f, WORLD_WIZARD, ";suspend(10); player:tell(\"woken\");");
    save(&f);
    for (int i = 0; i < 3; i++) {
        fake_close(&f);
        fake_open_dir(&f, scratch, false);
        uint64_t generation = db_generation(f.db);
        load(&f);
        save(&f);
        cr_expect_eq(db_generation(f.db), generation);
        fake_login(&f, WORLD_WIZARD);
        save(&f);
    }
    fake_pass(&f, 20);
    fake_expect(&f, WORLD_WIZARD, "forked\nwoken\nstill here\n");
    fake_close(&f);
    remove_dir();
}

static int64_t waiting_task;
static void note_saver(void *ctx, int64_t task_id) { (void)ctx, waiting_task = task_id; }

Test(sched_saving, who_waits_for_a_save) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_WIZARD, ";return `save_database() ! E_QUOTA => \"not here\"';");
    fake_expect(&f, WORLD_WIZARD, "=> \"not here\"\n");
    ((struct host *)f.m.host)->save = note_saver;
    fake_type(&f, WORLD_ANN, ";return `save_database() ! E_PERM';");
    fake_expect(&f, WORLD_ANN, "=> E_PERM\n");
    static const char program[] = ";try player:tell(toliteral(save_database())); except e (ANY) player:tell(toliteral(e[1..2])); endtry";
    fake_type(&f, WORLD_WIZARD, program);
    fake_expect(&f, WORLD_WIZARD, "");
    sched_wake_with(f.s, waiting_task, value_int(12));
    fake_run(&f);
    fake_expect(&f, WORLD_WIZARD, "12\n");
    fake_type(&f, WORLD_WIZARD, program);
    sched_wake_raising(f.s, waiting_task, E_QUOTA, "the disk is full");
    fake_run(&f);
    fake_expect(&f, WORLD_WIZARD, "{E_QUOTA, \"the disk is full\"}\n");
    fake_type(&f, WORLD_WIZARD, program);
    fake_type(&f, WORLD_WIZARD, ";return {length(queued_tasks()), kill_task(queued_tasks()[1][1]), length(queued_tasks())};");
    fake_expect(&f, WORLD_WIZARD, "=> {1, 0, 0}\n");
    sched_wake_with(f.s, waiting_task, value_int(13)); /* nobody is there */
    sched_wake_raising(f.s, waiting_task, E_QUOTA, "the disk is full");
    fake_run(&f);
    fake_expect(&f, WORLD_WIZARD, "");
    fake_property(&f, WORLD_SYSTEM, "seen", value_int(0), WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";#0.seen = {save_database()};");
    save(&f);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";return #0.seen;");
    fake_expect(&f, WORLD_WIZARD, "=> {{}}\n"); /* it is read from what it waited for */
    fake_close(&f);
    remove_dir();
}

Test(sched_saving, tasks_that_are_gone_stay_gone) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";for i in [1..5] fork (i * 10) player:tell(i); endfork endfor");
    save(&f);
    fake_type(&f, WORLD_WIZARD, ";for t in (queued_tasks()[2..4]) kill_task(t[1]); endfor");
    save(&f);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_pass(&f, 100);
    fake_expect(&f, WORLD_WIZARD, "1\n5\n");
    fake_close(&f);
    remove_dir();
}

Test(sched_saving, who_slept_again_and_ended_between_two_saves_stays_gone) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";suspend(2); suspend(2); player:tell(\"over\");");
    save(&f);
    cr_expect_not(sched_has_changes(f.s));
    fake_pass(&f, 3);
    cr_expect(sched_has_changes(f.s));
    fake_pass(&f, 3);
    fake_expect(&f, WORLD_WIZARD, "over\n");
    save(&f);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_pass(&f, 100);
    fake_expect(&f, WORLD_WIZARD, "");
    fake_close(&f);
    remove_dir();
}

Test(sched_saving, lines_that_ran_do_not_come_back_after_a_redirection) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_property(&f, WORLD_SYSTEM, "n", value_list(list_empty()), WORLD_WIZARD);
    fake_login(&f, WORLD_WIZARD);
    fake_input(&f, WORLD_WIZARD, ";#0.n = {@#0.n, 1};");
    save(&f);
    fake_run(&f);
    fake_login(&f, WORLD_WIZARD); /* from elsewhere: the input of the first connection is given up */
    save(&f);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_run(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";return #0.n;");
    fake_expect(&f, WORLD_WIZARD, "=> {1}\n");
    fake_close(&f);
    remove_dir();
}

Test(sched_saving, queued_lines_come_back) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_input(&f, WORLD_WIZARD, ";#0.n = {@#0.n, 1};");
    fake_input(&f, WORLD_WIZARD, ";#0.n = {@#0.n, 2};");
    fake_property(&f, WORLD_SYSTEM, "n", value_list(list_empty()), WORLD_WIZARD);
    save(&f);
    fake_close(&f);
    fake_open_dir(&f, scratch, false);
    load(&f);
    fake_run(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";return #0.n;");
    fake_expect(&f, WORLD_WIZARD, "=> {1, 2}\n");
    fake_close(&f);
    remove_dir();
}

Test(sched_saving, a_reboot_keeps_everything) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_verb(&f, WORLD_SYSTEM, "foo", "return 1;");
    fake_type(&f, WORLD_WIZARD, ";suspend(5); player:tell(\"slept\");");
    fake_type(&f, WORLD_WIZARD, ";x = read(#3); player:tell(\"read \", x);");
    fake_type(&f, WORLD_WIZARD, "PREFIX <");
    fake_type(&f, WORLD_WIZARD, ".program #0:foo");
    fake_type(&f, WORLD_WIZARD, "return 2;");
    fake_forget(&f, WORLD_WIZARD);
    fake_pass(&f, 3);
    fake_input(&f, WORLD_WIZARD, ".");
    fake_input(&f, WORLD_WIZARD, ";return #0:foo();");
    struct buf bytes = BUF_INIT, why = BUF_INIT;
    sched_hand_off(f.s, &bytes);
    int64_t made = f.now_us;
    for (size_t cut = 0; cut < bytes.len; cut += 1 + bytes.len / 40) { /* damaged ones are refused, and harm nobody */
        fake_restart(&f);
        struct dec d = dec_over(bytes.data, cut);
        cr_expect_neq(sched_take_over(f.s, &d, made, &why), 0);
        cr_expect_gt(why.len, 0);
        buf_clear(&why);
    }
    for (size_t at = 0; at < bytes.len; at += 1 + bytes.len / 400) { /* flipped bits: refused or taken, never worse */
        fake_restart(&f);
        bytes.data[at] ^= (char)(1 << at % 8);
        struct dec d = dec_over(bytes.data, bytes.len);
        (void)sched_take_over(f.s, &d, made, &why);
        bytes.data[at] ^= (char)(1 << at % 8);
        buf_clear(&why);
    }
    fake_restart(&f);
    fake_pass(&f, 0.5); /* which the reboot takes */
    struct dec d = dec_over(bytes.data, bytes.len);
    cr_assert_eq(sched_take_over(f.s, &d, made, &why), 0, "%s", buf_c(&why));
    cr_expect(dec_at_end(&d));
    buf_fini(&bytes);
    buf_fini(&why);
    fake_run(&f);
    fake_expect(&f, WORLD_WIZARD, "0 error(s).\nVerb programmed.\n<\n=> 2\n");
    fake_pass(&f, 1.4);
    fake_expect(&f, WORLD_WIZARD, "");
    fake_pass(&f, 0.1);
    fake_expect(&f, WORLD_WIZARD, "slept\n");
    fake_type(&f, WORLD_ANN, "hello");
    fake_expect(&f, WORLD_WIZARD, "read hello\n");
    fake_close(&f);
}

Test(sched_saving, a_reboot_forgives_no_debt) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    share_get(f.s, WORLD_WIZARD, false)->parts[PART_BACKGROUND].balance = -1000; /* who has lines to come */
    share_get(f.s, WORLD_ANN + 100, false)->parts[PART_BACKGROUND].balance = -2000; /* who is gone */
    struct buf bytes = BUF_INIT, why = BUF_INIT;
    sched_hand_off(f.s, &bytes);
    fake_restart(&f);
    struct dec d = dec_over(bytes.data, bytes.len);
    cr_assert_eq(sched_take_over(f.s, &d, f.now_us, &why), 0, "%s", buf_c(&why));
    cr_expect_eq(share_debt(share_get(f.s, WORLD_WIZARD, false)), 1000);
    cr_expect_eq(share_debt(share_get(f.s, WORLD_ANN + 100, false)), 2000);
    buf_fini(&bytes);
    buf_fini(&why);
    fake_close(&f);
}

/* ---- tasks of text dumps ---- */

static void put_foreign(void *ctx, struct db_saver *saver) {
    const struct foreign_task *t = ctx;
    struct buf row = BUF_INIT;
    foreign_task_encode(t, &row);
    db_saver_put(saver, DB_FOREIGN_TASK, 1, &row);
    buf_fini(&row);
}

static void count_forked(void *to, const struct foreign_task *t) {
    struct buf *out = to;
    buf_printf(out, "%s %lld %lld:\n%s", t->full_name->data, (long long)t->first_line, (long long)t->programmer, t->program->data);
    for (size_t i = 0; i < t->nvariables; i++)
        if (strcmp(t->variables[i].name->data, "x") == 0) {
            value_print_literal(out, t->variables[i].v);
            buf_byte(out, '\n');
        }
}

static void expect_forked(struct fake *f, const char *text) {
    struct buf out = BUF_INIT;
    sched_each_forked(f->s, count_forked, &out);
    cr_expect_str_eq(buf_c(&out), text, "%s", buf_c(&out));
    buf_fini(&out);
}

Test(sched_saving, forked_tasks_of_a_dump_are_taken_over_once) {
    struct fake f;
    struct buf why = BUF_INIT;
    struct foreign_variable variables[] = {{str_from("player"), value_obj(2)}, {str_from("args"), value_list(list_of(1, value_int(7)))}, {str_from("x"), value_str(str_from("kept"))}, {str_from("unused"), value_none()}};
    struct foreign_task t = {.kind = FOREIGN_FORKED, .version = 4, .id = 77, .time = 1800000005, .first_line = 9, .this_ = 0, .player = 2, .programmer = 2, .definer = 0, .debug = 8,
                             .verb = str_from("foo"), .full_name = str_from("foo bar"), .variables = variables, .nvariables = 4,
                             .program = str_from("player:tell(x, args[1], task_id());\nx.y;\n")};
    fake_open_dir(&f, new_dir(), true);
    struct db_save_part part = {.write = put_foreign, .ctx = &t};
    cr_assert_eq(db_save(f.db, &part, 1, NULL, &why), 0);
    fake_close(&f);
    for (int i = 0; i < 4; i++) {
        str_unref(variables[i].name);
        value_unref(variables[i].v);
    }
    str_unref(t.verb);
    str_unref(t.full_name);
    str_unref(t.program);
    for (int start = 0; start < 2; start++) { /* the second time it comes from our own row */
        fake_open_dir(&f, scratch, false);
        load(&f);
        expect_forked(&f, "foo bar 9 2:\nplayer:tell(x, args[1], task_id());\nx.y;\n\"kept\"\n");
        save(&f);
        if (start == 0) fake_close(&f);
    }
    fake_login(&f, WORLD_WIZARD);
    fake_pass(&f, 4.9);
    fake_expect(&f, WORLD_WIZARD, "");
    fake_pass(&f, 0.2);
    fake_expect(&f, WORLD_WIZARD, "kept777\n#0:foo bar (this == #0), line 10:  Type mismatch (expected object; got string)\n(End of traceback)\n");
    fake_type(&f, WORLD_WIZARD, ";fork t (60) x = 1; y = x; endfork");
    expect_forked(&f, "Input to EVAL 2 2:\nx = 1;\ny = x;\n<none: an unassigned variable>\n");
    fake_close(&f);
    buf_fini(&why);
    remove_dir();
}

/* What calls borrow of verbs ends with the next question to the database. */
Test(sched_saving, calls_in_a_world_that_is_dropped_from_memory_all_the_time) {
    struct fake f;
    fake_open_dir(&f, new_dir(), true);
    fake_login(&f, WORLD_WIZARD);
    fake_verb(&f, WORLD_ROOT, "base", "return {\"base\", @args};");
    fake_verb(&f, WORLD_WIZARD, "base", "player = this; return {\"over\", @pass(@args), @this:more(1)};");
    fake_verb(&f, WORLD_ROOT, "more", "player = player; return {verb, `call_function(\"pass\", 2) ! ANY'};");
    fake_verb(&f, WORLD_ROOT, "initialize", "player = this; this.name = \"new\"; this:more(3);");
    fake_verb(&f, WORLD_ROOT, "accept exitfunc enterfunc recycle", "player = this; return 1;");
    const char *const line = ";return {`player:base(5) ! ANY', (o = create(player.location)).name, move(o, player), recycle(o), eval(\"return this;\")};";
    static const char wanted[] = "=> {{\"over\", \"base\", 5, \"more\", E_INVIND}, \"new\", 0, 0, {1, #-1}}\n";
    fake_type(&f, WORLD_WIZARD, line);
    fake_expect(&f, WORLD_WIZARD, wanted);
    save(&f);
    fake_close(&f);
    fake_open_dir_evicting(&f, scratch);
    load(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, line);
    fake_expect(&f, WORLD_WIZARD, wanted);
    fake_close(&f);
    remove_dir();
}
