/* SPDX-License-Identifier: MIT */
/* The manifest beside a text dump, and reading a dump back. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/must.h"
#include "db/instant.h"
#include "db/internal.h"
#include "db/textdump_parts.h"

static const char TITLE[] = "evermoo text dump, manifest 1\n";
enum { LONGEST_MANIFEST = 1 << 16, PIECE = 1 << 16 };

int textdump_digest(const char *path, unsigned char digest[DUMP_DIGEST_BYTES]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    char *piece = xmalloc(PIECE);
    ssize_t n;
    must(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL));
    while ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0) must(EVP_DigestUpdate(ctx, piece, (size_t)n));
    int rc = n < 0 ? errno : 0;
    must(EVP_DigestFinal_ex(ctx, digest, NULL));
    EVP_MD_CTX_free(ctx);
    free(piece);
    close(fd);
    return rc;
}

/* ---- reading back ---- */

struct count {
    const char *what;
    int64_t written, read;
};

static bool counts_agree(const char *path, const struct export_summary *w, const struct import_summary *r, struct buf *why) {
    const struct count counts[] = {{"objects", w->objects, r->objects},    {"recycled numbers", w->recycled, r->recycled}, {"verbs", w->verbs, r->verbs},
                                   {"programs", w->programs, r->programs}, {"properties", w->properties, r->properties},   {"players", w->players, r->players},
                                   {"forked tasks", w->forked, r->forked}, {"suspended tasks", w->suspended, r->suspended}, {"connections", w->connections, r->connections},
                                   {"bytes", w->bytes, r->bytes}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (counts[i].written == counts[i].read) continue;
        buf_printf(why, "%s, read back, has %" PRId64 " %s where %" PRId64 " were written: the disk, or the world, is damaged; run evermoo check", path, counts[i].read, counts[i].what, counts[i].written);
        return false;
    }
    return true;
}

int textdump_read_back(const char *path, int encoding, const struct export_summary *written, struct buf *why) {
    struct import_summary read;
    unsigned char digest[DUMP_DIGEST_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* what is on the disk is to be read, not what is in memory */
        close(fd);
    }
    int rc = textdump_digest(path, digest);
    if (rc) buf_printf(why, "%s cannot be read back: %s", path, strerror(rc));
    else if (memcmp(digest, written->digest, sizeof digest)) buf_printf(why, "%s, read back, is not what was written: the disk is damaged", path);
    else if (textdump_scan(path, encoding, &read, why) == 0 && counts_agree(path, written, &read, why)) return 0;
    return -1;
}

/* ---- the manifest ---- */

static void manifest_path(struct buf *out, const char *dump) { buf_printf(out, "%s.manifest", dump); }

static void put_hex(struct buf *out, const char *name, const unsigned char *bytes, size_t n) {
    buf_printf(out, "%s: ", name);
    for (size_t i = 0; i < n; i++) buf_printf(out, "%02x", bytes[i]);
    buf_byte(out, '\n');
}

static int put_instant(struct db *db, struct buf *out) {
    struct instant now = {.generation = db_generation(db), .time = clock_wall_us()};
    memcpy(now.uuid, db_uuid(db), sizeof now.uuid);
    if (db->store) {
        if (store_read_begin(db->store)) return -1;
        int rc = instant_read(db->store, &now);
        store_read_end(db->store);
        if (rc) return -1;
    }
    put_hex(out, "world", now.uuid, sizeof now.uuid);
    buf_printf(out, "generation: %" PRIu64 "\ntime: ", now.generation);
    instant_print_time(out, now.time);
    buf_byte(out, '\n');
    return 0;
}

static void put_counts(struct buf *out, const struct export_summary *s) {
    buf_printf(out, "objects: %" PRId64 "\nrecycled: %" PRId64 "\nverbs: %" PRId64 "\nprograms: %" PRId64 "\nproperties: %" PRId64 "\nplayers: %" PRId64 "\n", s->objects, s->recycled, s->verbs,
               s->programs, s->properties, s->players);
    buf_printf(out, "forked: %" PRId64 "\nsuspended: %" PRId64 "\nconnections: %" PRId64 "\nbytes: %" PRId64 "\n", s->forked, s->suspended, s->connections, s->bytes);
    put_hex(out, "sha256", s->digest, sizeof s->digest);
}

int textdump_write_manifest(struct db *db, const char *dump, const char *aside, const struct export_options *options, bool latin1, const struct export_summary *s, struct buf *why) {
    struct buf text = BUF_INIT;
    const char *slash = strrchr(dump, '/');
    buf_printf(&text, "%sfile: %s\nformat: %d\nencoding: %s\n", TITLE, slash ? slash + 1 : dump, options->format, latin1 ? "latin1" : "utf8");
    int rc = put_instant(db, &text);
    put_counts(&text, s);
    FILE *f = rc ? NULL : fopen(aside, "we");
    bool ok = f && fwrite(text.data, 1, text.len, f) == text.len && fflush(f) == 0 && fsync(fileno(f)) == 0;
    if (f && fclose(f)) ok = false;
    if (!ok) buf_printf(why, "%s cannot be written: %s", aside, rc ? "the world's meta record cannot be read" : strerror(errno));
    buf_fini(&text);
    return ok ? 0 : -1;
}

/* The file's text. false: there is none, or it is no manifest. */
static bool read_manifest(const char *path, struct buf *text) {
    FILE *f = fopen(path, "re");
    if (!f) return false;
    char piece[4096];
    size_t n;
    while (text->len < LONGEST_MANIFEST && (n = fread(piece, 1, sizeof piece, f)) > 0) buf_add(text, piece, n);
    fclose(f);
    return !strncmp(buf_c(text), TITLE, sizeof TITLE - 1);
}

bool textdump_has_manifest(const char *dump) {
    struct buf path = BUF_INIT, text = BUF_INIT;
    manifest_path(&path, dump);
    bool has = read_manifest(buf_c(&path), &text);
    buf_fini(&path);
    buf_fini(&text);
    return has;
}

int textdump_check_manifest(const char *dump, struct buf *word) {
    struct buf path = BUF_INIT, text = BUF_INIT, line = BUF_INIT;
    unsigned char digest[DUMP_DIGEST_BYTES];
    int rc = 0;
    manifest_path(&path, dump);
    if (read_manifest(buf_c(&path), &text) && textdump_digest(dump, digest) == 0) {
        buf_byte(&line, '\n');
        put_hex(&line, "sha256", digest, sizeof digest);
        rc = strstr(buf_c(&text), buf_c(&line)) ? 0 : 1;
    }
    if (rc) buf_printf(word, "%s is not the file that %s describes: its SHA-256 is another one", dump, buf_c(&path));
    buf_fini(&path);
    buf_fini(&text);
    buf_fini(&line);
    return rc;
}
