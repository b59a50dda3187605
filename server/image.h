/* SPDX-License-Identifier: MIT */
/*
 * Which program may take the place of the running one: the configured file, or one that lies in a configured folder (or below it). It must be a regular file that may be executed, belong to
 * root or to the server's user, and neither it nor a folder between may be written by anybody else. All is looked at on the opened file, not on its name: what was judged is what is executed.
 */
#ifndef SERVER_IMAGE_H
#define SERVER_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct image_rules {
    const char *binary; /* the configured file; links in its name are followed anew each time */
    const char *const *folders;
    size_t nfolders;
};

/* A descriptor of the program at `path' (NULL: the configured file), open for reading and close-on-exec; or -1, and in `why' which rule it breaks and what to do. */
int image_open(const struct image_rules *rules, const char *path, struct buf *why);
bool image_is_script(int fd); /* its interpreter opens it again: the descriptor has to stay open through exec */

#endif
