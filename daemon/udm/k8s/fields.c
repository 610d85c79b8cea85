/* SPDX-License-Identifier: Apache-2.0 */
#include "fields.h"

#include "harrier/redact.h"

#define LABELS "target.resource.attribute.labels"
#define LABEL(key) K8S_LABEL_PATH(key)

/* One row for each path that a mapping fills. C: a container of containers, initContainers or ephemeralContainers; P: a pod spec; M: the
 * object's metadata. */
struct k8s_field {
    struct udm_field_help help;
    enum udm_origin origin;
};

#define ROW(path, from, source, meaning) {{path, source, meaning}, UDM_ORIGIN_##from}

static const struct k8s_field event_fields[] = {
    /* The event. */
    ROW("metadata.log_type", LOG_TYPE, "the source's configuration", "K8S_AUDIT, or as configured"),
    ROW("metadata.base_labels.log_types", EVENT, "the source's configuration, the envelope",
        "the log type, KUBERNETES_AUDIT, and in an envelope of EKS AWS_EKS, of AKS KUBERNETES_AUDIT_AZURE"),
    ROW("metadata.event_timestamp", EVENT, "requestReceivedTimestamp", "when the client acted; the same in every stage of a request"),
    ROW("metadata.collected_timestamp", EVENT, "stageTimestamp", "when the stage was reached"),
    ROW("metadata.ingested_timestamp", EVENT, "the daemon's clock", "when the event arrived here"),
    ROW("metadata.event_type", EVENT, "verb, objectRef", "RESOURCE_CREATION, RESOURCE_WRITTEN, RESOURCE_PERMISSIONS_CHANGE, USER_RESOURCE_ACCESS ..."),
    ROW("metadata.product_event_type", EVENT, "verb, objectRef", "method name: io.k8s.batch.v1.cronjobs.create"),
    ROW("metadata.product_version", EVENT, "apiVersion", "audit.k8s.io/v1"),
    ROW("metadata.product_log_id", EVENT, "auditID", "the client can choose it; it may repeat"),
    ROW("metadata.description", STAGE, "stage", "RequestReceived, ResponseStarted, ResponseComplete, Panic"),
    ROW("metadata.vendor_name", EVENT, "fixed", "Kubernetes"),
    ROW("metadata.product_name", EVENT, "fixed", "Kubernetes Audit"),
    ROW("network.http.method", VERB, "verb", "create POST, update PUT, patch PATCH, delete DELETE, get list watch GET"),
    ROW("network.http.response_code", EVENT, "responseStatus.code", "HTTP status of the answer"),
    ROW("network.http.user_agent", EVENT, "userAgent", "the client's name for itself"),
    ROW("target.url", URL, "requestURI", "path, percent-decoded once, without the query"),
    ROW("target.application", EVENT, "fixed", "kube-apiserver"),
    ROW("principal.user.userid", USER, "user.username", "who acted; never who was acted as"),
    ROW("principal.user.user_display_name", USER, "user.username", "who acted"),
    ROW("principal.user.email_addresses", EVENT, "user.username", "a user name that holds @"),
    ROW("principal.user.product_object_id", EVENT, "user.uid", "the user's uid"),
    ROW("principal.user.group_identifiers", EVENT, "user.groups", "groups of the user"),
    ROW("principal.user.attribute.labels[\"KEY\"]", EVENT, "user.extra", "extra attributes, keys as they are"),
    ROW("principal.ip", EVENT, "sourceIPs, the last", "address of the peer; with trusted_proxies: N the N-th before it"),
    ROW("target.user.userid", EVENT, "impersonatedUser.username", "who was acted as"),
    ROW("target.user.product_object_id", EVENT, "impersonatedUser.uid", "uid of who was acted as"),
    ROW("target.user.group_identifiers", EVENT, "impersonatedUser.groups", "groups acted with"),
    ROW("target.user.attribute.labels[\"KEY\"]", EVENT, "impersonatedUser.extra", "extra attributes acted with"),
    ROW("target.process.command_line", EVENT, "requestURI, command parameters", "command of exec or attach"),
    ROW("target.resource.name", EVENT, "objectRef.name, else metadata.name of responseObject, requestObject", "name of the object"),
    ROW("target.resource.product_object_id", EVENT, "objectRef.uid, else responseObject.metadata.uid", "uid of the object"),
    ROW("target.resource.resource_subtype", OBJECT_REF, "objectRef.resource", "pods, cronjobs ..."),
    ROW("target.resource.resource_type", OBJECT_REF, "objectRef.resource", "POD, TASK, SERVICE_ACCOUNT, CREDENTIAL, ACCESS_POLICY ..."),
    ROW("target.resource_ancestors.name", EVENT, "the source's configuration", "the cluster"),
    ROW("target.resource_ancestors.resource_type", EVENT, "the source's configuration", "CLUSTER"),
    ROW("security_result.action", EVENT, "responseStatus.code, annotations", "ALLOW, BLOCK, FAIL, UNKNOWN_ACTION"),
    ROW("security_result.action_details", VERB, "verb", "the verb"),
    ROW("security_result.description", EVENT, "annotations[\"authorization.k8s.io/reason\"]", "why the request was allowed or not"),
    ROW("security_result.summary", EVENT, "responseStatus.message", "its first 512 bytes"),
    ROW("security_result.detection_fields[\"KEY\"]", EVENT, "annotations", "annotations of the event, keys as they are"),
    ROW("additional.fields[\"level\"]", EVENT, "as the label level", "Metadata, Request, RequestResponse"),
    ROW("additional.fields[\"namespace\"]", EVENT, "objectRef.namespace", "namespace of the object"),
    ROW("additional.fields[\"resource_version\"]", EVENT, "objectRef.resourceVersion", "version that the request names"),
    ROW("additional.fields[\"syslog_host\"]", EVENT, "HOST of the syslog message", "who sent it, by its own word"),
    ROW("additional.fields[\"cause_field\"]", EVENT, "responseStatus.details.causes[].field", "the field that was refused first"),
    ROW(LABEL("level"), EVENT, "k8s_audit_level or openshift_audit_level (OpenShift's collector), else level",
        "Metadata, Request, RequestResponse"),
    ROW(LABEL("stage"), STAGE, "stage", "RequestReceived, ResponseStarted, ResponseComplete, Panic"),
    ROW(LABEL("verb"), VERB, "verb", "get, list, watch, create, update, patch, delete, deletecollection"),
    ROW(LABEL("impersonated"), EVENT, "impersonatedUser", "true if the user acted as another"),
    ROW(LABEL("impersonation_constraint"), EVENT, "authenticationMetadata.impersonationConstraint", "the constraint that allowed it"),
    ROW(LABEL("source_ip_claimed"), EVENT, "sourceIPs, all but the peer's", "addresses that the client may have made up"),
    ROW(LABEL("resource"), OBJECT_REF, "objectRef.resource", "pods, cronjobs ..."),
    ROW(LABEL("subresource"), OBJECT_REF, "objectRef.subresource", "exec, status, scale ..."),
    ROW(LABEL("namespace"), OBJECT_REF, "objectRef.namespace", "namespace of the object"),
    ROW(LABEL("api_group"), OBJECT_REF, "objectRef.apiGroup, else the group of apiVersion", "absent for the core group"),
    ROW(LABEL("api_version"), EVENT, "objectRef.apiVersion", "v1"),
    ROW(LABEL("code"), EVENT, "responseStatus.code", "HTTP status of the answer"),
    ROW(LABEL("response_status"), EVENT, "responseStatus.status", "Success, Failure"),
    ROW(LABEL("response_reason"), EVENT, "responseStatus.reason", "Forbidden, NotFound ..."),
    ROW(LABEL("decision"), EVENT, "annotations[\"authorization.k8s.io/decision\"]", "allow, forbid"),
    ROW(LABEL("reason"), EVENT, "annotations[\"authorization.k8s.io/reason\"]", "why the request was allowed or not"),
    ROW(LABEL("truncated"), EVENT, "annotations[\"audit.k8s.io/truncated\"]", "true if the API server left the objects out"),
    ROW(LABEL("pod_security_violation"), EVENT, "annotations[\"pod-security.kubernetes.io/audit-violations\"]", "what the pod security standard objects to"),
    ROW(LABEL("pod_security_policy"), EVENT, "annotations[\"pod-security.kubernetes.io/enforce-policy\"]", "level that is enforced"),
    ROW(LABEL("mutated_by"), EVENT, "annotations[\"mutation.webhook.admission.k8s.io/round_*\"]", "webhooks that changed the object"),
    ROW(LABEL("deprecated"), EVENT, "annotations[\"k8s.io/deprecated\"]", "true for a deprecated API"),
    ROW(LABEL("cluster"), EVENT, "the source's configuration", "name of the cluster"),
    ROW(LABEL("user_kind"), USER, "user", "serviceaccount, node, anonymous, system, user"),
    ROW(LABEL("service_account_namespace"), EVENT, "user.username", "namespace of the service account that acted"),
    ROW(LABEL("service_account_user"), EVENT, "user.username", "name of the service account that acted"),
    ROW(LABEL("credential_id"), EVENT, "user.extra[\"authentication.kubernetes.io/credential-id\"]", "credential of the user"),
    ROW(LABEL("token_pod"), EVENT, "user.extra[\"authentication.kubernetes.io/pod-name\"]", "pod that the token is bound to"),
    ROW(LABEL("token_node"), EVENT, "user.extra[\"authentication.kubernetes.io/node-name\"]", "node that the token is bound to"),
    ROW(LABEL("object_state"), EVENT, "requestObject, level, stage, responseStatus", "present, none, or why the object cannot be seen"),
    ROW(LABEL("overflow"), EVENT, "the daemon's bounds", "true if a part of the event was over a bound"),

    /* The query of requestURI. */
    ROW(LABEL("query"), EVENT, "requestURI", "the query as it is"),
    ROW(LABEL("field_manager"), EVENT, "requestURI, fieldManager", "who manages the fields"),
    ROW(LABEL("field_validation"), EVENT, "requestURI, fieldValidation", "Strict, Warn, Ignore"),
    ROW(LABEL("dry_run"), EVENT, "requestURI, dryRun; dryRun of DeleteOptions", "All: nothing is changed"),
    ROW(LABEL("force"), EVENT, "requestURI, force", "true: conflicts are overridden"),
    ROW(LABEL("propagation_policy"), EVENT, "requestURI, propagationPolicy; that of DeleteOptions", "Background, Foreground, Orphan"),
    ROW(LABEL("label_selector"), EVENT, "requestURI, labelSelector", "selector of a list"),
    ROW(LABEL("field_selector"), EVENT, "requestURI, fieldSelector", "selector of a list"),
    ROW(LABEL("watch"), EVENT, "requestURI, watch", "true for a watch"),
    ROW(LABEL("limit"), EVENT, "requestURI, limit", "page size of a list"),
    ROW(LABEL("exec_argv"), EVENT, "requestURI, command", "each argument of exec"),
    ROW(LABEL("exec_command"), EVENT, "requestURI, command", "command of exec, joined by blanks"),
    ROW(LABEL("exec_container"), EVENT, "requestURI, container", "container of exec or attach"),
    ROW(LABEL("exec_stdin"), EVENT, "requestURI, stdin", "true if input is sent"),
    ROW(LABEL("exec_stdout"), EVENT, "requestURI, stdout", "true if output is read"),
    ROW(LABEL("exec_stderr"), EVENT, "requestURI, stderr", "true if errors are read"),
    ROW(LABEL("exec_tty"), EVENT, "requestURI, tty", "true for a terminal"),
    ROW(LABEL("port"), EVENT, "requestURI, ports", "ports that are forwarded"),
    ROW(LABEL("log_container"), EVENT, "requestURI, container", "container whose log is read"),
    ROW(LABEL("log_follow"), EVENT, "requestURI, follow", "true if the log is followed"),
    ROW(LABEL("log_previous"), EVENT, "requestURI, previous", "true for the container before"),
    ROW(LABEL("proxy_path"), EVENT, "requestURI", "what follows /proxy, decoded"),
};

