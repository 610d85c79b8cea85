/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a route's condition, out of an alert document. */
#include "harrier/deliver.h"

#include <stdlib.h>

/* Strings of an array, or of the named member of each object in it (itself a string or an array of strings). */
static size_t strings_of(const struct json_node *array, const char *member, struct arena *arena, const struct slice **out)
{
    size_t most = 0, count = 0;
    for (const struct json_node *item = array ? array->first : NULL; item != NULL; item = item->next) {
        const struct json_node *value = member ? json_member(item, member) : item;
        most += value && value->type == JSON_ARRAY ? value->count : 1;
    }
    struct slice *strings = arena_calloc(arena, most ? most : 1, sizeof *strings);
    for (const struct json_node *item = array ? array->first : NULL; item != NULL; item = item->next) {
        const struct json_node *value = member ? json_member(item, member) : item;
        const struct json_node *inner = json_is(value, JSON_ARRAY) ? value->first : value;
        for (; inner != NULL; inner = inner == value ? NULL : inner->next) {
            if (json_is(inner, JSON_STRING))
                strings[count++] = json_string(inner);
        }
    }
    *out = strings;
    return count;
}

static double number_of(const struct json_node *node)
{
    char text[64];
    if (!json_is(node, JSON_NUMBER) || node->text.length >= sizeof text)
        return 0;
    memcpy(text, node->text.bytes, node->text.length);
    text[node->text.length] = '\0';
    return strtod(text, NULL);
}

void deliver_fields_from_json(const struct json_node *alert, struct arena *arena, struct deliver_alert_fields *fields)
{
    const struct json_node *actor = json_member(alert, "actor"), *action = json_member(alert, "action"),
                           *mitre = json_member(alert, "mitre");
    *fields = (struct deliver_alert_fields){
        .rule = json_string(json_at(alert, "rule", "name", NULL)),
        .cluster = json_string(json_member(alert, "cluster")),
        .severity = json_string(json_member(alert, "severity")),
        .title = json_string(json_member(alert, "title")),
        .risk_score = number_of(json_member(alert, "risk_score")),
        .user = json_string(json_member(actor, "user")),
        .user_agent = json_string(json_member(actor, "user_agent")),
        .impersonated = json_string(json_member(actor, "impersonated")),
        .verb = json_string(json_member(action, "verb")),
        .resource = json_string(json_member(action, "resource")),
        .subresource = json_string(json_member(action, "subresource")),
        .api_group = json_string(json_member(action, "api_group")),
        .namespace = json_string(json_member(action, "namespace")),
        .name = json_string(json_member(action, "name")),
        .decision = json_string(json_member(action, "decision")),
        .response_code = (int64_t)number_of(json_member(action, "response_code")),
    };
    const struct json_node *dry_run = json_member(action, "dry_run");
    fields->dry_run = json_is(dry_run, JSON_BOOL) && dry_run->boolean;
    fields->group_count = strings_of(json_member(actor, "groups"), NULL, arena, &fields->groups);
    fields->source_ip_count = strings_of(json_member(actor, "source_ips"), NULL, arena, &fields->source_ips);
    fields->tactic_count = strings_of(mitre, "tactics", arena, &fields->tactics);
    fields->technique_count = strings_of(mitre, "technique", arena, &fields->techniques);
    fields->log_type_count = strings_of(json_member(alert, "events"), "log_type", arena, &fields->log_types);
}
