/* SPDX-License-Identifier: MIT */
/* Any bytes as a request for /metrics: an answer is decided on by the head alone, as soon as it is whole, and a path lies within it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "server/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_request r, again;
    char *bytes = malloc(size ? size : 1); /* nothing is behind it */
    if (size) memcpy(bytes, data, size);
    const char *end = size ? memmem(bytes, size, "\r\n\r\n", 4) : NULL;
    enum http_status status = http_parse(bytes, size, &r);
    must((status == HTTP_NOT_WHOLE) == (!end && size <= HTTP_LONGEST_HEAD));
    if (end) must(http_parse(bytes, (size_t)(end - bytes) + 4, &again) == status && again.get == r.get && again.path_len == r.path_len);
    if (end && end - bytes < HTTP_LONGEST_HEAD) must(http_parse(bytes, (size_t)(end - bytes) + 3, &again) == HTTP_NOT_WHOLE);
    if (status == HTTP_OK && (r.get || r.head)) must(*r.path == '/' && (r.path_len == 1 || (r.path >= bytes && r.path + r.path_len < end)));
    free(bytes);
    return 0;
}
