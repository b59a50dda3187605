/* SPDX-License-Identifier: MIT */
/* Prints docs/reference.md from the tables that the server itself is built from. `make docs` writes it; a test fails when the file is stale. */
#include <stdio.h>
#include <string.h>

#include "base/dialect.h"
#include "base/value.h"
#include "builtins/registry.h"

static void heading(const char *title, const char *text, const char *columns) {
    printf("\n## %s\n\n%s\n\n%s\n|", title, text, columns);
    for (const char *p = columns + 1; (p = strchr(p, '|')); p++) printf("---|");
    printf("\n");
}

/* Text inside a table cell. */
static void cell(const char *text) {
    for (; *text; text++) {
        if (*text == '|' || *text == '<' || *text == '*' || *text == '_') putchar('\\');
        putchar(*text);
    }
}

static void row3(const char *a, const char *b, const char *c) {
    printf("| `%s` | ", a);
    cell(b);
    printf(" | ");
    cell(c);
    printf(" |\n");
}

static void print_types(const struct builtin *f) {
    int shown = f->max < 0 || f->max > BUILTIN_MAX_TYPES ? BUILTIN_MAX_TYPES : f->max;
    while (shown > 0 && f->types[shown - 1] == ARG_ANY) shown--;
    for (int i = 0; i < shown; i++) {
        const char *word = f->types[i] == ARG_ANY ? "any" : f->types[i] == ARG_NUMBER ? "number" : type_word(f->types[i]);
        printf("%s%s", i ? ", " : "", word);
    }
}

static void print_option_number(const char *kind, long long n) {
    if (!strcmp(kind, "SECONDS")) printf("%g", (double)n / 1e6);
    else if (n == INT64_MAX) fputs("any", stdout);
    else printf("%lld", n);
}

static void print_option_range(const char *kind, long long least, long long most) {
    if (!strcmp(kind, "TRUTH") || !strcmp(kind, "OTHER")) return;
    print_option_number(kind, least);
    fputs(" to ", stdout);
    print_option_number(kind, most);
}

static void print_option(const char *name, const char *kind, long long lambda, long long toast, long long least, long long most, const char *when, const char *where, const char *doc) {
    printf("| `%s` | %s | %s | ", name, strcmp(when, "LIVE") ? "cached" : "live", !strcmp(where, "PLAYER") ? "player, flag" : !strcmp(where, "SERVE") ? "flag" : "");
    if (!strcmp(kind, "OTHER")) fputs("a text", stdout);
    else print_option_number(kind, lambda);
    if (lambda != toast) {
        fputs(", ", stdout);
        print_option_number(kind, toast);
    }
    fputs(" | ", stdout);
    print_option_range(kind, least, most);
    fputs(" | ", stdout);
    cell(doc);
    printf(" |\n");
}

static void print_builtins(void) {
    heading("Built-in functions", "Arguments are counted and their types checked before a function runs: `E_ARGS`, then `E_TYPE`.",
            "| function | arguments | types | |");
    int n;
    const struct builtin *table = builtins_for_dialect(dialect_by_name("lambda"), &n);
    for (int i = 0; i < n; i++) {
        printf("| `%s(%s)` | ", table[i].name, table[i].args);
        if (table[i].max < 0)
            printf("%d or more", table[i].min);
        else if (table[i].min == table[i].max)
            printf("%d", table[i].min);
        else
            printf("%d to %d", table[i].min, table[i].max);
        printf(" | ");
        print_types(&table[i]);
        printf(" | ");
        cell(table[i].doc);
        printf(" |\n");
    }
}

static void print_threaded(void) {
    char text[600];
    snprintf(text, sizeof text,
            "Others are served while the task waits. It gets exactly one answer, also after a reboot (what that does with work that is not done: the second column) and after a restart from a save, when the work "
            "is begun again. %d calls of one player may wait, and %d in all; more raise `E_QUOTA`.",
            THREADED_MOST_OF_ONE, THREADED_MOST_WAITING);
    heading("Functions that run in threads", text, "| function | at a reboot |");
    int n;
    const struct builtin *table = builtins_for_dialect(dialect_by_name("lambda"), &n);
    static const char *const words[] = {[AT_REBOOT_FINISH] = "waits until it is done", [AT_REBOOT_RESTART] = "begins it again", [AT_REBOOT_INTERRUPT] = "raises `E_INVARG`"};
    for (int i = 0; i < n; i++)
        if (table[i].threaded) printf("| `%s()` | %s |\n", table[i].name, words[table[i].threaded->at_reboot]);
}

