/* SPDX-License-Identifier: MIT */
/* Who pays for what runs, the attempts to have somebody else pay included; and quotas and limits as programs see them. */
#include "fake_host.h"

#include <stdlib.h>
#include <unistd.h>

#include "scheduler/state.h"

/* A fake that notes on whose account each slice runs. */
struct payers {
    struct fake f;
    struct buf text; /* "#3 ", "logins of #0 ", "nobody " */
};

static void note_payer(void *ctx, int64_t task_id, const struct vm *vm) {
    struct payers *p = ctx;
    const struct queue *q = p->f.s->turn;
    (void)task_id;
    if (!vm) return;
    if (!q) buf_add_c(&p->text, "nobody ");
    else buf_printf(&p->text, q->logins ? "logins of #%lld " : "#%lld ", (long long)q->owner);
}

static void begin(struct payers *p) {
    *p = (struct payers){.text = BUF_INIT};
    fake_open(&p->f, "toast");
    fake_login(&p->f, WORLD_ANN);
    fake_login(&p->f, WORLD_BOB);
    p->f.s->host.runs = note_payer;
}

static void end(struct payers *p) {
    buf_fini(&p->text);
    fake_close(&p->f);
}

#define expect_payers(p, expected) \
    do { \
        fake_pass(&(p)->f, 10); \
        cr_expect_str_eq(buf_c(&(p)->text), expected, "%s", buf_c(&(p)->text)); \
        buf_clear(&(p)->text); \
    } while (0)

/* A verb of anybody's that anybody can call. */
static void verb_of(struct payers *p, objid owner, const char *names, const char *program) {
    char line[600];
    snprintf(line, sizeof line, ";add_verb(#3, {#%lld, \"rxd\", \"%s\"}, {\"this\", \"none\", \"this\"}); set_verb_code(#3, \"%s\", {\"%s\"});", (long long)owner, names, names, program);
    fake_login(&p->f, WORLD_WIZARD);
    fake_type(&p->f, WORLD_WIZARD, line);
    fake_expect(&p->f, WORLD_WIZARD, "");
    buf_clear(&p->text);
}

Test(payers, a_typed_command_is_its_player_s) {
    struct payers p;
    begin(&p);
    fake_command(&p.f, WORLD_ROOM, WORLD_BOB, "look", "x = 1;"); /* whosever verb it is */
    fake_type(&p.f, WORLD_ANN, "look");
    expect_payers(&p, "#3 ");
    fake_type(&p.f, WORLD_ANN, ";x = 1;");
    expect_payers(&p, "#3 ");
    end(&p);
}

Test(payers, what_sleeps_is_its_programmer_s) {
    struct payers p;
    begin(&p);
    verb_of(&p, WORLD_BOB, "later", "fork (1) x = 1; endfork");
    verb_of(&p, WORLD_BOB, "wait", "suspend(1);");
    fake_type(&p.f, WORLD_ANN, ";fork (1) suspend(1); endfork suspend(3);");
    expect_payers(&p, "#3 #3 #3 #3 ");
    fake_type(&p.f, WORLD_ANN, ";#3:later();");
    expect_payers(&p, "#3 #4 ");
    fake_type(&p.f, WORLD_ANN, ";#3:wait();");
    expect_payers(&p, "#3 #4 ");
    end(&p);
}

/* As ever: who lends a verb that sleeps pays until the next sleep, unless it begins with set_task_perms(caller_perms()). */
Test(payers, a_verb_that_sleeps_for_anybody_is_its_programmer_s_until_the_next_sleep) {
    struct payers p;
    begin(&p);
    verb_of(&p, WORLD_BOB, "wait", "suspend(1);");
    fake_type(&p.f, WORLD_ANN, ";#3:wait(); x = 1; suspend(1);");
    expect_payers(&p, "#3 #4 #3 ");
    end(&p);
}

Test(payers, what_a_wizard_s_verb_leaves_is_the_player_s_who_used_it) {
    struct payers p;
    begin(&p);
    verb_of(&p, WORLD_WIZARD, "later", "fork (1) suspend(1); endfork");
    fake_type(&p.f, WORLD_ANN, ";#3:later();");
    expect_payers(&p, "#3 #3 #3 ");
    fake_type(&p.f, WORLD_BOB, ";#3:later();");
    expect_payers(&p, "#4 #4 #4 ");
    fake_type(&p.f, WORLD_ANN, ";fork (1) #3:later(); endfork"); /* also when it is used in the background */
    expect_payers(&p, "#3 #3 #3 #3 ");
    end(&p);
}

