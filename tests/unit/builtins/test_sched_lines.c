/* SPDX-License-Identifier: MIT */
/* Lines: login and its hooks, commands, huh, do_command, delimiters, out-of-band, holding, flushing, .program, closing. */
#include <stdlib.h>
#include <string.h>

#include "fake_host.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/must.h"
#include "scheduler/state.h"

Test(sched_lines, login_created_connected_redirected) {
    struct fake f;
    fake_open(&f, "lambda");
    static const char *const hooks[] = {"user_created", "user_connected", "user_reconnected", "user_disconnected", "user_client_disconnected"};
    for (int i = 0; i < 5; i++) fake_verb(&f, WORLD_SYSTEM, hooks[i], "notify(#2, tostr(verb, \" \", args[1], \" \", player, \" \", caller, \" \", args[1] in connected_players() > 0));");
    fake_login(&f, WORLD_WIZARD);
    objid a = fake_connect(&f, WORLD_SYSTEM);
    fake_expect(&f, a, "Who?\n");
    fake_type(&f, a, "nobody");
    fake_expect(&f, a, "");
    fake_type(&f, a, "3");
    fake_expect(&f, WORLD_ANN, "*** Connected ***\n");
    fake_expect(&f, WORLD_WIZARD, "user_connected #3 #3 #-1 1\n");
    objid b = fake_connect(&f, WORLD_SYSTEM);
    fake_type(&f, b, "3");
    fake_expect(&f, WORLD_ANN, "Who?\n*** Redirecting old connection to this port ***\n");
    fake_expect(&f, 1000 + WORLD_ANN, "*** Redirecting connection to new port ***\n");
    fake_expect(&f, WORLD_WIZARD, "user_reconnected #3 #3 #-1 1\n");
    fake_hang_up(&f, WORLD_ANN);
    fake_expect(&f, WORLD_WIZARD, "user_client_disconnected #3 #3 #-1 0\n");
    fake_verb(&f, WORLD_ROOM, "do_login_command", "if (args) p = create(#1, #-1); set_player_flag(p, 1); return p; endif");
    objid c = fake_connect(&f, WORLD_ROOM);
    fake_verb(&f, WORLD_ROOM, "user_created", "notify(#2, \"new\");");
    fake_type(&f, c, "new");
    fake_expect(&f, 6, "*** Created ***\n");
    fake_expect(&f, WORLD_WIZARD, "new\n");
    fake_close(&f);
}

Test(sched_lines, redirect_to_another_listener) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_verb(&f, WORLD_SYSTEM, "user_client_disconnected", "notify(#2, tostr(verb, args[1] in connected_players()));");
    fake_verb(&f, WORLD_ROOM, "user_connected", "notify(#2, verb);");
    fake_verb(&f, WORLD_ROOM, "do_login_command", "return args ? #3 | 0;");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    objid c = fake_connect(&f, WORLD_ROOM);
    fake_type(&f, c, "in");
    fake_expect(&f, WORLD_WIZARD, "user_client_disconnected0\nuser_connected\n");
    fake_close(&f);
}

Test(sched_lines, messages_are_options) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "connect_msg", value_list(list_of(2, value_str(str_from("Hello")), value_str(str_from("there")))), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "boot_msg", value_str(str_from("Bye")), WORLD_WIZARD);
    objid a = fake_connect(&f, WORLD_SYSTEM);
    fake_forget(&f, a);
    fake_type(&f, a, "3");
    fake_expect(&f, WORLD_ANN, "Hello\nthere\n");
    fake_type(&f, WORLD_ANN, ";boot_player(player); player:tell(\"unheard\");");
    fake_expect(&f, 1000 + WORLD_ANN, "Bye\n");
    fake_close(&f);
}

Test(sched_lines, a_recycled_player_is_disconnected) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_verb(&f, WORLD_SYSTEM, "user_disconnected", "notify(#2, verb);");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_WIZARD, ";recycle(#3);");
    fake_expect(&f, 1000 + WORLD_ANN, "*** Recycled ***\n");
    fake_expect(&f, WORLD_WIZARD, "");
    fake_close(&f);
}

