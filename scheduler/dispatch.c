/* SPDX-License-Identifier: MIT */
/* What becomes of a line of a logged-in player: intrinsic commands, do_command, the verb it names, huh. And of out-of-band lines. */
#include <string.h>

#include "base/clock.h"
#include "scheduler/command.h"
#include "scheduler/state.h"

void dispatch_out_of_band(struct scheduler *s, struct input *in, struct str *line) {
    in->last_task_id = task_new_id(s);
    struct server_verb_call call = {
        .object = in->listener, .player = in->conn, .verb = "do_out_of_band_command", .args = command_words(line->data, line->len), .argstr = line};
    run_verb(s, &call, in->last_task_id, NULL, NULL);
}

/* ---- intrinsic commands ---- */

static void set_delimiter(struct str **place, struct str *text) {
    if (*place) str_unref(*place);
    *place = text->len > 0 ? str_ref(text) : NULL;
}

static bool is_enabled(const struct input *in, enum intrinsic which) {
    return in->intrinsics & (1u << which);
}

static bool is_program_command(struct scheduler *s, const struct input *in, const struct str *verb) {
    if (!is_enabled(in, INTRINSIC_PROGRAM) || verb->data[0] != '.' || !db_valid(s->db, in->conn) || !db_flag(s->db, in->conn, OF_PROGRAMMER)) return false;
    struct str *pattern = str_from(".pr*ogram");
    bool is = verb_names_match(pattern, verb->data, verb->len);
    str_unref(pattern);
    return is;
}

static bool run_intrinsic(struct scheduler *s, struct input *in, const struct command *c, struct command_look *look) {
    static const struct {
        const char *name;
        enum intrinsic which;
        bool is_suffix;
    } delimiters[] = {{"PREFIX", INTRINSIC_PREFIX, false},
                      {"OUTPUTPREFIX", INTRINSIC_OUTPUTPREFIX, false},
                      {"SUFFIX", INTRINSIC_SUFFIX, true},
                      {"OUTPUTSUFFIX", INTRINSIC_OUTPUTSUFFIX, true}};
    for (size_t i = 0; i < sizeof delimiters / sizeof *delimiters; i++) {
        if (strcmp(c->verb->data, delimiters[i].name) != 0 || !is_enabled(in, delimiters[i].which)) continue;
        set_delimiter(delimiters[i].is_suffix ? &in->suffix : &in->prefix, c->argstr);
        return true;
    }
    if (!is_program_command(s, in, c->verb)) return false;
    if (c->args->len == 1) programming_start(s, in, c->args->items[0].u.s, look);
    else tell(s, in->conn, "Usage:  .program object:verb");
    return true;
}

/* ---- verbs ---- */

static void run_typed_verb(struct scheduler *s, struct input *in, const struct command *c, objid this_, struct verbref verb) {
    if (!db_verb_code(s->db, verb)) return;
    struct vm_start start = {.player = in->conn, .this_ = this_, .caller = in->conn, .progr = NOTHING, .verb = verb, .verb_name = c->verb, .args = c->args,
                             .argstr = c->argstr, .dobjstr = c->dobjstr, .prepstr = c->prepstr, .iobjstr = c->iobjstr, .dobj = c->dobj, .iobj = c->iobj};
    struct vm *vm = vm_new(s->m, &start);
    if (vm) run_vm(s, vm, in->last_task_id, RUN_FOREGROUND, value_int(0), NULL);
    else tell(s, in->conn, "The program of #%lld:%s cannot be run: it does not parse.", (long long)verb.definer, db_verb_names(s->db, verb)->data);
}

static bool find_typed_verb(struct scheduler *s, objid player, const struct command *c, objid *this_, struct verbref *verb) {
    objid places[4] = {player, db_valid(s->db, player) ? db_location(s->db, player) : NOTHING, c->dobj, c->iobj};
    for (int i = 0; i < 4; i++) {
        *this_ = places[i];
        if (db_valid(s->db, places[i]) && db_find_command_verb(s->db, places[i], c->verb->data, c->verb->len, c->dobj, c->prep, c->iobj, verb)) return true;
    }
    return false;
}

static bool find_huh(struct scheduler *s, objid player, objid *this_, struct verbref *verb) {
    if (!db_valid(s->db, player)) return false;
    *this_ = s->m->dialect->huh_on_player && option_int(s, OPT_player_huh) ? player : db_location(s->db, player);
    struct str *huh = str_from("huh");
    bool found = db_valid(s->db, *this_) && db_find_callable_verb(s->db, *this_, huh, NULL, verb);
    str_unref(huh);
    return found;
}

/* Whether the world's own do_command takes the whole line. */
static bool is_done_by_world(struct scheduler *s, struct input *in, struct str *line) {
    struct server_verb_call call = {
        .object = in->listener, .player = in->conn, .verb = "do_command", .args = command_words(line->data, line->len), .argstr = line};
    value answer;
    bool found;
    enum vm_status status = run_verb(s, &call, in->last_task_id, &answer, &found);
    bool done = found && (status != VM_DONE || value_is_true(answer));
    value_unref(answer);
    return done;
}

static void say_delimiter(struct scheduler *s, objid conn, const struct str *text) {
    if (text) s->host.notify(s->host.ctx, conn, text->data, text->len, false, false);
}

static void run_found_verb(struct scheduler *s, struct input *in, const struct command *c, const struct command_look *look) {
    objid this_;
    struct verbref verb;
    bool found = find_typed_verb(s, in->conn, c, &this_, &verb);
    if (!found && look->gave_up) tell(s, in->conn, "There are too many things here to look through them all.");
    if (found || find_huh(s, in->conn, &this_, &verb)) run_typed_verb(s, in, c, this_, verb);
    else tell(s, in->conn, "I couldn't understand that.");
}

static void run_command(struct scheduler *s, struct input *in, struct command *c, struct str *line, struct command_look *look) {
    command_find_objects(s->db, in->conn, c, look);
    say_delimiter(s, in->conn, in->prefix);
    in->last_task_id = task_new_id(s);
    if (!is_done_by_world(s, in, line)) run_found_verb(s, in, c, look);
    say_delimiter(s, in->conn, in->suffix);
}

static bool is_late(const void *until_us) { return clock_monotonic_us() >= *(const int64_t *)until_us; }

static void dispatch_parts(struct scheduler *s, struct input *in, struct command *c, struct str *line) {
    const int64_t until_us = run_begin_look(s);
    const struct patience patience = {is_late, &until_us};
    struct command_look look = {.patience = &patience};
    if (!run_intrinsic(s, in, c, &look)) run_command(s, in, c, line, &look);
    s->look_us = 0; /* for no other slice */
}

void dispatch_command(struct scheduler *s, struct input *in, struct str *line) {
    struct command c;
    if (in->program) {
        programming_line(s, in, line);
    } else if (command_from_line(line, &c)) {
        dispatch_parts(s, in, &c, line);
        command_fini(&c);
    }
}
