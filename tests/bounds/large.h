/* SPDX-License-Identifier: MIT */
/*
 * Things as large as a world of default limits lets them be (an eighth of that where time is counted), made when a program names them: `$big.NAME' is a value, `$NAME' an object;
 * `$cold_NAME' is the same in a world that was saved and opened again, so that nothing of it is in memory. They belong to Ann, a programmer, and are made as an
 * import would make them, without tasks.
 */
#ifndef TESTS_BOUNDS_LARGE_H
#define TESTS_BOUNDS_LARGE_H

#include <stdbool.h>

#include "tests/unit/builtins/fake_host.h"

void large_make(struct fake *f, const char *program);
bool large_is_cold(const char *program);

#endif
