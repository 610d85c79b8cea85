/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of the event itself, what is known of its objects, and its head. */
#include "tests/unit/udm/mapped.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char whole_event[] =
    "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"auditID\":\"id-1\",\"stage\":\"ResponseComplete\","
    "\"requestURI\":\"/apis/batch/v1/namespaces/n/cr%6fnjobs?fieldManager=a%2Bb+c&dryRun=All&x=/jobs/\",\"verb\":\"create\","
    "\"user\":{\"username\":\"eve@example.com\",\"uid\":\"u\",\"groups\":[\"g1\",\"g2\"],\"extra\":{\"authentication.kubernetes.io/pod-name\":[\"p\"]}},"
    "\"impersonatedUser\":{\"username\":\"system:serviceaccount:kube-system:x\",\"groups\":[\"g3\"]},"
    "\"sourceIPs\":[\"1.1.1.1\",\"2.2.2.2\",\"3.3.3.3\"],\"userAgent\":\"curl\","
    "\"objectRef\":{\"resource\":\"cronjobs\",\"namespace\":\"n\",\"name\":\"c\",\"uid\":\"o\",\"apiGroup\":\"batch\",\"apiVersion\":\"v1\",\"resourceVersion\":\"9\"},"
    "\"responseStatus\":{\"status\":\"Failure\",\"reason\":\"Forbidden\",\"message\":\"no\",\"code\":403,\"details\":{\"causes\":[{\"field\":\"f\"}]}},"
    "\"requestReceivedTimestamp\":\"2026-01-02T03:04:05.000001Z\",\"stageTimestamp\":\"2026-01-02T03:04:06Z\","
    "\"annotations\":{\"authorization.k8s.io/decision\":\"allow\",\"authorization.k8s.io/reason\":\"why\",\"k8s.io/deprecated\":\"true\","
    "\"mutation.webhook.admission.k8s.io/round_0_index_0\":\"{\\\"webhook\\\":\\\"hook\\\",\\\"mutated\\\":true}\","
    "\"pod-security.kubernetes.io/enforce-policy\":\"baseline:latest\"}}";

static void test_fields_of_the_event(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"metadata.log_type", "K8S_AUDIT"},
        {"metadata.product_version", "audit.k8s.io/v1"},
        {"metadata.product_log_id", "id-1"},
        {"metadata.description", "ResponseComplete"},
        {"metadata.vendor_name", "Kubernetes"},
        {"metadata.product_event_type", "io.k8s.batch.v1.cronjobs.create"},
        {"network.http.method", "POST"},
        {"network.http.user_agent", "curl"},
        {"target.url", "/apis/batch/v1/namespaces/n/cronjobs"},
        {"target.application", "kube-apiserver"},
        {"principal.user.userid", "eve@example.com"},
        {"principal.user.user_display_name", "eve@example.com"},
        {"principal.user.email_addresses", "eve@example.com"},
        {"principal.user.product_object_id", "u"},
        {"principal.user.group_identifiers", "g1"},
        {"principal.ip", "3.3.3.3"},
        {"target.user.userid", "system:serviceaccount:kube-system:x"},
        {"target.user.group_identifiers", "g3"},
        {"target.resource.name", "c"},
        {"target.resource.product_object_id", "o"},
        {"target.resource.resource_subtype", "cronjobs"},
        {"target.resource_ancestors.name", "blue"},
        {"security_result.action_details", "create"},
        {"security_result.description", "why"},
        {"security_result.summary", "no"},
        {"security_result.detection_fields.key", "authorization.k8s.io/decision"},
    };
    static const char *const labels[][2] = {
        {"level", "Metadata"}, {"stage", "ResponseComplete"}, {"verb", "create"}, {"impersonated", "true"}, {"source_ip_claimed", "1.1.1.1 | 2.2.2.2"},
        {"resource", "cronjobs"}, {"namespace", "n"}, {"api_group", "batch"}, {"api_version", "v1"}, {"code", "403"}, {"response_status", "Failure"},
        {"response_reason", "Forbidden"}, {"decision", "allow"}, {"reason", "why"}, {"deprecated", "true"}, {"mutated_by", "hook"},
        {"pod_security_policy", "baseline:latest"}, {"cluster", "blue"}, {"user_kind", "user"}, {"token_pod", "p"},
        {"field_manager", "a+b c"}, {"dry_run", "All"}, {"query", "fieldManager=a%2Bb+c&dryRun=All&x=/jobs/"}, {"object_state", "level"},
    };
    struct mapped mapped = map_event(whole_event);
    int32_t number = 0;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_field(&mapped, rows[i][0], rows[i][1]);
    for (size_t i = 0; i < COUNT(labels); i++)
        assert_label(&mapped, labels[i][0], labels[i][1]);
    assert_int_equal(udm_record_int(&mapped.record, "network.http.response_code"), 403);
    udm_enum_number(udm_field_find(udm_message_type_find("SecurityResult"), SLICE("action"))->enumeration, SLICE("BLOCK"), &number);
    assert_int_equal(udm_record_int(&mapped.record, "security_result.action"), number);
    udm_enum_number(udm_field_find(udm_message_type_find("Metadata"), SLICE("event_type"))->enumeration, SLICE("RESOURCE_CREATION"), &number);
    assert_int_equal(udm_record_int(&mapped.record, "metadata.event_type"), number);
    udm_enum_number(udm_field_find(udm_message_type_find("Resource"), SLICE("resource_type"))->enumeration, SLICE("TASK"), &number);
    assert_int_equal(udm_record_int(&mapped.record, "target.resource.resource_type"), number);
    unmap(&mapped);
}

