/* SPDX-License-Identifier: MIT */
/* Players who type at random times whatever programs.c has, hang up and come back. */
#ifndef TESTS_SIM_CROWD_H
#define TESTS_SIM_CROWD_H

#include "sim.h"

enum crowd_habit {
    HABIT_STEADY, /* says something each few seconds */
    HABIT_BUSY, /* starts tasks of all kinds */
    HABIT_BURSTS, /* a dozen lines at once, now and then */
    HABIT_FLOOD, /* hundreds */
    HABIT_COUNT,
    HABIT_TRICKS /* tries to have more than others: by coming and going, and by others' tasks */
};

struct crowd_member {
    struct sim *sim;
    int number;
    enum crowd_habit habit;
    int64_t said, heard; /* numbers of lines, typed and run */
};

struct crowd {
    struct crowd_member *members; /* owned */
    int n;
};

/* The first n players: `habit' of all, or HABIT_COUNT: mixed. */
void crowd_gather(struct crowd *crowd, struct sim *sim, int n, enum crowd_habit habit);
void crowd_disperse(struct crowd *crowd);

#endif
