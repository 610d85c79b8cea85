/* SPDX-License-Identifier: Apache-2.0 */
/* The labels of objects, row by row. */
#include "tests/unit/udm/mapped.h"

struct row {
    const char *body;
    const char *label;
    const char *expected;
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void assert_rows(const char *verb, const char *resource, const char *before, const char *after, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char body[2048];
        snprintf(body, sizeof body, "%s%s%s", before, rows[i].body, after);
        struct mapped mapped = map_request(verb, resource, body, NULL);
        assert_label(&mapped, rows[i].label, rows[i].expected);
        unmap(&mapped);
    }
}

static void test_containers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"'image':'alpine'", "image", "alpine"},
        {"'image':5", "image", ""},
        {"'Image':'alpine'", "image", ""},
        {"'image':'a','image':'b'", "image", "a | b"},
        {"'image':'\\u0061lpine\\u0000'", "container_name", ""},
        {"'image':'alpine'", "registry", "docker.io"},
        {"'image':'ghcr.io/a/b:1'", "registry", "ghcr.io"},
        {"'image':'localhost/a/b:1'", "registry", "localhost"},
        {"'image':'host:5000/a/b'", "registry", "host:5000"},
        {"'image':'library/a'", "registry", "docker.io"},
        {"'image':'host:5000/a/b'", "image_repository", "a/b"},
        {"'image':'host:5000/a/b'", "image_tag", "latest"},
        {"'image':'a/b:1@sha256:00'", "image_tag", "1"},
        {"'image':'a/b@sha256:00'", "image_tag", ""},
        {"'image':'a/b@sha256:00'", "image_digest", "sha256:00"},
        {"'command':['sh','-c'],'args':['x y']", "command", "sh -c x y"},
        {"'args':['x']", "command", "x"},
        {"'command':['a',1,true,null]", "command", "a 1 true null"},
        {"'command':'sh'", "command", ""},
        {"'command':[]", "command", ""},
        {"'command':['a'],'command':['b'],'args':['c']", "command", "a | b c"},
        {"'command':['a'],'args':['b'],'args':['c']", "command", "b | a c"},
        {"'lifecycle':{'postStart':{'exec':{'command':['a','b']}}}", "command", "a b"},
        {"'lifecycle':{'preStop':{'exec':{'command':['a','b']}}}", "hook_command", "a b"},
        {"'livenessProbe':{'exec':{'command':['a']}},'readinessProbe':{'exec':{'command':['b']}},'startupProbe':{'exec':{'command':['c']}}",
         "hook_command", "a | b | c"},
        {"'command':['a']", "hook_command", ""},
        {"'securityContext':{'privileged':true}", "privileged", "true"},
        {"'securityContext':{'privileged':false}", "privileged", ""},
        {"'securityContext':{'privileged':'true'}", "privileged", ""},
        {"'securityContext':{},'securityContext':{'privileged':true},'securityContext':null", "privileged", "true"},
        {"'securityContext':{'windowsOptions':{'hostProcess':true}}", "host_process", "true"},
        {"'securityContext':{'capabilities':{'add':['SYS_ADMIN','net_raw'],'drop':['ALL']}}", "capability", "SYS_ADMIN | net_raw"},
        {"'securityContext':{'capabilities':{'add':['SYS_ADMIN'],'drop':['ALL']}}", "capability_drop", "ALL"},
        {"'securityContext':{'runAsUser':0}", "run_as_user", "0"},
        {"'securityContext':{'runAsUser':0}", "run_as_root", "true"},
        {"'securityContext':{'runAsUser':1000}", "run_as_root", ""},
        {"'securityContext':{'runAsNonRoot':false}", "run_as_root", "true"},
        {"'securityContext':{'runAsNonRoot':true}", "run_as_non_root", "true"},
        {"'securityContext':{'allowPrivilegeEscalation':false}", "allow_privilege_escalation", "false"},
        {"'securityContext':{'readOnlyRootFilesystem':true}", "read_only_root_filesystem", "true"},
        {"'securityContext':{'procMount':'Unmasked'}", "proc_mount", "Unmasked"},
        {"'securityContext':{'seccompProfile':{'type':'Unconfined'}}", "seccomp_profile", "Unconfined"},
        {"'securityContext':{'appArmorProfile':{'type':'Unconfined'}}", "apparmor_profile", "Unconfined"},
        {"'securityContext':{'seLinuxOptions':{'type':'spc_t'}}", "selinux_type", "spc_t"},
        {"'volumeMounts':[{'mountPath':'/a'},{'mountPath':'/b'}]", "mount_path", "/a | /b"},
        {"'volumeDevices':[{'devicePath':'/dev/x'}]", "device_path", "/dev/x"},
        {"'imagePullPolicy':'Never'", "image_pull_policy", "Never"},
        {"'name':'c'", "container_name", "c"},
        {"'env':[{'name':'N','value':'V'}]", "env_name", "N"},
        {"'env':[{'name':'N','value':'V'}]", "env_value", "V"},
        {"'env':[{'valueFrom':{'secretKeyRef':{'name':'s','key':'k'}}}],'envFrom':[{'secretRef':{'name':'t'}}]", "env_secret_ref", "s/k | t"},
        {"'env':[{'valueFrom':{'configMapKeyRef':{'name':'s','key':'k'}}}],'envFrom':[{'configMapRef':{'name':'t'}}]", "env_configmap_ref", "s/k | t"},
        {"'ports':[{'hostPort':80}]", "host_port", "80"},
    };
    assert_rows("create", "pods", "{'spec':{'containers':[{", "}]}}", rows, COUNT(rows));
}

