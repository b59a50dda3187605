/* SPDX-License-Identifier: MIT */
/*
 * The window over the file grows while reading on and starts small again after going elsewhere, so that thousands of short visits are cheap. A line always lies in
 * one piece inside the window, which grows to hold it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "db/textdump_parts.h"

enum { CHUNK_MIN = 8192, CHUNK_MAX = 1 << 18, LINE_MAX_BYTES = 1 << 28 };

int reader_open(struct reader *r, const char *path, struct buf *why) {
    *r = (struct reader){.fd = -1, .path = path, .chunk = CHUNK_MIN, .is_utf8 = true, .why = why};
    struct stat st;
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 || fstat(r->fd, &st)) {
        buf_printf(why, "cannot read %s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        buf_printf(why, "%s is not a file: a dump is read twice, so it cannot come through a pipe", path);
    } else {
        r->size = st.st_size;
        return 0;
    }
    reader_close(r);
    return -1;
}

void reader_close(struct reader *r) {
    if (r->fd >= 0) close(r->fd);
    free(r->data);
    r->fd = -1;
    r->data = NULL;
}

bool reader_fail_at(struct reader *r, int64_t line, const char *format, ...) {
    if (r->failed) return false;
    r->failed = true;
    va_list ap;
    va_start(ap, format);
    buf_printf(r->why, "%s:%lld: ", r->path, (long long)line);
    buf_vprintf(r->why, format, ap);
    va_end(ap);
    return false;
}

bool reader_fail(struct reader *r, const char *format, ...) {
    struct buf text = BUF_INIT;
    va_list ap;
    va_start(ap, format);
    buf_vprintf(&text, format, ap);
    va_end(ap);
    reader_fail_at(r, r->line, "%s", buf_c(&text));
    buf_fini(&text);
    return false;
}

/* ---- the window ---- */

static void restore_cut(struct reader *r) {
    if (r->cut) *r->cut = '\n';
    r->cut = NULL;
}

int64_t reader_tell(const struct reader *r) { return r->base + (int64_t)r->at; }

bool reader_seek(struct reader *r, int64_t offset, int64_t line) {
    if (r->failed) return false;
    restore_cut(r);
    r->line = line;
    if (offset >= r->base && offset <= r->base + (int64_t)r->end) {
        r->at = (size_t)(offset - r->base);
        return true;
    }
    r->base = offset;
    r->at = r->end = 0;
    r->chunk = CHUNK_MIN;
    return true;
}

/* More bytes after `end'; what lies before `at' may go. False: a fault, or nothing more (then *eof). */
static bool fill(struct reader *r, bool *eof) {
    *eof = false;
    if (r->at) {
        memmove(r->data, r->data + r->at, r->end - r->at);
        r->base += (int64_t)r->at;
        r->end -= r->at;
        r->at = 0;
    }
    if (r->end + r->chunk + 1 > r->cap) {
        r->cap = r->end + r->end / 2 + r->chunk + 1;
        r->data = xrealloc(r->data, r->cap);
    }
    ssize_t n;
    do n = pread(r->fd, r->data + r->end, r->chunk, r->base + (int64_t)r->end);
    while (n < 0 && errno == EINTR);
    if (n < 0) return reader_fail(r, "cannot be read: %s", strerror(errno));
    if (n == 0) {
        *eof = true;
        return false;
    }
    r->end += (size_t)n;
    if (r->chunk < CHUNK_MAX) r->chunk *= 2;
    return true;
}

bool reader_at_end(struct reader *r) {
    if (r->failed) return true;
    restore_cut(r);
    bool eof = false;
    return r->at == r->end && !fill(r, &eof);
}

/* ---- lines ---- */

static bool take_line(struct reader *r, size_t len, bool newline) {
    r->text = r->data + r->at;
    r->len = len;
    if (newline) r->cut = r->text + len;
    r->text[len] = 0;
    r->at += len + (newline ? 1 : 0);
    r->no_newline = !newline;
    r->line++;
    if (memchr(r->text, 0, len)) return reader_fail(r, "a zero byte: this is not a text dump, or it is damaged here");
    if (r->is_utf8 && !utf8_valid(r->text, len)) r->is_utf8 = false;
    return true;
}

