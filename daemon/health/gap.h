/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_HEALTH_GAP_H
#define HARRIER_HEALTH_GAP_H

#include "harrier/base/buffer.h"
#include "harrier/base/counted.h"

#include <stdbool.h>

/* Times in which no batch could be acknowledged: the daemon was down, the store took no writes, the machine slept. An API server tries a batch five times,
 * about 83 s in all with its default backoff, and then drops it. A longer gap is one that events may be missing from, and somebody has to send them again.
 *
 * A library without clock or I/O. How long a gap was is told by CLOCK_BOOTTIME, which no jump of the wall clock moves; after another boot by the
 * wall clock, as nothing else knows. */
struct gap;

/* Of API servers: a shorter gap loses nothing. */
#define GAP_PATIENCE (80 * CLOCK_SECOND)

/* A time that events may be missing from; wall. */
struct gap_span {
    clock_nanos from, to;
};

/* now: counted_state. stored: what gap_write wrote before the last end; empty: this is the first start. */
struct gap *gap_new(const struct counted_state *now, struct slice stored);
void gap_free(struct gap *gap);
/* How long ago, at gap_new, stored was written; 0: first start. */
clock_nanos gap_away(const struct gap *gap);
/* Once a second. accepting: a batch can be acknowledged. What passed without monotonic time: the machine slept; at most some seconds are not told. */
clock_nanos gap_tick(struct gap *gap, const struct counted_state *now, clock_nanos monotonic, bool accepting);
/* One that is over and nobody was told of yet. Another that follows before that is joined to it. */
bool gap_untold(const struct gap *gap, struct gap_span *span);
/* It is known to be stored that it was told: of a later one, if it was joined meanwhile, that is still to be told. */
void gap_told(struct gap *gap, const struct gap_span *span);
/* The last one that was told, for a day: whoever looks then still sees what is to be sent again. */
bool gap_shown(const struct gap *gap, struct gap_span *span);
/* What a restart must not forget, as of the last tick; told: with the untold one as told. */
void gap_write(const struct gap *gap, bool told, struct buffer *out);

#endif
