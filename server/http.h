/* SPDX-License-Identifier: MIT */
/*
 * As much of HTTP/1.x as answering one GET takes: the head of a request, read strictly (RFC 9112), and the head of an answer.
 *
 * A connection has one request and one answer. What is behind a request's head is never looked at, so a body in it is nobody's.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { HTTP_LONGEST_HEAD = 8192 };

enum http_status {
    HTTP_NOT_WHOLE = 0, /* more bytes are needed */
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_HEAD_TOO_LARGE = 431,
    HTTP_VERSION_NOT_SUPPORTED = 505,
};

struct http_request {
    bool get, head; /* its method; neither: another one, and there is no path */
    const char *path; /* without a query; borrowed from the bytes that were parsed, or "/" */
    size_t path_len;
};

/* HTTP_OK and the request, when the bytes begin with a whole head; or what is to be answered instead. */
enum http_status http_parse(const char *bytes, size_t n, struct http_request *out);
bool http_path_is(const struct http_request *r, const char *path);

/* A whole answer; with `head' without the body that it tells of. The connection ends with it. */
void http_write_answer(struct buf *out, enum http_status status, const char *type, const struct buf *body, bool head);

#endif