static void test_trusted_proxies_are_stepped_over(void **state)
{
    (void)state;
    struct mapped mapped = map_text(SLICE(whole_event), (struct udm_cut){0}, 1);
    assert_field(&mapped, "principal.ip", "2.2.2.2");
    unmap(&mapped);
    mapped = map_text(SLICE(whole_event), (struct udm_cut){0}, 9);
    assert_field(&mapped, "principal.ip", "1.1.1.1");
    unmap(&mapped);
}

static struct mapped map_of_provider(enum udm_provider provider, int trusted_proxies, const char *addresses)
{
    struct buffer text = {0};
    struct udm_source source = {.log_type = SLICE("K8S_AUDIT"), .provider = provider, .trusted_proxies = trusted_proxies};
    buffer_printf(&text, "{\"verb\":\"get\",\"sourceIPs\":[%s]}", addresses);
    struct mapped mapped = read_text(buffer_slice(&text));
    udm_k8s_record(&mapped.record, &source, mapped.tree, &(struct udm_cut){0});
    buffer_free(&text);
    return mapped;
}

static void test_a_proxy_of_aks_is_stepped_over_where_nobody_has_said_how_many_there_are(void **state)
{
    static const struct { enum udm_provider provider; int proxies; const char *addresses, *peer, *claimed; } rows[] = {
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'203.0.113.9','172.31.52.37'", "203.0.113.9", "203.0.113.9 | 172.31.52.37"},
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'10.0.0.1','203.0.113.9','172.30.0.1'", "203.0.113.9", "10.0.0.1 | 203.0.113.9 | 172.30.0.1"},
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'172.31.52.37'", "172.31.52.37", "172.31.52.37"},
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'10.0.0.1','10.224.0.5'", "10.224.0.5", "10.0.0.1"}, /* no proxy: who claims is not believed */
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'10.0.0.1','172.32.0.1'", "172.32.0.1", "10.0.0.1"},
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'10.0.0.1','172.29.255.255'", "172.29.255.255", "10.0.0.1"},
        {UDM_PROVIDER_AKS, UDM_PROXIES_BY_PROVIDER, "'10.0.0.1','words'", "words", "10.0.0.1"},
        {UDM_PROVIDER_AKS, 0, "'203.0.113.9','172.31.52.37'", "172.31.52.37", "203.0.113.9"},
        {UDM_PROVIDER_AKS, 1, "'203.0.113.9','10.0.0.1'", "203.0.113.9", "10.0.0.1"},
        {UDM_PROVIDER_EKS, UDM_PROXIES_BY_PROVIDER, "'203.0.113.9','172.31.52.37'", "172.31.52.37", "203.0.113.9"},
        {UDM_PROVIDER_NONE, UDM_PROXIES_BY_PROVIDER, "'203.0.113.9','172.31.52.37'", "172.31.52.37", "203.0.113.9"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer addresses = {0};
        buffer_append_text(&addresses, rows[i].addresses);
        double_quotes(&addresses);
        struct mapped mapped = map_of_provider(rows[i].provider, rows[i].proxies, addresses.bytes);
        assert_field(&mapped, "principal.ip", rows[i].peer);
        assert_label(&mapped, "source_ip_claimed", rows[i].claimed);
        unmap(&mapped);
        buffer_free(&addresses);
    }
}

static void test_the_log_types_name_whose_api_server_it_was(void **state)
{
    static const struct { enum udm_provider provider; size_t count; const char *names[3]; } rows[] = {
        {UDM_PROVIDER_NONE, 2, {"K8S_AUDIT", "KUBERNETES_AUDIT"}},
        {UDM_PROVIDER_EKS, 3, {"K8S_AUDIT", "KUBERNETES_AUDIT", "AWS_EKS"}},
        {UDM_PROVIDER_AKS, 3, {"K8S_AUDIT", "KUBERNETES_AUDIT", "KUBERNETES_AUDIT_AZURE"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_of_provider(rows[i].provider, UDM_PROXIES_BY_PROVIDER, "");
        const struct udm_message *labels = message_at(&mapped, (const char *const[]){"metadata", "base_labels"}, 2);
        struct udm_values names = udm_message_get(labels, udm_field_find(udm_message_type_of(labels), SLICE("log_types")));
        assert_int_equal(names.count, rows[i].count);
        for (size_t j = 0; j < names.count; j++)
            assert_true(slice_is(names.items[j].string, rows[i].names[j]));
        unmap(&mapped);
    }
}

static void test_methods_names_and_types_follow_the_request(void **state)
{
    (void)state;
    static const struct { const char *verb, *resource, *method, *name, *type; } rows[] = {
        {"update", "apps/deployments/scale", "PUT", "io.k8s.apps.v1.deployments.scale.update", "RESOURCE_WRITTEN"},
        {"patch", "rbac.authorization.k8s.io/clusterrolebindings", "PATCH", "io.k8s.authorization.rbac.v1.clusterrolebindings.patch",
         "RESOURCE_PERMISSIONS_CHANGE"},
        {"deletecollection", "pods", "DELETE", "io.k8s.core.v1.pods.deletecollection", "RESOURCE_DELETION"},
        {"watch", "pods", "GET", "io.k8s.core.v1.pods.watch", "RESOURCE_READ"},
        {"create", "/pods/exec", "POST", "io.k8s.core.v1.pods.exec.create", "USER_RESOURCE_ACCESS"},
        {"create", "serviceaccounts", "POST", "io.k8s.core.v1.serviceaccounts.create", "USER_CREATION"},
        {"create", "/serviceaccounts/token", "POST", "io.k8s.core.v1.serviceaccounts.token.create", "RESOURCE_CREATION"},
        {"create", "example.com/things", "POST", "com.example.v1.things.create", "RESOURCE_CREATION"},
        {"impersonate", "pods", "IMPERSONATE", "io.k8s.core.v1.pods.impersonate", "GENERIC_EVENT"},
    };
    const struct udm_enum *types = udm_field_find(udm_message_type_find("Metadata"), SLICE("event_type"))->enumeration;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_request(rows[i].verb, rows[i].resource, "{}", NULL);
        assert_field(&mapped, "network.http.method", rows[i].method);
        assert_field(&mapped, "metadata.product_event_type", rows[i].name);
        assert_string_equal(udm_enum_name(types, (int32_t)udm_record_int(&mapped.record, "metadata.event_type")), rows[i].type);
        unmap(&mapped);
    }
    struct mapped mapped = map_event("{\"verb\":\"post\",\"requestURI\":\"/healthz\"}");
    assert_field(&mapped, "network.http.method", "POST");
    assert_field(&mapped, "metadata.product_event_type", "io.k8s.post");
    assert_label(&mapped, "object_state", "none");
    unmap(&mapped);
}

static void test_a_path_is_decoded_once(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"/a%2fb", "/a/b"}, {"/a%252fb", "/a%2fb"}, {"/a%zz%2", "/a%zz%2"}, {"/a+b", "/a+b"}, {"/A//../b?c=/jobs", "/A//../b"}, {"/%6Aobs", "/jobs"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"requestURI\":\"%s\"}", rows[i][0]);
        struct mapped mapped = map_event(text);
        assert_field(&mapped, "target.url", rows[i][1]);
        unmap(&mapped);
    }
}

