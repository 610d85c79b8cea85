/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HARRIER_UDM_K8S_STATE_H
#define HARRIER_UDM_K8S_STATE_H

#include "names.h"

/* Where an event keeps its objects, and what it says of why they may be missing. */
struct k8s_objects {
    const struct json_node *holder; /* has them as members */
    const char *request;            /* names of these members */
    const char *response;
    bool is_google;                 /* "@type" beside the object's own members; a JSON patch is an array in the member "value" */
    bool is_metadata_level;         /* the policy logs no objects of such a request */
    bool is_early_stage;            /* a later event has the objects */
    bool is_truncated;              /* the server left them out */
    int64_t code;                   /* HTTP status of the answer, 0 if there is none */
};

/* The members of an event from which the values of an origin are read. */
struct k8s_origin_member {
    enum udm_origin origin;
    const struct json_node *member; /* NULL: it is not there */
};

/* What a cut-off event has not shown is unknown, what it has is there. All else is known, the objects too. */
void k8s_know(struct udm_record *record, const struct k8s_origin_member *members, size_t count, const struct udm_cut *cut);
/* Labels of the event's objects; object_state, kind, patch_type, response_kind, response_items, overflow; and what is known of them. */
void k8s_map_objects(struct udm_record *record, const struct k8s_request *request, const struct k8s_objects *objects, const struct udm_cut *cut);
/* An object's kind, empty if it says none; *origin is the member that tells it. */
struct slice k8s_object_kind(const struct k8s_objects *objects, const struct json_node *object, const struct json_node **origin);

#endif
