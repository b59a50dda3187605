/* SPDX-License-Identifier: MIT */
/*
 * Searching. Work is bounded in two steps. First the plain form of a pattern runs with a limit of backtracks so low that even if each of them scans the whole subject it is soon over;
 * nearly every search ends here. What hits that limit, or a subject too long for it, is searched with the counted form: callouts after every repetition and at the beginning of every alternative
 * add up the distance moved, until a budget is used up.
 *
 * Compiled patterns are pure functions of their text, so the table that keeps them is the process's and not a world's; a slot is simply overwritten.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "builtins/regex.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

enum {
    SLOTS = 512,
    LONG_PATTERN = 500, /* bytes: patterns longer than that share a few slots, so that what is kept has a bound */
    LONG_SLOTS = 8,
    PATTERN_MOST = 20000,
    JIT_STACK_FIRST = 64 * 1024,
    JIT_STACK_MOST = 8 * 1024 * 1024,
    HEAP_KILOBYTES = 64 * 1024,
    LEAST_BACKTRACKS = 64, /* below this the plain form is not worth trying */
    MOST_BACKTRACKS = 1000000,
    COUNTED_BACKTRACKS = 10000000
};

/* Characters that the plain form may look at; units of work of the counted form, at least, at most and for each byte of the subject. */
static const int64_t plain_work = 20000000, counted_work_least = 1000000, counted_work_most = 4000000, counted_work_a_byte = 16;

struct pattern {
    struct str *text; /* NULL: a free slot */
    unsigned form; /* enum form_bits */
    pcre2_code *code; /* NULL: the pattern is wrong */
};

enum form_bits { FOLD = 1, UNICODE = 2, COUNTED = 4, RIGHTMOST = 8 };

static struct {
    struct pattern slots[SLOTS];
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_general_context *memory;
    pcre2_compile_context *compiling;
    pcre2_jit_stack *stack;
    struct buf folded;
} kept;

struct work {
    int64_t left;
    size_t at;
};

/* ---- compiling ---- */

static pcre2_code *compile(const struct str *text, unsigned form) {
    struct buf translated = BUF_INIT;
    pcre2_code *code = NULL;
    int error;
    size_t where;
    bool nested;
    if (form & RIGHTMOST) buf_add_c(&translated, form & COUNTED ? ".*(?C)\\K(?:" : ".*\\K(?:");
    bool ok = regex_translate(text, (struct regex_form){form & FOLD, form & UNICODE, form & COUNTED}, &translated, &nested);
    if (form & RIGHTMOST) buf_add_c(&translated, ")");
    uint32_t options = PCRE2_DOTALL | PCRE2_NEVER_BACKSLASH_C | (form & UNICODE ? PCRE2_UTF | PCRE2_NO_UTF_CHECK : 0) | (form & RIGHTMOST ? PCRE2_ANCHORED : 0);
    if (ok && nested) options |= PCRE2_NO_START_OPTIMIZE; /* whether %(a*%)*b is too hard shall not hang on whether there is a b */
    if (ok) code = pcre2_compile((PCRE2_SPTR)buf_c(&translated), translated.len, options, &error, &where, kept.compiling);
    if (code) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where there is no JIT the interpreter does the same */
    buf_fini(&translated);
    return code;
}

static void drop(struct pattern *slot) {
    if (!slot->text) return;
    str_unref(slot->text);
    pcre2_code_free(slot->code);
    *slot = (struct pattern){0};
}

void regex_forget(void) {
    for (int i = 0; i < SLOTS; i++) drop(&kept.slots[i]);
    pcre2_match_data_free(kept.data);
    pcre2_match_context_free(kept.context);
    pcre2_jit_stack_free(kept.stack);
    pcre2_compile_context_free(kept.compiling);
    pcre2_general_context_free(kept.memory);
    buf_fini(&kept.folded);
    kept.data = NULL;
    kept.context = NULL;
    kept.stack = NULL;
    kept.compiling = NULL;
    kept.memory = NULL;
}

static uint32_t hash(const struct str *s, unsigned form) {
    uint32_t h = 2166136261u ^ form;
    for (uint32_t i = 0; i < s->len; i++) h = (h ^ (unsigned char)s->data[i]) * 16777619u;
    return h ^ h >> 15;
}

/* The pattern in this form, in its slot: borrowed until the next call. */
static const pcre2_code *find(struct str *text, unsigned form) {
    struct pattern *slot = &kept.slots[hash(text, form) % (text->len > LONG_PATTERN ? LONG_SLOTS : SLOTS)];
    if (slot->text && slot->form == form && str_identical(slot->text, text)) return slot->code;
    drop(slot);
    *slot = (struct pattern){str_ref(text), form, compile(text, form)};
    return slot->code;
}

/* ---- matching ---- */

/* How much a reference is going to compare. */
static size_t referred_length(const pcre2_callout_block *block) {
    uint32_t group = block->callout_number - REGEX_CALLOUT_REFERENCE;
    if (block->callout_number <= REGEX_CALLOUT_REFERENCE || group >= block->capture_top) return 0;
    size_t start = block->offset_vector[2 * group], end = block->offset_vector[2 * group + 1];
    return start != PCRE2_UNSET && end > start ? end - start : 0;
}

