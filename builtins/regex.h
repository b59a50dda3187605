/* SPDX-License-Identifier: MIT */
/*
 * MOO's regular expressions on PCRE2: a pattern is translated (regex_translate.c), compiled with the JIT and kept for the next time (regex.c).
 *
 * Without `match_case' A-Z and a-z are the same, and no other letters, as everywhere in the language: pattern and subject are folded before they meet. `%w' is a letter or digit of any
 * script, `.' a code point. A search costs a bounded amount of work, counted and not timed, so that the same search always has the same result: what is harder is REGEX_TOO_HARD.
 */
#ifndef BUILTINS_REGEX_H
#define BUILTINS_REGEX_H

#include "base/buf.h"
#include "base/str.h"

enum regex_result { REGEX_FOUND, REGEX_NONE, REGEX_BAD_PATTERN, REGEX_TOO_HARD };

enum { REGEX_GROUPS = 9, REGEX_UNUSED = -1 };

/* [0] is the whole match, the rest the groups: byte offsets in the subject, both REGEX_UNUSED for a group that took no part. */
struct regex_match {
    int64_t start[REGEX_GROUPS + 1], end[REGEX_GROUPS + 1];
};

/* The leftmost match, or the one with the rightmost start. A reference to `pattern' may be kept. */
enum regex_result regex_search(const struct str *subject, struct str *pattern, bool match_case, bool rightmost, struct regex_match *out);

/* Frees all compiled patterns. */
void regex_forget(void);

/* ---- for regex.c ---- */
enum { REGEX_CALLOUT_REFERENCE = 100 }; /* with the group's number added: before a reference to it; callout 0 everywhere else */
struct regex_form {
    bool fold; /* A-Z become a-z */
    bool unicode; /* PCRE2_UTF: there are characters beyond ASCII in the pattern or the subject */
    bool counted; /* callouts where work is to be counted */
};
/* Appends the PCRE2 pattern, one that captures in the MOO pattern's groups; false when the MOO pattern is wrong. *nested: a repetition is repeated, as in %(a*%)*. */
bool regex_translate(const struct str *pattern, struct regex_form form, struct buf *out, bool *nested);

#endif