static void test_pod_specs(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"'volumes':[{'name':'v','hostPath':{'path':'/etc'}}]", "host_path", "true"},
        {"'volumes':[{'name':'v','hostPath':null}]", "host_path", ""},
        {"'volumes':[{'name':'v','hostPath':{'path':'/etc'}}]", "host_path_value", "/etc"},
        {"'volumes':[{'name':'v','hostPath':{'path':'/etc'}},{'emptyDir':{}}]", "volume_type", "hostPath | emptyDir"},
        {"'volumes':[{'image':{'reference':'kali'}}]", "image", "kali"},
        {"'volumes':[{'secret':{'secretName':'s'}},{'projected':{'sources':[{'secret':{'name':'t'}}]}}]", "volume_secret", "s | t"},
        {"'volumes':[{'persistentVolumeClaim':{'claimName':'c'}}]", "volume_claim", "c"},
        {"'volumes':[{'csi':{'driver':'d'}}]", "volume_csi_driver", "d"},
        {"'volumes':[{'projected':{'sources':[{'serviceAccountToken':{'audience':'a'}}]}}]", "volume_token_audience", "a"},
        {"'hostNetwork':true", "host_network", "true"},
        {"'hostNetwork':'true'", "host_network", ""},
        {"'hostPID':true", "host_pid", "true"},
        {"'hostIPC':true", "host_ipc", "true"},
        {"'hostUsers':false", "host_users", "false"},
        {"'shareProcessNamespace':true", "share_process_namespace", "true"},
        {"'securityContext':{'runAsUser':0}", "run_as_root", "true"},
        {"'securityContext':{'sysctls':[{'name':'a.b','value':'1'}]}", "sysctl", "a.b=1"},
        {"'securityContext':{'windowsOptions':{'hostProcess':true}}", "host_process", "true"},
        {"'serviceAccountName':'a','serviceAccount':'b'", "service_account", "a | b"},
        {"'automountServiceAccountToken':false", "automount_service_account_token", "false"},
        {"'imagePullSecrets':[{'name':'p'}]", "image_pull_secret", "p"},
        {"'nodeName':'n'", "node_name", "n"},
        {"'priorityClassName':'n'", "priority_class", "n"},
        {"'runtimeClassName':'n'", "runtime_class", "n"},
        {"'schedulerName':'n'", "scheduler_name", "n"},
        {"'restartPolicy':'n'", "restart_policy", "n"},
        {"'dnsPolicy':'n'", "dns_policy", "n"},
        {"'nodeSelector':{'a':'b'}", "node_selector", "a=b"},
        {"'tolerations':[{'key':'k','effect':'NoSchedule'},{'operator':'Exists'}]", "toleration", "k:NoSchedule | *"},
        {"'hostAliases':[{'ip':'1.2.3.4','hostnames':['a','b']}]", "host_alias", "1.2.3.4=a | 1.2.3.4=b"},
        {"'initContainers':[{'image':'a'}],'containers':[{'image':'b'}],'ephemeralContainers':[{'image':'c'}]", "image", "a | b | c"},
        {"'containers':[{'image':'a'}],'containers':[{'image':'b'}]", "image", "a | b"},
        {"'$patch':'delete','$x':{'containers':[{'image':'z'}]},'containers':[{'image':'a','$patch':'delete'}]", "image", "a"},
    };
    assert_rows("create", "pods", "{'spec':{", "}}", rows, COUNT(rows));
}

