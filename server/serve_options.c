/* SPDX-License-Identifier: MIT */
/* The command line of `evermoo serve'. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dialect.h"
#include "base/must.h"
#include "server/command.h"
#include "server/guard.h"
#include "server/resolve.h"
#include "server/server.h"

enum { DEFAULT_PORT = 7777, DEFAULT_SAVE_PATIENCE = 30, DEFAULT_REBOOT_PATIENCE = 30, DEFAULT_SUPERVISE_PATIENCE = 30 };

enum option_key { KEY_LISTEN = 'l', KEY_PORT = 'p', KEY_OUTBOUND = 'o', KEY_LOG = 0x100, KEY_DIALECT, KEY_SAVE_INTERVAL, KEY_SAVE_PATIENCE, KEY_CACHE_SIZE, KEY_HAND_OFF, KEY_PREVIOUS, KEY_RECOVER, KEY_LOCK, KEY_BACK, KEY_CHECK, KEY_NO_DELTAS, KEY_VERIFY, KEY_VERIFY_AFTER, KEY_ACCEPT_DAMAGE, KEY_TEXT_DUMP, KEY_REBOOT_BINARY, KEY_REBOOT_FOLDER, KEY_REBOOT_PATIENCE, KEY_SUPERVISE, KEY_NAME_SERVERS, KEY_SCRIPT, KEY_METRICS };

static const struct argp_option option_table[] = {
    {"port", KEY_PORT, "PORT", 0, "listen on this port (7777; 0: any that is free)", 0},
    {"listen", KEY_LISTEN, "ADDRESS", 0, "listen on this address or name only; may be given several times (every address, IPv4 and IPv6)", 0},
    {"outbound", KEY_OUTBOUND, 0, 0, "allow open_network_connection()", 0},
    {"name-servers", KEY_NAME_SERVERS, "ADDRESS[:PORT],...", 0, "look up names there (where the machine does)", 0},
    {"log", KEY_LOG, "FILE", 0, "append the log to FILE, which is opened again on SIGUSR1 (stderr)", 0},
    {"dialect", KEY_DIALECT, "NAME", 0, "lambda or toast: where LambdaMOO and ToastStunt differ (what the world says)", 0},
    {"metrics", KEY_METRICS, "PORT", 0, "tell how the server is on http://localhost:PORT/metrics, to this machine only (0: any that is free)", 0},
    {"save-interval", KEY_SAVE_INTERVAL, "SECONDS", 0, "save what changed this often ($server_options.save_interval, else 5)", 0},
    {"cache-size", KEY_CACHE_SIZE, "SIZE", 0, COMMAND_CACHE_SIZE_DOC, 0},
    {"save-patience", KEY_SAVE_PATIENCE, "SECONDS", 0, "at the end, while the last save fails, try again for so long (30)", 0},
    {"verify", KEY_VERIFY, "WHEN", 0, "look at every record: now (before anybody can connect), background (a minute after the start, slowly) or off (background)", 0},
    {"verify-after", KEY_VERIFY_AFTER, "SECONDS", 0, "when to begin that in the background, counted from the start (60)", 0},
    {"accept-damage", KEY_ACCEPT_DAMAGE, 0, 0, "serve a world whose file is damaged; without this the newest backup takes its place, or, if there is none, nothing is served", 0},
    {"no-deltas", KEY_NO_DELTAS, 0, 0, "saves do not log what they change: worlds can be restored to their backups only", 0},
    {"text-dump", KEY_TEXT_DUMP, "FILE", 0, "write the world as a text dump at each checkpoint and at the end", 0},
    {"reboot-binary", KEY_REBOOT_BINARY, "FILE", 0, "the program that a reboot puts in place of this one (the file from which this one was started)", 0},
    {"reboot-folder", KEY_REBOOT_FOLDER, "DIR", 0, "a reboot may name another program that lies in this folder; may be given several times (none)", 0},
    {"reboot-patience", KEY_REBOOT_PATIENCE, "SECONDS", 0, "how long the new program may take to find out whether it can take over (30)", 0},
    {"supervise", KEY_SUPERVISE, "SECONDS", OPTION_ARG_OPTIONAL, "start a small process that keeps the sockets and starts the server again with them when it dies, or when its loop stands still for so long (30; 0: as long as it likes)", 0},
    {"hand-off", KEY_HAND_OFF, "FD", OPTION_HIDDEN, 0, 0},
    {"recover", KEY_RECOVER, "FD", OPTION_HIDDEN, 0, 0},
    {"previous", KEY_PREVIOUS, "FD", OPTION_HIDDEN, 0, 0},
    {"world-lock", KEY_LOCK, "FD", OPTION_HIDDEN, 0, 0},
    {"script", KEY_SCRIPT, "FD", OPTION_HIDDEN, 0, 0},
    {"back", KEY_BACK, 0, OPTION_HIDDEN, 0, 0},
    {"check", KEY_CHECK, 0, OPTION_HIDDEN, 0, 0},
    {0},
};

static bool parse_number(const char *text, double least, double most, double *out) {
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    return end != text && !*end && !errno && *out >= least && *out <= most;
}

static error_t parse_number_option(int key, const char *arg, struct serve_options *o, const struct argp_state *state) {
    double n = 0;
    switch (key) {
    case KEY_PORT:
        if (!parse_number(arg, 0, 65535, &n)) return command_usage_error(state, "'%.100s' is no port: a number from 0 to 65535", arg);
        o->port = (int)n;
        return 0;
    case KEY_METRICS:
        if (!parse_number(arg, 0, 65535, &n)) return command_usage_error(state, "'%.100s' is no port: a number from 0 to 65535; the address is always this machine's own", arg);
        o->metrics = (int)n;
        return 0;
    case KEY_VERIFY_AFTER:
        if (!parse_number(arg, 0, 1e9, &n)) return command_usage_error(state, "'%.100s' is no number of seconds", arg);
        o->verify_after = n;
        return 0;
    case KEY_SAVE_INTERVAL:
        if (!parse_number(arg, 0, 1e9, &n)) return command_usage_error(state, "'%.100s' is no number of seconds", arg);
        o->save_interval = n;
        return 0;
    case KEY_SAVE_PATIENCE:
        if (!parse_number(arg, 0, 1e6, &n)) return command_usage_error(state, "'%.100s' is no number of seconds", arg);
        o->save_patience = n;
        return 0;
    case KEY_REBOOT_PATIENCE:
        if (!parse_number(arg, 0.1, 1e6, &n)) return command_usage_error(state, "'%.100s' is no number of seconds above 0", arg);
        o->reboot_patience = n;
        return 0;
    case KEY_SUPERVISE:
        if (arg && (!parse_number(arg, 0, 1e6, &n) || (n > 0 && n < 0.1))) return command_usage_error(state, "'%.100s' is no number of seconds: 0, or 0.1 and more", arg);
        if (o->supervise) return command_usage_error(state, "--supervise is given twice");
        o->supervise = state->next - 1; /* an optional value is in the same argument */
        if (arg) o->supervise_patience = n;
        return 0;
    default: /* descriptors that a reboot left open */
        if (!parse_number(arg, 0, 1e6, &n) || fcntl((int)n, F_GETFD) < 0) return command_usage_error(state, "'%.100s' is no open descriptor", arg);
        if (key == KEY_SCRIPT) return close((int)n), 0; /* what led here; its interpreter is done with it */
        *(key == KEY_PREVIOUS ? &o->previous : key == KEY_RECOVER ? &o->recover : key == KEY_LOCK ? &o->lock : &o->hand_off) = (int)n;
        return 0;
    }
}