Test(payers, what_the_server_begins_is_nobody_s) {
    struct payers p;
    begin(&p);
    fake_verb(&p.f, WORLD_SYSTEM, "user_client_disconnected", "x = 1;");
    fake_hang_up(&p.f, WORLD_ANN);
    expect_payers(&p, "nobody ");
    fake_verb(&p.f, WORLD_SYSTEM, "user_connected", "fork (1) x = 1; endfork");
    fake_login(&p.f, WORLD_ANN);
    expect_payers(&p, "logins of #0 logins of #0 nobody #3 ");
    end(&p);
}

Test(payers, who_has_not_logged_in_is_its_listener_s) {
    struct payers p;
    begin(&p);
    objid one = fake_connect(&p.f, WORLD_SYSTEM), two = fake_connect(&p.f, WORLD_SYSTEM);
    fake_type(&p.f, one, "what");
    fake_type(&p.f, two, "who");
    expect_payers(&p, "logins of #0 logins of #0 logins of #0 logins of #0 ");
    cr_expect_eq(p.f.s->login_shares.len, 1);
    end(&p);
}

Test(payers, a_reader_is_its_programmer_s_until_the_line_comes) {
    struct payers p;
    begin(&p);
    fake_login(&p.f, WORLD_WIZARD);
    buf_clear(&p.text);
    fake_type(&p.f, WORLD_WIZARD, ";read(); suspend(1);");
    expect_payers(&p, "#2 ");
    fake_type(&p.f, WORLD_WIZARD, "a line");
    expect_payers(&p, "#2 #2 ");
    end(&p);
}

/* ---- attempts ---- */

Test(payers, nobody_takes_on_the_permissions_of_another) {
    struct payers p;
    begin(&p);
    fake_type(&p.f, WORLD_ANN, ";try set_task_perms(#4); except (E_PERM) endtry suspend(1);");
    expect_payers(&p, "#3 #3 ");
    end(&p);
}

/* A wizard's verb that goes on with its caller's permissions forks for the caller, whatever `player' is. */
Test(payers, a_wizard_s_verb_that_gives_up_its_permissions_forks_for_its_caller) {
    struct payers p;
    begin(&p);
    verb_of(&p, WORLD_WIZARD, "humbly", "set_task_perms(caller_perms()); fork (1) x = 1; endfork");
    verb_of(&p, WORLD_BOB, "use", "#3:humbly();");
    fake_type(&p.f, WORLD_ANN, ";#3:use();");
    expect_payers(&p, "#3 #4 ");
    end(&p);
}

Test(payers, the_variable_player_names_nobody_who_pays) {
    struct payers p;
    begin(&p);
    fake_type(&p.f, WORLD_ANN, ";player = #4; fork (1) x = 1; endfork suspend(2);");
    expect_payers(&p, "#3 #3 #3 ");
    verb_of(&p, WORLD_WIZARD, "later", "fork (1) x = 1; endfork");
    fake_type(&p.f, WORLD_ANN, ";player = #4; #3:later();");
    expect_payers(&p, "#3 #3 ");
    end(&p);
}

Test(payers, lines_are_forced_upon_oneself_alone) {
    struct payers p;
    begin(&p);
    fake_type(&p.f, WORLD_ANN, ";return `force_input(#4, \"look\") ! ANY';");
    fake_expect(&p.f, WORLD_ANN, "=> E_PERM\n");
    expect_payers(&p, "#3 ");
    fake_type(&p.f, WORLD_ANN, ";force_input(#3, \";suspend(1);\");");
    expect_payers(&p, "#3 #3 #3 ");
    end(&p);
}

Test(payers, a_quota_or_group_that_a_player_sets_counts_for_nothing) {
    struct payers p;
    begin(&p);
    fake_type(&p.f, WORLD_ANN, ";add_property(#3, \"quota_group\", #4, {#3, \"rw\"}); add_property(#3, \"tick_quota\", 1000000, {#3, \"r\"}); add_property(#3, \"bg_ticks\", 1000000, {#3, \"r\"}); suspend(1); "
                              "return {tick_quota(#3), ticks_left() < 30001};");
    fake_pass(&p.f, 10);
    fake_expect(&p.f, WORLD_ANN, "=> {20000, 1}\n");
    cr_expect_eq(queue_get(p.f.s, WORLD_ANN)->share->owner, WORLD_ANN);
    end(&p);
}

