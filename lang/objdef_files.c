/* SPDX-License-Identifier: MIT */
/* Reading a directory of object-definition files, and what include! names. */
#include "lang/objdef_model.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"

enum { MAX_FOLDERS = 32, MAX_FILE_BYTES = 256 * 1024 * 1024 };

/* The file's bytes with a NUL behind them; NULL with *why. */
static char *read_file(const char *path, size_t *len, struct buf *why) {
    struct stat st;
    FILE *f = fopen(path, "rbe");
    if (!f || fstat(fileno(f), &st) != 0) {
        buf_printf(why, "%s: cannot be read: %s", path, strerror(errno));
        if (f) fclose(f);
        return NULL;
    }
    char *bytes = NULL;
    if (!S_ISREG(st.st_mode)) {
        buf_printf(why, "%s: is not a file", path);
    } else if (st.st_size > MAX_FILE_BYTES) {
        buf_printf(why, "%s: is larger than %d MB; split it", path, MAX_FILE_BYTES / 1024 / 1024);
    } else {
        bytes = xmalloc((size_t)st.st_size + 1);
        *len = fread(bytes, 1, (size_t)st.st_size, f);
        bytes[*len] = '\0';
        if (ferror(f)) {
            buf_printf(why, "%s: cannot be read: %s", path, strerror(errno));
            free(bytes);
            bytes = NULL;
        }
    }
    fclose(f);
    return bytes;
}

static bool is_source(const char *name) {
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".moo") == 0;
}

static int add_file(struct objdef_files *files, char *path, struct buf *why) {
    size_t len;
    char *text = read_file(path, &len, why);
    if (!text) {
        free(path);
        return -1;
    }
    files->v = xrealloc(files->v, (files->n + 1) * sizeof *files->v);
    files->v[files->n++] = (struct objdef_file){path, text, len};
    return 0;
}

static char *join(const char *dir, const char *name) {
    struct buf b = BUF_INIT;
    size_t n = strlen(dir);
    buf_printf(&b, "%s%s%s", dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name);
    return b.data;
}

static int read_folder(struct objdef_files *files, const char *dir, int depth, struct buf *why) {
    DIR *d = opendir(dir);
    if (!d) {
        buf_printf(why, "%s: cannot be read: %s; name a directory of .moo files", dir, strerror(errno));
        return -1;
    }
    int rc = 0;
    const struct dirent *e;
    while (rc == 0 && (e = readdir(d))) {
        struct stat st;
        if (e->d_name[0] == '.') continue;
        char *path = join(dir, e->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            if (depth < MAX_FOLDERS) rc = read_folder(files, path, depth + 1, why);
            free(path);
        } else if (is_source(e->d_name)) {
            rc = add_file(files, path, why);
        } else {
            free(path);
        }
    }
    closedir(d);
    return rc;
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct objdef_file *)a)->path, ((const struct objdef_file *)b)->path);
}

static void move_to_front(struct objdef_files *files, const char *path) {
    for (size_t i = 0; i < files->n; i++) {
        if (strcmp(files->v[i].path, path) != 0) continue;
        struct objdef_file f = files->v[i];
        memmove(files->v + 1, files->v, i * sizeof *files->v);
        files->v[0] = f;
        return;
    }
}

int objdef_files_read(struct objdef_files *files, const char *dir, struct buf *why) {
    *files = (struct objdef_files){0};
    if (read_folder(files, dir, 0, why) != 0) return -1;
    if (files->n == 0) {
        buf_printf(why, "%s: holds no .moo files; name the directory of a world's source", dir);
        return -1;
    }
    files->root = realpath(dir, NULL);
    qsort(files->v, files->n, sizeof *files->v, by_path);
    char *constants = join(dir, "constants.moo");
    move_to_front(files, constants);
    free(constants);
    return 0;
}

void objdef_files_fini(struct objdef_files *files) {
    for (size_t i = 0; i < files->n; i++) {
        free(files->v[i].path);
        free(files->v[i].text);
    }
    free(files->v);
    free(files->root);
    *files = (struct objdef_files){0};
}

static bool is_inside(const char *path, const char *root) {
    size_t n = strlen(root);
    return strncmp(path, root, n) == 0 && (path[n] == '/' || (n > 0 && root[n - 1] == '/'));
}

char *objdef_include(const struct objdef_files *files, const char *from, const char *name, size_t *len, struct buf *why) {
    struct buf path = BUF_INIT;
    const char *slash = strrchr(from, '/');
    if (slash && name[0] != '/') buf_add(&path, from, (size_t)(slash - from) + 1);
    buf_add_c(&path, name);
    char *real = files->root ? realpath(buf_c(&path), NULL) : NULL, *bytes = NULL;
    if (!files->root) buf_printf(why, "include!(\"%s\") needs a directory of files", name);
    else if (!real) buf_printf(why, "include!(\"%s\") cannot be read: %s", name, strerror(errno));
    else if (!is_inside(real, files->root)) buf_printf(why, "include!(\"%s\") leads out of the directory; put the file into it", name);
    else bytes = read_file(real, len, why);
    free(real);
    buf_fini(&path);
    return bytes;
}
