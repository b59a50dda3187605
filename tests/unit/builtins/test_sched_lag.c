/* SPDX-License-Identifier: MIT */
/* What programs are told of where time goes, and who is told what. */
#include "base/clock.h"
#include "fake_host.h"
#include "scheduler/profile.h"
#include "scheduler/state.h"

/* The value of a name in {{name, value}, ...}, as one would write it: `at(facts, "a", "b")'. */
static const char at_verb[] = "x = args[1]; for n in (listdelete(args, 1)) i = 0; for p in (x) if (p[1] == n) i = 1; x = p[2]; break; endif endfor if (!i) return E_RANGE; endif endfor return x;";

static void open_world(struct fake *f) {
    fake_open(f, "lambda");
    fake_verb(f, WORLD_SYSTEM, "at", at_verb);
    fake_login(f, WORLD_ANN);
    fake_login(f, WORLD_WIZARD);
}

Test(sched_lag, what_all_and_each_have_used) {
    struct fake f;
    open_world(&f);
    fake_type(&f, WORLD_ANN, ";1;");
    fake_type(&f, WORLD_WIZARD, ";1;");
    fake_type(&f, WORLD_ANN, ";s = scheduler_stats(#3); return {#0:at(s, \"player\"), #0:at(s, \"used\", \"all\", \"slices\") > 0, #0:at(s, \"typed_balance\") <= #0:at(s, \"quota\")};");
    fake_expect(&f, WORLD_ANN, "=> {#3, 1, 1}\n");
    fake_type(&f, WORLD_ANN, ";for i in [1..1000] endfor suspend(0);");
    fake_type(&f, WORLD_ANN, ";return #0:at(scheduler_stats(#3), \"used\", \"minute\", \"ticks\") > 1000;");
    fake_expect(&f, WORLD_ANN, "=> 1\n");
    fake_pass(&f, 100);
    fake_type(&f, WORLD_ANN, ";s = scheduler_stats(#3); return {#0:at(s, \"used\", \"minute\", \"ticks\") > 1000, #0:at(s, \"used\", \"hour\", \"ticks\") > 1000};");
    fake_expect(&f, WORLD_ANN, "=> {0, 1}\n");
    fake_pass(&f, 4000);
    fake_type(&f, WORLD_ANN, ";s = scheduler_stats(#3); return {#0:at(s, \"used\", \"hour\", \"ticks\") > 1000, #0:at(s, \"used\", \"all\", \"ticks\") > 1000};");
    fake_expect(&f, WORLD_ANN, "=> {0, 1}\n");
    fake_type(&f, WORLD_ANN, ";s = scheduler_stats(); return {#0:at(s, \"commands\") >= 6, #0:at(s, \"suspends\"), #0:at(s, \"latency\", \"all\", \"count\") >= 6, #0:at(s, \"used\", \"all\", \"slices\") > 6};");
    fake_expect(&f, WORLD_ANN, "=> {1, 1, 1, 1}\n");
    fake_type(&f, WORLD_WIZARD, ";p = scheduler_stats(\"players\", \"all\", 2); return {length(p), p[1][1] in {#2, #3} > 0, #0:at(p[1][2], \"slices\") > 0};");
    fake_expect(&f, WORLD_WIZARD, "=> {2, 1, 1}\n");
    fake_close(&f);
}

Test(sched_lag, who_waits_is_seen) {
    struct fake f;
    open_world(&f);
    fake_type(&f, WORLD_ANN, ";fork (10) endfork fork (20) endfork suspend();");
    fake_type(&f, WORLD_WIZARD, ";s = scheduler_stats(); return {#0:at(s, \"tasks\"), #0:at(s, \"sleeping\"), #0:at(s, \"waiting\"), #0:at(s, \"ready\"), #0:at(s, \"forks\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {3, 2, 1, 0, 2}\n");
    fake_type(&f, WORLD_WIZARD, ";s = scheduler_stats(#3); return {#0:at(s, \"tasks\"), #0:at(s, \"queued\"), #0:at(s, \"ready\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {3, 3, 0}\n");
    fake_close(&f);
}