static void test_pod_specs_are_found_at_every_place_of_the_built_in_kinds(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{'spec':{'containers':[{'image':'i'}]}}", "image", "i"},
        {"{'spec':{'template':{'spec':{'containers':[{'image':'i'}]}}}}", "image", "i"},
        {"{'spec':{'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'image':'i'}]}}}}}}", "image", "i"},
        {"{'template':{'spec':{'containers':[{'image':'i'}]}}}", "image", "i"},
        {"{'kind':'List','items':[{'kind':'Pod','spec':{'containers':[{'image':'i'}]}},{'spec':{'containers':[{'image':'j'}]}}]}", "image", "i | j"},
        {"{'spec':{'containers':[]},'spec':{'containers':[{'image':'i'}]}}", "image", "i"},
        {"{'metadata':{'annotations':{'x':'image: i'}},'status':{'containers':[{'image':'i'}]}}", "image", ""},
    };
    assert_rows("update", "batch/cronjobs", "", "", rows, COUNT(rows));
}

static void test_pod_specs_of_custom_resources(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"{'spec':{'deep':[{'template':{'spec':{'containers':[{'image':'i'}]}}}]}}", "image", "i"},
        {"{'x':{'podSpec':{'containers':[{'image':'i'}]}}}", "image", "i"},
        {"{'x':{'spec':{'containers':[{'image':'i'}]}}}", "image", "i"},
        {"{'x':{'spec':{'other':[{'image':'i'}]}}}", "image", ""},
        {"[{'op':'add','path':'/spec/deep/0/template/spec/containers/0/image','value':'i'}]", "image", "i"},
        {"[{'op':'add','path':'/spec/deep/0/template','value':{'spec':{'containers':[{'image':'i'}]}}}]", "image", "i"},
        {"[{'op':'add','path':'/x/podSpec/containers/0/command','value':['a']},{'op':'add','path':'/x/podSpec/containers/0/command/-','value':'b'}]",
         "command", "a b"},
    };
    assert_rows("patch", "example.com/things", "", "", rows, COUNT(rows));
}

static void test_metadata(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"'generateName':'g-'", "generate_name", "g-"},
        {"'ownerReferences':[{'kind':'K','name':'n'}]", "owner_kind", "K"},
        {"'ownerReferences':[{'kind':'K','name':'n'}]", "owner_name", "n"},
        {"'annotations':{'a.b/c':'v'}", "annotation.a.b/c", "v"},
        {"'annotations':{'kubectl.kubernetes.io/last-applied-configuration':'v'}", "annotation.kubectl.kubernetes.io/last-applied-configuration", ""},
        {"'labels':{'a':'v'}", "label.a", "v"},
        {"'finalizers':['f']", "finalizer", "f"},
    };
    assert_rows("create", "pods", "{'metadata':{", "}}", rows, COUNT(rows));
}

struct kind_row {
    const char *resource;
    const char *body;
    const char *label;
    const char *expected;
};

