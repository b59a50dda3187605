/* SPDX-License-Identifier: MIT */
/*
 * Reading a dump takes two passes over the file.
 *
 * The first reads every line, checks the grammar, and remembers for each slot where it stands and its links: some 60 bytes a slot, whatever the slots hold. Then the links are
 * checked: lists of contents and children agree with locations and parents, nothing is inside itself, property counts follow from ancestry.
 *
 * The second builds the world. Bare objects and their contents come first; they are filled in the order of the tree, parents first and children as their lists say, because
 * what slots an object has depends on its ancestors; then players, programs, tasks. Each time some megabytes have been read the world is saved and clean objects leave memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "db/textdump_parts.h"

enum {
    DEFAULT_BATCH = 8 << 20,
    NOTES_MAX = 10000,
    BARE_OBJECTS = 50000, /* between two saves */
    LEFTOVER_MAX = 1 << 20,
    OBJECT_BYTES = 3, /* the shortest things of each kind: "#0\n" */
    PROGRAM_BYTES = 7,
    TASK_BYTES = 20,
    USER_BYTES = 2,
    VERB_BYTES = 7,
    PROPDEF_BYTES = 1,
    PROPVAL_BYTES = 6,
    NOWHERE = -1
};

/* One number of the file's header of an object: all links are -1 when empty. */
enum link { CONTENTS, NEXT, PARENT, CHILD, SIBLING, LOCATION, LINKS };

struct slot {
    int32_t link[LINKS];
    uint32_t nverbs, nown, nprops; /* nown: definitions of its own */
    uint32_t total; /* definitions of its own and its ancestors */
    uint32_t line;
    bool live, player;
    bool spaced; /* recycled: the form of its line */
    bool listed_in, listed_under; /* found in its location's contents, in its parent's children */
    int64_t offset; /* of its first line */
};

struct row {
    enum db_table table;
    uint64_t key;
    struct buf payload;
};

struct import {
    struct db *db;
    const struct import_options *options;
    struct import_summary *sum;
    struct reader r;
    bool build; /* second pass */
    int version;
    struct slot *slots;
    int64_t nslots, cap_slots;
    int32_t *users;
    int64_t nusers;
    int64_t nprograms, programs_offset, programs_line;
    int64_t spaced, plain; /* recycled lines of each form */
    struct dump_header header;
    /* second pass */
    struct row *rows;
    size_t nrows, cap_rows, row_bytes;
    int64_t read_bytes, saved_at; /* of the second pass: objects are visited out of order */
    uint64_t next_task;
};

/* ---- notes ---- */

static void note(struct import *im, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct import *im, const char *format, ...) {
    struct import_summary *s = im->sum;
    if (!im->build || s->nnotes > NOTES_MAX) return;
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    if (s->nnotes == NOTES_MAX) buf_add_c(&text, "more like these");
    else buf_vprintf(&text, format, ap);
    va_end(ap);
    if ((s->nnotes & (s->nnotes - 1)) == 0) s->notes = xrealloc(s->notes, (s->nnotes ? s->nnotes * 2 : 1) * sizeof *s->notes);
    s->notes[s->nnotes++] = str_from_bytes(buf_c(&text), text.len);
    buf_fini(&text);
}

void import_summary_fini(struct import_summary *s) {
    for (size_t i = 0; i < s->nnotes; i++) str_unref(s->notes[i]);
    free(s->notes);
    s->notes = NULL;
    s->nnotes = 0;
}

/* ---- rows and saves ---- */

static struct buf *add_row(struct import *im, enum db_table table, uint64_t key) {
    if (im->nrows == im->cap_rows) {
        im->cap_rows = im->cap_rows ? im->cap_rows * 2 : 16;
        im->rows = xrealloc(im->rows, im->cap_rows * sizeof *im->rows);
    }
    struct row *row = &im->rows[im->nrows++];
    *row = (struct row){.table = table, .key = key};
    return &row->payload;
}

