/* SPDX-License-Identifier: MIT */
/*
 * Files and directories: what stands between a name that is there now and one that is there after a power cut. Functions return 0, or -1 with errno.
 */
#ifndef BASE_FILES_H
#define BASE_FILES_H

#include <stdbool.h>
#include <stdint.h>

int files_sync(const char *path); /* of a file its content, of a directory its names */
int files_sync_parent(const char *path); /* the directory that holds the name */
bool files_is_directory(const char *path);
int64_t files_free_bytes(const char *path); /* room on the file system for who is not root; -1 */
int files_copy(const char *from, const char *to); /* synced; `to' must not exist, and is removed again on failure */
int files_make_directory(const char *path); /* durably; one that is there is fine */
void files_remove_tree(const char *path); /* a directory with all in it; what resists stays */

#endif
