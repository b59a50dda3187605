/* SPDX-License-Identifier: MIT */
/* What is salvaged from a damaged file: all that is sound. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "db/backup.h"
#include "db/instant.h"
#include "db/internal.h"
#include "db/pages.h"
#include "db/records.h"
#include "db/repair.h"
#include "worlds.h"

/* Never any page that is not of the newest state, as long as it is saved once. */
static char *one_save(struct buf *text) {
    char *dir = new_place();
    struct buf large = BUF_INIT;
    struct db *db = create_world(dir);
    uint64_t seed = 31;
    for (int i = 0; i < 9000; i++) random_step(db, NULL, &seed, 400);
    objid o = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("large");
    for (int i = 0; i < 200000; i++) buf_byte(&large, (char)('a' + i * 7 % 26));
    db_add_propdef(db, o, name, value_str(buf_to_str(&large)), o, PF_READ);
    str_unref(name);
    save_world(db);
    world_text(db, text);
    db_world_close(db);
    buf_fini(&large);
    return dir;
}

struct notes {
    struct buf text;
};

static void note(void *ctx, const char *text) { buf_printf(&((struct notes *)ctx)->text, "%s\n", text); }

/* What is done to it, in words; the world's text afterwards. */
static void repair(const char *dir, struct notes *notes, struct buf *after) {
    struct db_repair_report report;
    struct buf why = BUF_INIT, path = BUF_INIT;
    cr_assert_eq(db_world_repair(dir, note, notes, &report, &why), 0, "%s\n%s", buf_c(&why), buf_c(&notes->text));
    buf_printf(&path, "%s/data.mdb", buf_c(&report.aside));
    cr_assert_eq(access(buf_c(&path), R_OK), 0);
    unlink(buf_c(&path));
    buf_clear(&path);
    buf_printf(&path, "%s/lock.mdb", buf_c(&report.aside));
    unlink(buf_c(&path));
    rmdir(buf_c(&report.aside));
    expect_sound(dir);
    struct db *db = reopen(NULL, dir, false);
    buf_clear(after);
    world_text(db, after);
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    buf_fini(&report.aside);
    buf_fini(&path);
    buf_fini(&why);
}

/* ---- pages of one table ---- */

struct leaves {
    struct pages pages;
    const char *table;
    struct page_tree tree;
    uint64_t v[4096];
    size_t n;
};

static void on_table(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct leaves *l = ctx;
    if (klen == strlen(l->table) && !memcmp(key, l->table, klen)) cr_assert(pages_read_tree(&l->tree, data, len));
}

static void on_leaf(void *ctx, const struct page_part *part) {
    struct leaves *l = ctx;
    l->v[l->n++ % 4096] = part->page;
}

static void on_fault(void *ctx, const struct page_part *where, const char *what) {
    (void)ctx;
    cr_assert_fail("page %llu: %s", (unsigned long long)where->page, what);
}

static void find_leaves(struct leaves *l, const char *dir, const char *table) {
    struct buf why = BUF_INIT;
    *l = (struct leaves){.table = table};
    cr_assert_eq(pages_open(&l->pages, dir, 0, &why), 0, "%s", buf_c(&why));
    struct page_walk tables = {.pages = &l->pages, .trees = true, .row = on_table, .fault = on_fault, .ctx = l};
    pages_walk(&tables, &(struct page_part){.page = l->pages.meta.tables.root, .depth = l->pages.meta.tables.depth});
    struct page_walk walk = {.pages = &l->pages, .stop = 1, .part = on_leaf, .fault = on_fault, .ctx = l};
    pages_walk(&walk, &(struct page_part){.page = l->tree.root, .depth = l->tree.depth});
    pages_close(&l->pages);
    cr_assert_leq(l->n, 4096);
}

static void write_at(const char *dir, uint64_t at, const void *bytes, size_t n) {
    char path[200];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDWR);
    cr_assert_eq(pwrite(fd, bytes, n, (off_t)at), (ssize_t)n);
    close(fd);
}

static void flip(const char *dir, uint64_t at, unsigned bit) {
    char path[200];
    unsigned char c;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDWR);
    cr_assert_eq(pread(fd, &c, 1, (off_t)at), 1);
    c = (unsigned char)(c ^ 1u << bit);
    cr_assert_eq(pwrite(fd, &c, 1, (off_t)at), 1);
    close(fd);
}

/* false: there is nothing in the table. */
static bool spoil_headers(const char *dir, const char *table) {
    struct leaves l;
    find_leaves(&l, dir, table);
    for (size_t i = 0; i < l.n; i++) flip(dir, l.v[i] * 4096 + (i % 2 ? 0 : 10), 3); /* its number, or its kind */
    return l.n > 0;
}

/* false: its root is a leaf. */
static bool spoil_root(const char *dir, const char *table) {
    struct leaves l;
    char junk[4096];
    find_leaves(&l, dir, table);
    if (l.tree.depth < 2) return false;
    memset(junk, 0x5a, sizeof junk);
    write_at(dir, l.tree.root * 4096, junk, sizeof junk);
    return true;
}

