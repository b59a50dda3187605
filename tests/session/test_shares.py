"""Shares of processor time on a real server: flags of serve, options that change while tasks run, what the log says, and what a reboot keeps."""
import re

from session import Server

ALICE = "#4"


def option(c, name, player=""):
    return c.run(f'for row in (scheduler_options({player})) if (row[1] == "{name}") return row[2]; endif endfor return 0')


def debt(c, player):
    return int(re.search(r'"debt"\W+(\d+)', c.eval(f"queue_info({player})"))[1])


def make_options(c):
    c.run('o = #0.server_options; add_property(o, "bg_ticks", 20000, {player, "r"}); add_property(o, "fg_share", 30, {player, "r"})')


def test_where_options_come_from():
    with Server("--bg-ticks=10000", "--quota-fade", "7") as server:
        c = server.login()
        assert option(c, "bg_ticks") == '{10000, "flag"}'
        assert option(c, "quota_fade") == '{7, "flag"}'
        assert option(c, "fg_ticks") == '{30000, "default"}'
        make_options(c)
        assert option(c, "bg_ticks") == '{20000, "server_options"}'
        assert option(c, "bg_ticks", "#4") == '{20000, "server_options"}'
        c.run('add_property(#4, "bg_ticks", 30000, {player, "r"})')
        assert option(c, "bg_ticks", "#4") == '{30000, "player"}'
        c.send("@reboot")
        server.expect_log("REBOOT")
        c.expect("*** The new server is here.")
        assert option(c, "quota_fade") == '{7, "flag"}'


def test_what_does_not_count_is_told_once():
    with Server() as server:
        c = server.login()
        make_options(c)
        assert option(c, "fg_share") == '{30, "server_options"}'
        c.run("#0.server_options.fg_share = 1000")
        assert option(c, "fg_share") == '{50, "default"}'
        for i in range(5):
            c.run(f"#0.server_options.bg_ticks = 2000{i}; suspend(0)")
        server.expect_log("fg_share is 1000, but must be an integer from 1 to 99; 50 holds instead")
        assert server.log_text().count("fg_share is 1000") == 1


def test_flags_out_of_range_are_refused():
    with Server() as server:
        server.stop()
        for flag, text in (("--fg-share=100", "an integer from 1 to 99"), ("--max-slice-ms=fast", "an integer from 10 to 1000000000"), ("--task-lag-threshold=-1", "a number from 0.0 to 1000000.0")):
            mark = len(server.log_text())
            server.spawn(flag)
            assert server.wait() == 64
            said = server.log_text()[mark:]
            assert text in said and said.count("\n") == 1, said
        server.start()


def test_a_pause_lasts_through_a_reboot():
    with Server() as server:
        w, a = server.login(), server.login("Alice")
        w.run(f"set_tick_quota({ALICE}, 0)")
        a.run('fork (0) notify(player, "it runs"); endfork')
        assert a.eval("1 + 1") == "2"
        w.send("@reboot")
        w.expect("*** The new server is here.")
        assert a.eval("{tick_quota(player), length(queued_tasks())}") == "{0, 1}"
        w.run(f"set_tick_quota({ALICE}, -1)")
        a.expect("it runs")
        assert a.eval("{tick_quota(player), length(queued_tasks())}") == "{20000, 0}"


def test_debts_last_through_a_reboot():
    with Server("--dialect=toast", "--quota-fade=0", "--tick-quota=100") as server:
        w, a = server.login(), server.login("Alice")
        a.run('fork (0) while (ticks_left() > 200) endwhile notify(player, "all " + "burnt"); endfork')
        a.expect("all burnt")
        owed = debt(w, ALICE)
        assert owed > 0
        w.send("@reboot")
        w.expect("*** The new server is here.")
        assert debt(w, ALICE) == owed


def test_a_group_has_one_debt():
    with Server("--dialect=toast", "--quota-fade=0", "--tick-quota=100") as server:
        w, a, _ = server.login(), server.login("Alice"), server.login("Bob")
        w.run(f'add_property({ALICE}, "quota_group", #5, {{player, "r"}})')
        a.run('fork (0) while (ticks_left() > 200) endwhile notify(player, "all " + "burnt"); endfork')
        a.expect("all burnt")
        assert debt(w, ALICE) == debt(w, "#5") > 0
