/* SPDX-License-Identifier: MIT */
#include "scheduler/command.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/buf.h"
#include "base/must.h"
#include "db/preps.h"

/* ---- words ---- */

static size_t skip_blanks(const char *p, size_t len, size_t i) {
    while (i < len && p[i] == ' ') i++;
    return i;
}

/* One word from p[i] on, quotes and backslashes taken away; where it ends. word may be NULL. */
static size_t scan_word(const char *p, size_t len, size_t i, struct buf *word) {
    bool quoted = false;
    while (i < len && (quoted || p[i] != ' ')) {
        char c = p[i++];
        if (c == '"') quoted = !quoted;
        else if (c != '\\') {
            if (word) buf_byte(word, c);
        } else if (i < len) {
            if (word) buf_byte(word, p[i]);
            i++;
        }
    }
    return i;
}

struct list *command_words(const char *line, size_t len) {
    struct list *words = list_new(4);
    struct buf word = BUF_INIT;
    size_t i = skip_blanks(line, len, 0);
    while (i < len) {
        buf_clear(&word);
        i = skip_blanks(line, len, scan_word(line, len, i, &word));
        words = list_append_take(words, value_str(buf_to_str(&word)));
    }
    buf_fini(&word);
    return words;
}

static struct str *join(const struct list *words, size_t from, size_t to) { /* 0-based, without `to' */
    struct buf b = BUF_INIT;
    for (size_t i = from; i < to; i++) {
        if (i > from) buf_byte(&b, ' ');
        buf_add(&b, words->items[i].u.s->data, words->items[i].u.s->len);
    }
    struct str *s = buf_to_str(&b);
    buf_fini(&b);
    return s;
}

/* ---- objects ---- */

/* Letters in one case, for comparing; of so many bytes from the beginning. ASCII needs no memory but its own. */
static struct str *fold(const struct str *s, size_t bytes) {
    if (bytes >= s->len) bytes = s->len;
    else
        while (((unsigned char)s->data[bytes] & 0xc0) == 0x80) bytes--; /* not in the middle of a character */
    if (str_is_ascii(s)) {
        struct buf lower = BUF_INIT; /* not in a new string: short ones are everybody's */
        for (uint32_t i = 0; i < bytes; i++) buf_byte(&lower, (char)ascii_lower((unsigned char)s->data[i]));
        struct str *copy = buf_to_str(&lower);
        buf_fini(&lower);
        return copy;
    }
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s->data, (utf8proc_ssize_t)bytes, &folded, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    struct str *result = n < 0 ? str_new(s->data, bytes) : str_new((const char *)folded, (size_t)n);
    free(folded);
    return result;
}

struct match {
    struct db *db;
    const struct str *text; /* folded, if that can be */
    const struct patience *patience;
    size_t work;
    objid exact, partial;
    bool is_plain; /* the text is long: letters beyond ASCII are compared as they are */
    bool is_ambiguous, gave_up; /* two different objects have this very name; not all were looked at */
};

/* Asked for every name: bytes compared, or the like. An object may have to be loaded. */
enum { NAME_WORK = 64, OBJECT_WORK = 1024, FOLD_AS_BYTES = 16, WORK_BETWEEN_LOOKS = 1 << 16 };

/* Folding takes a time that grows with the square of the marks behind a letter: no text above this is folded. Of a name as much as shows whether it begins with the text, or is it, is folded: that can
   make it three times shorter, and what ends the part may be other than in the whole. */
enum { MOST_FOLDED = 256, PART_FACTOR = 4, PART_MORE = 1024 };

/* false: there is no time to look at more. */
static bool has_time(struct match *m, size_t work) {
    m->work += work;
    if (m->work < WORK_BETWEEN_LOOKS) return true;
    m->work = 0;
    m->gave_up = patience_is_over(m->patience);
    return !m->gave_up;
}

static bool note_exact(struct match *m, objid o) {
    m->is_ambiguous = m->exact != NOTHING && m->exact != o;
    m->exact = o;
    return !m->is_ambiguous;
}

static void note_partial(struct match *m, objid o) { m->partial = m->partial == FAILED_MATCH || m->partial == o ? o : AMBIGUOUS; }

/* false: no more need be looked at, or there is no time to. */
static bool match_name(struct match *m, objid o, const struct str *name) {
    struct str *folded = NULL;
    size_t compared = name->len >= m->text->len ? m->text->len : 0, work = NAME_WORK + compared;
    bool begins;
    if (str_is_ascii(name) || m->is_plain) { /* no copy for what is compared most */
        begins = name->len >= m->text->len && bytes_compare_fold(name->data, m->text->len, m->text->data, m->text->len) == 0;
    } else {
        name = folded = fold(name, PART_FACTOR * (size_t)m->text->len + PART_MORE);
        begins = name->len >= m->text->len && memcmp(name->data, m->text->data, m->text->len) == 0;
        work += (size_t)name->len * FOLD_AS_BYTES;
    }
    bool whole = begins && name->len == m->text->len, go_on = true;
    if (folded) str_unref(folded);
    if (whole) go_on = note_exact(m, o);
    else if (begins) note_partial(m, o);
    return go_on && has_time(m, work);
}

