/* SPDX-License-Identifier: MIT */
#include "server/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "builtins/registry.h"
#include "db/world.h"
#include "lang/machine.h"
#include "server/aside.h"

static int load_and_save(struct db *db, const struct objdef_files *files, const struct objdef_options *options, struct objdef_report *report, struct buf *why) {
    struct machine m;
    int n;
    const struct builtin *table = builtins_for_dialect(db_dialect(db), &n);
    machine_init(&m, db, table, n);
    struct objdef_options with_functions = *options;
    with_functions.functions = &m.functions;
    struct db_save_report saved;
    int rc = objdef_load(db, files, &with_functions, report, why);
    if (rc == 0) rc = db_save(db, NULL, 0, &saved, why);
    machine_fini(&m);
    return rc;
}

static int build_in(const char *dir, const struct objdef_files *files, const struct objdef_options *options, struct objdef_report *report, struct buf *why) {
    struct db *db;
    if (db_world_create(&db, dir, why) != 0) return -1;
    int rc = load_and_save(db, files, options, report, why);
    db_world_close(db);
    return rc;
}

int build_world(const char *dir, const struct objdef_files *files, const struct objdef_options *options, struct objdef_report *report, struct buf *why) {
    struct aside aside;
    if (aside_begin(&aside, dir, why) != 0) return -1;
    if (build_in(buf_c(&aside.dir), files, options, report, why) == 0) return aside_commit(&aside, why);
    aside_abort(&aside);
    return -1;
}

int world_build_default(const char *dir, struct buf *why) {
    struct objdef_files files = {0};
    files.v = xcalloc(core_file_count, sizeof *files.v);
    files.n = core_file_count;
    for (size_t i = 0; i < files.n; i++) {
        files.v[i] = (struct objdef_file){xstrdup(core_files[i].path), xstrdup(core_files[i].text), strlen(core_files[i].text)};
    }
    struct objdef_options options = {.strict = true};
    struct objdef_report report;
    int rc = build_world(dir, &files, &options, &report, why);
    objdef_files_fini(&files);
    return rc;
}