Test(sched_lag, waits_count_from_when_a_task_was_ready_or_a_line_read) {
    struct fake f;
    open_world(&f);
    fake_type(&f, WORLD_ANN, ";fork (1) endfork");
    f.now_us += 4000000; /* nobody runs the scheduler meanwhile */
    clock_fake(f.now_us, INT64_C(1800000000000000));
    fake_run(&f);
    fake_type(&f, WORLD_ANN, ";return #0:at(scheduler_stats(#3), \"used\", \"all\", \"worst_wait_us\");");
    fake_expect(&f, WORLD_ANN, "=> 3000000\n");
    fake_input(&f, WORLD_ANN, ";1;");
    f.now_us += 5000000;
    clock_fake(f.now_us, INT64_C(1800000000000000));
    fake_run(&f);
    fake_type(&f, WORLD_ANN, ";return {#0:at(scheduler_stats(#3), \"used\", \"all\", \"worst_wait_us\"), #0:at(scheduler_stats(), \"latency\", \"minute\", \"worst_us\")};");
    fake_expect(&f, WORLD_ANN, "=> {5000000, 5000000}\n");
    fake_close(&f);
}

Test(sched_lag, a_task_s_own_figures) {
    struct fake f;
    open_world(&f);
    fake_type(&f, WORLD_ANN, ";s = task_stats(task_id()); return {#0:at(s, \"state\"), #0:at(s, \"slices\"), #0:at(s, \"ticks\") > 0, #0:at(s, \"payer\"), #0:at(s, \"task_id\") == task_id()};");
    fake_expect(&f, WORLD_ANN, "=> {\"running\", 1, 1, #3, 1}\n");
    fake_type(&f, WORLD_ANN, ";suspend(0); suspend(0); suspend(100);");
    fake_type(&f, WORLD_ANN, ";s = task_stats(queued_tasks()[1][1]); return {#0:at(s, \"state\"), #0:at(s, \"slices\"), #0:at(s, \"forked\"), #0:at(s, \"player\")};");
    fake_expect(&f, WORLD_ANN, "=> {\"sleeping\", 3, 0, #3}\n");
    fake_type(&f, WORLD_ANN, ";fork (10) endfork");
    fake_type(&f, WORLD_ANN, ";s = task_stats(queued_tasks()[1][1]); return {#0:at(s, \"slices\"), #0:at(s, \"forked\"), #0:at(s, \"cpu_us\"), #0:at(s, \"age_us\"), #0:at(s, \"ticks_limit\"), #0:at(s, \"seconds_limit\")};");
    fake_expect(&f, WORLD_ANN, "=> {0, 1, 0, 0, 15000, 3}\n");
    fake_type(&f, WORLD_WIZARD, ";for t in (queued_tasks()) task_stats(t[1]); endfor return {`task_stats(1) ! ANY', `task_stats(\"x\") ! ANY'};");
    fake_expect(&f, WORLD_WIZARD, "=> {E_INVARG, E_TYPE}\n");
    fake_close(&f);
}

/* #0:VERB, which nobody pays for. */
static void call(struct fake *f, const char *verb) {
    struct server_verb_call c = {.object = 0, .player = WORLD_WIZARD, .verb = verb, .args = list_empty()};
    sched_call_verb(f->s, &c, NULL, NULL);
    fake_run(f);
}

Test(sched_lag, a_fork_counts_for_the_verb_whose_activation_forked) {
    struct fake f;
    open_world(&f);
    fake_verb(&f, WORLD_SYSTEM, "in*ner", "fork (0) endfork");
    fake_verb(&f, WORLD_SYSTEM, "outer", "this:inner(); fork (0) fork (0) suspend(100); endfork endfork");
    call(&f, "outer");
    fake_type(&f, WORLD_WIZARD, ";i = verb_profile(#0, \"inner\"); o = verb_profile(#0, \"outer\"); return {#0:at(i, \"all\", \"slices\"), #0:at(o, \"all\", \"slices\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {1, 3}\n");
    fake_pass(&f, 7);
    fake_type(&f, WORLD_WIZARD, ";s = task_stats(queued_tasks()[1][1]); return {#0:at(s, \"slices\"), #0:at(s, \"age_us\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {1, 7000000}\n");
    fake_close(&f);
}