static void expect_whole(const char *dir, const struct buf *before) {
    struct notes n = {BUF_INIT};
    struct buf after = BUF_INIT;
    repair(dir, &n, &after);
    cr_assert_str_eq(buf_c(&after), buf_c(before), "%s", buf_c(&n.text));
    buf_fini(&n.text);
    buf_fini(&after);
}

Test(repair, leaves_with_damaged_headers_are_read) {
    static const char *const tables[] = {"object", "propval", "propdef", "verbdef", "code", "children", "owned", "free", "ref", "contents", "player", "blob"};
    int spoilt = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct buf before = BUF_INIT;
        char *dir = one_save(&before);
        spoilt += spoil_headers(dir, tables[i]);
        expect_whole(dir, &before);
        remove_world(dir);
        buf_fini(&before);
    }
    cr_assert_geq(spoilt, 10);
}

Test(repair, trees_without_a_root_are_put_together) {
    static const char *const tables[] = {"object", "propval", "verbdef", "children", "owned", "ref"};
    int spoilt = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct buf before = BUF_INIT;
        char *dir = one_save(&before);
        spoilt += spoil_root(dir, tables[i]);
        expect_whole(dir, &before);
        remove_world(dir);
        buf_fini(&before);
    }
    cr_assert_geq(spoilt, 4);
}

/* Not the order of players, which nothing tells; the bits of the world's text are all there. */
Test(repair, without_meta_pages_records_are_found) {
    struct buf before = BUF_INIT, after = BUF_INIT;
    struct notes n = {BUF_INIT};
    char *dir = one_save(&before), none[8192] = {0};
    write_at(dir, 0, none, sizeof none);
    repair(dir, &n, &after);
    cr_assert(strstr(buf_c(&n.text), "every page is searched"), "%s", buf_c(&n.text));
    cr_assert_eq(after.len, before.len, "%s", buf_c(&n.text));
    buf_fini(&n.text);
    buf_fini(&before);
    buf_fini(&after);
    remove_world(dir);
}

/* Records of many saves lie about, in no order: the newest tells how far the numbers of objects go. */
Test(repair, of_several_records_of_saves_the_newest_counts) {
    char *dir = new_place(), none[8192] = {0};
    struct db *db;
    struct buf why = BUF_INIT;
    db = create_world(dir);
    for (int round = 0; round < 8; round++) {
        struct notes n = {BUF_INIT};
        struct buf after = BUF_INIT;
        objid last = NOTHING;
        for (int i = 0; i < 5; i++) last = db_create(db, NOTHING, NOTHING);
        save_world(db);
        uint64_t generation = db_generation(db);
        db_world_close(db);
        write_at(dir, 0, none, sizeof none);
        repair(dir, &n, &after);
        db = reopen(NULL, dir, false);
        cr_assert_gt(db_generation(db), generation, "%s", buf_c(&n.text));
        cr_assert(db_valid(db, last), "round %d: #%lld is lost\n%s", round, (long long)last, buf_c(&n.text));
        for (int i = 0; i < 3 * round; i++) { /* pages change their places */
            last = db_create(db, NOTHING, NOTHING);
            save_world(db);
        }
        buf_fini(&n.text);
        buf_fini(&after);
    }
    db_world_close(db);
    remove_world(dir);
    buf_fini(&why);
}

