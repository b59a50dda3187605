/* SPDX-License-Identifier: MIT */
/*
 * Writing a dump. What is printed collects as UTF-8 in a buffer that goes to the file when it is full, converted to the world's encoding. Lists of contents and children become
 * links: `next' and `sibling' of all objects are gathered first, 8 bytes an object.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/list.h"
#include "base/must.h"
#include "db/textdump_parts.h"

enum { FLUSH_BYTES = 1 << 18, EVICT_EVERY = 1000, NOWHERE = -1 };

struct export {
    struct db *db;
    const struct export_options *options;
    struct export_summary *sum;
    struct buf *why;
    FILE *file;
    EVP_MD_CTX *digest;
    struct buf out; /* not yet in the file */
    bool latin1, failed;
    int64_t nslots;
    int32_t *next, *sibling;
    struct dump_header header;
    bool has_header;
    struct dump_object *objects; /* rows, in order of object */
    size_t nobjects, at_object;
    struct foreign_connection *connections;
    size_t nconnections;
    struct buf forked, suspended; /* printed beforehand, since their number comes first */
};

static bool fail(struct export *ex, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct export *ex, const char *format, ...) {
    if (ex->failed) return false;
    ex->failed = true;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(ex->why, format, ap);
    va_end(ap);
    return false;
}

/* ---- to the file ---- */

/* In place: Latin-1 is never longer. */
static size_t to_latin1(struct export *ex, char *p, size_t len) {
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)p[i];
        size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (size == 1) p[n++] = p[i];
        else if (c < 0xc4) p[n++] = (char)((c & 3) << 6 | (p[i + 1] & 0x3f));
        else p[n++] = '?', ex->sum->replaced++;
        i += size;
    }
    return n;
}

static bool flush(struct export *ex) {
    size_t len = ex->out.len;
    if (ex->latin1 && len) len = to_latin1(ex, ex->out.data, len);
    if (len && fwrite(ex->out.data, 1, len, ex->file) != len) return fail(ex, "cannot write: %s", strerror(errno));
    if (len) must(EVP_DigestUpdate(ex->digest, ex->out.data, len));
    ex->sum->bytes += (int64_t)len;
    buf_clear(&ex->out);
    return !ex->failed;
}

static bool flush_when_full(struct export *ex) { return ex->out.len < FLUSH_BYTES ? !ex->failed : flush(ex); }

/* A line; a line end inside it would be taken for its end. */
static void put_line(struct export *ex, const struct str *s) {
    size_t from = ex->out.len;
    if (s) buf_add(&ex->out, s->data, s->len);
    for (size_t i = from; i < ex->out.len; i++)
        if (ex->out.data[i] == '\n') ex->out.data[i] = ' ';
    buf_byte(&ex->out, '\n');
}

static void put_int(struct export *ex, int64_t n) { buf_printf(&ex->out, "%" PRId64 "\n", n); }

/* ---- what was kept from the import ---- */

static bool keep_object_row(struct export *ex, uint64_t key, struct dec *d) {
    if ((ex->nobjects & (ex->nobjects - 1)) == 0) ex->objects = xrealloc(ex->objects, (ex->nobjects ? ex->nobjects * 2 : 1) * sizeof *ex->objects);
    struct dump_object *o = &ex->objects[ex->nobjects++];
    *o = (struct dump_object){.object = (objid)(key & ((UINT64_C(1) << 48) - 1))};
    return dump_object_decode(o, d);
}

static bool extra_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    struct export *ex = ctx;
    struct dec d = dec_over(payload, len);
    if (key >> 56 != FOREIGN_EXTRA_BASE >> 56) return true;
    bool ok = true;
    switch ((enum dump_extra)(key >> 48 & 0xff)) {
    case EXTRA_HEADER: ok = ex->has_header = dump_header_decode(&ex->header, &d); break;
    case EXTRA_CONNECTIONS: ok = dump_connections_decode(&ex->connections, &ex->nconnections, &d); break;
    case EXTRA_OBJECT: ok = keep_object_row(ex, key, &d); break;
    default: break;
    }
    return ok || fail(ex, "what was kept from the imported dump is damaged in the store; run evermoo check on the world");
}

