/* SPDX-License-Identifier: MIT */
#include "tests/bounds/large.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "base/str.h"

/* Counted, a program takes longer: all is smaller then, and so is its slice (bounds.c). */
#ifdef BOUNDS_COUNTED
#define SMALLER / 8
#else
#define SMALLER
#endif
enum { TEXT = 64000000 SMALLER, ELEMENTS = 4000000 SMALLER, STRINGS = 2000000 SMALLER, PAIRS = 1000000 SMALLER, DEEP = 1000000 SMALLER, OBJECTS = 100000 SMALLER, CROWD = 1600000 SMALLER, MEMBERS = 10000 SMALLER, LINES = 100000 SMALLER, CHAIN = 3000 };

/* ---- values ---- */

static value repeated(const char *piece) {
    size_t n = strlen(piece), times = TEXT / n;
    struct buf b = BUF_INIT;
    buf_reserve(&b, TEXT);
    for (size_t i = 0; i < times; i++) buf_add(&b, piece, n);
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return value_str(s);
}

static value text(void) { return repeated("a"); }
static value mixed(void) { return repeated("The quick brown Fox "); }
static value wide(void) { return repeated("\xc3\xa9"); }
static value binary(void) { return repeated("~0A"); }
static value digits(void) { return repeated("1"); }
static value blanks(void) { return repeated(" "); }
static value quotes(void) { return repeated("\""); }
static value marks(void) { return repeated("%1"); }
static value parentheses(void) { return repeated("("); }
static value program_text(void) { return repeated("x=1;"); }

static value ints(void) {
    struct list *l = list_new(ELEMENTS);
    for (int64_t i = 0; i < ELEMENTS; i++) l = list_append_take(l, value_int(i));
    return value_list(l);
}

/* In another order than they lie in memory, as they come to be in a world that lives. */
static void shuffle(struct list *l) {
    uint64_t seed = 1;
    for (uint32_t i = l->len; i > 1; i--) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t k = (uint32_t)((seed >> 33) % i);
        value v = l->items[i - 1];
        l->items[i - 1] = l->items[k];
        l->items[k] = v;
    }
}

static value strings_of(uint32_t n, const char *format) {
    struct list *l = list_new(n);
    for (uint32_t i = 0; i < n; i++) l = list_append_take(l, value_str(str_printf(format, i)));
    shuffle(l);
    return value_list(l);
}
static value strings(void) { return strings_of(STRINGS, "a string of this number: %u"); }
static value lines(void) { return strings_of(LINES, "x = x + %u;"); }
static value bad_lines(void) { return strings_of(LINES, "x = = %u;"); }
static value errors(void) { return strings_of(LINES, "unknown_function_%u();"); }

static value pairs(void) {
    struct list *l = list_new(PAIRS);
    for (int64_t i = 0; i < PAIRS; i++) l = list_append_take(l, value_list(list_of(2, value_int(i), value_str(str_printf("pair %lld", (long long)i)))));
    shuffle(l);
    return value_list(l);
}

static value map(void) {
    struct map *m = map_new();
    for (int64_t i = 0; i < PAIRS; i++) m = map_set_take(m, value_int(i), value_str(str_printf("value %lld", (long long)i)));
    return value_map(m);
}

static value deep(void) {
    value v = value_list(list_empty());
    for (int i = 0; i < DEEP; i++) v = value_list(list_of(1, v));
    return v;
}

/* Short in memory, endless when it is walked. */
static value endless(void) {
    value v = value_list(list_of(1, value_int(1)));
    for (int i = 0; i < 100; i++) v = value_list(list_of(2, value_ref(v), v));
    return v;
}
static value endless_nothing(void) {
    value v = value_list(list_empty());
    for (int i = 0; i < 100; i++) v = value_list(list_of(2, value_ref(v), v));
    return v;
}

static value match_of(value subject) {
    value whole = value_list(list_of(2, value_int(1), value_int(str_chars(subject.u.s))));
    struct list *groups = list_new(9);
    for (int i = 0; i < 9; i++) groups = list_append_take(groups, value_ref(whole));
    value_unref(whole);
    return value_list(list_of(4, value_int(1), value_int(str_chars(subject.u.s)), value_list(groups), subject));
}
static value match(void) { return match_of(value_str(str_from("abcdefghij"))); }
static value wide_match(void) { return match_of(wide()); }

