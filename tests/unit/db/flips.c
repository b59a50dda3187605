/* SPDX-License-Identifier: MIT */
/*
 * A bit of data.mdb flips. The check must name it, except where nobody ever looks: then the world must read as before, row by row and key by key. FLIPS=N in the environment: how many.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/list.h"
#include "db/internal.h"
#include "db/pages.h"
#include "db/records.h"
#include "worlds.h"

enum { FLIPS = 240 };

static void add_text(struct db *db, objid o, const char *name, size_t len) {
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < len; i++) buf_byte(&b, (char)('a' + (i * 7 + len) % 26));
    struct str *n = str_from(name);
    db_add_propdef(db, o, n, value_str(buf_to_str(&b)), o, PF_READ);
    str_unref(n);
    buf_fini(&b);
}

/* Trees with branches, records on pages of their own, one in parts, and pages that were freed. */
static char *rich_world(void) {
    char *dir = new_place();
    struct db *db = create_world(dir);
    uint64_t seed = 23;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 1500; i++) random_step(db, NULL, &seed, 200);
        save_world(db);
    }
    objid o = db_create(db, NOTHING, NOTHING);
    add_text(db, o, "page", 3000);
    add_text(db, o, "pages", 30000);
    add_text(db, o, "parts", 200000);
    save_world(db);
    db_world_close(db);
    return dir;
}

struct file {
    int fd;
    unsigned char *bytes;
    size_t size;
};

static struct file open_file(const char *dir) {
    char path[200];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    struct file f = {.fd = open(path, O_RDWR)};
    f.size = (size_t)lseek(f.fd, 0, SEEK_END);
    f.bytes = malloc(f.size);
    cr_assert_eq(pread(f.fd, f.bytes, f.size, 0), (ssize_t)f.size);
    return f;
}

/* ---- what the library sees ---- */

struct looking {
    struct store *s;
    enum store_table t;
    uint64_t sum;
};

static bool look(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct looking *l = ctx;
    const void *again;
    size_t n;
    l->sum = l->sum * 31 + store_row_hash(key, klen, data, len);
    if (store_get(l->s, l->t, key, klen, &again, &n) || again != data) l->sum++; /* a scan finds it, a question does not */
    return true;
}

/* In a child: it may crash. 0: it cannot be read. */
static uint64_t library_sum(const char *dir) {
    int ends[2];
    uint64_t sum = 0;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        struct looking l = {.sum = 1};
        struct buf why = BUF_INIT;
        alarm(10);
        if (store_open(&l.s, dir, &(struct store_options){.read_only = true}, &why) || store_read_begin(l.s)) _exit(1);
        for (int t = 0; t < T_COUNT; t++) {
            l.t = (enum store_table)t;
            if (store_scan(l.s, l.t, NULL, 0, look, &l)) _exit(1);
        }
        _exit(write(ends[1], &l.sum, sizeof l.sum) != sizeof l.sum);
    }
    close(ends[1]);
    if (read(ends[0], &sum, sizeof sum) != sizeof sum) sum = 0;
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return sum;
}

/* ---- which pages count ---- */

static void no_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) { (void)ctx, (void)key, (void)klen, (void)data, (void)len; }

static void no_fault(void *ctx, const struct page_part *where, const char *what) {
    (void)ctx;
    cr_assert_fail("page %llu: %s", (unsigned long long)where->page, what);
}

static void walk_tree(struct pages *p, const struct page_tree *t, bool numbers) {
    struct page_walk w = {.pages = p, .numbers = numbers, .row = no_row, .fault = no_fault};
    pages_walk(&w, &(struct page_part){.page = t->root, .depth = t->depth});
    cr_assert_eq(w.entries, t->entries);
    cr_assert_eq(w.overflows, t->overflows);
}

static void table_row(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    struct page_tree t;
    (void)key, (void)klen;
    cr_assert(pages_read_tree(&t, data, len));
    walk_tree(ctx, &t, false);
}