/* The program of a task, listed with this format's keywords; NULL: as it is. */
static struct str *relist(struct export *ex, const struct foreign_task *t) {
    if (t->version == ex->options->format || !ex->options->list_program) return NULL;
    struct buf text = BUF_INIT;
    struct code *code = code_new(NULL, t->program, t->version, true, 1);
    struct str *s = ex->options->list_program(ex->options->list_ctx, code, &text) ? buf_to_str(&text) : NULL;
    code_unref(code);
    buf_fini(&text);
    return s;
}

static void emit_forked(void *to, const struct foreign_task *t) {
    struct export *ex = to;
    struct str *program = relist(ex, t);
    struct foreign_task listed = *t;
    if (program) listed.program = program;
    if (t->raw && !program) buf_add(&ex->forked, t->raw->data, t->raw->len);
    else if (!dump_print_forked(&ex->forked, &listed)) fail(ex, "task %" PRId64 " holds a value that format %d does not have", t->id, ex->options->format);
    str_unref(program);
    ex->sum->forked++;
}

static bool task_row(void *ctx, uint64_t key, struct foreign_task *t) {
    struct export *ex = ctx;
    (void)key;
    if (t->kind == FOREIGN_FORKED) {
        if (!ex->options->each_forked) emit_forked(ex, t);
    } else if (t->kind == FOREIGN_SUSPENDED) {
        buf_add(&ex->suspended, t->raw->data, t->raw->len);
        ex->sum->suspended++;
    }
    return !ex->failed;
}

static bool gather_kept(struct export *ex) {
    ex->header.tail = TAIL_LISTENERS;
    if (db_scan(ex->db, DB_EXTRA, extra_row, ex, ex->why) || foreign_each(ex->db, task_row, ex, ex->why)) ex->failed = true;
    if (ex->options->each_forked) ex->options->each_forked(ex->options->forked_ctx, emit_forked, ex);
    size_t more = ex->options->nconnections;
    if (more) {
        ex->connections = xrealloc(ex->connections, (ex->nconnections + more) * sizeof *ex->connections);
        memcpy(ex->connections + ex->nconnections, ex->options->connections, more * sizeof *ex->connections);
        ex->nconnections += more;
    }
    return !ex->failed;
}

/* The row of object o, if there is one; objects are asked for in order. */
static struct dump_object *kept_of(struct export *ex, objid o) {
    while (ex->at_object < ex->nobjects && ex->objects[ex->at_object].object < o) ex->at_object++;
    return ex->at_object < ex->nobjects && ex->objects[ex->at_object].object == o ? &ex->objects[ex->at_object] : NULL;
}

/* ---- links ---- */

static void evict_sometimes(struct export *ex, objid o) {
    if (ex->options->evict && o % EVICT_EVERY == 0) db_evict_clean(ex->db);
}

static void link_list(int32_t *next, value list) {
    for (uint32_t i = 1; i < list.u.l->len; i++) next[list_get(list.u.l, i).u.o] = (int32_t)list_get(list.u.l, i + 1).u.o;
    value_unref(list);
}

static bool gather_links(struct export *ex) {
    ex->nslots = db_max_object(ex->db) + 1;
    if (ex->nslots > INT32_MAX) return fail(ex, "the world has too many objects for a text dump");
    ex->next = xmalloc((size_t)(ex->nslots + 1) * sizeof *ex->next);
    ex->sibling = xmalloc((size_t)(ex->nslots + 1) * sizeof *ex->sibling);
    for (objid o = 0; o < ex->nslots; o++) ex->next[o] = ex->sibling[o] = NOWHERE;
    for (objid o = 0; o < ex->nslots; o++) {
        evict_sometimes(ex, o);
        if (!db_valid(ex->db, o)) continue;
        ex->sum->objects++;
        link_list(ex->next, db_contents(ex->db, o, NULL));
        link_list(ex->sibling, db_children(ex->db, o, NULL));
        for (uint32_t i = 0; i < db_count_verbs(ex->db, o); i++) ex->sum->programs += db_verb_code(ex->db, (struct verbref){o, i}) != NULL;
    }
    return true;
}

/* ---- objects ---- */

static void put_verbs(struct export *ex, objid o) {
    size_t n = db_count_verbs(ex->db, o);
    put_int(ex, (int64_t)n);
    ex->sum->verbs += (int64_t)n;
    for (size_t i = 0; i < n; i++) {
        struct verbref v = {o, (uint32_t)i};
        enum verb_arg dobj, iobj;
        int prep;
        db_verb_args(ex->db, v, &dobj, &prep, &iobj);
        put_line(ex, db_verb_names(ex->db, v));
        put_int(ex, db_verb_owner(ex->db, v));
        put_int(ex, (int64_t)(verb_flags_perms(db_verb_flags(ex->db, v)) | (unsigned)dobj << VERB_PERMS_DOBJ | (unsigned)iobj << VERB_PERMS_IOBJ));
        put_int(ex, prep);
    }
}

