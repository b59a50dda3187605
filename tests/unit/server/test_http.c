/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <string.h>

#include "server/http.h"

static enum http_status parse(const char *text, struct http_request *r) { return http_parse(text, strlen(text), r); }

static void expect(const char *text, enum http_status status) {
    struct http_request r;
    cr_assert_eq(parse(text, &r), status, "%s: %d", text, (int)parse(text, &r));
}

static void expect_path(const char *text, const char *path) {
    struct http_request r;
    cr_assert_eq(parse(text, &r), HTTP_OK, "%s", text);
    cr_assert(http_path_is(&r, path), "%s: %.*s", text, (int)r.path_len, r.path);
}

Test(http, paths) {
    expect_path("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "/metrics");
    expect_path("GET /metrics HTTP/1.0\r\n\r\n", "/metrics");
    expect_path("HEAD /metrics?name=x HTTP/1.0\r\nHost: a\r\nX-Empty:\r\nX-High: \xff\t.\r\n\r\n", "/metrics");
    expect_path("GET http://localhost:9/metrics HTTP/1.1\r\nhost: localhost:9\r\n\r\nmore", "/metrics");
    expect_path("GET HTTP://localhost HTTP/1.1\r\nHOST:x\r\n\r\n", "/");
    expect_path("GET http://localhost?q HTTP/1.0\r\n\r\n", "/");
    expect_path("GET /metrics/ HTTP/1.0\r\n\r\n", "/metrics/");
}

Test(http, methods) {
    struct http_request r;
    cr_assert_eq(parse("GET / HTTP/1.0\r\n\r\n", &r), HTTP_OK);
    cr_assert(r.get && !r.head);
    cr_assert_eq(parse("HEAD / HTTP/1.0\r\n\r\n", &r), HTTP_OK);
    cr_assert(r.head && !r.get);
    cr_assert_eq(parse("OPTIONS * HTTP/1.0\r\n\r\n", &r), HTTP_OK);
    cr_assert(!r.head && !r.get && !http_path_is(&r, "*"));
    cr_assert_eq(parse("get / HTTP/1.0\r\n\r\n", &r), HTTP_OK);
    cr_assert(!r.get);
}

Test(http, not_whole) {
    static const char text[] = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct http_request r;
    for (size_t n = 0; n < sizeof text - 1; n++) cr_assert_eq(http_parse(text, n, &r), HTTP_NOT_WHOLE, "%zu", n);
    cr_assert_eq(http_parse(text, sizeof text - 1, &r), HTTP_OK);
}

Test(http, refused) {
    static const char *const bad[] = {
        "\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n", "GET  / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0 \r\n\r\n", "GET / HTTP/1\r\n\r\n", "GET / http/1.0\r\n\r\n", "GET / HTTP/1.x\r\n\r\n", "G(T / HTTP/1.0\r\n\r\n",
        " GET / HTTP/1.0\r\n\r\n", "GET metrics HTTP/1.0\r\n\r\n", "GET * HTTP/1.0\r\n\r\n", "GET /a#b HTTP/1.0\r\n\r\n", "GET /\xc3\xa4 HTTP/1.0\r\n\r\n", "GET /\t HTTP/1.0\r\n\r\n", "GET https://x/ HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\nHost : a\r\n\r\n", "GET / HTTP/1.0\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.0\r\n: b\r\n\r\n", "GET / HTTP/1.0\r\nnothing\r\n\r\n",
        "GET / HTTP/1.0\r\nA: b\x01\r\n\r\n", "GET / HTTP/1.0\nA: b\r\n\r\n", "GET / HTTP/1.0\r\nA: b\rc\r\n\r\n", "GET / HTTP/1.0\r\nA: \x7f\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) expect(bad[i], HTTP_BAD_REQUEST);
    expect("GET / HTTP/2.0\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED);
    expect("GET / HTTP/0.9\r\n\r\n", HTTP_VERSION_NOT_SUPPORTED);
}

Test(http, too_large) {
    struct http_request r;
    struct buf text = BUF_INIT;
    buf_add_c(&text, "GET / HTTP/1.0\r\nA: ");
    while (text.len < HTTP_LONGEST_HEAD - 4) buf_byte(&text, 'a');
    cr_assert_eq(http_parse(text.data, text.len, &r), HTTP_NOT_WHOLE);
    buf_add_c(&text, "\r\n\r\n");
    cr_assert_eq(http_parse(text.data, text.len, &r), HTTP_OK);
    text.len -= 4;
    buf_add_c(&text, "a\r\n\r\n");
    cr_assert_eq(http_parse(text.data, text.len, &r), HTTP_HEAD_TOO_LARGE);
    cr_assert_eq(http_parse(text.data, text.len - 4, &r), HTTP_NOT_WHOLE);
    buf_fini(&text);
}

Test(http, answers) {
    struct buf out = BUF_INIT, body = BUF_INIT;
    buf_add_c(&body, "twelve bytes");
    http_write_answer(&out, HTTP_METHOD_NOT_ALLOWED, "text/plain", &body, false);
    cr_assert(!strncmp(buf_c(&out), "HTTP/1.1 405 Method Not Allowed\r\nDate: ", 39));
    cr_assert(strstr(buf_c(&out), "\r\nAllow: GET, HEAD\r\n") && strstr(buf_c(&out), "\r\nContent-Length: 12\r\n\r\ntwelve bytes"));
    buf_clear(&out);
    http_write_answer(&out, HTTP_OK, "text/plain", &body, true);
    cr_assert(strstr(buf_c(&out), "\r\nContent-Length: 12\r\n\r\n") && !strstr(buf_c(&out), "twelve"));
    buf_fini(&out);
    buf_fini(&body);
}
