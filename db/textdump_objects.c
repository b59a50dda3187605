/* SPDX-License-Identifier: MIT */
/* The objects of a dump, in both passes of an import. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "db/textdump_import.h"

enum {
    BARE_OBJECTS = 50000, /* between two saves */
    VERB_BYTES = 7, /* the shortest things of each kind */
    PROPDEF_BYTES = 1,
    PROPVAL_BYTES = 6
};

/* ---- objects, in both passes ---- */

struct object_head {
    struct str *name, *handles;
    int64_t flags, owner, link[LINKS];
};

static void object_head_fini(struct object_head *h) {
    str_unref(h->name);
    str_unref(h->handles);
}

/* "#12", "#12 recycled", "# 12 recycled". */
static bool read_object_line(struct import *im, int64_t n, bool *recycled, bool *spaced) {
    struct reader *r = &im->r;
    int64_t number;
    if (!reader_line(r, "an object")) return false;
    const char *p = r->text + 1;
    if (r->text[0] != '#' || !scan_int(&p, &number)) return reader_fail(r, "object #%" PRId64 " was expected here", n);
    if (number != n) return reader_fail(r, "object #%" PRId64 " was expected here, not #%" PRId64, n, number);
    *recycled = !strcmp(p, " recycled");
    *spaced = r->text[1] == ' ';
    if (*p && !*recycled) return reader_fail(r, "'#%" PRId64 "' is followed by something unknown", n);
    return true;
}

static bool read_link(struct import *im, const char *what, int64_t *out) {
    if (!reader_int(&im->r, what, out)) return false;
    if (*out < NOWHERE || *out >= im->nslots) return reader_fail(&im->r, "%s #%" PRId64 " is not an object of this dump", what, *out);
    return true;
}

static bool read_object_head(struct import *im, struct object_head *h) {
    struct reader *r = &im->r;
    bool ok = reader_string(r, "an object's name", im->build ? &h->name : NULL) && reader_string(r, "an object's handles", im->build ? &h->handles : NULL) &&
              reader_int(r, "an object's flags", &h->flags);
    if (ok && (h->flags < 0 || h->flags > OBJECT_FLAGS_MAX)) return reader_fail(r, "flags of an object cannot be %" PRId64, h->flags);
    return ok && reader_int(r, "an object's owner", &h->owner) && read_link(im, "the location", &h->link[LOCATION]) && read_link(im, "the first of the contents", &h->link[CONTENTS]) &&
           read_link(im, "the next of the contents", &h->link[NEXT]) && read_link(im, "the parent", &h->link[PARENT]) && read_link(im, "the first child", &h->link[CHILD]) &&
           read_link(im, "the next sibling", &h->link[SIBLING]);
}

enum { VERB_ARG_BITS = 3 };

static bool read_verb(struct import *im, objid o) {
    struct reader *r = &im->r;
    struct str *names = NULL;
    int64_t owner, perms, prep;
    bool ok = reader_string(r, "a verb's names", im->build ? &names : NULL) && reader_int(r, "a verb's owner", &owner) && reader_int(r, "a verb's permissions", &perms);
    int dobj = 0, iobj = 0;
    if (ok) {
        dobj = (int)(perms >> VERB_PERMS_DOBJ) & VERB_ARG_BITS;
        iobj = (int)(perms >> VERB_PERMS_IOBJ) & VERB_ARG_BITS;
        if (perms < 0 || dobj > VA_THIS || iobj > VA_THIS) ok = reader_fail(r, "permissions of a verb cannot be %" PRId64, perms);
        else if (perms & ~VERB_PERMS_KNOWN) import_note(im, "%s:%" PRId64 ": unknown bits of a verb's permissions (%" PRId64 ") are dropped", r->path, r->line, perms);
    }
    ok = ok && reader_int(r, "a verb's preposition", &prep);
    if (ok && (prep < PREP_ANY || prep > 14)) ok = reader_fail(r, "there is no preposition %" PRId64, prep);
    if (ok && im->build) db_add_verb(im->db, o, names, owner, verb_perms_flags((unsigned)perms), (enum verb_arg)dobj, (int)prep, (enum verb_arg)iobj);
    str_unref(names);
    return ok;
}