Test(sched_lines, timed_out) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "user_disconnected", "notify(#2, tostr(verb, \" \", args[1] < #0));");
    objid a = fake_connect(&f, WORLD_SYSTEM);
    fake_forget(&f, a);
    cr_expect_eq(sched_connect_timeout(f.s, WORLD_SYSTEM), 300);
    sched_connection_timed_out(f.s, a);
    fake_expect(&f, a, "*** Timed-out waiting for login. ***\n");
    fake_expect(&f, WORLD_WIZARD, "user_disconnected 1\n");
    fake_close(&f);
}

Test(sched_lines, command_verbs_and_their_variables) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_command(&f, WORLD_ROOT, WORLD_WIZARD, "show", "player:tell(toliteral({verb, argstr, args, dobj, dobjstr, prepstr, iobj, iobjstr, this, caller, player}));");
    fake_type(&f, WORLD_ANN, "  show bob in  \"the room\" ");
    fake_expect(&f, WORLD_ANN, "{\"show\", \"bob in  \\\"the room\\\" \", {\"bob\", \"in\", \"the room\"}, #4, \"bob\", \"in\", #-3, \"the room\", #3, #3, #3}\n");
    fake_type(&f, WORLD_ANN, "nonsense");
    fake_expect(&f, WORLD_ANN, "I couldn't understand that.\n");
    fake_type(&f, WORLD_ANN, "   ");
    fake_expect(&f, WORLD_ANN, "");
    fake_verb(&f, WORLD_ROOM, "huh", "player:tell(verb, \"? \", argstr);");
    fake_type(&f, WORLD_ANN, "nonsense and more");
    fake_expect(&f, WORLD_ANN, "nonsense? and more\n");
    fake_close(&f);
}

Test(sched_lines, do_command_goes_first) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_verb(&f, WORLD_SYSTEM, "do_command", "player:tell(toliteral({args, argstr})); if (args[1] == \"wait\") suspend(0); player:tell(\"waited\"); endif return args[1] == \"done\";");
    fake_type(&f, WORLD_ANN, "done  \"it all\"");
    fake_expect(&f, WORLD_ANN, "{{\"done\", \"it all\"}, \"done  \\\"it all\\\"\"}\n");
    fake_type(&f, WORLD_ANN, "wait");
    fake_expect(&f, WORLD_ANN, "{{\"wait\"}, \"wait\"}\nwaited\n");
    fake_type(&f, WORLD_ANN, "\"x y");
    fake_expect(&f, WORLD_ANN, "{{\"x y\"}, \"\\\"x y\"}\nI couldn't understand that.\n");
    fake_close(&f);
}

Test(sched_lines, delimiters_surround_commands) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, "PREFIX <<");
    fake_type(&f, WORLD_ANN, "OUTPUTSUFFIX >>");
    fake_type(&f, WORLD_ANN, ";player:tell(\"a\"); suspend(0); player:tell(\"b\");");
    fake_expect(&f, WORLD_ANN, "<<\na\n>>\nb\n");
    fake_type(&f, WORLD_ANN, "nonsense");
    fake_expect(&f, WORLD_ANN, "<<\nI couldn't understand that.\n>>\n");
    fake_type(&f, WORLD_ANN, ";return output_delimiters(player);");
    fake_expect(&f, WORLD_ANN, "<<\n=> {\"<<\", \">>\"}\n>>\n");
    fake_type(&f, WORLD_ANN, "PREFIX");
    fake_type(&f, WORLD_ANN, "SUFFIX");
    fake_type(&f, WORLD_ANN, "prefix x");
    fake_expect(&f, WORLD_ANN, "I couldn't understand that.\n");
    fake_close(&f);
}