static void drop_rows(struct import *im) {
    for (size_t i = 0; i < im->nrows; i++) buf_fini(&im->rows[i].payload);
    im->nrows = 0;
}

static void write_rows(void *ctx, struct db_saver *s) {
    struct import *im = ctx;
    for (size_t i = 0; i < im->nrows; i++) db_saver_put(s, im->rows[i].table, im->rows[i].key, &im->rows[i].payload);
}

static bool save(struct import *im) {
    struct db_save_part part = {.write = write_rows, .ctx = im};
    struct db_save_report report;
    if (im->r.failed) return false;
    if (db_save(im->db, &part, 1, &report, im->r.why)) {
        im->r.failed = true;
        return false;
    }
    drop_rows(im);
    db_evict_clean(im->db);
    return true;
}

static bool progress(struct import *im, int64_t begun_at) {
    im->read_bytes += reader_tell(&im->r) - begun_at;
    if (im->options->progress) {
        double pass = im->r.size ? (double)im->read_bytes / (double)im->r.size : 1;
        im->options->progress(im->options->progress_ctx, im->build ? 0.25 + 0.75 * pass : 0.25 * pass);
    }
    size_t batch = im->options->batch_bytes ? im->options->batch_bytes : DEFAULT_BATCH;
    if (!im->build || im->read_bytes - im->saved_at < (int64_t)batch) return true;
    im->saved_at = im->read_bytes;
    return save(im);
}

/* ---- the head of the file ---- */

static bool read_version(struct import *im) {
    struct reader *r = &im->r;
    static const char before[] = "** LambdaMOO Database, Format Version ", after[] = " **";
    if (reader_at_end(r)) return reader_fail_at(r, 1, "the file is empty");
    if (!reader_line(r, "a header")) return false;
    const char *p = r->text;
    int64_t n;
    if (*p != ' ' && scan_int(&p, &n) && !*p) { /* format 0 has no header */
        im->version = 0;
        return reader_seek(r, 0, 0);
    }
    p = r->text + sizeof before - 1;
    if (strncmp(r->text, before, sizeof before - 1) || !scan_int(&p, &n) || strcmp(p, after)) return reader_fail(r, "this is not a text dump of a MOO: it does not begin with the header line of one");
    if (n > DUMP_NEWEST_READ && n <= DUMP_NEWEST_KNOWN)
        return reader_fail(r, "format version %" PRId64 " (of ToastStunt and its kin) is not read by this release: it reads 0 to %d; a later one will", n, DUMP_NEWEST_READ);
    if (n < 0 || n > DUMP_NEWEST_KNOWN) return reader_fail(r, "format version %" PRId64 " is unknown: this release reads 0 to %d", n, DUMP_NEWEST_READ);
    im->version = (int)n;
    return true;
}

static bool read_head(struct import *im) {
    struct reader *r = &im->r;
    int64_t nslots, user;
    if (!read_version(im) || !reader_count(r, "the number of objects", OBJECT_BYTES, &nslots) || !reader_count(r, "the number of programs", PROGRAM_BYTES, &im->nprograms) ||
        !reader_int(r, "the unused number", &im->header.dummy) || !reader_count(r, "the number of players", USER_BYTES, &im->nusers))
        return false;
    if (nslots > INT32_MAX) return reader_fail(r, "%" PRId64 " objects are too many", nslots);
    free(im->users);
    im->users = NULL;
    for (int64_t i = 0; i < im->nusers; i++) {
        if ((i & (i - 1)) == 0) im->users = xrealloc(im->users, (size_t)(i ? i * 2 : 1) * sizeof *im->users);
        if (!reader_int(r, "a player's number", &user)) return false;
        if (user < 0 || user >= nslots) return reader_fail(r, "player #%" PRId64 " is not an object of this dump", user);
        im->users[i] = (int32_t)user;
    }
    im->nslots = nslots;
    return true;
}

