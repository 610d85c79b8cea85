/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of health.h: health.c decides, health_state.c writes down what a restart must not forget, health_view.c shows. */
#ifndef HARRIER_SERVER_HEALTH_INTERNAL_H
#define HARRIER_SERVER_HEALTH_INTERNAL_H

#include "health.h"
#include "skew.h"

#include "harrier/memory.h"
#include "harrier/vector.h"

enum { EPISODES = ALERT_NOTICE_LATE + 1, NO_SLOT = -1, BLIND_MAX = 65536 /* over all pairs */ };

/* A condition from its beginning until its end is told. Of BLIND there are several, see struct blind. */
struct episode {
    bool open;
    bool told;
    bool over;           /* has ended; that is still to be told */
    clock_nanos since;   /* wall */
    clock_nanos over_at; /* wall */
};

/* Events that a rule could not judge for one reason. */
struct blind {
    char *rule; /* empty: rules beyond the bound, never told of */
    enum watch_why why;
    uint64_t events;
    clock_nanos since; /* wall; of the first one of the episode; 0: none lately */
    clock_nanos seen;  /* wall; of the last one; to be shown */
    clock_nanos noticed; /* monotonic; of the last one; to reckon with, for a wall clock may jump */
    bool told;
};

struct telling {
    bool under_way;
    enum alert_notice_kind kind;
    bool over;
    enum watch_why why;                /* BLIND */
    VECTOR(struct blind *) rules;      /* BLIND */
};

/* One source and cluster. */
struct pair {
    int64_t slot;    /* of its stored state; NO_SLOT: not yet */
    size_t source;
    char *cluster;   /* empty: all that come through the source, where clusters are not known (yet) */
    bool expected;   /* the configuration names it: never forgotten */
    bool hears;      /* `heard` is of all its events */
    clock_nanos heard, heard_wall; /* monotonic; wall, 0: never. Silence that was seen before a restart counts on */
    clock_nanos returned, returned_wall; /* the first event after a silence; 0: none */
    struct skew skew;
    struct episode episodes[EPISODES];
    VECTOR(struct blind *) blind;
    struct map *blind_by_key;
    clock_nanos blind_not_before; /* monotonic: rules that become blind soon after each other are told of together */
    uint64_t truncated;
    struct telling telling;
};

struct health {
    struct health_options options;
    clock_nanos started, now, wall;
    VECTOR(struct pair *) pairs;
    struct map *by_key;           /* of struct pair */
    VECTOR(struct pair *) slots;  /* NULL: free */
    VECTOR(size_t) freed;         /* slots whose stored state is to be cleared */
    size_t *named;                /* per source: pairs that hear and have a cluster */
    struct buffer key;
    uint64_t refused;
    size_t blind_count; /* over all pairs */
};

static inline const struct config_source *health_source(const struct health *health, const struct pair *pair)
{
    return &health->options.config->sources[pair->source];
}

/* The pair; NULL: there are too many. */
struct pair *health_pair(struct health *health, size_t source, struct slice cluster);
/* What the pair has of the rule and the reason; beyond the bounds: of all further rules. */
struct blind *health_blind(struct health *health, struct pair *pair, struct slice rule, enum watch_why why);
/* Its state as it is when what is being told has been stored; without a telling, as it is. */
void health_write_state(const struct health *health, const struct pair *pair, bool with_telling, struct buffer *out);
void health_take_slot(struct health *health, struct pair *pair);
/* BLIND is raised for these. */
static inline bool health_is_blindness(enum watch_why why)
{
    return why == WATCH_LEVEL_METADATA || why == WATCH_LEVEL_REQUEST || why == WATCH_MISSING;
}
/* The notice of an episode of the pair, as of now. */
struct alert_notice health_notice(const struct health *health, const struct pair *pair, enum alert_notice_kind kind, bool over);
struct slice health_level(enum watch_why why);

#endif
