/* SPDX-License-Identifier: MIT */
#include "server/handoff.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/handoff_parts.h"
#include "server/phase.h"

static const char magic[] = "EVERMOO HANDOFF\n";
enum { OLDEST_VERSION = 1, SECTION_VERSION = 1, END = 0, MAY = 0, MUST = 1 };
#define ON UINT_MAX

struct section {
    uint64_t number;
    unsigned first, last, flags;
    void (*put)(struct server *s, struct buf *out);
    void (*take)(struct server *s, struct dec *d, struct buf *why);
};

static const struct section sections[] = {
#define SECTION(number, name, first, last, flag, what) {number, first, last, flag, put_##name, take_##name},
#include "server/sections.def"
#undef SECTION
};
enum { NSECTIONS = sizeof sections / sizeof *sections };

/* ---- versions ---- */

struct handoff_versions handoff_versions(void) {
    struct handoff_versions v = {OLDEST_VERSION, OLDEST_VERSION};
    for (size_t i = 0; i < NSECTIONS; i++)
        if (sections[i].first > v.newest) v.newest = sections[i].first;
    return v;
}

unsigned handoff_common_version(struct handoff_versions a, struct handoff_versions b) {
    unsigned newest = a.newest < b.newest ? a.newest : b.newest;
    return newest >= a.oldest && newest >= b.oldest ? newest : 0;
}

#define VERSIONS_LINE(number) "hand-offs of versions " number " to " number " are read"

void handoff_print_versions(struct handoff_versions v, struct buf *out) { buf_printf(out, VERSIONS_LINE("%u"), v.oldest, v.newest); }

bool handoff_parse_versions(const char *line, struct handoff_versions *out) {
    struct handoff_versions v;
    struct buf again = BUF_INIT;
    bool fits = sscanf(line, VERSIONS_LINE("%9u"), &v.oldest, &v.newest) == 2 && v.oldest > 0 && v.oldest <= v.newest;
    if (fits) handoff_print_versions(v, &again);
    fits = fits && !strcmp(buf_c(&again), line);
    buf_fini(&again);
    if (fits) *out = v;
    return fits;
}

/* ---- writing ---- */

static void add_section(struct buf *out, const struct section *section, struct server *s) {
    struct buf payload = BUF_INIT, envelope = BUF_INIT, key = BUF_INIT;
    section->put(s, &payload);
    enc_u64(&key, section->number);
    enc_envelope(&envelope, SECTION_VERSION, section->flags, key.data, key.len, &payload);
    enc_u64(out, section->number);
    enc_bytes(out, envelope.data, envelope.len);
    buf_fini(&payload);
    buf_fini(&envelope);
    buf_fini(&key);
}

void handoff_encode(struct server *s, unsigned version, struct buf *out) {
    buf_add(out, magic, sizeof magic - 1);
    enc_u64(out, version);
    for (size_t i = 0; i < NSECTIONS; i++)
        if (version >= sections[i].first && version <= sections[i].last) add_section(out, &sections[i], s);
    enc_u64(out, END);
}

/* ---- reading ---- */

static const struct section *find_section(uint64_t number) {
    for (size_t i = 0; i < NSECTIONS; i++)
        if (sections[i].number == number) return &sections[i];
    return NULL;
}

/* To `s', which may be NULL. */
static void read_section(struct server *s, uint64_t number, const void *envelope, size_t len, struct buf *why) {
    unsigned version, flags;
    struct dec payload;
    const char *fault = "cut short";
    struct buf key = BUF_INIT;
    enc_u64(&key, number);
    int rc = envelope ? dec_envelope(envelope, len, key.data, key.len, &version, &flags, &payload, &fault) : -1;
    buf_fini(&key);
    if (rc) {
        buf_printf(why, "section %llu of the hand-off is damaged: %s", (unsigned long long)number, fault);
        return;
    }
    const struct section *section = version <= SECTION_VERSION ? find_section(number) : NULL;
    if (!section && (flags & MUST)) buf_printf(why, "section %llu of the hand-off is not known here", (unsigned long long)number);
    if (!section || !s) return;
    section->take(s, &payload, why);
    if (!why->len && (payload.bad || !dec_at_end(&payload))) buf_printf(why, "the hand-off is damaged inside section %llu", (unsigned long long)number);
}

static int read_sections(struct server *s, const void *bytes, size_t len, struct buf *why) {
    struct dec d = dec_over(bytes, len);
    struct handoff_versions known = handoff_versions();
    size_t head = sizeof magic - 1;
    if (len < head || memcmp(bytes, magic, head)) {
        buf_add_c(why, "this is no hand-off");
        return -1;
    }
    d.p += head;
    uint64_t version = dec_u64(&d), number = END + 1;
    if (!d.bad && (version < known.oldest || version > known.newest))
        buf_printf(why, "the hand-off is of version %llu, and this program reads %u to %u", (unsigned long long)version, known.oldest, known.newest);
    while (!why->len && number != END) {
        size_t n = 0;
        number = dec_u64(&d);
        if (d.bad) {
            buf_add_c(why, "the hand-off is cut short");
        } else if (number == END) {
            if (!dec_at_end(&d)) buf_add_c(why, "the hand-off is damaged: it goes on behind its end");
        } else {
            const void *envelope = dec_bytes(&d, &n);
            read_section(s, number, d.bad ? NULL : envelope, n, why);
        }
    }
    return why->len ? -1 : 0;
}

int handoff_check(const void *bytes, size_t len, struct buf *why) { return read_sections(NULL, bytes, len, why); }

int handoff_decode(struct server *s, const void *bytes, size_t len, struct buf *why) {
    if (handoff_check(bytes, len, why)) return -1; /* all checksums before anything is made */
    if (!s->options.check && !phase("decoded")) {
        buf_add_c(why, "an error was asked for");
        return -1;
    }
    int rc = read_sections(s, bytes, len, why);
    sockets_compare(s);
    return rc;
}