/* ---- objects ---- */

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

enum { VERB_ARG_BITS = 3, DOBJ_SHIFT = 4, IOBJ_SHIFT = 6, VERB_KNOWN_BITS = 0xff };

static bool read_verb(struct import *im, objid o) {
    struct reader *r = &im->r;
    struct str *names = NULL;
    int64_t owner, perms, prep;
    bool ok = reader_string(r, "a verb's names", im->build ? &names : NULL) && reader_int(r, "a verb's owner", &owner) && reader_int(r, "a verb's permissions", &perms);
    int dobj = 0, iobj = 0;
    if (ok) {
        dobj = (int)(perms >> DOBJ_SHIFT) & VERB_ARG_BITS;
        iobj = (int)(perms >> IOBJ_SHIFT) & VERB_ARG_BITS;
        if (perms < 0 || dobj > VA_THIS || iobj > VA_THIS) ok = reader_fail(r, "permissions of a verb cannot be %" PRId64, perms);
        else if (perms & ~VERB_KNOWN_BITS) note(im, "%s:%" PRId64 ": unknown bits of a verb's permissions (%" PRId64 ") are dropped", r->path, r->line, perms);
    }
    ok = ok && reader_int(r, "a verb's preposition", &prep);
    if (ok && (prep < PREP_ANY || prep > 14)) ok = reader_fail(r, "there is no preposition %" PRId64, prep);
    if (ok && im->build) db_add_verb(im->db, o, names, owner, (unsigned)perms & 15u, (enum verb_arg)dobj, (int)prep, (enum verb_arg)iobj);
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
    if (p->flags & ~7) note(im, "%s:%" PRId64 ": unknown bits of a property's permissions (%" PRId64 ") are dropped", r->path, r->line, p->flags);
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

static bool scan_objects(struct import *im) {
    int64_t n = im->nslots;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = reader_tell(&im->r);
        if (!scan_object(im, i) || !progress(im, at)) return false;
    }
    return true;
}

/* ---- links ---- */

static bool bad_link(struct import *im, int64_t o, const char *format, int64_t other) {
    char text[200];
    snprintf(text, sizeof text, format, (long long)o, (long long)other);
    return reader_fail_at(&im->r, im->slots[o].line, "%s", text);
}

/* The list that starts at o's link `first': each member names o as its `up' and stands in it once. */
static bool check_list(struct import *im, int64_t o, enum link first, enum link next, enum link up, const char *format) {
    for (int64_t c = im->slots[o].link[first]; c != NOWHERE; c = im->slots[c].link[next]) {
        struct slot *s = &im->slots[c];
        bool *listed = up == LOCATION ? &s->listed_in : &s->listed_under;
        if (!s->live) return bad_link(im, o, "a list of #%lld leads to #%lld, which is recycled", c);
        if (s->link[up] != o) return bad_link(im, o, format, c);
        if (*listed) return bad_link(im, o, "a list of #%lld runs in a circle at #%lld", c);
        *listed = true;
    }
    return true;
}

/* Walking up from each object ends; `total' serves as mark of those that are known to end: 2 being walked, 1 done. */
static bool check_no_cycle(struct import *im, enum link up, const char *format) {
    for (int64_t i = 0; i < im->nslots; i++) im->slots[i].total = 0;
    for (int64_t i = 0; i < im->nslots; i++) {
        int64_t o = i;
        for (; o != NOWHERE && im->slots[o].total == 0; o = im->slots[o].link[up]) im->slots[o].total = 2;
        if (o != NOWHERE && im->slots[o].total == 2) return bad_link(im, i, format, o);
        for (o = i; o != NOWHERE && im->slots[o].total == 2; o = im->slots[o].link[up]) im->slots[o].total = 1;
    }
    return true;
}

