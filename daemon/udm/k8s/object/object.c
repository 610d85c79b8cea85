/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of objects other than what stands in pod specs. The tables at the end are the mapping. */
#include "object.h"

#include "pod.h"

static const struct slice true_text = {"true", 4};

/* --- metadata and data ---------------------------------------------------------------------------------------------------- */

static void look_at_annotation(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    enum { SHOWN_BYTES = 1024 };

    if (value->type != JSON_STRING || slice_is(key, "kubectl.kubernetes.io/last-applied-configuration"))
        return;
    struct slice text = slice_first(value->text, slice_utf8_cut(value->text, SHOWN_BYTES));
    k8s_add_made_label(walk, K8S_LABEL("annotation."), key, text, value);
}

static void look_at_label(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    if (value->type == JSON_STRING)
        k8s_add_made_label(walk, K8S_LABEL("label."), key, value->text, value);
}

static void look_at_data_key(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    k8s_add_label(walk, K8S_LABEL("data_key"), key, value);
}

static void look_at_data_value(struct k8s_walk *walk, struct slice key, const struct json_node *value)
{
    enum { LOOKED_AT_BYTES = 64 * 1024 };
    (void)key;
    if (value->type == JSON_STRING)
        k8s_add_label(walk, K8S_LABEL("data_value"), slice_first(value->text, slice_utf8_cut(value->text, LOOKED_AT_BYTES)), value);
}

/* --- access --------------------------------------------------------------------------------------------------------------- */

/* Kind:namespace/name; Kind:name without a namespace. */
static void look_at_subject(struct k8s_walk *walk, struct slice key, const struct json_node *subject)
{
    struct arena *arena = walk->record->arena;
    struct slice kind = json_string(json_last_member(subject, "kind")), name = json_string(json_last_member(subject, "name"));
    struct slice namespace = json_string(json_last_member(subject, "namespace"));
    (void)key;

    if (!kind.length && !name.length)
        return;
    if (namespace.length)
        name = k8s_join(arena, namespace, "/", name);
    k8s_add_label(walk, K8S_LABEL("subject"), k8s_join(arena, kind, ":", name), subject);
}

static void look_at_rule(struct k8s_walk *walk, struct slice key, const struct json_node *rule)
{
    static const char *const lists[] = {"verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs"};
    struct arena *arena = walk->record->arena;
    struct slice text = {NULL, 0};
    (void)key;

    if (rule->type != JSON_OBJECT)
        return;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct slice list = k8s_sorted_list(arena, json_last_member(rule, lists[i]), i == 1 ? "core" : "");
        text = k8s_join(arena, text, i ? ";" : "", list);
    }
    k8s_add_label(walk, K8S_LABEL("rule"), text, rule);
}

static void look_at_rule_api_group(struct k8s_walk *walk, struct slice key, const struct json_node *group)
{
    (void)key;
    if (group->type == JSON_STRING)
        k8s_add_label(walk, K8S_LABEL("rule_api_group"), group->text.length ? group->text : SLICE("core"), group);
}

/* --- others --------------------------------------------------------------------------------------------------------------- */

static void look_at_webhook_service(struct k8s_walk *walk, struct slice key, const struct json_node *service)
{
    (void)key;
    k8s_add_pair(walk, service, "namespace", "/", "name", K8S_LABEL("webhook_service"));
}

/* key=value:effect */
static void look_at_taint(struct k8s_walk *walk, struct slice key, const struct json_node *taint)
{
    struct arena *arena = walk->record->arena;
    struct slice name = json_string(json_last_member(taint, "key"));
    (void)key;

    if (!name.length)
        return;
    struct slice pair = k8s_join(arena, name, "=", json_string(json_last_member(taint, "value")));
    k8s_add_label(walk, K8S_LABEL("taint"), k8s_join(arena, pair, ":", json_string(json_last_member(taint, "effect"))), taint);
}

/* That there is no TLS can only be said of a whole object. */
static void look_at_ingress_spec(struct k8s_walk *walk, struct slice key, const struct json_node *spec)
{
    const struct json_node *tls = json_last_member(spec, "tls");
    (void)key;

    if (spec->type != JSON_OBJECT)
        return;
    if (json_is(tls, JSON_ARRAY) && tls->first)
        k8s_add_label(walk, K8S_LABEL("ingress_tls"), true_text, tls);
    else if (walk->is_whole || json_is(tls, JSON_ARRAY))
        k8s_add_label(walk, K8S_LABEL("ingress_tls"), SLICE("false"), tls ? tls : spec);
}