Test(sched_lines, out_of_band) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "do_out_of_band_command", "notify(#2, tostr(\"oob \", toliteral({args, argstr})));");
    fake_type(&f, WORLD_WIZARD, ";x = read(); player:tell(\"read \", x);");
    fake_type(&f, WORLD_WIZARD, "#$#mcp \"a b\"");
    fake_expect(&f, WORLD_WIZARD, "oob {{\"#$#mcp\", \"a b\"}, \"#$#mcp \\\"a b\\\"\"}\n");
    fake_type(&f, WORLD_WIZARD, "#$\"#$#quoted");
    fake_expect(&f, WORLD_WIZARD, "read #$#quoted\n");
    fake_type(&f, WORLD_WIZARD, ";set_connection_option(player, \"disable-oob\", 1);");
    fake_type(&f, WORLD_WIZARD, "#$#x");
    fake_expect(&f, WORLD_WIZARD, "I couldn't understand that.\n");
    fake_close(&f);
}

Test(sched_lines, held_lines_wait_for_readers) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "do_out_of_band_command", "notify(#2, \"oob\");");
    fake_type(&f, WORLD_WIZARD, ";set_connection_option(player, \"hold-input\", 1); fork (2) player:tell(read(player), \" \", read(player)); set_connection_option(player, \"hold-input\", 0); endfork");
    fake_type(&f, WORLD_WIZARD, "one");
    fake_type(&f, WORLD_WIZARD, "#$#x");
    fake_type(&f, WORLD_WIZARD, "two");
    fake_type(&f, WORLD_WIZARD, ";player:tell(\"command\");");
    fake_expect(&f, WORLD_WIZARD, "oob\n");
    fake_pass(&f, 2);
    fake_expect(&f, WORLD_WIZARD, "one two\ncommand\n");
    fake_close(&f);
}

Test(sched_lines, flush) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_input(&f, WORLD_ANN, "one");
    fake_input(&f, WORLD_ANN, "two");
    fake_input(&f, WORLD_ANN, ".FLUSH");
    fake_run(&f);
    fake_expect(&f, WORLD_ANN, ">> Flushing the following pending input:\n>>     one\n>>     two\n>> (Done flushing)\n");
    fake_type(&f, WORLD_ANN, ".flush");
    fake_expect(&f, WORLD_ANN, ">> No pending input to flush...\n");
    fake_type(&f, WORLD_ANN, ";set_connection_option(player, \"flush-command\", \"XX\"); return connection_option(player, \"flush-command\");");
    fake_expect(&f, WORLD_ANN, "=> \"XX\"\n");
    fake_type(&f, WORLD_ANN, ".flush");
    fake_expect(&f, WORLD_ANN, "I couldn't understand that.\n");
    fake_close(&f);
}

Test(sched_lines, too_many_lines_stop_the_reading) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    const struct fake_connection *ann = idmap_get(&f.by_id, WORLD_ANN);
    char line[1001];
    memset(line, 'x', 1000);
    line[1000] = 0;
    for (int i = 0; i < 65; i++) fake_input(&f, WORLD_ANN, line);
    cr_expect_not(ann->paused);
    fake_input(&f, WORLD_ANN, line);
    cr_expect(ann->paused);
    fake_run(&f);
    cr_expect_not(ann->paused);
    fake_close(&f);
}

Test(sched_lines, sizes_have_an_end_whatever_the_world_says) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";add_property(#0, \"server_options\", #0, {#2, \"r\"}); for o in ({\"string\", \"list\"}) add_property(#0, \"max_\" + o + \"_concat\", "
                                "9223372036854775807, {#2, \"r\"}); endfor load_server_options();");
    cr_expect_eq(f.m.max_string_concat, 1 << 30);
    cr_expect_eq(f.m.max_list_concat, 1 << 28);
    fake_close(&f);
}