/* The definitions of an object: names come first in the file, values later; they go into the world all at once. */
struct definitions {
    struct propdef_new *v;
    int64_t n;
};

static void definitions_fini(struct definitions *p) {
    for (int64_t i = 0; i < p->n; i++) {
        str_unref(p->v[i].name);
        value_unref(p->v[i].v);
    }
    free(p->v);
}

static bool read_propdefs(struct import *im, struct slot *s, struct definitions *defs) {
    int64_t n;
    if (!reader_count(&im->r, "the number of property definitions", PROPDEF_BYTES, &n)) return false;
    s->nown = (uint32_t)n;
    for (int64_t i = 0; i < n; i++) {
        if (!im->build) {
            if (!reader_string(&im->r, "a property's name", NULL)) return false;
            continue;
        }
        if ((i & (i - 1)) == 0) defs->v = xrealloc(defs->v, (size_t)(i ? i * 2 : 1) * sizeof *defs->v);
        defs->v[i] = (struct propdef_new){.v = value_none()};
        if (!reader_string(&im->r, "a property's name", &defs->v[i].name)) return false;
        defs->n = i + 1;
    }
    return true;
}

struct propval {
    value v;
    int64_t owner, flags;
    struct str *raw, *printed; /* when odd */
};

static bool keep_odd_value(struct import *im, int64_t from, struct propval *p) {
    struct buf raw = BUF_INIT, printed = BUF_INIT;
    bool ok = reader_slice(&im->r, from, &raw);
    if (ok && dump_print_value(&printed, p->v) && (raw.len != printed.len || memcmp(raw.data, printed.data, raw.len))) {
        p->raw = buf_to_str(&raw);
        p->printed = buf_to_str(&printed);
    }
    buf_fini(&raw);
    buf_fini(&printed);
    return ok;
}

static void propval_fini(struct propval *p) {
    value_unref(p->v);
    str_unref(p->raw);
    str_unref(p->printed);
    *p = (struct propval){.v = value_none()};
}

static bool read_propval(struct import *im, struct propval *p) {
    struct reader *r = &im->r;
    int64_t from = reader_tell(r);
    *p = (struct propval){.v = value_none()};
    r->odd = false;
    if (!dump_read_value(r, im->version, PLACE_PROPERTY, im->build ? &p->v : NULL)) return false;
    if (im->build && r->odd && !keep_odd_value(im, from, p)) return false;
    if (!reader_int(r, "a property's owner", &p->owner) || !reader_int(r, "a property's permissions", &p->flags)) return false;
    if (p->flags < 0) return reader_fail(r, "permissions of a property cannot be %" PRId64, p->flags);
    if (p->flags & ~7) import_note(im, "%s:%" PRId64 ": unknown bits of a property's permissions (%" PRId64 ") are dropped", r->path, r->line, p->flags);
    p->flags &= 7;
    return true;
}

static void add_odd(struct dump_object *extra, struct str *name, struct propval *p) {
    if (!p->raw) return;
    if ((extra->nodd & (extra->nodd - 1)) == 0) extra->odd = xrealloc(extra->odd, (extra->nodd ? extra->nodd * 2 : 1) * sizeof *extra->odd);
    extra->odd[extra->nodd++] = (struct dump_odd_value){str_ref(name), p->printed, p->raw};
    p->printed = p->raw = NULL;
}

/* The i-th value of o: of its own definitions, kept until all are there, or of inherited ones, when the object has its parent. */
static bool store_propval(struct import *im, objid o, int64_t i, struct definitions *defs, struct propval *p, struct dump_object *extra) {
    if (i < defs->n) {
        struct propdef_new *d = &defs->v[i];
        add_odd(extra, d->name, p);
        d->v = p->v;
        d->owner = p->owner;
        d->flags = (unsigned)p->flags;
        p->v = value_none();
        return true;
    }
    struct propref ref;
    struct str *name;
    if ((size_t)i >= db_count_props(im->db, o)) return reader_fail(&im->r, "#%" PRId64 " has more property values than it and its ancestors define", o);
    db_prop_at(im->db, o, (size_t)i, &ref, &name);
    add_odd(extra, name, p);
    if (p->v.type != V_CLEAR) db_prop_set_value(im->db, &ref, p->v);
    p->v = value_none();
    if (db_prop_owner(im->db, &ref) != p->owner || db_prop_flags(im->db, &ref) != (unsigned)p->flags) db_prop_set_info(im->db, &ref, p->owner, (unsigned)p->flags);
    return true;
}

