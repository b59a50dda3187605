/* SPDX-License-Identifier: MIT */
/* A repair under way; for repair*.c. */
#ifndef DB_REPAIR_PARTS_H
#define DB_REPAIR_PARTS_H

#include "db/check.h"
#include "db/repair.h"
#include "db/save.h"

/* A row outside the trees, in the mapped file. */
struct stray {
    const void *key, *data;
    size_t klen, len;
};
struct strays {
    struct stray *v; /* in key order once all are found, each key once */
    size_t n, cap;
};

struct lost_page { /* a leaf that its table's tree names, but that is damaged: what is in it is the table's */
    uint64_t page;
    enum store_table table;
};

struct repair_object {
    objid parent, location, owner;
    uint64_t child_key, content_key;
    uint32_t flags;
    bool exists, is_free, changed; /* changed: its record is to be written anew */
    bool made; /* its record is lost; what is here is what lists say of it */
    bool listed; /* among the players */
};

struct repair {
    const char *dir;
    void (*note)(void *ctx, const char *text);
    void *ctx;
    uint64_t notes;
    struct buf *why;
    /* where from (repair_find.c) */
    struct pages pages;
    struct page_tree tree[T_COUNT];
    bool there[T_COUNT], broken; /* broken: pages of trees are damaged */
    struct strays strays[T_COUNT];
    struct lost_page *lost;
    size_t nlost, lost_cap;
    struct rec_meta meta;
    bool meta_found;
    /* what */
    struct repair_object *objects;
    objid n, cap; /* highest number + 1 */
    struct check_props props;
    struct check_codes codes;
    bool *code_used; /* by place in codes */
    /* where to (repair.c) */
    struct store *store, *writer;
    uint64_t in_transaction, records;
    int rc; /* of the writing, once it failed */
};

void repair_note(struct repair *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void repair_key_text(const struct repair *r, enum store_table t, const void *key, size_t klen, struct buf *out);

/* repair_find.c */
int repair_find(struct repair *r); /* opens the file, finds trees, strays and the meta record */
void repair_find_end(struct repair *r);
typedef void repair_row(struct repair *r, enum store_table t, const void *key, size_t klen, const void *data, size_t len);
void repair_each(struct repair *r, enum store_table t, repair_row *row); /* those of the tree, then strays; a key may come twice, the first is the better */
int repair_get(struct repair *r, enum store_table t, const struct key *k, const void **data, size_t *len); /* 0, or not */
int repair_open_row(struct repair *r, const void *key, size_t klen, const void *data, size_t len, struct dec *d, struct buf *scratch, const char **why);

bool repair_is_object(struct dec d); /* exactly as one is written */

/* repair_objects.c: which objects there are, and where they belong */
void repair_objects(struct repair *r);

#endif
