/* SPDX-License-Identifier: MIT */
/* Tasks that go on in their next turn when they have reached their limit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_host.h"

/* Limits of a hundred ticks. */
static void open_small(struct fake *f, const char *dialect) {
    fake_open(f, dialect);
    fake_property(f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(f, WORLD_ROOM, "fg_ticks", value_int(100), WORLD_WIZARD);
    fake_property(f, WORLD_ROOM, "bg_ticks", value_int(100), WORLD_WIZARD);
    fake_login(f, WORLD_ANN);
    fake_login(f, WORLD_BOB);
}

Test(sched_parking, a_task_that_parks_goes_on_and_one_that_does_not_ends) {
    struct fake f;
    open_small(&f, "lambda");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "count", "t = task_id(); was = argstr ? set_task_overrun(argstr) | \"\"; s = 0; for i in [1..200] s = s + i; endfor player:tell(was, \" \", s, \" \", task_id() == t, \" \", ticks_left() <= 100);");
    fake_type(&f, WORLD_ANN, "count");
    fake_expect(&f, WORLD_ANN, "#5:count, line 5:  Task ran out of ticks\n(End of traceback)\n");
    fake_type(&f, WORLD_ANN, "count park");
    fake_expect(&f, WORLD_ANN, "abort 20100 1 1\n");
    fake_type(&f, WORLD_ANN, "count abort");
    fake_expect(&f, WORLD_ANN, "#5:count, line 5:  Task ran out of ticks\n(End of traceback)\n");
    fake_type(&f, WORLD_ANN, ";return {set_task_overrun(\"park\"), set_task_overrun(\"PARK\"), set_task_overrun(\"abort\"), `set_task_overrun(\"\") ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {\"abort\", \"park\", \"park\", E_INVARG}\n");
    fake_close(&f);
}

Test(sched_parking, others_run_in_between_and_never_else) {
    struct fake f;
    open_small(&f, "lambda");
    fake_property(&f, WORLD_SYSTEM, "log", value_list(list_empty()), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "note", "l = #0.log; if (l && l[$] == args[1]) return; endif #0.log = {@l, args[1]};");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "a", "set_task_overrun(\"park\"); for i in [1..30] #0:note(\"a\"); endfor");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "b", "for i in [1..3] #0:note(\"b\"); suspend(0); endfor");
    fake_input(&f, WORLD_ANN, "a");
    fake_input(&f, WORLD_BOB, "b");
    fake_run(&f);
    fake_type(&f, WORLD_ANN, ";l = #0.log; return {l[1..2], length(l) > 3};");
    fake_expect(&f, WORLD_ANN, "=> {{\"a\", \"b\"}, 1}\n");
    fake_expect(&f, WORLD_BOB, "");
    fake_close(&f);
}

Test(sched_parking, calls_without_loops_park_where_they_return) {
    struct fake f;
    open_small(&f, "lambda");
    fake_verb(&f, WORLD_SYSTEM, "fib", "{n} = args; return n < 2 ? n | this:fib(n - 1) + this:fib(n - 2);");
    fake_verb(&f, WORLD_SYSTEM, "twice", "{n} = args; if (n) this:twice(n - 1); return this:twice(n - 1) + 1; endif return E_PERM ? 0 | 1;");
    fake_verb(&f, WORLD_SYSTEM, "wrong", "{n} = args; if (n) this:wrong(n - 1); return this:wrong(n - 1); endif return E_PERM;");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";set_task_overrun(\"park\"); return {#0:fib(12), #0:twice(8), #0:wrong(7)};");
    fake_expect(&f, WORLD_WIZARD, "=> {144, 9, E_PERM}\n");
    fake_type(&f, WORLD_ANN, ";set_task_overrun(\"park\"); x = {}; while (length(x) < 300) x = {@x, length(x) + 1 ? eval(\"return E_DIV;\")[2] | 0}; endwhile return {length(x), x[1], x[$]};");
    fake_expect(&f, WORLD_ANN, "=> {300, E_DIV, E_DIV}\n");
    fake_close(&f);
}

Test(sched_parking, a_verb_with_the_flag_parks_whoever_calls_it) {
    struct fake f;
    open_small(&f, "toast");
    fake_verb(&f, WORLD_SYSTEM, "spin", "for i in [1..args[1]] endfor return i;");
    fake_verb(&f, WORLD_SYSTEM, "by_way", "return #0:spin(@args);");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_ANN, ";return #0:by_way(500);");
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "Task ran out of ticks"));
    fake_forget(&f, WORLD_ANN);
    fake_type(&f, WORLD_WIZARD, ";i = verb_info(#0, \"by_way\"); set_verb_info(#0, \"by_way\", {i[1], \"PDXR\", i[3]}); return verb_info(#0, \"by_way\")[2];");
    fake_expect(&f, WORLD_WIZARD, "=> \"rxdp\"\n");
    fake_type(&f, WORLD_ANN, ";return {#0:by_way(500), set_task_overrun(\"abort\")};");
    fake_expect(&f, WORLD_ANN, "=> {500, \"abort\"}\n");
    fake_type(&f, WORLD_ANN, ";#0:by_way(1); return #0:spin(500);"); /* it has returned */
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "Task ran out of ticks"));
    fake_close(&f);
}

