/* SPDX-License-Identifier: MIT */
#include "server/command.h"

int cmd_import(int argc, char **argv) {
    static const struct argp argp = {0};
    return command_parse(&argp, argc, argv, NULL);
}
