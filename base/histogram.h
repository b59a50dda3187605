/* SPDX-License-Identifier: MIT */
/*
 * Times in microseconds, counted by size, so that a quantile of millions of them costs nothing to keep: a bucket for each microsecond below 16, then 16 of equal width for each power of
 * two (log-linear, as HdrHistogram's). What comes out is at most one sixteenth too large. All bytes zero: an empty one.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_SUB_BITS = 4, HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS, HISTOGRAM_POWERS = 36, HISTOGRAM_BUCKETS = (HISTOGRAM_POWERS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB };

struct histogram {
    int64_t long_sum_us, longest_us; /* of those that are not below HISTOGRAM_SUB: the buckets tell everything of these */
    int64_t buckets[HISTOGRAM_BUCKETS];
};

/* The bucket of a time; whatever is longer than nineteen hours goes into the last. */
static inline int histogram_bucket(int64_t us) {
    if (us < HISTOGRAM_SUB) return us < 0 ? 0 : (int)us;
    if (us >> HISTOGRAM_POWERS) return HISTOGRAM_BUCKETS - 1;
    int shift = 63 - __builtin_clzll((unsigned long long)us) - HISTOGRAM_SUB_BITS;
    return (shift << HISTOGRAM_SUB_BITS) + (int)(us >> shift);
}

void histogram_add_long(struct histogram *h, int64_t us);
static inline void histogram_add(struct histogram *h, int64_t us) {
    if (__builtin_expect((uint64_t)us < HISTOGRAM_SUB, 1)) h->buckets[us]++;
    else histogram_add_long(h, us);
}

int64_t histogram_bucket_end(int bucket); /* the largest time in it */
int64_t histogram_count(const struct histogram *h);
int64_t histogram_sum_us(const struct histogram *h);
int64_t histogram_longest_us(const struct histogram *h); /* 0: there are none */
void histogram_merge(struct histogram *into, const struct histogram *from);
int64_t histogram_quantile(const struct histogram *h, double q); /* the time that a share q of all, 0 to 1, did not exceed; 0 when there are none */
int64_t histogram_count_to(const struct histogram *h, int64_t us); /* how many took at most so long, as far as buckets tell */

#endif
