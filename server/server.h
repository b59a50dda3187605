/* SPDX-License-Identifier: MIT */
/*
 * The running server: one loop, one world, its listeners and connections. Shared by the files of server/ that make up `serve'; nothing outside sees it.
 *
 * One turn of the loop (turn.c): the scheduler runs slices; what the tasks asked for is settled (booted connections closed, a checkpoint taken, the server
 * ended or replaced); output is written; then the loop waits for sockets, signals and timers. Callbacks of the loop and functions called from inside a
 * task only mark what is to be done: connections are closed and freed while settling and nowhere else.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <ev.h>
#include <sys/types.h>

#include "db/world.h"
#include "lang/machine.h"
#include "scheduler/host.h"
#include "scheduler/scheduler.h"
#include "server/backups.h"
#include "server/blackbox.h"
#include "server/connection.h"
#include "server/control.h"
#include "server/damage.h"
#include "server/fdstore.h"
#include "server/image.h"
#include "server/limit_flags.h"
#include "server/listener.h"
#include "server/logtail.h"
#include "server/metrics.h"
#include "server/notify.h"
#include "server/outbound.h"
#include "server/preflight.h"
#include "server/resolve.h"
#include "server/round.h"
#include "server/saves.h"
#include "server/sockets.h"
#include "server/textdumps.h"
#include "server/terminal.h"
#include "server/workers.h"

enum { SERVE_MAX_ADDRESSES = 8, SERVE_MAX_FOLDERS = 16, SERVER_EXE_SIZE = 4096 };

enum verify_when { VERIFY_BACKGROUND, VERIFY_NOW, VERIFY_OFF };

struct serve_options {
    const char *world;
    const char *log; /* NULL: stderr */
    const char *name_servers; /* NULL: the machine's own */
    const char *dialect; /* NULL: what the world says */
    const char *text_dump; /* file to write at checkpoints and at the end; NULL */
    const char *addresses[SERVE_MAX_ADDRESSES]; /* where to listen; none: everywhere */
    size_t naddresses;
    int port;
    bool outbound;
    enum verify_when verify; /* every record; a sample of them always */
    double verify_after; /* seconds after the start */
    bool accept_damage;
    bool no_deltas; /* saves do not log what they change */
    struct limit_flags limits;
    int metrics; /* port of /metrics; -1: there is none */
    size_t cache_size; /* bytes; 0: half of what there is */
    double save_interval; /* seconds; < 0: as $server_options says */
    double save_patience; /* seconds for which the last save is tried again when it fails */
    const char *reboot_binary; /* what a reboot executes if nothing else is asked for; NULL: the file this server was started from */
    const char *reboot_folders[SERVE_MAX_FOLDERS]; /* where else it may lie */
    size_t nreboot_folders;
    int supervise; /* the argument that asks for a process that starts the server again; 0: none does */
    double supervise_patience; /* seconds for which its loop may stand still; 0: as long as it likes */
    double reboot_patience; /* seconds that the new program may check */
    int hand_off; /* descriptor of a reboot's hand-off, or -1 */
    int recover; /* descriptor of the black box that a crash left, or -1 */
    int previous; /* program to go back to when it cannot be taken over, or -1 */
    int lock; /* descriptor that holds the world's lock since before a reboot; 0: none */
    bool back; /* this is the one that was gone back to */
    bool check; /* only read the hand-off and say whether it could be restored */
    int argc; /* as given, for the next image; without those of a reboot */
    char **argv;
};

/* Who asked for a reboot, and how; kept from the task to the end of the attempt. */
struct reboot_request {
    bool wanted, saving, under_way; /* asked for; its checkpoint is being saved; the new program is being checked, or everybody told */
    objid who;
    char *binary; /* NULL: the configured one */
    char *reason;
    int64_t made_us; /* when the hand-off was made; monotonic; 0: not told */
    int64_t frozen_us; /* when the old image stopped to serve; monotonic; 0: not told */
    char *version; /* of the old image, for the new one; NULL: not told */
    unsigned writes, asked_version; /* version of the hand-off that is written; that somebody asked for, 0: the newest that both programs have */
};

enum server_end { SERVER_RUNS, SERVER_SHUTDOWN, SERVER_EXEC };

struct server {
    struct serve_options options;
    struct ev_loop *loop;
    struct db *db;
    struct machine machine;
    struct scheduler *sched;
    struct host host;
    struct resolver *resolver;

