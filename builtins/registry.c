/* SPDX-License-Identifier: MIT */
#include "builtins/registry.h"

#define MANY (-1)

/* The types of a row, by their names in the table; as many ANY behind them as the machine's struct has room for. */
#define TYPE_ ARG_ANY
#define TYPE_ANY ARG_ANY
#define TYPE_NUMBER ARG_NUMBER
#define TYPE_INT V_INT
#define TYPE_OBJ V_OBJ
#define TYPE_STR V_STR
#define TYPE_ERR V_ERR
#define TYPE_LIST V_LIST
#define TYPE_FLOAT V_FLOAT
#define TYPE_MAP V_MAP
#define T(...) FIRST_FIVE(__VA_ARGS__, ANY, ANY, ANY, ANY, ANY)
#define FIRST_FIVE(a, b, c, d, e, ...) {TYPE_##a, TYPE_##b, TYPE_##c, TYPE_##d, TYPE_##e}
_Static_assert(BUILTIN_MAX_TYPES == 5, "T() fills in five types");

static const struct builtin lambda_table[] = {
#define BUILTIN(name, lo, hi, types, args, doc) {#name, bf_##name, lo, hi, types, args, doc, NULL, NULL},
#define BUILTIN2(name, lo, hi, types, tlo, thi, ttypes, args, doc) {#name, bf_##name, lo, hi, types, args, doc, NULL, NULL},
#define CALLING2(name, lo, hi, types, tlo, thi, ttypes, args, doc) {#name, bf_##name, lo, hi, types, args, doc, bf_##name##_may_wait, NULL},
#define THREADED(name, lo, hi, types, reboot, args, doc) \
    {#name, bf_##name, lo, hi, types, args, doc, NULL, &(const struct threaded){AT_REBOOT_##reboot, bf_##name##_request, bf_##name##_work}},
#define ALIAS(name, body, lo, hi, types, args, doc) {#name, bf_##body, lo, hi, types, args, doc, NULL, NULL},
#include "builtins/builtins.def"
#undef BUILTIN2
#undef CALLING2
};

static const struct builtin toast_table[] = {
#define BUILTIN2(name, lo, hi, types, tlo, thi, ttypes, args, doc) {#name, bf_##name, tlo, thi, ttypes, args, doc, NULL, NULL},
#define CALLING2(name, lo, hi, types, tlo, thi, ttypes, args, doc) {#name, bf_##name, tlo, thi, ttypes, args, doc, bf_##name##_may_wait, NULL},
#include "builtins/builtins.def"
};

const struct builtin *builtins_for_dialect(const struct dialect *d, int *n) {
    *n = sizeof lambda_table / sizeof lambda_table[0];
    return d->toast_arguments ? toast_table : lambda_table;
}
