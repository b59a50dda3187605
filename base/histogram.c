/* SPDX-License-Identifier: MIT */
#include "base/histogram.h"

#include <math.h>

int64_t histogram_bucket_end(int bucket) {
    if (bucket < HISTOGRAM_SUB) return bucket;
    int shift = (bucket >> HISTOGRAM_SUB_BITS) - 1;
    return ((int64_t)(bucket - (shift << HISTOGRAM_SUB_BITS) + 1) << shift) - 1;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
    into->count += from->count;
    into->sum_us += from->sum_us;
    if (from->max_us > into->max_us) into->max_us = from->max_us;
    for (int i = 0; from->count && i < HISTOGRAM_BUCKETS; i++) into->buckets[i] += from->buckets[i];
}

int64_t histogram_quantile(const struct histogram *h, double q) {
    int64_t rank = (int64_t)ceil(q * (double)h->count), seen = 0;
    if (!h->count) return 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (!seen || seen < rank) continue;
        int64_t end = histogram_bucket_end(i);
        return end < h->max_us && i < HISTOGRAM_BUCKETS - 1 ? end : h->max_us;
    }
    return h->max_us;
}

int64_t histogram_count_to(const struct histogram *h, int64_t us) {
    int64_t n = 0;
    for (int i = 0; i < HISTOGRAM_BUCKETS && histogram_bucket_end(i) <= us; i++) n += h->buckets[i];
    return n;
}