Test(sched_parking, a_forked_task_begins_without_it) {
    struct fake f;
    open_small(&f, "lambda");
    fake_type(&f, WORLD_ANN, ";set_task_overrun(\"park\"); fork (0) for i in [1..500] endfor player:tell(\"never\"); endfork for i in [1..500] endfor player:tell(\"done\");");
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "Task ran out of ticks"));
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "done\n"));
    cr_expect_null(strstr(fake_output(&f, WORLD_ANN), "never"));
    fake_close(&f);
}

/* In its midst of a slice of Bob's, Ann's task is parked: what can be seen and done. */
Test(sched_parking, a_parked_task_is_seen_and_killed_like_others) {
    struct fake f;
    open_small(&f, "lambda");
    fake_property(&f, WORLD_ANN, "queued_task_limit", value_int(0), WORLD_WIZARD);
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "for*ever", "set_task_overrun(\"park\"); while (1)\nendwhile");
    fake_login(&f, WORLD_WIZARD);
    fake_input(&f, WORLD_ANN, "forever");
    sched_run(f.s, 0);
    fake_input(&f, WORLD_WIZARD, ";t = queued_tasks(); s = task_stack(t[1][1], 1); kill_task(t[1][1]); return {length(t), t[1][5], t[1][7], t[1][8], s[1][6], `resume(t[1][1]) ! ANY', queued_tasks()};");
    for (int i = 0; i < 20; i++) sched_run(f.s, 0);
    fake_expect(&f, WORLD_WIZARD, "=> {1, #3, \"for*ever\", 2, 2, E_INVARG, {}}\n");
    cr_expect(sched_is_idle(f.s));
    fake_expect(&f, WORLD_ANN, "");
    fake_close(&f);
}

Test(sched_parking, what_is_too_large_to_be_stored_ends_at_its_limit) {
    struct fake f;
    open_small(&f, "lambda");
    fake_type(&f, WORLD_ANN, ";set_task_overrun(\"park\"); s = \"0123456789abcdef\"; for i in [1..5] s = s + s + s + s + s + s + s + s; endfor l = {s, s, s, s}; l = {@l, @l, @l, @l, @l, @l, @l, @l}; l = {l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l, l}; l = {l, l, l, l}; while (1) endwhile");
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "Task ran out of ticks"));
    fake_close(&f);
}

Test(sched_parking, who_is_out_of_seconds_parks_too) {
    struct fake f;
    open_small(&f, "lambda");
    fake_property(&f, WORLD_ROOM, "max_slice_ms", value_int(10), WORLD_WIZARD);
    fake_property(&f, WORLD_ANN, "fg_ticks", value_int(INT64_C(2000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ANN, "bg_ticks", value_int(INT64_C(2000000000)), WORLD_WIZARD);
    fake_pass(&f, 2);
    fake_type(&f, WORLD_ANN, ";set_task_overrun(\"park\"); n = 0; for i in [1..20000000] n = n + 1; endfor return n;");
    fake_expect(&f, WORLD_ANN, "=> 20000000\n");
    fake_close(&f);
}

/* Whoever calls them: what they looked at must not change before they act on it. */
Test(sched_parking, verbs_of_others_are_not_interrupted) {
    struct fake f;
    open_small(&f, "lambda");
    fake_property(&f, WORLD_SYSTEM, "inside", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "both", "#0.inside = #0.inside + 1; for i in [1..args[1]] endfor #0.inside = #0.inside - 1; return i;");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "few", "set_task_overrun(\"park\"); for k in [1..200] x = #0:both(5); endfor player:tell(k, \" \", x, \" \", #0.inside);");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "many", "set_task_overrun(\"park\"); #0:both(2000); player:tell(\"never\");");
    fake_command(&f, WORLD_ROOM, WORLD_BOB, "look", "if (#0.inside) player:tell(\"in between\"); endif suspend(0); if (#0.inside) player:tell(\"in between\"); endif");
    for (int i = 0; i < 20; i++) fake_input(&f, WORLD_BOB, "look");
    fake_type(&f, WORLD_ANN, "few");
    fake_expect(&f, WORLD_ANN, "200 5 0\n");
    fake_expect(&f, WORLD_BOB, "");
    fake_type(&f, WORLD_ANN, "many");
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "#0:both, line"));
    cr_expect(strstr(fake_output(&f, WORLD_ANN), "Task ran out of ticks"));
    cr_expect_null(strstr(fake_output(&f, WORLD_ANN), "never"));
    fake_close(&f);
}
