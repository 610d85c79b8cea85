/* SPDX-License-Identifier: Apache-2.0 */
#include "harrier/k8s_catalog.h"

#include "names.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

#define CLUSTER_WIDE .is_namespaced = false
#define NAMESPACED .is_namespaced = true
#define POD_SPEC .is_namespaced = true, .has_pod_spec = true
#define SECRET .holds_secrets = true
#define SUBRESOURCES(...) .subresources = {__VA_ARGS__, NULL}

static const struct udm_k8s_resource resources[] = {
    {"", "pods", POD_SPEC,
     SUBRESOURCES("attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "proxy", "status")},
    {"", "replicationcontrollers", POD_SPEC, SUBRESOURCES("scale", "status")},
    {"", "podtemplates", POD_SPEC},
    {"", "bindings", NAMESPACED},
    {"", "componentstatuses", CLUSTER_WIDE},
    {"", "configmaps", NAMESPACED, SECRET},
    {"", "endpoints", NAMESPACED},
    {"", "events", NAMESPACED},
    {"", "limitranges", NAMESPACED},
    {"", "namespaces", CLUSTER_WIDE, SUBRESOURCES("finalize", "status")},
    {"", "nodes", CLUSTER_WIDE, SUBRESOURCES("proxy", "status")},
    {"", "persistentvolumeclaims", NAMESPACED, SUBRESOURCES("status")},
    {"", "persistentvolumes", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"", "resourcequotas", NAMESPACED, SUBRESOURCES("status")},
    {"", "secrets", NAMESPACED, SECRET},
    {"", "serviceaccounts", NAMESPACED, SUBRESOURCES("token")},
    {"", "services", NAMESPACED, SUBRESOURCES("proxy", "status")},
    {"admissionregistration.k8s.io", "mutatingadmissionpolicies", CLUSTER_WIDE},
    {"admissionregistration.k8s.io", "mutatingadmissionpolicybindings", CLUSTER_WIDE},
    {"admissionregistration.k8s.io", "mutatingwebhookconfigurations", CLUSTER_WIDE},
    {"admissionregistration.k8s.io", "validatingadmissionpolicies", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"admissionregistration.k8s.io", "validatingadmissionpolicybindings", CLUSTER_WIDE},
    {"admissionregistration.k8s.io", "validatingwebhookconfigurations", CLUSTER_WIDE},
    {"apiextensions.k8s.io", "customresourcedefinitions", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"apiregistration.k8s.io", "apiservices", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"apps", "daemonsets", POD_SPEC, SUBRESOURCES("status")},
    {"apps", "deployments", POD_SPEC, SUBRESOURCES("scale", "status")},
    {"apps", "replicasets", POD_SPEC, SUBRESOURCES("scale", "status")},
    {"apps", "statefulsets", POD_SPEC, SUBRESOURCES("scale", "status")},
    {"apps", "controllerrevisions", NAMESPACED},
    {"authentication.k8s.io", "selfsubjectreviews", CLUSTER_WIDE},
    {"authentication.k8s.io", "tokenreviews", CLUSTER_WIDE, SECRET},
    {"authorization.k8s.io", "localsubjectaccessreviews", NAMESPACED},
    {"authorization.k8s.io", "selfsubjectaccessreviews", CLUSTER_WIDE},
    {"authorization.k8s.io", "selfsubjectrulesreviews", CLUSTER_WIDE},
    {"authorization.k8s.io", "subjectaccessreviews", CLUSTER_WIDE},
    {"autoscaling", "horizontalpodautoscalers", NAMESPACED, SUBRESOURCES("status")},
    {"batch", "cronjobs", POD_SPEC, SUBRESOURCES("status")},
    {"batch", "jobs", POD_SPEC, SUBRESOURCES("status")},
    {"certificates.k8s.io", "certificatesigningrequests", CLUSTER_WIDE, SUBRESOURCES("approval", "status")},
    {"certificates.k8s.io", "clustertrustbundles", CLUSTER_WIDE},
    {"coordination.k8s.io", "leases", NAMESPACED},
    {"discovery.k8s.io", "endpointslices", NAMESPACED},
    {"events.k8s.io", "events", NAMESPACED},
    {"flowcontrol.apiserver.k8s.io", "flowschemas", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"networking.k8s.io", "ingressclasses", CLUSTER_WIDE},
    {"networking.k8s.io", "ingresses", NAMESPACED, SUBRESOURCES("status")},
    {"networking.k8s.io", "ipaddresses", CLUSTER_WIDE},
    {"networking.k8s.io", "networkpolicies", NAMESPACED},
    {"networking.k8s.io", "servicecidrs", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"node.k8s.io", "runtimeclasses", CLUSTER_WIDE},
    {"policy", "poddisruptionbudgets", NAMESPACED, SUBRESOURCES("status")},
    {"rbac.authorization.k8s.io", "clusterrolebindings", CLUSTER_WIDE},
    {"rbac.authorization.k8s.io", "clusterroles", CLUSTER_WIDE},
    {"rbac.authorization.k8s.io", "rolebindings", NAMESPACED},
    {"rbac.authorization.k8s.io", "roles", NAMESPACED},
    {"resource.k8s.io", "deviceclasses", CLUSTER_WIDE},
    {"resource.k8s.io", "resourceclaims", NAMESPACED, SUBRESOURCES("status")},
    {"resource.k8s.io", "resourceclaimtemplates", NAMESPACED},
    {"resource.k8s.io", "resourceslices", CLUSTER_WIDE},
    {"scheduling.k8s.io", "priorityclasses", CLUSTER_WIDE},
    {"storage.k8s.io", "csidrivers", CLUSTER_WIDE},
    {"storage.k8s.io", "csinodes", CLUSTER_WIDE},
    {"storage.k8s.io", "csistoragecapacities", NAMESPACED},
    {"storage.k8s.io", "storageclasses", CLUSTER_WIDE},
    {"storage.k8s.io", "volumeattachments", CLUSTER_WIDE, SUBRESOURCES("status")},
    {"storage.k8s.io", "volumeattributesclasses", CLUSTER_WIDE},
};

const struct udm_k8s_resource *udm_k8s_resource_at(size_t index)
{
    return index < COUNT(resources) ? &resources[index] : NULL;
}

const struct udm_k8s_resource *udm_k8s_resource_find(struct slice group, struct slice name)
{
    for (size_t i = 0; i < COUNT(resources); i++)
        if (slice_is(group, resources[i].group) && slice_is(name, resources[i].name))
            return &resources[i];
    return NULL;
}

bool udm_k8s_group_is_known(struct slice group)
{
    for (size_t i = 0; i < COUNT(resources); i++)
        if (slice_is(group, resources[i].group))
            return true;
    return false;
}

bool udm_k8s_holds_secrets(const struct udm_k8s_resource *resource, struct slice subresource)
{
    return resource->holds_secrets || slice_is(subresource, "token");
}

bool udm_k8s_subresource_connects(struct slice subresource)
{
    return k8s_subresource_connects(subresource);
}

bool udm_k8s_subresource_has_pod_spec(struct slice subresource)
{
    static const char *const others[] = {"approval", "binding", "eviction", "finalize", "log", "scale", "status", "token"};

    for (size_t i = 0; i < COUNT(others); i++)
        if (slice_is(subresource, others[i]))
            return false;
    return !k8s_subresource_connects(subresource);
}

bool udm_k8s_label_is_of_pod_spec(struct slice key)
{
    static const char *const labels[] = {
        "image", "command", "hook_command", "host_path", "host_path_value", "privileged", "host_network", "host_pid", "host_ipc", "host_process", "host_users",
        "host_port", "host_alias", "mount_path", "device_path", "capability", "capability_drop", "run_as_user", "run_as_root", "run_as_non_root",
        "allow_privilege_escalation", "read_only_root_filesystem", "proc_mount", "seccomp_profile", "apparmor_profile", "selinux_type", "sysctl",
        "share_process_namespace", "service_account", "automount_service_account_token", "registry", "image_repository", "image_tag", "image_digest",
        "image_pull_policy", "image_pull_secret", "container_name", "env_name", "env_value", "env_secret_ref", "env_configmap_ref", "volume_type",
        "volume_secret", "volume_claim", "volume_csi_driver", "volume_token_audience", "node_name", "priority_class", "runtime_class", "scheduler_name",
        "restart_policy", "dns_policy", "node_selector", "toleration",
    };
    static const struct slice response = {"response.", sizeof "response." - 1};

    if (slice_starts_with(key, response))
        key = slice_from(key, response.length);
    for (size_t i = 0; i < COUNT(labels); i++)
        if (slice_is(key, labels[i]))
            return true;
    return false;
}
