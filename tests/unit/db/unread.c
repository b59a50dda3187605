/* SPDX-License-Identifier: MIT */
/* Long values are in memory when somebody has asked for them, and not before; until then all that is said about them is right, and all that is done to them is done. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/map.h"
#include "base/must.h"
#include "base/patience.h"
#include "db/internal.h"
#include "db/readings.h"
#include "db/records.h"
#include "worlds.h"

enum { PARENT, HOLDER, HEIR, OTHER };
enum { SHORT_TEXT = 100, MIDDLE = 1000, CHUNKED = 100000, PORTIONS = 3000000, LENGTHS = 4 };
static const size_t lengths[LENGTHS] = {SHORT_TEXT, MIDDLE, CHUNKED, PORTIONS};
static const char *const names[LENGTHS] = {"short", "middle", "chunked", "portions"};

static bool always(const void *ctx) {
    (void)ctx;
    return true;
}
static const struct patience none = {always, NULL};

/* Short texts in a list, as many as have so many bytes. */
static value lines_of(size_t bytes) {
    struct list *l = list_new(bytes / 50);
    for (size_t i = 0; i < bytes / 50; i++) l = list_append_take(l, value_str(str_printf("a line of some length, whose number is %10zu", i)));
    return value_list(l);
}

static value text_of(size_t bytes) {
    struct str *s = str_empty();
    for (size_t i = 0; i < bytes / 10; i++) s = str_append_take(s, i % 3 ? "01234567\xc3\xa9" : "\xe2\x82\xac, 76543", 10);
    return value_str(s);
}

static struct propref property(struct db *db, objid o, const char *name) {
    struct str *s = str_from(name);
    struct propref p;
    cr_assert(db_find_property(db, o, s, &p), "#%lld.%s", (long long)o, name);
    str_unref(s);
    return p;
}

static void define(struct db *db, objid o, const char *name, value v) {
    struct str *s = str_from(name);
    cr_assert_eq(db_add_propdef(db, o, s, v, OTHER, PF_READ | PF_CHOWN), E_NONE);
    str_unref(s);
}

/* The properties are defined on PARENT; HOLDER has values of its own, HEIR none. */
static struct db *world(const char *dir, value (*make)(size_t bytes)) {
    struct db *db = create_world(dir);
    db_create(db, NOTHING, OTHER);
    db_create(db, PARENT, OTHER);
    db_create(db, HOLDER, OTHER);
    db_create(db, NOTHING, OTHER);
    for (int i = 0; i < LENGTHS; i++) {
        define(db, PARENT, names[i], value_int(i));
        struct propref p = property(db, HOLDER, names[i]);
        db_prop_set_value(db, &p, make(lengths[i]));
    }
    save_world(db);
    return reopen(db, dir, false);
}

static bool is_unread(struct db *db, objid o, int i) {
    struct propref p = property(db, o, names[i]);
    return slot_is_unread(object_at(db, o), p.slot);
}

static void expect_value(struct db *db, objid o, const char *name, value want) {
    struct propref p = property(db, o, name);
    value got = db_prop_value(db, &p);
    cr_expect(value_identical(got, want), "#%lld.%s", (long long)o, name);
    value_unref(got);
    value_unref(want);
}

