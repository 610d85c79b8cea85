/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

void alert_subject_free(struct alert_subject *subject)
{
    buffer_free(&subject->raw);
}

void alert_free(struct alert *alert)
{
    buffer_free(&alert->json);
    arena_free(alert->arena);
}

/* --- ids ---------------------------------------------------------------------------------------------------------------------------- */

static void make_ids(struct alert *alert, const struct alert_subject *subject, struct slice extra)
{
    const struct udm_record *record = subject->record;
    struct digest *digest = digest_new();
    uint8_t sum[DIGEST_SHA256_BYTES];

    digest_begin(digest);
    digest_update_part(digest, subject->cluster);
    digest_update_part(digest, alert->rule);
    digest_update(digest, slice_make((const char *)subject->event_sha256, DIGEST_SHA256_BYTES));
    digest_end(digest, sum);
    digest_hex(sum, alert->alert_id);

    digest_begin(digest);
    digest_update_part(digest, subject->cluster);
    digest_update_part(digest, alert->rule);
    digest_update_part(digest, extra);
    digest_update_part(digest, udm_record_string(record, "principal.user.userid"));
    digest_update_part(digest, alert_verb(record));
    digest_update_part(digest, udm_record_label(record, "resource"));
    digest_update_part(digest, udm_record_label(record, "subresource"));
    digest_update_part(digest, udm_record_label(record, "namespace"));
    /* an object made with generateName has a new name each time */
    struct slice generate_name = udm_record_label(record, "generate_name");
    digest_update_part(digest, generate_name.length ? generate_name : udm_record_string(record, "target.resource.name"));
    if (udm_record_label(record, "resource").length == 0)
        digest_update_part(digest, udm_record_string(record, "target.url"));
    digest_end(digest, sum);
    digest_hex(sum, alert->dedup_key);
    digest_free(digest);
}

/* --- severity and risk ---------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    double risk; /* what the name stands for, and the least score that has this name */
} bands[] = {{"CRITICAL", 90}, {"HIGH", 80}, {"MEDIUM", 50}, {"LOW", 20}, {"INFO", 0}};
enum { BANDS = sizeof bands / sizeof bands[0] };

static const char *band_of(double risk)
{
    for (size_t i = 0; i < BANDS; i++)
        if (risk >= bands[i].risk)
            return bands[i].name;
    return "INFO";
}

static bool band_risk(struct slice severity, double *risk)
{
    for (size_t i = 0; i < BANDS; i++) {
        if (slice_equal_ascii_nocase(severity, slice_of(bands[i].name))) {
            *risk = bands[i].risk;
            return true;
        }
    }
    return false;
}

static const struct yaral_value *outcome(const struct detection *detection, const char *name)
{
    for (size_t i = 0; i < detection->outcome_count; i++)
        if (slice_is(detection->outcomes[i].name, name))
            return &detection->outcomes[i].value;
    return NULL;
}

static double clamp_risk(double risk)
{
    return isnan(risk) ? 0 : fmin(100, fmax(0, round(risk)));
}

static void set_severity(struct alert *alert, struct slice severity)
{
    size_t length = severity.length < sizeof alert->severity - 1 ? severity.length : sizeof alert->severity - 1;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)severity.bytes[i];
        alert->severity[i] = (char)(isalnum(c) ? toupper(c) : '_');
    }
    alert->severity[length] = '\0';
    if (strcmp(alert->severity, "INFORMATIONAL") == 0)
        alert->severity[4] = '\0';
}

static void make_severity(struct alert *alert, const struct detection *detection)
{
    const struct yaral_value *risk = outcome(detection, "risk_score");
    const struct yaral_value *severity = outcome(detection, "severity");
    struct slice meta_severity = yaral_rule_meta(detection->rule, "severity");
    struct slice meta_risk = yaral_rule_meta(detection->rule, "risk_score");
    char number[32];

    alert->risk_score = 40;
    if (risk && !risk->is_list) {
        alert->risk_score = clamp_risk(yaral_to_double(risk));
    } else if (meta_risk.length && meta_risk.length < sizeof number) {
        memcpy(number, meta_risk.bytes, meta_risk.length);
        number[meta_risk.length] = '\0';
        alert->risk_score = clamp_risk(strtod(number, NULL));
    } else {
        band_risk(meta_severity, &alert->risk_score);
    }
    if (severity && severity->type == YARAL_STRING && !severity->is_list && severity->string.length)
        set_severity(alert, severity->string);
    else if (meta_severity.length)
        set_severity(alert, meta_severity);
    else
        set_severity(alert, slice_of(band_of(alert->risk_score)));
}

