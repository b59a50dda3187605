/* SPDX-License-Identifier: MIT */
/* Any bytes as an object-definition file: an error of one line, or a world whose objects are all there. The first byte picks the options. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "db/world.h"
#include "lang/objdef.h"

static int lookup(void *ctx, const char *name, size_t len) {
    (void)ctx;
    return len == 1 && (name[0] | 32) == 'f' ? 0 : -1;
}

static const char *name_of(void *ctx, int id) {
    (void)ctx;
    (void)id;
    return "f";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    static const struct function_names functions = {lookup, name_of, NULL};
    struct objdef_options options = {.functions = &functions, .strict = data[0] & 1, .binary_strings = data[0] & 2};
    struct objdef_files files = {0};
    files.n = 1;
    files.v = xcalloc(1, sizeof *files.v);
    files.v[0] = (struct objdef_file){xstrdup("a.moo"), xmalloc(size), size - 1};
    memcpy(files.v[0].text, data + 1, size - 1);
    files.v[0].text[size - 1] = '\0';
    struct db *db = db_world_in_memory();
    struct objdef_report report;
    struct buf why = BUF_INIT;
    if (objdef_load(db, &files, &options, &report, &why) != 0) must(why.len > 0 && !strchr(buf_c(&why), '\n'));
    else must(report.objects == 0 || db_valid(db, db_max_object(db)));
    db_world_close(db);
    buf_fini(&why);
    objdef_files_fini(&files);
    return 0;
}
