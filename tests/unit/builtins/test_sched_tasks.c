/* SPDX-License-Identifier: MIT */
/* Forks, suspends, reads and what may be done to tasks: programs typed by players. */
#include "base/clock.h"
#include "fake_host.h"
#include "scheduler/options.h"

Test(sched_tasks, fork_and_suspend_keep_the_order_of_the_list) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";for i in [1..3] fork (0) for j in [1..3] player:tell(\"task \", i, \" step \", j); suspend(0); endfor endfork endfor player:tell(\"first\");");
    fake_expect(&f, WORLD_ANN,
                "first\ntask 1 step 1\ntask 2 step 1\ntask 3 step 1\ntask 1 step 2\ntask 2 step 2\ntask 3 step 2\ntask 1 step 3\ntask 2 step 3\ntask 3 step 3\n");
    fake_close(&f);
}

Test(sched_tasks, sleepers_wake_when_due_and_not_before) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";for i in [1..3] fork (4 - i) player:tell(\"after \", 4 - i); endfork endfor suspend(2); player:tell(\"two\");");
    fake_expect(&f, WORLD_ANN, "");
    fake_pass(&f, 0.999);
    fake_expect(&f, WORLD_ANN, "");
    fake_pass(&f, 0.001);
    fake_expect(&f, WORLD_ANN, "after 1\n");
    fake_pass(&f, 5);
    fake_expect(&f, WORLD_ANN, "after 2\ntwo\nafter 3\n");
    fake_close(&f);
}

Test(sched_tasks, a_typed_command_goes_before_ready_background_tasks) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_input(&f, WORLD_ANN, ";fork (0) player:tell(\"background\"); endfork");
    fake_input(&f, WORLD_ANN, ";player:tell(\"typed\");");
    fake_run(&f);
    fake_expect(&f, WORLD_ANN, "typed\nbackground\n");
    fake_close(&f);
}

Test(sched_tasks, delays_may_be_fractions_in_one_dialect) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";suspend(0.25); player:tell(\"a quarter\"); fork (0.5) player:tell(\"half\"); endfork");
    fake_pass(&f, 0.3);
    fake_expect(&f, WORLD_ANN, "a quarter\n");
    fake_pass(&f, 0.5);
    fake_expect(&f, WORLD_ANN, "half\n");
    fake_close(&f);
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";return {`suspend(0.25) ! ANY', `suspend(-1) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {E_TYPE, E_INVARG}\n");
    fake_close(&f);
}

Test(sched_tasks, resume_gives_a_value_or_an_error) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_login(&f, WORLD_BOB);
    fake_type(&f, WORLD_ANN, ";x = suspend(); player:tell(\"with \", x);");
    fake_type(&f, WORLD_BOB, ";return length(queued_tasks());");
    fake_expect(&f, WORLD_BOB, "");
    fake_type(&f, WORLD_ANN, ";t = queued_tasks(); return {length(t), t[1][2], t[1][5], length(task_stack(t[1][1]))};");
    fake_expect(&f, WORLD_ANN, "=> {1, 2147483647, #3, 3}\n");
    fake_type(&f, WORLD_ANN, ";resume(queued_tasks()[1][1], \"old\"); resume(queued_tasks()[1][1], \"new\");");
    fake_expect(&f, WORLD_ANN, "with new\n");
    fake_type(&f, WORLD_ANN, ";t = 0; fork (100) for i in [1..2] endfor endfork fork (101) t = 1; endfork return {queued_tasks()[1][8], queued_tasks()[2][8]};");
    fake_expect(&f, WORLD_ANN, "=> {1, 7}\n");
    fake_type(&f, WORLD_ANN, ";for t in (queued_tasks()) kill_task(t[1]); endfor");
    fake_expect(&f, WORLD_ANN, "");
    fake_type(&f, WORLD_ANN, ";x = `suspend() ! ANY'; player:tell(\"caught \", toliteral(x));");
    fake_type(&f, WORLD_ANN, ";resume(queued_tasks()[1][1], E_NACC);");
    fake_expect(&f, WORLD_ANN, "caught E_NACC\n");
    fake_type(&f, WORLD_ANN, ";fork t (100) endfork return {`resume(t) ! ANY', `task_stack(t) ! ANY', `resume(1) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {E_INVARG, E_INVARG, E_INVARG}\n");
    fake_close(&f);
}

Test(sched_tasks, kill_task_needs_a_right) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_login(&f, WORLD_BOB);
    fake_property(&f, WORLD_SYSTEM, "id", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "note", "#0.id = args[1];");
    fake_type(&f, WORLD_ANN, ";fork t (10) player:tell(\"alive\"); endfork #0:note(t);");
    fake_type(&f, WORLD_BOB, ";return `kill_task(#0.id) ! ANY';");
    fake_expect(&f, WORLD_BOB, "=> E_PERM\n");
    fake_type(&f, WORLD_ANN, ";kill_task(#0.id); return `kill_task(#0.id) ! ANY';");
    fake_expect(&f, WORLD_ANN, "=> E_INVARG\n");
    fake_pass(&f, 20);
    fake_expect(&f, WORLD_ANN, "");
    fake_type(&f, WORLD_ANN, ";try kill_task(task_id()); finally player:tell(\"finally\"); endtry");
    fake_expect(&f, WORLD_ANN, "");
    fake_close(&f);
}