static void test_kinds(void **state)
{
    (void)state;
#define RULE "{'rules':[{'verbs':['get','create'],'apiGroups':[''],'resources':['pods'],'resourceNames':['n']},{'verbs':['*'],'nonResourceURLs':['/x']}]," \
             "'aggregationRule':{}}"
#define HOOK "{'webhooks':[{'name':'n','clientConfig':{'url':'u','service':{'namespace':'s','name':'t'}},'failurePolicy':'Ignore'," \
             "'rules':[{'operations':['CREATE'],'resources':['pods']}]}]}"
#define BINDING "{'roleRef':{'kind':'ClusterRole','name':'admin'},'subjects':[{'kind':'User','name':'eve'},{'kind':'ServiceAccount','namespace':'n','name':'s'}]}"
    static const struct kind_row rows[] = {
        {"batch/cronjobs", "{'spec':{'schedule':'* * * * *'}}", "schedule", "* * * * *"},
        {"batch/cronjobs", "{'spec':{'timeZone':'UTC'}}", "time_zone", "UTC"},
        {"batch/cronjobs", "{'spec':{'concurrencyPolicy':'Forbid'}}", "concurrency_policy", "Forbid"},
        {"batch/cronjobs", "{'spec':{'startingDeadlineSeconds':5}}", "starting_deadline_seconds", "5"},
        {"batch/cronjobs", "{'spec':{'suspend':false}}", "suspend", "false"},
        {"batch/cronjobs", "{'spec':{'jobTemplate':{'spec':{'parallelism':7}}}}", "parallelism", "7"},
        {"batch/jobs", "{'spec':{'suspend':true}}", "suspend", "true"},
        {"batch/jobs", "{'spec':{'completions':2}}", "completions", "2"},
        {"batch/jobs", "{'spec':{'backoffLimit':2}}", "backoff_limit", "2"},
        {"batch/jobs", "{'spec':{'activeDeadlineSeconds':2}}", "active_deadline_seconds", "2"},
        {"batch/jobs", "{'spec':{'ttlSecondsAfterFinished':2}}", "ttl_seconds_after_finished", "2"},
        {"apps/deployments", "{'spec':{'replicas':3}}", "replicas", "3"},
        {"apps/deployments/scale", "{'spec':{'replicas':3,'containers':[{'image':'i'}]}}", "replicas", "3"},
        {"apps/deployments/scale", "{'spec':{'replicas':3,'containers':[{'image':'i'}]}}", "image", ""},
        {"apps/deployments/status", "{'spec':{'template':{'spec':{'containers':[{'image':'i'}]}}}}", "image", ""},
        {"rbac.authorization.k8s.io/clusterrolebindings", BINDING, "role_ref_kind", "ClusterRole"},
        {"rbac.authorization.k8s.io/clusterrolebindings", BINDING, "role_ref_name", "admin"},
        {"rbac.authorization.k8s.io/rolebindings", BINDING, "subject_kind", "User | ServiceAccount"},
        {"rbac.authorization.k8s.io/rolebindings", BINDING, "subject_name", "eve | s"},
        {"rbac.authorization.k8s.io/rolebindings", BINDING, "subject_namespace", "n"},
        {"rbac.authorization.k8s.io/rolebindings", BINDING, "subject", "User:eve | ServiceAccount:n/s"},
        {"rbac.authorization.k8s.io/roles", RULE, "rule_verb", "get | create | *"},
        {"rbac.authorization.k8s.io/roles", RULE, "rule_resource", "pods"},
        {"rbac.authorization.k8s.io/roles", RULE, "rule_api_group", "core"},
        {"rbac.authorization.k8s.io/roles", RULE, "rule_resource_name", "n"},
        {"rbac.authorization.k8s.io/roles", RULE, "rule_non_resource_url", "/x"},
        {"rbac.authorization.k8s.io/roles", RULE, "rule", "create,get;core;pods;n; | *;;;;/x"},
        {"rbac.authorization.k8s.io/clusterroles", RULE, "aggregated", "true"},
        {"/serviceaccounts/token", "{'spec':{'expirationSeconds':600}}", "token_expiration_seconds", "600"},
        {"/serviceaccounts/token", "{'spec':{'audiences':['a','b']}}", "token_audience", "a | b"},
        {"/serviceaccounts/token", "{'spec':{'boundObjectRef':{'kind':'Pod','name':'p'}}}", "token_bound_kind", "Pod"},
        {"/serviceaccounts/token", "{'spec':{'boundObjectRef':{'kind':'Pod','name':'p'}}}", "token_bound_name", "p"},
        {"certificates.k8s.io/certificatesigningrequests", "{'spec':{'signerName':'s'}}", "csr_signer", "s"},
        {"certificates.k8s.io/certificatesigningrequests", "{'spec':{'usages':['client auth']}}", "csr_usage", "client auth"},
        {"certificates.k8s.io/certificatesigningrequests", "{'spec':{'username':'u'}}", "csr_username", "u"},
        {"certificates.k8s.io/certificatesigningrequests", "{'spec':{'groups':['g']}}", "csr_group", "g"},
        {"certificates.k8s.io/certificatesigningrequests", "{'spec':{'expirationSeconds':9}}", "csr_expiration_seconds", "9"},
        {"certificates.k8s.io/certificatesigningrequests/approval", "{'status':{'conditions':[{'type':'Approved'}]}}", "csr_condition", "Approved"},
        {"certificates.k8s.io/certificatesigningrequests", "{'status':{'conditions':[{'type':'Approved'}]}}", "csr_condition", ""},
        {"admissionregistration.k8s.io/mutatingwebhookconfigurations", HOOK, "webhook_name", "n"},
        {"admissionregistration.k8s.io/mutatingwebhookconfigurations", HOOK, "webhook_url", "u"},
        {"admissionregistration.k8s.io/validatingwebhookconfigurations", HOOK, "webhook_service", "s/t"},
        {"admissionregistration.k8s.io/validatingwebhookconfigurations", HOOK, "webhook_failure_policy", "Ignore"},
        {"admissionregistration.k8s.io/validatingwebhookconfigurations", HOOK, "webhook_operation", "CREATE"},
        {"admissionregistration.k8s.io/validatingwebhookconfigurations", HOOK, "webhook_resource", "pods"},
        {"admissionregistration.k8s.io/validatingadmissionpolicies", "{'spec':{'failurePolicy':'Fail'}}", "policy_failure_policy", "Fail"},
        {"admissionregistration.k8s.io/validatingadmissionpolicybindings", "{'spec':{'policyName':'p'}}", "policy_binding", "p"},
        {"admissionregistration.k8s.io/validatingadmissionpolicybindings", "{'spec':{'validationActions':['Deny']}}", "validation_action", "Deny"},
        {"services", "{'spec':{'type':'NodePort'}}", "service_type", "NodePort"},
        {"services", "{'spec':{'externalIPs':['1.2.3.4']}}", "external_ip", "1.2.3.4"},
        {"services", "{'spec':{'ports':[{'nodePort':30000}]}}", "node_port", "30000"},
        {"services", "{'spec':{'loadBalancerSourceRanges':['0.0.0.0/0']}}", "load_balancer_source_range", "0.0.0.0/0"},
        {"networking.k8s.io/ingresses", "{'spec':{'rules':[{'host':'h'}]}}", "ingress_host", "h"},
        {"networking.k8s.io/ingresses", "{'spec':{'ingressClassName':'c'}}", "ingress_class", "c"},
        {"networking.k8s.io/ingresses", "{'spec':{'tls':[{}]}}", "ingress_tls", "true"},
        {"networking.k8s.io/ingresses", "{'spec':{}}", "ingress_tls", "false"},
        {"networking.k8s.io/networkpolicies", "{'spec':{'policyTypes':['Egress']}}", "policy_type", "Egress"},
        {"persistentvolumes", "{'spec':{'hostPath':{'path':'/'}}}", "pv_host_path", "/"},
        {"persistentvolumes", "{'spec':{'csi':{'driver':'d'}}}", "pv_csi_driver", "d"},
        {"nodes", "{'spec':{'unschedulable':true}}", "unschedulable", "true"},
        {"nodes", "{'spec':{'taints':[{'key':'k','value':'v','effect':'NoExecute'}]}}", "taint", "k=v:NoExecute"},
        {"secrets", "{'type':'Opaque','data':{'a':'MQ=='},'stringData':{'b':'2'}}", "secret_type", "Opaque"},
        {"secrets", "{'type':'Opaque','data':{'a':'MQ=='},'stringData':{'b':'2'}}", "data_key", "a | b"},
        {"secrets", "{'kind':'ConfigMap','data':{'a':'MQ=='}}", "data_value", ""},
        {"configmaps", "{'data':{'a':'1'},'binaryData':{'b':'Mg=='}}", "data_key", "a | b"},
        {"configmaps", "{'data':{'a':'1'},'binaryData':{'b':'Mg=='}}", "data_value", "1"},
        {"/pods/binding", "{'target':{'name':'node-1'}}", "binding_node", "node-1"},
        {"pods", "{'kind':'Pod'}", "kind", "Pod"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_request("create", rows[i].resource, rows[i].body, NULL);
        assert_label(&mapped, rows[i].label, rows[i].expected);
        unmap(&mapped);
    }
}

static void test_a_patch_that_calls_itself_delete_options_is_no_dry_run(void **state)
{
    (void)state;
    struct mapped mapped =
        map_request("patch", "batch/cronjobs", "{'kind':'DeleteOptions','dryRun':['All'],'spec':{'suspend':false}}", NULL);
    assert_label(&mapped, "dry_run", "");
    unmap(&mapped);
}

static void test_a_pod_spec_of_a_request_without_a_resource_is_found_wherever_it_stands(void **state)
{
    (void)state;
    struct mapped mapped = map_event("{\"requestURI\":\"/x\",\"requestObject\":"
                                     "{\"spec\":{\"tasks\":[{\"template\":{\"spec\":{\"containers\":[{\"image\":\"i\"}]}}}]}}}");
    assert_label(&mapped, "image", "i");
    unmap(&mapped);
}

static void test_a_delete_has_options(void **state)
{
    (void)state;
    struct mapped mapped = map_request("delete", "pods",
                                       "{'kind':'DeleteOptions','dryRun':['All'],'propagationPolicy':'Orphan','gracePeriodSeconds':0,"
                                       "'spec':{'containers':[{'image':'i'}]}}",
                                       NULL);
    assert_label(&mapped, "dry_run", "All");
    assert_label(&mapped, "propagation_policy", "Orphan");
    assert_label(&mapped, "grace_period_seconds", "0");
    assert_label(&mapped, "image", "");
    unmap(&mapped);
}

static void test_a_patch_does_not_say_that_there_is_no_tls(void **state)
{
    (void)state;
    struct mapped mapped = map_request("patch", "networking.k8s.io/ingresses", "{'spec':{'ingressClassName':'c'}}", NULL);
    assert_label(&mapped, "ingress_tls", "");
    unmap(&mapped);
}

static void test_patch_types_are_told_by_the_body(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"[]", "patch_type", "json"},
        {"{'apiVersion':'v1','kind':'Pod'}", "patch_type", "apply"},
        {"{'spec':{'x':[{'$patch':'delete'}]}}", "patch_type", "strategic"},
        {"{'spec':{}}", "patch_type", "merge"},
    };
    assert_rows("patch", "pods", "", "", rows, COUNT(rows));
}