static void test_exec_and_its_kin_have_labels_from_the_query(void **state)
{
    (void)state;
    struct mapped mapped = map_event("{\"verb\":\"get\",\"requestURI\":\"/x/exec?command=sh&command=-c&command=a+b&container=c&stdin=true&tty=true\","
                                     "\"objectRef\":{\"resource\":\"pods\",\"subresource\":\"exec\"}}");
    assert_label(&mapped, "exec_argv", "sh | -c | a b");
    assert_label(&mapped, "exec_command", "sh -c a b");
    assert_label(&mapped, "exec_container", "c");
    assert_label(&mapped, "exec_stdin", "true");
    assert_label(&mapped, "exec_tty", "true");
    assert_label(&mapped, "object_state", "none");
    assert_field(&mapped, "target.process.command_line", "sh -c a b");
    unmap(&mapped);
    mapped = map_event("{\"requestURI\":\"/x/log?container=c&follow=true&previous=true\",\"objectRef\":{\"subresource\":\"log\"}}");
    assert_label(&mapped, "log_container", "c");
    assert_label(&mapped, "log_follow", "true");
    assert_label(&mapped, "log_previous", "true");
    assert_label(&mapped, "exec_container", "");
    unmap(&mapped);
    mapped = map_event("{\"requestURI\":\"/api/v1/nodes/proxynode/proxy/run%2Fx?command=z\",\"objectRef\":{\"subresource\":\"proxy\"}}");
    assert_label(&mapped, "proxy_path", "/run/x");
    unmap(&mapped);
    mapped = map_event("{\"requestURI\":\"/x/portforward?ports=80&ports=81\",\"objectRef\":{\"subresource\":\"portforward\"}}");
    assert_label(&mapped, "port", "80 | 81");
    unmap(&mapped);
}

