/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_WORKER_WORKER_H
#define HARRIER_WORKER_WORKER_H

#include "daemon/health/clusters.h"
#include "daemon/commit/commit.h"
#include "followers.h"
#include "daemon/setup/generation.h"
#include "rate.h"
#include "tally.h"
#include "daemon/health/watch.h"

#include "harrier/base/budget.h"
#include "harrier/source.h"

/* A worker thread: bytes in, parse, map, evaluate, for the connections it was given. It shares nothing with other workers but the
 * generation, the budget and the commit queue. */
struct worker;

struct worker_options {
    const struct config *config; /* of the start: its sources and limits; outlives the worker, as all that is pointed to here does */
    const struct source_endpoint *endpoints; /* one per source; those that do not listen are never used */
    struct rate *const *rates;               /* one per source */
    struct clusters *clusters;
    struct commit *commit;
    struct budget *budget;
    const struct slice *positions; /* where each source's file goes on; needed by worker_start alone */
    unsigned int number, count;    /* of all workers */
};

/* References the generation. */
struct worker *worker_start(const struct worker_options *options, struct generation *generation);
/* Requests that are not answered are given up, and what plain senders' connections have read is judged. Until give_up_at (monotonic) it is tried to
 * store what cannot be sent again; then the thread ends. commit must still run. */
void worker_begin_stop(struct worker *worker, clock_nanos give_up_at);
/* Waits for that end, and frees the worker. */
void worker_stop(struct worker *worker);

/* Any thread. */
void worker_add_connection(struct worker *worker, size_t source, int fd, const struct address *peer);
void worker_drain(struct worker *worker);
/* Requests that begin from now on run under the generation; references it. */
void worker_set_generation(struct worker *worker, struct generation *generation);
struct source_worker *worker_source(struct worker *worker);
/* False: the source is no file, or followed by another worker. Not after worker_stop has begun. */
bool worker_follower_counts(struct worker *worker, size_t source, struct source_follower_counts *counts);

/* What it notices of its sources; the worker's. */
struct watch *worker_watch(struct worker *worker);
/* Adds the worker's counts to tally. Any thread. */
void worker_tally(struct worker *worker, struct tally *tally);
/* Adds to counts; for a rule of the generation of that number (nothing if the worker has left it). Any thread. */
void worker_rule_counts(struct worker *worker, const struct generation *generation, size_t rule, struct detect_rule_counts *counts);
void worker_detect_counts(struct worker *worker, struct detect_counts *counts);

#endif
