/* SPDX-License-Identifier: MIT */
/* Tasks in text dumps, formats 0 to 4: forked ones into fields and back, suspended ones read through and kept as text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "db/textdump_parts.h"

enum { FRAMES_MAX = 1 << 20, ACTIVATION_NUMBERS = 9, ACTIVATION_STRINGS = 6, BUILTIN_DEPTH_MAX = 100 };

/* The current line is these numbers and nothing else. Returns how many there were, 0 to `most', or -1. */
static int scan_ints(const char **p, int64_t *out, int most) {
    int n = 0;
    while (n < most && scan_int(p, &out[n])) n++;
    return n;
}

bool dump_read_program(struct reader *r, struct buf *out) {
    for (;;) {
        if (!reader_line(r, "the rest of a program")) return false;
        if (r->text[0] == '.') return r->len == 1 || reader_fail(r, "a program line that begins with a period");
        if (!out) continue;
        if (!reader_add_text(r, out)) return false;
        buf_byte(out, '\n');
    }
}

/* ---- parts of tasks ---- */

struct activation {
    int64_t numbers[ACTIVATION_NUMBERS]; /* this -7 -8 player -9 programmer definer -10 debug */
    struct str *verb, *full_name;
};

static bool read_activation(struct reader *r, int version, struct activation *a) {
    if (!dump_read_value(r, version, PLACE_PROPERTY, NULL)) return false;
    if (!reader_line(r, "the numbers of an activation")) return false;
    const char *p = r->text;
    if (scan_ints(&p, a->numbers, ACTIVATION_NUMBERS) != ACTIVATION_NUMBERS || *p)
        return reader_fail(r, "the %d numbers of an activation were expected here", ACTIVATION_NUMBERS);
    for (int i = 0; i < ACTIVATION_STRINGS - 2; i++)
        if (!reader_string(r, "a string of an activation", NULL)) return false;
    return reader_string(r, "a verb's name", &a->verb) && reader_string(r, "a verb's full name", &a->full_name);
}

static void activation_fini(struct activation *a) {
    str_unref(a->verb);
    str_unref(a->full_name);
    a->verb = a->full_name = NULL;
}

static bool read_variables(struct reader *r, int version, struct foreign_task *t) {
    int64_t n;
    size_t cap = 0;
    if (!reader_count_words(r, "variables", 3, &n)) return false;
    for (int64_t i = 0; i < n; i++) {
        if (!t) {
            if (!reader_string(r, "a variable's name", NULL) || !dump_read_value(r, version, PLACE_VARIABLE, NULL)) return false;
            continue;
        }
        if (t->nvariables == cap) {
            cap = cap ? cap * 2 : 32;
            t->variables = xrealloc(t->variables, cap * sizeof *t->variables);
        }
        struct foreign_variable *v = &t->variables[t->nvariables];
        if (!reader_string(r, "a variable's name", &v->name)) return false;
        v->v = value_none();
        t->nvariables++;
        if (!dump_read_value(r, version, PLACE_VARIABLE, &v->v)) return false;
    }
    return true;
}

static void take_activation(struct foreign_task *t, struct activation *a) {
    t->this_ = a->numbers[0];
    t->player = a->numbers[3];
    t->programmer = a->numbers[5];
    t->definer = a->numbers[6];
    t->debug = a->numbers[8];
    str_unref(t->verb);
    str_unref(t->full_name);
    t->verb = a->verb;
    t->full_name = a->full_name;
    a->verb = a->full_name = NULL;
}

/* ---- forked ---- */

static bool read_forked_body(struct reader *r, int version, struct foreign_task *t) {
    struct activation a = {.verb = NULL};
    bool ok = read_activation(r, version, &a);
    if (ok) take_activation(t, &a);
    activation_fini(&a);
    if (!ok || !read_variables(r, version, t)) return false;
    struct buf program = BUF_INIT;
    ok = dump_read_program(r, &program);
    if (ok) t->program = buf_to_str(&program);
    buf_fini(&program);
    return ok;
}

/* The text is kept where the fields would not print as it reads. */
static bool keep_odd_text(struct reader *r, int64_t from, struct foreign_task *t) {
    struct buf text = BUF_INIT, printed = BUF_INIT;
    bool ok = reader_slice(r, from, &text);
    if (ok && (!dump_print_forked(&printed, t) || text.len != printed.len || memcmp(text.data, printed.data, text.len))) t->raw = buf_to_str(&text);
    buf_fini(&text);
    buf_fini(&printed);
    return ok;
}

bool dump_read_forked(struct reader *r, int version, struct foreign_task *out) {
    *out = (struct foreign_task){.kind = FOREIGN_FORKED, .version = version};
    int64_t from = reader_tell(r), head[4];
    if (!reader_line(r, "a forked task")) return false;
    const char *p = r->text;
    if (scan_ints(&p, head, 4) != 4 || *p) return reader_fail(r, "the four numbers of a forked task were expected here");
    out->first_line = head[1];
    out->time = head[2];
    out->id = head[3];
    if (read_forked_body(r, version, out) && keep_odd_text(r, from, out)) return true;
    foreign_task_fini(out);
    return false;
}

static const char *print_name(const struct str *s) { return s ? s->data : ""; }