static void test_response_labels_are_of_whole_objects_that_writes_return(void **state)
{
    (void)state;
    static const char pod[] = "{'kind':'Pod','metadata':{'name':'made'},'spec':{'containers':[{'image':'i'}]}}";
    struct mapped mapped = map_request("patch", "pods", "{'spec':{}}", pod);
    assert_label(&mapped, "response.image", "i");
    assert_label(&mapped, "image", "");
    assert_label(&mapped, "response_kind", "Pod");
    assert_label(&mapped, "kind", "Pod");
    assert_field(&mapped, "target.resource.name", "made");
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_RESPONSE_OBJECT], UDM_KNOWN);
    unmap(&mapped);
    mapped = map_request("get", "pods", NULL, pod);
    assert_label(&mapped, "response.image", "");
    unmap(&mapped);
    mapped = map_request("patch", "pods", "{}", "{'kind':'PartialObjectMetadata'}");
    assert_label(&mapped, "response_kind", "PartialObjectMetadata");
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_RESPONSE_OBJECT], UDM_UNKNOWN);
    unmap(&mapped);
    mapped = map_request("deletecollection", "pods", "{}", "{'kind':'PodList','items':[{},{}]}");
    assert_label(&mapped, "response_items", "2");
    unmap(&mapped);
}

