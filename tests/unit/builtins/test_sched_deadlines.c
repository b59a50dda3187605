/* SPDX-License-Identifier: MIT */
/* set_task_deadline() and yield_point(). */
#include <string.h>

#include "base/clock.h"
#include "fake_host.h"

static void open_with_log(struct fake *f) {
    fake_open(f, "toast");
    fake_verb(f, WORLD_SYSTEM, "handle_task_timeout", "notify(player, tostr(args[1], \" \", length(args[2]), \" \", args[3][1])); return 1;");
    fake_login(f, WORLD_ANN);
    fake_login(f, WORLD_BOB);
}

Test(sched_deadlines, a_task_ends_wherever_it_is) {
    struct fake f;
    open_with_log(&f);
    fake_login(&f, WORLD_WIZARD);
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "nap", "set_task_deadline(task_id(), 2.5); try suspend(9); finally player:tell(\"never\"); endtry");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "wait", "set_task_deadline(task_id(), 2); suspend();");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "rea*d", "set_task_deadline(task_id(), 2); read();");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "later", "fork t (9)\nplayer:tell(\"never\");\nendfork set_task_deadline(t, 2);");
    fake_type(&f, WORLD_ANN, "nap");
    fake_pass(&f, 2.499);
    fake_expect(&f, WORLD_ANN, "");
    fake_pass(&f, 0.001);
    fake_expect(&f, WORLD_ANN, "seconds 1 #5:nap (this == #5), line 3:  Task ran out of seconds\n");
    fake_type(&f, WORLD_ANN, "wait");
    fake_type(&f, WORLD_BOB, "later");
    fake_type(&f, WORLD_WIZARD, "read");
    fake_pass(&f, 2);
    fake_expect(&f, WORLD_ANN, "seconds 1 #5:wait (this == #5), line 2:  Task ran out of seconds\n");
    fake_expect(&f, WORLD_BOB, "seconds 1 #5:later (this == #5), line 2:  Task ran out of seconds\n");
    fake_expect(&f, WORLD_WIZARD, "seconds 1 #5:rea*d (this == #5), line 2:  Task ran out of seconds\n");
    fake_type(&f, WORLD_WIZARD, ";return {1, queued_tasks()};"); /* nobody reads lines any more */
    fake_expect(&f, WORLD_WIZARD, "=> {1, {}}\n");
    fake_pass(&f, 20);
    fake_expect(&f, WORLD_ANN, "");
    fake_close(&f);
}

Test(sched_deadlines, one_that_runs_has_no_more_time_than_until_then) {
    struct fake f;
    open_with_log(&f);
    fake_property(&f, WORLD_ANN, "fg_ticks", value_int(INT64_C(2000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ANN, "bg_ticks", value_int(INT64_C(2000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "max_slice_ms", value_int(INT64_C(1000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ANN, "fg_seconds", value_int(INT64_C(1000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ANN, "bg_seconds", value_int(INT64_C(1000000000)), WORLD_WIZARD);
    fake_pass(&f, 2);
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "now", "set_task_deadline(task_id(), 0.01); while (1) endwhile");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "next", "set_task_deadline(task_id(), 0.01); suspend(0); while (1) endwhile");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "park", "set_task_deadline(task_id(), 0.01); set_task_overrun(\"park\"); while (1) endwhile");
    fake_type(&f, WORLD_ANN, "now");
    fake_expect(&f, WORLD_ANN, "seconds 1 #5:now (this == #5), line 2:  Task ran out of seconds\n");
    fake_type(&f, WORLD_ANN, "next");
    fake_expect(&f, WORLD_ANN, "seconds 1 #5:next (this == #5), line 3:  Task ran out of seconds\n");
    fake_input(&f, WORLD_ANN, "park");
    sched_run(f.s, 0); /* it has parked */
    f.now_us += 10000;
    clock_fake(f.now_us, INT64_C(1800000000000000));
    fake_run(&f);
    fake_expect(&f, WORLD_ANN, "seconds 1 #5:park (this == #5), line 3:  Task ran out of seconds\n");
    fake_close(&f);
}

Test(sched_deadlines, whose_they_are_and_how_they_go) {
    struct fake f;
    open_with_log(&f);
    fake_property(&f, WORLD_SYSTEM, "id", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "note", "#0.id = args[1];");
    fake_type(&f, WORLD_ANN, ";fork t (5) player:tell(\"alive\"); endfork #0:note(t); set_task_deadline(t, 2);");
    fake_type(&f, WORLD_BOB, ";return {`set_task_deadline(#0.id, 1) ! ANY', `set_task_deadline(12345, 1) ! ANY', `set_task_deadline(#0.id, \"\") ! ANY'};");
    fake_expect(&f, WORLD_BOB, "=> {E_PERM, E_INVARG, E_TYPE}\n");
    fake_type(&f, WORLD_ANN, ";set_task_deadline(#0.id, 1e300); set_task_deadline(#0.id, -1e300);"); /* none any more */
    fake_pass(&f, 6);
    fake_expect(&f, WORLD_ANN, "alive\n");
    fake_type(&f, WORLD_ANN, ";set_task_deadline(task_id(), 3); suspend(1); player:tell(\"one\"); suspend(1); player:tell(\"two\"); suspend(2); player:tell(\"never\");");
    fake_pass(&f, 9);
    cr_expect_eq(strncmp(fake_output(&f, WORLD_ANN), "one\ntwo\nseconds ", 16), 0);
    fake_forget(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";fork t (5) endfork set_task_deadline(t, 2); kill_task(t); set_task_deadline(task_id(), 1);"); /* they go with their tasks */
    fake_pass(&f, 9);
    fake_expect(&f, WORLD_ANN, "");
    fake_close(&f);
}

Test(sched_deadlines, yield_point_suspends_when_little_is_left) {
    struct fake f;
    open_with_log(&f);
    fake_property(&f, WORLD_ANN, "fg_ticks", value_int(1000), WORLD_WIZARD);
    fake_property(&f, WORLD_ANN, "bg_ticks", value_int(500), WORLD_WIZARD);
    fake_pass(&f, 2);
    static const char *const cases[][2] = {
        {"", "{891, 1, 0}"}, {"0.5", "{491, 1, 0}"}, {"300", "{691, 1, 0}"}, {"5000", "{491, 1, 0}"}, /* no more than half of a slice, or it would never go on */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[300];
        snprintf(line, sizeof line, ";n = 0; while (!(x = yield_point(%s))) n = 1000 - ticks_left(); endwhile return {n - n %% 10 + 1, x, yield_point(%s)};", cases[i][0], cases[i][0]);
        fake_type(&f, WORLD_ANN, line);
        char expected[100];
        snprintf(expected, sizeof expected, "=> %s\n", cases[i][1]);
        fake_expect(&f, WORLD_ANN, expected);
    }
    fake_type(&f, WORLD_ANN, ";return {`yield_point(0) ! ANY', `yield_point(-1) ! ANY', `yield_point(0.0) ! ANY', `yield_point(1.0) ! ANY', `yield_point(\"\") ! ANY', yield_point(1)};");
    fake_expect(&f, WORLD_ANN, "=> {E_INVARG, E_INVARG, E_INVARG, E_INVARG, E_TYPE, 0}\n");
    fake_property(&f, WORLD_ANN, "queued_task_limit", value_int(0), WORLD_WIZARD);
    fake_type(&f, WORLD_ANN, ";for i in [1..150] x = `yield_point(0.9) ! ANY'; if (typeof(x) == ERR) return x; endif endfor");
    fake_expect(&f, WORLD_ANN, "=> E_QUOTA\n");
    fake_close(&f);
}
