/* SPDX-License-Identifier: Apache-2.0 */
/* Is it the alert or the destination? What a destination's failures say about it and about each alert. No I/O, no clock: times are given in. */
#ifndef HARRIER_DELIVER_STANDING_H
#define HARRIER_DELIVER_STANDING_H

#include "destination.h"
#include "queue.h"

enum {
    STANDING_PATIENCE = 5,         /* failures that may pass, of one alert: until then it is tried again and the order is kept */
    STANDING_PATIENCE_SECONDS = 60, /* and not for longer than that */
    STANDING_PROBES = 8,           /* alerts tried one after the other before the destination is at fault */
    STANDING_PROBES_SHORT = 2,     /* the same while many alerts are set aside */
    STANDING_MANY_ASIDE = 8,
    STANDING_ASKED_ALERTS = 2,     /* different alerts to which a receiver says how long to wait, before the destination waits as long */
    STANDING_ASKED_PAUSES = 10,    /* until then it waits so many times retry_base at most, */
    STANDING_ASKED_PAUSE_MIN = 1,  /* seconds, or this if that is less */
    STANDING_PROOF = 4 /* refusals of one alert, each between two acceptances of others, after which it is given up */
};

/* A failed try says little by itself: a 403 may mean a wrong token or a firewall that dislikes one alert's text; a reset, a time-out, a 503 or 429 too may be
 * what one alert does to the receiver. There is no harmless message to ask with: whatever a webhook or Slack takes, a person reads. So the
 * question is put with another alert that waits anyway.
 *
 *     GOOD ──a failure──> DOUBT ──STANDING_PROBES different alerts failed, or no other waits──> AT FAULT
 *       ^                   │                                                                     │
 *       └────── any alert is accepted ────────────────────────────────────────────────────────────┘
 *
 * GOOD      (failures == 0) The last word was an acceptance. Alerts go out in order.
 * DOUBT     The next try is of another alert, further down. Before that, what may pass by itself (5xx, 408, 425, 429, transport errors) is tried again with
 *           the same alert up to STANDING_PATIENCE times, so that a short outage does not change the order.
 * AT FAULT  Nobody is to blame but the destination. It is tried at long intervals, in turn with the first alert (so that it mostly goes on in order)
 *           and with one from anywhere in the queue (so that no row of poisoned alerts, however long, hides a destination that is well).
 *
 * A wait that the receiver asks for (Retry-After) is treated like that too. Obeyed at once, it would let one alert that is always answered 429 with an
 * hour silence the destination for good; not obeyed, a receiver that limits what it takes would be pressed. So the first such answer is taken to be about
 * its alert: after a short pause another is tried. If that is told to wait as well, it is the destination, and it waits as long as it was asked to. A
 * receiver that limits its senders gets one try more than it asked for.
 *
 * A failure before any byte of the alert was sent (no address, no connection, a certificate, a token that cannot be read; any failure of a file) is the
 * destination's for certain: nothing is compared, the order is kept.
 *
 * An alert is suspect when it fails, then another is accepted, then it fails again (evidence). It is then *set aside*: stored as such, tried again by
 * itself with growing waits, in at most one of QUEUE_ASIDE_SHARE tries, and no longer in anybody's way. All it can still cost the others is its
 * own tries and a short pause after each; where the receiver asks for a wait in answer to them, the alert's own is twelve times as long. When one that
 * was set aside is accepted at last, the rest of them are tried at once: the cause may be gone.
 *
 * Dead letters come from three things only: give_up_after; STANDING_PROOF refusals as malformed (400, 422 ...), each between acceptances of others, and none of them
 * before one that was set aside was taken after all (see queue_release); and
 * the bound of what may be set aside (QUEUE_ASIDE_MAX). A destination that refuses everything makes none, and neither does an alert that waits alone:
 * with nothing to compare it is tried every hold_interval, and the operator is told.
 *
 * After a restart all that is known is in the store: what is set aside, and how long which alerts were to wait. Where it was one alone, another is tried
 * after a short pause. Evidence is gathered anew. */
struct standing {
    uint64_t accepted;        /* alerts taken, counted from 1; an item's failed_at is this count at its last failure */
    unsigned int failures;    /* in a row, of alerts that are not set aside */
    unsigned int failed;      /* different alerts among them */
    clock_nanos since;        /* monotonic, as all here: the first of these failures */
    clock_nanos not_before;   /* no try until then */
    clock_nanos probe_after;  /* from then on an alert may be tried that has not failed in this row; not after not_before */
    bool asked;               /* the receiver asked for a wait */
    bool certain;             /* the destination's fault, whatever is sent */
    bool refused;             /* the last failure will not pass by itself */
    bool held;                /* an operator is needed */
};

struct standing_policy {
    clock_nanos retry_base, retry_cap, hold_interval;
};

enum standing_ruling {
    RULING_WAIT,      /* the destination waits */
    RULING_HOLD,      /* likewise, and it needs an operator */
    RULING_SET_ASIDE, /* the alert waits by itself */
    RULING_DEAD       /* the alert is to be given up */
};

void standing_init(struct standing *standing);
/* After a restart: item was to wait until then with its destination, and no other was. */
void standing_resume(struct standing *standing, struct queue_item *item, clock_nanos until, const struct standing_policy *policy, clock_nanos now);
/* Of item, with which verdict; attempts counts the try already. Sets the waits, and the item's if it is (or now gets) set aside. */
enum standing_ruling standing_failed(struct standing *standing, struct queue *queue, struct queue_item *item, const struct verdict *verdict,
                                     const struct standing_policy *policy, clock_nanos now, uint64_t random);
void standing_accepted(struct standing *standing);
/* True if it is time to try another than front, the first that waits. */
bool standing_compares(const struct standing *standing, const struct queue *queue, const struct queue_item *front, clock_nanos now);
/* How many different alerts are tried in order before the destination is at fault. */
unsigned int standing_probes(const struct queue *queue);

#endif