static void meet_pages(struct pages *p, const char *dir) {
    struct buf why = BUF_INIT;
    cr_assert_eq(pages_open(p, dir, 0, &why), 0, "%s", buf_c(&why));
    struct page_walk w = {.pages = p, .trees = true, .row = table_row, .fault = no_fault, .ctx = p};
    pages_walk(&w, &(struct page_part){.page = p->meta.tables.root, .depth = p->meta.tables.depth});
    walk_tree(p, &p->meta.unused, true);
}

/* ---- */

struct verdict {
    int rc;
    struct buf text, why;
};

static void note(void *ctx, const char *text) { buf_printf(&((struct verdict *)ctx)->text, "%s\n", text); }

static void check_world(const char *dir, struct verdict *v) {
    buf_clear(&v->text);
    buf_clear(&v->why);
    v->rc = db_world_check(dir, note, NULL, v, &v->why);
    cr_assert_eq(v->rc == 1, v->text.len > 0 && v->rc >= 0);
    cr_assert_eq(v->rc < 0, v->why.len > 0);
}

/* Half of them where pages and their rows begin, where damage is worst. */
static size_t choose_place(const struct pages *p, size_t size, uint64_t *seed) {
    size_t at = rnd(seed) % size;
    if (rnd(seed) % 2) return at;
    size_t page = at / p->page_size * p->page_size, within = rnd(seed) % 64;
    if (rnd(seed) % 16 == 0) return (rnd(seed) % 2) * p->page_size + rnd(seed) % 160;
    return page + within;
}

Test(flips, every_one_is_found_or_harmless) {
    char *dir = rich_world();
    struct file f = open_file(dir);
    struct pages p;
    struct verdict v = {0};
    uint64_t seed = 77, before = library_sum(dir);
    int found = 0, harmless = 0, unused = 0, flips = getenv("FLIPS") ? atoi(getenv("FLIPS")) : FLIPS;
    if (getenv("SEED")) seed = strtoull(getenv("SEED"), NULL, 10);
    cr_assert_neq(before, 0);
    check_world(dir, &v);
    cr_assert_eq(v.rc, 0, "%s%s", buf_c(&v.text), buf_c(&v.why));
    meet_pages(&p, dir);
    for (int i = 0; i < flips; i++) {
        size_t at = choose_place(&p, f.size, &seed), page = at / p.page_size;
        unsigned bit = rnd(&seed) % 8;
        unsigned char bad = (unsigned char)(f.bytes[at] ^ 1u << bit);
        bool used = page > p.meta.last ? false : p.used[page / 8] >> page % 8 & 1;
        cr_assert_eq(pwrite(f.fd, &bad, 1, (off_t)at), 1);
        check_world(dir, &v);
        if (!used) cr_assert_eq(v.rc, 0, "byte %zu bit %u of a page that is not in use: %s%s", at, bit, buf_c(&v.text), buf_c(&v.why));
        if (v.rc == 0) cr_assert_eq(library_sum(dir), before, "byte %zu bit %u (page %zu): said to be sound", at, bit, page);
        found += v.rc != 0;
        harmless += v.rc == 0;
        unused += !used;
        cr_assert_eq(pwrite(f.fd, &f.bytes[at], 1, (off_t)at), 1);
    }
    check_world(dir, &v);
    cr_assert_eq(v.rc, 0);
    cr_assert(found > flips / 3 && unused > 0, "%d found, %d harmless, %d of those in no tree", found, harmless, unused);
    cr_log_info("%d found, %d harmless, %d of those in no tree", found, harmless, unused);
    pages_close(&p);
    close(f.fd);
    free(f.bytes);
    buf_fini(&v.text);
    buf_fini(&v.why);
    remove_world(dir);
}

static void flip_text(const char *dir, struct file *f, const char *text) {
    unsigned char *at = memmem(f->bytes, f->size, text, strlen(text));
    cr_assert(at);
    for (unsigned char *next = at; (next = memmem(next, (size_t)(f->bytes + f->size - next), text, strlen(text))); next++) next[3] ^= 1; /* old copies too */
    cr_assert_eq(pwrite(f->fd, f->bytes, f->size, 0), (ssize_t)f->size);
    (void)dir;
}