static bool match_one(struct match *m, objid o) {
    if (!match_name(m, o, db_name(m->db, o))) return false;
    value aliases;
    if (!db_read_property(m->db, o, "aliases", m->patience, &aliases)) return has_time(m, OBJECT_WORK);
    if (aliases.type == V_NONE) return !(m->gave_up = true);
    bool go_on = has_time(m, OBJECT_WORK + (aliases.type == V_LIST ? aliases.u.l->len : 0)); /* elements that are no texts, too */
    if (aliases.type == V_LIST)
        for (int64_t i = 1; go_on && i <= aliases.u.l->len; i++) {
            value alias = list_get(aliases.u.l, i);
            if (alias.type == V_STR) go_on = match_name(m, o, alias.u.s);
        }
    value_unref(aliases);
    return go_on;
}

static bool match_contents(struct match *m, objid container) {
    if (!db_valid(m->db, container)) return true;
    if (!db_load_contents(m->db, container, m->patience)) {
        m->gave_up = true;
        return false;
    }
    uint64_t cursor = 0;
    objid o;
    while ((o = db_next_content(m->db, container, &cursor)) != NOTHING)
        if (!match_one(m, o)) return false;
    return true;
}

static objid match_number(struct db *db, const struct str *text) {
    char *end;
    const char *digits = text->data + 1;
    if (!(*digits >= '0' && *digits <= '9')) return FAILED_MATCH;
    long long n = strtoll(digits, &end, 10);
    return *end == 0 && db_valid(db, n) ? (objid)n : FAILED_MATCH;
}

static objid meant(const struct match *m) {
    if (m->is_ambiguous) return AMBIGUOUS;
    if (m->exact != NOTHING) return m->exact;
    return m->gave_up ? FAILED_MATCH : m->partial;
}

objid command_match_object(struct db *db, objid player, const struct str *text, struct command_look *look) {
    if (text->len == 0) return NOTHING;
    if (text->data[0] == '#') return match_number(db, text);
    if (!db_valid(db, player)) return FAILED_MATCH;
    if (str_equal_c(text, "me")) return player;
    if (str_equal_c(text, "here")) return db_location(db, player);
    struct str *folded = text->len > MOST_FOLDED ? NULL : fold(text, text->len);
    struct match m = {.db = db, .text = folded ? folded : text, .patience = look->patience, .exact = NOTHING, .partial = FAILED_MATCH, .is_plain = !folded};
    if (match_contents(&m, player)) match_contents(&m, db_location(db, player));
    look->gave_up |= m.gave_up;
    if (folded) str_unref(folded);
    return meant(&m);
}

/* ---- the line ---- */

/* What the first character stands for, or NULL. */
static const char *substitution(char c) {
    return c == '"' ? "say " : c == ':' ? "emote " : c == ';' ? "eval " : NULL;
}

static struct list *split_line(const struct str *line, struct str **argstr) {
    const char *p = line->data;
    size_t len = line->len, i = skip_blanks(p, len, 0);
    const char *word = i < len ? substitution(p[i]) : NULL;
    if (!word) {
        size_t rest = skip_blanks(p, len, scan_word(p, len, i, NULL));
        *argstr = str_new(p + rest, len - rest);
        return command_words(p, len);
    }
    struct buf whole = BUF_INIT;
    buf_add_c(&whole, word);
    buf_add(&whole, p + i + 1, len - i - 1);
    struct list *words = command_words(buf_c(&whole), whole.len);
    buf_fini(&whole);
    *argstr = str_new(p + i + 1, len - i - 1);
    return words;
}

static void find_parts(struct command *c) {
    size_t n = c->args->len, first = n, count = 0;
    struct str **words = xmalloc((n + 1) * sizeof(struct str *));
    for (size_t i = 0; i < n; i++) words[i] = c->args->items[i].u.s;
    c->prep = PREP_NONE;
    if (!prep_find(words, n, &c->prep, &first, &count)) {
        c->prep = PREP_NONE;
        first = n;
        count = 0;
    }
    free(words);
    c->dobjstr = join(c->args, 0, first);
    c->prepstr = join(c->args, first, first + count);
    c->iobjstr = join(c->args, first + count, n);
}

bool command_from_line(const struct str *line, struct command *out) {
    struct list *words = split_line(line, &out->argstr);
    if (words->len == 0) {
        list_unref(words);
        str_unref(out->argstr);
        return false;
    }
    out->verb = str_ref(words->items[0].u.s);
    out->args = list_delete_take(words, 1);
    find_parts(out);
    out->dobj = out->iobj = NOTHING;
    return true;
}

void command_find_objects(struct db *db, objid player, struct command *c, struct command_look *look) {
    c->dobj = command_match_object(db, player, c->dobjstr, look);
    c->iobj = command_match_object(db, player, c->iobjstr, look);
}

void command_fini(struct command *c) {
    str_unref(c->verb);
    str_unref(c->argstr);
    str_unref(c->dobjstr);
    str_unref(c->prepstr);
    str_unref(c->iobjstr);
    list_unref(c->args);
}
