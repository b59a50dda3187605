/* SPDX-License-Identifier: MIT */
#include "server/phase.h"

bool phase(const char *name) { return (void)name, true; }