static bool put_value(struct export *ex, objid o, const struct str *name, value v, const struct dump_object *kept) {
    size_t from = ex->out.len;
    if (!dump_print_value(&ex->out, v)) return fail(ex, "#%" PRId64 ".%s holds a value that format %d does not have", o, name->data, ex->options->format);
    for (size_t i = 0; kept && i < kept->nodd; i++) {
        const struct dump_odd_value *odd = &kept->odd[i];
        if (odd->printed->len != ex->out.len - from || memcmp(odd->printed->data, ex->out.data + from, odd->printed->len) || !str_identical(odd->property, name)) continue;
        ex->out.len = from;
        buf_add(&ex->out, odd->raw->data, odd->raw->len);
        break;
    }
    return true;
}

static bool put_props(struct export *ex, objid o, const struct dump_object *kept) {
    value defs = db_propdefs(ex->db, o);
    put_int(ex, defs.u.l->len);
    ex->sum->properties += defs.u.l->len;
    for (uint32_t i = 1; i <= defs.u.l->len; i++) put_line(ex, list_get(defs.u.l, i).u.s);
    value_unref(defs);
    size_t n = db_count_props(ex->db, o);
    put_int(ex, (int64_t)n);
    for (size_t i = 0; i < n; i++) {
        struct propref p;
        struct str *name;
        db_prop_at(ex->db, o, i, &p, &name);
        str_ref(name);
        value v = db_prop_raw_value(ex->db, &p);
        bool ok = put_value(ex, o, name, v, kept);
        value_unref(v);
        str_unref(name);
        if (!ok) return false;
        put_int(ex, db_prop_owner(ex->db, &p));
        put_int(ex, db_prop_flags(ex->db, &p));
        if (!flush_when_full(ex)) return false;
    }
    return true;
}

static bool put_object(struct export *ex, objid o) {
    const struct dump_object *kept = kept_of(ex, o);
    if (!db_valid(ex->db, o)) {
        bool spaced = ex->header.spaced_recycled != (kept && kept->other_recycled);
        buf_printf(&ex->out, spaced ? "# %" PRId64 " recycled\n" : "#%" PRId64 " recycled\n", o);
        ex->sum->recycled++;
        return flush_when_full(ex);
    }
    buf_printf(&ex->out, "#%" PRId64 "\n", o);
    put_line(ex, db_name(ex->db, o));
    put_line(ex, kept ? kept->handles : NULL);
    put_int(ex, db_flags(ex->db, o));
    put_int(ex, db_owner(ex->db, o));
    put_int(ex, db_location(ex->db, o));
    put_int(ex, db_first_content(ex->db, o));
    put_int(ex, ex->next[o]);
    put_int(ex, db_parent(ex->db, o));
    put_int(ex, db_first_child(ex->db, o));
    put_int(ex, ex->sibling[o]);
    put_verbs(ex, o);
    return put_props(ex, o, kept) && flush_when_full(ex);
}

/* ---- programs ---- */

static void note_newer(struct export *ex, objid o, int version, size_t from) {
    const struct export_options *how = ex->options;
    struct buf why = BUF_INIT;
    if (version > how->format && how->try_parse && !how->try_parse(how->list_ctx, ex->out.data + from, ex->out.len - from, how->format, &why) && ex->sum->newer++ == 0)
        ex->sum->newer_first = o;
    buf_fini(&why);
}

/* As it came with a dump of this format, or listed as that format would have it. */
static void put_code(struct export *ex, objid o, struct code *code) {
    size_t from = ex->out.len;
    bool as_it_is = (code->imported && code->version == ex->options->format) || !ex->options->list_program;
    if (as_it_is || !ex->options->list_program(ex->options->list_ctx, code, &ex->out)) {
        ex->out.len = from;
        buf_add(&ex->out, code->text->data, code->text->len);
    }
    if (ex->out.len > from && ex->out.data[ex->out.len - 1] != '\n') buf_byte(&ex->out, '\n');
    note_newer(ex, o, code->version, from);
    buf_add_c(&ex->out, ".\n");
}

