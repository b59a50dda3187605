/* SPDX-License-Identifier: MIT */
/*
 * Things as large as a world of default limits lets them be (an eighth of that where time is counted), made when a program names them: `$big.NAME' is a value, `$NAME' an object. They belong to Ann, a programmer, and are made as an
 * import would make them, without tasks.
 */
#ifndef TESTS_BOUNDS_LARGE_H
#define TESTS_BOUNDS_LARGE_H

#include "tests/unit/builtins/fake_host.h"

void large_make(struct fake *f, const char *program);

#endif
