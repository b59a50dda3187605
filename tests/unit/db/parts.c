/* SPDX-License-Identifier: MIT */
/* Rows of others in a save, programs that only frames keep, values too large for one record, records of other formats. */
#include <criterion/criterion.h>
#include <string.h>

#include "db/records.h"
#include "worlds.h"

struct part {
    const char *task[4]; /* rows to put; NULL: none */
    struct code *keep;
    bool all;
};

static void write_part(void *ctx, struct db_saver *s) {
    struct part *p = ctx;
    if (p->all) db_saver_drop_all(s, DB_TASK);
    for (uint64_t i = 0; i < 4; i++) {
        if (!p->task[i]) continue;
        struct buf b = BUF_INIT;
        buf_add_c(&b, p->task[i]);
        db_saver_put(s, DB_TASK, i, &b);
        buf_fini(&b);
    }
    if (p->keep) db_saver_keep_code(s, p->keep);
}

static uint64_t save_part(struct db *db, struct part *p) {
    struct buf why = BUF_INIT;
    struct db_save_report report;
    cr_assert_eq(db_save(db, &(struct db_save_part){.write = write_part, .ctx = p}, 1, &report, &why), 0, "%s", buf_c(&why));
    return report.records;
}

static bool add_row(void *ctx, uint64_t key, const void *payload, size_t len) {
    buf_printf(ctx, "%d=", (int)key);
    buf_add(ctx, payload, len);
    buf_byte(ctx, ' ');
    return true;
}

static void expect_tasks(struct db *db, const char *text) {
    struct buf rows = BUF_INIT, why = BUF_INIT;
    cr_assert_eq(db_scan(db, DB_TASK, add_row, &rows, &why), 0, "%s", buf_c(&why));
    cr_assert_str_eq(buf_c(&rows), text);
    buf_fini(&rows);
}

static struct db *new_world(const char *dir) {
    struct db *db = create_world(dir);
    return db;
}

Test(parts, rows_are_put_dropped_and_left_alone) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    struct part p = {.task = {"a", "b", NULL, "d"}};
    cr_assert_gt(save_part(db, &p), 3);
    expect_tasks(db, "0=a 1=b 3=d ");
    uint64_t generation = db_generation(db);
    p.all = true;
    cr_assert_eq(save_part(db, &p), 0); /* the same again: nothing to write */
    cr_assert_eq(db_generation(db), generation);
    p = (struct part){.task = {NULL, "B"}, .all = true};
    save_part(db, &p);
    cr_assert_eq(db_generation(db), generation + 1);
    expect_tasks(db, "1=B ");
    db = reopen(db, dir, false);
    expect_tasks(db, "1=B ");
    save_world(db); /* without parts */
    expect_tasks(db, "1=B ");
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

Test(parts, programs_live_as_long_as_somebody_needs_them) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    struct str *text = str_from("return 1;\n"), *names = str_from("v");
    struct code *code = code_new(db_code_table(db), text, LANGUAGE_VERSION, false, 1);
    uint8_t hash[CODE_HASH_BYTES];
    memcpy(hash, code->hash, sizeof hash);
    objid o = db_create(db, NOTHING, NOTHING);
    db_add_verb(db, o, names, o, VF_EXEC, VA_THIS, PREP_NONE, VA_THIS);
    db_verb_set_code(db, (struct verbref){o, 0}, code_ref(code));
    struct part keep = {.keep = code}, none = {0};
    save_part(db, &keep);
    db_delete_verb(db, (struct verbref){o, 0}); /* the frame still has it */
    save_part(db, &keep);
    code_unref(code);
    db = reopen(db, dir, false);
    code = db_load_code(db, hash);
    cr_assert(code && !strcmp(code->text->data, "return 1;\n"));
    code_unref(code);
    save_part(db, &none);
    db = reopen(db, dir, false);
    cr_assert_null(db_load_code(db, hash));
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
    str_unref(text);
    str_unref(names);
}

Test(parts, one_changed_property_of_many_is_one_record) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    objid parent = db_create(db, NOTHING, NOTHING), o = db_create(db, parent, parent);
    for (int i = 0; i < 500; i++) {
        struct str *name = str_printf("prop%d", i);
        cr_assert_eq(db_add_propdef(db, parent, name, value_int(i), parent, PF_READ), E_NONE);
        str_unref(name);
    }
    save_world(db);
    struct str *name = str_from("prop77");
    db_set_property(db, o, name, value_int(5), parent, NULL);
    struct db_save_report report;
    struct buf why = BUF_INIT;
    cr_assert_eq(db_save(db, NULL, 0, &report, &why), 0);
    cr_assert_eq(report.records, 4); /* and what it was, the owner's account, and meta */
    str_unref(name);
    db_world_close(db);
    remove_world(dir);
}

Test(parts, large_values_are_cut_and_put_together) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    struct str *name = str_from("text"), *text = str_empty();
    for (int i = 0; i < 200000; i++) text = str_append_take(text, "0123456789", 10);
    objid o = db_create(db, NOTHING, NOTHING);
    db_add_propdef(db, o, name, value_str(str_ref(text)), o, PF_READ);
    save_world(db);
    db = reopen(db, dir, false);
    value v;
    cr_assert(db_read_property(db, o, "text", NULL, &v));
    cr_assert(v.type == V_STR && str_identical(v.u.s, text));
    value_unref(v);
    db_set_property(db, o, name, value_int(1), o, NULL); /* its chunks go */
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
    str_unref(name);
    str_unref(text);
}

Test(parts, records_of_other_formats_decode) {
    /* tag 3 (parent), an unknown number 99, an unknown counted 100, tag 1 (flags): the others are left out, as an older server would */
    static const unsigned char bytes[] = {3 << 1, 9, 0xc6, 0x01, 5, 0xc9, 0x01, 3, 'x', 'y', 'z', 1 << 1, 7};
    struct dec d = dec_over(bytes, sizeof bytes);
    struct rec_object rec;
    cr_assert_eq(rec_object_decode(&rec, &d), 0);
    cr_assert_eq(rec.parent, -5);
    cr_assert_eq(rec.flags, 7);
    cr_assert_eq(rec.location, 0);
    cr_assert_eq(rec.name->len, 0);
    rec_object_fini(&rec);
    for (size_t n = 1; n < sizeof bytes; n++) { /* cut short: refused, or a field less; never read beyond */
        d = dec_over(bytes, n);
        if (!rec_object_decode(&rec, &d)) rec_object_fini(&rec);
    }
}