/* Else its backups would be another world's, and later than all its saves. */
Test(repair, without_the_record_of_the_last_save_backups_stay_its_own) {
    struct buf before = BUF_INIT, after = BUF_INIT, why = BUF_INIT, path = BUF_INIT;
    struct notes n = {BUF_INIT};
    struct db_backup_report made;
    struct leaves l;
    char *dir = one_save(&before), junk[4096];
    struct instant was, now;
    cr_assert_eq(db_backup(dir, NULL, &made, NULL, NULL, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(instant_peek(dir, &was, &why), 0, "%s", buf_c(&why));
    find_leaves(&l, dir, "meta");
    memset(junk, 0x5a, sizeof junk);
    write_at(dir, l.v[0] * 4096, junk, sizeof junk);
    repair(dir, &n, &after);
    cr_assert(strstr(buf_c(&n.text), "the record of the last save is lost"), "%s", buf_c(&n.text));
    cr_assert_eq(instant_peek(dir, &now, &why), 0, "%s", buf_c(&why));
    cr_expect_arr_eq(now.uuid, was.uuid, sizeof was.uuid);
    cr_expect_gt(now.generation, was.generation);
    files_remove_tree(buf_c(&made.path));
    buf_printf(&path, "%s/backups", dir);
    files_remove_tree(buf_c(&path));
    remove_world(dir);
    buf_fini(&made.path);
    buf_fini(&path);
    buf_fini(&before);
    buf_fini(&after);
    buf_fini(&why);
    buf_fini(&n.text);
}

/* ---- what is lost is told ---- */

static void spoil_text(const char *dir, const char *text) {
    char path[200], *bytes, *at;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    int fd = open(path, O_RDWR), n = 0;
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    bytes = malloc(size);
    cr_assert_eq(pread(fd, bytes, size, 0), (ssize_t)size);
    for (at = bytes; (at = memmem(at, (size_t)(bytes + size - at), text, strlen(text))); n++) *at ^= 1;
    cr_assert_gt(n, 0);
    cr_assert_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
    close(fd);
    free(bytes);
}

static struct str *text(const char *s) { return str_from(s); }

/* #0 defines two properties and a verb; #1 is its child, #2 is #1's and in it, #3 owns all. */
static char *small_world(void) {
    char *dir = new_place();
    struct db *db = create_world(dir);
    for (int i = 0; i < 4; i++) {
        objid o = db_create(db, i == 0 || i == 3 ? NOTHING : i - 1, 3);
        struct str *name = str_printf("object-number-%d", i);
        db_set_name(db, o, name);
        str_unref(name);
    }
    db_move(db, 2, 1);
    db_set_flag(db, 3, OF_PLAYER, true);
    struct str *a = text("apple"), *b = text("pear"), *verb = text("do_it"), *program = text("return \"a program to lose\";\n");
    db_add_propdef(db, 0, a, value_str(text("value of an apple")), 3, PF_READ);
    db_add_propdef(db, 1, b, value_str(text("value of a pear")), 3, PF_READ);
    struct propref p;
    db_find_property(db, 2, a, &p);
    db_prop_set_value(db, &p, value_str(text("another apple")));
    struct verbref v;
    db_add_verb(db, 0, verb, 3, VF_READ | VF_EXEC, 0, -1, 0);
    cr_assert(db_find_own_verb(db, 0, verb, &v));
    db_verb_set_code(db, v, code_new(db_code_table(db), program, LANGUAGE_VERSION, false, 1));
    str_unref(a), str_unref(b), str_unref(verb), str_unref(program);
    save_world(db);
    db_world_close(db);
    return dir;
}

static void expect_note(const char *lost, const char *word, objid object, const char *property, const char *value_now) {
    struct notes n = {BUF_INIT};
    struct buf after = BUF_INIT;
    char *dir = small_world();
    value v;
    spoil_text(dir, lost);
    repair(dir, &n, &after);
    cr_assert(strstr(buf_c(&n.text), word), "%s", buf_c(&n.text));
    struct db *db = reopen(NULL, dir, false);
    cr_assert(db_valid(db, object));
    bool has = db_read_property(db, object, property, NULL, &v);
    cr_assert_eq(has, value_now != NULL);
    if (has) cr_assert(v.type == V_STR && !strcmp(v.u.s->data, value_now), "%s", buf_c(&after));
    db_world_close(db);
    remove_world(dir);
    buf_fini(&n.text);
    buf_fini(&after);
}

Test(repair, a_lost_value_is_told) { expect_note("another apple", "property #2.apple: damaged, and lost", 2, "apple", "value of an apple"); }
Test(repair, a_lost_record_of_an_object_is_made_anew) { expect_note("object-number-1", "object #1: its record is lost; it is made anew", 2, "pear", "value of a pear"); }
Test(repair, values_stay_with_an_object_made_anew) { expect_note("object-number-2", "(owner #3, parent #1, location #1)", 2, "apple", "another apple"); }
Test(repair, a_lost_definition_takes_its_values) { expect_note("\5apple\6", "dropped: its definition is lost", 2, "apple", NULL); }
Test(repair, a_lost_program_leaves_its_verb) { expect_note("a program to lose", "verb #0:do_it: its program is lost; it is not programmed now", 2, "apple", "another apple"); }

/* ---- whatever happens ---- */

/* Bits, pieces and whole pages of junk, one after the other, each on top of what the last repair made. */
Test(repair, any_damage_ends_in_a_sound_world) {
    struct buf before = BUF_INIT, after = BUF_INIT;
    char *dir = one_save(&before), path[200];
    uint64_t seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 10) : 99;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    for (int round = 0; round < 25; round++) {
        int fd = open(path, O_RDWR);
        uint64_t pages = (uint64_t)lseek(fd, 0, SEEK_END) / 4096;
        for (int i = 0; i < 8; i++) {
            unsigned char junk[4096];
            size_t n = i < 5 ? 1 : i < 7 ? 1 + rnd(&seed) % 64 : sizeof junk;
            for (size_t k = 0; k < n; k++) junk[k] = (unsigned char)rnd(&seed);
            uint64_t at = (rnd(&seed) % pages) * 4096 + (n < sizeof junk ? rnd(&seed) % (4096 - n) : 0);
            cr_assert_eq(pwrite(fd, junk, n, (off_t)at), (ssize_t)n);
        }
        close(fd);
        struct notes n = {BUF_INIT};
        repair(dir, &n, &after);
        buf_fini(&n.text);
    }
    buf_fini(&before);
    buf_fini(&after);
    remove_world(dir);
}
