/* SPDX-License-Identifier: MIT */
#include "db/preps.h"

#include <stdlib.h>
#include <string.h>

#include "db/db.h"

#define FORM(text) text
#define OR "/"
static const char *const sets[] = {
#define PREP(number, set) [number] = set,
#include "db/preps.def"
#undef PREP
};
#undef FORM
#undef OR
enum { NSETS = sizeof sets / sizeof *sets };

/* All forms, for words, of which a line may have a million; behind those of a set a row without text has its number. */
#define FORM(text) {text, sizeof text - 1}
#define OR ,
static const struct form {
    const char *text;
    size_t n;
} forms[] = {
#define PREP(number, set) set, {NULL, number},
#include "db/preps.def"
#undef PREP
};
#undef FORM
#undef OR
enum { NFORMS = sizeof forms / sizeof *forms };

const char *prep_set_name(int prep) {
    if (prep == PREP_ANY) return "any";
    return prep >= 0 && prep < NSETS ? sets[prep] : "none";
}

static int set_of(size_t form) {
    while (forms[form].text) form++;
    return (int)forms[form].n;
}

static bool prep_by_form(const char *text, size_t len, int *prep) {
    for (size_t i = 0; i < NFORMS; i++)
        if (forms[i].text && !bytes_compare_fold(forms[i].text, forms[i].n, text, len)) return *prep = set_of(i), true;
    return false;
}

bool prep_from_descriptor(const char *text, int *prep) {
    size_t len = strcspn(text, "/"); /* of a set its first form says it all */
    if (!bytes_compare_fold(text, len, "none", 4) && !text[len]) return *prep = PREP_NONE, true;
    if (!bytes_compare_fold(text, len, "any", 3) && !text[len]) return *prep = PREP_ANY, true;
    const char *digits = text + (*text == '#');
    if (*digits >= '0' && *digits <= '9') {
        char *end;
        long n = strtol(digits, &end, 10);
        if (!*end && n < NSETS) return *prep = (int)n, true;
        return false;
    }
    return prep_by_form(text, len, prep);
}

/* How many words, from words[0] on, spell this form; 0: it is another. */
static size_t form_words(const struct form *form, struct str *const *words, size_t n) {
    size_t used = 0;
    for (const char *p = form->text, *end = p + form->n; p < end;) {
        const char *space = memchr(p, ' ', (size_t)(end - p));
        size_t part = (size_t)((space ? space : end) - p);
        if (used == n || bytes_compare_fold(p, part, words[used]->data, words[used]->len)) return 0;
        used++;
        p += part + 1;
    }
    return used;
}

bool prep_find(struct str *const *words, size_t n, int *prep, size_t *first, size_t *count) {
    for (size_t at = 0; at < n; at++) {
        char letter = ascii_lower((unsigned char)words[at]->data[0]);
        for (size_t i = 0; i < NFORMS; i++) {
            if (!forms[i].text || forms[i].text[0] != letter || !(*count = form_words(&forms[i], words + at, n - at))) continue;
            *prep = set_of(i);
            *first = at;
            return true;
        }
    }
    return false;
}
