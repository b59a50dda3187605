/* SPDX-License-Identifier: MIT */
/* `evermoo emergency WORLD': emergency wizard mode, a prompt for mending a world that nobody can log in to. Commands are one table, below. */
#include <histedit.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/list.h"
#include "base/must.h"
#include "server/command.h"
#include "server/offline.h"

enum end { GO_ON, QUIT, ABORT, CONTINUE };

struct emergency {
    const char *world;
    char **serve; /* options for serve after `continue' */
    int nserve;
    struct offline o;
    bool debug;
    enum end end;
    EditLine *editor; /* NULL: the input is no terminal */
    History *history;
    char prompt[64];
    char *line; /* the last one, without line end */
    size_t cap;
};

/* ---- lines ---- */

static char *show_prompt(EditLine *editor) {
    struct emergency *e;
    el_get(editor, EL_CLIENTDATA, &e);
    return e->prompt;
}

static void editor_begin(struct emergency *e) {
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) return;
    HistEvent event;
    e->editor = el_init("evermoo", stdin, stdout, stderr);
    e->history = history_init();
    history(e->history, &event, H_SETSIZE, 500);
    el_set(e->editor, EL_CLIENTDATA, e);
    el_set(e->editor, EL_PROMPT, show_prompt);
    el_set(e->editor, EL_EDITOR, "emacs");
    el_set(e->editor, EL_SIGNAL, 1);
    el_set(e->editor, EL_HIST, history, e->history);
}

static void editor_end(struct emergency *e) {
    if (e->editor) el_end(e->editor);
    if (e->history) history_end(e->history);
    free(e->line);
}

/* One line into e->line; false at the end of the input. */
static bool read_line(struct emergency *e) {
    ssize_t len;
    if (e->editor) {
        int n = 0;
        HistEvent event;
        const char *text = el_gets(e->editor, &n);
        if (!text || n <= 0) return false;
        free(e->line);
        e->line = xstrdup(text);
        len = n;
        if (n > 1) history(e->history, &event, H_ENTER, text);
    } else {
        fflush(stdout);
        len = getline(&e->line, &e->cap, stdin);
        if (len < 0) return false;
    }
    while (len > 0 && (e->line[len - 1] == '\n' || e->line[len - 1] == '\r')) e->line[--len] = 0;
    return true;
}

/* Lines up to a period alone, as one text. */
static void read_lines(struct emergency *e, struct buf *out) {
    snprintf(e->prompt, sizeof e->prompt, "> ");
    if (e->editor) printf("Type the lines; a period alone ends them.\n");
    while (read_line(e) && strcmp(e->line, ".")) {
        struct str *s = str_from_bytes(e->line, strlen(e->line));
        buf_add(out, s->data, s->len);
        buf_byte(out, '\n');
        str_unref(s);
    }
}

/* ---- printing ---- */

static void print_list(value lines) {
    for (uint32_t i = 1; lines.type == V_LIST && i <= lines.u.l->len; i++) {
        struct str *s = value_to_str(list_get(lines.u.l, i));
        printf("%s\n", s->data);
        str_unref(s);
    }
}

static void evaluate(struct emergency *e, const char *text, bool lines_only) {
    value v;
    if (sched_eval(e->o.sched, e->o.wizard, text, e->debug, &v)) {
        print_list(v);
    } else if (lines_only) {
        print_list(v);
    } else {
        struct buf literal = BUF_INIT;
        value_print_literal(&literal, v);
        printf("=> %s\n", buf_c(&literal));
        buf_fini(&literal);
    }
    value_unref(v);
    if (e->o.shutdown_asked) e->end = QUIT;
}

/* ---- verbs ---- */