static bool put_programs(struct export *ex, objid o) {
    size_t n = db_valid(ex->db, o) ? db_count_verbs(ex->db, o) : 0;
    for (size_t i = 0; i < n; i++) {
        struct code *code = db_verb_code(ex->db, (struct verbref){o, (uint32_t)i});
        if (!code) continue;
        buf_printf(&ex->out, "#%" PRId64 ":%zu\n", o, i);
        code_ref(code);
        put_code(ex, o, code);
        code_unref(code);
        if (!flush_when_full(ex)) return false;
    }
    return true;
}

/* ---- the rest ---- */

static void put_head(struct export *ex) {
    value players = db_players(ex->db, NULL);
    buf_printf(&ex->out, "** LambdaMOO Database, Format Version %d **\n", ex->options->format);
    put_int(ex, ex->nslots);
    put_int(ex, ex->sum->programs);
    put_int(ex, ex->header.dummy);
    put_int(ex, players.u.l->len);
    ex->sum->players = players.u.l->len;
    for (uint32_t i = 1; i <= players.u.l->len; i++) put_int(ex, list_get(players.u.l, i).u.o);
    value_unref(players);
}

static void put_clocks(struct export *ex) {
    const struct str *c = ex->header.clocks;
    int lines = 0;
    for (size_t i = 0; c && i < c->len; i++) lines += c->data[i] == '\n';
    buf_printf(&ex->out, "%d clocks\n", lines);
    if (c) buf_add(&ex->out, c->data, c->len);
}

static bool all_on_system_object(const struct export *ex) {
    for (size_t i = 0; i < ex->nconnections; i++)
        if (ex->connections[i].listener != 0) return false;
    return true;
}

/* The form of the imported dump's end, as long as it can hold what there is to say. */
static enum dump_tail tail_form(const struct export *ex) {
    enum dump_tail t = ex->header.tail;
    if (t == TAIL_NO_SUSPENDED && ex->sum->suspended) t = TAIL_NO_CONNECTIONS;
    if (t <= TAIL_NO_CONNECTIONS && ex->nconnections) t = TAIL_LISTENERS;
    if (t == TAIL_PLAIN && !all_on_system_object(ex)) t = TAIL_LISTENERS;
    return t;
}

static void put_connections(struct export *ex, bool listeners) {
    ex->sum->connections = (int64_t)ex->nconnections;
    buf_printf(&ex->out, listeners ? "%zu active connections with listeners\n" : "%zu active connections\n", ex->nconnections);
    for (size_t i = 0; i < ex->nconnections; i++) {
        const struct foreign_connection *c = &ex->connections[i];
        if (listeners) buf_printf(&ex->out, "%" PRId64 " %" PRId64 "\n", c->player, c->listener);
        else put_int(ex, c->player);
    }
}

static bool put_tail(struct export *ex) {
    put_clocks(ex);
    buf_printf(&ex->out, "%" PRId64 " queued tasks\n", ex->sum->forked);
    buf_add(&ex->out, ex->forked.data, ex->forked.len);
    enum dump_tail form = tail_form(ex);
    if (form != TAIL_NO_SUSPENDED) {
        buf_printf(&ex->out, "%" PRId64 " suspended tasks\n", ex->sum->suspended);
        buf_add(&ex->out, ex->suspended.data, ex->suspended.len);
    }
    if (form >= TAIL_PLAIN) put_connections(ex, form == TAIL_LISTENERS);
    if (ex->header.leftover) buf_add(&ex->out, ex->header.leftover->data, ex->header.leftover->len);
    if (ex->header.no_newline && ex->out.len && ex->out.data[ex->out.len - 1] == '\n') ex->out.len--;
    return flush(ex);
}

static bool put_all(struct export *ex) {
    if (!gather_kept(ex) || !gather_links(ex)) return false;
    put_head(ex);
    int64_t steps = ex->nslots ? 2 * ex->nslots : 1;
    for (int64_t i = 0; i < 2 * ex->nslots; i++) {
        objid o = i % ex->nslots;
        evict_sometimes(ex, o);
        if (!(i < ex->nslots ? put_object(ex, o) : put_programs(ex, o))) return false;
        if (ex->options->progress) ex->options->progress(ex->options->progress_ctx, (double)i / (double)steps);
    }
    return put_tail(ex);
}

