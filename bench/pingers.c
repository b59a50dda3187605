/* SPDX-License-Identifier: MIT */
/*
 * Many clients in one process, for bench/reboot.py and bench/lag.py.
 *
 *   bench-pingers PORT CONNECTIONS RATE CONNECTS-A-SECOND [TYPING]
 *
 * Each connection says its number, then pings: a line "ping N", answered by "pong N", never more than one under way, RATE lines a second in all; RATE `max': each sends the next line when it has its answer.
 * Each answer is compared byte by byte with what must come; lines that begin with "***" are the server's own and pass. The first TYPING connections do so, the others are silent once they are in.
 * Besides, so many connects a second: each waits for its greeting and is ended with a reset, which leaves no port waiting.
 *
 * A line on stdin has the figures since the line before printed, as "name value" pairs on one line; besides, "stop" sends no more and waits a second for what is under way, "go on" goes on, and "again" sends
 * anew what got no answer. The end of stdin ends the program.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 512, EVENTS = 512, LOGIN_AT_ONCE = 200, STORM_AT_ONCE = 512, BUCKETS = 64 * 24 };

struct client {
    int fd;
    bool storm, waits, in; /* only looks in; has a line under way; has logged in */
    uint32_t next; /* number of the line under way, or of the next one */
    int64_t sent_us;
    size_t have;
    char buffer[BUFFER];
};

/* Since the last time they were printed. */
struct figures {
    int64_t longest_us, sum_us, silence_us; /* of one answer; of all; in which nothing came for anybody */
    uint64_t answers, wrong, ended, connects, refused, reset;
    uint64_t took[BUCKETS]; /* how many answers took so long */
};

static int epoll;
static struct sockaddr_in server;
static struct figures seen;
static int64_t last_answer_us;
static size_t logged_in, storm_open;
static bool stopped, without_pause;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Sixty-four buckets for each power of two: within 1.6 %. Below 128 us each has one. */
static size_t bucket_of(int64_t us) {
    size_t shift = 0;
    while (us >> shift >= 128) shift++;
    size_t at = shift * 64 + (size_t)(us >> shift);
    return at < BUCKETS ? at : BUCKETS - 1;
}

static int64_t bucket_us(size_t at) { return at < 128 ? (int64_t)at : (int64_t)(at % 64 + 64) << (at / 64 - 1); }

/* So much of a thousand answers took no longer. */
static int64_t percentile(unsigned thousandth) {
    uint64_t sum = 0;
    size_t at = 0;
    while (at < BUCKETS - 1 && (sum += seen.took[at]) * 1000 < seen.answers * thousandth) at++;
    return bucket_us(at);
}

static void fail(const char *what) {
    fprintf(stderr, "bench-pingers: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

static void raise_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Of the connection itself it is epoll that tells. */
static bool client_connect(struct client *c, bool storm) {
    int one = 1;
    *c = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .storm = storm};
    if (c->fd < 0) fail("socket");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        close(c->fd);
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
    return true;
}

static void say(struct client *c, const char *text) {
    if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text)) seen.wrong++;
}

static void ping(struct client *c) {
    char line[32];
    snprintf(line, sizeof line, "ping %u\r\n", c->next);
    c->waits = true;
    c->sent_us = now_us();
    say(c, line);
}

/* ---- what comes ---- */

static void answered(struct client *c) {
    int64_t now = now_us(), took = now - c->sent_us;
    c->waits = false;
    c->next++;
    if (!c->in) {
        c->in = true;
        logged_in++;
        return;
    }
    seen.answers++;
    seen.sum_us += took;
    seen.took[bucket_of(took)]++;
    if (took > seen.longest_us) seen.longest_us = took;
    if (now - last_answer_us > seen.silence_us) seen.silence_us = now - last_answer_us;
    last_answer_us = now;
    if (without_pause && !stopped) ping(c);
}

static void take_line(struct client *c, const char *line) {
    char wanted[32];
    snprintf(wanted, sizeof wanted, "pong %u", c->next);
    if (c->waits && !strcmp(line, wanted)) answered(c);
    else if (c->in && strncmp(line, "***", 3) != 0) {
        if (!seen.wrong++) fprintf(stderr, "bench-pingers: \"%s\" instead of \"%s\"\n", line, wanted);
    }
}

static void take_lines(struct client *c) {
    size_t begin = 0;
    for (size_t i = 1; i < c->have; i++) {
        if (c->buffer[i - 1] != '\r' || c->buffer[i] != '\n') continue;
        c->buffer[i - 1] = 0;
        take_line(c, c->buffer + begin);
        begin = i + 1;
    }
    memmove(c->buffer, c->buffer + begin, c->have -= begin);
    if (c->have == BUFFER) seen.wrong++, c->have = 0;
}

/* The one that only looked in has seen something, or has not. */
static void end_storm(struct client *c, ssize_t n) {
    struct linger reset = {.l_onoff = 1};
    if (n > 0) seen.connects++;
    else if (n < 0 && errno == ECONNREFUSED) seen.refused++;
    else seen.reset++;
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(c->fd);
    c->fd = -1;
    storm_open--;
}