Test(sched_tasks, queued_task_limit) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_property(&f, WORLD_ANN, "queued_task_limit", value_int(2), WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";r = {}; for i in [1..3] try fork (100) endfork r = {@r, 0}; except e (ANY) r = {@r, e[1]}; endtry endfor return {r, `suspend(0) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {{0, 0, E_QUOTA}, E_QUOTA}\n");
    fake_type(&f, WORLD_ANN, ";for t in (queued_tasks()) kill_task(t[1]); endfor fork (0) player:tell(\"again\"); endfork");
    fake_expect(&f, WORLD_ANN, "again\n");
    fake_close(&f);
}

Test(sched_tasks, a_wizard_s_verb_is_paid_for_by_who_used_it) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_verb(&f, WORLD_SYSTEM, "later", "fork (100) endfork");
    fake_type(&f, WORLD_ANN, ";#0:later(); return {queue_info(#3), queue_info(#2), #3 in queue_info() > 0, #2 in queue_info()};");
    fake_expect(&f, WORLD_ANN, "=> {0, 1, 1, 0}\n");
    fake_close(&f);
}

Test(sched_tasks, read_takes_lines_in_order) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";a = read(); b = read(); player:tell(a, \" then \", b);");
    fake_type(&f, WORLD_WIZARD, ";t = queued_tasks();");
    fake_type(&f, WORLD_WIZARD, "");
    fake_expect(&f, WORLD_WIZARD, ";t = queued_tasks(); then \n");
    fake_type(&f, WORLD_WIZARD, ";fork (0) player:tell(toliteral(`read() ! ANY')); endfork");
    fake_expect(&f, WORLD_WIZARD, "E_PERM\n");
    fake_input(&f, WORLD_WIZARD, ";x = {read(player, 1)}; x = {@x, read(player, 1), read(player, 1)}; return x;");
    fake_input(&f, WORLD_WIZARD, "one");
    fake_input(&f, WORLD_WIZARD, "two");
    fake_run(&f);
    fake_expect(&f, WORLD_WIZARD, "=> {\"one\", \"two\", 0}\n");
    fake_close(&f);
}

Test(sched_tasks, a_reader_whose_connection_closes_is_told) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_WIZARD, ";x = `read(#3) ! ANY'; player:tell(toliteral(x));");
    fake_type(&f, WORLD_WIZARD, ";t = queued_tasks()[1]; return {t[2], t[5], `read(#3) ! ANY', `read(#4) ! ANY'};");
    fake_expect(&f, WORLD_WIZARD, "=> {-1, #3, E_INVARG, E_INVARG}\n");
    fake_hang_up(&f, WORLD_ANN);
    fake_expect(&f, WORLD_WIZARD, "E_INVARG\n");
    fake_close(&f);
}

Test(sched_tasks, callers_and_permissions) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_verb(&f, WORLD_SYSTEM, "who", "return {caller, caller_perms(), callers()};");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "try", "player:tell(toliteral(#0:who())); return `set_task_perms(#2) ! ANY => player:tell(\"no\")';");
    fake_type(&f, WORLD_ANN, "try it");
    fake_expect(&f, WORLD_ANN, "{#5, #3, {{#5, \"try\", #3, #5, #3}}}\nno\n");
    fake_close(&f);
}

Test(sched_tasks, ten_thousand_tasks_of_one_do_not_delay_another_s_command) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_ANN);
    fake_login(&f, WORLD_BOB);
    sched_set_flag(f.s, OPT_cpu_weight, 0); /* the clock stands still */
    fake_property(&f, WORLD_SYSTEM, "count", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "tick", "for i in [1..10] endfor #0.count = #0.count + 1;");
    fake_type(&f, WORLD_ANN, ";for i in [1..5000] fork (1) #0:tick(); endfork endfor");
    fake_type(&f, WORLD_ANN, ";for i in [1..5000] fork (1) #0:tick(); endfork endfor");
    f.now_us += 1000000;
    clock_fake(f.now_us, INT64_C(1800000001000000));
    sched_run(f.s, 0);
    fake_input(&f, WORLD_BOB, ";return #0.count < 4000;");
    fake_run(&f);
    fake_expect(&f, WORLD_BOB, "=> 1\n");
    fake_type(&f, WORLD_BOB, ";return #0.count;");
    fake_expect(&f, WORLD_BOB, "=> 10000\n");
    fake_close(&f);
}
