/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_SERVER_WATCH_H
#define HARRIER_SERVER_WATCH_H

#include "harrier/intake.h"
#include "harrier/map.h"

/* What a worker has noticed of each source and cluster since the main thread last asked. Not of the events themselves: only what tells that no
 * news comes, or that what comes cannot be judged. */
struct watch;

/* Why a rule could not judge an event. The first four are for an operator to mend. */
enum watch_why {
    WATCH_LEVEL_METADATA, /* the audit policy logs no objects */
    WATCH_LEVEL_REQUEST,  /* it logs no resulting objects, and the rule asks for them */
    WATCH_MISSING,        /* no object although the level promises one: something on the way took it out */
    WATCH_TRUNCATED,      /* the API server or a transport took it out because it is large */
    WATCH_REJECTED,       /* refused before an object was decoded: there is none, at any level */
    WATCH_STAGE,          /* a later stage of the same request has it */
    WATCH_UNRESOLVED,     /* a JSON patch takes its values from where the event does not show them */
    WATCH_RESPONSE,       /* the request is whole, the result is not there or another kind of object */
    WATCH_BOUND,          /* over a bound of harrierd, or broken off: an alert of its own, harrier_incomplete_event */
    WATCH_UNDECIDED,      /* a regex or the combinations of repeated values were over their bounds: harrier_incomplete_event */
    WATCH_WHY_COUNT
};
/* Its name in metrics, such as "level_metadata". */
const char *watch_why_name(enum watch_why why);

struct watch_blind {
    char *rule; /* empty: rules beyond the bound, counted together */
    enum watch_why why;
    uint64_t events;
};

/* One source and cluster. */
struct watch_entry {
    size_t source;
    char *cluster;
    clock_nanos heard;   /* monotonic; when an event came last; 0: none */
    bool timed;
    clock_nanos lead;    /* largest of event's time minus time of receipt; negative where even the youngest event is old */
    uint64_t truncated;  /* events without an object that some rule would have looked into */
    struct map *blind;   /* of struct watch_blind */
};

enum { WATCH_CLUSTER_BYTES = 253, WATCH_BLIND_MAX = 512 };

/* entries: sources and clusters at most, between two calls of watch_take. */
struct watch *watch_new(size_t entries);
void watch_free(struct watch *watch);

/* Worker: events came, of whatever kind. now: monotonic. */
void watch_heard(struct watch *watch, size_t source, struct slice cluster, clock_nanos now);
/* Worker: an event was judged. */
void watch_observe(struct watch *watch, size_t source, const struct intake_observed *observed);

/* Was the event's object left out because it is large, could rules not judge it therefore, and has no alert said so? Then the notice
 * (its slices in the record's arena); it is the worker's, so that it is committed with the event's batch. */
bool watch_is_truncated(const struct intake_observed *observed, struct slice source, size_t raw_bytes, struct alert_notice *notice);

/* Main thread: all entries since the last call (values of the map: struct watch_entry), NULL if there are none; freed by watch_batch_free. Adds what
 * did not fit to *refused. */
struct map *watch_take(struct watch *watch, uint64_t *refused);
void watch_batch_free(struct map *batch);

/* Key of a source and cluster, as in the batch. */
void watch_key(struct buffer *key, size_t source, struct slice cluster);

#endif
