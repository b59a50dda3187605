/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a record of the store: the first byte picks its kind. What decodes is encoded again, and from then on nothing may change.
 */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "db/records.h"

static bool same(const struct buf *a, const struct buf *b) { return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len)); }

#define RECORD(name) \
    static void try_##name(const uint8_t *data, size_t size) { \
        struct rec_##name first, second; \
        struct dec d = dec_over(data, size); \
        if (rec_##name##_decode(&first, &d)) return; \
        struct buf once = BUF_INIT, twice = BUF_INIT; \
        rec_##name##_encode(&first, &once); \
        d = dec_over(buf_c(&once), once.len); \
        must(rec_##name##_decode(&second, &d) == 0); \
        rec_##name##_encode(&second, &twice); \
        must(same(&once, &twice)); \
        buf_fini(&once); \
        buf_fini(&twice); \
        rec_##name##_fini(&first); \
        rec_##name##_fini(&second); \
    }
#define FIELD(rec, tag, type, name, since, doc)
#define END(name)
#include "db/records.def"
#undef RECORD
#define RECORD(name) try_##name,
static void (*const kinds[])(const uint8_t *data, size_t size) = {
#include "db/records.def"
};
#undef RECORD
#undef FIELD
#undef END

/* An envelope with a key in front of it: length of the key, key, record. */
static void try_envelope(const uint8_t *data, size_t size) {
    size_t klen = size ? data[0] % 40 : 0;
    unsigned version, flags;
    const char *why;
    struct dec payload;
    if (size < 1 + klen) return;
    if (dec_envelope(data + 1 + klen, size - 1 - klen, data + 1, klen, &version, &flags, &payload, &why)) must(*why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum { KINDS = sizeof kinds / sizeof *kinds };
    if (!size) return 0;
    unsigned kind = data[0] % (KINDS + 1);
    if (kind < KINDS) kinds[kind](data + 1, size - 1);
    else try_envelope(data + 1, size - 1);
    return 0;
}