/* --- documents ------------------------------------------------------------------------------------------------------------------------- */

static clock_nanos event_time(const struct alert_subject *subject)
{
    const struct udm_field *metadata = udm_field_find(udm_event_type(), SLICE("metadata"));
    struct udm_values values = udm_message_get(subject->record->root, metadata);
    if (values.count) {
        const struct udm_field *timestamp = udm_field_find(metadata->message, SLICE("event_timestamp"));
        struct udm_values times = udm_message_get(values.items[0].message, timestamp);
        if (times.count)
            return times.items[0].time;
    }
    return subject->received;
}

static bool is_incomplete(const struct alert_subject *subject)
{
    return subject->cut.request_object || subject->cut.response_object || subject->cut.other || subject->cut.transport;
}

void alert_from_detection(struct alert *alert, struct alert_subject *subject, const struct detection *detection)
{
    *alert = (struct alert){.rule = detection->rule->name, .time = event_time(subject)};
    make_severity(alert, detection);
    make_ids(alert, subject, (struct slice){NULL, 0});
    alert_fields_of_record(&alert->fields, subject->record);
    alert_fields_of_rule(&alert->fields, subject->record->arena, detection->rule);
    alert_fields_of_event(alert, subject);
    struct json_writer *writer = json_writer_new(&alert->json, false);
    json_begin_object(writer);
    alert_write_head(writer, alert, is_incomplete(subject));
    alert_write_rule(writer, detection->rule, &alert->fields);
    alert_write_what(writer, &alert->fields);
    alert_write_outcomes(writer, subject->record->arena, detection);
    alert_write_evidence(writer, detection);
    alert_write_events(writer, subject, detection->rule->event_count ? detection->rule->events[0].name : SLICE("e"));
    json_end_object(writer);
    json_writer_free(writer);
}

static const char *cut_text(const struct alert_subject *subject, unsigned int doubt)
{
    if (subject->cut.transport)
        return "the event broke off before its end";
    if (subject->cut.request_object)
        return "the request object is larger than the limits allow";
    if (subject->cut.response_object)
        return "the response object is larger than the limits allow";
    if (subject->cut.other)
        return "the event is larger than the limits allow";
    if (doubt & DETECT_DOUBT_REGEX)
        return "a regular expression could not be decided within its bounds";
    return "there are more combinations of repeated values than the limit allows";
}

void alert_from_blind(struct alert *alert, struct alert_subject *subject, const struct detect_blind *blind, size_t blind_count)
{
    unsigned int doubt = 0;
    struct buffer names = {NULL, 0, 0};

    *alert = (struct alert){.rule = SLICE(ALERT_INCOMPLETE_EVENT), .time = event_time(subject), .risk_score = 60};
    set_severity(alert, SLICE("MEDIUM"));
    for (size_t i = 0; i < blind_count; i++) {
        doubt |= blind[i].doubt;
        buffer_append_slice(&names, blind[i].rule->name);
        buffer_append_byte(&names, '\n');
    }
    make_ids(alert, subject, buffer_slice(&names));
    buffer_free(&names);
    alert_fields_of_record(&alert->fields, subject->record);
    alert_fields_of_event(alert, subject);

    struct json_writer *writer = json_writer_new(&alert->json, false);
    json_begin_object(writer);
    alert_write_head(writer, alert, is_incomplete(subject));
    json_key(writer, "rule");
    json_begin_object(writer);
    json_put_text(writer, "name", ALERT_INCOMPLETE_EVENT);
    json_key(writer, "meta");
    json_begin_object(writer);
    json_put_text(writer, "description", "Rules could have concerned this event, but not all of it could be looked at. Padding is a known way to hide.");
    json_put_text(writer, "severity", "MEDIUM");
    json_end_object(writer);
    json_put_text(writer, "sha256", "");
    json_end_object(writer);
    alert_write_what(writer, &alert->fields);
    json_key(writer, "outcomes");
    json_begin_object(writer);
    json_put_text(writer, "reason", cut_text(subject, doubt));
    json_key(writer, "rules");
    json_begin_array(writer);
    for (size_t i = 0; i < blind_count; i++)
        json_write_string(writer, blind[i].rule->name);
    json_end_array(writer);
    json_end_object(writer);
    json_key(writer, "evidence");
    json_begin_array(writer);
    json_end_array(writer);
    alert_write_events(writer, subject, SLICE("e"));
    json_end_object(writer);
    json_writer_free(writer);
}