Test(sched_lines, program_command) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "fo*o bar", "return 1;");
    fake_type(&f, WORLD_WIZARD, ".program");
    fake_type(&f, WORLD_WIZARD, ".pr nothing");
    fake_type(&f, WORLD_WIZARD, ".PROG nobody:x");
    fake_type(&f, WORLD_WIZARD, ".prog $nosuch:x");
    fake_type(&f, WORLD_WIZARD, ".program #0:nosuch");
    fake_expect(&f, WORLD_WIZARD,
                "Usage:  .program object:verb\nYou must specify a verb; use the format object:verb.\nI don't see \"nobody\" here.\n"
                "\"$nosuch\" is not a valid object.\nThat object does not have that verb definition.\n");
    fake_type(&f, WORLD_WIZARD, ".program #0:foo");
    fake_type(&f, WORLD_WIZARD, "return \"a");
    fake_type(&f, WORLD_WIZARD, ".");
    fake_expect(&f, WORLD_WIZARD,
                "Now programming System:fo*o bar.  Use \".\" to end.\nLine 1:  Missing quote\nLine 1:  syntax error\n2 error(s).\nVerb not programmed.\n");
    fake_type(&f, WORLD_WIZARD, ".program #0:foo");
    fake_type(&f, WORLD_WIZARD, "return");
    fake_type(&f, WORLD_WIZARD, "42;");
    fake_type(&f, WORLD_WIZARD, ".");
    fake_type(&f, WORLD_WIZARD, ";return #0:bar();");
    fake_expect(&f, WORLD_WIZARD, "Now programming System:fo*o bar.  Use \".\" to end.\n0 error(s).\nVerb programmed.\n=> 42\n");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ".program #0:foo");
    fake_expect(&f, WORLD_ANN, "Permission denied.\n");
    fake_close(&f);
}

Test(sched_lines, endless_program) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "fo*o bar", "return 1;");
    fake_type(&f, WORLD_WIZARD, ".program #0:foo");
    size_t n = 1 << 20;
    char *line = xmalloc(n + 1);
    memset(line, ';', n);
    line[n] = 0;
    for (int i = 0; i < 20; i++) fake_type(&f, WORLD_WIZARD, line);
    free(line);
    fake_type(&f, WORLD_WIZARD, ".");
    fake_expect(&f, WORLD_WIZARD, "Now programming System:fo*o bar.  Use \".\" to end.\nProgram too long: it may have 16777216 bytes\n1 error(s).\nVerb not programmed.\n");
    fake_close(&f);
}

Test(sched_lines, forced_input) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";force_input(player, \";player:tell(2);\"); force_input(player, \";player:tell(1);\", 1); force_input(#3, \";#2:tell(player);\");");
    fake_expect(&f, WORLD_WIZARD, "1\n2\n#3\n");
    fake_type(&f, WORLD_WIZARD, ";return `force_input(#-99, \"x\") ! ANY';");
    fake_expect(&f, WORLD_WIZARD, "");
    fake_type(&f, WORLD_WIZARD, ";s = \"12345678\"; for i in [1..16] s = s + s; endfor n = 0; while (n < 50 && `force_input(#3, s) ! E_QUOTA' != E_QUOTA) n = n + 1; endwhile player:tell(n);");
    fake_expect(&f, WORLD_WIZARD, "7\n");
    fake_close(&f);
}

Test(sched_lines, connection_options_in_order) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";set_connection_option(player, \"intrinsic-commands\", {\"PREFIX\"}); return connection_options(player);");
    fake_expect(&f, WORLD_ANN,
                "=> {{\"binary\", 0}, {\"flush-command\", \".flush\"}, {\"hold-input\", 0}, {\"disable-oob\", 0}, {\"intrinsic-commands\", {\"PREFIX\"}}}\n");
    fake_type(&f, WORLD_ANN, ";return {`set_connection_option(player, \"intrinsic-commands\", {\"nosuch\"}) ! ANY', `set_connection_option(player, \"nosuch\", 1) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {E_INVARG, E_INVARG}\n");
    fake_close(&f);
}

