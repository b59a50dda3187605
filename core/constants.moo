// Names of the bundled world's objects, for these files only: in the world they are $root, $room and so on (sysobj.moo).

define SYSOBJ = #0;
define ROOT = #1;
define WIZARD = #2;
define ROOM = #3;
define BUILDER = #4;
define THING = #5;
define PLAYER = #6;
define EXIT = #7;
define CONTAINER = #8;
define NOTE = #9;
define LOGIN = #10;
define PROG = #11;
define WIZ = #12;
define SERVER_OPTIONS = #13;
define STRING_UTILS = #14;
define LIST_UTILS = #15;
define OBJECT_UTILS = #16;
define PERM_UTILS = #17;
define COMMAND_UTILS = #18;
define CODE_UTILS = #19;
define MATCH_UTILS = #20;
define BUILDING_UTILS = #21;
define LIBRARIAN = #22;
define TIME_UTILS = #23;
define HELP = #24;
define TOY = #25;

// places and things to begin with
define HALL = #26;
define GARDEN = #27;
define WORKSHOP = #28;
define HALL_NORTH = #29;
define GARDEN_SOUTH = #30;
define HALL_EAST = #31;
define WORKSHOP_WEST = #32;
define WELCOME_NOTE = #33;
define CHEST = #34;
define MOUSE = #35;

define LAG_UTILS = #36;