static bool check_object_links(struct import *im, int64_t o) {
    struct slot *s = &im->slots[o];
    if (!s->live) return true;
    for (int k = 0; k < LINKS; k++)
        if (s->link[k] != NOWHERE && !im->slots[s->link[k]].live) return bad_link(im, o, "#%lld has a link to #%lld, which is recycled", s->link[k]);
    return check_list(im, o, CONTENTS, NEXT, LOCATION, "the contents of #%lld list #%lld, whose location is another") &&
           check_list(im, o, CHILD, SIBLING, PARENT, "the children of #%lld list #%lld, whose parent is another");
}

static bool check_listed(struct import *im, int64_t o) {
    struct slot *s = &im->slots[o];
    if (!s->live) return true;
    if (s->link[LOCATION] != NOWHERE && !s->listed_in) return bad_link(im, o, "#%lld is not in the contents of its location #%lld", s->link[LOCATION]);
    if (s->link[PARENT] != NOWHERE && !s->listed_under) return bad_link(im, o, "#%lld is not among the children of its parent #%lld", s->link[PARENT]);
    /* servers repair a `next' without location silently; the other likewise */
    if (s->link[LOCATION] == NOWHERE) s->link[NEXT] = NOWHERE;
    if (s->link[PARENT] == NOWHERE) s->link[SIBLING] = NOWHERE;
    return true;
}

/* The object after o in the order of the tree; NOWHERE after the last under its root. */
static int64_t tree_next(const struct import *im, int64_t o) {
    if (im->slots[o].link[CHILD] != NOWHERE) return im->slots[o].link[CHILD];
    for (; o != NOWHERE; o = im->slots[o].link[PARENT])
        if (im->slots[o].link[SIBLING] != NOWHERE) return im->slots[o].link[SIBLING];
    return NOWHERE;
}

static int64_t root_after(const struct import *im, int64_t o) {
    for (o++; o < im->nslots; o++)
        if (im->slots[o].live && im->slots[o].link[PARENT] == NOWHERE) return o;
    return NOWHERE;
}

static bool check_prop_counts(struct import *im) {
    for (int64_t root = root_after(im, -1); root != NOWHERE; root = root_after(im, root))
        for (int64_t o = root; o != NOWHERE; o = tree_next(im, o)) {
            struct slot *s = &im->slots[o];
            uint64_t total = s->nown + (s->link[PARENT] == NOWHERE ? 0 : (uint64_t)im->slots[s->link[PARENT]].total);
            if (total != s->nprops)
                return reader_fail_at(&im->r, s->line, "#%" PRId64 " has %u property values, but it and its ancestors define %" PRIu64, o, s->nprops, total);
            s->total = (uint32_t)total;
        }
    return true;
}

static bool check_links(struct import *im) {
    if (!check_no_cycle(im, PARENT, "#%lld is its own ancestor, by way of #%lld") || !check_no_cycle(im, LOCATION, "#%lld is inside itself, by way of #%lld")) return false;
    for (int64_t o = 0; o < im->nslots; o++)
        if (!check_object_links(im, o)) return false;
    for (int64_t o = 0; o < im->nslots; o++)
        if (!check_listed(im, o)) return false;
    return check_prop_counts(im);
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
    if (ok && (extra.handles || extra.nodd)) dump_object_encode(&extra, add_row(im, DB_EXTRA, dump_extra_key(EXTRA_OBJECT, (uint64_t)o)));
    s->player = ok && (h.flags & OF_PLAYER);
    object_head_fini(&h);
    dump_object_fini(&extra);
    return ok;
}

/* Bare objects are small, but there may be many. */
static bool after_bare_object(struct import *im, int64_t *done) { return ++*done % BARE_OBJECTS || save(im); }

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

static bool build_objects(struct import *im) {
    if (!build_bare_objects(im)) return false;
    for (int64_t root = root_after(im, -1); root != NOWHERE; root = root_after(im, root))
        for (int64_t o = root; o != NOWHERE; o = tree_next(im, o)) {
            int64_t at = im->slots[o].offset;
            if (!build_object(im, o) || !progress(im, at)) return false;
        }
    return true;
}

