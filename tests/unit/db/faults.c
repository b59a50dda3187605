/* SPDX-License-Identifier: MIT */
/* What goes wrong below and beside the store: nothing may be lost by it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/internal.h"
#include "db/records.h"
#include "worlds.h"

static struct db *new_world(const char *dir) {
    struct db *db = create_world(dir);
    return db;
}

static void fault_in_history(enum store_fault fault, unsigned n, bool repaired_at_once, uint64_t seed) {
    char *dir = new_place();
    struct db *db = new_world(dir), *model = db_world_in_memory();
    struct buf why = BUF_INIT;
    for (int i = 0; i < 3000; i++) random_step(model, db, &seed, 60);
    save_world(db);
    for (int i = 0; i < 300; i++) random_step(model, db, &seed, 60);
    uint64_t generation = db_generation(db);
    store_set_fault(db->store, fault, n);
    int rc = db_save(db, NULL, 0, NULL, &why);
    if (rc) {
        cr_assert(!repaired_at_once, "%s", buf_c(&why));
        cr_assert_eq(db_generation(db), generation);
        cr_assert(db_has_changes(db));
    }
    expect_same(model, db, 0);
    for (int i = 0; i < 100; i++) random_step(model, db, &seed, 60);
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    db = reopen(NULL, dir, false);
    expect_same(model, db, 1);
    db_world_close(db);
    db_world_close(model);
    remove_world(dir);
    buf_fini(&why);
}

static void fault_at(enum store_fault fault, unsigned n, bool repaired_at_once) { fault_in_history(fault, n, repaired_at_once, 7); }

Test(faults, failed_put) {
    for (unsigned n = 1; n < 60; n += 7) fault_at(FAULT_PUT, n, false);
}
Test(faults, failed_commit) { fault_at(FAULT_COMMIT, 1, false); }
Test(faults, failed_begin) { fault_at(FAULT_BEGIN, 1, false); }
Test(faults, commit_that_is_on_disk_unbeknown) {
    for (uint64_t seed = 1; seed <= 12; seed++) fault_in_history(FAULT_COMMIT_UNSURE, 1, false, seed);
}
Test(faults, engine_panics) { fault_at(FAULT_COMMIT_PANIC, 1, true); }

/* No room for the file to grow: the real error from the real write. */
Test(faults, full_disk) {
    char *dir = new_place();
    struct db *db = new_world(dir), *model = db_world_in_memory();
    struct buf why = BUF_INIT;
    uint64_t seed = 17;
    for (int i = 0; i < 3000; i++) random_step(model, db, &seed, 60);
    save_world(db);
    struct rlimit before, tight;
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)db_disk_size(db);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    int failed = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 1000; i++) random_step(model, db, &seed, 60);
        failed += db_save(db, NULL, 0, NULL, &why) != 0;
        expect_same(model, db, round);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    cr_assert_gt(failed, 0);
    cr_assert(strstr(buf_c(&why), "cannot save"), "%s", buf_c(&why));
    save_world(db);
    db_world_close(db);
    expect_sound(dir);
    db = reopen(NULL, dir, false);
    expect_same(model, db, 99);
    db_world_close(db);
    db_world_close(model);
    remove_world(dir);
    buf_fini(&why);
}

Test(faults, a_reader_sees_one_state) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    struct str *old = str_from("old"), *new = str_from("new");
    for (int i = 0; i < 2; i++) db_set_name(db, db_create(db, NOTHING, NOTHING), old);
    save_world(db);
    int ends[2], back[2];
    cr_assert(pipe(ends) == 0 && pipe(back) == 0);
    db_world_close(db);
    pid_t pid = fork(); /* the writer; an environment is not used across fork */
    if (!pid) {
        char c;
        if (db_world_open(&db, dir, NULL, &why) || read(ends[0], &c, 1) != 1) _exit(1);
        for (objid o = 0; o < 2; o++) db_set_name(db, o, new);
        if (db_save(db, NULL, 0, NULL, &why) || write(back[1], &c, 1) != 1) _exit(1);
        _exit(0);
    }
    char c = 0;
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.read_only = true}, &why), 0, "%s", buf_c(&why));
    cr_assert_str_eq(db_name(db, 0)->data, "old");
    cr_assert(write(ends[1], &c, 1) == 1 && read(back[0], &c, 1) == 1);
    cr_assert_str_eq(db_name(db, 1)->data, "old");
    cr_assert_eq(db_save(db, NULL, 0, NULL, &why), -1);
    db_world_close(db);
    waitpid(pid, NULL, 0);
    db = reopen(NULL, dir, false);
    cr_assert_str_eq(db_name(db, 1)->data, "new");
    db_world_close(db);
    remove_world(dir);
    str_unref(old);
    str_unref(new);
    buf_fini(&why);
}

