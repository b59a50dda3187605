/* SPDX-License-Identifier: MIT */
/*
 * Invariants: data[len] is NUL; data[0..len) is valid UTF-8 without NUL; STR_ASCII if and only if it has as many code points as bytes, and then a long string's `chars' is
 * not kept. The shared strings ("" and the single ASCII characters) hold references of their own, so they are never freed or changed.
 */
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/buf.h"
#include "base/must.h"
#include "base/patience.h"
#include "base/pool.h"

enum { STR_MAX = 0x7ffffff0, STR_HASH_MASK = 0xffffff, SHORT_NEEDLE = 4096 };
#define SHARED_REFS ((uint32_t)1 << 30)

static struct str_long *long_part(const struct str *s) { return (struct str_long *)(void *)(uintptr_t)s - 1; }
static unsigned str_class(const struct str *s) { return (s->tag & STR_CLASS_MASK) >> STR_CLASS_SHIFT; }

static inline uint32_t str_cap(const struct str *s) {
    unsigned class = str_class(s);
    return class ? (uint32_t)(class * POOL_STEP - sizeof *s - 1) : long_part(s)->cap;
}

static size_t long_size(size_t cap) { return sizeof(struct str_long) + sizeof(struct str) + cap + 1; } /* more than POOL_BLOCK_MAX */

static struct str *long_alloc(size_t cap) {
    must(cap <= STR_MAX);
    struct str_long *l = pool_alloc(long_size(cap));
    l->cap = (uint32_t)cap;
    l->chars = 0;
    struct str *s = (struct str *)(void *)(l + 1);
    s->refs = 1;
    s->len = 0;
    s->tag = STR_ASCII;
    s->data[0] = 0;
    return s;
}

/* Room for at least `cap' bytes. */
static inline struct str *str_alloc(size_t cap) {
    if (cap > POOL_BLOCK_MAX - sizeof(struct str) - 1) return long_alloc(cap);
    unsigned class = pool_class(sizeof(struct str) + cap + 1);
    struct str *s = pool_get(class);
    s->refs = 1;
    s->len = 0;
    s->tag = STR_ASCII | class << STR_CLASS_SHIFT;
    s->data[0] = 0;
    return s;
}

void str_free_memory(struct str *s) {
    if (__builtin_expect(str_class(s) != 0, 1)) pool_put(s);
    else pool_free(long_part(s), long_size(long_part(s)->cap));
}

static bool all_ascii(const char *p, size_t len) {
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, 8);
        if (w & 0x8080808080808080u) return false;
    }
    for (; i < len; i++)
        if ((unsigned char)p[i] >= 0x80) return false;
    return true;
}

static inline bool is_continuation(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* Of eight bytes at once: how many are continuations. */
static unsigned count_continuations(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return (unsigned)__builtin_popcountll(w & ~(w << 1) & 0x8080808080808080u);
}

static size_t count_chars(const char *p, size_t len) {
    size_t n = 0, i = 0;
    for (; i + 8 <= len; i += 8) n += 8 - count_continuations(p + i);
    for (; i < len; i++) n += !is_continuation(p[i]);
    return n;
}

uint32_t str_count_chars(const struct str *s) { return str_class(s) ? (uint32_t)count_chars(s->data, s->len) : long_part(s)->chars; }

/* Of text whose length is set. */
static void set_chars(struct str *s, size_t chars) {
    if (chars == s->len) return;
    s->tag &= ~(uint32_t)STR_ASCII;
    if (!str_class(s)) long_part(s)->chars = (uint32_t)chars;
}

static struct str *empty_string;
static struct str *single_chars[128];

struct str *str_empty(void) {
    if (!empty_string) {
        empty_string = str_alloc(0);
        empty_string->refs = SHARED_REFS;
    }
    return str_ref(empty_string);
}

static struct str *single_char(unsigned char c) {
    struct str **slot = &single_chars[c];
    if (!*slot) {
        *slot = str_alloc(1);
        (*slot)->data[0] = (char)c;
        (*slot)->data[1] = 0;
        (*slot)->len = 1;
        (*slot)->refs = SHARED_REFS;
    }
    return str_ref(*slot);
}

/* bytes of which it is known how many code points they are */
static struct str *str_known(const char *bytes, size_t len, size_t chars) {
    if (len == 0) return str_empty();
    if (len == 1) return single_char((unsigned char)bytes[0]);
    struct str *s = str_alloc(len);
    memcpy(s->data, bytes, len);
    s->data[len] = 0;
    s->len = (uint32_t)len;
    set_chars(s, chars);
    return s;
}

struct str *str_new(const char *bytes, size_t len) {
    return str_known(bytes, len, all_ascii(bytes, len) ? len : count_chars(bytes, len));
}

struct str *str_with_room(size_t len) { return str_alloc(len); }

struct str *str_from(const char *c_string) { return str_new(c_string, strlen(c_string)); }

struct str *str_printf(const char *format, ...) {
    struct buf b = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&b, format, ap);
    va_end(ap);
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}

