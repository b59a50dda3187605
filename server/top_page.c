/* SPDX-License-Identifier: MIT */
/* The page of `evermoo top': a head of figures, then the players, the verbs and the slices that took most. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "server/top.h"

enum { LEAST_WIDTH = 40, MOST_WIDTH = 500, LEAST_NAME = 12, ROWS_WITHOUT_END = 12 };

/* ---- words and numbers ---- */

static int char_width(utf8proc_int32_t c) {
    if (c < 32 || (c >= 0x7f && c < 0xa0)) return -1; /* it would do something to the terminal */
    return utf8proc_charwidth(c);
}

/* As much as fits, filled up with blanks. */
static void put(struct buf *out, const char *text, int width) {
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)text;
    int used = 0;
    while (*p) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate(p, -1, &c);
        int w = n > 0 ? char_width(c) : -1;
        if (used + (w < 0 ? 1 : w) > width) break;
        if (w < 0) buf_byte(out, '?');
        else buf_add(out, p, (size_t)n);
        used += w < 0 ? 1 : w;
        p += n > 0 ? n : 1;
    }
    for (; used < width; used++) buf_byte(out, ' ');
}

static void put_right(struct buf *out, const char *text, int width) {
    int n = (int)strlen(text);
    for (; n < width; n++) buf_byte(out, ' ');
    buf_add_c(out, text);
}

struct word {
    char text[32];
};

static struct word count(double n) {
    static const char units[] = " kMGT";
    struct word w;
    size_t unit = 0;
    for (; n >= 999.5 && units[unit + 1]; unit++) n /= 1000;
    if (!unit) snprintf(w.text, sizeof w.text, n < 10 && n != (double)(int64_t)n ? "%.1f" : "%.0f", n);
    else snprintf(w.text, sizeof w.text, n < 9.995 ? "%.2f%c" : n < 99.95 ? "%.1f%c" : "%.0f%c", n, units[unit]);
    return w;
}

static struct word duration(int64_t us) {
    struct word w;
    double ms = (double)us / 1e3;
    if (us < 1000) snprintf(w.text, sizeof w.text, "%.2f ms", ms);
    else if (us < 100000) snprintf(w.text, sizeof w.text, "%.1f ms", ms);
    else if (us < 1000000) snprintf(w.text, sizeof w.text, "%.0f ms", ms);
    else snprintf(w.text, sizeof w.text, "%.1f s", ms / 1e3);
    return w;
}

static struct word part(double share) {
    struct word w;
    snprintf(w.text, sizeof w.text, "%.1f", share * 100);
    return w;
}

static struct word up(int64_t seconds) {
    struct word w;
    long long d = seconds / 86400, h = seconds / 3600 % 24, m = seconds / 60 % 60, s = seconds % 60;
    if (d) snprintf(w.text, sizeof w.text, "%lld d %lld:%02lld", d, h, m);
    else snprintf(w.text, sizeof w.text, "%lld:%02lld:%02lld", h, m, s);
    return w;
}

static struct word clock_time(int64_t wall) {
    struct word w;
    struct tm tm;
    time_t t = (time_t)wall;
    if (!localtime_r(&t, &tm) || !strftime(w.text, sizeof w.text, "%H:%M:%S", &tm)) w.text[0] = 0;
    return w;
}

static double per(int64_t n, double seconds) { return seconds > 0 ? (double)n / seconds : 0; }

/* ---- the head ---- */

struct page {
    const struct top_state *now, *before;
    int width;
    double seconds; /* of the span that the tables are about */
    struct buf line, *out;
    int lines, most; /* so far, and how many there may be; 0: any number */
};

static void end_line(struct page *p) {
    size_t at = p->out->len;
    if (p->most && p->lines == p->most) {
        buf_clear(&p->line);
        return;
    }
    put(p->out, buf_c(&p->line), p->width);
    while (p->out->len > at && p->out->data[p->out->len - 1] == ' ') p->out->data[--p->out->len] = 0;
    buf_byte(p->out, '\n');
    buf_clear(&p->line);
    p->lines++;
}

