/* SPDX-License-Identifier: Apache-2.0 */
/* The alert: what was found, and why, as one JSON document, "harrier.alert/1" (docs/alert.schema.json). It is rendered once, by the
 * thread that found it; everything after that (store, delivery, harrierctl) reads the document. */
#ifndef HARRIER_ALERT_H
#define HARRIER_ALERT_H

#include "harrier/alert_fields.h"
#include "harrier/base/buffer.h"
#include "harrier/detect.h"
#include "harrier/base/digest.h"
#include "harrier/udm.h"

/* The event that an alert is about. */
struct alert_subject {
    struct slice cluster;
    const struct udm_record *record;
    struct json_node *event;  /* its tree; rendering redacts it in place, so evidence must have been taken before. May be NULL */
    const uint8_t *event_sha256; /* DIGEST_SHA256_BYTES, over the event's bytes as they came */
    struct udm_cut cut;       /* what of the event was over a bound */
    size_t raw_bytes;         /* most of the event's text that is put into the alert */
    clock_nanos received;
    struct buffer raw;        /* made by alert_subject_raw, given back by alert_subject_free */
    uint64_t raw_full_bytes;  /* how long the redacted text was before it was cut */
    bool raw_made;
};

void alert_subject_free(struct alert_subject *subject);

struct alert {
    char alert_id[DIGEST_SHA256_HEX];  /* SHA-256 over cluster, rule name and the event: the same again when a batch is sent again */
    char dedup_key[DIGEST_SHA256_HEX]; /* over cluster, rule, actor and object: equal for repeats of the same thing by the same actor */
    clock_nanos time;                  /* of the event */
    struct slice rule;
    char severity[32];                 /* CRITICAL HIGH MEDIUM LOW INFO, or as the rule wrote it in upper case */
    double risk_score;                 /* 0 to 100 */
    struct alert_fields fields;        /* in the record's arena, or in arena */
    struct arena *arena;               /* of a notice without a record; NULL otherwise */
    struct buffer json;                /* one line, no newline at its end */
};

/* Severity: the outcome $severity, else meta severity, else by risk score (90, 80, 50, 20: critical, high, medium, low). Risk score: the
 * outcome $risk_score clamped to 0..100, else meta risk_score, else by meta severity, else 40. */
void alert_from_detection(struct alert *alert, struct alert_subject *subject, const struct detection *detection);

/* The built-in alert for an event that rules could have concerned but could not judge because a bound was hit (a value too long, nesting
 * too deep, a regex that could not be decided, too many combinations of repeated values). Padding must not be a way to hide. */
#define ALERT_INCOMPLETE_EVENT "harrier_incomplete_event"
void alert_from_blind(struct alert *alert, struct alert_subject *subject, const struct detect_blind *blind, size_t blind_count);

/* --- notices ----------------------------------------------------------------------------------------------------------------
 * Alerts about the watch itself: that no news comes, or that what comes cannot be judged. They are made without a detection, and all but one
 * without an event. */

enum alert_notice_kind {
    ALERT_NOTICE_SILENT,    /* harrier_source_silent: no event for a long time */
    ALERT_NOTICE_BLIND,     /* harrier_rule_blind: rules cannot see what they look into, in event after event */
    ALERT_NOTICE_CLOCK,     /* harrier_clock_skew: events from the future */
    ALERT_NOTICE_LATE,      /* harrier_events_late: even the youngest events are old when they come */
    ALERT_NOTICE_TRUNCATED, /* harrier_event_truncated: an event that came without its object, and rules could not judge it */
    ALERT_NOTICE_LOST,      /* harrier_file_loss: parts of a followed file that were gone, or not readable, before they were read */
    ALERT_NOTICE_GAP,       /* harrier_gap: no batch could be taken for longer than an API server keeps one */
    ALERT_NOTICE_COUNT
};
/* The name that stands in the place of a rule's. */
const char *alert_notice_name(enum alert_notice_kind kind);

/* The request that a condition was first seen with; what is not known is empty. The sender chose the texts. */
struct alert_first {
    struct slice verb, resource /* with its subresource */, uri, user, level;
};

struct alert_notice {
    enum alert_notice_kind kind;
    bool over;               /* what was noticed has ended: an alert of its own, severity INFO, with the dedup_key of the first */
    struct slice source;     /* name of the source */
    struct slice cluster;    /* empty: all that come through the source */
    clock_nanos since;       /* when it began, by the wall clock; the notice's id is over it */
    clock_nanos time;        /* when it was noticed, or had ended */
    struct slice elsewhere;  /* SILENT: the source by which the cluster's events come in now; empty: none */
    bool moved;              /* SILENT: they came in there before anybody was told of a silence; severity LOW */
    clock_nanos amount;      /* SILENT: how long ago the last event came; CLOCK: how far ahead; LATE: how old; over: how long it lasted */
    uint64_t losses;         /* LOST: files, or ends of files */
    clock_nanos last;        /* BLIND and TRUNCATED as conditions that are shown: when it happened last; not part of the alert */
    const struct slice *rules; /* BLIND, TRUNCATED: those that cannot judge */
    size_t rule_count;
    const struct slice *clusters; /* several at once, as people name them; source and cluster are empty then, and since is of the first. GAP: those of the source, if several */
    size_t cluster_count;
    struct slice command;    /* GAP: that sends again what may be missing; since and time are from when and until when */
    struct slice level;      /* BLIND: audit level of the events; empty: they lack objects that their level promises */
    struct slice cause;      /* BLIND: its name in metrics, such as level_metadata; may be empty */
    struct alert_first first; /* BLIND: one of the events */
    const struct udm_record *record; /* TRUNCATED: the event; NULL otherwise */
    struct json_node *event;         /* TRUNCATED: its tree, which is redacted in place; may be NULL */
    size_t raw_bytes;                /* TRUNCATED: most of the event's text that is put into the alert */
};

/* The alert. Ids: alert_id is over cluster, name, source, rules, cause, the first request's resource, since, and whether it moved and whether it is over; dedup_key over the same but since
 * and the end. Of
 * TRUNCATED both are over the actor and the object as well, and alert_id over the hour of the event instead of since: the same batch again, or the
 * same write again within the hour, is the same alert, another object never is. */
void alert_from_notice(struct alert *alert, const struct alert_notice *notice);
/* What it says, as one line for people; and what to do about it (constant). The title has both. */
void alert_notice_text(const struct alert_notice *notice, struct buffer *out);
const char *alert_notice_remedy(const struct alert_notice *notice);

void alert_free(struct alert *alert);

#endif
