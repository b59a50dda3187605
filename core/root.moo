// $root: what all objects have.
object ROOT
  name: "Root Class"
  owner: WIZARD
  fertile: true
  readable: true

  property aliases (owner: WIZARD, flags: "rc") = {};
  property description (owner: WIZARD, flags: "rc") = "";
  property import_export_id (owner: WIZARD, flags: "r") = "";

  verb initialize (this none this) owner: LIBRARIAN flags: "rxd"
    "Called when an object has been created. Children pass(@args).";
    return 0;
  endverb

  verb recycle (this none this) owner: LIBRARIAN flags: "rxd"
    "Called before an object is destroyed. Children pass(@args).";
    return 0;
  endverb

  verb accept (this none this) owner: LIBRARIAN flags: "rxd"
    "Whether args[1] may be moved into this.";
    return 0;
  endverb

  verb "enterfunc exitfunc" (this none this) owner: LIBRARIAN flags: "rxd"
    "Called after args[1] has come in, or gone out.";
    return 0;
  endverb

  verb moveto (this none this) owner: WIZARD flags: "rxd"
    "this:moveto(where): moves this, in its owner's name, so that `where' is asked. For this itself, its owner and wizards. Returns an error rather than raising it.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    where = args[1];
    if (valid(this.owner) && this.owner.wizard && valid(where) && !is_player(this) && !where:accept(this))
      "A wizard's move would not take no for an answer.";
      return E_NACC;
    endif
    set_task_perms(this.owner);
    return `move(this, where) ! ANY';
  endverb

  verb title (this none this) owner: LIBRARIAN flags: "rxd"
    "The name to show.";
    return this.name;
  endverb

  verb titlec (this none this) owner: LIBRARIAN flags: "rxd"
    "The name to begin a sentence with.";
    return $string_utils:capitalize(this:title());
  endverb

  verb description (this none this) owner: LIBRARIAN flags: "rxd"
    "What looking shows: a string, or a list of lines.";
    return this.description;
  endverb

  verb look_self (this none this) owner: LIBRARIAN flags: "rxd"
    "Shows this to the player who looks.";
    text = this:description();
    player:tell_lines(text ? text | "You see nothing special.");
  endverb

  verb tell (this none this) owner: LIBRARIAN flags: "rxd"
    "Things hear nothing.";
    return 0;
  endverb

  verb tell_lines (this none this) owner: LIBRARIAN flags: "rxd"
    "Tells each line of a list, or one string.";
    for line in (typeof(args[1]) == LIST ? args[1] | args)
      this:tell(line);
    endfor
  endverb

  verb "announce announce_all announce_all_but" (this none this) owner: LIBRARIAN flags: "rxd"
    "Nobody hears what is announced to something that is not a room.";
    return 0;
  endverb

  verb set_name (this none this) owner: WIZARD flags: "rxd"
    "Gives this another name. Returns E_PERM when it may not be.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    elseif (is_player(this))
      return E_INVARG;
    endif
    this.name = args[1];
    return 1;
  endverb

  verb set_aliases (this none this) owner: WIZARD flags: "rxd"
    "Gives this other names to be called by.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    elseif (typeof(args[1]) != LIST)
      return E_TYPE;
    endif
    this.aliases = args[1];
    return 1;
  endverb

  verb set_description (this none this) owner: WIZARD flags: "rxd"
    "Says what looking shows.";
    if (!$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    elseif (!(typeof(args[1]) in {STR, LIST}))
      return E_TYPE;
    endif
    this.description = args[1];
    return 1;
  endverb
endobject
