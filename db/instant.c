/* SPDX-License-Identifier: MIT */
#include "db/instant.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db/child.h"
#include "db/records.h"
#include "db/save.h"

static int decode_meta(const void *key, size_t klen, const void *data, size_t len, struct rec_meta *m) {
    struct dec d;
    unsigned version, flags;
    const char *why;
    return dec_envelope(data, len, key, klen, &version, &flags, &d, &why) || rec_meta_decode(m, &d) ? -1 : 0;
}

static uint64_t count_records(rec_bytes digests) {
    struct dec d = dec_over(digests.p, digests.len);
    struct meta_digest row;
    uint64_t n = 0;
    while (meta_digest_next(&d, &row)) n += row.rows;
    return n;
}

int instant_of_meta(const void *key, size_t klen, const void *data, size_t len, struct instant *out) {
    struct rec_meta m;
    *out = (struct instant){0};
    if (decode_meta(key, klen, data, len, &m) || m.uuid.len != sizeof out->uuid) return -1;
    *out = (struct instant){.mark = store_row_hash(key, klen, data, len), .generation = m.generation, .time = m.time, .records = count_records(m.digests)};
    memcpy(out->uuid, m.uuid.p, sizeof out->uuid);
    out->mark += !out->mark;
    return 0;
}

int instant_read(struct store *s, struct instant *out) {
    const void *data;
    size_t len;
    *out = (struct instant){0};
    return store_get(s, T_META, meta_key.bytes, meta_key.len, &data, &len) ? -1 : instant_of_meta(meta_key.bytes, meta_key.len, data, len, out);
}

/* ---- digests ---- */

static int read_meta(struct store *s, struct rec_meta *m) {
    const void *data;
    size_t len;
    return store_get(s, T_META, meta_key.bytes, meta_key.len, &data, &len) || decode_meta(meta_key.bytes, meta_key.len, data, len, m) ? -1 : 0;
}

bool instant_matches_tables(struct store *s, struct buf *why) {
    struct rec_meta m;
    struct meta_digest row;
    if (read_meta(s, &m)) return buf_add_c(why, "meta: damaged"), false;
    struct dec d = dec_over(m.digests.p, m.digests.len);
    while (meta_digest_next(&d, &row)) {
        if (row.table == T_COUNT || (row.digest == store_digest(s, row.table) && row.rows == store_count(s, row.table))) continue;
        buf_printf(why, "%s: its digest is another", store_table_name(row.table));
        return false;
    }
    return !d.bad;
}

int instant_adopt_digests(struct store *s) {
    struct rec_meta m;
    struct meta_digest row;
    if (read_meta(s, &m)) return -1;
    struct dec d = dec_over(m.digests.p, m.digests.len);
    while (meta_digest_next(&d, &row))
        if (row.table != T_COUNT) store_set_digest(s, row.table, row.digest);
    return 0;
}

/* ---- of another directory ---- */

struct peek {
    struct instant instant;
    char why[512];
};

static void peek_here(const char *dir, struct peek *p) {
    struct store *s;
    struct buf why = BUF_INIT;
    if (store_open(&s, dir, &(struct store_options){.read_only = true}, &why)) {
        snprintf(p->why, sizeof p->why, "%s", buf_c(&why));
        return;
    }
    if (store_read_begin(s) || instant_read(s, &p->instant)) snprintf(p->why, sizeof p->why, "%s: its meta record is damaged, or there is none", dir);
    store_read_end(s);
    store_close(s);
}

static void peek_in_child(void *ctx, int fd) {
    struct peek p = {.why = ""};
    peek_here(ctx, &p);
    if (write(fd, &p, sizeof p) != sizeof p) _exit(2);
}

int instant_peek(const char *dir, struct instant *out, struct buf *why) {
    struct peek p = {.why = ""};
    struct buf answer = BUF_INIT, name = BUF_INIT;
    buf_add_c(&name, dir);
    int rc = child_run(peek_in_child, name.data, &answer, why);
    if (rc == 0 && answer.len == sizeof p) memcpy(&p, answer.data, sizeof p);
    else if (rc == 0) snprintf(p.why, sizeof p.why, "%s: its data.mdb cannot be read", dir);
    buf_fini(&answer);
    buf_fini(&name);
    *out = p.instant;
    if (*p.why) buf_add_c(why, p.why);
    return rc || *p.why ? -1 : 0;
}

void instant_print_time(struct buf *out, int64_t time_us) {
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    char text[64] = "?";
    if (gmtime_r(&seconds, &tm)) strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm);
    buf_add_c(out, text);
}
