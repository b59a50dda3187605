/* SPDX-License-Identifier: MIT */
#include "server/build.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "builtins/registry.h"
#include "db/world.h"
#include "lang/machine.h"

/* A world's directory holds files only. */
static void remove_directory(const char *dir) {
    DIR *d = opendir(dir);
    if (!d) return;
    const struct dirent *e;
    while ((e = readdir(d))) unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(dir);
}

/* The rename is durable when the directory that holds the name is. */
static void sync_parent(const char *dir) {
    char *copy = xstrdup(dir), *slash = strrchr(copy, '/');
    if (slash) slash[slash == copy] = '\0';
    int fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

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
    struct stat st;
    if (lstat(dir, &st) == 0) {
        buf_printf(why, "%s: exists already; name another place, or remove it first", dir);
        return -1;
    }
    struct buf aside = BUF_INIT;
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/') len--;
    buf_printf(&aside, "%.*s.building-%ld", (int)len, dir, (long)getpid());
    int rc = build_in(buf_c(&aside), files, options, report, why);
    if (rc == 0 && rename(buf_c(&aside), dir) != 0) {
        buf_printf(why, "%s: cannot be made: %s", dir, strerror(errno));
        rc = -1;
    }
    if (rc == 0) sync_parent(dir);
    else remove_directory(buf_c(&aside));
    buf_fini(&aside);
    return rc;
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