Test(sched_lag, how_tasks_end_is_counted_before_anybody_hears_of_it) {
    struct fake f;
    value v;
    open_world(&f);
    fake_verb(&f, WORLD_SYSTEM, "handle_uncaught_error", "notify(#2, tostr(#0:at(scheduler_stats(), \"uncaught\"))); return 1;");
    fake_type(&f, WORLD_ANN, ";1 / 0;");
    fake_type(&f, WORLD_ANN, ";1 / 0;");
    fake_expect(&f, WORLD_WIZARD, "1\n2\n");
    static const char *const programs[] = {"1 / 0", "1", "suspend(0)", "kill_task(task_id())", "while (1) endwhile"};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        sched_eval(f.s, WORLD_WIZARD, programs[i], true, &v);
        value_unref(v);
    }
    fake_run(&f);
    const struct stats_counts *n = sched_counts(f.s);
    cr_expect(n->uncaught == 3 && n->suspends == 1 && n->killed == 1 && n->out_of_ticks == 1 && n->out_of_seconds == 0);
    fake_close(&f);
}

Test(sched_lag, who_may_see_what) {
    struct fake f;
    open_world(&f);
    fake_login(&f, WORLD_BOB);
    fake_property(&f, WORLD_SYSTEM, "id", value_int(0), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "note", "#0.id = args[1];");
    fake_type(&f, WORLD_ANN, ";fork t (10) endfork #0:note(t);");
    fake_type(&f, WORLD_BOB, ";return {`task_stats(#0.id) ! ANY', `scheduler_stats(#3) ! ANY', `scheduler_stats(\"players\") ! ANY', `verb_profile(#0, \"note\") ! ANY', `verb_profile(\"start\", {#0, \"note\"}) ! ANY'};");
    fake_expect(&f, WORLD_BOB, "=> {E_PERM, E_PERM, E_PERM, E_PERM, E_PERM}\n");
    fake_type(&f, WORLD_BOB, ";return verb_profile();");
    fake_expect(&f, WORLD_BOB, "=> {}\n");
    fake_type(&f, WORLD_WIZARD, ";task_stats(#0.id); return {#0:at(verb_profile(#0, \"note\"), \"all\", \"slices\"), length(verb_profile()) > 0, typeof(scheduler_stats(#3)) == LIST};");
    fake_expect(&f, WORLD_WIZARD, "=> {0, 1, 1}\n");
    fake_close(&f);
}

Test(sched_lag, what_does_not_fit_is_refused) {
    struct fake f;
    open_world(&f);
    fake_type(&f, WORLD_WIZARD, ";1;");
    fake_type(&f, WORLD_WIZARD, ";return {`scheduler_stats(1) ! ANY', `scheduler_stats(\"x\") ! ANY', `scheduler_stats(#3, \"all\") ! ANY', `scheduler_stats(\"players\", \"week\") ! ANY', `scheduler_stats(\"players\", \"all\", 0) ! ANY', scheduler_stats(\"players\", \"minute\", 1000000000) != {}};");
    fake_expect(&f, WORLD_WIZARD, "=> {E_TYPE, E_INVARG, E_ARGS, E_INVARG, E_INVARG, 1}\n");
    fake_type(&f, WORLD_WIZARD, ";return {`verb_profile(1) ! ANY', `verb_profile(\"x\") ! ANY', `verb_profile(#0) ! ANY', `verb_profile(#0, \"nosuch\") ! ANY', `verb_profile(#99, \"at\") ! ANY', `verb_profile(#0, 1) ! ANY', `verb_profile(\"stop\", 1) ! ANY'};");
    fake_expect(&f, WORLD_WIZARD, "=> {E_TYPE, E_INVARG, E_ARGS, E_VERBNF, E_INVARG, E_TYPE, E_ARGS}\n");
    fake_type(&f, WORLD_WIZARD, ";return {`verb_profile(\"start\", 1) ! ANY', `verb_profile(\"start\", \"x\") ! ANY', `verb_profile(\"start\", #99) ! ANY', `verb_profile(\"start\", {#0}) ! ANY', `verb_profile(\"start\", {\"x\", \"y\"}) ! ANY', `verb_profile(\"start\", 0, 0) ! ANY', `verb_profile(\"start\", 0, 1001) ! ANY', `verb_profile(\"start\", 0, \"x\") ! ANY', verb_profile(\"stop\"), verb_profile(\"flame\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {E_INVARG, E_TYPE, E_INVARG, E_INVARG, E_TYPE, E_INVARG, E_INVARG, E_TYPE, -1, {}}\n");
    fake_close(&f);
}

