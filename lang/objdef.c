/* SPDX-License-Identifier: MIT */
/*
 * Building what was parsed: check all references, then make the objects bare, give them parents, owners and flags, then places, then all property
 * definitions, all overrides, all verbs. So the order of files and of objects in them never matters, except that properties and verbs keep theirs.
 */
#include "lang/objdef.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/must.h"
#include "db/world.h"
#include "lang/objdef_model.h"

struct builder {
    struct objdef_world *w;
    struct db *db;
    struct objdef_object **order; /* by number */
    struct objdef_report *report;
};

/* ---- checks before anything is made ---- */

static size_t position(const struct objdef_world *w, objid o) {
    struct str *key = str_printf("#%lld", (long long)o);
    size_t i = objdef_table_find(&w->numbers, key);
    str_unref(key);
    return i;
}

static bool check_reference(struct objdef_world *w, struct objdef_place at, const char *what, objid o) {
    if (o == NOTHING || position(w, o) != SIZE_MAX) return true;
    return objdef_fail(w, at, "the %s #%lld is defined in no file; define it, or write #-1", what, (long long)o);
}

enum link { LINK_PARENT, LINK_LOCATION };

static size_t follow(const struct objdef_world *w, size_t i, enum link link) {
    objid next = link == LINK_PARENT ? w->objects[i].parent : w->objects[i].location;
    return next == NOTHING ? SIZE_MAX : position(w, next);
}

/* Each object is visited once: `seen' holds the walk that met it, so that meeting one's own walk again is a cycle. */
static bool check_cycles(struct objdef_world *w, enum link link) {
    size_t *seen = xcalloc(w->nobjects, sizeof *seen);
    bool ok = true;
    for (size_t start = 0; ok && start < w->nobjects; start++) {
        size_t i = start;
        while (i != SIZE_MAX && seen[i] == 0) {
            seen[i] = start + 1;
            i = follow(w, i, link);
        }
        if (i == SIZE_MAX || seen[i] != start + 1) continue;
        const struct objdef_object *o = &w->objects[i];
        ok = link == LINK_PARENT ? objdef_fail(w, o->parent_at, "#%lld is its own ancestor; change a parent on the way", (long long)o->id)
                                 : objdef_fail(w, o->location_at, "#%lld is inside itself; change a location on the way", (long long)o->id);
    }
    free(seen);
    return ok;
}

static bool check_references(struct objdef_world *w) {
    for (size_t i = 0; i < w->nobjects; i++) {
        const struct objdef_object *o = &w->objects[i];
        if (!check_reference(w, o->parent_at, "parent", o->parent) || !check_reference(w, o->location_at, "location", o->location)) return false;
    }
    return check_cycles(w, LINK_PARENT) && check_cycles(w, LINK_LOCATION);
}

/* ---- objects ---- */

static int by_number(const void *a, const void *b) {
    objid x = (*(struct objdef_object *const *)a)->id, y = (*(struct objdef_object *const *)b)->id;
    return x < y ? -1 : x > y;
}

static void sort_objects(struct builder *b) {
    b->order = xcalloc(b->w->nobjects + 1, sizeof *b->order);
    for (size_t i = 0; i < b->w->nobjects; i++) b->order[i] = &b->w->objects[i];
    qsort(b->order, b->w->nobjects, sizeof *b->order, by_number);
}

static void make_objects(struct builder *b) {
    for (size_t i = 0; i < b->w->nobjects; i++) {
        const struct objdef_object *o = b->order[i];
        db_create_at(b->db, o->id, NOTHING, o->owner);
        db_set_owner(b->db, o->id, o->owner);
        db_set_name(b->db, o->id, o->name);
    }
}

static void link_objects(struct builder *b) {
    for (size_t i = 0; i < b->w->nobjects; i++) {
        const struct objdef_object *o = b->order[i];
        must(o->parent == NOTHING || db_chparent(b->db, o->id, o->parent) == E_NONE);
        db_set_flags(b->db, o->id, o->flags);
    }
    for (size_t i = 0; i < b->w->nobjects; i++)
        if (b->order[i]->location != NOTHING) db_move(b->db, b->order[i]->id, b->order[i]->location);
}

/* ---- properties ---- */

static bool define_property(struct builder *b, const struct objdef_object *o, const struct objdef_prop *p) {
    if (builtin_prop_by_name(p->name) != BP_NONE)
        return objdef_fail(b->w, p->at, "`%s' is built in: write it as an attribute of the object", p->name->data);
    value v = p->v.type == V_NONE ? value_int(0) : value_ref(p->v);
    if (db_add_propdef(b->db, o->id, p->name, v, p->owner, p->flags) != E_NONE)
        return objdef_fail(b->w, p->at, "property `%s' of #%lld is defined also here or on an ancestor or descendant; rename one, or write `override'", p->name->data, (long long)o->id);
    struct propref ref;
    must(db_find_property(b->db, o->id, p->name, &ref));
    db_prop_set_info(b->db, &ref, p->owner, p->flags);
    b->report->properties++;
    return true;
}

static bool override_property(struct builder *b, const struct objdef_object *o, const struct objdef_prop *p) {
    struct propref ref;
    if (!db_find_property(b->db, o->id, p->name, &ref))
        return objdef_fail(b->w, p->at, "no ancestor of #%lld defines property `%s'; write `property', or correct the name", (long long)o->id, p->name->data);
    if (ref.builtin != BP_NONE) return objdef_fail(b->w, p->at, "`%s' is built in: write it as an attribute of the object", p->name->data);
    if (ref.definer == o->id) return objdef_fail(b->w, p->at, "property `%s' is defined on this very object; give its value there", p->name->data);
    if (p->has_info) db_prop_set_info(b->db, &ref, p->owner, p->flags);
    if (p->v.type != V_NONE) db_prop_set_value(b->db, &ref, value_ref(p->v));
    b->report->overrides++;
    return true;
}