static void test_a_value_knows_where_it_stood(void **state)
{
    (void)state;
    struct mapped mapped = map_request("create", "pods", "{'spec':{'containers':[{'image':'i','command':['a'],'args':['b']}]}}", NULL);
    struct udm_value value;
    struct buffer path = {0};
    udm_record_labels(&mapped.record, "image", &value, 1);
    json_path(value.origin, &path);
    assert_string_equal(path.bytes, "requestObject.spec.containers[0].image");
    buffer_reset(&path, 0);
    udm_record_labels(&mapped.record, "command", &value, 1);
    json_path(value.origin, &path);
    assert_string_equal(path.bytes, "requestObject.spec.containers[0].command");
    buffer_free(&path);
    unmap(&mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_pod_specs),
        cmocka_unit_test(test_pod_specs_are_found_at_every_place_of_the_built_in_kinds),
        cmocka_unit_test(test_pod_specs_of_custom_resources),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_a_patch_that_calls_itself_delete_options_is_no_dry_run),
        cmocka_unit_test(test_a_pod_spec_of_a_request_without_a_resource_is_found_wherever_it_stands),
        cmocka_unit_test(test_a_delete_has_options),
        cmocka_unit_test(test_a_patch_does_not_say_that_there_is_no_tls),
        cmocka_unit_test(test_patch_types_are_told_by_the_body),
        cmocka_unit_test(test_response_labels_are_of_whole_objects_that_writes_return),
        cmocka_unit_test(test_a_value_knows_where_it_stood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
