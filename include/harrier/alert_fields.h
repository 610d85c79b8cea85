/* SPDX-License-Identifier: Apache-2.0 */
/* What an alert says, before it is a document: the document is written from it, and routes ask for it. */
#ifndef HARRIER_ALERT_FIELDS_H
#define HARRIER_ALERT_FIELDS_H

#include "harrier/base/slice.h"

#include <stdint.h>

/* Texts are as they are shown, without secrets. Slices that are empty mean: the alert does not have it. */
struct alert_fields {
    struct slice rule, cluster, severity, title;
    double risk_score;
    struct slice user, user_agent, impersonated;
    struct slice verb, resource, subresource, api_group, namespace, name, decision;
    int64_t response_code; /* 0: there is none */
    bool dry_run;
    const struct slice *groups;
    size_t group_count;
    const struct slice *source_ips;
    size_t source_ip_count;
    const struct slice *tactics; /* ids, TA0002 */
    size_t tactic_count;
    const struct slice *techniques; /* ids, T1053.007 */
    size_t technique_count;
    const struct slice *log_types;
    size_t log_type_count;
};

#endif
