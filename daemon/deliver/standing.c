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
    /* A try that was on its way when the receiver asked another to wait does not lift that. */
    if (!standing->asked)
        standing->not_before = standing->probe_after = 0;
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
    return standing->refused || standing->failures >= STANDING_PATIENCE || now - standing->since >= STANDING_PATIENCE_SECONDS * CLOCK_SECOND ||
           queue->set_aside > 0 || front->evidence > 0;
}

static clock_nanos longer(clock_nanos a, clock_nanos b)
{
    return a > b ? a : b;
}

static void destination_waits(struct standing *standing, const struct verdict *verdict, const struct standing_policy *policy, clock_nanos now,
                              uint64_t random)
{
    clock_nanos back_off = retry_wait(standing->failures, policy->retry_base, policy->retry_cap, random);
    clock_nanos wait = verdict->retry_after > 0 ? verdict->retry_after : back_off;
    if (standing->refused)
        wait = longer(verdict->retry_after, policy->hold_interval);
    unsigned int probe = standing->failed < PROBE_DOUBLINGS ? standing->failed : PROBE_DOUBLINGS;
    standing->not_before = now + wait;
    standing->probe_after =
        verdict->retry_after > 0 ? standing->not_before : now + retry_wait(probe, policy->retry_base, policy->retry_cap, random);
    if (standing->probe_after > standing->not_before)
        standing->probe_after = standing->not_before;
    standing->asked = verdict->retry_after > 0;
}

/* The alert's own wait. The destination waits as after a first failure, so that no burst of these meets one that has just gone down. */
static void alert_waits(struct standing *standing, struct queue_item *item, const struct verdict *verdict, const struct standing_policy *policy,
                        clock_nanos now, uint64_t random)
{
    clock_nanos asked = verdict->retry_after, first = longer(policy->retry_base, policy->retry_cap / ASIDE_FIRST_PART);
    clock_nanos cap = policy->retry_cap > INT64_MAX / 4 / ASIDE_CAP_FACTOR ? INT64_MAX / 4 : policy->retry_cap * ASIDE_CAP_FACTOR;
    clock_nanos pause = asked > 0 ? asked : retry_wait(1, policy->retry_base, policy->retry_cap, random);
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
        alert_waits(standing, item, verdict, policy, now, random);
        return RULING_SET_ASIDE;
    }
    if (standing->failures++ == 0)
        standing->since = now;
    standing->failed += item->failed_at != standing->accepted;
    if (!certain)
        item->failed_at = standing->accepted;
    standing->certain = certain;
    standing->refused = refused;
    destination_waits(standing, verdict, policy, now, random);
    if (!refused || !(certain || nothing_to_compare(standing, queue)))
        return RULING_WAIT;
    return RULING_HOLD;
}