/* Objects are the same in every log. */
static const struct k8s_field object_fields[] = {
    /* Pod specs in the request. */
    ROW(LABEL("image"), REQUEST_OBJECT, "C.image; P.volumes[].image.reference", "image reference"),
    ROW(LABEL("command"), REQUEST_OBJECT, "C.command and C.args; exec.command of hooks and probes", "elements joined by one blank, one value per container"),
    ROW(LABEL("hook_command"), REQUEST_OBJECT, "exec.command of C.lifecycle and probes", "command of hooks and probes alone"),
    ROW(LABEL("host_path"), REQUEST_OBJECT, "P.volumes[].hostPath", "true if the host's files are mounted"),
    ROW(LABEL("host_path_value"), REQUEST_OBJECT, "P.volumes[].hostPath.path", "path on the host"),
    ROW(LABEL("privileged"), REQUEST_OBJECT, "C.securityContext.privileged", "true"),
    ROW(LABEL("host_network"), REQUEST_OBJECT, "P.hostNetwork", "true"),
    ROW(LABEL("host_pid"), REQUEST_OBJECT, "P.hostPID", "true"),
    ROW(LABEL("host_ipc"), REQUEST_OBJECT, "P.hostIPC", "true"),
    ROW(LABEL("host_process"), REQUEST_OBJECT, "securityContext.windowsOptions.hostProcess of P, C", "true"),
    ROW(LABEL("host_users"), REQUEST_OBJECT, "P.hostUsers", "true, false"),
    ROW(LABEL("host_port"), REQUEST_OBJECT, "C.ports[].hostPort", "port on the node"),
    ROW(LABEL("host_alias"), REQUEST_OBJECT, "P.hostAliases[]", "ip=name"),
    ROW(LABEL("mount_path"), REQUEST_OBJECT, "C.volumeMounts[].mountPath", "path in the container"),
    ROW(LABEL("device_path"), REQUEST_OBJECT, "C.volumeDevices[].devicePath", "block device in the container"),
    ROW(LABEL("capability"), REQUEST_OBJECT, "C.securityContext.capabilities.add[]", "as written"),
    ROW(LABEL("capability_drop"), REQUEST_OBJECT, "C.securityContext.capabilities.drop[]", "as written"),
    ROW(LABEL("run_as_user"), REQUEST_OBJECT, "securityContext.runAsUser of P, C", "user id"),
    ROW(LABEL("run_as_root"), REQUEST_OBJECT, "securityContext.runAsUser, runAsNonRoot of P, C", "true if runAsUser is 0 or runAsNonRoot false"),
    ROW(LABEL("run_as_non_root"), REQUEST_OBJECT, "securityContext.runAsNonRoot of P, C", "true, false"),
    ROW(LABEL("allow_privilege_escalation"), REQUEST_OBJECT, "C.securityContext.allowPrivilegeEscalation", "true, false"),
    ROW(LABEL("read_only_root_filesystem"), REQUEST_OBJECT, "C.securityContext.readOnlyRootFilesystem", "true, false"),
    ROW(LABEL("proc_mount"), REQUEST_OBJECT, "C.securityContext.procMount", "Default, Unmasked"),
    ROW(LABEL("seccomp_profile"), REQUEST_OBJECT, "securityContext.seccompProfile.type of P, C", "RuntimeDefault, Unconfined, Localhost"),
    ROW(LABEL("apparmor_profile"), REQUEST_OBJECT, "securityContext.appArmorProfile.type of P, C", "RuntimeDefault, Unconfined, Localhost"),
    ROW(LABEL("selinux_type"), REQUEST_OBJECT, "securityContext.seLinuxOptions.type of P, C", "SELinux type"),
    ROW(LABEL("sysctl"), REQUEST_OBJECT, "P.securityContext.sysctls[]", "name=value"),
    ROW(LABEL("share_process_namespace"), REQUEST_OBJECT, "P.shareProcessNamespace", "true, false"),
    ROW(LABEL("service_account"), REQUEST_OBJECT, "P.serviceAccountName, P.serviceAccount", "service account of the pod"),
    ROW(LABEL("automount_service_account_token"), REQUEST_OBJECT, "P.automountServiceAccountToken", "true, false"),
    ROW(LABEL("registry"), REQUEST_OBJECT, "C.image", "host of the image, docker.io if it names none"),
    ROW(LABEL("image_repository"), REQUEST_OBJECT, "C.image", "name of the image without host, tag and digest"),
    ROW(LABEL("image_tag"), REQUEST_OBJECT, "C.image", "tag; latest if there is neither tag nor digest"),
    ROW(LABEL("image_digest"), REQUEST_OBJECT, "C.image", "sha256:..."),
    ROW(LABEL("image_pull_policy"), REQUEST_OBJECT, "C.imagePullPolicy", "Always, IfNotPresent, Never"),
    ROW(LABEL("image_pull_secret"), REQUEST_OBJECT, "P.imagePullSecrets[].name", "name of the secret"),
    ROW(LABEL("container_name"), REQUEST_OBJECT, "C.name", "name of the container"),
    ROW(LABEL("env_name"), REQUEST_OBJECT, "C.env[].name", "name of a variable"),
    ROW(LABEL("env_value"), REQUEST_OBJECT, "C.env[].value", "value of a variable; sensitive"),
    ROW(LABEL("env_secret_ref"), REQUEST_OBJECT, "C.env[].valueFrom.secretKeyRef, C.envFrom[].secretRef", "name/key, or name"),
    ROW(LABEL("env_configmap_ref"), REQUEST_OBJECT, "C.env[].valueFrom.configMapKeyRef, C.envFrom[].configMapRef", "name/key, or name"),
    ROW(LABEL("volume_type"), REQUEST_OBJECT, "P.volumes[], keys", "hostPath, secret, configMap, emptyDir, projected, csi ..."),
    ROW(LABEL("volume_secret"), REQUEST_OBJECT, "P.volumes[].secret.secretName, .projected.sources[].secret.name", "name of the secret"),
    ROW(LABEL("volume_claim"), REQUEST_OBJECT, "P.volumes[].persistentVolumeClaim.claimName", "name of the claim"),
    ROW(LABEL("volume_csi_driver"), REQUEST_OBJECT, "P.volumes[].csi.driver", "name of the driver"),
    ROW(LABEL("volume_token_audience"), REQUEST_OBJECT, "P.volumes[].projected.sources[].serviceAccountToken.audience", "audience of the token"),
    ROW(LABEL("node_name"), REQUEST_OBJECT, "P.nodeName", "node that the pod is pinned to"),
    ROW(LABEL("priority_class"), REQUEST_OBJECT, "P.priorityClassName", "priority class"),
    ROW(LABEL("runtime_class"), REQUEST_OBJECT, "P.runtimeClassName", "runtime class"),
    ROW(LABEL("scheduler_name"), REQUEST_OBJECT, "P.schedulerName", "scheduler"),
    ROW(LABEL("restart_policy"), REQUEST_OBJECT, "P.restartPolicy", "Always, OnFailure, Never"),
    ROW(LABEL("dns_policy"), REQUEST_OBJECT, "P.dnsPolicy", "DNS policy"),
    ROW(LABEL("node_selector"), REQUEST_OBJECT, "P.nodeSelector", "key=value"),
    ROW(LABEL("toleration"), REQUEST_OBJECT, "P.tolerations[]", "key:effect; * tolerates every taint"),

    /* Other parts of objects in the request. */
    ROW(LABEL("kind"), REQUEST_OBJECT, "kind of the request's object, else of the answer's", "kind of the object"),
    ROW(LABEL("generate_name"), REQUEST_OBJECT, "M.generateName", "prefix of a generated name"),
    ROW(LABEL("owner_kind"), REQUEST_OBJECT, "M.ownerReferences[].kind", "kind of the owner"),
    ROW(LABEL("owner_name"), REQUEST_OBJECT, "M.ownerReferences[].name", "name of the owner"),
    ROW(LABEL("annotation.KEY"), REQUEST_OBJECT, "M.annotations", "up to 1 KiB, key as it is; never the last applied configuration"),
    ROW(LABEL("label.KEY"), REQUEST_OBJECT, "M.labels", "key as it is"),
    ROW(LABEL("finalizer"), REQUEST_OBJECT, "M.finalizers[]", "name of a finalizer"),
    ROW(LABEL("schedule"), REQUEST_OBJECT, "spec.schedule", "when a CronJob runs"),
    ROW(LABEL("time_zone"), REQUEST_OBJECT, "spec.timeZone", "time zone of a CronJob"),
    ROW(LABEL("concurrency_policy"), REQUEST_OBJECT, "spec.concurrencyPolicy", "Allow, Forbid, Replace"),
    ROW(LABEL("starting_deadline_seconds"), REQUEST_OBJECT, "spec.startingDeadlineSeconds", "of a CronJob"),
    ROW(LABEL("suspend"), REQUEST_OBJECT, "spec.suspend", "true, false, of a CronJob or Job"),
    ROW(LABEL("parallelism"), REQUEST_OBJECT, "spec.parallelism of a Job", "pods at a time"),
    ROW(LABEL("completions"), REQUEST_OBJECT, "spec.completions of a Job", "pods in all"),
    ROW(LABEL("backoff_limit"), REQUEST_OBJECT, "spec.backoffLimit of a Job", "failures allowed"),
    ROW(LABEL("active_deadline_seconds"), REQUEST_OBJECT, "spec.activeDeadlineSeconds of a Job", "time allowed"),
    ROW(LABEL("ttl_seconds_after_finished"), REQUEST_OBJECT, "spec.ttlSecondsAfterFinished of a Job", "how long it is kept"),
    ROW(LABEL("replicas"), REQUEST_OBJECT, "spec.replicas", "of workloads and Scale"),
    ROW(LABEL("role_ref_kind"), REQUEST_OBJECT, "roleRef.kind", "Role, ClusterRole"),
    ROW(LABEL("role_ref_name"), REQUEST_OBJECT, "roleRef.name", "role that is bound"),
    ROW(LABEL("subject_kind"), REQUEST_OBJECT, "subjects[].kind", "User, Group, ServiceAccount"),
    ROW(LABEL("subject_name"), REQUEST_OBJECT, "subjects[].name", "who gets the role"),
    ROW(LABEL("subject_namespace"), REQUEST_OBJECT, "subjects[].namespace", "namespace of a service account"),
    ROW(LABEL("subject"), REQUEST_OBJECT, "subjects[]", "Kind:namespace/name"),
    ROW(LABEL("rule_verb"), REQUEST_OBJECT, "rules[].verbs[]", "verbs of all rules"),
    ROW(LABEL("rule_resource"), REQUEST_OBJECT, "rules[].resources[]", "resources of all rules"),
    ROW(LABEL("rule_api_group"), REQUEST_OBJECT, "rules[].apiGroups[]", "API groups of all rules"),
    ROW(LABEL("rule_resource_name"), REQUEST_OBJECT, "rules[].resourceNames[]", "names of all rules"),
    ROW(LABEL("rule_non_resource_url"), REQUEST_OBJECT, "rules[].nonResourceURLs[]", "paths of all rules"),
    ROW(LABEL("rule"), REQUEST_OBJECT, "rules[]", "verbs;groups;resources;names;urls of one rule, each sorted and joined by commas"),
    ROW(LABEL("aggregated"), REQUEST_OBJECT, "aggregationRule", "true for an aggregated ClusterRole"),
    ROW(LABEL("token_expiration_seconds"), REQUEST_OBJECT, "spec.expirationSeconds of a TokenRequest", "life of the token"),
    ROW(LABEL("token_audience"), REQUEST_OBJECT, "spec.audiences[] of a TokenRequest", "audience of the token"),
    ROW(LABEL("token_bound_kind"), REQUEST_OBJECT, "spec.boundObjectRef.kind of a TokenRequest", "what the token is bound to"),
    ROW(LABEL("token_bound_name"), REQUEST_OBJECT, "spec.boundObjectRef.name of a TokenRequest", "what the token is bound to"),
    ROW(LABEL("csr_signer"), REQUEST_OBJECT, "spec.signerName of a CertificateSigningRequest", "signer that is asked"),
    ROW(LABEL("csr_usage"), REQUEST_OBJECT, "spec.usages[] of a CertificateSigningRequest", "key usages"),
    ROW(LABEL("csr_username"), REQUEST_OBJECT, "spec.username of a CertificateSigningRequest", "who asks"),
    ROW(LABEL("csr_group"), REQUEST_OBJECT, "spec.groups[] of a CertificateSigningRequest", "groups of who asks"),
    ROW(LABEL("csr_expiration_seconds"), REQUEST_OBJECT, "spec.expirationSeconds of a CertificateSigningRequest", "life of the certificate"),
    ROW(LABEL("csr_condition"), REQUEST_OBJECT, "status.conditions[].type of approval", "Approved, Denied, Failed"),
    ROW(LABEL("webhook_name"), REQUEST_OBJECT, "webhooks[].name", "name of an admission webhook"),
    ROW(LABEL("webhook_url"), REQUEST_OBJECT, "webhooks[].clientConfig.url", "where it is"),
    ROW(LABEL("webhook_service"), REQUEST_OBJECT, "webhooks[].clientConfig.service", "namespace/name"),
    ROW(LABEL("webhook_failure_policy"), REQUEST_OBJECT, "webhooks[].failurePolicy", "Fail, Ignore"),
    ROW(LABEL("webhook_operation"), REQUEST_OBJECT, "webhooks[].rules[].operations[]", "CREATE, UPDATE ..."),
    ROW(LABEL("webhook_resource"), REQUEST_OBJECT, "webhooks[].rules[].resources[]", "resources that it sees"),
    ROW(LABEL("policy_failure_policy"), REQUEST_OBJECT, "spec.failurePolicy of a ValidatingAdmissionPolicy", "Fail, Ignore"),
    ROW(LABEL("policy_binding"), REQUEST_OBJECT, "spec.policyName of a ValidatingAdmissionPolicyBinding", "policy that is bound"),
    ROW(LABEL("validation_action"), REQUEST_OBJECT, "spec.validationActions[] of a ValidatingAdmissionPolicyBinding", "Deny, Warn, Audit"),
    ROW(LABEL("service_type"), REQUEST_OBJECT, "spec.type of a Service", "ClusterIP, NodePort, LoadBalancer, ExternalName"),
    ROW(LABEL("external_ip"), REQUEST_OBJECT, "spec.externalIPs[] of a Service", "addresses outside"),
    ROW(LABEL("node_port"), REQUEST_OBJECT, "spec.ports[].nodePort of a Service", "port on every node"),
    ROW(LABEL("load_balancer_source_range"), REQUEST_OBJECT, "spec.loadBalancerSourceRanges[] of a Service", "who may connect"),
    ROW(LABEL("ingress_host"), REQUEST_OBJECT, "spec.rules[].host of an Ingress", "host name"),
    ROW(LABEL("ingress_class"), REQUEST_OBJECT, "spec.ingressClassName of an Ingress", "class"),
    ROW(LABEL("ingress_tls"), REQUEST_OBJECT, "spec.tls of an Ingress", "true, false"),
    ROW(LABEL("policy_type"), REQUEST_OBJECT, "spec.policyTypes[] of a NetworkPolicy", "Ingress, Egress"),
    ROW(LABEL("pv_host_path"), REQUEST_OBJECT, "spec.hostPath.path of a PersistentVolume", "path on the host"),
    ROW(LABEL("pv_csi_driver"), REQUEST_OBJECT, "spec.csi.driver of a PersistentVolume", "name of the driver"),
    ROW(LABEL("unschedulable"), REQUEST_OBJECT, "spec.unschedulable of a Node", "true, false"),
    ROW(LABEL("taint"), REQUEST_OBJECT, "spec.taints[] of a Node", "key=value:effect"),
    ROW(LABEL("secret_type"), REQUEST_OBJECT, "type of a Secret", "Opaque, kubernetes.io/service-account-token ..."),
    ROW(LABEL("data_key"), REQUEST_OBJECT, "data, stringData, binaryData of Secrets and ConfigMaps", "keys, never values"),
    ROW(LABEL("data_value"), REQUEST_OBJECT, "data of a ConfigMap", "values up to 64 KiB; sensitive"),
    ROW(LABEL("binding_node"), REQUEST_OBJECT, "target.name of a Binding", "node that a pod is bound to"),
    ROW(LABEL("grace_period_seconds"), REQUEST_OBJECT, "gracePeriodSeconds of DeleteOptions", "time to end"),
    ROW(LABEL("patch_type"), REQUEST_OBJECT, "the request's object of a patch", "json, merge, strategic, apply"),
    ROW(LABEL("unresolved"), REQUEST_OBJECT, "copy or move in a JSON patch", "path of a value that the event does not show"),

    /* The object that came back. */
    ROW(LABEL("response_kind"), RESPONSE_OBJECT, "kind of the answer's object", "kind of what came back"),
    ROW(LABEL("response_items"), RESPONSE_OBJECT, "items[] of the answer's object", "length of a list"),
    ROW(LABEL("response.LABEL"), RESPONSE_OBJECT, "the answer's object, of a write", "each label of the request's object, of the object that results"),
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct k8s_field *field_at(size_t index)
{
    if (index < COUNT(event_fields))
        return &event_fields[index];
    index -= COUNT(event_fields);
    return index < COUNT(object_fields) ? &object_fields[index] : NULL;
}

const struct udm_field_help *udm_k8s_field_help_at(size_t index)
{
    const struct k8s_field *field = field_at(index);
    return field ? &field->help : NULL;
}

const struct udm_field_help *k8s_object_field_help_at(size_t index)
{
    return index < COUNT(object_fields) ? &object_fields[index].help : NULL;
}

/* Paths whose end is open. Labels without a key come from everywhere; what the request's object may hide must not be missed. */
static const struct {
    const char *prefix;
    enum udm_origin origin;
} prefixes[] = {
    {LABELS "[\"annotation.", UDM_ORIGIN_REQUEST_OBJECT},
    {LABELS "[\"label.", UDM_ORIGIN_REQUEST_OBJECT},
    {LABELS "[\"response.", UDM_ORIGIN_RESPONSE_OBJECT},
    {LABELS "[\"", UDM_ORIGIN_EVENT}, /* a key that the mapping does not know is never there */
    {LABELS, UDM_ORIGIN_REQUEST_OBJECT},
};

enum udm_origin k8s_field_origin(struct slice canonical_path)
{
    const struct k8s_field *field;

    for (size_t i = 0; (field = field_at(i)); i++) {
        if (slice_is(canonical_path, field->help.path))
            return field->origin;
    }
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        if (slice_starts_with(canonical_path, slice_of(prefixes[i].prefix)))
            return prefixes[i].origin;
    }
    return UDM_ORIGIN_EVENT;
}

bool udm_label_is_sensitive(struct slice key)
{
    /* The address of an admission webhook is what an attack shows by; other members of that name are those of chats, which whoever has can write to. */
    return redact_is_secret_name(key) && !slice_is(key, "webhook_url");
}
