/* SPDX-License-Identifier: MIT */
/* Text dumps read and written in this process; what the program does with them is in tests/suites/dumps. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/list.h"
#include "db/foreign.h"
#include "db/textdump.h"
#include "db/textdump_parts.h"
#include "db/world.h"

static const char village_path[] = "tests/fuzz/corpus/fuzz_textdump/village";

static void read_file(const char *path, struct buf *out) {
    char piece[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    cr_assert(f, "%s", path);
    while ((n = fread(piece, 1, sizeof piece, f)) > 0) buf_add(out, piece, n);
    fclose(f);
}

static void write_file(const char *path, const char *bytes, size_t len) {
    FILE *f = fopen(path, "w");
    cr_assert(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static char *work_directory(void) {
    char *dir = strdup("/tmp/evermoo-unit-XXXXXX");
    cr_assert(mkdtemp(dir));
    return dir;
}

static void remove_tree(char *dir) {
    char command[200];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
    free(dir);
}

static int import(struct db *db, const char *path, size_t batch, struct buf *why) {
    struct import_options options = {.encoding = -1, .batch_bytes = batch};
    struct import_summary summary;
    int rc = textdump_import(db, path, &options, &summary, why);
    import_summary_fini(&summary);
    return rc;
}

/* Where a dump may end without being cut off: after each form of its tail, with or without the LF; a function's name at the end may be any beginning of one. */
static bool is_whole(const char *text, size_t len) {
    static const struct {
        const char *before, *last;
        size_t least;
    } ends[] = {{"Ground.\");\n", ".", 1}, {"4 2 3\n", "suspend", 1}, {"with listeners\n", "3 0", 3}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t from = (size_t)(strstr(text, ends[i].before) - text) + strlen(ends[i].before);
        if (len >= from + ends[i].least && len <= from + strlen(ends[i].last) + 1) return true;
    }
    return false;
}

Test(textdump, cut_off_anywhere_is_an_error) {
    struct buf village = BUF_INIT;
    char *dir = work_directory(), path[100], expected[200];
    read_file(village_path, &village);
    snprintf(path, sizeof path, "%s/dump", dir);
    snprintf(expected, sizeof expected, "%s:", path);
    for (size_t len = 0; len < village.len; len++) {
        struct buf why = BUF_INIT;
        struct db *db = db_world_in_memory();
        write_file(path, village.data, len);
        int rc = import(db, path, 0, &why);
        cr_expect_eq(rc == 0, is_whole(village.data, len), "cut after %zu bytes: %s", len, buf_c(&why));
        cr_expect(rc == 0 || (!strncmp(buf_c(&why), expected, strlen(expected)) && !strchr(buf_c(&why), '\n')), "%s", buf_c(&why));
        db_world_close(db);
        buf_fini(&why);
    }
    buf_fini(&village);
    remove_tree(dir);
}

