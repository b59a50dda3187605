;"@reboot and @abort-reboot for the wizards of a ToastCore world that evermoo serves."
;"To install: log in as a wizard and send this whole file, line by line, as if you typed it (tintin++: #textin toastcore-reboot.moo). It may be sent again after a change."
;"To take away: ;;delete_verb($wiz, \"@reboot\"); delete_verb($wiz, \"@abort-reboot\"); delete_property($wiz, \"reboot_countdown\"); delete_property($help_db[\"wiz\"], \"@reboot\"); delete_property($help_db[\"wiz\"], \"@abort-reboot\");"
;;for name in ({"@reboot", "@abort-reboot"}) if (`verb_info($wiz, name) ! E_VERBNF => 0') delete_verb($wiz, name); endif add_verb($wiz, {$wiz.owner, "rd", name}, {"any", "any", "any"}); endfor
;`add_property($wiz, "reboot_countdown", {}, {$wiz.owner, "r"}) ! E_INVARG => "It is there already."'
;;help = `$help_db["wiz"] ! ANY => #-1'; for topic in (valid(help) ? {"@reboot", "@abort-reboot"} | {}) `add_property(help, topic, "", {help.owner, "rc"}) ! E_INVARG'; endfor if (valid(help)) help.("@abort-reboot") = {"*forward*", "@reboot"}; help.("@reboot") = {"Syntax:  @reboot [<seconds>] [<reason>]", "         @abort-reboot [<reason>]", "", "Puts the server program that is installed now in place of the running one. Nobody is disconnected, and no task is lost.", "With a number of seconds everybody who is connected is told first, and again when little time is left. While it counts down any wizard may call it off."}; endif
@program $wiz:@reboot
"Usage:  @reboot [<seconds>] [<reason>]";
"Puts the server program that is installed now in place of the running one. Nobody is disconnected.";
if (!player.wizard)
  return player:notify("Only wizards can do that.");
elseif ((countdown = $wiz.reboot_countdown) && $code_utils:task_valid(countdown[1]))
  return player:notify(tostr("A reboot comes already, in ", $time_utils:english_time(max(0, countdown[2] - time())), "; ", countdown[3], " asked for it.  `@abort-reboot' calls it off."));
endif
set_task_perms(player);
who = tostr(player.name, " (", player, ")");
has_number = args && match(args[1], "^[-+]?[0-9]");
left = has_number ? toint(args[1]) | 0;
reason = has_number ? $string_utils:from_list(listdelete(args, 1), " ") | argstr;
if (left < 0 || left > 31536000 || (has_number && !match(args[1], "^[-+]?[0-9]+$")))
  return player:notify("The seconds are from 0 to 31536000, which is a year. A reason that begins with a digit is given behind them.");
endif
started = `$server["last_restart_time"] ! ANY => 0';
$wiz.reboot_countdown = {task_id(), time() + left, who};
while (left > 0)
  line = tostr("*** ", who, " reboots the server in ", $time_utils:english_time(left), reason ? ": " + reason | ".", " ***");
  for p in (connected_players())
    "...not through p:notify() or p:tell(), which are p's own and could hold this up...";
    `notify(p, line) ! E_INVARG';
    $command_utils:suspend_if_needed(0);
  endfor
  next = 0;
  for mark in ({5, 10, 30, 60, 120, 300, 600, 1800, 3600})
    next = mark < left ? mark | next;
  endfor
  suspend(left - next);
  left = `$server["last_restart_time"] ! ANY => 0' == started ? next | 0;
endwhile
$wiz.reboot_countdown = {};
if (`$server["last_restart_time"] ! ANY => 0' != started)
  "...the server has ended in between and was started anew: there is nothing left to do...";
  return;
endif
reboot("", reason);
.
@program $wiz:@abort-reboot
"Usage:  @abort-reboot [<reason>]";
"Calls off the reboot that counts down.";
if (!player.wizard)
  return player:notify("Only wizards can do that.");
elseif (!($wiz.reboot_countdown && $code_utils:task_valid($wiz.reboot_countdown[1])))
  return player:notify("No reboot counts down.");
endif
set_task_perms(player);
kill_task($wiz.reboot_countdown[1]);
$wiz.reboot_countdown = {};
line = tostr("*** ", player.name, " (", player, ") has called off the reboot", argstr ? ": " + argstr | ".", " ***");
for p in (connected_players())
  `notify(p, line) ! E_INVARG';
  $command_utils:suspend_if_needed(0);
endfor
.