/* The names of others with a number more are equal values that share nothing with them. */
static const struct {
    const char *name;
    value (*make)(void);
} values[] = {
    {"text", text}, {"text2", text}, {"mixed", mixed}, {"wide", wide}, {"wide2", wide}, {"binary", binary}, {"digits", digits}, {"blanks", blanks}, {"quotes", quotes}, {"marks", marks},
    {"parentheses", parentheses}, {"program", program_text}, {"ints", ints}, {"ints2", ints}, {"strings", strings}, {"strings2", strings}, {"lines", lines}, {"bad_lines", bad_lines},
    {"errors", errors}, {"pairs", pairs}, {"pairs2", pairs}, {"map", map}, {"map2", map}, {"deep", deep}, {"deep2", deep}, {"endless", endless}, {"endless2", endless}, {"nothing", endless_nothing}, {"match", match},
    {"wide_match", wide_match},
};

/* ---- objects ---- */

static objid new_object(struct fake *f, objid parent) {
    objid o = db_create(f->db, parent, WORLD_ANN);
    db_set_flag(f->db, o, OF_READ, true);
    db_set_flag(f->db, o, OF_FERTILE, true);
    return o;
}

static objid with_children(struct fake *f) {
    objid o = new_object(f, NOTHING);
    for (int i = 0; i < OBJECTS; i++) new_object(f, o);
    return o;
}

static void add_verb(struct fake *f, objid o, const char *names, struct code *code) {
    struct str *s = str_from(names);
    size_t at = db_add_verb(f->db, o, s, WORLD_ANN, VF_READ | VF_EXEC | VF_DEBUG, VA_THIS, PREP_NONE, VA_THIS);
    if (code) db_verb_set_code(f->db, (struct verbref){o, (uint32_t)at}, code_ref(code));
    str_unref(s);
}

static void accept_all(struct fake *f, objid o) {
    struct list *messages = NULL;
    struct code *code = machine_compile_text(&f->m, "return 1;", 9, &messages);
    add_verb(f, o, "accept", code);
    code_unref(code);
}

static objid with_contents(struct fake *f) {
    objid o = new_object(f, NOTHING);
    accept_all(f, o);
    for (int i = 0; i < OBJECTS; i++) db_move(f->db, new_object(f, NOTHING), o);
    return o;
}

/* Children, contents and possessions of one object: lists that take longer than a slice to read. */
static objid crowd(struct fake *f) {
    objid o = new_object(f, NOTHING);
    accept_all(f, o);
    for (int i = 0; i < CROWD; i++) db_move(f->db, db_create(f->db, o, o), o);
    return o;
}

/* As many numbers that nothing has; the object itself is another. */
static objid gone(struct fake *f) {
    objid last = NOTHING;
    for (int i = 0; i < CROWD; i++) last = db_create(f->db, NOTHING, WORLD_ANN);
    for (int i = 0; i < CROWD; i++) db_destroy(f->db, last - i);
    return last;
}

static objid with_properties(struct fake *f) {
    objid o = new_object(f, NOTHING);
    struct propdef_new *defs = xcalloc(MEMBERS, sizeof *defs);
    for (int i = 0; i < MEMBERS; i++) defs[i] = (struct propdef_new){str_printf("property_%d", i), value_int(i), WORLD_ANN, PF_READ | PF_CHOWN};
    must(db_add_propdefs(f->db, o, defs, MEMBERS) == E_NONE);
    for (int i = 0; i < MEMBERS; i++) str_unref(defs[i].name);
    free(defs);
    return o;
}

/* Values that are not in memory with their object. */
static void keep_texts(struct fake *f, objid o, size_t bytes) {
    struct buf b = BUF_INIT;
    while (b.len < bytes) buf_add_c(&b, "abcdefg ");
    for (int i = 0; i < MEMBERS; i++) {
        struct str *name = str_printf("property_%d", i);
        struct propref p;
        must(db_find_property(f->db, o, name, &p));
        db_prop_set_value(f->db, &p, value_str(buf_to_str(&b)));
        str_unref(name);
    }
    buf_fini(&b);
}

static objid with_texts(struct fake *f) {
    objid o = with_properties(f);
    keep_texts(f, o, 10000);
    return o;
}

/* Each ancestor has all values of its own. */
static objid heir_of_texts(struct fake *f) {
    enum { HEIRS = 20 };
    objid o = with_properties(f);
    for (int i = 0; i < HEIRS; i++) keep_texts(f, o = new_object(f, o), 300);
    return o;
}

static objid with_named_things(struct fake *f) {
    enum { THINGS = 20 };
    objid o = new_object(f, NOTHING);
    accept_all(f, o);
    for (int i = 0; i < THINGS; i++) {
        objid thing = new_object(f, NOTHING);
        fake_property(f, thing, "aliases", lines(), WORLD_ANN);
        db_move(f->db, thing, o);
    }
    return o;
}

/* Each of these heirs has a slot for each of those properties. */
static objid with_properties_and_heirs(struct fake *f) {
    objid o = with_properties(f);
    for (int i = 0; i < 1000; i++) new_object(f, o);
    return o;
}