static bool define_and_inherit(struct import *im, objid o, const struct slot *s, struct definitions *defs) {
    if (!im->build) return true;
    if (db_add_propdefs(im->db, o, defs->v, (size_t)defs->n) != E_NONE)
        return reader_fail_at(&im->r, s->line, "#%" PRId64 " defines a property twice, or one that is built in", o);
    if (s->link[PARENT] == NOWHERE || db_chparent(im->db, o, s->link[PARENT]) == E_NONE) return true;
    return reader_fail_at(&im->r, s->line, "#%" PRId64 " defines a property that its ancestor defines too", o);
}

static bool read_propvals(struct import *im, objid o, struct slot *s, struct definitions *defs, struct dump_object *extra) {
    int64_t n;
    if (!reader_count(&im->r, "the number of property values", PROPVAL_BYTES, &n)) return false;
    s->nprops = (uint32_t)n;
    if (n < s->nown) return reader_fail(&im->r, "#%" PRId64 " has %" PRId64 " property values, but defines %u", o, n, s->nown);
    for (int64_t i = 0; i < n; i++) {
        struct propval p;
        if (i == s->nown && !define_and_inherit(im, o, s, defs)) return false;
        bool ok = read_propval(im, &p) && (!im->build || store_propval(im, o, i, defs, &p, extra));
        propval_fini(&p);
        if (!ok) return false;
    }
    return n > s->nown || define_and_inherit(im, o, s, defs);
}

static bool read_object_rest(struct import *im, objid o, struct slot *s, struct dump_object *extra) {
    int64_t nverbs;
    struct definitions defs = {NULL, 0};
    if (!reader_count(&im->r, "the number of verbs", VERB_BYTES, &nverbs)) return false;
    s->nverbs = (uint32_t)nverbs;
    for (int64_t i = 0; i < nverbs; i++)
        if (!read_verb(im, o)) return false;
    bool ok = read_propdefs(im, s, &defs) && read_propvals(im, o, s, &defs, extra);
    definitions_fini(&defs);
    return ok;
}

/* ---- first pass: objects ---- */

static struct slot *add_slot(struct import *im, int64_t n) {
    if (n == im->cap_slots) {
        im->cap_slots = n ? n * 2 : 64;
        im->slots = xrealloc(im->slots, (size_t)im->cap_slots * sizeof *im->slots);
    }
    struct slot *s = &im->slots[n];
    *s = (struct slot){.offset = reader_tell(&im->r), .line = (uint32_t)im->r.line + 1};
    for (int k = 0; k < LINKS; k++) s->link[k] = NOWHERE;
    return s;
}

static bool scan_object(struct import *im, int64_t n) {
    struct slot *s = add_slot(im, n);
    bool recycled, spaced;
    if (!read_object_line(im, n, &recycled, &spaced)) return false;
    if (recycled) {
        s->spaced = spaced;
        *(spaced ? &im->spaced : &im->plain) += 1;
        im->sum->recycled++;
        return true;
    }
    struct object_head h = {.name = NULL};
    if (!read_object_head(im, &h)) return false;
    for (int k = 0; k < LINKS; k++) s->link[k] = (int32_t)h.link[k];
    s->live = true;
    if (!read_object_rest(im, n, s, NULL)) return false;
    im->sum->objects++;
    im->sum->verbs += s->nverbs;
    im->sum->properties += s->nown;
    return true;
}

bool import_scan_objects(struct import *im) {
    int64_t n = im->nslots;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = reader_tell(&im->r);
        if (!scan_object(im, i) || !import_progress(im, at)) return false;
    }
    return true;
}

