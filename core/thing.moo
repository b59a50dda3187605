// $thing: what can be carried about.
object THING
  name: "generic thing"
  parent: ROOT
  owner: WIZARD
  fertile: true
  readable: true

  property take_succeeded_msg (owner: WIZARD, flags: "rc") = "You take %t.";
  property otake_succeeded_msg (owner: WIZARD, flags: "rc") = "picks up %t.";
  property take_failed_msg (owner: WIZARD, flags: "rc") = "You can't pick that up.";
  property otake_failed_msg (owner: WIZARD, flags: "rc") = "";
  property drop_succeeded_msg (owner: WIZARD, flags: "rc") = "You drop %t.";
  property odrop_succeeded_msg (owner: WIZARD, flags: "rc") = "drops %t.";
  property drop_failed_msg (owner: WIZARD, flags: "rc") = "You can't drop %t here.";
  property odrop_failed_msg (owner: WIZARD, flags: "rc") = "";

  override aliases = {"generic thing"};
  override import_export_id = "thing";

  verb "g*et t*ake" (this none none) owner: LIBRARIAN flags: "rxd"
    "get THING";
    "take THING";
    "Picks something up.";
    if (!$perm_utils:acts_for(caller_perms(), player) && caller != this)
      return E_PERM;
    elseif (this.location == player)
      player:tell("You already have that!");
    elseif (this.location != player.location)
      player:tell("That isn't here.");
    else
      this:moveto(player);
      this:say_msgs(this.location == player ? "take_succeeded" | "take_failed");
    endif
  endverb

  verb "d*rop th*row" (this none none) owner: LIBRARIAN flags: "rxd"
    "drop THING";
    "Puts down something that you carry.";
    if (!$perm_utils:acts_for(caller_perms(), player) && caller != this)
      return E_PERM;
    elseif (this.location != player)
      player:tell("You don't have that.");
    elseif (!valid(player.location))
      player:tell("There is nowhere to put it.");
    else
      this:moveto(player.location);
      this:say_msgs(this.location == player.location ? "drop_succeeded" | "drop_failed");
    endif
  endverb

  verb "give hand" (this to any) owner: LIBRARIAN flags: "rxd"
    "give THING to PLAYER";
    "Gives somebody something that you carry.";
    if (!$perm_utils:acts_for(caller_perms(), player) && caller != this)
      return E_PERM;
    elseif (this.location != player)
      player:tell("You don't have that.");
    elseif ($command_utils:object_match_failed(iobj, iobjstr))
      "That said why.";
    elseif (iobj.location != player.location || iobj == this)
      player:tell("You can't give it to that.");
    elseif (iobj == player)
      player:tell("You have it already.");
    else
      this:moveto(iobj);
      if (this.location == iobj)
        player:tell("You give ", this:title(), " to ", iobj:title(), ".");
        iobj:tell(player:titlec(), " gives you ", this:title(), ".");
        player.location:announce_all_but({player, iobj}, player:titlec(), " gives ", this:title(), " to ", iobj:title(), ".");
      else
        player:tell(iobj:titlec(), " won't take it.");
      endif
    endif
  endverb

  verb say_msgs (this none this) owner: LIBRARIAN flags: "rxd"
    "this:say_msgs(NAME): the message NAME_msg to the player, and oNAME_msg with the player's name in front to the others.";
    if (text = `this.(args[1] + "_msg") ! ANY => ""')
      player:tell_lines($string_utils:pronoun_sub(text, player, this));
    endif
    if (text = `this.("o" + args[1] + "_msg") ! ANY => ""')
      if (valid(player.location))
        player.location:announce(player:titlec(), " ", $string_utils:pronoun_sub(text, player, this));
      endif
    endif
  endverb
endobject
