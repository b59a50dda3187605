/* SPDX-License-Identifier: MIT */
/*
 * What verbs and properties were before they were changed, and who changed them: rows of the table `history', put in the transaction that saves the change. At most
 * limits.versions of each are kept, the newest, and none older than limits.age_us. An object's go with the object.
 *
 * A verb's versions are noted here when it is programmed, and wait for the save. Of a property only the programmer is noted (a row of ROW_SETTER, when its slot becomes dirty): the
 * writer finds what it was in the record that it replaces. So a change costs next to nothing, and however often one happens between two saves, it is one version.
 */
#ifndef DB_HISTORY_H
#define DB_HISTORY_H

#include "db/internal.h"
#include "db/records.h"

struct writer;

struct history_entry { /* of a verb, not on disk yet */
    objid object;
    uint64_t id;
    int64_t time;
    objid programmer;
    struct str *names;
    struct code *code; /* NULL: none, or not loaded: then it is in the store */
    bool has_code;
    uint8_t hash[CODE_HASH_BYTES];
};
struct history {
    struct history_entry *v;
    size_t n, cap;
    struct db_history_limits limits; /* of the cut */
};

/* A number that becomes another one is a counter, and has no history. */
#define VALUE_HAS_HISTORY(a, b) (!((1u << V_INT | 1u << V_FLOAT) >> (a).type & (1u << V_INT | 1u << V_FLOAT) >> (b).type & 1u))
enum { HISTORY_VALUE_BYTES = 60000, HISTORY_BURST = 3 }; /* longer records are not kept (nor read), and of changes in a burst, but these, one a minute */
#define HISTORY_PAUSE_US ((int64_t)60 * 1000000)

/* Main thread. */
__attribute__((cold)) void history_note_setter(struct db *db, const struct object *o, uint32_t slot, objid programmer); /* the slot was clean and gets another value */
void history_note_verb(struct db *db, const struct object *o, const struct verb *v, objid programmer); /* before v gets another program */
void history_drop_object(struct db *db, const struct object *o); /* it goes, or gets another number */
struct history history_cut(struct db *db); /* what was noted so far, for a save */
void history_settle(struct db *db, struct history *h, bool saved); /* releases it, or has it noted again as the older part */
void history_free(struct history *h);

/* Writing thread, inside the transaction. Results as store_put(). */
int history_write(struct writer *w, const struct history *h);
bool history_keeps(struct store *s, const struct key *propval); /* in a transaction: what is there now is not too long */
int history_property(struct writer *w, const struct key *propval, const struct buf *record); /* it is about to be replaced by this; empty: to go */
int history_delete(struct writer *w, const struct key *beginning); /* all rows whose keys begin so */
/* Deletes rows older than the limit, a portion of the table a call. */
struct history_sweep {
    struct key at; /* goes on behind it; empty: at the beginning */
    int64_t again; /* time of the next round */
};
int history_sweep(struct writer *w, struct history_sweep *sweep);

#endif
