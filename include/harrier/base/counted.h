/* SPDX-License-Identifier: Apache-2.0 */
/* Counted time: how long something has been kept, whatever anybody does to the clocks.
 *
 * It is the sum of the steps of CLOCK_BOOTTIME that were seen to pass, each believed up to a bound, and it goes on after a restart where it was
 * stored. So no jump of the wall clock moves it, not even a jump of the kernel's own clock (a machine that was asleep, a program under
 * libfaketime) by more than one bounded step, and a machine that was off does not age what it stores, since only the wall clock could tell for
 * how long. It errs to one side: it may be behind, never ahead by more than a bounded step. What cannot be taken back (an alert is given up, an
 * alert is removed) goes by it alone. */
#ifndef HARRIER_COUNTED_H
#define HARRIER_COUNTED_H

#include "harrier/base/clock.h"

enum { COUNTED_BOOT_ID = 33 /* 32 hex digits and the NUL */ };

/* Of one step between two looks at the clock in one process: somebody looks at least once a second, save while a disk hangs. */
#define COUNTED_STEP_MAX (10 * CLOCK_SECOND)
/* Of the time between two processes under one boot of the kernel. It makes up for what a killed process had counted and not stored; more would be one
 * look at a clock that may have jumped meanwhile, and nobody can look twice. */
#define COUNTED_AWAY_MAX (60 * CLOCK_SECOND)
/* From this on, a step of the wall clock against CLOCK_BOOTTIME is a jump that people are told of. */
#define COUNTED_JUMP (60 * CLOCK_SECOND)

/* Where the readings come from; tests bring their own. A NULL read means the system's. */
struct counted_source {
    void (*read)(void *context, clock_nanos *boot, clock_nanos *wall);
    void *context;
    const char *boot_id; /* with read: of this boot, NULL or empty: not known */
};

/* What is to be stored, and given to counted_new after a restart. */
struct counted_state {
    clock_nanos counted;
    clock_nanos boot; /* CLOCK_BOOTTIME at that moment */
    clock_nanos wall;
    char boot_id[COUNTED_BOOT_ID]; /* empty: not known */
};

struct counted;

/* stored: of the last process; NULL: time begins now. Then it begins at what the wall clock shows, so that its figures look like dates; that is
 * all that they have to do with one. source may be NULL. */
struct counted *counted_new(const struct counted_source *source, const struct counted_state *stored);
void counted_free(struct counted *counted);

/* Never goes back. Any thread; to be called at least every few seconds by one of them. Logs when the wall clock has jumped, once for each jump. */
clock_nanos counted_now(struct counted *counted);
/* As of now. Any thread. */
void counted_state(struct counted *counted, struct counted_state *state);
/* How much longer than was counted we were probably away before this process. INT64_MAX: nobody knows, it was another boot. Good enough to cut a wait
 * short, where too early costs one try. */
clock_nanos counted_missed(const struct counted *counted);

struct counted_jumps {
    uint64_t count;         /* jumps of the wall clock since the start */
    clock_nanos last;       /* the last one: forward, or negative: backward */
    clock_nanos last_age;   /* how long ago it was, in counted time */
};
/* Any thread. */
void counted_jumps(struct counted *counted, struct counted_jumps *jumps);

#endif