/* --- the tables: every object --------------------------------------------------------------------------------------------- */

K8S_STATIC_PLACE(owner, K8S_TEXT("kind", "owner_kind"), K8S_TEXT("name", "owner_name"));
K8S_STATIC_PLACE(annotations, K8S_EVERY(look_at_annotation));
K8S_STATIC_PLACE(labels, K8S_EVERY(look_at_label));
K8S_STATIC_PLACE(metadata,
                 K8S_TEXT("generateName", "generate_name"),
                 K8S_INSIDE_EACH("ownerReferences", owner),
                 K8S_INSIDE("annotations", annotations),
                 K8S_INSIDE("labels", labels),
                 K8S_TEXTS("finalizers", "finalizer"));
K8S_STATIC_PLACE(any_object, K8S_INSIDE("metadata", metadata));

/* Pod specs at all the places where the built-in kinds have them: one that does not belong to the kind is dropped by the server. */
K8S_STATIC_PLACE(pod_template, K8S_INSIDE("spec", k8s_pod_spec));
K8S_STATIC_PLACE(spec_of_template, K8S_INSIDE("template", pod_template));
K8S_STATIC_PLACE(job_template, K8S_INSIDE("spec", spec_of_template));
K8S_STATIC_PLACE(spec_of_job_template, K8S_INSIDE("jobTemplate", job_template));
K8S_STATIC_PLACE(pods,
                 K8S_INSIDE("spec", k8s_pod_spec),
                 K8S_INSIDE("spec", spec_of_template),
                 K8S_INSIDE("spec", spec_of_job_template),
                 K8S_INSIDE("template", pod_template));

/* --- the tables: by kind -------------------------------------------------------------------------------------------------- */

#define JOB_SPEC                                                          \
    K8S_NUMBER("parallelism", "parallelism"),                             \
    K8S_NUMBER("completions", "completions"),                             \
    K8S_NUMBER("backoffLimit", "backoff_limit"),                          \
    K8S_NUMBER("activeDeadlineSeconds", "active_deadline_seconds"),       \
    K8S_NUMBER("ttlSecondsAfterFinished", "ttl_seconds_after_finished"),  \
    K8S_BOOL("suspend", "suspend")

K8S_STATIC_PLACE(job_spec, JOB_SPEC);
K8S_STATIC_PLACE(job, K8S_INSIDE("spec", job_spec));
K8S_STATIC_PLACE(cron_job_spec,
                 K8S_TEXT("schedule", "schedule"),
                 K8S_TEXT("timeZone", "time_zone"),
                 K8S_TEXT("concurrencyPolicy", "concurrency_policy"),
                 K8S_NUMBER("startingDeadlineSeconds", "starting_deadline_seconds"),
                 K8S_BOOL("suspend", "suspend"),
                 K8S_INSIDE("jobTemplate", job));
K8S_STATIC_PLACE(cron_job, K8S_INSIDE("spec", cron_job_spec));

K8S_STATIC_PLACE(workload_spec, K8S_NUMBER("replicas", "replicas"));
K8S_STATIC_PLACE(workload, K8S_INSIDE("spec", workload_spec));

K8S_STATIC_PLACE(role_ref, K8S_TEXT("kind", "role_ref_kind"), K8S_TEXT("name", "role_ref_name"));
K8S_STATIC_PLACE(subject,
                 K8S_TEXT("kind", "subject_kind"),
                 K8S_TEXT("name", "subject_name"),
                 K8S_TEXT("namespace", "subject_namespace"));
K8S_STATIC_PLACE(role_binding,
                 K8S_INSIDE("roleRef", role_ref),
                 K8S_LOOK_EACH("subjects", look_at_subject),
                 K8S_INSIDE_EACH("subjects", subject));
K8S_STATIC_PLACE(rule,
                 K8S_TEXTS("verbs", "rule_verb"),
                 K8S_TEXTS("resources", "rule_resource"),
                 K8S_LOOK_EACH("apiGroups", look_at_rule_api_group),
                 K8S_TEXTS("resourceNames", "rule_resource_name"),
                 K8S_TEXTS("nonResourceURLs", "rule_non_resource_url"));
K8S_STATIC_PLACE(role,
                 K8S_LOOK_EACH("rules", look_at_rule),
                 K8S_INSIDE_EACH("rules", rule),
                 K8S_PRESENT("aggregationRule", "aggregated"));

