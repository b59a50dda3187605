/* SPDX-License-Identifier: MIT */
#include "db/preps.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "db/db.h"

static const char *const sets[] = {
#define PREP(number, set) [number] = set,
#include "db/preps.def"
#undef PREP
};
enum { NSETS = sizeof sets / sizeof *sets };

const char *prep_set_name(int prep) {
    if (prep == PREP_ANY) return "any";
    return prep >= 0 && prep < NSETS ? sets[prep] : "none";
}

/* The form that begins at *p; *p moves behind it and its '/'. Length in *len. */
static const char *next_form(const char **p, size_t *len) {
    const char *form = *p;
    if (!*form) return NULL;
    *len = strcspn(form, "/");
    *p = form + *len + (form[*len] == '/');
    return form;
}

static bool prep_by_form(const char *text, size_t len, int *prep) {
    for (int i = 0; i < NSETS; i++) {
        const char *p = sets[i], *form;
        size_t n;
        while ((form = next_form(&p, &n)))
            if (!bytes_compare_fold(form, n, text, len)) return *prep = i, true;
    }
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

struct form {
    const char *text;
    size_t len, first; /* of all, and of its first word */
    int prep;
};

/* All of them, in order: a line may have a million words to be compared with each. */
static size_t list_forms(struct form *out, size_t most) {
    size_t n = 0;
    for (int i = 0; i < NSETS; i++) {
        const char *p = sets[i], *form;
        size_t len;
        while ((form = next_form(&p, &len))) {
            const char *space = memchr(form, ' ', len);
            must(n < most);
            out[n++] = (struct form){form, len, space ? (size_t)(space - form) : len, i};
        }
    }
    return n;
}

/* How many words, from words[0] on, spell this form; 0: it is another. */
static size_t form_words(const struct form *form, struct str *const *words, size_t n) {
    size_t used = 0;
    if (words[0]->len != form->first) return 0;
    for (const char *p = form->text, *end = p + form->len; p < end;) {
        const char *space = memchr(p, ' ', (size_t)(end - p));
        size_t part = (size_t)((space ? space : end) - p);
        if (used == n || bytes_compare_fold(p, part, words[used]->data, words[used]->len)) return 0;
        used++;
        p += part + 1;
    }
    return used;
}

bool prep_find(struct str *const *words, size_t n, int *prep, size_t *first, size_t *count) {
    struct form forms[64];
    size_t nforms = list_forms(forms, sizeof forms / sizeof *forms);
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < nforms; i++) {
            size_t used = form_words(&forms[i], words + at, n - at);
            if (!used) continue;
            *prep = forms[i].prep;
            *first = at;
            *count = used;
            return true;
        }
    return false;
}
