/* SPDX-License-Identifier: MIT */
#include "server/blackbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "server/connection.h"
#include "server/listener.h"
#include "server/sockets.h"

static const char magic[16] = "EVERMOO BOX";
static const size_t SIZE = sizeof(struct box_content) + (size_t)BOX_SLOTS * sizeof(struct box_slot); /* only what is written takes memory */

static struct blackbox *map(int fd) {
    void *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) return NULL;
    struct blackbox *box = xcalloc(1, sizeof *box);
    *box = (struct blackbox){.fd = fd, .content = p};
    return box;
}

struct blackbox *blackbox_new(void) {
    int fd = memfd_create("evermoo-blackbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return NULL;
    struct blackbox *box = ftruncate(fd, (off_t)SIZE) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ? NULL : map(fd);
    if (!box) {
        int e = errno;
        close(fd);
        errno = e;
        return NULL;
    }
    memcpy(box->content->magic, magic, sizeof magic);
    box->content->version = BOX_VERSION;
    box->content->slot_size = sizeof(struct box_slot);
    box->content->saved_us = clock_monotonic_us();
    return box;
}

struct blackbox *blackbox_open(int fd, struct buf *why) {
    struct stat st;
    struct blackbox *box = fstat(fd, &st) == 0 && (size_t)st.st_size == SIZE ? map(fd) : NULL;
    const struct box_content *c = box ? box->content : NULL;
    if (c && !memcmp(c->magic, magic, sizeof magic) && c->version == BOX_VERSION && c->slot_size == sizeof(struct box_slot) && c->used <= BOX_SLOTS) return box;
    buf_printf(why, "what the program before this one left about its connections cannot be read: %s", box ? "it is of another version" : "it is no such file");
    if (box) munmap(box->content, SIZE);
    free(box);
    return NULL;
}

void blackbox_leave(struct blackbox *box) {
    if (!box) return;
    munmap(box->content, SIZE);
    free(box);
}

void blackbox_free(struct blackbox *box) {
    if (box) close(box->fd);
    blackbox_leave(box);
}

/* ---- keeping it up to date ---- */

static struct box_slot *slot_of(struct blackbox *box, int fd) { return box && fd >= 0 && fd < BOX_SLOTS ? &box->content->slots[fd] : NULL; }

static void write_slot(struct blackbox *box, int fd, uint64_t cookie, const struct box_slot *content) {
    struct box_slot *slot = slot_of(box, fd);
    uint32_t kind = content->kind;
    if (!slot) return;
    struct box_slot unfinished = *content;
    unfinished.kind = BOX_FREE;
    unfinished.cookie = cookie;
    unfinished.stored = slot->cookie == cookie && slot->stored;
    __atomic_store_n(&slot->kind, BOX_FREE, __ATOMIC_SEQ_CST);
    *slot = unfinished;
    __atomic_store_n(&slot->kind, kind, __ATOMIC_SEQ_CST);
    if ((uint32_t)fd >= box->content->used) box->content->used = (uint32_t)fd + 1;
}

/* What comes next is the rest of a line whose beginning a crash would lose. */
static bool is_in_line(const struct connection *c) {
    const struct line_reader *r = &c->reader;
    return !c->binary && (r->partial.len || r->telnet || r->skip || (c->unread.len && c->unread.data[c->unread.len - 1] != '\n'));
}

static uint32_t flags_of(const struct connection *c) {
    return (c->print_messages ? BOX_PRINT_MESSAGES : 0) | (c->outbound ? BOX_OUTBOUND : 0) | (c->binary ? BOX_BINARY : 0) | (c->no_echo ? BOX_NO_ECHO : 0) |
           (c->keep_alive ? BOX_KEEP_ALIVE : 0) | (is_in_line(c) ? BOX_IN_LINE : 0) | (!c->binary && output_waits(&c->output) ? BOX_OUT_LINE : 0) | (c->new_player ? BOX_NEW_PLAYER : 0) |
           (c->lookup ? BOX_UNNAMED : 0);
}

void blackbox_note_connection(struct blackbox *box, struct connection *c) {
    struct box_slot slot = {.kind = BOX_CONNECTION, .flags = flags_of(c), .id = c->id, .listener = c->listener, .accepted_us = c->accepted_us, .connected_us = c->connected_us,
                            .last_input_us = c->last_input_us, .local_port = c->local_port, .peer_port = c->peer_port, .encoding = c->reader.encoding};
    if (!box || c->fd < 0 || c->id == NOTHING) return;
    snprintf(slot.address, sizeof slot.address, "%s", c->address);
    snprintf(slot.name, sizeof slot.name, "%s", c->name ? c->name : c->address);
    write_slot(box, c->fd, connection_cookie(c), &slot);
}

void blackbox_note_lines(struct blackbox *box, const struct connection *c) {
    struct box_slot *slot = slot_of(box, c->fd);
    if (!slot || slot->kind != BOX_CONNECTION) return;
    slot->last_input_us = c->last_input_us;
    slot->flags = flags_of(c);
}

void blackbox_note_listener(struct blackbox *box, const struct listener *l) {
    struct box_slot slot = {.kind = BOX_LISTENER, .flags = l->print_messages ? BOX_PRINT_MESSAGES : 0, .listener = l->handler, .local_port = l->port};
    for (size_t i = 0; i < l->nsockets; i++) write_slot(box, l->sockets[i].fd, socket_cookie(l->sockets[i].fd), &slot);
}

void blackbox_forget(struct blackbox *box, int fd) {
    struct box_slot *slot = slot_of(box, fd);
    if (slot) __atomic_store_n(&slot->kind, BOX_FREE, __ATOMIC_SEQ_CST);
}

void blackbox_note_stored(struct blackbox *box, int fd) {
    struct box_slot *slot = slot_of(box, fd);
    uint64_t cookie = socket_cookie(fd);
    if (!slot || (slot->kind != BOX_FREE && slot->cookie != cookie)) return;
    slot->cookie = cookie;
    slot->stored = true;
}

bool blackbox_is_stored(const struct blackbox *box, int fd) {
    if (!box || fd < 0 || fd >= BOX_SLOTS) return false;
    const struct box_slot *slot = &box->content->slots[fd];
    return slot->stored && slot->cookie && slot->cookie == socket_cookie(fd);
}

/* ---- afterwards ---- */

bool blackbox_look(struct blackbox *box, int fd, struct box_slot *out, const char **fault) {
    struct stat st;
    *fault = NULL;
    *out = box->content->slots[fd];
    out->address[sizeof out->address - 1] = out->name[sizeof out->name - 1] = 0;
    if (out->kind != BOX_LISTENER && out->kind != BOX_CONNECTION) return false;
    if (fstat(fd, &st)) *fault = "it is not open any more";
    else if (!S_ISSOCK(st.st_mode)) *fault = "it is no socket any more";
    else if (!out->cookie || socket_cookie(fd) != out->cookie) *fault = "it is another socket now";
    return !*fault;
}

static void each_socket(const struct blackbox *box, void (*fn)(int fd)) {
    uint32_t used = box->content->used;
    for (uint32_t fd = 0; fd < used && fd < BOX_SLOTS; fd++)
        if (box->content->slots[fd].kind != BOX_FREE) fn((int)fd);
}

static void keep(int fd) { (void)fcntl(fd, F_SETFD, 0); }
static void shut(int fd) { (void)close(fd); }

void blackbox_keep_sockets(const struct blackbox *box) {
    keep(box->fd);
    each_socket(box, keep);
}

void blackbox_close_sockets(const struct blackbox *box) { each_socket(box, shut); }

bool blackbox_count_crash(struct blackbox *box, int64_t now_us) {
    struct box_content *c = box->content;
    for (int i = 1; i < BOX_STRIKES; i++) c->crashes_us[i - 1] = c->crashes_us[i];
    c->crashes_us[BOX_STRIKES - 1] = now_us;
    if (c->strikes < BOX_STRIKES) c->strikes++;
    return c->strikes < BOX_STRIKES || now_us - c->crashes_us[0] > BOX_STRIKE_US;
}
