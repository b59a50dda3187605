/* SPDX-License-Identifier: MIT */
/*
 * What the players of a simulation type, and the two functions by which these programs take part in it: burn(us), in which CPU time passes, and note(what, a, b).
 *
 * Before a task waits it notes how long ("sleep", seconds), a fork its number and delay ("forked", id, seconds); "woke" and "begun" is the first that they note then.
 */
#include "sim.h"

#include "builtins/support.h"

static struct sim *sim_of(const struct builtin_call *c) {
    const struct host *host = c->m->host;
    return host->ctx;
}

static double number(const struct builtin_call *c, int i) {
    return !has_arg(c, i) ? 0 : c->args[i].type == V_FLOAT ? c->args[i].u.f : (double)c->args[i].u.i;
}

/* As any that takes long, it looks at the clock. */
static struct result bf_burn(struct builtin_call *c) {
    enum { LOOK_EVERY_US = 1000 };
    for (int64_t left = c->args[0].u.i; left > 0 && !vm_deadline_passed(c->vm); left -= LOOK_EVERY_US) sim_burn(sim_of(c), left < LOOK_EVERY_US ? left : LOOK_EVERY_US);
    return result_int(0);
}

static struct result bf_note(struct builtin_call *c) {
    struct sim *sim = sim_of(c);
    struct sim_note note = {c->args[0].u.s->data, sched_current_task_id(sim->f.s), vm_task_player(c->vm), c->progr, number(c, 1), number(c, 2)};
    model_noted(sim, &note);
    if (sim->noted) sim->noted(sim, &note);
    return result_int(0);
}

const struct builtin sim_builtins[] = {
    {"burn", bf_burn, 1, 1, {V_INT, ARG_ANY, ARG_ANY, ARG_ANY, ARG_ANY}, "us", "CPU time passes", NULL, NULL},
    {"note", bf_note, 1, 3, {V_STR, ARG_NUMBER, ARG_NUMBER, ARG_ANY, ARG_ANY}, "what, a, b", "Tells the simulation", NULL, NULL},
};
const int sim_nbuiltins = sizeof sim_builtins / sizeof *sim_builtins;