static error_t parse_option(int key, char *arg, struct argp_state *state) {
    struct serve_options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &o->limits; return 0;
    case KEY_LISTEN:
        if (o->naddresses == SERVE_MAX_ADDRESSES) return command_usage_error(state, "no more than %d addresses", SERVE_MAX_ADDRESSES);
        o->addresses[o->naddresses++] = arg;
        return 0;
    case KEY_PORT:
    case KEY_METRICS:
    case KEY_VERIFY_AFTER:
    case KEY_SAVE_INTERVAL:
    case KEY_SAVE_PATIENCE:
    case KEY_REBOOT_PATIENCE:
    case KEY_SUPERVISE:
    case KEY_HAND_OFF:
    case KEY_LOCK:
    case KEY_RECOVER:
    case KEY_SCRIPT:
    case KEY_PREVIOUS: return parse_number_option(key, arg, o, state);
    case KEY_OUTBOUND: o->outbound = true; return 0;
    case KEY_NAME_SERVERS:
        if (!*arg || !resolver_accepts(arg)) return command_usage_error(state, "'%.100s' are no name servers: addresses, not names, with a comma between two, as 192.0.2.1,[2001:db8::1]:5353", arg);
        o->name_servers = arg;
        return 0;
    case KEY_LOG: o->log = arg; return 0;
    case KEY_DIALECT:
        if (!dialect_by_name(arg)) return command_usage_error(state, "there is no dialect '%.100s': lambda or toast", arg);
        o->dialect = arg;
        return 0;
    case KEY_CACHE_SIZE: return command_size(arg, &o->cache_size) ? 0 : command_usage_error(state, COMMAND_NO_SIZE, arg);
    case KEY_CHECK: o->check = true; return 0;
    case KEY_VERIFY:
        if (!strcmp(arg, "now")) o->verify = VERIFY_NOW;
        else if (!strcmp(arg, "off")) o->verify = VERIFY_OFF;
        else if (strcmp(arg, "background")) return command_usage_error(state, "'%.100s' is not when to verify: now, background or off", arg);
        return 0;
    case KEY_ACCEPT_DAMAGE: o->accept_damage = true; return 0;
    case KEY_NO_DELTAS: o->no_deltas = true; return 0;
    case KEY_TEXT_DUMP: o->text_dump = arg; return 0;
    case KEY_REBOOT_BINARY: o->reboot_binary = arg; return 0;
    case KEY_REBOOT_FOLDER:
        if (o->nreboot_folders == SERVE_MAX_FOLDERS) return command_usage_error(state, "no more than %d folders", SERVE_MAX_FOLDERS);
        o->reboot_folders[o->nreboot_folders++] = arg;
        return 0;
    case KEY_BACK: o->back = true; return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) return ARGP_ERR_UNKNOWN;
        o->world = arg;
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* What the next image gets: as given, without what belonged to a reboot or to the supervisor. */
static void keep_arguments(struct serve_options *o, int argc, char **argv) {
    o->argv = xcalloc((size_t)argc + 1, sizeof *o->argv);
    for (int i = 0; i < argc; i++)
        if ((!i || i != o->supervise) && !guard_is_own_argument(argv[i])) o->argv[o->argc++] = argv[i];
}

int serve_options_parse(struct serve_options *o, int argc, char **argv) {
    struct limit_parser limits;
    limit_parser_init(&limits);
    const struct argp_child children[] = {{&limits.argp, 0, "What holds when neither the player nor $server_options says something else:", 1}, {0}};
    const struct argp argp = {option_table, parse_option, "[WORLD]", "Run a world (./world if none is named).", children, NULL, NULL};
    *o = (struct serve_options){.world = "world", .port = DEFAULT_PORT, .metrics = -1, .save_interval = -1, .verify_after = 60, .save_patience = DEFAULT_SAVE_PATIENCE,
                                .reboot_patience = DEFAULT_REBOOT_PATIENCE, .supervise_patience = DEFAULT_SUPERVISE_PATIENCE, .hand_off = -1, .recover = -1, .previous = -1};
    int rc = command_parse(&argp, argc, argv, o);
    if (!rc) keep_arguments(o, argc, argv);
    return rc;
}