K8S_STATIC_PLACE(bound_object, K8S_TEXT("kind", "token_bound_kind"), K8S_TEXT("name", "token_bound_name"));
K8S_STATIC_PLACE(token_request_spec,
                 K8S_NUMBER("expirationSeconds", "token_expiration_seconds"),
                 K8S_TEXTS("audiences", "token_audience"),
                 K8S_INSIDE("boundObjectRef", bound_object));
K8S_STATIC_PLACE(token_request, K8S_INSIDE("spec", token_request_spec));

K8S_STATIC_PLACE(csr_spec,
                 K8S_TEXT("signerName", "csr_signer"),
                 K8S_TEXTS("usages", "csr_usage"),
                 K8S_TEXT("username", "csr_username"),
                 K8S_TEXTS("groups", "csr_group"),
                 K8S_NUMBER("expirationSeconds", "csr_expiration_seconds"));
K8S_STATIC_PLACE(csr, K8S_INSIDE("spec", csr_spec));
K8S_STATIC_PLACE(csr_condition, K8S_TEXT("type", "csr_condition"));
K8S_STATIC_PLACE(csr_status, K8S_INSIDE_EACH("conditions", csr_condition));
K8S_STATIC_PLACE(csr_approval, K8S_INSIDE("spec", csr_spec), K8S_INSIDE("status", csr_status));

K8S_STATIC_PLACE(webhook_client, K8S_TEXT("url", "webhook_url"), K8S_LOOK("service", look_at_webhook_service));
K8S_STATIC_PLACE(webhook_rule, K8S_TEXTS("operations", "webhook_operation"), K8S_TEXTS("resources", "webhook_resource"));
K8S_STATIC_PLACE(webhook,
                 K8S_TEXT("name", "webhook_name"),
                 K8S_INSIDE("clientConfig", webhook_client),
                 K8S_TEXT("failurePolicy", "webhook_failure_policy"),
                 K8S_INSIDE_EACH("rules", webhook_rule));
K8S_STATIC_PLACE(webhook_configuration, K8S_INSIDE_EACH("webhooks", webhook));

K8S_STATIC_PLACE(admission_policy_spec, K8S_TEXT("failurePolicy", "policy_failure_policy"));
K8S_STATIC_PLACE(admission_policy, K8S_INSIDE("spec", admission_policy_spec));
K8S_STATIC_PLACE(policy_binding_spec, K8S_TEXT("policyName", "policy_binding"), K8S_TEXTS("validationActions", "validation_action"));
K8S_STATIC_PLACE(policy_binding, K8S_INSIDE("spec", policy_binding_spec));

K8S_STATIC_PLACE(service_port, K8S_NUMBER("nodePort", "node_port"));
K8S_STATIC_PLACE(service_spec,
                 K8S_TEXT("type", "service_type"),
                 K8S_TEXTS("externalIPs", "external_ip"),
                 K8S_INSIDE_EACH("ports", service_port),
                 K8S_TEXTS("loadBalancerSourceRanges", "load_balancer_source_range"));
K8S_STATIC_PLACE(service, K8S_INSIDE("spec", service_spec));

K8S_STATIC_PLACE(ingress_rule, K8S_TEXT("host", "ingress_host"));
K8S_STATIC_PLACE(ingress_spec, K8S_INSIDE_EACH("rules", ingress_rule), K8S_TEXT("ingressClassName", "ingress_class"));
K8S_STATIC_PLACE(ingress, K8S_LOOK("spec", look_at_ingress_spec), K8S_INSIDE("spec", ingress_spec));

K8S_STATIC_PLACE(network_policy_spec, K8S_TEXTS("policyTypes", "policy_type"));
K8S_STATIC_PLACE(network_policy, K8S_INSIDE("spec", network_policy_spec));

K8S_STATIC_PLACE(pv_host_path, K8S_TEXT("path", "pv_host_path"));
K8S_STATIC_PLACE(pv_csi, K8S_TEXT("driver", "pv_csi_driver"));
K8S_STATIC_PLACE(persistent_volume_spec, K8S_INSIDE("hostPath", pv_host_path), K8S_INSIDE("csi", pv_csi));
K8S_STATIC_PLACE(persistent_volume, K8S_INSIDE("spec", persistent_volume_spec));

