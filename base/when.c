/* SPDX-License-Identifier: MIT */
#include "base/when.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SECOND ((int64_t)1000000)

static const char *skip_blanks(const char *p) {
    while (*p == ' ') p++;
    return p;
}

/* Up to `most' digits. NULL: not one. */
static const char *number(const char *p, int most, int64_t *out) {
    const char *begin = p;
    *out = 0;
    for (; *p >= '0' && *p <= '9' && p - begin < most; p++) *out = *out * 10 + (*p - '0');
    return p == begin ? NULL : p;
}

/* ".5": microseconds; nothing: the end of the second. */
static const char *fraction(const char *p, int64_t *out) {
    int64_t digit = SECOND / 10;
    *out = SECOND - 1;
    if (*p != '.') return p;
    for (*out = 0, p++; *p >= '0' && *p <= '9'; p++, digit /= 10) *out += (*p - '0') * digit;
    return p;
}

static bool parse_ago(const char *text, int64_t now, int64_t *out) {
    static const struct {
        const char *word;
        int64_t seconds;
    } units[] = {{"s", 1},      {"sec", 1},   {"second", 1}, {"m", 60},   {"min", 60},    {"minute", 60}, {"h", 3600},
                 {"hour", 3600}, {"d", 86400}, {"day", 86400}, {"w", 604800}, {"week", 604800}};
    int64_t n;
    char word[16], ago[8], rest;
    const char *p = number(skip_blanks(text), 9, &n);
    if (!p || sscanf(p, " %15[a-zA-Z] %7[a-zA-Z] %c", word, ago, &rest) != 2 || strcasecmp(ago, "ago")) return false;
    size_t len = strlen(word);
    if (len > 2 && (word[len - 1] | 32) == 's') word[len - 1] = 0;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcasecmp(word, units[i].word)) continue;
        *out = now - n * units[i].seconds * SECOND;
        return true;
    }
    return false;
}

/* "HH:MM[:SS[.F]]" */
static const char *parse_clock(const char *p, struct tm *tm, int64_t *us) {
    int64_t hour, minute, second = 0;
    p = number(p, 2, &hour);
    p = p && *p == ':' ? number(p + 1, 2, &minute) : NULL;
    *us = SECOND - 1;
    if (p && *p == ':') {
        p = number(p + 1, 2, &second);
        if (p) p = fraction(p, us);
    }
    if (!p || hour > 23 || minute > 59 || second > 60) return NULL;
    tm->tm_hour = (int)hour, tm->tm_min = (int)minute, tm->tm_sec = (int)second;
    return p;
}

/* "YYYY-MM-DD", with a clock behind it or not */
static const char *parse_date(const char *p, struct tm *tm, int64_t *us) {
    int64_t year, month, day;
    p = number(p, 4, &year);
    p = p && *p == '-' ? number(p + 1, 2, &month) : NULL;
    p = p && *p == '-' ? number(p + 1, 2, &day) : NULL;
    if (!p || year < 1970 || month < 1 || month > 12 || day < 1 || day > 31) return NULL;
    *tm = (struct tm){.tm_year = (int)year - 1900, .tm_mon = (int)month - 1, .tm_mday = (int)day};
    *us = SECOND - 1;
    if (*p == 'T' || *p == 't' || (*p == ' ' && skip_blanks(p)[0] >= '0' && skip_blanks(p)[0] <= '9')) p = parse_clock(skip_blanks(p + 1), tm, us);
    return p;
}

/* "Z", "+HH[[:]MM]"; nothing: local. */
static const char *parse_zone(const char *p, bool *local, int64_t *east) {
    int64_t hours, minutes = 0;
    p = skip_blanks(p);
    *local = !*p;
    *east = 0;
    if (*p == 'Z' || *p == 'z') return p + 1;
    if (!strncasecmp(p, "UTC", 3)) return p + 3;
    if (*p != '+' && *p != '-') return p;
    int sign = *p == '-' ? -1 : 1;
    const char *q = number(p + 1, 2, &hours);
    if (q && *q) q = number(q + (*q == ':'), 2, &minutes);
    if (q) *east = sign * (hours * 3600 + minutes * 60);
    return q;
}

static bool parse_calendar(const char *text, int64_t now, int64_t *out) {
    time_t seconds = (time_t)(now / SECOND);
    struct tm tm;
    int64_t us, east;
    bool local;
    const char *p = skip_blanks(text), *end = parse_date(p, &tm, &us);
    if (!end && localtime_r(&seconds, &tm)) end = parse_clock(p, &tm, &us);
    if (end) end = parse_zone(end, &local, &east);
    if (!end || *skip_blanks(end)) return false;
    struct tm as_given = tm;
    tm.tm_isdst = -1;
    time_t t = local ? mktime(&tm) : timegm(&tm);
    if (t == (time_t)-1 || tm.tm_mday != as_given.tm_mday) return false; /* the 30th of February */
    *out = ((int64_t)t - east) * SECOND + us;
    return true;
}

static bool parse_epoch(const char *text, int64_t *out) {
    int64_t seconds, us;
    const char *p = *text == '@' ? number(text + 1, 11, &seconds) : NULL;
    if (p) p = fraction(p, &us);
    if (!p || *p) return false;
    *out = seconds * SECOND + us;
    return true;
}

int when_parse(const char *text, int64_t now, int64_t *out, struct buf *why) {
    if (!strcasecmp(text, "now")) return *out = now, 0;
    if (parse_ago(text, now, out) || parse_epoch(text, out) || parse_calendar(text, now, out)) return 0;
    buf_printf(why, "'%.60s' is no time: say \"2026-11-23 08:15\", \"2026-11-23T08:15:30Z\", \"08:15\", \"10 minutes ago\" or \"now\"", text);
    return -1;
}