/* ---- builtins ---- */

Test(quota, wizards_give_quotas_and_take_them_back) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_WIZARD, ";return {tick_quota(#3), set_tick_quota(#3, 5000), tick_quota(#3), #3.tick_quota, property_info(#3, \"tick_quota\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {20000, 0, 5000, 5000, {#2, \"r\"}}\n");
    fake_type(&f, WORLD_ANN, ";return {tick_quota(#3), `#3.tick_quota = 1 ! ANY', `set_tick_quota(#3, 1) ! ANY', `tick_quota(#4) ! ANY', `tick_quota(#99) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {5000, E_PERM, E_PERM, E_PERM, E_INVARG}\n");
    fake_type(&f, WORLD_WIZARD, ";return {`set_tick_quota(#3, -2) ! ANY', `set_tick_quota(#3, 1000000001) ! ANY', `set_tick_quota(#99, 1) ! ANY', `set_tick_quota(#3, \"1\") ! ANY', set_tick_quota(#3, -1), tick_quota(#3)};");
    fake_expect(&f, WORLD_WIZARD, "=> {E_INVARG, E_INVARG, E_INVARG, E_TYPE, 0, 20000}\n");
    fake_close(&f);
}

Test(quota, an_inherited_quota_holds_again_when_the_own_one_is_taken_back) {
    struct fake f;
    fake_open(&f, "toast");
    fake_property(&f, WORLD_ROOT, "tick_quota", value_int(7000), WORLD_WIZARD);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";a = tick_quota(#3); set_tick_quota(#3, 0); b = tick_quota(#3); set_tick_quota(#3, -1); return {a, b, tick_quota(#3), is_clear_property(#3, \"tick_quota\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {7000, 0, 7000, 1}\n");
    fake_type(&f, WORLD_WIZARD, ";set_property_info(#3, \"tick_quota\", {#3, \"rw\"}); #3.tick_quota = 9; a = tick_quota(#3); set_tick_quota(#3, 9000); return {a, tick_quota(#3), property_info(#3, \"tick_quota\")};");
    fake_expect(&f, WORLD_WIZARD, "=> {20000, 9000, {#2, \"r\"}}\n");
    fake_close(&f);
}

Test(quota, background_tasks_stand_still_and_go_on) {
    struct fake f;
    fake_open(&f, "toast");
    fake_login(&f, WORLD_WIZARD);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";for i in [1..3] suspend(1); player:tell(\"step \", i); endfor");
    fake_pass(&f, 1);
    fake_expect(&f, WORLD_ANN, "step 1\n");
    fake_type(&f, WORLD_WIZARD, ";set_tick_quota(#3, 0);");
    fake_pass(&f, 5);
    fake_expect(&f, WORLD_ANN, "");
    fake_type(&f, WORLD_ANN, ";player:tell(\"I can type\");");
    fake_expect(&f, WORLD_ANN, "I can type\n");
    fake_type(&f, WORLD_WIZARD, ";set_tick_quota(#3, -1);");
    fake_expect(&f, WORLD_ANN, "step 2\n");
    fake_pass(&f, 1);
    fake_expect(&f, WORLD_ANN, "step 3\n");
    fake_close(&f);
}

/* The value of an option, as rows of pairs have it. */
static const char option_program[] = ";o = scheduler_options(%s); for row in (o) if (row[1] == \"%s\") return row[2]; endif endfor";

static void expect_option(struct fake *f, const char *of, const char *name, const char *expected) {
    char line[300];
    snprintf(line, sizeof line, option_program, of, name);
    fake_type(f, WORLD_WIZARD, line);
    fake_expect(f, WORLD_WIZARD, expected);
}