/* ---- second pass: objects ---- */

static bool build_object(struct import *im, int64_t o) {
    struct slot *s = &im->slots[o], again = *s;
    struct reader *r = &im->r;
    bool recycled, spaced;
    if (!reader_seek(r, s->offset, s->line - 1) || !read_object_line(im, o, &recycled, &spaced)) return false;
    struct object_head h = {.name = NULL};
    struct dump_object extra = {.object = o};
    bool ok = read_object_head(im, &h);
    if (ok) {
        db_set_owner(im->db, o, h.owner);
        db_set_name(im->db, o, h.name);
        db_set_flags(im->db, o, (unsigned)h.flags & ~(unsigned)OF_PLAYER);
        if (h.handles->len) extra.handles = str_ref(h.handles);
        ok = read_object_rest(im, o, &again, &extra);
    }
    if (ok && (again.nverbs != s->nverbs || again.nown != s->nown || again.nprops != s->nprops)) ok = reader_fail(r, "the file changed while it was read");
    if (ok && (extra.handles || extra.nodd)) dump_object_encode(&extra, import_add_row(im, DB_EXTRA, dump_extra_key(EXTRA_OBJECT, (uint64_t)o)));
    s->player = ok && (h.flags & OF_PLAYER);
    object_head_fini(&h);
    dump_object_fini(&extra);
    return ok;
}

/* Bare objects are small, but there may be many. */
static bool after_bare_object(struct import *im, int64_t *done) { return ++*done % BARE_OBJECTS || import_save(im); }

/* All objects exist, bare, and are where they belong, before any is filled: then filling one touches it and its parent and no other. */
static bool build_bare_objects(struct import *im) {
    int64_t done = 0;
    for (int64_t o = 0; o < im->nslots; o++) {
        if (!im->slots[o].live) continue;
        db_create_at(im->db, o, NOTHING, o);
        if (!after_bare_object(im, &done)) return false;
    }
    db_set_max_object(im->db, im->nslots - 1);
    for (int64_t o = 0; o < im->nslots; o++)
        for (int64_t c = im->slots[o].link[CONTENTS]; c != NOWHERE; c = im->slots[c].link[NEXT]) {
            db_move(im->db, c, o);
            if (!after_bare_object(im, &done)) return false;
        }
    return true;
}

bool import_build_objects(struct import *im) {
    if (!build_bare_objects(im)) return false;
    for (int64_t root = import_root_after(im, -1); root != NOWHERE; root = import_root_after(im, root))
        for (int64_t o = root; o != NOWHERE; o = import_tree_next(im, o)) {
            int64_t at = im->slots[o].offset;
            if (!build_object(im, o) || !import_progress(im, at)) return false;
        }
    return true;
}

bool import_build_players(struct import *im) {
    for (int64_t i = 0; i < im->nusers; i++) {
        int32_t o = im->users[i];
        struct slot *s = &im->slots[o];
        if (!s->live) import_note(im, "#%d is in the list of players, but recycled: dropped from the list", o);
        else if (!s->player) import_note(im, "#%d is in the list of players without being one, or twice: dropped from the list", o);
        else db_set_flag(im->db, o, OF_PLAYER, true);
        s->player = false;
    }
    for (int64_t o = 0; o < im->nslots; o++) {
        if (!im->slots[o].player) continue;
        import_note(im, "#%" PRId64 " is a player, but not in the list of players: added at its end", o);
        db_set_flag(im->db, o, OF_PLAYER, true);
    }
    return true;
}

void import_build_recycled_forms(struct import *im) {
    im->header.spaced_recycled = im->spaced > im->plain;
    for (int64_t o = 0; o < im->nslots; o++) {
        struct slot *s = &im->slots[o];
        if (s->live || s->spaced == im->header.spaced_recycled) continue;
        struct dump_object extra = {.object = o, .other_recycled = true};
        dump_object_encode(&extra, import_add_row(im, DB_EXTRA, dump_extra_key(EXTRA_OBJECT, (uint64_t)o)));
    }
}