static void test_a_dry_run_is_one_only_where_the_server_takes_it_for_one(void **state)
{
    static const char *const rows[][4] = {
        {"create", "", "dryRun=All", "All"},       {"create", "", "a=%zz&dryRun=All&b;c", "All"},
        {"create", "", "dryRun=All;", ""},         {"create", "", "a;dryRun=All", ""},
        {"create", "", "dryRun=%zz", ""},          {"create", "", "dryRun%=All", ""},
        {"create", "", "dryRun=All%4", ""},        {"create", "", "dryRun=%41ll", "All"},
        {"create", "exec", "dryRun=All", ""},      {"get", "exec", "dryRun=All", ""},
        {"create", "binding", "dryRun=All", "All"},
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        snprintf(text, sizeof text, "{\"verb\":\"%s\",\"requestURI\":\"/x?%s\",\"objectRef\":{\"resource\":\"pods\",\"subresource\":\"%s\"}}",
                 rows[i][0], rows[i][2], rows[i][1]);
        struct mapped mapped = map_event(text);
        assert_label(&mapped, "dry_run", rows[i][3]);
        unmap(&mapped);
    }
}

static void test_kinds_of_users(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"username\":\"system:serviceaccount:n:a\"}", "serviceaccount"},
        {"{\"username\":\"system:serviceaccounts-lookalike:n:a\"}", "system"},
        {"{\"username\":\"system:node:n\"}", "node"},
        {"{\"username\":\"system:anonymous\"}", "anonymous"},
        {"{}", "anonymous"},
        {"{\"username\":\"eve\",\"groups\":[\"system:unauthenticated\"]}", "anonymous"},
        {"{\"username\":\"system:kube-scheduler\"}", "system"},
        {"{\"username\":\"eve\"}", "user"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, "{\"user\":%s}", rows[i][0]);
        struct mapped mapped = map_event(text);
        assert_label(&mapped, "user_kind", rows[i][1]);
        unmap(&mapped);
    }
}

