/* SPDX-License-Identifier: MIT */
#include "server/limit_flags.h"

#include <stdio.h>

#include "base/buf.h"
#include "server/command.h"

enum { KEY_FIRST = 0x1000 }; /* above all others of `serve' */

static const char *const docs[OPT_COUNT] = {
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) doc,
#include "scheduler/options.def"
#undef OPTION
};

static error_t parse_limit(int key, char *arg, struct argp_state *state) {
    struct limit_flags *f = state->input;
    if (key < KEY_FIRST || key >= KEY_FIRST + OPT_COUNT) return ARGP_ERR_UNKNOWN;
    int which = key - KEY_FIRST;
    struct buf range = BUF_INIT;
    f->given[which] = option_parse((enum server_option)which, arg, &f->n[which], &range);
    error_t e = f->given[which] ? 0 : command_usage_error(state, "'%.100s' does not fit %s: %s", arg, option_name((enum server_option)which), buf_c(&range));
    buf_fini(&range);
    return e;
}

static void flag_name(char *out, size_t size, const char *option) {
    snprintf(out, size, "%s", option);
    for (char *p = out; *p; p++)
        if (*p == '_') *p = '-';
}

void limit_parser_init(struct limit_parser *room) {
    *room = (struct limit_parser){.argp = {.options = room->options, .parser = parse_limit}};
    struct argp_option *next = room->options;
    for (int i = 0; i < OPT_COUNT; i++) {
        if (!option_is_flag((enum server_option)i)) continue;
        flag_name(room->names[i], sizeof room->names[i], option_name((enum server_option)i));
        *next++ = (struct argp_option){.name = room->names[i], .key = KEY_FIRST + i, .arg = "N", .doc = docs[i]};
    }
}

void limit_flags_apply(const struct limit_flags *f, struct scheduler *s) {
    for (int i = 0; i < OPT_COUNT; i++)
        if (f->given[i]) sched_set_flag(s, (enum server_option)i, f->n[i]);
}
