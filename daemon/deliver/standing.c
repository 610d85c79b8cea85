/* SPDX-License-Identifier: Apache-2.0 */
#include "standing.h"

#include "retry.h"

enum {
    PROBE_DOUBLINGS = 5,   /* waits between probes grow to 16 times retry_base */
    ASIDE_FIRST_PART = 8,  /* first wait of one that is set aside: retry_cap divided by it */
    ASIDE_CAP_FACTOR = 12, /* its longest wait: retry_cap times it; and so many times what the receiver asks for */
    TRANSIENT_EVIDENCE = 2 /* what may pass by itself has to be seen twice */
};

void standing_init(struct standing *standing)
{
    *standing = (struct standing){.accepted = 1};
}

void standing_accepted(struct standing *standing)
{
    standing->accepted++;
    standing->failures = standing->failed = 0;
    standing->certain = standing->refused = standing->held = false;
    /* A try that was on its way when the receiver asked for a wait does not lift the pause after that; one that was sent after the pause is after it. */
    if (!standing->asked)
        standing->probe_after = 0;
    standing->not_before = standing->probe_after;
    standing->asked = false;
}

unsigned int standing_probes(const struct queue *queue)
{
    return queue->set_aside < STANDING_MANY_ASIDE ? STANDING_PROBES : STANDING_PROBES_SHORT;
}

bool standing_compares(const struct standing *standing, const struct queue *queue, const struct queue_item *front, clock_nanos now)
{
    if (standing->failures == 0 || standing->certain)
        return false;
    bool long_wait = standing->asked && standing->probe_after < standing->not_before;
    return long_wait || standing->refused || standing->failures >= STANDING_PATIENCE || now - standing->since >= STANDING_PATIENCE_SECONDS * CLOCK_SECOND ||
           queue->set_aside > 0 || front->evidence > 0;
}

static clock_nanos longer(clock_nanos a, clock_nanos b)
{
    return a > b ? a : b;
}

/* What one alert's answer alone makes the destination wait, though the receiver asks for more. */
static clock_nanos pause_of(clock_nanos asked, const struct standing_policy *policy)
{
    clock_nanos base = policy->retry_base < RETRY_AFTER_MAX ? policy->retry_base : RETRY_AFTER_MAX;
    clock_nanos most = longer(base * STANDING_ASKED_PAUSES, STANDING_ASKED_PAUSE_MIN * CLOCK_SECOND);
    return asked < most ? asked : most;
}

void standing_resume(struct standing *standing, struct queue_item *item, clock_nanos until, const struct standing_policy *policy, clock_nanos now)
{
    standing->failures = standing->failed = 1;
    standing->since = now;
    standing->asked = true;
    standing->not_before = until;
    standing->probe_after = now + pause_of(until - now, policy);
    item->failed_at = standing->accepted;
}

static void set_destination_waits(struct standing *standing, const struct verdict *verdict, const struct standing_policy *policy, clock_nanos now,
                              uint64_t random)
{
    clock_nanos back_off = retry_wait(standing->failures, policy->retry_base, policy->retry_cap, random);
    clock_nanos asked = verdict->retry_after, wait = asked > 0 ? asked : back_off;
    if (standing->refused)
        wait = longer(asked, policy->hold_interval);
    unsigned int doublings = standing->failed < PROBE_DOUBLINGS ? standing->failed : PROBE_DOUBLINGS;
    clock_nanos probe = retry_wait(doublings, policy->retry_base, policy->retry_cap, random);
    if (asked > 0)
        probe = standing->failed < STANDING_ASKED_ALERTS ? pause_of(asked, policy) : asked;
    standing->not_before = now + wait;
    standing->probe_after = now + (probe < wait ? probe : wait);
    standing->asked = asked > 0;
}

/* The alert's own wait. The destination waits as after a first failure, so that no burst of these meets one that has just gone down. */
static void set_alert_waits(struct standing *standing, struct queue_item *item, const struct verdict *verdict, const struct standing_policy *policy,
                        clock_nanos now, uint64_t random)
{
    clock_nanos asked = verdict->retry_after, first = longer(policy->retry_base, policy->retry_cap / ASIDE_FIRST_PART);
    clock_nanos cap = policy->retry_cap > INT64_MAX / 4 / ASIDE_CAP_FACTOR ? INT64_MAX / 4 : policy->retry_cap * ASIDE_CAP_FACTOR;
    clock_nanos pause = asked > 0 ? pause_of(asked, policy) : retry_wait(1, policy->retry_base, policy->retry_cap, random);
    item->aside_tries++;
    item->due = now + longer(retry_ceiling(item->aside_tries, first, cap), asked * ASIDE_CAP_FACTOR);
    if (now + pause > standing->not_before) {
        standing->not_before = standing->probe_after = now + pause;
        standing->asked = asked > 0;
    }
}

static bool nothing_to_compare(const struct standing *standing, struct queue *queue)
{
    return standing->failed > 1 || queue_first(queue, standing->accepted) == NULL;
}

enum standing_ruling standing_failed(struct standing *standing, struct queue *queue, struct queue_item *item, const struct verdict *verdict,
                                     const struct standing_policy *policy, clock_nanos now, uint64_t random)
{
    bool certain = verdict->blame == BLAME_DESTINATION, refused = verdict->kind != VERDICT_RETRY;
    bool malformed = verdict->kind == VERDICT_DEAD || verdict->kind == VERDICT_SHRINK;
    bool contradicted = !certain && standing->failures == 0 && item->failed_at != 0 && item->failed_at < standing->accepted;
    item->evidence += contradicted;
    if (!certain && (item->set_aside || (contradicted && (refused || item->evidence >= TRANSIENT_EVIDENCE)))) {
        item->failed_at = standing->accepted;
        if (malformed && item->evidence >= STANDING_PROOF)
            return RULING_DEAD;
        queue_set_aside(queue, item);
        set_alert_waits(standing, item, verdict, policy, now, random);
        return RULING_SET_ASIDE;
    }
    if (standing->failures++ == 0)
        standing->since = now;
    standing->failed += item->failed_at != standing->accepted;
    if (!certain)
        item->failed_at = standing->accepted;
    standing->certain = certain;
    standing->refused = refused;
    set_destination_waits(standing, verdict, policy, now, random);
    if (!refused || !(certain || nothing_to_compare(standing, queue)))
        return RULING_WAIT;
    return RULING_HOLD;
}
