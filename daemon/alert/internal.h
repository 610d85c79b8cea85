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

/* Who did what, of the record; of a record without an event all is empty. */
void alert_fields_of_record(struct alert_fields *fields, const struct udm_record *record);
/* What the rule says of itself. */
void alert_fields_of_rule(struct alert_fields *fields, struct arena *arena, const struct yaral_rule *rule);
/* The rest, of an alert about an event: rule, cluster, severity, risk score, title, log type. alert has its rule, severity and risk score. */
void alert_fields_of_event(struct alert *alert, const struct alert_subject *subject);

/* schema, ids, time, cluster, severity, risk_score, title, incomplete */
void alert_write_head(struct json_writer *writer, const struct alert *alert, bool is_incomplete);
/* rule, mitre */
void alert_write_rule(struct json_writer *writer, const struct yaral_rule *rule, const struct alert_fields *fields);
/* actor, action, match */
void alert_write_what(struct json_writer *writer, const struct alert_fields *fields);
void alert_write_outcomes(struct json_writer *writer, struct arena *arena, const struct detection *detection);
void alert_write_evidence(struct json_writer *writer, const struct detection *detection);
void alert_write_events(struct json_writer *writer, struct alert_subject *subject, struct slice variable);

#endif
