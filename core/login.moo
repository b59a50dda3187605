// $login: everything before somebody is logged in.
object LOGIN
  name: "login"
  parent: ROOT
  owner: WIZARD
  readable: true

  property welcome_message (owner: WIZARD, flags: "r") = {
    "Welcome to evermoo.",
    "",
    "  connect NAME PASSWORD   if you have been here before",
    "  create NAME PASSWORD    if you are new",
    "  who, help, quit",
    ""
  };
  property help_message (owner: WIZARD, flags: "r") = {
    "connect NAME PASSWORD   logs in.  A name of several words stands in quotes.",
    "create NAME PASSWORD    makes you a character and logs in.",
    "who                     shows who is here.",
    "quit                    leaves.",
    "welcome                 shows the first screen again.",
    "help                    shows this."
  };
  property create_enabled (owner: WIZARD, flags: "r") = 1;
  property max_failures (owner: WIZARD, flags: "r") = 5;
  property failures (owner: WIZARD, flags: "") = {};

  override aliases = {"login"};
  override description = "The door.  $login.welcome_message is the first screen; .create_enabled is whether newcomers may make a character.";
  override import_export_id = "login";

  verb handle_line (this none this) owner: WIZARD flags: "rxd"
    "#0 only: a line (its words, its text) from `player', a connection that is not logged in. The player who is now, or 0.";
    if (caller != #0)
      return E_PERM;
    endif
    {words, text} = args;
    if (!words)
      return this:welcome_lines();
    endif
    word = words[1];
    for row in (this:command_table())
      if (verb_name = this:fits(row[1], word))
        return this:(row[2])(@listdelete(words, 1));
      endif
    endfor
    notify(player, "I don't understand that.  There are: connect, create, who, quit, welcome and help.");
  endverb

  verb command_table (this none this) owner: LIBRARIAN flags: "rxd"
    "{names, verb}: what can be typed here.";
    return {{"co*nnect", "connect_command"}, {"cr*eate", "create_command"}, {"w*ho @who", "who_command"}, {"q*uit @quit", "quit_command"}, {"wel*come", "welcome_lines"}, {"h*elp ? @help", "help_command"}, {"up*time v*ersion", "version_command"}};
  endverb

  verb fits (this none this) owner: LIBRARIAN flags: "rxd"
    "Whether a word is one of these names, `*' standing behind the least that must be typed.";
    {names, word} = args;
    for name in ($string_utils:explode(names))
      least = index(name, "*") - 1;
      name = strsub(name, "*", "");
      if (length(word) >= (least < 1 ? length(name) | least) && index(name, word) == 1)
        return 1;
      endif
    endfor
    return 0;
  endverb

  verb "welcome_lines" (this none this) owner: WIZARD flags: "rxd"
    if (caller != this)
      return E_PERM;
    endif
    for line in (this.welcome_message)
      notify(player, line);
    endfor
  endverb

  verb "help_command" (this none this) owner: WIZARD flags: "rxd"
    if (caller != this)
      return E_PERM;
    endif
    for line in (this.help_message)
      notify(player, line);
    endfor
  endverb

  verb "version_command" (this none this) owner: WIZARD flags: "rxd"
    if (caller != this)
      return E_PERM;
    endif
    notify(player, tostr("The server is evermoo, version ", server_version(), ".  It is ", ctime(), "."));
  endverb

  verb "quit_command" (this none this) owner: WIZARD flags: "rxd"
    if (caller != this)
      return E_PERM;
    endif
    notify(player, "Come back soon.");
    boot_player(player);
  endverb

  verb "who_command" (this none this) owner: WIZARD flags: "rxd"
    if (caller != this)
      return E_PERM;
    endif
    for line in ($code_utils:who_lines(connected_players()))
      notify(player, line);
    endfor
  endverb

  verb "connect_command" (this none this) owner: WIZARD flags: "rxd"
    "connect NAME [PASSWORD].";
    if (caller != this)
      return E_PERM;
    elseif (!(length(args) in {1, 2}))
      return notify(player, "Usage:  connect NAME PASSWORD") && 0;
    endif
    {name, ?password = ""} = args;
    who = $string_utils:match_player_exactly(name);
    if (!valid(who) || !this:password_fits(who, password))
      this:count_failure();
      return 0;
    elseif (!who.password && !this:is_local(player))
      notify(player, "Who has no password yet can log in from the machine itself only.");
      return 0;
    endif
    this:forget_failures(player);
    return who;
  endverb

  verb "create_command" (this none this) owner: WIZARD flags: "rxd"
    "create NAME PASSWORD.";
    if (caller != this)
      return E_PERM;
    elseif (!this.create_enabled)
      return notify(player, "New characters are made by a wizard here.") && 0;
    elseif (length(args) != 2)
      return notify(player, "Usage:  create NAME PASSWORD") && 0;
    elseif (why = this:name_trouble(args[1], #-1) || this:password_trouble(args[2]))
      return notify(player, why) && 0;
    endif
    who = this:make_player(@args);
    this:forget_failures(player);
    return who;
  endverb

  verb make_player (this none this) owner: WIZARD flags: "rxd"
    "this:make_player(NAME, PASSWORD): a new character. For wizards.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    {name, password} = args;
    who = create($player_class, #-1);
    who.name = name;
    who.aliases = {name};
    who.programmer = $object_utils:isa(who, $prog);
    who:set_password(password);
    set_player_flag(who, 1);
    move(who, $player_start);
    return who;
  endverb

  verb name_trouble (this none this) owner: LIBRARIAN flags: "rxd"
    "What is wrong with NAME for the player WHO (#-1: a new one), as a sentence; \"\" if nothing.";
    {name, who} = args;
    if (typeof(name) != STR || !name || length(name) > 30)
      return "A name has 1 to 30 letters.";
    elseif (!match(name, "^[a-z0-9_'.-]+$"))
      return "A name is made of letters, digits and _ ' . -";
    elseif (!match(name, "[a-z]"))
      return "A name has at least one letter.";
    elseif (name in {"me", "here", "nothing", "everyone", "all", "you", "guest", "wizards"})
      return "That name means something else here.";
    elseif (valid(other = $string_utils:match_player_exactly(name)) && other != who)
      return "Sorry, that name is not available.  Please choose another.";
    endif
    return "";
  endverb

  verb password_trouble (this none this) owner: LIBRARIAN flags: "rxd"
    "What is wrong with a password, as a sentence; \"\" if nothing.";
    if (index(args[1], " "))
      return "A password has no blanks in it.";
    elseif (length(args[1]) < 3)
      return "A password has at least 3 characters.";
    elseif (length(args[1]) > 200)
      return "That is too long to remember.";
    endif
    return "";
  endverb

  verb encrypt (this none this) owner: LIBRARIAN flags: "rxd"
    "A password as it is kept: SHA-512 with a salt of its own.";
    letters = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    salt = "$6$";
    for i in [1..16]
      salt = salt + letters[random(length(letters))];
    endfor
    return crypt(args[1], salt);
  endverb

  verb password_fits (this none this) owner: WIZARD flags: "rxd"
    "this:password_fits(WHO, TEXT): whether that is the password; anything is, where there is none. For wizards.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    {who, text} = args;
    if (!(kept = `who.password ! ANY => "*"'))
      return 1;
    endif
    return typeof(kept) == STR && equal(`crypt(text, kept) ! ANY => ""', kept);
  endverb

  verb is_local (this none this) owner: WIZARD flags: "rxd"
    "Whether a connection comes from this machine, by its numeric address: names can be made up. For wizards.";
    if (!caller_perms().wizard)
      return E_PERM;
    endif
    address = `connection_name(args[1], 1) ! ANY => ""';
    if (!address)
      name = `connection_name(args[1]) ! ANY => ""';
      address = (found = match(name, "from %([^, ]+%),")) ? substitute("%1", found) | "";
    endif
    return address in {"::1", "localhost"} || match(address, "^%(::ffff:%)?127%.[0-9.]+$") ? 1 | 0;
  endverb

  verb count_failure (this none this) owner: WIZARD flags: "rxd"
    "Says no; after too many times the line is cut.";
    if (caller != this)
      return E_PERM;
    endif
    notify(player, "Either that player does not exist, or has a different password.");
    open = connected_players(1);
    kept = {};
    count = 1;
    for row in (this.failures)
      if (row[1] == player)
        count = row[2] + 1;
      elseif (row[1] in open)
        kept = {@kept, row};
      endif
    endfor
    this.failures = {@kept, {player, count}};
    if (count >= this.max_failures)
      notify(player, "That was once too often.");
      boot_player(player);
    endif
  endverb

  verb "forget_failures reset_failures" (this none this) owner: WIZARD flags: "rxd"
    "Forgets failed attempts, of one connection or of all.";
    if (!caller_perms().wizard)
      return E_PERM;
    elseif (verb == "reset_failures")
      this.failures = {};
    elseif (found = $list_utils:iassoc(args[1], this.failures))
      this.failures = listdelete(this.failures, found);
    endif
  endverb
endobject
