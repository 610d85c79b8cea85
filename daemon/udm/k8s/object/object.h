/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of Kubernetes objects as they stand in requests and answers, whatever log they come from. */
#ifndef HARRIER_UDM_K8S_OBJECT_OBJECT_H
#define HARRIER_UDM_K8S_OBJECT_OBJECT_H

#include "daemon/udm/k8s/names.h"
#include "place.h"

enum { K8S_MAX_ROOTS = 4 };

/* Where labels stand in the object of a request: the places that begin at its top. */
struct k8s_roots {
    const struct k8s_place *places[K8S_MAX_ROOTS];
    size_t count;
    bool is_custom; /* pod specs may stand anywhere in it */
};

/* By what the request is about; by the object's own kind (may be empty) where the request does not name a resource. */
void k8s_roots_of(struct k8s_roots *roots, const struct k8s_request *request, struct slice kind);
/* All labels of an object. */
void k8s_object_labels(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *object);
/* Labels of a value as if it stood at the path in the object. */
void k8s_value_labels(struct k8s_walk *walk, const struct k8s_roots *roots, const struct slice *tokens, size_t count, const struct json_node *value);
/* Labels of a JSON patch (RFC 6902), an array of operations. `whole_response` is the object that came back, NULL if it is not whole.
 * Gives true if a copied value could not be found (label `unresolved`). */
bool k8s_json_patch_labels(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *operations,
                           const struct json_node *whole_response);
/* A kind that is the object itself: not Table, PartialObjectMetadata, Status or a list. */
bool k8s_kind_is_whole(struct slice kind);
/* Number of tokens that lead to a pod spec somewhere in a custom resource; 0 if the path leads into none. */
size_t k8s_custom_pod_spec_depth(const struct slice *tokens, size_t count);

#endif
