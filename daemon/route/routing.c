/* SPDX-License-Identifier: Apache-2.0 */
#include "routing.h"

static size_t route(const struct deliver_routes *routes, struct arena *scratch, const struct alert *alert, const char **names)
{
    struct deliver_alert_fields fields = {0};
    struct json_node *document = NULL;

    if (deliver_routes_ask(routes)) {
        json_tree_parse(scratch, buffer_slice(&alert->json), &json_default_limits, &document, NULL);
        deliver_fields_from_json(document, scratch, &fields);
    }
    size_t count = deliver_route(routes, &fields, names);
    arena_reset(scratch);
    return count;
}

size_t routing_memory(const struct deliver_routes *routes, struct slice alert)
{
    enum { NODE_BYTES = sizeof(struct json_node) + sizeof(struct slice) }; /* a list's elements stand in the fields too */
    return alert.length + (deliver_routes_ask(routes) ? NODE_BYTES * json_most_values(alert) : 0);
}

enum result routing_add_alert(const struct deliver_routes *routes, struct arena *scratch, const struct alert *alert, struct submission *submission)
{
    const char *names[DELIVER_DESTINATIONS_MAX];
    struct submission_alert out = {
        .alert_id = slice_of(alert->alert_id),
        .dedup_key = slice_of(alert->dedup_key),
        .time = alert->time,
        .rule = alert->rule,
        .severity = slice_of(alert->severity),
        .risk_score = alert->risk_score,
        .json = buffer_slice(&alert->json),
    };

    out.destination_count = route(routes, scratch, alert, names);
    for (size_t i = 0; i < out.destination_count; i++)
        out.destinations[i] = slice_of(names[i]);
    return submission_add_alert(submission, &out);
}
