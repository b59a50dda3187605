/* SPDX-License-Identifier: MIT */
/* The new file: sound records as they were, lists and indexes derived from them. */
#include "db/repair.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/files.h"
#include "db/backup_ring.h"
#include "db/place.h"
#include "db/repair_parts.h"
#include "db/upgrade.h"
#include "db/usage.h"
#include "db/world.h"

typedef long long ll;
typedef unsigned long long ull;

enum { TRANSACTION = 100000, SPACE = 65536 };

void repair_note(struct repair *r, const char *format, ...) {
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    r->notes++;
    r->note(r->ctx, buf_c(&text));
    buf_fini(&text);
}

void repair_key_text(const struct repair *r, enum store_table t, const void *key, size_t klen, struct buf *out) {
    struct check names = {.props = r->props}; /* borrowed: only the definitions are looked at */
    check_key_text(&names, t, key, klen, out);
}

static void note_key(struct repair *r, enum store_table t, const void *key, size_t klen, const char *what) {
    struct buf name = BUF_INIT;
    repair_key_text(r, t, key, klen, &name);
    repair_note(r, "%s: %s", buf_c(&name), what);
    buf_fini(&name);
}

/* ---- writing ---- */

static void keep_failure(struct repair *r, int rc) {
    if (rc && !r->rc) r->rc = rc;
}

/* A transaction of some size after the other: nobody reads the new file before it is whole. */
static bool ready(struct repair *r) {
    if (r->rc) return false;
    if (r->in_transaction++ >= TRANSACTION) {
        keep_failure(r, store_commit(r->writer));
        if (!r->rc) keep_failure(r, store_begin(r->writer));
        r->in_transaction = 1;
    }
    return !r->rc;
}

/* false: it is there already. */
static bool put_raw(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    if (!ready(r)) return false;
    int rc = store_put_new(r->writer, t, key, klen, data, len);
    if (rc != STORE_EXISTS) keep_failure(r, rc);
    r->records += rc == 0;
    return rc == 0;
}

static void put_record(struct repair *r, enum store_table t, struct key k, const struct buf *payload) {
    if (!ready(r)) return;
    keep_failure(r, record_put(r->writer, t, &k, payload, &r->meta.next_blob));
    r->records++;
}

static void put_empty(struct repair *r, enum store_table t, struct key k) { put_record(r, t, k, &(struct buf)BUF_INIT); }

static void put_link(struct repair *r, enum store_table t, struct key k, objid o) {
    struct buf b = BUF_INIT;
    rec_link_encode(&(struct rec_link){o}, &b);
    put_record(r, t, k, &b);
    buf_fini(&b);
}

