/* SPDX-License-Identifier: Apache-2.0 */
#include "routing.h"

enum result routing_add_alert(const struct deliver_routes *routes, const struct alert *alert, struct submission *submission)
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

    out.destination_count = deliver_route(routes, &alert->fields, names);
    for (size_t i = 0; i < out.destination_count; i++)
        out.destinations[i] = slice_of(names[i]);
    return submission_add_alert(submission, &out);
}