Test(faults, full_map_grows) {
    char *dir = new_place();
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    db_world_close(db);
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.map_size = 256 << 10}, &why), 0, "%s", buf_c(&why));
    struct str *name = str_from("text");
    for (int i = 0; i < 3000; i++) {
        objid o = db_create(db, NOTHING, NOTHING);
        db_add_propdef(db, o, name, value_str(str_printf("%0500d", i)), o, PF_READ);
    }
    str_unref(name);
    save_world(db);
    cr_assert_gt(db_disk_size(db), 1 << 20);
    db_world_close(db);
    expect_sound(dir);
    remove_world(dir);
}

/* ---- killed while saving ---- */

static objid counter_world(const char *dir) {
    struct db *db = new_world(dir);
    objid o = db_create(db, NOTHING, NOTHING);
    struct str *name = str_from("saves");
    db_add_propdef(db, o, name, value_int(0), o, PF_READ);
    str_unref(name);
    save_world(db);
    db_world_close(db);
    return o;
}

/* Counts, saves, and says so, for ever. */
static void count_and_save(const char *dir, int out) {
    struct db *db;
    struct buf why = BUF_INIT;
    if (db_world_open(&db, dir, NULL, &why)) _exit(1);
    struct str *name = str_from("saves");
    uint64_t seed = (uint64_t)getpid();
    for (;;) {
        value v;
        if (!db_read_property(db, 0, "saves", NULL, &v)) _exit(1);
        struct propref p;
        db_find_property(db, 0, name, &p);
        db_prop_set_value(db, &p, value_int(v.u.i + 1));
        for (int i = 0; i < 20; i++) db_create(db, 0, (objid)(rnd(&seed) % 9));
        if (db_save(db, NULL, 0, NULL, &why)) _exit(1);
        int64_t done = v.u.i + 1;
        if (write(out, &done, sizeof done) != sizeof done) _exit(1);
    }
}

Test(faults, kill_9_loses_no_save_that_was_reported) {
    char *dir = new_place();
    counter_world(dir);
    int64_t last = 0;
    for (int round = 0; round < 8; round++) {
        int ends[2];
        cr_assert_eq(pipe(ends), 0);
        pid_t pid = fork();
        if (!pid) count_and_save(dir, ends[1]);
        close(ends[1]);
        for (int i = 0; i <= round; i++) cr_assert_eq(read(ends[0], &last, sizeof last), (ssize_t)sizeof last);
        kill(pid, SIGKILL);
        int64_t more;
        while (read(ends[0], &more, sizeof more) == sizeof more) last = more;
        waitpid(pid, NULL, 0);
        close(ends[0]);
        expect_sound(dir);
        struct db *db = reopen(NULL, dir, false);
        value v;
        cr_assert(db_read_property(db, 0, "saves", NULL, &v));
        cr_assert_geq(v.u.i, last);
        cr_assert_eq(db_max_object(db), v.u.i * 20);
        cr_assert_eq(db_count_children(db, 0), (size_t)v.u.i * 20);
        last = v.u.i;
        db_world_close(db);
    }
    remove_world(dir);
}

/* ---- not ours, or in use ---- */

static void expect_refused(const char *dir, const char *word) {
    struct db *db;
    struct buf why = BUF_INIT;
    cr_assert_eq(db_world_open(&db, dir, NULL, &why), -1);
    cr_assert(strstr(buf_c(&why), word), "%s", buf_c(&why));
    cr_assert_not(strchr(buf_c(&why), '\n'));
    buf_fini(&why);
}

