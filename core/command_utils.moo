// $command_utils: talking with the player, and not taking too long.
object COMMAND_UTILS
  name: "command utilities"
  parent: ROOT
  owner: WIZARD
  readable: true

  property help_msg (owner: WIZARD, flags: "rc") = {
    "object_match_failed(OBJECT, TEXT)  1 and a sentence to the player, if OBJECT is the result of a failed match",
    "player_match_failed(OBJECT, TEXT)  likewise for players",
    "read([PROMPT])                  a line from the player",
    "read_lines()                    lines up to `.', as a list",
    "yes_or_no([QUESTION])           1 or 0",
    "suspend_if_needed(SECONDS)      suspends when few ticks or seconds are left;  running_out_of_time()"
  };

  override aliases = {"command utilities"};
  override description = "Verbs for commands.  `help $command_utils' lists them.";
  override import_export_id = "command_utils";

  verb object_match_failed (this none this) owner: LIBRARIAN flags: "rxd"
    "object_match_failed(OBJECT, TEXT): whether OBJECT is no object; then it tells the player why.";
    {o, text} = args;
    if (o == $nothing || !text)
      player:tell("You must say which object you mean.");
    elseif (o == $failed_match)
      player:tell("I see no \"", text, "\" here.");
    elseif (o == $ambiguous_match)
      player:tell("I don't know which \"", text, "\" you mean.");
    elseif (!valid(o))
      player:tell(o, " does not exist.");
    else
      return 0;
    endif
    return 1;
  endverb

  verb "player_match_failed player_match_result" (this none this) owner: LIBRARIAN flags: "rxd"
    "player_match_failed(OBJECT, TEXT): whether OBJECT is no player; then it tells the player why.";
    {who, text} = args;
    if (!text && !valid(who))
      player:tell("You must say which player you mean.");
    elseif (who == $ambiguous_match)
      player:tell("\"", text, "\" could be several players.");
    elseif (!valid(who) || !is_player(who))
      player:tell("\"", text, "\" is not the name of any player.");
    else
      return 0;
    endif
    return 1;
  endverb

  verb read (this none this) owner: WIZARD flags: "rxd"
    "read([PROMPT]): the player's next line. `@abort' ends the task.";
    {?prompt = "a line of input"} = args;
    if (!this:may_read(caller_perms()))
      raise(E_PERM);
    endif
    set_task_perms(caller_perms().wizard ? caller_perms() | player);
    notify(player, tostr("[Type ", prompt, " or `@abort' to abort the command.]"));
    line = read(player);
    if ($string_utils:trim(line) == "@abort")
      notify(player, ">> Command Aborted <<");
      kill_task(task_id());
    endif
    return line;
  endverb

  verb read_lines (this none this) owner: WIZARD flags: "rxd"
    "read_lines(): the player's lines up to one that is `.'; `@abort' ends the task.";
    if (!this:may_read(caller_perms()))
      raise(E_PERM);
    endif
    set_task_perms(caller_perms().wizard ? caller_perms() | player);
    notify(player, "[Type lines of input; use `.' to end or `@abort' to abort the command.]");
    lines = {};
    while ((line = read(player)) != ".")
      if ($string_utils:trim(line) == "@abort")
        notify(player, ">> Command Aborted <<");
        kill_task(task_id());
      endif
      lines = {@lines, line};
    endwhile
    return lines;
  endverb

  verb yes_or_no (this none this) owner: WIZARD flags: "rxd"
    "yes_or_no([QUESTION]): 1 for yes, 0 for no.";
    {?question = ""} = args;
    if (!this:may_read(caller_perms()))
      raise(E_PERM);
    endif
    set_task_perms(caller_perms().wizard ? caller_perms() | player);
    notify(player, tostr(question, question ? " " | "", "[Enter `yes' or `no']"));
    while (1)
      answer = $string_utils:trim(read(player));
      if (answer == "@abort")
        notify(player, ">> Command Aborted <<");
        kill_task(task_id());
      elseif (answer && index("yes", answer) == 1)
        return 1;
      elseif (answer && index("no", answer) == 1)
        return 0;
      endif
      notify(player, "Please enter `yes' or `no'.");
    endwhile
  endverb

  verb may_read (this none this) owner: LIBRARIAN flags: "rxd"
    "may_read(PERMS): who is asked is the player whose command this is: by the player's own rights, a wizard's, or those of the command's verb. So nobody's :tell reads what others type.";
    {perms} = args;
    frames = callers();
    return `is_player(player) ! ANY => 0' && valid(perms) && (perms == player || perms.wizard || frames[$][3] == perms);
  endverb

  verb running_out_of_time (this none this) owner: LIBRARIAN flags: "rxd"
    "Whether it is time to suspend.";
    return ticks_left() < 4000 || seconds_left() < 2;
  endverb

  verb suspend_if_needed (this none this) owner: WIZARD flags: "rxd"
    "suspend_if_needed(SECONDS): suspends so long if few ticks or seconds are left. 1 if it did.";
    if (ticks_left() >= 4000 && seconds_left() >= 2)
      return 0;
    endif
    set_task_perms(caller_perms());
    suspend(@args);
    return 1;
  endverb
endobject
