/* SPDX-License-Identifier: MIT */
/* Whether every owner's account is right: what each record counts for is added up by object, then by owner, and compared. */
#include "db/check.h"

typedef long long ll;

void check_usage_count(struct check *c, objid o, int64_t bytes) {
    if (c->bytes && o >= 0 && o < c->nobjects) __atomic_fetch_add(&c->bytes[o], bytes, __ATOMIC_RELAXED); /* its records are in several parts */
}

void check_usage_row(struct check_worker *w, objid owner, const struct view_usage *rec) { usage_add(&w->usage, owner, rec->bytes, (int64_t)rec->objects); }

void check_usage_merge(struct check *c, struct check_worker *w) {
    for (size_t i = 0; w->usage.v && i <= w->usage.mask; i++)
        if (w->usage.v[i].used) usage_add(&c->usage, w->usage.v[i].owner, w->usage.v[i].bytes, w->usage.v[i].objects);
    usage_map_free(&w->usage);
}

void check_usage_finish(struct check_worker *w) {
    struct check *c = w->c;
    if (c->format < 2 || c->faults || w->nfaults) return; /* records that are lost or damaged do not count: that was told already */
    struct usage_map wrong = {0}; /* what the accounts have less what there is */
    for (size_t i = 0; c->usage.v && i <= c->usage.mask; i++)
        if (c->usage.v[i].used) usage_add(&wrong, c->usage.v[i].owner, c->usage.v[i].bytes, c->usage.v[i].objects);
    for (objid o = 0; o < c->nobjects; o++)
        if (c->objects[o].exists) usage_add(&wrong, c->objects[o].owner, -c->bytes[o], -1);
    for (size_t i = 0; wrong.v && i <= wrong.mask; i++) {
        const struct usage_entry *e = &wrong.v[i];
        if (e->used && (e->bytes || e->objects))
            check_fault(w, "usage of #%lld: it tells %lld bytes and %lld objects too %s", (ll)e->owner, (ll)(e->bytes < 0 ? -e->bytes : e->bytes),
                        (ll)(e->objects < 0 ? -e->objects : e->objects), e->bytes < 0 || (!e->bytes && e->objects < 0) ? "few" : "many");
    }
    usage_map_free(&wrong);
}
