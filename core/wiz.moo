// $wiz: for those who look after the world. Every verb here asks for the wizard bit of whoever typed it.
object WIZ
  name: "generic wizard"
  parent: PROG
  owner: WIZARD
  readable: true

  override aliases = {"generic wizard"};
  override import_export_id = "wiz";

  // {task, when, who asked} of the reboot that counts down, or {}.
  property reboot_countdown (owner: WIZARD, flags: "r") = {};

  verb "@dump-d*atabase @checkpoint" (none none none) owner: WIZARD flags: "rd"
    "@dump-database";
    "Writes the world to disk now.";
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    this:tell("Dumping...");
    #0:watch_checkpoint(this);
    dump_database();
  endverb

  verb "@backup" (any any any) owner: WIZARD flags: "rd"
    "@backup [NAME]";
    "Copies the world to a backup of that name, or to one of those that the server keeps for a time, and reads the copy back.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    this:tell("Copying the world...");
    try
      info = argstr ? backup_database(argstr) | backup_database();
    except e (E_QUOTA, E_INVARG)
      return this:tell(e[2], ".");
    endtry
    this:tell("Save ", info[2][2], " is in ", info[1][2], ": ", info[4][2], " records, ", info[5][2], " bytes, read back and sound.");
  endverb

  verb "@shutdown" (any any any) owner: WIZARD flags: "rd"
    "@shutdown [SECONDS] [REASON]";
    "Ends the server, after a save; with a number, after so many seconds.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    if (!(delay = this:parse_delay(argstr)))
      return;
    endif
    {seconds, reason} = delay;
    this:warn_all("goes down", seconds, reason);
    shutdown(reason);
  endverb

  verb "@reboot" (any any any) owner: WIZARD flags: "rd"
    "@reboot [SECONDS] [REASON]";
    "Replaces the server by the program that is installed now; with a number, after so many seconds, of which everybody is told. Nobody loses the connection. `@abort-reboot' calls it off.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    if (countdown = this:reboot_counting_down())
      return this:tell("A reboot comes already, in ", $time_utils:english_time(max(0, countdown[2] - time())), "; ", $string_utils:nn(countdown[3]), " asked for it.  `@abort-reboot' calls it off.");
    endif
    if (!(delay = this:parse_delay(argstr)))
      return;
    endif
    {seconds, reason} = delay;
    $wiz.reboot_countdown = {task_id(), time() + seconds, this};
    this:warn_all("reboots", seconds, reason);
    $wiz.reboot_countdown = {};
    result = `reboot("", reason) ! ANY';
    if (typeof(result) == ERR)
      this:tell("There was no reboot: ", result);
    endif
  endverb

  verb "@abort-reboot" (any any any) owner: WIZARD flags: "rd"
    "@abort-reboot [REASON]";
    "Calls off the reboot that counts down, and tells everybody so.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    elseif (!this:forget_reboot())
      return this:tell("No reboot counts down.");
    endif
    this:say_to_all(tostr("*** The server does not reboot: ", this.name, " has called it off", argstr ? ": " + argstr | ".", " ***"));
  endverb

  verb reboot_counting_down (this none this) owner: WIZARD flags: "rxd"
    "{task, when, who asked} of the reboot that counts down, or {}.";
    countdown = $wiz.reboot_countdown;
    return countdown && $code_utils:task_valid(countdown[1]) ? countdown | {};
  endverb

  verb forget_reboot (this none this) owner: WIZARD flags: "rxd"
    "Ends the countdown to a reboot; returns whether there was one.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    if (countdown = this:reboot_counting_down())
      kill_task(countdown[1]);
    endif
    $wiz.reboot_countdown = {};
    return countdown != {};
  endverb

  verb parse_delay (this none this) owner: LIBRARIAN flags: "rxd"
    "\"[SECONDS] [REASON]\" as {seconds, reason}; {} when what looks like seconds cannot be meant, which is told.";
    words = $string_utils:explode(args[1]);
    if (!words || !match(words[1], "^[-+]?[0-9]"))
      return {0, args[1]};
    elseif (!$string_utils:is_integer(words[1]) || (seconds = toint(words[1])) < 0 || seconds > 31536000)
      this:tell("The seconds are from 0 to 31536000, which is a year. A reason that begins with a digit is given behind them.");
      return {};
    endif
    return {seconds, $string_utils:from_list(listdelete(words, 1), " ")};
  endverb

  verb warn_all (this none this) owner: WIZARD flags: "rxd"
    "this:warn_all(WHAT, SECONDS, REASON): tells everybody what comes, and waits; tells again when little time is left. What comes at once the server tells.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    {what, left, reason} = args;
    while (left > 0)
      this:say_to_all(tostr("*** The server ", what, " in ", $time_utils:english_time(left), reason ? ": " + reason | ".", " ***"));
      next = 0;
      for mark in ({5, 10, 30, 60, 120, 300, 600, 1800, 3600})
        if (mark < left)
          next = mark;
        endif
      endfor
      suspend(left - next);
      left = next;
    endwhile
  endverb

  verb say_to_all (this none this) owner: WIZARD flags: "rxd"
    "say_to_all(LINE): to every player who is connected. Not through their :tell, which is theirs and could hold it up.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    for who in (connected_players())
      `notify(who, args[1]) ! E_INVARG';
      $command_utils:suspend_if_needed(0);
    endfor
  endverb

  verb "@programmer @wizard @builder" (any none none) owner: WIZARD flags: "rd"
    "@programmer PLAYER";
    "@wizard PLAYER";
    "Gives a player that rank: the class ($prog, $wiz) and the bit.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    who = $string_utils:match_player(dobjstr);
    if ($command_utils:player_match_failed(who, dobjstr))
      return;
    endif
    class = verb == "@wizard" ? $wiz | (verb == "@programmer" ? $prog | $builder);
    if (!$object_utils:isa(who, class))
      chparent(who, class);
    endif
    who.programmer = who.programmer || verb != "@builder";
    who.wizard = who.wizard || verb == "@wizard";
    this:tell($string_utils:nn(who), " is now a ", verb[2..$], ".");
    who:tell("You are now a ", verb[2..$], ".");
  endverb

  verb "@newpassword" (any any any) owner: WIZARD flags: "rd"
    "@newpassword PLAYER [PASSWORD]";
    "Gives a player another password; none: then any will do, from this machine only.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    elseif (!(length(args) in {1, 2}))
      return this:tell("Usage:  @newpassword PLAYER [PASSWORD]");
    endif
    who = $string_utils:match_player(args[1]);
    if ($command_utils:player_match_failed(who, args[1]))
      return;
    elseif (length(args) == 1)
      who.password = 0;
      return this:tell($string_utils:nn(who), " has no password now.");
    endif
    who.password = $login:encrypt(args[2]);
    this:tell("New password set for ", $string_utils:nn(who), ".");
  endverb

  verb "@boot" (any any any) owner: WIZARD flags: "rd"
    "@boot PLAYER [REASON]";
    "Cuts a player's line.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    elseif (!args)
      return this:tell("Usage:  @boot PLAYER [REASON]");
    endif
    who = $string_utils:match_player(args[1]);
    if ($command_utils:player_match_failed(who, args[1]))
      return;
    endif
    reason = $string_utils:from_list(listdelete(args, 1), " ");
    who:tell("You have been disconnected by ", this.name, reason ? ": " + reason | ".");
    boot_player(who);
    this:tell($string_utils:nn(who), " booted.");
  endverb

  verb "@toad" (any none none) owner: WIZARD flags: "rd"
    "@toad PLAYER";
    "Makes a player an ordinary object that nobody can log in as.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    who = $string_utils:match_player(dobjstr);
    if ($command_utils:player_match_failed(who, dobjstr))
      return;
    elseif (who == this)
      return this:tell("Not yourself.");
    endif
    who.wizard = who.programmer = 0;
    set_player_flag(who, 0);
    this:tell($string_utils:nn(who), " is not a player any more.  `@recycle' would destroy what is left.");
  endverb

  verb "@chown" (any to any) owner: WIZARD flags: "rd"
    "@chown OBJECT to PLAYER";
    "@chown OBJECT.PROPERTY to PLAYER";
    "@chown OBJECT:VERB to PLAYER";
    "Gives an object, a property or a verb another owner.";
    if (player != this)
      return player:tell("I don't understand that.");
    endif
    set_task_perms(caller_perms() == #-1 ? player | caller_perms());
    if (!this:is_wizard_here())
      return;
    endif
    owner = $string_utils:match_player(iobjstr);
    if (!valid(owner))
      owner = this:my_match_object(iobjstr);
    endif
    if ($command_utils:object_match_failed(owner, iobjstr))
      return;
    endif
    if ($code_utils:parse_verbref(dobjstr))
      if (ref = this:match_verbref(dobjstr, ""))
        info = verb_info(@ref);
        set_verb_info(@ref, listset(info, owner, 1));
        this:tell("Verb owner set.");
      endif
    elseif ($code_utils:parse_propref(dobjstr))
      if (ref = this:match_propref(dobjstr, ""))
        info = `property_info(@ref) ! ANY';
        if (typeof(info) == ERR)
          return this:tell(info);
        endif
        set_property_info(@ref, listset(info, owner, 1));
        this:tell("Property owner set.");
      endif
    else
      what = this:my_match_object(dobjstr);
      if (!$command_utils:object_match_failed(what, dobjstr))
        what.owner = owner;
        this:tell("Owner of ", $string_utils:nn(what), " is now ", $string_utils:nn(owner), ".");
      endif
    endif
  endverb

  verb is_wizard_here (this none this) owner: LIBRARIAN flags: "rxd"
    "Whether this is a wizard; says so if not.";
    if (!this.wizard)
      this:tell("Only wizards can do that.");
    endif
    return this.wizard;
  endverb
endobject