bool dump_print_forked(struct buf *out, const struct foreign_task *t) {
    buf_printf(out, "0 %" PRId64 " %" PRId64 " %" PRId64 "\n0\n-111\n", t->first_line, t->time, t->id);
    buf_printf(out, "%" PRId64 " -7 -8 %" PRId64 " -9 %" PRId64 " %" PRId64 " -10 %" PRId64 "\nNo\nMore\nParse\nInfos\n", t->this_, t->player,
               t->programmer, t->definer, t->debug);
    buf_printf(out, "%s\n%s\n%zu variables\n", print_name(t->verb), print_name(t->full_name), t->nvariables);
    for (size_t i = 0; i < t->nvariables; i++) {
        buf_printf(out, "%s\n", print_name(t->variables[i].name));
        if (!dump_print_value(out, t->variables[i].v)) return false;
    }
    if (t->program) buf_add(out, t->program->data, t->program->len);
    buf_add_c(out, ".\n");
    return true;
}

/* ---- suspended ---- */

/* After a builtin's name: what it keeps. Functions that this format does not name keep nothing. */
static bool skip_builtin_state(struct reader *r) {
    static const char call[] = "bf_call_function data: fname = ";
    for (int depth = 0; depth < BUILTIN_DEPTH_MAX; depth++) {
        char name[64];
        const char *word = r->text;
        if (!strncmp(word, call, sizeof call - 1)) word += sizeof call - 1;
        snprintf(name, sizeof name, "%s", word);
        bool keeps = !strcmp(name, "move") || !strcmp(name, "create") || !strcmp(name, "recycle") || !strcmp(name, "call_function");
        if (!keeps) return true;
        if (!reader_line(r, "what a function keeps")) return false;
        if (strncmp(r->text, "bf_", 3)) return reader_fail(r, "what %s() keeps was expected here", name);
        if (strcmp(name, "call_function")) return true;
    }
    return reader_fail(r, "call_function() nested more than %d deep", BUILTIN_DEPTH_MAX);
}

/* The text of a task as it is kept: what was read from `from' on is still to be added. */
struct kept {
    int64_t from;
    struct buf text;
};

static bool keep_so_far(struct reader *r, struct kept *k) {
    bool ok = reader_slice(r, k->from, &k->text);
    k->from = reader_tell(r);
    return ok;
}

static bool read_language_version(struct reader *r, struct foreign_task *t) {
    static const char words[] = "language version ";
    int64_t v;
    if (!reader_line(r, "a language version")) return false;
    const char *p = r->text + sizeof words - 1;
    if (strncmp(r->text, words, sizeof words - 1) || !scan_int(&p, &v) || *p) return reader_fail(r, "'language version N' was expected here");
    if (v < 0 || v > DUMP_NEWEST_READ) return reader_fail(r, "language version %" PRId64 " cannot stand in a dump of this format", v);
    t->version = (int)v;
    return true;
}

static bool read_frame(struct reader *r, int version, struct foreign_task *t, struct kept *k) {
    if (version < 3) { /* later formats name the language version in each frame: what is kept does, too */
        if (!keep_so_far(r, k)) return false;
        buf_printf(&k->text, "language version %d\n", version);
    } else if (!read_language_version(r, t)) {
        return false;
    }
    int64_t slots, pc[3];
    if (!dump_read_program(r, NULL) || !read_variables(r, version, NULL) || !reader_count_words(r, "rt_stack slots in use", 2, &slots)) return false;
    for (int64_t i = 0; i < slots; i++)
        if (!dump_read_value(r, version, PLACE_STACK, NULL)) return false;
    struct activation a = {.verb = NULL};
    bool ok = read_activation(r, version, &a);
    if (ok) take_activation(t, &a);
    activation_fini(&a);
    if (!ok || !dump_read_value(r, version, PLACE_STACK, NULL) || !reader_line(r, "a program counter")) return false;
    const char *p = r->text;
    if (scan_ints(&p, pc, 3) < 2 || *p) return reader_fail(r, "two or three numbers (program counters) were expected here");
    return pc[1] == 0 || (reader_line(r, "a function's name") && skip_builtin_state(r));
}

static bool read_vm(struct reader *r, int version, struct foreign_task *t, struct kept *k) {
    int64_t n[4];
    if (!reader_line(r, "the head of a stack")) return false;
    const char *p = r->text;
    if (scan_ints(&p, n, 4) < 3 || *p) return reader_fail(r, "three or four numbers (the head of a stack) were expected here");
    if (n[0] < 0 || n[0] > FRAMES_MAX) return reader_fail(r, "a stack cannot have %" PRId64 " frames", n[0]);
    for (int64_t i = 0; i <= n[0]; i++)
        if (!read_frame(r, version, t, k)) return false;
    return true;
}

/* "TIME ID", then perhaps a value whose tag stands on the same line. */
static bool read_suspended_head(struct reader *r, int version, struct foreign_task *t) {
    if (!reader_line(r, "a suspended task")) return false;
    const char *p = r->text;
    int64_t tag;
    if (!scan_int(&p, &t->time) || !scan_int(&p, &t->id)) return reader_fail(r, "the numbers of a suspended task were expected here");
    if (!*p) return true;
    if (!scan_int(&p, &tag) || *p) return reader_fail(r, "the type of the value that wakes a task was expected at the end of this line");
    return dump_read_value_after_tag(r, version, PLACE_VARIABLE, tag, NULL);
}

bool dump_read_suspended(struct reader *r, int version, struct foreign_task *out) {
    *out = (struct foreign_task){.kind = FOREIGN_SUSPENDED, .version = version};
    struct kept k = {reader_tell(r), BUF_INIT};
    bool ok = read_suspended_head(r, version, out) && read_vm(r, version, out, &k) && keep_so_far(r, &k);
    if (ok) out->raw = buf_to_str(&k.text);
    else foreign_task_fini(out);
    buf_fini(&k.text);
    return ok;
}
