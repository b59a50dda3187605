/* SPDX-License-Identifier: MIT */
/* Patterns: what they match, and that none runs away. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "builtins/regex.h"
#include "builtins/registry.h"
#include "lang/machine.h"

static void forget(void) { regex_forget(); }
TestSuite(regex, .fini = forget);

static struct str *literal_of(struct result r) {
    struct str *s = r.kind == R_RAISE ? str_from(error_name((int)r.v.u.e)) : value_to_literal(r.v);
    value_unref(r.v);
    return s;
}

static struct str *call(builtin_fn *fn, struct str *a, value b, bool match_case) {
    static struct machine m = {.max_string_concat = 1 << 20};
    value args[] = {value_str(a), b, value_int(1)};
    struct builtin_call c = {.m = &m, .args = args, .nargs = match_case ? 3 : 2};
    struct str *s = literal_of(fn(&c));
    value_unref(args[0]);
    value_unref(args[1]);
    return s;
}

/* The result without groups that took no part at the end, and without the subject. */
static const char *brief(builtin_fn *fn, const char *subject, const char *pattern, bool match_case) {
    static char text[1000];
    struct str *s = call(fn, str_from(subject), value_str(str_from(pattern)), match_case);
    snprintf(text, sizeof text, "%s", s->data);
    str_unref(s);
    char *end = strstr(text, "}}");
    if (!end) return text;
    end[1] = 0;
    static const char unused[] = "{0, -1}";
    size_t n = sizeof unused - 1, len = strlen(text);
    while (len > n && strcmp(text + len - n, unused) == 0) {
        len -= n;
        text[len] = 0;
        if (len > 2 && text[len - 1] == ' ') text[len -= 2] = 0;
    }
    return text;
}

#define MATCH(subject, pattern, wanted) cr_expect_str_eq(brief(bf_match, subject, pattern, false), wanted, "%s ~ %s: %s", subject, pattern, brief(bf_match, subject, pattern, false))
#define CASED(subject, pattern, wanted) cr_expect_str_eq(brief(bf_match, subject, pattern, true), wanted, "%s ~ %s: %s", subject, pattern, brief(bf_match, subject, pattern, true))
#define RMATCH(subject, pattern, wanted) cr_expect_str_eq(brief(bf_rmatch, subject, pattern, false), wanted, "%s ~ %s: %s", subject, pattern, brief(bf_rmatch, subject, pattern, false))

Test(regex, ordinary) {
    MATCH("foobar", "o*b", "{2, 4, {");
    MATCH("foobar", "o%(b%)", "{3, 4, {{4, 4}");
    MATCH("foobar", "x", "{}");
    MATCH("abc", "$", "{4, 3, {");
    MATCH("abc", "", "{1, 0, {");
    MATCH("", "a*", "{1, 0, {");
    MATCH("", "a", "{}");
    MATCH("foobar", "f..b", "{1, 4, {");
    MATCH("abc", "%(b%|%)c", "{2, 3, {{2, 2}");
    MATCH("xay", "a%|ay", "{2, 2, {");
    MATCH("aXbb", "%(a%)%(x%)?%(y%)?%(b+%)", "{1, 4, {{1, 1}, {2, 2}, {0, -1}, {3, 4}");
    MATCH("abcabc", "%(a%|b%|c%)*", "{1, 6, {{6, 6}");
    MATCH("a|b(c){2}", "a|b(c){2}", "{1, 9, {");
    MATCH("a\\d", "\\d", "{2, 3, {");
    MATCH("{}", "{}", "{1, 2, {");
}

Test(regex, letter_case) {
    MATCH("FooBar", "foo", "{1, 3, {");
    MATCH("foobar", "OB", "{3, 4, {");
    MATCH("abC", "[A-C]+", "{1, 3, {");
    MATCH("x_", "[A-z]+", "{1, 2, {");
    MATCH("aA", "%(a%)%1", "{1, 2, {{1, 1}");
    CASED("FooBar", "foo", "{}");
    CASED("aA", "%(a%)%1", "{}");
    CASED("abC", "[A-C]", "{3, 3, {");
    MATCH("É é", "é", "{3, 3, {"); /* only A-Z folds */
    MATCH("\xe2\x84\xaa", "k", "{}"); /* the sign for kelvin is not k */
}

