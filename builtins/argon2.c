/* SPDX-License-Identifier: MIT */
/*
 * Password hashing with Argon2id (RFC 9106), by the reference library, which is loaded when it is first needed: who does not use it needs not have it.
 *
 * It is made to take long, so it runs in a thread; and what parameters may ask for is bounded, for wizards too, because nothing can stop it once it has begun.
 */
#include <argon2.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/binary.h"
#include "base/codec.h"
#include "builtins/support.h"
#include "db/world.h"

/* One gigabyte; passes over it that take some ten seconds; threads that it begins, four in each pass for each lane. */
enum { MOST_MEMORY_KB = 1 << 20, MOST_PASSED_KB = 1 << 24, MOST_LANE_PASSES = 1 << 16, MOST_LANES = 64 };
enum { DEFAULT_ITERATIONS = 3, DEFAULT_MEMORY_KB = 4096, DEFAULT_LANES = 1, HASH_BYTES = 32 };

/* ---- the library ---- */

static struct {
    pthread_mutex_t lock;
    void *handle;
    __typeof__(argon2id_hash_encoded) *hash;
    __typeof__(argon2id_verify) *verify;
    __typeof__(argon2_encodedlen) *encoded_length;
    __typeof__(argon2_error_message) *message;
} library = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *symbol(void *handle, const char *name) { return handle ? dlsym(handle, name) : NULL; }

static void load_library(void) {
    void *handle = dlopen("libargon2.so.1", RTLD_NOW | RTLD_LOCAL);
    *(void **)&library.hash = symbol(handle, "argon2id_hash_encoded");
    *(void **)&library.verify = symbol(handle, "argon2id_verify");
    *(void **)&library.encoded_length = symbol(handle, "argon2_encodedlen");
    *(void **)&library.message = symbol(handle, "argon2_error_message");
    if (library.hash && library.verify && library.encoded_length && library.message) library.handle = handle;
    else if (handle) dlclose(handle);
}

/* Whether it is there; tried again each time until it is. false: the answer says what to install. */
static bool has_library(struct buf *answer) {
    pthread_mutex_lock(&library.lock);
    if (!library.handle) load_library();
    bool there = library.handle != NULL;
    pthread_mutex_unlock(&library.lock);
    if (!there) answer_error(answer, E_QUOTA, "The library libargon2.so.1 cannot be loaded: install the package libargon2-1");
    return there;
}

/* ---- what may be asked for ---- */

struct cost {
    uint64_t iterations, memory_kb, lanes;
};

static bool is_bounded(const struct cost *k) {
    if (k->memory_kb > MOST_MEMORY_KB || k->lanes > MOST_LANES || k->iterations > MOST_LANE_PASSES) return false;
    return k->iterations * k->memory_kb <= MOST_PASSED_KB && k->iterations * k->lanes <= MOST_LANE_PASSES;
}

static void refuse_cost(struct buf *answer) {
    answer_error(answer, E_QUOTA, "This would take too long: memory up to 1048576, memory times iterations up to 16777216, parallelism up to 64 and times iterations up to 65536");
}

static uint64_t cost_arg(const value *args, int nargs, int i, uint64_t absent) {
    if (i >= nargs) return absent;
    return args[i].u.i > 0 ? (uint64_t)args[i].u.i : 0; /* none at all, which the library refuses by name */
}

static void put_text(const struct machine *m, value text, struct buf *out) {
    struct buf bytes = BUF_INIT;
    binary_from_text(&bytes, text.u.s, db_encoding(m->db) == ENC_LATIN1);
    enc_bytes(out, buf_c(&bytes), bytes.len);
    if (bytes.data) explicit_bzero(bytes.data, bytes.len);
    buf_fini(&bytes);
}

/* The library's own words for what it does not like; want of memory or threads is not the caller's fault. */
static void answer_failure(struct buf *answer, int code) {
    bool short_of = code == ARGON2_MEMORY_ALLOCATION_ERROR || code == ARGON2_THREAD_FAIL;
    answer_error(answer, short_of ? E_QUOTA : E_INVIND, library.message(code));
}

/* ---- argon2() ---- */

void bf_argon2_request(const struct machine *m, const value *args, int nargs, struct buf *out) {
    put_text(m, args[0], out);
    put_text(m, args[1], out);
    enc_u64(out, cost_arg(args, nargs, 2, DEFAULT_ITERATIONS));
    enc_u64(out, cost_arg(args, nargs, 3, DEFAULT_MEMORY_KB));
    enc_u64(out, cost_arg(args, nargs, 4, DEFAULT_LANES));
}

void bf_argon2_work(const void *request, size_t len, struct buf *answer) {
    struct dec d = dec_over(request, len);
    size_t password_len, salt_len;
    const void *password = dec_bytes(&d, &password_len), *salt = dec_bytes(&d, &salt_len);
    struct cost k = {.iterations = dec_u64(&d)};
    k.memory_kb = dec_u64(&d);
    k.lanes = dec_u64(&d);
    must(!d.bad);
    if (!is_bounded(&k)) {
        refuse_cost(answer);
        return;
    }
    if (!has_library(answer)) return;
    uint32_t t = (uint32_t)k.iterations, mem = (uint32_t)k.memory_kb, p = (uint32_t)k.lanes;
    size_t size = library.encoded_length(t, mem, p, (uint32_t)salt_len, HASH_BYTES, Argon2_id);
    char *encoded = xcalloc(size, 1);
    int rc = library.hash(t, mem, p, password, password_len, salt, salt_len, HASH_BYTES, encoded, size);
    if (rc == ARGON2_OK) answer_text(answer, encoded, strlen(encoded));
    else answer_failure(answer, rc);
    free(encoded);
}

struct result bf_argon2(struct builtin_call *c) { return is_wizard(c) ? threaded_call(c, "argon2") : result_raise(E_PERM); }

/* ---- argon2_verify() ---- */

void bf_argon2_verify_request(const struct machine *m, const value *args, int nargs, struct buf *out) {
    (void)nargs;
    put_text(m, args[0], out);
    put_text(m, args[1], out);
}

/* What a hash says of how it was made; nothing of one that the library will not read either. */
static struct cost cost_of(const char *hash) {
    unsigned long long memory = 0, iterations = 0, lanes = 0;
    const char *at = strstr(hash, "$m=");
    if (!at || sscanf(at, "$m=%llu,t=%llu,p=%llu", &memory, &iterations, &lanes) != 3) return (struct cost){0};
    return (struct cost){iterations, memory, lanes};
}

void bf_argon2_verify_work(const void *request, size_t len, struct buf *answer) {
    struct dec d = dec_over(request, len);
    size_t hash_len, password_len;
    const char *bytes = dec_bytes(&d, &hash_len), *password = dec_bytes(&d, &password_len);
    must(!d.bad);
    char *hash = xcalloc(hash_len + 1, 1);
    if (hash_len) memcpy(hash, bytes, hash_len);
    struct cost k = cost_of(hash);
    if (!is_bounded(&k)) refuse_cost(answer);
    else if (has_library(answer)) {
        int rc = library.verify(hash, password, password_len);
        if (rc == ARGON2_MEMORY_ALLOCATION_ERROR || rc == ARGON2_THREAD_FAIL) answer_failure(answer, rc);
        else answer_int(answer, rc == ARGON2_OK);
    }
    free(hash);
}

struct result bf_argon2_verify(struct builtin_call *c) { return is_wizard(c) ? threaded_call(c, "argon2_verify") : result_raise(E_PERM); }
