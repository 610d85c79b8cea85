/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of events by source and cluster. Those that are not known (clusters.h) share one row of their source, as do those beyond the bound. */
#ifndef HARRIER_WORKER_TALLY_H
#define HARRIER_WORKER_TALLY_H

#include "harrier/base/slice.h"

#include <stdint.h>

enum { TALLY_ROWS_MAX = 4096 };

/* received = evaluated + dead_lettered + in_flight, always: changed and read together. */
struct tally_counts {
    uint64_t received;
    uint64_t evaluated;
    uint64_t dead_lettered;
    uint64_t in_flight; /* judged, in units that are not answered yet */
    uint64_t letters_left_out; /* of dead_lettered: counted, and not kept one by one */
    uint64_t cut;       /* went over a bound */
    uint64_t alerts;
    uint64_t other;     /* in an envelope, no audit event, and no error: received does not count it */
};

struct tally_row {
    size_t source;
    char *cluster;
    struct tally_counts counts;
};

/* Rows in the order in which they came up. Not for several threads: its owner locks. */
struct tally {
    struct tally_row *rows;
    size_t count, capacity;
};

/* The row of the source and cluster, made if need be; good until the next call. Beyond TALLY_ROWS_MAX it is the source's row CLUSTERS_OTHERS. */
struct tally_row *tally_row(struct tally *tally, size_t source, struct slice cluster);
/* Adds every row of from to the rows of to. */
void tally_merge(struct tally *to, const struct tally *from);
/* Over all clusters. */
struct tally_counts tally_of_source(const struct tally *tally, size_t source);
void tally_free(struct tally *tally);

#endif