/* ---- stacks: a built-in of the tests' own looks, at a time that is known ---- */

static struct fake *looking;

static void look(void *ctx, objid conn, const char *bytes, size_t len, int us) {
    (void)ctx, (void)conn, (void)bytes, (void)len;
    measure_sample(looking->s, looking->s->run->vm, us);
}

static bool (*plain_notify)(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline);

/* notify(player, "look") is a look of the watchdog that stands for 5 ms, after 20 ms. */
static bool notify_looks(void *ctx, objid conn, const char *bytes, size_t len, bool no_flush, bool no_newline) {
    if (len != 4 || memcmp(bytes, "look", 4) != 0) return plain_notify(ctx, conn, bytes, len, no_flush, no_newline);
    looking->now_us += 20000;
    clock_fake(looking->now_us, INT64_C(1800000000000000));
    look(ctx, conn, bytes, len, 5000);
    return true;
}

static void open_looking(struct fake *f) {
    open_world(f);
    looking = f;
    f->m.hooks.sampled = NULL; /* the watchdog's own looks come when they like */
    plain_notify = f->s->host.notify;
    f->s->host.notify = notify_looks;
    fake_verb(f, WORLD_SYSTEM, "in*ner", "notify(player, \"look\");");
    fake_verb(f, WORLD_SYSTEM, "outer", "#0:inner(); #0:inner(); notify(player, \"look\");");
    fake_type(f, WORLD_WIZARD, ";add_verb(#3, {#3, \"rxd\", \"mine\"}, {\"this\", \"none\", \"this\"}); set_verb_code(#3, \"mine\", {\"#0:outer(); notify(this, \\\"look\\\");\"});");
}

Test(sched_lag, looks_tell_where_time_goes) {
    struct fake f;
    open_looking(&f);
    fake_type(&f, WORLD_WIZARD, ";#0:outer();");
    fake_type(&f, WORLD_WIZARD, ";i = verb_profile(#0, \"inner\"); o = verb_profile(#0, \"outer\"); return {#0:at(i, \"hour\", \"self_us\"), #0:at(i, \"hour\", \"total_us\"), #0:at(o, \"hour\", \"self_us\"), #0:at(o, \"hour\", \"total_us\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {10000, 10000, 5000, 15000}\n");
    fake_close(&f);
}

Test(sched_lag, a_profile_is_text_for_flame_graphs) {
    struct fake f;
    open_looking(&f);
    fake_type(&f, WORLD_WIZARD, ";verb_profile(\"start\", #2, 500);");
    fake_type(&f, WORLD_WIZARD, ";#0:outer();");
    fake_type(&f, WORLD_ANN, ";#0:outer();");
    fake_type(&f, WORLD_WIZARD, ";return verb_profile(\"stop\");");
    fake_expect(&f, WORLD_WIZARD, "=> 3\n");
    fake_type(&f, WORLD_WIZARD, ";#0:outer();");
    fake_type(&f, WORLD_WIZARD, ";for l in (verb_profile(\"flame\")) player:tell(l[index(l, \"#0:outer\")..$]); endfor");
    fake_expect(&f, WORLD_WIZARD, "#0:outer;#0:inner 10000\n#0:outer 5000\n");
    fake_type(&f, WORLD_WIZARD, ";verb_profile(\"start\", {#0, \"inner\"});");
    fake_type(&f, WORLD_ANN, ";#0:outer();");
    fake_type(&f, WORLD_WIZARD, ";return {verb_profile(\"stop\"), length(verb_profile(\"flame\"))};");
    fake_expect(&f, WORLD_WIZARD, "=> {2, 1}\n");
    fake_close(&f);
}