struct str *str_from_bytes(const char *bytes, size_t len) {
    bool plain = !memchr(bytes, 0, len) && !memchr(bytes, '\n', len);
    if (plain && utf8_valid(bytes, len)) return str_new(bytes, len);
    struct buf clean = BUF_INIT, latin = BUF_INIT;
    for (size_t i = 0; i < len; i++)
        if (bytes[i] && bytes[i] != '\n') buf_byte(&clean, bytes[i]);
    struct str *s;
    if (utf8_valid(buf_c(&clean), clean.len)) {
        s = buf_to_str(&clean);
    } else {
        for (size_t i = 0; i < clean.len; i++) {
            char out[4];
            buf_add(&latin, out, utf8_put(out, (unsigned char)clean.data[i]));
        }
        s = buf_to_str(&latin);
    }
    buf_fini(&clean);
    buf_fini(&latin);
    return s;
}

void str_unref(struct str *s) {
    if (s && --s->refs == 0) str_free_memory(s);
}

bool str_has_room(const struct str *a, size_t len) { return a->refs == 1 && a->len + len <= str_cap(a); }

struct str *str_append_take(struct str *a, const char *bytes, size_t len) {
    if (len == 0) return a;
    must(len <= STR_MAX - a->len);
    size_t total = a->len + len, chars = str_chars(a);
    /* `bytes' may lie inside `a' (s = s + s): it is copied before `a' can go */
    if (a->refs != 1 || total > str_cap(a)) {
        size_t cap = a->refs == 1 ? total + total / 2 : total + (total < 64 ? 16 : total / 8);
        struct str *s = str_alloc(cap > STR_MAX ? STR_MAX : cap);
        memcpy(s->data, a->data, a->len);
        memcpy(s->data + a->len, bytes, len);
        s->len = a->len;
        str_unref(a);
        a = s;
    } else {
        memmove(a->data + a->len, bytes, len);
    }
    char *added = a->data + a->len;
    bool ascii = len < 8 ? (unsigned char)(added[0] | added[len - 1] | added[len / 2]) < 0x80 && all_ascii(added, len) : all_ascii(added, len);
    a->len = (uint32_t)total;
    a->data[total] = 0;
    a->tag &= STR_ASCII | STR_CLASS_MASK;
    set_chars(a, chars + (ascii ? len : count_chars(added, len)));
    return a;
}

struct str *str_concat(const struct str *a, const struct str *b) {
    must(b->len <= STR_MAX - a->len);
    size_t len = (size_t)a->len + b->len;
    if (len < 2) return str_known(a->len ? a->data : b->data, len, str_chars(a) + str_chars(b));
    struct str *s = str_alloc(len);
    memcpy(s->data, a->data, a->len);
    memcpy(s->data + a->len, b->data, b->len);
    s->data[len] = 0;
    s->len = (uint32_t)len;
    set_chars(s, (size_t)str_chars(a) + str_chars(b));
    return s;
}

