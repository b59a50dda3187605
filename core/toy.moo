// $toy: the generic wind-up toy, the example of `help toy'. Its state is the author's (`wound' is r), its messages are the child's owner's (rc).
object TOY
  name: "generic wind-up toy"
  parent: THING
  owner: WIZARD
  fertile: true
  readable: true

  property wound (owner: LIBRARIAN, flags: "r") = 0;
  property task (owner: LIBRARIAN, flags: "r") = 0;
  property startup_msg (owner: WIZARD, flags: "rc") = "starts moving.";
  property continue_msg (owner: WIZARD, flags: "rc") = "goes round in a circle.";
  property wind_down_msg (owner: WIZARD, flags: "rc") = "slows down and stops.";

  override aliases = {"generic wind-up toy"};
  override description = "A toy with a key in its back.";
  override import_export_id = "toy";

  verb wind (this none none) owner: LIBRARIAN flags: "rd"
    "wind TOY";
    "Winds it up; it runs when you put it down.";
    if (this.location != player)
      return player:tell("You have to be holding ", this:title(), " first.");
    endif
    this.wound = min(this.wound + 2, 10);
    player:tell("You wind up ", this:title(), ".");
    if (valid(player.location))
      player.location:announce(player:titlec(), " winds up ", this:title(), ".");
    endif
  endverb

  verb "d*rop th*row" (this none none) owner: LIBRARIAN flags: "rxd"
    "drop TOY";
    "Puts it down; it runs if it is wound up.";
    pass(@args);
    if (this.location == player.location && this.wound && !$code_utils:task_valid(this.task))
      this.location:announce_all(this:titlec(), " ", this.startup_msg);
      fork t (1)
        if (valid(this))
          this:run();
        endif
      endfork
      this.task = t;
    endif
  endverb

  verb run (this none this) owner: LIBRARIAN flags: "rxd"
    "Runs down, a turn a second.";
    if (caller != this)
      return E_PERM;
    endif
    while (valid(this) && this.wound > 0 && valid(this.location))
      this.location:announce_all(this:titlec(), " ", this.continue_msg);
      this.wound = this.wound - 1;
      suspend(1);
    endwhile
    if (valid(this) && valid(this.location))
      this.location:announce_all(this:titlec(), " ", this.wind_down_msg);
    endif
  endverb
endobject
