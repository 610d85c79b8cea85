/* SPDX-License-Identifier: Apache-2.0 */
/* The front of a destination's queue in memory. The store has the whole of it. */
#ifndef HARRIER_DELIVER_QUEUE_H
#define HARRIER_DELIVER_QUEUE_H

#include "harrier/base/clock.h"
#include "harrier/store.h"
#include "harrier/base/vector.h"

enum {
    QUEUE_LOW = 64,              /* below it more is read */
    QUEUE_READ = 128,            /* new ones read at once */
    QUEUE_UNCOMMITTED_MAX = 512, /* results on their way to the store: then nothing more is sent */
    QUEUE_ASIDE_MAX = 4096,      /* set aside at a time; beyond it the one with the most evidence against it is given up */
    QUEUE_ASIDE_SHARE = 8,       /* one try in so many, while others wait */
    QUEUE_ITEMS_MAX = 8192       /* in memory; from then on no alert is fetched from further down */
};

/* An open delivery, to be tried. */
struct queue_item {
    int64_t alert;
    uint32_t round;
    uint32_t attempts;
    uint64_t failed_at;       /* standing.accepted at its last failure; 0: it has not failed since the start */
    unsigned int evidence;    /* failures since which another was accepted, before it failed again */
    unsigned int aside_tries; /* failures since it was set aside */
    bool set_aside;           /* it waits by itself, until due; all others wait with the destination (standing.h) */
    bool in_flight;
    bool shrunk;
    clock_nanos since; /* counted */
    clock_nanos due;   /* monotonic; set_aside: not before; 0: at once */
    char alert_id[STORE_ID_HEX];
};

/* One that is over, while the store may still show it as open. */
struct queue_ended {
    int64_t alert;
    uint32_t round;
};

/* Both lists rise by alert. A row of the store is new if it is in neither; an ended one that the store no longer shows has been committed and is
 * forgotten. So no answer from the commit thread is needed, and a delivery that an operator put back (another round) is seen like any new one. */
struct queue {
    VECTOR(struct queue_item) items;
    VECTOR(struct queue_ended) ended;
    size_t set_aside;   /* of the items */
    int64_t read_to;    /* the last alert that was read with all before it */
    clock_nanos resume; /* monotonic: until then the destination was to wait when the daemon ended; of the first load; 0: not */
    size_t resumed;     /* alerts that were to wait with it, of the first load */
    bool loaded;        /* once at least */
    bool stale; /* something was committed since the store was read */
    bool more;  /* the store had more than was read */
};

void queue_free(struct queue *queue);
/* True if reading the store would bring something: new deliveries, or leave to send more. */
bool queue_needs_load(const struct queue *queue);
/* Reads the front. now: counted time. wait_max bounds how far in the future a stored time may be, whatever the file says. */
enum result queue_load(struct queue *queue, struct store_reader *reader, const char *destination, clock_nanos now, clock_nanos wait_max);
/* The first that waits with the destination and is not in flight; failed_at not 0: that has not this failed_at. NULL: none. */
struct queue_item *queue_first(struct queue *queue, uint64_t failed_at);
/* The first of these that is least suspected: one that has not failed since the start, if there is one. */
struct queue_item *queue_fresh(struct queue *queue, uint64_t failed_at);
/* The last of these in memory. */
struct queue_item *queue_last(struct queue *queue, uint64_t failed_at);
/* One from anywhere behind what is in memory, put into the queue; NULL if there is none. random: 64 random bits. */
struct queue_item *queue_fetch_far(struct queue *queue, struct store_reader *reader, const char *destination, uint64_t random);
/* Of those that are set aside the one that is due for the longest time, NULL; then *due is when there will be one (0: never). */
struct queue_item *queue_aside_due(struct queue *queue, clock_nanos now, clock_nanos *due);
void queue_set_aside(struct queue *queue, struct queue_item *item);
/* The one to be given up if there are more than QUEUE_ASIDE_MAX set aside; else NULL. */
struct queue_item *queue_aside_excess(struct queue *queue);
/* One that had been refused was taken: all that are set aside may be tried now, and refusals before are no evidence against them (a receiver of several
 * instances, of which one refuses everything). */
void queue_release(struct queue *queue);
struct queue_item *queue_find(struct queue *queue, int64_t alert, uint32_t round);
/* The item is over, its result reported. */
void queue_end(struct queue *queue, struct queue_item *item);
/* The item is gone from the store. */
void queue_drop(struct queue *queue, struct queue_item *item);

#endif
