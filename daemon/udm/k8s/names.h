/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the names in a Kubernetes request: its verb, path, resource and user. */
#ifndef HARRIER_UDM_K8S_NAMES_H
#define HARRIER_UDM_K8S_NAMES_H

#include "harrier/udm.h"

/* What a request is about; empty slices for what it does not name. */
struct k8s_request {
    struct slice verb;
    struct slice api_group;
    struct slice api_version;
    struct slice resource; /* empty: a request for no resource (/healthz) */
    struct slice subresource;
};

/* create POST, update PUT ...; the verb of a request for no resource is the method already. */
struct slice k8s_http_method(struct arena *arena, struct slice verb);
/* Path of a request URI: cut at `?`, %XX decoded once. A path without escapes is not copied. */
struct slice k8s_url_path(struct arena *arena, struct slice request_uri);
/* %XX decoded once; an escape that is not two hex digits stays. With plus_is_blank as in a query. */
struct slice k8s_percent_decode(struct arena *arena, struct slice text, bool plus_is_blank);
/* Each % begins an escape of two hex digits. */
bool k8s_percent_is_right(struct slice text);
/* A value of Resource.ResourceType. */
int32_t k8s_resource_type(struct slice resource);
/* A value of Metadata.EventType. */
int32_t k8s_event_type(const struct k8s_request *request);
/* io.k8s.batch.v1.cronjobs.create: GKE's method names, for every log type. */
struct slice k8s_method_name(struct arena *arena, const struct k8s_request *request);
/* serviceaccount, node, system, anonymous, user; from the name alone, `user` where the groups decide. */
struct slice k8s_user_kind(struct slice username);
/* system:serviceaccount:NAMESPACE:NAME; false for any other name. */
bool k8s_service_account(struct slice username, struct slice *namespace, struct slice *name);
bool k8s_is_custom_group(struct slice api_group);
/* create, update, patch, delete, deletecollection. */
bool k8s_verb_writes(struct slice verb);
/* A write that changes an object, not a connection. */
bool k8s_request_writes(const struct k8s_request *request);
/* exec, attach, portforward, proxy: connections into a pod, node or service. */
bool k8s_subresource_connects(struct slice subresource);

#endif