/* How often something happened: between the two answers, or else on average in the whole run. */
static double rate(const struct page *p, const char *name) {
    int64_t us = top_number(p->now, "clock_us") - top_number(p->before, "clock_us"), n = top_number(p->now, name) - top_number(p->before, name);
    if (p->before->n && us > 0 && n >= 0 && top_number(p->now, "process") == top_number(p->before, "process")) return per(n, (double)us / 1e6);
    return per(top_number(p->now, name), (double)top_number(p->now, "up_us") / 1e6);
}

static void write_title(struct page *p, const char *note) {
    struct buf left = BUF_INIT;
    buf_printf(&left, "evermoo %s  up %s  process %s  %s", top_text(p->now, "version"), up(top_number(p->now, "up_us") / 1000000).text, top_text(p->now, "process"), top_text(p->now, "world"));
    struct word t = clock_time(top_number(p->now, "wall_us") / 1000000);
    const char *right = note ? note : t.text;
    int room = p->width - (int)strlen(right) - 2;
    put(&p->line, buf_c(&left), room > 0 ? room : 0);
    buf_printf(&p->line, "  %s", right);
    buf_fini(&left);
    end_line(p);
}

static void write_rates(struct page *p) {
    static const struct {
        const char *name, *title;
    } all[] = {{"commands", "commands"}, {"slices", "slices"}, {"ticks", "ticks"}, {"forks", "forks"}};
    buf_printf(&p->line, "cpu %s %%", part(rate(p, "process_cpu_us") / 1e6).text);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) buf_printf(&p->line, "  %s %s/s", all[i].title, count(rate(p, all[i].name)).text);
    end_line(p);
}

static void write_times(struct page *p) {
    static const struct {
        const char *name, *title;
    } all[] = {{"latency", "commands, from line to end"}, {"wait", "waiting for a turn"}, {"slice", "slices"}, {"stall", "between looks at the sockets"}};
    put(&p->line, top_text(p->now, "span"), 28);
    const char *const columns[] = {"number", "median", "99 %", "longest"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) put_right(&p->line, columns[i], 10);
    end_line(p);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct top_line *l = top_next(p->now, all[i].name, NULL);
        put(&p->line, all[i].title, 28);
        put_right(&p->line, count((double)top_field(l, 1)).text, 10);
        for (size_t f = 2; f <= 4; f++) put_right(&p->line, duration(top_field(l, f)).text, 10);
        end_line(p);
    }
}

static void write_numbers(struct page *p) {
    const struct top_state *st = p->now;
    buf_printf(&p->line, "tasks %s: %s ready, %s sleeping, %s waiting", count((double)top_number(st, "tasks")).text, count((double)top_number(st, "ready")).text,
               count((double)top_number(st, "sleeping")).text, count((double)top_number(st, "waiting")).text);
    buf_printf(&p->line, "; queues %s: %s ready", count((double)top_number(st, "queues")).text, count((double)top_number(st, "queues_ready")).text);
    if (top_number(st, "lagging")) buf_printf(&p->line, "; %s slices LAGGED", count((double)top_number(st, "lagging")).text);
    end_line(p);
    buf_printf(&p->line, "connections %s, %s of them not logged in; memory %lld MB; save %s", top_text(st, "connections"), top_text(st, "not_logged_in"), (long long)(top_number(st, "memory") >> 20), top_text(st, "save"));
    if (top_number(st, "save_failures")) buf_printf(&p->line, ", %s FAILED", top_text(st, "save_failures"));
    end_line(p);
}

/* ---- the tables ---- */

struct column {
    const char *title;
    int width;
    struct word (*word)(const struct page *p, const struct top_line *l);
};