static void define(struct fake *f, objid o, const char *its_name) {
    struct str *name = str_from(its_name);
    must(db_add_propdef(f->db, o, name, value_int(1), WORLD_ANN, PF_READ | PF_CHOWN) == E_NONE);
    str_unref(name);
}

static objid with_heirs_that_define(struct fake *f) {
    objid o = new_object(f, NOTHING);
    for (int i = 0; i < OBJECTS; i++) define(f, new_object(f, o), "property");
    return o;
}

/* Each of these heirs has values of its own. */
static objid with_heirs_that_differ(struct fake *f) {
    enum { VALUES = 5 };
    objid o = new_object(f, NOTHING);
    struct str *names[VALUES];
    for (int i = 0; i < VALUES; i++) {
        names[i] = str_printf("property_%d", i);
        define(f, o, names[i]->data);
    }
    for (int i = 0; i < OBJECTS; i++) {
        objid heir = new_object(f, o);
        struct propref p;
        for (int k = 0; k < VALUES; k++)
            if (db_find_property(f->db, heir, names[k], &p)) db_prop_set_value(f->db, &p, value_int(i + k));
    }
    for (int i = 0; i < VALUES; i++) str_unref(names[i]);
    return o;
}

static objid heir_of_heirs(struct fake *f) {
    objid o = new_object(f, NOTHING);
    for (int i = 0; i < CHAIN; i++) o = new_object(f, o);
    return o;
}

static objid inside(struct fake *f) {
    objid o = new_object(f, NOTHING);
    for (int i = 0; i < OBJECTS; i++) {
        objid next = new_object(f, NOTHING);
        db_move(f->db, next, o);
        o = next;
    }
    accept_all(f, o);
    return o;
}

static objid with_verbs(struct fake *f) {
    objid o = new_object(f, NOTHING);
    char name[40];
    for (int i = 0; i < MEMBERS; i++) {
        snprintf(name, sizeof name, "verb_%d v%d*erb", i, i);
        add_verb(f, o, name, NULL);
    }
    return o;
}

static objid with_long_verb(struct fake *f) {
    objid o = new_object(f, NOTHING);
    struct buf text = BUF_INIT;
    struct list *messages = NULL;
    for (int i = 0; i < LINES; i++) buf_printf(&text, "if (x == %d) x = {x, \"%d\"}; endif\n", i, i);
    struct code *code = machine_compile_text(&f->m, buf_c(&text), text.len, &messages);
    must(code != NULL);
    if (messages) list_unref(messages);
    buf_fini(&text);
    add_verb(f, o, "long", code);
    code_unref(code);
    add_verb(f, o, "again", NULL);
    return o;
}

static objid empty_object(struct fake *f) { return new_object(f, NOTHING); }

static const struct {
    const char *name;
    objid (*make)(struct fake *f);
} objects[] = {
    {"parent", with_children}, {"box", with_contents}, {"defines", with_properties}, {"inherited", with_properties_and_heirs}, {"chain", heir_of_heirs}, {"inside", inside},
    {"verbs", with_verbs}, {"program", with_long_verb}, {"empty", empty_object}, {"definers", with_heirs_that_define}, {"valued", with_heirs_that_differ}, {"crowd", crowd}, {"gone", gone}, {"texts", with_texts}, {"line", heir_of_texts},
    {"named", with_named_things},
};

/* ---- by name ---- */

#define COLD "cold_"

static bool is_named(const char *program, const char *prefix, const char *name) {
    char text[64];
    size_t n = (size_t)snprintf(text, sizeof text, "%s%s", prefix, name);
    for (const char *at = program; (at = strstr(at, text)); at++) {
        char next = at[n];
        if (next != '_' && !(next >= 'a' && next <= 'z') && !(next >= '0' && next <= '9')) return true;
    }
    return false;
}

static void make_object(struct fake *f, const char *prefix, size_t i) {
    struct buf name = BUF_INIT;
    buf_printf(&name, "%s%s", prefix, objects[i].name);
    fake_property(f, WORLD_SYSTEM, buf_c(&name), value_obj(objects[i].make(f)), WORLD_WIZARD);
    buf_fini(&name);
}

void large_make(struct fake *f, const char *program) {
    objid big = new_object(f, NOTHING);
    fake_property(f, WORLD_SYSTEM, "big", value_obj(big), WORLD_WIZARD);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (is_named(program, "$big.", values[i].name)) fake_property(f, big, values[i].name, values[i].make(), WORLD_ANN);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++) {
        if (is_named(program, "$", objects[i].name)) make_object(f, "", i);
        if (is_named(program, "$" COLD, objects[i].name)) make_object(f, COLD, i);
    }
}

bool large_is_cold(const char *program) { return strstr(program, "$" COLD); }