K8S_STATIC_PLACE(node_spec, K8S_BOOL("unschedulable", "unschedulable"), K8S_LOOK_EACH("taints", look_at_taint));
K8S_STATIC_PLACE(cluster_node, K8S_INSIDE("spec", node_spec));

K8S_STATIC_PLACE(data_keys, K8S_EVERY(look_at_data_key));
K8S_STATIC_PLACE(data_keys_and_values, K8S_EVERY(look_at_data_key), K8S_EVERY(look_at_data_value));
K8S_STATIC_PLACE(secret,
                 K8S_TEXT("type", "secret_type"),
                 K8S_INSIDE("data", data_keys),
                 K8S_INSIDE("stringData", data_keys));
K8S_STATIC_PLACE(config_map, K8S_INSIDE("data", data_keys_and_values), K8S_INSIDE("binaryData", data_keys));

K8S_STATIC_PLACE(binding_target, K8S_TEXT("name", "binding_node"));
K8S_STATIC_PLACE(binding, K8S_INSIDE("target", binding_target));

K8S_STATIC_PLACE(delete_options,
                 K8S_TEXTS("dryRun", "dry_run"),
                 K8S_TEXT("propagationPolicy", "propagation_policy"),
                 K8S_NUMBER("gracePeriodSeconds", "grace_period_seconds"));
K8S_STATIC_PLACE(eviction, K8S_INSIDE("deleteOptions", delete_options));

/* A kind, and the resource that is served as. */
static const struct {
    const char *kind;
    const char *resource;
    const struct k8s_place *place;
} kinds[] = {
    {"CronJob", "cronjobs", &cron_job},
    {"Job", "jobs", &job},
    {"Deployment", "deployments", &workload},
    {"ReplicaSet", "replicasets", &workload},
    {"StatefulSet", "statefulsets", &workload},
    {"ReplicationController", "replicationcontrollers", &workload},
    {"RoleBinding", "rolebindings", &role_binding},
    {"ClusterRoleBinding", "clusterrolebindings", &role_binding},
    {"Role", "roles", &role},
    {"ClusterRole", "clusterroles", &role},
    {"CertificateSigningRequest", "certificatesigningrequests", &csr},
    {"MutatingWebhookConfiguration", "mutatingwebhookconfigurations", &webhook_configuration},
    {"ValidatingWebhookConfiguration", "validatingwebhookconfigurations", &webhook_configuration},
    {"ValidatingAdmissionPolicy", "validatingadmissionpolicies", &admission_policy},
    {"ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", &policy_binding},
    {"Service", "services", &service},
    {"Ingress", "ingresses", &ingress},
    {"NetworkPolicy", "networkpolicies", &network_policy},
    {"PersistentVolume", "persistentvolumes", &persistent_volume},
    {"Node", "nodes", &cluster_node},
    {"Secret", "secrets", &secret},
    {"ConfigMap", "configmaps", &config_map},
    {"Binding", "bindings", &binding},
    {"TokenRequest", NULL, &token_request},
    {"Scale", NULL, &workload},
    {"Eviction", NULL, &eviction},
    {"DeleteOptions", NULL, &delete_options},
};

/* Subresources whose body is not the resource itself: pod specs do not count there. */
static const struct {
    const char *subresource;
    const struct k8s_place *place; /* NULL: metadata alone */
} subresources[] = {
    {"status", NULL}, /* the server ignores all but status */
    {"scale", &workload},
    {"approval", &csr_approval},
    {"binding", &binding},
    {"token", &token_request},
    {"eviction", &eviction},
};

/* --- roots ---------------------------------------------------------------------------------------------------------------- */

static void add_root(struct k8s_roots *roots, const struct k8s_place *place)
{
    if (place && roots->count < K8S_MAX_ROOTS)
        roots->places[roots->count++] = place;
}

static const struct k8s_place *place_of_kind(struct slice kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (slice_is(kind, kinds[i].kind))
            return kinds[i].place;
    }
    return NULL;
}

static const struct k8s_place *place_of_resource(struct slice resource)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (kinds[i].resource && slice_is(resource, kinds[i].resource))
            return kinds[i].place;
    }
    return NULL;
}

