/* SPDX-License-Identifier: MIT */
/*
 * A library that stands between a program and the files of one directory (LD_PRELOAD), for tests. From its environment:
 *   FAULT_DIR       the directory, an absolute name without symbolic links; all below it counts, except locks and sockets
 *   FAULT_CONTROL   a file that holds a struct control, shared with the test: which calls fail, and how
 *   FAULT_JOURNAL   a file to which every change of the directory is appended as a struct entry and its bytes
 */
#ifndef TESTS_FAULT_PRELOAD_H
#define TESTS_FAULT_PRELOAD_H

#include <stdint.h>

/* Kinds of calls, as bits. */
enum call { CALL_WRITE = 1, CALL_SYNC = 2, CALL_TRUNCATE = 4, CALL_OPEN = 8, CALL_RENAME = 16, CALL_MMAP = 32, CALL_MALLOC = 64, CALL_META = 128 };
/* CALL_META: writes through a descriptor that syncs each, which is how LMDB writes the page that makes a transaction the newest. */

enum { ERROR_SHORT = 1000 }; /* in place of an errno: half of a write is done */
enum { LIE_SYNC = 1, LIE_META = 2 }; /* a sync, or a write that syncs itself, is none */
#define NO_ACCOUNT UINT64_MAX

/* Tests write it and read it with tests/fault/fault.py, which knows the order. */
struct control {
    uint64_t calls; /* bits: these are counted */
    uint64_t counted; /* so far */
    uint64_t from, to; /* the calls with these numbers fail, the first is 1; 0: none */
    uint64_t error; /* with this errno, or ERROR_SHORT */
    uint64_t failed; /* so many did */
    uint64_t room; /* bytes by which files may still grow before the disk is full; NO_ACCOUNT: any number */
    uint64_t lies; /* LIE_ bits: a disk that reports what it has not done */
};

/*
 * One line of the journal. A write is noted before it is done; a sync, and a write that syncs, have an ENTRY_DONE with the same id after they returned. Numbers are
 * those of the machine.
 */
enum entry_kind {
    ENTRY_WRITE = 'W', /* bytes at `at'; id when it syncs itself */
    ENTRY_TRUNCATE = 'T', /* to `at' bytes */
    ENTRY_SYNC = 'S', /* of a file or directory begins */
    ENTRY_DONE = 'E',
    ENTRY_CREATE = 'C', /* name; at = 1: a directory */
    ENTRY_RENAME = 'R', /* name, zero, new name */
    ENTRY_UNLINK = 'U', /* name */
    ENTRY_FAILED = 'F', /* a call was made to fail here */
    ENTRY_MARK = 'M' /* what the test says: "written GENERATION DIGEST", "done GENERATION" */
};
struct entry {
    uint32_t kind, len; /* of the bytes that follow */
    uint64_t inode, at, id;
};

#endif