    struct blackbox *box; /* NULL: there is none */
    struct connections connections;
    struct round round;
    struct listeners listeners;
    struct outbound *outbound; /* being opened */
    struct terminal terminal;
    struct workers *workers;
    struct control *control; /* NULL: there is none */
    struct logtail *logtail;
    struct metrics *metrics; /* NULL: there are none */

    /* marks, settled between slices */
    enum server_end end;
    struct str *last_words; /* of a shutdown */
    struct reboot_request reboot;

    int64_t max_queued_output;
    struct saves saves;
    struct backups backups;
    int64_t started_us, last_checkpoint_us, last_silence_look_us;
    int64_t started_wall_us, started_cpu_us; /* cpu: of the process, which the program before it may have used */
    ev_timer wake;
    ev_prepare before_wait; /* what the loop does between two waits is measured */
    ev_check after_wait;
    int64_t woke_us;
    ev_signal sigterm, sigint, sighup, sigusr1, sigusr2;
    struct preflight preflight;
    struct notify notify;
    struct fdstore fdstore;
    struct textdumps textdumps;
    struct damage damage;
    int events; /* the descriptor of the loop, borrowed; -1: not known */
    int hand_off; /* memfd of the reboot under way, -1 */
    int taken_over; /* memfd of the one that has been taken over, until what it held is on disk; -1 */
    int binary; /* the program to be executed next, open; -1 */
    int executable; /* the program that runs, open; borrowed */
    int previous; /* after a reboot, for a while: the one before, open; -1 */
    ev_timer probation; /* that while */
    struct known_sockets *known_sockets; /* of a hand-off that is being read (server/sockets.h) */
    char exe[SERVER_EXE_SIZE]; /* the file this server was started from */
};

/* ---- the command line (serve_options.c) ---- */
/* What is not given has its default. 0, and o->argv is the caller's to free; or an exit status after a line on stderr. */
int serve_options_parse(struct serve_options *o, int argc, char **argv);

/* ---- beginning and end (cmd_serve.c) ---- */
/* Ends everything that is not on disk; `keep_sockets': their descriptors stay open, for the next image. */
void server_close(struct server *s, bool keep_sockets);
void server_log_start(const struct server *s); /* the line in the log with version, world and process */
void server_block_signals(bool on); /* those that the server handles: they wait until they are let in again */

/* ---- settling (turn.c) ---- */
void server_watch_loop(struct server *s);
void server_unwatch_loop(struct server *s);
void server_turn(struct server *s); /* one turn: runs tasks, settles, writes, waits for events */
bool server_settle(struct server *s); /* what connections want; between two slices. false: nothing */
void server_load_options(struct server *s);

/* ---- who is connected (connected.c) ---- */
void server_connections_part(struct server *s, struct db_save_part *part);
void server_note_saved_players(struct server *s); /* a save is on disk: players who were new may be in it */
void server_announce_start(struct server *s); /* user_disconnected for those that the last run or the dump left connected, then #0:server_started() */

void server_announce_recovery(struct server *s); /* user_disconnected for those of them who are not connected now */

/* ---- what tasks ask for (hosting.c) ---- */
void server_fill_host(struct server *s);

/* ---- verbs of #0 about the server itself (hooks.c) ---- */
/* Calls #0:VERB as a task of its own, if there is one. Takes `args'; NULL: none. What goes wrong in it is logged and of no consequence. */
void server_call_hook(struct server *s, const char *verb, struct list *args);
void server_hook_rebooting(struct server *s); /* server_rebooting(reason): before the checkpoint of a reboot */
void server_hook_rebooted(struct server *s); /* server_rebooted(info): the reboot in s->reboot is over, sockets and tasks are here; forgets it */

/* ---- to everybody ---- */
void server_say_to_all(struct server *s, const char *line); /* one line to each connection */
void server_say_to_wizards(struct server *s, const char *line);

/* ---- replacing the server (reboot.c) ---- */
void reboot_begin(struct server *s); /* checkpoint and pre-flight; serving goes on */
/*
 * Saves, writes the hand-off, lets go of the world (server_close) and executes the new image. false: it came not so far, the server goes on. true: nothing could be
 * executed, and the server is to be opened again from s->options.hand_off. `previous': this image's program, for the new one to go back to.
 */
bool reboot_exec(struct server *s, int previous);
void reboot_close_on_exec(struct server *s); /* all sockets, after taking over */
void reboot_free(struct server *s);
const char *reboot_program(const struct server *s); /* the one that was asked for, or else the configured one */
void reboot_tell(struct server *s, const char *format, ...) __attribute__((format(printf, 2, 3))); /* to who asked, and to the log */

#endif