Test(regex, sets) {
    MATCH("100%", "[%]", "{4, 4, {");
    MATCH("ab", "[^%]", "{1, 1, {");
    RMATCH("hello.world", "[][$^.*+?%].*", "{6, 11, {");
    MATCH("a]b", "[]]", "{2, 2, {");
    MATCH("]a", "[^]]", "{2, 2, {");
    MATCH("a-b", "[-x]", "{2, 2, {");
    MATCH("a-b", "[x-]", "{2, 2, {");
    MATCH("\\", "[\\]", "{1, 1, {");
    MATCH("d-", "[a-c-e]", "{2, 2, {");
    MATCH("m", "[z-a]", "{}");
    MATCH("m", "[^z-a]", "{1, 1, {");
    MATCH("mm", "[z-a]*m", "{1, 1, {");
    MATCH("x^", "[x^]+", "{1, 2, {");
    MATCH("a\tb", "[^a-z]", "{2, 2, {");
    MATCH("aé", "[é]", "{2, 2, {");
    MATCH("aöz", "[à-ÿ]", "{2, 2, {");
    MATCH("aöz", "[^a]", "{2, 2, {");
    MATCH("a[b", "[", "E_INVARG");
    MATCH("a[b", "[a", "E_INVARG");
    MATCH("a[b", "[]", "E_INVARG");
    MATCH("a[b", "[^]", "E_INVARG");
    MATCH("a", "[a-", "E_INVARG");
}

Test(regex, percent) {
    MATCH("a.b", "%.", "{2, 2, {");
    MATCH("axb", "%.", "{}");
    MATCH("a+b", "a%+b", "{1, 3, {");
    MATCH("2^3$", "%^3%$", "{2, 4, {");
    MATCH("xd", "%d", "{2, 2, {");
    MATCH("hello", "%b", "{1, 0, {");
    MATCH(" hello", "%b", "{1, 0, {");
    MATCH("foo bar", "%bbar", "{5, 7, {");
    MATCH("foo bar", "%B", "{4, 3, {");
    MATCH("foo", "%B", "{}");
    MATCH("foo bar", "foo%>", "{1, 3, {");
    MATCH("foobar", "foo%>", "{}");
    MATCH(" foo", "%<", "{2, 1, {");
    MATCH("_a1", "%w+", "{2, 3, {");
    MATCH("a_", "%W", "{2, 2, {");
    MATCH(" été!", "%w+", "{2, 4, {");
    MATCH("abab", "%(ab%)%1", "{1, 4, {{1, 2}");
    MATCH("abc", "%(x%)?a%1", "{}");
    MATCH("abc", "a%1", "{}");
    MATCH("abc", "a%1*", "{1, 1, {");
    MATCH("aa", "%9%|a", "{1, 1, {");
    MATCH("a", "%", "E_INVARG");
    MATCH("a", "a%", "E_INVARG");
    MATCH("foobar", "%(unclosed", "E_INVARG");
    MATCH("foobar", "o%)", "E_INVARG");
    MATCH("é%", "%é", "{1, 1, {");
}

Test(regex, places) {
    MATCH("ab", "^a", "{1, 1, {");
    MATCH("ba", "^a", "{}");
    MATCH("ba", "a$", "{2, 2, {");
    MATCH("ba", "b%|^a", "{1, 1, {");
    MATCH("ba", "%(^b%)%(a$%)", "{1, 2, {{1, 1}, {2, 2}");
    MATCH("a^", "a^", "E_INVARG");
    MATCH("a$b", "a$b", "E_INVARG");
    MATCH("a", "$*", "E_INVARG");
    MATCH("aa", "^*a", "{1, 1, {");
    MATCH("a", "*", "E_INVARG");
    MATCH("a", "+a", "E_INVARG");
    MATCH("a", "%(?a%)", "E_INVARG");
    MATCH("a", "a%|*", "E_INVARG");
    MATCH("a\nb", "a.b", "{1, 3, {");
    MATCH("a\n", "a$", "{}");
}

