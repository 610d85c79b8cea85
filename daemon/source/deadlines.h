/* SPDX-License-Identifier: Apache-2.0 */
/* Thousands of deadlines that mostly move before they pass: a timer wheel. Setting, moving and removing one costs the same whatever their
 * number, and a look at what has passed costs as much as there is, so that slow and idle clients cost nothing while they wait. */
#ifndef HARRIER_DAEMON_SOURCE_DEADLINES_H
#define HARRIER_DAEMON_SOURCE_DEADLINES_H

#include "harrier/base/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { DEADLINE_SLOTS = 1024 };

struct deadline {
    LIST_ENTRY(deadline) entry;
    clock_nanos at;
    bool set;
};

LIST_HEAD(deadline_list, deadline);

/* A slot holds what ends within one tick, this time round or a later one. */
struct deadlines {
    clock_nanos tick;
    uint64_t swept; /* ticks since the clock's zero; slots before it hold nothing that has passed */
    struct deadline_list slots[DEADLINE_SLOTS];
    struct deadline_list passed; /* found by the sweep, not taken yet */
};

void deadlines_begin(struct deadlines *deadlines, clock_nanos tick, clock_nanos now);
/* Sets it, or moves it. */
void deadlines_set(struct deadlines *deadlines, struct deadline *deadline, clock_nanos at);
void deadlines_remove(struct deadline *deadline);
/* Takes one that has passed off, or gives NULL. What it is told between two calls may set and remove any. */
struct deadline *deadlines_take(struct deadlines *deadlines, clock_nanos now);

#endif
