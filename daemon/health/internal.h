/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of health.h: health.c decides, silence.c of silence, tell.c tells, state.c writes down what a restart must not forget, names.c keeps names
 * that are not known yet, view.c shows. */
#ifndef HARRIER_HEALTH_INTERNAL_H
#define HARRIER_HEALTH_INTERNAL_H

#include "health.h"
#include "names.h"
#include "skew.h"

#include "harrier/base/memory.h"
#include "harrier/base/vector.h"

enum { EPISODES = ALERT_NOTICE_LATE + 1, NO_SLOT = -1, BLIND_MAX = 65536 /* over all pairs */ };

/* A condition from its beginning until its end is told. Of BLIND there are several, see struct blind. */
struct episode {
    bool open;
    bool told;
    bool summed;         /* told in a summary: its end is not told */
    bool over;           /* has ended; that is still to be told */
    bool moved;          /* SILENT: the cluster's events come in by another source */
    const char *by;      /* SILENT: that source's name, of an episode that is moved or ended by a move; NULL: none */
    clock_nanos since;   /* wall */
    clock_nanos over_at; /* wall */
    clock_nanos began, ended; /* monotonic, moved by health_away; how long it lasted is reckoned with these, for a wall clock may jump */
};

/* Events that a rule could not judge for one reason: counted. */
struct blind_total {
    char *rule; /* empty: rules beyond the bound */
    enum watch_why why;
    uint64_t events;
};

/* The same of one resource, as an episode: one cause, that no other hides. */
struct blind {
    char *rule;     /* empty: rules beyond the bound, never told of */
    char *resource; /* empty: where the reason is not the operator's to mend, and resources beyond the bound */
    enum watch_why why;
    struct watch_request first; /* of the episode */
    clock_nanos since; /* wall; of the first one of the episode; 0: none lately */
    clock_nanos seen;  /* wall; of the last one; to be shown */
    clock_nanos noticed; /* monotonic; of the last one; to reckon with, for a wall clock may jump */
    bool told;
};

struct telling {
    bool under_way;
    bool summed; /* as one of a summary */
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
    bool others;     /* clusters that are not known: counted, and no episodes */
    bool expected;   /* the configuration names it: never forgotten */
    bool hears;      /* `heard` is of all its events */
    clock_nanos heard, heard_wall; /* monotonic; wall, 0: never. Silence that was seen before a restart counts on */
    clock_nanos event;             /* as heard, but time in which nobody could be heard counts: what people are told */
    clock_nanos returned, returned_wall, returned_event; /* the first event after a silence; 0: none */
    bool left;                     /* that its cluster comes in by another source was told, as the end of a silence */
    struct skew skew;
    struct episode episodes[EPISODES];
    VECTOR(struct blind *) blind;
    struct map *blind_by_key;
    VECTOR(struct blind_total *) blind_totals;
    struct map *total_by_key;
    clock_nanos blind_not_before[WATCH_WHY_COUNT]; /* monotonic: what becomes blind for the same reason soon after is told of together */
    uint64_t truncated;
    uint64_t losses, losses_told, losses_in_telling; /* of a followed file, since the start */
    clock_nanos losses_since;      /* wall; the first that is not told; 0: none */
    clock_nanos losses_not_before; /* monotonic: further ones are gathered until then */
    struct telling telling;
};

/* How often one kind of notice may be told by itself: a bucket of health.notices, filled in an hour. */
struct tell_rate {
    double left;
    clock_nanos filled;     /* monotonic */
    clock_nanos waits_since; /* monotonic; something is to be told in the next summary; 0: nothing */
    clock_nanos not_before; /* monotonic; the next summary */
};

/* Of which a summary is under way. */
struct summary {
    bool under_way;
    enum alert_notice_kind kind;
    VECTOR(struct pair *) pairs;
};

/* A slot whose stored state is to be cleared. */
struct freed_slot {
    size_t slot;
    uint64_t save; /* that offered it last; 0: none */
};

struct health {
    struct health_options options;
    clock_nanos started, now, wall;
    VECTOR(struct pair *) pairs;
    struct map *by_key;           /* of struct pair */
    VECTOR(struct pair *) slots;  /* NULL: free */
    VECTOR(struct freed_slot) freed; /* until it is known that they were cleared */
    uint64_t saves;
    size_t name_parts; /* of the names, that were ever offered to be stored: those that are not needed are cleared */
    struct health_names *names;
    uint64_t names_dropped; /* by the workers */
    struct tell_rate rates[ALERT_NOTICE_COUNT];
    struct summary summary;
    size_t *named;                /* per source: pairs that hear and have a cluster */
    struct buffer key;
    size_t blind_count; /* of episodes and totals, over all pairs */
};

static inline const struct config_source *health_source(const struct health *health, const struct pair *pair)
{
    return &health->options.config->sources[pair->source];
}

/* The pair, made if need be. */
struct pair *health_pair(struct health *health, size_t source, struct slice cluster);
/* Others than the configuration name clusters of the source. */
bool health_learns_clusters(const struct config_source *source);
/* NULL: there is none. */
struct pair *health_find(struct health *health, size_t source, struct slice cluster);
void health_begin_episode(const struct health *health, struct episode *episode, clock_nanos age);
/* when: wall; at: monotonic. */
void health_end_episode(struct episode *episode, clock_nanos when, clock_nanos at);
void health_judge_silence(struct health *health, struct pair *pair);
/* What the pair has of the rule, the resource and the reason; beyond the bounds of all further resources, of all further rules. */
struct blind *health_blind(struct health *health, struct pair *pair, struct slice rule, struct slice resource, enum watch_why why);
/* Its state as it is when what is being told has been stored; without a telling, as it is. */
void health_write_state(const struct health *health, const struct pair *pair, bool with_telling, struct buffer *out);
void health_take_slot(struct health *health, struct pair *pair);
void health_free_slot(struct health *health, size_t slot);
/* Tells what is to be told, once a second; summaries after all pairs have had their turn. */
void health_tell(struct health *health, struct pair *pair);
void health_tell_summaries(struct health *health);
/* The notice of an episode of the pair, as of now. */
struct alert_notice health_notice(const struct health *health, const struct pair *pair, enum alert_notice_kind kind, bool over);
struct slice health_level(enum watch_why why);
/* Into the notice: the reason, and the request that the episode began with. Its texts live as long as blind. */
void health_note_cause(struct alert_notice *notice, const struct blind *blind);
/* The rule's name, once, though it is blind for several resources; rules has room. */
void health_add_rule(struct slice *rules, size_t *count, const struct blind *blind);

#endif