static void test_object_states(void **state)
{
    (void)state;
#define WRITE(level, stage, code, rest) \
    "{\"verb\":\"create\",\"objectRef\":{\"resource\":\"pods\"},\"level\":\"" level "\",\"stage\":\"" stage "\",\"responseStatus\":{\"code\":" code "}" rest "}"
    static const struct { const char *event, *state; bool known; } rows[] = {
        {WRITE("RequestResponse", "ResponseComplete", "201", ",\"requestObject\":{}"), "present", true},
        {WRITE("RequestResponse", "ResponseComplete", "201", ",\"requestObject\":\"skipped-too-big-size-object\""), "truncated", false},
        {"{\"verb\":\"list\",\"objectRef\":{\"resource\":\"pods\"},\"level\":\"Metadata\",\"stage\":\"ResponseComplete\"}", "none", true},
        {"{\"verb\":\"delete\",\"objectRef\":{\"resource\":\"pods\"},\"level\":\"Request\",\"stage\":\"ResponseComplete\"}", "none", true},
        {WRITE("RequestResponse", "RequestReceived", "0", ""), "stage", false},
        {WRITE("RequestResponse", "ResponseStarted", "401", ""), "rejected", false},
        {WRITE("Metadata", "ResponseComplete", "201", ""), "level", false},
        {WRITE("Request", "ResponseComplete", "403", ""), "rejected", false},
        {WRITE("Request", "ResponseComplete", "413", ""), "rejected", false},
        {WRITE("Request", "ResponseComplete", "201", ",\"annotations\":{\"audit.k8s.io/truncated\":\"true\"}"), "truncated", false},
        {WRITE("Request", "ResponseComplete", "201", ""), "missing", false},
        {"{\"verb\":\"create\",\"objectRef\":{\"resource\":\"pods\"}}", "missing", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_event(rows[i].event);
        assert_label(&mapped, "object_state", rows[i].state);
        assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_REQUEST_OBJECT], rows[i].known ? UDM_KNOWN : UDM_UNKNOWN);
        assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_EVENT], UDM_KNOWN);
        unmap(&mapped);
    }
}

static void test_what_was_cut_off_is_unknown(void **state)
{
    (void)state;
    const char *text = WRITE("Request", "ResponseComplete", "201", ",\"requestObject\":{\"spec\":{\"containers\":[{\"image\":\"kali\"}]}}");
    struct mapped mapped = map_text(slice_of(text), (struct udm_cut){.request_object = true}, 0);
    assert_label(&mapped, "image", "kali");
    assert_label(&mapped, "object_state", "truncated");
    assert_label(&mapped, "overflow", "true");
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_REQUEST_OBJECT], UDM_UNKNOWN);
    unmap(&mapped);
    mapped = map_text(SLICE("{\"verb\":\"create\",\"requestURI\":\"/x\",\"requestObject\":{\"spec\":{\"containers\":[{\"image\":\"kali\",\"comm"),
                      (struct udm_cut){.transport = true}, 0);
    assert_label(&mapped, "image", "kali");
    assert_label(&mapped, "object_state", "truncated");
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_VERB], UDM_KNOWN);
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_USER], UDM_UNKNOWN);
    assert_label(&mapped, "user_kind", ""); /* not anonymous */
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_EVENT], UDM_UNKNOWN);
    unmap(&mapped);
}