/* The command `sweep' sees more verbs than are remembered, and has used least of them so far. */
static void open_with_many_verbs(struct fake *f) {
    enum { MORE = USAGE_VERBS + 500 };
    open_looking(f);
    fake_property(f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOT), WORLD_WIZARD);
    fake_property(f, WORLD_ROOT, "fg_ticks", value_int(10000000), WORLD_WIZARD);
    fake_property(f, WORLD_ROOT, "fg_seconds", value_int(1000), WORLD_WIZARD);
    for (int i = 1; i <= MORE; i++) {
        struct str *name = str_printf("seen_%d", i);
        fake_verb(f, WORLD_SYSTEM, name->data, "notify(player, \"look\");");
        str_unref(name);
    }
    fake_command(f, WORLD_ROOM, WORLD_WIZARD, "sweep", "for i in [1..2548] #0:(tostr(\"seen_\", i))(); endfor");
}

Test(sched_lag, the_verb_of_a_running_slice_is_not_forgotten) {
    struct fake f;
    open_with_many_verbs(&f);
    fake_type(&f, WORLD_WIZARD, "sweep");
    fake_type(&f, WORLD_WIZARD, "sweep");
    fake_type(&f, WORLD_WIZARD, ";return #0:at(verb_profile(#5, \"sweep\"), \"all\", \"slices\");");
    fake_expect(&f, WORLD_WIZARD, "=> 2\n");
    fake_close(&f);
}

Test(sched_lag, a_fork_does_not_count_where_its_verb_was_forgotten) {
    struct fake f;
    open_with_many_verbs(&f);
    fake_verb(&f, WORLD_SYSTEM, "early", "fork (100) endfork fork (100) suspend(0); endfork");
    call(&f, "early");
    fake_type(&f, WORLD_WIZARD, "sweep");
    fake_type(&f, WORLD_WIZARD, ";return {#0:at(verb_profile(#0, \"early\"), \"all\", \"slices\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {0}\n");
    fake_pass(&f, 100);
    fake_type(&f, WORLD_WIZARD, ";return {#0:at(verb_profile(#0, \"early\"), \"all\", \"slices\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {3}\n");
    fake_close(&f);
}

Test(sched_lag, long_names_are_not_kept) {
    struct fake f;
    open_looking(&f);
    fake_type(&f, WORLD_WIZARD, ";n = \"é\"; for i in [1..11] n = n + n; endfor add_verb(#0, {#2, \"rxd\", n}, {\"this\", \"none\", \"this\"}); set_verb_code(#0, n, {\"#0:inner(); suspend(0);\"}); verb_profile(\"start\"); #0:(n)();");
    fake_type(&f, WORLD_WIZARD, ";verb_profile(\"stop\"); r = {}; for v in (verb_profile()) r = {@r, length(v[2]) < 200}; endfor for l in (verb_profile(\"flame\")) r = {@r, length(l) < 200 && index(l, \"é;#0:inner \") > 0}; endfor return {0 in r, length(r) > 3};");
    fake_expect(&f, WORLD_WIZARD, "=> {0, 1}\n");
    fake_close(&f);
}

Test(sched_lag, a_programmer_s_profile_shows_what_callers_would) {
    struct fake f;
    open_looking(&f);
    fake_verb(&f, WORLD_SYSTEM, "calls", "#3:mine();");
    fake_type(&f, WORLD_ANN, ";verb_profile(\"start\");");
    fake_type(&f, WORLD_WIZARD, ";#0:outer();"); /* nothing of hers */
    fake_type(&f, WORLD_WIZARD, ";#0:calls();");
    fake_type(&f, WORLD_ANN, ";return verb_profile(\"stop\");");
    fake_expect(&f, WORLD_ANN, "=> 4\n");
    fake_type(&f, WORLD_ANN, ";for l in (verb_profile(\"flame\")) player:tell(l[index(l, \"#0:calls\")..$]); endfor");
    fake_expect(&f, WORLD_ANN, "#0:calls;#3:mine;(called) 15000\n#0:calls;#3:mine 5000\n");
    fake_type(&f, WORLD_ANN, ";r = {}; for v in (verb_profile()) r = {@r, v[1..2]}; endfor return r;");
    fake_expect(&f, WORLD_ANN, "=> {{#3, \"mine\"}}\n");
    fake_close(&f);
}

