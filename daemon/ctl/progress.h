/* SPDX-License-Identifier: Apache-2.0 */
/* A bar on stderr for long work; silent where stderr is no terminal or the work is small. */
#ifndef HARRIER_CTL_PROGRESS_H
#define HARRIER_CTL_PROGRESS_H

#include "harrier/base/clock.h"

struct progress {
    bool shown;       /* is this work worth a bar at all */
    bool drawn;       /* one stands on the screen */
    const char *what; /* name of the file */
    clock_nanos begun;
    clock_nanos last;
};

struct progress progress_begin(const char *what, uint64_t size);
/* Draws at most ten times a second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t size);
/* Takes the bar off the screen: before anything else is written, and at the end. */
void progress_clear(struct progress *progress);

#endif
