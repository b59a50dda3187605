/* SPDX-License-Identifier: MIT */
/* Slots in memory: see db/internal.h. Owners that differ from what the definition gives are few: they stand aside, in order of slot. */
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "db/internal.h"

static size_t meta_bytes(uint32_t n) { return ((size_t)n * sizeof(struct slot_meta) + sizeof(int64_t) - 1) / sizeof(int64_t) * sizeof(int64_t); }

int64_t *slots_new(uint32_t n) {
    if (!n) return NULL;
    char *block = pool_alloc(meta_bytes(n) + n * sizeof(int64_t));
    return (int64_t *)(void *)(block + meta_bytes(n));
}

void slots_free(int64_t *slots, uint32_t n) {
    if (slots) pool_free((char *)slots - meta_bytes(n), meta_bytes(n) + n * sizeof(int64_t));
}

/* ---- owners ---- */

struct slot_owners {
    uint32_t n, cap;
    struct slot_owner {
        uint32_t slot;
        objid owner;
    } v[];
};

/* First entry whose slot is not below i. */
static uint32_t owners_place(const struct slot_owners *w, uint32_t i) {
    uint32_t lo = 0, hi = w ? w->n : 0;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (w->v[mid].slot < i) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

static void owners_put(struct slot_owners **wp, uint32_t i, objid owner) {
    struct slot_owners *w = *wp;
    uint32_t at = owners_place(w, i);
    if (!w || at == w->n || w->v[at].slot != i) {
        if (!w || w->n == w->cap) {
            uint32_t n = w ? w->n : 0, cap = n ? n + n / 2 + 1 : 1;
            *wp = w = xrealloc(w, sizeof *w + cap * sizeof *w->v);
            w->n = n;
            w->cap = cap;
        }
        memmove(&w->v[at + 1], &w->v[at], (w->n - at) * sizeof *w->v);
        w->v[at].slot = i;
        w->n++;
    }
    w->v[at].owner = owner;
}

static void owners_drop(struct slot_owners **wp, uint32_t i) {
    struct slot_owners *w = *wp;
    uint32_t at = owners_place(w, i);
    must(w && at < w->n && w->v[at].slot == i);
    memmove(&w->v[at], &w->v[at + 1], (--w->n - at) * sizeof *w->v);
    if (w->n) return;
    free(w);
    *wp = NULL;
}

static objid default_owner(const struct object *o, const struct shape_slot *def) { return def->perms & PF_CHOWN ? o->owner : def->owner; }

objid slot_owner(const struct object *o, uint32_t i) {
    if (slot_bits(o, i) & SLOT_OWNED) return o->defs->owners->v[owners_place(o->defs->owners, i)].owner;
    return default_owner(o, &o->shape->slots[i]);
}

void slot_set_owner(struct object *o, uint32_t i, objid owner) {
    struct slot_meta *m = slot_meta(o->slots, i);
    if (owner != default_owner(o, &o->shape->slots[i])) {
        owners_put(&object_defs(o)->owners, i, owner);
        m->bits |= SLOT_OWNED;
    } else if (m->bits & SLOT_OWNED) {
        owners_drop(&o->defs->owners, i);
        m->bits &= (uint8_t)~SLOT_OWNED;
    }
}

bool slot_keep_owner(struct object *o, uint32_t i) {
    if (!(o->shape->slots[i].perms & PF_CHOWN)) return false;
    if (!(slot_bits(o, i) & SLOT_OWNED)) {
        owners_put(&object_defs(o)->owners, i, o->owner);
        slot_add_bits(o, i, SLOT_OWNED);
    }
    return true;
}

/* ---- what a slot is by default ---- */

void slot_default(struct object *o, uint32_t i) {
    if (slot_bits(o, i) & SLOT_OWNED) owners_drop(&o->defs->owners, i);
    *slot_meta(o->slots, i) = (struct slot_meta){V_CLEAR, o->shape->slots[i].perms & PF_ALL};
    o->slots[i] = 0;
}

void slots_default(struct object *o) {
    must(!o->slots && !(o->defs && o->defs->owners));
    o->slots = slots_new(o->shape->n);
    for (uint32_t i = 0; i < o->shape->n; i++) {
        *slot_meta(o->slots, i) = (struct slot_meta){V_CLEAR, o->shape->slots[i].perms & PF_ALL};
        o->slots[i] = 0;
    }
}

bool slot_is_default(const struct object *o, uint32_t i) {
    const struct shape_slot *def = &o->shape->slots[i];
    return slot_type(o, i) == V_CLEAR && slot_perms(o, i) == (def->perms & PF_ALL) && slot_owner(o, i) == default_owner(o, def);
}

/* ---- into another shape ---- */

void slots_move(struct object *o, struct shape *now, int64_t (*moved_to)(const struct shape *old, uint32_t i, struct shape *now),
                void (*drop)(void *ctx, uint32_t i), void *ctx) {
    struct slot_owners *owners = NULL;
    int64_t *to = slots_new(now->n);
    for (uint32_t i = 0; i < now->n; i++) *slot_meta(to, i) = (struct slot_meta){V_NONE, 0};
    for (uint32_t i = 0; i < o->shape->n; i++) {
        int64_t at = moved_to(o->shape, i, now);
        if (at < 0) {
            drop(ctx, i);
            continue;
        }
        to[at] = o->slots[i];
        *slot_meta(to, (uint32_t)at) = *slot_meta(o->slots, i);
        if (slot_bits(o, i) & SLOT_OWNED) owners_put(&owners, (uint32_t)at, slot_owner(o, i));
    }
    slots_free(o->slots, o->shape->n);
    o->slots = to;
    if (o->defs) free(o->defs->owners);
    if (o->defs || owners) object_defs(o)->owners = owners;
}