static int count_work(pcre2_callout_block *block, void *ctx) {
    struct work *w = ctx;
    size_t at = block->current_position, moved = at > w->at ? at - w->at : w->at - at;
    w->at = at;
    w->left -= 1 + (int64_t)((moved + referred_length(block)) / 16);
    return w->left > 0 ? 0 : PCRE2_ERROR_CALLOUT;
}

/* Memory as all else here has it: a pattern is never called wrong because there was none for a moment. */
static void *allocate(size_t n, void *ctx) { return (void)ctx, xmalloc(n); }
static void release(void *p, void *ctx) { (void)ctx, free(p); }

static void prepare(void) {
    if (kept.context) return;
    kept.memory = pcre2_general_context_create(allocate, release, NULL);
    kept.data = pcre2_match_data_create(REGEX_GROUPS + 1, kept.memory);
    kept.context = pcre2_match_context_create(kept.memory);
    kept.compiling = pcre2_compile_context_create(kept.memory);
    kept.stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    must(kept.data && kept.context && kept.compiling);
    pcre2_jit_stack_assign(kept.context, NULL, kept.stack);
    pcre2_set_heap_limit(kept.context, HEAP_KILOBYTES);
}

/* The first `pairs' of PCRE2's offsets are set, 0 for all that there is room for. */
static void read_groups(int pairs, struct regex_match *out) {
    const size_t *offsets = pcre2_get_ovector_pointer(kept.data);
    for (int i = 0; i <= REGEX_GROUPS; i++) {
        bool used = (pairs == 0 || i < pairs) && offsets[2 * i] != PCRE2_UNSET;
        out->start[i] = used ? (int64_t)offsets[2 * i] : REGEX_UNUSED;
        out->end[i] = used ? (int64_t)offsets[2 * i + 1] : REGEX_UNUSED;
    }
}

static enum regex_result run(const pcre2_code *code, const char *subject, size_t len, uint32_t backtracks, struct regex_match *out) {
    pcre2_set_match_limit(kept.context, backtracks);
    int rc = pcre2_match(code, (PCRE2_SPTR)subject, len, 0, PCRE2_NO_UTF_CHECK, kept.data, kept.context);
    if (rc < 0) return rc == PCRE2_ERROR_NOMATCH ? REGEX_NONE : REGEX_TOO_HARD;
    read_groups(rc, out);
    return REGEX_FOUND;
}

/* Backtracks that the plain form may use: for each start of a match, which is one when the search is for the rightmost. */
static int64_t plain_backtracks(size_t len, bool rightmost) {
    int64_t a_start = plain_work / (int64_t)(len + 1), n = rightmost ? a_start : a_start / (int64_t)(len + 1);
    return n > MOST_BACKTRACKS ? MOST_BACKTRACKS : n;
}

static enum regex_result search(struct str *pattern, unsigned form, const char *subject, size_t len, struct regex_match *out) {
    int64_t backtracks = plain_backtracks(len, form & RIGHTMOST);
    const pcre2_code *code = find(pattern, form);
    if (!code) return REGEX_BAD_PATTERN;
    if (backtracks >= LEAST_BACKTRACKS) {
        pcre2_set_callout(kept.context, NULL, NULL);
        enum regex_result r = run(code, subject, len, (uint32_t)backtracks, out);
        if (r != REGEX_TOO_HARD) return r;
    }
    code = find(pattern, form | COUNTED);
    if (!code) return REGEX_TOO_HARD; /* only this form is too large */
    struct work w = {counted_work_least + (int64_t)len * counted_work_a_byte, 0};
    if (w.left > counted_work_most) w.left = counted_work_most;
    pcre2_set_callout(kept.context, count_work, &w);
    return run(code, subject, len, COUNTED_BACKTRACKS, out);
}

/* The subject with A-Z folded. */
static const char *folded(const struct str *s) {
    uint32_t first = 0;
    while (first < s->len && !(s->data[first] >= 'A' && s->data[first] <= 'Z')) first++;
    if (first == s->len) return s->data;
    buf_clear(&kept.folded);
    buf_add(&kept.folded, s->data, s->len);
    for (uint32_t i = first; i < s->len; i++) kept.folded.data[i] = (char)ascii_lower((unsigned char)kept.folded.data[i]);
    return kept.folded.data;
}

enum regex_result regex_search(const struct str *subject, struct str *pattern, bool match_case, bool rightmost, struct regex_match *out) {
    if (pattern->len > PATTERN_MOST) return REGEX_TOO_HARD;
    unsigned form = (match_case ? 0u : FOLD) | (str_is_ascii(subject) && str_is_ascii(pattern) ? 0u : UNICODE) | (rightmost ? RIGHTMOST : 0u);
    prepare();
    return search(pattern, form, match_case ? subject->data : folded(subject), subject->len, out);
}