/* Commands of everybody's, run as the player. */
static const struct {
    const char *name, *program;
} commands[] = {
    {"say", "note(\"said\", toint(args[1]));"},
    {"work", "burn(toint(args[2])); note(\"said\", toint(args[1]));"},
    {"nap", /* times seconds us */
     "n = toint(args[1]); d = tofloat(args[2]); u = toint(args[3]);"
     "for i in [1..n] note(\"sleep\", d); if (`suspend(d) ! E_QUOTA' == E_QUOTA) note(\"refused\"); return; endif note(\"woke\", i); burn(u); endfor note(\"over\", n);"},
    {"brood", /* children seconds us */
     "n = toint(args[1]); d = tofloat(args[2]); u = toint(args[3]);"
     "for i in [1..n] try fork t (d * tofloat(i)) note(\"begun\", i); burn(u); note(\"over\", i); endfork note(\"forked\", t, d * tofloat(i)); except (E_QUOTA) note(\"refused fork\", i); endtry endfor"},
    {"litter", /* children seconds us: all at the same time */
     "{n, d, u} = {toint(args[1]), tofloat(args[2]), toint(args[3])}; for i in [1..n] try fork t (d) note(\"begun\", i); burn(u); note(\"over\", i); endfork note(\"forked\", t, d);"
     " except (E_QUOTA) note(\"refused fork\", i); endtry endfor"},
    {"errand", "o = toobj(args[1]); if (valid(o)) o:own_work(tofloat(args[2]), toint(args[3])); endif"}, /* whose seconds us */
    {"sleepers", /* from n: each at a time of its own within some hours, in no order */
     "{from, n} = args; n = toint(n); from = toint(from); for i in [from..from + n - 1] fork (1.0 + tofloat(i * 7919 % 1000003) / 100.0) i = 0; endfork endfor"},
    {"feeds", "for i in [1..toint(args[1])] toobj(args[2]):own_work(0.0, toint(args[3])); suspend(0); endfor"}, /* times whom us */
    {"feed", "while (1) burn(100); toobj(args[1]):own_work(0.0, toint(args[2])); suspend(0); endwhile"}, /* whom us: for ever */
    {"spinners", "for i in [1..toint(args[1])] fork (0) while (1) suspend(0); endwhile endfork endfor"},
    {"hog", "try fork t (0) note(\"begun\"); while (1) endwhile endfork note(\"forked\", t, 0); except (E_QUOTA) note(\"refused fork\"); endtry"},
    {"burnout", "try fork t (0) note(\"begun\"); while (1) burn(1000); endwhile endfork note(\"forked\", t, 0); except (E_QUOTA) note(\"refused fork\"); endtry"},
    /* These park at their limits. */
    {"count", "try fork t (0) note(\"begun\"); note(\"parks\"); set_task_overrun(\"park\"); n = 0; for i in [1..toint(args[1])] n = n + i; endfor note(\"counted\", n); endfork note(\"forked\", t, 0);"
     " except (E_QUOTA) note(\"refused fork\"); endtry"},
    {"toil", "try fork t (0) note(\"begun\"); note(\"parks\"); set_task_overrun(\"park\"); for i in [1..toint(args[1])] burn(1000); endfor note(\"toiled\"); endfork note(\"forked\", t, 0);"
     " except (E_QUOTA) note(\"refused fork\"); endtry"},
    {"yield", "try fork t (0) note(\"begun\"); n = 0; for i in [1..toint(args[1])] n = n + i; `yield_point() ! E_QUOTA'; endfor note(\"counted\", n); endfork note(\"forked\", t, 0);"
     " except (E_QUOTA) note(\"refused fork\"); endtry"},
    {"mortal", /* seconds us lifetime: at its deadline it ends, asleep or not */
     "{d, u, l} = {tofloat(args[1]), toint(args[2]), tofloat(args[3])}; try fork t (0) note(\"begun\"); set_task_deadline(task_id(), l); note(\"deadline\", l);"
     " while (1) note(\"sleep\", d); if (`suspend(d) ! E_QUOTA' == E_QUOTA) note(\"refused\"); return; endif note(\"woke\"); burn(u); endwhile endfork note(\"forked\", t, 0);"
     " except (E_QUOTA) note(\"refused fork\"); endtry"},
    {"ask", "note(\"asks\"); l = `read(player) ! ANY'; note(\"answered\", typeof(l) == STR);"},
    {"doze", "note(\"dozes\"); if (`suspend() ! E_QUOTA' == E_QUOTA) note(\"refused\"); return; endif note(\"roused\");"},
    {"kill", "q = queued_tasks(); if (q) t = q[toint(args[1]) % length(q) + 1][1]; kill_task(t); note(\"killed\", t); endif"},
    {"wake", "q = queued_tasks(); if (q) t = q[toint(args[1]) % length(q) + 1][1]; if (!`resume(t) ! ANY => 1') note(\"resumed\", t); endif endif"},
};

void sim_add_programs(struct sim *sim) {
    struct fake *f = &sim->f;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct str *program = str_printf("set_task_perms(player); %s", commands[i].program);
        fake_command(f, WORLD_ROOT, WORLD_WIZARD, commands[i].name, program->data);
        str_unref(program);
    }
    /* The wizard's: its player pays. */
    fake_command(f, WORLD_ROOT, WORLD_WIZARD, "elves", "d = tofloat(args[1]); fork t (d) note(\"begun\"); burn(toint(args[2])); endfork note(\"forked\", t, d);");
    fake_verb(f, WORLD_SYSTEM, "handle_task_timeout", "note(\"timeout\", args[1] == \"ticks\"); return 1;");
    fake_verb(f, WORLD_SYSTEM, "handle_uncaught_error", "note(\"uncaught\", toint(args[1])); return 0;");
    fake_verb(f, WORLD_SYSTEM, "user_connected user_reconnected", "note(\"connected\", toint(args[1]));");
    fake_verb(f, WORLD_SYSTEM, "user_disconnected user_client_disconnected", "note(\"disconnected\", toint(args[1]));");
}

/* His own, for others' errands: he pays for what it forks. */
void sim_add_own_programs(struct sim *sim, objid player) {
    fake_verb_of(&sim->f, player, player, "own_work",
                 "{d, u} = args; try fork t (d) note(\"begun\"); burn(u); endfork note(\"forked\", t, d); except (E_QUOTA) note(\"refused fork\"); endtry");
}
