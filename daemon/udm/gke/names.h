/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the names in a LogEntry of GKE: its methodName, resourceName and status. */
#ifndef HARRIER_UDM_GKE_NAMES_H
#define HARRIER_UDM_GKE_NAMES_H

#include "daemon/udm/k8s/names.h"

/* What a resourceName points at. */
struct gke_target {
    struct k8s_request request;
    struct slice namespace;
    struct slice name;
    struct slice url; /* path of the request, without a query */
};

/* The verb is methodName's last part, all else comes from resourceName: GROUP/VERSION/[namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]], or the path of a
 * request for no resource (readyz), percent-decoded once as paths of requests are. */
void gke_target_read(struct arena *arena, struct slice method, struct slice resource_name, struct gke_target *target);
/* The HTTP status that a gRPC code stands for; one that gRPC does not know counts as its UNKNOWN. */
int64_t gke_http_code(int64_t grpc_code);
/* Kinds of objects that GKE's audit policy logs at level Metadata, without their content. */
bool gke_is_metadata_level(const struct k8s_request *request);

#endif