/* Players in the order of the list. */
static bool build_players(struct import *im) {
    for (int64_t i = 0; i < im->nusers; i++) {
        int32_t o = im->users[i];
        struct slot *s = &im->slots[o];
        if (!s->live) note(im, "#%d is in the list of players, but recycled: dropped from the list", o);
        else if (!s->player) note(im, "#%d is in the list of players without being one, or twice: dropped from the list", o);
        else db_set_flag(im->db, o, OF_PLAYER, true);
        s->player = false;
    }
    for (int64_t o = 0; o < im->nslots; o++) {
        if (!im->slots[o].player) continue;
        note(im, "#%" PRId64 " is a player, but not in the list of players: added at its end", o);
        db_set_flag(im->db, o, OF_PLAYER, true);
    }
    return true;
}

static void build_recycled_forms(struct import *im) {
    im->header.spaced_recycled = im->spaced > im->plain;
    for (int64_t o = 0; o < im->nslots; o++) {
        struct slot *s = &im->slots[o];
        if (s->live || s->spaced == im->header.spaced_recycled) continue;
        struct dump_object extra = {.object = o, .other_recycled = true};
        dump_object_encode(&extra, add_row(im, DB_EXTRA, dump_extra_key(EXTRA_OBJECT, (uint64_t)o)));
    }
}

/* ---- programs ---- */

static void check_program(struct import *im, objid o, size_t verb, const struct buf *text) {
    struct buf why = BUF_INIT;
    const struct import_options *opt = im->options;
    if (opt->try_parse && !opt->try_parse(opt->parse_ctx, buf_c(text), text->len, im->version, &why)) {
        struct verbref v = {o, (uint32_t)verb};
        note(im, "#%" PRId64 ":%s (verb %zu) does not parse: %s; kept as it is, raises when called", o, db_verb_names(im->db, v)->data, verb + 1, buf_c(&why));
    }
    buf_fini(&why);
}

static bool build_program(struct import *im, objid o, int64_t verb) {
    struct buf text = BUF_INIT;
    struct verbref v = {o, (uint32_t)verb};
    bool ok = dump_read_program(&im->r, &text);
    if (ok && db_verb_code(im->db, v)) ok = reader_fail(&im->r, "a second program for verb %" PRId64 " of #%" PRId64, verb, o);
    if (ok) {
        check_program(im, o, (size_t)verb, &text);
        struct str *s = buf_to_str(&text);
        db_verb_set_code(im->db, v, code_new(db_code_table(im->db), s, im->version, true, 1));
        str_unref(s);
    }
    buf_fini(&text);
    return ok;
}

static bool read_program_entry(struct import *im) {
    struct reader *r = &im->r;
    int64_t o, verb;
    if (!reader_line(r, "a program")) return false;
    const char *p = r->text + 1;
    if (r->text[0] != '#' || !scan_int(&p, &o) || *p != ':' || (p++, !scan_int(&p, &verb)) || *p) return reader_fail(r, "a program ('#object:verb') was expected here");
    if (o < 0 || o >= im->nslots || !im->slots[o].live) return reader_fail(r, "a program for #%" PRId64 ", which is no object of this dump", o);
    if (verb < 0 || verb >= im->slots[o].nverbs) return reader_fail(r, "a program for verb %" PRId64 " of #%" PRId64 ", which has %u", verb, o, im->slots[o].nverbs);
    return im->build ? build_program(im, o, verb) : dump_read_program(r, NULL);
}

static bool read_programs(struct import *im) {
    for (int64_t i = 0; i < im->nprograms; i++) {
        int64_t at = reader_tell(&im->r);
        if (!read_program_entry(im) || !progress(im, at)) return false;
    }
    im->sum->programs = im->nprograms;
    return true;
}

