/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include <math.h>

int64_t histogram_bucket_end(int bucket) {
    if (bucket < HISTOGRAM_SUB) return bucket;
    int shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    return ((int64_t)(bucket - (shift << HISTOGRAM_SUB_BITS) + 1) << shift) - 1;
}

void histogram_add_long(struct histogram *h, int64_t us) {
    if (us > 0) h->long_sum_us += us;
    if (us > h->longest_us) h->longest_us = us;
    h->buckets[histogram_bucket(us)]++;
}

int64_t histogram_count(const struct histogram *h) {
    int64_t n = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) n += h->buckets[i];
    return n;
}

int64_t histogram_sum_us(const struct histogram *h) {
    int64_t us = h->long_sum_us;
    for (int i = 1; i < HISTOGRAM_SUB; i++) us += i * h->buckets[i];
    return us;
}

int64_t histogram_longest_us(const struct histogram *h) {
    if (h->longest_us) return h->longest_us;
    int i = HISTOGRAM_SUB - 1;
    while (i > 0 && !h->buckets[i]) i--;
    return i;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    into->long_sum_us += from->long_sum_us;
    if (from->longest_us > into->longest_us) into->longest_us = from->longest_us;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) into->buckets[i] += from->buckets[i];
}

int64_t histogram_quantile(const struct histogram *h, double q) {
    int64_t longest = histogram_longest_us(h), rank = (int64_t)ceil(q * (double)histogram_count(h)), seen = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (!seen || seen < rank) continue;
        int64_t end = histogram_bucket_end(i);
        return end < longest && i < HISTOGRAM_BUCKETS - 1 ? end : longest;
    }
    return 0;
}

int64_t histogram_count_to(const struct histogram *h, int64_t us) {
    int64_t n = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS && histogram_bucket_end(i) <= us; i++) n += h->buckets[i];
    return n;
}
