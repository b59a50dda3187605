// #0: the names of important objects, and the verbs that the server itself calls.
object SYSOBJ
  name: "The System Object"
  parent: ROOT
  owner: WIZARD
  readable: true

  property root (owner: WIZARD, flags: "r") = ROOT;
  property room (owner: WIZARD, flags: "r") = ROOM;
  property thing (owner: WIZARD, flags: "r") = THING;
  property exit (owner: WIZARD, flags: "r") = EXIT;
  property container (owner: WIZARD, flags: "r") = CONTAINER;
  property note (owner: WIZARD, flags: "r") = NOTE;
  property toy (owner: WIZARD, flags: "r") = TOY;
  property player (owner: WIZARD, flags: "r") = PLAYER;
  property builder (owner: WIZARD, flags: "r") = BUILDER;
  property prog (owner: WIZARD, flags: "r") = PROG;
  property wiz (owner: WIZARD, flags: "r") = WIZ;
  property librarian (owner: WIZARD, flags: "r") = LIBRARIAN;
  property login (owner: WIZARD, flags: "r") = LOGIN;
  property help (owner: WIZARD, flags: "r") = HELP;
  property server_options (owner: WIZARD, flags: "r") = SERVER_OPTIONS;
  property string_utils (owner: WIZARD, flags: "r") = STRING_UTILS;
  property list_utils (owner: WIZARD, flags: "r") = LIST_UTILS;
  property object_utils (owner: WIZARD, flags: "r") = OBJECT_UTILS;
  property perm_utils (owner: WIZARD, flags: "r") = PERM_UTILS;
  property command_utils (owner: WIZARD, flags: "r") = COMMAND_UTILS;
  property code_utils (owner: WIZARD, flags: "r") = CODE_UTILS;
  property match_utils (owner: WIZARD, flags: "r") = MATCH_UTILS;
  property building_utils (owner: WIZARD, flags: "r") = BUILDING_UTILS;
  property recycler (owner: WIZARD, flags: "r") = BUILDING_UTILS;
  property lag_utils (owner: WIZARD, flags: "r") = LAG_UTILS;
  property time_utils (owner: WIZARD, flags: "r") = TIME_UTILS;
  property nothing (owner: WIZARD, flags: "r") = #-1;
  property ambiguous_match (owner: WIZARD, flags: "r") = #-2;
  property failed_match (owner: WIZARD, flags: "r") = #-3;
  property player_start (owner: WIZARD, flags: "r") = HALL;
  property player_class (owner: WIZARD, flags: "r") = PROG;
  property checkpoint_watchers (owner: WIZARD, flags: "") = {};
  property lag_told (owner: WIZARD, flags: "") = 0;

  override aliases = {"The System Object", "system"};
  override description = "The object that knows where everything is: $name means a property here.";
  override import_export_id = "sysobj";

  verb do_login_command (this none this) owner: WIZARD flags: "rxd"
    "The server: a line from a connection that has not logged in. The result is who is now logged in, if it is a player.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    return $login:handle_line(args, argstr);
  endverb

  verb user_created (this none this) owner: WIZARD flags: "rxd"
    "The server: somebody logged in for the first time.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    return args[1]:confunc("created");
  endverb

  verb "user_connected" (this none this) owner: WIZARD flags: "rxd"
    "The server: a player logged in.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    return args[1]:confunc("connected");
  endverb

  verb user_reconnected (this none this) owner: WIZARD flags: "rxd"
    "The server: a player who was connected already logged in on another line.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    return args[1]:confunc("reconnected");
  endverb

  verb "user_disconnected user_client_disconnected" (this none this) owner: WIZARD flags: "rxd"
    "The server: a player's line is gone.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    if (valid(args[1]))
      return args[1]:disfunc();
    endif
  endverb

  verb server_started (this none this) owner: WIZARD flags: "rxd"
    "The server: the world is up.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    $login:reset_failures();
    $wiz:forget_reboot();
    this.checkpoint_watchers = {};
  endverb

  verb checkpoint_finished (this none this) owner: WIZARD flags: "rxd"
    "The server: a checkpoint is done; args[1] is whether it is on disk, args[2] what it was, as {name, value}.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    {saved, ?info = {}} = args;
    facts = {};
    for name in ({"generation", "records", "seconds", "error"})
      fact = $list_utils:assoc(name, info);
      facts = {@facts, fact ? fact[2] | ""};
    endfor
    if (saved)
      text = tostr("The world is saved: save ", facts[1], ", ", facts[2], " records in ", facts[3], " seconds.");
    else
      text = tostr("The world could NOT be saved: ", facts[4] || "the server's log says why", ".");
    endif
    watchers = this.checkpoint_watchers;
    this.checkpoint_watchers = {};
    for who in (watchers)
      if (valid(who))
        who:tell(text);
      endif
    endfor
  endverb

  verb handle_lagging_task (this none this) owner: WIZARD flags: "rxd"
    "The server: a slice was longer than $server_options.task_lag_threshold. Wizards who are connected hear of it, once a minute at most. args[1] is where it was, args[2] how many seconds it took.";
    if (callers() && !caller_perms().wizard)
      return E_PERM;
    endif
    {stack, seconds} = args;
    if (time() - this.lag_told < 60)
      return;
    endif
    this.lag_told = time();
    where = stack ? tostr(" in ", $lag_utils:verb_name(stack[1][4], stack[1][2]), valid(stack[1][5]) ? ", for " + $string_utils:nn(stack[1][5]) | "") | "";
    for who in (connected_players())
      if (valid(who) && who.wizard)
        `notify(who, tostr("*** LAG: ", floatstr(tofloat(seconds), 1), " seconds", where, ".  `@lag' tells more. ***")) ! E_INVARG';
      endif
    endfor
  endverb

  verb watch_checkpoint (this none this) owner: WIZARD flags: "rxd"
    "Who wants to hear that the next checkpoint is done.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    this.checkpoint_watchers = setadd(this.checkpoint_watchers, args[1]);
  endverb
endobject