static void close_world(struct db *db, char *dir) {
    expect_usage(db, 0);
    save_world(db);
    expect_usage(db, 1);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(unread, long_values_stay_on_disk_until_they_are_asked_for) {
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    for (int i = 0; i < LENGTHS; i++) cr_expect_eq(is_unread(db, HOLDER, i), lengths[i] > LONG_PROPVAL, "%s", names[i]);
    int64_t before = db_object_bytes(db, HOLDER);
    expect_usage(db, 0);
    for (int i = 0; i < LENGTHS; i++) {
        expect_value(db, HEIR, names[i], text_of(lengths[i])); /* through the ancestor that has it */
        cr_expect(!is_unread(db, HOLDER, i), "%s", names[i]);
    }
    cr_expect_eq(db_object_bytes(db, HOLDER), before);
    close_world(db, dir);
}

/* What a machine's inline cache learnt from one object holds for its siblings, but not that their values, or the one that they inherit, are in memory. */
Test(unread, a_cache_that_is_warm_from_another_object) {
    enum { SIBLING = OTHER + 1, SHORT };
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    struct str *name = str_from(names[1]);
    struct prop_cache c = {0};
    value v;
    for (objid o = SIBLING; o <= SHORT; o++) {
        cr_assert_eq(db_create(db, HOLDER, OTHER), o);
        struct propref p = property(db, o, names[1]);
        db_prop_set_value(db, &p, o == SHORT ? value_int(5) : lines_of(MIDDLE));
    }
    save_world(db);
    db = reopen(db, dir, false);
    cr_assert_eq(db_get_property(db, SHORT, name, OTHER, &c, NULL, &v), E_NONE);
    cr_expect(v.type == V_INT && c.layout == object_at(db, SHORT)->layout, "the cache is warm");
    cr_expect(is_unread(db, HOLDER, 1) && is_unread(db, SIBLING, 1) && db_valid(db, HEIR));
    for (objid o = HEIR; o <= SIBLING; o += SIBLING - HEIR)
        for (int round = 0; round < 2; round++) {
            value want = o == HEIR ? text_of(MIDDLE) : lines_of(MIDDLE);
            cr_assert_eq(db_get_property(db, o, name, OTHER, &c, NULL, &v), E_NONE);
            cr_expect(value_identical(v, want), "#%lld in round %d", (long long)o, round);
            value_unref(v);
            value_unref(want);
        }
    db = (save_world(db), reopen(db, dir, false));
    c = (struct prop_cache){0};
    cr_assert_eq(db_get_property(db, SHORT, name, OTHER, &c, NULL, &v), E_NONE);
    cr_expect(is_unread(db, SIBLING, 1));
    cr_assert_eq(db_set_property(db, SIBLING, name, value_int(7), OTHER, &c), E_NONE);
    expect_value(db, SIBLING, names[1], value_int(7));
    str_unref(name);
    close_world(db, dir);
}

/* ---- in portions ---- */

static int portions(struct db *db, objid o, const char *name, value *out) {
    struct str *s = str_from(name);
    int n = 0;
    do {
        cr_assert_eq(db_get_property(db, o, s, OTHER, NULL, &none, out), E_NONE);
        n++;
    } while (out->type == V_NONE && n < 10000);
    str_unref(s);
    return n;
}

static void expect_portions(value (*make)(size_t bytes), int least) {
    char *dir = new_place();
    struct db *db = world(dir, make);
    value v, want = make(PORTIONS);
    int n = portions(db, HEIR, names[3], &v);
    cr_expect(n >= least && n < 1000, "%d portions", n);
    cr_expect(value_identical(v, want));
    value_unref(v);
    value_unref(want);
    cr_expect(!is_unread(db, HOLDER, 3));
    close_world(db, dir);
}

static value numbers_of(size_t bytes) {
    struct list *l = list_new(bytes / 8);
    for (size_t i = 0; i < bytes / 8; i++) l = list_append_take(l, value_int((int64_t)(i << 36)));
    return value_list(l);
}

static value map_of(size_t bytes) {
    struct map *m = map_new();
    for (size_t i = 0; i < bytes / 100; i++) m = map_set_take(m, value_str(str_printf("key %zu", i)), i % 2 ? value_list(list_of(2, value_int((int64_t)i), value_list(list_empty()))) : text_of(90));
    return value_map(m);
}

static value deep_of(size_t bytes) {
    value v = value_int(1);
    for (size_t i = 0; i < bytes / 2; i++) v = value_list(list_of(1, v));
    return v;
}

enum { GATHERED = PORTIONS / CHUNK_BYTES / 8 /* portions in which the chunks come */ };
Test(unread, lists_come_in_portions) { expect_portions(lines_of, GATHERED + PORTIONS / 50 / PATIENCE_STEPS); }
Test(unread, numbers_come_in_portions) { expect_portions(numbers_of, GATHERED + PORTIONS / 8 / PATIENCE_STEPS); }
Test(unread, maps_come_in_portions) { expect_portions(map_of, GATHERED + PORTIONS / 100 / PATIENCE_STEPS); }
Test(unread, nested_lists_come_in_portions) { expect_portions(deep_of, GATHERED + PORTIONS / 2 / PATIENCE_STEPS); }

Test(unread, texts_come_in_portions) { expect_portions(text_of, GATHERED + PORTIONS / PATIENCE_BYTES); }

static void begin_to_read(struct db *db, objid o) {
    struct str *s = str_from(names[3]);
    value v;
    for (int i = 0; i < GATHERED + 2; i++) {
        cr_assert_eq(db_get_property(db, o, s, OTHER, NULL, &none, &v), E_NONE);
        cr_assert_eq(v.type, V_NONE);
    }
    str_unref(s);
}

/* HOLDER has another value now, set while the old one was half read. */
static void expect_new_value(struct db *db, char *dir, value (*make)(size_t bytes)) {
    struct propref p = property(db, HOLDER, names[3]);
    db_prop_set_value(db, &p, make(PORTIONS));
    save_world(db);
    db_evict_clean(db);
    value v, want = make(PORTIONS);
    portions(db, HOLDER, names[3], &v);
    cr_expect(value_identical(v, want));
    value_unref(v);
    value_unref(want);
    close_world(db, dir);
}

Test(unread, what_is_set_while_it_is_read_is_there) {
    char *dir = new_place();
    struct db *db = world(dir, lines_of);
    begin_to_read(db, HOLDER);
    expect_new_value(db, dir, text_of);
}

/* The number, the property and all of it come back. */
Test(unread, what_is_destroyed_while_it_is_read_is_forgotten) {
    char *dir = new_place();
    struct db *db = world(dir, lines_of);
    begin_to_read(db, HOLDER);
    db_chparent(db, HEIR, PARENT);
    db_destroy(db, HOLDER);
    db_create_at(db, HOLDER, PARENT, OTHER);
    expect_new_value(db, dir, numbers_of);
}

Test(unread, what_goes_with_its_parent_while_it_is_read_is_forgotten) {
    char *dir = new_place();
    struct db *db = world(dir, lines_of);
    begin_to_read(db, HOLDER);
    cr_assert_eq(db_chparent(db, HOLDER, OTHER), E_NONE);
    cr_assert_eq(db_chparent(db, HOLDER, PARENT), E_NONE);
    expect_new_value(db, dir, numbers_of);
}

/* Of those who ask by turns all come to an end. */
Test(unread, more_are_read_than_can_be_at_a_time) {
    enum { MANY = 70, FIRST = OTHER + 1, BYTES = 500000 };
    char *dir = new_place();
    struct db *db = world(dir, lines_of);
    for (objid o = FIRST; o < FIRST + MANY; o++) {
        db_create(db, PARENT, OTHER);
        struct propref p = property(db, o, names[3]);
        db_prop_set_value(db, &p, lines_of(BYTES));
    }
    save_world(db);
    db = reopen(db, dir, false);
    struct str *s = str_from(names[3]);
    int done = 0, rounds = 0;
    for (; done < MANY && rounds < 100; rounds++)
        for (objid o = FIRST; o < FIRST + MANY; o++) {
            value v;
            if (!is_unread(db, o, 3)) continue;
            cr_assert_eq(db_get_property(db, o, s, OTHER, NULL, &none, &v), E_NONE);
            if (v.type == V_NONE) continue;
            cr_expect_eq(v.u.l->len, BYTES / 50);
            value_unref(v);
            done++;
        }
    cr_expect_eq(done, MANY, "%d are read after %d rounds", done, rounds);
    str_unref(s);
    close_world(db, dir);
}

/* ---- ancestors ---- */

/* Over when it was asked so often. */
static bool tires(const void *ctx) {
    int *left = (int *)(uintptr_t)ctx;
    return --*left < 0;
}

static objid chain_of(const char *dir, int length) {
    struct db *db = create_world(dir);
    objid o = NOTHING;
    for (int i = 0; i < length; i++) o = db_create(db, o, NOTHING);
    save_world(db);
    db_world_close(db);
    return o;
}

static void expect_line_in_portions(int length, int asked, int most) {
    char *dir = new_place();
    objid last = chain_of(dir, length);
    struct db *db = reopen(NULL, dir, false);
    int calls = 1, left = asked;
    for (; !db_bring(db, last, &(struct patience){tires, &left}) && calls <= most; calls++) {
        cr_expect(!db->objects[last]);
        left = asked;
    }
    cr_expect(calls > 1 && calls <= most, "%d calls", calls);
    cr_expect((uintptr_t)db->objects[last] > 1);
    cr_expect(db_is_a(db, last, 0));
    cr_expect(db_bring(db, last, &none), "nothing is left to do");
    cr_expect(db_bring(db, last + 1, &none), "there is no such object");
    db_world_close(db);
    remove_world(dir);
}

Test(unread, ancestors_come_in_portions) { expect_line_in_portions(100, 10, 100 / 10 + 1); }
/* There is not even patience to find where it begins: so much more patience is needed for what was read again. */
Test(unread, a_line_without_an_end_in_sight_comes_in_portions) { expect_line_in_portions(5 * PATIENCE_STEPS, PATIENCE_STEPS / 2, 50); }

/* Nobody's patience lasts to the end of the line, and yet each call has one more of the first of it. */
Test(unread, a_line_that_is_too_long_for_any_patience_begins_at_its_end) {
    enum { ABOVE = 50 };
    char *dir = new_place();
    objid last = chain_of(dir, PATIENCE_STEPS + ABOVE);
    struct db *db = reopen(NULL, dir, false);
    cr_expect(!db_bring(db, last, &none));
    for (objid o = 0; o < ABOVE; o++) {
        cr_expect(!db->objects[o], "#%lld", (long long)o);
        cr_expect(!db_bring(db, last, &none));
        cr_expect(db->objects[o], "#%lld", (long long)o);
    }
    cr_expect(db_bring(db, last, NULL));
    cr_expect(db_is_a(db, last, 0));
    db_world_close(db);
    remove_world(dir);
}

/* ---- limits ---- */

static objid with_properties(struct db *db, objid parent, const char *prefix, int n) {
    objid o = db_create(db, parent, OTHER);
    struct propdef_new *defs = xcalloc((size_t)n, sizeof *defs);
    for (int i = 0; i < n; i++) defs[i] = (struct propdef_new){str_printf("%s%d", prefix, i), value_int(i), OTHER, PF_READ};
    cr_assert_eq(db_add_propdefs(db, o, defs, (size_t)n), E_NONE);
    for (int i = 0; i < n; i++) str_unref(defs[i].name);
    free(defs);
    return o;
}

Test(unread, what_an_object_defines_has_a_limit_for_who_is_no_wizard) {
    enum { HALF = DB_DEFINITIONS_MAX / 2, WIZARD = PARENT };
    struct db *db = db_world_in_memory();
    for (objid o = PARENT; o <= OTHER; o++) db_create(db, NOTHING, o);
    db_set_flag(db, WIZARD, OF_WIZARD, true);
    objid a = with_properties(db, NOTHING, "a", HALF), b = with_properties(db, NOTHING, "b", HALF), heir = db_create(db, b, OTHER), c = with_properties(db, NOTHING, "c", 1);
    cr_expect(db_can_define(db, a, OTHER, HALF, 0, 5) && !db_can_define(db, a, OTHER, HALF + 1, 0, 5));
    cr_expect(db_can_define(db, a, WIZARD, HALF + 1, 0, 5));
    cr_expect(db_can_inherit(db, b, a, OTHER));
    cr_assert_eq(db_chparent(db, b, a), E_NONE);
    cr_expect(!db_can_define(db, heir, OTHER, 1, 0, 5), "it inherits all that there may be");
    cr_expect(!db_can_define(db, a, OTHER, 1, 0, 5), "its heirs have all that there may be");
    cr_expect(db_can_define(db, a, OTHER, 0, 1, 5), "but verbs they may have");
    cr_expect(!db_can_inherit(db, a, c, OTHER) && db_can_inherit(db, a, c, WIZARD));
    cr_expect(db_can_inherit(db, b, c, OTHER), "that is fewer than it inherits now");
    cr_expect(db_can_define(db, c, OTHER, 1, 0, DB_NAMES_MAX - 2) && !db_can_define(db, c, OTHER, 1, 0, DB_NAMES_MAX - 1));
    cr_expect(!db_can_define(db, c, OTHER, 0, DB_DEFINITIONS_MAX + 1, 0) && db_can_define(db, c, OTHER, 0, DB_DEFINITIONS_MAX, 0));
    db_world_close(db);
}

/* ---- changes to what is not read ---- */

static void expect_kept(struct db *db, char *dir, objid o) {
    save_world(db);
    db = reopen(db, dir, false);
    for (int i = 0; i < LENGTHS; i++) expect_value(db, o, names[i], text_of(lengths[i]));
    close_world(db, dir);
}

Test(unread, its_permissions_change) {
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    for (int i = 0; i < LENGTHS; i++) {
        struct propref p = property(db, HOLDER, names[i]);
        db_prop_set_info(db, &p, PARENT, PF_WRITE);
    }
    save_world(db);
    db = reopen(db, dir, false);
    for (int i = 0; i < LENGTHS; i++) {
        struct propref p = property(db, HOLDER, names[i]);
        cr_expect_eq(db_prop_owner(db, &p), PARENT);
        cr_expect_eq(db_prop_flags(db, &p), PF_WRITE);
    }
    expect_kept(db, dir, HOLDER);
}

Test(unread, its_object_gets_another_owner) {
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    db_set_owner(db, HOLDER, PARENT);
    expect_usage(db, 0);
    expect_kept(db, dir, HOLDER);
}

Test(unread, its_object_gets_another_number) {
    enum { LAST = OTHER + 1 };
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    cr_assert_eq(db_create(db, PARENT, PARENT), LAST);
    for (int i = 0; i < LENGTHS; i++) {
        struct propref p = property(db, LAST, names[i]);
        db_prop_set_value(db, &p, text_of(lengths[i]));
    }
    db_destroy(db, OTHER);
    save_world(db);
    db = reopen(db, dir, false);
    cr_assert_eq(db_renumber(db, LAST), OTHER);
    expect_kept(db, dir, OTHER);
}

Test(unread, its_owner_gets_another_number) {
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    struct propref p;
    for (int i = 0; i < LENGTHS; i++) {
        p = property(db, HOLDER, names[i]);
        db_prop_set_info(db, &p, OTHER, PF_READ);
    }
    db_chparent(db, HEIR, PARENT);
    db_destroy(db, HEIR);
    save_world(db);
    db = reopen(db, dir, false);
    cr_assert_eq(db_renumber(db, OTHER), HEIR);
    save_world(db);
    db = reopen(db, dir, false);
    for (int i = 0; i < LENGTHS; i++) {
        p = property(db, HOLDER, names[i]);
        cr_expect_eq(db_prop_owner(db, &p), HEIR);
    }
    expect_kept(db, dir, HOLDER);
}

Test(unread, it_is_cleared_or_goes_with_its_definition) {
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    struct propref p = property(db, HOLDER, names[2]);
    db_prop_clear(db, &p, OTHER);
    struct str *gone = str_from(names[3]);
    cr_assert_eq(db_delete_propdef(db, PARENT, gone), E_NONE);
    str_unref(gone);
    expect_usage(db, 0);
    expect_value(db, HOLDER, names[2], value_int(2));
    expect_value(db, HEIR, names[1], text_of(MIDDLE));
    close_world(db, dir);
}

Test(unread, it_moves_with_its_slot_or_is_dropped) {
    char *dir = new_place();
    struct db *db = world(dir, text_of);
    define(db, PARENT, "another", value_int(1));
    cr_expect(is_unread(db, HOLDER, 3));
    expect_kept(db, dir, HOLDER);
    dir = new_place();
    db = world(dir, text_of);
    cr_assert_eq(db_chparent(db, HOLDER, OTHER), E_NONE);
    cr_assert_eq(db_chparent(db, HOLDER, PARENT), E_NONE);
    for (int i = 0; i < LENGTHS; i++) expect_value(db, HOLDER, names[i], value_int(i));
    close_world(db, dir);
}

/* ---- records ---- */

static struct key key_of(const char *dir, const char *name, objid o) {
    struct db *db = reopen(NULL, dir, false);
    struct propref p = property(db, o, name);
    struct key k = key_two(key_object(o), object_at(db, o)->shape->slots[p.slot].id);
    db_world_close(db);
    return k;
}

/* As programs of before wrote them: without the size of the value. */
Test(unread, records_that_do_not_tell_sizes_are_read_at_once) {
    char *dir = new_place();
    db_world_close(world(dir, text_of));
    for (int i = 0; i < LENGTHS; i++) {
        struct buf b = BUF_INIT;
        value v = text_of(lengths[i]);
        rec_propval_encode(&(struct rec_propval){.value = v, .owner = OTHER, .perms = PF_READ}, &b);
        put_raw(dir, T_PROPVAL, key_of(dir, names[i], HOLDER), &b);
        buf_fini(&b);
        value_unref(v);
    }
    struct db *db = reopen(NULL, dir, false);
    for (int i = 0; i < LENGTHS; i++) {
        cr_expect(!is_unread(db, HOLDER, i), "%s", names[i]);
        expect_value(db, HOLDER, names[i], text_of(lengths[i]));
    }
    db_world_close(db);
    remove_world(dir);
}

static void note(void *ctx, const char *text) { buf_printf(ctx, "%s\n", text); }

static void expect_fault(const char *dir, const char *what) {
    struct buf why = BUF_INIT, faults = BUF_INIT;
    cr_assert_eq(db_world_check(dir, note, NULL, &faults, &why), 1);
    cr_expect(strstr(buf_c(&faults), what), "%s", buf_c(&faults));
    buf_fini(&faults);
    buf_fini(&why);
}

Test(unread, check_finds_sizes_that_are_wrong) {
    char *dir = new_place();
    struct buf b = BUF_INIT;
    db_world_close(world(dir, text_of));
    value v = text_of(MIDDLE);
    rec_propval_encode(&(struct rec_propval){.value = v, .owner = OTHER, .perms = PF_READ, .bytes = 5}, &b);
    put_raw(dir, T_PROPVAL, key_of(dir, names[1], HOLDER), &b);
    expect_fault(dir, "not 5 as it says");
    value_unref(v);
    buf_fini(&b);
    remove_world(dir);
}

/* The row that lists the chunks of a value, with its owner and letters beside: these become others. */
static void lie_beside_chunks(const char *dir, struct key k, uint64_t bytes) {
    struct store *s;
    struct buf why = BUF_INIT, lie = BUF_INIT, head = BUF_INIT, row = BUF_INIT;
    const void *data;
    size_t len;
    unsigned version, flags;
    struct dec d;
    struct rec_blob blob;
    const char *reason;
    cr_assert_eq(store_open(&s, dir, &(struct store_options){0}, &why), 0);
    struct store *w = store_writer(s);
    cr_assert_eq(store_begin(w), 0);
    cr_assert_eq(store_get(w, T_PROPVAL, k.bytes, k.len, &data, &len), 0);
    cr_assert(!dec_envelope(data, len, k.bytes, k.len, &version, &flags, &d, &reason) && !rec_blob_decode(&blob, &d) && blob.rest.len);
    rec_propval_encode(&(struct rec_propval){.value = value_clear(), .owner = PARENT, .perms = PF_READ, .bytes = bytes}, &lie);
    blob.rest = (rec_bytes){lie.data, lie.len};
    rec_blob_encode(&blob, &head);
    enc_envelope(&row, version, flags, k.bytes, k.len, &head);
    cr_assert_eq(store_put(w, T_PROPVAL, k.bytes, k.len, row.data, row.len), 0);
    cr_assert_eq(store_commit(w), 0);
    store_close(s);
    buf_fini(&lie);
    buf_fini(&head);
    buf_fini(&row);
    buf_fini(&why);
}

/* Also when it is read in portions. */
Test(unread, what_stands_beside_chunks_and_lies_is_damage) {
    for (int i = 2; i <= 3; i++) {
        char *dir = new_place();
        db_world_close(world(dir, text_of));
        lie_beside_chunks(dir, key_of(dir, names[i], HOLDER), 10 * lengths[i]);
        expect_fault(dir, "what stands beside");
        struct db *db = reopen(NULL, dir, false);
        value v;
        portions(db, HOLDER, names[i], &v);
        cr_expect(v.type == V_INT && v.u.i == i);
        cr_expect_eq(db->damaged, 1);
        db_world_close(db);
        remove_world(dir);
    }
}

/* Noticed only when the value is asked for: then the property is as if it were clear, and the others are what they were. */
static void lose_a_chunk(const struct patience *p, int i) {
    char *dir = new_place();
    db_world_close(world(dir, lines_of));
    for (uint64_t id = 1; id < 4; id++) put_raw(dir, T_BLOB, key_two(id, 1), NULL);
    struct db *db = reopen(NULL, dir, false);
    struct str *s = str_from(names[i]);
    value v;
    cr_expect_eq(db->damaged, 0);
    do cr_assert_eq(db_get_property(db, HOLDER, s, OTHER, NULL, p, &v), E_NONE);
    while (v.type == V_NONE);
    cr_expect(v.type == V_INT && v.u.i == i);
    cr_expect_eq(db->damaged, 1);
    expect_value(db, HOLDER, names[1], lines_of(lengths[1]));
    str_unref(s);
    db_world_close(db);
    remove_world(dir);
}

Test(unread, a_lost_chunk_is_damage) { lose_a_chunk(NULL, 2); }
Test(unread, a_lost_chunk_is_damage_in_portions_too) { lose_a_chunk(&none, 3); }