Test(quota, options_tell_where_they_come_from) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_login(&f, WORLD_WIZARD);
    expect_option(&f, "", "bg_ticks", "=> {15000, \"default\"}\n");
    expect_option(&f, "", "task_lag_threshold", "=> {5.0, \"default\"}\n");
    sched_set_flag(f.s, OPT_bg_ticks, 16000);
    expect_option(&f, "#3", "bg_ticks", "=> {16000, \"flag\"}\n");
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "bg_ticks", value_int(17000), WORLD_WIZARD);
    expect_option(&f, "#3", "bg_ticks", "=> {17000, \"server_options\"}\n");
    fake_property(&f, WORLD_ANN, "bg_ticks", value_int(18000), WORLD_WIZARD);
    expect_option(&f, "#3", "bg_ticks", "=> {18000, \"player\"}\n");
    expect_option(&f, "", "bg_ticks", "=> {17000, \"server_options\"}\n");
    expect_option(&f, "#3", "fg_ticks", "=> {30000, \"default\"}\n");
    expect_option(&f, "#3", "boot_msg", "");
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";return {length(scheduler_options(#3)) == length(scheduler_options()), `scheduler_options(#2) ! ANY', `scheduler_options(#77) ! ANY'};");
    fake_expect(&f, WORLD_ANN, "=> {1, E_PERM, E_INVARG}\n");
    fake_close(&f);
}

/* What a task reads of its own limits is what has just been set. */
Test(quota, limits_hold_from_the_next_slice_on) {
    struct fake f;
    fake_open(&f, "toast");
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOM, "bg_ticks", value_int(1000), WORLD_WIZARD);
    fake_property(&f, WORLD_WIZARD, "bg_seconds", value_int(0), WORLD_WIZARD);
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";suspend(0); a = ticks_left() / 100; #5.bg_ticks = 2000; suspend(0); b = ticks_left() / 100; #2.bg_seconds = 7; suspend(0); c = seconds_left(); #2.bg_seconds = \"x\"; suspend(0); return {a, b, c, seconds_left()};");
    fake_expect(&f, WORLD_WIZARD, "=> {9, 19, 7, 3}\n");
    fake_close(&f);
}

/* Objects that leave memory whenever the database is asked have watched properties all the same. */
Test(quota, limits_are_live_in_a_world_larger_than_its_memory) {
    struct fake f;
    char dir[] = "/tmp/evermoo-test-XXXXXX";
    cr_assert(mkdtemp(dir));
    cr_assert_eq(rmdir(dir), 0);
    fake_open_dir(&f, dir, true);
    fake_property(&f, WORLD_SYSTEM, "server_options", value_obj(WORLD_ROOM), WORLD_WIZARD);
    fake_property(&f, WORLD_ROOT, "bg_ticks", value_int(1000), WORLD_WIZARD);
    struct buf why = BUF_INIT;
    cr_assert_eq(db_save(f.db, NULL, 0, NULL, &why), 0, "%s", buf_c(&why));
    fake_close(&f);
    fake_open_dir_evicting(&f, dir);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";suspend(0); return ticks_left() / 100;");
    fake_expect(&f, WORLD_ANN, "=> 9\n");
    fake_login(&f, WORLD_WIZARD);
    fake_type(&f, WORLD_WIZARD, ";#1.bg_ticks = 2000;");
    fake_type(&f, WORLD_ANN, ";suspend(0); return ticks_left() / 100;");
    fake_expect(&f, WORLD_ANN, "=> 19\n");
    fake_type(&f, WORLD_WIZARD, ";#3.bg_ticks = 3000; set_property_info(#3, \"bg_ticks\", {#2, \"r\"});");
    fake_type(&f, WORLD_ANN, ";suspend(0); return ticks_left() / 100;");
    fake_expect(&f, WORLD_ANN, "=> 29\n");
    fake_type(&f, WORLD_WIZARD, ";delete_property(#1, \"bg_ticks\");");
    fake_type(&f, WORLD_ANN, ";suspend(0); return ticks_left() / 100;");
    fake_expect(&f, WORLD_ANN, "=> 299\n");
    fake_close(&f);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", dir);
    cr_assert_eq(system(command), 0);
    buf_fini(&why);
}

Test(quota, who_may_grant_a_task_limit) {
    struct fake f;
    fake_open(&f, "lambda");
    fake_property(&f, WORLD_ANN, "queued_task_limit", value_int(0), WORLD_ANN);
    fake_login(&f, WORLD_ANN);
    fake_type(&f, WORLD_ANN, ";fork (100) endfork return length(queued_tasks());");
    fake_expect(&f, WORLD_ANN, "=> 1\n");
    fake_close(&f);
}
