/* SPDX-License-Identifier: MIT */
#include "db/readings.h"

#include <stdlib.h>

#include "base/clock.h"
#include "db/load.h"
#include "db/records.h"

enum { AT_A_TIME = 64, BYTES_AT_A_TIME = 512 << 20, IDLE_US = 1000000, KEPT_US = 600000000 };

struct one {
    objid o;
    uint64_t prop;
    int64_t asked_us;
    struct buf payload; /* of its record, as far as it was read */
    uint64_t next; /* chunk */
    struct dec_run run; /* over the value in the payload, once that is whole */
    bool whole;
};
struct readings {
    struct one v[AT_A_TIME];
    unsigned n;
};

static void drop(struct readings *r, unsigned i) {
    dec_run_fini(&r->v[i].run);
    buf_fini(&r->v[i].payload);
    r->v[i] = r->v[--r->n];
}

static struct one *find(struct readings *r, objid o, uint64_t prop) {
    for (unsigned i = 0; r && i < r->n; i++)
        if (r->v[i].o == o && r->v[i].prop == prop) return &r->v[i];
    return NULL;
}

static bool is_full(const struct readings *r) {
    size_t bytes = 0;
    for (unsigned i = 0; i < r->n; i++) bytes += r->v[i].payload.len;
    return r->n == AT_A_TIME || bytes > BYTES_AT_A_TIME;
}

/* What somebody goes on with is not given up for what comes later: else nobody might ever come to an end. */
static bool make_room(struct readings *r, int64_t now) {
    while (is_full(r)) {
        unsigned oldest = 0;
        for (unsigned i = 1; i < r->n; i++)
            if (r->v[i].asked_us < r->v[oldest].asked_us) oldest = i;
        if (now - r->v[oldest].asked_us < IDLE_US) return false;
        drop(r, oldest);
    }
    return true;
}

/* NULL: there is no room now. */
static struct one *begin(struct db *db, objid o, uint64_t prop, int64_t now) {
    struct readings *r = db->readings;
    if (!r) r = db->readings = xcalloc(1, sizeof *r);
    if (!make_room(r, now)) return NULL;
    r->v[r->n] = (struct one){.o = o, .prop = prop, .payload = BUF_INIT};
    return &r->v[r->n++];
}

static enum reading gather(struct db *db, struct one *x, const struct patience *p) {
    struct key k = key_two(key_object(x->o), x->prop);
    const char *why;
    rec_bytes v;
    load_begin(db);
    int rc = record_get_some(db->store, T_PROPVAL, &k, &x->next, p, &x->payload, &why);
    store_read_end(db->store);
    if (rc > 0) return READING_GIVEN_UP;
    x->whole = !rc && rec_find_bytes(dec_over(buf_c(&x->payload), x->payload.len), REC_propval_value, &v);
    if (!x->whole) return READING_FAILED;
    x->run.d = dec_over(v.p, v.len);
    x->run.d.strings = db->strings;
    return READING_DONE;
}

static enum reading go_on(struct db *db, struct one *x, const struct patience *p, value *out) {
    enum reading how = x->whole ? READING_DONE : gather(db, x, p);
    if (how != READING_DONE) return how;
    if (!dec_run(&x->run, p, out)) return READING_GIVEN_UP;
    if (!x->run.d.bad && dec_at_end(&x->run.d)) return READING_DONE;
    value_unref(*out);
    return READING_FAILED;
}

enum reading reading_go_on(struct db *db, objid o, uint64_t prop, const struct patience *p, value *out) {
    int64_t now = clock_monotonic_us();
    struct one *x = find(db->readings, o, prop);
    if (!x) x = begin(db, o, prop, now);
    if (!x) return READING_GIVEN_UP;
    x->asked_us = now;
    enum reading how = go_on(db, x, p, out);
    if (how != READING_GIVEN_UP) reading_forget(db, o, prop);
    return how;
}

void reading_forget(struct db *db, objid o, uint64_t prop) {
    struct one *x = find(db->readings, o, prop);
    if (x) drop(db->readings, (unsigned)(x - db->readings->v));
}

void reading_forget_object(struct db *db, objid o) {
    for (unsigned i = db->readings ? db->readings->n : 0; i-- > 0;)
        if (db->readings->v[i].o == o) drop(db->readings, i);
}

void readings_age(struct db *db) {
    for (unsigned i = db->readings ? db->readings->n : 0; i-- > 0;)
        if (clock_monotonic_us() - db->readings->v[i].asked_us > KEPT_US) drop(db->readings, i);
}

void readings_free(struct db *db) {
    while (db->readings && db->readings->n) drop(db->readings, 0);
    free(db->readings);
    db->readings = NULL;
}