static bool build_properties(struct builder *b, bool overrides) {
    for (size_t i = 0; i < b->w->nobjects; i++) {
        const struct objdef_object *o = b->order[i];
        for (size_t j = 0; j < o->nprops; j++) {
            const struct objdef_prop *p = &o->props[j];
            if (p->is_override != overrides) continue;
            if (!(overrides ? override_property(b, o, p) : define_property(b, o, p))) return false;
        }
    }
    return true;
}

/* ---- verbs ---- */

/* A message "Line 3:  text" as a place in the file and the text. */
static struct objdef_place message_place(const struct objdef_verb *v, const char **text) {
    struct objdef_place at = v->code_at;
    long line = 1;
    int used = 0;
    if (sscanf(*text, "Line %ld: %n", &line, &used) == 1 && used > 0) *text += used;
    at.line += (int)line - 1;
    return at;
}

/* Parses the text; a tree, or NULL with the first message in *message (a new list). */
static struct ast *parse_code(struct builder *b, const struct buf *text, bool imported, struct list **messages) {
    struct parse_options options = {.version = language_version(db_dialect(b->db)), .imported = imported, .first_line = 1, .functions = b->w->options->functions};
    *messages = list_empty();
    return parse_program(buf_c(text), text->len, &options, messages);
}

static bool note_message(struct builder *b, const struct objdef_object *o, const struct objdef_verb *v, const struct list *messages, const char *what) {
    const char *text = messages->len > 0 && messages->items[0].type == V_STR ? messages->items[0].u.s->data : "Line 1:  syntax error";
    struct objdef_place at = message_place(v, &text);
    while (*text == ' ') text++;
    return objdef_note(b->w, at, "#%lld:%s: %s; %s", (long long)o->id, v->names->data, text, what);
}

static struct code *listed_code(struct builder *b, const struct ast *tree, bool imported) {
    struct unparse_options options = {.indent = true, .functions = b->w->options->functions};
    struct buf listing = BUF_INIT;
    unparse_program(tree, &options, &listing);
    struct str *text = buf_to_str(&listing);
    struct code *code = code_new(db_code_table(b->db), text, language_version(db_dialect(b->db)), imported, 1);
    str_unref(text);
    buf_fini(&listing);
    return code;
}

/* The verb's program: its listing; or, when it is not in our language, its text as it stands, which raises when called. NULL after an error. */
static struct code *compile_verb(struct builder *b, const struct objdef_object *o, const struct objdef_verb *v) {
    struct buf text = BUF_INIT;
    struct list *messages;
    struct code *code = NULL;
    bool imported = false;
    objdef_copy_code(v->text, v->text + v->len, true, &text);
    struct ast *tree = parse_code(b, &text, false, &messages);
    if (!tree) {
        list_unref(messages);
        imported = true;
        tree = parse_code(b, &text, true, &messages);
    }
    bool ok = tree ? messages->len == 0 || note_message(b, o, v, messages, "kept, and raises when it is reached")
                   : note_message(b, o, v, messages, "the verb is kept as text and raises when called");
    if (ok && tree) {
        code = listed_code(b, tree, imported);
    } else if (ok) {
        buf_clear(&text);
        objdef_copy_code(v->text, v->text + v->len, false, &text);
        struct str *as_written = buf_to_str(&text);
        code = code_new(db_code_table(b->db), as_written, language_version(db_dialect(b->db)), true, 1);
        str_unref(as_written);
    }
    if (tree) ast_free(tree);
    list_unref(messages);
    buf_fini(&text);
    return code;
}

static bool build_verbs(struct builder *b) {
    for (size_t i = 0; i < b->w->nobjects; i++) {
        const struct objdef_object *o = b->order[i];
        for (size_t j = 0; j < o->nverbs; j++) {
            const struct objdef_verb *v = &o->verbs[j];
            struct verbref ref = {o->id, (uint32_t)db_add_verb(b->db, o->id, v->names, v->owner, v->flags, v->dobj, v->prep, v->iobj)};
            struct code *code = compile_verb(b, o, v);
            if (!code) return false;
            if (code->text->len == 0) {
                code_unref(code);
                code = NULL;
            }
            db_verb_set_code(b->db, ref, code);
            b->report->verbs++;
        }
    }
    return true;
}

/* ---- all of it ---- */

static bool build_world(struct builder *b) {
    sort_objects(b);
    make_objects(b);
    link_objects(b);
    b->report->objects = b->w->nobjects;
    return build_properties(b, false) && build_properties(b, true) && build_verbs(b);
}

static bool parse_files(struct objdef_world *w, const struct objdef_files *files) {
    for (size_t i = 0; i < files->n; i++)
        if (!objdef_parse_file(w, &files->v[i])) return false;
    return true;
}

int objdef_load(struct db *db, const struct objdef_files *files, const struct objdef_options *options, struct objdef_report *report, struct buf *why) {
    struct objdef_world w = {.files = files, .options = options, .why = why, .constant_values = {.match_case = true}};
    struct builder b = {.w = &w, .db = db, .report = report};
    *report = (struct objdef_report){0};
    bool ok = parse_files(&w, files) && check_references(&w) && build_world(&b);
    report->notices = w.notices;
    free(b.order);
    objdef_world_fini(&w);
    return ok ? 0 : -1;
}
