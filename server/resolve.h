/* SPDX-License-Identifier: MIT */
/*
 * Names of addresses and addresses of names, by c-ares inside the loop: nothing here blocks.
 *
 * Each question is answered by exactly one call of its callback, later, from the loop (never from inside the asking function), unless it is cancelled.
 * A name that an address claims is checked: no odd characters, never "localhost", never something that reads as an address.
 */
#ifndef SERVER_RESOLVE_H
#define SERVER_RESOLVE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct resolver;
struct lookup;

enum { LOOKUP_MAX_ADDRESSES = 8 };
struct lookup_address {
    struct sockaddr_storage address;
    socklen_t len;
};

/*
 * `servers': addresses to ask, with a port after a colon or without, a comma between two ("192.0.2.1,[2001:db8::1]:5353"); NULL: those that the machine asks. NULL when the library
 * cannot start: then nothing can be asked.
 */
struct resolver *resolver_new(struct ev_loop *loop, const char *servers);
bool resolver_accepts(const char *servers); /* whether it is what resolver_new() takes */
void resolver_free(struct resolver *r); /* open questions are cancelled */

/* `name' is NULL when there is none or the time is over. Borrowed during the call. */
struct lookup *resolver_ask_name(struct resolver *r, const struct sockaddr *address, socklen_t len, double seconds, void (*answer)(void *ctx, const char *name), void *ctx);
/* n is 0 when there is none or the time is over. The port is set in each. */
struct lookup *resolver_ask_addresses(struct resolver *r, const char *name, int port, double seconds,
                                      void (*answer)(void *ctx, const struct lookup_address *addresses, size_t n), void *ctx);
void lookup_cancel(struct lookup *l); /* no callback any more */

#endif
