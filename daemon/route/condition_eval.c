/* SPDX-License-Identifier: Apache-2.0 */
#include "condition_eval.h"

#include <stddef.h>

#define AT(member) offsetof(struct alert_fields, member)

static const struct condition_field fields_known[] = {
    {"severity", FIELD_SEVERITY, false, AT(severity), 0},
    {"risk_score", FIELD_NUMBER, true, AT(risk_score), 0},
    {"rule", FIELD_TEXT, false, AT(rule), 0},
    {"cluster", FIELD_TEXT, false, AT(cluster), 0},
    {"title", FIELD_TEXT, false, AT(title), 0},
    {"user", FIELD_TEXT, false, AT(user), 0},
    {"group", FIELD_LIST, false, AT(groups), AT(group_count)},
    {"source_ip", FIELD_LIST, false, AT(source_ips), AT(source_ip_count)},
    {"user_agent", FIELD_TEXT, false, AT(user_agent), 0},
    {"impersonated", FIELD_TEXT, false, AT(impersonated), 0},
    {"verb", FIELD_TEXT, false, AT(verb), 0},
    {"resource", FIELD_TEXT, false, AT(resource), 0},
    {"subresource", FIELD_TEXT, false, AT(subresource), 0},
    {"api_group", FIELD_TEXT, false, AT(api_group), 0},
    {"namespace", FIELD_TEXT, false, AT(namespace), 0},
    {"name", FIELD_TEXT, false, AT(name), 0},
    {"decision", FIELD_TEXT, false, AT(decision), 0},
    {"response_code", FIELD_NUMBER, false, AT(response_code), 0},
    {"dry_run", FIELD_BOOL, false, AT(dry_run), 0},
    {"tactic", FIELD_LIST, false, AT(tactics), AT(tactic_count)},
    {"technique", FIELD_TECHNIQUES, false, AT(techniques), AT(technique_count)},
    {"log_type", FIELD_LIST, false, AT(log_types), AT(log_type_count)},
};

const char condition_field_names[] =
    "severity, risk_score, rule, cluster, title, user, group, source_ip, user_agent, impersonated, verb, resource, subresource, "
    "api_group, namespace, name, decision, response_code, dry_run, tactic, technique, log_type";

enum { FIELD_COUNT = sizeof fields_known / sizeof fields_known[0], NEAR = 3 };

const struct condition_field *condition_field_of(struct slice name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (slice_is(name, fields_known[i].name))
            return &fields_known[i];
    }
    return NULL;
}

const struct condition_field *condition_field_nearest(struct slice name)
{
    const struct condition_field *nearest = NULL;
    unsigned int best = NEAR + 1;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        unsigned int distance = slice_edit_distance(name, slice_of(fields_known[i].name));
        if (distance < best) {
            best = distance;
            nearest = &fields_known[i];
        }
    }
    return nearest;
}

/* --- comparing ---------------------------------------------------------------------------------------------------------- */

static const void *member_of(const struct alert_fields *fields, size_t offset)
{
    return (const char *)fields + offset;
}

static double number_of(const struct condition_field *field, const struct alert_fields *fields)
{
    const void *member = member_of(fields, field->offset);
    switch (field->kind) {
    case FIELD_SEVERITY: return severity_rank(*(const struct slice *)member);
    case FIELD_BOOL: return *(const bool *)member;
    default: return field->is_double ? *(const double *)member : (double)*(const int64_t *)member;
    }
}

/* A technique also stands for its sub-techniques. */
static bool is_parent(struct slice technique, struct slice value)
{
    return value.length > technique.length && value.bytes[technique.length] == '.' && slice_starts_with(value, technique);
}

/* A match that PCRE2 gives up on counts as one: a route may send too much, never too little. */
static bool regex_finds(const pcre2_code *regex, struct slice text, bool negated)
{
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(regex, NULL);
    int code = pcre2_match(regex, (PCRE2_SPTR)(text.bytes ? text.bytes : ""), text.length, 0, 0, match, NULL);
    pcre2_match_data_free(match);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        return !negated;
    return code >= 0;
}

static bool text_fits(const struct condition *condition, struct slice text)
{
    if (condition->kind == CONDITION_MATCHES)
        return regex_finds(condition->regex, text, condition->negated);
    for (size_t i = 0; i < condition->values.count; i++) {
        struct slice value = slice_of(condition->values.items[i].text);
        if (slice_equal(text, value) || (condition->field->kind == FIELD_TECHNIQUES && is_parent(value, text)))
            return true;
    }
    return false;
}

static bool number_fits(const struct condition *condition, double number)
{
    for (size_t i = 0; i < condition->values.count; i++) {
        double value = condition->values.items[i].number;
        if (condition->kind == CONDITION_LESS ? number < value : condition->kind == CONDITION_GREATER ? number > value : number == value)
            return true;
    }
    return false;
}

static bool comparison_fits(const struct condition *condition, const struct alert_fields *fields)
{
    const struct condition_field *field = condition->field;
    if (field->kind == FIELD_TEXT)
        return text_fits(condition, *(const struct slice *)member_of(fields, field->offset));
    if (field->kind != FIELD_LIST && field->kind != FIELD_TECHNIQUES)
        return number_fits(condition, number_of(field, fields));
    const struct slice *values = *(const struct slice *const *)member_of(fields, field->offset);
    size_t count = *(const size_t *)member_of(fields, field->count_offset);
    for (size_t i = 0; i < count; i++) {
        if (text_fits(condition, values[i]))
            return true;
    }
    return false;
}

bool condition_holds(const struct condition *condition, const struct alert_fields *fields)
{
    switch (condition->kind) {
    case CONDITION_AND: return condition_holds(condition->left, fields) && condition_holds(condition->right, fields);
    case CONDITION_OR: return condition_holds(condition->left, fields) || condition_holds(condition->right, fields);
    case CONDITION_NOT: return !condition_holds(condition->left, fields);
    default: return comparison_fits(condition, fields) != condition->negated;
    }
}
