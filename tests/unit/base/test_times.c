/* SPDX-License-Identifier: MIT */
/* Histograms of times, and what was counted in the last minute and hour. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/histogram.h"
#include "base/rolling.h"

Test(times, every_time_is_in_its_bucket) {
    int last = 0;
    for (int64_t us = 0; us < INT64_C(100000000000); us += 1 + us / 50) {
        int b = histogram_bucket(us);
        cr_assert(b >= last && b < HISTOGRAM_BUCKETS, "%ld us in %d after %d", (long)us, b, last);
        last = b;
        if (b == HISTOGRAM_BUCKETS - 1) continue;
        cr_assert_leq(us, histogram_bucket_end(b));
        cr_assert(b == 0 || us > histogram_bucket_end(b - 1), "%ld us in %d", (long)us, b);
    }
    cr_expect_eq(last, HISTOGRAM_BUCKETS - 1);
    cr_expect_eq(histogram_bucket(-5), 0);
    cr_expect_eq(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS - 1);
}

Test(times, quantiles_are_at_most_a_sixteenth_too_large) {
    struct histogram *h = calloc(1, sizeof *h);
    cr_expect_eq(histogram_quantile(h, 0.99), 0);
    for (int64_t us = 1; us <= 100000; us++) histogram_add(h, us);
    const double qs[] = {0.001, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof qs / sizeof *qs; i++) {
        double exact = qs[i] * 100000, got = (double)histogram_quantile(h, qs[i]);
        cr_expect(got >= exact && got <= exact * (1 + 1.0 / 16) + 1, "%f: %f, not %f", qs[i], got, exact);
    }
    cr_expect_eq(histogram_quantile(h, 1), 100000);
    cr_expect_eq(histogram_longest_us(h), 100000);
    cr_expect_eq(histogram_sum_us(h), INT64_C(5000050000));
    cr_expect_eq(histogram_count_to(h, 15), 15);
    cr_expect_eq(histogram_count_to(h, 1000000), 100000);
    struct histogram *twice = calloc(1, sizeof *twice);
    histogram_merge(twice, h);
    histogram_merge(twice, h);
    cr_expect_eq(histogram_count(twice), 200000);
    cr_expect_eq(histogram_quantile(twice, 0.5), histogram_quantile(h, 0.5));
    cr_expect_eq(histogram_sum_us(twice), 2 * INT64_C(5000050000));
    free(twice);
    free(h);
}

Test(times, short_times_have_a_sum_and_a_longest_too) {
    struct histogram *h = calloc(1, sizeof *h);
    cr_expect_eq(histogram_count(h), 0);
    cr_expect_eq(histogram_longest_us(h), 0);
    for (int64_t us = -1; us <= 7; us++) histogram_add(h, us);
    cr_expect_eq(histogram_count(h), 9);
    cr_expect_eq(histogram_sum_us(h), 28);
    cr_expect_eq(histogram_longest_us(h), 7);
    cr_expect_eq(histogram_quantile(h, 0.5), 3);
    histogram_add(h, 16);
    cr_expect_eq(histogram_sum_us(h), 44);
    cr_expect_eq(histogram_longest_us(h), 16);
    free(h);
}

static void add_number(void *into, const void *part) { *(int64_t *)into += *(const int64_t *)part; }

static const struct rolling_kind number = {sizeof(int64_t), add_number};

static int64_t sum(const struct rolling *r, const int64_t *now, uint32_t period, enum rolling_span span) {
    int64_t n = 0;
    rolling_sum(r, &number, now, period, span, &n);
    return n;
}

static void count(struct rolling *r, int64_t *now, uint32_t period, int64_t n) {
    rolling_begin(r, &number, now, period);
    *now += n;
}

Test(times, a_minute_and_an_hour_and_all) {
    int64_t now = 0, counted[2000] = {0};
    struct rolling r = {.period = 1000};
    srand(1);
    for (uint32_t p = 1000; p < 3000; p++) {
        if (rand() % 3) count(&r, &now, p, counted[p - 1000] = 1 + rand() % 100);
        int64_t minute = 0, hour = 0, all = 0;
        for (uint32_t i = 1000; i <= p; i++) {
            if (p - i <= 6) minute += counted[i - 1000];
            if (p / 30 - i / 30 < 13) hour += counted[i - 1000];
            all += counted[i - 1000];
        }
        cr_assert_eq(sum(&r, &now, p, SPAN_MINUTE), minute, "period %u", p);
        cr_assert_eq(sum(&r, &now, p, SPAN_HOUR), hour, "period %u", p);
        cr_assert_eq(sum(&r, &now, p, SPAN_ALL), all, "period %u", p);
    }
    count(&r, &now, 3000, 5);
    cr_expect_eq(sum(&r, &now, 3006, SPAN_MINUTE), 5);
    cr_expect_eq(sum(&r, &now, 3007, SPAN_MINUTE), 0);
    cr_expect_eq(sum(&r, &now, 3360, SPAN_HOUR), 5);
    cr_expect_eq(sum(&r, &now, 3400, SPAN_HOUR), 0);
    count(&r, &now, 90000, 7);
    cr_expect_eq(sum(&r, &now, 90000, SPAN_HOUR), 7);
    rolling_fini(&r);
}