void k8s_roots_of(struct k8s_roots *roots, const struct k8s_request *request, struct slice kind)
{
    *roots = (struct k8s_roots){0};
    if (slice_is(request->verb, "delete") || slice_is(request->verb, "deletecollection")) {
        add_root(roots, &delete_options);
        return;
    }
    for (size_t i = 0; i < sizeof subresources / sizeof *subresources; i++) {
        if (slice_is(request->subresource, subresources[i].subresource)) {
            add_root(roots, slice_is(request->subresource, "scale") ? NULL : &any_object);
            add_root(roots, subresources[i].place);
            return;
        }
    }
    add_root(roots, &any_object);
    add_root(roots, &pods);
    bool is_custom = k8s_is_custom_group(request->api_group);
    roots->is_custom = is_custom || !request->resource.length; /* what was cut off may have said so */
    if (!is_custom)
        add_root(roots, request->resource.length ? place_of_resource(request->resource) : place_of_kind(kind));
}

/* --- walking an object ---------------------------------------------------------------------------------------------------- */

static bool has_containers(const struct json_node *spec)
{
    return json_member(spec, "containers") || json_member(spec, "initContainers") || json_member(spec, "ephemeralContainers");
}

static bool names_pod_spec(struct slice parent, struct slice name)
{
    return slice_is(name, "podSpec") || (slice_is(name, "spec") && slice_is(parent, "template"));
}

static void walk_custom_pod_specs(struct k8s_walk *walk, const struct json_node *root)
{
    for (const struct json_node *node = root->first; node; node = json_next(node, root, false)) {
        struct slice parent = node->parent == root ? SLICE("") : node->parent->key;
        if (node->type == JSON_OBJECT && (names_pod_spec(parent, node->key) || (slice_is(node->key, "spec") && has_containers(node))))
            k8s_walk_object(walk, &k8s_pod_spec, node);
    }
}

size_t k8s_custom_pod_spec_depth(const struct slice *tokens, size_t count)
{
    static const char *const lists[] = {"containers", "initContainers", "ephemeralContainers"};

    for (size_t i = 0; i < count; i++) {
        if (names_pod_spec(i ? tokens[i - 1] : SLICE(""), tokens[i]))
            return i + 1;
        for (size_t list = 0; list < sizeof lists / sizeof *lists && i + 1 < count; list++) {
            if (slice_is(tokens[i], "spec") && slice_is(tokens[i + 1], lists[list]))
                return i + 1;
        }
    }
    return 0;
}

void k8s_value_labels(struct k8s_walk *walk, const struct k8s_roots *roots, const struct slice *tokens, size_t count, const struct json_node *value)
{
    for (size_t i = 0; i < roots->count; i++)
        k8s_walk_at(walk, roots->places[i], tokens, count, value);
    if (!roots->is_custom)
        return;
    size_t depth = k8s_custom_pod_spec_depth(tokens, count);
    if (depth)
        k8s_walk_at(walk, &k8s_pod_spec, tokens + depth, count - depth, value);
    else if (count && slice_is(tokens[count - 1], "spec") && has_containers(value))
        k8s_walk_object(walk, &k8s_pod_spec, value);
    else if (count && slice_is(tokens[count - 1], "template") && json_is(value, JSON_OBJECT))
        k8s_walk_object(walk, &pod_template, value);
    walk_custom_pod_specs(walk, value);
}

static bool is_list(struct slice kind)
{
    return slice_ends_with(kind, SLICE("List"));
}

bool k8s_kind_is_whole(struct slice kind)
{
    return kind.length && !is_list(kind) && !slice_is(kind, "Table") && !slice_is(kind, "PartialObjectMetadata") && !slice_is(kind, "Status");
}

static void object_labels(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *object)
{
    struct k8s_roots roots;
    struct slice kind = json_string(json_last_member(object, "kind"));

    k8s_roots_of(&roots, request, kind);
    k8s_value_labels(walk, &roots, NULL, 0, object);
    /* a patch may call itself anything, and must not make a dry run of itself */
    if (slice_is(kind, "DeleteOptions") && !walk->is_response && !k8s_verb_writes(request->verb))
        k8s_walk_object(walk, &delete_options, object);
}

void k8s_object_labels(struct k8s_walk *walk, const struct k8s_request *request, const struct json_node *object)
{
    const struct json_node *items = NULL;

    object_labels(walk, request, object);
    if (!is_list(json_string(json_last_member(object, "kind"))))
        return;
    while ((items = k8s_next_member(object, "items", items))) {
        for (const struct json_node *item = items->type == JSON_ARRAY ? items->first : NULL; item; item = item->next) {
            if (item->type == JSON_OBJECT)
                object_labels(walk, &(struct k8s_request){.verb = request->verb, .api_group = request->api_group}, item);
        }
    }
}