static void test_an_event_of_wrong_types_is_mapped_as_far_as_it_goes(void **state)
{
    (void)state;
    struct mapped mapped = map_event("{\"verb\":1,\"user\":[],\"sourceIPs\":{},\"objectRef\":\"x\",\"responseStatus\":[],\"annotations\":[],"
                                     "\"requestObject\":5,\"responseObject\":[],\"requestReceivedTimestamp\":\"never\"}");
    assert_label(&mapped, "object_state", "missing");
    unmap(&mapped);
}

static struct udm_record head_view(struct arena *arena, const struct udm_k8s_head *head)
{
    static const struct udm_source source = {.log_type = {"K8S_AUDIT", 9}};
    struct udm_record record;
    udm_k8s_head_view(&record, arena, &source, head);
    return record;
}

static void assert_head(const struct udm_record *record, enum udm_head_field field, const char *wanted)
{
    struct slice value;
    assert_int_equal(udm_head_value(record, field, &value), wanted[0] != 0);
    assert_true(slice_is(value, wanted));
}

static void test_a_head_knows_what_was_seen(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct udm_k8s_head head = {.verb = {true, SLICE("create")}, .request_uri = {true, SLICE("/a%62?c")}, .username = {true, SLICE("eve")},
                                .resource = {true, SLICE("pods")}};
    struct udm_record record = head_view(arena, &head);
    assert_head(&record, UDM_HEAD_METHOD, "POST");
    assert_head(&record, UDM_HEAD_URL, "/ab");
    assert_head(&record, UDM_HEAD_USERNAME, "eve");
    assert_head(&record, UDM_HEAD_LOG_TYPE, "K8S_AUDIT");
    assert_int_equal(record.knowledge[UDM_ORIGIN_LOG_TYPE], UDM_KNOWN);
    assert_int_equal(record.knowledge[UDM_ORIGIN_VERB], UDM_KNOWN);
    assert_int_equal(record.knowledge[UDM_ORIGIN_USER], UDM_KNOWN);
    assert_int_equal(record.knowledge[UDM_ORIGIN_STAGE], UDM_UNREAD);
    assert_int_equal(record.knowledge[UDM_ORIGIN_OBJECT_REF], UDM_UNREAD);
    assert_int_equal(record.knowledge[UDM_ORIGIN_EVENT], UDM_UNREAD);
    arena_free(arena);
}

static void test_a_complete_head_knows_its_members_to_be_absent(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct udm_k8s_head head = {.complete = true, .resource = {true, SLICE("pods")}, .username = {true, SLICE("system:node:n")}};
    struct udm_record record = head_view(arena, &head);
    assert_int_equal(record.knowledge[UDM_ORIGIN_OBJECT_REF], UDM_KNOWN);
    assert_int_equal(record.knowledge[UDM_ORIGIN_VERB], UDM_KNOWN);
    assert_int_equal(record.knowledge[UDM_ORIGIN_EVENT], UDM_UNREAD);
    assert_head(&record, UDM_HEAD_RESOURCE, "pods");
    assert_head(&record, UDM_HEAD_VERB, "");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_the_event),
        cmocka_unit_test(test_trusted_proxies_are_stepped_over),
        cmocka_unit_test(test_a_proxy_of_aks_is_stepped_over_where_nobody_has_said_how_many_there_are),
        cmocka_unit_test(test_the_log_types_name_whose_api_server_it_was),
        cmocka_unit_test(test_methods_names_and_types_follow_the_request),
        cmocka_unit_test(test_a_path_is_decoded_once),
        cmocka_unit_test(test_exec_and_its_kin_have_labels_from_the_query),
        cmocka_unit_test(test_a_dry_run_is_one_only_where_the_server_takes_it_for_one),
        cmocka_unit_test(test_kinds_of_users),
        cmocka_unit_test(test_object_states),
        cmocka_unit_test(test_what_was_cut_off_is_unknown),
        cmocka_unit_test(test_an_event_of_wrong_types_is_mapped_as_far_as_it_goes),
        cmocka_unit_test(test_a_head_knows_what_was_seen),
        cmocka_unit_test(test_a_complete_head_knows_its_members_to_be_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
