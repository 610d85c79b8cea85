/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_HEALTH_HEALTH_H
#define HARRIER_HEALTH_HEALTH_H

#include "watch.h"

#include "harrier/config.h"

/* "No news" is news: decides, from what the workers have noticed, which sources and clusters are silent, cannot be judged, or have a clock that is
 * wrong, and what is to be told of it. A library of the main thread without clock, thread or I/O: times are given in, notices and what
 * must outlive a restart go out through one callback.
 *
 * An episode begins when a condition holds, is told once, and ends when it has not held for long enough that it does not come and go; the end of
 * a silence and of a wrong clock is told as well. That a rule sees again cannot be noticed from here: that is told no more, and forgotten a
 * day after the last event that it could not judge. What a followed file has lost is no condition: it is told, and has no end.
 *
 * Only clusters that are known (clusters.h) have episodes. And one kind of notice has a rate, health.notices: what is beyond it is told together, in a
 * summary, so that no attack waits behind thousands of them. */
struct health;

/* What a restart must not forget of one source and cluster: for health_restore, to be stored for the slot. */
struct health_state {
    size_t slot;
    struct slice state;
};

/* Something to be told, and the state of its source and cluster (of a summary: of each that it is about) as it is when that is done: all are to be stored
 * in one transaction, so that a restart neither forgets a notice nor repeats it. */
struct health_telling {
    size_t id; /* for health_told */
    const struct alert_notice *notice;
    const struct health_state *states;
    size_t state_count;
};

struct health_options {
    const struct config *config; /* its sources and health; outlives it */
    struct clusters *clusters;   /* which names count; outlives it */
    clock_nanos wall, monotonic; /* now */
    clock_nanos away;            /* since what is restored was stored; nobody could be heard */
    /* Takes the telling over, and calls health_told later on. False: not now, it is offered again. NULL: nothing is told. */
    bool (*tell)(void *context, const struct health_telling *telling);
    void *context;
};

struct health *health_new(const struct health_options *options);
void health_free(struct health *health);

/* Before the first tick: the state that was stored for a slot. False: it is of no use any more (the slot is free). */
bool health_restore(struct health *health, size_t slot, struct slice state);
/* What a worker has noticed, watch_take. */
void health_merge(struct health *health, const struct watch_batch *batch);
/* The machine slept, or the process stood still, for so long without monotonic time having passed: nobody was silent meanwhile, but events are older. */
void health_away(struct health *health, clock_nanos passed);
/* What a followed file has lost since the start, all in all (harrier/follower.h). */
void health_note_losses(struct health *health, size_t source, uint64_t losses);
/* Once a second. accepting: events could come in; while they cannot, nobody is silent. */
void health_tick(struct health *health, clock_nanos wall, clock_nanos monotonic, bool accepting);
/* The fate of a telling. */
void health_told(struct health *health, size_t id, bool stored);

/* Slots whose stored state is to be renewed: calls store for each (an empty state: the slot is free), and names for each part of what is known of names
 * that are not known yet. Nothing is forgotten by that: what is to be stored, or cleared, is offered each time until health_saved has the number
 * that a save gave. */
typedef void health_store(void *context, size_t slot, struct slice state);
uint64_t health_save(struct health *health, health_store *store, health_store *names, void *context);
void health_saved(struct health *health, uint64_t save);
/* As health_restore, of a part of the names. */
void health_restore_names(struct health *health, size_t part, struct slice state);

/* --- for metrics and status ------------------------------------------------------------------------------------------------------ */

struct health_blind_view {
    struct slice rule; /* empty: further rules */
    enum watch_why why;
    uint64_t events;
};

/* One source and cluster; slices live until the next call of another function. */
struct health_view {
    size_t source;
    struct slice cluster; /* empty: all that come through the source; CLUSTERS_OTHERS: those that are not known, which are not watched */
    bool watched;
    bool heard;           /* an event of it has come, before a restart maybe */
    bool silence_counts;  /* false: it is not known when an event of it came last (clusters that only envelopes name) */
    bool silent;          /* and its cluster's events do not come in by another source */
    clock_nanos quiet;    /* since the last event */
    bool timed;
    clock_nanos lead;     /* of the youngest events */
    uint64_t truncated;
};
size_t health_count(const struct health *health);
void health_at(const struct health *health, size_t index, struct health_view *view);
size_t health_blind_count(const struct health *health, size_t index);
void health_blind_at(const struct health *health, size_t index, size_t blind, struct health_blind_view *view);

/* Each condition that holds now, as the notice that was told or is about to be. */
typedef void health_visit(void *context, const struct alert_notice *notice);
void health_conditions(const struct health *health, health_visit *visit, void *context);
/* Names that are not known and are remembered, and how many were dropped to keep these few. */
size_t health_unknown(const struct health *health);
uint64_t health_unknown_dropped(const struct health *health);

#endif
