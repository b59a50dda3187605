/* SPDX-License-Identifier: MIT */
/* The table of functions: sound in itself, and in each dialect what the reference of the ancestor lists. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/registry.h"

static const struct builtin *find(const struct builtin *table, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (!strcmp(table[i].name, name)) return &table[i];
    return NULL;
}

Test(registry, rows_are_sound) {
    static const char *const dialects[] = {"lambda", "toast"};
    for (int d = 0; d < 2; d++) {
        int n;
        const struct builtin *table = builtins_for_dialect(dialect_by_name(dialects[d]), &n);
        for (int i = 0; i < n; i++) {
            const struct builtin *b = &table[i];
            cr_expect(find(table, n, b->name) == b, "%s stands there twice", b->name);
            cr_expect(b->fn && b->min >= 0 && (b->max == -1 || b->max >= b->min), "%s", b->name);
            cr_expect(b->doc[0] && b->doc[strlen(b->doc) - 1] == '.', "%s: what it does, in one sentence", b->name);
            for (int t = b->max < 0 ? BUILTIN_MAX_TYPES : b->max; t < BUILTIN_MAX_TYPES; t++) cr_expect(b->types[t] == ARG_ANY, "%s", b->name);
        }
    }
}

static int type_code(const char *word) {
    static const struct {
        const char *word;
        int code;
    } words[] = {{"ANY", ARG_ANY}, {"NUM", ARG_NUMBER}, {"INT", V_INT}, {"OBJ", V_OBJ}, {"STR", V_STR}, {"ERR", V_ERR}, {"LIST", V_LIST}, {"FLOAT", V_FLOAT}, {"MAP", V_MAP}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(words[i].word, word)) return words[i].code;
    return -100; /* a type that only the other server has */
}

/* Where we differ from the list on purpose. */
static bool differs_knowingly(const char *name, const char *dialect) {
    static const char *const both[] = {"suspend", "server_version"};
    static const char *const toast[] = {"listen", "open_network_connection", "switch_player"}; /* maps; any truth for a flag */
    for (size_t i = 0; i < sizeof both / sizeof both[0]; i++)
        if (!strcmp(both[i], name)) return true;
    for (size_t i = 0; i < sizeof toast / sizeof toast[0]; i++)
        if (!strcmp(toast[i], name)) return !strcmp(dialect, "toast");
    return false;
}

static void compare(const struct builtin *b, int min, int max, char *types) {
    cr_expect(b->min == min && b->max == max, "%s: %d to %d, not %d to %d", b->name, b->min, b->max, min, max);
    int i = 0;
    for (char *save, *word = strtok_r(types, ",", &save); word && strcmp(word, "-") != 0 && i < BUILTIN_MAX_TYPES; word = strtok_r(NULL, ",", &save), i++)
        cr_expect(b->types[i] == type_code(word), "%s: argument %d", b->name, i + 1);
}

/* Lines "name min max TYPE,TYPE": as many as are known to us, all of them when `all'. */
static void check_reference(const char *file, const char *dialect, int all) {
    char path[1000], line[200], name[64], types[100];
    int n, min, max, seen = 0;
    const struct builtin *table = builtins_for_dialect(dialect_by_name(dialect), &n);
    const char *shared = getenv("SHARED");
    if (!shared) cr_skip_test("SHARED names no folder of references");
    snprintf(path, sizeof path, "%s/reference/%s", shared, file);
    FILE *f = fopen(path, "r");
    if (!f) cr_skip_test("no %s", path);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#' || sscanf(line, "%63s %d %d %99s", name, &min, &max, types) != 4) continue;
        const struct builtin *b = find(table, n, name);
        cr_expect(b || !all, "%s is not there", name);
        seen++;
        if (b && !differs_knowingly(name, dialect)) compare(b, min, max, types);
    }
    fclose(f);
    cr_assert(seen > 100);
}

Test(registry, all_of_lambdamoo) { check_reference("builtins-lambdamoo.txt", "lambda", 1); }
Test(registry, shapes_of_toaststunt) { check_reference("builtins-toaststunt.txt", "toast", 0); }
