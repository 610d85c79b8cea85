/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_COMMIT_COMMIT_H
#define HARRIER_COMMIT_COMMIT_H

#include "queue.h"

#include "harrier/store.h"

#include <stdatomic.h>

/* The commit thread: the only writer of the store. It takes all that is waiting, writes it in one transaction with one fsync, and then tells
 * each submission's owner. */
struct commit;

struct commit_options {
    struct store *store;
    size_t queue_bytes; /* of submissions that may wait: commit_queue.h says who may have how much of it */
    /* After a commit that changed something: the deliver thread looks into the store. */
    void (*committed)(void *context);
    void *context;
    const char *directory; /* of the store, for the probe after a failure */
};

struct commit *commit_start(const struct commit_options *options);
/* What waits is still committed; then the thread ends. The store stays open. */
void commit_stop(struct commit *commit);

/* commit_done is called on the commit thread when the submission's fate is known. RESULT_OK: it is durable, and submission is NULL; else it was not
 * stored and is the callee's again.
 *
 * Takes the submission over. False: there is no room for this sender, or the thread is ending; the submission stays the caller's. Any thread. */
bool commit_submit(struct commit *commit, const struct commit_sender *sender, struct submission *submission, commit_done done, void *context);
/* The daemon is about to end: from then on (monotonic) what can be sent again is given back (RESULT_BUSY) and not taken any more, so that what cannot
 * be is stored in time. Any thread. */
void commit_hurry(struct commit *commit, clock_nanos at);
/* Copies. Any thread. */
void commit_report(struct commit *commit, const struct store_delivery_result *results, size_t count);
/* On the commit thread. RESULT_NOT_FOUND: there were none. count: deliveries that were put back. */
typedef void (*commit_retried)(void *context, enum result result, uint64_t count);
/* Puts dead deliveries back into the queue, on the commit thread; does not wait for it. destination NULL: all. False: too many such requests wait, or the
 * thread is ending, and done is not called. Any thread. */
bool commit_retry_dead(struct commit *commit, int64_t alert, const char *destination, commit_retried done, void *context);

/* False while the store is full, and after a commit failed until one succeeds or the disk takes writes again. */
bool commit_is_healthy(const struct commit *commit);

struct commit_counts {
    uint64_t commits, failures;
    uint64_t refused;          /* the queue was full */
    uint64_t refused_for_room; /* the store was */
    uint64_t alerts_added, alerts_known, dead_letters_added;
    uint64_t queued_bytes;
    uint64_t given_up_removed; /* alerts that a destination never got, removed by retention or for want of room */
    uint64_t nanoseconds; /* spent in commits */
};
void commit_counts(const struct commit *commit, struct commit_counts *counts);

#endif
