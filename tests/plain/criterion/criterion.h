/* SPDX-License-Identifier: MIT */
/*
 * As much of Criterion as the unit tests use, one process a test, for builds in which Criterion itself does not run: under -fsanitize=thread its shared memory has no place.
 * Arguments of the program: tests whose SUITE/NAME begins with one of them; none: all.
 */
#ifndef TESTS_PLAIN_CRITERION_H
#define TESTS_PLAIN_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct plain_test {
    const char *suite, *name;
    void (*run)(void);
    struct plain_test *next;
};
void plain_add(struct plain_test *t);
void plain_failed(const char *file, int line, const char *text, const char *format, ...) __attribute__((format(printf, 4, 5)));
void plain_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
void plain_skip(void) __attribute__((noreturn));

#define Test(suite_, name_, ...) \
    static void suite_##_##name_##_run(void); \
    __attribute__((constructor)) static void suite_##_##name_##_add(void) { \
        static struct plain_test t = {#suite_, #name_, suite_##_##name_##_run, NULL}; \
        plain_add(&t); \
    } \
    static void suite_##_##name_##_run(void)
struct plain_suite {
    void (*init)(void), (*fini)(void); /* not called: each test has a process of its own */
};
#define TestSuite(suite_, ...) static const struct plain_suite plain_suite_##suite_ __attribute__((unused)) = {__VA_ARGS__}

#define PLAIN_CHECK(ok, text, ...) ((ok) ? (void)0 : plain_failed(__FILE__, __LINE__, text, " " __VA_ARGS__))
#define PLAIN_COMPARE(a, op, b, ...) PLAIN_CHECK((a)op(b), #a " " #op " " #b, __VA_ARGS__)

#define cr_assert(x, ...) PLAIN_CHECK(x, #x, __VA_ARGS__)
#define cr_assert_not(x, ...) PLAIN_CHECK(!(x), "not " #x, __VA_ARGS__)
#define cr_assert_null(x, ...) PLAIN_CHECK((x) == NULL, "null " #x, __VA_ARGS__)
#define cr_assert_not_null(x, ...) PLAIN_CHECK((x) != NULL, "not null " #x, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) PLAIN_COMPARE(a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) PLAIN_COMPARE(a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) PLAIN_COMPARE(a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) PLAIN_COMPARE(a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) PLAIN_COMPARE(a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) PLAIN_COMPARE(a, >=, b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) PLAIN_CHECK(!strcmp(a, b), #a " is " #b, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_CHECK(false, "fails", __VA_ARGS__)
#define cr_expect cr_assert
#define cr_expect_not cr_assert_not
#define cr_expect_null cr_assert_null
#define cr_expect_eq cr_assert_eq
#define cr_expect_neq cr_assert_neq
#define cr_expect_lt cr_assert_lt
#define cr_expect_leq cr_assert_leq
#define cr_expect_gt cr_assert_gt
#define cr_expect_geq cr_assert_geq
#define cr_expect_str_eq cr_assert_str_eq
#define cr_expect_float_eq(a, b, e, ...) PLAIN_CHECK(fabs((double)((a) - (b))) <= (double)(e), #a " is about " #b, __VA_ARGS__)
#define cr_log_error(...) plain_log(__VA_ARGS__)
#define cr_log_info(...) plain_log(__VA_ARGS__)
#define cr_skip_test(...) plain_skip()

#endif
