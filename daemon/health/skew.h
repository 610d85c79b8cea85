/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_HEALTH_SKEW_H
#define HARRIER_HEALTH_SKEW_H

#include "harrier/base/clock.h"

#include <stdbool.h>

/* Does a cluster's clock agree with ours, as far as its events tell?
 *
 * An event from the future needs no second one: no delay makes an event young, and its time is the API server's, not a client's. One clock
 * of the two is wrong at once.
 *
 * An old event tells nothing by itself: an API server's batch waits up to 30 s and is sent again for minutes, an export may hold events
 * for a quarter of an hour, a shipper that was down delivers hours. What tells is the youngest event of a minute, as delay can only add:
 *   - one young event in a minute: the clock agrees, what was old was late;
 *   - the youngest is old, minute after minute, and gets younger: a backlog that is being worked off. It ends by itself;
 *   - the youngest stays as old as it was for ten minutes that had events, or gets older: a clock that is behind, or a way that is always as late.
 *     The two cannot be told apart from here, and somebody should look in either case: alerts come as late.
 * "Gets younger" is: by more than a tenth of the time that has passed. */
struct skew_limits {
    clock_nanos ahead; /* 0: not looked at */
    clock_nanos late;  /* 0: not looked at */
};

struct skew {
    bool known;          /* there was an event with a time */
    clock_nanos lead;    /* of the youngest event of the last minute that had some: its time minus that of its receipt */
    bool ahead;          /* from the future; until events have agreed for ten minutes */
    clock_nanos agreed_since; /* monotonic; 0: not since the last disagreement */
    bool late;           /* until the youngest events have been on time for ten minutes that had events */
    bool minute_open;
    clock_nanos minute_begin, minute_lead;
    unsigned int late_minutes, early_minutes; /* that had events, in a row */
    clock_nanos run_begin, run_lead;          /* of the first of the late minutes */
};

enum { SKEW_MINUTES = 10 };

/* Events came, the youngest of which was ahead of us by lead (behind: negative). now: monotonic, never going back. */
void skew_note(struct skew *skew, const struct skew_limits *limits, clock_nanos lead, clock_nanos now);
/* Time has passed. */
void skew_pass(struct skew *skew, const struct skew_limits *limits, clock_nanos now);

#endif
