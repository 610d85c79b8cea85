/* SPDX-License-Identifier: Apache-2.0 */
/* The alert: what was found, and why, as one JSON document, "harrier.alert/1" (docs/alert.schema.json). It is rendered once, by the
 * thread that found it; everything after that (store, delivery, harrierctl) reads the document. */
#ifndef HARRIER_ALERT_H
#define HARRIER_ALERT_H

#include "harrier/buffer.h"
#include "harrier/detect.h"
#include "harrier/digest.h"
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
    struct buffer json;                /* one line, no newline at its end */
};

/* Severity: the outcome $severity, else meta severity, else by risk score (90, 80, 50, 20: critical, high, medium, low). Risk score: the
 * outcome $risk_score clamped to 0..100, else meta risk_score, else by meta severity, else 40. */
void alert_from_detection(struct alert *alert, struct alert_subject *subject, const struct detection *detection);

/* The built-in alert for an event that rules could have concerned but could not judge because a bound was hit (a value too long, nesting
 * too deep, a regex that could not be decided, too many combinations of repeated values). Padding must not be a way to hide. */
#define ALERT_INCOMPLETE_EVENT "harrier_incomplete_event"
void alert_from_blind(struct alert *alert, struct alert_subject *subject, const struct detect_blind *blind, size_t blind_count);

void alert_free(struct alert *alert);

/* Takes secrets out of an event's tree, in place: env values, data of Secrets and ConfigMaps, tokens and passwords, and annotations that
 * repeat a manifest. What is taken out is replaced by its length and the beginning of its SHA-256. */
void alert_redact_event(struct arena *arena, struct json_node *event);

#endif