/* Byte offset of character i + n, given that of character i. */
static size_t skip_chars(const struct str *s, size_t at, int64_t n) {
    while (n > 8 && at + 8 <= s->len) { /* characters that begin in these bytes; the one at `at' is the first */
        n -= 8 - count_continuations(s->data + at);
        at += 8;
    }
    while (at < s->len && is_continuation(s->data[at])) at++;
    while (n-- > 0) {
        at++;
        while (at < s->len && is_continuation(s->data[at])) at++;
    }
    return at;
}

size_t str_offset(const struct str *s, int64_t i) {
    must(i >= 1 && i <= (int64_t)str_chars(s) + 1);
    if (str_is_ascii(s)) return (size_t)(i - 1);
    return skip_chars(s, 0, i - 1);
}

int64_t str_char_at_offset(const struct str *s, size_t offset) {
    must(offset <= s->len);
    if (str_is_ascii(s)) return (int64_t)offset + 1;
    return (int64_t)count_chars(s->data, offset) + 1;
}

struct str *str_at(const struct str *s, int64_t i) {
    must(i >= 1 && i <= (int64_t)str_chars(s));
    if (str_is_ascii(s)) return single_char((unsigned char)s->data[i - 1]);
    return str_range(s, i, i);
}

struct str *str_range(const struct str *s, int64_t i, int64_t j) {
    if (j < i) return str_empty();
    must(i >= 1 && j <= (int64_t)str_chars(s));
    if (str_is_ascii(s)) return str_known(s->data + i - 1, (size_t)(j - i + 1), (size_t)(j - i + 1));
    size_t from = str_offset(s, i);
    size_t to = skip_chars(s, from, j - i + 1);
    return str_known(s->data + from, to - from, (size_t)(j - i + 1));
}

struct str *str_set_at_take(struct str *s, int64_t i, const struct str *c) {
    must(str_chars(c) == 1 && i >= 1 && i <= (int64_t)str_chars(s));
    if (s->refs == 1 && (s->tag & c->tag & STR_ASCII)) {
        s->data[i - 1] = c->data[0];
        s->tag &= STR_ASCII | STR_CLASS_MASK;
        return s;
    }
    size_t from = str_offset(s, i), to = skip_chars(s, from, 1);
    struct buf b = BUF_INIT;
    buf_add(&b, s->data, from);
    buf_add(&b, c->data, c->len);
    buf_add(&b, s->data + to, s->len - to);
    struct str *made = buf_to_str(&b);
    buf_fini(&b);
    str_unref(s);
    return made;
}

static inline char ascii_upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }

