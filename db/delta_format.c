/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/must.h"
#include "db/delta_parts.h"

enum { PACK_LEAST = 1024, PACK_LEVEL = 1 };

void delta_name(struct buf *out, uint64_t number) { buf_printf(out, "%08llu.delta", (unsigned long long)number); }

bool delta_parse_name(const char *name, uint64_t *number) {
    char *end;
    if (*name < '0' || *name > '9') return false;
    *number = strtoull(name, &end, 10);
    return end - name >= 8 && end - name < 19 && *number && !strcmp(end, ".delta");
}

static void put_le(struct buf *b, uint64_t n, int bytes) {
    for (int i = 0; i < bytes; i++) buf_byte(b, (char)(n >> (8 * i)));
}

static uint64_t get_le(const unsigned char *p, int bytes) {
    uint64_t n = 0;
    for (int i = bytes; i--;) n = n << 8 | p[i];
    return n;
}

void delta_encode_head(struct buf *out, const unsigned char uuid[16], uint64_t generation) {
    struct buf body = BUF_INIT;
    enc_u64(&body, DELTA_VERSION);
    buf_add(&body, uuid, 16);
    enc_u64(&body, generation);
    enc_u64(&body, T_COUNT);
    for (int t = 0; t < T_COUNT; t++) {
        const char *name = store_table_name((enum store_table)t);
        enc_bytes(&body, name, strlen(name));
    }
    buf_add(out, DELTA_MAGIC, 16);
    put_le(out, body.len, 4);
    put_le(out, crc32c(0, body.data, body.len), 4);
    buf_add(out, body.data, body.len);
    buf_fini(&body);
}

/* Into `packed', if that makes it smaller: a few records are not worth it. */
static bool pack(const struct buf *ops, struct buf *packed) {
    if (ops->len < PACK_LEAST) return false;
    buf_reserve(packed, ZSTD_compressBound(ops->len) + 1);
    size_t n = ZSTD_compress(packed->data, packed->cap, ops->data, ops->len, PACK_LEVEL);
    if (ZSTD_isError(n) || n >= ops->len) return false;
    packed->len = n;
    return true;
}

int delta_unpack(const struct delta_frame *f, struct buf *bytes) {
    struct buf raw = BUF_INIT;
    if (!(f->flags & DELTA_PACKED)) return f->bytes == f->raw_bytes ? 0 : -1;
    buf_reserve(&raw, (size_t)f->raw_bytes + 1);
    size_t n = ZSTD_decompress(raw.data, f->raw_bytes, bytes->data, bytes->len);
    raw.len = f->raw_bytes;
    buf_fini(bytes);
    *bytes = raw;
    return !ZSTD_isError(n) && n == f->raw_bytes ? 0 : -1;
}

void delta_encode_frame(struct buf *out, const struct delta_frame *f, const struct buf *ops) {
    struct buf head = BUF_INIT, packed = BUF_INIT;
    bool is_packed = pack(ops, &packed);
    const struct buf *body = is_packed ? &packed : ops;
    put_le(&head, f->flags | (is_packed ? DELTA_PACKED : 0), 4);
    put_le(&head, body->len, 4);
    put_le(&head, ops->len, 4);
    put_le(&head, 0, 4);
    put_le(&head, f->before, 8);
    put_le(&head, f->after, 8);
    put_le(&head, f->generation, 8);
    put_le(&head, (uint64_t)f->time, 8);
    must(head.len + 8 == DELTA_FRAME_HEAD);
    put_le(out, DELTA_FRAME_MAGIC, 4);
    put_le(out, crc32c(crc32c(0, head.data, head.len), buf_c(body), body->len), 4);
    buf_add(out, head.data, head.len);
    buf_add(out, buf_c(body), body->len);
    buf_fini(&packed);
    buf_fini(&head);
}

int delta_decode_frame(const unsigned char head[DELTA_FRAME_HEAD], struct delta_frame *f, uint32_t *crc) {
    if (get_le(head, 4) != DELTA_FRAME_MAGIC) return -1;
    *crc = (uint32_t)get_le(head + 4, 4);
    *f = (struct delta_frame){.flags = (uint32_t)get_le(head + 8, 4),
                              .bytes = (uint32_t)get_le(head + 12, 4),
                              .raw_bytes = (uint32_t)get_le(head + 16, 4),
                              .before = get_le(head + 24, 8),
                              .after = get_le(head + 32, 8),
                              .generation = get_le(head + 40, 8),
                              .time = (int64_t)get_le(head + 48, 8)};
    return f->bytes > DELTA_FRAME_MOST || f->raw_bytes > DELTA_FRAME_MOST ? -1 : 0;
}
