/* SPDX-License-Identifier: MIT */
/* What tasks do to harm: each has its answer, and whoever else is there plays on. */
#include <string.h>

#include "base/clock.h"
#include "fake_host.h"

static void open_limited(struct fake *f, int64_t limit) {
    fake_open(f, "lambda");
    fake_property(f, WORLD_ANN, "queued_task_limit", value_int(limit), WORLD_WIZARD);
    fake_login(f, WORLD_ANN);
    fake_login(f, WORLD_BOB);
}

/* Time stands still here, so a round is long. */
static void run_until_heard(struct fake *f, objid player) {
    for (int i = 0; i < 100000 && !*fake_output(f, player); i++) sched_run(f->s, 0);
}

Test(sched_abuse, a_fork_bomb_fills_its_own_queue_and_no_more) {
    struct fake f;
    open_limited(&f, 50);
    fake_property(&f, WORLD_SYSTEM, "refused", value_int(0), WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "stop", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "count", "#0.refused = #0.refused + 1;");
    fake_verb(&f, WORLD_SYSTEM, "again", "set_task_perms(#3); if (#0.stop) return; endif try fork (0) this:again(); endfork fork (0) this:again(); endfork except (E_QUOTA) #0:count(); endtry");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "bomb", "#0:again();");
    fake_input(&f, WORLD_ANN, "bomb");
    for (int i = 0; i < 2000; i++) sched_run(f.s, 0);
    fake_input(&f, WORLD_BOB, ";return {#0.refused > 100, queue_info(#3) <= 50};");
    fake_input(&f, WORLD_ANN, ";return {`suspend(0) ! E_QUOTA => \"no suspend\"', length(queued_tasks()) > 40};"); /* a typed line has its turn all the same */
    run_until_heard(&f, WORLD_BOB);
    fake_expect(&f, WORLD_BOB, "=> {1, 1}\n");
    fake_expect(&f, WORLD_ANN, "=> {\"no suspend\", 1}\n");
    fake_close(&f);
}

Test(sched_abuse, who_is_at_the_limit_may_do_all_that_queues_nothing) {
    struct fake f;
    open_limited(&f, 1);
    fake_type(&f, WORLD_ANN, ";fork (100) endfork");
    fake_type(&f, WORLD_ANN, ";r = {}; try fork (1) endfork except e (ANY) r = {@r, e[1]}; endtry return {@r, `suspend(1) ! ANY', `suspend() ! ANY', length(queued_tasks()), `resume(1) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {E_QUOTA, E_QUOTA, E_QUOTA, 1, E_INVARG}\n");
    fake_type(&f, WORLD_ANN, ";set_task_overrun(\"park\"); for i in [1..100000] endfor return i;"); /* what parks did not ask to wait */
    fake_expect(&f, WORLD_ANN, "=> 100000\n");
    fake_type(&f, WORLD_ANN, ";kill_task(queued_tasks()[1][1]); fork (0) player:tell(\"again\"); endfork");
    fake_expect(&f, WORLD_ANN, "again\n");
    fake_close(&f);
}

Test(sched_abuse, a_storm_of_suspends_lets_others_through) {
    struct fake f;
    open_limited(&f, -1);
    fake_type(&f, WORLD_ANN, "");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "storm", "for i in [1..500] fork (0) while (1) suspend(0); endwhile endfork endfor");
    fake_input(&f, WORLD_ANN, "storm");
    for (int i = 0; i < 3000; i++) sched_run(f.s, 0);
    fake_input(&f, WORLD_BOB, ";return queue_info(#3);");
    run_until_heard(&f, WORLD_BOB);
    fake_input(&f, WORLD_ANN, ";for t in (queued_tasks()) kill_task(t[1]); endfor return queued_tasks();");
    fake_run(&f); /* it ends */
    fake_expect(&f, WORLD_BOB, "=> 500\n");
    fake_expect(&f, WORLD_ANN, "=> {}\n");
    fake_close(&f);
}

Test(sched_abuse, of_many_readers_of_a_connection_one_waits) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "results", value_list(list_empty()), WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";for i in [1..100] fork (0) x = `read(#2) ! ANY'; #0.results = {@#0.results, x}; endfork endfor");
    fake_type(&f, WORLD_WIZARD, "one line");
    fake_type(&f, WORLD_WIZARD, ";n = 0; for x in (#0.results) n = n + (x == E_INVARG); endfor return {length(#0.results), n, \"one line\" in #0.results > 0, queued_tasks()};");
    fake_expect(&f, WORLD_WIZARD, "=> {100, 99, 1, {}}\n");
    fake_close(&f);
}

Test(sched_abuse, tasks_that_kill_each_other) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_property(&f, WORLD_SYSTEM, "ids", value_list(list_empty()), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "note", "#0.ids = {@#0.ids, @args};");
    fake_type(&f, WORLD_ANN, ";for i in [1..10] fork t (i) try for o in (#0.ids) if (o != task_id()) player:tell(`kill_task(o) ! ANY'); endif endfor kill_task(task_id()); finally player:tell(\"never\"); endtry endfork #0:note(t); endfor");
    fake_pass(&f, 1);
    cr_expect_eq(strncmp(fake_output(&f, WORLD_ANN), "0\n0\n0\n0\n0\n0\n0\n0\n0\n", 19), 0, "%s", fake_output(&f, WORLD_ANN));
    fake_forget(&f, WORLD_ANN);
    fake_pass(&f, 20);
    fake_expect(&f, WORLD_ANN, "");
    fake_type(&f, WORLD_ANN, ";x = task_id(); return {`kill_task(#0.ids[1]) ! ANY', `kill_task(0) ! ANY', `kill_task(-5) ! ANY', eval(\"kill_task(\" + tostr(x) + \");\")};");
    fake_expect(&f, WORLD_ANN, "");
    fake_type(&f, WORLD_ANN, ";return queued_tasks();");
    fake_expect(&f, WORLD_ANN, "=> {}\n");
    fake_close(&f);
}

/* The clock on the wall says when things were, not how long they take. */
Test(sched_abuse, a_clock_on_the_wall_that_jumps_wakes_and_ends_nobody) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";set_task_deadline(task_id(), 50); suspend(10); player:tell(\"awake\"); suspend(10); player:tell(\"again\"); suspend();");
    f.wall_ahead_us += INT64_C(86400000000);
    fake_pass(&f, 9);
    fake_expect(&f, WORLD_ANN, "");
    fake_pass(&f, 1);
    fake_expect(&f, WORLD_ANN, "awake\n");
    f.wall_ahead_us -= INT64_C(900000000000);
    fake_pass(&f, 10);
    fake_expect(&f, WORLD_ANN, "again\n");
    fake_pass(&f, 29);
    fake_expect(&f, WORLD_ANN, "");
    fake_pass(&f, 1);
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "Task ran out of seconds"));
    fake_close(&f);
}