Test(flips, a_record_is_named_as_people_name_it) {
    char *dir = new_place();
    struct db *db = create_world(dir);
    objid o = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("description");
    db_add_propdef(db, o, name, value_str(str_from("a needle in a haystack")), o, PF_READ);
    db_set_name(db, db_create(db, NOTHING, NOTHING), name);
    str_unref(name);
    save_world(db);
    db_world_close(db);
    struct file f = open_file(dir);
    struct verdict v = {0};
    flip_text(dir, &f, "a needle in");
    check_world(dir, &v);
    cr_assert_eq(v.rc, 1);
    cr_assert(strstr(buf_c(&v.text), "property #0.description: record damaged (checksum differs)"), "%s", buf_c(&v.text));
    close(f.fd);
    free(f.bytes);
    buf_fini(&v.text);
    buf_fini(&v.why);
    remove_world(dir);
}

/* ---- damage that only who writes next would meet ---- */

static void first_free(void *ctx, const void *key, size_t klen, const void *data, size_t len) {
    const unsigned char **at = ctx;
    (void)key, (void)klen;
    if (!*at && len >= 24) *at = data; /* how many, then the pages from the highest down */
}

static uint64_t last_of(const unsigned char *list) {
    uint64_t n, page;
    memcpy(&n, list, 8);
    memcpy(&page, list + 8 * n, 8);
    return page;
}

/* What is saved next would go over a page in use, although all can be read. */
Test(flips, a_free_list_that_names_a_page_in_use) {
    char *dir = rich_world();
    struct file f = open_file(dir);
    struct pages p;
    struct verdict v = {0};
    const unsigned char *list = NULL;
    meet_pages(&p, dir);
    unsigned char *used = p.used;
    p.used = calloc(p.meta.last / 8 + 2, 1);
    struct page_walk w = {.pages = &p, .numbers = true, .row = first_free, .fault = no_fault, .ctx = &list};
    pages_walk(&w, &(struct page_part){.page = p.meta.unused.root, .depth = p.meta.unused.depth});
    cr_assert(list);
    uint64_t n, page = last_of(list), other = page;
    memcpy(&n, list, 8);
    while (other > 2 && !(used[other / 8] >> other % 8 & 1)) other--;
    cr_assert(other >= 2 && other < page && used[other / 8] >> other % 8 & 1, "a page in use below page %llu", (unsigned long long)page);
    cr_assert_eq(pwrite(f.fd, &other, 8, (off_t)((size_t)(list - p.map) + 8 * n)), 8);
    check_world(dir, &v);
    cr_assert_eq(v.rc, 1, "%s", buf_c(&v.why));
    cr_assert(strstr(buf_c(&v.text), "it names a page that is in use"), "%s", buf_c(&v.text));
    free(p.used);
    p.used = used;
    pages_close(&p);
    close(f.fd);
    free(f.bytes);
    buf_fini(&v.text);
    buf_fini(&v.why);
    remove_world(dir);
}

/* A server that saves meanwhile does not disturb the check, which sees one state. */
Test(flips, check_while_the_world_is_saved) {
    char *dir = rich_world();
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (!pid) {
        struct db *db;
        struct buf why = BUF_INIT;
        uint64_t seed = 5;
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test fails */
        if (db_world_open(&db, dir, NULL, &why)) _exit(1);
        for (;;) {
            for (int i = 0; i < 50; i++) random_step(db, NULL, &seed, 200);
            if (db_save(db, NULL, 0, NULL, &why) || write(ready[1], "", 1) != 1) _exit(1);
        }
    }
    close(ready[1]);
    struct verdict v = {0};
    char c;
    for (int i = 0; i < 10; i++) {
        for (int saves = 0; saves < 3; saves++) cr_assert_eq(read(ready[0], &c, 1), 1);
        check_world(dir, &v);
        cr_assert_eq(v.rc, 0, "%s%s", buf_c(&v.text), buf_c(&v.why));
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    buf_fini(&v.text);
    buf_fini(&v.why);
    remove_world(dir);
}
