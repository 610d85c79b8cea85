/* SPDX-License-Identifier: Apache-2.0 */
/* The front of a destination's queue in memory. The store has the whole of it. */
#ifndef HARRIER_DELIVER_QUEUE_H
#define HARRIER_DELIVER_QUEUE_H

#include "harrier/clock.h"
#include "harrier/store.h"
#include "harrier/vector.h"

enum {
    QUEUE_LOW = 64,              /* below it more is read */
    QUEUE_READ = 128,            /* new ones read at once */
    QUEUE_UNCOMMITTED_MAX = 512, /* results on their way to the store: then nothing more is sent */
    QUEUE_SUSPECT = 8            /* failures of one alert that may be its own fault: then others may overtake it */
};

/* An open delivery, to be tried. */
struct queue_item {
    int64_t alert;
    uint32_t round;
    uint32_t attempts;
    unsigned int suspicions; /* failures that may be the alert's own fault */
    bool in_flight;
    bool shrunk;
    clock_nanos since; /* counted */
    clock_nanos due; /* monotonic; 0: at once */
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
    bool stale; /* something was committed since the store was read */
    bool more;  /* the store had more than was read */
};

void queue_free(struct queue *queue);
/* True if reading the store would bring something: new deliveries, or leave to send more. */
bool queue_needs_load(const struct queue *queue);
/* Reads the front. now: counted time. wait_max bounds how far in the future a stored time may be, whatever the file says. */
enum result queue_load(struct queue *queue, struct store_reader *reader, const char *destination, clock_nanos now, clock_nanos wait_max);
/* The one to be tried now, or NULL; then *due is when there will be one (0: not before something changes). ordered: none overtakes another, save
 * one that is suspect. */
struct queue_item *queue_next(struct queue *queue, clock_nanos now, bool ordered, clock_nanos *due);
struct queue_item *queue_find(struct queue *queue, int64_t alert, uint32_t round);
/* The item is over, its result reported. */
void queue_end(struct queue *queue, struct queue_item *item);
/* The item is gone from the store. */
void queue_drop(struct queue *queue, struct queue_item *item);
/* The destination works again: all that waits may go, save what is suspect. */
void queue_release(struct queue *queue);

#endif