static inline uint64_t load_word(const char *p) {
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

int bytes_compare_fold(const char *a, size_t alen, const char *b, size_t blen) {
    size_t n = alen < blen ? alen : blen;
    for (size_t i = 0; i < n;) {
        while (i + 8 <= n && load_word(a + i) == load_word(b + i)) i += 8;
        size_t stop = i + 8 < n ? i + 8 : n;
        for (; i < stop; i++) {
            unsigned char x = ascii_lower((unsigned char)a[i]), y = ascii_lower((unsigned char)b[i]);
            if (x != y) return x < y ? -1 : 1;
        }
    }
    return alen == blen ? 0 : alen < blen ? -1 : 1;
}

bool str_equal(const struct str *a, const struct str *b) {
    if (a == b) return true;
    if (a->len != b->len) return false;
    uint32_t x = a->tag >> STR_HASH_SHIFT, y = b->tag >> STR_HASH_SHIFT;
    if (x && y && x != y) return false;
    if (a->len > 0 && ((a->data[a->len - 1] ^ b->data[a->len - 1]) & ~('a' - 'A'))) return false; /* names that are numbered differ at their ends */
    return bytes_compare_fold(a->data, a->len, b->data, b->len) == 0;
}

bool str_identical(const struct str *a, const struct str *b) {
    return a == b || (a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

int str_compare(const struct str *a, const struct str *b) {
    return a == b ? 0 : bytes_compare_fold(a->data, a->len, b->data, b->len);
}

bool str_equal_c(const struct str *a, const char *b) { return bytes_compare_fold(a->data, a->len, b, strlen(b)) == 0; }

/* FNV-1a over the lower-cased bytes, folded to the bits that a tag has for it. */
uint32_t str_hash_bytes(const char *p, size_t len) {
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++) h = (h ^ ascii_lower((unsigned char)p[i])) * 16777619u;
    h = (h ^ h >> 24) & STR_HASH_MASK;
    return h ? h : 1;
}

uint32_t str_hash(const struct str *s) {
    if (!(s->tag >> STR_HASH_SHIFT)) ((struct str *)s)->tag |= str_hash_bytes(s->data, s->len) << STR_HASH_SHIFT; /* a cache: not seen as a change */
    return s->tag >> STR_HASH_SHIFT;
}

/*
 * Search by Knuth, Morris and Pratt (1977), so that no pair of strings takes more than linear time; from the end by reading both
 * backwards. Positions are byte offsets; -1 for none.
 */
struct text {
    const char *p;
    size_t len;
    bool backwards, fold;
};

static inline unsigned char text_at(const struct text *t, size_t i) {
    unsigned char c = (unsigned char)t->p[t->backwards ? t->len - 1 - i : i];
    return t->fold ? ascii_lower(c) : c;
}

enum { NOT_FOUND = -1, GIVEN_UP = -2 };

static bool is_given_up(size_t i, const struct patience *patience) { return i % PATIENCE_BYTES == PATIENCE_BYTES - 1 && patience_is_over(patience); }

static int64_t kmp_find(const struct text *subject, const struct text *what, const struct patience *patience) {
    uint32_t small[64];
    uint32_t *fail = what->len <= 64 ? small : xmalloc(what->len * sizeof *fail);
    int64_t found = NOT_FOUND;
    fail[0] = 0;
    for (size_t i = 1, k = 0; i < what->len && found == NOT_FOUND; i++) {
        if (is_given_up(i, patience)) found = GIVEN_UP;
        while (k && text_at(what, i) != text_at(what, k)) k = fail[k - 1];
        if (text_at(what, i) == text_at(what, k)) k++;
        fail[i] = (uint32_t)k;
    }
    for (size_t i = 0, k = 0; i < subject->len && found == NOT_FOUND; i++) {
        if (is_given_up(i, patience)) found = GIVEN_UP;
        while (k && text_at(subject, i) != text_at(what, k)) k = fail[k - 1];
        if (text_at(subject, i) == text_at(what, k)) k++;
        if (k == what->len) found = (int64_t)(i + 1 - k);
    }
    if (fail != small) free(fail);
    return found;
}

/*
 * Forwards without regard to case: blocks of 16 places are tested at once for the first and the last byte of what is sought (after W. Mula, "SIMD-friendly
 * algorithms for substring searching"), and places where both fit are compared. Text that fits everywhere would make that quadratic: after a bounded number of vain comparisons, and
 * for the end of the text, the linear algorithm goes on.
 */
static int64_t fold_find(const char *text, size_t len, const char *what, size_t n, const struct patience *patience) {
    size_t at = 0;
#if defined(__SSE2__)
    const __m128i low_first = _mm_set1_epi8((char)ascii_lower((unsigned char)what[0])), high_first = _mm_set1_epi8(ascii_upper(what[0]));
    const __m128i low_last = _mm_set1_epi8((char)ascii_lower((unsigned char)what[n - 1])), high_last = _mm_set1_epi8(ascii_upper(what[n - 1]));
    for (size_t vain = 0; at + n + 15 <= len && vain < 2 * len + 64; at += 16) {
        if (is_given_up(at + 15, patience)) return GIVEN_UP;
        __m128i a = _mm_loadu_si128((const __m128i *)(const void *)(text + at)), b = _mm_loadu_si128((const __m128i *)(const void *)(text + at + n - 1));
        __m128i fits = _mm_and_si128(_mm_or_si128(_mm_cmpeq_epi8(a, low_first), _mm_cmpeq_epi8(a, high_first)),
                                     _mm_or_si128(_mm_cmpeq_epi8(b, low_last), _mm_cmpeq_epi8(b, high_last)));
        for (unsigned mask = (unsigned)_mm_movemask_epi8(fits); mask; mask &= mask - 1) {
            size_t here = at + (size_t)__builtin_ctz(mask);
            if (!bytes_compare_fold(text + here, n, what, n)) return (int64_t)here;
            vain += n;
        }
    }
#endif
    struct text rest = {text + at, len - at, false, true}, pattern = {what, n, false, true};
    int64_t found = kmp_find(&rest, &pattern, patience);
    return found < 0 ? found : (int64_t)at + found;
}

/* With case. What is short is sought by the C library in portions, what is long by the algorithm that can be given up. */
static int64_t exact_find(const char *text, size_t len, const char *what, size_t n, const struct patience *patience) {
    if (n > SHORT_NEEDLE) {
        struct text subject = {text, len, false, false}, pattern = {what, n, false, false};
        return kmp_find(&subject, &pattern, patience);
    }
    for (size_t at = 0; at + n <= len; at += PATIENCE_BYTES) {
        if (at && patience_is_over(patience)) return GIVEN_UP;
        size_t portion = len - at < PATIENCE_BYTES + n - 1 ? len - at : PATIENCE_BYTES + n - 1;
        const char *found = memmem(text + at, portion, what, n);
        if (found) return found - text;
    }
    return NOT_FOUND;
}

int64_t bytes_find(const char *text, size_t len, const char *what, size_t n, bool match_case, const struct patience *patience) {
    if (n > len) return NOT_FOUND;
    return match_case ? exact_find(text, len, what, n, patience) : fold_find(text, len, what, n, patience);
}

static int64_t find_last(const struct str *s, const struct str *what, bool match_case, const struct patience *patience) {
    if (what->len > s->len) return NOT_FOUND;
    struct text subject = {s->data, s->len, true, !match_case}, pattern = {what->data, what->len, true, !match_case};
    int64_t at = kmp_find(&subject, &pattern, patience);
    return at < 0 ? at : (int64_t)s->len - at - (int64_t)what->len;
}

int64_t str_index(const struct str *s, const struct str *what, bool match_case, const struct patience *patience) {
    if (what->len == 0) return 1;
    int64_t at = bytes_find(s->data, s->len, what->data, what->len, match_case, patience);
    return at < 0 ? at - NOT_FOUND : str_char_at_offset(s, (size_t)at);
}

int64_t str_rindex(const struct str *s, const struct str *what, bool match_case, const struct patience *patience) {
    if (what->len == 0) return (int64_t)str_chars(s) + 1;
    int64_t at = find_last(s, what, match_case, patience);
    return at < 0 ? at - NOT_FOUND : str_char_at_offset(s, (size_t)at);
}

/* Length of the valid sequence at p, 0 if there is none (RFC 3629, section 4). */
static size_t utf8_sequence(const unsigned char *p, size_t left) {
    if (p[0] < 0x80) return p[0] ? 1 : 0;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f)) return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0;
    return n;
}

/* How many bytes at the beginning are ASCII and not NUL, as far as eight at once tell. */
static size_t plain_run(const unsigned char *p, size_t len) {
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, p + i, sizeof w);
        if ((w | (w - 0x0101010101010101u)) & 0x8080808080808080u) break;
    }
    return i;
}

bool utf8_valid(const char *p, size_t len) {
    const unsigned char *q = (const unsigned char *)p;
    for (size_t i = plain_run(q, len); i < len;) {
        size_t n = utf8_sequence(q + i, len - i);
        if (!n) return false;
        i += n;
    }
    return true;
}

size_t utf8_put(char out[4], uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf0u << (4 - n)) | c);
    return n;
}
