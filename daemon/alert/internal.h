/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of an alert's document, for the files of alert/ only. */
#ifndef HARRIER_ALERT_INTERNAL_H
#define HARRIER_ALERT_INTERNAL_H

#include "harrier/alert.h"

/* The Kubernetes verb, or what the record has instead: the product's event type. */
struct slice alert_verb(const struct udm_record *record);
/* The text as part of one line: what moves the cursor, turns the direction of writing or does not show becomes a blank; cut at most bytes. */
void alert_append_cleaned(struct buffer *out, struct slice text, size_t most);
/* "dev-alice create cronjobs default/argus-test-cronjob" */
void alert_append_doing(struct buffer *out, const struct udm_record *record);
/* schema, ids, time, cluster, severity, risk_score, title */
void alert_write_head(struct json_writer *writer, const struct alert *alert, const struct alert_subject *subject);
/* rule, mitre */
void alert_write_rule(struct json_writer *writer, const struct yaral_rule *rule);
/* actor, action, match */
void alert_write_what(struct json_writer *writer, const struct alert_subject *subject);
void alert_write_outcomes(struct json_writer *writer, struct arena *arena, const struct detection *detection);
void alert_write_evidence(struct json_writer *writer, const struct detection *detection);
void alert_write_events(struct json_writer *writer, struct alert_subject *subject, struct slice variable);

#endif
