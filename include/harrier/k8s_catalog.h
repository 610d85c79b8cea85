/* SPDX-License-Identifier: Apache-2.0 */
/* What a Kubernetes API server serves by itself, as far as an audit policy has to name it: groups, resources, subresources
 * (kubernetes.io/docs/reference/kubernetes-api, versions 1.20 to 1.35). What is not in here is a custom resource, or one of a version to come. */
#ifndef HARRIER_K8S_CATALOG_H
#define HARRIER_K8S_CATALOG_H

#include "harrier/base/slice.h"

struct udm_k8s_resource {
    const char *group; /* "" for the core group */
    const char *name;
    bool is_namespaced;
    bool has_pod_spec;            /* its objects hold a pod spec, and what writes them can run code */
    bool holds_secrets;           /* its objects hold credentials */
    const char *subresources[10]; /* ends with NULL */
};

/* NULL past the end; resources of one group stand together. */
const struct udm_k8s_resource *udm_k8s_resource_at(size_t index);
/* NULL if there is none of that name in the group. */
const struct udm_k8s_resource *udm_k8s_resource_find(struct slice group, struct slice name);
bool udm_k8s_group_is_known(struct slice group);

/* Requests or answers hold credentials: they are logged with contents only where a rule looks into them. */
bool udm_k8s_holds_secrets(const struct udm_k8s_resource *resource, struct slice subresource);
/* The subresource's requests may have an object with the resource's pod spec: ephemeralcontainers, resize, and such as are not known. */
bool udm_k8s_subresource_has_pod_spec(struct slice subresource);
/* The requests open a stream, or are passed on, and have no object: exec, attach, portforward, proxy. */
bool udm_k8s_subresource_connects(struct slice subresource);
/* The label, with or without `response.`, is one of a pod spec: "image", "host_path" ... */
bool udm_k8s_label_is_of_pod_spec(struct slice key);

#endif
