/* SPDX-License-Identifier: MIT */
/* Errors nobody caught and limits: who is told, and the verbs that may take over. */
#include "base/clock.h"
#include "fake_host.h"

Test(sched_errors, the_traceback_goes_to_the_player) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "break", "1 / 0;");
    fake_type(&f, WORLD_ANN, "break");
    fake_expect(&f, WORLD_ANN, "#5:break, line 1:  Division by zero\n(End of traceback)\n");
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "later", "fork (1) x; endfork");
    fake_type(&f, WORLD_ANN, "later");
    fake_pass(&f, 1);
    fake_expect(&f, WORLD_ANN, "#5:later, line 2:  Variable not found\n(End of traceback)\n");
    fake_close(&f);
}

Test(sched_errors, handle_uncaught_error_may_take_over) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "break", "#0:note(); raise(E_NACC, \"why\", args);");
    fake_property(&f, WORLD_SYSTEM, "id", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "note", "#0.id = task_id();");
    fake_verb(&f, WORLD_SYSTEM, "handle_uncaught_error",
              "notify(player, toliteral({@args[1..3], length(args[4]), args[5][1], task_id() == #0.id})); if (args[3]) if (args[3][1] == \"wait\") suspend(0); endif endif return args[3] != {};");
    fake_type(&f, WORLD_ANN, "break it");
    fake_expect(&f, WORLD_ANN, "{E_NACC, \"why\", {\"it\"}, 1, \"#5:break, line 2:  why\", 1}\n");
    fake_type(&f, WORLD_ANN, "break wait");
    fake_expect(&f, WORLD_ANN, "{E_NACC, \"why\", {\"wait\"}, 1, \"#5:break, line 2:  why\", 1}\n");
    fake_type(&f, WORLD_ANN, "break");
    fake_expect(&f, WORLD_ANN, "{E_NACC, \"why\", {}, 1, \"#5:break, line 2:  why\", 1}\n#5:break, line 2:  why\n(End of traceback)\n");
    fake_close(&f);
}

Test(sched_errors, errors_of_the_handler_are_not_handled) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "break", "1 / 0;");
    fake_verb(&f, WORLD_SYSTEM, "handle_uncaught_error", "x;");
    fake_type(&f, WORLD_ANN, "break");
    fake_expect(&f, WORLD_ANN,
                "#0:handle_uncaught_error, line 1:  Variable not found\n(End of traceback)\n#5:break, line 1:  Division by zero\n(End of traceback)\n");
    fake_close(&f);
}

Test(sched_errors, out_of_ticks) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "spin", "try try while (1) endwhile except (ANY) player:tell(\"caught\"); endtry finally player:tell(\"finally\"); endtry");
    fake_type(&f, WORLD_ANN, "spin");
    fake_expect(&f, WORLD_ANN, "#5:spin, line 3:  Task ran out of ticks\n(End of traceback)\n");
    fake_verb(&f, WORLD_SYSTEM, "handle_task_timeout", "notify(player, toliteral({args[1], length(args[2]), args[3][1]})); return 1;");
    fake_type(&f, WORLD_ANN, "spin");
    fake_expect(&f, WORLD_ANN, "{\"ticks\", 1, \"#5:spin, line 3:  Task ran out of ticks\"}\n");
    fake_type(&f, WORLD_ANN, "spin");
    fake_close(&f);
}

Test(sched_errors, ticks_are_what_the_options_say) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_command(&f, WORLD_ROOT, WORLD_WIZARD, "left", "a = ticks_left(); b = seconds_left(); suspend(0); c = ticks_left(); player:tell(toliteral({a, b, c, seconds_left()}));");
    fake_type(&f, WORLD_WIZARD, "left");
    fake_expect(&f, WORLD_WIZARD, "{29999, 5, 14999, 3}\n");
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "fg_ticks", value_int(2000), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "bg_ticks", value_int(10), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "fg_seconds", value_int(-4), WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, "left");
    fake_expect(&f, WORLD_WIZARD, "{1999, 1, 99, 3}\n");
    fake_property(&f, WORLD_WIZARD, "fg_ticks", value_int(5000), WORLD_WIZARD);
    fake_pass(&f, 2); /* a player's own are looked at once a second */
    fake_type(&f, WORLD_WIZARD, "left");
    fake_expect(&f, WORLD_WIZARD, "{4999, 1, 99, 3}\n");
    fake_close(&f);
}

/* The clock on the wall stands still here, the thread's does not. */
Test(sched_errors, out_of_seconds) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "fg_ticks", value_int(INT64_C(2000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "fg_seconds", value_int(1), WORLD_WIZARD);
    fake_command(&f, WORLD_ROOM, WORLD_ANN, "spin", "while (1) endwhile");
    fake_type(&f, WORLD_ANN, "spin");
    fake_expect(&f, WORLD_ANN, "#5:spin, line 1:  Task ran out of seconds\n(End of traceback)\n");
    fake_close(&f);
}

/* Whoever does not wait for the others' sake has a thousand years. */
Test(sched_errors, a_slice_that_no_wizard_pays_for_ends_before_the_others_wait_long) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_login(&f, WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "fg_ticks", value_int(INT64_C(2000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "fg_seconds", value_int(INT64_C(30000000000)), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "max_slice_ms", value_int(10), WORLD_WIZARD);
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "count", "for i in [1..20000000] endfor player:tell(\"counted\");");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "half", "while (seconds_left() > 15000000000) endwhile player:tell(\"half\");");
    fake_type(&f, WORLD_ANN, "count");
    fake_expect(&f, WORLD_ANN, "#5:count, line 1:  Task ran out of seconds\n(End of traceback)\n");
    fake_type(&f, WORLD_WIZARD, "count");
    fake_expect(&f, WORLD_WIZARD, "counted\n");
    fake_type(&f, WORLD_WIZARD, ";#5.max_slice_ms = 200;");
    clock_fake_off();
    fake_type(&f, WORLD_ANN, "half"); /* what is left of the slice is told in proportion */
    fake_expect(&f, WORLD_ANN, "half\n");
    fake_close(&f);
}

Test(sched_errors, eval_from_outside) {
    struct fake f;
    value v;
    fake_open(&f, "lambda");
    cr_expect_eq(sched_eval(f.s, WORLD_WIZARD, "1 + 1", true, &v), 0);
    cr_expect(value_equal(v, value_int(2)));
    cr_expect_eq(sched_eval(f.s, WORLD_WIZARD, "x = 3; return x;", true, &v), 0);
    cr_expect(value_equal(v, value_int(3)));
    cr_expect_eq(sched_eval(f.s, WORLD_WIZARD, "1 +", true, &v), -1);
    cr_expect_eq(v.type, V_LIST);
    value_unref(v);
    cr_expect_eq(sched_eval(f.s, WORLD_WIZARD, "1 / 0", true, &v), -1);
    cr_expect_eq(v.u.l->len, 2);
    value_unref(v);
    fake_close(&f);
}
