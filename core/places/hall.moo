// Where everybody begins.
object HALL
  name: "The Hall"
  parent: ROOM
  owner: LIBRARIAN

  override aliases = {"The Hall", "hall"};
  override description = {
    "A bright hall with whitewashed walls and a floor of worn boards.  Somebody has",
    "swept it lately.  There is room along the walls for doors that nobody has made",
    "yet: whoever likes may add one with @dig."
  };
  override exits = {HALL_NORTH, HALL_EAST};
  override entrances = {GARDEN_SOUTH, WORKSHOP_WEST};
  override free_building = 1;
endobject

object HALL_NORTH
  name: "north"
  parent: EXIT
  owner: LIBRARIAN

  override aliases = {"north", "n", "garden"};
  override description = "A glass door to the garden.";
  override source = HALL;
  override dest = GARDEN;
endobject

object HALL_EAST
  name: "east"
  parent: EXIT
  owner: LIBRARIAN

  override aliases = {"east", "e", "workshop"};
  override description = "An open doorway.  It smells of wood shavings.";
  override source = HALL;
  override dest = WORKSHOP;
endobject

object WELCOME_NOTE
  name: "welcome note"
  parent: NOTE
  location: HALL
  owner: LIBRARIAN

  override aliases = {"welcome note", "note"};
  override description = "A sheet of paper, pinned to a wooden stand.  `read note' shows what it says.";
  override take_failed_msg = "It is pinned to its stand.";
  override text = {
    "Welcome.",
    "",
    "`say hello' or just `\"hello' speaks; `:waves' shows that you wave.  `look', and",
    "walk by typing a direction, such as `north'.  `@describe me as ...' says what you",
    "look like.  `help' has the rest: `help building' and `help programming' when you",
    "want to make something that was not here before."
  };

  verb moveto (this none this) owner: LIBRARIAN flags: "rxd"
    "It stays where it is.";
    return E_NACC;
  endverb
endobject
