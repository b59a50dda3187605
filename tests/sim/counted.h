/* SPDX-License-Identifier: MIT */
/* How many functions of the scheduler were entered: a measure of work that is the same on any machine. The Makefile tells of which files (CALLS). */
#ifndef TESTS_SIM_COUNTED_H
#define TESTS_SIM_COUNTED_H

#include <stdint.h>

int64_t counted_calls(void);

#endif