static struct word row_cpu(const struct page *p, const struct top_line *l) { return part(per(top_field(l, 4), p->seconds) / 1e6); }
static struct word row_ticks(const struct page *p, const struct top_line *l) { return count(per(top_field(l, 3), p->seconds)); }
static struct word row_slices(const struct page *p, const struct top_line *l) { return count(per(top_field(l, 2), p->seconds)); }
static struct word row_wait(const struct page *p, const struct top_line *l) { return (void)p, duration(top_field(l, 2) ? top_field(l, 5) / top_field(l, 2) : 0); }
static struct word row_worst(const struct page *p, const struct top_line *l) { return (void)p, duration(top_field(l, 6)); }
static struct word row_ready(const struct page *p, const struct top_line *l) { return (void)p, count((double)top_field(l, 8)); }
static struct word row_tasks(const struct page *p, const struct top_line *l) { return (void)p, count((double)top_field(l, 9)); }
static struct word row_debt(const struct page *p, const struct top_line *l) { return (void)p, top_field(l, 10) > 0 ? duration(top_field(l, 10)) : count(0); }

static const struct column player_columns[] = {{"cpu %", 6, row_cpu}, {"ticks/s", 8, row_ticks}, {"slices/s", 9, row_slices}, {"longest", 9, row_worst}, {"wait", 9, row_wait},
                                               {"ready", 6, row_ready}, {"tasks", 6, row_tasks}, {"debt", 8, row_debt}, {NULL, 0, NULL}};
static const struct column verb_columns[] = {{"cpu %", 6, row_cpu}, {"ticks/s", 8, row_ticks}, {"slices/s", 9, row_slices}, {"longest", 9, row_worst}, {"wait", 9, row_wait}, {NULL, 0, NULL}};

static int name_width(const struct page *p, const struct column *columns) {
    int width = p->width;
    for (const struct column *c = columns; c->title; c++) width -= c->width;
    return width < LEAST_NAME ? LEAST_NAME : width;
}

static void write_table(struct page *p, const char *title, const char *kind, const struct column *columns, int rows) {
    int name = name_width(p, columns);
    if (rows < 1) return;
    put(&p->line, title, name);
    for (const struct column *c = columns; c->title; c++) put_right(&p->line, c->title, c->width);
    end_line(p);
    for (const struct top_line *l = NULL; rows-- > 0 && (l = top_next(p->now, kind, l));) {
        put(&p->line, l->n > 1 ? l->fields[1] : "", name - 1);
        buf_byte(&p->line, ' ');
        for (const struct column *c = columns; c->title; c++) put_right(&p->line, c->word(p, l).text, c->width);
        end_line(p);
    }
}

/* slow  WALL_US  US  TICKS  WHO  VERB  END  WHERE */
static void write_slow(struct page *p, int rows) {
    if (rows < 1) return;
    buf_add_c(&p->line, "SLOWEST SLICES OF THE LAST HOUR");
    end_line(p);
    for (const struct top_line *l = NULL; rows-- > 0 && (l = top_next(p->now, "slow", l));) {
        if (l->n < 8) continue;
        int left = p->width - 10 - 9 - 2;
        put(&p->line, clock_time(top_field(l, 1) / 1000000).text, 10);
        put_right(&p->line, duration(top_field(l, 2)).text, 9);
        buf_add_c(&p->line, "  ");
        put(&p->line, l->fields[4], left / 4);
        buf_printf(&p->line, " %s: %s%s%s", l->fields[5], l->fields[6], *l->fields[7] ? " in " : "", l->fields[7]);
        end_line(p);
    }
}

void top_page(const struct top_state *now, const struct top_state *before, const struct top_look *look, struct buf *out) {
    int width = look->width < LEAST_WIDTH ? LEAST_WIDTH : look->width > MOST_WIDTH ? MOST_WIDTH : look->width;
    struct page p = {.now = now, .before = before, .width = width, .most = look->height, .seconds = (double)top_number(now, "span_us") / 1e6, .out = out};
    write_title(&p, look->note);
    write_rates(&p);
    write_times(&p);
    write_numbers(&p);
    int rows = look->height ? look->height - p.lines - 3 : 3 * ROWS_WITHOUT_END;
    int players = look->height ? rows * 2 / 5 : ROWS_WITHOUT_END, slow = look->height ? rows / 4 : ROWS_WITHOUT_END;
    write_table(&p, "PLAYERS WHO USED MOST", "player", player_columns, players);
    write_table(&p, "VERBS WITH WHICH TASKS BEGAN", "verb", verb_columns, rows - players - slow);
    write_slow(&p, slow);
    buf_fini(&p.line);
}
