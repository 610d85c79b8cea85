/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for the commit thread, in fair order. Not for several threads: its owner locks. */
#ifndef HARRIER_COMMIT_QUEUE_H
#define HARRIER_COMMIT_QUEUE_H

#include "harrier/base/result.h"
#include "harrier/submission.h"

/* Whose submissions wait, and in which order they are taken.
 *
 * One source has one share of the commits, whatever it sends, and within a source one connection has one: by bytes, as deficit round robin shares a
 * link (Shreedhar and Varghese, SIGCOMM 1995). Who comes after a pause with a small one goes first, as in FQ-CoDel (RFC 8290 section 4.2), so that it
 * is in the next transaction whatever waits; but those who always "come after a pause", with a new connection for each submission, may be ahead of the
 * others by no more than a bound, and who has had more than its share keeps the debt for as long as others wait. A connection's own submissions stay in
 * their order.
 *
 * The room is shared as well: a source may hold SHARE times as much as is left free, and so may a connection of what is left to its source (the
 * dynamic threshold of Choudhury and Hahne, 1998). One alone has nearly all of it, many have about the same each, and something is always free for
 * whoever comes next: a connection that has nothing waiting needs room for its submission alone where that is small, and a source that has nothing
 * waiting is taken whatever the others hold. */
struct commit_queue;

enum { COMMIT_OWN = -1 }; /* the daemon's own notices, in the place of a source */

struct commit_sender {
    int64_t source;      /* index, or COMMIT_OWN */
    uint64_t connection; /* any number that tells the source's connections apart; two of the same number share one share */
    bool resends;        /* what is refused comes again */
    bool insists;        /* taken whatever waits: it is in memory anyway, cannot come again, and the daemon is about to end */
};

/* On the commit thread: see commit.h. */
typedef void (*commit_done)(void *context, enum result result, struct submission *submission);

struct commit_waiting {
    struct submission *submission;
    commit_done done;
    void *context;
    struct commit_sender sender;
};

/* bytes: that may wait. */
struct commit_queue *commit_queue_new(size_t bytes);
/* Nothing may wait any more. */
void commit_queue_free(struct commit_queue *queue);
/* False: no room for this sender; the submission stays the caller's. */
bool commit_queue_add(struct commit_queue *queue, const struct commit_waiting *waiting);
/* The next one; false: there is none. */
bool commit_queue_take(struct commit_queue *queue, struct commit_waiting *waiting);
/* The next one of those that can be sent again; false: there is none. In no fair order: for giving them back. */
bool commit_queue_take_resendable(struct commit_queue *queue, struct commit_waiting *waiting);
size_t commit_queue_count(const struct commit_queue *queue);
size_t commit_queue_bytes(const struct commit_queue *queue);

#endif