static void expect_another_process_is_told(const char *dir) {
    char word[40];
    snprintf(word, sizeof word, "process %ld", (long)getpid());
    pid_t pid = fork();
    if (!pid) {
        struct db *other;
        struct buf why = BUF_INIT;
        bool told = db_world_open(&other, dir, NULL, &why) == -1 && strstr(buf_c(&why), word);
        _exit(told ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(faults, second_process_is_told_the_first) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    expect_another_process_is_told(dir);
    db_world_close(db);
    remove_world(dir);
}

/* As older systems leave it after exec. */
Test(faults, inherited_lock_that_was_lost_is_taken_again) {
    char *dir = new_place(), path[200];
    struct buf why = BUF_INIT;
    struct db *db = new_world(dir);
    db_world_close(db);
    snprintf(path, sizeof path, "%s/pid", dir);
    int lock = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(db_world_open(&db, dir, &(struct db_options){.lock = lock}, &why), 0, "%s", buf_c(&why));
    expect_another_process_is_told(dir);
    db_world_close(db);
    remove_world(dir);
}

Test(faults, other_things_are_no_worlds) {
    char *dir = new_place(), path[200];
    expect_refused(dir, "not a world");
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 10000; i++) fputs("not LMDB ", f);
    fclose(f);
    expect_refused(dir, "not a world");
    expect_refused("/nonexistent", "no such world");
    struct db *db;
    struct buf why = BUF_INIT;
    cr_assert_eq(db_world_create(&db, dir, &why), -1);
    cr_assert(strstr(buf_c(&why), "exists already"), "%s", buf_c(&why));
    buf_fini(&why);
    remove_world(dir);
}

/* The highest number that an object can have is one below the limit. */
Test(faults, an_impossible_highest_object_is_refused) {
    char *dir = new_place();
    struct db *db = new_world(dir), *again;
    struct buf why = BUF_INIT;
    db->max = OBJECT_LIMIT;
    db_set_encoding(db, ENC_UTF8);
    save_world(db);
    db_world_close(db);
    cr_assert_neq(db_world_open(&again, dir, NULL, &why), 0);
    cr_assert(strstr(buf_c(&why), "meta record"), "%s", buf_c(&why));
    remove_world(dir);
    buf_fini(&why);
}

Test(faults, newer_world_is_refused) {
    char *dir = new_place();
    db_world_close(new_world(dir));
    struct buf b = BUF_INIT;
    rec_meta_encode(&(struct rec_meta){.format = 9, .oldest_reader = 9}, &b);
    put_raw(dir, T_META, (struct key){"world", 5}, &b);
    buf_fini(&b);
    expect_refused(dir, "newer");
    remove_world(dir);
}

/* ---- check finds it ---- */

struct faults {
    int n;
    struct buf text;
};

static void note_fault(void *ctx, const char *text) {
    struct faults *f = ctx;
    f->n++;
    buf_printf(&f->text, "%s\n", text);
}

static int check_world(const char *dir, struct faults *f) {
    struct buf why = BUF_INIT;
    f->n = 0;
    buf_clear(&f->text);
    int rc = db_world_check(dir, note_fault, NULL, f, &why);
    cr_assert_eq(rc < 0, why.len > 0);
    buf_fini(&why);
    return rc;
}

/* Its highest object exists. */
static char *world_to_damage(objid *highest) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    uint64_t seed = 11;
    for (int i = 0; i < 2000; i++) random_step(db, NULL, &seed, 60);
    struct str *name = str_from("needle");
    objid o = db_create(db, db_create(db, NOTHING, NOTHING), NOTHING);
    db_add_propdef(db, o, name, value_str(str_from("a needle in a haystack")), o, PF_READ);
    db_set_flag(db, o, OF_PLAYER, true);
    str_unref(name);
    *highest = o;
    save_world(db);
    db_world_close(db);
    return dir;
}

/* The reading process is ended by the system (it may write no file, not even the library's lock), or cannot begin: no word about the file. */
Test(faults, what_ends_the_check_is_no_damage) {
    objid highest;
    char *dir = world_to_damage(&highest), path[200];
    struct faults f = {0};
    struct rlimit was;
    snprintf(path, sizeof path, "%s/lock.mdb", dir);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, was.rlim_max}), 0);
    int ended = check_world(dir, &f);
    struct buf why = BUF_INIT;
    unlink(path);
    int probed = db_world_probe(dir, &why);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    cr_expect_eq(ended, DB_CHECK_REFUSED);
    cr_expect_eq(probed, -1);
    cr_expect(strstr(buf_c(&why), "was ended"), "%s", buf_c(&why));
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, was.rlim_max}), 0);
    int refused = check_world(dir, &f);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
    cr_expect_eq(refused, DB_CHECK_REFUSED);
    unlink(path);
    cr_expect_eq(check_world(dir, &f), 0);
    buf_fini(&why);
    buf_fini(&f.text);
    free(dir);
}