bool reader_line(struct reader *r, const char *what) {
    if (r->failed) return false;
    restore_cut(r);
    size_t seen = 0;
    for (;;) {
        char *from = r->data ? r->data + r->at : NULL;
        char *lf = from ? memchr(from + seen, '\n', r->end - r->at - seen) : NULL;
        if (lf) return take_line(r, (size_t)(lf - from), true);
        seen = r->end - r->at;
        if (seen > LINE_MAX_BYTES) return reader_fail_at(r, r->line + 1, "a line longer than %d bytes", LINE_MAX_BYTES);
        bool eof;
        if (fill(r, &eof)) continue;
        if (!eof) return false;
        if (r->at < r->end) return take_line(r, r->end - r->at, false);
        return reader_fail_at(r, r->line + 1, "the file ends where %s should be: it is cut off", what);
    }
}

/* ---- numbers ---- */

bool scan_int(const char **p, int64_t *out) {
    const char *q = *p;
    while (*q == ' ') q++;
    bool minus = *q == '-';
    if (minus) q++;
    if (*q < '0' || *q > '9') return false;
    uint64_t n = 0, most = minus ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    for (; *q >= '0' && *q <= '9'; q++) {
        uint64_t digit = (uint64_t)(*q - '0');
        if (n > (most - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = minus ? (int64_t)(0 - n) : (int64_t)n;
    *p = q;
    return true;
}

/* Text of the current line for a message: short, printable. */
static const char *quote_line(const struct reader *r, char out[44]) {
    size_t n = r->len < 40 ? r->len : 40;
    for (size_t i = 0; i < n; i++) out[i] = r->text[i] >= ' ' && r->text[i] <= '~' ? r->text[i] : '?';
    strcpy(out + n, r->len > 40 ? "..." : "");
    return out;
}

bool reader_int(struct reader *r, const char *what, int64_t *out) {
    if (!reader_line(r, what)) return false;
    const char *p = r->text;
    char quoted[44];
    if (*p == ' ' || !scan_int(&p, out) || p != r->text + r->len)
        return reader_fail(r, "a number was expected here (%s), not '%s'", what, quote_line(r, quoted));
    if (*r->text == '0' ? r->len > 1 : *r->text == '-' && r->text[1] == '0') r->odd = true;
    return true;
}

static bool check_count(struct reader *r, const char *what, int least, int64_t n) {
    if (n < 0) return reader_fail(r, "%s cannot be %lld", what, (long long)n);
    if (n > (r->size - reader_tell(r)) / least + 1) return reader_fail(r, "%s is %lld, more than the rest of the file can hold", what, (long long)n);
    return true;
}

bool reader_count(struct reader *r, const char *what, int least, int64_t *out) { return reader_int(r, what, out) && check_count(r, what, least, *out); }

bool reader_count_words(struct reader *r, const char *words, int least, int64_t *out) {
    if (!reader_line(r, words)) return false;
    const char *p = r->text;
    char quoted[44];
    if (*p == ' ' || !scan_int(&p, out) || *p != ' ' || strcmp(p + 1, words))
        return reader_fail(r, "'N %s' was expected here, not '%s'", words, quote_line(r, quoted));
    return check_count(r, words, least, *out);
}

/* ---- text ---- */

static void add_latin1(struct buf *out, const char *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        char c[4];
        buf_add(out, c, utf8_put(c, (unsigned char)p[i]));
    }
}

static bool is_ascii(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)p[i] >= 0x80) return false;
    return true;
}

static bool add_converted(struct reader *r, const char *p, size_t len, struct buf *out) {
    if (is_ascii(p, len)) {
        buf_add(out, p, len);
    } else if (r->latin1) {
        add_latin1(out, p, len);
    } else {
        if (!utf8_valid(p, len)) return reader_fail(r, "not valid UTF-8");
        buf_add(out, p, len);
    }
    return true;
}

bool reader_add_text(struct reader *r, struct buf *out) { return add_converted(r, r->text, r->len, out); }

struct str *reader_str(struct reader *r) {
    if (is_ascii(r->text, r->len)) return str_new(r->text, r->len);
    struct buf text = BUF_INIT;
    struct str *s = reader_add_text(r, &text) ? buf_to_str(&text) : NULL;
    buf_fini(&text);
    return s;
}

bool reader_string(struct reader *r, const char *what, struct str **out) {
    if (!reader_line(r, what)) return false;
    return !out || (*out = reader_str(r));
}

bool reader_slice(struct reader *r, int64_t from, struct buf *out) {
    int64_t len = reader_tell(r) - from;
    char *bytes = xmalloc((size_t)len + 1);
    ssize_t n = 0, got = 0;
    while (got < len && (n = pread(r->fd, bytes + got, (size_t)(len - got), from + got)) > 0) got += n;
    bool ok = got == len ? !memchr(bytes, 0, (size_t)len) && add_converted(r, bytes, (size_t)len, out) : false;
    free(bytes);
    return ok || reader_fail(r, "the file changed while it was read");
}
