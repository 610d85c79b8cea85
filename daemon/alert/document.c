/* SPDX-License-Identifier: Apache-2.0 */
/* The members of the document, in the order in which docs/alert.schema.json lists them. */
#include "internal.h"

#include "harrier/redact.h"
#include "harrier/base/utf8.h"

struct slice alert_verb(const struct udm_record *record)
{
    struct slice verb = udm_record_label(record, "verb");
    return verb.length ? verb : udm_record_string(record, "metadata.product_event_type");
}

/* What is not a secret by its place may hold one: a name of an object, an address with a password, a user agent. */
static void put_shown(struct json_writer *writer, const char *key, const struct udm_record *record, struct slice text)
{
    json_put_string(writer, key, redact_text(record->arena, text));
}

void alert_append_cleaned(struct buffer *out, struct slice text, size_t most)
{
    text = slice_first(text, slice_utf8_cut(text, most));
    while (text.length) {
        uint32_t code_point;
        size_t length = utf8_decode(text, &code_point);
        if (utf8_is_unprintable(code_point)) /* a title is one line of what it says */
            buffer_append_byte(out, ' ');
        else
            buffer_append(out, text.bytes, length);
        text = slice_from(text, length);
    }
}

/* As put_shown, cut at most bytes. */
static void append_shown(struct buffer *out, const struct udm_record *record, struct slice text, size_t most)
{
    alert_append_cleaned(out, redact_text(record->arena, text), most);
}

void alert_append_doing(struct buffer *out, const struct udm_record *record)
{
    struct slice user = udm_record_string(record, "principal.user.userid");
    struct slice subresource = udm_record_label(record, "subresource");
    struct slice namespace = udm_record_label(record, "namespace");
    struct slice resource = udm_record_label(record, "resource");

    append_shown(out, record, user.length ? user : SLICE("(unknown user)"), 200);
    buffer_append_byte(out, ' ');
    append_shown(out, record, alert_verb(record), 100);
    buffer_append_byte(out, ' ');
    append_shown(out, record, resource.length ? resource : udm_record_string(record, "target.url"), 200);
    if (subresource.length) {
        buffer_append_byte(out, '/');
        append_shown(out, record, subresource, 100);
    }
    buffer_append_byte(out, ' ');
    if (namespace.length) {
        append_shown(out, record, namespace, 100);
        buffer_append_byte(out, '/');
    }
    append_shown(out, record, udm_record_string(record, "target.resource.name"), 260);
}

void alert_write_head(struct json_writer *writer, const struct alert *alert, bool is_incomplete)
{
    char time[CLOCK_TEXT_SIZE];

    json_put_text(writer, "schema", "harrier.alert/1");
    json_put_text(writer, "alert_id", alert->alert_id);
    json_put_text(writer, "dedup_key", alert->dedup_key);
    json_put_text(writer, "time", clock_format_rfc3339(alert->time, time));
    json_put_string(writer, "cluster", alert->fields.cluster);
    json_put_text(writer, "severity", alert->severity);
    json_key(writer, "risk_score");
    json_write_double(writer, alert->risk_score);
    json_put_string(writer, "title", alert->fields.title);
    json_put_bool(writer, "incomplete", is_incomplete);
}

static void write_strings(struct json_writer *writer, const char *key, const struct slice *strings, size_t count)
{
    json_key(writer, key);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        json_write_string(writer, strings[i]);
    json_end_array(writer);
}