Test(faults, check_names_the_record_of_a_flipped_bit) {
    objid highest;
    char *dir = world_to_damage(&highest), path[200];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    char *data = malloc((size_t)st.st_size);
    int fd = open(path, O_RDWR);
    cr_assert_eq(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
    char *at = data;
    size_t found = 0;
    while ((at = memmem(at, (size_t)(data + st.st_size - at), "a needle in", 11))) {
        at[3] ^= 4;
        found++;
        at++;
    }
    cr_assert_gt(found, 0);
    cr_assert_eq(pwrite(fd, data, (size_t)st.st_size, 0), st.st_size);
    struct faults f = {0};
    cr_assert_eq(check_world(dir, &f), 1);
    cr_assert(strstr(buf_c(&f.text), "property #"), "%s", buf_c(&f.text));
    cr_assert(strstr(buf_c(&f.text), "checksum"));
    /* Any bit anywhere: a verdict, whatever it is, and no crash here. */
    uint64_t seed = 5;
    int noticed = 0;
    for (int i = 0; i < 60; i++) {
        size_t where = rnd(&seed) % (uint64_t)st.st_size;
        char old = data[where], bad = (char)(old ^ 1 << rnd(&seed) % 8);
        cr_assert_eq(pwrite(fd, &bad, 1, (off_t)where), 1);
        noticed += check_world(dir, &f) != 0;
        cr_assert_eq(pwrite(fd, &old, 1, (off_t)where), 1);
    }
    cr_assert_gt(noticed, 0);
    close(fd);
    free(data);
    buf_fini(&f.text);
    remove_world(dir);
}

/* Puts one record in behind the server's back, or takes it away. */
static void expect_fault(enum store_table t, struct key k, const struct buf *payload, const char *word) {
    objid highest;
    char *dir = world_to_damage(&highest);
    struct faults f = {0};
    cr_assert_eq(check_world(dir, &f), 0);
    put_raw(dir, t, k, payload);
    cr_assert_eq(check_world(dir, &f), 1, "%s", word);
    cr_assert(strstr(buf_c(&f.text), word), "%s", buf_c(&f.text));
    buf_fini(&f.text);
    remove_world(dir);
}

Test(faults, check_finds_wrong_links) {
    struct buf b = BUF_INIT;
    objid o;
    remove_world(world_to_damage(&o)); /* they are all alike */
    struct key k = key_one(key_object(o));
    expect_fault(T_OBJECT, key_one(key_object(1000)), &b, "above the highest");
    expect_fault(T_OBJECT, k, NULL, "does not exist");
    expect_fault(T_PROPDEF, k, NULL, "defined nowhere");
    expect_fault(T_FREE, k, &b, "but exists");
    expect_fault(T_OWNED, key_two(key_object(9), key_object(o)), &b, "owned of #9");
    expect_fault(T_OWNED, key_two(key_object(o), key_object(o)), NULL, "is missing");
    expect_fault(T_PROPVAL, key_two(key_object(o), 99999), &b, "defined nowhere");
    expect_fault(T_VERBDEF, key_two(key_object(o), 99999), &b, "not given out");
    rec_link_encode(&(struct rec_link){o}, &b);
    expect_fault(T_CHILDREN, key_two(key_object(5), 77), &b, "children of #5");
    expect_fault(T_CONTENTS, key_two(key_object(5), 77), &b, "contents of #5");
    expect_fault(T_PLAYER, key_one(77), &b, "twice");
    buf_clear(&b);
    rec_object_encode(&(struct rec_object){.parent = o, .owner = o, .location = NOTHING}, &b);
    expect_fault(T_OBJECT, k, &b, "circle");
    buf_fini(&b);
}

static void put_a(void *ctx, struct db_saver *s) {
    (void)ctx;
    struct buf b = BUF_INIT;
    buf_add_c(&b, "a");
    db_saver_put(s, DB_TASK, 1, &b);
    buf_fini(&b);
}

/* A row of so many bytes, and then a shorter one under the same key. */
static void put_long_then_short(void *ctx, struct db_saver *s) {
    (void)ctx;
    char bytes[50000] = "";
    for (size_t n = sizeof bytes; n > 1000; n /= 6) {
        struct buf b = BUF_INIT;
        buf_add(&b, bytes, n);
        db_saver_put(s, DB_TASK, 1, &b);
        buf_fini(&b);
    }
}

/* The library leaves it the pages of the longer one. */
Test(faults, a_large_record_that_got_shorter_is_sound) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    struct buf why = BUF_INIT;
    struct faults f = {0};
    cr_assert_eq(db_save(db, &(struct db_save_part){.write = put_long_then_short}, 1, NULL, &why), 0);
    db_world_close(db);
    cr_assert_eq(check_world(dir, &f), 0, "%s", buf_c(&f.text));
    buf_fini(&f.text);
    remove_world(dir);
}

/* Its checksum is good, as that of a record from an earlier save is: only the digest tells. */
Test(faults, check_finds_a_stale_record) {
    char *dir = new_place();
    struct db *db = new_world(dir);
    struct buf why = BUF_INIT, b = BUF_INIT;
    struct faults f = {0};
    cr_assert_eq(db_save(db, &(struct db_save_part){.write = put_a, .ctx = NULL}, 1, NULL, &why), 0);
    db_world_close(db);
    cr_assert_eq(check_world(dir, &f), 0);
    buf_add_c(&b, "b");
    put_raw(dir, T_TASK, key_one(1), &b);
    cr_assert_eq(check_world(dir, &f), 1);
    cr_assert(strstr(buf_c(&f.text), "task: a record is lost or stale"), "%s", buf_c(&f.text));
    buf_fini(&b);
    buf_fini(&f.text);
    remove_world(dir);
}
