/* SPDX-License-Identifier: MIT */
/* The intrinsic command .program: lines collected up to a single `.', then compiled into the verb. */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/must.h"
#include "base/str.h"
#include "scheduler/command.h"
#include "scheduler/state.h"

enum { MAX_PROGRAM_BYTES = 1 << 24 }; /* whoever sends lines and never a `.' holds no more than this */

static objid find_object(struct scheduler *s, objid player, const struct str *text, struct command_look *look) {
    if (text->data[0] != '$') return command_match_object(s->db, player, text, look);
    value v;
    if (!db_valid(s->db, 0) || !db_read_property(s->db, 0, text->data + 1, look->patience, &v)) return NOTHING;
    objid o = v.type == V_OBJ ? v.u.o : NOTHING;
    value_unref(v);
    return o;
}

/* On the object itself, by name or, where the option allows it, by number. */
static bool find_own_verb(struct scheduler *s, objid o, struct str *descriptor, struct verbref *verb) {
    if (option_int(s, OPT_support_numeric_verbname_strings) && descriptor->data[0] >= '0' && descriptor->data[0] <= '9') {
        char *end;
        unsigned long n = strtoul(descriptor->data, &end, 10);
        if (*end == 0 && n >= 1 && n <= db_count_verbs(s->db, o)) {
            *verb = (struct verbref){o, (uint32_t)(n - 1)};
            return true;
        }
    }
    return db_find_own_verb(s->db, o, descriptor, verb);
}

static bool is_set_verb_code_protected(struct scheduler *s) {
    int id = machine_find_builtin(s->m, "set_verb_code", strlen("set_verb_code"));
    return id >= 0 && s->m->protect[id];
}

static void say_no_object(struct scheduler *s, objid conn, objid result, const char *text) {
    if (result == FAILED_MATCH) tell(s, conn, "I don't see \"%s\" here.", text);
    else if (result == AMBIGUOUS) tell(s, conn, "I don't know which \"%s\" you mean.", text);
    else tell(s, conn, "\"%s\" is not a valid object.", text);
}

static void begin(struct input *in, objid o, struct str *descriptor) {
    in->program = xcalloc(1, sizeof *in->program);
    in->program_object = o;
    in->program_verb = str_ref(descriptor);
}

static void start_on(struct scheduler *s, struct input *in, objid o, struct str *descriptor) {
    struct verbref verb;
    if (!find_own_verb(s, o, descriptor, &verb)) {
        tell(s, in->conn, "That object does not have that verb definition.");
    } else if (!db_verb_allows(s->db, verb, in->conn, VF_WRITE) || (is_set_verb_code_protected(s) && !db_is_wizard(s->db, in->conn))) {
        tell(s, in->conn, "Permission denied.");
    } else {
        struct str *name = str_ref(db_name(s->db, o)), *verbs = str_ref(db_verb_names(s->db, verb));
        tell(s, in->conn, "Now programming %s:%s.  Use \".\" to end.", name->data, verbs->data);
        str_unref(name);
        str_unref(verbs);
        begin(in, o, descriptor);
    }
}

void programming_start(struct scheduler *s, struct input *in, struct str *spec, struct command_look *look) {
    const char *colon = strchr(spec->data, ':');
    if (!colon || !colon[1]) {
        tell(s, in->conn, "You must specify a verb; use the format object:verb.");
        return;
    }
    struct str *object = str_new(spec->data, (size_t)(colon - spec->data)), *descriptor = str_from(colon + 1);
    objid o = find_object(s, in->conn, object, look);
    if (db_valid(s->db, o)) start_on(s, in, o, descriptor);
    else say_no_object(s, in->conn, o, object->data);
    str_unref(object);
    str_unref(descriptor);
}

/* Nobody waits for its compilation longer than for a slice. */
static size_t longest_program(struct scheduler *s) {
    int64_t bytes = run_typed_us(s) * 1000 / MACHINE_COMPILE_NS;
    return bytes < MAX_PROGRAM_BYTES ? (size_t)bytes : MAX_PROGRAM_BYTES;
}

static void compile_into(struct scheduler *s, objid conn, struct verbref verb, const struct buf *text) {
    struct list *messages = NULL;
    size_t most = longest_program(s);
    if (text->len > most) messages = list_of(1, value_str(str_printf("Program too long: it may have %zu bytes", most)));
    struct code *code = messages ? NULL : machine_compile_text(s->m, buf_c(text), text->len, &messages);
    int64_t errors = messages ? messages->len : 0;
    if (messages) {
        value lines = value_list(messages);
        tell_lines(s, conn, lines);
        value_unref(lines);
    }
    tell(s, conn, "%lld error(s).", (long long)errors);
    if (code) db_verb_program(s->db, verb, code, conn);
    tell(s, conn, code ? "Verb programmed." : "Verb not programmed.");
}

static void finish(struct scheduler *s, struct input *in) {
    struct buf *text = in->program;
    struct str *descriptor = in->program_verb;
    struct verbref verb;
    in->program = NULL;
    in->program_verb = NULL;
    if (!db_valid(s->db, in->program_object)) tell(s, in->conn, "That object appears to have disappeared ...");
    else if (!find_own_verb(s, in->program_object, descriptor, &verb)) tell(s, in->conn, "That verb appears to have disappeared ...");
    else compile_into(s, in->conn, verb, text);
    str_unref(descriptor);
    buf_fini(text);
    free(text);
}

void programming_line(struct scheduler *s, struct input *in, struct str *line) {
    if (strcmp(line->data, ".") == 0) {
        finish(s, in);
        return;
    }
    if (in->program->len > MAX_PROGRAM_BYTES) return;
    buf_add(in->program, line->data, line->len);
    buf_byte(in->program, '\n');
}
