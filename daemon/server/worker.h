/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SERVER_WORKER_H
#define HARRIER_SERVER_WORKER_H

#include "commit.h"
#include "generation.h"

#include "harrier/budget.h"
#include "harrier/source.h"

/* A worker thread: bytes in, parse, map, evaluate, for the connections it was given. It shares nothing with other workers but the
 * generation, the budget and the commit queue. */
struct worker;

struct worker_options {
    const struct config *config; /* of the start: its sources and limits; outlives the worker */
    struct commit *commit;
    struct budget *budget;
    unsigned int number;
};

/* References the generation. */
struct worker *worker_start(const struct worker_options *options, struct generation *generation);
/* Requests that are not answered are given up; the thread ends. commit must still run. */
void worker_stop(struct worker *worker);

/* Any thread. */
void worker_add_connection(struct worker *worker, size_t source, int fd, const struct address *peer);
void worker_drain(struct worker *worker);
/* Requests that begin from now on run under the generation; references it. */
void worker_set_generation(struct worker *worker, struct generation *generation);
struct source_worker *worker_source(struct worker *worker);

/* Of one source. received = evaluated + dead_lettered + in_flight, always: taken together under one lock. */
struct worker_event_counts {
    uint64_t received;
    uint64_t evaluated;
    uint64_t dead_lettered;
    uint64_t in_flight; /* judged, in requests that are not answered yet */
    uint64_t cut;       /* went over a bound */
    uint64_t alerts;
};
/* Adds the worker's to counts. Any thread. */
void worker_event_counts(struct worker *worker, size_t source, struct worker_event_counts *counts);
/* Adds to counts; for a rule of the generation of that number (nothing if the worker has left it). Any thread. */
void worker_rule_counts(struct worker *worker, const struct generation *generation, size_t rule, struct detect_rule_counts *counts);
void worker_detect_counts(struct worker *worker, struct detect_counts *counts);

#endif