static void print_value_tables(void) {
    char number[16];
    heading("Types", "What `typeof()` gives, and the code in text dumps and records.", "| code | variable | type |");
#define TYPE(name, code, variable, doc)                                                                                                    \
    snprintf(number, sizeof number, "%d", code);                                                                                           \
    row3(number, variable, doc);
#include "base/types.def"
#undef TYPE
    heading("Errors", "", "| error | number | text |");
#define ERROR(name, code, text)                                                                                                            \
    snprintf(number, sizeof number, "%d", code);                                                                                           \
    row3(#name, number, text);
#include "base/errors.def"
#undef ERROR
    heading("Variables of every frame", "", "| variable | since dump version | |");
#define VARIABLE(name, since, doc)                                                                                                         \
    snprintf(number, sizeof number, "%d", since);                                                                                          \
    row3(#name, number, doc);
#include "lang/vars.def"
#undef VARIABLE
}

static void print_object_tables(void) {
    heading("Built-in properties", "", "| property | type | |");
#define BUILTIN_PROP(id, name, type, doc) row3(name, type_word(type), doc);
#include "db/builtin_props.def"
#undef BUILTIN_PROP
    heading("Dialects",
            "A world follows LambdaMOO (`lambda`: dumps of formats 1 to 4) or ToastStunt (`toast`). These are the points where that shows.",
            "| point | lambda, toast | |");
#define DIALECT(field, lambda, toast, doc) row3(#field, lambda ? "yes, no" : toast ? "no, yes" : "no, no", doc);
#include "base/dialect.def"
#undef DIALECT
}

static void print_store_tables(void) {
    heading("Tables of the store", "What a world's directory holds; docs/store.md says how they hang together.", "| table | key | |");
#define TABLE(id, name, key, doc) row3(name, key, doc);
#include "db/tables.def"
#undef TABLE
    heading("Records of the store", "A field that is zero or empty is left out; one that is not known is skipped.", "| record | field | tag, type | since | |");
#define RECORD(name)
#define FIELD(rec, tag, type, name, since, doc)                                                                                             \
    printf("| `" #rec "` | `" #name "` | %d, " #type " | %d | ", tag, since);                                                             \
    cell(doc);                                                                                                                             \
    printf(" |\n");
#define END(name)
#include "db/records.def"
#undef RECORD
#undef FIELD
#undef END
}

static void print_options(void) {
    heading("Server options",
            "Properties of `$server_options`. A change of a *live* one holds from the next slice on, *cached* ones are read at start-up and by `load_server_options()`. "
            "`protect_NAME`, one for each built-in function and built-in property, are cached too. Those of a *player* may stand in a property of the same name of the player, in a slot that a wizard owns and "
            "nobody else can write, which wins; a *flag* of `serve` (`--fg-share` for `fg_share`) holds where the world says nothing.",
            "| option | read | also | default (lambda, toast) | range | |");
#define OPTION(name, kind, lambda, toast, least, most, when, where, doc) \
    print_option(#name, #kind, (long long)(lambda), (long long)(toast), (long long)(least), (long long)(most), #when, #where, doc);
#include "scheduler/options.def"
#undef OPTION
}

static void print_counters(void) {
    heading("What the scheduler counts",
            "The names in what `scheduler_stats()` tells, besides `since` (when the server began), `used` (what all tasks have used) and `seconds` (how long each of the spans is by now). A *counter* begins with the server, after a reboot too, and never goes down; a *gauge* "
            "is as it is now; *times* have count, mean, quantiles and worst, in microseconds, over the last minute, the last hour and since the beginning.",
            "| name | kind | |");
#define COUNTER(name, doc) row3(#name, "counter", doc);
#define GAUGE(name, doc) row3(#name, "gauge", doc);
#define HISTOGRAM(name, doc) row3(#name, "times", doc);
#include "scheduler/counters.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
}

static void print_language(void) {
    heading("Syntax tree nodes", "Saved tasks name places in programs by the pre-order numbers of these.", "| node | children | |");
#define NODE(name, kids, doc) row3(#name, kids, doc);
#include "lang/nodes.def"
#undef NODE
    heading("Instructions of the machine", "Never stored. The second column: what an error does in a frame without the d bit.", "| instruction | without d | |");
#define OP(name, nodebug, doc) row3(#name, #nodebug, doc);
#include "lang/opcodes.def"
#undef OP
}

int main(void) {
    printf("# Reference\n\nMade from the tables in the sources by `make docs`; edit those, not this file.\n");
    print_builtins();
    print_threaded();
    print_value_tables();
    print_object_tables();
    print_options();
    print_counters();
    print_store_tables();
    print_language();
    return 0;
}
