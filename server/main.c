/* SPDX-License-Identifier: MIT */
/* The `evermoo' program: finds the subcommand in the one table (commands.def) and runs it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "base/version.h"
#include "server/command.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *doc;
} commands[] = {
#define COMMAND(name, doc) {#name, cmd_##name, doc},
#include "server/commands.def"
#undef COMMAND
};

static void print_help(void) {
    printf("Usage: evermoo COMMAND [OPTION...] [ARGUMENT...]\nA MOO server: worlds on disk, served over telnet.\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) printf("  %-10s %s\n", commands[i].name, commands[i].doc);
    printf("\n`evermoo COMMAND --help' tells about one of them; `evermoo --version' prints the release.\n");
}

static int run_command(const struct command *c, int argc, char **argv) {
    char name[64];
    snprintf(name, sizeof name, "evermoo %s", c->name);
    argv[0] = name;
    int status = c->run(argc, argv);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    perror(name);
    return EXIT_FAILURE;
}

/* Whoever starts us with one of them closed must not find that messages go into what is opened next: a world, or a player's connection. */
static void open_standard_descriptors(void) {
    int fd;
    do fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
    open_standard_descriptors();
    memory_for_libraries();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like any other */
    if (argc < 2) {
        fprintf(stderr, "evermoo: no command given; see evermoo --help\n");
        return COMMAND_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-?") || !strcmp(argv[1], "help")) {
        print_help();
        return EXIT_SUCCESS;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("evermoo %s\n", EVERMOO_VERSION);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (!strcmp(argv[1], commands[i].name)) return run_command(&commands[i], argc - 1, argv + 1);
    fprintf(stderr, "evermoo: there is no command '%.100s'; see evermoo --help\n", argv[1]);
    return COMMAND_USAGE;
}
