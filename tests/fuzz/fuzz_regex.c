/* SPDX-License-Identifier: MIT */
/* Any pattern on any subject: "flags, pattern, LF, subject". Both searches agree on whether there is a match, and what they report lies in the subject. */
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "builtins/regex.h"

static bool is_boundary(const struct str *s, int64_t at) { return at == s->len || ((unsigned char)s->data[at] & 0xc0) != 0x80; }

static void check(const struct str *s, const struct regex_match *m) {
    must(m->start[0] >= 0);
    for (int i = 0; i <= REGEX_GROUPS; i++) {
        if (m->start[i] == REGEX_UNUSED) continue;
        must(m->start[i] <= m->end[i] && m->end[i] <= s->len && m->start[i] >= 0);
        must(is_boundary(s, m->start[i]) && is_boundary(s, m->end[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    const uint8_t *end = memchr(data + 1, '\n', size - 1);
    if (!end) end = data + size;
    struct str *pattern = str_from_bytes((const char *)data + 1, (size_t)(end - data - 1));
    struct str *subject = str_from_bytes((const char *)end, (size_t)(data + size - end));
    struct regex_match left, right;
    enum regex_result l = regex_search(subject, pattern, data[0] & 1, false, &left), r = regex_search(subject, pattern, data[0] & 1, true, &right);
    must((l == REGEX_BAD_PATTERN) == (r == REGEX_BAD_PATTERN));
    if (l == REGEX_FOUND) check(subject, &left);
    if (r == REGEX_FOUND) check(subject, &right);
    if (l != REGEX_TOO_HARD && r != REGEX_TOO_HARD) must(l == r);
    if (l == REGEX_FOUND && r == REGEX_FOUND) must(left.start[0] <= right.start[0]);
    str_unref(pattern);
    str_unref(subject);
    return 0;
}
