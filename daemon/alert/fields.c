/* SPDX-License-Identifier: Apache-2.0 */
/* What an alert says of its event and its rule, once, for the document and for the routes. */
#include "internal.h"

#include "harrier/redact.h"

/* What is not a secret by its place may hold one: a name of an object, an address with a password, a user agent. */
static struct slice shown(const struct udm_record *record, struct slice text)
{
    return redact_text(record->arena, text);
}

static struct slice shown_string(const struct udm_record *record, const char *path)
{
    return shown(record, udm_record_string(record, path));
}

static struct slice shown_label(const struct udm_record *record, const char *key)
{
    return shown(record, udm_record_label(record, key));
}

/* All values of a repeated string field two or three names below the root. */
static const struct slice *shown_strings(const struct udm_record *record, const char *const *path, size_t depth, size_t *count)
{
    const struct udm_message *message = record->root;
    struct udm_values values = {0};

    for (size_t i = 0; i < depth && message; i++) {
        values = udm_message_get(message, udm_field_find(udm_message_type_of(message), slice_of(path[i])));
        message = i + 1 < depth && values.count ? values.items[0].message : NULL;
        if (i + 1 < depth && !message)
            values.count = 0;
    }
    struct slice *strings = arena_calloc(record->arena, values.count + 1, sizeof *strings);
    for (size_t i = 0; i < values.count; i++)
        strings[i] = shown(record, values.items[i].string);
    *count = values.count;
    return strings;
}

void alert_fields_of_record(struct alert_fields *fields, const struct udm_record *record)
{
    static const char *const groups[] = {"principal", "user", "group_identifiers"};
    static const char *const addresses[] = {"principal", "ip"};
    struct slice dry_run = udm_record_label(record, "dry_run");

    fields->user = shown_string(record, "principal.user.userid");
    fields->user_agent = shown_string(record, "network.http.user_agent");
    fields->impersonated = shown_string(record, "target.user.userid");
    fields->verb = shown(record, alert_verb(record));
    fields->resource = shown_label(record, "resource");
    fields->subresource = shown_label(record, "subresource");
    fields->api_group = shown_label(record, "api_group");
    fields->namespace = shown_label(record, "namespace");
    fields->name = shown_string(record, "target.resource.name");
    fields->decision = shown_label(record, "decision");
    fields->response_code = udm_record_int(record, "network.http.response_code");
    fields->dry_run = dry_run.length > 0 && !slice_is(dry_run, "false");
    fields->groups = shown_strings(record, groups, 3, &fields->group_count);
    fields->source_ips = shown_strings(record, addresses, 2, &fields->source_ip_count);
}

/* Comma-separated words of a meta value; empty ones only where they are kept. */
static const struct slice *words_of(struct arena *arena, struct slice text, bool keeps_empty, size_t *count)
{
    struct slice *words = arena_calloc(arena, text.length + 1, sizeof *words);

    *count = 0;
    while (text.length) {
        ptrdiff_t comma = slice_find_byte(text, ',');
        struct slice word = slice_trim(comma < 0 ? text : slice_first(text, (size_t)comma));
        if (word.length || keeps_empty)
            words[(*count)++] = word;
        text = comma < 0 ? slice_make(NULL, 0) : slice_from(text, (size_t)comma + 1);
    }
    return words;
}

static struct slice meta_of_either(const struct yaral_rule *rule, const char *name, const char *other)
{
    struct slice value = yaral_rule_meta(rule, name);
    return value.length ? value : yaral_rule_meta(rule, other);
}

void alert_fields_of_rule(struct alert_fields *fields, struct arena *arena, const struct yaral_rule *rule)
{
    fields->techniques = words_of(arena, meta_of_either(rule, "mitre_attack_technique", "technique"), true, &fields->technique_count);
    fields->tactics = words_of(arena, meta_of_either(rule, "mitre_attack_tactic", "tactic"), false, &fields->tactic_count);
}

/* "rule_name: dev-alice create cronjobs default/argus-test-cronjob in prod-eu-1" */
static struct slice title_of(const struct alert *alert, const struct alert_subject *subject)
{
    struct buffer title = {NULL, 0, 0};

    alert_append_cleaned(&title, alert->rule, 200);
    buffer_append_text(&title, ": ");
    alert_append_doing(&title, subject->record);
    if (subject->cluster.length) {
        buffer_append_text(&title, " in ");
        alert_append_cleaned(&title, subject->cluster, 100);
    }
    struct slice kept = arena_copy(subject->record->arena, shown(subject->record, buffer_slice(&title)));
    buffer_free(&title);
    return kept;
}

void alert_fields_of_event(struct alert *alert, const struct alert_subject *subject)
{
    struct slice *log_type = arena_calloc(subject->record->arena, 1, sizeof *log_type);

    *log_type = shown_string(subject->record, "metadata.log_type");
    alert->fields.log_types = log_type;
    alert->fields.log_type_count = 1;
    alert->fields.rule = alert->rule;
    alert->fields.cluster = subject->cluster;
    alert->fields.severity = slice_of(alert->severity);
    alert->fields.risk_score = alert->risk_score;
    alert->fields.title = title_of(alert, subject);
}