/* "OBJ:VERB" with OBJ an object number or $name; a message and false when there is no such verb. */
static bool find_verb(struct emergency *e, const char *text, struct verbref *out) {
    struct db *db = e->o.db;
    const char *colon = strchr(text, ':');
    objid o = NOTHING;
    if (colon && *text == '#') {
        o = strtoll(text + 1, NULL, 10);
    } else if (colon && *text == '$') {
        struct str *name = str_new(text + 1, (size_t)(colon - text - 1));
        value v;
        if (db_valid(db, 0) && db_read_property(db, 0, name->data, NULL, &v)) {
            if (v.type == V_OBJ) o = v.u.o;
            value_unref(v);
        }
        str_unref(name);
    } else {
        printf("Name a verb as #N:VERB or $NAME:VERB.\n");
        return false;
    }
    if (!db_valid(db, o)) {
        printf("There is no such object.\n");
        return false;
    }
    struct str *name = str_from_bytes(colon + 1, strlen(colon + 1));
    bool found = db_find_own_verb(db, o, name, out);
    char *end;
    long long n = strtoll(name->data, &end, 10);
    if (!found && *name->data && !*end && n >= 1 && (size_t)n <= db_count_verbs(db, o)) {
        *out = (struct verbref){o, (uint32_t)(n - 1)};
        found = true;
    }
    if (!found) printf("That object does not define that verb.\n");
    str_unref(name);
    return found;
}

static void do_program(struct emergency *e, const char *argument) {
    struct verbref v;
    if (!find_verb(e, argument, &v)) return;
    struct buf text = BUF_INIT;
    struct list *messages = NULL;
    read_lines(e, &text);
    struct code *code = machine_compile_text(&e->o.machine, buf_c(&text), text.len, &messages);
    if (messages) print_list((value){.type = V_LIST, .u.l = messages});
    if (code) db_verb_program(e->o.db, v, code, e->o.wizard);
    printf(code ? "Verb programmed.\n" : "Verb not programmed.\n");
    if (messages) list_unref(messages);
    buf_fini(&text);
}

static void do_list(struct emergency *e, const char *argument) {
    struct verbref v;
    if (!find_verb(e, argument, &v)) return;
    struct code *code = db_verb_code(e->o.db, v);
    struct buf text = BUF_INIT;
    if (code) machine_list_code(&e->o.machine, code, false, true, &text);
    printf("%s", code ? buf_c(&text) : "That verb has not been programmed.\n");
    buf_fini(&text);
}

static void do_disassemble(struct emergency *e, const char *argument) {
    struct verbref v;
    if (!find_verb(e, argument, &v)) return;
    char text[80];
    snprintf(text, sizeof text, "disassemble(#%" PRId64 ", %u)", v.definer, v.index + 1);
    evaluate(e, text, true);
}

/* ---- the other commands ---- */

static void do_debug(struct emergency *e, const char *argument) {
    if (strcasecmp(argument, "on") && strcasecmp(argument, "off")) printf("Say `debug on' or `debug off'.\n");
    else e->debug = !strcasecmp(argument, "on");
}

static void do_wizard(struct emergency *e, const char *argument) {
    struct buf why = BUF_INIT;
    if (!offline_choose_wizard(&e->o, argument, &why)) printf("%s.\n", buf_c(&why));
    buf_fini(&why);
}

static void do_quit(struct emergency *e, const char *argument) { (void)argument, e->end = QUIT; }
static void do_abort(struct emergency *e, const char *argument) { (void)argument, e->end = ABORT; }
static void do_continue(struct emergency *e, const char *argument) { (void)argument, e->end = CONTINUE; }
static void do_help(struct emergency *e, const char *argument);

