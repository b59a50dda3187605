/* SPDX-License-Identifier: MIT */
/* The links between the objects of a dump, once all have been read. */
#include <inttypes.h>
#include <stdio.h>

#include "db/textdump_import.h"

static bool bad_link(struct import *im, int64_t o, const char *format, int64_t other) {
    char text[200];
    snprintf(text, sizeof text, format, (long long)o, (long long)other);
    return reader_fail_at(&im->r, im->slots[o].line, "%s", text);
}

/* The list that starts at o's link `first': each member names o as its `up' and stands in it once. */
static bool check_list(struct import *im, int64_t o, enum link first, enum link next, enum link up, const char *format) {
    for (int64_t c = im->slots[o].link[first]; c != NOWHERE; c = im->slots[c].link[next]) {
        struct slot *s = &im->slots[c];
        bool *listed = up == LOCATION ? &s->listed_in : &s->listed_under;
        if (!s->live) return bad_link(im, o, "a list of #%lld leads to #%lld, which is recycled", c);
        if (s->link[up] != o) return bad_link(im, o, format, c);
        if (*listed) return bad_link(im, o, "a list of #%lld runs in a circle at #%lld", c);
        *listed = true;
    }
    return true;
}

/* Walking up from each object ends; `total' serves as mark of those that are known to end: 2 being walked, 1 done. */
static bool check_no_cycle(struct import *im, enum link up, const char *format) {
    for (int64_t i = 0; i < im->nslots; i++) im->slots[i].total = 0;
    for (int64_t i = 0; i < im->nslots; i++) {
        int64_t o = i;
        for (; o != NOWHERE && im->slots[o].total == 0; o = im->slots[o].link[up]) im->slots[o].total = 2;
        if (o != NOWHERE && im->slots[o].total == 2) return bad_link(im, i, format, o);
        for (o = i; o != NOWHERE && im->slots[o].total == 2; o = im->slots[o].link[up]) im->slots[o].total = 1;
    }
    return true;
}

static bool check_object_links(struct import *im, int64_t o) {
    struct slot *s = &im->slots[o];
    if (!s->live) return true;
    for (int k = 0; k < LINKS; k++)
        if (s->link[k] != NOWHERE && !im->slots[s->link[k]].live) return bad_link(im, o, "#%lld has a link to #%lld, which is recycled", s->link[k]);
    return check_list(im, o, CONTENTS, NEXT, LOCATION, "the contents of #%lld list #%lld, whose location is another") &&
           check_list(im, o, CHILD, SIBLING, PARENT, "the children of #%lld list #%lld, whose parent is another");
}

static bool check_listed(struct import *im, int64_t o) {
    struct slot *s = &im->slots[o];
    if (!s->live) return true;
    if (s->link[LOCATION] != NOWHERE && !s->listed_in) return bad_link(im, o, "#%lld is not in the contents of its location #%lld", s->link[LOCATION]);
    if (s->link[PARENT] != NOWHERE && !s->listed_under) return bad_link(im, o, "#%lld is not among the children of its parent #%lld", s->link[PARENT]);
    /* servers repair a `next' without location silently; the other likewise */
    if (s->link[LOCATION] == NOWHERE) s->link[NEXT] = NOWHERE;
    if (s->link[PARENT] == NOWHERE) s->link[SIBLING] = NOWHERE;
    return true;
}

int64_t import_tree_next(const struct import *im, int64_t o) {
    if (im->slots[o].link[CHILD] != NOWHERE) return im->slots[o].link[CHILD];
    for (; o != NOWHERE; o = im->slots[o].link[PARENT])
        if (im->slots[o].link[SIBLING] != NOWHERE) return im->slots[o].link[SIBLING];
    return NOWHERE;
}

int64_t import_root_after(const struct import *im, int64_t o) {
    for (o++; o < im->nslots; o++)
        if (im->slots[o].live && im->slots[o].link[PARENT] == NOWHERE) return o;
    return NOWHERE;
}

static bool check_prop_counts(struct import *im) {
    for (int64_t root = import_root_after(im, -1); root != NOWHERE; root = import_root_after(im, root))
        for (int64_t o = root; o != NOWHERE; o = import_tree_next(im, o)) {
            struct slot *s = &im->slots[o];
            uint64_t total = s->nown + (s->link[PARENT] == NOWHERE ? 0 : (uint64_t)im->slots[s->link[PARENT]].total);
            if (total != s->nprops)
                return reader_fail_at(&im->r, s->line, "#%" PRId64 " has %u property values, but it and its ancestors define %" PRIu64, o, s->nprops, total);
            s->total = (uint32_t)total;
        }
    return true;
}

bool import_check_links(struct import *im) {
    if (!check_no_cycle(im, PARENT, "#%lld is its own ancestor, by way of #%lld") || !check_no_cycle(im, LOCATION, "#%lld is inside itself, by way of #%lld")) return false;
    for (int64_t o = 0; o < im->nslots; o++)
        if (!check_object_links(im, o)) return false;
    for (int64_t o = 0; o < im->nslots; o++)
        if (!check_listed(im, o)) return false;
    return check_prop_counts(im);
}
