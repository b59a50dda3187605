/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <math.h>

#include "server/exposition.h"

static void expect(struct exposition *e, const char *text) {
    cr_assert_str_eq(buf_c(e->out), text);
    buf_clear(e->out);
}

Test(exposition, samples) {
    struct buf out = BUF_INIT;
    struct exposition e = {.out = &out};
    exposition_single(&e, "evermoo_x_total", EXPOSITION_COUNTER, "All of x.", 3);
    expect(&e, "# HELP evermoo_x_total All of x.\n# TYPE evermoo_x_total counter\nevermoo_x_total 3\n");
    exposition_family(&e, "evermoo_y", EXPOSITION_GAUGE, "Y.");
    buf_clear(&out);
    exposition_sample(&e, (const struct exposition_label[]){{"player", "#2"}, {"gone", NULL}, {"name", "a \"b\"\\c\nd \xc3\xa4"}, {NULL, NULL}}, 0.1);
    expect(&e, "evermoo_y{player=\"#2\",name=\"a \\\"b\\\"\\\\c\\nd \xc3\xa4\"} 0.1\n");
    exposition_sample(&e, (const struct exposition_label[]){{"gone", NULL}, {NULL, NULL}}, -1);
    expect(&e, "evermoo_y -1\n");
    buf_fini(&out);
}

Test(exposition, numbers) {
    static const struct {
        double number;
        const char *text;
    } all[] = {{0, "0"}, {123456789012345.0, "123456789012345"}, {0.3, "0.3"}, {0.1 + 0.2, "0.30000000000000004"}, {1e300, "1e+300"}, {9007199254740993.0, "9007199254740992"}, {INFINITY, "+Inf"}, {-INFINITY, "-Inf"}, {NAN, "NaN"}};
    struct buf out = BUF_INIT, wanted = BUF_INIT;
    struct exposition e = {.out = &out, .family = "n"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        buf_clear(&wanted);
        buf_printf(&wanted, "n %s\n", all[i].text);
        exposition_sample(&e, NULL, all[i].number);
        expect(&e, buf_c(&wanted));
    }
    buf_fini(&out);
    buf_fini(&wanted);
}

Test(exposition, histograms) {
    struct buf out = BUF_INIT;
    struct exposition e = {.out = &out, .family = "h"};
    exposition_histogram(&e, (const double[]){0.001, 0.1}, (const uint64_t[]){2, 5}, 2, 6, 12.5);
    expect(&e, "h_bucket{le=\"0.001\"} 2\nh_bucket{le=\"0.1\"} 5\nh_bucket{le=\"+Inf\"} 6\nh_sum 12.5\nh_count 6\n");
    buf_fini(&out);
}
