/* SPDX-License-Identifier: Apache-2.0 */
/* A destination at work: its queue, its pace, and what its tries came to. Shared by deliver.c (the loop) and lane.c (the decisions). */
#ifndef HARRIER_DELIVER_LANE_H
#define HARRIER_DELIVER_LANE_H

#include "destination.h"
#include "http.h"
#include "queue.h"
#include "standing.h"

#include <event2/event.h>
#include <stdatomic.h>

/* Lanes share nothing but the loop, the reader and the bound on all tries in flight; of these each lane may always have one, so that those who hang cannot
 * take every place. */
struct lane {
    struct deliver *deliver;
    struct destination destination;
    struct queue queue;
    bool ordered;
    unsigned int in_flight_max;
    struct standing_policy policy;
    clock_nanos give_up_after;

    struct standing standing;
    unsigned int tries_since_aside; /* of alerts that are not set aside, since the last one that is */
    double rate; /* 0: no limit */
    double tokens;
    clock_nanos tokens_time;

    unsigned int in_flight;
    clock_nanos wake_time; /* monotonic; when it wants to be looked at again; 0: never by itself */

    _Atomic uint64_t delivered, retried, dead, flying, set_aside_total;
    _Atomic bool held_shown;
    _Atomic int64_t last_delivered;
};

struct deliver {
    struct deliver_config config;
    struct event_base *base;
    struct store_reader *reader;
    struct http *http;
    struct lane *lanes;
    size_t lane_count;
    unsigned int in_flight; /* over all lanes */
    clock_nanos looked_at;  /* the clock, last; monotonic */
    size_t first_lane;      /* whose turn it is to be served first */
    struct arena *arena;    /* documents of one try */

    VECTOR(struct store_delivery_result) results; /* to be reported at the end of the turn */

    int signal; /* eventfd: another thread wants something */
    struct event *signalled;
    struct event *timer;
    struct event *grace;
    _Atomic bool wake_wanted, reopen_wanted, stop_wanted;
    _Atomic int64_t grace_time;
    bool stopping;
    bool ended;
    bool read_failed; /* the store cannot be read; logged */
};

void lane_init(struct lane *lane, struct deliver *deliver, const struct deliver_destination_config *config);
void lane_free(struct lane *lane);
/* The monotonic clock went back: all that waits may be tried now, for nobody knows for how long it has waited. */
void lane_end_waits(struct lane *lane);
/* Starts what may start now; sets wake_time. */
void lane_pump(struct lane *lane);
/* The operator may have mended what an operator is needed for: its file is opened anew, and where the receiver asked for no wait, it is tried at once. */
void lane_reopen(struct lane *lane);

#endif