Test(sched_lines, switch_player_while_logging_in_and_later) {
    struct fake f;
    fake_open(&f, "toast");
    fake_verb(&f, WORLD_SYSTEM, "user_connected", "notify(args[1], \"hook\");");
    fake_verb(&f, WORLD_ROOM, "do_login_command", "if (args) switch_player(player, #3); notify(#3, \"switched\"); endif");
    objid a = fake_connect(&f, WORLD_ROOM);
    fake_type(&f, a, "x");
    fake_expect(&f, WORLD_ANN, "*** Connected ***\nswitched\n");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";return {`switch_player(#2, #2) ! ANY', `switch_player(#4, #2) ! ANY', `switch_player(#2, #5) ! ANY'};");
    fake_expect(&f, WORLD_WIZARD, "=> {E_INVARG, E_INVARG, E_INVARG}\n");
    fake_type(&f, WORLD_WIZARD, ";switch_player(#2, #4);");
    fake_expect(&f, WORLD_BOB, "*** Connected ***\nhook\n");
    fake_type(&f, WORLD_BOB, ";return player;");
    fake_expect(&f, WORLD_BOB, "=> #4\n");
    fake_close(&f);
}

static int64_t limit_us; /* of the slice that began last */

static void note_limit(void *ctx, int64_t id, const struct vm *vm) {
    struct fake *f = ctx;
    (void)id;
    if (vm && f->s->run) limit_us = f->s->run->limit_us;
}

static int64_t limit_of_a_slice(struct fake *f) {
    value v;
    sched_eval(f->s, WORLD_WIZARD, "1", true, &v);
    value_unref(v);
    return limit_us;
}

/* A line's things were looked for so long before its slice begins. */
static int64_t limit_after_a_look(struct fake *f, int64_t us) {
    f->s->lap_us = clock_monotonic_us();
    cr_expect_eq(run_begin_look(f->s), f->s->lap_us + run_typed_us(f->s) / 2);
    fake_advance(f, us);
    return limit_of_a_slice(f);
}

Test(sched_lines, what_a_look_for_things_takes_its_slice_does_not_have) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_ANN);
    f.s->host.runs = note_limit;
    int64_t all = run_typed_us(f.s);
    cr_expect_eq(limit_of_a_slice(&f), all);
    cr_expect_eq(limit_after_a_look(&f, all / 4), all - all / 4);
    cr_expect_eq(limit_after_a_look(&f, 3 * all), all - all / 2, "half of it stays");
    cr_expect_eq(limit_of_a_slice(&f), all, "another slice has all of its time");
    static const char *const lines[] = {"PREFIX >", "PREFIX", ".program x", "nothing", ";1", ""};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        fake_type(&f, WORLD_ANN, lines[i]);
        fake_advance(&f, all / 4);
        cr_expect_eq(limit_of_a_slice(&f), all, "after `%s'", lines[i]);
    }
    fake_close(&f);
}

/* More names than can be looked at in the least time that a slice may have, on any machine: each is folded by the Unicode library. */
static void give_many_names(struct fake *f, objid o) {
    enum { NAMES = 1000000 };
    struct list *l = list_new(NAMES);
    struct str *name = str_from("\xc3\xa9\xc3\xa9");
    for (int i = 0; i < NAMES; i++) l = list_append_take(l, value_str(str_ref(name)));
    str_unref(name);
    fake_property(f, o, "aliases", value_list(l), o);
}

Test(sched_lines, who_is_among_too_many_things_is_told_when_no_verb_fits) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_command(&f, WORLD_ROOM, WORLD_WIZARD, "say", "notify(player, tostr(\"said \", dobj));");
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "max_slice_ms", value_int(10), WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    give_many_names(&f, WORLD_ANN);
    clock_fake_off();
    fake_type(&f, WORLD_ANN, "PREFIX >");
    fake_expect(&f, WORLD_ANN, "");
    fake_type(&f, WORLD_ANN, "say xyzzy");
    fake_expect(&f, WORLD_ANN, ">\nsaid #-3\n");
    fake_type(&f, WORLD_ANN, "look xyzzy");
    fake_expect(&f, WORLD_ANN, ">\nThere are too many things here to look through them all.\nI couldn't understand that.\n");
    fake_type(&f, WORLD_ANN, "look me");
    fake_expect(&f, WORLD_ANN, ">\nI couldn't understand that.\n");
    fake_close(&f);
}
