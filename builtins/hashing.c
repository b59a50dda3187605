/* SPDX-License-Identifier: MIT */
/*
 * Digests (OpenSSL) and crypt() (libcrypt). Text is seen in the world's encoding, so that what was stored by the server a world comes from still verifies.
 *
 * crypt() must not hold the server: the work that a salt asks for is bounded, for wizards too, and who is no wizard gets only the usual strengths.
 */
#include "builtins/support.h"

#include <crypt.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/binary.h"
#include "base/buf.h"
#include "base/must.h"

/* ---- digests ---- */

static const struct algorithm {
    const char *name;
    const char *openssl;
} algorithms[] = {
    {"md5", "MD5"},       {"sha1", "SHA1"},     {"sha224", "SHA224"},       {"sha256", "SHA256"},
    {"sha384", "SHA384"}, {"sha512", "SHA512"}, {"ripemd160", "RIPEMD160"},
};

/* OpenSSL's name for argument 2, or for the dialect's own choice; NULL: unknown. */
static const char *chosen_algorithm(const struct builtin_call *c) {
    if (!has_arg(c, 1)) return c->m->dialect->sha256_hashes ? "SHA256" : "MD5";
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (str_equal_c(c->args[1].u.s, algorithms[i].name)) return algorithms[i].openssl;
    return NULL;
}

static struct str *hex(const unsigned char *p, size_t n) {
    char text[2 * EVP_MAX_MD_SIZE + 1];
    for (size_t i = 0; i < n; i++) snprintf(text + 2 * i, 3, "%02X", p[i]);
    return str_new(text, 2 * n);
}

/* How it ended. */
enum digesting { DIGEST_MADE, DIGEST_UNKNOWN, DIGEST_GIVEN_UP };

static enum digesting digest_bytes(const char *name, const char *p, size_t len, const struct patience *patience, unsigned char *md, unsigned *n) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_MD *algorithm = name ? EVP_MD_fetch(NULL, name, NULL) : NULL;
    enum digesting how = algorithm && EVP_DigestInit_ex(ctx, algorithm, NULL) ? DIGEST_MADE : DIGEST_UNKNOWN;
    for (size_t at = 0; how == DIGEST_MADE && at < len; at += PATIENCE_BYTES) {
        if (at && patience_is_over(patience)) how = DIGEST_GIVEN_UP;
        else EVP_DigestUpdate(ctx, p + at, len - at < PATIENCE_BYTES ? len - at : PATIENCE_BYTES);
    }
    if (how == DIGEST_MADE) EVP_DigestFinal_ex(ctx, md, n);
    EVP_MD_free(algorithm);
    EVP_MD_CTX_free(ctx);
    return how;
}

/* The digest of bytes as hex, or as a binary string when argument 3 is true. */
static struct result digest(struct builtin_call *c, const char *p, size_t len) {
    struct patience patience = vm_patience(c->vm);
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    enum digesting how = digest_bytes(chosen_algorithm(c), p, len, &patience, md, &n);
    if (how != DIGEST_MADE) return how == DIGEST_UNKNOWN ? result_raise(E_INVARG) : support_gave_up(c);
    if (!flag_arg(c, 2)) return result_str(hex(md, n));
    struct buf out = BUF_INIT;
    binary_encode(&out, md, n, true);
    return support_buf_result(c, &out);
}

enum { RECODE_NS = 5 }; /* a byte, at most */

/* Of text as the world holds it. */
static struct result digest_text(struct builtin_call *c, const struct str *s) {
    if (str_is_ascii(s) || !support_latin1(c)) return digest(c, s->data, s->len);
    if (!vm_can_afford(c->vm, (uint64_t)s->len * RECODE_NS)) return support_gave_up(c);
    struct buf bytes = BUF_INIT;
    binary_from_text(&bytes, s, true);
    struct result r = digest(c, buf_c(&bytes), bytes.len);
    buf_fini(&bytes);
    return r;
}

struct result bf_string_hash(struct builtin_call *c) { return digest_text(c, c->args[0].u.s); }

struct result bf_binary_hash(struct builtin_call *c) {
    struct buf bytes = BUF_INIT;
    if (!vm_can_afford(c->vm, (uint64_t)c->args[0].u.s->len * RECODE_NS)) return support_gave_up(c);
    struct result r = binary_decode(&bytes, c->args[0].u.s, support_latin1(c)) ? digest(c, buf_c(&bytes), bytes.len) : result_raise(E_INVARG);
    buf_fini(&bytes);
    return r;
}

struct result bf_value_hash(struct builtin_call *c) {
    struct buf text = BUF_INIT;
    struct patience patience = vm_patience(c->vm);
    struct result r;
    if (!value_print_literal_up_to(&text, c->args[0], support_string_limit(c), &patience)) {
        r = support_size_error(c);
    } else if (!support_latin1(c)) {
        r = digest(c, buf_c(&text), text.len);
    } else {
        struct str *s = buf_to_str(&text);
        r = digest_text(c, s);
        str_unref(s);
    }
    buf_fini(&text);
    return r;
}

/* ---- crypt() ---- */

static const char salt_characters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void random_salt(struct buf *salt) {
    buf_byte(salt, salt_characters[arc4random_uniform(64)]);
    buf_byte(salt, salt_characters[arc4random_uniform(64)]);
}

/* What a salt asks for. */
enum strength { STRENGTH_USUAL, STRENGTH_OTHER, STRENGTH_ENDLESS, SALT_MALFORMED };