Test(textdump, the_same_with_a_save_after_every_line_and_objects_evicted) {
    struct buf village = BUF_INIT, again = BUF_INIT, why = BUF_INIT;
    char *dir = work_directory(), world[100], path[100];
    snprintf(world, sizeof world, "%s/world", dir);
    snprintf(path, sizeof path, "%s/dump", dir);
    struct db *db;
    cr_assert_eq(db_world_create(&db, world, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(import(db, village_path, 1, &why), 0, "%s", buf_c(&why));
    db_world_close(db);
    struct db_options options = {.read_only = true, .evict_always = true};
    cr_assert_eq(db_world_open(&db, world, &options, &why), 0, "%s", buf_c(&why));
    struct export_options how = {.format = 4, .encoding = -1, .evict = true};
    cr_assert_eq(textdump_export(db, path, &how, NULL, &why), 0, "%s", buf_c(&why));
    db_world_close(db);
    read_file(village_path, &village);
    read_file(path, &again);
    cr_assert(village.len == again.len && !memcmp(village.data, again.data, village.len));
    buf_fini(&village);
    buf_fini(&again);
    buf_fini(&why);
    remove_tree(dir);
}

static bool look_at_task(void *ctx, uint64_t key, struct foreign_task *t) {
    int *seen = ctx;
    cr_expect_eq(key, (uint64_t)*seen);
    if ((*seen)++ == 0) {
        cr_expect_eq(t->kind, FOREIGN_FORKED);
        cr_expect_eq(t->id, 12345);
        cr_expect_eq(t->time, 1700000000);
        cr_expect_eq(t->first_line, 2);
        cr_expect(t->player == 3 && t->programmer == 3 && t->this_ == 3 && t->definer == 3 && t->debug == 8);
        cr_expect_eq(t->nvariables, 3);
        cr_expect(str_equal_c(t->variables[1].name, "args") && t->variables[1].v.type == V_LIST);
        cr_expect_eq(t->variables[2].v.type, (uint32_t)V_NONE);
        cr_expect(str_equal_c(t->program, "player:tell(\"Ground.\");\n"));
        cr_expect_null(t->raw);
    } else {
        cr_expect_eq(t->kind, FOREIGN_SUSPENDED);
        cr_expect_eq(t->id, 777);
        cr_expect(str_equal_c(t->full_name, "grind"));
        cr_expect(t->raw && !strncmp(t->raw->data, "2147483647 777 0\n0\n", 19));
    }
    return true;
}

static void drop_what_was_taken(void *ctx, struct db_saver *s) {
    (void)ctx;
    db_saver_drop(s, DB_FOREIGN_TASK, 0);
    foreign_connections_drop(s);
}

static bool count_tasks(void *ctx, uint64_t key, struct foreign_task *t) {
    (void)key, (void)t;
    ++*(int *)ctx;
    return true;
}

Test(textdump, tasks_and_connections_wait_in_the_world) {
    struct buf why = BUF_INIT;
    char *dir = work_directory(), world[100];
    snprintf(world, sizeof world, "%s/world", dir);
    struct db *db;
    struct foreign_connection *c;
    size_t n;
    int seen = 0;
    cr_assert_eq(db_world_create(&db, world, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(import(db, village_path, 0, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(foreign_each(db, look_at_task, &seen, &why), 0, "%s", buf_c(&why));
    cr_expect_eq(seen, 2);
    cr_assert_eq(foreign_connections(db, &c, &n, &why), 0, "%s", buf_c(&why));
    cr_expect(n == 1 && c[0].player == 3 && c[0].listener == 0);
    free(c);
    struct db_save_part part = {.write = drop_what_was_taken};
    cr_assert_eq(db_save(db, &part, 1, NULL, &why), 0, "%s", buf_c(&why));
    seen = 0;
    cr_assert_eq(foreign_each(db, count_tasks, &seen, &why), 0);
    cr_expect_eq(seen, 1);
    cr_assert_eq(foreign_connections(db, &c, &n, &why), 0);
    cr_expect(n == 0 && !c);
    db_world_close(db);
    buf_fini(&why);
    remove_tree(dir);
}

Test(textdump, damaged_rows_of_tasks_are_errors) {
    struct foreign_task t = {.kind = FOREIGN_FORKED, .version = 4, .id = 5, .verb = str_from("v"), .full_name = str_from("v w"), .program = str_from("return;\n")}, back;
    struct foreign_variable variable = {str_from("x"), value_list(list_of(2, value_int(1), value_str(str_from("two"))))};
    struct buf row = BUF_INIT, why = BUF_INIT;
    t.variables = &variable;
    t.nvariables = 1;
    foreign_task_encode(&t, &row);
    cr_assert_eq(foreign_task_decode(&back, row.data, row.len, &why), 0, "%s", buf_c(&why));
    cr_expect(back.id == 5 && back.nvariables == 1 && value_equal(back.variables[0].v, variable.v) && str_equal_c(back.program, "return;\n"));
    foreign_task_fini(&back);
    for (size_t len = 0; len < row.len; len++) cr_expect_eq(foreign_task_decode(&back, row.data, len, &why), -1, "%zu bytes", len);
    for (size_t i = 0; i < row.len; i++) { /* any byte may be anything: an error or another task, never a crash */
        char kept = row.data[i];
        row.data[i] = (char)0xff;
        if (foreign_task_decode(&back, row.data, row.len, &why) == 0) foreign_task_fini(&back);
        row.data[i] = kept;
    }
    str_unref(t.verb);
    str_unref(t.full_name);
    str_unref(t.program);
    str_unref(variable.name);
    value_unref(variable.v);
    buf_fini(&row);
    buf_fini(&why);
}

Test(textdump, what_is_read_back_is_what_was_written) {
    struct buf village = BUF_INIT, why = BUF_INIT;
    char *dir = work_directory(), path[100];
    snprintf(path, sizeof path, "%s/dump", dir);
    struct db *db = db_world_in_memory();
    cr_assert_eq(import(db, village_path, 0, &why), 0, "%s", buf_c(&why));
    struct export_options how = {.format = 4, .encoding = -1};
    struct export_summary written;
    cr_assert_eq(textdump_export(db, path, &how, &written, &why), 0, "%s", buf_c(&why));
    cr_assert_eq(textdump_read_back(path, -1, &written, &why), 0, "%s", buf_c(&why));
    int64_t *const counts[] = {&written.objects, &written.recycled, &written.verbs, &written.programs, &written.properties, &written.players, &written.forked, &written.bytes};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        (*counts[i])++;
        cr_expect_eq(textdump_read_back(path, -1, &written, &why), -1, "count %zu", i);
        (*counts[i])--;
    }
    read_file(path, &village);
    for (size_t i = 0; i < village.len; i++) {
        village.data[i] ^= 4;
        write_file(path, village.data, village.len);
        cr_expect_eq(textdump_read_back(path, -1, &written, &why), -1, "byte %zu", i);
        village.data[i] ^= 4;
    }
    write_file(path, village.data, village.len);
    cr_expect_eq(textdump_read_back(path, -1, &written, &why), 0);
    db_world_close(db);
    buf_fini(&village);
    buf_fini(&why);
    remove_tree(dir);
}