static void on_event(struct client *c) {
    ssize_t n = recv(c->fd, c->buffer + c->have, BUFFER - c->have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (c->storm) {
        end_storm(c, n);
        return;
    }
    if (n <= 0) {
        seen.ended++;
        close(c->fd);
        c->fd = -1;
        return;
    }
    c->have += (size_t)n;
    take_lines(c);
}

static void wait_for_events(int ms) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll, events, EVENTS, ms);
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr) on_event(events[i].data.ptr);
}

/* ---- the run ---- */

static void log_in(struct client *clients, size_t n) {
    char line[64];
    for (size_t begun = 0; logged_in < n; wait_for_events(1000)) {
        while (begun < n && begun - logged_in < LOGIN_AT_ONCE) {
            struct client *c = &clients[begun++];
            if (!client_connect(c, false)) fail("connect");
            while (send(c->fd, "", 0, MSG_NOSIGNAL) < 0 && errno == EAGAIN) wait_for_events(1);
            snprintf(line, sizeof line, "%zu\r\n", begun);
            say(c, line);
            ping(c);
        }
        if (seen.ended || seen.wrong) fail("a connection ended at login");
    }
}

/* So many as are due since `*done' were, by turns; whoever waits for an answer is left out. */
static void send_due(struct client *clients, size_t n, double due, uint64_t *done) {
    static size_t turn;
    for (size_t looked = 0; (double)*done < due && looked < n; looked++) {
        struct client *c = &clients[turn++ % n];
        if (c->fd < 0 || c->waits) continue;
        ping(c);
        ++*done;
    }
    if ((double)*done < due) *done = (uint64_t)due; /* all of them wait */
}

static void storm_due(struct client *storm, double due, uint64_t *done) {
    for (size_t i = 0; i < STORM_AT_ONCE && (double)*done < due; i++) {
        if (storm[i].fd >= 0) continue;
        ++*done;
        if (client_connect(&storm[i], true)) {
            storm_open++;
        } else {
            seen.refused++;
            storm[i].fd = -1;
        }
    }
}

static void print_figures(const struct client *clients, size_t n) {
    size_t waiting = 0;
    int64_t now = now_us();
    for (size_t i = 0; i < n; i++) {
        if (clients[i].fd < 0 || !clients[i].waits) continue;
        waiting++;
        if (now - clients[i].sent_us > seen.longest_us) seen.longest_us = now - clients[i].sent_us;
    }
    printf("longest_us %lld p99_us %lld p50_us %lld mean_us %lld silence_us %lld answers %llu wrong %llu ended %llu waiting %zu connects %llu refused %llu reset %llu connecting %zu\n", (long long)seen.longest_us,
           (long long)percentile(990), (long long)percentile(500), (long long)(seen.answers ? seen.sum_us / (int64_t)seen.answers : 0), (long long)seen.silence_us, (unsigned long long)seen.answers, (unsigned long long)seen.wrong,
           (unsigned long long)seen.ended, waiting, (unsigned long long)seen.connects, (unsigned long long)seen.refused, (unsigned long long)seen.reset, storm_open);
    fflush(stdout);
    seen = (struct figures){0};
}

static void send_again(struct client *clients, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (clients[i].fd >= 0 && clients[i].waits) ping(&clients[i]);
}

/* Those who type without pause begin, or go on. */
static void begin(struct client *clients, size_t n) {
    stopped = false;
    for (size_t i = 0; without_pause && i < n; i++)
        if (clients[i].fd >= 0 && !clients[i].waits) ping(&clients[i]);
}

static void stop(void) {
    int64_t end = now_us() + 1000000;
    stopped = true;
    while (now_us() < end) wait_for_events(1);
}

static bool on_command(struct client *clients, size_t n) {
    char text[256];
    ssize_t got = read(STDIN_FILENO, text, sizeof text - 1);
    if (got < 0) return true;
    if (!got) return false;
    text[got] = 0;
    if (strstr(text, "again")) send_again(clients, n);
    if (strstr(text, "stop")) stop();
    else begin(clients, n);
    print_figures(clients, n);
    return true;
}

static void run(struct client *clients, size_t n, double rate, struct client *storm, double connects) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) fail("epoll_ctl");
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    int64_t last = last_answer_us = now_us();
    begin(clients, n);
    double seconds = 0;
    uint64_t sent = 0, connected = 0;
    do {
        int64_t now = now_us();
        if (!stopped) seconds += (double)(now - last) / 1e6;
        last = now;
        send_due(clients, n, seconds * rate, &sent);
        storm_due(storm, seconds * connects, &connected);
        wait_for_events(1);
    } while (on_command(clients, n));
}

int main(int argc, char **argv) {
    if (argc != 5 && argc != 6) {
        fprintf(stderr, "usage: bench-pingers PORT CONNECTIONS RATE CONNECTS-A-SECOND [TYPING]\n");
        return 2;
    }
    size_t n = strtoul(argv[2], NULL, 10), typing = argc > 5 ? strtoul(argv[5], NULL, 10) : n;
    without_pause = !strcmp(argv[3], "max");
    struct client *clients = calloc(n, sizeof *clients), *storm = calloc(STORM_AT_ONCE, sizeof *storm);
    if (!clients || !storm) fail("memory");
    for (size_t i = 0; i < STORM_AT_ONCE; i++) storm[i].fd = -1;
    raise_limit();
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    log_in(clients, n);
    printf("ready\n");
    fflush(stdout);
    run(clients, typing < n ? typing : n, atof(argv[3]), storm, atof(argv[4]));
    free(clients);
    free(storm);
    return 0;
}
