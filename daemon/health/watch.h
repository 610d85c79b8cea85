/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_HEALTH_WATCH_H
#define HARRIER_HEALTH_WATCH_H

#include "clusters.h"

#include "harrier/intake.h"
#include "harrier/base/map.h"

/* What a worker has noticed of each source and cluster since the main thread last asked. Not of the events themselves: only what tells that no
 * news comes, or that what comes cannot be judged. */
struct watch;

/* Why a rule could not judge an event. */
enum watch_why {
    WATCH_LEVEL_METADATA, /* the audit policy logs no objects */
    WATCH_LEVEL_REQUEST,  /* it logs no resulting objects, and the rule asks for them */
    WATCH_MISSING,        /* no object although the level promises one: something on the way took it out */
    WATCH_TRUNCATED,      /* the API server or a transport took it out because it is large */
    WATCH_REJECTED,       /* refused: there is no object at any level, and whoever is refused decides nothing about what others are told */
    WATCH_STAGE,          /* a later stage of the same request has it */
    WATCH_ANONYMOUS,      /* of somebody without a name, who decides nothing either; what comes of others tells what the policy is */
    WATCH_UNRESOLVED,     /* a JSON patch takes its values from where the event does not show them */
    WATCH_RESPONSE,       /* the request is whole, the result is not there or another kind of object */
    WATCH_BOUND,          /* over a bound of harrierd, or broken off: an alert of its own, harrier_incomplete_event */
    WATCH_UNDECIDED,      /* a regex or the combinations of repeated values were over their bounds: harrier_incomplete_event */
    WATCH_WHY_COUNT
};
/* Its name in metrics, such as "level_metadata". */
const char *watch_why_name(enum watch_why why);
/* Is it for an operator to mend? The first three are; BLIND is raised for them. */
bool watch_is_mendable(enum watch_why why);

/* The request that something was first seen with, as much of it as fits; texts of a sender's choice. */
struct watch_request {
    char verb[32], resource[CLUSTERS_NAME_BYTES + 1], uri[256], user[256], level[32];
};

struct watch_blind {
    char *rule;     /* empty: rules beyond the bound, counted together */
    char *resource; /* with its subresource, where the reason is the operator's to mend; empty else, and beyond the bound */
    enum watch_why why;
    uint64_t events;
    struct watch_request first;
};

/* One source and cluster; CLUSTERS_OTHERS: all of the source that are not known. */
struct watch_entry {
    size_t source;
    char *cluster;
    clock_nanos heard;   /* monotonic; when an event came last; 0: none */
    bool timed;
    clock_nanos lead;    /* largest of event's time minus time of receipt; negative where even the youngest event is old */
    uint64_t truncated;  /* events without an object that some rule would have looked into */
    struct map *blind;   /* of struct watch_blind */
};

/* A name that was heard and is not known. */
struct watch_name {
    size_t source;
    char *cluster;
};

/* In a map of those: of the reason, the resource and the rule. */
void watch_blind_key(struct buffer *key, enum watch_why why, struct slice resource, struct slice rule);

/* What was noticed between two calls of watch_take. An entry is there for each known cluster, whatever names come in; names that are not known have their
 * own bound. */
struct watch_batch {
    struct map *entries; /* of struct watch_entry; NULL: none */
    struct map *names;   /* of struct watch_name; NULL: none */
    uint64_t dropped;    /* names beyond the bound, each time that one came */
};

enum { WATCH_BLIND_MAX = 512 };

/* names: that are not known, at most, between two calls of watch_take. clusters outlives it. */
struct watch *watch_new(struct clusters *clusters, size_t names);
void watch_free(struct watch *watch);

/* Worker: events came, of whatever kind. now: monotonic. */
void watch_heard(struct watch *watch, size_t source, struct slice cluster, clock_nanos now);
/* Worker: an event was judged. */
void watch_observe(struct watch *watch, size_t source, const struct intake_observed *observed);

/* Was the event's object left out because it is large, could rules not judge it therefore, and has no alert said so? Then the notice
 * (its slices in the record's arena); it is the worker's, so that it is committed with the event's batch. */
bool watch_is_truncated(const struct intake_observed *observed, struct slice source, size_t raw_bytes, struct alert_notice *notice);

/* Main thread: all since the last call; its parts are freed by watch_batch_free. */
struct watch_batch watch_take(struct watch *watch);
void watch_batch_free(struct watch_batch *batch);

#endif
