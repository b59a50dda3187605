// $exit: the way from one room to another.
object EXIT
  name: "generic exit"
  parent: ROOT
  owner: WIZARD
  fertile: true
  readable: true

  property source (owner: WIZARD, flags: "rc") = #-1;
  property dest (owner: WIZARD, flags: "rc") = #-1;
  property leave_msg (owner: WIZARD, flags: "rc") = "";
  property oleave_msg (owner: WIZARD, flags: "rc") = "";
  property arrive_msg (owner: WIZARD, flags: "rc") = "";
  property oarrive_msg (owner: WIZARD, flags: "rc") = "";
  property nogo_msg (owner: WIZARD, flags: "rc") = "You can't go that way.";
  property onogo_msg (owner: WIZARD, flags: "rc") = "";

  override aliases = {"generic exit"};
  override import_export_id = "exit";

  verb invoke (this none this) owner: WIZARD flags: "rxd"
    "this:invoke(): takes the player through.";
    if (!$perm_utils:acts_for(caller_perms(), player))
      return E_PERM;
    endif
    return this:move(player);
  endverb

  verb move (this none this) owner: WIZARD flags: "rxd"
    "this:move(WHAT): takes WHAT through. For whoever controls WHAT.";
    what = args[1];
    if (!$perm_utils:controls(caller_perms(), what))
      return E_PERM;
    endif
    dest = this.dest;
    from = what.location;
    if (!valid(dest) || !$object_utils:isa(dest, $room))
      return this:say_nogo(what);
    endif
    if (text = $string_utils:pronoun_sub(this.leave_msg, what, this))
      what:tell_lines(text);
    endif
    result = what:moveto(dest);
    if (what.location != dest || typeof(result) == ERR)
      return this:say_nogo(what);
    endif
    if (valid(from) && from != dest)
      text = $string_utils:pronoun_sub(this.oleave_msg, what, this);
      from:announce_all_but({what}, what:titlec(), " ", text ? text | "leaves for " + dest:title() + ".");
    endif
    text = $string_utils:pronoun_sub(this.oarrive_msg, what, this);
    dest:announce_all_but({what}, what:titlec(), " ", text ? text | "has arrived.");
    if (text = $string_utils:pronoun_sub(this.arrive_msg, what, this))
      what:tell_lines(text);
    endif
    return 1;
  endverb

  verb say_nogo (this none this) owner: LIBRARIAN flags: "rxd"
    "The messages for somebody who could not pass.";
    what = args[1];
    what:tell_lines($string_utils:pronoun_sub(this.nogo_msg, what, this));
    if (this.onogo_msg && valid(what.location))
      what.location:announce_all_but({what}, what:titlec(), " ", $string_utils:pronoun_sub(this.onogo_msg, what, this));
    endif
    return 0;
  endverb

  verb recycle (this none this) owner: WIZARD flags: "rxd"
    "Takes itself off the lists of its rooms.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    this:leave_rooms();
    return pass(@args);
  endverb

  verb leave_rooms (this none this) owner: WIZARD flags: "rxd"
    "Takes itself off the lists of its rooms. For whoever controls it.";
    if (caller != this && !$perm_utils:controls(caller_perms(), this))
      return E_PERM;
    endif
    for room in ({this.source, this.dest})
      if (valid(room) && $object_utils:isa(room, $room))
        room:remove_exit(this);
        room:remove_entrance(this);
      endif
    endfor
  endverb
endobject
