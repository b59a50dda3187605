/* SPDX-License-Identifier: MIT */
#include "server/naming.h"

#include <string.h>

#include "base/str.h"
#include "db/db.h"

static void add_clean(struct buf *out, const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) buf_byte(out, (unsigned char)p[i] < ' ' || p[i] == 0x7f ? '?' : p[i]);
}

void name_object(struct db *db, objid o, struct buf *out) {
    if (!db_valid(db, o)) {
        buf_printf(out, "#%lld", (long long)o);
        return;
    }
    const struct str *name = db_name(db, o);
    add_clean(out, name->data, name->len);
    buf_printf(out, " (#%lld)", (long long)o);
}

void name_payer(struct db *db, objid who, bool logins, struct buf *out) {
    if (logins) buf_printf(out, "logins at #%lld", (long long)who);
    else if (who == NOTHING) buf_add_c(out, "the server");
    else name_object(db, who, out);
}

void name_verb(struct db *db, objid definer, const struct str *names, struct buf *out) {
    if (definer == NOTHING) {
        if (names->len) add_clean(out, names->data, names->len);
        else buf_add_c(out, "Input to EVAL");
        return;
    }
    buf_printf(out, "#%lld:", (long long)definer);
    add_clean(out, names->data, strcspn(names->data, " "));
    if (!db_valid(db, definer)) return;
    buf_add_c(out, " (");
    add_clean(out, db_name(db, definer)->data, db_name(db, definer)->len);
    buf_byte(out, ')');
}