Test(regex, repetitions) {
    MATCH("aaa", "a+?", "{1, 3, {");
    MATCH("aaa", "a*?", "{1, 3, {");
    MATCH("aaab", "a*+ab", "{1, 4, {");
    MATCH("aaa", "a??a", "{1, 2, {");
    MATCH("baaa", "a**", "{1, 0, {");
    MATCH("abab", "%(ab%)+", "{1, 4, {{3, 4}");
    MATCH("aab", "%(a*%)*b", "{1, 3, {{3, 2}");
    MATCH("xyz", "%(%(%(%(%(%(%(%(%(%(z%)%)%)%)%)%)%)%)%)%)", "{3, 3, {{3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}");
}

Test(regex, rightmost) {
    RMATCH("foobar", "o+", "{3, 3, {");
    RMATCH("foobarfoo", "f.*", "{7, 9, {");
    RMATCH("foobar", "baz", "{}");
    RMATCH("FooBar", "bar", "{4, 6, {");
    RMATCH("abc", "", "{4, 3, {");
    RMATCH("abcabc", "^a", "{1, 1, {");
    RMATCH("abcabc", "%(b%|ab%)c", "{5, 6, {{5, 5}");
    RMATCH("ababab", "%(ab%)%1", "{3, 6, {{3, 4}");
    RMATCH("aéöa", "[é-ö]", "{3, 3, {");
    RMATCH("foo bar", "%<%w+", "{5, 7, {");
    RMATCH("abc", "%2%|b", "{2, 2, {");
}

Test(regex, positions_are_characters) {
    MATCH("ééab", "a%(b%)", "{3, 4, {{4, 4}");
    MATCH("日本語", "本", "{2, 2, {");
    MATCH("日本語", "$", "{4, 3, {");
    MATCH("日本語", ".", "{1, 1, {");
}

static struct str *repeated(const char *s, size_t n) {
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < n; i++) buf_add_c(&b, s);
    struct str *r = buf_to_str(&b);
    buf_fini(&b);
    return r;
}

static void expect_hard(builtin_fn *fn, const char *piece, size_t times, const char *pattern, const char *wanted) {
    struct str *s = call(fn, repeated(piece, times), value_str(str_from(pattern)), false);
    s->data[s->len > 12 ? 12 : s->len] = 0;
    cr_expect(strncmp(s->data, wanted, strlen(wanted)) == 0, "%s: %s", pattern, s->data);
    str_unref(s);
}