/* ---- what follows the programs ---- */

static bool read_clocks(struct import *im) {
    int64_t n;
    struct buf lines = BUF_INIT;
    if (!reader_count_words(&im->r, "clocks", 4, &n)) return false;
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++) {
        ok = reader_line(&im->r, "a clock") && (!im->build || reader_add_text(&im->r, &lines));
        buf_byte(&lines, '\n');
    }
    if (ok && im->build && lines.len) im->header.clocks = buf_to_str(&lines);
    buf_fini(&lines);
    return ok;
}

static void keep_task(struct import *im, const struct foreign_task *t) {
    foreign_task_encode(t, add_row(im, DB_FOREIGN_TASK, im->next_task++));
    if (t->kind == FOREIGN_FORKED) return;
    note(im, "suspended task %" PRId64 " of #%" PRId64 " (in verb %s) counts in another server's bytecode: kept as it is, not resumed, exported unchanged", t->id, t->programmer,
         t->full_name->data);
}

static bool read_tasks(struct import *im, const char *words, bool (*read)(struct reader *r, int version, struct foreign_task *out), int64_t *count) {
    if (!reader_count_words(&im->r, words, TASK_BYTES, count)) return false;
    for (int64_t i = 0; i < *count; i++) {
        struct foreign_task t;
        int64_t at = reader_tell(&im->r);
        if (!read(&im->r, im->version, &t)) return false;
        if (im->build) keep_task(im, &t);
        foreign_task_fini(&t);
        if (!progress(im, at)) return false;
    }
    return true;
}

/* "K active connections with listeners" or, older, "K active connections". */
static bool read_connections_line(struct reader *r, int64_t *n, bool *listeners) {
    *listeners = false;
    if (!reader_line(r, "active connections")) return false;
    const char *p = r->text;
    if (*p == ' ' || !scan_int(&p, n) || strncmp(p, " active connections", 19)) return reader_fail(r, "'N active connections' was expected here");
    *listeners = !strcmp(p + 19, " with listeners");
    if (p[19] && !*listeners) return reader_fail(r, "'N active connections with listeners' was expected here");
    if (*n < 0 || *n > (r->size - reader_tell(r)) / 2 + 1) return reader_fail(r, "%" PRId64 " connections are more than the rest of the file can hold", *n);
    return true;
}

static bool read_connections(struct import *im) {
    struct reader *r = &im->r;
    int64_t n;
    bool listeners, ok = true;
    if (!read_connections_line(r, &n, &listeners)) return false;
    im->header.tail = listeners ? TAIL_LISTENERS : TAIL_PLAIN;
    im->sum->connections = n;
    struct foreign_connection *all = NULL;
    for (int64_t i = 0; ok && i < n; i++) {
        if ((i & (i - 1)) == 0) all = xrealloc(all, (size_t)(i ? i * 2 : 1) * sizeof *all);
        struct foreign_connection *c = &all[i];
        *c = (struct foreign_connection){0, 0};
        if (!(ok = reader_line(r, "a connection"))) break;
        const char *p = r->text;
        if (!scan_int(&p, &c->player) || (listeners && !scan_int(&p, &c->listener)) || *p) ok = reader_fail(r, "the numbers of a connection were expected here");
    }
    if (ok && im->build && n) dump_connections_encode(all, (size_t)n, add_row(im, DB_EXTRA, dump_extra_key(EXTRA_CONNECTIONS, 0)));
    free(all);
    return ok;
}