void alert_write_rule(struct json_writer *writer, const struct yaral_rule *rule, const struct alert_fields *fields)
{
    json_key(writer, "rule");
    json_begin_object(writer);
    json_put_string(writer, "name", rule->name);
    json_key(writer, "meta");
    json_begin_object(writer);
    for (size_t i = 0; i < rule->meta_count; i++) {
        bool repeated_later = false;
        for (size_t j = i + 1; j < rule->meta_count; j++)
            repeated_later = repeated_later || slice_equal(rule->meta[i].key, rule->meta[j].key);
        if (repeated_later)
            continue;
        json_key_slice(writer, rule->meta[i].key);
        json_write_string(writer, rule->meta[i].value);
    }
    json_end_object(writer);
    json_put_text(writer, "sha256", rule->sha256);
    json_end_object(writer);
    json_key(writer, "mitre");
    json_begin_array(writer);
    for (size_t i = 0; i < fields->technique_count; i++) {
        json_begin_object(writer);
        json_put_string(writer, "technique", fields->techniques[i]);
        write_strings(writer, "tactics", fields->tactics, fields->tactic_count);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_actor(struct json_writer *writer, const struct alert_fields *fields)
{
    json_key(writer, "actor");
    json_begin_object(writer);
    json_put_string(writer, "user", fields->user);
    write_strings(writer, "groups", fields->groups, fields->group_count);
    write_strings(writer, "source_ips", fields->source_ips, fields->source_ip_count);
    json_put_string(writer, "user_agent", fields->user_agent);
    json_put_string(writer, "impersonated", fields->impersonated);
    json_end_object(writer);
}

static void write_action(struct json_writer *writer, const struct alert_fields *fields)
{
    json_key(writer, "action");
    json_begin_object(writer);
    json_put_string(writer, "verb", fields->verb);
    json_put_string(writer, "resource", fields->resource);
    json_put_string(writer, "subresource", fields->subresource);
    json_put_string(writer, "api_group", fields->api_group);
    json_put_string(writer, "namespace", fields->namespace);
    json_put_string(writer, "name", fields->name);
    if (fields->response_code) {
        json_put_int(writer, "response_code", fields->response_code);
    } else {
        json_key(writer, "response_code");
        json_write_null(writer);
    }
    json_put_string(writer, "decision", fields->decision);
    json_put_bool(writer, "dry_run", fields->dry_run);
    json_end_object(writer);
}

void alert_write_what(struct json_writer *writer, const struct alert_fields *fields)
{
    write_actor(writer, fields);
    write_action(writer, fields);
    json_key(writer, "match");
    json_begin_object(writer);
    json_end_object(writer);
}

static void write_value(struct json_writer *writer, struct arena *arena, const struct yaral_value *value)
{
    if (value->is_list) {
        json_begin_array(writer);
        for (size_t i = 0; i < value->list.count; i++)
            write_value(writer, arena, &value->list.items[i]);
        json_end_array(writer);
        return;
    }
    switch (value->type) {
    case YARAL_INT: json_write_int(writer, value->integer); break;
    case YARAL_FLOAT: json_write_double(writer, value->number); break;
    case YARAL_BOOL: json_write_bool(writer, value->boolean); break;
    default: json_write_string(writer, yaral_to_text(arena, value));
    }
}

void alert_write_outcomes(struct json_writer *writer, struct arena *arena, const struct detection *detection)
{
    json_key(writer, "outcomes");
    json_begin_object(writer);
    for (size_t i = 0; i < detection->outcome_count; i++) {
        json_key_slice(writer, detection->outcomes[i].name);
        write_value(writer, arena, &detection->outcomes[i].value);
    }
    json_end_object(writer);
}

void alert_write_evidence(struct json_writer *writer, const struct detection *detection)
{
    json_key(writer, "evidence");
    json_begin_array(writer);
    for (size_t i = 0; i < detection->evidence_count; i++) {
        const struct detect_evidence *evidence = &detection->evidence[i];
        struct buffer condition = {NULL, 0, 0};
        if (evidence->negated)
            buffer_append_text(&condition, "not ");
        buffer_append_slice(&condition, evidence->condition);
        json_begin_object(writer);
        json_put_string(writer, "event", detection->rule->events[evidence->event].name);
        json_put_string(writer, "condition", buffer_slice(&condition));
        json_put_int(writer, "line", evidence->line);
        json_put_string(writer, "field", evidence->field);
        json_put_string(writer, "path", evidence->path);
        json_put_string(writer, "value", evidence->value);
        json_end_object(writer);
        buffer_free(&condition);
    }
    json_end_array(writer);
}

/* --- events ------------------------------------------------------------------------------------------------------------------------------ */

static void leave_out(struct arena *arena, struct json_node *node, const char *what)
{
    if (!node)
        return;
    node->type = JSON_STRING;
    node->first = node->last = NULL;
    node->count = 0;
    node->text = arena_printf(arena, "%s left out by harrier: the event is too large for an alert", what);
}

static size_t raw_length(struct alert_subject *subject)
{
    buffer_reset(&subject->raw, SIZE_MAX);
    struct json_writer *writer = json_writer_new(&subject->raw, false);
    json_write_node(writer, subject->event);
    json_writer_free(writer);
    return subject->raw.length;
}

/* The event as text, without its secrets, within the bound: what says least goes first. */
static void make_raw(struct alert_subject *subject)
{
    struct arena *arena = subject->record->arena;

    subject->raw_made = true;
    if (!subject->event)
        return;
    redact_event(arena, subject->event);
    size_t length = raw_length(subject);
    subject->raw_full_bytes = length;
    if (length > subject->raw_bytes) {
        leave_out(arena, json_at(subject->event, "responseObject", NULL), "responseObject");
        leave_out(arena, json_at(subject->event, "protoPayload", "response", NULL), "response");
        leave_out(arena, json_at(subject->event, "requestObject", "metadata", "managedFields", NULL), "managedFields");
        leave_out(arena, json_at(subject->event, "protoPayload", "request", "metadata", "managedFields", NULL), "managedFields");
        length = raw_length(subject);
    }
    if (length > subject->raw_bytes) {
        subject->raw.length = slice_utf8_cut(buffer_slice(&subject->raw), subject->raw_bytes);
        buffer_append_text(&subject->raw, "...");
    }
}

static struct slice event_id(const struct udm_record *record)
{
    struct slice id = udm_record_string(record, "metadata.product_log_id");
    return id.length ? id : udm_record_string(record, "metadata.id");
}

void alert_write_events(struct json_writer *writer, struct alert_subject *subject, struct slice variable)
{
    if (!subject->raw_made)
        make_raw(subject);
    json_key(writer, "events");
    json_begin_array(writer);
    json_begin_object(writer);
    json_put_string(writer, "var", variable);
    put_shown(writer, "audit_id", subject->record, event_id(subject->record));
    put_shown(writer, "stage", subject->record, udm_record_label(subject->record, "stage"));
    put_shown(writer, "log_type", subject->record, udm_record_string(subject->record, "metadata.log_type"));
    json_put_string(writer, "raw", buffer_slice(&subject->raw));
    json_put_bool(writer, "raw_cut", subject->raw_full_bytes > subject->raw_bytes);
    json_end_object(writer);
    json_end_array(writer);
}