Test(regex, runaways) {
    expect_hard(bf_match, "a", 40, "%(a+%)+[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 40, "%(a*%)*b", "E_QUOTA");
    expect_hard(bf_match, "a", 40, "a*a*b", "{}");
    expect_hard(bf_match, "a", 40, "%(a*%)*[xy]", "E_QUOTA");
    expect_hard(bf_rmatch, "a", 40, "%(a%|a%)*[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 5000, ".*.*.*[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 1000000, ".*.*[xy]", "E_QUOTA");
    expect_hard(bf_rmatch, "a", 1000000, ".*.*[xy]", "E_QUOTA");
    expect_hard(bf_match, "ab", 500000, "%(a%|b%)*[xy]", "E_QUOTA");
    expect_hard(bf_match, "é", 500000, "%(.+%)+[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 100000, "%(%(a*%)*%)*%1[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 1000000, "%(.*%)%1[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 1000000, "%(.*%)%1*[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 5000, "a*a*a*a*a*a*[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 1700, "a?a?a?a?a?a?a*a*[xy]", "E_QUOTA");
    expect_hard(bf_match, "a", 300, "%(a+a+%)+[xy]", "E_QUOTA");
    expect_hard(bf_match, "é", 300, "%(%w+%w+%)+[xy]", "E_QUOTA");
    expect_hard(bf_rmatch, "a", 30000, "%(a?%)*%(a?%)*%1%2[xy]", "E_QUOTA");
}

Test(regex, long_subjects) {
    expect_hard(bf_match, "ab", 500000, "x", "{}");
    expect_hard(bf_match, "ab", 500000, "^.*b$", "{1, 1000000,");
    expect_hard(bf_match, "ab", 500000, "a.*b$", "{1, 1000000,");
    expect_hard(bf_match, "ab ", 300000, "%w+ $", "{899998, 9");
    expect_hard(bf_rmatch, "ab", 500000, "ab", "{999999, 10");
    expect_hard(bf_rmatch, "ab", 500000, "^ab", "{1, 2");
    expect_hard(bf_match, "é", 500000, "é$", "{500000, 50");
}

Test(regex, hostile_patterns) {
    struct str *deep = repeated("%(", 10000), *wide = repeated("a%|", 6000);
    struct regex_match m;
    cr_expect_eq(regex_search(deep, deep, false, false, &m), REGEX_BAD_PATTERN);
    regex_search(wide, wide, false, false, &m);
    str_unref(deep);
    str_unref(wide);
}

static void expect_substituted(const char *template, const char *pattern, const char *subject, const char *wanted) {
    value args[] = {value_str(str_from(subject)), value_str(str_from(pattern))};
    struct builtin_call c = {.args = args, .nargs = 2};
    struct result found = bf_match(&c);
    struct str *s = call(bf_substitute, str_from(template), found.v, false);
    cr_expect_str_eq(s->data, wanted);
    str_unref(s);
    value_unref(args[0]);
    value_unref(args[1]);
}

Test(regex, substitute) {
    expect_substituted("found: %1", "%(o+%)", "foobar", "\"found: oo\"");
    expect_substituted("100%% done", "foo", "foobar", "\"100% done\"");
    expect_substituted("[%1][%0]", "o", "foobar", "\"[][o]\"");
    expect_substituted("é%1é", "%(.%)$", "aé", "\"ééé\"");
    expect_substituted("%a", "o", "foobar", "E_INVARG");
    expect_substituted("a%", "o", "foobar", "E_INVARG");
    expect_substituted("", "o", "foobar", "\"\"");
}

static value span(int64_t a, int64_t b) { return value_list(list_of(2, value_int(a), value_int(b))); }

/* %1 of a match list whose first group is `first'. */
static void expect_checked(value first, int groups, const char *wanted) {
    struct list *l = list_of(1, first);
    while ((int)l->len < groups) l = list_append_take(l, span(0, -1));
    value match = value_list(list_of(4, value_int(1), value_int(2), value_list(l), value_str(str_from("abc"))));
    struct str *s = call(bf_substitute, str_from("<%1>"), match, false);
    cr_expect_str_eq(s->data, wanted);
    str_unref(s);
}

Test(regex, substitute_checks_the_match) {
    expect_checked(span(2, 3), 9, "\"<bc>\"");
    expect_checked(span(4, 3), 9, "\"<>\"");
    expect_checked(span(0, -1), 9, "\"<>\"");
    expect_checked(span(2, 4), 9, "E_INVARG");
    expect_checked(span(0, 2), 9, "E_INVARG");
    expect_checked(span(3, 1), 9, "E_INVARG");
    expect_checked(span(INT64_MIN, INT64_MAX), 9, "E_INVARG");
    expect_checked(span(2, INT64_MIN), 9, "E_INVARG");
    expect_checked(span(2, 3), 8, "E_INVARG");
    expect_checked(value_int(1), 9, "E_INVARG");
    expect_checked(value_list(list_of(1, value_int(1))), 9, "E_INVARG");
}
