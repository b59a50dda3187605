/* SPDX-License-Identifier: MIT */
#include "server/http.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"

/* A part of the request: never longer than the bytes it is in. */
struct piece {
    const char *p;
    size_t n;
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_token_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct piece t) {
    for (size_t i = 0; i < t.n; i++)
        if (!is_token_char(t.p[i])) return false;
    return t.n > 0;
}

static bool is(struct piece t, const char *text) { return t.n == strlen(text) && !memcmp(t.p, text, t.n); }

/* What stands before `c', which is left out of both. false: there is none. */
static bool split(struct piece *rest, char c, struct piece *before) {
    const char *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;
    if (!at) return false;
    *before = (struct piece){rest->p, (size_t)(at - rest->p)};
    *rest = (struct piece){at + 1, rest->n - before->n - 1};
    return true;
}

/* "/path?query" or "http://host/path?query". */
static bool parse_target(struct piece t, struct http_request *out) {
    static const char scheme[] = "http://";
    struct piece before;
    for (size_t i = 0; i < t.n; i++)
        if (t.p[i] <= ' ' || t.p[i] > '~' || t.p[i] == '#') return false;
    if (t.n > strlen(scheme) && !strncasecmp(t.p, scheme, strlen(scheme))) {
        t.p += strlen(scheme), t.n -= strlen(scheme);
        while (t.n && *t.p != '/' && *t.p != '?') t.p++, t.n--;
        if (!t.n || *t.p == '?') t = (struct piece){"/", 1};
    }
    if (!t.n || *t.p != '/') return false;
    if (split(&t, '?', &before)) t = before;
    out->path = t.p, out->path_len = t.n;
    return true;
}

static enum http_status parse_request_line(struct piece line, struct http_request *out, bool *needs_host) {
    struct piece method, target;
    if (!split(&line, ' ', &method) || !split(&line, ' ', &target) || !is_token(method) || !target.n) return HTTP_BAD_REQUEST;
    if (line.n != 8 || memcmp(line.p, "HTTP/", 5) || !is_digit(line.p[5]) || line.p[6] != '.' || !is_digit(line.p[7])) return HTTP_BAD_REQUEST;
    if (line.p[5] != '1') return HTTP_VERSION_NOT_SUPPORTED;
    *needs_host = line.p[7] != '0';
    out->get = is(method, "GET"), out->head = is(method, "HEAD");
    if (!out->get && !out->head) return HTTP_OK;
    return parse_target(target, out) ? HTTP_OK : HTTP_BAD_REQUEST;
}

/* "Name: value"; a line that goes on with the one before it is none. */
static bool is_field(struct piece line, bool *is_host) {
    struct piece name;
    if (!split(&line, ':', &name) || !is_token(name)) return false;
    for (size_t i = 0; i < line.n; i++)
        if ((unsigned char)line.p[i] < ' ' ? line.p[i] != '\t' : line.p[i] == 0x7f) return false;
    *is_host = name.n == 4 && !strncasecmp(name.p, "host", 4);
    return true;
}

static bool next_line(struct piece *rest, struct piece *line) {
    if (!split(rest, '\n', line) || !line->n || line->p[line->n - 1] != '\r') return false;
    line->n--;
    return true;
}

enum http_status http_parse(const char *bytes, size_t n, struct http_request *out) {
    const char *end = n ? memmem(bytes, n, "\r\n\r\n", 4) : NULL;
    *out = (struct http_request){.get = false};
    if (!end && n <= HTTP_LONGEST_HEAD) return HTTP_NOT_WHOLE;
    if (!end || end - bytes + 4 > HTTP_LONGEST_HEAD) return HTTP_HEAD_TOO_LARGE;
    struct piece rest = {bytes, (size_t)(end - bytes) + 2}, line;
    bool needs_host = false, is_host;
    size_t hosts = 0;
    enum http_status status = next_line(&rest, &line) ? parse_request_line(line, out, &needs_host) : HTTP_BAD_REQUEST;
    while (status == HTTP_OK && rest.n) {
        if (!next_line(&rest, &line) || !is_field(line, &is_host)) status = HTTP_BAD_REQUEST;
        else hosts += is_host;
    }
    if (status == HTTP_OK && (hosts > 1 || (needs_host && !hosts))) status = HTTP_BAD_REQUEST;
    return status;
}

bool http_path_is(const struct http_request *r, const char *path) { return r->path && is((struct piece){r->path, r->path_len}, path); }

static const char *reason(enum http_status status) {
    switch (status) {
    case HTTP_OK: return "OK";
    case HTTP_NOT_FOUND: return "Not Found";
    case HTTP_METHOD_NOT_ALLOWED: return "Method Not Allowed";
    case HTTP_HEAD_TOO_LARGE: return "Request Header Fields Too Large";
    case HTTP_VERSION_NOT_SUPPORTED: return "HTTP Version Not Supported";
    case HTTP_NOT_WHOLE:
    case HTTP_BAD_REQUEST: break;
    }
    return "Bad Request";
}

void http_write_answer(struct buf *out, enum http_status status, const char *type, const struct buf *body, bool head) {
    char date[64];
    struct tm tm;
    time_t now = (time_t)clock_wall_seconds();
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\nConnection: close\r\n", (int)status, reason(status), date);
    if (status == HTTP_METHOD_NOT_ALLOWED) buf_add_c(out, "Allow: GET, HEAD\r\n");
    buf_printf(out, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n", type, body->len);
    if (!head) buf_add(out, buf_c(body), body->len);
}
