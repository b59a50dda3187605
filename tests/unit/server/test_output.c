/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/output.h"

struct pair {
    int ours, theirs;
};

static struct pair open_pair(void) {
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    return (struct pair){fds[0], fds[1]};
}

/* All that can be read now. */
static size_t drain(int fd, char *out, size_t size) {
    size_t n = 0;
    ssize_t k;
    while (n < size - 1 && (k = read(fd, out + n, size - 1 - n)) > 0) n += (size_t)k;
    out[n] = 0;
    return n;
}

static void add(struct output *o, const char *text, size_t max) { output_add(o, text, strlen(text), max); }

Test(output, in_order) {
    struct pair p = open_pair();
    struct output o;
    char got[100];
    output_init(&o);
    add(&o, "one\r\n", 100);
    add(&o, "two\r\n", 100);
    cr_assert_eq(output_write(&o, p.ours), 0);
    cr_assert(!output_waits(&o));
    drain(p.theirs, got, sizeof got);
    cr_assert_str_eq(got, "one\r\ntwo\r\n");
    output_fini(&o);
    close(p.ours), close(p.theirs);
}

Test(output, oldest_lines_go) {
    struct pair p = open_pair();
    struct output o;
    char got[200];
    output_init(&o);
    for (int i = 0; i < 40; i++) {
        char line[8] = {(char)('a' + i % 26), '\r', '\n', 0};
        add(&o, line, 9);
    }
    cr_assert_eq(o.lost, 37);
    cr_assert_eq(output_length(&o), 9);
    cr_assert_eq(output_write(&o, p.ours), 0);
    drain(p.theirs, got, sizeof got);
    cr_assert_str_eq(got, "\r\n>> Network buffer overflow: 37 lines of output to you have been lost <<\r\nl\r\nm\r\nn\r\n");
    add(&o, "aaaa", 5);
    add(&o, "bbbb", 5);
    cr_assert_eq(output_write(&o, p.ours), 0);
    drain(p.theirs, got, sizeof got);
    cr_assert_str_eq(got, "\r\n>> Network buffer overflow: 1 line of output to you has been lost <<\r\nbbbb");
    output_fini(&o);
    close(p.ours), close(p.theirs);
}

Test(output, longer_than_the_limit_is_kept) {
    struct output o;
    output_init(&o);
    add(&o, "a", 4);
    add(&o, "123456789", 4);
    cr_assert_eq(output_length(&o), 9);
    cr_assert_eq(o.lost, 1);
    output_fini(&o);
}

/* A slow reader, and the queue saved and restored in the middle: every byte once, in order. */
Test(output, survives_a_hand_off) {
    struct pair p = open_pair();
    struct output o, other;
    enum { LINES = 40000 };
    static char got[2000000], line[40];
    size_t have = 0, sent = 0;
    output_init(&o);
    output_init(&other);
    for (int i = 0; i < LINES; i++) {
        sent += (size_t)snprintf(line, sizeof line, "this is line %d\r\n", i);
        add(&o, line, 10000000);
    }
    cr_assert_eq(output_write(&o, p.ours), 1);
    struct buf saved = BUF_INIT;
    output_encode(&o, &saved);
    struct dec d = dec_over(saved.data, saved.len);
    output_decode(&other, &d);
    cr_assert(!d.bad && dec_at_end(&d));
    int rc;
    do {
        have += drain(p.theirs, got + have, sizeof got - have);
        rc = output_write(&other, p.ours);
    } while (rc == 1);
    have += drain(p.theirs, got + have, sizeof got - have);
    cr_assert_eq(rc, 0);
    cr_assert_eq(have, sent);
    const char *at = got;
    for (int i = 0; i < LINES; i++) {
        int n = snprintf(line, sizeof line, "this is line %d\r\n", i);
        cr_assert_eq(memcmp(at, line, (size_t)n), 0, "line %d", i);
        at += n;
    }
    output_fini(&o);
    output_fini(&other);
    buf_fini(&saved);
    close(p.ours), close(p.theirs);
}

Test(output, damaged_state_is_refused) {
    struct output o;
    output_init(&o);
    struct dec d = dec_over("\x02xy\x01\x05\x00", 6);
    output_decode(&o, &d);
    cr_assert(d.bad);
    output_fini(&o);
}

Test(output, a_dead_socket_is_noticed) {
    struct pair p = open_pair();
    struct output o;
    output_init(&o);
    close(p.theirs);
    add(&o, "x", 10);
    cr_assert_eq(output_write(&o, p.ours), -1);
    output_fini(&o);
    close(p.ours);
}
