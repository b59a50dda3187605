#include "db/world.h"
int db_world_check(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, struct buf *why);
int db_world_check(const char *dir, void (*fault)(void *ctx, const char *text), void (*progress)(void *ctx, double part), void *ctx, struct buf *why){(void)dir,(void)fault,(void)progress,(void)ctx,(void)why;return 0;}
