// $container: things that hold things.
object CONTAINER
  name: "generic container"
  parent: THING
  owner: WIZARD
  fertile: true
  readable: true

  property opened (owner: WIZARD, flags: "r") = 1;

  override aliases = {"generic container"};
  override import_export_id = "container";

  verb accept (this none this) owner: LIBRARIAN flags: "rxd"
    "Things, not players.";
    return !is_player(args[1]) && args[1] != this;
  endverb

  verb set_opened (this none this) owner: WIZARD flags: "rxd"
    "this:set_opened(YES): for its owner and its own verbs.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    return this.opened = args[1] ? 1 | 0;
  endverb

  verb open (this none none) owner: LIBRARIAN flags: "rxd"
    "open CONTAINER";
    "Opens it, so that its contents can be seen and reached.";
    if (this.opened)
      player:tell("It is already open.");
    else
      this:set_opened(1);
      player:tell("You open ", this:title(), ".");
      player.location:announce(player:titlec(), " opens ", this:title(), ".");
    endif
  endverb

  verb "close shut" (this none none) owner: LIBRARIAN flags: "rxd"
    "close CONTAINER";
    "Closes it.";
    if (!this.opened)
      player:tell("It is already closed.");
    else
      this:set_opened(0);
      player:tell("You close ", this:title(), ".");
      player.location:announce(player:titlec(), " closes ", this:title(), ".");
    endif
  endverb

  verb "put place drop insert" (any in this) owner: WIZARD flags: "rxd"
    "put THING in CONTAINER";
    "Puts something that you carry into it.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif ($command_utils:object_match_failed(dobj, dobjstr))
      "That said why.";
    elseif (!this.opened)
      player:tell(this:titlec(), " is closed.");
    elseif (dobj == this)
      player:tell("It does not fit into itself.");
    elseif (dobj.location != player || is_player(dobj))
      player:tell("You don't have that.");
    else
      dobj:moveto(this);
      if (dobj.location == this)
        player:tell("You put ", dobj:title(), " in ", this:title(), ".");
        player.location:announce(player:titlec(), " puts ", dobj:title(), " in ", this:title(), ".");
      else
        player:tell("It does not go in there.");
      endif
    endif
  endverb

  verb "get take remove" (any from this) owner: WIZARD flags: "rxd"
    "take THING from CONTAINER";
    "Takes something out of it.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    elseif (!this.opened)
      player:tell(this:titlec(), " is closed.");
    elseif (!(this.location in {player, player.location}))
      player:tell("You can't reach that.");
    elseif ($command_utils:object_match_failed(what = $string_utils:match(dobjstr, this.contents), dobjstr))
      "That said why.";
    else
      what:moveto(player);
      if (what.location == player)
        player:tell("You take ", what:title(), " from ", this:title(), ".");
        player.location:announce(player:titlec(), " takes ", what:title(), " from ", this:title(), ".");
      else
        player:tell("You can't take that out.");
      endif
    endif
  endverb

  verb look_self (this none this) owner: LIBRARIAN flags: "rxd"
    "Shows this and what is in it.";
    pass(@args);
    this:look_contents();
  endverb

  verb look_contents (this none this) owner: LIBRARIAN flags: "rxd"
    "Shows what is in it.";
    if (!this.opened)
      player:tell("It is closed.");
    elseif (!this.contents)
      player:tell("It is empty.");
    else
      player:tell("Contents:");
      for what in (this.contents)
        player:tell("  ", what:title());
      endfor
    endif
  endverb
endobject