static bool read_leftover(struct import *im) {
    struct reader *r = &im->r;
    int64_t at = reader_tell(r), from = r->line;
    im->header.no_newline = r->no_newline;
    if (reader_at_end(r)) return true;
    if (r->size - at > LEFTOVER_MAX) return reader_fail_at(r, from + 1, "%" PRId64 " bytes follow where the dump should end", r->size - at);
    while (!reader_at_end(r))
        if (!reader_line(r, "the end")) return false;
    im->header.no_newline = r->no_newline;
    if (!im->build) return true;
    struct buf text = BUF_INIT;
    bool ok = reader_slice(r, at, &text);
    if (ok) im->header.leftover = buf_to_str(&text);
    buf_fini(&text);
    note(im, "%s:%" PRId64 ": %" PRId64 " bytes follow where the dump should end: kept, exported unchanged", r->path, from + 1, r->size - at);
    return ok;
}

static bool read_tail(struct import *im) {
    struct reader *r = &im->r;
    im->header.tail = TAIL_NO_SUSPENDED;
    if (!read_clocks(im) || !read_tasks(im, "queued tasks", dump_read_forked, &im->sum->forked)) return false;
    if (!reader_at_end(r)) {
        im->header.tail = TAIL_NO_CONNECTIONS;
        if (!read_tasks(im, "suspended tasks", dump_read_suspended, &im->sum->suspended)) return false;
        if (!reader_at_end(r) && !read_connections(im)) return false;
    }
    return read_leftover(im);
}

/* ---- both passes ---- */

static bool first_pass(struct import *im) {
    struct reader *r = &im->r;
    if (!read_head(im) || !scan_objects(im)) return false;
    im->programs_offset = reader_tell(r);
    im->programs_line = r->line;
    if (!read_programs(im) || !read_tail(im)) return false;
    int64_t last = r->line;
    if (!check_links(im)) return false;
    int e = im->options->encoding;
    if (e == ENC_UTF8 && !r->is_utf8) return reader_fail_at(r, last, "the file is not all valid UTF-8: import it as Latin-1 (--encoding latin1)");
    r->latin1 = e == ENC_LATIN1 || (e < 0 && !r->is_utf8);
    return true;
}

static bool second_pass(struct import *im) {
    struct reader *r = &im->r;
    const struct import_options *opt = im->options;
    im->build = true;
    im->read_bytes = 0;
    db_set_encoding(im->db, r->latin1 ? ENC_LATIN1 : ENC_UTF8);
    db_set_dialect(im->db, opt->dialect ? opt->dialect : "lambda");
    build_recycled_forms(im);
    if (!build_objects(im) || !build_players(im)) return false;
    if (!reader_seek(r, im->programs_offset, im->programs_line) || !read_programs(im) || !read_tail(im)) return false;
    im->header.version = im->version;
    dump_header_encode(&im->header, add_row(im, DB_EXTRA, dump_extra_key(EXTRA_HEADER, 0)));
    return save(im);
}

static void import_fini(struct import *im) {
    im->sum->version = im->version;
    im->sum->latin1 = im->r.latin1;
    im->sum->bytes = im->r.size;
    im->sum->players = im->nusers;
    drop_rows(im);
    free(im->rows);
    free(im->slots);
    free(im->users);
    dump_header_fini(&im->header);
    reader_close(&im->r);
}

int textdump_scan(const char *path, int encoding, struct import_summary *out, struct buf *why) {
    const struct import_options options = {.encoding = encoding};
    *out = (struct import_summary){.version = 0};
    struct import im = {.options = &options, .sum = out};
    if (reader_open(&im.r, path, why)) return -1;
    bool ok = first_pass(&im);
    import_fini(&im);
    return ok ? 0 : -1;
}

int textdump_import(struct db *db, const char *path, const struct import_options *options, struct import_summary *summary, struct buf *why) {
    *summary = (struct import_summary){.version = 0};
    struct import im = {.db = db, .options = options, .sum = summary};
    int64_t begun = clock_monotonic_us();
    if (reader_open(&im.r, path, why)) return -1;
    bool ok = first_pass(&im) && second_pass(&im);
    summary->seconds = (double)(clock_monotonic_us() - begun) / 1e6;
    import_fini(&im);
    return ok ? 0 : -1;
}