static void export_fini(struct export *ex) {
    for (size_t i = 0; i < ex->nobjects; i++) dump_object_fini(&ex->objects[i]);
    free(ex->objects);
    free(ex->next);
    free(ex->sibling);
    free(ex->connections);
    dump_header_fini(&ex->header);
    buf_fini(&ex->forked);
    buf_fini(&ex->suspended);
    buf_fini(&ex->out);
    EVP_MD_CTX_free(ex->digest);
}

/* ---- the file ---- */

static bool write_file(struct export *ex, const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    ex->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!ex->file) {
        if (fd >= 0) close(fd);
        return fail(ex, "cannot write %s: %s", path, strerror(errno));
    }
    bool ok = put_all(ex);
    if (ok && fflush(ex->file)) ok = fail(ex, "cannot write %s: %s", path, strerror(errno));
    if (ok && fsync(fileno(ex->file)) && errno != EINVAL) ok = fail(ex, "cannot write %s: %s", path, strerror(errno));
    if (fclose(ex->file) && ok) ok = fail(ex, "cannot write %s: %s", path, strerror(errno));
    must(EVP_DigestFinal_ex(ex->digest, ex->sum->digest, NULL));
    return ok;
}

static int encoding_of(const struct export *ex) { return ex->latin1 ? ENC_LATIN1 : ENC_UTF8; }

/*
 * The dump gets its name, and the manifest its own. First the manifest of what was there before goes: should this be the last moment, there is a dump, the old or the new one, and no
 * manifest that contradicts it.
 */
static bool put_in_place(struct export *ex, const char *aside, const char *path, const char *manifest_aside) {
    struct buf manifest = BUF_INIT;
    buf_printf(&manifest, "%s.manifest", path);
    if (textdump_has_manifest(path)) unlink(buf_c(&manifest));
    bool ok = rename(aside, path) == 0 || fail(ex, "cannot rename %s to %s: %s", aside, path, strerror(errno));
    if (ok && ex->options->manifest) ok = rename(manifest_aside, buf_c(&manifest)) == 0 || fail(ex, "cannot rename %s to %s: %s", manifest_aside, buf_c(&manifest), strerror(errno));
    if (ok && files_sync_parent(path)) ok = fail(ex, "%s is complete, but its name cannot be synced: %s", path, strerror(errno));
    buf_fini(&manifest);
    return ok;
}

static bool write_aside(struct export *ex, const char *path) {
    struct buf aside = BUF_INIT, manifest = BUF_INIT;
    buf_printf(&aside, "%s.part.%ld", path, (long)getpid());
    buf_printf(&manifest, "%s.manifest", buf_c(&aside));
    bool ok = write_file(ex, buf_c(&aside));
    if (ok && ex->options->manifest && (textdump_read_back(buf_c(&aside), encoding_of(ex), ex->sum, ex->why) ||
                                        textdump_write_manifest(ex->db, path, buf_c(&manifest), ex->options, ex->latin1, ex->sum, ex->why)))
        ok = false;
    ok = ok && put_in_place(ex, buf_c(&aside), path, buf_c(&manifest));
    if (!ok) {
        unlink(buf_c(&aside));
        unlink(buf_c(&manifest));
    }
    buf_fini(&aside);
    buf_fini(&manifest);
    return ok;
}

int textdump_export(struct db *db, const char *path, const struct export_options *options, struct export_summary *summary, struct buf *why) {
    struct export_summary mine;
    struct export ex = {.db = db, .options = options, .sum = summary ? summary : &mine, .why = why};
    *ex.sum = (struct export_summary){.objects = 0};
    ex.digest = EVP_MD_CTX_new();
    must(ex.digest && EVP_DigestInit_ex(ex.digest, EVP_sha256(), NULL));
    int encoding = options->encoding < 0 ? (int)db_encoding(db) : options->encoding;
    ex.latin1 = encoding == ENC_LATIN1;
    struct stat st;
    bool ok;
    if (options->format != 4) ok = fail(&ex, "format %d cannot be written by this release: only 4", options->format);
    else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) ok = S_ISDIR(st.st_mode) ? fail(&ex, "%s is a directory", path) : options->manifest ? fail(&ex, "%s is not a file, it cannot have a manifest", path) : write_file(&ex, path);
    else ok = write_aside(&ex, path);
    export_fini(&ex);
    return ok ? 0 : -1;
}