enum { MAX_BCRYPT_COST = 12, MAX_SHA_ROUNDS = 1000000 };

static size_t count_salt_characters(const char *p) { return strspn(p, salt_characters); }

/* $2a$05$ and 22 characters. */
static enum strength bcrypt_strength(const char *p) {
    size_t digits = strspn(p, "0123456789");
    bool usual = digits == 2 && memcmp(p, "05", 2) == 0;
    int cost = atoi(p);
    if (digits != 2 || p[digits] != '$' || cost < 4 || cost > 31) return SALT_MALFORMED;
    if (count_salt_characters(p + 3) < 22) return SALT_MALFORMED;
    return usual ? STRENGTH_USUAL : cost > MAX_BCRYPT_COST ? STRENGTH_ENDLESS : STRENGTH_OTHER;
}

/* $5$ and $6$: "rounds=N$" or nothing. */
static enum strength sha_strength(const char *p) {
    if (strncmp(p, "rounds=", 7) != 0) return STRENGTH_USUAL;
    size_t digits = strspn(p + 7, "0123456789");
    if (digits == 0 || p[7 + digits] != '$') return SALT_MALFORMED;
    return digits > 7 || atoi(p + 7) > MAX_SHA_ROUNDS ? STRENGTH_ENDLESS : STRENGTH_OTHER;
}

/* Does the bcrypt salt name the usual cost? Asked before its form is: who may not choose is told so first. */
static bool names_usual_cost(const char *p) { return strncmp(p, "05$", 3) == 0; }

static enum strength salt_strength(const char *salt, bool may_choose) {
    if (salt[0] == '_') return STRENGTH_ENDLESS; /* up to 2^24 rounds of DES */
    if (salt[0] != '$') return STRENGTH_USUAL; /* two characters and DES */
    if (strncmp(salt, "$1$", 3) == 0) return STRENGTH_USUAL;
    if (strncmp(salt, "$5$", 3) == 0 || strncmp(salt, "$6$", 3) == 0) return sha_strength(salt + 3);
    if (strncmp(salt, "$2", 2) == 0 && salt[2] && strchr("abxy", salt[2]) && salt[3] == '$')
        return !may_choose && !names_usual_cost(salt + 4) ? STRENGTH_OTHER : bcrypt_strength(salt + 4);
    /* memory-hard or round-counted forms whose work cannot be told from the prefix */
    if (strncmp(salt, "$y$", 3) == 0 || strncmp(salt, "$gy$", 4) == 0 || strncmp(salt, "$7$", 3) == 0 || strncmp(salt, "$sha1", 5) == 0 ||
        strncmp(salt, "$md5", 4) == 0)
        return STRENGTH_ENDLESS;
    return STRENGTH_USUAL; /* unknown: the library refuses it */
}

static struct result run_crypt(struct builtin_call *c, const char *text, const char *salt) {
    struct crypt_data *data = xcalloc(1, sizeof *data);
    const char *out = crypt_r(text, salt, data);
    /* A result that begins with `*' is a failure, and verifies nothing ever. */
    bool failed = !out || (out[0] == '*' && !c->m->dialect->crypt_failure_token);
    struct result r = failed ? result_raise_text(E_INVARG, "Invalid salt") : result_str(str_from_bytes(out, strlen(out)));
    explicit_bzero(data, sizeof *data);
    free(data);
    return r;
}

static struct result crypt_with_salt(struct builtin_call *c, const char *text, const char *salt) {
    switch (salt_strength(salt, is_wizard(c))) {
    case SALT_MALFORMED: return result_raise_text(E_INVARG, "Invalid salt");
    case STRENGTH_ENDLESS: return is_wizard(c) ? result_raise(E_QUOTA) : result_raise_text(E_PERM, "Cannot specify non-default strength");
    case STRENGTH_OTHER:
        if (!is_wizard(c)) return result_raise_text(E_PERM, "Cannot specify non-default strength");
        break;
    case STRENGTH_USUAL: break;
    }
    return run_crypt(c, text, salt);
}

/* Of a text too long for any form of it only the beginning: it is as much too long. */
static void add_bytes(struct buf *out, const struct builtin_call *c, int i) {
    enum { ENOUGH = 2 * CRYPT_MAX_PASSPHRASE_SIZE };
    struct str *s = str_chars(c->args[i].u.s) > ENOUGH ? str_range(c->args[i].u.s, 1, ENOUGH) : str_ref(c->args[i].u.s);
    binary_from_text(out, s, support_latin1(c));
    str_unref(s);
}

struct result bf_crypt(struct builtin_call *c) {
    struct buf text = BUF_INIT, salt = BUF_INIT;
    add_bytes(&text, c, 0);
    if (has_arg(c, 1) && str_chars(c->args[1].u.s) >= 2)
        add_bytes(&salt, c, 1);
    else
        random_salt(&salt);
    /* DES takes eight bytes of the text; the library refuses very long ones all the same. */
    if (salt.data[0] != '$' && text.len > CRYPT_MAX_PASSPHRASE_SIZE / 2) text.data[CRYPT_MAX_PASSPHRASE_SIZE / 2] = 0;
    struct result r = crypt_with_salt(c, buf_c(&text), buf_c(&salt));
    if (text.data) explicit_bzero(text.data, text.len);
    buf_fini(&text);
    buf_fini(&salt);
    return r;
}
