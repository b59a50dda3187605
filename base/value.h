/* SPDX-License-Identifier: MIT */
/*
 * The MOO value: 16 bytes, a type and a payload.
 *
 * Numbers, objects and errors are held directly; strings, lists and maps are pointers to reference-counted
 * blocks that are immutable while shared (base/str.h, base/list.h, base/map.h). A block with one holder may be changed in
 * place by that holder.
 *
 * Ownership. A `value` variable owns one reference unless a comment says "borrows". Functions borrow their
 * arguments unless they are called *_take or their comment says "takes"; results are owned by the caller.
 * Only the main thread touches reference counts.
 *
 * Type codes are those of the text dump grammar and of every record on disk: never renumber (types.def).
 */
#ifndef BASE_VALUE_H
#define BASE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int64_t objid;

#define NOTHING ((objid)-1)
#define AMBIGUOUS ((objid)-2)
#define FAILED_MATCH ((objid)-3)

enum value_type {
#define TYPE(name, code, variable, doc) V_##name = (code),
#include "base/types.def"
#undef TYPE
};

enum error {
#define ERROR(name, code, text) name = (code),
#include "base/errors.def"
#undef ERROR
};

struct str;
struct list;
struct map;

typedef struct value {
    uint32_t type; /* enum value_type */
    uint32_t spare; /* always 0 */
    union {
        int64_t i; /* INT, BOOL */
        objid o; /* OBJ */
        double f; /* FLOAT */
        enum error e; /* ERR; value_err() clears the rest of the payload */
        struct str *s; /* STR */
        struct list *l; /* LIST */
        struct map *m; /* MAP */
        void *p; /* ANON, WAIF: reserved for the types of later dumps */
    } u;
} value;

/* Types whose payload is a counted block, as a bit mask by type code. */
#define VALUE_COUNTED_MASK ((1u << V_STR) | (1u << V_LIST) | (1u << V_MAP) | (1u << V_ANON) | (1u << V_WAIF))

static inline bool value_is_counted(value v) { return (VALUE_COUNTED_MASK >> v.type) & 1u; }

static inline value value_int(int64_t i) { return (value){.type = V_INT, .u.i = i}; }
static inline value value_obj(objid o) { return (value){.type = V_OBJ, .u.o = o}; }
static inline value value_float(double f) { return (value){.type = V_FLOAT, .u.f = f}; }
static inline value value_err(enum error e) { value v = {.type = V_ERR, .u.i = 0}; v.u.e = e; return v; }
static inline value value_none(void) { return (value){.type = V_NONE, .u.i = 0}; }
static inline value value_clear(void) { return (value){.type = V_CLEAR, .u.i = 0}; }
/* Take the caller's reference. */
static inline value value_str(struct str *s) { return (value){.type = V_STR, .u.s = s}; }
static inline value value_list(struct list *l) { return (value){.type = V_LIST, .u.l = l}; }

/* Every counted block begins with this. */
struct counted {
    uint32_t refs;
};

void value_free_block(value v); /* out of line: the last reference went; frees nested values without deep recursion */
/* Large lists and maps that die in this thread are freed in portions from now on, so that no moment is long: by those that die after them, and by value_free_some(), which does about so many
   elements and returns whether there are more. */
void value_free_later(bool later);
bool value_free_some(size_t work);

/* *to = *from as two words: one 16-byte access right after two 8-byte ones would wait for them to reach the cache. */
static inline void value_copy(value *to, const value *from) {
    uint64_t head, body;
    __builtin_memcpy(&head, from, sizeof head);
    __builtin_memcpy(&body, &from->u, sizeof body);
    __builtin_memcpy(to, &head, sizeof head);
    __builtin_memcpy(&to->u, &body, sizeof body);
}

static inline void value_set(value *to, value v) { value_copy(to, &v); }

/* The same value with one more reference. */
static inline value value_ref(value v) {
    if (value_is_counted(v)) ((struct counted *)v.u.p)->refs++;
    return v;
}
static inline void value_unref(value v) {
    if (value_is_counted(v) && --((struct counted *)v.u.p)->refs == 0) value_free_block(v);
}

/* Truth as in `if': non-zero numbers, non-empty strings, lists and maps; objects and errors never. */
bool value_is_true(value v);
/* `==': strings without regard to A-Z case, lists element by element, maps pair by pair, different types unequal. */
bool value_equal(value a, value b);
/* equal(): as `==' with case. */
bool value_identical(value a, value b);
struct patience;
int value_equal_while(value a, value b, bool match_case, const struct patience *patience); /* the same: 1, 0; -1: given up */
/* Order of two values of one type out of INT OBJ ERR FLOAT STR (case ignored): <0, 0, >0. must() otherwise. */
int value_compare(value a, value b);
/* What value_bytes() reports: 16 for plain values, 24 float, 16+length+1 string, 32+elements list, 32+24 a pair+keys and values map. O(1). */
int64_t value_bytes(value v);
/* A list that holds one list twice, that another twice, and so on, would count more than there are numbers: what has once counted this much stays there. */
#define VALUE_BYTES_MAX (INT64_C(1) << 40)
/* Of a list or map into which a value comes, and from which another goes. */
static inline int64_t value_bytes_changed(int64_t bytes, int64_t in, int64_t out) {
    int64_t n = bytes >= VALUE_BYTES_MAX ? VALUE_BYTES_MAX : bytes + in - out;
    return n < VALUE_BYTES_MAX ? n : VALUE_BYTES_MAX;
}
/* Written out, in a property or in a task that is set aside, a value is a tree; one that holds the same list very often can be short in memory and endless there.
   So none above this size is stored: E_QUOTA. */
#define VALUE_STORED_MAX (INT64_C(1) << 30)

/* Name of an error ("E_PERM"), its text ("Permission denied"); "E_?" and "Unknown Error" outside the table. */
const char *error_name(int e);
const char *error_text(int e);
/* The error with this name (case ignored), or -1. */
int error_by_name(const char *name, size_t len);
/* "integer", "float", "string", ... as messages name types. */
const char *type_word(int type);

struct buf;
/* Append as tostr() and as toliteral() print. Floats: %.15g, ".0" added where there is neither '.' nor 'e'. */
void value_print(struct buf *out, value v);
void value_print_literal(struct buf *out, value v);
/* The same, given up with false as soon as out is longer than max: a list that holds one list many times can be short in memory and endless in print. Or when the patience is over. */
bool value_print_literal_up_to(struct buf *out, value v, size_t max, const struct patience *patience);
struct str *value_to_str(value v); /* tostr of one value */
struct str *value_to_literal(value v);
void float_print(struct buf *out, double f);

#endif