/* The row and, if it is large, its parts. */
static bool copy_row(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct rec_blob blob;
    struct dec d;
    unsigned version, flags;
    const char *why;
    if (!put_raw(r, t, key, klen, data, len)) return false;
    if (dec_envelope(data, len, key, klen, &version, &flags, &d, &why) || !flags || rec_blob_decode(&blob, &d)) return true;
    uint64_t parts = (blob.bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    if (blob.id >= r->meta.next_blob) r->meta.next_blob = blob.id + 1;
    for (uint64_t i = 0; i < parts; i++) {
        struct key k = key_two(blob.id, i);
        if (!repair_get(r, T_BLOB, &k, &data, &len)) put_raw(r, T_BLOB, k.bytes, k.len, data, len);
    }
    return true;
}

/* Opens it, or says that it is lost. */
static bool open_row(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch) {
    const char *why;
    if (!repair_open_row(r, key, klen, data, len, d, scratch, &why)) return true;
    struct key k = {.len = klen};
    const void *other;
    size_t n;
    if (klen <= sizeof k.bytes) memcpy(k.bytes, key, klen);
    if (klen > sizeof k.bytes || repair_get(r, t, &k, &other, &n) || other == data) note_key(r, t, key, klen, "damaged, and lost"); /* else a sound one was found elsewhere */
    return false;
}

static bool exists(const struct repair *r, objid o) { return o >= 0 && o < r->n && r->objects[o].exists; }

/* ---- objects and lists ---- */

static void write_object(struct repair *r, objid o) {
    const struct repair_object *x = &r->objects[o];
    struct key k = key_one(key_object(o));
    struct buf scratch = BUF_INIT, b = BUF_INIT;
    struct dec d;
    const void *data;
    size_t len;
    const char *why;
    struct rec_object rec;
    bool found = !x->made && !repair_get(r, T_OBJECT, &k, &data, &len);
    if (found && !x->changed) {
        copy_row(r, T_OBJECT, k.bytes, k.len, data, len);
    } else {
        if (!found || repair_open_row(r, k.bytes, k.len, data, len, &d, &scratch, &why) || rec_object_decode(&rec, &d))
            rec = (struct rec_object){.flags = x->flags, .owner = x->owner, .name = str_printf("recovered object %lld", (ll)o)};
        rec.parent = x->parent, rec.location = x->location, rec.child_key = x->child_key, rec.content_key = x->content_key;
        rec_object_encode(&rec, &b);
        put_record(r, T_OBJECT, k, &b);
        rec_object_fini(&rec);
    }
    buf_fini(&scratch);
    buf_fini(&b);
}

static void write_objects(struct repair *r) {
    for (objid o = 0; o < r->n; o++) {
        const struct repair_object *x = &r->objects[o];
        if (!x->exists) {
            put_empty(r, T_FREE, key_one(key_object(o)));
            continue;
        }
        write_object(r, o);
        put_empty(r, T_OWNED, key_two(key_object(x->owner), key_object(o)));
        if (x->parent != NOTHING) put_link(r, T_CHILDREN, key_two(key_object(x->parent), x->child_key), o);
        if (x->location != NOTHING) put_link(r, T_CONTENTS, key_two(key_object(x->location), x->content_key), o);
    }
}

static void keep_player(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    const char *why;
    struct view_link rec;
    uint64_t place;
    if (key_parse_one(key, klen, &place) && !repair_open_row(r, key, klen, data, len, &d, &scratch, &why) && !view_link_decode(&rec, &d) && exists(r, rec.object)) {
        struct repair_object *x = &r->objects[rec.object];
        if (place > r->meta.next_key) r->meta.next_key = place;
        if (x->flags & OF_PLAYER && !x->listed) x->listed = copy_row(r, t, key, klen, data, len);
    }
    buf_fini(&scratch);
}

static void write_players(struct repair *r) {
    repair_each(r, T_PLAYER, keep_player);
    for (objid o = 0; o < r->n; o++) {
        if (!exists(r, o) || !(r->objects[o].flags & OF_PLAYER) || r->objects[o].listed) continue;
        put_link(r, T_PLAYER, key_one(r->meta.next_key += SPACE), o);
        repair_note(r, "player #%lld: listed again, as the last one", (ll)o);
    }
}

/* ---- properties ---- */

static void add_prop(struct check_props *p, const struct view_propdef *def, objid definer) {
    if (p->n == p->cap) p->v = xrealloc(p->v, (p->cap = p->cap ? p->cap * 2 : 256) * sizeof *p->v);
    p->v[p->n++] = (struct check_prop){def->id, definer, p->names.len, def->name.len};
    buf_add(&p->names, def->name.p, def->name.len);
}

static void keep_propdefs(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_propdefs rec;
    struct view_propdef def;
    uint64_t a;
    bool ok = key_parse_one(key, klen, &a) && open_row(r, t, key, klen, data, len, &d, &scratch) && !view_propdefs_decode(&rec, &d);
    if (ok && !exists(r, object_of_key(a))) note_key(r, t, key, klen, "dropped: the object is lost");
    else if (ok && copy_row(r, t, key, klen, data, len)) {
        struct dec items = dec_over(rec.items.p, rec.items.len);
        while (!items.bad && !dec_at_end(&items)) {
            size_t n;
            const void *p = dec_bytes(&items, &n);
            struct dec one = dec_over(p, n);
            if (items.bad || view_propdef_decode(&def, &one)) break;
            add_prop(&r->props, &def, object_of_key(a));
            if (def.id >= r->meta.next_prop) r->meta.next_prop = def.id + 1;
        }
    }
    buf_fini(&scratch);
}

static bool inherits(const struct repair *r, objid o, objid definer) {
    for (; exists(r, o); o = r->objects[o].parent)
        if (o == definer) return true;
    return false;
}

static void keep_propval(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_propval rec;
    uint64_t a, id;
    struct check names = {.props = r->props};
    if (key_parse_two(key, klen, &a, &id) && open_row(r, t, key, klen, data, len, &d, &scratch) && !view_propval_decode(&rec, &d)) {
        const struct check_prop *p = check_prop_by_id(&names, id);
        objid o = object_of_key(a);
        if (!exists(r, o)) note_key(r, t, key, klen, "dropped: the object is lost");
        else if (!p) note_key(r, t, key, klen, "dropped: its definition is lost");
        else if (!inherits(r, o, p->definer)) note_key(r, t, key, klen, "dropped: the object no longer has the property");
        else copy_row(r, t, key, klen, data, len);
        if (id >= r->meta.next_prop) r->meta.next_prop = id + 1;
    }
    buf_fini(&scratch);
}

static void write_properties(struct repair *r) {
    struct check names;
    repair_each(r, T_PROPDEF, keep_propdefs);
    names = (struct check){.props = r->props};
    check_props_sort(&names);
    repair_each(r, T_PROPVAL, keep_propval);
}

/* ---- programs, verbs, history ---- */

static int by_hash(const void *a, const void *b) { return memcmp(a, b, CODE_HASH_BYTES); }

static bool use_code(struct repair *r, const void *hash) {
    const struct check_hash *found = r->codes.n ? bsearch(hash, r->codes.v, r->codes.n, sizeof *r->codes.v, by_hash) : NULL;
    if (found) r->code_used[found - r->codes.v] = true;
    return found;
}

static void keep_code(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_code rec;
    uint8_t hash[CODE_HASH_BYTES];
    if (klen == CODE_HASH_BYTES && open_row(r, t, key, klen, data, len, &d, &scratch) && !view_code_decode(&rec, &d)) {
        code_hash(hash, rec.text.p, rec.text.len, (int)rec.version, rec.imported, (int)rec.first_line);
        if (memcmp(hash, key, sizeof hash)) {
            note_key(r, t, key, klen, "dropped: it is another one than its hash says");
        } else if (copy_row(r, t, key, klen, data, len)) {
            struct check_codes *c = &r->codes;
            if (c->n == c->cap) c->v = xrealloc(c->v, (c->cap = c->cap ? c->cap * 2 : 256) * sizeof *c->v);
            memcpy(c->v[c->n++].hash, hash, sizeof hash);
        }
    }
    buf_fini(&scratch);
}

static void unprogram(struct repair *r, struct key k, struct dec d, objid o) {
    struct rec_verbdef rec;
    struct buf b = BUF_INIT;
    if (rec_verbdef_decode(&rec, &d)) return;
    repair_note(r, "verb #%lld:%s: its program is lost; it is not programmed now", (ll)o, rec.names->data);
    rec.code = (rec_bytes){NULL, 0};
    rec.code_bytes = 0;
    rec_verbdef_encode(&rec, &b);
    put_record(r, T_VERBDEF, k, &b);
    rec_verbdef_fini(&rec);
    buf_fini(&b);
}

static void keep_verb(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d, again;
    struct view_verbdef rec;
    uint64_t a, id;
    const void *there;
    size_t n;
    if (key_parse_two(key, klen, &a, &id) && open_row(r, t, key, klen, data, len, &d, &scratch) && (again = d, !view_verbdef_decode(&rec, &d))) {
        struct key k = key_two(a, id);
        if (id >= r->meta.next_verb) r->meta.next_verb = id + 1;
        if (!exists(r, object_of_key(a))) repair_note(r, "verb #%lld:%.*s: dropped: the object is lost", (ll)object_of_key(a), (int)rec.names.len, (const char *)rec.names.p);
        else if (!store_get(r->writer, t, k.bytes, k.len, &there, &n)) (void)0; /* the tree's is the better one */
        else if (rec.code.len != CODE_HASH_BYTES) copy_row(r, t, key, klen, data, len);
        else if (!use_code(r, rec.code.p)) unprogram(r, k, again, object_of_key(a));
        else if (copy_row(r, t, key, klen, data, len)) put_empty(r, T_REF, key_ref_verb(rec.code.p, a, id));
    }
    buf_fini(&scratch);
}

static void keep_history(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    struct view_history rec;
    enum history_kind kind;
    uint64_t o, id;
    int64_t time;
    if (key_parse_history(key, klen, &kind, &o, &id, &time) && open_row(r, t, key, klen, data, len, &d, &scratch) && !view_history_decode(&rec, &d)) {
        struct key k = key_history(kind, o, id, time);
        bool program = rec.code.len == CODE_HASH_BYTES;
        if (!exists(r, object_of_key(o))) note_key(r, t, key, klen, "dropped: the object is lost");
        else if (program && !use_code(r, rec.code.p)) note_key(r, t, key, klen, "a version is dropped: its program is lost");
        else if (copy_row(r, t, key, klen, data, len) && program) put_empty(r, T_REF, key_ref_history(rec.code.p, &k));
    }
    buf_fini(&scratch);
}

static void keep_frame_ref(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    (void)t, (void)data, (void)len;
    if (klen == 1 + CODE_HASH_BYTES && *(const char *)key == 'f' && use_code(r, (const char *)key + 1)) put_empty(r, T_REF, key_ref_frame((const uint8_t *)key + 1));
}

/* A program that nobody is known to need may be that of a task: it is kept as one, until the next save knows better. */
static void write_programs(struct repair *r) {
    repair_each(r, T_CODE, keep_code);
    if (r->codes.n) qsort(r->codes.v, r->codes.n, sizeof *r->codes.v, by_hash);
    r->code_used = xcalloc(r->codes.n + 1, sizeof *r->code_used);
    repair_each(r, T_VERBDEF, keep_verb);
    repair_each(r, T_HISTORY, keep_history);
    repair_each(r, T_REF, keep_frame_ref);
    for (size_t i = 0; i < r->codes.n; i++)
        if (!r->code_used[i]) put_empty(r, T_REF, key_ref_frame(r->codes.v[i].hash));
}

/* ---- the rest ---- */

static void keep_as_is(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len) {
    struct buf scratch = BUF_INIT;
    struct dec d;
    uint64_t a;
    if (key_parse_one(key, klen, &a) && open_row(r, t, key, klen, data, len, &d, &scratch)) copy_row(r, t, key, klen, data, len);
    buf_fini(&scratch);
}

/* A table that has no place here is not compiled. */
static bool is_kept_as_is(enum store_table t) {
    switch (t) {
    case T_ANON:
    case T_WAIF:
    case T_TASK:
    case T_QUEUE:
    case T_CONNECTION:
    case T_FOREIGN_TASK:
    case T_EXTRA: return true;
    case T_META:
    case T_OBJECT:
    case T_CONTENTS:
    case T_CHILDREN:
    case T_PLAYER:
    case T_OWNED:
    case T_FREE:
    case T_PROPDEF:
    case T_PROPVAL:
    case T_VERBDEF:
    case T_CODE:
    case T_REF:
    case T_HISTORY:
    case T_USAGE:
    case T_BLOB:
    case T_COUNT: break;
    }
    return false;
}

/* The world's backups know whose they are. Otherwise it is a new world. */
static void find_uuid(const struct ring_backups *backups, unsigned char uuid[16]) {
    if (backups->n) memcpy(uuid, backups->v[0].instant.uuid, 16);
    else if (getrandom(uuid, 16, 0) != 16) must(!"random bytes");
}

static void settle_meta(struct repair *r) {
    struct rec_meta *m = &r->meta;
    struct ring_backups backups;
    static unsigned char uuid[16];
    ring_list(r->dir, &backups, NULL, NULL);
    if (!r->meta_found) {
        find_uuid(&backups, uuid);
        *m = (struct rec_meta){.uuid = {uuid, sizeof uuid}, .dialect = {"toast", 5}, .next_prop = 1, .next_verb = 1, .next_blob = 1};
        repair_note(r, "the record of the last save is lost: the dialect is taken to be toast, the text encoding to be UTF-8");
    }
    m->format = FORMAT_VERSION;
    m->oldest_reader = upgrade_oldest_reader(FORMAT_VERSION);
    for (size_t i = 0; i < backups.n; i++) /* no save has the number of an older one that can be restored */
        if (!memcmp(backups.v[i].instant.uuid, m->uuid.p, 16) && backups.v[i].instant.generation > m->generation) m->generation = backups.v[i].instant.generation;
    ring_backups_fini(&backups);
    m->generation++;
    m->time = clock_wall_us();
}

/* What the last save counted, and what is left of it; what is derived is always whole. */
static void note_losses(struct repair *r, rec_bytes digests) {
    struct dec d = dec_over(digests.p, digests.len);
    struct meta_digest row;
    while (meta_digest_next(&d, &row)) {
        if (row.table == T_COUNT) continue;
        uint64_t n = store_count(r->writer, row.table);
        if (n != row.rows) repair_note(r, "table %s: %llu records; the last save counted %llu", store_table_name(row.table), (ull)n, (ull)row.rows);
    }
}

static void write_all(struct repair *r) {
    keep_failure(r, store_begin(r->writer));
    repair_objects(r);
    write_objects(r);
    write_players(r);
    write_properties(r);
    write_programs(r);
    for (int t = 0; t < T_COUNT; t++)
        if (is_kept_as_is((enum store_table)t)) repair_each(r, (enum store_table)t, keep_as_is);
    r->meta.max_object = r->n - 1;
    struct writer w = {.store = r->writer, .next_blob = &r->meta.next_blob};
    uint64_t bad;
    if (!r->rc) keep_failure(r, usage_count(&w, r->meta.max_object, &bad));
    if (!r->rc) note_losses(r, r->meta.digests);
    if (!r->rc) keep_failure(r, write_meta(&w, &r->meta));
    if (!r->rc) keep_failure(r, store_commit(r->writer));
    else store_abort(r->writer);
}

static int make_file(struct repair *r, const char *dir) {
    files_remove_tree(dir);
    if (mkdir(dir, 0700)) return buf_printf(r->why, "%s: cannot be made: %s", dir, strerror(errno)), -1;
    if (store_open(&r->store, dir, &(struct store_options){.create = true}, r->why)) return -1;
    r->writer = store_writer(r->store);
    settle_meta(r);
    write_all(r);
    if (r->rc) buf_printf(r->why, "the new file cannot be written: %s", store_error(r->writer));
    store_close(r->store);
    return r->rc ? -1 : 0;
}

static void note_left(void *ctx, const char *text) { repair_note(ctx, "not mended: %s", text); }

static int verify_and_place(struct repair *r, const char *dir, struct db_repair_report *report) {
    int rc = db_world_check(dir, note_left, NULL, r, r->why);
    if (rc > 0) buf_printf(r->why, "%s: what could be salvaged is not sound, and nothing was changed", r->dir);
    if (!rc) rc = place_data(r->dir, dir, &report->aside, r->why);
    return rc ? -1 : 0;
}

int db_world_repair(const char *dir, void (*note)(void *ctx, const char *text), void *ctx, struct db_repair_report *report, struct buf *why) {
    struct repair r = {.dir = dir, .note = note, .ctx = ctx, .why = why};
    struct buf making = BUF_INIT;
    *report = (struct db_repair_report){.aside = BUF_INIT};
    buf_printf(&making, "%s/repair.new", dir);
    int rc = repair_find(&r);
    if (!rc) rc = make_file(&r, buf_c(&making));
    if (!rc) rc = verify_and_place(&r, buf_c(&making), report);
    files_remove_tree(buf_c(&making));
    report->records = r.records;
    report->changes = r.notes;
    repair_find_end(&r);
    free(r.objects);
    free(r.props.v);
    buf_fini(&r.props.names);
    free(r.codes.v);
    free(r.code_used);
    buf_fini(&making);
    return rc;
}