static const struct {
    const char *name, *argument, *doc;
    void (*run)(struct emergency *e, const char *argument);
} commands[] = {
    {"program", "OBJ:VERB", "enter the program of a verb that exists", do_program},
    {"list", "OBJ:VERB", "print its program", do_list},
    {"disassemble", "OBJ:VERB", "print what it is compiled to", do_disassemble},
    {"debug", "on|off", "whether errors are raised (on) or returned in what is evaluated", do_debug},
    {"wizard", "#N", "act as this wizard from now on", do_wizard},
    {"continue", "", "save, and serve the world", do_continue},
    {"quit", "", "save, and end", do_quit},
    {"abort", "", "end without saving", do_abort},
    {"help", "", "print this; also ?", do_help},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void do_help(struct emergency *e, const char *argument) {
    (void)e, (void)argument;
    printf("  %-22s %s\n  %-22s %s\n", ";EXPR", "evaluate an expression and print its value", ";;CODE", "run statements and print what they return");
    printf("  %-22s %s\n", "", "; or ;; alone: takes lines up to a period alone");
    for (int i = 0; i < COMMANDS; i++) {
        char head[40];
        snprintf(head, sizeof head, "%s %s", commands[i].name, commands[i].argument);
        printf("  %-22s %s\n", head, commands[i].doc);
    }
    printf("OBJ is #N or $NAME. No task that waits in the world runs before it is served again.\n");
}

static void do_eval(struct emergency *e, const char *text) {
    if (*text == ';') text++;
    while (*text == ' ') text++;
    struct buf lines = BUF_INIT;
    if (*text) {
        struct str *s = str_from_bytes(text, strlen(text));
        buf_add(&lines, s->data, s->len);
        str_unref(s);
    } else {
        read_lines(e, &lines);
    }
    if (lines.len) evaluate(e, buf_c(&lines), false);
    buf_fini(&lines);
}

static void do_command(struct emergency *e) {
    char *word = e->line + strspn(e->line, " \t");
    if (*word == ';') {
        char *text = xstrdup(word + 1);
        do_eval(e, text);
        free(text);
        return;
    }
    size_t len = strcspn(word, " \t");
    if (!len) return;
    char *argument = xstrdup(word + len + strspn(word + len, " \t"));
    int i = 0;
    while (i < COMMANDS && (strlen(commands[i].name) != len || strncasecmp(commands[i].name, word, len))) i++;
    if (i < COMMANDS) commands[i].run(e, argument);
    else if (len == 1 && *word == '?') do_help(e, argument);
    else printf("There is no such command; `help' lists them.\n");
    free(argument);
}

static void converse(struct emergency *e) {
    printf("Emergency wizard mode on %s. `help' for help, `quit' to save and end.\n", e->world);
    while (e->end == GO_ON) {
        snprintf(e->prompt, sizeof e->prompt, "MOO (#%" PRId64 ")%s: ", e->o.wizard, e->debug ? "" : "[!d]");
        if (!e->editor) printf("%s", e->prompt);
        if (read_line(e)) {
            if (!e->editor) printf("\n");
            do_command(e);
        } else {
            printf("\n");
            e->end = QUIT;
        }
    }
}

/* ---- the command ---- */

static error_t parse_argument(int key, char *arg, struct argp_state *state) {
    struct emergency *e = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        e->world = arg;
        e->serve = state->argv + state->next; /* all the rest is for serve */
        e->nserve = state->argc - state->next;
        state->next = state->argc;
        return 0;
    case ARGP_KEY_END: return e->world ? 0 : command_usage_error(state, "a world is needed");
    default: return ARGP_ERR_UNKNOWN;
    }
}

static int serve_world(struct emergency *e) {
    char serve[] = "evermoo serve", *world = xstrdup(e->world);
    char **argv = xcalloc((size_t)e->nserve + 3, sizeof *argv);
    argv[0] = serve, argv[1] = world;
    for (int i = 0; i < e->nserve; i++) argv[i + 2] = e->serve[i];
    int status = cmd_serve(e->nserve + 2, argv);
    free(argv);
    free(world);
    return status;
}

int cmd_emergency(int argc, char **argv) {
    static const struct argp argp = {
        NULL, parse_argument, "WORLD [SERVE-OPTION...]", "A prompt for mending a world that nobody can log in to. Options after WORLD are for serve, after `continue'.", NULL, NULL, NULL};
    struct emergency e = {.debug = true};
    if (command_parse(&argp, argc, argv, &e)) return COMMAND_USAGE;
    struct buf why = BUF_INIT;
    int rc = offline_open(&e.o, e.world, &(struct db_options){.read_only = false}, &why);
    if (rc == 0) {
        if (e.o.wizard == NOTHING) printf("There is no wizard in this world: `;' acts as #-1, which may do nothing.\n");
        editor_begin(&e);
        converse(&e);
        editor_end(&e);
        if (e.end != ABORT) rc = offline_save(&e.o, &why);
        offline_close(&e.o);
    }
    if (rc == 0) printf(e.end == ABORT ? "Ended without saving.\n" : "Saved.\n");
    fflush(stdout);
    int status = rc ? command_fail(argv[0], &why) : EXIT_SUCCESS;
    buf_fini(&why);
    return rc == 0 && e.end == CONTINUE ? serve_world(&e) : status;
}
