object WORKSHOP
  name: "The Workshop"
  parent: ROOM
  owner: LIBRARIAN

  override aliases = {"The Workshop", "workshop"};
  override description = {
    "A long bench under a window, with clamps, a vice and a rack of small tools.  This",
    "is a place to try things: nobody minds what you leave here."
  };
  override exits = {WORKSHOP_WEST};
  override entrances = {HALL_EAST};
  override free_building = 1;
endobject

object WORKSHOP_WEST
  name: "west"
  parent: EXIT
  owner: LIBRARIAN

  override aliases = {"west", "w", "hall"};
  override description = "A doorway to the hall.";
  override source = WORKSHOP;
  override dest = HALL;
endobject

object CHEST
  name: "tool chest"
  parent: CONTAINER
  location: WORKSHOP
  owner: LIBRARIAN

  override aliases = {"tool chest", "chest"};
  override description = "A chest of pale wood with rope handles.";
endobject

object MOUSE
  name: "tin mouse"
  parent: TOY
  location: CHEST
  owner: LIBRARIAN

  override aliases = {"tin mouse", "mouse"};
  override description = "A mouse of painted tin with a key in its back.";
  override startup_msg = "whirrs and sets off.";
  override continue_msg = "scurries about between everybody's feet.";
  override wind_down_msg = "runs down with a click.";
endobject
