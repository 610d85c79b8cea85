/* SPDX-License-Identifier: Apache-2.0 */
/* Silence is of a cluster, not of the way that its events take. Where they come in by another source, the one that they left is told of as a low notice: it
 * may be one API server of several that is heard no more. Where nobody hears the cluster, one source says so: the one that heard it last. */
#include "internal.h"

static const clock_nanos minute = 60 * CLOCK_SECOND;

static clock_nanos lesser(clock_nanos a, clock_nanos b)
{
    return a < b ? a : b;
}

/* How long an event now and then does not end a silence, and how fresh what comes in elsewhere must be to say that it does. */
static clock_nanos settled_after(clock_nanos silence_after)
{
    enum { SETTLED_AFTER_MINUTES = 5 };
    return lesser(silence_after / 3, SETTLED_AFTER_MINUTES * minute);
}

/* A source as a whole is of no interest once its clusters are known by name. */
static bool silence_applies(const struct health *health, const struct pair *pair)
{
    const struct config_source *source = health_source(health, pair);
    bool replaced = !pair->cluster[0] && health->named[pair->source] && source->cluster_from != CONFIG_CLUSTER_FROM_ENVELOPE;
    return pair->hears && !replaced;
}

static bool heard_later(const struct pair *one, const struct pair *than)
{
    if (!one->heard_wall != !than->heard_wall)
        return one->heard_wall != 0;
    return one->heard != than->heard ? one->heard > than->heard : one->source < than->source;
}

/* The other source that heard the cluster last; NULL: no other has it. */
static struct pair *other_way(struct health *health, const struct pair *pair)
{
    struct pair *last = NULL;

    for (size_t s = 0; pair->cluster[0] && s < health->options.config->source_count; s++) {
        struct pair *one = s == pair->source ? NULL : health_find(health, s, slice_of(pair->cluster));
        if (one && (!last || heard_later(one, last)))
            last = one;
    }
    return last;
}

static void judge_moved(struct health *health, struct pair *pair, const struct pair *to)
{
    struct episode *episode = &pair->episodes[ALERT_NOTICE_SILENT];
    const char *by = health_source(health, to)->name;

    if (pair->telling.under_way)
        return;
    if (episode->open && !episode->moved && episode->told) {
        episode->by = by;
        pair->left = true;
        health_end_episode(episode, to->heard_wall, to->event);
    } else if (!pair->heard_wall) {
        *episode = (struct episode){0}; /* it never came in here: there is nothing that has left */
    } else if (!pair->left) {
        if (episode->open && !episode->moved)
            *episode = (struct episode){0};
        health_begin_episode(health, episode, health->now - pair->event);
        episode->moved = true;
        episode->by = by;
    }
}

static void judge_unheard(struct health *health, struct pair *pair)
{
    struct episode *episode = &pair->episodes[ALERT_NOTICE_SILENT];
    clock_nanos after = health_source(health, pair)->silence_after;
    const struct pair *other = other_way(health, pair);

    if (other && other->heard_wall && health->now - other->heard < after) {
        if (health->now - other->heard < settled_after(after))
            judge_moved(health, pair, other);
        return; /* soon it is known whether the other is silent as well */
    }
    if (other && heard_later(other, pair) && silence_applies(health, other) && health_source(health, other)->silence_after)
        return; /* that one says so */
    if (episode->moved && pair->telling.under_way)
        return;
    if (episode->moved)
        *episode = (struct episode){0}; /* it is worse now */
    pair->left = false;
    health_begin_episode(health, episode, health->now - pair->event);
}

/* A silence is over when events have kept coming for a while: one event in a quarter of an hour is silence interrupted. */
void health_judge_silence(struct health *health, struct pair *pair)
{
    struct episode *episode = &pair->episodes[ALERT_NOTICE_SILENT];
    clock_nanos after = health_source(health, pair)->silence_after;

    if (!after) {
        *episode = (struct episode){0}; /* from before it was switched off: nobody knows whether it is over */
    } else if (!silence_applies(health, pair)) {
        health_end_episode(episode, health->wall, health->now);
    } else if (health->now - pair->heard >= after) {
        pair->returned = 0;
        /* senders that were waiting for us get a moment to come back after a start */
        if (health->now - health->started >= lesser(after, minute))
            judge_unheard(health, pair);
    } else {
        pair->left = false;
        if (!episode->open)
            return;
        if (!pair->returned) {
            pair->returned = pair->heard;
            pair->returned_wall = pair->heard_wall;
            pair->returned_event = pair->event;
        }
        if (pair->heard - pair->returned >= settled_after(after))
            health_end_episode(episode, pair->returned_wall, pair->returned_event);
    }
}