Test(sched_lag, slow_slices_keep_their_stacks) {
    struct fake f;
    open_looking(&f);
    fake_type(&f, WORLD_ANN, ";#3:mine();");
    fake_type(&f, WORLD_WIZARD, ";s = slow_slices(); r = {}; for row in (#0:at(s[1], \"stack\")) r = {@r, row[2]}; endfor return {length(s), #0:at(s[1], \"us\"), #0:at(s[1], \"payer\"), #0:at(s[1], \"end\"), r[1..2]};");
    fake_expect(&f, WORLD_WIZARD, "=> {1, 80000, #3, \"done\", {\"mine\", \"\"}}\n");
    fake_type(&f, WORLD_ANN, ";return length(slow_slices());");
    fake_expect(&f, WORLD_ANN, "=> 1\n");
    fake_login(&f, WORLD_BOB);
    fake_type(&f, WORLD_BOB, ";return slow_slices();");
    fake_expect(&f, WORLD_BOB, "=> {}\n");
    for (int i = 0; i < 40; i++) fake_type(&f, WORLD_ANN, i == 20 ? ";#3:mine(); #3:mine();" : ";#0:inner();");
    fake_type(&f, WORLD_WIZARD, ";s = slow_slices(); return {length(s), #0:at(s[1], \"us\"), #0:at(s[2], \"us\"), #0:at(s[$], \"us\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {32, 160000, 80000, 20000}\n");
    fake_pass(&f, 3700);
    fake_type(&f, WORLD_WIZARD, ";return slow_slices();");
    fake_expect(&f, WORLD_WIZARD, "=> {}\n");
    fake_close(&f);
}

Test(sched_lag, the_world_hears_of_lag_with_the_stack) {
    struct fake f;
    open_looking(&f);
    fake_property(&f, WORLD_SYSTEM, "heard", value_list(list_empty()), WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_SYSTEM), WORLD_WIZARD);
    fake_property(&f, WORLD_SYSTEM, "task_lag_threshold", value_float(0.1), WORLD_WIZARD);
    fake_verb(&f, WORLD_SYSTEM, "handle_lagging_task", "this.heard = {@this.heard, {args[1][1][2], args[2], player}}; for i in [1..10] notify(#2, \"look\"); endfor");
    fake_type(&f, WORLD_ANN, ";#0:outer();");
    fake_type(&f, WORLD_ANN, ";return #0.heard;");
    fake_expect(&f, WORLD_ANN, "=> {}\n");
    fake_type(&f, WORLD_ANN, ";#0:outer(); #0:outer();");
    fake_type(&f, WORLD_ANN, ";return #0.heard;");
    fake_expect(&f, WORLD_ANN, "=> {{\"outer\", 0.12, #-1}}\n");
    fake_type(&f, WORLD_WIZARD, ";#0.task_lag_threshold = 0.05; return #0:at(scheduler_stats(), \"lagging\");");
    fake_expect(&f, WORLD_WIZARD, "=> 1\n");
    fake_type(&f, WORLD_ANN, ";#0:outer(); #0:outer();");
    fake_type(&f, WORLD_ANN, ";return length(#0.heard);");
    fake_expect(&f, WORLD_ANN, "=> 1\n"); /* below 0.1: off */
    fake_close(&f);
}

Test(sched_lag, a_queue_is_a_map_where_there_are_maps) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_ANN);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_ANN, ";fork (10) endfork suspend();");
    fake_type(&f, WORLD_WIZARD, ";q = queue_info(#3); return {q[\"player\"], q[\"connected\"], q[\"num_bg_tasks\"], q[\"scheduler\"][\"share\"], q[\"scheduler\"][\"used\"][\"all\"][\"slices\"] > 0, queue_info(#99)};");
    fake_expect(&f, WORLD_WIZARD, "=> {#3, 1, 2, #3, 1, 0}\n");
    fake_type(&f, WORLD_ANN, ";return {queue_info(#3), scheduler_stats(#3)[\"player\"], `scheduler_stats(#2) ! E_PERM'};");
    fake_expect(&f, WORLD_ANN, "=> {2, #3, E_PERM}\n");
    fake_close(&f);
}
