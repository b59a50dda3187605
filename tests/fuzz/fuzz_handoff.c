/* SPDX-License-Identifier: MIT */
/* Any bytes as a reboot's hand-off, and as the parts of one that connections keep: refused or taken, never more than that. */
#include <stdint.h>

#include "base/must.h"
#include "server/handoff.h"
#include "server/server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf why = BUF_INIT;
    if (handoff_check(data, size, &why)) must(why.len > 0);
    buf_fini(&why);
    struct line_reader reader;
    struct output output;
    struct dec d = dec_over(data, size);
    lines_init(&reader, 1000);
    lines_decode(&reader, &d);
    lines_fini(&reader);
    output_init(&output);
    output_decode(&output, &d);
    output_fini(&output);
    struct shares_in shares = {0};
    d = dec_over(data, size);
    d.shares = &shares;
    while (!d.bad && !dec_at_end(&d)) value_unref(dec_value(&d));
    shares_in_fini(&shares);
    return 0;
}
