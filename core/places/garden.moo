object GARDEN
  name: "The Garden"
  parent: ROOM
  owner: LIBRARIAN

  override aliases = {"The Garden", "garden"};
  override description = {
    "Gravel paths between beds of thyme and marigolds.  A bench stands in the sun, or",
    "where the sun would be at another hour."
  };
  override exits = {GARDEN_SOUTH};
  override entrances = {HALL_NORTH};
  override free_building = 1;
endobject

object GARDEN_SOUTH
  name: "south"
  parent: EXIT
  owner: LIBRARIAN

  override aliases = {"south", "s", "hall"};
  override description = "A glass door to the hall.";
  override source = GARDEN;
  override dest = HALL;
endobject
